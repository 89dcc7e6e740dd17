//! `contextvars`: contexts, variables and tokens, by `Python/context.c` and `Python/hamt.c`.
//!
//! A context's values are in a hash array mapped trie of three kinds of nodes, which are objects themselves; no path in it
//! is longer than eight nodes.

use heapsake_core::Address;
use heapsake_core::heap::Sink;
use heapsake_core::reduce::{Failure, Reason};
use heapsake_cpython::layout::{Field, Inline};

use crate::framework::{Target, facts, reducers, whole};

reducers! {
    /// *What it holds.* Values by variable, and the context that it was entered from.
    /// *What is saved.* The entries, variable to value; whether it is entered, and the previous context.
    /// *What becomes a surrogate.* One whose trie is deeper or larger than it says; it keeps the entries told before.
    Context ["Context", "_contextvars.Context"] "values by variable" => context;

    /// *What it holds.* A name, a default, and the value last seen, which is borrowed and may be gone.
    /// *What is saved.* `name` and `default`.
    /// *What becomes a surrogate.* None but the unreadable.
    ContextVar ["ContextVar", "_contextvars.ContextVar"] "`name` and `default`" => variable;

    /// *What it holds.* What to restore a variable to.
    /// *What is saved.* `var`, `old_value`, the context, and whether it was used.
    /// *What becomes a surrogate.* None but the unreadable.
    Token ["Token", "_contextvars.Token"] "`var` and `old_value`" => token;

    /// *What it holds.* The trie of a context.
    /// *What is saved.* Its root and how many entries there are.
    /// *What becomes a surrogate.* None but the unreadable.
    Hamt ["hamt"] "the root" => |target, sink| {
        let layout = target.layouts().hamt;
        target.internal(sink, "h_root", layout.h_root)?;
        facts!(target, "count": target.field(layout.h_count)?);
        Ok(())
    };

    /// *What it holds.* Entries and nodes, of a trie.
    /// *What is saved.* Both, as they lie: key and value, or nothing and a node.
    /// *What becomes a surrogate.* None but the unreadable.
    HamtNode ["hamt_bitmap_node", "hamt_array_node", "hamt_collision_node"] "entries and nodes" => |target, sink| {
        let Some(node) = Node::at(target, target.address())? else {
            return Err(Failure::new(Reason::Corrupt, "an unknown kind of node"));
        };
        target.elements(sink, node.start, node.words)
    };
}

/// A node of the trie: its words, and whether they are nodes alone.
struct Node {
    start: Address,
    words: i64,
    children_only: bool,
}

impl Node {
    fn at(target: &Target<'_>, address: Address) -> Result<Option<Node>, Failure> {
        const ARRAY_NODE_CHILDREN: i64 = 32;
        let layouts = target.layouts();
        let sized = |array: Field<Inline>| -> Result<Option<Node>, Failure> {
            Ok(Some(Node { start: array.at(address), words: target.size_of(address)?, children_only: false }))
        };
        match target.object.type_name_of(address).as_deref() {
            Some("hamt_bitmap_node") => sized(layouts.hamt_bitmap.b_array),
            Some("hamt_collision_node") => sized(layouts.hamt_collision.c_array),
            Some("hamt_array_node") => {
                Ok(Some(Node { start: layouts.hamt_array.a_array.at(address), words: ARRAY_NODE_CHILDREN, children_only: true }))
            }
            _ => Ok(None),
        }
    }
}

fn context(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    const DEEPEST: usize = 8;
    let layouts = target.layouts();
    let layout = layouts.context;
    target.internal(sink, "ctx_vars", layout.ctx_vars)?;
    target.internal(sink, "ctx_prev", layout.ctx_prev)?;
    facts!(target, "entered": target.field(layout.ctx_entered)? != 0);
    let trie = target.field(layout.ctx_vars)?;
    if trie.is_null() {
        return Ok(());
    }
    let count = target.field_of(layouts.hamt.h_count, trie)?;
    let mut walk = Walk { nodes_left: count.saturating_mul(DEEPEST as i64).saturating_add(1), entries_left: count };
    let root = target.field_of(layouts.hamt.h_root, trie)?;
    let mut path = vec![walk.enter(target, root)?];
    while let Some(step) = path.last_mut() {
        let (Some(key), Some(value)) = (step.words.next(), step.words.next()) else {
            path.pop();
            continue;
        };
        if !key.is_null() {
            walk.entries_left -= 1;
            if walk.entries_left < 0 {
                return Err(corrupt("more entries in its trie than it counts"));
            }
            sink.entry(key, value);
        } else if !value.is_null() {
            if path.len() >= DEEPEST {
                return Err(corrupt("its trie is deeper than a trie can be"));
            }
            path.push(walk.enter(target, value)?);
        }
    }
    Ok(())
}

fn corrupt(what: &'static str) -> Failure {
    Failure::new(Reason::Corrupt, what)
}

/// What a walk through a trie may still meet. Each node but the root has two entries below it or more, and there are no more
/// than eight in a row.
struct Walk {
    nodes_left: i64,
    entries_left: i64,
}

/// Keys and values of a node, in turn; a key of null stands before a node.
struct Step {
    words: std::vec::IntoIter<Address>,
}

impl Walk {
    fn enter(&mut self, target: &Target<'_>, address: Address) -> Result<Step, Failure> {
        self.nodes_left -= 1;
        if self.nodes_left < 0 {
            return Err(corrupt("more nodes in its trie than it can have"));
        }
        let Some(node) = Node::at(target, address)? else {
            return Err(corrupt("an unknown kind of node in its trie"));
        };
        if node.words > self.entries_left.saturating_add(self.nodes_left).saturating_mul(2).saturating_add(32) {
            return Err(corrupt("a node of more than its trie counts"));
        }
        let mut words = Vec::new();
        target.each_word(node.start, whole(node.words)?, |word| {
            if node.children_only {
                words.push(Address::NULL);
            }
            words.push(Address(word));
            Ok(())
        })?;
        Ok(Step { words: words.into_iter() })
    }
}

fn variable(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().context_variable;
    // What it keeps of the value that it had last may be gone since: the values are in the contexts.
    target.attributes(sink, &[("name", layout.var_name), ("default", layout.var_default)])
}

fn token(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().context_token;
    target.attributes(sink, &[("var", layout.tok_var), ("old_value", layout.tok_oldval)])?;
    target.internal(sink, "tok_ctx", layout.tok_ctx)?;
    facts!(target, "used": target.field(layout.tok_used)? != 0);
    Ok(())
}

#[cfg(test)]
#[path = "contextvars_tests.rs"]
mod tests;
