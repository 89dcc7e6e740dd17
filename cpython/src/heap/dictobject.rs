//! `dict`: combined and split tables, of both generations of headers and of entries, in the order of insertion.
//!
//! A split table has its values apart, in the order of its keys up to 3.10. From 3.11 on, the order of insertion is an array
//! of bytes: before the values, growing downwards, up to 3.12; after them, upwards, where values know their capacity (3.13).
//! Mirrors `Objects/dictobject.c`, `Include/internal/pycore_dict.h`.

use std::borrow::Cow;

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::{Failure, Reason};

use super::head::Head;
use super::{CPythonHeap, corrupt, miscounted, unreadable};
use crate::layout::Field;
use crate::memory::Memory;

/// The most bytes in front of values: their number, that of these bytes, and indices.
const FRONT: usize = 32;

/// The entries of a key table.
pub(super) struct KeyTable<'a> {
    bytes: Cow<'a, [u8]>,
    stride: usize,
    key: usize,
    value: usize,
}

impl KeyTable<'_> {
    #[inline]
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (Address, Address)> + '_ {
        let word = |bytes: &[u8], at: usize| match bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            Some(chunk) => Address(u64::from_le_bytes(*chunk)),
            None => Address::NULL,
        };
        self.bytes.chunks_exact(self.stride).map(move |entry| (word(entry, self.key), word(entry, self.value)))
    }

    #[inline]
    fn key(&self, index: usize) -> Option<Address> {
        let at = index.checked_mul(self.stride)?.checked_add(self.key)?;
        let chunk = self.bytes.get(at..)?.first_chunk::<8>()?;
        Some(Address(u64::from_le_bytes(*chunk)))
    }
}

/// The order of insertion of values.
pub(super) enum Order {
    /// That of the keys.
    Keys,
    /// These indices.
    Indices([u8; 64], usize),
}

/// Bytes of hash indices that no table reaches.
const LARGEST_INDEX: u64 = 1 << 46;

fn power(logarithm: u8) -> Result<u64, Failure> {
    1u64.checked_shl(u32::from(logarithm)).ok_or_else(|| corrupt("a key table beyond memory"))
}

impl<M: Memory> CPythonHeap<M> {
    /// The entries of the key table at `keys`.
    #[inline]
    pub(super) fn key_table(&self, keys: Address) -> Result<KeyTable<'_>, Failure> {
        let layouts = self.layouts();
        let layout = &layouts.dict_keys;
        let header = self.piece(keys, layout.dk_indices.offset() as u64)?;
        let header: &[u8] = &header;
        let count = layout.dk_nentries.decode(header).ok_or_else(unreadable)?;
        let count = u64::try_from(count).map_err(|_| corrupt("a negative number of keys"))?;
        let logarithm = |field: Field<u8>| field.decode(header).ok_or_else(unreadable);
        let (slots, index_bytes) = match (layout.dk_log2_size, layout.dk_log2_index_bytes, layout.dk_size) {
            (Some(slots), Some(bytes), _) => (power(logarithm(slots)?)?, power(logarithm(bytes)?)?),
            (_, _, Some(size)) => {
                let size = size.decode(header).ok_or_else(unreadable)? as u64;
                let width = match size {
                    0..=0xff => 1,
                    0x100..=0xffff => 2,
                    0x1_0000..=0xffff_ffff => 4,
                    _ => 8,
                };
                (size, size.saturating_mul(width))
            }
            _ => return Err(corrupt("a key table of unknown size")),
        };
        if index_bytes >= LARGEST_INDEX || slots > index_bytes {
            return Err(corrupt("a key table beyond memory"));
        }
        // `USABLE_FRACTION`: what a corrupt count costs is in proportion to the table that is there.
        if count > slots * 2 / 3 {
            return Err(corrupt("more keys than the table has room for"));
        }
        let kind = layout.dk_kind.map_or(Some(0), |kind| kind.decode(header)).ok_or_else(unreadable)?;
        let (stride, key, value) = match (kind, layouts.dict_unicode_entry) {
            (1 | 2, Some(entry)) => (entry.size, entry.me_key.offset(), entry.me_value.offset()),
            (0, _) => {
                let entry = &layouts.dict_entry;
                (entry.size, entry.me_key.offset(), entry.me_value.offset())
            }
            _ => return Err(corrupt("a key table of unknown kind")),
        };
        let at = layout.dk_indices.at(keys).offset(index_bytes as i64);
        let length = count.checked_mul(stride as u64).ok_or_else(|| corrupt("a key table beyond memory"))?;
        Ok(KeyTable { bytes: self.piece(at, length)?, stride, key, value })
    }

    /// The keys of the table at `keys`, null where there is none.
    pub(super) fn keys_of_table(&self, keys: Address) -> Option<Vec<Address>> {
        if keys.is_null() {
            return None;
        }
        Some(self.key_table(keys).ok()?.iter().map(|(key, _)| key).collect())
    }

    /// The order of insertion of the values at `values`, of which at most `maximum` are used.
    pub(super) fn order_of_values(&self, values: Address, maximum: usize) -> Result<Order, Failure> {
        let Some(layout) = self.layouts().dict_values else {
            return Ok(Order::Keys);
        };
        let mut indices = [0; 64];
        if let (Some(capacity), Some(size)) = (layout.capacity, layout.data_size) {
            let capacity = self.field(capacity, values)?;
            let used = usize::from(self.field(size, values)?);
            if used > usize::from(capacity) {
                return Err(corrupt("more values than fit"));
            }
            let after = layout.values.at(values).offset(i64::from(capacity) * 8);
            let into = indices.get_mut(..used).ok_or_else(unreadable)?;
            self.memory.read_at(after, into).map_err(|_| unreadable())?;
            return Ok(Order::Indices(indices, used));
        }
        // Before the values: the bytes of this prefix, the number of values, and their indices, downwards.
        let used = usize::from(self.memory.read_u8(values.offset(-2)).ok_or_else(unreadable)?);
        if used > maximum.max(30) {
            return Err(corrupt("more values than keys"));
        }
        let into = indices.get_mut(..used).ok_or_else(unreadable)?;
        self.memory.read_at(values.offset(-2 - used as i64), into).map_err(|_| unreadable())?;
        into.reverse();
        Ok(Order::Indices(indices, used))
    }

    /// Gives the values at `values` with their indices, in the order of insertion, those that are there.
    #[inline]
    pub(super) fn values(&self, values: Address, count: usize, mut told: impl FnMut(usize, Address)) -> Result<(), Failure> {
        if count == 0 {
            return Ok(());
        }
        if self.layouts().dict_values.is_some_and(|layout| layout.capacity.is_none())
            && let Some(bytes) = self.memory.slice(values.offset(-(FRONT as i64)), FRONT + 8 * count)
            && let Some((front, words)) = bytes.split_first_chunk::<FRONT>()
            && let Some(indices) =
                FRONT.checked_sub(2 + usize::from(front[FRONT - 2])).and_then(|first| front.get(first..FRONT - 2))
        {
            let words = words.as_chunks::<8>().0;
            for index in indices.iter().rev().map(|index| usize::from(*index)) {
                let value = words.get(index).map_or(Address::NULL, |word| Address(u64::from_le_bytes(*word)));
                if !value.is_null() {
                    told(index, value);
                }
            }
            return Ok(());
        }
        let order = self.order_of_values(values, count)?;
        let first = self.layouts().dict_values.map_or(values, |layout| layout.values.at(values));
        match order {
            Order::Keys => {
                let words = self.words(first, count as u64)?;
                words.iter().enumerate().filter(|(_, value)| !value.is_null()).for_each(|(index, value)| told(index, value));
            }
            Order::Indices(indices, used) => {
                let indices = indices.get(..used).unwrap_or_default();
                let last = indices.iter().copied().max().unwrap_or(0);
                let words = self.words(first, u64::from(last) + 1)?;
                for index in indices {
                    let index = usize::from(*index);
                    if let Some(value) = words.get(index).filter(|value| !value.is_null()) {
                        told(index, value);
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives the entries of the dictionary at `dict`, whose type is taken for granted, to `told`, in the order of insertion.
    ///
    /// # Errors
    /// When a part of it cannot be read, or there are more or fewer than it counts, as in a dictionary that was being changed;
    /// what was given before counts.
    #[inline]
    pub fn entries(&self, dict: Address, told: impl FnMut(Address, Address)) -> Result<(), Failure> {
        self.entries_of_head(self.head(dict), told)
    }

    #[inline]
    fn entries_of_head(&self, dict: Head<'_>, mut told: impl FnMut(Address, Address)) -> Result<(), Failure> {
        let layout = &self.layouts().dict;
        let keys = self.head_field(layout.ma_keys, dict)?;
        let values = self.head_field(layout.ma_values, dict)?;
        let used = self.head_field(layout.ma_used, dict)?;
        let table = self.key_table(keys)?;
        let mut count = 0;
        if values.is_null() {
            for (key, value) in table.iter() {
                if !value.is_null() && !key.is_null() {
                    count += 1;
                    told(key, value);
                }
            }
        } else {
            self.values(values, table.iter().len(), |index, value| {
                if let Some(key) = table.key(index).filter(|key| !key.is_null()) {
                    count += 1;
                    told(key, value);
                }
            })?;
        }
        if count == used { Ok(()) } else { Err(miscounted(count, used, "entries")) }
    }

    /// Whether the fields of the dictionary at `dict`, whose type is taken for granted, contradict each other. Of one that has
    /// more than `most` entries only their number is looked at.
    pub(super) fn is_dict_miscounted(&self, dict: Address, most: u64) -> bool {
        let layout = &self.layouts().dict;
        let number = |keys| self.layouts().dict_keys.dk_nentries.read(&self.memory, keys);
        let keys = layout.ma_keys.read(&self.memory, dict);
        let (Some(count), Some(used)) = (keys.and_then(number), layout.ma_used.read(&self.memory, dict)) else { return false };
        if count.unsigned_abs() > most {
            return used > count;
        }
        self.entries(dict, |_, _| ()).is_err_and(|failure| failure.reason == Reason::Corrupt)
    }
}

#[inline]
pub(super) fn reduce<M: Memory, S: Sink + ?Sized>(heap: &CPythonHeap<M>, head: Head<'_>, sink: &mut S) -> Result<(), Failure> {
    heap.entries_of_head(head, |key, value| sink.entry(key, value))
}

/// A mapping proxy: the entries of what it shows, if that is a dictionary, and an edge to it.
pub(super) fn reduce_proxy<M: Memory, S: Sink + ?Sized>(
    heap: &CPythonHeap<M>,
    object: Address,
    sink: &mut S,
) -> Result<(), Failure> {
    let mapping = heap.field(heap.layouts().mapping_proxy.mapping, object)?;
    sink.edge(EdgeKind::Attribute, Name::Text("mapping"), mapping);
    if heap.is_dict(mapping) { reduce(heap, heap.head(mapping), sink) } else { Ok(()) }
}

#[cfg(test)]
#[path = "dictobject_tests.rs"]
mod tests;
