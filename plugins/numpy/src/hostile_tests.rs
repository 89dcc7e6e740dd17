//! Arrays and dtypes laid out by hand for NumPy 1 and 2, and ones that make no sense: each costs itself alone.

use std::time::{Duration, Instant};

use ciborium::Value;
use heapsake_core::reduce::{Reason, inventory};

use crate::testing::{Plain, Process, Told};

const ARRAY: u64 = 0x10_0000;
const BASE: u64 = 0x14_0000;
const DTYPE: u64 = 0x20_0000;
const DATA: u64 = 0x30_0000;

fn of_both(build: impl Fn(Process) -> Process) -> [Told; 2] {
    let first = build(Process::new().first(DTYPE, b'i', b'<', 7, 8, 8, [0; 3]));
    let second = build(Process::new().second(DTYPE, b'i', b'<', 7, 8, 8, [0; 3]));
    [first.reduce(ARRAY), second.reduce(ARRAY)]
}

#[test]
fn elements_are_the_memory_that_they_span() {
    for told in of_both(|process| process.array(ARRAY, DATA, &[2, 2], &[16, 8], 0, DTYPE).words(DATA, &[1, 2, 3, 4])) {
        assert_eq!(told.failure, None);
        assert_eq!(told.bytes.as_ref().map(Vec::len), Some(32));
        assert_eq!((told.fact("item"), told.fact("dtype_shown")), (&"<i8".into(), &"int64".into()));
        assert_eq!(told.fact("nbytes"), &Value::from(32));
    }
    for told in of_both(|process| process.array(ARRAY, DATA + 24, &[4], &[-8], 0, DTYPE).words(DATA, &[1, 2, 3, 4])) {
        assert_eq!((told.fact("offset"), told.bytes.as_ref().map(Vec::len)), (&Value::from(24), Some(32)));
    }
}

#[test]
fn a_view_has_the_memory_of_its_base() {
    let build = |process: Process| {
        process
            .array(ARRAY, DATA + 16, &[2], &[8], BASE, DTYPE)
            .array(BASE, DATA, &[4], &[8], 0, DTYPE)
            .words(DATA, &[1, 2, 3, 4])
    };
    for told in of_both(build) {
        assert_eq!((told.edge("memory"), told.edge("base"), &told.bytes), (Some(BASE), Some(BASE), &None));
        assert_eq!(told.fact("offset"), &Value::from(16));
    }
    // One that only says so.
    for told in of_both(|process| build(process).array(ARRAY, DATA + 64, &[2], &[8], BASE, DTYPE)) {
        assert_eq!((told.edge("memory"), told.reason()), (None, Some(Reason::Corrupt)));
    }
}

#[test]
fn absurd_arrays_cost_themselves_alone() {
    let memory = |process: Process| process.words(DATA, &[0; 64]);
    let begun = Instant::now();
    for (shape, strides, data) in [
        (&[1i64 << 40][..], &[8i64][..], DATA),
        (&[1_000_000_000], &[1 << 20], DATA),
        (&[3, 3], &[i64::MAX, i64::MIN], DATA),
        (&[1 << 40, 1 << 40], &[0, 0], DATA),
        (&[-1], &[8], DATA),
        (&[4], &[8], 0),
        (&[4], &[8], 0xdead_0000),
        (&[65], &[8], DATA),
    ] {
        for told in of_both(|process| memory(process).array(ARRAY, data, shape, strides, 0, DTYPE)) {
            let fits = shape == [65];
            assert!(told.failure.is_some() || fits && told.bytes.is_none(), "{shape:?} {strides:?}: {told:?}");
            assert!(told.bytes.is_none(), "{shape:?} {strides:?}");
        }
    }
    // A broadcast of a billion elements of eight bytes is eight bytes.
    for told in of_both(|process| memory(process).array(ARRAY, DATA, &[1_000_000_000], &[0], 0, DTYPE)) {
        assert_eq!((told.failure, told.bytes.map(|bytes| bytes.len())), (None, Some(8)));
    }
    for dimensions in [1_000_000_000u64, 65, u64::from(u32::MAX)] {
        let process = Process::new().second(DTYPE, b'i', b'<', 7, 8, 8, [0; 3]);
        let told = process.object(ARRAY, "numpy.ndarray", &[DATA, dimensions, DATA, DATA, 0, DTYPE, 0]).reduce(ARRAY);
        assert_eq!(told.reason(), Some(Reason::Corrupt), "{dimensions}");
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn elements_of_no_bytes_have_none() {
    let process = Process::new().second(DTYPE, b'V', b'|', 20, 0, 1, [0; 3]).array(ARRAY, DATA, &[1 << 40], &[0], 0, DTYPE);
    let told = process.reduce(ARRAY);
    assert_eq!((told.failure, told.bytes), (None, None));
}

#[test]
fn objects_that_overlap_are_told_a_few_times() {
    let process = Process::new().second(DTYPE, b'O', b'|', 17, 8, 8, [0; 3]).words(DATA, &[0; 4]);
    let told = process.array(ARRAY, DATA, &[1_000_000_000], &[0], 0, DTYPE).reduce(ARRAY);
    assert_eq!(told.failure, None);
    assert!(told.elements <= 1 << 16 && told.fact("omitted") == &Value::from(1_000_000_000u64 - told.elements), "{told:?}");
}

#[test]
fn bases_in_a_circle_end() {
    for told in of_both(|process| {
        process.array(ARRAY, DATA, &[2], &[8], BASE, DTYPE).array(BASE, DATA, &[2], &[8], ARRAY, DTYPE).words(DATA, &[1, 2])
    }) {
        assert_eq!((told.failure, told.bytes.map(|bytes| bytes.len())), (None, Some(16)));
    }
}

#[test]
fn structures_have_fields() {
    let fields = |process: Process| {
        process
            .plain(0x1000, Plain::Tuple(vec![0x2000]))
            .plain(0x2000, Plain::Text("a"))
            .plain(0x3000, Plain::Dict(vec![(0x2000, 0x4000)]))
            .plain(0x4000, Plain::Tuple(vec![0x21_0000, 0x5000]))
            .plain(0x5000, Plain::Number(4))
    };
    let first =
        Process::new().first(DTYPE, b'V', b'|', 20, 8, 1, [0, 0x3000, 0x1000]).first(0x21_0000, b'i', b'>', 5, 4, 4, [0; 3]);
    let second =
        Process::new().second(DTYPE, b'V', b'|', 20, 8, 1, [0, 0x3000, 0x1000]).second(0x21_0000, b'i', b'>', 5, 4, 4, [0; 3]);
    for process in [first, second] {
        let told = fields(process).reduce(DTYPE);
        assert_eq!(told.failure, None);
        assert_eq!(told.fact("shown"), &"[('a', '>i4')]".into());
        assert_eq!((told.edge("names"), told.edge("fields")), (Some(0x1000), Some(0x3000)));
    }
}

#[test]
fn dtypes_that_make_no_sense_are_refused() {
    for (kind, size, alignment) in [(b'i', 3, 1), (b'i', 8, 3), (b'x', 8, 8), (b'U', 7, 4), (b'f', -8, 8), (b'V', i64::MAX, 1)] {
        let told = Process::new().second(DTYPE, kind, b'<', 7, size, alignment, [0; 3]).reduce(DTYPE);
        assert_eq!(told.reason(), Some(Reason::Corrupt), "{} {size} {alignment}", char::from(kind));
    }
    // A dtype that is a field of itself.
    let process = Process::new()
        .second(DTYPE, b'V', b'|', 20, 8, 1, [0, 0x3000, 0x1000])
        .plain(0x1000, Plain::Tuple(vec![0x2000]))
        .plain(0x2000, Plain::Text("a"))
        .plain(0x3000, Plain::Dict(vec![(0x2000, 0x4000)]))
        .plain(0x4000, Plain::Tuple(vec![DTYPE, 0x5000]))
        .plain(0x5000, Plain::Number(0));
    assert_eq!(process.reduce(DTYPE).reason(), Some(Reason::Corrupt));
}

#[test]
fn every_reducer_is_documented() {
    let documented: Vec<_> = inventory::iter::<crate::Documented>.into_iter().flat_map(|one| one.types).collect();
    for registration in inventory::iter::<heapsake_core::reduce::Registration> {
        for matched in registration.types {
            assert!(documented.contains(&&matched.name()), "{}", matched.name());
        }
    }
    assert!(crate::reference().contains("numpy.ndarray"));
}
