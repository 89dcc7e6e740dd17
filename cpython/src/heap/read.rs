//! Checked reads for reducers: what the target's memory does not have becomes a [`Failure`], never a panic.

use std::borrow::Cow;

use heapsake_core::Address;
use heapsake_core::reduce::{Failure, Reason};

use super::CPythonHeap;
use crate::layout::{Field, Scalar};
use crate::memory::Memory;

/// The failure to read memory.
#[cold]
pub(crate) fn unreadable() -> Failure {
    Failure::new(Reason::Unreadable, "")
}

/// The failure of an object whose fields contradict each other.
#[cold]
pub(crate) fn corrupt(detail: &'static str) -> Failure {
    Failure::new(Reason::Corrupt, detail)
}

/// The failure of a container that does not have as many items as it counts.
#[cold]
pub(crate) fn miscounted(found: i64, counted: i64, items: &'static str) -> Failure {
    Failure::new(Reason::Corrupt, format!("{found} {items}, though it counts {counted}: it was being changed, or is damaged"))
}

impl<M: Memory> CPythonHeap<M> {
    /// The 64-bit word at `address`.
    ///
    /// # Errors
    /// When it is not readable.
    #[inline]
    pub fn word(&self, address: Address) -> Result<u64, Failure> {
        self.memory.word(address).ok_or_else(unreadable)
    }

    /// The pointer at `address`.
    ///
    /// # Errors
    /// When it is not readable.
    #[inline]
    pub fn pointer(&self, address: Address) -> Result<Address, Failure> {
        self.memory.word(address).map(Address).ok_or_else(unreadable)
    }

    /// A field of the struct at `object`.
    ///
    /// # Errors
    /// When it is not readable.
    #[inline]
    pub fn field<T: Scalar>(&self, field: Field<T>, object: Address) -> Result<T::Value, Failure> {
        field.read(&self.memory, object).ok_or_else(unreadable)
    }

    /// A field of the struct at `object` that this CPython may lack.
    pub fn optional_field<T: Scalar>(&self, field: Option<Field<T>>, object: Address) -> Option<T::Value> {
        field.and_then(|field| field.read(&self.memory, object))
    }

    /// `length` bytes at `address`, borrowed where the source has them in one piece.
    ///
    /// # Errors
    /// When one of them is not readable. A length that the target made up costs no more than two small reads.
    #[inline]
    pub fn piece(&self, address: Address, length: u64) -> Result<Cow<'_, [u8]>, Failure> {
        match self.memory.slice(address, length as usize) {
            Some(bytes) => Ok(Cow::Borrowed(bytes)),
            None => self.gathered(address, length),
        }
    }

    #[cold]
    fn gathered(&self, address: Address, length: u64) -> Result<Cow<'_, [u8]>, Failure> {
        if length == 0 {
            return Ok(Cow::Borrowed(&[]));
        }
        let last = address.0.checked_add(length - 1).ok_or_else(unreadable)?;
        self.memory.read_u8(Address(last)).ok_or_else(unreadable)?;
        match self.memory.read_vec(address, length, usize::MAX) {
            Ok(bytes) => Ok(Cow::Owned(bytes)),
            Err(_) => Err(unreadable()),
        }
    }

    /// `count` words at `address`.
    ///
    /// # Errors
    /// When one of them is not readable.
    #[inline]
    pub fn words(&self, address: Address, count: u64) -> Result<Words<'_>, Failure> {
        let length = count.checked_mul(8).ok_or_else(unreadable)?;
        Ok(Words(self.piece(address, length)?))
    }

    /// The C string at `address`, lossily; `None` when it is null, unreadable or longer than 4 KiB.
    pub fn c_text(&self, address: Address) -> Option<String> {
        if address.is_null() {
            return None;
        }
        let bytes = self.memory.c_string(address, 4096)?;
        Some(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }
}

/// An array of words.
#[derive(Debug)]
pub struct Words<'a>(Cow<'a, [u8]>);

impl Words<'_> {
    /// The words, in order, as pointers.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Address> + '_ {
        self.0.as_chunks::<8>().0.iter().map(|chunk| Address(u64::from_le_bytes(*chunk)))
    }

    /// The word at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> Option<Address> {
        self.0.as_chunks::<8>().0.get(index).map(|chunk| Address(u64::from_le_bytes(*chunk)))
    }
}
