//! Texts of NumPy, columns of polars and tensors of torch, laid out by hand: what agrees with itself is told, and whatever
//! word is changed costs the object alone.

use ciborium::Value;
use heapsake_core::reduce::Reason;

use crate::testing::{Process, Told};

const OBJECT: u64 = 0x10_0000;
const DTYPE: u64 = 0x20_0000;
const DATA: u64 = 0x30_0000;
const ALLOCATOR: u64 = 0x40_0000;
const ARENA: u64 = 0x50_0000;
const HEAP: u64 = 0x60_0000;

/// An element of 16 bytes: place, and length with the flags above it.
fn element(place: u64, length: u64, flags: u8) -> [u64; 2] {
    [place, length | u64::from(flags) << 56]
}

fn short(text: &[u8]) -> [u64; 2] {
    let mut bytes = [0; 16];
    bytes[..text.len()].copy_from_slice(text);
    bytes[15] = 0x60 | text.len() as u8;
    let (low, high) = bytes.split_at(8);
    [low, high].map(|half| u64::from_le_bytes(half.try_into().unwrap()))
}

fn strings(elements: &[[u64; 2]], arena: &[u8], taken: u64, size: u64) -> Told {
    let head = u64::from_le_bytes([b'T', b'T', b'|', 0, 8, 8, 0, 0]);
    // Fields of a descriptor of NumPy 2, then what stands for a missing text, flags, two texts, the allocator.
    let descriptor = [0, head, 0, 16, 8, 0, u64::MAX, 0, 0, 0, 0x0100_0001, 0, 0, 0, 0, ALLOCATOR];
    let words: Vec<u64> = elements.iter().flatten().copied().collect();
    Process::new()
        .object(DTYPE, "numpy.dtypes.StringDType", &descriptor)
        .words(ALLOCATOR, &[0, 0, 0, taken, size, if arena.is_empty() { 0 } else { ARENA }, 0])
        .bytes(ARENA, arena)
        .bytes(HEAP, b"a text of its own, outside of the arena")
        .words(DATA, &words)
        .renamed(DTYPE, "numpy.dtype[T]")
        .array(OBJECT, DATA, &[elements.len() as i64], &[16], 0, DTYPE)
        .reduce(OBJECT)
}

/// The state of each element in the file, and the texts behind the elements.
fn packed(told: &Told) -> (Vec<u8>, String) {
    assert_eq!(told.failure, None);
    let bytes = told.bytes.as_ref().expect("elements");
    let count = told.fact("size").as_integer().map(i128::from).unwrap() as usize;
    let (elements, texts) = bytes.split_at(16 * count);
    (elements.chunks(16).map(|element| element[15]).collect(), String::from_utf8(texts.to_vec()).unwrap())
}

#[test]
fn texts_are_where_their_elements_say() {
    let mut arena = vec![20];
    arena.extend(b"twenty letters long.");
    arena.extend(300u64.to_le_bytes());
    arena.extend([b'x'; 300]);
    let taken = arena.len() as u64;
    let elements = [
        short(b"short"),
        element(1, 20, 0x40),
        element(29, 300, 0x50),
        element(HEAP, 17, 0x70),
        element(0, 0, 0x80),
        [0, 0],
        element(1, 7, 0x40),
    ];
    let told = strings(&elements, &arena, taken, taken + 10);
    let (states, texts) = packed(&told);
    assert_eq!(states, [0x65, 0x40, 0x40, 0x40, 0x80, 0, 0x67]);
    assert_eq!(texts, format!("twenty letters long.{}a text of its own", "x".repeat(300)));
    assert_eq!((told.fact("missing"), told.fact("item")), (&Value::from(1), &"|T16".into()));
    assert_eq!(told.fact("dtype_shown"), &"StringDType()".into());
}

#[test]
fn texts_that_make_no_sense_are_lost_alone() {
    let arena = b"\x14twenty letters long.";
    let elements = [
        element(1, 21, 0x40),       // longer than it is there
        element(2, 3, 0x40),        // in the middle of one: its length would be 't'
        element(500, 3, 0x40),      // behind the arena
        element(0, 5, 0x40),        // no length in front of it
        element(u64::MAX, 5, 0x40), // overflows
        element(1, 1 << 50, 0x40),
        element(0xdead_0000, 17, 0x70), // not in memory
        element(0, 17, 0x70),
        element(HEAP, 1 << 55, 0x70),
        element(HEAP, 5, 0), // not initialised
        short(b"good"),
    ];
    let told = strings(&elements, arena, 21, 26);
    let (states, texts) = packed(&told);
    assert_eq!(states, [0x20, 0x63, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x64]);
    assert_eq!((texts.as_str(), told.fact("lost")), ("", &Value::from(9)));
}

#[test]
fn an_arena_that_is_none_makes_a_surrogate() {
    for (taken, size) in [(27, 26), (1 << 50, 1 << 51), (4096, 8192)] {
        let told = strings(&[short(b"a")], b"\x14twenty letters long.", taken, size);
        assert_eq!((told.reason(), told.bytes), (Some(Reason::Corrupt), None), "{taken} of {size}");
    }
}

const ARC: u64 = 0x20_0000;
const TABLE: u64 = 0x21_0000;
const FIELD: u64 = 0x22_0000;
const CHUNKS: u64 = 0x23_0000;
const CHUNK: u64 = 0x24_0000;
const CHUNK_TABLE: u64 = 0x25_0000;
const STORAGE: u64 = 0x26_0000;
const VALUES: u64 = 0x27_0000;
const VALID: u64 = 0x28_0000;
const VALID_BYTES: u64 = 0x29_0000;

/// What makes a series of three whole numbers, of which the second is missing, in a release: regions by address.
fn series() -> Vec<(u64, Vec<u64>)> {
    vec![
        (ARC, vec![1, 1, 1, CHUNKS, 1, FIELD, 3, 1, 0]),
        (TABLE, vec![0, 56, 8]),
        (FIELD, vec![1, 1, 9, 0, 0, 0, 0, 0, u64::from_le_bytes(*b"prices\0\0"), 0, 0xc6 << 56]),
        (CHUNKS, vec![CHUNK, CHUNK_TABLE]),
        (CHUNK_TABLE, vec![0, 88, 8]),
        (CHUNK, vec![0, 0, 0, 0, STORAGE, VALUES, 3, VALID, 0, 3, 1]),
        (STORAGE, vec![0, 3, 0x7f00_0000_0000, 1, VALUES, 24]),
        (VALUES, vec![7, 0, 9]),
        (VALID, vec![0, 1, 0x7f00_0000_0000, 1, VALID_BYTES, 1]),
        (VALID_BYTES, vec![0b101]),
    ]
}

fn reduced(regions: &[(u64, Vec<u64>)], version: &str) -> Told {
    let process = Process::new().imported("polars", version).sized(OBJECT, "PySeries", &[0, ARC, TABLE]);
    regions.iter().fold(process, |process, (address, words)| process.words(*address, words)).reduce(OBJECT)
}

#[test]
fn a_series_that_agrees_with_itself_is_told() {
    let told = reduced(&series(), "2.1.0");
    assert_eq!(told.failure, None);
    let columns = told.fact("columns").as_array().unwrap();
    let entry = |wanted: &str| {
        let entries = columns[0].as_map().unwrap();
        entries.iter().find(|(name, _)| name.as_text() == Some(wanted)).map(|(_, value)| value.clone())
    };
    assert_eq!((entry("name"), entry("dtype")), (Some("prices".into()), Some("Int64".into())));
    assert_eq!((entry("item"), entry("mask"), entry("nulls")), (Some("<i8".into()), Some(24.into()), Some(1.into())));
    assert_eq!(told.fact("shape"), &Value::Array(vec![3.into()]));
    let bytes = told.bytes.unwrap();
    assert_eq!((&bytes[..8], &bytes[24..]), (&7u64.to_le_bytes()[..], &[0, 1, 0][..]));
}

#[test]
fn releases_that_are_not_known_are_said_to_be() {
    for version in ["2.9.0", "1.2.0", "", "x.y"] {
        let told = reduced(&series(), version);
        assert_eq!((told.reason(), told.bytes), (Some(Reason::ReducerFailed), None), "{version}");
    }
    // The numbers of an earlier release mean values of another size.
    assert_eq!(reduced(&series(), "1.20.0").reason(), Some(Reason::Corrupt));
    // A class of this name of another package.
    let told = Process::new().sized(OBJECT, "PySeries", &[0, ARC, TABLE]).reduce(OBJECT);
    assert_eq!((told.failure, told.bytes, told.state.len()), (None, None, 0));
}

#[test]
fn a_series_with_any_word_changed_never_has_other_values() {
    let good = reduced(&series(), "2.1.0").bytes;
    let regions = series();
    for region in 0..regions.len() {
        // Values are any, and of a bitmap the bits beside it.
        if [VALUES, VALID_BYTES].contains(&regions[region].0) {
            continue;
        }
        for word in 0..regions[region].1.len() {
            for changed in [0, 1, 2, 7, 0xdead_beef_0000, u64::MAX, 1 << 40, VALUES + 8] {
                let mut regions = series();
                regions[region].1[word] = changed;
                let told = reduced(&regions, "2.1.0");
                let is_other_type = regions[region].0 == FIELD && word == 2;
                let same = told.bytes.is_none() || told.bytes == good || is_other_type;
                assert!(same, "{:#x}[{word}] = {changed:#x}: {told:?}", regions[region].0);
            }
        }
    }
}

#[test]
fn a_frame_has_columns_of_one_length() {
    const COLUMNS: u64 = 0x70_0000;
    let frame = |repeated: u64| {
        let mut columns = vec![0xff, ARC, TABLE];
        columns.resize(20, 0);
        // One value for all rows, with its name.
        columns.resize(32, 0x5555);
        columns.extend([u64::from_le_bytes(*b"seven\0\0\0"), 0, 0xc5 << 56, repeated]);
        columns.resize(40, 0);
        let process = Process::new().imported("polars", "2.1.0").sized(OBJECT, "PyDataFrame", &[0, 2, COLUMNS, 2, 3]);
        let process = series().into_iter().fold(process, |process, (address, words)| process.words(address, &words));
        process.words(COLUMNS, &columns).reduce(OBJECT)
    };
    let told = frame(3);
    assert_eq!(told.failure, None);
    assert_eq!(told.fact("shape"), &Value::Array(vec![3.into(), 2.into()]));
    assert_eq!(told.bytes.as_ref().map(Vec::len), Some(27));
    let told = frame(4);
    assert_eq!((told.reason(), told.bytes), (Some(Reason::Corrupt), None));
}

const TENSOR: u64 = 0x20_0000;
const TENSOR_STORAGE: u64 = 0x21_0000;

/// A tensor of two rows of singles; its sizes, strides, number of elements, dispatch keys and bytes.
fn tensor(sizes: [u64; 2], strides: [u64; 2], count: u64, keys: u64, bytes: u64) -> Told {
    let data: Vec<u8> = [1f32, 2.0, 3.0, 4.0].iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut words = vec![0, 1, TENSOR_STORAGE, 0, 0, 0, OBJECT, 2, sizes[0], sizes[1], 0, 0, 0, strides[0], strides[1]];
    words.extend([0, 0, 0, 0, count, 0x0001_4101_ff00_0006, keys, 0]);
    Process::new()
        .sized(OBJECT, "torch.Tensor", &[TENSOR, 0, 0])
        .words(TENSOR, &words)
        .words(TENSOR_STORAGE, &[0, 1, DATA, 0, DATA, 0xff00, bytes])
        .bytes(DATA, &data)
        .reduce(OBJECT)
}

#[test]
fn a_tensor_leads_back_to_its_object() {
    let plain = 0x94_0001_0001;
    let told = tensor([2, 2], [2, 1], 4, plain, 16);
    assert_eq!(told.failure, None);
    assert_eq!(
        (told.fact("item"), told.fact("dtype_shown"), told.fact("device")),
        (&"<f4".into(), &"torch.float32".into(), &"cpu".into())
    );
    assert_eq!(told.fact("requires_grad"), &Value::Bool(false));
    let rows = told.bytes.unwrap();
    // Turned: the elements come in the order of its own rows.
    let turned = tensor([2, 2], [1, 2], 4, plain, 16).bytes.unwrap();
    assert_eq!((&rows[4..8], &turned[4..8]), (&2f32.to_le_bytes()[..], &3f32.to_le_bytes()[..]));
    // To be conjugated, on another device, quantised.
    for keys in [plain | 1 << 31, plain | 1 << 32, plain | 1 << 33, plain ^ 1, 0x94_0010_0001, 0] {
        let told = tensor([2, 2], [2, 1], 4, keys, 16);
        assert_eq!((told.failure, told.bytes), (None, None), "{keys:#x}");
    }
    for (sizes, strides, count, bytes) in [
        ([2, 2], [2, 1], 5, 16),
        ([2, 2], [2, 1], 4, 15),
        ([2, 2], [1 << 62, 1], 4, 16),
        ([2, 2], [u64::MAX, 1], 4, 16),
        ([u64::MAX, 2], [2, 1], 4, 16),
        ([1 << 40, 1 << 30], [0, 0], 1 << 6, 16),
        ([2, 200], [200, 1], 400, 1600),
    ] {
        let told = tensor(sizes, strides, count, plain, bytes);
        assert_eq!((told.reason(), told.bytes), (Some(Reason::Corrupt), None), "{sizes:?} {strides:?}");
    }
}
