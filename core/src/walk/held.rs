//! Whether anything but garbage holds an object that only a word of C leads to. The cache of methods, say, has words that led to
//! what was freed long ago, and now to the next object there. The count of references tells these apart, as it tells the
//! collector: what it counts beyond those of the objects that can be reached from the object alone comes from elsewhere.

use rustc_hash::FxHashSet;

use super::marks::Marks;
use crate::address::Address;
use crate::heap::{EdgeKind, Heap, Name, Sink, TypeId, Value};

/// Objects that are looked at for one, and for all: those that lead to more are taken to be held.
const MOST_OBJECTS: usize = 64 << 10;
const ALL_OBJECTS: usize = 1 << 20;

/// Asks the objects that nothing else leads to.
pub(super) struct Held {
    left: usize,
}

impl Held {
    pub(super) fn new() -> Held {
        Held { left: ALL_OBJECTS }
    }

    /// Whether more references to `object` are counted than there are in what it leads to and no root does. So it is said
    /// of what does not count them, and of what leads too far.
    pub(super) fn is_held<H: Heap>(&mut self, heap: &mut H, marks: &Marks, object: Address) -> bool {
        let Some(counted) = heap.references(object) else { return true };
        let most = MOST_OBJECTS.min(self.left);
        let (met, next) = (FxHashSet::from_iter([object]), vec![object]);
        let mut references = References { marks, object, most, of_object: 0, by_entries: 0, has_inner: false, met, next };
        while let Some(next) = references.next.pop() {
            // What was told of an object before it failed is there; what was not may hold it, which makes the count differ.
            let _ = heap.reduce(next, &mut references);
            references.end_object();
            if references.met.len() > most {
                return true;
            }
        }
        self.left = self.left.saturating_sub(references.met.len());
        references.of_object != counted
    }
}

/// Follows references to objects that nothing has led to, and counts those to one of them.
struct References<'m> {
    marks: &'m Marks,
    object: Address,
    most: usize,
    of_object: u64,
    /// Of those of the object that is being told, the ones of its entries.
    by_entries: u64,
    /// Whether an inner object of that tells of its entries too.
    has_inner: bool,
    met: FxHashSet<Address>,
    next: Vec<Address>,
}

impl Sink for References<'_> {
    fn begin(&mut self, _: TypeId, _: u64) {}

    fn value(&mut self, _: Value<'_>) {}

    fn edge(&mut self, kind: EdgeKind, _: Name<'_>, target: Address) {
        match kind {
            EdgeKind::Attribute | EdgeKind::Internal => {
                self.has_inner |= kind == EdgeKind::Internal;
                self.element(target);
            }
            // It may be the content of a cell, which tells of it too: what counts one too many may not lose an object.
            EdgeKind::Local => self.follow(target),
            // No references that are counted, or perhaps none.
            EdgeKind::Weak | EdgeKind::Borrowed | EdgeKind::Conservative | EdgeKind::Stale => {}
        }
    }

    fn element(&mut self, target: Address) {
        self.of_object += u64::from(target == self.object);
        self.follow(target);
    }

    fn entry(&mut self, key: Address, value: Address) {
        for target in [key, value] {
            self.by_entries += u64::from(target == self.object);
            self.follow(target);
        }
    }

    fn is_marking(&self) -> bool {
        true
    }

    fn state(&mut self, _: &dyn erased_serde::Serialize) {}
}

impl References<'_> {
    fn end_object(&mut self) {
        self.of_object += if self.has_inner { 0 } else { self.by_entries };
        (self.by_entries, self.has_inner) = (0, false);
    }

    fn follow(&mut self, target: Address) {
        if self.met.len() <= self.most && self.marks.is_new(target) && self.met.insert(target) {
            self.next.push(target);
        }
    }
}
