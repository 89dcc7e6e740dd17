//! `pyarrow`: texts and numbers of Arrow arrays, as pandas keeps its texts.
//!
//! Arrow's buffers have a public layout; the C++ objects that lead to them (`arrow::ChunkedArray`, `Array`, `ArrayData`,
//! `Buffer`) have none, and are taken for what they seem only where everything agrees: the shared pointer and the plain one
//! of Cython's object, the lengths of the chunks and their sum, the sizes of the buffers, offsets that ascend and end within
//! the text. Else an array keeps its type and identity alone.

use ciborium::Value as Fact;
use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_cpython::memory::Memory;

use crate::contract::{Seen, edge, objects, reducers};

/// The most elements that are saved.
const MOST_ELEMENTS: i64 = 100_000;
/// The most bytes of text that are saved.
const MOST_TEXT: usize = 16 << 20;
/// Where in a chunked array its length may stand.
const LENGTH_AT: [i64; 2] = [24, 40];
/// The most chunks.
const MOST_CHUNKS: u64 = 10_000;

reducers! {
    /// *What it holds.* Arrow data in one or several chunks.
    /// *What is saved.* Of texts, and of arrays of whole numbers and doubles, `items` (the first 100,000) and `length`; of others
    /// type and identity.
    /// *What becomes a surrogate.* None: what does not fit together is left out.
    Arrow ["pyarrow.lib.ChunkedArray", "pyarrow.lib.Array"] "texts and numbers" => |seen, sink| {
        // Cython's attributes: the name, the type, and nothing where there is none.
        let first = (seen.body(seen.address()).0 - seen.address().0) as i64;
        for (at, held, name) in objects(seen, seen.address(), first) {
            match name.as_str() {
                "str" | "bytes" => edge(sink, EdgeKind::Attribute, "_name", held),
                name if name.ends_with("Type") && name != "NoneType" => edge(sink, EdgeKind::Attribute, "type", held),
                _ => sink.edge(EdgeKind::Conservative, Name::Index(at as u32), held),
            }
        }
        if !sink.is_marking() {
            tell(seen, sink);
        }
        Ok(())
    };
}

fn tell(seen: &mut Seen<'_>, _: &mut dyn Sink) -> Option<()> {
    let name = seen.object.type_name();
    let inner = pointed(seen)?;
    let mut items = Vec::new();
    let length;
    if name.ends_with("ChunkedArray") {
        let [begin, end] = [0, 8].map(|at| seen.pointer(inner.offset(at)));
        let bytes = end?.0.checked_sub(begin?.0)?;
        if bytes % 16 != 0 || bytes / 16 > MOST_CHUNKS {
            return None;
        }
        let mut total = 0i64;
        for number in 0..bytes / 16 {
            let array = seen.pointer(begin?.offset(16 * number as i64))?;
            total = total.checked_add(texts(seen, array, &mut items)?)?;
        }
        // The sum of the chunks' lengths follows the chunks; in newer versions their type stands between.
        if !LENGTH_AT.iter().any(|at| seen.read_i64(inner.offset(*at)) == Some(total)) {
            return None;
        }
        length = total;
    } else {
        length = match name.rsplit('.').next()? {
            "StringArray" | "LargeStringArray" => texts(seen, inner, &mut items)?,
            "Int64Array" => whole(seen, inner, &mut items, |word| Fact::from(word as i64))?,
            "UInt64Array" => whole(seen, inner, &mut items, Fact::from)?,
            "DoubleArray" => whole(seen, inner, &mut items, |word| Fact::Float(f64::from_bits(word)))?,
            _ => return None,
        };
    }
    seen.note("length", length);
    if length > items.len() as i64 {
        seen.note("omitted", length - items.len() as i64);
    }
    seen.note("items", Fact::Array(items));
    Some(())
}

/// What the object's shared pointer points to: the pointer that stands in it twice, beside one to a block of counts.
fn pointed(seen: &Seen<'_>) -> Option<Address> {
    let words: Vec<u64> =
        (0..6).map_while(|number| Some(seen.pointer(seen.body(seen.address()).offset(8 * number))?.0)).collect();
    words.windows(3).find(|three| three[0] != 0 && three[0] == three[2] && three[0] & 7 == 0).map(|three| Address(three[0]))
}

/// Data, length, position of the first element, and the buffers of an `arrow::Array`.
struct Data {
    length: i64,
    offset: i64,
    buffers: Vec<(Address, i64)>,
}

fn data(seen: &Seen<'_>, array: Address, expected: u64) -> Option<Data> {
    let data = seen.pointer(array.offset(8))?;
    let (length, offset) = (seen.read_i64(data.offset(16))?, seen.read_i64(data.offset(32))?);
    let [begin, end] = [40, 48].map(|at| seen.pointer(data.offset(at)));
    if length < 0 || offset < 0 || length.checked_add(offset)? > 1 << 40 || end?.0.checked_sub(begin?.0)? != 16 * expected {
        return None;
    }
    let buffers = (0..expected as i64).map(|number| {
        let buffer = seen.pointer(begin?.offset(16 * number))?;
        if buffer.is_null() {
            return Some((Address::NULL, 0));
        }
        let size = seen.read_i64(buffer.offset(24)).filter(|size| *size >= 0)?;
        Some((seen.pointer(buffer.offset(16))?, size))
    });
    Some(Data { length, offset, buffers: buffers.collect::<Option<_>>()? })
}

/// Whether an element is there, by the bitmap of validity.
fn is_valid(seen: &Seen<'_>, data: &Data, number: i64) -> Option<bool> {
    let (bits, size) = data.buffers[0];
    let at = data.offset + number;
    if bits.is_null() {
        return Some(true);
    }
    if at / 8 >= size {
        return None;
    }
    Some(seen.read_u8(bits.offset(at / 8))? >> (at % 8) & 1 == 1)
}

/// Tells the texts of an array; gives how many there are.
fn texts(seen: &Seen<'_>, array: Address, items: &mut Vec<Fact>) -> Option<i64> {
    let data = data(seen, array, 3)?;
    let ((offsets, size), (text, text_size)) = (data.buffers[1], data.buffers[2]);
    let count = data.length.min(MOST_ELEMENTS - items.len() as i64);
    // Wide offsets first: as narrow ones they do not ascend, unless all texts are empty.
    for width in [8, 4] {
        let bounds = |number: i64| {
            let at = offsets.offset(width * (data.offset + number));
            if width == 8 { seen.read_i64(at) } else { seen.read_i32(at).map(i64::from) }
        };
        if (data.offset + data.length + 1).checked_mul(width)? > size && data.length > 0 {
            continue;
        }
        let mut found = Vec::new();
        let mut begin = if count > 0 { bounds(0)? } else { 0 };
        let mut left = MOST_TEXT;
        for number in 0..count {
            let end = bounds(number + 1)?;
            if begin < 0 || end < begin || end > text_size {
                break;
            }
            let length = (end - begin) as usize;
            if length > left {
                break;
            }
            left -= length;
            let mut bytes = vec![0; length];
            seen.read_at(text.offset(begin), &mut bytes).ok()?;
            let is_valid = is_valid(seen, &data, number)?;
            found.push(if is_valid { Fact::Text(String::from_utf8_lossy(&bytes).into_owned()) } else { Fact::Null });
            begin = end;
        }
        if found.len() as i64 == count || left < MOST_TEXT / 2 {
            items.append(&mut found);
            return Some(data.length);
        }
    }
    None
}

/// Tells the numbers of 64 bits of an array.
fn whole(seen: &Seen<'_>, array: Address, items: &mut Vec<Fact>, fact: impl Fn(u64) -> Fact) -> Option<i64> {
    let data = data(seen, array, 2)?;
    let (numbers, size) = data.buffers[1];
    if (data.offset + data.length).checked_mul(8)? > size {
        return None;
    }
    for number in 0..data.length.min(MOST_ELEMENTS) {
        let word = seen.read_i64(numbers.offset(8 * (data.offset + number)))? as u64;
        items.push(if is_valid(seen, &data, number)? { fact(word) } else { Fact::Null });
    }
    Some(data.length)
}
