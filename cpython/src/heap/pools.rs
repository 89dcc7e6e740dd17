//! The pools of `Objects/obmalloc.c`: blocks of one size each, up to 512 bytes, and which of them are in use.
//!
//! Pools are known by their headers, whose numbers must agree, so that arenas need not be found: they say themselves whether
//! they are of 4 KiB or, as usual from 3.10 on, of 16 KiB, and whether blocks are multiples of 16 bytes or, before 3.7.4, of 8.

use heapsake_core::{Address, Span};

use super::types::HAVE_GC;
use super::{CPythonHeap, Payload, TypeEntry};
use crate::memory::{Memory, PageHead, Source};
use crate::regions::Arena;

/// `POOL_SIZE`.
const SIZES: [u64; 2] = [16 << 10, 4 << 10];
/// `ALIGNMENT`.
const ALIGNMENTS: [u64; 2] = [16, 8];
/// `ARENA_SIZE` divided by `POOL_SIZE`.
const POOLS_OF_AN_ARENA: u64 = 64;
/// `POOL_OVERHEAD`.
const OVERHEAD: u64 = 48;
/// `SMALL_REQUEST_THRESHOLD`.
const LARGEST_BLOCK: u64 = 512;
/// What the debugging allocator writes in front of a block: the size that was asked for, a letter, and seven bytes.
pub(super) const DEBUG_HEADER: u64 = 16;
/// `PYMEM_FORBIDDENBYTE`, seven of them; before 3.8.
pub(super) const FORBIDDEN: [u64; 2] = [0xfd_fdfd_fdfd_fdfd, 0xfb_fbfb_fbfb_fbfb];
/// The letter of `PYMEM_DOMAIN_OBJ`.
const OBJECTS: u64 = b'o' as u64;
/// What may lie in front of an object: nothing, the collector's header, and a dictionary and weak references too.
pub(super) const HEADERS: [i64; 3] = [0, 16, 32];

/// A pool that has blocks in use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pool {
    start: Address,
    size: u64,
    /// Bytes of a block.
    pub(super) block: u64,
    /// How many blocks are in use: `ref.count`.
    used: u64,
    /// How many were ever given out: those before `nextoffset`.
    given_out: u64,
    /// `freeblock`: the first of a list.
    free: Address,
}

impl Pool {
    /// The pool whose header lies at `start`, if its numbers agree.
    fn at<M: Memory>(heap: &CPythonHeap<M>, start: Address) -> Option<Pool> {
        let mut header = [0; OVERHEAD as usize];
        heap.memory.read_at(start, &mut header).ok()?;
        Pool::of_header(start, &header)
    }

    /// The pool that begins at `start` with this header, if its numbers agree.
    fn of_header(start: Address, header: &PageHead) -> Option<Pool> {
        let header = header.as_chunks::<8>().0;
        let word = |index: usize| header.get(index).map_or(0, |word| u64::from_le_bytes(*word));
        let (count, free, szidx) = (word(0) & 0xffff_ffff, Address(word(1)), word(4) >> 32);
        let (nextoffset, maxnextoffset) = (word(5) & 0xffff_ffff, word(5) >> 32);
        let fitting = ALIGNMENTS.iter().find_map(|alignment| {
            let block = (szidx + 1) * alignment;
            SIZES.contains(&(maxnextoffset + block)).then_some((block, maxnextoffset + block))
        });
        let (block, size) = fitting?;
        let agrees = block <= LARGEST_BLOCK
            && start.0.is_multiple_of(size)
            && (OVERHEAD..=size).contains(&nextoffset)
            && (1..=(size - OVERHEAD) / block).contains(&count);
        let given_out = nextoffset.saturating_sub(OVERHEAD) / block;
        agrees.then_some(Pool { start, size, block, used: count, given_out, free })
    }

    /// The pool that has a block at `address`.
    pub(super) fn of_block<M: Memory>(heap: &CPythonHeap<M>, address: Address) -> Option<Pool> {
        SIZES.iter().find_map(|size| {
            let start = Address(address.0 & !(size - 1));
            let pool = heap.memory.is_loadable(start).then(|| Pool::at(heap, start)).flatten();
            let pool = pool.filter(|pool| pool.size == *size)?;
            pool.index(address).map(|_| pool)
        })
    }

    /// The number of the block that begins at `address`.
    fn index(&self, address: Address) -> Option<u64> {
        let distance = address.0.checked_sub(self.start.0)?.checked_sub(OVERHEAD)?;
        let index = distance / self.block;
        (distance.is_multiple_of(self.block) && index < (self.size - OVERHEAD) / self.block).then_some(index)
    }

    /// The blocks in use; none where the list of free ones and their number do not agree.
    fn blocks<M: Memory>(&self, heap: &CPythonHeap<M>) -> Vec<Address> {
        let mut is_free = vec![false; self.given_out as usize];
        let Some(mut left) = self.given_out.checked_sub(self.used) else { return Vec::new() };
        let mut block = self.free;
        while !block.is_null() {
            let slot = self.index(block).and_then(|index| is_free.get_mut(index as usize));
            let Some(slot) = slot.filter(|slot| !**slot && left > 0) else { return Vec::new() };
            *slot = true;
            left -= 1;
            block = heap.memory.pointer(block).unwrap_or_default();
        }
        if left > 0 {
            return Vec::new();
        }
        let first = self.start.0 + OVERHEAD;
        let used = (0..).zip(&is_free).filter(|(_, is_free)| !**is_free);
        used.map(|(index, _): (u64, _)| Address(first + index * self.block)).collect()
    }
}

impl<S: Source> CPythonHeap<S> {
    /// The runs of pools in a part of memory, each with what its blocks in use take; pools that are free now lie among them.
    pub(crate) fn arenas_in(&self, span: Span) -> Vec<Arena> {
        let mut arenas: Vec<Arena> = Vec::new();
        for part in self.memory.searchable(span) {
            self.memory.each_page(part, &mut |page, head| {
                let end_of_last = arenas.last().map_or(Address::NULL, |last| last.span.end);
                let Some(pool) = Pool::of_header(page, head).filter(|_| page >= end_of_last) else { return };
                let (end, in_use) = (Address((page.0 + pool.size).min(span.end.0)), pool.used * pool.block);
                match arenas.last_mut() {
                    Some(last) if page.0 - last.span.end.0 < POOLS_OF_AN_ARENA * pool.size => {
                        last.span.end = end;
                        last.in_use += in_use;
                    }
                    _ => arenas.push(Arena { span: Span { start: page, end }, in_use }),
                }
            });
        }
        arenas
    }
}

impl<M: Memory> CPythonHeap<M> {
    /// Gives what looks like an object in the pools of these parts of memory to `each`, but for what a list of the collector has.
    pub(crate) fn each_object_in_pools(&self, spans: &[Span], mut each: impl FnMut(Address)) {
        let smallest = SIZES[1];
        for span in spans {
            let mut next = span.start.0.checked_next_multiple_of(smallest);
            while let Some(start) = next.filter(|start| *start < span.end.0) {
                let pool = Pool::at(self, Address(start));
                for (block, size) in pool.iter().flat_map(|pool| pool.blocks(self).into_iter().map(|block| (block, pool.block))) {
                    if let Some(object) = self.object_in(block, size) {
                        each(object);
                    }
                }
                next = start.checked_add(pool.map_or(smallest, |pool| pool.size));
            }
        }
    }

    /// The object that fills a block.
    fn object_in(&self, block: Address, size: u64) -> Option<Address> {
        let mark = self.memory.word(block.offset(8))?;
        let (block, size) = if !FORBIDDEN.contains(&(mark >> 8)) {
            (block, size)
        } else if mark & 0xff == OBJECTS {
            let asked = self.memory.word(block)?.swap_bytes();
            (block.offset(DEBUG_HEADER as i64), asked.min(size.saturating_sub(DEBUG_HEADER)))
        } else {
            return None;
        };
        HEADERS.into_iter().find_map(|header| {
            let object = block.offset(header);
            if !self.is_object(object) || self.is_on_free_list(object) {
                return None;
            }
            let entry = self.type_of(object)?;
            let is_there = entry.bytes_in_front() == header as u64 && !self.is_tracked(entry, object);
            (is_there && self.fills(entry, object, size)).then_some(object)
        })
    }

    /// From 3.14 on a type's list of free objects goes through the count of references, whose upper half has flags else.
    fn is_on_free_list(&self, object: Address) -> bool {
        let layout = &self.layouts().object;
        let count = self.optional_field(layout.ob_refcnt, object).unwrap_or_default();
        layout.ob_flags.is_some() && count as u64 & 0xffff_0000_0000 != 0
    }

    /// Whether a list of the collector has it.
    fn is_tracked(&self, entry: &TypeEntry, object: Address) -> bool {
        let header = self.layouts().gc_head;
        let next = header.next.read(&self.memory, object.offset(-(header.size as i64)));
        entry.flags & HAVE_GC != 0 && next.is_some_and(|next| !next.is_null())
    }

    /// Whether an object takes the most of a block, for which `size` bytes are to be had: one that was made smaller keeps its
    /// block while it takes three quarters of it, and numbers are made with more digits than they turn out to need.
    fn fills(&self, entry: &TypeEntry, object: Address, size: u64) -> bool {
        let head = self.head(object);
        let whole = self.size(entry, head).bytes;
        let (least, most) = match entry.payload {
            // Most strings are smaller than the type says that instances are.
            Payload::Str => match self.place_of_text(head) {
                Ok(place) if place.apart => (entry.fixed_size, 0),
                Ok(place) => (0, if place.ascii { whole } else { 0 }),
                Err(_) => return false,
            },
            Payload::Bytes | Payload::Tuple | Payload::Int | Payload::Float => (entry.fixed_size, whole),
            // They own blocks besides.
            _ => (entry.fixed_size, 0),
        };
        least.max(most) <= size && (entry.payload == Payload::Int || whole.saturating_add(size / 4 + 15) >= size)
    }
}

#[cfg(test)]
#[path = "pools_tests.rs"]
mod tests;
