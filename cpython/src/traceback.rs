//! Traceback entries. From 3.12 on the line is worked out when it is asked for: -1 stands for "not yet". Mirrors
//! `Python/traceback.c`.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::Failure;

use crate::frame::{Frame, MAXIMUM_DEPTH};
use crate::heap::{CPythonHeap, Payload, State, TypeEntry};
use crate::memory::Memory;

/// A traceback entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) frame: Frame,
    next: Address,
    offset: i32,
    line: i32,
}

impl Entry {
    pub(crate) fn read<M: Memory>(heap: &CPythonHeap<M>, object: Address) -> Option<Entry> {
        if heap.payload_of(object) != Some(Payload::Traceback) {
            return None;
        }
        let layout = &heap.layouts().traceback;
        Some(Entry {
            frame: Frame::of_node(heap, layout.tb_frame.read(&heap.memory, object)?)?,
            next: layout.tb_next.read(&heap.memory, object)?,
            offset: layout.tb_lasti.read(&heap.memory, object)?,
            line: layout.tb_lineno.read(&heap.memory, object)?,
        })
    }

    /// The line, 1 based; 0 where there is none.
    pub(crate) fn line<M: Memory>(&self, heap: &CPythonHeap<M>) -> u32 {
        let computed = || self.frame.code(heap)?.position(heap, i64::from(self.offset)).line;
        u32::try_from(self.line).ok().or_else(computed).unwrap_or(0)
    }
}

/// The entries from `first` on, the outermost first; a chain that bites its tail ends.
pub(crate) fn entries<M: Memory>(heap: &CPythonHeap<M>, first: Address) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut seen = rustc_hash::FxHashSet::default();
    let mut next = first;
    while entries.len() < MAXIMUM_DEPTH && seen.insert(next) {
        let Some(entry) = Entry::read(heap, next) else { break };
        next = entry.next;
        entries.push(entry);
    }
    entries
}

/// Tells a traceback entry.
pub(crate) fn reduce<M: Memory, S: Sink + ?Sized>(
    heap: &CPythonHeap<M>,
    _: &TypeEntry,
    object: Address,
    sink: &mut S,
) -> Result<(), Failure> {
    let layout = &heap.layouts().traceback;
    let frame = heap.field(layout.tb_frame, object)?;
    sink.edge(EdgeKind::Attribute, Name::Text("tb_frame"), frame);
    sink.edge(EdgeKind::Attribute, Name::Text("tb_next"), heap.field(layout.tb_next, object)?);
    let mut state = State::new().with("tb_lasti", heap.field(layout.tb_lasti, object)?);
    state = match Entry::read(heap, object) {
        Some(entry) => state.with("tb_lineno", entry.line(heap)),
        None => state.with("tb_lineno", heap.field(layout.tb_lineno, object)?),
    };
    state.tell(sink);
    Ok(())
}
