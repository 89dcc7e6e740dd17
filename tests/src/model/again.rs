//! A loaded dump as a heap that can be dumped again: the round trip of the property tests.

use heapsake_core::format::records::Reference;
use heapsake_core::format::{LabelName, Target};
use heapsake_core::heap::{
    Frame, Heap, Integer, Name, Outline, Root, Sink, Text, Thread, TypeDescription, TypeId, Value, Variable,
};
use heapsake_core::reduce::{Failure, Reason};
use heapsake_core::{Address, DumpOptions, Redaction, Span, dump};
use heapsake_loader::{Dump, ObjectId, PlainValue};

struct Again<'a>(&'a Dump);

/// A dump of what a dump has.
///
/// # Panics
/// When the engine refuses it: there is nothing that it may refuse.
pub fn dumped_again(loaded: &Dump) -> Vec<u8> {
    let mut bytes = Vec::new();
    let options = DumpOptions { redaction: Redaction::None, ..DumpOptions::default() };
    dump(&mut Again(loaded), &mut bytes, options).expect("memory takes every byte");
    bytes
}

impl Again<'_> {
    fn address(&self, target: Target) -> Address {
        match target {
            Target::Nothing => Address::NULL,
            Target::Stray(address) => address,
            Target::Object(id) => self.0.object(ObjectId(id)).address(),
        }
    }
}

fn address(reference: Reference) -> Address {
    Address(reference.address)
}

impl Heap for Again<'_> {
    fn outline(&mut self) -> Outline {
        let thread = |thread: &heapsake_core::format::records::Thread| Thread {
            ident: thread.ident,
            frames: (thread.frames.iter())
                .map(|frame| Frame {
                    object: address(frame.object),
                    kind: frame.kind,
                    function: frame.function.clone(),
                    qualified_name: frame.qualified_name.clone(),
                    filename: frame.filename.clone(),
                    line: frame.line,
                    first_line: frame.first_line,
                    code: address(frame.code),
                    globals: address(frame.globals),
                    locals: address(frame.locals),
                    variables: (frame.variables.iter())
                        .map(|one| Variable { name: one.name.clone(), kind: one.kind, target: address(one.object) })
                        .collect(),
                })
                .collect(),
            object: address(thread.object),
            exception: thread.exception.map(address),
            ..Thread::default()
        };
        let mut places: Vec<u64> = self.0.objects().map(|object| object.address().0).collect();
        places.sort_unstable();
        // As many as there are heaps in a real process.
        let apart = |one: &u64, next: &u64| next - one < 1 << 20;
        let spans = places.chunk_by(apart).map(|near| Span::new(Address(near[0]), near[near.len() - 1] - near[0] + 16));
        Outline {
            spans: spans.collect(),
            roots: (self.0.roots().iter())
                .map(|root| Root { kind: root.kind, name: root.name.clone(), object: address(root.object) })
                .collect(),
            threads: self.0.threads().iter().map(thread).collect(),
            exception: self.0.exception().map(|id| self.0.object(id).address()),
            ..Outline::default()
        }
    }

    fn reduce<S: Sink>(&mut self, place: Address, sink: &mut S) -> Result<(), Failure> {
        let Some(object) = self.0.object_at(place) else { return Err(Failure::new(Reason::NotAnObject, "")) };
        let type_id = object.decoded().map_or(0, |decoded| decoded.shape().type_id);
        sink.begin(TypeId(type_id), object.size());
        match object.value() {
            PlainValue::Nothing => {}
            PlainValue::Int(number) => sink.value(Value::Integer(Integer::Small(number))),
            PlainValue::BigInt { negative, mut magnitude } => {
                magnitude.resize(magnitude.len().next_multiple_of(2), 0);
                sink.value(Value::Integer(Integer::Digits { negative, bits: 16, width: 2, digits: &magnitude }));
            }
            PlainValue::Float(number) => sink.value(Value::Float(number)),
            PlainValue::Complex(real, imaginary) => sink.value(Value::Complex(real, imaginary)),
            PlainValue::Text(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) => sink.value(Value::Text(Text::Utf8(text))),
                Err(_) => {
                    let points: Vec<u8> = points(&bytes).flat_map(u32::to_le_bytes).collect();
                    sink.value(Value::Text(Text::Ucs4(&points)));
                }
            },
            PlainValue::Bytes(bytes) => sink.value(Value::Bytes(&bytes)),
        }
        for edge in object.edges() {
            let name = match &edge.name {
                LabelName::Text(text) => Name::Text(text),
                LabelName::Index(index) => Name::Index(*index),
            };
            sink.edge(edge.kind, name, self.address(edge.target));
        }
        for element in object.elements(0, u64::MAX / 4) {
            sink.element(self.address(element));
        }
        for (key, value) in object.entries(0, u64::MAX / 4) {
            sink.entry(self.address(key), self.address(value));
        }
        let facts = object.state();
        if !facts.is_empty() {
            let facts = facts.into_iter().map(|(name, fact)| (ciborium::Value::Text(name), fact)).collect();
            sink.state(&ciborium::Value::Map(facts));
        }
        object.surrogate().map_or(Ok(()), |(reason, detail)| Err(Failure::new(reason, detail)))
    }

    fn types(&mut self, first: TypeId) -> Vec<TypeDescription> {
        self.0.types().iter().skip(first.0 as usize).cloned().collect()
    }
}

/// The code points of UTF-8 in which surrogates may be.
fn points(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let mut left = bytes;
    std::iter::from_fn(move || {
        let (first, rest) = left.split_first()?;
        let (more, bits) = match first {
            0..0x80 => (0, *first),
            0xc0..0xe0 => (1, first & 0x1f),
            0xe0..0xf0 => (2, first & 0x0f),
            _ => (3, first & 0x07),
        };
        let (tail, rest) = rest.split_at_checked(more)?;
        left = rest;
        Some(tail.iter().fold(u32::from(bits), |point, byte| point << 6 | u32::from(byte & 0x3f)))
    })
}
