//! petgraph's `visit` traits on `&Graph`.

use std::ops::{Deref, Range};

use petgraph::visit::{
    Data, EdgeCount, EdgeIndexable, GetAdjacencyMatrix, GraphBase, GraphProp, IntoEdgeReferences, IntoEdges, IntoEdgesDirected,
    IntoNeighbors, IntoNeighborsDirected, IntoNodeIdentifiers, IntoNodeReferences, NodeCompactIndexable, NodeCount,
    NodeIndexable, VisitMap, Visitable,
};
use petgraph::{Directed, Direction};

use super::link::Link;
use super::{AllEdges, Edge, EdgeReference, Edges, Graph, Neighbors, Node};

impl<S> GraphBase for Graph<S> {
    type NodeId = Node;
    type EdgeId = Edge;
}

impl<S> Data for Graph<S> {
    type NodeWeight = ();
    type EdgeWeight = Link;
}

impl<S> GraphProp for Graph<S> {
    type EdgeType = Directed;
}

impl<S: Deref<Target = [u8]>> NodeCount for Graph<S> {
    fn node_count(&self) -> usize {
        self.layout.nodes as usize
    }
}

impl<S: Deref<Target = [u8]>> EdgeCount for Graph<S> {
    fn edge_count(&self) -> usize {
        self.layout.edges as usize
    }
}

impl<S> NodeIndexable for Graph<S> {
    fn node_bound(&self) -> usize {
        self.layout.nodes as usize
    }

    fn to_index(&self, node: Node) -> usize {
        node.0 as usize
    }

    fn from_index(&self, index: usize) -> Node {
        Node(index as u32)
    }
}

impl<S: Deref<Target = [u8]>> NodeCompactIndexable for Graph<S> {}

impl<S> EdgeIndexable for Graph<S> {
    fn edge_bound(&self) -> usize {
        self.layout.edges as usize
    }

    fn to_index(&self, edge: Edge) -> usize {
        edge.0 as usize
    }

    fn from_index(&self, index: usize) -> Edge {
        Edge(index as u32)
    }
}

impl<'a, S: Deref<Target = [u8]>> IntoNeighbors for &'a Graph<S> {
    type Neighbors = Neighbors<'a>;

    fn neighbors(self, node: Node) -> Neighbors<'a> {
        Neighbors::new(self.forward().row(node))
    }
}

impl<'a, S: Deref<Target = [u8]>> IntoNeighborsDirected for &'a Graph<S> {
    type NeighborsDirected = Neighbors<'a>;

    fn neighbors_directed(self, node: Node, direction: Direction) -> Neighbors<'a> {
        Neighbors::new(match direction {
            Direction::Outgoing => self.forward().row(node),
            Direction::Incoming => self.reverse().row(node),
        })
    }
}

impl<'a, S: Deref<Target = [u8]>> IntoEdgeReferences for &'a Graph<S> {
    type EdgeRef = EdgeReference<'a, S>;
    type EdgeReferences = AllEdges<'a, S>;

    fn edge_references(self) -> AllEdges<'a, S> {
        AllEdges::new(self)
    }
}

impl<'a, S: Deref<Target = [u8]>> IntoEdges for &'a Graph<S> {
    type Edges = Edges<'a, S>;

    fn edges(self, node: Node) -> Edges<'a, S> {
        self.outgoing(node)
    }
}

impl<'a, S: Deref<Target = [u8]>> IntoEdgesDirected for &'a Graph<S> {
    type EdgesDirected = Edges<'a, S>;

    fn edges_directed(self, node: Node, direction: Direction) -> Edges<'a, S> {
        match direction {
            Direction::Outgoing => self.outgoing(node),
            Direction::Incoming => self.incoming(node),
        }
    }
}

/// All nodes, ascending.
type Nodes = std::iter::Map<Range<u32>, fn(u32) -> Node>;

impl<S: Deref<Target = [u8]>> IntoNodeIdentifiers for &Graph<S> {
    type NodeIdentifiers = Nodes;

    fn node_identifiers(self) -> Nodes {
        (0..self.layout.nodes).map(Node)
    }
}

impl<S: Deref<Target = [u8]>> IntoNodeReferences for &Graph<S> {
    type NodeRef = (Node, &'static ());
    type NodeReferences = std::iter::Map<Range<u32>, fn(u32) -> (Node, &'static ())>;

    fn node_references(self) -> Self::NodeReferences {
        (0..self.layout.nodes).map(|number| (Node(number), &()))
    }
}

/// Rows are sorted, so that an edge is found without a matrix.
impl<S: Deref<Target = [u8]>> GetAdjacencyMatrix for Graph<S> {
    type AdjMatrix = ();

    fn adjacency_matrix(&self) {}

    fn is_adjacent(&self, (): &(), from: Node, to: Node) -> bool {
        self.has_edge(from, to)
    }
}

/// The nodes that a walk has met: a bit each.
#[derive(Clone, Debug, Default)]
pub struct Visited(Vec<u64>);

impl VisitMap<Node> for Visited {
    fn visit(&mut self, node: Node) -> bool {
        let Some(word) = self.0.get_mut(node.0 as usize / 64) else { return false };
        let bit = 1 << (node.0 % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    fn is_visited(&self, node: &Node) -> bool {
        self.0.get(node.0 as usize / 64).is_some_and(|word| word >> (node.0 % 64) & 1 != 0)
    }

    fn unvisit(&mut self, node: Node) -> bool {
        let Some(word) = self.0.get_mut(node.0 as usize / 64) else { return false };
        let bit = 1 << (node.0 % 64);
        let was = *word & bit != 0;
        *word &= !bit;
        was
    }
}

impl<S: Deref<Target = [u8]>> Visitable for Graph<S> {
    type Map = Visited;

    fn visit_map(&self) -> Visited {
        Visited(vec![0; (self.layout.nodes as usize).div_ceil(64)])
    }

    fn reset_map(&self, map: &mut Visited) {
        *map = self.visit_map();
    }
}
