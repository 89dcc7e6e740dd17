//! What an object's attributes are, from its edges, its `__dict__` and its facts. No property of the program runs.

use heapsake_core::format::records::REFERENCE_TAG;
use heapsake_core::format::{LabelName, Target};
use heapsake_core::heap::{EdgeKind, TypeKind};

use crate::object::{Object, ObjectId, PlainValue};

/// Name of the edge to an object's own mapping of attributes.
const NAMESPACE: &str = "__dict__";
/// Entries of a `__dict__` that are looked at.
const MOST_ENTRIES: u64 = 1 << 20;
/// Classes of a method resolution order.
const MOST_BASES: u64 = 1000;

/// An attribute.
#[derive(Clone, PartialEq, Debug)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// What it is.
    pub value: AttributeValue,
}

/// What an attribute is.
#[derive(Clone, PartialEq, Debug)]
pub enum AttributeValue {
    /// An object, nothing, or an address that has no object.
    Target(Target),
    /// A fact that is no object.
    Plain(ciborium::Value),
    /// The variables of this frame: `f_locals` of a function's frame, which has no mapping of its own.
    Locals(ObjectId),
}

/// The order in which edges of one name are preferred.
fn rank(kind: EdgeKind) -> Option<u8> {
    match kind {
        EdgeKind::Attribute => Some(0),
        EdgeKind::Weak => Some(1),
        EdgeKind::Borrowed => Some(2),
        EdgeKind::Internal => Some(3),
        EdgeKind::Local | EdgeKind::Conservative | EdgeKind::Stale => None,
    }
}

impl<'d> Object<'d> {
    /// All attributes: edges that have names, the entries of its `__dict__`, facts. Earlier ones win.
    pub fn attributes(&self) -> Vec<Attribute> {
        let mut found: Vec<Attribute> = Vec::new();
        let mut names = std::collections::HashSet::new();
        let mut add = |name: String, value: AttributeValue| {
            if names.insert(name.clone()) {
                found.push(Attribute { name, value });
            }
        };
        let mut edges: Vec<_> = self.edges().into_iter().filter_map(|edge| Some((rank(edge.kind)?, edge))).collect();
        edges.sort_by_key(|(rank, _)| *rank);
        for (_, edge) in edges {
            if let LabelName::Text(name) = edge.name
                && !self.is_snapshot(edge.kind, &name)
            {
                add(name, AttributeValue::Target(edge.target));
            }
        }
        let state = self.state().into_iter().map(|(name, value)| (name, AttributeValue::Plain(value)));
        let names = self.namespace_entries().into_iter().map(|(name, target)| (name, AttributeValue::Target(target)));
        // What is true of a class goes before its entries, which are about its instances.
        let (first, then): (Vec<_>, Vec<_>) =
            if self.kind() == TypeKind::Type { (state.collect(), names.collect()) } else { (names.collect(), state.collect()) };
        for (name, value) in first.into_iter().chain(then) {
            add(name, value);
        }
        if self.has_synthetic_locals() {
            add("f_locals".to_owned(), AttributeValue::Locals(self.id()));
        }
        for (name, position) in self.field_names() {
            if let Some(target) = self.elements(position, 1).first() {
                add(name, AttributeValue::Target(*target));
            }
        }
        for (name, value) in self.reduced() {
            add(name, value);
        }
        found
    }

    /// What a reducer that ran after the capture says, by name: its edges, and the names of its state.
    pub fn reduced(&self) -> Vec<(String, AttributeValue)> {
        let Some(reduction) = self.reduction() else { return Vec::new() };
        let edges = reduction.edges.iter().map(|(label, id)| (label.clone(), AttributeValue::Target(Target::Object(*id))));
        let mut named: Vec<_> = edges.collect();
        match &reduction.state {
            Some(ciborium::Value::Map(entries)) => {
                named.extend(entries.iter().filter_map(|(name, value)| Some((name.as_text()?.to_owned(), of_state(value)))));
            }
            Some(ciborium::Value::Null) | None => {}
            Some(other) => named.push(("state".to_owned(), of_state(other))),
        }
        named
    }

    /// One attribute, as [`Object::attributes`] would give it, without making the others.
    pub fn attribute(&self, wanted: &str) -> Option<AttributeValue> {
        let mut best: Option<(u8, Target)> = None;
        if let Some(object) = self.decoded() {
            for (kind, name, target) in object.edges() {
                if let (Some(rank), LabelName::Text(name)) = (rank(kind), name)
                    && name == wanted
                    && !self.is_snapshot(kind, name)
                    && best.is_none_or(|(known, _)| rank < known)
                {
                    best = Some((rank, target));
                }
            }
        }
        if let Some((_, target)) = best {
            return Some(AttributeValue::Target(target));
        }
        let fact = || Some(AttributeValue::Plain(self.state().into_iter().find(|(name, _)| name == wanted)?.1));
        let entry = || self.namespace().and_then(|namespace| namespace.entry(wanted)).map(AttributeValue::Target);
        let found = if self.kind() == TypeKind::Type { fact().or_else(entry) } else { entry().or_else(fact) };
        if found.is_some() {
            return found;
        }
        if wanted == "f_locals" && self.has_synthetic_locals() {
            return Some(AttributeValue::Locals(self.id()));
        }
        let field = self.field_names().into_iter().find(|(name, _)| name == wanted);
        let target = field.and_then(|(_, position)| self.elements(position, 1).first().copied());
        if let Some(target) = target {
            return Some(AttributeValue::Target(target));
        }
        self.reduced().into_iter().find(|(name, _)| name == wanted).map(|(_, value)| value)
    }

    /// The object of an attribute.
    pub fn attribute_object(&self, name: &str) -> Option<Object<'d>> {
        match self.attribute(name)? {
            AttributeValue::Target(target) => self.follow(target),
            AttributeValue::Plain(_) | AttributeValue::Locals(_) => None,
        }
    }

    /// The mapping of its own attributes, when that is an object.
    pub fn namespace(&self) -> Option<Object<'d>> {
        let object = self.decoded()?;
        let target = object.edges().find_map(|(_, name, target)| match name {
            LabelName::Text(text) if text == NAMESPACE => Some(target),
            _ => None,
        })?;
        self.follow(target).filter(|namespace| namespace.id() != self.id())
    }

    fn namespace_entries(&self) -> Vec<(String, Target)> {
        self.namespace().map_or_else(Vec::new, |namespace| namespace.named_entries())
    }

    /// The entries of a mapping that have text keys, in order; at most a million are looked at.
    pub fn named_entries(&self) -> Vec<(String, Target)> {
        let entries = self.entries(0, MOST_ENTRIES).into_iter();
        entries.filter_map(|(key, value)| Some((self.follow(key)?.text()?, value))).collect()
    }

    /// The value under a text key of a mapping.
    pub fn entry(&self, wanted: &str) -> Option<Target> {
        let entries = self.entries(0, MOST_ENTRIES);
        let is_wanted =
            |key: &Target| self.follow(*key).and_then(|key| key.with_text(|text| text == wanted.as_bytes())).unwrap_or(false);
        entries.into_iter().find(|(key, _)| is_wanted(key)).map(|(_, value)| value)
    }

    /// The value under an integer key of a mapping.
    pub fn entry_of_number(&self, wanted: i64) -> Option<Target> {
        let entries = self.entries(0, MOST_ENTRIES);
        let is_wanted = |key: &Target| self.follow(*key).is_some_and(|key| key.value() == PlainValue::Int(wanted));
        entries.into_iter().find(|(key, _)| is_wanted(key)).map(|(_, value)| value)
    }

    fn has_synthetic_locals(&self) -> bool {
        let edges = self.edges();
        let mut mappings = edges.iter().filter(|edge| is_named(&edge.name, "f_locals"));
        self.kind() == TypeKind::Frame && mappings.all(|edge| self.is_snapshot(edge.kind, "f_locals"))
    }

    /// Whether an edge leads to the copy of a function's variables that `locals()` made once, which is as old as that.
    fn is_snapshot(&self, kind: EdgeKind, name: &str) -> bool {
        kind == EdgeKind::Internal && name == "f_locals" && self.kind() == TypeKind::Frame
    }

    /// The variables of a frame, bound or not: its local edges, or the entries of its `f_locals`.
    pub fn locals(&self) -> Vec<(String, Target)> {
        let mut locals: Vec<(String, Target)> = Vec::new();
        let mut mapping = None;
        for edge in self.edges() {
            match (edge.kind, edge.name) {
                (EdgeKind::Local, LabelName::Text(name)) => locals.push((name, edge.target)),
                (_, LabelName::Text(name)) if name == "f_locals" => mapping = self.follow(edge.target),
                _ => {}
            }
        }
        if let Some(mapping) = mapping {
            for (name, value) in mapping.named_entries() {
                if !locals.iter().any(|(known, _)| *known == name) {
                    locals.push((name, value));
                }
            }
        }
        locals
    }

    /// The variables of a frame that are bound: what `f_locals` has.
    pub fn bound_locals(&self) -> Vec<(String, Target)> {
        self.locals().into_iter().filter(|(_, target)| *target != Target::Nothing).collect()
    }

    /// Names and positions of the fields of a named tuple, from its class.
    fn field_names(&self) -> Vec<(String, u64)> {
        if self.kind() != TypeKind::Tuple {
            return Vec::new();
        }
        let Some(class) = self.class() else { return Vec::new() };
        if class.type_name() == "type" && self.type_name() == "tuple" {
            return Vec::new();
        }
        let Some(fields) = class.inherited("_fields") else { return Vec::new() };
        let names = fields.elements(0, MOST_BASES).into_iter().zip(0..);
        names.filter_map(|(name, position)| Some((self.follow(name)?.text()?, position))).collect()
    }

    /// Its class as an object.
    pub fn class(&self) -> Option<Object<'d>> {
        let id = self.type_description()?.object?;
        Some(self.dump().object(ObjectId(id)))
    }

    /// An attribute of a class, looked up along its method resolution order.
    pub fn inherited(&self, name: &str) -> Option<Object<'d>> {
        let own = self.namespace().and_then(|namespace| namespace.entry(name));
        if let Some(target) = own {
            return self.follow(target);
        }
        let order = self.attribute_object("__mro__")?;
        order.elements(0, MOST_BASES).into_iter().find_map(|base| {
            let base = self.follow(base)?;
            let target = base.namespace()?.entry(name)?;
            self.follow(target)
        })
    }
}

/// A value of a reduction; one that is a reference leads to its object.
fn of_state(value: &ciborium::Value) -> AttributeValue {
    match referenced(value) {
        Some(id) => AttributeValue::Target(Target::Object(id.0)),
        None => AttributeValue::Plain(value.clone()),
    }
}

/// The object that a value of a reduction refers to.
pub fn referenced(value: &ciborium::Value) -> Option<ObjectId> {
    match value {
        ciborium::Value::Tag(REFERENCE_TAG, inner) => {
            let number = inner.as_integer().and_then(|number| u32::try_from(number).ok())?;
            Some(ObjectId(number))
        }
        _ => None,
    }
}

fn is_named(name: &LabelName, wanted: &str) -> bool {
    matches!(name, LabelName::Text(text) if text == wanted)
}
