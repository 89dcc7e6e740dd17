//! `array`: typed arrays of numbers, by `Modules/arraymodule.c`.
//!
//! The items are no objects: they go into the state as numbers, or, beyond a limit, the first of them as bytes.

use heapsake_core::Address;
use heapsake_core::heap::Sink;
use heapsake_core::reduce::{Failure, Reason};

use crate::framework::{Fact, NUMBER_LIMIT, Target, character, facts, known, reducers, whole};

/// The most bytes of an array that is too long to be saved as numbers.
const BYTE_LIMIT: usize = 1 << 20;
/// What a code of more than one letter has room for, such as `Zd`.
const LONGEST_CODE: i64 = 3;

reducers! {
    /// *What it holds.* Numbers or characters of one C type, without objects.
    /// *What is saved.* `typecode`, `itemsize`, the `length`, and the `items`; of more than 100,000 the first MiB as `bytes`.
    /// *What becomes a surrogate.* One whose items are not readable.
    Array ["array.array"] "`typecode` and the items" => array, owning items;

    /// *What it holds.* The array and the position in it.
    /// *What is saved.* `array` and `index`.
    /// *What becomes a surrogate.* None but the unreadable.
    ArrayIterator ["arrayiterator", "array.arrayiterator"] "the array and the position" => |target, sink| {
        let layout = known(target.layouts().array_iterator)?;
        target.attribute(sink, "array", layout.ao)?;
        facts!(target, "index": target.field(layout.index)?);
        Ok(())
    };
}

fn array(target: &Target<'_>, _: &mut dyn Sink) -> Result<(), Failure> {
    let layout = known(target.layouts().array)?;
    let descriptor_layout = known(target.layouts().array_descriptor)?;
    let descriptor = target.field(layout.ob_descr)?;
    let longest = if descriptor_layout.formats.is_some() { 1 } else { LONGEST_CODE };
    let code = target.bytes(descriptor_layout.typecode.at(descriptor), longest, usize::MAX)?;
    let code: String = code.iter().take_while(|letter| **letter != 0).map(|letter| char::from(*letter)).collect();
    let width = target.field_of(descriptor_layout.itemsize, descriptor)?;
    let length = target.size_of(target.address())?;
    facts!(target, "typecode": code.clone(), "itemsize": width, "length": length);
    let items = target.field(layout.ob_item)?;
    let bytes = whole(length)?.checked_mul(whole(width.into())?).and_then(|bytes| i64::try_from(bytes).ok());
    let bytes = bytes.ok_or_else(|| Failure::new(Reason::Corrupt, format!("{length} items of {width} bytes")))?;
    if bytes == 0 {
        facts!(target, "items": Vec::<Fact>::new());
    } else if length as u64 > NUMBER_LIMIT as u64 {
        facts!(target, "bytes": target.bytes(items, bytes, BYTE_LIMIT)?);
    } else {
        let bytes = target.bytes(items, bytes, usize::MAX)?;
        match numbers(&code, width as usize, &bytes) {
            Some(items) => facts!(target, "items": items),
            None => facts!(target, "bytes": bytes),
        }
    }
    Ok(())
}

/// The block of the items, with the room for more.
fn items(target: &Target<'_>, each: &mut dyn FnMut(Address, u64)) -> Result<(), Failure> {
    let (layout, descriptor_layout) = (known(target.layouts().array)?, known(target.layouts().array_descriptor)?);
    let width = target.field_of(descriptor_layout.itemsize, target.field(layout.ob_descr)?)?;
    let length = whole(target.field(layout.allocated)?)?.saturating_mul(whole(width.into())?);
    each(target.field(layout.ob_item)?, length);
    Ok(())
}

/// Items of the C type that `code` and `width` spell, little endian; none for a type that is not known.
fn numbers(code: &str, width: usize, bytes: &[u8]) -> Option<Vec<Fact>> {
    let unsigned = |item: &[u8]| item.iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let decode: fn(u64, u32) -> Fact = match (code, width) {
        ("b" | "h" | "i" | "l" | "q", 1 | 2 | 4 | 8) => |word, spare| ((word << spare) as i64 >> spare).into(),
        ("B" | "H" | "I" | "L" | "Q", 1 | 2 | 4 | 8) => |word, _| word.into(),
        ("f", 4) => |word, _| f32::from_bits(word as u32).into(),
        ("d", 8) => |word, _| f64::from_bits(word).into(),
        ("u" | "w", 2 | 4) => |word, _| character(word as u32).into(),
        _ => return None,
    };
    Some(bytes.chunks_exact(width).map(|item| decode(unsigned(item), 64 - 8 * width as u32)).collect())
}

#[cfg(test)]
#[path = "array_tests.rs"]
mod tests;
