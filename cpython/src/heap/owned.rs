//! Memory that objects of unknown types own: blocks of the C library's allocator and of Python's that their words lead to,
//! and the words of these blocks that look like objects.
//!
//! The size of a block is taken from its allocator's own marks, and only where they agree; what has none is not followed.
//! Only types that the collector visits are, and those that an extension makes at run time, which may hold objects all the same
//! (PyO3's and pybind11's do); and each object to a bound. What is followed is decided when objects are marked,
//! while the budgets of all objects and of the type last, and remembered for the writing, so that both say the same.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use heapsake_core::heap::{EdgeKind, Name, Sink, TypeId};
use heapsake_core::{Address, Span};
use rustc_hash::{FxHashMap, FxHashSet};

use super::pools::{DEBUG_HEADER, FORBIDDEN, HEADERS, Pool};
use super::types::HAVE_GC;
use super::{CPythonHeap, TypeEntry, Words};
use crate::memory::Memory;

/// Words that are read for one object.
pub(super) const MOST_WORDS: u64 = 8192;
/// Words that are read for all objects, and for those of one type beyond the near blocks.
const ALL_WORDS: u64 = 64 << 20;
const WORDS_OF_TYPE: u64 = 1 << 20;
/// Instances in a row whose blocks hold no object, of a type that the collector does not visit.
const MOST_BARREN: u32 = 1000;
/// Blocks on the way to one, for every object and while the type's budget lasts.
const NEAR: u8 = 2;
const FAR: u8 = 8;
/// Words of a block that may be a buffer with remains of what was in the memory before: an array of references has as many of
/// them as one in so many words.
const BUFFER: u64 = 512;
const SPARSEST: u64 = 8;
/// The largest block that is believed in.
const LARGEST: u64 = 1 << 24;

/// What was followed when objects were marked.
#[derive(Default)]
pub(super) struct Owned {
    spent: Cell<u64>,
    by_type: RefCell<FxHashMap<TypeId, u64>>,
    /// Instances of a type in a row whose blocks held nothing.
    barren: RefCell<FxHashMap<TypeId, u32>>,
    /// How far objects were followed whose blocks hold any: by the object, and from which name on.
    followed: RefCell<FxHashMap<(Address, u64), u8>>,
    has_marked: Cell<bool>,
    /// Pages of mimalloc's, ascending.
    pages: Vec<BlockPage>,
}

/// A page of an allocator's that tells by itself where its blocks are, in use or not: it is asked about what something points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockPage {
    /// All blocks, one behind the other.
    pub(crate) blocks: Span,
    /// Bytes of a block.
    pub(crate) size: u64,
}

impl Owned {
    /// How far to follow an object of this type; 0 is not at all.
    fn distance(&self, class: TypeId, object: Address, first: u64, is_marking: bool) -> u8 {
        if is_marking {
            self.has_marked.set(true);
        } else if self.has_marked.get() {
            return self.followed.borrow().get(&(object, first)).copied().unwrap_or(0);
        }
        match () {
            () if self.spent.get() >= ALL_WORDS => 0,
            () if self.by_type.borrow().get(&class).copied().unwrap_or(0) >= WORDS_OF_TYPE => NEAR,
            () => FAR,
        }
    }

    fn is_barren(&self, class: TypeId) -> bool {
        self.barren.borrow().get(&class).is_some_and(|count| *count >= MOST_BARREN)
    }

    fn note(&self, class: TypeId, followed: (Address, u64), distance: u8, words: u64, has_found: bool) {
        self.spent.set(self.spent.get().saturating_add(words));
        *self.by_type.borrow_mut().entry(class).or_default() += words;
        let mut barren = self.barren.borrow_mut();
        let count = barren.entry(class).or_default();
        *count = if has_found { 0 } else { count.saturating_add(1) };
        if has_found {
            self.followed.borrow_mut().insert(followed, distance);
        }
    }
}

impl<M: Memory> CPythonHeap<M> {
    /// Has the blocks of these pages, which are ascending, looked at too.
    pub(crate) fn know_pages(&mut self, pages: Vec<BlockPage>) {
        self.owned.pages = pages;
    }

    /// Tells the objects in the blocks that `roots`, words of an object, lead to; named from `first` on.
    pub(super) fn follow<S: Sink + ?Sized>(
        &self,
        entry: &TypeEntry,
        object: Address,
        roots: &[Address],
        first: u64,
        sink: &mut S,
    ) {
        let is_marking = sink.is_first_pass();
        let distance = self.owned.distance(entry.id, object, first, is_marking);
        let is_barren = is_marking && entry.flags & HAVE_GC == 0 && self.owned.is_barren(entry.id);
        if distance == 0 || roots.is_empty() || is_barren {
            return;
        }
        let mut seen: FxHashSet<Address> = roots.iter().copied().collect();
        let mut left: VecDeque<(Address, u8)> = roots.iter().map(|root| (*root, 1)).collect();
        let (mut words, mut has_found) = (0, false);
        while let Some((block, depth)) = left.pop_front() {
            let Some(size) = self.block_size(block) else { continue };
            let count = (size / 8).min(MOST_WORDS.saturating_sub(words));
            let Ok(content) = self.words(block, count) else { continue };
            let is_object = |word: &Address| !word.is_null() && word.0 & 7 == 0 && self.is_object(*word);
            if count > BUFFER && (content.iter().filter(is_object).count() as u64) < count / SPARSEST {
                words += count;
                continue;
            }
            for (at, word) in content.iter().enumerate() {
                if word.is_null() || word.0 & 7 != 0 {
                    continue;
                }
                if self.is_object(word) {
                    has_found = true;
                    let offset = first.saturating_add((words + at as u64) * 8);
                    sink.edge(EdgeKind::Conservative, Name::Index(offset as u32), word);
                } else if depth < distance && seen.insert(word) {
                    left.push_back((word, depth + 1));
                }
            }
            words += count;
            if words >= MOST_WORDS {
                break;
            }
        }
        if is_marking {
            self.owned.note(entry.id, (object, first), distance, words + roots.len() as u64, has_found);
        }
    }

    /// The words of the block that begins at `address`, of at most so many; none where no allocator's marks say that one does.
    pub(crate) fn block(&self, address: Address, most: u64) -> Option<Words<'_>> {
        let count = (self.block_size(address)? / 8).min(most);
        self.words(address, count).ok()
    }

    /// Bytes of the block that begins at `address`; none where no allocator's marks say so, and where an object lies in it.
    fn block_size(&self, address: Address) -> Option<u64> {
        let page = address.0 & !4095;
        if address.0 & 15 != 0
            || address.0 < 4096
            || ![address, address.offset(-16), Address(page)].iter().all(|at| self.memory.is_loadable(*at))
        {
            return None;
        }
        let of_pool = || Pool::of_block(self, address).map(|pool| pool.block);
        let of_page = || self.size_in_page(address);
        let size = self.size_asked(address).or_else(of_pool).or_else(of_page).or_else(|| self.size_of_chunk(address))?;
        let is_taken = HEADERS.iter().any(|header| *header + 16 <= size as i64 && self.is_object(address.offset(*header)));
        (!is_taken && !self.is_state_of_thread(address, size)).then_some(size)
    }

    /// What a debugging allocator (`-X dev`, `PYTHONMALLOC`) was asked for: it writes that in front of the block, with a letter of
    /// the kind of memory and bytes that nobody is to overwrite.
    fn size_asked(&self, address: Address) -> Option<u64> {
        let mark = self.memory.word(address.offset(-8))?;
        if !FORBIDDEN.contains(&(mark >> 8)) || !matches!(mark as u8, b'r' | b'm' | b'o') {
            return None;
        }
        let size = self.memory.word(address.offset(-(DEBUG_HEADER as i64)))?.swap_bytes();
        (8..=LARGEST).contains(&size).then_some(size)
    }

    fn size_in_page(&self, address: Address) -> Option<u64> {
        let pages = &self.owned.pages;
        let page = pages.get(pages.partition_point(|page| page.blocks.end <= address))?;
        let offset = address.0.checked_sub(page.blocks.start.0)?;
        offset.is_multiple_of(page.size.max(1)).then_some(page.size).filter(|size| (8..=LARGEST).contains(size))
    }

    /// The C library writes the size of a chunk in front of it, and into the next one whether this one is in use.
    fn size_of_chunk(&self, address: Address) -> Option<u64> {
        const IN_USE: u64 = 1;
        const MAPPED: u64 = 2;
        let word = self.memory.word(address.offset(-8))?;
        let size = word & !7;
        if size & 15 != 0 || !(32..=LARGEST).contains(&size) {
            return None;
        }
        if word & MAPPED != 0 {
            return ((address.0 - 16).is_multiple_of(4096) && size.is_multiple_of(4096)).then_some(size - 16);
        }
        let end = address.offset(size as i64 - 8);
        let next = if self.memory.is_loadable(end) { self.memory.word(end)? } else { return None };
        (next & IN_USE != 0 && next & MAPPED == 0 && next & !7 >= 16 && next & 8 == 0).then_some(size - 8)
    }

    /// What leads from the state of a thread belongs to no object.
    fn is_state_of_thread(&self, block: Address, size: u64) -> bool {
        let interpreter = self.facts.interpreter;
        let field = self.layouts().thread.interp;
        !interpreter.is_null()
            && (block == interpreter || (size > field.offset() as u64 && field.read(&self.memory, block) == Some(interpreter)))
    }
}

#[cfg(test)]
#[path = "owned_tests.rs"]
mod tests;
