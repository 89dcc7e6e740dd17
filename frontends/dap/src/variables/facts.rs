//! The parts of facts that are no objects: what a reducer told as lists and maps.

use ciborium::Value;
use heapsake_loader::{AttributeValue, ObjectId};

use super::present::{Child, Content, Way, after_dot};
use crate::references::Node;
use crate::session::Session;
use crate::shown::Manner;

impl Session {
    /// The fact at the end of a way.
    fn fact(&self, id: ObjectId, name: &str, path: &[u32]) -> Option<Value> {
        let AttributeValue::Plain(mut value) = self.dump.object(id).attribute(name)? else { return None };
        for at in path {
            let at = *at as usize;
            value = match value {
                Value::Array(mut items) if at < items.len() => items.swap_remove(at),
                Value::Map(mut entries) if at < entries.len() => entries.swap_remove(at).1,
                _ => return None,
            };
        }
        Some(value)
    }

    /// The entries of a fact that is a map.
    pub(super) fn named_parts(&self, id: ObjectId, name: &str, path: &[u32]) -> Vec<Child> {
        let Some(Value::Map(entries)) = self.fact(id, name, path) else { return Vec::new() };
        let entries = entries.into_iter().zip(0u32..);
        let child = |((key, value), at): ((Value, Value), u32)| {
            let (shown, way) = match key.as_text() {
                Some(text) => (text.to_owned(), after_dot(text)),
                None => (Manner::of_list(None).fact(&key), Way::None),
            };
            Child::new(shown, Content::Fact(value, Some(further(id, name, path, at))), way)
        };
        entries.map(child).collect()
    }

    /// How many parts a fact has that is a list.
    pub(super) fn fact_length(&self, id: ObjectId, name: &str, path: &[u32]) -> u64 {
        match self.fact(id, name, path) {
            Some(Value::Array(items)) => items.len() as u64,
            _ => 0,
        }
    }

    /// They.
    pub(super) fn indexed_parts(&self, id: ObjectId, name: &str, path: &[u32], from: u64, number: u64) -> Vec<Child> {
        let Some(Value::Array(items)) = self.fact(id, name, path) else { return Vec::new() };
        let items = items.into_iter().zip(0u32..).skip(from as usize).take(number as usize);
        let child = |(value, at): (Value, u32)| {
            let content = Content::Fact(value, Some(further(id, name, path, at)));
            Child::new(format!("[{at}]"), content, Way::After(format!("[{at}]")))
        };
        items.map(child).collect()
    }
}

fn further(id: ObjectId, name: &str, path: &[u32], at: u32) -> Node {
    Node::Fact(id, name.to_owned(), path.iter().copied().chain([at]).collect())
}
