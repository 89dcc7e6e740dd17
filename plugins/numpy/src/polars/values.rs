//! The values of a column, as the file has them: elements of one size one after the other, a byte for each missing one where
//! there are any, texts as `texts.rs` says.

use heapsake_core::Address;
use heapsake_cpython::memory::Memory;

use super::series::{Chunk, Series, Values};
use super::types::Type;
use crate::contract::Seen;
use crate::texts::{Text, Texts};

/// Bytes that a view has of its text in itself.
const WITHIN: usize = 12;
/// Bytes of an element of a buffer list.
const BUFFER: i64 = 24;

/// A column in the value of an object.
pub(crate) struct Column {
    /// What an element is, for `array` of the loader.
    pub(crate) item: String,
    pub(crate) offset: u64,
    /// Where the bytes begin that are not 0 for a missing value.
    pub(crate) mask: Option<u64>,
    /// Texts that make no sense, or were too many.
    pub(crate) lost: u64,
}

/// Bytes of an element in the file, and what it is; none of a column whose values are not read.
pub(crate) fn item(series: &Series) -> Option<(usize, String)> {
    let unit = series.unit.unwrap_or("ns");
    Some(match series.meaning? {
        Type::Boolean => (1, "|b1".to_owned()),
        Type::Unsigned(width) => (width, format!("<u{width}")),
        Type::Signed(width) => (width, format!("<i{width}")),
        Type::Float(width) => (width, format!("<f{width}")),
        Type::Date => (8, "<M8[D]".to_owned()),
        Type::Datetime => (8, format!("<M8[{unit}]")),
        Type::Duration | Type::Time => (8, format!("<m8[{unit}]")),
        Type::String => (16, "|T16".to_owned()),
        Type::Decimal | Type::Binary | Type::BinaryOffset => return None,
    })
}

/// Bytes of a value in memory, of those that lie one after the other.
pub(crate) fn width(series: &Series) -> u64 {
    match series.meaning {
        // Days are counted in 32 bits there.
        Some(Type::Date) => 4,
        _ => item(series).map_or(0, |(width, _)| width as u64),
    }
}

/// Adds the first `rows` values of a column to `value`, with at most `text` bytes of longer texts; none if some of it makes
/// no sense, and then adds nothing.
pub(crate) fn add(seen: &Seen<'_>, series: &Series, rows: u64, text: &mut usize, value: &mut Vec<u8>) -> Option<Column> {
    let begin = value.len();
    let added = add_all(seen, series, rows, text, value);
    if added.is_none() {
        value.truncate(begin);
    }
    added
}

/// The chunks, with how many values are taken of each.
fn taken(series: &Series, rows: u64) -> impl Iterator<Item = (&Chunk, u64)> {
    let mut left = rows;
    series.chunks.iter().map(move |chunk| {
        let count = chunk.length.min(left);
        left -= count;
        (chunk, count)
    })
}

fn add_all(seen: &Seen<'_>, series: &Series, rows: u64, text: &mut usize, value: &mut Vec<u8>) -> Option<Column> {
    let (width, item) = item(series)?;
    let rows = rows.min(series.length);
    let mut column = Column { item, offset: value.len() as u64, mask: None, lost: 0 };
    if series.meaning == Some(Type::String) {
        let mut texts = Texts::new(column.offset, rows as usize, *text);
        for (chunk, count) in taken(series, rows) {
            add_texts(seen, chunk, count, &mut texts)?;
        }
        column.lost = texts.lost;
        let bytes = texts.into_bytes();
        *text = text.saturating_sub(bytes.len() - 16 * rows as usize);
        value.extend(bytes);
        return Some(column);
    }
    for (chunk, count) in taken(series, rows) {
        match chunk.values {
            Values::Bits(bits) => bits.each(seen, count, |bit| value.push(u8::from(bit)))?,
            // Days are counted in 32 bits there, and in 64 here.
            Values::Plain(at) if series.meaning == Some(Type::Date) => {
                let mut days = vec![0; 4 * count as usize];
                seen.read_at(at, &mut days).ok()?;
                let days = days.as_chunks::<4>().0.iter().map(|day| i64::from(i32::from_le_bytes(*day)));
                days.for_each(|day| value.extend(day.to_le_bytes()));
            }
            Values::Plain(at) => {
                let from = value.len();
                value.resize(from + width * count as usize, 0);
                seen.read_at(at, &mut value[from..]).ok()?;
            }
            Values::Views(..) => return None,
        }
    }
    if series.nulls > Some(0) {
        column.mask = Some(value.len() as u64);
        for (chunk, count) in taken(series, rows) {
            match chunk.valid {
                Some(bits) => bits.each(seen, count, |is_valid| value.push(u8::from(!is_valid)))?,
                None => value.resize(value.len() + count as usize, 0),
            }
        }
    }
    Some(column)
}

/// Adds the texts of a chunk. A longer text begins with what its view has of it, or is none.
fn add_texts(seen: &Seen<'_>, chunk: &Chunk, count: u64, texts: &mut Texts) -> Option<()> {
    let Values::Views(views, buffers, buffer_count) = chunk.values else { return None };
    let mut valid = Vec::new();
    if let Some(bits) = chunk.valid {
        bits.each(seen, count, |is_valid| valid.push(is_valid))?;
    }
    let mut bytes = vec![0; 16 * count as usize];
    seen.read_at(views, &mut bytes).ok()?;
    for (number, view) in bytes.as_chunks::<16>().0.iter().enumerate() {
        if valid.get(number) == Some(&false) {
            texts.push(Text::Missing);
            continue;
        }
        let field = |at: usize| u32::from_le_bytes([view[at], view[at + 1], view[at + 2], view[at + 3]]);
        let length = field(0) as usize;
        if length <= WITHIN {
            let text = &view[4..4 + length];
            texts.push(if std::str::from_utf8(text).is_ok() { Text::Known(text) } else { Text::Lost });
            continue;
        }
        let found = if texts.has_room(length) {
            elsewhere(seen, buffers, buffer_count, field(8), field(12), length).filter(|text| text[..4] == view[4..8])
        } else {
            None
        };
        texts.push(found.as_deref().map_or(Text::Lost, Text::Known));
    }
    Some(())
}

/// A text in a buffer: storage, pointer, length.
fn elsewhere(seen: &Seen<'_>, buffers: Address, count: u64, buffer: u32, offset: u32, length: usize) -> Option<Vec<u8>> {
    if u64::from(buffer) >= count {
        return None;
    }
    let at = buffers.offset(i64::from(buffer) * BUFFER);
    let (start, held) = (seen.pointer(at.offset(8))?, seen.pointer(at.offset(16))?.0);
    if u64::from(offset) + length as u64 > held {
        return None;
    }
    let last = Address(start.0.checked_add(u64::from(offset) + length as u64 - 1)?);
    seen.read_u8(last)?;
    let mut text = vec![0; length];
    seen.read_at(start.offset(i64::from(offset)), &mut text).ok()?;
    std::str::from_utf8(&text).is_ok().then_some(text)
}
