//! The edges of an object in the order in which they are compared; their names are written out only where they are told.

use std::fmt;

use heapsake_core::format::{LabelName, TailKind, Target};
use heapsake_core::heap::EdgeKind;

use crate::object::Object;

/// How an edge is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Label<'o> {
    /// By its kind and name.
    Named(EdgeKind, &'o LabelName),
    /// It leads to the object's class.
    Type,
    /// By a position.
    Element(u64),
    /// It leads to the key of the entry at a position.
    Key(u64),
    /// It leads to its value.
    Entry(u64),
}

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Label::Named(kind, LabelName::Text(name)) => write!(f, "{} {name}", kind.word()),
            Label::Named(kind, LabelName::Index(index)) => write!(f, "{} {index}", kind.word()),
            Label::Type => f.write_str("type"),
            Label::Element(at) => write!(f, "[{at}]"),
            Label::Key(at) => write!(f, "key {at}"),
            Label::Entry(at) => write!(f, "entry {at}"),
        }
    }
}

/// The labelled edges that are guesses, or those that are none, in order.
fn labelled<'o>(object: &'o Object<'_>, guesses: bool, into: &mut Vec<(Label<'o>, Target)>) {
    into.clear();
    let Some(decoded) = object.decoded() else { return };
    let wanted = decoded.edges().filter(|(kind, ..)| matches!(kind, EdgeKind::Conservative | EdgeKind::Stale) == guesses);
    into.extend(wanted.map(|(kind, name, target)| (Label::Named(kind, name), target)));
}

/// The edges that are guesses.
pub(super) fn guesses<'o>(object: &'o Object<'_>) -> Vec<(Label<'o>, Target)> {
    let mut found = Vec::new();
    labelled(object, true, &mut found);
    found
}

/// The edges that are no guesses, the class, elements and entries after the others.
pub(super) fn edges<'o>(object: &'o Object<'_>) -> Vec<(Label<'o>, Target)> {
    let mut strict = Vec::new();
    labelled(object, false, &mut strict);
    if let Some(class) = object.type_description().and_then(|known| known.object) {
        strict.push((Label::Type, Target::Object(class)));
    }
    match object.tail_kind() {
        TailKind::Nothing => {}
        TailKind::Elements => {
            let elements = object.elements(0, u64::MAX / 4).into_iter().zip(0..);
            strict.extend(elements.map(|(target, at)| (Label::Element(at), target)));
        }
        TailKind::Entries => {
            for ((key, value), at) in object.entries(0, u64::MAX / 4).into_iter().zip(0..) {
                strict.push((Label::Key(at), key));
                strict.push((Label::Entry(at), value));
            }
        }
    }
    strict
}
