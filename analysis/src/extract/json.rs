//! An object as JSON.
//!
//! None, booleans, numbers, texts, lists, tuples and dicts with text keys are what JSON has for them; sets and deques are
//! lists. What JSON has nothing for is a mapping whose one key begins with `$`: `$bytes` (base64), `$float` (`nan`, `inf`),
//! `$complex`, `$int` (hexadecimal, of huge ones), `$dict` (pairs, where keys are no texts), `$object` (one line, of
//! functions and the like), `$redacted`, `$missing` (why), and `$ref` with the path of a container that is not written
//! again: one within itself, one deeper than 500, one shared too often. Other instances are their attributes, with `$type`.

use std::collections::HashSet;
use std::io::{self, Write};

use ciborium::Value;
use heapsake_core::format::{LabelName, TailKind, Target};
use heapsake_core::heap::{EdgeKind, TypeKind};
use heapsake_core::reduce::Reason;
use heapsake_core::wtf8::LoneSurrogate;
use heapsake_loader::{Limits, Object, ObjectId, PlainValue, render};

use super::grid::Grid;
use super::numbers::{MOST_DECIMAL, base64, decimal, float, hexadecimal};
use super::{BATCH, Error, Report};

/// Containers within containers; Python's own reader of JSON takes about a thousand.
const DEEPEST: usize = 500;
/// Values below containers that are written again, as they are shared; beyond, they are references.
const MOST_REPEATED: u64 = 10_000_000;
/// An empty one has no elements to be known by.
const DEQUE: &str = "collections.deque";

/// Writes it, and a line break.
pub(super) fn write(object: &Object<'_>, out: &mut dyn Write) -> Result<Report, Error> {
    let mut writer = Writer::new(out);
    writer.run(object)?;
    writer.out.write_all(b"\n")?;
    Ok(writer.report)
}

/// It as text on one line, within a cell of a table.
pub(super) fn text(object: &Object<'_>, report: &mut Report) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    writer.run(object)?;
    let inner = writer.report;
    report.redacted += inner.redacted;
    report.missing += inner.missing;
    report.references += inner.references;
    Ok(bytes)
}

/// What is between the brackets of an open container.
enum Rest<'d> {
    /// Elements from a position on.
    Elements(u64),
    /// Entries from a position on, as members of a JSON object.
    Members(u64),
    /// Entries from a position on, as pairs.
    Pairs(u64),
    /// Attributes, the last first.
    Attributes(Vec<(String, Target)>),
    /// The value of a pair, whose key was written.
    Value(Option<Object<'d>>, Target),
}

struct Open<'d> {
    object: Object<'d>,
    rest: Rest<'d>,
    batch: std::vec::IntoIter<(Target, Target)>,
    first: bool,
    close: &'static [u8],
}

struct Writer<'o, 'd> {
    out: &'o mut dyn Write,
    report: Report,
    open: Vec<Open<'d>>,
    inside: HashSet<ObjectId>,
    seen: HashSet<ObjectId>,
    repeated: u64,
}

impl<'o, 'd> Writer<'o, 'd> {
    fn new(out: &'o mut dyn Write) -> Writer<'o, 'd> {
        let (inside, seen) = (HashSet::new(), HashSet::new());
        Writer { out, report: Report::default(), open: Vec::new(), inside, seen, repeated: 0 }
    }

    fn run(&mut self, object: &Object<'d>) -> Result<(), Error> {
        self.object(object)?;
        while let Some(last) = self.open.len().checked_sub(1) {
            self.step(last)?;
        }
        Ok(())
    }

    /// Writes the next thing in the innermost container, or closes it.
    fn step(&mut self, last: usize) -> Result<(), Error> {
        let open = &mut self.open[last];
        if let Rest::Attributes(attributes) = &mut open.rest {
            let Some((name, target)) = attributes.pop() else { return self.close() };
            let object = open.object.clone();
            self.comma(last)?;
            write_text(self.out, name.as_bytes())?;
            self.out.write_all(b":")?;
            return self.target(&object, target);
        }
        if let Rest::Value(value, target) = &mut open.rest {
            let (object, value, target) = (open.object.clone(), value.take(), std::mem::replace(target, Target::Nothing));
            open.rest = Rest::Attributes(Vec::new());
            self.out.write_all(b",")?;
            return match value {
                Some(value) => self.object(&value),
                None => self.target(&object, target),
            };
        }
        let next = match open.batch.next() {
            Some(next) => Some(next),
            None => {
                let batch = match &mut open.rest {
                    Rest::Elements(at) => {
                        let targets = open.object.elements(*at, BATCH);
                        *at += targets.len() as u64;
                        targets.into_iter().map(|target| (target, Target::Nothing)).collect()
                    }
                    Rest::Members(at) | Rest::Pairs(at) => {
                        let entries = open.object.entries(*at, BATCH);
                        *at += entries.len() as u64;
                        entries
                    }
                    Rest::Attributes(_) | Rest::Value(..) => Vec::new(),
                };
                open.batch = batch.into_iter();
                open.batch.next()
            }
        };
        let Some((one, two)) = next else { return self.close() };
        let object = open.object.clone();
        let (is_element, is_member) = (matches!(open.rest, Rest::Elements(_)), matches!(open.rest, Rest::Members(_)));
        self.comma(last)?;
        if is_element {
            return self.target(&object, one);
        }
        if is_member {
            let key = object.follow(one).and_then(|key| key.with_text(<[u8]>::to_vec)).unwrap_or_default();
            write_text(self.out, &key)?;
            self.out.write_all(b":")?;
            return self.target(&object, two);
        }
        self.out.write_all(b"[")?;
        let value = object.follow(two);
        let rest = Rest::Value(value, two);
        self.open.push(Open { object: object.clone(), rest, batch: Vec::new().into_iter(), first: false, close: b"]" });
        self.target(&object, one)
    }

    fn comma(&mut self, at: usize) -> io::Result<()> {
        if std::mem::replace(&mut self.open[at].first, false) { Ok(()) } else { self.out.write_all(b",") }
    }

    fn close(&mut self) -> Result<(), Error> {
        if let Some(open) = self.open.pop() {
            self.out.write_all(open.close)?;
            if open.close != b"]" || !matches!(open.rest, Rest::Attributes(_)) {
                self.inside.remove(&open.object.id());
            }
        }
        Ok(())
    }

    fn target(&mut self, from: &Object<'d>, target: Target) -> Result<(), Error> {
        match (from.follow(target), target) {
            (Some(object), _) => self.object(&object),
            (None, Target::Stray(address)) => self.missing(&format!("nothing readable at {address}")),
            (None, _) => self.missing("lost"),
        }
    }

    fn missing(&mut self, why: &str) -> Result<(), Error> {
        self.report.missing += 1;
        self.marker("$missing", why)
    }

    fn marker(&mut self, key: &str, text: &str) -> Result<(), Error> {
        write!(self.out, "{{\"{key}\":")?;
        write_text(self.out, text.as_bytes())?;
        self.out.write_all(b"}")?;
        Ok(())
    }

    fn object(&mut self, object: &Object<'d>) -> Result<(), Error> {
        self.report.values += 1;
        if let Some((reason, detail)) = object.surrogate() {
            if reason == Reason::Redacted {
                self.report.redacted += 1;
                let what = if detail.is_empty() { object.type_name().to_owned() } else { detail };
                return self.marker("$redacted", &what);
            }
            let why = if detail.is_empty() { reason.to_string() } else { format!("{reason}: {detail}") };
            return self.missing(&format!("{}: {why}", object.type_name()));
        }
        match object.kind() {
            TypeKind::None => self.out.write_all(b"null")?,
            TypeKind::Bool => self.out.write_all(if object.value() == PlainValue::Int(0) { b"false" } else { b"true" })?,
            TypeKind::Int | TypeKind::Float | TypeKind::Complex | TypeKind::Str | TypeKind::Bytes | TypeKind::Bytearray => {
                self.plain(object)?;
            }
            TypeKind::Type
            | TypeKind::Module
            | TypeKind::Function
            | TypeKind::Method
            | TypeKind::Builtin
            | TypeKind::Code
            | TypeKind::Frame
            | TypeKind::Traceback => self.marker("$object", &render(object, Limits::default()))?,
            _ => self.container(object)?,
        }
        Ok(())
    }

    fn plain(&mut self, object: &Object<'_>) -> Result<(), Error> {
        match object.value() {
            PlainValue::Int(number) => write!(self.out, "{number}")?,
            PlainValue::BigInt { negative, magnitude } if magnitude.len() <= MOST_DECIMAL => {
                self.out.write_all(decimal(negative, &magnitude).as_bytes())?;
            }
            PlainValue::BigInt { negative, magnitude } => self.marker("$int", &hexadecimal(negative, &magnitude))?,
            PlainValue::Float(number) if number.is_finite() => self.out.write_all(float(number).as_bytes())?,
            PlainValue::Float(number) => self.marker("$float", &float(number))?,
            PlainValue::Complex(real, imaginary) => {
                write!(self.out, "{{\"$complex\":[\"{}\",\"{}\"]}}", float(real), float(imaginary))?;
            }
            PlainValue::Text(text) => write_text(self.out, &text)?,
            PlainValue::Bytes(bytes) => self.marker("$bytes", &base64(&bytes))?,
            PlainValue::Nothing => self.missing("its value is lost")?,
        }
        Ok(())
    }

    fn container(&mut self, object: &Object<'d>) -> Result<(), Error> {
        let id = object.id();
        let again = !self.seen.insert(id);
        self.repeated += u64::from(again);
        if self.inside.contains(&id) || self.open.len() >= DEEPEST || again && self.repeated > MOST_REPEATED {
            self.report.references += 1;
            return self.marker("$ref", &format!("object:#{}", id.0));
        }
        if let Some(grid) = Grid::of(object) {
            return grid.json(self.out, &mut self.report);
        }
        let tail = object.tail_kind();
        let (open, rest, close): (&[u8], Rest<'d>, &'static [u8]) = match (tail, object.kind()) {
            (_, _) if object.type_name() == DEQUE => (b"[", Rest::Elements(0), b"]"),
            (TailKind::Elements, _) | (_, TypeKind::List | TypeKind::Tuple | TypeKind::Set | TypeKind::Frozenset) => {
                (b"[", Rest::Elements(0), b"]")
            }
            (TailKind::Entries, _) | (_, TypeKind::Dict) if has_text_keys(object) => (b"{", Rest::Members(0), b"}"),
            (TailKind::Entries, _) | (_, TypeKind::Dict) => (b"{\"$dict\":[", Rest::Pairs(0), b"]}"),
            _ => return self.instance(object),
        };
        self.out.write_all(open)?;
        self.inside.insert(id);
        self.open.push(Open { object: object.clone(), rest, batch: Vec::new().into_iter(), first: true, close });
        Ok(())
    }

    fn instance(&mut self, object: &Object<'d>) -> Result<(), Error> {
        let facts = object.state();
        if let Some((_, Value::Array(items))) = facts.iter().find(|(name, _)| name == "items") {
            return Ok(fact(self.out, &Value::Array(items.clone()))?);
        }
        self.out.write_all(b"{\"$type\":")?;
        write_text(self.out, object.type_name().as_bytes())?;
        let mut attributes = attributes(object);
        attributes.extend(special(object));
        attributes.reverse();
        for (name, value) in &facts {
            if !attributes.iter().any(|(known, _)| known == name) {
                self.out.write_all(b",")?;
                write_text(self.out, name.as_bytes())?;
                self.out.write_all(b":")?;
                fact(self.out, value)?;
            }
        }
        self.inside.insert(object.id());
        let rest = Rest::Attributes(attributes);
        self.open.push(Open { object: object.clone(), rest, batch: Vec::new().into_iter(), first: false, close: b"}" });
        Ok(())
    }
}

/// The attributes of an instance that the program gave it: slots, named references, the entries of its `__dict__`.
pub(super) fn attributes(object: &Object<'_>) -> Vec<(String, Target)> {
    let mut found: Vec<(String, Target)> = Vec::new();
    let entries = object.namespace().map_or_else(Vec::new, |namespace| namespace.named_entries());
    for (name, target) in attribute_edges(object).chain(entries) {
        if !is_reserved(&name) && !found.iter().any(|(known, _)| *known == name) {
            found.push((name, target));
        }
    }
    found
}

/// What an instance has by C under names that Python reserves: `__cause__`, `__func__`, `__origin__`.
fn special(object: &Object<'_>) -> impl Iterator<Item = (String, Target)> {
    attribute_edges(object).filter(|(name, _)| is_reserved(name) && !matches!(&**name, "__dict__" | "__class__"))
}

fn attribute_edges(object: &Object<'_>) -> impl Iterator<Item = (String, Target)> {
    object.edges().into_iter().filter_map(|edge| match (edge.kind, edge.name) {
        (EdgeKind::Attribute, LabelName::Text(name)) if edge.target != Target::Nothing => Some((name, edge.target)),
        _ => None,
    })
}

fn is_reserved(name: &str) -> bool {
    name.starts_with("__") && name.ends_with("__")
}

/// Whether all keys are texts, none of which looks like a marker.
fn has_text_keys(object: &Object<'_>) -> bool {
    let mut at = 0;
    loop {
        let entries = object.entries(at, BATCH);
        if entries.is_empty() {
            return true;
        }
        at += entries.len() as u64;
        let is_text = |key: &Target| {
            let key = object.follow(*key).filter(|key| key.kind() == TypeKind::Str && key.surrogate().is_none());
            key.and_then(|key| key.with_text(|text| !text.starts_with(b"$"))).unwrap_or(false)
        };
        if !entries.iter().all(|(key, _)| is_text(key)) {
            return false;
        }
    }
}

/// Writes text in WTF-8 as a JSON string; a lone surrogate as its escape.
pub(super) fn write_text(out: &mut dyn Write, text: &[u8]) -> io::Result<()> {
    out.write_all(b"\"")?;
    let mut rest = text;
    while let Some(surrogate) = LoneSurrogate::find(rest) {
        write_escaped(out, &rest[..surrogate.at])?;
        write!(out, "\\u{:04x}", surrogate.code)?;
        rest = &rest[surrogate.end()..];
    }
    write_escaped(out, rest)?;
    out.write_all(b"\"")
}

fn write_escaped(out: &mut dyn Write, text: &[u8]) -> io::Result<()> {
    let mut from = 0;
    for (at, byte) in text.iter().enumerate() {
        let escape = match byte {
            b'"' => "\\\"".to_owned(),
            b'\\' => "\\\\".to_owned(),
            b'\n' => "\\n".to_owned(),
            0..0x20 | 0x7f => format!("\\u{byte:04x}"),
            _ => continue,
        };
        out.write_all(&text[from..at])?;
        out.write_all(escape.as_bytes())?;
        from = at + 1;
    }
    out.write_all(&text[from..])
}

/// Writes a fact, whose nesting the decoder has limited.
pub(super) fn fact(out: &mut dyn Write, value: &Value) -> io::Result<()> {
    match value {
        Value::Integer(number) => write!(out, "{}", i128::from(*number)),
        Value::Float(number) if number.is_finite() => out.write_all(float(*number).as_bytes()),
        Value::Float(number) => write!(out, "{{\"$float\":\"{}\"}}", float(*number)),
        Value::Bool(flag) => write!(out, "{flag}"),
        Value::Text(text) => write_text(out, text.as_bytes()),
        Value::Bytes(bytes) => write!(out, "{{\"$bytes\":\"{}\"}}", base64(bytes)),
        Value::Array(items) => {
            out.write_all(b"[")?;
            for (at, item) in items.iter().enumerate() {
                out.write_all(if at > 0 { b"," } else { b"" })?;
                fact(out, item)?;
            }
            out.write_all(b"]")
        }
        Value::Map(entries) => {
            out.write_all(b"{\"$dict\":[")?;
            for (at, (key, value)) in entries.iter().enumerate() {
                out.write_all(if at > 0 { b",[" } else { b"[" })?;
                fact(out, key)?;
                out.write_all(b",")?;
                fact(out, value)?;
                out.write_all(b"]")?;
            }
            out.write_all(b"]}")
        }
        Value::Tag(_, inner) => fact(out, inner),
        _ => out.write_all(b"null"),
    }
}
