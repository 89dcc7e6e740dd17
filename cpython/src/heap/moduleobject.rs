//! Modules: the name, and what their C part holds. The dictionary is told as any instance's is. Mirrors
//! `Objects/moduleobject.c`.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::Failure;

use super::{CPythonHeap, TypeEntry};
use crate::memory::Memory;

/// A state larger than this is none.
const MAXIMUM_STATE: i64 = 1 << 20;

pub(super) fn reduce<M: Memory, S: Sink + ?Sized>(
    heap: &CPythonHeap<M>,
    entry: &TypeEntry,
    object: Address,
    sink: &mut S,
) -> Result<(), Failure> {
    let layouts = heap.layouts();
    let layout = &layouts.module;
    let name = heap.field(layout.md_name, object)?;
    if !name.is_null() {
        sink.edge(EdgeKind::Internal, Name::Text("md_name"), name);
    }
    let size = match (layout.md_def, layout.md_state_size) {
        (Some(field), _) => match heap.field(field, object)? {
            Address::NULL => return Ok(()),
            definition => heap.field(layouts.module_def.m_size, definition)?,
        },
        (None, Some(size)) => heap.field(size, object)?,
        (None, None) => return Ok(()),
    };
    let state = heap.field(layout.md_state, object)?;
    if (1..=MAXIMUM_STATE).contains(&size) {
        // What a module keeps for itself has no layout that is known: its words are named from the end of the module on.
        let others = heap.scan_block(state, size as u64, layout.size as u32, sink);
        heap.follow(entry, object, &others, (layout.size as u64).saturating_add(size as u64).next_multiple_of(8), sink);
    }
    Ok(())
}
