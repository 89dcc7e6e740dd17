//! Any petgraph graph as a [`Heap`]: nodes are objects, edges are attributes named by their weights.
//!
//! A node says the name of its type ([`GraphNode`]); what it holds is told by the reducer that the registry has for that
//! name, which gets the node itself from [`Object::runtime`](crate::reduce::Object::runtime). So the framework works
//! without any runtime, and the tests drive it with graphs of their own.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use petgraph::visit::{EdgeRef, IntoEdges, IntoNodeReferences, NodeIndexable, NodeRef};
use rustc_hash::FxHashMap;

use super::{EdgeKind, Heap, Name, Outline, Root, RootKind, Sink, TypeDescription, TypeId};
use crate::address::{Address, Span};
use crate::reduce::{Failure, Object, Reason, Registry};

/// Address of the first node.
const BASE: u64 = 0x1_0000;
/// Bytes of address space that a node takes.
const STRIDE: u64 = 16;

/// A node of a graph that is dumped.
pub trait GraphNode: Any {
    /// The qualified name of its type, under which its reducer is registered.
    fn type_name(&self) -> &str;
}

/// A graph as a heap.
pub struct GraphHeap<G: IntoNodeReferences> {
    graph: G,
    registry: Registry,
    roots: Vec<(String, G::NodeId)>,
    types: Vec<TypeDescription>,
    type_ids: FxHashMap<String, TypeId>,
    nodes: Vec<Option<G::NodeRef>>,
}

impl<G> fmt::Debug for GraphHeap<G>
where
    G: IntoNodeReferences,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphHeap").field("nodes", &self.nodes.len()).field("types", &self.types).finish_non_exhaustive()
    }
}

impl<G> GraphHeap<G>
where
    G: IntoNodeReferences + IntoEdges + NodeIndexable,
    G::NodeWeight: GraphNode,
{
    /// The heap of `graph`, walked from `roots`, each with its name.
    pub fn new(graph: G, registry: Registry, roots: Vec<(String, G::NodeId)>) -> GraphHeap<G> {
        let mut nodes = vec![None; graph.node_bound()];
        for node in graph.node_references() {
            nodes[graph.to_index(node.id())] = Some(node);
        }
        GraphHeap { graph, registry, roots, types: Vec::new(), type_ids: FxHashMap::default(), nodes }
    }

    /// The address that a node has as an object.
    pub fn address(&self, node: G::NodeId) -> Address {
        Address(BASE + self.graph.to_index(node) as u64 * STRIDE)
    }

    fn type_id(&mut self, name: &str) -> TypeId {
        if let Some(known) = self.type_ids.get(name) {
            return *known;
        }
        let type_id = TypeId(self.types.len() as u32);
        let origin = self.registry.find([name]).map_or("edges only", |found| found.origin);
        self.types.push(TypeDescription {
            name: name.to_owned(),
            mro: vec![name.to_owned()],
            origin: origin.to_owned(),
            ..TypeDescription::default()
        });
        self.type_ids.insert(name.to_owned(), type_id);
        type_id
    }
}

/// What a reducer sees of a node.
struct NodeObject<'a> {
    address: Address,
    name: &'a str,
    weight: &'a dyn Any,
}

impl Object for NodeObject<'_> {
    fn address(&self) -> Address {
        self.address
    }

    fn read_at(&self, address: Address, _: &mut [u8]) -> Result<(), Failure> {
        Err(Failure::new(Reason::Unreadable, format!("no memory at {address}: a graph's node")))
    }

    fn type_name(&self) -> String {
        self.name.to_owned()
    }

    fn runtime(&self) -> Option<&dyn Any> {
        Some(self.weight)
    }
}

impl<G> Heap for GraphHeap<G>
where
    G: IntoNodeReferences + IntoEdges + NodeIndexable,
    G::NodeWeight: GraphNode,
    G::EdgeWeight: fmt::Display,
{
    fn outline(&mut self) -> Outline {
        let root =
            |(name, node): &(String, G::NodeId)| Root { kind: RootKind::Given, name: name.clone(), object: self.address(*node) };
        Outline {
            spans: vec![Span::new(Address(BASE), self.nodes.len() as u64 * STRIDE)],
            roots: self.roots.iter().map(root).collect(),
            ..Outline::default()
        }
    }

    fn reduce<S: Sink>(&mut self, object: Address, sink: &mut S) -> Result<(), Failure> {
        let index = object.0.wrapping_sub(BASE) / STRIDE;
        let node = self.nodes.get(index as usize).copied().flatten();
        let node = node.ok_or_else(|| Failure::new(Reason::NotAnObject, "no node has this index"))?;
        let name = node.weight().type_name().to_owned();
        let type_id = self.type_id(&name);
        sink.begin(type_id, size_of_val(node.weight()) as u64);
        for edge in self.graph.edges(node.id()) {
            sink.edge(EdgeKind::Attribute, Name::Text(&edge.weight().to_string()), self.address(edge.target()));
        }
        let Some(registration) = self.registry.find([name.as_str()]) else { return Ok(()) };
        let reducer = registration.reducer;
        let view = NodeObject { address: object, name: &name, weight: node.weight() };
        catch_unwind(AssertUnwindSafe(|| reducer.reduce(&view, sink)))
            .unwrap_or_else(|_| Err(Failure::new(Reason::ReducerFailed, "the reducer panicked")))
    }

    fn types(&mut self, first: TypeId) -> Vec<TypeDescription> {
        self.types.get(first.0 as usize..).unwrap_or_default().to_vec()
    }
}
