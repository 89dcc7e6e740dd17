//! The first bytes of an object, found by one look into the region map instead of one a field.

use heapsake_core::Address;
use heapsake_core::reduce::Failure;

use super::{CPythonHeap, unreadable};
use crate::layout::{Field, Scalar};
use crate::memory::Memory;

/// What the structs of the frequent types have in front of their items.
const LENGTH: usize = 48;

/// The first bytes of an object.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) object: Address,
    /// None where the object lies at the end of its region, or its memory is not in one piece.
    bytes: Option<&'a [u8; LENGTH]>,
}

impl<M: Memory> CPythonHeap<M> {
    #[inline]
    pub(crate) fn head(&self, object: Address) -> Head<'_> {
        Head { object, bytes: self.memory.slice(object, LENGTH).and_then(|bytes| bytes.first_chunk()) }
    }

    /// A field of the object with this head.
    #[inline]
    pub(crate) fn head_field<T: Scalar>(&self, field: Field<T>, head: Head<'_>) -> Result<T::Value, Failure> {
        match head.bytes.and_then(|bytes| field.decode(bytes)) {
            Some(value) => Ok(value),
            None => self.field(field, head.object),
        }
    }

    /// The 64-bit word so many bytes into the object with this head.
    #[inline]
    pub(crate) fn head_word(&self, offset: usize, head: Head<'_>) -> Result<u64, Failure> {
        match head.bytes.and_then(|bytes| bytes.get(offset..)?.first_chunk()) {
            Some(word) => Ok(u64::from_le_bytes(*word)),
            None => self.word(head.object.offset(offset as i64)),
        }
    }

    /// The 32 bits so many bytes into the object with this head.
    #[inline]
    pub(crate) fn head_half(&self, offset: usize, head: Head<'_>) -> Result<u32, Failure> {
        match head.bytes.and_then(|bytes| bytes.get(offset..)?.first_chunk()) {
            Some(half) => Ok(u32::from_le_bytes(*half)),
            None => self.memory.read_u32(head.object.offset(offset as i64)).ok_or_else(unreadable),
        }
    }
}
