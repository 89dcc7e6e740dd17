//! The marking pass: a breadth-first core from the roots, then address-ordered sweeps in alternating directions, depth first
//! where little is pending.
//!
//! A target at a higher address than its referrer is met in the same upward sweep, so memory is read front to back. Small
//! frontiers would make a sweep a poor search, so they are followed depth first with a bounded stack; what does not fit
//! there stays pending for the next sweep. Nothing here recurses.

use std::collections::VecDeque;
use std::time::Instant;

use super::budget::Budget;
use super::marks::{Direction, LINE_WORDS, Marks};
use super::redaction::Redactor;
use crate::address::Address;
use crate::heap::{EdgeKind, Heap, Name, Outline, Root, Sink, TypeDescription, TypeId, Value};
use crate::reduce::Failure;

/// Objects around the roots that no budget cuts.
const CORE: usize = 64 << 10;
/// With fewer pending objects than this the walk goes depth first.
const FRONTIER: u64 = 4 << 10;
/// Depth-first stack; beyond it objects stay pending.
const STACK: usize = 64 << 10;
/// How many objects ahead memory is asked for.
const PREFETCHED: usize = 4;
/// How many of those that were left for later are told at once.
const BATCH: usize = 256;
/// How often budgets and progress are looked at.
const STRIDE: u64 = 4 << 10;

/// What the marking pass found.
pub(crate) struct Marked {
    pub(crate) marks: Marks,
    pub(crate) types: Vec<TypeDescription>,
    /// Roots that were met after everything that the others lead to.
    pub(crate) late: Vec<Root>,
    /// Objects that no root leads to, which lead to all others of that kind.
    pub(crate) garbage: Vec<Address>,
    /// The budget that ended the walk early, in words.
    pub(crate) cut: Option<String>,
}

/// How newly marked objects are remembered. On the stack they count as done, as whoever takes them off visits them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Sweep,
    Queue,
    Stack,
}

struct MarkSink<'a> {
    marks: Marks,
    redactor: &'a mut Redactor,
    mode: Mode,
    fresh: VecDeque<Address>,
    object: Address,
    types_known: u32,
    types_met: u32,
    entries: u64,
    resume: u64,
    /// Whether objects may be left for later.
    defers: bool,
    /// Sum of the sizes told, when a budget asks for it.
    bytes: Option<u64>,
}

impl MarkSink<'_> {
    #[inline]
    fn mark(&mut self, target: Address) {
        let room = self.fresh.len() < STACK;
        let fresh = match self.mode {
            Mode::Stack if room => self.marks.claim(target),
            Mode::Queue => self.marks.mark(target) && room,
            Mode::Sweep | Mode::Stack => {
                self.marks.mark(target);
                return;
            }
        };
        if fresh {
            self.fresh.push_back(target);
        }
    }
}

impl Sink for MarkSink<'_> {
    #[inline]
    fn begin(&mut self, type_id: TypeId, size: u64) {
        self.types_met = self.types_met.max(type_id.0 + 1);
        if let Some(bytes) = &mut self.bytes {
            *bytes = bytes.saturating_add(size);
        }
    }

    #[inline]
    fn value(&mut self, value: Value<'_>) {
        self.redactor.value(self.object, &value);
    }

    // Secrets are texts, and shorter than what comes in pieces.
    fn bytes_in_pieces(&mut self, _: u64, _: &mut dyn FnMut(u64, &mut [u8]) -> Result<(), Failure>) -> Result<(), Failure> {
        Ok(())
    }

    #[inline]
    fn edge(&mut self, kind: EdgeKind, name: Name<'_>, target: Address) {
        self.redactor.edge(kind, name, target);
        self.mark(target);
    }

    #[inline]
    fn element(&mut self, target: Address) {
        self.mark(target);
    }

    #[inline]
    fn entry(&mut self, key: Address, value: Address) {
        if self.entries >= self.resume && !self.redactor.overflow {
            self.redactor.entry(key, value);
            self.entries += u64::from(!self.redactor.overflow);
        } else if self.entries < self.resume {
            self.entries += 1;
        }
        self.mark(key);
        self.mark(value);
    }

    #[inline]
    fn is_marking(&self) -> bool {
        self.bytes.is_none()
    }

    #[inline]
    fn is_first_pass(&self) -> bool {
        true
    }

    #[inline]
    fn may_defer(&self) -> bool {
        self.defers
    }

    fn state(&mut self, _: &dyn erased_serde::Serialize) {}
}

/// Walks everything that is reachable from the roots of `outline`.
pub(crate) fn mark<H: Heap>(
    heap: &mut H,
    outline: &Outline,
    budget: &Budget,
    redactor: &mut Redactor,
    progress: &mut dyn FnMut(u64),
) -> Marked {
    let sink = MarkSink {
        marks: Marks::new(&outline.spans),
        redactor,
        mode: Mode::Queue,
        fresh: VecDeque::new(),
        object: Address::NULL,
        types_known: 0,
        types_met: 0,
        entries: 0,
        resume: 0,
        defers: true,
        bytes: budget.bytes.map(|_| 0),
    };
    let started = Instant::now();
    let mut walk = Walk { heap, sink, types: Vec::new(), visited: 0, budget, started, cut: None, progress };
    walk.roots(outline);
    walk.core();
    walk.rest();
    let late = walk.late();
    let garbage = walk.others();
    let Walk { sink, types, cut, .. } = walk;
    Marked { marks: sink.marks, types, late, garbage, cut }
}

struct Walk<'a, H: Heap> {
    heap: &'a mut H,
    sink: MarkSink<'a>,
    types: Vec<TypeDescription>,
    visited: u64,
    budget: &'a Budget,
    started: Instant,
    cut: Option<String>,
    progress: &'a mut dyn FnMut(u64),
}

impl<H: Heap> Walk<'_, H> {
    fn roots(&mut self, outline: &Outline) {
        let sink = &mut self.sink;
        outline.exception.into_iter().for_each(|exception| sink.mark(exception));
        for thread in &outline.threads {
            sink.mark(thread.object);
            thread.exception.into_iter().for_each(|exception| sink.mark(exception));
            for frame in thread.frames.iter().rev() {
                for address in [frame.object, frame.locals, frame.code] {
                    sink.mark(address);
                }
                for variable in &frame.variables {
                    sink.redactor.edge(EdgeKind::Local, Name::Text(&variable.name), variable.target);
                    sink.mark(variable.target);
                }
            }
        }
        for frame in outline.threads.iter().flat_map(|thread| &thread.frames) {
            sink.mark(frame.globals);
        }
        for root in &outline.roots {
            sink.redactor.edge(EdgeKind::Attribute, Name::Text(&root.name), root.object);
            sink.mark(root.object);
        }
    }

    #[inline]
    fn visit(&mut self, object: Address) {
        self.sink.object = object;
        self.sink.entries = 0;
        self.sink.resume = 0;
        // The writing pass makes the surrogate; what was told before the failure is marked.
        let _ = self.heap.reduce(object, &mut self.sink);
        self.visited += 1;
        while self.sink.redactor.waits() {
            let again = self.sink.redactor.overflow;
            self.sink.redactor.resolve(self.heap);
            if !again {
                break;
            }
            self.sink.resume = self.sink.entries;
            self.sink.entries = 0;
            let _ = self.heap.reduce(object, &mut self.sink);
        }
        if self.sink.types_met > self.sink.types_known {
            self.meet_types();
        }
        if self.visited.is_multiple_of(STRIDE) {
            (self.progress)(self.visited);
            if self.visited > CORE as u64 && self.cut.is_none() {
                self.cut = self.budget.exceeded(self.visited, self.sink.bytes.unwrap_or(0), self.started);
            }
        }
    }

    fn meet_types(&mut self) {
        let met = self.heap.types(TypeId(self.sink.types_known));
        self.sink.types_known += met.len() as u32;
        self.sink.types_met = self.sink.types_known;
        for description in &met {
            self.sink.mark(Address(description.address));
        }
        self.types.extend(met);
    }

    fn core(&mut self) {
        for _ in 0..CORE {
            let Some(object) = self.sink.fresh.pop_front() else { break };
            if let Some(next) = self.sink.fresh.get(PREFETCHED) {
                self.heap.prefetch(*next);
            }
            if self.sink.marks.finish(object) {
                self.visit(object);
            }
        }
        self.sink.fresh.clear();
        self.sink.mode = Mode::Sweep;
        self.later();
    }

    /// Visits what was left for later, in batches.
    fn later(&mut self) {
        let left = self.heap.deferred();
        self.sink.defers = false;
        for batch in left.chunks(BATCH) {
            if self.cut.is_none() && self.visited > CORE as u64 {
                self.cut = self.budget.exceeded(self.visited, self.sink.bytes.unwrap_or(0), self.started);
            }
            if self.cut.is_none() {
                self.heap.expect(batch);
                (self.progress)(self.visited);
            }
            for object in batch {
                if self.cut.is_some() {
                    self.sink.marks.give_back(*object);
                } else {
                    // It has been counted when it was left.
                    self.visited -= 1;
                    self.visit(*object);
                }
            }
        }
        self.sink.defers = true;
    }

    fn rest(&mut self) {
        let mut direction = Direction::Up;
        while self.cut.is_none() {
            self.later();
            if self.sink.marks.pending == 0 {
                break;
            }
            if self.sink.marks.pending <= FRONTIER {
                self.follow();
            } else {
                self.sweep(direction);
                direction = if direction == Direction::Up { Direction::Down } else { Direction::Up };
            }
        }
        // What a budget cuts stays pending.
        self.later();
    }

    /// What no root leads to, and all that it leads to, an object after the other; gives the objects that were begun with.
    fn others(&mut self) -> Vec<Address> {
        let mut begun = Vec::new();
        if self.cut.is_some() {
            return begun;
        }
        for object in self.heap.others() {
            if self.cut.is_some() {
                break;
            }
            if self.begins(object) {
                begun.push(object);
            }
        }
        self.rest();
        begun
    }

    /// Those of the late roots that nothing else leads to, and all that they lead to.
    fn late(&mut self) -> Vec<Root> {
        let mut found = if self.cut.is_some() { Vec::new() } else { self.heap.late_roots() };
        found.retain(|root| self.cut.is_none() && self.begins(root.object));
        self.rest();
        found
    }

    /// Whether this object was not met before; what it leads to is marked then.
    fn begins(&mut self, object: Address) -> bool {
        if !self.sink.marks.claim(object) {
            return false;
        }
        self.sink.fresh.push_back(object);
        self.depth_first();
        if self.sink.marks.pending > 0 {
            self.rest();
        }
        true
    }

    /// Depth first from everything pending, as far as the stack reaches.
    fn follow(&mut self) {
        let mut pending = Vec::new();
        self.sink.marks.collect_pending(FRONTIER as usize, &mut pending);
        pending.retain(|object| self.sink.marks.finish(*object));
        self.sink.fresh = pending.into();
        self.depth_first();
    }

    /// Depth first from what is on the stack, as far as that reaches.
    fn depth_first(&mut self) {
        self.sink.mode = Mode::Stack;
        while let Some(object) = self.sink.fresh.pop_back() {
            let ahead = self.sink.fresh.len().wrapping_sub(PREFETCHED);
            if let Some(next) = self.sink.fresh.get(ahead) {
                self.heap.prefetch(*next);
            }
            self.visit(object);
            if self.cut.is_some() || self.sink.fresh.len() >= STACK {
                break;
            }
        }
        for object in self.sink.fresh.drain(..) {
            self.sink.marks.give_back(object);
        }
        self.sink.mode = Mode::Sweep;
    }

    /// Visits the pending objects of a word, and those of it that this makes pending.
    fn word(&mut self, line: (usize, Address), direction: Direction, nth: usize) {
        while self.cut.is_none() {
            let mut any = false;
            for object in self.sink.marks.take(line, direction, nth) {
                any = true;
                if self.cut.is_some() {
                    self.sink.marks.give_back(object);
                } else {
                    self.visit(object);
                }
            }
            if !any {
                return;
            }
        }
    }

    fn sweep(&mut self, direction: Direction) {
        self.sink.mode = Mode::Sweep;
        let mut at = self.sink.marks.start(direction);
        while let Some(line) = self.sink.marks.next_line(&mut at, direction) {
            for nth in 0..LINE_WORDS {
                self.word(line, direction, nth);
            }
            if self.cut.is_some() {
                return;
            }
        }
    }
}
