//! Tests of the graph: petgraph's algorithms on it against the same on petgraph's own graph of the same edges, its bytes
//! against damage, and paths against distances.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::Direction;
use petgraph::algo::{
    bellman_ford, connected_components, dijkstra, dominators, is_cyclic_directed, is_isomorphic, kosaraju_scc, tarjan_scc,
    toposort,
};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{
    Bfs, Dfs, EdgeCount, EdgeFiltered, EdgeIndexable, EdgeRef, GetAdjacencyMatrix, IntoEdgeReferences, IntoEdges,
    IntoEdgesDirected, IntoNeighborsDirected, IntoNodeIdentifiers, IntoNodeReferences, NodeCount, NodeIndexable, NodeRef,
    Reversed, VisitMap, Visitable,
};
use proptest::prelude::*;

use super::{Builder, Edge, Graph, Link, Links, Node, Pace};

const KEY: [u8; 16] = *b"made of examples";

/// Objects with their edges, and roots; the edges may lead beyond the objects.
#[derive(Clone, Debug)]
struct Model {
    objects: u32,
    edges: Vec<(u32, u8, u32)>,
    roots: Vec<u32>,
}

fn models() -> impl Strategy<Value = Model> {
    (1u32..24).prop_flat_map(|objects| {
        let edge = (0..objects, 1..Link::ALL.len() as u8, 0..objects + 1);
        let edges = prop::collection::vec(edge, 0..60);
        (edges, prop::collection::vec(0..objects, 0..4)).prop_map(move |(mut edges, roots)| {
            // Objects are told in order; the edges of one keep theirs.
            edges.sort_by_key(|(from, _, _)| *from);
            Model { objects, edges, roots }
        })
    })
}

impl Model {
    fn graph(&self) -> (Graph, u64) {
        let mut builder = Builder::default();
        let mut last = None;
        for (from, link, to) in &self.edges {
            if last.replace(from) != Some(from) {
                builder.object(*from);
            }
            builder.edge(Link::ALL[usize::from(*link)], *to);
        }
        self.roots.iter().for_each(|root| builder.root(*root));
        builder.finish(self.objects, KEY)
    }

    /// The same as petgraph has it.
    fn peer(&self) -> DiGraph<(), Link> {
        let mut peer = DiGraph::new();
        (0..=self.objects).for_each(|_| {
            peer.add_node(());
        });
        for (from, link, to) in self.edges.iter().filter(|(_, _, to)| *to < self.objects) {
            peer.add_edge(NodeIndex::new(*from as usize), NodeIndex::new(*to as usize), Link::ALL[usize::from(*link)]);
        }
        for root in self.roots.iter().collect::<BTreeSet<_>>() {
            peer.add_edge(NodeIndex::new(self.objects as usize), NodeIndex::new(*root as usize), Link::Root);
        }
        peer
    }
}

fn plain<E: EdgeRef<Weight = Link>>(edge: E, index: impl Fn(E::NodeId) -> usize) -> (usize, Link, usize) {
    (index(edge.source()), *edge.weight(), index(edge.target()))
}

fn components<N>(found: Vec<Vec<N>>, index: impl Fn(&N) -> usize) -> BTreeSet<BTreeSet<usize>> {
    found.into_iter().map(|component| component.iter().map(&index).collect()).collect()
}

proptest! {
    #[test]
    fn edges_are_those_that_were_told(model in models()) {
        let ((graph, left_out), peer) = (model.graph(), model.peer());
        let graph = &graph;
        prop_assert_eq!((graph.node_count(), graph.edge_count()), (peer.node_count(), peer.edge_count()));
        prop_assert_eq!(left_out as usize, model.edges.iter().filter(|(_, _, to)| *to == model.objects).count());
        let sorted = |mut edges: Vec<(usize, Link, usize)>| { edges.sort_unstable(); edges };
        let ours = sorted(graph.edge_references().map(|edge| plain(edge, |node| node.0 as usize)).collect());
        let theirs = sorted(peer.edge_references().map(|edge| plain(edge, NodeIndex::index)).collect());
        prop_assert_eq!(ours, theirs);
        for (node, there) in graph.node_identifiers().zip(peer.node_identifiers()) {
            for direction in [Direction::Outgoing, Direction::Incoming] {
                let ours = sorted(graph.edges_directed(node, direction).map(|e| plain(e, |node| node.0 as usize)).collect());
                let theirs = sorted(peer.edges_directed(there, direction).map(|e| plain(e, NodeIndex::index)).collect());
                prop_assert_eq!(ours, theirs);
                let neighbors: Vec<Node> = graph.neighbors_directed(node, direction).collect();
                prop_assert!(neighbors.is_sorted());
                prop_assert_eq!(neighbors.len(), peer.neighbors_directed(there, direction).count());
            }
            for other in graph.node_identifiers() {
                let adjacent = peer.contains_edge(there, NodeIndex::new(other.0 as usize));
                prop_assert_eq!(graph.is_adjacent(&graph.adjacency_matrix(), node, other), adjacent);
            }
        }
    }

    #[test]
    fn an_edge_has_one_identity_from_both_ends(model in models()) {
        let (graph, _) = model.graph();
        let graph = &graph;
        let numbers: Vec<Edge> = graph.edge_references().map(|edge| edge.id()).collect();
        prop_assert_eq!(&numbers, &(0..graph.edge_bound()).map(|at| EdgeIndexable::from_index(graph, at)).collect::<Vec<_>>());
        let mut met = BTreeMap::new();
        for edge in graph.node_identifiers().flat_map(|node| graph.incoming(node)) {
            let told = (edge.source(), edge.link(), edge.target());
            prop_assert_eq!(met.insert(edge.id(), told), None);
        }
        for edge in graph.node_identifiers().flat_map(|node| graph.edges(node)) {
            prop_assert_eq!(met.remove(&edge.id()), Some((edge.source(), edge.link(), edge.target())));
        }
        prop_assert!(met.is_empty());
    }

    #[test]
    fn algorithms_say_what_they_say_of_petgraphs_own_graph(model in models()) {
        let ((graph, _), peer) = (model.graph(), model.peer());
        let graph = &graph;
        let (root, there) = (graph.root(), NodeIndex::new(model.objects as usize));
        let ours = |node: &Node| node.0 as usize;
        let theirs = |node: &NodeIndex| node.index();

        let scc = components(tarjan_scc(&peer), theirs);
        prop_assert_eq!(&components(tarjan_scc(graph), ours), &scc);
        prop_assert_eq!(&components(kosaraju_scc(graph), ours), &scc);
        prop_assert_eq!(connected_components(graph), connected_components(&peer));
        prop_assert_eq!(is_cyclic_directed(graph), is_cyclic_directed(&peer));
        prop_assert_eq!(toposort(graph, None).is_ok(), toposort(&peer, None).is_ok());
        if let Ok(order) = toposort(graph, None) {
            let place: BTreeMap<Node, usize> = order.into_iter().zip(0..).collect();
            prop_assert!(graph.edge_references().all(|edge| place[&edge.source()] < place[&edge.target()]));
        }
        let (ours_dominate, theirs_dominate) = (dominators::simple_fast(graph, root), dominators::simple_fast(&peer, there));
        for node in graph.node_identifiers() {
            let mine = ours_dominate.immediate_dominator(node).map(|node| node.0 as usize);
            prop_assert_eq!(mine, theirs_dominate.immediate_dominator(NodeIndex::new(node.0 as usize)).map(NodeIndex::index));
        }
        let mut reached = BTreeSet::new();
        let mut walk = Bfs::new(graph, root);
        while let Some(node) = walk.next(graph) {
            reached.insert(node.0 as usize);
        }
        let mut walk = Dfs::new(&peer, there);
        let mut expected = BTreeSet::new();
        while let Some(node) = walk.next(&peer) {
            expected.insert(node.index());
        }
        prop_assert_eq!(&reached, &expected);
        let strong = |edge: super::EdgeReference<'_>| Links::STRONG.contains(edge.link());
        let filtered = EdgeFiltered::from_fn(graph, strong);
        let peer_strong = EdgeFiltered::from_fn(&peer, |edge| Links::STRONG.contains(*edge.weight()));
        prop_assert_eq!(connected_components_of(&filtered), connected_components_of(&peer_strong));
        let backwards = dijkstra(Reversed(graph), Node(0), None, |_| 1u32);
        let expected = dijkstra(Reversed(&peer), NodeIndex::new(0), None, |_| 1u32);
        prop_assert_eq!(backwards.len(), expected.len());
        prop_assert!(expected.iter().all(|(node, cost)| backwards.get(&Node(node.index() as u32)) == Some(cost)));
    }

    #[test]
    fn the_path_from_the_root_is_one_and_is_shortest(model in models()) {
        let (graph, _) = model.graph();
        for links in [Links::ALL, Links::STRONG] {
            let mut peer = model.peer();
            peer.retain_edges(|peer, edge| links.contains(peer[edge]));
            let distances = dijkstra(&peer, NodeIndex::new(model.objects as usize), None, |_| 1usize);
            for number in 0..=model.objects {
                let path = graph.path_from_root(Node(number), links);
                prop_assert_eq!(path.as_ref().map(Vec::len), distances.get(&NodeIndex::new(number as usize)).copied());
                let mut at = graph.root();
                for edge in path.into_iter().flatten() {
                    prop_assert!(edge.source() == at && links.contains(edge.link()));
                    at = edge.target();
                }
                prop_assert!(at == graph.root() || at == Node(number));
            }
        }
    }

    #[test]
    fn bytes_come_back_and_damage_is_refused(model in models(), place in any::<prop::sample::Index>(), bit in 0..8u8) {
        let (graph, _) = model.graph();
        let back = Graph::open(graph.bytes().to_vec(), KEY).unwrap();
        let all = |graph: &Graph| graph.edge_references().map(|e| (e.source(), e.link(), e.target())).collect::<Vec<_>>();
        prop_assert_eq!(all(&back), all(&graph));
        prop_assert!(Graph::open(graph.bytes().to_vec(), [0; 16]).is_none());
        let mut bytes = graph.bytes().to_vec();
        bytes[place.index(graph.bytes().len())] ^= 1 << bit;
        prop_assert!(Graph::open(bytes, KEY).is_none());
        prop_assert!(Graph::open(graph.bytes()[..place.index(graph.bytes().len())].to_vec(), KEY).is_none());
    }

    /// What a hostile file says, with every checksum right: refused, or a graph that nothing leads out of.
    #[test]
    fn a_hostile_graph_is_refused_or_harmless(model in models(), place in any::<prop::sample::Index>(), byte: u8) {
        let (graph, _) = model.graph();
        let mut bytes = graph.bytes().to_vec();
        let at = super::layout::HEADER + place.index(bytes.len() - super::layout::HEADER);
        bytes[at] = byte;
        graph.layout.seal(&mut bytes, KEY, &mut Pace::new(0, &mut |_, _| true)).unwrap();
        if let Some(graph) = Graph::open(bytes, KEY) {
            let graph = &graph;
            tarjan_scc(graph);
            connected_components(graph);
            dominators::simple_fast(graph, graph.root());
            for node in graph.node_identifiers() {
                graph.path_from_root(node, Links::ALL);
                prop_assert!(graph.incoming(node).all(|edge| edge.source() <= graph.root() && edge.id() <= Edge(u32::MAX)));
            }
        }
    }
}

fn connected_components_of<G>(graph: G) -> BTreeSet<BTreeSet<usize>>
where
    G: IntoNeighborsDirected + IntoNodeIdentifiers + Visitable + NodeIndexable,
{
    components(kosaraju_scc(graph), |node| graph.to_index(*node))
}

#[test]
fn weights_let_other_algorithms_run() {
    let model = Model { objects: 3, edges: vec![(0, 1, 1), (0, 4, 2), (1, 8, 2)], roots: vec![0] };
    let (graph, _) = model.graph();
    let graph = &graph;
    assert!(is_isomorphic(graph, graph));
    assert_eq!(graph.node_references().map(|node| node.id()).next_back(), Some(graph.root()));
    let costs = EdgeFiltered::from_fn(graph, |edge| edge.link() != Link::Weak);
    assert_eq!(dijkstra(&costs, graph.root(), None, |_| 1u8)[&Node(2)], 3);
    let floats = model.peer().map(|_, ()| (), |_, _| 1.0f32);
    assert_eq!(bellman_ford(&floats, NodeIndex::new(3)).unwrap().distances[2] as u8, 2);
    let mut visited = graph.visit_map();
    assert!(visited.visit(Node(3)) && !visited.visit(Node(3)) && visited.is_visited(&Node(3)));
    assert!(visited.unvisit(Node(3)) && !visited.is_visited(&Node(3)) && !visited.visit(Node(4000)));
}

#[test]
fn a_list_a_million_deep_is_walked() {
    let depth = 1_000_000;
    let mut builder = Builder::default();
    for number in 0..depth {
        builder.object(number);
        builder.edge(Link::Attribute, number + 1);
    }
    builder.root(0);
    let (graph, left_out) = builder.finish(depth, KEY);
    assert_eq!((graph.objects(), left_out), (depth, 1));
    assert_eq!(graph.path_from_root(Node(depth - 1), Links::STRONG).unwrap().len(), depth as usize);
    assert_eq!(kosaraju_scc(&graph).len(), depth as usize + 1);
    assert!(toposort(&graph, None).is_ok());
}

#[test]
fn objects_that_were_not_told_are_nodes_and_later_ones_are_left_out() {
    let mut builder = Builder::default();
    for (number, target) in [(2, 9), (3, 1), (5, 0), (8, 2), (4, 4)] {
        builder.object(number);
        builder.edge(Link::Item, target);
    }
    builder.root(7);
    builder.root(5);
    assert_eq!(builder.told(), 4);
    let (graph, left_out) = builder.finish(6, KEY);
    assert_eq!((graph.objects(), graph.object(5), graph.object(6)), (6, Some(Node(5)), None));
    let edges: Vec<_> = graph.edge_references().map(|edge| (edge.source().0, edge.target().0)).collect();
    assert_eq!(edges, [(3, 1), (5, 0), (6, 5)]);
    assert_eq!(left_out, 4, "to 9, of 8, of 4, which is out of order, and the root 7");
    let mut few = Builder::new(2);
    few.edge(Link::Item, 0);
    few.object(1);
    (0..3).for_each(|target| few.edge(Link::Item, target));
    few.root(1);
    let (few, left_out) = few.finish(3, KEY);
    assert_eq!((few.edge_count(), left_out), (2, 3), "no object's, the third, and the root");
    let mut single = Builder::new(1);
    single.object(0);
    single.object(1);
    single.edge(Link::Item, 0);
    assert_eq!((single.told(), single.finish(2, KEY).1), (1, 1), "the second object's");
    let (empty, _) = Builder::default().finish(0, KEY);
    assert_eq!((empty.node_count(), empty.edge_count()), (1, 0));
    assert_eq!(empty.path_from_root(empty.root(), Links::ALL), Some(Vec::new()));
}
