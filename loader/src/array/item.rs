//! What an element of an array is: decoded from the facts of the file, and elements from their bytes.
//!
//! An element is told by a code such as `<i4` (byte order, kind, bytes), with the unit of a time in brackets; by a map with
//! `fields` for a structure; by a map with `item` and `shape` for an array within an array.
//!
//! A text of any length (`|T16`) is an element of 16 bytes. Up to 15 bytes of text lie in it; of a longer one it says where
//! in the same value the text begins. Its last byte is a state: 0, an empty text; `0x60` and the length, a text that lies in
//! the element; `0x40`, one that lies elsewhere (eight bytes of place, seven of length, little-endian); `0x80`, a text that
//! is missing. Whatever else stands there is a text that is not in the file.

use ciborium::Value;

use super::time;

/// Structures within structures.
const DEEPEST: usize = 8;
/// The most fields, and the most elements of an array within an element.
const MOST: usize = 4096;
/// The tag of a complex number (registered with IANA).
pub const COMPLEX: u64 = 43000;

/// What an element is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Bool,
    Signed,
    Unsigned,
    Float,
    Complex,
    Date(String),
    Span(String),
    Bytes,
    Text,
    /// Of any length.
    Packed,
    Object,
    Void,
    /// Name, what it is, where it begins.
    Structure(Vec<(String, Layout, usize)>),
    /// What the elements are, and the shape.
    Within(Box<Layout>, Vec<usize>),
}

/// What an element is, and how it lies in memory.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) item: Item,
    pub(super) size: usize,
    big_endian: bool,
}

impl Layout {
    /// Whether the first byte of a number is the highest.
    pub(super) fn big_endian(&self) -> bool {
        self.big_endian
    }

    /// From the fact.
    pub(super) fn of(fact: &Value) -> Option<Layout> {
        Layout::within(fact, 0)
    }

    fn within(fact: &Value, depth: usize) -> Option<Layout> {
        if depth > DEEPEST {
            return None;
        }
        if let Value::Text(code) = fact {
            return Layout::of_code(code);
        }
        let Value::Map(entries) = fact else { return None };
        let entry = |wanted: &str| entries.iter().find(|(name, _)| name.as_text() == Some(wanted)).map(|(_, value)| value);
        let size = whole(entry("itemsize")?)?;
        let item = if let Some(Value::Array(fields)) = entry("fields") {
            let field = |field: &Value| {
                let [name, item, offset] = field.as_array()?.as_slice() else { return None };
                let (layout, offset) = (Layout::within(item, depth + 1)?, whole(offset)?);
                (offset.checked_add(layout.size)? <= size)
                    .then(|| (name.as_text().unwrap_or_default().to_owned(), layout, offset))
            };
            Item::Structure(fields.iter().take(MOST).map(field).collect::<Option<_>>()?)
        } else {
            let layout = Layout::within(entry("item")?, depth + 1)?;
            let shape: Vec<usize> = entry("shape")?.as_array()?.iter().map(whole).collect::<Option<_>>()?;
            let count = shape.iter().try_fold(1usize, |count, next| count.checked_mul(*next))?;
            if count.checked_mul(layout.size)? > size {
                return None;
            }
            Item::Within(Box::new(layout), shape)
        };
        Some(Layout { item, size, big_endian: false })
    }

    fn of_code(code: &str) -> Option<Layout> {
        let order = code.chars().next()?;
        let kind = code.chars().nth(1)?;
        let rest = code.get(2..)?;
        let (digits, unit) = match rest.split_once('[') {
            Some((digits, unit)) => (digits, unit.strip_suffix(']')?),
            None => (rest, "generic"),
        };
        let count: usize = if digits.is_empty() { 8 } else { digits.parse().ok().filter(|count| *count <= 1 << 31)? };
        let size = if kind == 'U' { count * 4 } else { count };
        let item = match (kind, size) {
            ('b', 1) => Item::Bool,
            ('i', 1 | 2 | 4 | 8 | 16) => Item::Signed,
            ('u', 1 | 2 | 4 | 8 | 16) => Item::Unsigned,
            ('f', 2 | 4 | 8 | 16) => Item::Float,
            ('c', 8 | 16 | 32) => Item::Complex,
            ('M', 8) => Item::Date(unit.to_owned()),
            ('m', 8) => Item::Span(unit.to_owned()),
            ('O', 8) => Item::Object,
            ('S', _) => Item::Bytes,
            ('U', _) => Item::Text,
            ('T', 16) => Item::Packed,
            _ => Item::Void,
        };
        Some(Layout { item, size, big_endian: order == '>' })
    }

    /// An element from its bytes; references to objects as `object` gives them.
    pub(super) fn decode(&self, bytes: &[u8], object: &dyn Fn(u64) -> Value) -> Value {
        let word = |bytes: &[u8]| {
            let fold = |word: u128, byte: &u8| word << 8 | u128::from(*byte);
            if self.big_endian { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) }
        };
        match &self.item {
            Item::Bool => Value::Bool(bytes.first().is_some_and(|byte| *byte != 0)),
            Item::Signed => {
                let spare = 128 - 8 * self.size as u32;
                integer((word(bytes) << spare) as i128 >> spare)
            }
            Item::Unsigned => i128::try_from(word(bytes)).map_or(Value::Null, integer),
            Item::Float => Value::Float(float(word(bytes), self.size)),
            Item::Complex => {
                let (real, imaginary) = bytes.split_at(bytes.len() / 2);
                let part = |bytes: &[u8]| Value::Float(float(word(bytes), self.size / 2));
                Value::Tag(COMPLEX, Box::new(Value::Array(vec![part(real), part(imaginary)])))
            }
            Item::Date(unit) => time::date(word(bytes) as i64, unit).map_or(Value::Null, Value::Text),
            Item::Span(unit) => time::span(word(bytes) as i64, unit).map_or(Value::Null, Value::Text),
            Item::Bytes => {
                let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                Value::Bytes(bytes[..end].to_vec())
            }
            Item::Text => {
                let points: Vec<u32> = bytes.chunks_exact(4).map(|point| word(point) as u32).collect();
                let end = points.iter().rposition(|point| *point != 0).map_or(0, |last| last + 1);
                let letter = |point: &u32| char::from_u32(*point).unwrap_or(char::REPLACEMENT_CHARACTER);
                Value::Text(points[..end].iter().map(letter).collect())
            }
            Item::Object => object(word(bytes) as u64),
            // Within another element there is no place for texts.
            Item::Void | Item::Packed => Value::Bytes(bytes.to_vec()),
            Item::Structure(fields) => {
                let field = |(name, layout, offset): &(String, Layout, usize)| {
                    let part = bytes.get(*offset..offset + layout.size)?;
                    Some((Value::Text(name.clone()), layout.decode(part, object)))
                };
                Value::Map(fields.iter().filter_map(field).collect())
            }
            Item::Within(layout, shape) => within(layout, shape, bytes, object, &mut { MOST }),
        }
    }
}

/// Where a text of any length is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packed<'b> {
    Within(&'b [u8]),
    /// In the value: place and length.
    Elsewhere(u64, u64),
    Missing,
    Lost,
}

impl Packed<'_> {
    /// What an element of 16 bytes says.
    pub(super) fn of(element: &[u8]) -> Packed<'_> {
        let (Some((place, rest)), Some(state)) = (element.split_first_chunk::<8>(), element.get(15)) else {
            return Packed::Lost;
        };
        match *state {
            0 => Packed::Within(&[]),
            0x40 => {
                let length = rest.iter().take(7).rev().fold(0, |length, byte| length << 8 | u64::from(*byte));
                Packed::Elsewhere(u64::from_le_bytes(*place), length)
            }
            0x80 => Packed::Missing,
            short @ 0x60..=0x6f => Packed::Within(&element[..usize::from(short & 0xf)]),
            _ => Packed::Lost,
        }
    }
}

/// Nested lists, as deep as the shape is long.
fn within(layout: &Layout, shape: &[usize], bytes: &[u8], object: &dyn Fn(u64) -> Value, left: &mut usize) -> Value {
    let Some((count, rest)) = shape.split_first() else {
        *left = left.saturating_sub(1);
        return bytes.get(..layout.size).map_or(Value::Null, |bytes| layout.decode(bytes, object));
    };
    let step = rest.iter().product::<usize>() * layout.size;
    let mut items = Vec::new();
    for number in 0..*count {
        if *left == 0 {
            break;
        }
        items.push(within(layout, rest, bytes.get(number * step..).unwrap_or_default(), object, left));
    }
    Value::Array(items)
}

fn whole(fact: &Value) -> Option<usize> {
    usize::try_from(i128::from(fact.as_integer()?)).ok()
}

fn integer(number: i128) -> Value {
    ciborium::value::Integer::try_from(number).map_or(Value::Null, Value::Integer)
}

/// A float of 2, 4, 8 or (the x87's, in 16) 10 bytes; of the last kind as near as a double comes.
fn float(word: u128, size: usize) -> f64 {
    match size {
        2 => half(word as u16),
        4 => f32::from_bits(word as u32).into(),
        8 => f64::from_bits(word as u64),
        _ => extended(word as u64, (word >> 64) as u16),
    }
}

fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

fn extended(fraction: u64, head: u16) -> f64 {
    let sign = if head & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(head & 0x7fff);
    sign * match exponent {
        0x7fff if fraction << 1 == 0 => f64::INFINITY,
        0x7fff => f64::NAN,
        // In two steps: the scale alone may be beyond a double where the number is not.
        _ => {
            fraction as f64
                * 2f64.powi(-63)
                * 2f64.powi((exponent - 16383).clamp(-1074, 1023))
                * if exponent - 16383 > 1023 { f64::INFINITY } else { 1.0 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(code: &str, bytes: &[u8]) -> Value {
        Layout::of(&code.into()).unwrap().decode(bytes, &|_| Value::Null)
    }

    #[test]
    fn elements_by_their_codes() {
        assert_eq!(decoded("<i4", &[0xfe, 0xff, 0xff, 0xff]), Value::from(-2));
        assert_eq!(decoded(">i4", &[0xff, 0xff, 0xff, 0xfe]), Value::from(-2));
        assert_eq!(decoded("<u8", &[0xff; 8]), Value::from(u64::MAX));
        assert_eq!(decoded("<f2", &[0, 0x3e]), Value::Float(1.5));
        assert_eq!(decoded("<f2", &[1, 0]), Value::Float(5.960464477539063e-8));
        assert_eq!(decoded("<f16", &[0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0xc0, 0, 0, 0, 0, 0, 0]), Value::Float(-3.0));
        assert_eq!(decoded("|S4", b"ab\0\0"), Value::Bytes(b"ab".to_vec()));
        assert_eq!(decoded("<U2", &[0xac, 0x20, 0, 0, 0, 0, 0, 0]), Value::Text("€".into()));
        assert_eq!(decoded("|b1", &[1]), Value::Bool(true));
        assert_eq!(decoded("<M8[D]", &18262i64.to_le_bytes()), Value::Text("2020-01-01".into()));
        assert_eq!(decoded("<M8[ns]", &i64::MIN.to_le_bytes()), Value::Text("NaT".into()));
        let complex = Value::Tag(COMPLEX, Box::new(Value::Array(vec![Value::Float(1.0), Value::Float(-2.0)])));
        assert_eq!(decoded("<c16", &[1f64.to_le_bytes(), (-2f64).to_le_bytes()].concat()), complex);
    }

    #[test]
    fn texts_of_any_length_by_their_state() {
        let element = |first: &[u8], state: u8| {
            let mut element = [0; 16];
            element[..first.len()].copy_from_slice(first);
            element[15] = state;
            element
        };
        assert_eq!(Packed::of(&element(b"", 0)), Packed::Within(b""));
        assert_eq!(Packed::of(&element(b"abc", 0x63)), Packed::Within(b"abc"));
        assert_eq!(Packed::of(&element(b"123456789012345", 0x6f)), Packed::Within(b"123456789012345"));
        let place = [1, 2, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 1];
        assert_eq!(Packed::of(&element(&place, 0x40)), Packed::Elsewhere(0x201, 3 | 1 << 48));
        assert_eq!(Packed::of(&element(b"", 0x80)), Packed::Missing);
        assert!([0x20, 0x50, 0x70, 0xff].iter().all(|state| Packed::of(&element(b"", *state)) == Packed::Lost));
        assert_eq!(Packed::of(&[0; 8]), Packed::Lost);
    }

    #[test]
    fn lies_are_refused() {
        assert_eq!(Layout::of(&"".into()), None);
        assert_eq!(Layout::of(&"<i".into()).map(|layout| layout.size), Some(8));
        assert_eq!(Layout::of(&"<U99999999999999999999".into()), None);
        let field = Value::Array(vec!["a".into(), "<i4".into(), 2.into()]);
        let structure =
            |size: u32| Value::Map(vec![("itemsize".into(), size.into()), ("fields".into(), Value::Array(vec![field.clone()]))]);
        assert_eq!(Layout::of(&structure(5)), None);
        assert!(Layout::of(&structure(6)).is_some());
        let mut nested = Value::Text("<i4".into());
        for _ in 0..20 {
            nested =
                Value::Map(vec![("itemsize".into(), 4.into()), ("item".into(), nested), ("shape".into(), Value::Array(vec![]))]);
        }
        assert_eq!(Layout::of(&nested), None);
    }
}
