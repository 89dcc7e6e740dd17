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
    /// What a user would type for a node, as it was last shown; nothing where frames differ.
    called: HashMap<i64, Called>,
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
        let number = FIRST + state.nodes.len() as i64;
        if number > crate::protocol::LARGEST {
            return 0;
        }
        state.nodes.push(node.clone());
        state.known.insert(node, number);
        number
    }

    /// The node of a number, if `objects` are in the dump.
    pub(crate) fn node(&self, number: i64, objects: u32) -> Option<Node> {
        if (1..FIRST).contains(&number) {
            let id = u32::try_from(number - 1).ok()?;
            return (id < objects).then_some(Node::Object(ObjectId(id)));
        }
        let place = usize::try_from(number.checked_sub(FIRST)?).ok()?;
        self.state().nodes.get(place).cloned()
    }

    /// What a user would type for a node.
    pub(crate) fn called(&self, number: i64) -> Called {
        self.state().called.get(&number).cloned().unwrap_or_default()
    }

    /// Notes it. An object that a frame reaches in several ways is called by the last one. One that frames call differently
    /// has no name from then on: which of them a client means when it expands the object is not told.
    pub(crate) fn call(&self, number: i64, called: Called) {
        let mut state = self.state();
        if number <= 0 || called.expression.as_ref().is_none_or(|text| text.len() > LONGEST_EXPRESSION) {
            // What has no name in one place may have one in others.
            if state.called.get(&number).is_some_and(|known| known.expression.is_some()) {
                state.called.remove(&number);
            }
            return;
        }
        match state.called.get_mut(&number) {
            Some(known) if known.expression != called.expression && known.frame != called.frame => *known = Called::default(),
            Some(known) if known.expression.is_some() => *known = called,
            Some(_) => {}
            None => drop(state.called.insert(number, called)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_frames_call_differently_has_no_name() {
        let references = References::default();
        let call = |row: u32, text: &str| {
            references.call(7, Called { expression: Some(text.to_owned()), frame: Some(FrameKey { stack: 1, row }) });
            references.called(7).expression
        };
        assert_eq!(call(0, "order").as_deref(), Some("order"));
        assert_eq!(call(0, "orders[0]").as_deref(), Some("orders[0]"));
        assert_eq!(call(1, "orders[0]").as_deref(), Some("orders[0]"));
        assert_eq!(call(2, "self"), None);
        assert_eq!(call(0, "order"), None);
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
