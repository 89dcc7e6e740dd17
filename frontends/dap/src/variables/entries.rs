//! Entries of mappings as indexed children: large mappings can be paged, whatever their keys are.

use heapsake_core::format::Target;
use heapsake_core::heap::TypeKind;
use heapsake_loader::{Limits, Object, ObjectId, PlainValue, render};

use super::present::{Child, Content, Way};
use crate::references::Node;
use crate::session::Session;

/// Entries from which on their position is told beside the key.
const MANY: u64 = 100;
/// How a key is shown.
const KEY: Limits = Limits { characters: 80, elements: 4, depth: 2, text: 60 };
/// Bytes of a key that is written into an expression.
const LONGEST_KEY: u64 = 200;

impl Session {
    /// Entries from a position on: named by their keys, and by their position where there are many.
    pub(super) fn entries(&self, object: &Object<'_>, from: u64, number: u64) -> Vec<Child> {
        let many = object.len() > MANY;
        let entries = object.entries(from, number).into_iter().zip(from..);
        let child = |((key, value), at): ((Target, Target), u64)| {
            let there = object.follow(key);
            let shown = there.as_ref().map_or_else(|| "?".to_owned(), |key| render(key, KEY));
            let name = if many { format!("[{at}] {shown}") } else { shown };
            let way = there.as_ref().and_then(literal).map_or(Way::None, |key| Way::After(format!("[{key}]")));
            match there.filter(|key| !is_plain(key)) {
                None => Child::new(name, Content::Target(value), way),
                // A key that has parts of its own is to be looked at too.
                Some(_) => {
                    let value = object.follow(value).map_or_else(|| "None".to_owned(), |value| render(&value, Limits::default()));
                    Child::new(name, Content::Node(value, String::new(), Node::Entry(object.id(), at)), way)
                }
            }
        };
        entries.map(child).collect()
    }

    /// Key and value of one entry.
    pub(super) fn entry(&self, id: ObjectId, at: u64) -> Vec<Child> {
        let object = self.dump.object(id);
        let Some((key, value)) = object.entries(at, 1).pop() else { return Vec::new() };
        let way = |target: Target| {
            let literal = object.follow(target).as_ref().and_then(literal);
            literal.map_or(Way::None, |key| Way::After(format!("[{key}]")))
        };
        vec![Child::new("key", Content::Target(key), Way::None), Child::new("value", Content::Target(value), way(key))]
    }
}

/// Whether a key has no parts.
fn is_plain(key: &Object<'_>) -> bool {
    use TypeKind::{Bool, Bytes, Complex, Float, Int, None, Str};
    matches!(key.kind(), None | Bool | Int | Float | Complex | Str | Bytes) && !key.type_name().contains('.')
}

/// A key as the language writes it, where that is the key and no other.
fn literal(key: &Object<'_>) -> Option<String> {
    if key.surrogate().is_some() || key.type_name().contains('.') {
        return None;
    }
    match (key.kind(), key.value()) {
        (TypeKind::None, _) => Some("None".to_owned()),
        (TypeKind::Bool, value) => Some(if value == PlainValue::Int(0) { "False" } else { "True" }.to_owned()),
        (TypeKind::Int, PlainValue::Int(number)) => Some(number.to_string()),
        (TypeKind::Str, _) if key.value_length().is_some_and(|length| length <= LONGEST_KEY) => {
            let text = key.with_text(|text| std::str::from_utf8(text).ok().map(str::to_owned))??;
            Some(quoted(&text))
        }
        _ => None,
    }
}

/// A text as a literal.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown = String::from("'");
    for letter in text.chars() {
        match letter {
            '\'' | '\\' => shown.extend(['\\', letter]),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            letter if letter.is_control() || !letter.is_alphanumeric() && !letter.is_ascii() => match u32::from(letter) {
                code @ 0..=0xffff => shown.push_str(&format!("\\u{code:04x}")),
                code => shown.push_str(&format!("\\U{code:08x}")),
            },
            letter => shown.push(letter),
        }
    }
    shown.push('\'');
    shown
}
