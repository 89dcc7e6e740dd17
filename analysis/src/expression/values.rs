//! What an expression is: an object of the dump, or a value that was computed.

use std::sync::Arc;

use heapsake_loader::{Dump, ObjectId};
use num_bigint::BigInt;

/// A value. Cheap to copy; it borrows nothing, so that a session can keep it beside its dump.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value {
    /// An object of the dump.
    Object(ObjectId),
    /// An address at which no object of the dump lies; 0 where there is nothing.
    Stray(u64),
    /// `None`.
    None,
    /// `...`.
    Ellipsis,
    /// A boolean.
    Bool(bool),
    /// An integer that 64 bits hold.
    Int(i64),
    /// One that they do not hold.
    Big(Arc<BigInt>),
    /// A float.
    Float(f64),
    /// A complex number: its real and imaginary part.
    Complex(f64, f64),
    /// A text, by code points: lone surrogates stay.
    Text(Arc<[u32]>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// A list.
    List(Arc<Vec<Value>>),
    /// A tuple.
    Tuple(Arc<Vec<Value>>),
}

/// A child of a value.
#[derive(Clone, Debug)]
pub struct Child {
    /// How it is called: `[3]`, `['key']`, `.name`.
    pub name: String,
    /// Whether it is one of the numbered ones, which can be asked for in pages.
    pub indexed: bool,
    /// What it is.
    pub value: Value,
}

impl Value {
    /// The object of the dump that it is; none of what was computed.
    pub fn object(&self) -> Option<ObjectId> {
        match self {
            Value::Object(id) => Some(*id),
            _ => None,
        }
    }

    /// The qualified name of its type.
    pub fn type_name(&self, dump: &Dump) -> String {
        match self {
            Value::Object(id) => dump.object(*id).type_name().to_owned(),
            _ => String::new(),
        }
    }

    /// How many children it has that are numbered: elements, entries.
    pub fn length(&self, dump: &Dump) -> u64 {
        match self {
            Value::Object(id) => dump.object(*id).len(),
            Value::List(items) | Value::Tuple(items) => items.len() as u64,
            _ => 0,
        }
    }

    /// Its children that are numbered, from `start` on, at most `count`.
    pub fn children(&self, _dump: &Dump, _start: u64, _count: u64) -> Vec<Child> {
        Vec::new()
    }
}
