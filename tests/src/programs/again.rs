//! A dump of rebuilt graphs, held against what the first program said: both are walked together, along what was said.
//!
//! Near-isomorphic but for what rebuilding is permitted: numbers, texts and bytes may be shared or not, attributes lie where
//! the rebuilt class keeps them, classes, code and modules are others of the same name, what runs or iterates is another, and
//! an immutable container that is still looked up in the first dump is empty.

use std::collections::{HashMap, VecDeque};

use heapsake_core::Address;
use heapsake_core::format::Target;
use heapsake_loader::{AttributeValue, Dump, Object, ObjectId};
use serde_json::Value;

use super::description::{Description, address, addresses, shown, text};

/// Types whose identity is the interpreter's matter.
const ATOMS: [&str; 9] = ["int", "float", "complex", "str", "bytes", "bool", "NoneType", "ellipsis", "NotImplementedType"];
/// Types of which a rebuilt object has contents of its own.
const OTHERS: [&str; 12] = [
    "type",
    "module",
    "code",
    "frame",
    "traceback",
    "generator",
    "coroutine",
    "async_generator",
    "mappingproxy",
    "super",
    "_weakrefset.WeakSet",
    "weakref.WeakValueDictionary",
];
/// Types with the attributes that rebuilding gives the same objects.
const WITH_ATTRIBUTES: [&str; 6] = ["function", "method", "cell", "slice", "functools.partial", "types.SimpleNamespace"];
/// Attributes that lead to what is another, or out of the graph.
const LEFT_OUT: [&str; 10] = [
    "__dict__",
    "__globals__",
    "__code__",
    "__module__",
    "__doc__",
    "__traceback__",
    "__name__",
    "__qualname__",
    "__context__",
    "keywords",
];
/// Differences that are told.
const TOLD: usize = 20;

/// The differences of a dump of rebuilt graphs from what was said, and how many objects were compared.
pub fn rebuilt_differences(said: &Description, dump: &Dump, root: Address) -> (Vec<String>, usize) {
    let rows = said.rows.iter().map(|row| (address(&row["id"]), row)).collect();
    let mut walk =
        Walk { dump, rows, forward: HashMap::new(), backward: HashMap::new(), pending: VecDeque::new(), found: Vec::new() };
    match dump.object_at(root) {
        Some(root) => walk.pair(said.root, Target::Object(root.id().0), "GRAPHS"),
        None => walk.found.push("the rebuilt graphs are not in the dump".to_owned()),
    }
    while let Some((row, id)) = walk.pending.pop_front() {
        walk.visit(row, &dump.object(id));
        if walk.found.len() >= TOLD {
            break;
        }
    }
    (walk.found, walk.forward.len())
}

struct Walk<'d> {
    dump: &'d Dump,
    rows: HashMap<Address, &'d Value>,
    forward: HashMap<Address, ObjectId>,
    backward: HashMap<ObjectId, Address>,
    pending: VecDeque<(&'d Value, ObjectId)>,
    found: Vec<String>,
}

impl<'d> Walk<'d> {
    /// Notes that an object is the one that was said to be at an address.
    fn pair(&mut self, place: Address, target: Target, from: &str) {
        let Some(row) = self.rows.get(&place).copied() else { return };
        let kind = text(&row["type"]);
        let Target::Object(id) = target else {
            self.found.push(format!("a {kind} of {from} is missing"));
            return;
        };
        let (id, object) = (ObjectId(id), self.dump.object(ObjectId(id)));
        if ATOMS.contains(&kind) {
            let value = shown(&object.value());
            if row["value"].as_str().is_some_and(|said| said != value) {
                self.found.push(format!("a {kind} of {from} is {value} in the dump of what was rebuilt, not {}", row["value"]));
            }
            return;
        }
        if OTHERS.contains(&kind) || row["iterates"] == true || matches!(kind, "tuple" | "frozenset") && object.is_empty() {
            return;
        }
        match (self.forward.get(&place), self.backward.get(&id)) {
            (None, None) => {
                self.forward.insert(place, id);
                self.backward.insert(id, place);
                self.pending.push_back((row, id));
            }
            (Some(known), Some(_)) if *known == id => {}
            _ => self.found.push(format!("a {kind} of {from}: what was shared is not, or the other way round")),
        }
    }

    fn visit(&mut self, row: &'d Value, object: &Object<'d>) {
        let kind = text(&row["type"]);
        if let Some((reason, detail)) = object.surrogate() {
            self.found.push(format!("a rebuilt {kind} is a surrogate in its dump: {reason:?} {detail}"));
            return;
        }
        if row["value"].as_str().is_some_and(|said| said != shown(&object.value())) {
            self.found.push(format!("a {kind} is {}, not {}", shown(&object.value()), row["value"]));
        }
        // Names that could not be printed are escaped, and so are no names to compare here.
        let is_plain = kind.chars().all(|point| point.is_ascii_graphic());
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        if is_plain && last(object.type_name()) != last(kind) && !kind.starts_with("dict_") {
            self.found.push(format!("a {kind} is rebuilt as a {}", object.type_name()));
        }
        let is_lazy = object.attribute("_heapsake_source").is_some_and(|source| {
            let AttributeValue::Target(target) = source else { return false };
            object.follow(target).is_some_and(|held| held.type_name() != "NoneType")
        });
        if !is_lazy {
            self.items(kind, row, object);
        }
        let is_of_program = kind.starts_with("__main__.") || kind.starts_with("making.");
        if is_of_program && row["closed"] == true || WITH_ATTRIBUTES.contains(&kind) {
            for (name, said) in row["attributes"].as_object().into_iter().flatten() {
                let is_none = self.rows.get(&address(said)).is_some_and(|row| row["type"] == "NoneType");
                if LEFT_OUT.contains(&name.as_str()) || is_none {
                    continue;
                }
                match object.attribute(name) {
                    Some(AttributeValue::Target(target)) => self.pair(address(said), target, &format!("a {kind}, {name}")),
                    // What was in slots beside a dictionary lies in the rebuilder; the interpreter was asked for it.
                    None => {}
                    // The fields of a named tuple are its elements.
                    _ if !object.elements(0, 1).is_empty() => {}
                    other => self.found.push(format!("a {kind} has {other:?} for {name}")),
                }
            }
        }
    }

    fn items(&mut self, kind: &str, row: &Value, object: &Object<'d>) {
        let elements = object.elements(0, u64::MAX / 4);
        let said = addresses(&row["elements"]);
        if row["elements"].is_array() && said.len() != elements.len() {
            self.found.push(format!("a {kind} has {} elements, not {}", elements.len(), said.len()));
        } else if row["unordered"] != true {
            for (said, target) in said.into_iter().zip(elements) {
                self.pair(said, target, &format!("a {kind}"));
            }
        }
        let Some(said) = row["entries"].as_array() else { return };
        let entries = object.entries(0, u64::MAX / 4);
        if said.len() != entries.len() {
            self.found.push(format!("a {kind} has {} entries, not {}", entries.len(), said.len()));
            return;
        }
        for (pair, (_, value)) in said.iter().zip(entries) {
            // A key that equals another one here is kept beside it.
            self.pair(address(&pair[1]), value, &format!("a {kind}"));
        }
    }
}
