//! Iterators over the rows of a graph, and an edge of them.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::{Deref, Range};

use petgraph::visit::EdgeRef;

use super::link::Link;
use super::{Edge, Graph, Node, Rows};

/// The nodes at the other ends of a node's edges.
#[derive(Clone, Debug)]
pub struct Neighbors<'a>(std::slice::Iter<'a, [u8; 4]>);

impl<'a> Neighbors<'a> {
    pub(crate) fn new(row: &'a [[u8; 4]]) -> Neighbors<'a> {
        Neighbors(row.iter())
    }
}

impl Iterator for Neighbors<'_> {
    type Item = Node;

    #[inline]
    fn next(&mut self) -> Option<Node> {
        self.0.next().map(|word| Node(u32::from_le_bytes(*word)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Neighbors<'_> {}
impl FusedIterator for Neighbors<'_> {}

/// An edge of a graph.
pub struct EdgeReference<'a, S = Vec<u8>> {
    graph: &'a Graph<S>,
    source: Node,
    target: Node,
    link: Link,
    /// Its position in the row that it was found in.
    at: u32,
    incoming: bool,
}

impl<S> Clone for EdgeReference<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for EdgeReference<'_, S> {}

impl<S> PartialEq for EdgeReference<'_, S> {
    fn eq(&self, other: &Self) -> bool {
        (self.source, self.target, self.link) == (other.source, other.target, other.link)
    }
}

impl<S> fmt::Debug for EdgeReference<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -{}-> {}", self.source.0, self.link.word(), self.target.0)
    }
}

impl<S> EdgeReference<'_, S> {
    /// Where it comes from.
    pub fn source(&self) -> Node {
        self.source
    }

    /// Where it leads.
    pub fn target(&self) -> Node {
        self.target
    }

    /// What it stands for.
    pub fn link(&self) -> Link {
        self.link
    }
}

impl<S: Deref<Target = [u8]>> EdgeRef for EdgeReference<'_, S> {
    type NodeId = Node;
    type EdgeId = Edge;
    type Weight = Link;

    fn source(&self) -> Node {
        self.source
    }

    fn target(&self) -> Node {
        self.target
    }

    fn weight(&self) -> &Link {
        self.link.shared()
    }

    /// Of an edge that was found from its target, the position in its source's row is looked for: it is as far behind the
    /// first edge to that target as it is behind the first one from that source.
    fn id(&self) -> Edge {
        if !self.incoming {
            return Edge(self.at);
        }
        let (forward, reverse) = (self.graph.forward(), self.graph.reverse());
        let sources = reverse.range(self.target);
        let first = sources.start + reverse.lower_bound(sources, self.source);
        let targets = forward.range(self.source);
        let same = targets.start + forward.lower_bound(targets, self.target);
        Edge((same + (self.at as usize).saturating_sub(first)) as u32)
    }
}

/// Edges of one node.
pub struct Edges<'a, S = Vec<u8>> {
    graph: &'a Graph<S>,
    rows: Rows<'a>,
    node: Node,
    range: Range<usize>,
    incoming: bool,
}

impl<'a, S: Deref<Target = [u8]>> Edges<'a, S> {
    pub(crate) fn outgoing(graph: &'a Graph<S>, node: Node) -> Edges<'a, S> {
        let rows = graph.forward();
        Edges { graph, rows, node, range: rows.range(node), incoming: false }
    }

    pub(crate) fn incoming(graph: &'a Graph<S>, node: Node) -> Edges<'a, S> {
        let rows = graph.reverse();
        Edges { graph, rows, node, range: rows.range(node), incoming: true }
    }
}

impl<S> Clone for Edges<'_, S> {
    fn clone(&self) -> Self {
        Edges { range: self.range.clone(), ..*self }
    }
}

impl<S> fmt::Debug for Edges<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} edges of node {}", self.range.len(), self.node.0)
    }
}

impl<'a, S> Iterator for Edges<'a, S> {
    type Item = EdgeReference<'a, S>;

    #[inline]
    fn next(&mut self) -> Option<EdgeReference<'a, S>> {
        self.nth(0)
    }

    #[inline]
    fn nth(&mut self, count: usize) -> Option<EdgeReference<'a, S>> {
        let at = self.range.nth(count)?;
        let (other, link) = (self.rows.end(at), self.rows.link(at));
        let (source, target) = if self.incoming { (other, self.node) } else { (self.node, other) };
        Some(EdgeReference { graph: self.graph, source, target, link, at: at as u32, incoming: self.incoming })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.range.size_hint()
    }
}

impl<S> ExactSizeIterator for Edges<'_, S> {}
impl<S> FusedIterator for Edges<'_, S> {}

/// All edges of a graph, by ascending source.
pub struct AllEdges<'a, S = Vec<u8>> {
    row: Edges<'a, S>,
    nodes: Range<u32>,
}

impl<'a, S: Deref<Target = [u8]>> AllEdges<'a, S> {
    pub(crate) fn new(graph: &'a Graph<S>) -> AllEdges<'a, S> {
        AllEdges { row: Edges::outgoing(graph, Node(0)), nodes: 1..graph.root().0.saturating_add(1) }
    }
}

impl<S> Clone for AllEdges<'_, S> {
    fn clone(&self) -> Self {
        AllEdges { row: self.row.clone(), nodes: self.nodes.clone() }
    }
}

impl<S> fmt::Debug for AllEdges<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} and those of nodes {:?}", self.row, self.nodes)
    }
}

impl<'a, S: Deref<Target = [u8]>> Iterator for AllEdges<'a, S> {
    type Item = EdgeReference<'a, S>;

    fn next(&mut self) -> Option<EdgeReference<'a, S>> {
        loop {
            if let Some(edge) = self.row.next() {
                return Some(edge);
            }
            self.row = Edges::outgoing(self.row.graph, Node(self.nodes.next()?));
        }
    }
}
