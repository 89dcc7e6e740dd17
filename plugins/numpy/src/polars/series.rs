//! A series in memory: a counted pointer with a table of functions, behind which a chunked array lies, with a name, a type,
//! and chunks of Arrow's arrays.
//!
//! Rust promises no order of fields, but every release so far has laid these out alike; what has changed is how large the
//! type of an Arrow array is (64 bytes, then 32), and with it the size that each chunk's table of functions says. A series is
//! taken for one only where all agree: counts of owners, sizes and alignments in the tables, the number of values with the
//! sum of the chunks', the number of missing ones with the bitmaps, each buffer with the memory that it is a part of.

use heapsake_core::Address;
use heapsake_cpython::memory::Memory;

use super::types::{Numbers, Type};
use crate::contract::Seen;

/// The most chunks.
const MOST_CHUNKS: u64 = 1 << 16;
/// The most values.
const MOST_VALUES: u64 = 1 << 40;
/// The longest name.
const LONGEST_NAME: u64 = 1 << 16;
/// Bytes of a chunked array (three words of chunks, name and type, …), in releases that count in 32 bits and in later ones.
const CHUNKED: [i64; 2] = [48, 56];
/// Bytes of a type of polars.
const TYPE: i64 = 48;

/// A series.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    /// What they mean; none if that is not known.
    pub(crate) meaning: Option<Type>,
    /// Of a time: which part of a second it counts.
    pub(crate) unit: Option<&'static str>,
    pub(crate) zone: Option<String>,
    pub(crate) length: u64,
    pub(crate) nulls: Option<u64>,
    pub(crate) chunks: Vec<Chunk>,
}

/// A chunk of a column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk {
    pub(crate) length: u64,
    pub(crate) valid: Option<Bits>,
    pub(crate) values: Values,
}

/// Where the values of a chunk lie.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Values {
    /// One after the other.
    Plain(Address),
    Bits(Bits),
    /// Elements of 16 bytes; buffers of longer texts: pointer and length of each, and how many.
    Views(Address, Address, u64),
}

impl Chunk {
    /// Where the values lie and which are there, and the bytes of either; `width` is that of a plain value.
    pub(crate) fn blocks(&self, width: u64) -> Vec<(Address, u64)> {
        let bits = |bits: &Bits| (bits.bytes, bits.offset.saturating_add(self.length).div_ceil(8));
        let values = match &self.values {
            Values::Plain(at) => (*at, self.length.saturating_mul(width)),
            Values::Views(at, ..) => (*at, self.length.saturating_mul(16)),
            Values::Bits(values) => bits(values),
        };
        std::iter::once(values).chain(self.valid.as_ref().map(bits)).collect()
    }
}

/// Bits, of which the first is at an offset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bits {
    pub(crate) bytes: Address,
    pub(crate) offset: u64,
    /// How many are not set, if that was counted.
    unset: Option<u64>,
}

/// Words from an address on.
fn words<const N: usize>(seen: &Seen<'_>, at: Address) -> Option<[u64; N]> {
    if at.0 < 4096 || at.0 & 7 != 0 {
        return None;
    }
    let mut found = [0; N];
    for (number, word) in found.iter_mut().enumerate() {
        *word = seen.pointer(at.offset(8 * number as i64))?.0;
    }
    Some(found)
}

/// The size in a table of functions of a trait.
fn size_of(seen: &Seen<'_>, table: u64) -> Option<i64> {
    let [_, size, alignment] = words::<3>(seen, Address(table))?;
    (matches!(alignment, 8 | 16) && size <= 4096 && size % 8 == 0).then_some(size as i64)
}

/// Whether counts of owners are that.
fn is_owned(strong: u64, weak: u64) -> bool {
    (1..1 << 32).contains(&strong) && (1..1 << 32).contains(&weak)
}

/// A text of 24 bytes: within itself, or elsewhere (`compact_str`).
pub(crate) fn name(seen: &Seen<'_>, at: Address) -> Option<String> {
    const ELSEWHERE: [u8; 2] = [0xd8, 0xd9];
    let mut bytes = [0; 24];
    seen.read_at(at, &mut bytes).ok()?;
    let text = match bytes[23] {
        last if ELSEWHERE.contains(&last) => {
            let [text, length] = words::<2>(seen, at)?;
            if length > LONGEST_NAME {
                return None;
            }
            let mut text_bytes = vec![0; length as usize];
            seen.read_at(Address(text), &mut text_bytes).ok()?;
            text_bytes
        }
        last @ 0xc0..=0xd7 => bytes[..usize::from(last - 0xc0)].to_vec(),
        0..0xc0 => bytes.to_vec(),
        _ => return None,
    };
    String::from_utf8(text).ok()
}

/// Whether a pointer and a table of functions are a counted object of a trait.
pub(crate) fn is_counted(seen: &Seen<'_>, pointer: u64, table: u64) -> bool {
    size_of(seen, table).is_some() && words::<2>(seen, Address(pointer)).is_some_and(|[strong, weak]| is_owned(strong, weak))
}

/// The series of a pointer and a table of functions; none if they are not that.
pub(crate) fn read(seen: &Seen<'_>, numbers: Numbers, pointer: u64, table: u64) -> Option<Series> {
    if !is_counted(seen, pointer, table) {
        return None;
    }
    let size = size_of(seen, table)?;
    let inner = Address(pointer).offset(16);
    if CHUNKED.contains(&size) {
        return chunked(seen, numbers, inner, None).or_else(|| nothing(seen, inner));
    }
    // What means more than its numbers has a type of its own, behind the array or in front of it.
    if !CHUNKED.iter().any(|chunked| (chunked + TYPE..=chunked + TYPE + 24).contains(&size)) {
        return None;
    }
    if numbers.in_front {
        return chunked(seen, numbers, inner.offset(TYPE), Some(inner));
    }
    chunked(seen, numbers, inner, Some(inner.offset(CHUNKED[0])))
}

fn chunked(seen: &Seen<'_>, numbers: Numbers, at: Address, meaning: Option<Address>) -> Option<Series> {
    let [capacity, chunks, count, field, fourth, fifth, sixth] = words::<7>(seen, at)?;
    if count == 0 || count > capacity || count > MOST_CHUNKS || capacity > MOST_VALUES {
        return None;
    }
    let [strong, weak] = words::<2>(seen, Address(field))?;
    let number = seen.read_u8(Address(field).offset(16))?;
    let name = name(seen, Address(field).offset(64)).filter(|_| is_owned(strong, weak))?;
    // Counts of 64 bits; earlier a pointer is in front of them; still earlier they have 32.
    let counts = [(fourth, fifth), (fifth, sixth), (fifth & 0xffff_ffff, fifth >> 32)];
    let physical = numbers.of(number);
    let mut series = Series { name, meaning: physical, unit: None, zone: None, length: 0, nulls: None, chunks: Vec::new() };
    let Some(physical) = physical.filter(|physical| is_read(*physical)) else {
        // A type whose values are not read: only how many there are. What means more than its numbers has numbers.
        let mut tables = (0..count as i64).map(|number| seen.pointer(Address(chunks).offset(16 * number + 8)));
        if meaning.is_some() || !tables.all(|table| table.is_some_and(|table| size_of(seen, table.0).is_some())) {
            return None;
        }
        // Nothing says which of the counts it is, and so not how many are null.
        series.length = counts.iter().find(|(length, nulls)| *length <= MOST_VALUES && nulls <= length)?.0;
        series.meaning = None;
        return Some(series);
    };
    let mut nulls = 0;
    for number in 0..count as i64 {
        let [chunk, table] = words::<2>(seen, Address(chunks).offset(16 * number))?;
        let chunk = read_chunk(seen, physical, Address(chunk), size_of(seen, table)?)?;
        series.length = series.length.checked_add(chunk.length)?;
        nulls += match chunk.valid {
            None => 0,
            Some(bits) => bits.zeros(seen, chunk.length)?,
        };
        series.chunks.push(chunk);
    }
    if !counts.contains(&(series.length, nulls)) || series.length > MOST_VALUES {
        return None;
    }
    series.nulls = Some(nulls);
    if let Some(meaning) = meaning {
        let mut head = [0; 2];
        seen.read_at(meaning, &mut head).ok()?;
        series.meaning = numbers.meaning(head[0], physical);
        if matches!(series.meaning, Some(Type::Datetime | Type::Duration)) {
            series.unit = Some(*["ns", "us", "ms"].get(usize::from(head[1]))?);
        }
        if series.meaning == Some(Type::Datetime) {
            series.zone = self::name(seen, meaning.offset(8)).filter(|zone| is_zone(zone));
        }
    }
    Some(series)
}

/// A column of nothing: chunks, the name itself, a count of 32 bits, which the array has too.
fn nothing(seen: &Seen<'_>, at: Address) -> Option<Series> {
    let [capacity, chunks, count] = words::<3>(seen, at)?;
    if count == 0 || count > capacity || count > MOST_CHUNKS {
        return None;
    }
    let length = u64::from(seen.read_u32(at.offset(48))?);
    let [array, table] = words::<2>(seen, Address(chunks))?;
    size_of(seen, table)?;
    let agrees = count > 1 || words::<13>(seen, Address(array)).is_some_and(|array| array.contains(&length));
    let name = name(seen, at.offset(24)).filter(|_| agrees)?;
    Some(Series { name, meaning: None, unit: None, zone: None, length, nulls: Some(length), chunks: Vec::new() })
}

/// Whether the values of a type can be read.
fn is_read(physical: Type) -> bool {
    matches!(physical, Type::Boolean | Type::Unsigned(_) | Type::Signed(_) | Type::Float(_) | Type::String)
}

fn is_zone(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+-:".contains(&byte))
}

/// Where the fields of an array begin that has this size, given what it holds.
fn base(physical: Type, size: i64) -> Option<i64> {
    Some(match (physical, size) {
        (Type::Boolean, 96) | (Type::String, 120 | 128) => 32,
        (Type::Boolean, 128) | (Type::String, 152) => 64,
        (Type::Boolean | Type::String, _) => return None,
        (_, 88) => 32,
        (_, 120) => 64,
        _ => return None,
    })
}

fn read_chunk(seen: &Seen<'_>, physical: Type, array: Address, size: i64) -> Option<Chunk> {
    let at = array.offset(base(physical, size)?);
    let (length, values, valid) = match physical {
        Type::Boolean => {
            let [.., length] = words::<3>(seen, at)?;
            (length, Values::Bits(bits(seen, at, length)?), at.offset(32))
        }
        Type::String => {
            let [storage, views, length, second, third, fourth] = words::<6>(seen, at)?;
            is_part(seen, storage, views, length, 16)?;
            // The buffers: a counted slice; later itself a buffer, of which they are the elements.
            let (buffers, count, behind) = if size == 128 { (third, fourth, 48) } else { (second.wrapping_add(16), third, 40) };
            if count > MOST_VALUES {
                return None;
            }
            (length, Values::Views(Address(views), Address(buffers), count), at.offset(behind))
        }
        Type::Unsigned(width) | Type::Signed(width) | Type::Float(width) => {
            let [storage, values, length] = words::<3>(seen, at)?;
            is_part(seen, storage, values, length, width as u64)?;
            (length, Values::Plain(Address(values)), at.offset(24))
        }
        _ => return None,
    };
    let valid = if seen.pointer(valid)?.is_null() { None } else { Some(bits(seen, valid, length)?) };
    (length <= MOST_VALUES).then_some(Chunk { length, valid, values })
}

/// A storage: where its bytes begin, and how many there are. Earlier releases count values of `width` bytes: there a capacity
/// stands where the later ones have a table of functions.
fn storage(seen: &Seen<'_>, at: u64, width: u64) -> Option<(u64, u64)> {
    let [_, _, third, owners, start, count] = words::<6>(seen, Address(at))?;
    let bytes = if third < 1 << 40 { count.checked_mul(width)? } else { count };
    ((1..1 << 32).contains(&owners) && start != 0).then_some((start, bytes))
}

/// Whether values are a part of a storage, and lie in memory.
fn is_part(seen: &Seen<'_>, at: u64, start: u64, count: u64, width: u64) -> Option<()> {
    let bytes = count.checked_mul(width)?;
    if bytes == 0 {
        return Some(());
    }
    let (first, held) = storage(seen, at, width)?;
    let end = start.checked_add(bytes)?;
    seen.read_u8(Address(start))?;
    seen.read_u8(Address(end - 1))?;
    (first <= start && end <= first.checked_add(held)?).then_some(())
}

/// A bitmap: storage, offset, number of bits, how many are not set.
fn bits(seen: &Seen<'_>, at: Address, length: u64) -> Option<Bits> {
    let [held, offset, count, unset] = words::<4>(seen, at)?;
    if count != length || offset > MOST_VALUES || count > MOST_VALUES {
        return None;
    }
    let unset = (unset >> 63 == 0).then_some(unset);
    if length == 0 {
        return Some(Bits { bytes: Address::NULL, offset: 0, unset: Some(0) });
    }
    let (start, size) = storage(seen, held, 1)?;
    let needed = (offset + length).div_ceil(8);
    let last = Address(start.checked_add(needed - 1)?);
    (needed <= size && seen.read_u8(last).is_some()).then_some(Bits { bytes: Address(start), offset, unset })
}

impl Bits {
    /// Gives the bytes that have the first `count` bits, in pieces.
    fn pieces(&self, seen: &Seen<'_>, count: u64, mut give: impl FnMut(&[u8])) -> Option<()> {
        const PIECE: usize = 4096;
        let mut piece = [0; PIECE];
        let (mut at, end) = (self.offset / 8, (self.offset + count).div_ceil(8));
        while at < end {
            let length = (end - at).min(PIECE as u64) as usize;
            seen.read_at(self.bytes.offset(at as i64), &mut piece[..length]).ok()?;
            give(&piece[..length]);
            at += length as u64;
        }
        Some(())
    }

    /// Gives each of the first `count` bits.
    pub(crate) fn each(&self, seen: &Seen<'_>, count: u64, mut give: impl FnMut(bool)) -> Option<()> {
        let (mut skipped, mut left) = (self.offset % 8, count);
        self.pieces(seen, count, |bytes| {
            for byte in bytes {
                for bit in std::mem::take(&mut skipped)..8 {
                    if left > 0 {
                        left -= 1;
                        give(byte >> bit & 1 == 1);
                    }
                }
            }
        })
    }

    /// How many of the first `count` are not set; none where that contradicts what was counted.
    fn zeros(&self, seen: &Seen<'_>, count: u64) -> Option<u64> {
        let (mut ones, mut first, mut last) = (0u64, None, 0);
        self.pieces(seen, count, |bytes| {
            ones += bytes.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>();
            first = first.or(bytes.first().copied());
            last = bytes.last().copied().unwrap_or(last);
        })?;
        // What lies beside the bits in the first byte and in the last.
        let before = first.unwrap_or(0) & !(u8::MAX << (self.offset % 8));
        let used = (self.offset + count) % 8;
        let after = if used == 0 { 0 } else { last & u8::MAX << used };
        let zeros = count.checked_sub(ones - u64::from(before.count_ones()) - u64::from(after.count_ones()))?;
        self.unset.is_none_or(|unset| unset == zeros).then_some(zeros)
    }
}
