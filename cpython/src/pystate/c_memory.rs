//! What CPython holds in memory of C, and in no object: handlers of signals, functions of `atexit`, audit hooks.
//!
//! Where these lie differs by release, and much of it is private to a file of CPython. So the words of the interpreters, of the
//! runtime and of the static data of its binary are looked at, and for interpreters the blocks that these lead to; what looks like
//! a function, an object of the program, or a list of functions is told if nothing else leads to it. The same memory has caches,
//! and lists of free objects with words that are out of date: values of any other type are passed over.

use heapsake_core::heap::{Root, RootKind, TypeKind};
use heapsake_core::{Address, Span};
use rustc_hash::FxHashSet;

use super::threads;
use crate::heap::{CPythonHeap, HEAPTYPE, Payload};
use crate::memory::{Mapping, Source};

/// Blocks on the way from an interpreter to an object: an array, and what an item of it points to.
const DISTANCE: u8 = 2;
/// Functions of a list.
const MOST_HOOKS: u64 = 10_000;
const PARTIAL: &str = "functools.partial";
/// Words of a block that are looked at, and of all memory.
const MOST_WORDS: u64 = 4096;
const ALL_WORDS: u64 = 16 << 20;
const PAGE: u64 = 4096;
/// Static data of a binary is no larger.
const LARGEST_DATA: u64 = 16 << 20;

/// The objects that memory of C holds, by where.
pub fn late_roots<S: Source>(heap: &CPythonHeap<S>) -> Vec<Root> {
    let writable = Writable::of(heap.memory.mappings());
    let mut found = Found { heap, writable: &writable, seen: FxHashSet::default(), roots: Vec::new(), left: ALL_WORDS };
    if heap.facts.runtime.is_null() {
        return found.roots;
    }
    let layouts = heap.layouts();
    let interpreters = threads::interpreters(heap);
    for interpreter in &interpreters {
        found.interpreter(Span::new(*interpreter, layouts.interpreter.size as u64));
    }
    for span in static_data(heap.memory.mappings(), heap.facts.runtime) {
        found.words(span, None, |at| format!("static data at {at}"));
    }
    found.roots
}

/// The writable mappings of the binary that has the runtime, and what follows them without a gap.
fn static_data(mappings: &[Mapping], runtime: Address) -> Vec<Span> {
    let is_data = |mapping: &Mapping| {
        let permissions = mapping.permissions;
        permissions.read && permissions.write && !permissions.shared && (mapping.path.is_none() || mapping.file().is_some())
    };
    let Some(at) = mappings.iter().position(|mapping| mapping.span.contains(runtime)) else { return Vec::new() };
    let mut spans = vec![mappings[at].span];
    for mapping in mappings[..at].iter().rev().take_while(|mapping| is_data(mapping)) {
        match spans.first().copied() {
            Some(first) if mapping.span.end == first.start => spans.insert(0, mapping.span),
            _ => break,
        }
    }
    for mapping in mappings[at + 1..].iter().take_while(|mapping| is_data(mapping)) {
        match spans.last().copied() {
            Some(last) if mapping.span.start == last.end => spans.push(mapping.span),
            _ => break,
        }
    }
    spans.retain(|span| span.end.0 - span.start.0 <= LARGEST_DATA);
    spans
}

/// What can be written to, ascending and in as few spans as it takes: where objects, types and blocks are. Code, constants and files
/// are not, and to read those of every word that happens to lead there would take memory for nothing.
struct Writable(Vec<Span>);

impl Writable {
    fn of(mappings: &[Mapping]) -> Writable {
        let mut spans: Vec<Span> =
            mappings.iter().filter(|mapping| mapping.permissions.write).map(|mapping| mapping.span).collect();
        spans.sort_unstable_by_key(|span| span.start);
        spans.dedup_by(|next, last| {
            let follows = next.start == last.end;
            if follows {
                last.end = next.end;
            }
            follows
        });
        Writable(spans)
    }

    /// Whether an object or a block may begin at `word`.
    fn may_hold(&self, word: Address) -> bool {
        let after = self.0.partition_point(|span| span.start <= word);
        word.0 & 7 == 0 && after > 0 && self.0[after - 1].contains(word)
    }
}

struct Found<'h, S: Source> {
    heap: &'h CPythonHeap<S>,
    writable: &'h Writable,
    seen: FxHashSet<Address>,
    roots: Vec<Root>,
    /// Words that may still be looked at.
    left: u64,
}

impl<S: Source> Found<'_, S> {
    /// The state of an interpreter, and the blocks that it leads to.
    fn interpreter(&mut self, state: Span) {
        let writable = self.writable;
        let mut blocks = Vec::new();
        self.words(state, Some(&mut blocks), |at| format!("interpreter, {:#x} bytes in", at.0 - state.start.0));
        for round in 1..=DISTANCE {
            blocks.sort_unstable();
            blocks.dedup();
            let mut next = Vec::new();
            for block in std::mem::take(&mut blocks) {
                let Some(content) = self.heap.block(block, MOST_WORDS.min(self.left)) else { continue };
                self.left -= content.iter().len() as u64;
                // A function that is to be called, and its arguments.
                let begins_call = content
                    .get(0)
                    .is_some_and(|first| writable.may_hold(first) && self.is_object(first) && self.is_callable(first));
                for word in content.iter().filter(|word| writable.may_hold(*word)) {
                    if !self.is_object(word) {
                        next.extend(Some(word).filter(|word| round < DISTANCE && may_be_block(*word)));
                    } else if begins_call {
                        self.tell(word, || format!("interpreter, block at {block}"));
                    }
                }
            }
            blocks = next;
        }
    }

    /// The words of a span: objects are told, those that may be blocks given to `others`.
    fn words(&mut self, span: Span, mut others: Option<&mut Vec<Address>>, name: impl Fn(Address) -> String) {
        let writable = self.writable;
        // Page by page: static data may not be there in one piece.
        let mut at = span.start;
        while at < span.end && self.left >= PAGE / 8 {
            self.left -= PAGE / 8;
            let end = Address((at.0 | 0xfff).saturating_add(1)).min(span.end);
            if let Ok(words) = self.heap.words(at, (end.0 - at.0) / 8) {
                for (index, word) in words.iter().enumerate().filter(|(_, word)| writable.may_hold(*word)) {
                    if !self.is_object(word) {
                        if let Some(others) = others.as_deref_mut().filter(|_| may_be_block(word)) {
                            others.push(word);
                        }
                    } else if self.is_holder(word) {
                        self.tell(word, || name(at.offset(8 * index as i64)));
                    }
                }
            }
            at = end;
        }
    }

    fn is_object(&self, word: Address) -> bool {
        self.heap.is_object_of(word, |class| self.writable.may_hold(class))
    }

    fn tell(&mut self, object: Address, name: impl FnOnce() -> String) {
        if self.seen.insert(object) {
            self.roots.push(Root { kind: RootKind::Interpreter, name: name(), object });
        }
    }

    /// Whether it is what C holds to call it, or a list of such. Other lists, tuples and iterators are none: lists of free
    /// objects keep words that led to them once.
    fn is_holder(&self, object: Address) -> bool {
        let Some(entry) = self.heap.type_of(object) else { return false };
        match entry.description.kind {
            TypeKind::Function | TypeKind::Method => true,
            TypeKind::Object => entry.flags & HEAPTYPE != 0 || *entry.description.name == *PARTIAL,
            TypeKind::List => {
                let items = self.heap.items_of_list(object, MOST_HOOKS).unwrap_or_default();
                !items.is_empty() && items.iter().all(|item| self.is_callable(*item) || self.is_call(*item))
            }
            _ => false,
        }
    }

    fn is_callable(&self, object: Address) -> bool {
        self.heap.type_of(object).is_some_and(|entry| {
            let kind = entry.description.kind;
            matches!(kind, TypeKind::Function | TypeKind::Method | TypeKind::Builtin)
                || *entry.description.name == *PARTIAL
                || kind == TypeKind::Object && entry.flags & HEAPTYPE != 0 && self.has_call(entry.address)
        })
    }

    fn has_call(&self, class: Address) -> bool {
        let field = self.heap.layouts().type_object.tp_dict;
        let dict = |class: &Address| field.read(&self.heap.memory, *class).filter(|dict| !dict.is_null());
        self.heap.classes(class).iter().filter_map(dict).any(|dict| self.heap.dict_get(dict, "__call__").is_some())
    }

    /// Whether it is a tuple of a function and its arguments.
    fn is_call(&self, object: Address) -> bool {
        self.heap.payload_of(object) == Some(Payload::Tuple)
            && self
                .heap
                .items_of_tuple(object, 1)
                .is_some_and(|items| items.first().is_some_and(|first| self.is_callable(*first)))
    }
}

/// Allocators give out multiples of 16 bytes.
fn may_be_block(word: Address) -> bool {
    word.0 & 15 == 0
}
