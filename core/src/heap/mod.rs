//! A heap as the engine sees it: typed nodes, labelled edges, named roots.
//!
//! A runtime implements [`Heap`]: it says where objects may lie and what the walk starts from ([`Heap::outline`]), and
//! reduces one object at a time into a [`Sink`] ([`Heap::reduce`]). The engine calls `reduce` twice for every object that
//! it reaches, first with a sink that marks, then with one that writes; both calls must tell the same story, so `reduce`
//! is a pure function of the target's memory.

mod graph;
mod outline;
mod region;
mod value;

pub use graph::{GraphHeap, GraphNode};
pub use outline::{Frame, FrameKind, Outline, Root, RootKind, Source, Thread, TypeDescription, TypeKind, Variable, VariableKind};
pub use region::{Region, RegionKind};
pub use value::{Integer, Text, Value, push_wtf8};

use std::io;

use crate::address::Address;
use crate::reduce::Failure;

/// Number of a type in the order in which the heap met it; dense from 0. [`Heap::types`] describes each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TypeId(pub u32);

/// What an edge means. The number is the one in the file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum EdgeKind {
    /// A named attribute: instance attribute, slot, C member, or what stands for one.
    Attribute = 1,
    /// A variable of a frame.
    Local = 2,
    /// A reference that no attribute names: `__dict__`, caches, the operand stack.
    Internal = 3,
    /// A reference that keeps nothing alive.
    Weak = 4,
    /// A pointer that is not counted, to something that another edge keeps alive.
    Borrowed = 5,
    /// A word of an unknown layout that looks like a pointer to an object; the name is its byte offset.
    Conservative = 6,
    /// A slot above the known top of an operand stack: it may be left over.
    Stale = 7,
}

impl EdgeKind {
    /// Every kind, in the order of the file's numbers.
    pub const ALL: [EdgeKind; 7] = [
        EdgeKind::Attribute,
        EdgeKind::Local,
        EdgeKind::Internal,
        EdgeKind::Weak,
        EdgeKind::Borrowed,
        EdgeKind::Conservative,
        EdgeKind::Stale,
    ];

    /// The kind with this number in the file.
    pub fn from_number(number: u8) -> Option<EdgeKind> {
        Self::ALL.iter().copied().find(|kind| *kind as u8 == number)
    }

    /// The word that front ends show.
    pub fn word(self) -> &'static str {
        match self {
            EdgeKind::Attribute => "attribute",
            EdgeKind::Local => "local",
            EdgeKind::Internal => "internal",
            EdgeKind::Weak => "weak",
            EdgeKind::Borrowed => "borrowed",
            EdgeKind::Conservative => "conservative",
            EdgeKind::Stale => "stale",
        }
    }
}

/// The name on an edge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Name<'a> {
    /// Text that the reducer knows.
    Text(&'a str),
    /// The text of a string object of the heap, fetched with [`Heap::text`] only when a new name is met.
    Object(Address),
    /// A number: the index of a slot, or the byte offset of a word.
    Index(u32),
}

/// What an object is told to. Object safe, so that a reducer from anywhere can write to it.
///
/// [`Sink::begin`] comes first and once; the other calls may come in any order and any number. Labelled edges keep their
/// order, and so do elements and entries; an object has elements or entries, not both.
pub trait Sink {
    /// Starts the object: its type and its size in bytes, out-of-line buffers included.
    fn begin(&mut self, type_id: TypeId, size: u64);
    /// A block of memory that the object owns apart from itself, `length` bytes of its size.
    #[inline]
    fn block(&mut self, at: Address, length: u64) {
        let _ = (at, length);
    }
    /// The payload of a plain value.
    fn value(&mut self, value: Value<'_>);
    /// A payload of `length` bytes that does not lie in one piece, or is too large to be copied as one: `read` fills what it
    /// is given with the bytes from a position on. A sink that does not look at payloads need not ask for any.
    ///
    /// # Errors
    /// What `read` says.
    fn bytes_in_pieces(
        &mut self,
        length: u64,
        read: &mut dyn FnMut(u64, &mut [u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut bytes = vec![0; length as usize];
        read(0, &mut bytes)?;
        self.value(Value::Bytes(&bytes));
        Ok(())
    }
    /// A labelled edge. A null target is a name that is bound to nothing.
    fn edge(&mut self, kind: EdgeKind, name: Name<'_>, target: Address);
    /// The next element of what is like a sequence or a set; null where there is none.
    fn element(&mut self, target: Address);
    /// The next entry of what is like a mapping.
    fn entry(&mut self, key: Address, value: Address);
    /// Whether sizes and numbers are of no interest, so that the heap need not work them out: a sink that follows edges.
    fn is_marking(&self) -> bool {
        false
    }
    /// Whether it only marks: what costs much may then be decided, for the pass that writes to follow.
    fn is_first_pass(&self) -> bool {
        false
    }
    /// Whether the heap may tell nothing of an object that is dear to ask for one by one, and keep it for
    /// [`Heap::deferred`].
    fn may_defer(&self) -> bool {
        false
    }
    /// Facts that are no objects, as a map from names to plain values: what an opener shows beside the edges.
    fn state(&mut self, state: &dyn erased_serde::Serialize);
}

/// A runtime's objects.
pub trait Heap {
    /// Where objects may lie, the roots, the threads, and the facts of the header.
    fn outline(&mut self) -> Outline;

    /// Tells the object at `object` to `sink`. Pure: the same address always tells the same.
    ///
    /// # Errors
    /// What made the object unreadable; it becomes a surrogate with that reason, keeping what was told so far.
    fn reduce<S: Sink>(&mut self, object: Address, sink: &mut S) -> Result<(), Failure>;

    /// Is told which object comes next but some, so that its memory may be on its way when it is asked for.
    #[inline]
    fn prefetch(&self, object: Address) {
        let _ = object;
    }

    /// The objects that were left for later, where [`Sink::may_defer`] allows it; the heap forgets them.
    fn deferred(&mut self) -> Vec<Address> {
        Vec::new()
    }

    /// Is told of such objects that they come next, all together.
    fn expect(&mut self, objects: &[Address]) {
        let _ = objects;
    }

    /// Objects that the runtime's memory in C holds, as far as that can be told, in any order; those that were met are passed over,
    /// the others become roots. Asked for once, after everything that roots lead to is marked.
    fn late_roots(&mut self) -> Vec<Root> {
        Vec::new()
    }

    /// Every object that the runtime knows of besides what roots lead to, in any order; those that were met are passed over.
    /// Asked for once, after the late roots.
    fn others(&mut self) -> Vec<Address> {
        Vec::new()
    }

    /// Threads that are no roots but objects, and were met while marking: greenlets, tasklets. Asked for once, after the
    /// marking; what their frames hold must have been told as edges of these objects.
    fn found_threads(&mut self) -> Vec<Thread> {
        Vec::new()
    }

    /// The target's memory, part by part, none overlapping another; what objects take of each is counted by the engine. Asked
    /// for once, after the marking.
    fn regions(&mut self) -> Vec<Region> {
        Vec::new()
    }

    /// Describes the types from number `first` on, in the order of their numbers.
    fn types(&mut self, first: TypeId) -> Vec<TypeDescription> {
        let _ = first;
        Vec::new()
    }

    /// Gives the text of the string object at `object` to `read`; does nothing when it is none.
    fn text(&self, object: Address, read: &mut dyn FnMut(&str)) {
        let _ = (object, read);
    }

    /// Gives the key of a mapping at `object` to `read`, where it is a text or bytes that are one.
    fn key(&self, object: Address, read: &mut dyn FnMut(&str)) {
        self.text(object, read);
    }

    /// Whether the runtime has one text object at `object` for every use of that text, as CPython has for the names in code: it
    /// says less of what stands there than of the word ("interned").
    fn is_interned(&self, object: Address) -> bool {
        let _ = object;
        false
    }

    /// Gives the source files that frames and code objects met so far name to `take`, those whose names are `wanted`, one after
    /// the other: their texts together may be large. After the marking it is asked twice, for those of frames and at the end for
    /// all others.
    ///
    /// # Errors
    /// That of `take`, which ends it.
    fn sources(&mut self, wanted: &dyn Fn(&str) -> bool, take: &mut dyn FnMut(Source) -> io::Result<()>) -> io::Result<()> {
        let _ = (wanted, take);
        Ok(())
    }
}
