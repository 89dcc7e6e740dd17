//! [`Target`]: the object that is being reduced, and the CPython that it lives in.
//!
//! Counts and lengths come from the target, so none is trusted: what they span must be readable to its last word before
//! anything is read, and buffers are read in pieces.

use std::cell::RefCell;

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::{Failure, Object, Reason};
use heapsake_cpython::heap::Facts;
use heapsake_cpython::layout::{Field, Scalar};
use heapsake_cpython::layouts::Layouts;
use heapsake_cpython::memory::{Memory, Unreadable};

use super::Fact;

/// An object of a CPython process, and the facts that its reducer has noted of it.
pub(crate) struct Target<'a> {
    /// The object, seen through the engine.
    pub(crate) object: &'a dyn Object,
    /// What is known of the process beyond its memory.
    pub(crate) facts: &'a Facts,
    noted: RefCell<super::fact::Facts>,
}

/// A field in `layout` of the target's CPython, or the refusal to guess.
pub(crate) fn known<T>(layout: Option<T>) -> Result<T, Failure> {
    layout.ok_or_else(|| Failure::new(Reason::ReducerFailed, "its layout in this CPython is not known"))
}

impl Memory for Target<'_> {
    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Unreadable> {
        self.object.read_at(address, into).map_err(|_| Unreadable::new(address, into.len()))
    }
}

impl<'a> Target<'a> {
    /// The object with what its runtime offers.
    ///
    /// # Errors
    /// When the runtime is not CPython.
    pub(crate) fn of(object: &'a dyn Object) -> Result<Target<'a>, Failure> {
        match object.runtime().and_then(|facts| facts.downcast_ref()) {
            Some(facts) => Ok(Target { object, facts, noted: RefCell::default() }),
            None => Err(Failure::new(Reason::ReducerFailed, "the runtime is not CPython")),
        }
    }

    /// Notes a fact of the object.
    pub(crate) fn note(&self, name: &'static str, fact: Fact) {
        self.noted.borrow_mut().note(name, fact);
    }

    /// Tells what was noted.
    pub(crate) fn tell_facts(&self, sink: &mut dyn Sink) {
        self.noted.borrow().tell(sink);
    }

    /// Where the fields of the target's structs lie.
    pub(crate) fn layouts(&self) -> &'a Layouts {
        &self.facts.layouts
    }

    /// Where the object lies.
    pub(crate) fn address(&self) -> Address {
        self.object.address()
    }

    /// A field of the object.
    pub(crate) fn field<T: Scalar>(&self, field: Field<T>) -> Result<T::Value, Failure> {
        self.field_of(field, self.address())
    }

    /// A field of the struct at `address`.
    pub(crate) fn field_of<T: Scalar>(&self, field: Field<T>, address: Address) -> Result<T::Value, Failure> {
        field.read(self, address).ok_or_else(|| unreadable(field.at(address)))
    }

    /// A field of the object that this CPython may lack.
    pub(crate) fn optional<T: Scalar>(&self, field: Option<Field<T>>) -> Result<Option<T::Value>, Failure> {
        field.map(|field| self.field(field)).transpose()
    }

    /// `ob_size` of the object at `address`: how many items it has.
    pub(crate) fn size_of(&self, address: Address) -> Result<i64, Failure> {
        self.field_of(self.layouts().var_object.ob_size, address)
    }

    /// Tells what the pointer at `field` points to as attribute `name`; nothing when it is null.
    pub(crate) fn attribute(&self, sink: &mut dyn Sink, name: &str, field: Field<Address>) -> Result<(), Failure> {
        self.edge(sink, EdgeKind::Attribute, name, field)
    }

    /// Tells what the pointer at `field` points to as an edge that no attribute names.
    pub(crate) fn internal(&self, sink: &mut dyn Sink, name: &str, field: Field<Address>) -> Result<(), Failure> {
        self.edge(sink, EdgeKind::Internal, name, field)
    }

    /// Tells what the pointer at `field` points to; nothing when it is null.
    pub(crate) fn edge(&self, sink: &mut dyn Sink, kind: EdgeKind, name: &str, field: Field<Address>) -> Result<(), Failure> {
        let target = self.field(field)?;
        if !target.is_null() {
            sink.edge(kind, Name::Text(name), target);
        }
        Ok(())
    }

    /// Tells several attributes in turn.
    pub(crate) fn attributes(&self, sink: &mut dyn Sink, fields: &[(&str, Field<Address>)]) -> Result<(), Failure> {
        fields.iter().try_for_each(|(name, field)| self.attribute(sink, name, *field))
    }

    /// Tells the edges of fields that this CPython may lack.
    pub(crate) fn internals(&self, sink: &mut dyn Sink, fields: &[(&str, Option<Field<Address>>)]) -> Result<(), Failure> {
        let there = fields.iter().filter_map(|(name, field)| Some((name, (*field)?)));
        let mut there = there.into_iter();
        there.try_for_each(|(name, field)| self.internal(sink, name, field))
    }

    /// Gives the `count` words at `start` to `each`.
    ///
    /// # Errors
    /// When they are not all readable; an absurd count costs one read. Or what `each` says.
    pub(crate) fn each_word(
        &self,
        start: Address,
        count: u64,
        mut each: impl FnMut(u64) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        const PIECE: usize = 512;
        let Some(last) = count.checked_sub(1) else { return Ok(()) };
        let last = last.checked_mul(8).and_then(|offset| start.0.checked_add(offset)).map(Address);
        let last = last.ok_or_else(|| unreadable(start))?;
        self.object.word_at(last)?;
        let mut bytes = [0; 8 * PIECE];
        let mut left = count;
        let mut at = start;
        while left > 0 {
            let words = left.min(PIECE as u64);
            let piece = bytes.get_mut(..8 * words as usize).ok_or_else(|| unreadable(at))?;
            self.object.read_at(at, piece)?;
            for word in piece.as_chunks::<8>().0 {
                each(u64::from_le_bytes(*word))?;
            }
            left -= words;
            at = at.offset(8 * words as i64);
        }
        Ok(())
    }

    /// Tells the `count` pointers at `start` as elements.
    pub(crate) fn elements(&self, sink: &mut dyn Sink, start: Address, count: i64) -> Result<(), Failure> {
        self.each_word(start, whole(count)?, |word| {
            sink.element(Address(word));
            Ok(())
        })
    }

    /// The first `limit` of the `count` numbers at `start`.
    pub(crate) fn numbers(&self, start: Address, count: i64, limit: usize) -> Result<Vec<i64>, Failure> {
        let count = whole(count)?.min(limit as u64);
        let mut numbers = Vec::new();
        self.each_word(start, count, |word| {
            numbers.push(word as i64);
            Ok(())
        })?;
        Ok(numbers)
    }

    /// The first `limit` of the `length` bytes at `address`.
    ///
    /// # Errors
    /// When those are not readable, or the length is below zero.
    pub(crate) fn bytes(&self, address: Address, length: i64, limit: usize) -> Result<Vec<u8>, Failure> {
        self.read_vec(address, whole(length)?, limit).map_err(|_| unreadable(address))
    }

    /// The bytes of the `bytes` object at `address`, at most `limit`.
    pub(crate) fn bytes_object(&self, address: Address, limit: usize) -> Result<Vec<u8>, Failure> {
        let length = self.size_of(address)?;
        self.bytes(self.layouts().bytes.ob_sval.at(address), length, limit)
    }

    /// The C string at `address`; none when it is null, unreadable or longer than 4 KiB.
    pub(crate) fn c_text(&self, address: Address) -> Option<String> {
        let bytes = (!address.is_null()).then(|| self.c_string(address, 4096))??;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The address of `None`'s sort: whether the object at `address` is of the type with this qualified name.
    pub(crate) fn is_of_type(&self, address: Address, name: &str) -> bool {
        self.object.type_name_of(address).is_some_and(|found| found == name)
    }
}

/// A count that is not below zero.
pub(crate) fn whole(count: i64) -> Result<u64, Failure> {
    u64::try_from(count).map_err(|_| Failure::new(Reason::Corrupt, format!("a count of {count}")))
}

#[cold]
pub(crate) fn unreadable(address: Address) -> Failure {
    Failure::new(Reason::Unreadable, format!("at {address}"))
}
