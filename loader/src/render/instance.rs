//! Instances: what they are called, and what they have.

use std::fmt::Write;

use ciborium::Value;
use heapsake_core::format::{LabelName, TailKind};
use heapsake_core::heap::EdgeKind;

use super::Renderer;
use crate::array::Array;
use crate::moment;
use crate::object::Object;
use crate::table::Table;

impl Renderer {
    pub(super) fn instance(&mut self, object: &Object<'_>, depth: usize) {
        // A member of an enumeration is what its name says.
        if let (Some(name), Some(value)) = (self.named(object, "_name_"), object.attribute_object("_value_")) {
            let class = object.type_name().rsplit('.').next().unwrap_or_default().to_owned();
            self.push(&format!("<{class}.{name}"));
            if depth < self.limits.depth {
                self.push(": ");
                self.object(&value, depth + 1);
            }
            return self.push(">");
        }
        if matches!(object.type_name(), "range" | "slice") && depth < self.limits.depth {
            return self.bounds(object, depth);
        }
        if let Some(array) = Array::of(object) {
            return self.array(&array, depth);
        }
        if let Some(table) = Table::of(object) {
            return self.table(object, &table, depth);
        }
        if let Some(text) = moment::text(object) {
            self.push(&format!("<{} {text}", object.type_name()));
            if let Some(zone) = object.attribute_object("tzinfo").filter(|_| depth + 1 < self.limits.depth) {
                self.push(" tzinfo=");
                self.object(&zone, depth + 1);
            }
            return self.push(">");
        }
        let open = format!("<{}", object.type_name());
        if depth + 1 >= self.limits.depth || !self.enter(object, depth, &open, ">") {
            if depth + 1 >= self.limits.depth {
                self.push(&format!("{open} at {}>", object.address()));
            }
            return;
        }
        let shown = object.edges().into_iter().filter_map(|edge| match (edge.kind, edge.name) {
            (EdgeKind::Attribute, LabelName::Text(name)) if !name.starts_with("__") => Some((name, edge.target)),
            _ => None,
        });
        let (mut any, mut more) = (false, 0);
        for (at, (name, target)) in shown.enumerate() {
            any = true;
            if at >= self.limits.elements {
                more += 1;
                continue;
            }
            self.push(&format!(" {name}="));
            self.target(object, target, depth + 1);
        }
        if let Some(namespace) = object.namespace() {
            more += namespace.len().saturating_sub(self.limits.elements as u64);
            for (key, value) in namespace.entries(0, self.limits.elements as u64) {
                if let Some(name) = object.follow(key).and_then(|key| key.text()) {
                    any = true;
                    self.push(&format!(" {name}="));
                    self.target(object, value, depth + 1);
                }
            }
        }
        for (name, value) in object.reduced().into_iter().take(self.limits.elements) {
            any = true;
            self.push(&format!(" {name}="));
            match value {
                crate::AttributeValue::Target(target) => self.target(object, target, depth + 1),
                crate::AttributeValue::Plain(value) => self.fact(&value, depth + 1),
                crate::AttributeValue::Locals(_) => self.push("…"),
            }
        }
        if !any && !self.contents(object, depth) {
            let _ = write!(self.out, " at {}", object.address());
        }
        if more > 0 {
            let _ = write!(self.out, " … {more} more");
        }
        self.push(">");
        self.open.pop();
    }

    /// What one has that has no attributes of the program's: its value as text, its elements, or what it says of itself. Whether
    /// that is anything.
    fn contents(&mut self, object: &Object<'_>, depth: usize) -> bool {
        let facts = object.state();
        if let Some((_, Value::Text(text))) = facts.iter().find(|(name, _)| name == "text") {
            self.push(" ");
            self.plain(text);
            return true;
        }
        let few = self.limits.elements;
        let is_sequence = object.tail_kind() == TailKind::Elements;
        if is_sequence {
            self.push(" [");
            let elements = object.elements(0, few as u64);
            for (at, element) in elements.iter().enumerate() {
                self.push(if at > 0 { ", " } else { "" });
                self.target(object, *element, depth + 1);
            }
            let more = object.len().saturating_sub(elements.len() as u64);
            self.push(&if more > 0 { format!(", … {more} more]") } else { "]".to_owned() });
        }
        let mut any = is_sequence;
        for edge in object.edges().into_iter().take(few) {
            if let (EdgeKind::Attribute, LabelName::Text(name)) = (edge.kind, edge.name) {
                any = true;
                self.push(&format!(" {name}="));
                self.target(object, edge.target, depth + 1);
            }
        }
        for (name, value) in facts.iter().take(few) {
            any = true;
            self.push(&format!(" {name}="));
            self.fact(value, depth + 1);
        }
        any
    }
}
