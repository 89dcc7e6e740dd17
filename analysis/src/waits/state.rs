//! Single facts of an object, whether they are stored as objects or as facts of a reducer.

use ciborium::Value;
use heapsake_core::heap::TypeKind;
use heapsake_loader::{AttributeValue, Object, PlainValue};

/// Whether an object's class or one of its bases has this qualified name.
pub(super) fn is_a(object: &Object<'_>, name: &str) -> bool {
    object.type_description().is_some_and(|known| known.name == name || known.mro.iter().any(|base| base == name))
}

/// Whether it is one of them.
pub(super) fn is_any(object: &Object<'_>, names: &[&str]) -> bool {
    names.iter().any(|name| is_a(object, name))
}

/// An integer attribute.
pub(crate) fn number(object: &Object<'_>, name: &str) -> Option<i128> {
    match object.attribute(name)? {
        AttributeValue::Plain(Value::Integer(number)) => Some(number.into()),
        AttributeValue::Target(target) => match object.follow(target)?.value() {
            PlainValue::Int(number) => Some(number.into()),
            PlainValue::BigInt { negative: false, magnitude } if magnitude.len() <= 8 => {
                Some(magnitude.iter().rev().fold(0, |number, byte| number << 8 | i128::from(*byte)))
            }
            _ => None,
        },
        _ => None,
    }
}

/// A boolean attribute.
pub(super) fn flag(object: &Object<'_>, name: &str) -> Option<bool> {
    match object.attribute(name)? {
        AttributeValue::Plain(Value::Bool(flag)) => Some(flag),
        AttributeValue::Target(target) => {
            let value = object.follow(target)?;
            (value.kind() == TypeKind::Bool).then(|| value.value() != PlainValue::Int(0))
        }
        _ => None,
    }
}

/// A text attribute.
pub(crate) fn text(object: &Object<'_>, name: &str) -> Option<String> {
    match object.attribute(name)? {
        AttributeValue::Plain(Value::Text(text)) => Some(text),
        AttributeValue::Target(target) => object.follow(target)?.text(),
        _ => None,
    }
}

/// A fact of a reducer.
pub(super) fn fact(object: &Object<'_>, name: &str) -> Option<Value> {
    match object.attribute(name)? {
        AttributeValue::Plain(value) if !value.is_null() => Some(value),
        _ => None,
    }
}

/// The object of an attribute that is not None.
pub(crate) fn member<'d>(object: &Object<'d>, name: &str) -> Option<Object<'d>> {
    object.attribute_object(name).filter(|found| found.kind() != TypeKind::None)
}

/// A float or an integer as text.
pub(super) fn shown_number(object: &Object<'_>) -> Option<String> {
    match object.value() {
        PlainValue::Int(number) => Some(number.to_string()),
        PlainValue::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A lock's state, where the lock says it.
pub(super) fn is_locked(object: &Object<'_>) -> Option<bool> {
    let of_structured = || (structured_kind(object)? == "Lock").then(|| owner_of(object).is_some());
    flag(object, "locked").or_else(|| flag(object, "_locked")).or_else(of_structured)
}

/// What an object of trio or anyio is: the last word of the name of the first class that is theirs.
pub(super) fn structured_kind(object: &Object<'_>) -> Option<String> {
    let known = object.type_description()?;
    let mut names = std::iter::once(&known.name).chain(&known.mro);
    let name = names.find(|name| name.starts_with("trio.") || name.starts_with("anyio."))?;
    name.rsplit('.').next().map(str::to_owned)
}

/// The lock that a thing stands for: itself, that of a condition, that within one of anyio; none for what is no lock.
pub(super) fn lock_of<'d>(object: &Object<'d>) -> Option<Object<'d>> {
    const LOCKS: [&str; 4] = ["_thread.lock", "_thread.RLock", "threading._RLock", "asyncio.locks.Lock"];
    if is_any(object, &LOCKS) {
        return Some(object.clone());
    }
    if is_any(object, &["threading.Condition", "asyncio.locks.Condition"]) {
        return member(object, "_lock").filter(|lock| is_any(lock, &LOCKS));
    }
    let mut lock = match structured_kind(object)?.as_str() {
        "Lock" | "StrictFIFOLock" | "LockAdapter" => object.clone(),
        "Condition" => member(object, "_lock")?,
        _ => return None,
    };
    // An adapter has a lock of the backend, trio's backend one of trio.
    for name in ["_internal_lock", "_Lock__original"] {
        lock = member(&lock, name).unwrap_or(lock);
    }
    Some(lock)
}

/// The task that a lock of trio or anyio names as its owner.
pub(super) fn owner_of<'d>(lock: &Object<'d>) -> Option<Object<'d>> {
    ["_owner", "_owner_task"].into_iter().find_map(|name| member(lock, name))
}
