//! Shapes: what objects of one kind have in common, and how it is coded.

use crate::heap::EdgeKind;
use crate::reduce::Reason;

use super::varint::{self, Reader};

/// An edge's target as it is stored: 0 nothing, 1 an address without an object (in the column of strays), else the
/// object's number plus 2.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Coded(pub u64);

impl Coded {
    /// Nothing.
    pub const NOTHING: Coded = Coded(0);
    /// An address that has no object.
    pub const STRAY: Coded = Coded(1);

    /// The object with this number.
    #[inline]
    pub fn object(id: u32) -> Coded {
        Coded(u64::from(id) + 2)
    }
}

/// What kind of value an object of a shape has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum ValueKind {
    /// None.
    Nothing = 0,
    /// An integer of 64 bits, stored as the difference to the one before of this shape.
    Small = 1,
    /// A larger integer: sign and magnitude.
    Big = 2,
    /// A double.
    Float = 3,
    /// Two doubles.
    Complex = 4,
    /// Text as WTF-8.
    Text = 5,
    /// Bytes.
    Bytes = 6,
    /// Text in payload chunks; the column has its length.
    LongText = 7,
    /// Bytes in payload chunks; the column has their length.
    LongBytes = 8,
}

impl ValueKind {
    const ALL: [ValueKind; 9] = [
        ValueKind::Nothing,
        ValueKind::Small,
        ValueKind::Big,
        ValueKind::Float,
        ValueKind::Complex,
        ValueKind::Text,
        ValueKind::Bytes,
        ValueKind::LongText,
        ValueKind::LongBytes,
    ];

    fn from_number(number: u8) -> Option<ValueKind> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// What a container's tail is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum TailKind {
    /// There is none.
    Nothing = 0,
    /// Elements.
    Elements = 1,
    /// Keys and values in turn.
    Entries = 2,
}

/// The name of an edge in a shape.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum LabelName {
    /// Text.
    Text(String),
    /// A slot's index or a word's byte offset.
    Index(u32),
}

/// What objects of one kind have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shape {
    /// Number of the type.
    pub type_id: u32,
    /// Size in bytes when it is the same for all; else it is in the column.
    pub size: Option<u64>,
    /// The value.
    pub value: ValueKind,
    /// The tail.
    pub tail: TailKind,
    /// Whether there is reducer state.
    pub state: bool,
    /// Why such an object is not complete, and what exactly.
    pub surrogate: Option<(Reason, String)>,
    /// The labelled edges.
    pub edges: Vec<(EdgeKind, LabelName)>,
}

impl Shape {
    /// The memory that it takes.
    pub(crate) fn footprint(&self) -> usize {
        let text = |label: &LabelName| if let LabelName::Text(text) = label { text.len() } else { 0 };
        let edges = self.edges.iter().map(|(_, label)| text(label)).sum::<usize>() + size_of_val(&self.edges[..]);
        size_of::<Shape>() + edges + self.surrogate.as_ref().map_or(0, |(_, detail)| detail.len())
    }

    pub(crate) fn encode(&self, into: &mut Vec<u8>) {
        varint::put(into, u64::from(self.type_id));
        let flags = u8::from(self.size.is_none())
            | u8::from(self.state) << 1
            | u8::from(self.surrogate.is_some()) << 2
            | (self.tail as u8) << 4;
        into.extend([flags, self.value as u8]);
        if let Some(size) = self.size {
            varint::put(into, size);
        }
        if let Some((reason, detail)) = &self.surrogate {
            into.push(*reason as u8);
            varint::put(into, detail.len() as u64);
            into.extend_from_slice(detail.as_bytes());
        }
        varint::put(into, self.edges.len() as u64);
        for (kind, name) in &self.edges {
            match name {
                LabelName::Text(text) => {
                    into.push(*kind as u8);
                    varint::put(into, text.len() as u64);
                    into.extend_from_slice(text.as_bytes());
                }
                LabelName::Index(index) => {
                    into.push(*kind as u8 | 0x80);
                    varint::put(into, u64::from(*index));
                }
            }
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Option<Shape> {
        let type_id = u32::try_from(reader.number()?).ok()?;
        let flags = reader.byte()?;
        let value = ValueKind::from_number(reader.byte()?)?;
        let size = if flags & 1 == 0 { Some(reader.number()?) } else { None };
        let surrogate = if flags & 4 == 0 {
            None
        } else {
            let reason = Reason::from_number(reader.byte()?)?;
            Some((reason, String::from_utf8_lossy(reader.block()?).into_owned()))
        };
        let tail = match flags >> 4 & 3 {
            0 => TailKind::Nothing,
            1 => TailKind::Elements,
            2 => TailKind::Entries,
            _ => return None,
        };
        let count = reader.count(2)?;
        let mut edges = Vec::with_capacity(count);
        for _ in 0..count {
            let kind = reader.byte()?;
            let name = if kind & 0x80 == 0 {
                LabelName::Text(String::from_utf8_lossy(reader.block()?).into_owned())
            } else {
                LabelName::Index(u32::try_from(reader.number()?).ok()?)
            };
            edges.push((EdgeKind::from_number(kind & 0x7f)?, name));
        }
        Some(Shape { type_id, size, value, tail, state: flags & 2 != 0, surrogate, edges })
    }
}
