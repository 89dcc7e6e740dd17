//! A model as the heap that the engine walks.

use std::collections::HashMap;

use heapsake_core::heap::{
    Frame as HeapFrame, Heap, Integer, Name, Outline, Root, RootKind, Sink, Text, Thread, TypeDescription, TypeId, Value,
    Variable, VariableKind,
};
use heapsake_core::reduce::{Failure, Reason};
use heapsake_core::{Address, DumpOptions, Redaction, Span, dump};

use super::{BASE, Content, Fails, Label, Model, Node, Places};

/// A model while it is walked.
struct Walked<'a> {
    model: &'a Model,
    places: Places<'a>,
    at: HashMap<Address, usize>,
}

impl Model {
    /// The dump of it.
    ///
    /// # Panics
    /// When the engine refuses it: there is nothing that it may refuse.
    pub fn dump(&self) -> Vec<u8> {
        let places = Places::new(self);
        let at = (0..self.nodes.len()).map(|node| (places.of_node(node), node)).collect();
        let mut bytes = Vec::new();
        let options = DumpOptions { redaction: Redaction::None, ..DumpOptions::default() };
        dump(&mut Walked { model: self, places, at }, &mut bytes, options).expect("memory takes every byte");
        bytes
    }
}

impl Walked<'_> {
    fn edges<S: Sink>(&self, node: &Node, count: usize, sink: &mut S) {
        for edge in node.edges.iter().take(count) {
            let name = match &edge.label {
                Label::Text(text) => Name::Text(text),
                Label::Index(index) => Name::Index(*index),
            };
            sink.edge(edge.kind, name, self.places.of(edge.aim));
        }
    }

    fn content<S: Sink>(&self, content: &Content, sink: &mut S) {
        match content {
            Content::Nothing => {}
            Content::Small(number) => sink.value(Value::Integer(Integer::Small(*number))),
            Content::Big(negative, digits) => {
                let digits: Vec<u8> = digits.iter().flat_map(|digit| (digit & 0x3fff_ffff).to_le_bytes()).collect();
                sink.value(Value::Integer(Integer::Digits { negative: *negative, bits: 30, width: 4, digits: &digits }));
            }
            Content::Float(bits) => sink.value(Value::Float(f64::from_bits(*bits))),
            Content::Complex(real, imaginary) => {
                sink.value(Value::Complex(f64::from_bits(*real), f64::from_bits(*imaginary)));
            }
            Content::Text(points) => {
                // As CPython stores it: in the fewest bytes a code point.
                let stored = |width: usize| points.iter().flat_map(|point| point.to_le_bytes()[..width].to_vec()).collect();
                let highest = points.iter().copied().max().unwrap_or_default();
                let bytes: Vec<u8> = stored(if highest < 0x100 {
                    1
                } else if highest < 0x1_0000 {
                    2
                } else {
                    4
                });
                sink.value(Value::Text(match highest {
                    0..0x80 => Text::Ascii(&bytes),
                    0x80..0x100 => Text::Latin1(&bytes),
                    0x100..0x1_0000 => Text::Ucs2(&bytes),
                    _ => Text::Ucs4(&bytes),
                }));
            }
            Content::Bytes(bytes) => sink.value(Value::Bytes(bytes)),
            Content::Elements(aims) => aims.iter().for_each(|aim| sink.element(self.places.of(*aim))),
            Content::Entries(aims) => {
                for (key, value) in aims {
                    sink.entry(self.places.of(*key), self.places.of(*value));
                }
            }
        }
    }
}

impl Heap for Walked<'_> {
    fn outline(&mut self) -> Outline {
        let root = |(name, aim): &(String, _)| Root { kind: RootKind::Given, name: name.clone(), object: self.places.of(*aim) };
        let variable =
            |(name, aim): &(String, _)| Variable { name: name.clone(), kind: VariableKind::Local, target: self.places.of(*aim) };
        let frame = |frame: &super::Frame| HeapFrame {
            object: self.places.of(frame.object),
            function: frame.name.clone(),
            qualified_name: frame.name.clone(),
            filename: frame.name.clone(),
            line: frame.line,
            variables: frame.variables.iter().map(variable).collect(),
            ..HeapFrame::default()
        };
        let thread = |frames: &Vec<super::Frame>| Thread { frames: frames.iter().map(frame).collect(), ..Thread::default() };
        Outline {
            spans: vec![Span::new(Address(BASE), self.places.length())],
            roots: self.model.roots.iter().map(root).collect(),
            threads: self.model.threads.iter().map(thread).collect(),
            ..Outline::default()
        }
    }

    fn reduce<S: Sink>(&mut self, object: Address, sink: &mut S) -> Result<(), Failure> {
        let Some(number) = self.at.get(&object) else { return Err(Failure::new(Reason::NotAnObject, "a hole")) };
        let node = &self.model.nodes[*number];
        let failed = |when: Fails| match &node.failure {
            Some((fails, reason, words)) if *fails == when => Err(Failure::new(*reason, words.clone())),
            _ => Ok(()),
        };
        failed(Fails::AtOnce)?;
        sink.begin(TypeId(u32::from(node.type_number) % self.model.types.len() as u32), node.size);
        failed(Fails::AfterType)?;
        if let Some((Fails::AfterEdges(count), ..)) = node.failure {
            self.edges(node, count.into(), sink);
            return failed(Fails::AfterEdges(count));
        }
        self.content(&node.content, sink);
        self.edges(node, usize::MAX, sink);
        if !node.facts.is_empty() {
            let facts: std::collections::BTreeMap<_, _> = node.facts.iter().cloned().collect();
            sink.state(&facts);
        }
        failed(Fails::AtLast)
    }

    fn types(&mut self, first: TypeId) -> Vec<TypeDescription> {
        let described = |(name, kind): &(String, _)| TypeDescription {
            name: name.clone(),
            kind: *kind,
            mro: vec![name.clone()],
            ..TypeDescription::default()
        };
        self.model.types.iter().skip(first.0 as usize).map(described).collect()
    }
}
