//! Numbers for what clients expand: objects by their own numbers, everything else by a table above them.
//!
//! All are below 2^31, and good as long as the dump is open.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use heapsake_loader::ObjectId;

use crate::results::ResultNumber;
use crate::stacks::FrameKey;

/// Numbers from here on are those of the table.
const FIRST: i64 = 1 << 30;
/// The longest expression that is kept for a node.
const LONGEST_EXPRESSION: usize = 4096;

/// Something that has children.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    /// An object: attributes, elements, entries.
    Object(ObjectId),
    /// The variables of a frame.
    Locals(FrameKey),
    /// Those of enclosing functions.
    Closure(FrameKey),
    /// The global names of a frame.
    Globals(FrameKey),
    /// The exception of a thread and what led to it.
    Exception(i64),
    /// Who holds the variables of a frame.
    HeldBy(FrameKey),
    /// The variables of a frame that is an object.
    FrameLocals(ObjectId),
    /// Who holds an object, told when it is asked for: one child.
    Holders(ObjectId),
    /// The holders.
    HolderList(ObjectId),
    /// One of them: the object, and who holds it.
    Holder(ObjectId),
    /// Key and value of an entry.
    Entry(ObjectId, u64),
    /// A fact that has parts: its object, the name of the attribute, the way within it.
    Fact(ObjectId, String, Vec<u32>),
    /// A part of an array, by its indexes.
    Part(ObjectId, Vec<i64>),
    /// A column of a table.
    Column(ObjectId, u64),
    /// Some of another's indexed children: from, count.
    Range(i64, u64, u64),
    /// Another's named children from a position on.
    Names(i64, u64),
    /// What an expression gave.
    Result(ResultNumber),
}

/// What a user would type for a node, and in which frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) expression: Option<String>,
    pub(crate) frame: Option<FrameKey>,
}

/// The table.
#[derive(Debug, Default)]
pub(crate) struct References {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    nodes: Vec<Node>,
    known: HashMap<Node, i64>,
    /// What a user would type for a node, as it was last shown in its frame.
    called: HashMap<i64, Called>,
    /// The further numbers of nodes that are shown in more places than one.
    elsewhere: HashMap<(i64, Place), i64>,
}

/// Where a node is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// Where a user can type it, in this frame.
    Frame(Option<FrameKey>),
    /// Where there is nothing to be typed.
    Nameless,
}

impl State {
    /// A number for a node, also when it has one; 0, which stands for no children, when the table is full.
    fn add(&mut self, node: Node) -> i64 {
        let number = FIRST + self.nodes.len() as i64;
        if number > crate::protocol::LARGEST {
            return 0;
        }
        self.nodes.push(node);
        number
    }

    fn node(&self, number: i64) -> Option<Node> {
        if (1..FIRST).contains(&number) {
            return u32::try_from(number - 1).ok().map(|id| Node::Object(ObjectId(id)));
        }
        let place = usize::try_from(number.checked_sub(FIRST)?).ok()?;
        self.nodes.get(place).cloned()
    }
}

impl References {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a node; 0, which stands for no children, when the table is full.
    pub(crate) fn number(&self, node: Node) -> i64 {
        if let Node::Object(id) = node
            && i64::from(id.0) + 1 < FIRST
        {
            return i64::from(id.0) + 1;
        }
        let mut state = self.state();
        if let Some(known) = state.known.get(&node) {
            return *known;
        }
        let number = state.add(node.clone());
        if number > 0 {
            state.known.insert(node, number);
        }
        number
    }

    /// The node of a number, if `objects` are in the dump.
    pub(crate) fn node(&self, number: i64, objects: u32) -> Option<Node> {
        // What the table has was told by this adapter.
        if number < FIRST && number > i64::from(objects) { None } else { self.state().node(number) }
    }

    /// What a user would type for a node.
    pub(crate) fn called(&self, number: i64) -> Called {
        self.state().called.get(&number).cloned().unwrap_or_default()
    }

    /// Notes it, and gives the number under which the node is to be told there. One that a frame reaches in several ways is
    /// called by the last one. In each other frame it has another number, and where it has no name it has one more: what a
    /// client expands is so called as it was where the client saw it.
    pub(crate) fn call(&self, number: i64, called: Called) -> i64 {
        if number <= 0 {
            return number;
        }
        let is_named = called.expression.as_ref().is_some_and(|text| text.len() <= LONGEST_EXPRESSION);
        let called = if is_named { called } else { Called { expression: None, ..called } };
        let mut state = self.state();
        let Some(known) = state.called.get_mut(&number) else {
            state.called.insert(number, called);
            return number;
        };
        // In its own frame it keeps its name where it has none.
        match (is_named, known.expression.is_some()) {
            (true, true) if known.frame == called.frame => {
                *known = called;
                return number;
            }
            (false, true) if known.frame == called.frame => return number,
            (false, false) => return number,
            _ => {}
        }
        let place = if is_named { Place::Frame(called.frame) } else { Place::Nameless };
        let further = match state.elsewhere.get(&(number, place)).copied() {
            Some(further) => further,
            None => {
                let Some(node) = state.node(number) else { return number };
                let further = state.add(node);
                if further > 0 {
                    state.elsewhere.insert((number, place), further);
                }
                further
            }
        };
        state.called.insert(further, called);
        further
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_has_its_own_name() {
        let references = References::default();
        let frame = |row: u32| Some(FrameKey { stack: 1, row });
        let call = |row: u32, text: &str| references.call(7, Called { expression: Some(text.to_owned()), frame: frame(row) });
        let nameless = |row: u32| references.call(7, Called { expression: None, frame: frame(row) });
        let name = |number: i64| references.called(number).expression;
        let first = call(0, "order");
        assert_eq!((first, name(first).as_deref()), (7, Some("order")));
        assert_eq!((call(0, "orders[0]"), name(7).as_deref()), (7, Some("orders[0]")));
        let second = call(1, "self");
        assert!(second >= FIRST && second == call(1, "self.me"));
        assert_eq!((name(second).as_deref(), name(7).as_deref()), (Some("self.me"), Some("orders[0]")));
        assert_eq!(references.called(second).frame, frame(1));
        assert_eq!(references.node(second, 10), Some(Node::Object(ObjectId(6))));
        // What is shown without a name has one in its own frame alone.
        assert_eq!(nameless(0), 7);
        let third = nameless(2);
        assert!(third > second && third == nameless(3) && name(third).is_none());
        assert_eq!((call(0, "order"), name(7).as_deref()), (7, Some("order")));
        assert_eq!((references.call(9, Called::default()), references.call(9, Called::default())), (9, 9));
        let named = references.call(9, Called { expression: Some("x".to_owned()), frame: None });
        assert!(named > third && name(named).as_deref() == Some("x") && name(9).is_none());
        assert_eq!(references.call(0, Called::default()), 0);
    }

    #[test]
    fn numbers_lead_back() {
        let references = References::default();
        assert_eq!(references.number(Node::Object(ObjectId(0))), 1);
        let large = Node::Object(ObjectId(u32::MAX));
        let number = references.number(large.clone());
        assert!((FIRST..=i64::from(i32::MAX)).contains(&number));
        assert_eq!(references.number(large.clone()), number);
        assert_eq!(references.node(number, 10), Some(large));
        assert_eq!(references.node(10, 10), Some(Node::Object(ObjectId(9))));
        for nothing in [0, -1, 11, FIRST + 7, i64::MAX, i64::MIN] {
            assert_eq!(references.node(nothing, 10), None);
        }
    }
}
