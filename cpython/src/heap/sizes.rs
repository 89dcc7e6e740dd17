//! Sizes of objects as `sys.getsizeof` has them, and what `__sizeof__` forgets: values of attributes, cached UTF-8; and which
//! block of that lies apart.

use heapsake_core::Address;
use heapsake_core::heap::{Sink, TypeId};
use heapsake_core::reduce::Failure;

use super::head::Head;
use super::payload::Payload;
use super::types::{Attributes, TypeEntry};
use super::unicodeobject::Place;
use super::{CPythonHeap, corrupt};
use crate::memory::Memory;

/// How large an object is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Bytes of itself, of what lies in front of it, and of the block that it alone owns.
    pub(crate) bytes: u64,
    /// That block: where it lies, and its bytes, none where there is no block.
    pub(crate) apart: (Address, u64),
}

impl Size {
    /// Of one piece.
    pub(crate) fn whole(bytes: u64) -> Size {
        Size { bytes, apart: Default::default() }
    }

    /// An object with a block.
    pub(crate) fn with_block(bytes: u64, at: Address, length: u64) -> Size {
        Size { bytes: bytes.saturating_add(length), apart: (at, length) }
    }

    /// Starts telling the object.
    #[inline]
    pub(crate) fn begin<S: Sink + ?Sized>(self, type_id: TypeId, sink: &mut S) {
        sink.begin(type_id, self.bytes);
        if self.apart.1 > 0 {
            sink.block(self.apart.0, self.apart.1);
        }
    }
}

impl<M: Memory> CPythonHeap<M> {
    /// The size of an object.
    #[inline]
    pub(crate) fn size(&self, entry: &TypeEntry, head: Head<'_>) -> Size {
        let block = match entry.payload {
            Payload::Object | Payload::Fields | Payload::Float => match (entry.item_size, entry.attributes) {
                (0, Attributes::None | Attributes::At(_) | Attributes::DictPointer) => return Size::whole(entry.fixed_size),
                (0, _) => {
                    let length = 8 * entry.keys.len() as u64;
                    let values = if length > 0 { self.values_apart(entry, head.object) } else { None };
                    // Room for values is the type's to say, whether they are there yet or not.
                    return match values {
                        Some(at) => Size::with_block(entry.fixed_size, at, length),
                        None => Size::whole(entry.fixed_size + length),
                    };
                }
                _ => return self.size_with_items(entry, self.items(entry, head)),
            },
            Payload::Str => return self.size_of_text(entry, head).unwrap_or(Size::whole(entry.fixed_size)),
            Payload::Dict => self.keys_block(head),
            Payload::List => self.items_block(head),
            Payload::Set => self.set_block(head),
            Payload::Bytearray => self.bytearray_block(head),
            Payload::Int => {
                let digits = self.digits(head).map(|(count, _)| self.size_of_digits(entry, count));
                return self.size_with_items(entry, digits);
            }
            // Their number of items is not where it would be.
            Payload::Generator | Payload::Coroutine | Payload::AsyncGenerator => return Size::whole(entry.fixed_size),
            _ => return self.size_with_items(entry, self.items(entry, head)),
        };
        let (at, length) = block.unwrap_or_default();
        Size::with_block(entry.fixed_size, at, length)
    }

    #[inline]
    fn size_with_items(&self, entry: &TypeEntry, more: Result<u64, Failure>) -> Size {
        Size::whole(entry.fixed_size.saturating_add(more.unwrap_or(0)))
    }

    fn items_block(&self, head: Head<'_>) -> Result<(Address, u64), Failure> {
        let layout = &self.layouts().list;
        let length = self.head_field(layout.allocated, head)?.unsigned_abs().saturating_mul(8);
        Ok((if length > 0 { self.head_field(layout.ob_item, head)? } else { Address::NULL }, length))
    }

    /// The block of a `bytearray`, which is a whole `bytes` object from 3.15 on.
    fn bytearray_block(&self, head: Head<'_>) -> Result<(Address, u64), Failure> {
        let layouts = self.layouts();
        let allocated = self.head_field(layouts.bytearray.ob_alloc, head)?.unsigned_abs();
        match layouts.bytearray.ob_bytes_object {
            Some(object) if allocated > 0 => {
                Ok((self.field(object, head.object)?, allocated + layouts.bytes.ob_sval.offset() as u64 + 1))
            }
            _ => Ok((self.field(layouts.bytearray.ob_start, head.object)?, allocated)),
        }
    }

    /// Where sizes are tags, a number has room for one digit at least.
    #[inline]
    pub(super) fn size_of_digits(&self, entry: &TypeEntry, count: u64) -> u64 {
        let least = u64::from(self.layouts().long.lv_tag.is_some());
        if count > 1 << 40 { 0 } else { count.max(least) * entry.item_size }
    }

    #[inline]
    fn items(&self, entry: &TypeEntry, head: Head<'_>) -> Result<u64, Failure> {
        if entry.item_size == 0 {
            return Ok(0);
        }
        let count = self.item_count_of(entry, head)?;
        Ok(if count > 1 << 40 { 0 } else { count * entry.item_size })
    }

    fn size_of_text(&self, entry: &TypeEntry, head: Head<'_>) -> Result<Size, Failure> {
        self.size_of_text_at(head.object, entry, &self.place_of_text(head)?)
    }

    #[inline]
    pub(super) fn size_of_text_at(&self, object: Address, entry: &TypeEntry, place: &Place) -> Result<Size, Failure> {
        let layouts = self.layouts();
        let characters = place.length.saturating_add(1).saturating_mul(u64::from(place.width));
        if place.apart {
            return Ok(Size::with_block(entry.fixed_size, place.at, characters));
        }
        if place.ascii {
            return Ok(Size::whole((layouts.ascii.size as u64).saturating_add(characters)));
        }
        let cached = self.field(layouts.compact_unicode.utf8, object)?;
        let utf8 = if cached.is_null() { 0 } else { self.field(layouts.compact_unicode.utf8_length, object)?.unsigned_abs() + 1 };
        Ok(Size::with_block((layouts.compact_unicode.size as u64).saturating_add(characters), cached, utf8))
    }

    /// The table of a dictionary that does not share its keys, or else its values.
    fn keys_block(&self, head: Head<'_>) -> Result<(Address, u64), Failure> {
        let layouts = self.layouts();
        let layout = &layouts.dict_keys;
        let at = self.head_field(layouts.dict.ma_keys, head)?;
        let values = self.head_field(layouts.dict.ma_values, head)?;
        let keys = self.head(at);
        let count = self.head_field(layout.dk_nentries, keys)?.unsigned_abs();
        if !values.is_null() {
            return Ok((values, count.saturating_mul(8)));
        }
        if self.head_field(layout.dk_refcnt, keys)? != 1 {
            return Ok((at, 0));
        }
        let usable = self.head_field(layout.dk_usable, keys)?.unsigned_abs();
        let (slots, index) = match (layout.dk_size, layout.dk_log2_index_bytes) {
            (_, Some(logarithm)) => (count.saturating_add(usable), 1 << self.head_field(logarithm, keys)?.min(46)),
            (Some(size), None) => {
                let size = self.head_field(size, keys)?.unsigned_abs();
                let width = if size <= 0xff {
                    1
                } else if size <= 0xffff {
                    2
                } else {
                    4
                };
                (count.saturating_add(usable), size.saturating_mul(width))
            }
            (None, None) => return Err(corrupt("a key table of unknown size")),
        };
        let stride = match (layout.dk_kind, layouts.dict_unicode_entry) {
            (Some(kind), Some(entry)) if self.head_field(kind, keys)? != 0 => entry.size,
            _ => layouts.dict_entry.size,
        };
        let entries = slots.saturating_mul(stride as u64);
        Ok((at, (layout.dk_indices.offset() as u64).saturating_add(index).saturating_add(entries)))
    }

    fn set_block(&self, head: Head<'_>) -> Result<(Address, u64), Failure> {
        let layout = &self.layouts().set;
        let table = self.head_field(layout.table, head)?;
        if table == layout.smalltable.at(head.object) {
            return Ok((table, 0));
        }
        let count = self.head_field(layout.mask, head)?.unsigned_abs().saturating_add(1);
        Ok((table, count.saturating_mul(self.layouts().set_entry.size as u64)))
    }
}
