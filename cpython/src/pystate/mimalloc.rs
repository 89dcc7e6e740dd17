//! The objects of a free-threaded build: the blocks of its allocator that are in use. Mirrors `Objects/mimalloc/segment.c`
//! and `Python/gc_free_threading.c`.
//!
//! Every page says what kind of heap it belongs to, so that the segments of all threads, and those that threads left behind,
//! are looked through once. A block is in use if it is on none of its page's three lists of free ones.

use heapsake_core::{Address, Span};
use rustc_hash::FxHashSet;

use super::threads;
use crate::heap::{BlockPage, CPythonHeap};
use crate::layouts::mimalloc::{MiPage, MiSegment};
use crate::memory::Memory;
use crate::regions::Arena;

/// What heaps are for: `_Py_MIMALLOC_HEAP_…` of `Include/internal/pycore_mimalloc.h`.
const PLAIN: u64 = 1;
const COLLECTED: u64 = 2;
const COLLECTED_WITH_PREHEADER: u64 = 3;
const HEAPS: i64 = 4;
/// Words that lie in front of an object with attributes.
const PREHEADER: i64 = 16;

const SEGMENT: u64 = 32 << 20;
const SLICE: u64 = 64 << 10;
/// More queues, pages in one, slices and segments than there are.
const MAXIMUM_QUEUES: i64 = 1 << 10;
const MAXIMUM_PAGES: usize = 1 << 22;
const MAXIMUM_SLICES: u64 = 512;
const MAXIMUM_SEGMENTS: usize = 1 << 20;

/// Whether this build has such heaps instead of the collector's lists.
pub(super) fn has_heaps<M: Memory>(heap: &CPythonHeap<M>) -> bool {
    heap.layouts().thread_implementation.is_some_and(|layout| layout.heaps.is_some())
}

/// Gives every block of an object that the collector knows to `each`, or of any object; what is in it is not looked at.
pub(super) fn each_object<M: Memory>(heap: &CPythonHeap<M>, with_plain: bool, mut each: impl FnMut(Address)) {
    let layouts = heap.layouts();
    let (Some(page), Some(segment)) = (layouts.mi_page, layouts.mi_segment) else { return };
    for at in segments(heap, &segment) {
        each_page(heap, &segment, &page, at, |description, start, room| {
            let tag = page.tag.and_then(|tag| tag.read(&heap.memory, description)).map_or(0, u64::from);
            let before = match tag {
                PLAIN if with_plain => 0,
                COLLECTED => 0,
                COLLECTED_WITH_PREHEADER => PREHEADER,
                _ => return,
            };
            each_block(heap, &page, description, (start, room), |block| each(block.offset(before)));
        });
    }
}

/// The pages of all segments, ascending, for whoever has an address in one.
pub(crate) fn block_pages<M: Memory>(heap: &CPythonHeap<M>) -> Vec<BlockPage> {
    let layouts = heap.layouts();
    let (Some(page), Some(segment)) = (layouts.mi_page, layouts.mi_segment) else { return Vec::new() };
    let mut found = Vec::new();
    for at in segments(heap, &segment) {
        each_page(heap, &segment, &page, at, |description, start, room| {
            let length = |bytes: u64| Span::new(start, bytes);
            let size = u64::from(page.block_size.read(&heap.memory, description).unwrap_or(0));
            // A block of a page of its own may be larger than its number says.
            let slices = u64::from(page.slice_count.read(&heap.memory, description).unwrap_or(0));
            let size = if room <= 1 { size.max(slices.saturating_mul(SLICE)) } else { size };
            found.push(BlockPage { blocks: length(room.saturating_mul(size)), size });
        });
    }
    found.sort_by_key(|page| page.blocks.start);
    found
}

/// The segments, each from its description to the end of its last page, and what the blocks in use take.
pub(crate) fn segments_in_use<M: Memory>(heap: &CPythonHeap<M>) -> Vec<Arena> {
    let layouts = heap.layouts();
    let (Some(page), Some(segment)) = (layouts.mi_page, layouts.mi_segment) else { return Vec::new() };
    let of_segment = |at: Address| {
        let (mut end, mut in_use) = (at.offset(SLICE as i64), 0);
        each_page(heap, &segment, &page, at, |description, start, room| {
            let block = u64::from(page.block_size.read(&heap.memory, description).unwrap_or(0));
            let used = u64::from(page.used.read(&heap.memory, description).unwrap_or(0));
            let slices = u64::from(page.slice_count.read(&heap.memory, description).unwrap_or(0));
            end = end.max(Address((start.0 & !(SLICE - 1)).saturating_add(slices * SLICE)));
            // A block of a page of its own may be larger than its number says.
            in_use += if room <= 1 { used.min(1) * slices * SLICE } else { used.min(room) * block };
        });
        Arena { span: Span { start: at, end }, in_use }
    };
    segments(heap, &segment).into_iter().map(of_segment).collect()
}

/// The segments that hold pages of a heap, and those of threads that are gone, ascending.
fn segments<M: Memory>(heap: &CPythonHeap<M>, layout: &MiSegment) -> Vec<Address> {
    let layouts = heap.layouts();
    let memory = &heap.memory;
    let (mut found, mut seen) = (FxHashSet::default(), FxHashSet::default());
    let (Some(queue), Some(one), Some(page)) = (layouts.mi_page_queue, layouts.mi_heap, layouts.mi_page) else {
        return Vec::new();
    };
    let Some(heaps) = layouts.thread_implementation.and_then(|layout| layout.heaps) else { return Vec::new() };
    let initialized = layouts.thread_implementation.and_then(|layout| layout.heaps_initialized);
    let queues = (one.thread_delayed_free.offset() as i64 - one.pages.offset() as i64) / queue.size as i64;
    for state in threads::states(heap) {
        if heap.optional_field(initialized, state.address) == Some(0) {
            continue;
        }
        for index in 0..HEAPS {
            let pages = one.pages.at(heaps.at(state.address).offset(index * one.size as i64));
            for number in 0..queues.clamp(0, MAXIMUM_QUEUES) {
                let mut next = queue.first.read(memory, pages.offset(number * queue.size as i64)).unwrap_or_default();
                while !next.is_null() && seen.len() < MAXIMUM_PAGES && seen.insert(next) {
                    found.insert(Address(next.0 & !(SEGMENT - 1)));
                    next = page.next.read(memory, next).unwrap_or_default();
                }
            }
        }
    }
    for interpreter in threads::interpreters(heap) {
        let visited = heap.optional_field(layouts.interpreter.abandoned_visited, interpreter).unwrap_or_default();
        // The list that is popped from has a count in the bits that an address of a segment has none in.
        let others = heap.optional_field(layouts.interpreter.abandoned, interpreter).unwrap_or(0) & !(SEGMENT - 1);
        for first in [visited, Address(others)] {
            let mut next = first;
            while !next.is_null() && found.len() < MAXIMUM_SEGMENTS && found.insert(next) {
                next = layout.abandoned_next.read(memory, next).unwrap_or_default();
            }
        }
    }
    let mut found: Vec<Address> = found.into_iter().collect();
    found.sort();
    found
}

/// Gives the description of every page of a segment that is in use to `each`, where its blocks begin, and for how many there is
/// room.
fn each_page<M: Memory>(
    heap: &CPythonHeap<M>,
    segment: &MiSegment,
    page: &MiPage,
    at: Address,
    mut each: impl FnMut(Address, Address, u64),
) {
    let memory = &heap.memory;
    let slices = segment.slices.at(at);
    let count = segment.slice_entries.read(memory, at).unwrap_or(0).min(MAXIMUM_SLICES);
    // The first ones hold the descriptions.
    let mut index = page.slice_count.read(memory, slices).map_or(count, |length| u64::from(length.max(1)));
    while index < count {
        let description = slices.offset(index as i64 * page.size as i64);
        let Some(length) = page.slice_count.read(memory, description) else { return };
        let block_size = u64::from(page.block_size.read(memory, description).unwrap_or(0));
        // A slice that is part of no page says 0 or 1.
        if block_size >= 8 {
            let skipped = match block_size {
                ..=64 => 3 * block_size,
                65..=512 => block_size,
                _ => 0,
            };
            let room = u64::from(length.max(1)).saturating_mul(SLICE).saturating_sub(skipped) / block_size;
            each(description, at.offset((index * SLICE + skipped) as i64), room.max(1));
        }
        index += u64::from(length.max(1));
    }
}

/// Gives every block of a page that is in use to `each`. The blocks begin at `start`, and there is room for `room` of them.
fn each_block<M: Memory>(
    heap: &CPythonHeap<M>,
    page: &MiPage,
    description: Address,
    (start, room): (Address, u64),
    mut each: impl FnMut(Address),
) {
    let memory = &heap.memory;
    let capacity = u64::from(page.capacity.read(memory, description).unwrap_or(0)).min(room);
    let block_size = u64::from(page.block_size.read(memory, description).unwrap_or(0)).max(1);
    let mut free = vec![false; capacity as usize];
    let local = [page.free, page.local_free].map(|list| list.read(memory, description).unwrap_or_default());
    // The list that other threads give blocks back to has two bits of its own.
    let given_back = Address(page.thread_free.read(memory, description).unwrap_or(0) & !3);
    for first in local.into_iter().chain([given_back]) {
        let mut next = first;
        for _ in 0..capacity {
            let Some(distance) = next.0.checked_sub(start.0).filter(|distance| distance % block_size == 0) else { break };
            let Some(slot) = free.get_mut((distance / block_size) as usize) else { break };
            *slot = true;
            next = memory.pointer(next).unwrap_or_default();
        }
    }
    for (index, _) in free.iter().enumerate().filter(|(_, is_free)| !**is_free) {
        each(start.offset((index as u64 * block_size) as i64));
    }
}
