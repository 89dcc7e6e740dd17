//! Making a graph: told its edges object by object, it is put together in linear time.
//!
//! The edges are kept as they are told, 5 bytes each, and scattered twice: to the rows of sources, and from these to the
//! rows of targets, which sorts both. The alternative, telling everything twice to count first, would decode a dump twice to
//! save the 5 bytes.
//!
//! What is told may come from a hostile file: memory that is not to be had costs edges, and not the process.

use super::Graph;
use super::layout::{Key, Layout};
use super::link::Link;
use super::pace::{Pace, STRIDE};

/// Collects the edges of a graph.
#[derive(Debug)]
pub struct Builder {
    most: usize,
    /// Whether edges belong to the last of the objects.
    open: bool,
    /// Each object that was told, and the position of its first edge.
    objects: Vec<(u32, u32)>,
    targets: Vec<u32>,
    links: Vec<u8>,
    roots: Vec<u32>,
    left_out: u64,
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new(u64::MAX)
    }
}

impl Builder {
    /// Collects at most so many objects, and so many edges; what is beyond is left out.
    pub fn new(most: u64) -> Builder {
        // One edge less than there are numbers, so that a position after the last is a number as well.
        let most = usize::try_from(most.min(u64::from(u32::MAX))).unwrap_or(usize::MAX);
        let (objects, targets, links, roots) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Builder { most, open: false, objects, targets, links, roots, left_out: 0 }
    }

    /// Starts the next object. Numbers ascend; the edges of an object out of order are left out.
    pub fn object(&mut self, number: u32) {
        let ascends = self.objects.last().is_none_or(|(last, _)| *last < number);
        self.open = ascends && self.objects.len() < self.most && self.objects.try_reserve(1).is_ok();
        if self.open {
            self.objects.push((number, self.targets.len() as u32));
        }
    }

    /// An edge from the object that was started last.
    #[inline]
    pub fn edge(&mut self, link: Link, target: u32) {
        if self.open && self.edges() < self.most {
            if self.targets.try_reserve(1).is_ok() && self.links.try_reserve(1).is_ok() {
                self.targets.push(target);
                self.links.push(link as u8);
                return;
            }
            // There is no room for more later either.
            self.most = self.edges();
        }
        self.left_out += 1;
    }

    /// An edge from the root of the graph.
    pub fn root(&mut self, target: u32) {
        if self.edges() < self.most && self.roots.try_reserve(1).is_ok() {
            self.roots.push(target);
        } else {
            self.left_out += 1;
        }
    }

    fn edges(&self) -> usize {
        self.targets.len() + self.roots.len()
    }

    /// Number of objects told.
    pub fn told(&self) -> usize {
        self.objects.len()
    }

    /// The graph of so many objects, and the number of edges that are not in it: those that lead to objects beyond, or from
    /// them, and those that are too many. Without the memory for it, it is the graph of no objects.
    pub fn finish(self, objects: u32, key: Key) -> (Graph, u64) {
        self.finish_while(objects, key, &mut |_, _| true).unwrap_or_else(|| (Graph::empty(key), 0))
    }

    /// The same, for whoever may not want to wait for it: `goes_on` hears how much of how much is done, every few
    /// milliseconds, and ends it when it says no.
    pub fn finish_while(mut self, objects: u32, key: Key, goes_on: &mut dyn FnMut(usize, usize) -> bool) -> Option<(Graph, u64)> {
        let objects = objects.min(u32::MAX - 1);
        let nodes = objects as usize + 1;
        // Edges are gone through four times, nodes as often, and then the bytes of both.
        let mut pace = Pace::new((self.edges() + nodes).saturating_mul(5), goes_on);
        pace.ask()?;
        self.roots.sort_unstable();
        self.roots.dedup();
        let kept = self.objects.partition_point(|(number, _)| *number < objects);
        let end = self.objects.get(kept).map_or(self.targets.len(), |(_, first)| *first as usize);
        let inside = |target: u32| target < objects;

        let all = self.left_out + self.edges() as u64;
        let empty = |left_out| Some((Graph::empty(key), left_out));
        let Some(mut counts) = zeroed::<u32>(nodes) else { return empty(all) };
        let mut edges = 0;
        let mut count = |target: &u32| {
            if inside(*target) {
                counts[*target as usize] += 1;
                edges += 1;
            }
        };
        pace.each(&self.targets[..end], &mut count)?;
        pace.each(&self.roots, &mut count)?;
        let left_out = all - u64::from(edges);
        let layout = Layout { nodes: nodes as u32, edges };
        let Some(mut bytes) = layout.length().and_then(zeroed::<u8>) else { return empty(all) };
        let (forward, reverse) = layout.sections();
        let ranges = [forward.offsets, forward.ends, forward.links, reverse.offsets, reverse.ends, reverse.links];
        if let Ok([targets_from, targets, links, sources_from, sources, source_links]) = bytes.get_disjoint_mut(ranges) {
            let mut into = Half::new(sources_from, sources, source_links, counts, &mut pace)?;
            for (at, (object, first)) in self.objects[..kept].iter().enumerate() {
                let next = self.objects.get(at + 1).map_or(self.targets.len(), |(_, first)| *first as usize);
                let row = *first as usize..next;
                into.put_all(&self.targets[row.clone()], &self.links[row], &mut pace, |into, target, link| {
                    if inside(target) {
                        into.put(target, *object, link);
                    }
                })?;
            }
            pace.each(&self.roots, |target| {
                if inside(*target) {
                    into.put(*target, objects, Link::Root as u8);
                }
            })?;
            let mut counts = into.next;
            counts.fill(0);
            drop(self);

            let sources = sources.as_chunks::<4>().0;
            pace.each(sources, |source| counts[u32::from_le_bytes(*source) as usize] += 1)?;
            let mut into = Half::new(targets_from, targets, links, counts, &mut pace)?;
            let starts = sources_from.as_chunks::<4>().0.iter().map(|start| u32::from_le_bytes(*start) as usize);
            for (target, (start, end)) in (0..).zip(starts.clone().zip(starts.skip(1))) {
                into.put_all(&sources[start..end], &source_links[start..end], &mut pace, |into, source, link| {
                    into.put(u32::from_le_bytes(source), target, link);
                })?;
            }
        }
        layout.seal(&mut bytes, key, &mut pace)?;
        Some((Graph { bytes, layout }, left_out))
    }
}

impl Graph {
    /// The graph of no objects.
    fn empty(key: Key) -> Graph {
        let layout = Layout { nodes: 1, edges: 0 };
        let mut bytes = vec![0; layout.length().unwrap_or_default()];
        layout.seal(&mut bytes, key, &mut Pace::new(0, &mut |_, _| true));
        Graph { bytes, layout }
    }
}

/// So many zeros; none without the memory for them. They take memory when they are first written to, so the targets' half of
/// a graph takes none before what it is made of is dropped.
fn zeroed<T: Clone + Default>(length: usize) -> Option<Vec<T>> {
    // Zeros that cannot be had would end the process, so the room for them is asked for before.
    let mut room: Vec<T> = Vec::new();
    room.try_reserve_exact(length).ok()?;
    drop(std::hint::black_box(room));
    Some(vec![T::default(); length])
}

/// The arrays of one direction, being filled.
struct Half<'a> {
    ends: &'a mut [[u8; 4]],
    links: &'a mut [u8],
    /// Where the next end of each node goes.
    next: Vec<u32>,
}

impl<'a> Half<'a> {
    /// Fills `starts`, for rows of so many ends.
    fn new(
        starts: &mut [u8],
        ends: &'a mut [u8],
        links: &'a mut [u8],
        counts: Vec<u32>,
        pace: &mut Pace<'_>,
    ) -> Option<Half<'a>> {
        let mut next = counts;
        let mut at = 0;
        let (places, _) = starts.as_chunks_mut::<4>();
        for (places, next) in places.chunks_mut(STRIDE).zip(next.chunks_mut(STRIDE)) {
            pace.passed(next.len())?;
            for (place, count) in places.iter_mut().zip(next) {
                *place = u32::to_le_bytes(at);
                at += std::mem::replace(count, at);
            }
        }
        if let Some(last) = places.last_mut() {
            *last = at.to_le_bytes();
        }
        Some(Half { ends: ends.as_chunks_mut().0, links, next })
    }

    /// Goes through the edges of one node, however many.
    #[inline]
    fn put_all<T: Copy>(
        &mut self,
        ends: &[T],
        links: &[u8],
        pace: &mut Pace<'_>,
        put: impl Fn(&mut Half<'a>, T, u8),
    ) -> Option<()> {
        // What has no edges takes its time as well.
        pace.passed(1)?;
        for (ends, links) in ends.chunks(STRIDE).zip(links.chunks(STRIDE)) {
            for (end, link) in ends.iter().zip(links) {
                put(self, *end, *link);
            }
            pace.passed(ends.len())?;
        }
        Some(())
    }

    #[inline]
    fn put(&mut self, node: u32, end: u32, link: u8) {
        let place = &mut self.next[node as usize];
        let at = *place as usize;
        *place += 1;
        self.ends[at] = end.to_le_bytes();
        self.links[at] = link;
    }
}
