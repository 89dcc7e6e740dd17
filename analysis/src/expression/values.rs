//! What an expression is: an object of the dump, or a value that was computed.

use std::fmt;
use std::sync::{Arc, Mutex};

use heapsake_loader::ObjectId;
use num_bigint::BigInt;
use num_traits::ToPrimitive;
use rustc_hash::FxHashMap;

use super::cursor::Cursor;
use super::error::{Evaluated, refused};
use super::keys::Key;
pub use super::nested::Nested;

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
    /// Bytes that would be mutable.
    Bytearray(Arc<[u8]>),
    /// A list.
    List(Arc<Nested>),
    /// A tuple.
    Tuple(Arc<Nested>),
    /// A dict.
    Dict(Arc<Entries>),
    /// A set: the keys of its entries.
    Set(Arc<Entries>),
    /// A frozen set.
    Frozenset(Arc<Entries>),
    /// A range.
    Range(Arc<Span>),
    /// A slice: start, stop, step.
    Slice(Arc<[Value; 3]>),
    /// A type that the language knows: `int`.
    Type(&'static str),
    /// The type of objects of the dump that is no object there: its number.
    Class(u32),
    /// A function of the language: `len`.
    Function(&'static str),
    /// A method of the language, of a value.
    Method(Arc<(Value, &'static str)>),
    /// A function of the dump as a method of a value: it can be shown, and not called.
    Bound(Arc<(Value, ObjectId)>),
    /// Something that is gone through once.
    Iterator(Arc<Flow>),
    /// The keys, values or entries of a mapping.
    View(View, Arc<Value>),
    /// A part of an array or of a table.
    Part(Arc<Part>),
}

/// What a view of a mapping shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Its keys.
    Keys,
    /// Its values.
    Values,
    /// Both.
    Items,
}

/// A part of an array or of a table of the dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Positions in an array, one a dimension, outermost first; fewer than it has dimensions.
    Array(ObjectId, Vec<i64>),
    /// A column of a table, by position.
    Column(ObjectId, u64),
}

/// A range: start, stop and step, which is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub start: i128,
    /// Where it ends, exclusive.
    pub stop: i128,
    /// The distance of two.
    pub step: i128,
}

impl Span {
    /// How many there are.
    pub fn len(&self) -> u128 {
        let distance = if self.step > 0 { self.stop - self.start } else { self.start - self.stop };
        if distance <= 0 { 0 } else { (distance as u128 - 1) / self.step.unsigned_abs() + 1 }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn at(&self, position: u128) -> i128 {
        self.start + self.step * position as i128
    }
}

/// Entries in the order in which they were put in, found by their keys.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    positions: FxHashMap<Key, usize>,
    pub(super) entries: Vec<(Value, Value)>,
}

impl Entries {
    pub(crate) fn insert(&mut self, key: Key, shown: Value, value: Value) {
        match self.positions.entry(key) {
            std::collections::hash_map::Entry::Occupied(found) => self.entries[*found.get()].1 = value,
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(self.entries.len());
                self.entries.push((shown, value));
            }
        }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Value> {
        self.positions.get(key).map(|at| &self.entries[*at].1)
    }

    pub(crate) fn has(&self, key: &Key) -> bool {
        self.positions.contains_key(key)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = (&Key, &Value)> {
        let mut keys: Vec<_> = self.positions.iter().map(|(key, at)| (*at, key)).collect();
        keys.sort_unstable_by_key(|(at, _)| *at);
        keys.into_iter().map(|(at, key)| (key, &self.entries[at].0))
    }

    /// Keys and values, in order.
    pub fn pairs(&self) -> &[(Value, Value)] {
        &self.entries
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// An iterator, and what it is called.
pub struct Flow {
    pub(crate) name: &'static str,
    pub(crate) cursor: Mutex<Cursor>,
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow").field("name", &self.name).finish_non_exhaustive()
    }
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
    /// An integer of any size.
    pub fn integer(number: BigInt) -> Value {
        number.to_i64().map_or_else(|| Value::Big(Arc::new(number)), Value::Int)
    }

    pub(crate) fn wide(number: i128) -> Value {
        i64::try_from(number).map_or_else(|_| Value::Big(Arc::new(BigInt::from(number))), Value::Int)
    }

    /// A text.
    pub fn text(text: &str) -> Value {
        Value::Text(text.chars().map(u32::from).collect())
    }

    pub(crate) fn codes(codes: &[u32]) -> Value {
        Value::Text(Arc::from(codes))
    }

    pub(crate) fn bytes(bytes: &[u8]) -> Value {
        Value::Bytes(Arc::from(bytes))
    }

    pub(crate) fn list(items: Vec<Value>) -> Value {
        Value::List(Arc::new(Nested::from(items)))
    }

    pub(crate) fn tuple(items: Vec<Value>) -> Value {
        Value::Tuple(Arc::new(Nested::from(items)))
    }

    /// A slice; its bounds are none, so that slices do not nest.
    pub(crate) fn slice(bounds: [Value; 3]) -> Evaluated<Value> {
        if bounds.iter().any(|bound| matches!(bound, Value::Slice(_))) {
            return Err(refused("a slice of slices is not made"));
        }
        Ok(Value::Slice(Arc::new(bounds)))
    }

    pub(crate) fn flow(name: &'static str, cursor: Cursor) -> Value {
        Value::Iterator(Arc::new(Flow { name, cursor: Mutex::new(cursor) }))
    }

    /// The object of the dump that it is; none of what was computed.
    pub fn object(&self) -> Option<ObjectId> {
        match self {
            Value::Object(id) => Some(*id),
            _ => None,
        }
    }
}

/// The code points of text in WTF-8: UTF-8 that may have lone surrogates.
pub(crate) fn codes_of_wtf8(bytes: &[u8]) -> Vec<u32> {
    if bytes.is_ascii() {
        return bytes.iter().map(|byte| u32::from(*byte)).collect();
    }
    let mut codes = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(first) = rest.first().copied() {
        let (length, head) = match first {
            0..=0x7f => (1, u32::from(first)),
            0xc0..=0xdf => (2, u32::from(first & 0x1f)),
            0xe0..=0xef => (3, u32::from(first & 0x0f)),
            0xf0..=0xf7 => (4, u32::from(first & 0x07)),
            _ => (1, 0xfffd),
        };
        let Some(tail) = rest.get(1..length) else {
            codes.push(0xfffd);
            break;
        };
        let code = tail.iter().fold(head, |code, byte| code << 6 | u32::from(byte & 0x3f));
        codes.push(if code > 0x10_ffff { 0xfffd } else { code });
        rest = &rest[length..];
    }
    codes
}

/// Text of code points; lone surrogates become replacement characters.
pub(crate) fn string_of(codes: &[u32]) -> String {
    codes.iter().map(|code| char::from_u32(*code).unwrap_or('\u{fffd}')).collect()
}
