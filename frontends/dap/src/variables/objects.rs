//! The children of an object: attributes by name, then elements or entries.

use heapsake_core::format::TailKind;
use heapsake_loader::array::Array;
use heapsake_loader::table::Table;
use heapsake_loader::{AttributeValue, Object, ObjectId};

use super::present::{Child, Content, Way, after_dot};
use crate::references::Node;
use crate::session::Session;

impl Session {
    /// Attributes: those of the language last, columns of a table first.
    pub(super) fn attributes(&self, id: ObjectId) -> Vec<Child> {
        let object = self.dump.object(id);
        let mut found = self.surrogate_reason(&object);
        found.extend(self.columns(&object));
        let (mut names, mut special) = (Vec::new(), Vec::new());
        for attribute in object.attributes() {
            // Its entries are attributes, each by its own name.
            if attribute.name == "__dict__" || is_elements(&object, &attribute.name, &attribute.value) {
                continue;
            }
            let content = match attribute.value {
                AttributeValue::Target(target) => Content::Target(target),
                AttributeValue::Plain(value) => Content::Fact(value, Some(Node::Fact(id, attribute.name.clone(), Vec::new()))),
                AttributeValue::Locals(id) => {
                    Content::Node("the variables of the frame".to_owned(), "dict".to_owned(), Node::FrameLocals(id))
                }
            };
            let child = Child::named(&attribute.name, content, after_dot(&attribute.name));
            if child.internal { special.push(child) } else { names.push(child) }
        }
        found.extend(names);
        found.extend(special);
        found
    }

    /// Why an object is not complete, as a child of it.
    fn surrogate_reason(&self, object: &Object<'_>) -> Vec<Child> {
        let Some((reason, detail)) = object.surrogate() else { return Vec::new() };
        let words = if detail.is_empty() { reason.to_string() } else { format!("{reason}: {detail}") };
        vec![Child::new("(not complete)", Content::Words(words, "reason".to_owned()), Way::None)]
    }

    /// Number of elements, entries, cells.
    pub(crate) fn elements_of(&self, id: ObjectId) -> u64 {
        let object = self.dump.object(id);
        match object.tail_kind() {
            TailKind::Elements | TailKind::Entries => object.len(),
            TailKind::Nothing => match Array::of(&object) {
                Some(array) => array.shape().first().copied().unwrap_or(0),
                None if Table::of(&object).is_some() => self.values_length(&object),
                None => self.fact_length(id, ITEMS, &[]),
            },
        }
    }

    /// Elements from a position on.
    pub(super) fn elements(&self, id: ObjectId, from: u64, number: u64) -> Vec<Child> {
        let object = self.dump.object(id);
        match object.tail_kind() {
            TailKind::Elements => {
                let targets = object.elements(from, number).into_iter().zip(from..);
                let is_set =
                    matches!(object.kind(), heapsake_core::heap::TypeKind::Set | heapsake_core::heap::TypeKind::Frozenset);
                let way = |at: u64| if is_set { Way::None } else { Way::After(format!("[{at}]")) };
                targets.map(|(target, at)| Child::new(format!("[{at}]"), Content::Target(target), way(at))).collect()
            }
            TailKind::Entries => self.entries(&object, from, number),
            TailKind::Nothing if Array::of(&object).is_some() => self.part(id, &[], from, number),
            TailKind::Nothing if Table::of(&object).is_some() => self.values(&object, from, number),
            TailKind::Nothing => self.indexed_parts(id, ITEMS, &[], from, number),
        }
    }
}

/// The fact that has elements which are no objects, such as those of an array.
const ITEMS: &str = "items";

/// Whether an attribute is shown as the object's elements.
fn is_elements(object: &Object<'_>, name: &str, value: &AttributeValue) -> bool {
    let is_list = matches!(value, AttributeValue::Plain(value) if value.is_array());
    name == ITEMS && is_list && object.tail_kind() == TailKind::Nothing
}
