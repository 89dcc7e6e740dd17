//! Reference cycles: objects that keep each other alive, so that counting references never frees them, and the edge to cut.
//!
//! Of the edges that keep alive the strongly connected components are taken, without classes, modules and their names: these
//! lead to each other by design, and live as long as the program. Components of the same types are told together. A
//! component to which no root leads is garbage that waits for the collector; it is in a dump when something knows it weakly.

mod components;
mod cut;
mod freed;

use std::collections::HashMap;

use heapsake_core::format::{LabelName, Target};
use heapsake_core::heap::TypeKind;
use heapsake_loader::{Dump, HeapGraph, Link, Links, Node, ObjectId};

pub use cut::{Cut, Step};
pub use freed::Freed;

/// Links along which a reference keeps its target alive, or may.
const KEEPS: Links = Links::STRONG.with(Link::Conservative);
/// Links of which cycles are made: an object does not end with its type.
const CYCLIC: Links = Links::STRONG.without(Link::Type).without(Link::Root);

/// The cycles of a dump.
#[derive(Clone, Debug, Default)]
pub struct Cycles {
    /// Components of the same types, garbage first, then by the memory that they and what ends with them take.
    pub groups: Vec<Group>,
    /// All components.
    pub components: u64,
    /// Objects in them.
    pub objects: u64,
    /// Classes that were left out.
    pub classes: u64,
    /// Modules that were left out, with their names.
    pub modules: u64,
    /// Objects to which no root leads by references that keep alive, in cycles or held by some.
    pub unreachable: Freed,
}

/// Components with objects of the same types.
#[derive(Clone, Debug)]
pub struct Group {
    /// How many there are.
    pub count: u64,
    /// Objects in all of them.
    pub objects: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Whether no root leads to them.
    pub is_garbage: bool,
    /// The largest of them, of those that are not too large to be looked at closely.
    pub example: Component,
}

/// One strongly connected component.
#[derive(Clone, Debug, Default)]
pub struct Component {
    /// Its objects, ascending.
    pub members: Vec<ObjectId>,
    /// Bytes of these.
    pub bytes: u64,
    /// What would be freed with it by counting references: itself, and what is held by that alone.
    pub freed: Freed,
    /// Types of its objects and how many there are of each, most first.
    pub types: Vec<(String, u64)>,
    /// References to it from outside of it, roots included.
    pub held_by: u64,
    /// One of its objects that is held from outside.
    pub entry: Option<ObjectId>,
    /// A shortest cycle through an edge to cut; empty when it is too large to be looked at closely.
    pub cycle: Vec<Step>,
    /// What to cut. With all of these edges gone, no cycle is left.
    pub cuts: Vec<Cut>,
}

/// What is known of every object.
struct Facts {
    types: Vec<u32>,
    sizes: Vec<u64>,
    /// Classes, modules, and the names of modules.
    apart: Vec<bool>,
}

impl Cycles {
    /// Finds the cycles of a dump, and looks at one of each of the first `most` groups closely. Makes the graph, and decodes
    /// every object once.
    pub fn of(dump: &Dump, most: usize) -> Cycles {
        let graph = dump.graph();
        let mut cycles = Cycles::default();
        let facts = cycles.facts(dump, graph);
        let reached = reached(graph, &facts, dump);
        for (node, _) in reached.iter().enumerate().filter(|(_, reached)| !**reached) {
            cycles.unreachable.objects += u64::from(facts.types[node] != NONE);
            cycles.unreachable.bytes = cycles.unreachable.bytes.saturating_add(facts.sizes[node]);
        }
        let components = components::find(graph, CYCLIC, |node| !facts.apart[node as usize]);
        cycles.components = components.len() as u64;
        cycles.objects = components.iter().map(|members| members.len() as u64).sum();
        let mut groups: HashMap<(bool, Vec<u32>), (Group, u64)> = HashMap::new();
        for members in components {
            let mut types: Vec<u32> = members.iter().map(|node| facts.types[*node as usize]).collect();
            types.sort_unstable();
            types.dedup();
            let is_garbage = members.iter().any(|node| !reached[*node as usize]);
            // Sizes are what the file says.
            let bytes = members.iter().fold(0u64, |bytes, node| bytes.saturating_add(facts.sizes[*node as usize]));
            let count = members.len() as u64;
            let fits = members.len() <= cut::LARGEST;
            // Of equal ones the first.
            let rank = if fits { bytes } else { 0 };
            let (group, best) = groups.entry((is_garbage, types)).or_insert_with(|| {
                let group = Group { count: 0, objects: 0, bytes: 0, is_garbage, example: Component::default() };
                (group, 0)
            });
            group.count += 1;
            group.objects += count;
            group.bytes = group.bytes.saturating_add(bytes);
            if group.example.members.is_empty() || rank > *best {
                *best = rank;
                group.example = Component { members: members.into_iter().map(ObjectId).collect(), bytes, ..Component::default() };
            }
        }
        let mut groups: Vec<Group> = groups.into_values().map(|(group, _)| group).collect();
        let order = |group: &Group| (!group.is_garbage, u64::MAX - group.bytes, group.example.members.first().copied());
        groups.sort_by_key(order);
        for group in groups.iter_mut().take(most) {
            group.example.look(dump, graph, &facts);
        }
        cycles.groups = groups;
        cycles
    }

    fn facts(&mut self, dump: &Dump, graph: &HeapGraph) -> Facts {
        let count = graph.objects() as usize;
        let mut facts = Facts { types: vec![NONE; count], sizes: vec![0; count], apart: vec![false; count] };
        let kinds: Vec<TypeKind> = dump.types().iter().map(|known| known.kind).collect();
        for position in 0..dump.chunk_count() {
            let Some(chunk) = dump.chunk(position) else { continue };
            for object in chunk.iter().filter(|object| (object.id as usize) < count) {
                let at = object.id as usize;
                let shape = object.shape();
                facts.types[at] = shape.type_id;
                facts.sizes[at] = object.size();
                match kinds.get(shape.type_id as usize) {
                    Some(TypeKind::Type) => {
                        self.classes += u64::from(!facts.apart[at]);
                        facts.apart[at] = true;
                    }
                    Some(TypeKind::Module) => {
                        self.modules += u64::from(!facts.apart[at]);
                        facts.apart[at] = true;
                        for (_, name, target) in object.edges() {
                            if let (LabelName::Text(name), Target::Object(id)) = (name, target)
                                && name == "__dict__"
                                && let Some(names) = facts.apart.get_mut(id as usize)
                            {
                                *names = true;
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        facts
    }
}

/// The type of an object that is lost.
const NONE: u32 = u32::MAX;

/// Which objects a root leads to by references that keep alive, or may. Classes are taken to be alive: static ones are,
/// although they are known weakly alone.
fn reached(graph: &HeapGraph, facts: &Facts, dump: &Dump) -> Vec<bool> {
    let count = graph.objects();
    let mut reached = vec![false; count as usize];
    let kinds = dump.types();
    let is_class = |node: u32| {
        let known = kinds.get(facts.types[node as usize] as usize);
        known.is_some_and(|known| known.kind == TypeKind::Type)
    };
    let mut queue: Vec<u32> = (0..count).filter(|node| is_class(*node)).collect();
    for node in &queue {
        reached[*node as usize] = true;
    }
    queue.push(graph.root().0);
    while let Some(node) = queue.pop() {
        for edge in graph.outgoing(Node(node)).filter(|edge| KEEPS.contains(edge.link())) {
            let target = edge.target().0;
            if let Some(place) = reached.get_mut(target as usize).filter(|reached| !**reached) {
                *place = true;
                queue.push(target);
            }
        }
    }
    reached
}

impl Component {
    /// Whether an object is one of it.
    fn has(&self, id: u32) -> bool {
        self.members.binary_search(&ObjectId(id)).is_ok()
    }

    fn look(&mut self, dump: &Dump, graph: &HeapGraph, facts: &Facts) {
        let mut types: HashMap<u32, u64> = HashMap::new();
        for id in &self.members {
            *types.entry(facts.types[id.0 as usize]).or_default() += 1;
        }
        let name = |number: u32| dump.types().get(number as usize).map_or_else(|| "?".to_owned(), |known| known.name.clone());
        self.types = types.into_iter().map(|(number, count)| (name(number), count)).collect();
        self.types.sort_by(|(one, few), (other, many)| many.cmp(few).then_with(|| one.cmp(other)));
        for id in &self.members {
            let outside =
                graph.incoming(Node(id.0)).filter(|edge| KEEPS.contains(edge.link()) && !self.has(edge.source().0)).count();
            self.held_by += outside as u64;
            if outside > 0 && self.entry.is_none() {
                self.entry = Some(*id);
            }
        }
        self.freed = freed::with(graph, &self.members, &facts.sizes);
        if self.members.len() <= cut::LARGEST {
            (self.cycle, self.cuts) = cut::of(dump, &self.members);
        }
    }
}

#[cfg(test)]
mod cycles_tests;
