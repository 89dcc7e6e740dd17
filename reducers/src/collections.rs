//! `collections`: ordered dicts, default dicts, deques and their iterators, by `Objects/odictobject.c` and
//! `Modules/_collectionsmodule.c`.
//!
//! The order of an ordered dict is that of its list of nodes; the values are in the dict that it is. A deque is a chain of
//! blocks of 64 items.

use heapsake_core::Address;
use heapsake_core::heap::Sink;
use heapsake_core::reduce::{Failure, Reason};
use rustc_hash::FxHashMap;

use crate::framework::{Ring, Target, facts, known, reducers, whole};

reducers! {
    /// *What it holds.* A dict, and the order of its keys as a list of nodes beside it.
    /// *What is saved.* The entries in that order; entries that the list lacks come last.
    /// *What becomes a surrogate.* One whose list runs in a circle; it keeps the entries told before.
    OrderedDict ["collections.OrderedDict"] "entries in their order" => ordered_dict, owning nodes;

    /// *What it holds.* The dict, the key that comes next, and how many are left.
    /// *What is saved.* `dict`, `key` and `length`.
    /// *What becomes a surrogate.* None but the unreadable.
    OrderedDictIterator ["odict_iterator"] "the dict and the position" => ordered_dict_iterator;

    /// *What it holds.* A dict and the factory of its missing values.
    /// *What is saved.* The entries and `default_factory`.
    /// *What becomes a surrogate.* None but the unreadable.
    DefaultDict ["collections.defaultdict"] "entries and `default_factory`" => default_dict;

    /// *What it holds.* Items, in linked blocks of 64, and a maximum length.
    /// *What is saved.* The items, left to right, and `maxlen`.
    /// *What becomes a surrogate.* One whose blocks end early or run in a circle; it keeps the items told before.
    Deque ["collections.deque"] "items, left to right, and `maxlen`" => deque, owning blocks;

    /// *What it holds.* The deque and the position in it.
    /// *What is saved.* `deque` and how many items are `remaining`.
    /// *What becomes a surrogate.* None but the unreadable.
    DequeIterator [
        "_collections._deque_iterator", "_collections._deque_reverse_iterator", "collections._deque_iterator",
        "collections._deque_reverse_iterator",
    ] "the deque and the position" => deque_iterator;
}

fn ordered_dict(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let node_layout = target.layouts().ordered_dict_node;
    let mut entries = FxHashMap::default();
    let mut order = Vec::new();
    target.each_entry(target.address(), |key, value| {
        entries.insert(key, value);
        order.push(key);
        Ok(())
    })?;
    let mut node = target.field(target.layouts().ordered_dict.od_first)?;
    let mut ring = Ring::new();
    while !node.is_null() {
        ring.step(node)?;
        let key = target.field_of(node_layout.key, node)?;
        // A node without an entry is left over: the dict was changed below the ordered dict's methods.
        if let Some(value) = entries.remove(&key) {
            sink.entry(key, value);
        }
        node = target.field_of(node_layout.next, node)?;
    }
    for key in order {
        if let Some(value) = entries.remove(&key) {
            sink.entry(key, value);
        }
    }
    Ok(())
}

/// The nodes, and the table that finds them.
fn nodes(target: &Target<'_>, each: &mut dyn FnMut(Address, u64)) -> Result<(), Failure> {
    let (layout, node_layout) = (target.layouts().ordered_dict, target.layouts().ordered_dict_node);
    each(target.field(layout.od_fast_nodes)?, whole(target.field(layout.od_fast_nodes_size)?)?.saturating_mul(8));
    let mut node = target.field(layout.od_first)?;
    let mut ring = Ring::new();
    while !node.is_null() {
        ring.step(node)?;
        each(node, node_layout.size as u64);
        node = target.field_of(node_layout.next, node)?;
    }
    Ok(())
}

fn ordered_dict_iterator(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().ordered_dict_iterator;
    target.attributes(sink, &[("dict", layout.di_odict), ("key", layout.di_current)])?;
    target.internal(sink, "di_result", layout.di_result)?;
    facts!(target, "length": target.field(layout.di_size)?);
    Ok(())
}

fn default_dict(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    target.object.reduce_base(sink)?;
    let factory = target.layouts().default_dict.default_factory;
    target.attribute(sink, "default_factory", factory)?;
    if target.field(factory)?.is_null() {
        facts!(target, "default_factory": None::<bool>);
    }
    Ok(())
}

fn deque(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    const BLOCK_ITEMS: i64 = 64;
    let layout = target.layouts().deque;
    let block_layout = target.layouts().deque_block;
    let maximum = target.field(layout.maxlen)?;
    facts!(target, "maxlen": (maximum >= 0).then_some(maximum));
    let mut left = target.size_of(target.address())?;
    let mut index = target.field(layout.leftindex)?;
    let mut block = target.field(layout.leftblock)?;
    if left > 0 && !(0..BLOCK_ITEMS).contains(&index) {
        return Err(Failure::new(Reason::Corrupt, format!("starts at {index} of a block of {BLOCK_ITEMS}")));
    }
    let mut ring = Ring::new();
    while left > 0 {
        if block.is_null() {
            return Err(Failure::new(Reason::Corrupt, format!("its blocks end {left} items early")));
        }
        ring.step(block)?;
        let here = left.min(BLOCK_ITEMS - index);
        target.elements(sink, block_layout.data.at(block).offset(8 * index), here)?;
        left -= here;
        index = 0;
        block = target.field_of(block_layout.rightlink, block)?;
    }
    Ok(())
}

/// The blocks, from the left to the right.
fn blocks(target: &Target<'_>, each: &mut dyn FnMut(Address, u64)) -> Result<(), Failure> {
    let (layout, block_layout) = (target.layouts().deque, target.layouts().deque_block);
    let mut block = target.field(layout.leftblock)?;
    let mut ring = Ring::new();
    while !block.is_null() {
        ring.step(block)?;
        each(block, block_layout.size as u64);
        block = if block == target.field(layout.rightblock)? {
            Address::NULL
        } else {
            target.field_of(block_layout.rightlink, block)?
        };
    }
    Ok(())
}

fn deque_iterator(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = known(Some(target.layouts().deque_iterator))?;
    target.attribute(sink, "deque", layout.deque)?;
    facts!(target, "remaining": target.field(layout.counter)?);
    Ok(())
}

#[cfg(test)]
#[path = "collections_tests.rs"]
mod tests;
