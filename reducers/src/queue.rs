//! `queue`: the queue in C, by `Modules/_queuemodule.c`.
//!
//! Its items are in a list from a position on, or from 3.13 on in a ring buffer; which fields exist decides.

use heapsake_core::heap::Sink;
use heapsake_core::reduce::{Failure, Reason};

use crate::framework::{Target, facts, known, reducers};

reducers! {
    /// *What it holds.* Items, and a lock for those who wait for one.
    /// *What is saved.* The items, the oldest first; whether a thread waits.
    /// *What becomes a surrogate.* One whose positions lie outside of its buffer.
    SimpleQueue ["_queue.SimpleQueue"] "the items, the oldest first" => simple_queue;
}

fn simple_queue(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = known(target.layouts().simple_queue)?;
    if let Some(waiting) = target.optional(layout.has_threads_waiting)? {
        facts!(target, "has_threads_waiting": waiting != 0);
    }
    if let Some(locked) = target.optional(layout.locked)? {
        facts!(target, "locked": locked != 0);
    }
    if let (Some(list), Some(position)) = (layout.lst, layout.lst_pos) {
        target.internal(sink, "lst", list)?;
        let (list, position) = (target.field(list)?, target.field(position)?);
        if list.is_null() {
            return Ok(());
        }
        let count = target.size_of(list)?;
        if !(0..=count).contains(&position) {
            return Err(Failure::new(Reason::Corrupt, format!("at {position} of {count} items")));
        }
        let items = target.field_of(target.layouts().list.ob_item, list)?;
        return target.elements(sink, items.offset(position.saturating_mul(8)), count - position);
    }
    let items = target.field(known(layout.buf_items)?)?;
    let capacity = target.field(known(layout.buf_items_capacity)?)?;
    let first = target.field(known(layout.buf_get_index)?)?;
    let count = target.field(known(layout.buf_item_count)?)?;
    if count == 0 {
        return Ok(());
    }
    if !(0..=capacity).contains(&count) || !(0..capacity).contains(&first) {
        return Err(Failure::new(Reason::Corrupt, format!("{count} items from {first} on in a ring of {capacity}")));
    }
    let before_the_end = count.min(capacity - first);
    target.elements(sink, items.offset(first.saturating_mul(8)), before_the_end)?;
    target.elements(sink, items, count - before_the_end)
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
