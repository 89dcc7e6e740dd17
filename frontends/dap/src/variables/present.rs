//! A child as a variable of the protocol: its value in a line, its type, what expands it, what a user would type for it.

use ciborium::Value;
use heapsake_analysis::expression;
use heapsake_core::format::Target;
use heapsake_core::heap::{EdgeKind, TypeKind};
use heapsake_loader::array::Array;
use heapsake_loader::table::Table;
use heapsake_loader::{Object, ObjectId, harmless_line, referenced};

use super::MOST;
use crate::protocol::{LARGEST, PresentationHint, Variable};
use crate::references::{Called, Node};
use crate::results::ResultNumber;
use crate::session::{PAGE, Session};
use crate::shown::{Manner, NAME, fact_type};

/// Indexed children from which on a client that pages is told their number.
const PAGED: u64 = 100;

/// A child.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) name: String,
    pub(crate) content: Content,
    pub(crate) way: Way,
    /// Whether it is of interest to few: a name of the language.
    pub(crate) internal: bool,
}

/// How a user would type a child.
#[derive(Debug)]
pub(crate) enum Way {
    /// So.
    Name(String),
    /// So, after its parent.
    After(String),
    /// Not at all.
    None,
}

/// What a child is.
#[derive(Debug)]
pub(crate) enum Content {
    /// What an edge leads to.
    Target(Target),
    /// A fact that is no object, and the node that has its parts.
    Fact(Value, Option<Node>),
    /// Words: value, type.
    Words(String, String),
    /// Words, and a node that can be expanded.
    Node(String, String, Node),
    /// A node that says what it is when it is asked for.
    Lazy(Node),
    /// Part of what an expression gave: the part, the whole, the position.
    Result(expression::Value, ResultNumber, u64),
}

impl Child {
    pub(crate) fn new(name: impl Into<String>, content: Content, way: Way) -> Child {
        Child { name: name.into(), content, way, internal: false }
    }

    /// A name of a namespace: those that begin and end with two underscores are the language's.
    pub(crate) fn named(name: &str, content: Content, way: Way) -> Child {
        let internal = name.len() > 4 && name.starts_with("__") && name.ends_with("__");
        Child { internal, ..Child::new(name, content, way) }
    }
}

/// Whether a text can be a name.
pub(crate) fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first == '_' || first.is_alphabetic())
        && letters.all(|letter| letter == '_' || letter.is_alphanumeric())
}

/// An attribute's name after a dot, where it can stand there.
pub(crate) fn after_dot(name: &str) -> Way {
    if is_name(name) { Way::After(format!(".{name}")) } else { Way::None }
}

impl Session {
    /// The variables that children are. Objects that lie near each other are looked at together: each part of the heap is
    /// decoded once, several at a time.
    pub(crate) fn present_all(&self, children: Vec<Child>, parent: &Called, manner: Manner) -> Vec<Variable> {
        let id_of = |child: &Child| match child.content {
            Content::Target(Target::Object(id)) => Some(ObjectId(id)),
            _ => None,
        };
        let mut sorted: Vec<(usize, Child)> = children.into_iter().enumerate().collect();
        sorted.sort_by_key(|(_, child)| id_of(child));
        let mut found: Vec<(usize, Variable)> = Vec::with_capacity(sorted.len());
        let mut sorted = sorted.into_iter();
        loop {
            let some: Vec<(usize, Child)> = sorted.by_ref().take(PAGE).collect();
            if some.is_empty() {
                break;
            }
            let ids: Vec<ObjectId> = some.iter().filter_map(|(_, child)| id_of(child)).collect();
            self.dump.fetch(&ids);
            self.dump.fetch(&self.near(&ids, manner));
            found.extend(some.into_iter().map(|(at, child)| (at, self.present(child, parent, manner))));
        }
        found.sort_by_key(|(at, _)| *at);
        found.into_iter().map(|(_, variable)| variable).collect()
    }

    /// What the lines of objects show beside them: their first parts.
    fn near(&self, ids: &[ObjectId], manner: Manner) -> Vec<ObjectId> {
        let most = manner.limits.elements;
        let mut found = Vec::new();
        for id in ids {
            let object = self.dump.object(*id);
            let Some(decoded) = object.decoded() else { continue };
            let edges = decoded.edges().map(|(_, _, target)| target).take(most);
            let tail = if object.len() > most as u64 { 0 } else { 2 * most };
            found.extend(edges.chain(decoded.inline_tail().take(tail)).filter_map(|target| match target {
                Target::Object(id) => Some(ObjectId(id)),
                _ => None,
            }));
        }
        found
    }

    /// The variable that a child is.
    pub(crate) fn present(&self, child: Child, parent: &Called, manner: Manner) -> Variable {
        let expression = match &child.way {
            Way::Name(name) => Some(name.clone()),
            Way::After(suffix) => parent.expression.as_ref().map(|parent| format!("{parent}{suffix}")),
            Way::None => None,
        };
        let mut variable = match child.content {
            Content::Target(Target::Object(id)) => self.object_variable(ObjectId(id), manner),
            Content::Target(Target::Nothing) => words("None".to_owned(), "NoneType".to_owned()),
            Content::Target(Target::Stray(address)) => words(format!("<nothing readable at {address}>"), String::new()),
            Content::Fact(value, node) => match referenced(&value) {
                Some(id) => self.object_variable(id, manner),
                None => {
                    let expands = matches!(&value, Value::Array(items) if !items.is_empty())
                        || matches!(&value, Value::Map(entries) if !entries.is_empty());
                    let mut variable = words(manner.fact(&value), fact_type(&value).to_owned());
                    if let Some(node) = node.filter(|_| expands) {
                        variable.variables_reference = self.references.number(node);
                        if let Value::Array(items) = &value {
                            variable.indexed_variables = self.paged(items.len() as u64);
                        }
                    }
                    variable
                }
            },
            Content::Words(value, kind) => words(manner.line(&value), manner.line(&kind)),
            Content::Node(value, kind, node) => {
                let mut variable = words(manner.line(&value), manner.line(&kind));
                if matches!(node, Node::Part(..) | Node::Column(..)) {
                    variable.indexed_variables = self.paged(self.length(&node));
                }
                variable.variables_reference = self.references.number(node);
                variable
            }
            Content::Lazy(node) => {
                let mut variable = words(String::new(), String::new());
                variable.presentation_hint.lazy = true;
                variable.variables_reference = self.references.number(node);
                variable
            }
            Content::Result(part, whole, at) => {
                self.result_variable(part, |part| self.results.keep_part(whole, at, part), manner)
            }
        };
        variable.name = harmless_line(&child.name, NAME);
        if child.internal {
            variable.presentation_hint.visibility = Some("internal");
        }
        let called = Called { expression: expression.clone(), frame: parent.frame };
        variable.variables_reference = self.references.call(variable.variables_reference, called);
        variable.evaluate_name = expression;
        variable
    }

    /// An object, without a name.
    pub(crate) fn object_variable(&self, id: ObjectId, manner: Manner) -> Variable {
        let object = self.dump.object(id);
        let value = manner.object(&object);
        let mut variable = words(value, harmless_line(object.type_name(), NAME));
        variable.presentation_hint = PresentationHint::of(match object.kind() {
            TypeKind::Type => "class",
            TypeKind::Function | TypeKind::Method | TypeKind::Builtin => "method",
            _ => "data",
        });
        if has_children(&object) {
            variable.variables_reference = self.references.number(Node::Object(id));
            variable.indexed_variables = self.paged(self.elements_of(id));
            if variable.indexed_variables.is_some() {
                // A client that is told of indexed ones asks for named ones only if there are any.
                let named = (self.attributes(id).len() as i64).min(MOST as i64 + 1);
                variable.named_variables = (named > 0).then_some(named);
            }
        }
        if self.client.knows_memory && self.has_memory(&object) {
            variable.memory_reference = Some(format!("object:{}", id.0));
        }
        variable
    }

    /// The number of indexed children, for a client that pages, when they are many.
    pub(crate) fn paged(&self, length: u64) -> Option<i64> {
        (self.client.pages && length > PAGED).then(|| i64::try_from(length).unwrap_or(LARGEST).min(LARGEST))
    }
}

/// A value that does not expand.
pub(crate) fn words(value: String, kind: String) -> Variable {
    Variable { value, kind, presentation_hint: PresentationHint::of("data"), ..Variable::default() }
}

/// Whether an object has anything to show below it.
fn has_children(object: &Object<'_>) -> bool {
    let Some(decoded) = object.decoded() else { return false };
    if !object.is_empty() || decoded.state().is_some() {
        return true;
    }
    let mut edges = decoded.edges();
    edges.any(|(kind, _, _)| !matches!(kind, EdgeKind::Local | EdgeKind::Stale))
        || object.kind() == TypeKind::Frame
        || object.reduction().is_some()
        || Array::of(object).is_some()
        || Table::of(object).is_some()
}
