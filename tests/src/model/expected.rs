//! The oracle: what a dump of a model must have, found out by walking the model and not the dump.

use std::collections::BTreeSet;

use heapsake_core::Address;
use heapsake_core::format::{LabelName, TailKind, Target};
use heapsake_core::heap::TypeKind;
use heapsake_core::reduce::Reason;
use heapsake_loader::{Dump, Object, PlainValue};

use super::{Aim, Content, Fails, Label, Model, Node, Places};

/// Whether a dump must have everything, or may lack what its faults say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// Nothing is missing.
    Yes,
    /// The file was damaged: what is there must be right.
    Damaged,
}

/// All differences between a model and its loaded dump, each in words; and how many objects were found as they are.
pub fn differences(model: &Model, dump: &Dump, whole: Whole) -> (Vec<String>, usize) {
    let mut oracle = Oracle { model, dump, places: Places::new(model), whole, found: Vec::new() };
    let (nodes, holes) = oracle.reached();
    if whole == Whole::Yes {
        oracle.check("number of objects", &dump.object_count(), &((nodes.len() + holes.len()) as u32));
        oracle.roots();
        oracle.threads();
    }
    let mut intact = 0;
    for node in nodes {
        let before = oracle.found.len();
        intact += usize::from(oracle.node(node) && oracle.found.len() == before);
    }
    for hole in holes {
        let surrogate = dump.object_at(hole).map(|object| object.surrogate());
        let is_lost = whole == Whole::Damaged && matches!(surrogate, None | Some(Some((Reason::Lost, _))));
        if !is_lost {
            oracle.check(&format!("the hole at {hole}"), &surrogate, &Some(Some((Reason::NotAnObject, "a hole".to_owned()))));
        }
    }
    (oracle.found, intact)
}

struct Oracle<'a> {
    model: &'a Model,
    dump: &'a Dump,
    places: Places<'a>,
    whole: Whole,
    found: Vec<String>,
}

/// What a node is after its reducer did what it does.
fn told(node: &Node) -> (usize, bool, bool) {
    match node.failure {
        None | Some((Fails::AtLast, ..)) => (node.edges.len(), true, true),
        Some((Fails::AtOnce, ..)) => (0, false, false),
        Some((Fails::AfterType, ..)) => (0, true, false),
        Some((Fails::AfterEdges(count), ..)) => (node.edges.len().min(count.into()), true, false),
    }
}

fn tail(content: &Content) -> Vec<Aim> {
    match content {
        Content::Elements(aims) => aims.clone(),
        Content::Entries(aims) => aims.iter().flat_map(|(key, value)| [*key, *value]).collect(),
        _ => Vec::new(),
    }
}

impl Oracle<'_> {
    fn check<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: &T, expected: &T) {
        if found != expected {
            let shown = |value: &T| format!("{value:?}").chars().take(300).collect::<String>();
            self.found.push(format!("{what}: {} is in the dump, {} is right", shown(found), shown(expected)));
        }
    }

    /// The nodes, and the places without one, that can be reached.
    fn reached(&self) -> (BTreeSet<usize>, BTreeSet<Address>) {
        let (mut nodes, mut holes) = (BTreeSet::new(), BTreeSet::new());
        let frames = self.model.threads.iter().flatten();
        let of_frames = frames.flat_map(|frame| frame.variables.iter().map(|(_, aim)| *aim).chain([frame.object]));
        let mut pending: Vec<Aim> = of_frames.chain(self.model.roots.iter().map(|(_, aim)| *aim)).collect();
        while let Some(aim) = pending.pop() {
            match (aim, self.model.node(aim)) {
                (_, Some(number)) if nodes.insert(number) => {
                    let node = &self.model.nodes[number];
                    let (edges, _, content) = told(node);
                    pending.extend(node.edges[..edges].iter().map(|edge| edge.aim));
                    pending.extend(if content { tail(&node.content) } else { Vec::new() });
                }
                (Aim::Hole(_), None) => drop(holes.insert(self.places.of(aim))),
                _ => {}
            }
        }
        (nodes, holes)
    }

    /// The address that a target leads to, as the dump has it.
    fn address(&self, target: Target) -> Address {
        match target {
            Target::Nothing => Address::NULL,
            Target::Stray(address) => address,
            Target::Object(id) => self.dump.object(heapsake_loader::ObjectId(id)).address(),
        }
    }

    fn roots(&mut self) {
        let found: Vec<(String, Address)> =
            self.dump.roots().iter().map(|root| (root.name.clone(), Address(root.object.address))).collect();
        let expected = self.model.roots.iter().map(|(name, aim)| (name.clone(), self.places.of(*aim))).collect();
        self.check("roots", &found, &expected);
    }

    fn threads(&mut self) {
        type Shown = Vec<Vec<(String, u32, Address, Vec<(String, Address)>)>>;
        let found: Shown = (self.dump.threads().iter())
            .map(|thread| {
                let frames = thread.frames.iter().map(|frame| {
                    let variables = frame.variables.iter().map(|one| (one.name.clone(), Address(one.object.address)));
                    (frame.function.clone(), frame.line, Address(frame.object.address), variables.collect())
                });
                frames.collect()
            })
            .collect();
        let expected: Shown = (self.model.threads.iter())
            .map(|frames| {
                let frames = frames.iter().map(|frame| {
                    let variables = frame.variables.iter().map(|(name, aim)| (name.clone(), self.places.of(*aim)));
                    (frame.name.clone(), frame.line, self.places.of(frame.object), variables.collect())
                });
                frames.collect()
            })
            .collect();
        self.check("threads", &found, &expected);
    }

    /// Compares a node; whether it is there.
    fn node(&mut self, number: usize) -> bool {
        let node = &self.model.nodes[number];
        let place = self.places.of_node(number);
        let Some(object) = self.dump.object_at(place) else {
            if self.whole == Whole::Yes {
                self.found.push(format!("node {number} at {place} is not in the dump"));
            }
            return false;
        };
        if self.whole == Whole::Damaged && matches!(object.surrogate(), Some((Reason::Lost, _))) {
            return false;
        }
        let name = format!("node {number} at {place}");
        let (edges, typed, content) = told(node);
        let surrogate = node.failure.as_ref().map(|(_, reason, words)| (*reason, words.clone()));
        self.check(&format!("{name}, reason"), &object.surrogate(), &surrogate);
        if typed {
            let type_name = self.model.types[usize::from(node.type_number) % self.model.types.len()].0.as_str();
            let is_lost = self.whole == Whole::Damaged && object.type_name().is_empty();
            if !is_lost {
                self.check(&format!("{name}, type"), &object.type_name(), &type_name);
            }
            self.check(&format!("{name}, size"), &object.size(), &node.size);
        }
        let found: Vec<_> = object.edges().into_iter().map(|edge| (edge.kind, edge.name, self.address(edge.target))).collect();
        let label = |label: &Label| match label {
            Label::Text(text) => LabelName::Text(text.clone()),
            Label::Index(index) => LabelName::Index(*index),
        };
        let expected = node.edges[..edges].iter().map(|edge| (edge.kind, label(&edge.label), self.places.of(edge.aim)));
        self.check(&format!("{name}, edges"), &found, &expected.collect());
        let content = if content { &node.content } else { &Content::Nothing };
        let value = object.value();
        let expected = match (plain(content), &value) {
            // No integer is told as bytes; in chunks of their own both look alike, a sign before the magnitude.
            (PlainValue::Bytes(bytes), PlainValue::BigInt { .. }) if object.kind() == TypeKind::Int => {
                let (sign, magnitude) = bytes.split_first().expect("more bytes than fit into an object");
                PlainValue::BigInt { negative: *sign != 0, magnitude: magnitude.to_vec() }
            }
            (expected, _) => expected,
        };
        // What lies in chunks of its own may be lost by itself.
        let is_apart = self.whole == Whole::Damaged;
        if !(is_apart && matches!(content, Content::Text(_) | Content::Bytes(_)) && object.value_length() > Some(1 << 10)) {
            self.check(&format!("{name}, value"), &value, &expected);
        }
        self.tail(&name, &object, content, is_apart);
        if edges == node.edges.len() && told(node).2 {
            let found: Vec<_> = object.state().into_iter().collect();
            let facts: std::collections::BTreeMap<_, _> = node.facts.iter().cloned().collect();
            let expected: Vec<_> = facts.into_iter().map(|(name, text)| (name, ciborium::Value::Text(text))).collect();
            self.check(&format!("{name}, facts"), &found, &expected);
        }
        true
    }

    fn tail(&mut self, name: &str, object: &Object<'_>, content: &Content, is_apart: bool) {
        let kind = match content {
            Content::Elements(aims) if !aims.is_empty() => TailKind::Elements,
            Content::Entries(aims) if !aims.is_empty() => TailKind::Entries,
            _ => TailKind::Nothing,
        };
        self.check(&format!("{name}, kind of tail"), &object.tail_kind(), &kind);
        let mut found: Vec<Target> = object.elements(0, u64::MAX / 4);
        found.extend(object.entries(0, u64::MAX / 4).into_iter().flat_map(|(key, value)| [key, value]));
        let found: Vec<Address> = found.into_iter().map(|target| self.address(target)).collect();
        let expected: Vec<Address> = tail(content).into_iter().map(|aim| self.places.of(aim)).collect();
        if is_apart && expected.len() > 1 << 10 {
            return;
        }
        self.check(&format!("{name}, elements"), &found, &expected);
    }
}

/// A value as the loader gives it, worked out here.
fn plain(content: &Content) -> PlainValue {
    match content {
        Content::Nothing | Content::Elements(_) | Content::Entries(_) => PlainValue::Nothing,
        Content::Small(number) => PlainValue::Int(*number),
        Content::Float(bits) => PlainValue::Float(f64::from_bits(*bits)),
        Content::Complex(real, imaginary) => PlainValue::Complex(f64::from_bits(*real), f64::from_bits(*imaginary)),
        Content::Bytes(bytes) => PlainValue::Bytes(bytes.clone()),
        Content::Text(points) => PlainValue::Text(points.iter().flat_map(|point| utf8(*point)).collect()),
        Content::Big(negative, digits) => {
            // Bit by bit.
            let bits: Vec<bool> = digits.iter().flat_map(|digit| (0..30).map(move |bit| digit >> bit & 1 == 1)).collect();
            let byte = |bits: &[bool]| bits.iter().rev().fold(0u8, |byte, bit| byte << 1 | u8::from(*bit));
            let mut magnitude: Vec<u8> = bits.chunks(8).map(byte).collect();
            magnitude.truncate(magnitude.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            let number = magnitude.iter().rev().fold(0i128, |number, byte| number << 8 | i128::from(*byte));
            let number = if *negative { -number } else { number };
            match i64::try_from(number) {
                Ok(small) if magnitude.len() <= 8 => PlainValue::Int(small),
                _ => PlainValue::BigInt { negative: *negative, magnitude },
            }
        }
    }
}

/// A code point as UTF-8 writes it, surrogates like any other.
fn utf8(point: u32) -> Vec<u8> {
    let tail = |shift: u32| 0x80 | (point >> shift & 0x3f) as u8;
    match point {
        0..0x80 => vec![point as u8],
        0x80..0x800 => vec![0xc0 | (point >> 6) as u8, tail(0)],
        0x800..0x1_0000 => vec![0xe0 | (point >> 12) as u8, tail(6), tail(0)],
        _ => vec![0xf0 | (point >> 18) as u8, tail(12), tail(6), tail(0)],
    }
}
