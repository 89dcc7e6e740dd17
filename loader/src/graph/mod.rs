//! The object graph of a dump: made at the first question about it, then kept in the user's cache directory.
//!
//! Making it decodes every objects chunk once and keeps none; its memory is 8 bytes an object and 10 an edge, and half of
//! that again while it is put together. Objects of lost chunks are nodes without edges of their own.

mod cache;
mod holders;
mod making;

use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;

use heapsake_core::format::records::Reference;
use heapsake_core::format::{ChunkHeader, ChunkKind, DecodedObject, HEADER_LENGTH, TailKind, Target, decode_segment};
use heapsake_core::graph::{Builder, Graph, Link, Pace};
use heapsake_core::heap::RootKind;

pub use holders::{Holder, Hop, RootName};
pub(crate) use making::Making;

use crate::dump::Dump;
use crate::fault::FaultKind;
use crate::mapping::Bytes;

use making::Turn;

/// Objects that a dump may have lost, beside a multiple of those that it has: more are not given a node.
const MOST_LOST: u32 = 1 << 20;

/// Objects, and edges, that any dump may have, and those that each byte of it may add: a large container of few objects
/// compresses well, and so does a file that is made to fill the memory.
const MOST: u64 = 1 << 24;
const MOST_PER_BYTE: u64 = 64;

/// Steps that are told, of all the making: those until everything is read, and until the graph is put together.
const STEPS: usize = 1000;
const READ: usize = 500;
const PUT_TOGETHER: usize = 900;

/// Hears which of how many steps was made; whether it goes on.
type GoesOn<'a> = &'a mut dyn FnMut(usize, usize) -> bool;

/// The graph of a dump, in memory or mapped from the cache.
pub type HeapGraph = Graph<Bytes>;

impl Dump {
    /// The graph of the objects: a node each, and one more that leads to all roots.
    ///
    /// Made when it is first asked for, which decodes the whole file, unless the user's cache directory has it from
    /// another time. A cache that cannot be read or written is no error.
    pub fn graph(&self) -> &HeapGraph {
        loop {
            if let Some(graph) = self.graph_while(&mut |_, _| true) {
                return graph;
            }
        }
    }

    /// The graph, if it was made already.
    pub fn graph_if_made(&self) -> Option<&HeapGraph> {
        self.graph.get()
    }

    /// The graph, for whoever may not want to wait for it: `goes_on` hears which of how many steps was made, every few
    /// milliseconds, and ends the making when it says no. Who asks while another one makes it hears how far that is, and
    /// waits no longer than it wants; when the other gives up, one of those who wait makes it.
    pub fn graph_while(&self, goes_on: GoesOn<'_>) -> Option<&HeapGraph> {
        loop {
            if let Some(graph) = self.graph.get() {
                return Some(graph);
            }
            let Turn::Make(maker) = self.making.turn(&mut |step| goes_on(step, STEPS))? else { continue };
            // It may have been made before this one's turn came.
            if let Some(graph) = self.graph.get() {
                return Some(graph);
            }
            let folder = if self.is_file() { cache::folder() } else { None };
            let graph = self.graph_kept_in(folder.as_deref(), &mut |step, of| {
                maker.is_at(step);
                goes_on(step, of)
            })?;
            return Some(self.graph.get_or_init(|| graph));
        }
    }

    /// The graph, from the folder of cached ones or put there.
    pub(crate) fn graph_kept_in(&self, folder: Option<&Path>, goes_on: GoesOn<'_>) -> Option<HeapGraph> {
        let key = cache::key(&self.container);
        let mut wanted = true;
        if let Some(folder) = folder {
            let mut goes_on = |_, _| {
                wanted = goes_on(0, STEPS);
                wanted
            };
            if let Some(kept) = cache::read(folder, key, &mut goes_on) {
                return Some(kept);
            }
        }
        let graph = if wanted { self.make_graph(key, goes_on)? } else { return None };
        // Headers alone name the graph, so one of damaged payloads would be taken for that of the whole ones. A file that is
        // cut has other headers.
        let payloads = [FaultKind::Checksum, FaultKind::Undecodable, FaultKind::Missing];
        let damaged = self.container.faults().iter().any(|fault| payloads.contains(&fault.kind));
        if let Some(folder) = folder.filter(|_| !damaged) {
            let mut goes_on = |done, of| goes_on(step(PUT_TOGETHER..STEPS, done, of), STEPS);
            if let Some(kept) = cache::write(folder, key, &graph, &mut goes_on) {
                return Some(kept);
            }
        }
        // It is made, so whoever gives up now has it all the same.
        Some(graph.map_bytes(Bytes::from))
    }

    fn make_graph(&self, key: [u8; 16], goes_on: GoesOn<'_>) -> Option<Graph> {
        let most = self.file_bytes().saturating_mul(MOST_PER_BYTE).saturating_add(MOST);
        let mut builder = Builder::new(most);
        let mut apart = self.chunks_apart();
        let types: Vec<Option<u32>> = self.types().iter().map(|known| known.object).collect();
        let chunks = self.chunk_count();
        for position in 0..chunks {
            let here = step(0..READ, position, chunks);
            if !goes_on(here, STEPS) {
                return None;
            }
            if !self.chunk_offset(position).is_some_and(|offset| apart.remove(&offset)) {
                continue;
            }
            let Some(objects) = self.decoded_chunk(position) else { continue };
            let mut goes_on = |_, _| goes_on(here, STEPS);
            let mut pace = Pace::new(0, &mut goes_on);
            for object in objects.iter() {
                builder.object(object.id);
                self.tell(object, &types, &mut apart, &mut builder, &mut pace)?;
            }
        }
        if !goes_on(READ, STEPS) {
            return None;
        }
        self.root_references(|reference| {
            if let Some(id) = reference.id {
                builder.root(id);
            }
        });
        let told = u32::try_from(builder.told()).unwrap_or(u32::MAX);
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        let objects = self.object_count().min(told.saturating_mul(64).saturating_add(MOST_LOST)).min(most);
        let mut goes_on = |done, of| goes_on(step(READ..PUT_TOGETHER, done, of), STEPS);
        let (graph, left_out) = builder.finish_while(objects, key, &mut goes_on)?;
        if left_out > 0 {
            let what = format!(
                "{left_out} edges of the graph lead to objects that the dump cannot have, or are more than there is room for"
            );
            self.container.fault(0, FaultKind::Undecodable, what);
        }
        Some(graph)
    }

    /// Where the chunks lie that share no byte with an earlier one: an index that names one twice, or chunks inside chunks,
    /// would multiply the file. Each is decoded once.
    fn chunks_apart(&self) -> HashSet<u64> {
        let mut offsets: Vec<u64> = self.container.chunks.iter().map(|chunk| chunk.offset).collect();
        offsets.sort_unstable();
        let mut end = 0;
        offsets.retain(|offset| {
            let apart = *offset >= end;
            if let Some(header) = ChunkHeader::decode(self.container.header_bytes(*offset)).filter(|_| apart) {
                end = offset + HEADER_LENGTH as u64 + u64::from(header.stored_length);
            }
            apart
        });
        offsets.into_iter().collect()
    }

    /// Tells all edges of one object.
    fn tell(
        &self,
        object: DecodedObject<'_>,
        types: &[Option<u32>],
        apart: &mut HashSet<u64>,
        builder: &mut Builder,
        pace: &mut Pace<'_>,
    ) -> Option<()> {
        let shape = object.shape();
        if let Some(class) = types.get(shape.type_id as usize).copied().flatten() {
            builder.edge(Link::Type, class);
        }
        for (kind, _, target) in object.edges() {
            if let Target::Object(id) = target {
                builder.edge(kind.into(), id);
            }
        }
        let mut tail = |position: usize, target: Target| {
            if let Target::Object(id) = target {
                let link = match shape.tail {
                    TailKind::Entries if position.is_multiple_of(2) => Link::Key,
                    TailKind::Entries => Link::Item,
                    TailKind::Elements | TailKind::Nothing => Link::Element,
                };
                builder.edge(link, id);
            }
        };
        let apart_from_it = if shape.tail == TailKind::Nothing { None } else { self.element_chunks.get(&object.id) };
        for offset in apart_from_it.into_iter().flatten().filter(|offset| apart.remove(offset)) {
            let holds = format!("elements of object {}", object.id);
            let Some((header, raw)) = self.container.payload(*offset, &holds) else { continue };
            match decode_segment(&raw).filter(|_| header.kind == ChunkKind::Elements) {
                // Segments start at even positions.
                Some((_, part)) => {
                    pace.passed(part.len())?;
                    part.into_iter().enumerate().for_each(|(at, target)| tail(at, target));
                }
                None => self.container.fault(*offset, FaultKind::Undecodable, format!("{holds}: they contradict each other")),
            }
        }
        // What an object has itself is within a chunk, which is decoded as a whole.
        let inside = object.inline_tail();
        let count = inside.len();
        inside.enumerate().for_each(|(at, target)| tail(at, target));
        pace.passed(1 + count)
    }

    /// Every reference that is a root: the exception, threads, frames and what they hold, modules and other roots.
    fn root_references(&self, mut tell: impl FnMut(Reference)) {
        self.header().exception.into_iter().for_each(&mut tell);
        for thread in self.threads() {
            thread.exception.into_iter().chain([thread.object]).for_each(&mut tell);
            for frame in &thread.frames {
                [frame.object, frame.code, frame.globals, frame.locals].into_iter().for_each(&mut tell);
                frame.variables.iter().for_each(|variable| tell(variable.object));
            }
        }
        // What is a root because no other leads to it keeps nothing alive.
        let roots = self.roots().iter().filter(|root| root.kind != RootKind::Garbage);
        roots.for_each(|root| tell(root.object));
    }
}

/// A step within a part of all steps.
fn step(within: Range<usize>, done: usize, of: usize) -> usize {
    let width = within.len() as u64;
    within.start + (done as u64).saturating_mul(width).checked_div(of as u64).unwrap_or(0).min(width) as usize
}

#[cfg(test)]
mod graph_tests;
#[cfg(test)]
mod making_tests;
