//! What a program said of its objects, and the differences of a dump from it.
//!
//! Every object that was described must be in the dump, by its address: of that type, no surrogate, with that value, those
//! elements and entries in their order, and those attributes, variables and names; where a description is closed there are
//! no attributes besides.

use std::path::Path;

use heapsake_core::Address;
use heapsake_core::format::{LabelName, Target};
use heapsake_core::heap::EdgeKind;
use heapsake_loader::{AttributeValue, Dump, Object, ObjectId, PlainValue};
use serde_json::Value;

/// Differences of one dump that are told.
const TOLD: usize = 20;

/// A program's description of its objects.
#[derive(Clone, Debug)]
pub struct Description {
    /// The list of all graphs.
    pub root: Address,
    /// One for each object.
    pub rows: Vec<Value>,
    threads: Vec<Value>,
}

impl Description {
    /// Reads what a program wrote.
    pub fn read(path: &Path) -> Description {
        let text = std::fs::read(path).expect("a description");
        let mut said: Value = serde_json::from_slice(&text).expect("JSON");
        let mut list = |name: &str| said[name].as_array_mut().map(std::mem::take).expect("a list");
        let (rows, threads) = (list("rows"), list("threads"));
        Description { root: address(&said["root"]), rows, threads }
    }
}

pub(super) fn address(value: &Value) -> Address {
    Address(value.as_u64().unwrap_or_default())
}

pub(super) fn addresses(value: &Value) -> Vec<Address> {
    value.as_array().map_or_else(Vec::new, |items| items.iter().map(address).collect())
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The differences of a dump from what its program said, each in words; at most the first of them.
pub fn differences(said: &Description, dump: &Dump) -> Vec<String> {
    let mut holding = Holding { dump, found: Vec::new() };
    if !dump.faults().is_empty() {
        holding.found.push(format!("faults: {:?}", dump.faults()));
    }
    for thread in &said.threads {
        holding.thread(thread);
    }
    for row in &said.rows {
        holding.row(row);
        if holding.found.len() >= TOLD {
            break;
        }
    }
    holding.found
}

struct Holding<'d> {
    dump: &'d Dump,
    found: Vec<String>,
}

impl<'d> Holding<'d> {
    fn check<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: &T, said: &T) {
        if found != said {
            let shown = |value: &T| format!("{value:?}").chars().take(400).collect::<String>();
            self.found.push(format!("{what}: the dump has {}, the program said {}", shown(found), shown(said)));
        }
    }

    fn address(&self, target: Target) -> Address {
        match target {
            Target::Nothing => Address::NULL,
            Target::Stray(address) => address,
            Target::Object(id) => self.dump.object(ObjectId(id)).address(),
        }
    }

    /// Whether an attribute is the object at this address; what is `None` may be told as no object at all.
    fn leads(&self, found: Option<AttributeValue>, wanted: Address) -> bool {
        match found {
            Some(AttributeValue::Target(target)) if self.address(target) == wanted => true,
            Some(AttributeValue::Target(Target::Nothing) | AttributeValue::Plain(ciborium::Value::Null)) | None => {
                self.dump.object_at(wanted).is_some_and(|object| object.type_name() == "NoneType")
            }
            _ => false,
        }
    }

    fn row(&mut self, row: &Value) {
        let place = address(&row["id"]);
        let name = format!("the {} at {place}", text(&row["type"]));
        let Some(object) = self.dump.object_at(place) else {
            self.found.push(format!("{name} is not in the dump"));
            return;
        };
        if let Some((reason, detail)) = object.surrogate() {
            self.found.push(format!("{name} is a surrogate: {reason:?} {detail}"));
            return;
        }
        self.check(&name, &object.type_name(), &text(&row["type"]));
        if let Some(said) = row["value"].as_str() {
            self.check(&name, &shown(&object.value()), &said.to_owned());
        }
        let elements: Vec<Address> = object.elements(0, u64::MAX / 4).into_iter().map(|target| self.address(target)).collect();
        let flat = object.entries(0, u64::MAX / 4).into_iter().flat_map(|(key, value)| [key, value]);
        let entries: Vec<Address> = flat.map(|target| self.address(target)).collect();
        if row["elements"].is_array() {
            self.check(&format!("{name}, elements"), &elements, &addresses(&row["elements"]));
        }
        if let Some(said) = row["entries"].as_array() {
            self.check(&format!("{name}, entries"), &entries, &said.iter().flat_map(addresses).collect());
        }
        self.attributes(&name, &object, row);
        self.facts(&name, &object, row);
        if let Some(said) = row["namespace"].as_array() {
            let found = object.namespace().map_or_else(Vec::new, |namespace| namespace.named_entries());
            let found: Vec<_> = found.into_iter().map(|(name, target)| (name, self.address(target))).collect();
            let found: Vec<_> =
                found.into_iter().filter(|(name, _)| name != "__abstractmethods__" && name != "_abc_impl").collect();
            let said = said.iter().map(|pair| (text(&pair[0]).to_owned(), address(&pair[1]))).collect();
            self.check(&format!("{name}, names"), &found, &said);
        }
        if let Some(prefix) = row["frame"].as_str() {
            self.suspended(&name, &object, row, prefix);
        } else if row["locals"].is_object() {
            self.locals(&name, &object, &row["locals"]);
        }
    }

    fn attributes(&mut self, name: &str, object: &Object<'d>, row: &Value) {
        let none = serde_json::Map::new();
        let said = row["attributes"].as_object().unwrap_or(&none);
        for (label, target) in said {
            let found = object.attribute(label);
            if !self.leads(found.clone(), address(target)) {
                self.found.push(format!("{name}, {label}: the dump has {found:?}, the program said {}", address(target)));
            }
        }
        for held in addresses(&row["holds"]) {
            if !object.edges().iter().any(|edge| self.address(edge.target) == held) {
                self.found.push(format!("{name} does not lead to {held}"));
            }
        }
        if row["closed"] == true {
            let edges = object.edges().into_iter().filter(|edge| edge.kind == EdgeKind::Attribute);
            let of_edges = edges.filter_map(|edge| match edge.name {
                LabelName::Text(name) => Some(name),
                LabelName::Index(_) => None,
            });
            let of_dictionary = object.namespace().map_or_else(Vec::new, |namespace| namespace.named_entries());
            let mut found: Vec<String> = of_edges.chain(of_dictionary.into_iter().map(|(name, _)| name)).collect();
            let mut names: Vec<String> = said.keys().filter(|name| *name != "__dict__").cloned().collect();
            found.sort();
            found.dedup();
            names.sort();
            self.check(&format!("{name}, names of attributes"), &found, &names);
        }
    }

    fn facts(&mut self, name: &str, object: &Object<'d>, row: &Value) {
        let none = serde_json::Map::new();
        for (label, said) in row["facts"].as_object().unwrap_or(&none) {
            let found = match object.attribute(label) {
                Some(AttributeValue::Plain(ciborium::Value::Null)) | None => Value::Null,
                Some(AttributeValue::Plain(ciborium::Value::Bool(held))) => held.into(),
                Some(AttributeValue::Plain(ciborium::Value::Text(held))) => held.into(),
                Some(AttributeValue::Plain(ciborium::Value::Integer(held))) => {
                    i64::try_from(held).map_or(Value::Null, Value::from)
                }
                Some(AttributeValue::Target(target)) => self.fact_of(target),
                Some(other) => format!("{other:?}").into(),
            };
            // An integer of any length is compared where it fits.
            if !said.is_number() || said.is_i64() {
                self.check(&format!("{name}, {label}"), &found, said);
            }
        }
    }

    fn fact_of(&self, target: Target) -> Value {
        let Target::Object(id) = target else { return Value::Null };
        let object = self.dump.object(ObjectId(id));
        match object.value() {
            PlainValue::Int(number) if object.type_name() == "bool" => (number != 0).into(),
            PlainValue::Int(number) => number.into(),
            PlainValue::Text(text) => String::from_utf8_lossy(&text).into_owned().into(),
            other => format!("{other:?}").into(),
        }
    }

    fn locals(&mut self, name: &str, frame: &Object<'d>, said: &Value) {
        let none = serde_json::Map::new();
        let said = said.as_object().unwrap_or(&none);
        let mut found: Vec<(String, Address)> = Vec::new();
        for (label, target) in frame.locals() {
            // Of a variable that inner functions share the frame has the cell, and its content is the variable.
            let cell = frame.follow(target).filter(|object| object.type_name() == "cell");
            let is_itself = said.get(&label).is_some_and(|said| address(said) == self.address(target));
            let held = match cell.map(|cell| cell.attribute("cell_contents")) {
                Some(Some(AttributeValue::Target(held))) if !is_itself => held,
                Some(_) if !is_itself => continue,
                _ => target,
            };
            if held != Target::Nothing {
                found.push((label, self.address(held)));
            }
        }
        let mut said: Vec<(String, Address)> = said.iter().map(|(label, target)| (label.clone(), address(target))).collect();
        found.sort();
        said.sort();
        self.check(&format!("{name}, variables"), &found, &said);
    }

    fn suspended(&mut self, name: &str, object: &Object<'d>, row: &Value, prefix: &str) {
        let frame = object.attribute_object(prefix);
        if row["ended"] == true {
            let is_there = frame.is_some_and(|frame| frame.type_name() == "frame");
            self.check(&format!("{name}, whether it has a frame"), &is_there, &false);
            return;
        }
        let Some(frame) = frame else {
            self.found.push(format!("{name} has no frame"));
            return;
        };
        self.locals(name, &frame, &row["locals"]);
        let said: serde_json::Map<String, Value> = [("f_lineno".to_owned(), row["line"].clone())].into_iter().collect();
        self.facts(&format!("the frame of {name}"), &frame, &serde_json::json!({ "facts": said }));
    }

    fn thread(&mut self, said: &Value) {
        let ident = said["ident"].as_u64().unwrap_or_default();
        let name = format!("thread {ident}");
        let Some(thread) = self.dump.threads().iter().find(|thread| thread.ident == ident) else {
            self.found.push(format!("{name} is not in the dump"));
            return;
        };
        let function = text(&said["function"]);
        let Some(frame) = thread.frames.iter().find(|frame| frame.function == function) else {
            self.found.push(format!("{name} has no frame of {function}"));
            return;
        };
        for (label, target) in said["locals"].as_object().into_iter().flatten() {
            let found = frame.variables.iter().find(|variable| variable.name == *label).map(|one| Address(one.object.address));
            self.check(&format!("{name}, {label}"), &found, &Some(address(target)));
        }
    }
}

/// A value as programs tell theirs.
pub(super) fn shown(value: &PlainValue) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match value {
        PlainValue::Nothing => String::new(),
        PlainValue::Int(number) => format!("{}{:#x}", if *number < 0 { "-" } else { "" }, number.unsigned_abs()),
        PlainValue::BigInt { negative, magnitude } => {
            let digits: String = magnitude.iter().rev().map(|byte| format!("{byte:02x}")).collect();
            format!("{}0x{}", if *negative { "-" } else { "" }, digits.trim_start_matches('0'))
        }
        PlainValue::Float(number) => hex(&number.to_be_bytes()),
        PlainValue::Complex(real, imaginary) => hex(&real.to_be_bytes()) + &hex(&imaginary.to_be_bytes()),
        PlainValue::Text(bytes) | PlainValue::Bytes(bytes) => hex(bytes),
    }
}
