//! Whether two values, or the facts of two objects, are the same to the bit.

use heapsake_core::format::Decoded;

use crate::object::{Object, PlainValue};

/// The values of two objects where they are not the same.
pub(super) fn differing(one: &Object<'_>, other: &Object<'_>) -> Option<(PlainValue, PlainValue)> {
    // What lies in the objects' own chunks is compared where it lies.
    let is_same = match (one.decoded().map(|object| object.value()), other.decoded().map(|object| object.value())) {
        (Some(Decoded::Nothing), Some(Decoded::Nothing)) => true,
        (Some(Decoded::Small(one)), Some(Decoded::Small(other))) => one == other,
        (Some(Decoded::Text(one)), Some(Decoded::Text(other))) | (Some(Decoded::Bytes(one)), Some(Decoded::Bytes(other))) => {
            one == other
        }
        _ => false,
    };
    if is_same {
        return None;
    }
    let (one, other) = (one.value(), other.value());
    (!is_same_value(&one, &other)).then_some((one, other))
}

/// Whether two values are one, to the bit: what is not a number is itself, and zero is not minus zero.
fn is_same_value(one: &PlainValue, other: &PlainValue) -> bool {
    match (one, other) {
        (PlainValue::Float(one), PlainValue::Float(other)) => one.to_bits() == other.to_bits(),
        (PlainValue::Complex(one, two), PlainValue::Complex(three, four)) => {
            (one.to_bits(), two.to_bits()) == (three.to_bits(), four.to_bits())
        }
        (one, other) => one == other,
    }
}

/// The same of facts.
pub(super) fn is_same_state(one: &[(String, ciborium::Value)], other: &[(String, ciborium::Value)]) -> bool {
    let mut left: Vec<(&ciborium::Value, &ciborium::Value)> = Vec::new();
    if one.len() != other.len() {
        return false;
    }
    for ((name, value), (other, another)) in one.iter().zip(other) {
        if name != other {
            return false;
        }
        left.push((value, another));
    }
    while let Some(pair) = left.pop() {
        match pair {
            (ciborium::Value::Float(one), ciborium::Value::Float(other)) if one.to_bits() == other.to_bits() => {}
            (ciborium::Value::Array(one), ciborium::Value::Array(other)) if one.len() == other.len() => {
                left.extend(one.iter().zip(other));
            }
            (ciborium::Value::Map(one), ciborium::Value::Map(other)) if one.len() == other.len() => {
                for ((key, value), (other, another)) in one.iter().zip(other) {
                    left.extend([(key, other), (value, another)]);
                }
            }
            (one, other) if one == other => {}
            _ => return false,
        }
    }
    true
}
