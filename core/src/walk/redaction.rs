//! Redaction: decided while marking, before a byte is written.
//!
//! A value is withheld when the name it stands under is secret, when it looks like a key itself, or when it contains a
//! value that was withheld: copies in sources, arguments, states and longer texts go with it. Equal secrets get equal
//! placeholders, and a placeholder tells nothing of the secret.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use rustc_hash::{FxHashMap, FxHashSet};

use super::secrets::{is_secret_name, is_secret_value};
use crate::address::Address;
use crate::heap::{EdgeKind, Heap, Name, Sink, Text, TypeId, Value};

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
/// Keys that are plain words and are kept.
const MOST_PLAIN_WORDS: usize = 1 << 17;
/// So many single letters under a secret name spell a secret, if half of them are letters or digits.
const FEWEST_LETTERS: usize = 4;
/// A secret shorter than this is not looked for in other texts.
const SHORTEST_COPY: usize = 6;
/// No more secrets than this are looked for in other texts.
const MOST_COPIES: usize = 256;
/// So many bytes of a secret are looked for in other texts; what begins like a longer one counts as a copy of it.
pub(super) const LONGEST_COPY: usize = 256;
/// So many bytes of a secret are kept, to take them out of texts that stay.
const LONGEST_KEPT: usize = 64 << 10;
/// A name longer than this, or with anything but letters, digits and what joins them, may hold more than a name.
const LONGEST_TOLD: usize = 40;
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
    /// Interned texts of letters that are keys.
    plain_words: FxHashSet<u64>,
    secrets: Vec<Vec<u8>>,
    /// Words that are withheld where they stand alone, and too plain to be looked for in other texts.
    words: FxHashSet<Vec<u8>>,
    /// Bytes of the shortest secret.
    shortest: usize,
    /// Finds any of the secrets.
    finder: Option<AhoCorasick>,
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
            plain_words: FxHashSet::default(),
            secrets: Vec::new(),
            words: FxHashSet::default(),
            shortest: 0,
            finder: None,
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
            let (mut name, mut may_be_word) = (None, false);
            heap.key(*key, &mut |text| {
                may_be_word = is_plain_word(text.as_bytes());
                if is_secret_name(text) && !is_working_directory(text) {
                    name = Some(text.to_owned());
                }
            });
            if may_be_word && self.plain_words.len() < MOST_PLAIN_WORDS && heap.is_interned(*key) {
                self.plain_words.insert(key.0);
            }
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
        match value {
            Value::Text(Text::Ascii(bytes)) | Value::Bytes(bytes) => self.look_at(object, bytes),
            Value::Text(Text::Utf8(text)) => self.look_at(object, text.as_bytes()),
            Value::Text(Text::Latin1(bytes) | Text::Ucs2(bytes) | Text::Ucs4(bytes)) if bytes.len() > LONGEST_KEPT => {}
            // Compared with copies in the form that the file has.
            Value::Text(text) => {
                let mut bytes = Vec::new();
                text.write_wtf8(&mut bytes);
                self.look_at(object, &bytes);
            }
            _ => {}
        }
    }

    #[inline]
    fn look_at(&mut self, object: Address, bytes: &[u8]) {
        if bytes.len() >= 10 && is_secret_value(bytes) {
            self.withhold(object, bytes);
        } else if !self.words.is_empty() && self.words.contains(bytes) {
            self.values.insert(object.0);
        } else if let Some(secret) = bytes.first().filter(|first| **first == b'-').and_then(|_| secret_of_option(bytes)) {
            self.values.insert(object.0);
            self.remember(secret);
        }
    }

    fn withhold(&mut self, object: Address, text: &[u8]) {
        self.values.insert(object.0);
        self.remember(text);
    }

    /// From the decision on copies of the text are withheld too, if it is long enough to be told from others.
    fn remember(&mut self, text: &[u8]) {
        let text = &text[..text.len().min(LONGEST_KEPT)];
        let copied = text.len() >= SHORTEST_COPY && text.iter().any(|byte| !byte.is_ascii_lowercase());
        if (copied || text.len() >= 12) && self.secrets.len() < MOST_COPIES && !self.secrets.iter().any(|known| known == text) {
            self.secrets.push(text.to_vec());
        }
    }

    /// Notes what is withheld of facts, as objects have copies of it: command lines, variables of the environment.
    pub(crate) fn learn(&mut self, facts: &[(String, ciborium::Value)]) {
        let entries = facts.iter().map(|(name, value)| (ciborium::Value::Text(name.clone()), value.clone())).collect();
        let mut found = Vec::new();
        self.scrub_telling(&mut ciborium::Value::Map(entries), &mut |secret| found.push(secret.to_vec()));
        // What names a place is in too many texts, and says less than they would.
        for secret in found.into_iter().filter(|secret| secret.len() >= SHORTEST_COPY && !is_place(secret)) {
            self.remember(&secret);
            self.words.insert(secret);
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
            let mut letters = Vec::new();
            for child in children.drain(..) {
                if looked.insert(child)
                    && let Some(letter) = self.look(heap, child, None)
                {
                    letters.push((child, letter));
                }
            }
            let spelling = letters.iter().filter(|(_, letter)| letter.is_ascii_alphanumeric()).count();
            if letters.len() >= FEWEST_LETTERS && spelling * 2 >= letters.len() {
                self.values.extend(letters.iter().map(|(child, _)| child.0));
            }
        }
        let secrets = std::mem::take(&mut self.secrets);
        self.know(secrets);
    }

    /// From here on copies of these are found; in place of those known before.
    pub(crate) fn know(&mut self, mut secrets: Vec<Vec<u8>>) {
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        self.secrets = secrets;
        self.shortest = self.secrets.last().map_or(0, |secret| beginning(secret).len());
        // The automaton with a table of its own for each state is quicker, and takes megabytes.
        let kind = Some(AhoCorasickKind::ContiguousNFA);
        self.finder = AhoCorasick::builder().kind(kind).build(self.secrets.iter().map(|secret| beginning(secret))).ok();
    }

    /// Withholds the text of an object; gives it if it is a single letter, which tells nothing alone.
    fn look<H: Heap>(&mut self, heap: &mut H, object: Address, children: Option<&mut Vec<Address>>) -> Option<u8> {
        let mut probe = Probe { text: None, letter: None, children };
        let _ = heap.reduce(object, &mut probe);
        // A program that compares its `token` with "name" has not named a secret: there is one such object for all names.
        if let Some(text) = probe.text.filter(|_| !self.plain_words.contains(&object.0)) {
            self.withhold(object, &text);
        }
        probe.letter
    }

    /// Whether the value of the object at this address is withheld.
    #[inline]
    pub(crate) fn withheld(&self, object: Address) -> bool {
        !self.values.is_empty() && self.values.contains(&object.0)
    }

    /// Whether a text contains a value that was withheld.
    #[inline]
    pub(crate) fn copies(&self, text: &[u8]) -> bool {
        if self.secrets.is_empty() || text.len() < self.shortest {
            return false;
        }
        match &self.finder {
            Some(finder) => finder.is_match(text),
            None => self.secrets.iter().any(|secret| find(text, beginning(secret)).is_some()),
        }
    }

    /// The values of which copies are found, the longest first.
    pub(crate) fn secrets(&self) -> &[Vec<u8>] {
        &self.secrets
    }

    /// Number of values withheld.
    pub(crate) fn count(&self) -> u64 {
        self.values.len() as u64
    }

    /// The text without what was withheld.
    pub(crate) fn scrub_text(&self, text: &mut String) {
        if self.level == Redaction::None || !self.copies(text.as_bytes()) {
            return;
        }
        for (number, secret) in self.secrets.iter().enumerate() {
            let mut from = 0;
            while let Some(at) = find(&text.as_bytes()[from..], beginning(secret)).map(|at| from + at) {
                let alike = text.as_bytes()[at..].iter().zip(secret).take_while(|(one, other)| one == other).count();
                // Of a secret that was not kept whole nobody knows where it ends.
                let end = if alike == LONGEST_KEPT { text.len() } else { text.ceil_char_boundary(at + alike) };
                let placeholder = format!("<redacted:{}>", number + 1);
                let start = text.floor_char_boundary(at);
                text.replace_range(start..end, &placeholder);
                from = start + placeholder.len();
            }
        }
    }

    /// The names under which something was withheld, without what else they may hold.
    pub(crate) fn told_names(&self) -> Vec<String> {
        let plain = |name: &str| {
            name.len() <= LONGEST_TOLD && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        };
        let mut told: Vec<String> = self.names.iter().filter(|name| plain(name)).cloned().collect();
        for name in &mut told {
            self.scrub_text(name);
        }
        if told.len() < self.names.len() {
            told.push("<keys that are more than a name>".to_owned());
        }
        told
    }

    /// The placeholder of a withheld value: equal for equal values.
    pub(crate) fn placeholder(&self, text: &[u8]) -> String {
        let text = &text[..text.len().min(LONGEST_KEPT)];
        match self.secrets.iter().position(|secret| secret == text) {
            Some(number) => format!("<redacted:{}>", number + 1),
            None => String::new(),
        }
    }

    /// Whether encoded facts may hold a secret, so that [`Redactor::scrub`] must look at them one by one. What is no CBOR is
    /// suspect.
    pub(crate) fn suspects(&self, encoded: &[u8]) -> bool {
        if self.level == Redaction::None {
            return encoded.is_empty();
        }
        if self.copies(encoded) {
            return true;
        }
        let suspect = |text: &[u8]| {
            let option = text.starts_with(b"-") && text.contains(&b'=');
            option || is_secret_value(text) || std::str::from_utf8(text).is_ok_and(is_secret_name)
        };
        let mut texts = Texts(encoded);
        encoded.is_empty() || texts.any(suspect) || !texts.0.is_empty()
    }

    /// Takes secrets out of a fact: values under secret names, values that look like keys, copies.
    pub(crate) fn scrub(&self, value: &mut ciborium::Value) {
        self.scrub_telling(value, &mut |_| {});
    }

    /// As [`Redactor::scrub`]; `tell` is told what is withheld for its name or its looks.
    fn scrub_telling(&self, value: &mut ciborium::Value, tell: &mut dyn FnMut(&[u8])) {
        if self.level == Redaction::None {
            return;
        }
        // Facts are as deep as the reducer that made them; CBOR's own limit is 256.
        match value {
            ciborium::Value::Map(entries) => {
                for (key, value) in entries {
                    match key.as_text() {
                        Some(name)
                            if is_secret_name(name)
                                && !is_working_directory(name)
                                && matches!(value, ciborium::Value::Text(_) | ciborium::Value::Bytes(_)) =>
                        {
                            tell(value.as_text().map(str::as_bytes).or(value.as_bytes().map(Vec::as_slice)).unwrap_or_default());
                            *value = ciborium::Value::Text("<redacted>".into());
                        }
                        _ => self.scrub_telling(value, tell),
                    }
                }
            }
            ciborium::Value::Array(items) => {
                let mut secret = false;
                for item in items {
                    let option = item.as_text().map(str::to_owned);
                    let is_option = option.as_ref().is_some_and(|word| word.starts_with('-'));
                    if std::mem::take(&mut secret) && item.is_text() && !is_option {
                        tell(option.unwrap_or_default().as_bytes());
                        *item = ciborium::Value::Text("<redacted>".into());
                        continue;
                    }
                    if let Some(option) = option.filter(|option| option.starts_with('-')) {
                        match option.split_once('=') {
                            Some((name, secret)) if is_secret_name(name) => {
                                tell(secret.as_bytes());
                                *item = ciborium::Value::Text(format!("{name}=<redacted>"));
                                continue;
                            }
                            None => secret = is_secret_name(&option) && !is_switch(&option),
                            Some(_) => {}
                        }
                    }
                    self.scrub_telling(item, tell);
                }
            }
            ciborium::Value::Text(text) => {
                if is_secret_value(text.as_bytes()) {
                    tell(text.as_bytes());
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

/// What an option with a secret name gives, as `--password=…` does.
fn secret_of_option(option: &[u8]) -> Option<&[u8]> {
    let equals = option.iter().take(LONGEST_KEPT).position(|byte| *byte == b'=')?;
    let (name, value) = (option.get(..equals)?, option.get(equals + 1..)?);
    // A text that begins with a hyphen may be more than an option.
    let is_option = name.iter().all(|letter| letter.is_ascii_alphanumeric() || b"-_.".contains(letter));
    (is_option && std::str::from_utf8(name).is_ok_and(is_secret_name)).then_some(value)
}

/// Whether this may be a name that a program uses.
fn is_plain_word(text: &[u8]) -> bool {
    text.len() <= LONGEST_TOLD && text.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
}

/// Whether an option with a secret name takes no value.
fn is_switch(option: &str) -> bool {
    let name = option.trim_start_matches('-');
    ["no", "disable", "enable", "use", "with", "without", "skip", "ask", "prompt"]
        .iter()
        .any(|word| name.strip_prefix(word).is_some_and(|rest| rest.starts_with(['-', '_'])))
}

/// Whether this is the variable in which a shell keeps the folder that it is in, and no password.
pub(crate) fn is_working_directory(name: &str) -> bool {
    name == "PWD"
}

/// Whether a value is where something is, and so in many texts.
fn is_place(value: &[u8]) -> bool {
    ["/", "./", "../", "~/"].iter().any(|start| value.starts_with(start.as_bytes())) || find(value, b"://").is_some()
}

/// What is looked for of a secret.
fn beginning(secret: &[u8]) -> &[u8] {
    &secret[..secret.len().min(LONGEST_COPY)]
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    let (first, rest) = word.split_first()?;
    let starts = text.iter().enumerate().filter(|(_, byte)| *byte == first);
    starts.map(|(at, _)| at).find(|at| text[at + 1..].starts_with(rest))
}

/// The texts and byte strings among CBOR items, nested ones included; stops before what is no CBOR.
struct Texts<'a>(&'a [u8]);

impl<'a> Iterator for Texts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let (first, rest) = self.0.split_first()?;
            let (kind, short) = (first >> 5, first & 0x1f);
            let width = match short {
                0..24 | 31 => 0,
                24..28 => 1 << (short - 24),
                _ => return None,
            };
            let (argument, rest) = rest.split_at_checked(width)?;
            let number = argument.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            let length = if width == 0 { u64::from(short) } else { number };
            if !matches!(kind, 2 | 3) || short == 31 {
                self.0 = rest;
                continue;
            }
            let (text, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            self.0 = rest;
            return Some(text);
        }
    }
}

/// Asks an object for its text and its children.
struct Probe<'c> {
    text: Option<Vec<u8>>,
    letter: Option<u8>,
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
        // Single letters, flags, counts and small numbers tell nothing, and the runtime shares them.
        match value {
            Value::Text(Text::Ascii([letter]) | Text::Latin1([letter])) | Value::Bytes([letter]) => {
                self.letter = Some(*letter);
                return;
            }
            Value::Text(value) => value.write_wtf8(&mut text),
            Value::Bytes(value) => text.extend_from_slice(value),
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

#[cfg(test)]
#[path = "redaction_tests.rs"]
mod tests;
