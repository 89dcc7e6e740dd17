//! The object graph: compressed sparse rows in both directions, over plain little-endian bytes.
//!
//! A [`Graph`] never changes. It is one block of bytes that can be written to a file and mapped again ([`Graph::open`]),
//! and it implements petgraph's `visit` traits on `&Graph`, so that petgraph's algorithms run on it. Nodes are the objects
//! by number, and one more, the last: [`Graph::root`], from which an edge leads to every root of the heap. The targets of a
//! node ascend, and so do its sources; parallel edges stay apart.
//!
//! Some of petgraph's algorithms recurse (`tarjan_scc`, `is_cyclic_directed`, `depth_first_search`) and end the process on
//! a list of a million nodes: for heaps of programs use `kosaraju_scc`, `toposort`, `Dfs` and `Bfs`.

mod builder;
mod edges;
mod layout;
mod link;
mod pace;
mod path;
mod visit;

use std::fmt;
use std::ops::{Deref, Range};

pub use builder::Builder;
pub use edges::{AllEdges, EdgeReference, Edges, Neighbors};
pub use layout::Key;
pub use link::{Link, Links};
pub use pace::Pace;
pub use visit::Visited;

use layout::Layout;

/// A node: the object with this number, or the root.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Node(pub u32);

/// An edge, by its position among all edges: those of node 0 first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Edge(pub u32);

/// The graph of a heap, on bytes that it owns or that are mapped.
pub struct Graph<S = Vec<u8>> {
    bytes: S,
    layout: Layout,
}

impl<S> fmt::Debug for Graph<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph").field("nodes", &self.layout.nodes).field("edges", &self.layout.edges).finish_non_exhaustive()
    }
}

impl<S> Graph<S> {
    /// The same graph, its bytes kept in another way. They must be the same bytes.
    pub fn map_bytes<T>(self, keep: impl FnOnce(S) -> T) -> Graph<T> {
        Graph { bytes: keep(self.bytes), layout: self.layout }
    }
}

impl<S: Deref<Target = [u8]>> Graph<S> {
    /// The graph that [`Graph::bytes`] gave; none when these bytes are not those of a graph with this key, whole and
    /// unchanged. Reads all of them, and believes nothing: no number in them leads outside the graph.
    pub fn open(bytes: S, key: Key) -> Option<Graph<S>> {
        Graph::open_while(bytes, key, &mut |_, _| true)
    }

    /// The same, for whoever may not want to wait for it: `goes_on` hears how much of how much was checked, every few
    /// milliseconds, and ends it when it says no.
    pub fn open_while(bytes: S, key: Key, goes_on: &mut dyn FnMut(usize, usize) -> bool) -> Option<Graph<S>> {
        // The checksum, and every number: a link is a byte.
        let mut pace = Pace::new(pace::of_bytes(bytes.len()).saturating_mul(7), goes_on);
        let layout = Layout::check(&bytes, key, &mut pace)?;
        Some(Graph { bytes, layout })
    }

    /// The graph as bytes: a header, and the rows of both directions.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of objects.
    pub fn objects(&self) -> u32 {
        self.layout.nodes.saturating_sub(1)
    }

    /// The node from which an edge leads to every root of the heap.
    pub fn root(&self) -> Node {
        Node(self.objects())
    }

    /// The node of an object; none when the graph has no object of this number.
    pub fn object(&self, number: u32) -> Option<Node> {
        (number < self.objects()).then_some(Node(number))
    }

    /// Edges that lead from a node.
    pub fn outgoing(&self, node: Node) -> Edges<'_, S> {
        Edges::outgoing(self, node)
    }

    /// Edges that lead to a node, by ascending source.
    pub fn incoming(&self, node: Node) -> Edges<'_, S> {
        Edges::incoming(self, node)
    }

    /// Whether an edge leads from one node to the other.
    pub fn has_edge(&self, from: Node, to: Node) -> bool {
        let row = self.forward();
        let range = row.range(from);
        let at = range.start + row.lower_bound(range.clone(), to);
        range.contains(&at) && row.end(at) == to
    }

    pub(crate) fn forward(&self) -> Rows<'_> {
        self.layout.forward(&self.bytes)
    }

    pub(crate) fn reverse(&self) -> Rows<'_> {
        self.layout.reverse(&self.bytes)
    }
}

/// The rows of one direction.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// Where each node's row starts; one more than nodes.
    offsets: &'a [[u8; 4]],
    /// The other ends.
    ends: &'a [[u8; 4]],
    links: &'a [u8],
}

impl<'a> Rows<'a> {
    /// The positions of a node's row; empty for a node that there is not.
    #[inline]
    pub(crate) fn range(&self, node: Node) -> Range<usize> {
        let at = node.0 as usize;
        let bound = |at: usize| self.offsets.get(at).map_or(0, |word| u32::from_le_bytes(*word) as usize);
        let (start, end) = (bound(at), bound(at + 1).min(self.ends.len()));
        start.min(end)..end
    }

    #[inline]
    pub(crate) fn row(&self, node: Node) -> &'a [[u8; 4]] {
        &self.ends[self.range(node)]
    }

    #[inline]
    pub(crate) fn end(&self, at: usize) -> Node {
        Node(self.ends.get(at).map_or(0, |word| u32::from_le_bytes(*word)))
    }

    #[inline]
    pub(crate) fn link(&self, at: usize) -> Link {
        self.links.get(at).map_or(Link::Conservative, |number| Link::from_number(*number))
    }

    /// How many ends of these positions are before `node`.
    pub(crate) fn lower_bound(&self, range: Range<usize>, node: Node) -> usize {
        self.ends[range].partition_point(|word| u32::from_le_bytes(*word) < node.0)
    }
}

#[cfg(test)]
mod graph_tests;
