//! Sizes of objects as `sys.getsizeof` has them, and what `__sizeof__` forgets: values of attributes, cached UTF-8.

use heapsake_core::Address;
use heapsake_core::reduce::Failure;

use super::head::Head;
use super::payload::Payload;
use super::types::{Attributes, TypeEntry};
use super::unicodeobject::Place;
use super::{CPythonHeap, corrupt};
use crate::memory::Memory;

impl<M: Memory> CPythonHeap<M> {
    /// Bytes of the object at `object`: itself, what lies in front of it, and the blocks that it alone owns.
    #[inline]
    pub(crate) fn size(&self, entry: &TypeEntry, head: Head<'_>) -> u64 {
        let more = match entry.payload {
            Payload::Object | Payload::Fields | Payload::Float => match (entry.item_size, entry.attributes) {
                (0, Attributes::None | Attributes::At(_) | Attributes::DictPointer) => Ok(0),
                (0, _) => Ok(8 * entry.keys.len() as u64),
                _ => self.items(entry, head),
            },
            Payload::Str => return self.size_of_text(entry, head).unwrap_or(entry.fixed_size),
            Payload::Dict => self.size_of_keys(head),
            Payload::List => {
                self.head_field(self.layouts().list.allocated, head).map(|count| count.unsigned_abs().saturating_mul(8))
            }
            Payload::Set => self.size_of_set(head),
            Payload::Bytearray => self.size_of_block(head),
            Payload::Int => self.digits(head).map(|(count, _)| self.size_of_digits(entry, count)),
            // Their number of items is not where it would be.
            Payload::Generator | Payload::Coroutine | Payload::AsyncGenerator => Ok(0),
            _ => self.items(entry, head),
        };
        entry.fixed_size.saturating_add(more.unwrap_or(0))
    }

    /// The block of a `bytearray`, which is a whole `bytes` object from 3.15 on.
    fn size_of_block(&self, head: Head<'_>) -> Result<u64, Failure> {
        let layouts = self.layouts();
        let allocated = self.head_field(layouts.bytearray.ob_alloc, head)?.unsigned_abs();
        let is_object = layouts.bytearray.ob_bytes_object.is_some() && allocated > 0;
        Ok(allocated + if is_object { layouts.bytes.ob_sval.offset() as u64 + 1 } else { 0 })
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

    fn size_of_text(&self, entry: &TypeEntry, head: Head<'_>) -> Result<u64, Failure> {
        self.size_of_text_at(head.object, entry, &self.place_of_text(head)?)
    }

    #[inline]
    pub(super) fn size_of_text_at(&self, object: Address, entry: &TypeEntry, place: &Place) -> Result<u64, Failure> {
        let layouts = self.layouts();
        let characters = place.length.saturating_add(1).saturating_mul(u64::from(place.width));
        if place.apart {
            return Ok(entry.fixed_size.saturating_add(characters));
        }
        if place.ascii {
            return Ok((layouts.ascii.size as u64).saturating_add(characters));
        }
        let cached = self.field(layouts.compact_unicode.utf8, object)?;
        let utf8 = if cached.is_null() { 0 } else { self.field(layouts.compact_unicode.utf8_length, object)?.unsigned_abs() + 1 };
        Ok((layouts.compact_unicode.size as u64).saturating_add(characters).saturating_add(utf8))
    }

    /// The table of a dictionary that does not share its keys, or else its values.
    fn size_of_keys(&self, head: Head<'_>) -> Result<u64, Failure> {
        let layouts = self.layouts();
        let layout = &layouts.dict_keys;
        let keys = self.head_field(layouts.dict.ma_keys, head)?;
        let values = self.head_field(layouts.dict.ma_values, head)?;
        let keys = self.head(keys);
        let count = self.head_field(layout.dk_nentries, keys)?.unsigned_abs();
        if !values.is_null() {
            return Ok(count.saturating_mul(8));
        }
        if self.head_field(layout.dk_refcnt, keys)? != 1 {
            return Ok(0);
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
        Ok((layout.dk_indices.offset() as u64).saturating_add(index).saturating_add(slots.saturating_mul(stride as u64)))
    }

    fn size_of_set(&self, head: Head<'_>) -> Result<u64, Failure> {
        let layout = &self.layouts().set;
        if self.head_field(layout.table, head)? == layout.smalltable.at(head.object) {
            return Ok(0);
        }
        let count = self.head_field(layout.mask, head)?.unsigned_abs().saturating_add(1);
        Ok(count.saturating_mul(self.layouts().set_entry.size as u64))
    }
}
