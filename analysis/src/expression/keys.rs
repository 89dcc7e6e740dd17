//! What two keys of a mapping are equal by: numbers by their value whatever their type, texts, bytes and tuples by what they
//! consist of, everything else by identity.

use std::sync::Arc;

use heapsake_core::heap::TypeKind;
use heapsake_loader::ObjectId;
use num_bigint::BigInt;
use num_traits::{FromPrimitive, ToPrimitive};

use super::error::{Evaluated, Failure, refused, type_error};
use super::evaluate::Evaluator;
use super::forms::Form;
use super::values::{Entries, Value, View};

/// A key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    None,
    Ellipsis,
    Int(i64),
    Big(Arc<BigInt>),
    /// The bits of a float that is no whole number, and no NaN.
    Float(u64),
    /// A NaN that was computed.
    NotANumber,
    Complex(u64, u64),
    Text(Arc<[u32]>),
    Bytes(Arc<[u8]>),
    Tuple(Vec<Key>),
    /// Sorted.
    Frozenset(Vec<Key>),
    Range(i128, i128, i128),
    Type(String),
    Method(Box<Key>, &'static str),
    Object(ObjectId),
    Stray(u64),
    Pointer(usize),
}

impl Key {
    fn float(number: f64) -> Key {
        if number.is_nan() {
            return Key::NotANumber;
        }
        if number.fract() == 0.0 && number.is_finite() {
            return match number.to_i64() {
                Some(whole) if whole as f64 == number && whole != i64::MAX => Key::Int(whole),
                _ => match BigInt::from_f64(number).map(Value::integer) {
                    Some(Value::Int(whole)) => Key::Int(whole),
                    Some(Value::Big(whole)) => Key::Big(whole),
                    _ => Key::Float(number.to_bits()),
                },
            };
        }
        Key::Float(number.to_bits())
    }

    /// Whether a NaN that was computed is in it: whether another such is the same one cannot be told.
    pub(crate) fn is_ambiguous(&self) -> bool {
        match self {
            Key::NotANumber => true,
            Key::Tuple(keys) | Key::Frozenset(keys) => keys.iter().any(Key::is_ambiguous),
            Key::Method(of, _) => of.is_ambiguous(),
            _ => false,
        }
    }
}

/// That keys with a NaN cannot be told apart.
pub(crate) fn ambiguous() -> Failure {
    refused("whether a NaN that was computed is another one cannot be told")
}

impl Evaluator<'_> {
    /// Puts an entry in under its key; of two keys that are equal the first stays.
    pub(crate) fn put(&mut self, entries: &mut Entries, shown: Value, value: Value) -> Evaluated<()> {
        let key = self.key(&shown)?;
        if entries.has(&key) && key.is_ambiguous() {
            return Err(ambiguous());
        }
        entries.insert(key, shown, value);
        Ok(())
    }

    /// The key of a value that can be one.
    pub(crate) fn key(&mut self, value: &Value) -> Evaluated<Key> {
        self.deeper(|evaluator| evaluator.key_within(value))
    }

    fn key_within(&mut self, value: &Value) -> Evaluated<Key> {
        self.step()?;
        let unhashable = |name: &str| type_error(format!("unhashable type: '{name}'"));
        if let Value::Object(id) = value {
            // What a class of Python says of hashing is not asked: its instances are themselves.
            let object = self.dump.object(*id);
            if self.has_no_hash(value) {
                return unhashable(&self.type_name(value));
            }
            let by_value =
                matches!(object.type_name(), "range" | "slice" | "ellipsis") || object.type_name().starts_with("numpy.");
            if matches!(object.kind(), TypeKind::Object | TypeKind::Function | TypeKind::Module | TypeKind::Exception)
                && !by_value
            {
                return Ok(Key::Object(*id));
            }
            if self.overrides(value, "__eq__").is_some() {
                return Ok(Key::Object(*id));
            }
        }
        Ok(match self.form(value)? {
            Form::None => Key::None,
            Form::Ellipsis => Key::Ellipsis,
            Form::Bool(flag) => Key::Int(i64::from(flag)),
            Form::Int(number) => Key::Int(number),
            Form::Big(number) => Key::Big(number),
            Form::Float(number) if number.is_nan() && value.object().is_some() => {
                value.object().map_or(Key::NotANumber, Key::Object)
            }
            Form::Float(number) => Key::float(number),
            Form::Complex(real, imaginary) => {
                if imaginary == 0.0 {
                    Key::float(real)
                } else {
                    Key::Complex((real + 0.0).to_bits(), (imaginary + 0.0).to_bits())
                }
            }
            Form::Text(text) => Key::Text(text),
            Form::Bytes(bytes) => Key::Bytes(bytes),
            Form::Tuple(items) => {
                let count = self.countable(items.len(), "elements of a key")?;
                let mut keys = Vec::with_capacity(count.min(1 << 16));
                for item in self.all(&items)? {
                    keys.push(self.key(&item)?);
                }
                Key::Tuple(keys)
            }
            Form::Frozenset(members) => {
                // Asked of each again, so that keys nest no deeper than other operations follow.
                let mut keys = Vec::new();
                for (member, _) in self.pairs(&members)? {
                    keys.push(self.key(&member)?);
                }
                keys.sort_unstable();
                Key::Frozenset(keys)
            }
            Form::Range(span) => match span.len() {
                0 => Key::Range(0, 0, 0),
                1 => Key::Range(1, span.start, 0),
                length => Key::Range(length as i128, span.start, span.step),
            },
            Form::List(_) => return unhashable("list"),
            Form::Dict(_) => return unhashable("dict"),
            Form::Set(_) => return unhashable("set"),
            Form::Bytearray(_) => return unhashable("bytearray"),
            Form::Slice(_) if self.version() < (3, 12) => return unhashable("slice"),
            Form::Slice(bounds) => {
                let mut keys = vec![Key::Type("slice".to_owned())];
                for bound in bounds.iter() {
                    keys.push(self.key(bound)?);
                }
                Key::Tuple(keys)
            }
            Form::View(View::Keys, _) => return unhashable("dict_keys"),
            Form::View(View::Items, _) => return unhashable("dict_items"),
            Form::Class => Key::Type(self.class_name(value)),
            _ => match value {
                Value::Object(id) => Key::Object(*id),
                Value::Stray(address) => Key::Stray(*address),
                Value::Function(name) => Key::Method(Box::new(Key::None), name),
                Value::Method(method) => Key::Method(Box::new(self.key(&method.0)?), method.1),
                Value::Iterator(flow) => Key::Pointer(Arc::as_ptr(flow) as usize),
                Value::Bound(bound) => Key::Tuple(vec![self.key(&bound.0)?, Key::Object(bound.1)]),
                Value::View(_, of) => Key::Pointer(Arc::as_ptr(of) as usize),
                Value::Part(part) => Key::Pointer(Arc::as_ptr(part).cast::<u8>() as usize),
                _ => Key::None,
            },
        })
    }
}
