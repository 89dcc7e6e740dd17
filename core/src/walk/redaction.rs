//! Redaction: decided while marking, before a byte is written.
//!
//! A value is withheld when the name it stands under is secret, when it looks like a key itself, or when it contains a
//! value that was withheld: copies in sources, arguments, states and longer texts go with it. Equal secrets get equal
//! placeholders, and a placeholder tells nothing of the secret.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use super::secrets::{is_secret_name, is_secret_value};
use crate::address::Address;
use crate::heap::{EdgeKind, Heap, Name, Sink, TypeId, Value};

/// How much is withheld.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Redaction {
    /// Nothing.
    None,
    /// Values under secret names, values that look like keys, and their copies.
    #[default]
    Names,
    /// Every number, text and string of bytes; types, sizes, names of attributes and the graph stay.
    AllValues,
}

impl Redaction {
    /// The word in the header and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Redaction::None => "none",
            Redaction::Names => "names",
            Redaction::AllValues => "all-values",
        }
    }

    /// The level with this word.
    pub fn from_word(word: &str) -> Option<Redaction> {
        [Redaction::None, Redaction::Names, Redaction::AllValues].into_iter().find(|level| level.word() == word)
    }
}

const KEY_CACHE: usize = 1 << 12;
/// Keys that wait for their text; then the object is told again from there.
const QUEUE: usize = 1 << 17;
/// Names met whose verdict is kept.
const KNOWN_TEXTS: usize = 1 << 14;
/// A secret shorter than this is not looked for in other texts.
const SHORTEST_COPY: usize = 6;
/// No more secrets than this are looked for in other texts.
const MOST_COPIES: usize = 256;
/// Children of a container under a secret name that are looked at.
const MOST_CHILDREN: usize = 10_000;

/// What is to be withheld.
#[derive(Debug)]
pub(crate) struct Redactor {
    pub(crate) level: Redaction,
    texts: FxHashMap<Box<str>, bool>,
    keys: Vec<(u64, bool)>,
    queue: Vec<(Address, Address)>,
    pub(crate) overflow: bool,
    targets: Vec<Address>,
    pub(crate) names: BTreeSet<String>,
    values: FxHashSet<u64>,
    pub(super) secrets: Vec<Vec<u8>>,
}

impl Redactor {
    pub(crate) fn new(level: Redaction) -> Redactor {
        Redactor {
            level,
            texts: FxHashMap::default(),
            keys: vec![(0, false); KEY_CACHE],
            queue: Vec::new(),
            overflow: false,
            targets: Vec::new(),
            names: BTreeSet::new(),
            values: FxHashSet::default(),
            secrets: Vec::new(),
        }
    }

    #[inline]
    pub(crate) fn edge(&mut self, kind: EdgeKind, name: Name<'_>, target: Address) {
        if self.level != Redaction::Names || target.is_null() || !matches!(kind, EdgeKind::Attribute | EdgeKind::Local) {
            return;
        }
        match name {
            Name::Object(key) => self.entry(key, target),
            Name::Text(text) => self.named(text, target),
            Name::Index(_) => {}
        }
    }

    /// Notes what stands under the name `text`.
    pub(crate) fn named(&mut self, text: &str, target: Address) {
        let secret = if let Some(secret) = self.texts.get(text) {
            *secret
        } else {
            let secret = is_secret_name(text);
            if self.texts.len() < KNOWN_TEXTS {
                self.texts.insert(text.into(), secret);
            }
            secret
        };
        if secret {
            self.secret(text, target);
        }
    }

    fn secret(&mut self, name: &str, target: Address) {
        self.targets.push(target);
        if self.names.len() < 1000 {
            self.names.insert(name.to_owned());
        }
    }

    /// Notes what stands under a key; whether there was room for it.
    #[inline]
    pub(crate) fn entry(&mut self, key: Address, target: Address) {
        if self.level != Redaction::Names || self.overflow {
            return;
        }
        match self.keys[(key.0 >> 4 ^ key.0 >> 16) as usize & (KEY_CACHE - 1)] {
            (known, false) if known == key.0 => {}
            _ if self.queue.len() == QUEUE => self.overflow = true,
            _ => self.queue.push((key, target)),
        }
    }

    /// Whether [`Redactor::resolve`] has something to do.
    #[inline]
    pub(crate) fn waits(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Looks at the texts of the keys that wait.
    pub(crate) fn resolve<H: Heap>(&mut self, heap: &H) {
        let queue = std::mem::take(&mut self.queue);
        for (key, target) in &queue {
            let mut name = None;
            heap.text(*key, &mut |text| {
                if is_secret_name(text) {
                    name = Some(text.to_owned());
                }
            });
            self.keys[(key.0 >> 4 ^ key.0 >> 16) as usize & (KEY_CACHE - 1)] = (key.0, name.is_some());
            if let Some(name) = name {
                self.secret(&name, *target);
            }
        }
        self.queue = queue;
        self.queue.clear();
        self.overflow = false;
    }

    /// Looks at a value that is being marked.
    #[inline]
    pub(crate) fn value(&mut self, object: Address, value: &Value<'_>) {
        if self.level != Redaction::Names {
            return;
        }
        let bytes = match value {
            Value::Text(crate::heap::Text::Ascii(bytes) | crate::heap::Text::Latin1(bytes)) | Value::Bytes(bytes) => *bytes,
            Value::Text(crate::heap::Text::Utf8(text)) => text.as_bytes(),
            _ => return,
        };
        if bytes.len() >= 10 && is_secret_value(bytes) {
            self.withhold(object, bytes);
        }
    }

    fn withhold(&mut self, object: Address, text: &[u8]) {
        self.values.insert(object.0);
        let copied = text.len() >= SHORTEST_COPY && text.iter().any(|byte| !byte.is_ascii_lowercase());
        if (copied || text.len() >= 12) && self.secrets.len() < MOST_COPIES && !self.secrets.iter().any(|known| known == text) {
            self.secrets.push(text.to_vec());
        }
    }

    /// Decides on what stands under secret names, after everything was marked.
    pub(crate) fn decide<H: Heap>(&mut self, heap: &mut H) {
        let targets = std::mem::take(&mut self.targets);
        let mut children = Vec::new();
        let mut looked = FxHashSet::default();
        for target in targets {
            if looked.insert(target) {
                self.look(heap, target, Some(&mut children));
            }
            for child in children.drain(..) {
                if looked.insert(child) {
                    self.look(heap, child, None);
                }
            }
        }
        self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    fn look<H: Heap>(&mut self, heap: &mut H, object: Address, children: Option<&mut Vec<Address>>) {
        let mut probe = Probe { text: None, children };
        let _ = heap.reduce(object, &mut probe);
        if let Some(text) = probe.text {
            self.withhold(object, &text);
        }
    }

    /// Whether the value of the object at this address is withheld.
    #[inline]
    pub(crate) fn withheld(&self, object: Address) -> bool {
        !self.values.is_empty() && self.values.contains(&object.0)
    }

    /// Whether a text contains a value that was withheld.
    pub(crate) fn copies(&self, text: &[u8]) -> bool {
        self.secrets.iter().any(|secret| find(text, secret).is_some())
    }

    /// Number of values withheld.
    pub(crate) fn count(&self) -> u64 {
        self.values.len() as u64
    }

    /// The text without what was withheld.
    pub(crate) fn scrub_text(&self, text: &mut String) {
        if self.level == Redaction::None {
            return;
        }
        for (number, secret) in self.secrets.iter().enumerate() {
            if let Ok(secret) = std::str::from_utf8(secret)
                && text.contains(secret)
            {
                *text = text.replace(secret, &format!("<redacted:{}>", number + 1));
            }
        }
    }

    /// The placeholder of a withheld value: equal for equal values.
    pub(crate) fn placeholder(&self, text: &[u8]) -> String {
        match self.secrets.iter().position(|secret| secret == text) {
            Some(number) => format!("<redacted:{}>", number + 1),
            None => String::new(),
        }
    }

    /// Takes secrets out of a fact: values under secret names, values that look like keys, copies.
    pub(crate) fn scrub(&self, value: &mut ciborium::Value) {
        if self.level == Redaction::None {
            return;
        }
        // Facts are as deep as the reducer that made them; CBOR's own limit is 256.
        match value {
            ciborium::Value::Map(entries) => {
                for (key, value) in entries {
                    match key.as_text() {
                        Some(name)
                            if is_secret_name(name) && matches!(value, ciborium::Value::Text(_) | ciborium::Value::Bytes(_)) =>
                        {
                            *value = ciborium::Value::Text("<redacted>".into());
                        }
                        _ => self.scrub(value),
                    }
                }
            }
            ciborium::Value::Array(items) => {
                let mut secret = false;
                for item in items {
                    let option = item.as_text().map(str::to_owned);
                    if std::mem::take(&mut secret) && item.is_text() {
                        *item = ciborium::Value::Text("<redacted>".into());
                        continue;
                    }
                    if let Some(option) = option.filter(|option| option.starts_with('-')) {
                        match option.split_once('=') {
                            Some((name, _)) if is_secret_name(name) => {
                                *item = ciborium::Value::Text(format!("{name}=<redacted>"));
                                continue;
                            }
                            None => secret = is_secret_name(&option),
                            Some(_) => {}
                        }
                    }
                    self.scrub(item);
                }
            }
            ciborium::Value::Text(text) => {
                if is_secret_value(text.as_bytes()) {
                    "<redacted>".clone_into(text);
                } else {
                    self.scrub_text(text);
                }
            }
            ciborium::Value::Bytes(bytes) if is_secret_value(bytes) || self.copies(bytes) => bytes.clear(),
            _ => {}
        }
    }
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    let (first, rest) = word.split_first()?;
    let mut from = 0;
    while let Some(at) = text.get(from..)?.iter().position(|byte| byte == first) {
        if text[from + at + 1..].starts_with(rest) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// Asks an object for its text and its children.
struct Probe<'c> {
    text: Option<Vec<u8>>,
    children: Option<&'c mut Vec<Address>>,
}

impl Probe<'_> {
    fn child(&mut self, target: Address) {
        if let Some(children) = &mut self.children
            && children.len() < MOST_CHILDREN
            && !target.is_null()
        {
            children.push(target);
        }
    }
}

impl Sink for Probe<'_> {
    fn begin(&mut self, _: TypeId, _: u64) {}

    fn value(&mut self, value: Value<'_>) {
        let mut text = Vec::new();
        match value {
            Value::Text(value) => value.write_wtf8(&mut text),
            Value::Bytes(value) => text.extend_from_slice(value),
            // Flags, counts and small numbers tell nothing, and the runtime shares them.
            Value::Integer(value) if value.magnitude().1.len() >= 2 => text.extend(value.magnitude().1),
            Value::Integer(_) | Value::Float(_) | Value::Complex(..) => return,
        }
        if !text.is_empty() {
            self.text = Some(text);
        }
    }

    // An instance's attributes have names of their own, which decide.
    fn edge(&mut self, _: EdgeKind, _: Name<'_>, _: Address) {}

    fn element(&mut self, target: Address) {
        self.child(target);
    }

    fn entry(&mut self, _: Address, value: Address) {
        self.child(value);
    }

    fn state(&mut self, _: &dyn erased_serde::Serialize) {}
}
