//! Frames on a thread's data stack (3.11+), where the chain that leads to them breaks off.
//!
//! Each frame leads to the one that called it, and some of these links lie on the C stack: up to 3.12 what leads to the first,
//! and from 3.12 on a frame of each call of the evaluation loop. A core may lack the C stack, or have zeros in its place. Frames
//! of functions lie on the data stack, in the order of their calls, those of generators in their generators. Mirrors
//! `push_chunk` and `_PyThreadState_PopFrame` of `Python/pystate.c`.

use heapsake_core::Address;
use rustc_hash::FxHashSet;

use super::threads::State;
use crate::frame::{Break, Frame, MAXIMUM_DEPTH};
use crate::heap::CPythonHeap;
use crate::memory::Memory;

/// `_PyStackChunk`: `previous`, `size`, `top` (an index, of those that are full), `data`.
const TOP: i64 = 16;
const DATA: i64 = 24;
/// One has the room of many frames.
const MAXIMUM_CHUNKS: usize = 100_000;
/// `datastack_top` follows `datastack_chunk` in every version.
const AFTER_CHUNK: i64 = 8;

impl State {
    /// How the chain of its frames breaks off, if it does: also where what should lead to the first is not there.
    pub(super) fn breaks_off<M: Memory>(&self, heap: &CPythonHeap<M>) -> Option<Break> {
        heap.layouts().interpreter_frame?;
        let layout = &heap.layouts().thread;
        let innermost = self.interpreter_frame(heap).unwrap_or_default();
        if let (true, Some(cframe)) = (innermost.is_null(), layout.cframe) {
            let call = cframe.read(&heap.memory, self.address)?;
            let is_root = layout.root_cframe.is_some_and(|root| root.at(self.address) == call);
            return (!is_root && !call.is_null()).then_some(Break::At(call));
        }
        Frame::breaks_off(heap, innermost)
    }

    /// Where the chain of its frames breaks off: those of its data stack that are not among `known`, and those that lead on
    /// from them, the innermost first.
    pub(super) fn cut_off<M: Memory>(&self, heap: &CPythonHeap<M>, known: impl Iterator<Item = Frame>) -> Vec<Frame> {
        if !matches!(self.breaks_off(heap), Some(Break::At(_))) {
            return Vec::new();
        }
        let mut seen: FxHashSet<Frame> = known.collect();
        let mut found = Vec::new();
        for frame in self.pushed(heap).into_iter().rev() {
            let mut next = Some(frame).filter(|frame| frame.is_complete(heap));
            while let Some(frame) = next.filter(|frame| found.len() < MAXIMUM_DEPTH && seen.insert(*frame)) {
                found.push(frame);
                next = frame.back(heap);
            }
        }
        found
    }

    /// The frames of its data stack, in the order of their calls.
    fn pushed<M: Memory>(&self, heap: &CPythonHeap<M>) -> Vec<Frame> {
        let mut chunks = self.chunks(heap);
        chunks.reverse();
        let mut frames = Vec::new();
        for (number, (chunk, top)) in chunks.into_iter().enumerate() {
            // The first word of the first chunk is never used, so that a frame never lies where a full chunk ends.
            let mut at = chunk.offset(DATA + if number == 0 { 8 } else { 0 });
            while at < top && frames.len() < MAXIMUM_DEPTH {
                let Some(frame) = Frame::of_interpreter_frame(heap, at) else { break };
                let Some(size) = frame.size(heap) else { break };
                frames.push(frame);
                at = at.offset(size);
            }
        }
        frames
    }

    /// The chunks of its data stack, the newest first, each with where its last frame ends.
    fn chunks<M: Memory>(&self, heap: &CPythonHeap<M>) -> Vec<(Address, Address)> {
        let mut chunks = Vec::new();
        let Some(field) = heap.layouts().thread.datastack_chunk else { return chunks };
        let Some(mut next) = field.read(&heap.memory, self.address) else { return chunks };
        let mut top = heap.pointer(field.at(self.address).offset(AFTER_CHUNK)).ok();
        let mut seen = FxHashSet::default();
        while let Some(end) = top.filter(|_| !next.is_null() && chunks.len() < MAXIMUM_CHUNKS && seen.insert(next)) {
            chunks.push((next, end));
            next = heap.pointer(next).unwrap_or_default();
            let index = heap.word(next.offset(TOP)).ok().and_then(|index| i64::try_from(index).ok()?.checked_mul(8));
            top = index.map(|index| next.offset(DATA.saturating_add(index)));
        }
        chunks
    }
}
