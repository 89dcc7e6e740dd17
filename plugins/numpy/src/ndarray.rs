//! `numpy.ndarray` and its subclasses: shape, strides, dtype, and the bytes of the elements. Mirrors `PyArrayObject_fields`.
//!
//! The bytes are the value: the memory that the array spans, or, when that is much more than its elements, the elements in
//! C order (`saved_strides`). A view into an array that is saved as a whole has no bytes of its own: `memory` leads to that
//! array, and `offset` says where element 0 lies in its value. Elements that are objects are elements of the array, in C
//! order. Texts of any length (`StringDType`) are told as `texts.rs` says. No other array is copied in one piece.

use ciborium::Value as Fact;
use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::Failure;
use heapsake_cpython::memory::Memory;

use crate::contract::{Seen, corrupt, edge, numbers, reducers};
use crate::descriptor::Descriptor;
use crate::extent::{Extent, MOST_DIMENSIONS};
use crate::statistics;
use crate::stringdtype::Strings;
use crate::texts::{ITEM, Texts};

/// Arrays of more bytes are cut to their head.
pub(crate) const WHOLE_LIMIT: u64 = 64 << 20;
/// Bytes of such a head.
const HEAD: u64 = 1 << 20;
/// Elements that are read one by one.
const MOST_SCATTERED: u64 = 1 << 20;
/// Objects that an array whose elements overlap may name again and again.
const MOST_REPEATED: u64 = 1 << 16;
/// `base`s that are followed to the array that has the memory.
const DEEPEST_BASE: usize = 16;
/// Bytes of the texts of a `StringDType` that do not lie in their elements.
const MOST_TEXT: usize = WHOLE_LIMIT as usize;

const C_CONTIGUOUS: i32 = 1;
const F_CONTIGUOUS: i32 = 2;
const OWNDATA: i32 = 4;
const ALIGNED: i32 = 0x100;
const WRITEABLE: i32 = 0x400;

reducers! {
    /// *What it holds.* Elements of one dtype in memory of its own or of another object, in any shape, with any strides.
    /// *What is saved.* `shape`, `strides`, `itemsize`, `size`, `nbytes`, flags, `dtype` and `base` as objects, and all elements:
    /// bytes of up to 64 MiB, of views in the array that they look into; of more, the first MiB with `saved`, `omitted` and
    /// `statistics`. Objects are elements, also those in fields of structures. Of texts of `StringDType` each that is in the
    /// arena or readable outside of it, up to 64 MiB together; `missing` counts those that are missing, `lost` those that make
    /// no sense or were too many.
    /// *What becomes a surrogate.* One whose shape and strides make no sense, or whose memory is not readable.
    Array ["numpy.ndarray"] "shape, dtype, strides, all elements up to 64 MiB" => tell, owning owned;
}

/// The fields of an array.
pub(crate) struct Header {
    pub(crate) data: Address,
    pub(crate) base: Address,
    descriptor: Address,
    flags: i32,
    pub(crate) dimensions: Vec<i64>,
    strides: Vec<i64>,
}

impl Header {
    pub(crate) fn read(seen: &Seen<'_>, array: Address) -> Result<Header, Failure> {
        let body = seen.body(array);
        let mut bytes = [0; 56];
        seen.object.read_at(body, &mut bytes)?;
        let words: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let [data, dimensions, shape, strides, base, descriptor, flags] = words[..] else {
            return Err(corrupt("no header"));
        };
        let dimensions = dimensions as i32;
        if !(0..=MOST_DIMENSIONS).contains(&dimensions) {
            return Err(corrupt(format!("{dimensions} dimensions")));
        }
        let list = |at: u64| {
            let words = (0..i64::from(dimensions)).map(|number| seen.object.word_at(Address(at).offset(8 * number)));
            words.map(|word| word.map(|word| word as i64)).collect::<Result<Vec<i64>, Failure>>()
        };
        Ok(Header {
            data: Address(data),
            base: Address(base),
            descriptor: Address(descriptor),
            flags: flags as i32,
            dimensions: list(shape)?,
            strides: list(strides)?,
        })
    }

    fn extent(&self, item_size: i64) -> Result<Extent, Failure> {
        Extent::new(self.dimensions.clone(), self.strides.clone(), item_size)
            .ok_or_else(|| corrupt(format!("a shape of {:?} with strides of {:?}", self.dimensions, self.strides)))
    }
}

/// An array whose memory is saved: its address, where its memory begins and ends.
struct Holder {
    array: Address,
    low: Address,
    high: Address,
}

/// The array that has the memory from `low` to `high`, as the last of the `base`s that are arrays, if it is saved as a whole.
fn holder(seen: &Seen<'_>, of: &Header, texts: bool, low: Address, high: Address) -> Option<Holder> {
    let mut found = None;
    let mut base = of.base;
    for _ in 0..DEEPEST_BASE {
        if base.is_null() || base == seen.address() || !is_array(seen, base) {
            break;
        }
        let Ok(header) = Header::read(seen, base) else { break };
        if let Some(holder) = whole(seen, base, &header, texts)
            && holder.low <= low
            && high <= holder.high
        {
            found = Some(holder);
        }
        base = header.base;
    }
    found
}

/// The memory of an array that has its own, if it is saved as a whole: as texts, or as it is.
fn whole(seen: &Seen<'_>, array: Address, header: &Header, texts: bool) -> Option<Holder> {
    let descriptor = Descriptor::read(seen, header.descriptor).ok()?;
    let extent = header.extent(descriptor.size).ok()?;
    let (low, high) = extent.span()?;
    let held = Holder { array, low: header.data.offset(low), high: header.data.offset(high) };
    let owns = header.base.is_null() || !is_array(seen, header.base);
    // An array of objects has elements and no bytes.
    let is_saved = descriptor.kind != b'O' && (descriptor.kind == b'T') == texts && (!texts || are_steps(&extent));
    (owns && is_saved && plan(&extent) == Plan::Memory).then_some(held)
}

fn is_array(seen: &Seen<'_>, address: Address) -> bool {
    // Arrays are told apart by what they are made of: subclasses have any name.
    address.0 & 7 == 0
        && seen.object.is_object(address)
        && Header::read(seen, address).is_ok_and(|header| {
            let is_descriptor = seen.type_of(header.descriptor).is_some_and(|name| name.starts_with("numpy.dtype"));
            is_descriptor && Descriptor::read(seen, header.descriptor).is_ok()
        })
}

/// How the bytes of an array are saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Plan {
    /// All that it spans.
    Memory,
    /// The elements, in C order.
    Gathered,
    /// The first elements, in C order.
    Head,
}

fn plan(extent: &Extent) -> Plan {
    let (Some((low, high)), Some(count)) = (extent.span(), extent.count()) else { return Plan::Head };
    let (spanned, bytes) = ((high - low) as u64, count.saturating_mul(extent.item_size as u64));
    if spanned <= WHOLE_LIMIT && spanned <= bytes.saturating_mul(4).max(4096) {
        Plan::Memory
    } else if bytes <= WHOLE_LIMIT && count <= MOST_SCATTERED {
        Plan::Gathered
    } else {
        Plan::Head
    }
}

fn tell(seen: &mut Seen<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let header = Header::read(seen, seen.address())?;
    edge(sink, EdgeKind::Attribute, "dtype", header.descriptor);
    edge(sink, EdgeKind::Attribute, "base", header.base);
    let descriptor = Descriptor::read(seen, header.descriptor)?;
    let extent = header.extent(descriptor.size)?;
    let count = extent.count().unwrap_or(0);
    note_header(seen, &header, &descriptor, &extent);
    let (low, high) = extent.span().unwrap_or((0, 0));
    if count == 0 || descriptor.size == 0 {
        return Ok(());
    }
    if header.data.is_null() {
        return Err(corrupt("elements at a null pointer"));
    }
    if descriptor.kind == b'O' {
        return tell_objects(seen, sink, &header, &extent);
    }
    if descriptor.has_objects() {
        tell_fields(seen, sink, &header, &descriptor, &extent)?;
    }
    let texts = descriptor.kind == b'T';
    if let Some(holder) = holder(seen, &header, texts, header.data.offset(low), header.data.offset(high))
        && (!texts || header.data.0.wrapping_sub(holder.low.0).is_multiple_of(ITEM as u64))
    {
        sink.edge(EdgeKind::Internal, Name::Text("memory"), holder.array);
        seen.note("offset", header.data.0.wrapping_sub(holder.low.0));
        return Ok(());
    }
    if texts {
        return tell_texts(seen, sink, &header, &extent);
    }
    match plan(&extent) {
        Plan::Memory => {
            let start = header.data.offset(low);
            seen.note("offset", -low);
            // A count that is a lie is found out before anything is written.
            seen.read_u8(header.data.offset(high - 1)).ok_or_else(|| corrupt("elements outside of the memory"))?;
            sink.bytes_in_pieces((high - low) as u64, &mut |at, into| seen.object.read_at(start.offset(at as i64), into))
        }
        Plan::Gathered => {
            seen.note("saved_strides", numbers(&extent.c_strides()));
            gather(seen, sink, &header, &extent, count)
        }
        Plan::Head => {
            let saved = note_head(seen, &extent);
            if !sink.is_marking()
                && let Some(told) = statistics::of(seen, &descriptor, &extent, header.data)
            {
                seen.note("statistics", told);
            }
            gather(seen, sink, &header, &extent, saved)
        }
    }
}

fn note_header(seen: &mut Seen<'_>, header: &Header, descriptor: &Descriptor, extent: &Extent) {
    let flag = |bit: i32| Fact::Bool(header.flags & bit != 0);
    let count = extent.count().unwrap_or(0);
    seen.note("shape", numbers(&extent.shape));
    seen.note("strides", numbers(&extent.strides));
    seen.note("ndim", extent.shape.len() as u64);
    seen.note("size", count);
    seen.note("itemsize", extent.item_size);
    seen.note("nbytes", count.saturating_mul(extent.item_size as u64));
    seen.note("c_contiguous", flag(C_CONTIGUOUS));
    seen.note("f_contiguous", flag(F_CONTIGUOUS));
    seen.note("owndata", flag(OWNDATA));
    seen.note("aligned", flag(ALIGNED));
    seen.note("writeable", flag(WRITEABLE));
    seen.note("byteorder", char::from(descriptor.order).to_string());
    seen.note("dtype_shown", descriptor.shown());
    seen.note("item", descriptor.item());
    seen.note("data", header.data.0);
}

/// Notes that the head alone is saved; gives its elements.
fn note_head(seen: &mut Seen<'_>, extent: &Extent) -> u64 {
    let count = extent.count().unwrap_or(0);
    let saved = (HEAD / extent.item_size as u64).max(1).min(count).min(MOST_SCATTERED);
    seen.note("saved_strides", numbers(&extent.c_strides()));
    seen.note("saved", saved);
    seen.note("omitted", count - saved);
    saved
}

/// Whether elements of texts lie at multiples of their size.
fn are_steps(extent: &Extent) -> bool {
    extent.strides.iter().all(|stride| stride % ITEM as i64 == 0)
}

/// Tells the texts of a `StringDType`: all elements that the array spans, or, as other elements, in C order.
fn tell_texts(seen: &mut Seen<'_>, sink: &mut dyn Sink, header: &Header, extent: &Extent) -> Result<(), Failure> {
    let strings =
        Strings::read(seen, seen.body(header.descriptor)).ok_or_else(|| corrupt("a dtype of texts without an arena"))?;
    let (low, high) = extent.span().unwrap_or((0, 0));
    seen.read_u8(header.data.offset(high - 1)).ok_or_else(|| corrupt("elements outside of the memory"))?;
    let count = extent.count().unwrap_or(0);
    let (from, extent, count) = match plan(extent) {
        Plan::Memory if are_steps(extent) => {
            seen.note("offset", -low);
            let count = (high - low) / ITEM as i64;
            // Seen as one dimension.
            let line = Extent::new(vec![count], vec![ITEM as i64], ITEM as i64).ok_or_else(|| corrupt("no extent"))?;
            (header.data.offset(low), line, count as u64)
        }
        Plan::Memory | Plan::Gathered => {
            seen.note("saved_strides", numbers(&extent.c_strides()));
            (header.data, extent.clone(), count)
        }
        Plan::Head => (header.data, extent.clone(), note_head(seen, extent)),
    };
    if sink.is_marking() {
        return Ok(());
    }
    const PIECE: u64 = 4096;
    let mut texts = Texts::new(0, count as usize, MOST_TEXT);
    let mut piece = vec![0; PIECE as usize * ITEM];
    let mut told = Ok(());
    extent.runs(count, |at, run| {
        let mut done = 0;
        while done < run && told.is_ok() {
            let elements = (run - done).min(PIECE);
            let bytes = &mut piece[..elements as usize * ITEM];
            told = seen.object.read_at(from.offset(at + (done as usize * ITEM) as i64), bytes);
            if told.is_ok() {
                bytes.as_chunks::<ITEM>().0.iter().for_each(|element| strings.add(seen, element, &mut texts));
            }
            done += elements;
        }
        told.is_ok()
    });
    told?;
    for (name, number) in [("missing", texts.missing), ("lost", texts.lost)] {
        if number > 0 {
            seen.note(name, number);
        }
    }
    sink.value(heapsake_core::heap::Value::Bytes(&texts.into_bytes()));
    Ok(())
}

/// Tells the first `count` elements in C order as the value.
fn gather(seen: &Seen<'_>, sink: &mut dyn Sink, header: &Header, extent: &Extent, count: u64) -> Result<(), Failure> {
    if sink.is_marking() {
        return Ok(());
    }
    let size = extent.item_size as u64;
    let mut bytes = vec![0; (count * size) as usize];
    let mut filled = 0;
    let mut told = Ok(());
    extent.runs(count, |at, run| {
        let end = filled + (run * size) as usize;
        told = match bytes.get_mut(filled..end) {
            Some(into) => seen.object.read_at(header.data.offset(at), into),
            None => Err(corrupt("more elements than there are")),
        };
        filled = end;
        told.is_ok()
    });
    told?;
    sink.value(heapsake_core::heap::Value::Bytes(&bytes));
    Ok(())
}

/// The most objects that are told: where elements overlap, few; where they do not, as many as the memory has.
fn most_objects(extent: &Extent) -> u64 {
    let (low, high) = extent.span().unwrap_or((0, 0));
    ((high - low) as u64 / 8).saturating_mul(4).max(MOST_REPEATED)
}

fn tell_objects(seen: &mut Seen<'_>, sink: &mut dyn Sink, header: &Header, extent: &Extent) -> Result<(), Failure> {
    const PIECE: u64 = 512;
    let (low, high) = extent.span().unwrap_or((0, 0));
    for end in [low, high - 8] {
        seen.object.word_at(header.data.offset(end))?;
    }
    let most = most_objects(extent);
    let count = extent.count().unwrap_or(0);
    if count > most {
        seen.note("omitted", count - most);
    }
    let mut bytes = [0; 8 * PIECE as usize];
    let mut told = Ok(());
    extent.runs(most, |at, run| {
        let mut done = 0;
        while done < run {
            let words = (run - done).min(PIECE);
            let piece = &mut bytes[..8 * words as usize];
            told = seen.object.read_at(header.data.offset(at + 8 * done as i64), piece);
            if told.is_err() {
                return false;
            }
            for word in piece.as_chunks::<8>().0 {
                // A null pointer is None to NumPy, as it is to an opener.
                sink.element(Address(u64::from_le_bytes(*word)));
            }
            done += words;
        }
        true
    });
    told
}

/// Tells the objects in fields of structures: as edges, which an opener finds by the address in the bytes.
fn tell_fields(
    seen: &Seen<'_>,
    sink: &mut dyn Sink,
    header: &Header,
    descriptor: &Descriptor,
    extent: &Extent,
) -> Result<(), Failure> {
    const MOST: u64 = 1 << 20;
    let mut offsets = Vec::new();
    descriptor.object_offsets(0, &mut offsets);
    let mut told = Ok(());
    let mut number = 0u32;
    extent.runs(most_objects(extent).min(MOST), |at, run| {
        for item in 0..run as i64 {
            for offset in &offsets {
                match seen.object.word_at(header.data.offset(at + item * extent.item_size + offset)) {
                    Ok(word) if word != 0 => sink.edge(EdgeKind::Internal, Name::Index(number), Address(word)),
                    Ok(_) => {}
                    Err(failure) => {
                        told = Err(failure);
                        return false;
                    }
                }
                number = number.wrapping_add(1);
            }
        }
        true
    });
    told
}

/// The bytes of an array that owns them.
fn owned(seen: &Seen<'_>) -> Option<Vec<(Address, u64)>> {
    let header = Header::read(seen, seen.address()).ok()?;
    if header.flags & OWNDATA == 0 {
        return None;
    }
    let descriptor = Descriptor::read(seen, header.descriptor).ok()?;
    let extent = header.extent(descriptor.size).ok()?;
    let (low, high) = extent.span()?;
    // A lie about its length is no size.
    seen.read_u8(header.data.offset(high.checked_sub(1)?))?;
    Some(vec![(header.data.offset(low), u64::try_from(high - low).ok()?)])
}
