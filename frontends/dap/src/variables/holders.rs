//! Who holds an object: the roots that are it, and the objects with edges to it, each of which is held in turn.
//!
//! The first question makes the graph of the whole dump, so a node of this kind says what it is when it is asked.

use std::collections::HashSet;

use heapsake_core::format::Target;
use heapsake_core::heap::TypeKind;
use heapsake_loader::{Holder, Limits, Links, ObjectId, render};

use super::present::{Child, Content, Way};
use crate::references::Node;
use crate::session::Session;
use crate::shown::count;
use crate::stacks::FrameKey;

/// Roots that are named.
const ROOTS: usize = 100;

impl Session {
    /// A node for each variable of a frame that is worth the question: numbers and None are held by many.
    pub(crate) fn held(&self, key: FrameKey) -> Vec<Child> {
        let variables = self.locals(key).into_iter().chain(self.closure(key));
        let mut seen = HashSet::new();
        let child = |child: Child| match child.content {
            Content::Target(Target::Object(id)) if seen.insert(id) && !child.internal => {
                let kind = self.dump.object(ObjectId(id)).kind();
                let is_small = matches!(kind, TypeKind::None | TypeKind::Bool | TypeKind::Int);
                (!is_small).then(|| Child::new(child.name, Content::Lazy(Node::Holders(ObjectId(id))), Way::None))
            }
            _ => None,
        };
        variables.filter_map(child).collect()
    }

    /// How many hold an object.
    pub(super) fn holders(&self, id: ObjectId) -> Child {
        let objects = self.dump.referrers(id).len() as u64;
        let roots = self.dump.root_names(id, ROOTS).len() as u64;
        let number = |count: u64, shown: String, one: &str| match count {
            1 => Some(format!("{shown} {one}")),
            0 => None,
            _ => Some(format!("{shown} {one}s")),
        };
        let roots_shown = if roots as usize == ROOTS { format!("{ROOTS} or more") } else { count(roots) };
        let parts = [number(objects, count(objects), "object"), number(roots, roots_shown, "root")];
        let words = parts.into_iter().flatten().collect::<Vec<_>>().join(" and ");
        if words.is_empty() {
            return Child::new("held by", Content::Words("nobody".to_owned(), String::new()), Way::None);
        }
        Child::new("held by", Content::Node(words, String::new(), Node::HolderList(id)), Way::None)
    }

    /// The roots that an object is.
    pub(super) fn root_names(&self, id: ObjectId) -> Vec<Child> {
        let names = self.dump.root_names(id, ROOTS).into_iter();
        names.map(|name| Child::new("root", Content::Words(name.0, String::new()), Way::None)).collect()
    }

    pub(super) fn holder_count(&self, id: ObjectId) -> u64 {
        self.dump.referrers(id).len() as u64
    }

    /// Holders from a position on: those that keep it alive first.
    pub(super) fn holder_list(&self, id: ObjectId, from: u64, number: u64) -> Vec<Child> {
        let holders = self.dump.referrers(id).into_iter().skip(from as usize).take(number as usize);
        let child = |holder: Holder| {
            let by = self.dump.object(holder.object);
            let names = holder.links.iter().map(|link| (link.word(), by.edge_name(link, id)));
            let names: Vec<String> = names.map(|(word, name)| if name.is_empty() { word.to_owned() } else { name }).collect();
            let weak = if holder.links.meets(Links::STRONG) { "" } else { " (does not keep it alive)" };
            let value = format!("{}{weak}", render(&by, Limits { characters: 160, depth: 2, ..Limits::default() }));
            let kind = by.type_name().to_owned();
            Child::new(format!("{} of", names.join(", ")), Content::Node(value, kind, Node::Holder(holder.object)), Way::None)
        };
        holders.map(child).collect()
    }

    /// One that holds: itself, and who holds it.
    pub(super) fn holder(&self, id: ObjectId) -> Vec<Child> {
        vec![
            Child::new("object", Content::Target(Target::Object(id.0)), Way::None),
            Child::new("held by", Content::Lazy(Node::Holders(id)), Way::None),
        ]
    }
}
