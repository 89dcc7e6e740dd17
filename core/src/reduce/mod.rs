//! The reducer contract: what knows one type, and the registry that finds it.
//!
//! A [`Reducer`] answers for the types that its [`Registration`] names. It has one required method, which reads the object
//! through [`Object`], never by running the target's code, and tells it to a [`Sink`] in the words of `pickle` and of the
//! heap: state through `erased_serde`, labelled edges, elements, entries. It may fail, and then costs one object.

mod registry;
mod surrogate;

pub use registry::{Duplicate, Registration, Registry, TypeMatch, inventory};
pub use surrogate::{Failure, Reason};

use std::any::Any;

use crate::address::Address;
use crate::heap::Sink;

/// An object that is being reduced, seen through the engine.
pub trait Object {
    /// Where it lies.
    fn address(&self) -> Address;

    /// Fills `into` from `address`, all or nothing.
    ///
    /// # Errors
    /// When the target's memory does not have these bytes.
    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Failure>;

    /// The qualified name of its type.
    fn type_name(&self) -> String {
        String::new()
    }

    /// Whether an object lies at `address`: mapped, aligned, of a type that is one.
    fn is_object(&self, address: Address) -> bool {
        let _ = address;
        false
    }

    /// The qualified name of the type of the object at `address`; none when no object lies there.
    fn type_name_of(&self, address: Address) -> Option<String> {
        let _ = address;
        None
    }

    /// Tells what the nearest base with a known layout would tell (the entries of a dict subclass, say), so that a reducer
    /// can add to it.
    ///
    /// # Errors
    /// As [`Reducer::reduce`].
    fn reduce_base(&self, sink: &mut dyn Sink) -> Result<(), Failure> {
        let _ = sink;
        Ok(())
    }

    /// Tells another object, of a type that the engine itself knows (a text, a number, a mapping …), so that a reducer can
    /// look into what its object holds.
    ///
    /// # Errors
    /// When no such object lies there, or as [`Reducer::reduce`].
    fn tell_other(&self, address: Address, sink: &mut dyn Sink) -> Result<(), Failure> {
        let _ = sink;
        Err(Failure::new(Reason::NotAnObject, format!("at {address}")))
    }

    /// What the object at `address` holds as the attribute `name`: in its dictionary, values or slots.
    fn attribute_of(&self, address: Address, name: &str) -> Option<Address> {
        let _ = (address, name);
        None
    }

    /// What the runtime knows beyond memory, for reducers that are written for one runtime (CPython: its `Facts`).
    fn runtime(&self) -> Option<&dyn Any> {
        None
    }

    /// The 64-bit word at `address`.
    ///
    /// # Errors
    /// As [`Object::read_at`].
    fn word_at(&self, address: Address) -> Result<u64, Failure> {
        let mut bytes = [0; 8];
        self.read_at(address, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Fills `into` from `offset` bytes after the object's start.
    ///
    /// # Errors
    /// As [`Object::read_at`].
    fn read(&self, offset: i64, into: &mut [u8]) -> Result<(), Failure> {
        self.read_at(self.address().offset(offset), into)
    }
}

/// What knows one type, or several that are alike.
pub trait Reducer: Sync {
    /// Tells `object` to `sink`: everything but its type and size, which the engine has told already.
    ///
    /// # Errors
    /// What went wrong; the object becomes a surrogate with that reason and keeps the edges told so far.
    fn reduce(&self, object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure>;

    /// Bytes that `object` alone owns beyond itself, such as the buffer of an array; they count as its size.
    fn owned_bytes(&self, object: &dyn Object) -> u64 {
        let _ = object;
        0
    }
}
