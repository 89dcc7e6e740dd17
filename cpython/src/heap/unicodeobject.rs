//! `str`: compact and not, ASCII, one, two and four bytes a code point, and up to 3.11 strings that are not ready, which have
//! only their `wchar_t`s. Mirrors `Include/cpython/unicodeobject.h`.

use std::borrow::Cow;

use heapsake_core::Address;
use heapsake_core::heap::{Sink, Text, Value};
use heapsake_core::reduce::Failure;

use super::head::Head;
use super::sizes::Size;
use super::{CPythonHeap, TypeEntry, corrupt};
use crate::layout::{Bits, Field};
use crate::layouts::Layouts;
use crate::memory::Memory;

/// The state of a string as masks over the word that it lies in, so that the hot path reads it once.
#[derive(Clone, Copy, Debug)]
pub(super) struct StringShape {
    word: usize,
    kind: u32,
    compact: u64,
    ascii: u64,
    ready: u64,
}

impl StringShape {
    pub(super) fn new(layouts: &Layouts) -> StringShape {
        let layout = &layouts.ascii;
        let word = layout.kind.offset() & !7;
        let first_bit = |field: Field<Bits>| {
            (0..64u32).find(|bit| {
                let mut bytes = vec![0; word + 16];
                bytes[word + *bit as usize / 8] = 1 << (bit % 8);
                field.decode(&bytes).is_some_and(|value| value == 1)
            })
        };
        let mask = |field: Field<Bits>| first_bit(field).map_or(0, |bit| 1u64 << bit);
        StringShape {
            word,
            kind: first_bit(layout.kind).unwrap_or(0),
            compact: mask(layout.compact),
            ascii: mask(layout.ascii),
            ready: layout.ready.map_or(0, mask),
        }
    }
}

/// The text of a string object, where it lies.
pub(crate) struct StringData<'a> {
    bytes: Cow<'a, [u8]>,
    width: u8,
    ascii: bool,
}

impl StringData<'_> {
    /// The number of code points.
    pub(crate) fn length(&self) -> usize {
        self.bytes.len() / usize::from(self.width)
    }

    pub(crate) fn text(&self) -> Text<'_> {
        match self.width {
            1 if self.ascii => Text::Ascii(&self.bytes),
            1 => Text::Latin1(&self.bytes),
            2 => Text::Ucs2(&self.bytes),
            _ => Text::Ucs4(&self.bytes),
        }
    }

    pub(crate) fn is_equal(&self, text: &str) -> bool {
        if self.ascii {
            return *self.bytes == *text.as_bytes();
        }
        let mut bytes = Vec::new();
        self.length() <= text.len() && {
            self.text().write_wtf8(&mut bytes);
            bytes == text.as_bytes()
        }
    }
}

/// Where the characters are: their address, number, bytes each, and whether they are ASCII.
pub(super) struct Place {
    pub(super) at: Address,
    pub(super) length: u64,
    pub(super) width: u8,
    pub(super) ascii: bool,
    /// Whether they lie in a block of their own.
    pub(super) apart: bool,
}

impl<M: Memory> CPythonHeap<M> {
    #[inline]
    pub(super) fn place_of_text(&self, head: Head<'_>) -> Result<Place, Failure> {
        let object = head.object;
        let layouts = self.layouts();
        let shape = &self.strings;
        let state = self.head_word(shape.word, head)?;
        let length = self.head_field(layouts.ascii.length, head)?;
        let length = u64::try_from(length).map_err(|_| corrupt("a string of negative length"))?;
        let ascii = state & shape.ascii != 0;
        let width = (state >> shape.kind & 7) as u8;
        if state & shape.compact != 0 {
            let at = object.offset(if ascii { layouts.ascii.size } else { layouts.compact_unicode.size } as i64);
            return match width {
                1 | 2 | 4 => Ok(Place { at, length, width, ascii, apart: false }),
                _ => Err(corrupt("a string of unknown width")),
            };
        }
        let is_ready = shape.ready == 0 || state & shape.ready != 0;
        match (is_ready, width, layouts.ascii.wstr, layouts.compact_unicode.wstr_length) {
            (true, 1 | 2 | 4, ..) => {
                let at = self.field(layouts.unicode.data, object)?;
                Ok(Place { at, length, width, ascii, apart: true })
            }
            (_, 0, Some(characters), Some(count)) => {
                let at = self.field(characters, object)?;
                let length = u64::try_from(self.field(count, object)?).map_err(|_| corrupt("a string of negative length"))?;
                Ok(Place { at, length, width: 4, ascii: false, apart: true })
            }
            _ => Err(corrupt("a string of unknown width")),
        }
    }

    /// Gives the text of the string object at `object`, whose type is taken for granted, to `read`.
    #[inline]
    pub(crate) fn with_text<R>(&self, object: Address, read: impl FnOnce(&StringData<'_>) -> R) -> Result<R, Failure> {
        self.with_text_at(&self.place_of_text(self.head(object))?, read)
    }

    #[inline]
    fn with_text_at<R>(&self, place: &Place, read: impl FnOnce(&StringData<'_>) -> R) -> Result<R, Failure> {
        let length = place.length.checked_mul(u64::from(place.width)).ok_or_else(|| corrupt("a string beyond memory"))?;
        let bytes = self.piece(place.at, length)?;
        Ok(read(&StringData { bytes, width: place.width, ascii: place.ascii }))
    }
}

/// Tells all of an instance that has nothing but its text.
#[inline]
pub(super) fn reduce_leaf<M: Memory, S: Sink>(
    heap: &CPythonHeap<M>,
    entry: &TypeEntry,
    head: Head<'_>,
    sink: &mut S,
) -> Result<(), Failure> {
    let place = heap.place_of_text(head);
    let size = match &place {
        Ok(place) if !sink.is_marking() => heap.size_of_text_at(head.object, entry, place),
        _ => Ok(Size::whole(entry.fixed_size)),
    };
    size.unwrap_or(Size::whole(entry.fixed_size)).begin(entry.id, sink);
    heap.with_text_at(&place?, |data| sink.value(Value::Text(data.text())))
}

pub(super) fn reduce<M: Memory, S: Sink + ?Sized>(heap: &CPythonHeap<M>, head: Head<'_>, sink: &mut S) -> Result<(), Failure> {
    heap.with_text_at(&heap.place_of_text(head)?, |data| sink.value(Value::Text(data.text())))
}
