//! `torch`: tensors, by `c10::TensorImpl` and `c10::StorageImpl`.
//!
//! Neither has a public layout. A `TensorImpl` is known by the tensor itself: it has the address of its Python object, once,
//! in front of sizes and strides; from there on the fields lie alike in all releases since 2.0 at least, and whatever does
//! not agree (the number of elements with the sizes, the bytes of the storage with what the strides reach) is taken for no
//! tensor. Elements are read of dense tensors in the memory of the process alone, and of none whose values are still to be
//! conjugated or negated.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink, Value};
use heapsake_core::reduce::Failure;
use heapsake_cpython::memory::Memory;

use crate::contract::{Seen, corrupt, edge, numbers, objects, reducers};
use crate::extent::{Extent, MOST_DIMENSIONS};
use crate::ndarray::WHOLE_LIMIT;

/// Bytes of a tensor that is too large.
const HEAD: u64 = 1 << 20;
/// Elements that are read one by one.
const MOST_SCATTERED: u64 = 1 << 20;

/// Of a tensor's object: where its `TensorImpl` may stand, behind the head (in front of it a flag, earlier).
const TENSOR: [i64; 2] = [0, 8];
/// Of a `TensorImpl`: the storage, what is known for gradients, and where its Python object may stand.
const STORAGE: i64 = 16;
const AUTOGRAD: i64 = 24;
const OBJECT: [i64; 2] = [48, 56];
/// Behind the Python object: how many sizes there are, then up to five of them and of strides, or where they lie.
const SIZES: i64 = 8;
const WITHIN: usize = 5;
const OFFSET: i64 = 96;
const COUNT: i64 = 104;
/// The number of the dtype (two bytes), the device, and whether there is one.
const DTYPE: i64 = 112;
const KEYS: i64 = 120;
/// Of a `StorageImpl`: where its bytes lie, on what, and how many there are.
const DATA: i64 = 16;
const DEVICE: i64 = 40;
const BYTES: i64 = 48;

/// `c10::DispatchKeySet`: whether the backend is the CPU; where the bit may stand that says dense; all bits below the ones
/// that are set of any tensor. Of others there among them are conjugation and negation.
const ON_CPU: u64 = 1;
const DENSE: [u64; 2] = [1 << 15, 1 << 16];
const SPECIAL: u64 = (1 << 34) - 1;

/// `c10::ScalarType`: name, bytes, code of an element.
const TYPES: [(u16, &str, i64, &str); 21] = [
    (0, "uint8", 1, "|u1"),
    (1, "int8", 1, "|i1"),
    (2, "int16", 2, "<i2"),
    (3, "int32", 4, "<i4"),
    (4, "int64", 8, "<i8"),
    (5, "float16", 2, "<f2"),
    (6, "float32", 4, "<f4"),
    (7, "float64", 8, "<f8"),
    (8, "complex32", 4, ""),
    (9, "complex64", 8, "<c8"),
    (10, "complex128", 16, "<c16"),
    (11, "bool", 1, "|b1"),
    (12, "qint8", 1, ""),
    (13, "quint8", 1, ""),
    (14, "qint32", 4, ""),
    // Halves of singles: told as singles.
    (BFLOAT16, "bfloat16", 2, "<f4"),
    (23, "float8_e5m2", 1, ""),
    (24, "float8_e4m3fn", 1, ""),
    (27, "uint16", 2, "<u2"),
    (28, "uint32", 4, "<u4"),
    (29, "uint64", 8, "<u8"),
];
const BFLOAT16: u16 = 15;
/// `c10::DeviceType`.
const DEVICES: [&str; 21] = [
    "cpu",
    "cuda",
    "mkldnn",
    "opengl",
    "opencl",
    "ideep",
    "hip",
    "fpga",
    "maia",
    "xla",
    "vulkan",
    "metal",
    "xpu",
    "mps",
    "meta",
    "hpu",
    "ve",
    "lazy",
    "ipu",
    "mtia",
    "privateuseone",
];
const CPU: usize = 0;

/// Where `torch::autograd::AutogradMeta` has the gradient, what computed the tensor, and its flag, by release. No two that were
/// looked at have them at the same places, so of others nothing is said.
const GRADIENTS: [((u32, u32), Gradient); 3] = [
    ((2, 3), Gradient { gradient: 16, function: 24, required: 120 }),
    ((2, 8), Gradient { gradient: 40, function: 48, required: 144 }),
    ((2, 15), Gradient { gradient: 40, function: 48, required: 128 }),
];

#[derive(Clone, Copy, Debug)]
struct Gradient {
    gradient: i64,
    function: i64,
    required: i64,
}

reducers! {
    /// *What it holds.* Elements of one dtype in a storage, which other tensors may share, on some device.
    /// *What is saved.* `shape`, `stride`, dtype, `device`, `storage` (equal of tensors that share it), `storage_offset`,
    /// `storage_bytes`; of dense tensors on the CPU all elements, up to 64 MiB, of more the first MiB (`saved`, `omitted`), in
    /// C order and for each tensor alone; `bfloat16` as singles. `requires_grad` and `grad` of releases of which their place is
    /// known (2.3, 2.8, 2.15), `requires_grad` also of every tensor that has nothing to do with gradients.
    /// *What becomes a surrogate.* One whose fields contradict each other. Elements of sparse and quantised tensors, of ones
    /// that are still to be conjugated or negated, and on other devices are not there.
    Tensor ["torch._C.TensorBase", "torch._C._TensorBase"] "shape, dtype, device, elements on the CPU" => tell, owning owned;
}

/// What is known of a tensor.
struct Header {
    at: Address,
    /// Where the fields lie that follow the Python object.
    rest: Address,
    shape: Vec<i64>,
    /// In elements.
    stride: Vec<i64>,
    first: i64,
    count: u64,
    number: u16,
    device: usize,
    index: Option<i8>,
    keys: u64,
}

/// Where the elements lie.
struct Storage {
    at: Address,
    data: Address,
    device: usize,
    bytes: u64,
}

impl Header {
    /// Of the tensor at `object`.
    fn read(seen: &Seen<'_>, object: Address) -> Option<Header> {
        let body = seen.body(object);
        TENSOR.iter().find_map(|at| {
            let tensor = seen.pointer(body.offset(*at)).filter(|tensor| tensor.0 > 4096 && tensor.0 & 7 == 0)?;
            OBJECT.iter().find_map(|place| {
                let rest = tensor.offset(*place);
                if seen.pointer(rest)? == object { Header::at(seen, tensor, rest) } else { None }
            })
        })
    }

    fn at(seen: &Seen<'_>, at: Address, rest: Address) -> Option<Header> {
        let dimensions = seen.read_i64(rest.offset(SIZES)).filter(|count| (0..=i64::from(MOST_DIMENSIONS)).contains(count))?;
        let inline = dimensions as usize <= WITHIN;
        let lists = rest.offset(SIZES + 8);
        let (sizes, strides) = if inline {
            (lists, lists.offset(8 * WITHIN as i64))
        } else {
            let lists = seen.pointer(lists)?;
            (lists, lists.offset(8 * dimensions))
        };
        let list =
            |from: Address| (0..dimensions).map(|number| seen.read_i64(from.offset(8 * number))).collect::<Option<Vec<_>>>();
        let (shape, stride) = (list(sizes)?, list(strides)?);
        let first = seen.read_i64(rest.offset(OFFSET)).filter(|first| *first >= 0)?;
        let count = seen.read_i64(rest.offset(COUNT))? as u64;
        let mut bytes = [0; 8];
        seen.read_at(rest.offset(DTYPE), &mut bytes).ok()?;
        let [low, high, device, index, there, ..] = bytes;
        let keys = seen.pointer(rest.offset(KEYS))?.0;
        let device = usize::from(device);
        let known = there == 1 && device < DEVICES.len();
        let counted = shape.iter().try_fold(1u64, |count, size| count.checked_mul(u64::try_from(*size).ok()?));
        if !known || counted != Some(count) {
            return None;
        }
        let index = (index != u8::MAX).then_some(index as i8);
        Some(Header { at, rest, shape, stride, first, count, number: u16::from_le_bytes([low, high]), device, index, keys })
    }

    fn dtype(&self) -> Option<(&'static str, i64, &'static str)> {
        TYPES.iter().find(|(number, ..)| *number == self.number).map(|(_, name, size, code)| (*name, *size, *code))
    }

    fn storage(&self, seen: &Seen<'_>) -> Option<Storage> {
        let at = seen.pointer(self.at.offset(STORAGE)).filter(|at| !at.is_null())?;
        let data = seen.pointer(at.offset(DATA))?;
        let device = usize::from(seen.read_u8(at.offset(DEVICE))?);
        let bytes = seen.read_i64(at.offset(BYTES)).filter(|bytes| *bytes >= 0)? as u64;
        Some(Storage { at, data, device, bytes })
    }

    /// The extent in bytes.
    fn extent(&self, size: i64) -> Option<Extent> {
        let strides = self.stride.iter().map(|stride| stride.checked_mul(size)).collect::<Option<_>>()?;
        Extent::new(self.shape.clone(), strides, size)
    }

    /// Whether the elements are what lies in the storage.
    fn is_plain(&self) -> bool {
        self.device == CPU && DENSE.iter().any(|dense| self.keys & SPECIAL == ON_CPU | dense)
    }
}

fn tell(seen: &mut Seen<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let head = (seen.body(seen.address()).0 - seen.address().0) as i64;
    let held = objects(seen, seen.address(), head);
    let Some(header) = Header::read(seen, seen.address()) else {
        return Err(corrupt("a tensor that does not lead back to its object"));
    };
    for (at, held, _) in held {
        sink.edge(EdgeKind::Conservative, Name::Index(at as u32), held);
    }
    let required = tell_gradient(seen, sink, &header);
    let dtype = header.dtype();
    seen.note("shape", numbers(&header.shape));
    seen.note("stride", numbers(&header.stride));
    seen.note("ndim", header.shape.len() as u64);
    seen.note("size", header.count);
    let shown = dtype.map_or_else(|| format!("torch.dtype {}", header.number), |(name, ..)| format!("torch.{name}"));
    seen.note("dtype_shown", shown);
    let device = DEVICES[header.device];
    seen.note("device", header.index.map_or_else(|| device.to_owned(), |index| format!("{device}:{index}")));
    if let Some(required) = required {
        seen.note("requires_grad", required);
    }
    let Some(storage) = header.storage(seen) else {
        seen.note("layout", "no storage: sparse, or of another kind");
        return Ok(());
    };
    seen.note("storage", storage.at.0);
    seen.note("storage_offset", header.first);
    seen.note("storage_bytes", storage.bytes);
    seen.note("data", storage.data.0);
    let Some((_, size, code)) = dtype.filter(|(.., code)| !code.is_empty()) else { return Ok(()) };
    seen.note("itemsize", size);
    let extent = header.extent(size).ok_or_else(|| corrupt("sizes and strides that make no sense"))?;
    let (low, high) = extent.span().unwrap_or((0, 0));
    let start = header.first.checked_mul(size).ok_or_else(|| corrupt("an offset that makes no sense"))?;
    if header.count > 0 && (low < 0 || start.checked_add(high).is_none_or(|end| end as u64 > storage.bytes)) {
        return Err(corrupt("elements beyond their storage"));
    }
    if !header.is_plain() || storage.device != CPU || storage.data.is_null() && header.count > 0 {
        return Ok(());
    }
    let told = code.trim_start_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap_or(size);
    let whole = Extent { shape: extent.shape.clone(), strides: Vec::new(), item_size: told }.c_strides();
    seen.note("item", code);
    seen.note("saved_strides", numbers(&whole));
    if header.count == 0 {
        return Ok(());
    }
    let at = storage.data.offset(start);
    // What is a lie is found out before there is room for it.
    for end in [0, high - 1] {
        seen.read_u8(at.offset(end)).ok_or_else(|| corrupt("elements outside of the memory"))?;
    }
    tell_elements(seen, sink, at, &extent, told)
}

/// Tells the elements in C order.
fn tell_elements(seen: &mut Seen<'_>, sink: &mut dyn Sink, at: Address, extent: &Extent, told: i64) -> Result<(), Failure> {
    let size = extent.item_size as u64;
    let count = extent.count().unwrap_or(0);
    let is_whole = count.saturating_mul(told as u64) <= WHOLE_LIMIT;
    let is_line = extent.strides == extent.c_strides();
    if is_whole && is_line && told == extent.item_size {
        return sink.bytes_in_pieces(count * size, &mut |from, into| seen.object.read_at(at.offset(from as i64), into));
    }
    let head = if is_line { HEAD / size } else { (HEAD / size).min(MOST_SCATTERED) };
    let saved = if is_whole && (is_line || count <= MOST_SCATTERED) { count } else { head.min(count) };
    if saved < count {
        seen.note("saved", saved);
        seen.note("omitted", count - saved);
    }
    if sink.is_marking() {
        return Ok(());
    }
    let mut bytes = vec![0; (saved * size) as usize];
    let mut filled = 0;
    let mut read = Ok(());
    extent.runs(saved, |from, run| {
        let end = filled + (run * size) as usize;
        read = match bytes.get_mut(filled..end) {
            Some(into) => seen.object.read_at(at.offset(from), into),
            None => Err(corrupt("more elements than there are")),
        };
        filled = end;
        read.is_ok()
    });
    read?;
    if told != extent.item_size {
        bytes = bytes.as_chunks::<2>().0.iter().flat_map(|half| [0, 0, half[0], half[1]]).collect();
    }
    sink.value(Value::Bytes(&bytes));
    Ok(())
}

/// Tells the gradient, and whether one is wanted; none where that is not known.
fn tell_gradient(seen: &Seen<'_>, sink: &mut dyn Sink, header: &Header) -> Option<bool> {
    let meta = seen.pointer(header.at.offset(AUTOGRAD))?;
    if meta.is_null() {
        return Some(false);
    }
    let release = seen.version_of("torch")?;
    let mut parts = release.split('.').map(|part| part.parse::<u32>().ok());
    let release = (parts.next()??, parts.next()??);
    let (_, at) = GRADIENTS.iter().find(|(known, _)| *known == release)?;
    let gradient = seen.pointer(meta.offset(at.gradient))?;
    // The gradient is a tensor, which leads to its object if it ever had one.
    let place = header.rest.0.wrapping_sub(header.at.0) as i64;
    if let Some(object) = seen.pointer(gradient.offset(place))
        && seen.type_of(object).is_some()
        && Header::read(seen, object).is_some_and(|found| found.at == gradient)
    {
        edge(sink, EdgeKind::Attribute, "grad", object);
    }
    let flag = seen.read_u8(meta.offset(at.required)).filter(|flag| *flag <= 1)?;
    Some(flag == 1 || !seen.pointer(meta.offset(at.function))?.is_null())
}

/// Where the elements lie and their bytes, where the tensor has all of its storage.
fn owned(seen: &Seen<'_>) -> Option<Vec<(Address, u64)>> {
    let header = Header::read(seen, seen.address())?;
    let storage = header.storage(seen).filter(|storage| storage.device == CPU && header.is_plain())?;
    let (_, size, _) = header.dtype()?;
    (header.first == 0 && header.count.checked_mul(size as u64)? == storage.bytes).then(|| vec![(storage.data, storage.bytes)])
}
