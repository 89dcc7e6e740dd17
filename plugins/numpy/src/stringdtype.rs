//! `numpy.dtypes.StringDType`: what stands for a missing text, and where the texts of an array lie. Mirrors
//! `PyArray_StringDTypeObject` and `npy_string_allocator` (`numpy/_core/src/multiarray/stringdtype/static_string.c`), the
//! same since NumPy 2.0.
//!
//! An element of 16 bytes has its text in itself, in the arena of its dtype, or anywhere else; the arena has the length of
//! each text before it. A text is taken for one only where it lies within the arena and its length there agrees, or, outside
//! of the arena, where it can be read.

use heapsake_core::Address;
use heapsake_cpython::memory::Memory;

use crate::contract::Seen;
use crate::texts::{ITEM, Text, Texts};

/// In bytes after the object's head.
const NA_OBJECT: i64 = 72;
const COERCE: i64 = 80;
const ALLOCATOR: i64 = 120;
/// Within `npy_string_allocator`: bytes that are taken, bytes that there are, where they lie.
const ARENA: i64 = 24;

const MISSING: u8 = 0x80;
const INITIALIZED: u8 = 0x40;
const OUTSIDE: u8 = 0x20;
/// In the arena: its length there has eight bytes and not one.
const LONG: u8 = 0x10;
const FLAGS: u8 = 0xf0;
/// No text is longer.
const LONGEST: u64 = 1 << 40;

/// What a dtype of texts says.
pub(crate) struct Strings {
    /// What stands for a missing text; null where none may be missing.
    pub(crate) missing: Address,
    pub(crate) coerces: bool,
    /// Begin and end of the texts of the arena.
    arena: Option<(u64, u64)>,
}

impl Strings {
    /// Of the dtype whose fields begin at `body`; none if it makes no sense.
    pub(crate) fn read(seen: &Seen<'_>, body: Address) -> Option<Strings> {
        let missing = seen.pointer(body.offset(NA_OBJECT))?;
        // Four flags, of which the last is a small number.
        let mut flags = [0; 4];
        seen.read_at(body.offset(COERCE), &mut flags).ok()?;
        let fits = flags[..3].iter().all(|flag| *flag <= 1) && flags[3] <= 2;
        if !fits || !(missing.is_null() || seen.object.is_object(missing)) {
            return None;
        }
        let allocator = seen.pointer(body.offset(ALLOCATOR)).filter(|allocator| allocator.0 != 0 && allocator.0 & 7 == 0)?;
        let [taken, size, buffer] = [0, 8, 16].map(|at| seen.read_i64(allocator.offset(ARENA + at)).map(|word| word as u64));
        let (taken, size, buffer) = (taken?, size?, buffer?);
        let end = buffer.checked_add(taken)?;
        let is_readable = || seen.read_u8(Address(buffer)).is_some() && seen.read_u8(Address(end - 1)).is_some();
        let arena = match (buffer, taken) {
            (0, _) | (_, 0) => None,
            _ if taken <= size && size <= LONGEST && is_readable() => Some((buffer, end)),
            _ => return None,
        };
        Some(Strings { missing, coerces: flags[0] == 1, arena })
    }

    /// Adds the text of an element.
    pub(crate) fn add(&self, seen: &Seen<'_>, element: &[u8; ITEM], into: &mut Texts) {
        let flags = element[ITEM - 1] & FLAGS;
        if flags & MISSING != 0 {
            return into.push(Text::Missing);
        }
        if flags == INITIALIZED | OUTSIDE {
            let length = usize::from(element[ITEM - 1] & !FLAGS);
            return into.push(Text::Known(&element[..length]));
        }
        let word = |at: usize| element[at..].iter().take(8).rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
        let (place, length) = (word(0), word(8) & ((1 << 56) - 1));
        if length == 0 {
            return into.push(Text::Known(b""));
        }
        match self.place(seen, flags, place, length) {
            Some((start, length)) if into.has_room(length) => {
                let mut text = vec![0; length];
                let read = seen.read_at(start, &mut text).is_ok() && std::str::from_utf8(&text).is_ok();
                into.push(if read { Text::Known(&text) } else { Text::Lost });
            }
            _ => into.push(Text::Lost),
        }
    }

    /// Where the text of an element that does not lie in itself begins, and its length.
    fn place(&self, seen: &Seen<'_>, flags: u8, place: u64, length: u64) -> Option<(Address, usize)> {
        let size = usize::try_from(length).ok().filter(|_| length <= LONGEST)?;
        if flags & INITIALIZED == 0 {
            return None;
        }
        if flags & OUTSIDE != 0 {
            // A length that is a lie is found out before there is room for it.
            let last = Address(place.checked_add(length - 1)?);
            return (place != 0 && seen.read_u8(last).is_some()).then_some((Address(place), size));
        }
        let (begin, end) = self.arena?;
        let start = begin.checked_add(place)?;
        if start.checked_add(length)? > end {
            return None;
        }
        // The text may have been replaced by a shorter one since.
        let had = if flags & LONG == 0 {
            u64::from(seen.read_u8(Address(start.checked_sub(1).filter(|at| *at >= begin)?))?)
        } else {
            seen.read_i64(Address(start.checked_sub(8).filter(|at| *at >= begin)?))? as u64
        };
        (length <= had).then_some((Address(start), size))
    }
}
