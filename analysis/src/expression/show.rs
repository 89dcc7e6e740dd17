//! Values in one line, as Python's `repr` writes built-ins. Bounded, and escaped: a dump's text is hostile. Nothing here fails:
//! what `repr` would refuse is shown as the loader shows it.

use heapsake_loader::{Dump, Limits, render, render_array};

use super::cursor::{Items, Store};
use super::evaluate::grouped;
use super::forms::{array_part, harmless};
use super::quoted::{quoted, quoted_bytes};
use super::representation::{complex_text, float_text};
use super::types::type_of_made;
use super::values::{Child, Part, Value, View, string_of};

/// How deep values within values are shown.
const DEEPEST: usize = 6;

impl Value {
    /// The value in one line of at most about `characters`: what is beyond is told as "… 99,000 more".
    pub fn show(&self, dump: &Dump, characters: usize) -> String {
        let mut shower = Shower { dump, out: String::new(), characters };
        shower.value(self, 0);
        let mut out = shower.out;
        if let Some((at, _)) = out.char_indices().nth(characters.max(1) * 2) {
            out.truncate(at);
            out.push('…');
        }
        out
    }

    /// Whether it is `None`.
    pub fn is_none(&self, dump: &Dump) -> bool {
        match self {
            Value::Object(id) => dump.object(*id).kind() == heapsake_core::heap::TypeKind::None,
            value => matches!(value, Value::None),
        }
    }

    /// The whole text of a text, lone surrogates replaced; none of others. It is not escaped.
    pub fn plain_text(&self, dump: &Dump) -> Option<String> {
        match self {
            Value::Object(id) => dump.object(*id).text(),
            Value::Text(codes) => Some(string_of(codes)),
            _ => None,
        }
    }

    /// The qualified name of its type.
    pub fn type_name(&self, dump: &Dump) -> String {
        match self {
            Value::Object(id) => dump.object(*id).type_name().to_owned(),
            Value::Part(_) => self.of_part(dump),
            made => type_of_made(made).to_owned(),
        }
    }

    fn of_part(&self, dump: &Dump) -> String {
        let Value::Part(part) = self else { return String::new() };
        match &**part {
            Part::Array(id, _) => format!("part of {}", dump.object(*id).type_name()),
            Part::Column(id, _) => format!("column of {}", dump.object(*id).type_name()),
        }
    }

    /// How many children it has that are numbered: elements, entries.
    pub fn length(&self, dump: &Dump) -> u64 {
        match self.items(dump) {
            Some(items) => items.len(),
            None => 0,
        }
    }

    /// Its elements or entries, where it has some. Texts and bytes have none here: they are shown as a whole.
    fn items(&self, dump: &Dump) -> Option<Items> {
        Some(match self {
            Value::Object(id) => {
                let object = dump.object(*id);
                match object.tail_kind() {
                    heapsake_loader::TailKind::Elements => Items::Held(*id, object.len()),
                    heapsake_loader::TailKind::Entries => Items::Mapping(Store::Held(*id, object.len()), View::Items),
                    heapsake_loader::TailKind::Nothing => return None,
                }
            }
            Value::List(items) | Value::Tuple(items) => Items::Made(items.clone()),
            Value::Dict(entries) => Items::Mapping(Store::Made(entries.clone()), View::Items),
            Value::Set(entries) | Value::Frozenset(entries) => Items::Mapping(Store::Made(entries.clone()), View::Keys),
            Value::Range(span) => Items::Range(**span),
            Value::View(view, of) => match of.items(dump)? {
                Items::Mapping(store, _) => Items::Mapping(store, *view),
                items => items,
            },
            Value::Part(part) => {
                let length = match &**part {
                    Part::Array(id, path) => *array_part(&dump.object(*id), path)?.shape().first()?,
                    Part::Column(id, position) => heapsake_loader::table::Table::of(&dump.object(*id))?.column(*position).len(),
                };
                Items::Part(part.clone(), length)
            }
            _ => return None,
        })
    }

    /// Its children that are numbered, from `start` on, at most `count`.
    pub fn children(&self, dump: &Dump, start: u64, count: u64) -> Vec<Child> {
        let Some(items) = self.items(dump) else { return Vec::new() };
        let some = items.some(dump, start, count).into_iter().zip(start..);
        let is_mapping = matches!(items, Items::Mapping(_, View::Items)) && !matches!(self, Value::View(..));
        some.map(|(value, at)| match (is_mapping, &value) {
            (true, Value::Tuple(pair)) if pair.len() == 2 => {
                Child { name: format!("[{}]", pair[0].show(dump, 60)), indexed: true, value: pair[1].clone() }
            }
            _ => Child { name: format!("[{at}]"), indexed: true, value },
        })
        .collect()
    }
}

struct Shower<'d> {
    dump: &'d Dump,
    out: String,
    characters: usize,
}

impl Shower<'_> {
    fn left(&self) -> usize {
        self.characters.saturating_sub(self.out.len())
    }

    fn codes(&mut self, codes: &[u32]) {
        self.out.push_str(&string_of(codes));
    }

    fn value(&mut self, value: &Value, depth: usize) {
        if depth > DEEPEST {
            return self.out.push('…');
        }
        match value {
            Value::Object(id) => {
                let room = self.left().max(40);
                let limits = Limits { characters: room, elements: (room / 8).max(8), text: room.max(40), ..Limits::default() };
                self.out.push_str(&harmless_line(&render(&self.dump.object(*id), limits)));
            }
            Value::Stray(0) => self.out.push_str("<nothing>"),
            Value::Stray(address) => self.out.push_str(&format!("<nothing readable at {address:#x}>")),
            Value::None => self.out.push_str("None"),
            Value::Ellipsis => self.out.push_str("Ellipsis"),
            Value::Bool(flag) => self.out.push_str(if *flag { "True" } else { "False" }),
            Value::Int(number) => self.out.push_str(&number.to_string()),
            Value::Big(number) => {
                if number.bits() as usize / 3 > self.left().max(100) {
                    self.out.push_str(&format!("<an int of {} bits>", grouped(number.bits())));
                } else {
                    self.out.push_str(&number.to_string());
                }
            }
            Value::Float(number) => self.out.push_str(&float_text(*number)),
            Value::Complex(real, imaginary) => self.out.push_str(&complex_text(*real, *imaginary)),
            Value::Text(codes) => {
                let most = self.left().max(20);
                let mut shown = Vec::new();
                quoted(&codes[..codes.len().min(most)], &mut shown);
                self.codes(&shown);
                self.more(codes.len().saturating_sub(most) as u64, "characters");
            }
            Value::Bytes(bytes) | Value::Bytearray(bytes) => {
                let most = self.left().max(20);
                let mut shown = Vec::new();
                quoted_bytes(&bytes[..bytes.len().min(most)], &mut shown);
                let array = matches!(value, Value::Bytearray(_));
                self.out.push_str(if array { "bytearray(" } else { "" });
                self.codes(&shown);
                self.out.push_str(if array { ")" } else { "" });
                self.more(bytes.len().saturating_sub(most) as u64, "bytes");
            }
            Value::List(items) => self.items(&Items::Made(items.clone()), "[", "]", depth),
            Value::Tuple(items) => self.items(&Items::Made(items.clone()), "(", if items.len() == 1 { ",)" } else { ")" }, depth),
            Value::Set(entries) | Value::Frozenset(entries) => {
                let (open, close) = match (value, entries.is_empty()) {
                    (Value::Set(_), false) => ("{", "}"),
                    (Value::Set(_), true) => ("set(", ")"),
                    (_, false) => ("frozenset({", "})"),
                    (_, true) => ("frozenset(", ")"),
                };
                self.items(&Items::Mapping(Store::Made(entries.clone()), View::Keys), open, close, depth);
            }
            Value::Dict(entries) => self.entries(entries, depth),
            Value::Range(span) => {
                let step = if span.step == 1 { String::new() } else { format!(", {}", span.step) };
                self.out.push_str(&format!("range({}, {}{step})", span.start, span.stop));
            }
            Value::Slice(bounds) => self.items(&Items::made(bounds.to_vec()), "slice(", ")", depth),
            Value::Type(name) => self.out.push_str(&format!("<class '{name}'>")),
            Value::Class(number) => {
                let name = self.dump.types().get(*number as usize).map_or("", |one| one.name.as_str());
                self.out.push_str(&format!("<class '{}'>", harmless(name)));
            }
            Value::Function(name) => self.out.push_str(&format!("<built-in function {name}>")),
            Value::Method(method) => {
                let name = method.0.type_name(self.dump);
                self.out.push_str(&format!("<method {} of {}>", method.1, harmless(&name)));
            }
            Value::Bound(bound) => {
                self.out.push_str("<bound method ");
                self.value(&Value::Object(bound.1), depth + 1);
                self.out.push_str(" of ");
                self.value(&bound.0, depth + 1);
                self.out.push('>');
            }
            Value::Iterator(flow) => self.out.push_str(&format!("<{} of an expression: list() goes through it>", flow.name)),
            Value::View(view, of) => {
                let name = match view {
                    View::Keys => "dict_keys([",
                    View::Values => "dict_values([",
                    View::Items => "dict_items([",
                };
                match value.items(self.dump) {
                    Some(items) => self.items(&items, name, "])", depth),
                    None => self.value(of, depth + 1),
                }
            }
            Value::Part(part) => match &**part {
                Part::Array(id, path) => match array_part(&self.dump.object(*id), path) {
                    Some(array) => {
                        let limits = Limits { characters: self.left().max(60), elements: 12, ..Limits::default() };
                        self.out.push_str(&harmless_line(&render_array(&array, limits)));
                    }
                    None => self.out.push('?'),
                },
                Part::Column(..) => match value.items(self.dump) {
                    Some(items) => self.items(&items, "[", "]", depth),
                    None => self.out.push('?'),
                },
            },
        }
    }

    fn more(&mut self, count: u64, what: &str) {
        if count > 0 {
            self.out.push_str(&format!("… {} more {what}", grouped(count)));
        }
    }

    fn items(&mut self, items: &Items, open: &str, close: &str, depth: usize) {
        self.out.push_str(open);
        let length = items.len();
        let mut at = 0;
        while at < length {
            if self.left() == 0 {
                self.out.push_str(if at > 0 { ", " } else { "" });
                self.out.push_str(&format!("… {} more", grouped(length - at)));
                break;
            }
            let Some(item) = items.at(self.dump, at) else { break };
            self.out.push_str(if at > 0 { ", " } else { "" });
            self.value(&item, depth + 1);
            at += 1;
        }
        self.out.push_str(close);
    }

    fn entries(&mut self, entries: &super::values::Entries, depth: usize) {
        self.out.push('{');
        for (at, (key, value)) in entries.pairs().iter().enumerate() {
            self.out.push_str(if at > 0 { ", " } else { "" });
            if self.left() == 0 {
                self.out.push_str(&format!("… {} more", grouped((entries.len() - at) as u64)));
                break;
            }
            self.value(key, depth + 1);
            self.out.push_str(": ");
            self.value(value, depth + 1);
        }
        self.out.push('}');
    }
}

/// A line of the loader without what a terminal obeys.
fn harmless_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
