//! Bounded copies of the variables' values for the stacks chunk, so that the head of a cut dump shows more than names.

use rustc_hash::FxHashMap;

use super::redaction::{LONGEST_COPY, Redaction, Redactor};
use crate::address::Address;
use crate::format::records::Preview;
use crate::heap::{EdgeKind, Heap, Integer, Name, Sink, Text, TypeDescription, TypeId, Value};

/// Bytes of a text.
const TEXT_BYTES: usize = 200;
/// Characters of a text that are looked at for secrets.
const HEAD: usize = TEXT_BYTES + LONGEST_COPY;
/// Children of a container.
const CHILDREN: usize = 6;
/// Depth of children.
const DEPTH: usize = 2;
/// Previews of one dump.
const TOTAL: usize = 40_000;
/// What an object tells; one that tells more is asked once, however many variables refer to it.
const MUCH: usize = 1000;

/// Makes previews.
pub(crate) struct Previewer<'a> {
    redactor: &'a Redactor,
    types: &'a [TypeDescription],
    left: usize,
    /// Previews of large objects, by their depth.
    known: FxHashMap<(Address, usize), Preview>,
}

impl<'a> Previewer<'a> {
    pub(crate) fn new(redactor: &'a Redactor, types: &'a [TypeDescription]) -> Previewer<'a> {
        Previewer { redactor, types, left: TOTAL, known: FxHashMap::default() }
    }

    /// The preview of an object; none when it is nothing or there were enough.
    pub(crate) fn preview<H: Heap>(&mut self, heap: &mut H, object: Address) -> Option<Preview> {
        self.at_depth(heap, object, 0)
    }

    /// Recurses at most [`DEPTH`] deep.
    fn at_depth<H: Heap>(&mut self, heap: &mut H, object: Address, depth: usize) -> Option<Preview> {
        if object.is_null() || self.left == 0 {
            return None;
        }
        self.left -= 1;
        if let Some(known) = self.known.get(&(object, depth)) {
            return Some(known.clone());
        }
        let mut sink = PreviewSink::default();
        let failed = heap.reduce(object, &mut sink).err();
        let type_name = self.types.get(sink.type_id as usize).map_or_else(String::new, |known| known.name.clone());
        let mut preview = Preview { type_name, length: sink.length, ..Preview::default() };
        if let Some(failure) = failed {
            preview.text = Some(format!("<{failure}>"));
            return Some(preview);
        }
        let hidden = self.redactor.level == Redaction::AllValues || self.redactor.withheld(object);
        preview.text = match sink.text {
            Some(_) if hidden || self.redactor.copies(&sink.head) => Some("<redacted>".to_owned()),
            text => text,
        };
        let is_large = sink.told > MUCH;
        if depth < DEPTH {
            for (name, key, child) in sink.children {
                let mut label = name;
                if !key.is_null() {
                    let mut key_sink = PreviewSink::default();
                    let withheld = self.redactor.level == Redaction::AllValues || self.redactor.withheld(key);
                    if heap.reduce(key, &mut key_sink).is_ok() && !withheld && !self.redactor.copies(&key_sink.head) {
                        label = key_sink.text.unwrap_or_default();
                    }
                }
                if let Some(child) = self.at_depth(heap, child, depth + 1) {
                    preview.children.push((label, child));
                }
            }
        }
        if is_large {
            self.known.insert((object, depth), preview.clone());
        }
        Some(preview)
    }
}

#[derive(Default)]
struct PreviewSink {
    type_id: u32,
    text: Option<String>,
    /// What the text was cut from: as much as tells whether a secret begins in what is shown.
    head: Vec<u8>,
    length: Option<u64>,
    /// Edges, elements and entries.
    told: usize,
    /// Name, or else key, and target.
    children: Vec<(String, Address, Address)>,
}

impl PreviewSink {
    fn child(&mut self, name: String, key: Address, target: Address) {
        if self.children.len() < CHILDREN && !target.is_null() {
            self.children.push((name, key, target));
        }
    }
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if end < text.len() { format!("{}…", &text[..end]) } else { text.to_owned() }
}

impl Sink for PreviewSink {
    fn begin(&mut self, type_id: TypeId, _: u64) {
        self.type_id = type_id.0;
    }

    fn value(&mut self, value: Value<'_>) {
        self.text = Some(match value {
            Value::Integer(Integer::Small(number)) => number.to_string(),
            Value::Integer(integer) => {
                let (negative, magnitude) = integer.magnitude();
                format!("{}integer of {} bits", if negative { "negative " } else { "" }, magnitude.len() * 8)
            }
            Value::Float(number) => format!("{number:?}"),
            Value::Complex(real, imaginary) => format!("({real:?}+{imaginary:?}j)"),
            Value::Text(text) => {
                let head = match text {
                    Text::Utf8(text) => Text::Utf8(&text[..text.floor_char_boundary(HEAD)]),
                    Text::Ascii(bytes) => Text::Ascii(&bytes[..bytes.len().min(HEAD)]),
                    Text::Latin1(bytes) => Text::Latin1(&bytes[..bytes.len().min(HEAD)]),
                    Text::Ucs2(bytes) => Text::Ucs2(&bytes[..bytes.len().min(HEAD * 2)]),
                    Text::Ucs4(bytes) => Text::Ucs4(&bytes[..bytes.len().min(HEAD * 4)]),
                };
                head.write_wtf8(&mut self.head);
                cut(&String::from_utf8_lossy(&self.head))
            }
            Value::Bytes(bytes) => {
                self.length = Some(bytes.len() as u64);
                self.head.extend_from_slice(&bytes[..bytes.len().min(HEAD)]);
                cut(&bytes[..bytes.len().min(TEXT_BYTES)].escape_ascii().to_string())
            }
        });
    }

    fn edge(&mut self, kind: EdgeKind, name: Name<'_>, target: Address) {
        self.told += 1;
        if let (EdgeKind::Attribute, Name::Text(text)) = (kind, name) {
            if !text.starts_with("__") {
                self.child(text.to_owned(), Address::NULL, target);
            }
        } else if let (EdgeKind::Attribute, Name::Object(key)) = (kind, name) {
            self.child(String::new(), key, target);
        }
    }

    fn element(&mut self, target: Address) {
        self.told += 1;
        let at = self.length.unwrap_or(0);
        self.length = Some(at + 1);
        self.child(at.to_string(), Address::NULL, target);
    }

    fn entry(&mut self, key: Address, value: Address) {
        self.told += 1;
        self.length = Some(self.length.unwrap_or(0) + 1);
        self.child(String::new(), key, value);
    }

    fn state(&mut self, _: &dyn erased_serde::Serialize) {}
}
