//! Facts that are no objects: names and plain values, told to a sink as a map.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// A plain value.
#[derive(Clone, Debug, PartialEq)]
pub enum Plain {
    /// A boolean.
    Bool(bool),
    /// A signed number.
    Signed(i64),
    /// An unsigned number.
    Unsigned(u64),
    /// A double.
    Float(f64),
    /// Text.
    Text(Cow<'static, str>),
    /// Numbers, in order.
    Numbers(Vec<i64>),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Serialize for Plain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Plain::Bool(value) => serializer.serialize_bool(*value),
            Plain::Signed(value) => serializer.serialize_i64(*value),
            Plain::Unsigned(value) => serializer.serialize_u64(*value),
            Plain::Float(value) => serializer.serialize_f64(*value),
            Plain::Text(value) => serializer.serialize_str(value),
            Plain::Numbers(values) => serializer.collect_seq(values),
            Plain::Bytes(bytes) => serializer.serialize_bytes(bytes),
        }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl From<$type> for Plain {
            fn from(value: $type) -> Plain {
                Plain::$variant(value.into())
            }
        }
    )*};
}

from! {
    bool => Bool, i8 => Signed, i16 => Signed, i32 => Signed, i64 => Signed, u8 => Unsigned, u16 => Unsigned,
    u32 => Unsigned, u64 => Unsigned, f64 => Float, f32 => Float, String => Text, &'static str => Text,
    Vec<i64> => Numbers, Vec<u8> => Bytes,
}

/// A map of facts, in the order in which they were added; serialises as a map from names to plain values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State(Vec<(Cow<'static, str>, Plain)>);

impl State {
    /// No facts.
    pub fn new() -> State {
        State::default()
    }

    /// The same with one fact more.
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Plain>) -> State {
        self.0.push((name.into(), value.into()));
        self
    }

    /// The same with one fact more, if there is one.
    pub fn with_some(self, name: impl Into<Cow<'static, str>>, value: Option<impl Into<Plain>>) -> State {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Whether there is no fact; then nothing is told.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells the facts, if there are any.
    pub fn tell<S: heapsake_core::heap::Sink + ?Sized>(&self, sink: &mut S) {
        if !self.is_empty() {
            sink.state(self);
        }
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name.as_ref(), value)?;
        }
        map.end()
    }
}
