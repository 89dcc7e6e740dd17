//! The edges of a component by name, and which of them to cut so that no cycle is left.
//!
//! Edges of one name of one type are cut together: a program clears an attribute, or makes it weak, and not one reference.
//! A name that says that it leads back is tried first, then attributes of the program's own classes.

use std::collections::{BTreeMap, HashMap, VecDeque};

use heapsake_core::format::{LabelName, TailKind, Target};
use heapsake_core::heap::EdgeKind;
use heapsake_loader::{Dump, Link, Links, Object, ObjectId, PlainValue};

/// Components with more objects are not looked at closely.
pub(super) const LARGEST: usize = 1 << 18;
/// Elements of one container that are looked at.
const MOST_ELEMENTS: u64 = 1 << 20;
/// Edges that are gone through while names are tried.
const MOST_WORK: usize = 1 << 26;
/// Edges of the name to cut from which a shortest cycle is looked for.
const MOST_STARTS: usize = 64;
/// Names that lead from a part to its whole, or backwards.
const BACKWARDS: [&str; 26] = [
    "parent",
    "_parent",
    "__parent__",
    "parents",
    "parent_ref",
    "owner",
    "_owner",
    "root",
    "_root",
    "container",
    "_container",
    "up",
    "back",
    "backref",
    "prev",
    "_prev",
    "previous",
    "prior",
    "manager",
    "master",
    "outer",
    "enclosing",
    "creator",
    "session",
    "__traceback__",
    "__context__",
];

/// One edge of a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it comes from.
    pub from: ObjectId,
    /// How it is called, as one would write it.
    pub name: String,
    /// Where it leads.
    pub to: ObjectId,
}

/// Edges of one name, from objects of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The type; of a `__dict__` that of its instance.
    pub type_name: String,
    /// The name: `.parent`, `[…]` for elements, `key` for keys.
    pub name: String,
    /// How many such edges lie within the component.
    pub count: u64,
    /// One of them.
    pub example: Step,
}

/// An edge between members, by their positions, and the number of its name.
#[derive(Clone, Copy)]
struct Inner {
    from: u32,
    to: u32,
    label: u32,
}

/// Edges of one name.
struct Named {
    type_name: String,
    name: String,
    link: Link,
    count: usize,
}

impl Named {
    /// The better to be cut, the smaller.
    fn rank(&self) -> impl Ord {
        let plain = self.name.trim_start_matches('.');
        let is_own = self.type_name.contains('.');
        let is_hidden = plain.starts_with("__");
        let leads_back = BACKWARDS.contains(&plain) && (is_own || is_hidden);
        let kind = match self.link {
            Link::Attribute if is_own && !is_hidden => 0,
            Link::Local => 1,
            Link::Attribute => 2,
            Link::Item | Link::Element => 3,
            Link::Key => 4,
            _ => 5,
        };
        (!leads_back, kind, self.count, self.name.clone(), self.type_name.clone())
    }
}

struct Inside {
    edges: Vec<Inner>,
    names: Vec<Named>,
}

/// A shortest cycle through what is best cut, and what to cut.
pub(super) fn of(dump: &Dump, members: &[ObjectId]) -> (Vec<Step>, Vec<Cut>) {
    let inside = Inside::read(dump, members);
    let mut order: Vec<usize> = (0..inside.names.len()).collect();
    order.sort_by_cached_key(|at| inside.names[*at].rank());
    let tries = (MOST_WORK / (inside.edges.len() + members.len()).max(1)).max(1);
    let alone = order.iter().take(tries).find(|at| inside.is_acyclic_without(members.len(), &[**at as u32]));
    let cut: Vec<u32> = match alone {
        Some(at) => vec![*at as u32],
        None => inside.enough(members.len(), &order),
    };
    let step = |edge: &Inner| Step {
        from: members[edge.from as usize],
        name: inside.names[edge.label as usize].name.clone(),
        to: members[edge.to as usize],
    };
    let cuts = cut.iter().filter_map(|label| {
        let named = &inside.names[*label as usize];
        let example = step(inside.edges.iter().find(|edge| edge.label == *label)?);
        Some(Cut { type_name: named.type_name.clone(), name: named.name.clone(), count: named.count as u64, example })
    });
    let cuts = cuts.collect();
    let starts = inside.edges.iter().filter(|edge| cut.first() == Some(&edge.label)).take(MOST_STARTS);
    let ways = inside.rows(members.len());
    let cycle = starts.filter_map(|edge| inside.way_back(&ways, edge)).min_by_key(Vec::len).unwrap_or_default();
    (cycle.iter().map(step).collect(), cuts)
}

impl Inside {
    fn read(dump: &Dump, members: &[ObjectId]) -> Inside {
        let mut inside = Inside { edges: Vec::new(), names: Vec::new() };
        let mut labels: HashMap<(u32, String), u32> = HashMap::new();
        let place = |target: &Target| match target {
            Target::Object(id) => members.binary_search(&ObjectId(*id)).ok(),
            _ => None,
        };
        // Whose names a mapping has.
        let mut owners: BTreeMap<usize, u32> = BTreeMap::new();
        let type_of = |object: &Object<'_>| object.decoded().map_or(u32::MAX, |decoded| decoded.shape().type_id);
        for id in members {
            let object = dump.object(*id);
            for edge in object.edges() {
                if let (LabelName::Text(name), Some(to)) = (&edge.name, place(&edge.target))
                    && name == "__dict__"
                {
                    owners.entry(to).or_insert_with(|| type_of(&object));
                }
            }
        }
        let mut add = |from: usize, to: usize, type_id: u32, name: String, link: Link| {
            let next = inside.names.len() as u32;
            let label = *labels.entry((type_id, name)).or_insert_with_key(|(_, name)| {
                let known = dump.types().get(type_id as usize);
                let type_name = known.map_or_else(|| "?".to_owned(), |known| known.name.clone());
                inside.names.push(Named { type_name, name: name.clone(), link, count: 0 });
                next
            });
            inside.names[label as usize].count += 1;
            inside.edges.push(Inner { from: from as u32, to: to as u32, label });
        };
        for (from, id) in members.iter().enumerate() {
            let object = dump.object(*id);
            let type_id = type_of(&object);
            for edge in object.edges() {
                let (link, Some(to)) = (Link::from(edge.kind), place(&edge.target)) else { continue };
                if !Links::STRONG.contains(link) {
                    continue;
                }
                let name = match &edge.name {
                    LabelName::Text(name) if edge.kind == EdgeKind::Local => format!("local {name}"),
                    LabelName::Text(name) => format!(".{name}"),
                    LabelName::Index(_) => "slot".to_owned(),
                };
                add(from, to, type_id, name, link);
            }
            if object.tail_kind() == TailKind::Entries {
                for (key, value) in object.entries(0, MOST_ELEMENTS) {
                    if let Some(to) = place(&key) {
                        add(from, to, type_id, "key".to_owned(), Link::Key);
                    }
                    let Some(to) = place(&value) else { continue };
                    let owner = owners.get(&from);
                    let text = object.follow(key).filter(|_| owner.is_some()).map(|key| key.value());
                    match (owner, text) {
                        (Some(owner), Some(PlainValue::Text(name))) => {
                            add(from, to, *owner, format!(".{}", String::from_utf8_lossy(&name)), Link::Attribute);
                        }
                        _ => add(from, to, type_id, "[…]".to_owned(), Link::Item),
                    }
                }
            } else {
                for element in object.elements(0, MOST_ELEMENTS) {
                    if let Some(to) = place(&element) {
                        add(from, to, type_id, "[…]".to_owned(), Link::Element);
                    }
                }
            }
        }
        inside
    }

    /// Whether no cycle is left without edges of these names: whether all members can be taken away one after the other, each
    /// when nothing leads to it (Kahn's).
    fn is_acyclic_without(&self, count: usize, labels: &[u32]) -> bool {
        let kept = || self.edges.iter().filter(|edge| !labels.contains(&edge.label));
        let mut starts = vec![0u32; count + 1];
        let mut held = vec![0u32; count];
        for edge in kept() {
            starts[edge.from as usize + 1] += 1;
            held[edge.to as usize] += 1;
        }
        (1..=count).for_each(|at| starts[at] += starts[at - 1]);
        let mut next = starts.clone();
        let mut ends = vec![0u32; starts[count] as usize];
        for edge in kept() {
            let at = &mut next[edge.from as usize];
            ends[*at as usize] = edge.to;
            *at += 1;
        }
        let mut free: Vec<u32> = (0..count as u32).filter(|node| held[*node as usize] == 0).collect();
        let mut taken = 0;
        while let Some(node) = free.pop() {
            taken += 1;
            for end in &ends[starts[node as usize] as usize..starts[node as usize + 1] as usize] {
                held[*end as usize] -= 1;
                if held[*end as usize] == 0 {
                    free.push(*end);
                }
            }
        }
        taken == count
    }

    /// Names that are enough together: in order until they are, without those that are not needed then.
    fn enough(&self, count: usize, order: &[usize]) -> Vec<u32> {
        let order: Vec<u32> = order.iter().map(|at| *at as u32).collect();
        let (mut too_few, mut enough) = (0, order.len());
        while enough - too_few > 1 {
            let middle = too_few + (enough - too_few) / 2;
            if self.is_acyclic_without(count, &order[..middle]) { enough = middle } else { too_few = middle }
        }
        let mut cut = order[..enough].to_vec();
        let tries = MOST_WORK / (self.edges.len() + count).max(1);
        // The last is needed.
        for at in (0..cut.len().saturating_sub(1)).rev().take(tries) {
            let fewer: Vec<u32> = cut.iter().enumerate().filter(|(one, _)| *one != at).map(|(_, label)| *label).collect();
            if self.is_acyclic_without(count, &fewer) {
                cut = fewer;
            }
        }
        cut
    }

    /// Edges by the member that they come from.
    fn rows(&self, count: usize) -> Vec<Vec<Inner>> {
        let mut rows = vec![Vec::new(); count];
        for edge in &self.edges {
            rows[edge.from as usize].push(*edge);
        }
        rows
    }

    /// A shortest cycle that begins with this edge.
    fn way_back(&self, rows: &[Vec<Inner>], first: &Inner) -> Option<Vec<Inner>> {
        if first.from == first.to {
            return Some(vec![*first]);
        }
        let mut by: HashMap<u32, Inner> = HashMap::new();
        let mut queue = VecDeque::from([first.to]);
        while let Some(node) = queue.pop_front() {
            for edge in &rows[node as usize] {
                if edge.to == first.from {
                    let mut way = vec![*edge];
                    while let Some(last) = way.last().filter(|last| last.from != first.to) {
                        way.push(*by.get(&last.from)?);
                    }
                    way.push(*first);
                    way.reverse();
                    return Some(way);
                }
                if edge.to != first.to && !by.contains_key(&edge.to) {
                    by.insert(edge.to, *edge);
                    queue.push_back(edge.to);
                }
            }
        }
        None
    }
}
