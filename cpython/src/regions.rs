//! What the memory of a process is for: its mappings, and parts of them, as regions of the dump.
//!
//! What is Python's is found in memory, not by names: pools by their headers, mimalloc's segments by the heaps that have them.
//! Mappings that touch are one to the kernel, so a mapping is taken apart where runs of pools begin and end. Stacks are where
//! threads stand; the C library's heaps are `[heap]` and the mappings that begin with a `heap_info` of glibc's `arena.c`.

use std::path::Path;

use heapsake_core::heap::{Region, RegionKind};
use heapsake_core::{Address, Span};
use rustc_hash::FxHashSet;

use crate::heap::CPythonHeap;
use crate::memory::{Mapping, Present, Source};
use crate::pystate::{self, CaptureOptions};

/// Threads' heaps begin at multiples of this: `HEAP_MAX_SIZE`.
const THREAD_HEAP: u64 = 64 << 20;

/// A part of memory that an allocator of Python's has, and the bytes of it that are given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arena {
    pub(crate) span: Span,
    pub(crate) in_use: u64,
}

/// The regions of the target's memory, ascending; `private` is where an allocator of Python's may have its arenas.
pub(crate) fn regions<S: Source>(heap: &CPythonHeap<S>, options: &CaptureOptions, private: &[Span]) -> Vec<Region> {
    let mappings = heap.memory.mappings();
    let mut stacks = pystate::stack_addresses(heap, options);
    stacks.sort_unstable();
    let known = Known {
        stacks,
        images: mappings.iter().filter(|mapping| mapping.permissions.execute).filter_map(Mapping::file).collect(),
    };
    let mut arenas = pystate::segments(heap);
    if arenas.is_empty() {
        arenas.extend(private.iter().flat_map(|span| heap.arenas_in(*span)));
    }
    let arenas = apart(arenas);
    let mut regions = Vec::new();
    for (index, mapping) in mappings.iter().enumerate().filter(|(_, mapping)| is_used(mapping)) {
        let before = index.checked_sub(1).and_then(|before| mappings.get(before));
        let (mut kind, mut name) = known.kind(heap, mapping, before);
        let first = arenas.partition_point(|arena| arena.span.end <= mapping.span.start);
        let here = arenas.iter().skip(first).take_while(|arena| arena.span.start < mapping.span.end);
        let may_have_arenas = may_have_arenas(mapping, kind);
        let mut from = mapping.span.start;
        for arena in here.filter(|_| may_have_arenas).filter_map(|arena| clipped(*arena, mapping.span)) {
            let start = arena.span.start;
            if from < start {
                regions.push(region(mapping, Span { start: from, end: start }, kind, name.clone()));
            }
            if kind == RegionKind::Library {
                // Behind a library's variables, and no part of it.
                (kind, name) = (RegionKind::Anonymous, String::new());
            }
            let part = region(mapping, Span { start, end: arena.span.end }, RegionKind::Arenas, String::new());
            regions.push(Region { in_use: Some(arena.in_use), ..part });
            from = arena.span.end;
        }
        if from < mapping.span.end {
            regions.push(region(mapping, Span { start: from, end: mapping.span.end }, kind, name));
        }
    }
    tell_resident(&mut regions, &pystate::resident(options), options.pid.and_then(Present::of));
    regions
}

/// Whether it is more than address space that is reserved.
fn is_used(mapping: &Mapping) -> bool {
    let allowed = mapping.permissions;
    !mapping.span.is_empty() && (allowed.read || allowed.write || allowed.execute)
}

/// Whether an allocator of Python's may have asked the kernel for it, or for what it has become one with.
fn may_have_arenas(mapping: &Mapping, kind: RegionKind) -> bool {
    let is_private = mapping.file().is_none() && mapping.permissions.write && !mapping.permissions.shared;
    is_private && matches!(kind, RegionKind::Anonymous | RegionKind::Heap | RegionKind::Library)
}

/// Arenas in the order of their addresses, without overlaps, which are nobody's mistake but of memory that lies.
fn apart(mut arenas: Vec<Arena>) -> Vec<Arena> {
    arenas.sort_by_key(|arena| arena.span);
    let mut end = Address::NULL;
    arenas.retain_mut(|arena| {
        arena.span.start = arena.span.start.max(end);
        end = end.max(arena.span.end);
        !arena.span.is_empty()
    });
    arenas
}

fn clipped(arena: Arena, to: Span) -> Option<Arena> {
    let span = Span { start: arena.span.start.max(to.start), end: arena.span.end.min(to.end) };
    // One that goes on in the next mapping is counted where it begins.
    let in_use = if to.contains(arena.span.start) { arena.in_use } else { 0 };
    (!span.is_empty()).then_some(Arena { span, in_use })
}

fn region(mapping: &Mapping, span: Span, kind: RegionKind, name: String) -> Region {
    Region {
        start: span.start.0,
        end: span.end.0,
        kind,
        permissions: mapping.permissions.to_string(),
        name,
        resident: None,
        in_use: None,
        objects: 0,
        object_bytes: 0,
    }
}

/// What tells what a mapping is for.
struct Known<'m> {
    /// Addresses in stacks, ascending, each with whether that is certain.
    stacks: Vec<(Address, bool)>,
    /// Files of which code is mapped.
    images: FxHashSet<&'m Path>,
}

impl Known<'_> {
    /// What a mapping is for, before it is looked for arenas, and what it is called.
    fn kind<S: Source>(&self, heap: &CPythonHeap<S>, mapping: &Mapping, before: Option<&Mapping>) -> (RegionKind, String) {
        let name = mapping.path.as_deref().map_or_else(String::new, |path| path.to_string_lossy().into_owned());
        let kind = match (mapping.file(), name.as_str()) {
            (None, "[heap]") => RegionKind::Heap,
            (None, "[stack]") => RegionKind::Stack,
            (None, kernels) if kernels.starts_with("[v") => RegionKind::Kernel,
            (Some(_), _) if mapping.is_shared_memory() => RegionKind::Shared,
            (Some(path), _) if self.images.contains(path) => RegionKind::Library,
            (Some(_), _) => RegionKind::File,
            (None, _) if mapping.permissions.shared => RegionKind::Shared,
            (None, _) if self.is_stack(mapping, before) => RegionKind::Stack,
            (None, _) if is_thread_heap(heap, mapping) => RegionKind::Heap,
            // A program's variables that are zero at first have no file, and follow those that have.
            (None, "") => {
                let before = before.filter(|before| before.permissions.write && before.span.end == mapping.span.start);
                match before.and_then(Mapping::file).filter(|path| self.images.contains(path)) {
                    Some(image) => return (RegionKind::Library, image.to_string_lossy().into_owned()),
                    None => RegionKind::Anonymous,
                }
            }
            (None, _) => RegionKind::Anonymous,
        };
        (kind, name)
    }

    /// A thread stands in it; or one is known by an address in it, and in front of it lies what must not be touched, where it is
    /// not certain that this is a stack.
    fn is_stack(&self, mapping: &Mapping, before: Option<&Mapping>) -> bool {
        let guarded = before.is_some_and(|before| before.span.end == mapping.span.start && !is_used(before));
        let first = self.stacks.partition_point(|(stack, _)| *stack < mapping.span.start);
        let mut here = self.stacks.iter().skip(first).take_while(|(stack, _)| *stack < mapping.span.end);
        here.any(|(_, is_certain)| *is_certain || guarded)
    }
}

/// `heap_info`: whose heap it is, the heap before, and how much of it is in use, which is all that may be touched.
fn is_thread_heap<S: Source>(heap: &CPythonHeap<S>, mapping: &Mapping) -> bool {
    let start = mapping.span.start;
    start.0.is_multiple_of(THREAD_HEAP)
        && heap.memory.word(start.offset(16)).is_some_and(|size| (1..=mapping.span.len()).contains(&size))
        && heap.memory.pointer(start).is_some_and(|arena| heap.memory.word(arena).is_some())
}

/// Says what is in memory, by mappings and, of parts of them, by pages. The mappings may be others than when the process stood
/// still: of what it has no more nothing is known.
fn tell_resident(regions: &mut [Region], resident: &[(Span, u64)], mut present: Option<Present>) {
    for region in regions {
        let span = Span { start: Address(region.start), end: Address(region.end) };
        let first = resident.partition_point(|(mapping, _)| mapping.end <= span.start);
        region.resident = match resident.get(first) {
            Some((mapping, bytes)) if *mapping == span => Some(*bytes),
            Some((mapping, _)) if mapping.start < span.end => present.as_mut().and_then(|present| present.bytes(span)),
            _ => None,
        };
    }
}

#[cfg(test)]
#[path = "regions_tests.rs"]
mod tests;
