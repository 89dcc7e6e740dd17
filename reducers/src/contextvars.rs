//! `contextvars`: contexts, variables and tokens, by `Python/context.c` and `Python/hamt.c`.
//!
//! A context's values are in a hash array mapped trie of three kinds of nodes, which are objects themselves; no path in it
//! is longer than eight nodes.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Sink};
use heapsake_core::reduce::{Failure, Reason};
use heapsake_cpython::layout::{Field, Inline};

use crate::framework::{Target, facts, reducers};

reducers! {
    /// *What it holds.* Values by variable, and the context that it was entered from.
    /// *What is saved.* The entries, variable to value; whether it is entered, and the previous context.
    /// *What becomes a surrogate.* One whose trie is deeper or larger than it says; it keeps the entries told before.
    Context ["Context", "_contextvars.Context"] "values by variable" => context;

    /// *What it holds.* A name, a default, and the value last seen.
    /// *What is saved.* `name` and `default`; the value last seen as a borrowed reference.
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
        facts!(sink, "count": target.field(layout.h_count)?);
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
    facts!(sink, "entered": target.field(layout.ctx_entered)? != 0);
    let trie = target.field(layout.ctx_vars)?;
    if trie.is_null() {
        return Ok(());
    }
    let count = target.field_of(layouts.hamt.h_count, trie)?;
    let corrupt = |what: &'static str| Failure::new(Reason::Corrupt, what);
    // Each node but the root has two entries below it or more, and there are no more than eight in a row.
    let mut nodes_left = count.saturating_mul(DEEPEST as i64).saturating_add(1);
    let mut entries_left = count;
    let mut waiting = vec![(target.field_of(layouts.hamt.h_root, trie)?, 1)];
    while let Some((address, depth)) = waiting.pop() {
        nodes_left -= 1;
        if depth > DEEPEST || nodes_left < 0 {
            return Err(corrupt("its trie is deeper or larger than a trie can be"));
        }
        let Some(node) = Node::at(target, address)? else {
            return Err(corrupt("an unknown kind of node in its trie"));
        };
        let below = waiting.len();
        let mut key = None;
        target.each_word(node.start, crate::framework::whole(node.words)?, |word| {
            let word = Address(word);
            if node.children_only {
                if !word.is_null() {
                    waiting.push((word, depth + 1));
                }
                return Ok(());
            }
            match key.take() {
                None => key = Some(word),
                Some(key) if key.is_null() => waiting.push((word, depth + 1)),
                Some(key) => {
                    entries_left -= 1;
                    if entries_left < 0 {
                        return Err(corrupt("more entries in its trie than it counts"));
                    }
                    sink.entry(key, word);
                }
            }
            if waiting.len() as i64 > nodes_left { Err(corrupt("more nodes in its trie than it can have")) } else { Ok(()) }
        })?;
        waiting.get_mut(below..).unwrap_or_default().reverse();
    }
    Ok(())
}

fn variable(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().context_variable;
    target.attributes(sink, &[("name", layout.var_name), ("default", layout.var_default)])?;
    match layout.var_cached {
        Some(cached) => target.edge(sink, EdgeKind::Borrowed, "cached", cached),
        None => Ok(()),
    }
}

fn token(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().context_token;
    target.attributes(sink, &[("var", layout.tok_var), ("old_value", layout.tok_oldval)])?;
    target.internal(sink, "tok_ctx", layout.tok_ctx)?;
    facts!(sink, "used": target.field(layout.tok_used)? != 0);
    Ok(())
}

#[cfg(test)]
#[path = "contextvars_tests.rs"]
mod tests;
