//! [`Fact`]: a plain value of an object's state, for what is no object.

use heapsake_core::heap::Sink;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// A plain value.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub(crate) enum Fact {
    /// What Python shows as `None`.
    Nothing(()),
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    Bytes(serde_bytes::ByteBuf),
    List(Vec<Fact>),
}

macro_rules! from {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl From<$type> for Fact {
            fn from(value: $type) -> Fact {
                Fact::$variant(value.into())
            }
        }
    )*};
}

from! {
    bool => Bool, i8 => Signed, i16 => Signed, i32 => Signed, i64 => Signed, u8 => Unsigned, u16 => Unsigned,
    u32 => Unsigned, u64 => Unsigned, f32 => Float, f64 => Float, String => Text, &str => Text, Vec<u8> => Bytes,
}

impl<T: Into<Fact>> From<Option<T>> for Fact {
    fn from(value: Option<T>) -> Fact {
        value.map_or(Fact::Nothing(()), Into::into)
    }
}

impl From<Vec<Fact>> for Fact {
    fn from(values: Vec<Fact>) -> Fact {
        Fact::List(values)
    }
}

impl<T: Into<Fact>> FromIterator<T> for Fact {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Fact {
        Fact::List(values.into_iter().map(Into::into).collect())
    }
}

/// Facts by name; serialises as a map.
#[derive(Debug, Default)]
pub(crate) struct Facts(Vec<(&'static str, Fact)>);

impl Facts {
    /// One fact more.
    pub(crate) fn note(&mut self, name: &'static str, fact: Fact) {
        self.0.push((name, fact));
    }

    /// Tells them, if there are any.
    pub(crate) fn tell(&self, sink: &mut dyn Sink) {
        if !self.0.is_empty() {
            sink.state(self);
        }
    }
}

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, fact) in &self.0 {
            map.serialize_entry(name, fact)?;
        }
        map.end()
    }
}
