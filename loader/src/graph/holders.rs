//! Who holds an object: the objects and roots that lead to it, how their edges are called, and the way from a root.

use std::fmt;

use heapsake_core::format::records::Reference;
use heapsake_core::format::{LabelName, Target};
use heapsake_core::graph::{Link, Links};
use heapsake_core::heap::{RootKind, TypeKind};

use crate::dump::Dump;
use crate::object::{Object, ObjectId};
use crate::render::{Limits, render};

/// Elements of a container that are looked through for the name of an edge.
const MOST_ELEMENTS: u64 = 1 << 24;
/// Elements that are looked at in one go.
const BATCH: u64 = 1 << 16;

/// An object that leads to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The object.
    pub object: ObjectId,
    /// What its edges to the other stand for.
    pub links: Links,
}

/// One step of a way: an object, and how it is reached from the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// What the edge stands for.
    pub link: Link,
    /// How the edge is called; of the first hop, the root.
    pub name: String,
    /// The object that it leads to.
    pub object: ObjectId,
}

/// A root, as `heapsake inspect` takes it where it has a path for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootName(pub String);

impl fmt::Display for RootName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Dump {
    /// The objects that lead to `id`: first those that keep it alive, then its instances when it is a type, then those that
    /// only know it (weak, borrowed) or may know it (conservative, stale); by number among these. The whole graph is needed.
    pub fn referrers(&self, id: ObjectId) -> Vec<Holder> {
        let graph = self.graph();
        let Some(node) = graph.object(id.0) else { return Vec::new() };
        let mut holders: Vec<Holder> = Vec::new();
        for edge in graph.incoming(node).filter(|edge| edge.source() != graph.root()) {
            let source = ObjectId(edge.source().0);
            match holders.last_mut() {
                Some(last) if last.object == source => last.links = last.links.with(edge.link()),
                _ => holders.push(Holder { object: source, links: Links::NONE.with(edge.link()) }),
            }
        }
        let rank = |holder: &Holder| {
            if holder.links.meets(Links::STRONG.without(Link::Type)) {
                0
            } else if holder.links.contains(Link::Type) {
                1
            } else {
                2
            }
        };
        holders.sort_by_key(rank);
        holders
    }

    /// The roots that are this object, at most `count`: variables of frames, frames, threads, modules and so on.
    pub fn root_names(&self, id: ObjectId, count: usize) -> Vec<RootName> {
        let mut names = Vec::new();
        self.name_roots(id, &mut |name| {
            names.push(RootName(name));
            names.len() < count
        });
        names
    }

    /// Tells the roots that are this object, until `tell` has enough of them.
    fn name_roots(&self, id: ObjectId, tell: &mut dyn FnMut(String) -> bool) -> bool {
        let is = |reference: Reference| reference.id == Some(id.0);
        if self.header().exception.is_some_and(is) && !tell("exception".to_owned()) {
            return false;
        }
        for (position, thread) in self.threads().iter().enumerate() {
            let called = thread.name.clone().unwrap_or_else(|| position.to_string());
            let thread_name = format!("thread:{called}");
            for (number, frame) in thread.frames.iter().enumerate() {
                let frame_name = format!("{thread_name}/frame:{number}");
                let variables = frame.variables.iter().filter(|variable| is(variable.object));
                for variable in variables {
                    if !tell(format!("{frame_name}/{}", variable.name)) {
                        return false;
                    }
                }
                let parts = [
                    (frame.object, String::new()),
                    (frame.locals, " (its names)".to_owned()),
                    (frame.globals, " (its global names)".to_owned()),
                    (frame.code, " (its code)".to_owned()),
                ];
                for (reference, part) in parts {
                    if is(reference) && !tell(format!("{frame_name}{part}")) {
                        return false;
                    }
                }
            }
            if thread.exception.is_some_and(is) && !tell(format!("{thread_name} (its exception)")) {
                return false;
            }
            if is(thread.object) && !tell(thread_name) {
                return false;
            }
        }
        for root in self.roots().iter().filter(|root| root.kind != RootKind::Garbage && is(root.object)) {
            let name = match root.kind {
                RootKind::Module => format!("module:{}", root.name),
                kind => format!("{} {}", format!("{kind:?}").to_lowercase(), root.name),
            };
            if !tell(name) {
                return false;
            }
        }
        true
    }

    /// The shortest way from a root to an object: first along edges that keep alive, else along any, else none. The first
    /// hop leads to the object of a root, and is called as the root is.
    pub fn path_from_root(&self, id: ObjectId) -> Option<Vec<Hop>> {
        Some(self.hops_from_root(id)?.collect())
    }

    /// The same, whose hops are named when they are asked for: a way may be as long as the longest list.
    pub fn hops_from_root(&self, id: ObjectId) -> Option<impl ExactSizeIterator<Item = Hop>> {
        let graph = self.graph();
        let node = graph.object(id.0)?;
        let edges = graph.path_from_root(node, Links::STRONG).or_else(|| graph.path_from_root(node, Links::ALL))?;
        Some(edges.into_iter().map(move |edge| {
            let object = ObjectId(edge.target().0);
            let name = if edge.source() == graph.root() {
                self.root_names(object, 1).pop().map_or_else(|| "a root".to_owned(), |name| name.0)
            } else {
                self.object(ObjectId(edge.source().0)).edge_name(edge.link(), object)
            };
            Hop { link: edge.link(), name, object }
        }))
    }
}

impl Object<'_> {
    /// How the first edge of such a kind to `target` is called, as one would write it: `.name`, `[3]`, `['key']`, and in
    /// words what no expression reaches.
    pub fn edge_name(&self, link: Link, target: ObjectId) -> String {
        let leads = |found: &Target| *found == Target::Object(target.0);
        match link {
            Link::Root => "a root".to_owned(),
            Link::Type => "its type".to_owned(),
            Link::Element => match self.position(|from, count| self.elements(from, count), leads) {
                Some(at) if matches!(self.kind(), TypeKind::Set | TypeKind::Frozenset) => format!("element {at}"),
                Some(at) => format!("[{at}]"),
                None => "an element".to_owned(),
            },
            Link::Item => match self.position(|from, count| self.entries(from, count), |(_, value)| leads(value)) {
                Some(at) => {
                    let key = self.entries(at, 1).first().and_then(|(key, _)| self.follow(*key));
                    let limits = Limits { characters: 60, elements: 3, depth: 2, text: 40 };
                    format!("[{}]", key.map_or_else(|| "?".to_owned(), |key| render(&key, limits)))
                }
                None => "an entry".to_owned(),
            },
            Link::Key => match self.position(|from, count| self.entries(from, count), |(key, _)| leads(key)) {
                Some(at) => format!("key {at}"),
                None => "a key".to_owned(),
            },
            _ => {
                let Some(decoded) = self.decoded() else { return String::new() };
                let mut edges = decoded.edges();
                match edges.find(|(kind, _, found)| Link::from(*kind) == link && leads(found)) {
                    Some((_, LabelName::Text(name), _)) if link == Link::Local => format!("local {name}"),
                    Some((_, LabelName::Text(name), _)) => format!(".{name}"),
                    Some((_, LabelName::Index(index), _)) if link == Link::Conservative => format!("byte {index}"),
                    Some((_, LabelName::Index(index), _)) => format!("slot {index}"),
                    None => String::new(),
                }
            }
        }
    }

    /// The position of the first of what `read` gives, a batch at a time, that is wanted.
    fn position<T>(&self, read: impl Fn(u64, u64) -> Vec<T>, wanted: impl Fn(&T) -> bool) -> Option<u64> {
        let most = self.len().min(MOST_ELEMENTS);
        let mut from = 0;
        while from < most {
            let batch = read(from, BATCH);
            if let Some(at) = batch.iter().position(&wanted) {
                return Some(from + at as u64);
            }
            if batch.is_empty() {
                return None;
            }
            from += BATCH;
        }
        None
    }
}
