//! One line that shows an object the way its language would write it, bounded in length, depth and width. Nothing of the
//! program runs: what an object's own `__repr__` would say is not asked for.

mod instance;

use std::fmt::Write;

use ciborium::Value;
use heapsake_core::format::Target;
use heapsake_core::heap::TypeKind;
use heapsake_core::reduce::Reason;
use heapsake_core::wtf8::LoneSurrogate;

use crate::array::{Array, COMPLEX, Cell};
use crate::object::{Object, ObjectId, PlainValue};
use crate::table::{Table, Values};

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Characters of the line.
    pub characters: usize,
    /// Elements of one container.
    pub elements: usize,
    /// Nesting.
    pub depth: usize,
    /// Characters of one text.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { characters: 200, elements: 8, depth: 3, text: 80 }
    }
}

/// An object in one line.
pub fn render(object: &Object<'_>, limits: Limits) -> String {
    let mut renderer = Renderer { out: String::new(), limits, open: Vec::new() };
    renderer.object(object, 0);
    let mut out = renderer.out;
    if out.chars().count() > limits.characters {
        let end = out.char_indices().nth(limits.characters.saturating_sub(1)).map_or(out.len(), |(at, _)| at);
        out.truncate(end);
        out.push('…');
    }
    out
}

/// An array, or a part of one, in one line.
pub fn render_array(array: &Array<'_>, limits: Limits) -> String {
    let mut renderer = Renderer { out: String::new(), limits, open: Vec::new() };
    renderer.array(array, 0);
    renderer.out
}

/// Text of a dump without what a terminal would act on: a dump is hostile input.
pub fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == '\t' || letter == '\n' || !letter.is_control() {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_unicode());
        }
    }
    shown
}

/// The same on one line, cut after `most` characters, and without what changes the order in which a line is read: a name.
pub fn harmless_line(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for letter in text.chars().take(most) {
        if letter.is_control() || is_unsafe(letter) {
            shown.extend(letter.escape_unicode());
        } else {
            shown.push(letter);
        }
    }
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

struct Renderer {
    out: String,
    limits: Limits,
    /// Containers that are being shown, for cycles.
    open: Vec<ObjectId>,
}

impl Renderer {
    fn full(&self) -> bool {
        self.out.len() > self.limits.characters * 4
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn target(&mut self, object: &Object<'_>, target: Target, depth: usize) {
        match (object.follow(target), target) {
            (Some(there), _) => self.object(&there, depth),
            (None, Target::Stray(address)) => {
                let _ = write!(self.out, "<nothing readable at {address}>");
            }
            (None, _) => self.push("None"),
        }
    }

    /// Recurses at most `limits.depth` deep.
    fn object(&mut self, object: &Object<'_>, depth: usize) {
        let name = object.type_name();
        let short = name.rsplit('.').next().unwrap_or(name);
        if let Some((reason, detail)) = object.surrogate() {
            match (reason, detail.as_str()) {
                (Reason::Redacted, "") => self.push(&format!("<redacted {name}>")),
                (Reason::Redacted, placeholder) => self.push(placeholder),
                (reason, "") => self.push(&format!("<{name} {reason}>")),
                (reason, detail) => self.push(&format!("<{name} {reason}: {detail}>")),
            }
            return;
        }
        if let Some(summary) = object.reduction().and_then(|reduction| reduction.summary.as_deref()) {
            self.push(&format!("<{name}: "));
            self.plain(summary);
            self.push(">");
            return;
        }
        let exact = !name.contains('.');
        let kind = object.kind();
        if !exact && !matches!(kind, TypeKind::Object | TypeKind::Exception | TypeKind::Type) {
            self.push(short);
            self.push("(");
        }
        match kind {
            TypeKind::None => self.push("None"),
            TypeKind::Bool => self.push(if object.value() == PlainValue::Int(0) { "False" } else { "True" }),
            TypeKind::Int | TypeKind::Float | TypeKind::Complex | TypeKind::Str | TypeKind::Bytes | TypeKind::Bytearray => {
                self.value(object, kind);
            }
            TypeKind::List => self.elements(object, "[", "]", depth),
            TypeKind::Tuple => self.elements(object, "(", if object.len() == 1 { ",)" } else { ")" }, depth),
            TypeKind::Set | TypeKind::Frozenset if object.is_empty() => self.push(match (exact, kind) {
                (false, _) => "",
                (true, TypeKind::Set) => "set()",
                _ => "frozenset()",
            }),
            TypeKind::Frozenset if !exact => self.elements(object, "{", "}", depth),
            TypeKind::Set => self.elements(object, "{", "}", depth),
            TypeKind::Frozenset => self.elements(object, "frozenset({", "})", depth),
            TypeKind::Mapping if matches!(name, "mappingproxy" | "frozendict") => {
                self.push(name);
                self.push("(");
                self.entries(object, depth);
                self.push(")");
            }
            TypeKind::Dict | TypeKind::Mapping => self.entries(object, depth),
            TypeKind::Sequence if !object.is_empty() => self.elements(object, "[", "]", depth),
            TypeKind::Type => {
                let name = object.dump().types().iter().find(|known| known.object == Some(object.id().0));
                let shown = name.map(|known| known.name.clone()).or_else(|| self.named(object, "__qualname__"));
                self.push(&format!("<class {}>", shown.unwrap_or_default()));
            }
            TypeKind::Module => {
                let name = self.named(object, "__name__").unwrap_or_default();
                self.push(&format!("<module {name}>"));
            }
            TypeKind::Function | TypeKind::Builtin => {
                let name = self.named(object, "__qualname__").or_else(|| self.named(object, "__name__")).unwrap_or_default();
                self.push(&format!("<{short} {name}>"));
            }
            TypeKind::Exception => {
                self.push(short);
                match object.attribute_object("args") {
                    Some(arguments) => self.elements(&arguments, "(", ")", depth),
                    None => self.push("(…)"),
                }
            }
            TypeKind::Code => {
                let name = self.named(object, "co_name").unwrap_or_default();
                self.push(&format!("<code {name}>"));
            }
            _ => self.instance(object, depth),
        }
        if !exact && !matches!(kind, TypeKind::Object | TypeKind::Exception | TypeKind::Type) {
            self.push(")");
        }
    }

    fn named(&self, object: &Object<'_>, name: &str) -> Option<String> {
        match object.attribute(name)? {
            crate::AttributeValue::Target(target) => object.follow(target)?.text(),
            crate::AttributeValue::Plain(value) => value.into_text().ok(),
            crate::AttributeValue::Locals(_) => None,
        }
    }

    fn value(&mut self, object: &Object<'_>, kind: TypeKind) {
        let cut = (self.limits.text * 4) as u64;
        let length = object.value_length().unwrap_or(0);
        match kind {
            TypeKind::Str => self.quoted_wtf8(&object.value_head(cut), length > cut),
            TypeKind::Bytes | TypeKind::Bytearray => {
                let head = object.value_head(self.limits.text as u64);
                let more = if length > head.len() as u64 { "…" } else { "" };
                let (open, close) = if object.type_name() == "bytearray" { ("bytearray(", ")") } else { ("", "") };
                self.push(&format!("{open}b'{}{more}'{close}", head.escape_ascii()));
            }
            _ => match object.value() {
                PlainValue::Int(number) => self.push(&number.to_string()),
                PlainValue::BigInt { negative, magnitude } => {
                    let sign = if negative { "-" } else { "" };
                    let digits: String =
                        magnitude.iter().rev().take(16).fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
                    let more = if magnitude.len() > 16 { "…" } else { "" };
                    self.push(&format!("{sign}0x{}{more}", digits.trim_start_matches('0')));
                }
                PlainValue::Float(number) => self.push(&float(number)),
                PlainValue::Complex(real, imaginary) => self.push(&complex(real, imaginary)),
                PlainValue::Nothing | PlainValue::Text(_) | PlainValue::Bytes(_) => self.push("?"),
            },
        }
    }

    /// Text as it is, on one line and cut.
    fn plain(&mut self, text: &str) {
        let most = self.limits.text * 2;
        for letter in text.chars().take(most) {
            let shown = if letter.is_control() || is_unsafe(letter) { ' ' } else { letter };
            self.out.push(shown);
        }
        if text.chars().nth(most).is_some() {
            self.out.push('…');
        }
    }

    fn quoted(&mut self, text: &str, cut: bool) {
        self.quoted_wtf8(text.as_bytes(), cut);
    }

    /// Text that may have surrogates without their other half; they are shown as Python does.
    fn quoted_wtf8(&mut self, text: &[u8], cut: bool) {
        let quote = if text.contains(&b'\'') && !text.contains(&b'"') { '"' } else { '\'' };
        self.out.push(quote);
        let (mut rest, mut left) = (text, self.limits.text);
        while !rest.is_empty() && left > 0 {
            let surrogate = LoneSurrogate::find(rest);
            let (letters, after) = rest.split_at(surrogate.map_or(rest.len(), |surrogate| surrogate.at));
            let valid = String::from_utf8_lossy(letters);
            // What is cut may be cut inside of a character.
            let valid = if cut && after.is_empty() { valid.trim_end_matches('\u{fffd}') } else { &valid };
            for letter in valid.chars().take(left) {
                self.quoted_letter(letter, quote);
            }
            let count = valid.chars().count();
            rest = if count > left { letters } else { after };
            left = left.saturating_sub(count);
            if let (Some(surrogate), true) = (surrogate, left > 0) {
                let _ = write!(self.out, "\\u{:04x}", surrogate.code);
                (rest, left) = (&after[LoneSurrogate::LENGTH..], left - 1);
            }
        }
        if cut || !rest.is_empty() {
            self.out.push('…');
        }
        self.out.push(quote);
    }

    fn quoted_letter(&mut self, letter: char, quote: char) {
        match letter {
            '\n' => self.push("\\n"),
            '\r' => self.push("\\r"),
            '\t' => self.push("\\t"),
            '\\' => self.push("\\\\"),
            letter if letter == quote => {
                self.out.push('\\');
                self.out.push(letter);
            }
            letter if letter.is_control() || is_unsafe(letter) => {
                let _ = write!(self.out, "\\u{:04x}", u32::from(letter));
            }
            letter => self.out.push(letter),
        }
    }

    /// Opens a container, unless it is open already or too deep; whether it did.
    fn enter(&mut self, object: &Object<'_>, depth: usize, open: &str, close: &str) -> bool {
        let again = self.open.contains(&object.id());
        if again || depth >= self.limits.depth || self.full() {
            let inside = if object.is_empty() { "" } else { "…" };
            self.push(&format!("{open}{inside}{close}"));
            return false;
        }
        self.open.push(object.id());
        self.push(open);
        true
    }

    fn leave(&mut self, shown: usize, length: u64, close: &str) {
        if length > shown as u64 {
            let _ = write!(self.out, "{}… {} more", if shown == 0 { "" } else { ", " }, length - shown as u64);
        }
        self.push(close);
        self.open.pop();
    }

    fn elements(&mut self, object: &Object<'_>, open: &str, close: &str, depth: usize) {
        if !self.enter(object, depth, open, close) {
            return;
        }
        let elements = object.elements(0, self.limits.elements as u64);
        for (at, element) in elements.iter().enumerate() {
            if at > 0 {
                self.push(", ");
            }
            self.target(object, *element, depth + 1);
        }
        self.leave(elements.len(), object.len(), close);
    }

    fn entries(&mut self, object: &Object<'_>, depth: usize) {
        if !self.enter(object, depth, "{", "}") {
            return;
        }
        let entries = object.entries(0, self.limits.elements as u64);
        for (at, (key, value)) in entries.iter().enumerate() {
            if at > 0 {
                self.push(", ");
            }
            self.target(object, *key, depth + 1);
            self.push(": ");
            self.target(object, *value, depth + 1);
        }
        self.leave(entries.len(), object.len(), "}");
    }

    /// A range or a slice, as Python writes it.
    fn bounds(&mut self, object: &Object<'_>, depth: usize) {
        self.push(object.type_name());
        self.push("(");
        let range = object.type_name() == "range";
        for (at, name) in ["start", "stop", "step"].into_iter().enumerate() {
            let plain = match object.attribute(name) {
                Some(crate::AttributeValue::Plain(value)) => value.as_integer().map(i128::from),
                _ => None,
            };
            if range && name == "step" && plain == Some(1) {
                break;
            }
            self.push(if at > 0 { ", " } else { "" });
            match (plain, object.attribute_object(name)) {
                (Some(number), _) => self.push(&number.to_string()),
                (None, Some(bound)) => self.object(&bound, depth + 1),
                (None, None) => self.push("?"),
            }
        }
        self.push(")");
    }

    /// An array, as NumPy writes it, and its shape.
    fn array(&mut self, array: &Array<'_>, depth: usize) {
        let name = array.object().type_name();
        let short = name.rsplit('.').next().unwrap_or(name);
        if array.is_scalar() {
            self.push(short);
            self.push("(");
            self.cells(array, depth);
            return self.push(")");
        }
        self.push(if short == "ndarray" { "array" } else { short });
        self.push("(");
        self.cells(array, depth);
        let shape: Vec<String> = array.shape().iter().map(u64::to_string).collect();
        let comma = if shape.len() == 1 { "," } else { "" };
        self.push(&format!(", dtype={}) shape ({}{comma})", array.dtype(), shape.join(", ")));
    }

    /// Elements, a list a dimension. Recurses as deep as there are dimensions, of which the first elements alone are shown.
    fn cells(&mut self, array: &Array<'_>, depth: usize) {
        let Some(count) = array.shape().first().copied() else {
            return match array.cell(&[]) {
                Some(cell) => self.cell(array.object(), &cell, depth),
                None => self.push("…"),
            };
        };
        if self.full() {
            return self.push("[…]");
        }
        self.push("[");
        let shown = count.min(self.limits.elements as u64);
        if array.shape().len() == 1 {
            for (at, cell) in array.cells(0, shown).iter().enumerate() {
                self.push(if at > 0 { ", " } else { "" });
                self.cell(array.object(), cell, depth);
            }
        } else {
            for at in 0..shown {
                self.push(if at > 0 { ", " } else { "" });
                match array.part(at as i64) {
                    Some(part) => self.cells(&part, depth),
                    None => self.push("…"),
                }
            }
        }
        self.push(if count > shown { ", …]" } else { "]" });
    }

    fn cell(&mut self, object: &Object<'_>, cell: &Cell, depth: usize) {
        match cell {
            Cell::Target(target) => self.target(object, *target, depth + 1),
            Cell::Plain(value) => {
                let shown = shown_fact(value, self.limits);
                self.push(&shown);
            }
            Cell::Missing => self.push("?"),
        }
    }

    /// A table by its shape and first rows.
    fn table(&mut self, object: &Object<'_>, table: &Table<'_>, depth: usize) {
        const ROWS: u64 = 4;
        let name = object.type_name();
        let short = name.rsplit('.').next().unwrap_or(name);
        let few = self.limits.elements as u64;
        self.push(&format!("{short}("));
        let Some(width) = table.width() else {
            self.values(object, &table.column(0), few, depth);
            return self.push(&format!(") shape ({},)", table.rows()));
        };
        self.push("{");
        for column in 0..width.min(few) {
            self.push(if column > 0 { ", " } else { "" });
            let label = table.columns().map_or(Cell::Missing, |labels| labels.get(column));
            self.cell(object, &label, depth);
            self.push(": ");
            self.values(object, &table.column(column), ROWS, depth);
        }
        self.push(if width > few { ", …}" } else { "}" });
        self.push(&format!(") shape ({}, {width})", table.rows()));
    }

    fn values(&mut self, object: &Object<'_>, values: &Values<'_>, most: u64, depth: usize) {
        if let Values::Unknown(count) = values {
            return self.push(&format!("<{count} values that are not in the dump>"));
        }
        self.push("[");
        for at in 0..values.len().min(most) {
            self.push(if at > 0 { ", " } else { "" });
            self.cell(object, &values.get(at), depth);
        }
        self.push(if values.len() > most { ", …]" } else { "]" });
    }
}

/// A fact, as Python writes it: numbers, texts, bytes; a map as a structure's values.
pub fn shown_fact(value: &Value, limits: Limits) -> String {
    let mut renderer = Renderer { out: String::new(), limits, open: Vec::new() };
    renderer.fact(value, 0);
    renderer.out
}

impl Renderer {
    /// Recurses as deep as a fact does, which the decoder limits.
    fn fact(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Null => self.push("None"),
            Value::Bool(flag) => self.push(if *flag { "True" } else { "False" }),
            Value::Integer(number) => self.push(&i128::from(*number).to_string()),
            Value::Float(number) => self.push(&float(*number)),
            Value::Text(text) => self.quoted(text, false),
            Value::Bytes(bytes) => {
                let head = &bytes[..bytes.len().min(self.limits.text)];
                let more = if head.len() < bytes.len() { "…" } else { "" };
                self.push(&format!("b'{}{more}'", head.escape_ascii()));
            }
            Value::Tag(COMPLEX, parts) => match parts.as_array().map(Vec::as_slice) {
                Some([Value::Float(real), Value::Float(imaginary)]) => self.push(&complex(*real, *imaginary)),
                _ => self.push("?"),
            },
            Value::Tag(_, inner) => self.fact(inner, depth),
            Value::Array(items) => {
                let items: Vec<&Value> = items.iter().collect();
                self.facts(&items, "[", "]", depth);
            }
            Value::Map(entries) => {
                let values: Vec<&Value> = entries.iter().map(|(_, value)| value).collect();
                self.facts(&values, "(", ")", depth);
            }
            _ => self.push("?"),
        }
    }

    fn facts(&mut self, items: &[&Value], open: &str, close: &str, depth: usize) {
        if depth >= self.limits.depth || self.full() {
            return self.push(&format!("{open}…{close}"));
        }
        self.push(open);
        for (at, item) in items.iter().take(self.limits.elements).enumerate() {
            self.push(if at > 0 { ", " } else { "" });
            self.fact(item, depth + 1);
        }
        self.push(if items.len() > self.limits.elements { ", …" } else { "" });
        self.push(close);
    }
}

fn float(number: f64) -> String {
    if number.is_nan() {
        "nan".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "inf".to_owned() } else { "-inf".to_owned() }
    } else {
        let shown = format!("{number:?}");
        match shown.split_once('e') {
            Some((digits, exponent)) => {
                let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
                format!("{digits}e{sign}{exponent:0>2}")
            }
            None => shown,
        }
    }
}

fn complex(real: f64, imaginary: f64) -> String {
    let part = |number| float(number).trim_end_matches(".0").to_owned();
    if real == 0.0 && real.is_sign_positive() {
        return format!("{}j", part(imaginary));
    }
    let sign = if imaginary.is_sign_negative() && !imaginary.is_nan() { "" } else { "+" };
    format!("({}{sign}{}j)", part(real), part(imaginary))
}

/// Characters that change how a terminal shows the line: bidirectional overrides and the like.
fn is_unsafe(letter: char) -> bool {
    matches!(u32::from(letter), 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfeff)
}
