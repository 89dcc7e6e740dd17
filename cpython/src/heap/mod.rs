//! The objects of a CPython process as a [`Heap`]: one typed node per object, told by what knows its C part.
//!
//! An object is told in this order: its type and size ([`sizes`]), its C part (the [`Payload`] of its nearest base with a
//! known layout, or a registered reducer), then what every instance may have ([`instance`]): its attributes in any of
//! CPython's forms, slots and C members, and at last, for C types that nothing knows, the words that look like objects
//! ([`generic`]), those of the memory that they own included ([`owned`]). What a type is like is worked out once ([`types`]); a
//! reduction reads memory and nothing else, and so says the same at every call. Objects that nothing leads to are found in the
//! blocks of the allocator ([`pools`]). What a thread was stopped in the midst of changing contradicts itself ([`changing`]).

mod bytesobject;
mod changing;
mod delegated;
mod dictobject;
mod facts;
mod generic;
mod head;
mod instance;
mod listobject;
mod longobject;
mod members;
mod memoryobject;
mod moduleobject;
mod names;
mod owned;
mod payload;
mod pools;
mod read;
mod registered;
mod setobject;
mod sizes;
mod state;
mod typeobject;
mod types;
mod unicodeobject;

pub use facts::{Facts, Kept, Mapped};
pub use members::Member;
pub use payload::Payload;
pub(crate) use payload::answers_for;
pub use read::Words;
pub use state::{Plain, State};
pub use types::{Attributes, TypeEntry};

pub(crate) use changing::Container;
pub(crate) use owned::BlockPage;
pub(crate) use read::{corrupt, unreadable};
pub(crate) use types::HEAPTYPE;

use read::miscounted;

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use heapsake_core::Address;
use heapsake_core::heap::{Sink, TypeDescription, TypeId};
use heapsake_core::reduce::{Failure, Reason, Registry};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::layouts::Layouts;
use crate::memory::Memory;
use head::Head;
use types::TypeTable;
use unicodeobject::StringShape;

/// A CPython process as a heap, over any source of its memory.
pub struct CPythonHeap<M: Memory> {
    /// The target's memory.
    pub memory: M,
    /// What is known of the target beyond its memory.
    pub facts: Facts,
    registry: Registry,
    strings: StringShape,
    types: TypeTable,
    names: RefCell<FxHashMap<Address, Rc<str>>>,
    frames: RefCell<FxHashSet<Address>>,
    filenames: RefCell<FxHashSet<Address>>,
    stacks: RefCell<FxHashSet<Address>>,
    /// Objects whose reducers want many at once.
    pub(crate) deferred: RefCell<Vec<Address>>,
    owned: owned::Owned,
}

impl<M: Memory> fmt::Debug for CPythonHeap<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CPythonHeap").field("version", &self.facts.version).finish_non_exhaustive()
    }
}

impl<M: Memory> CPythonHeap<M> {
    /// A heap over `memory`, read by the layouts of `facts`, with the reducers of `registry`.
    pub fn new(memory: M, facts: Facts, registry: Registry) -> CPythonHeap<M> {
        let strings = StringShape::new(&facts.layouts);
        CPythonHeap {
            memory,
            strings,
            types: TypeTable::new(&facts.layouts),
            facts,
            registry,
            names: RefCell::default(),
            frames: RefCell::default(),
            filenames: RefCell::default(),
            stacks: RefCell::default(),
            deferred: RefCell::default(),
            owned: owned::Owned::default(),
        }
    }

    /// Where the fields of the target's structs lie.
    #[inline]
    pub fn layouts(&self) -> &Layouts {
        &self.facts.layouts
    }

    /// Makes an interpreter frame that has no frame object a node, at its own address.
    pub fn add_frame(&self, interpreter_frame: Address) {
        self.frames.borrow_mut().insert(interpreter_frame);
    }

    /// Whether an interpreter frame was made a node by [`add_frame`](Self::add_frame).
    pub fn is_added_frame(&self, interpreter_frame: Address) -> bool {
        self.frames.borrow().contains(&interpreter_frame)
    }

    /// Notes the name of a source file, a string object, for [`Heap::sources`](heapsake_core::heap::Heap::sources).
    pub fn note_filename(&self, filename: Address) {
        self.filenames.borrow_mut().insert(filename);
    }

    /// The names of source files that were noted, in the order of their addresses.
    pub fn noted_filenames(&self) -> Vec<Address> {
        let mut noted: Vec<Address> = self.filenames.borrow().iter().copied().collect();
        noted.sort();
        noted
    }

    /// The reducers that this heap asks.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The objects met so far whose reducers know them to keep stacks, in the order of their addresses.
    pub fn noted_stacks(&self) -> Vec<Address> {
        let mut noted: Vec<Address> = self.stacks.borrow().iter().copied().collect();
        noted.sort();
        noted
    }

    /// What is known of the type of the object at `object`; `None` when no object lies there.
    pub fn type_of(&self, object: Address) -> Option<&TypeEntry> {
        if object.0 & 7 != 0 {
            return None;
        }
        let type_address = self.layouts().object.ob_type.read(&self.memory, object)?;
        self.type_entry(type_address)
    }

    /// What the C part of the object at `object` is; `None` when no object lies there.
    pub fn payload_of(&self, object: Address) -> Option<Payload> {
        Some(self.type_of(object)?.payload)
    }

    /// Tells the object at `object` to `sink`; see [`Heap::reduce`](heapsake_core::heap::Heap::reduce).
    ///
    /// # Errors
    /// What made the object unreadable.
    #[inline]
    pub fn reduce_object<S: Sink>(&self, object: Address, sink: &mut S) -> Result<(), Failure> {
        let head = self.head(object);
        let type_address = self.head_field(self.layouts().object.ob_type, head)?;
        let Some(entry) = self.type_entry(type_address) else {
            return self.reduce_special(object, sink);
        };
        if entry.is_leaf {
            return match entry.payload {
                Payload::Str => unicodeobject::reduce_leaf(self, entry, head, sink),
                _ => longobject::reduce_leaf(self, entry, head, sink),
            };
        }
        if let Some(registration) = &entry.reducer {
            if sink.may_defer() && registration.reducer.in_batches() {
                self.deferred.borrow_mut().push(object);
                return Ok(());
            }
            if sink.is_marking() {
                sink.begin(entry.id, 0);
            } else {
                registered::begin(self, entry, head, sink);
            }
            return registered::reduce(self, entry, object, sink);
        }
        if sink.is_marking() {
            sink.begin(entry.id, 0);
        } else {
            self.size(entry, head).begin(entry.id, sink);
        }
        let told = self.reduce_payload(entry, head, sink);
        if entry.is_plain {
            return told;
        }
        // Its attributes are there also where its C part is damaged.
        let instance = self.reduce_instance(entry, object, sink);
        told.and(instance)
    }

    /// What has no valid type: an interpreter frame that was made a node.
    #[cold]
    fn reduce_special<S: Sink>(&self, object: Address, sink: &mut S) -> Result<(), Failure> {
        if !self.frames.borrow().contains(&object) {
            return Err(Failure::new(Reason::NotAnObject, ""));
        }
        let entry = self.types.interpreter_frame();
        sink.begin(entry.id, entry.fixed_size);
        self.reduce_payload(entry, self.head(object), sink)
    }

    /// Tells the C part.
    #[inline]
    pub(crate) fn reduce_payload<S: Sink + ?Sized>(
        &self,
        entry: &TypeEntry,
        head: Head<'_>,
        sink: &mut S,
    ) -> Result<(), Failure> {
        let object = head.object;
        match entry.payload {
            Payload::Object | Payload::Singleton => Ok(()),
            Payload::Str => unicodeobject::reduce(self, head, sink),
            Payload::Int => longobject::reduce(self, entry, head, sink),
            Payload::Dict => dictobject::reduce(self, head, sink),
            Payload::Tuple => listobject::reduce_tuple(self, entry, head, sink),
            Payload::List => listobject::reduce_list(self, head, sink),
            Payload::Float => longobject::reduce_float(self, head, sink),
            Payload::Set => setobject::reduce(self, head, sink),
            Payload::Bytes => bytesobject::reduce(self, object, sink),
            Payload::Fields => self.reduce_fields(&entry.fields, object, sink),
            Payload::Complex => longobject::reduce_complex(self, object, sink),
            Payload::Bytearray => bytesobject::reduce_bytearray(self, object, sink),
            Payload::Memoryview => memoryobject::reduce(self, object, sink),
            Payload::Type => typeobject::reduce(self, object, sink),
            Payload::Module => moduleobject::reduce(self, entry, object, sink),
            Payload::Mappingproxy => dictobject::reduce_proxy(self, object, sink),
            Payload::Code => delegated::code(self, entry, object, sink),
            Payload::Frame => delegated::frame(self, entry, object, sink),
            Payload::InterpreterFrame => delegated::interpreter_frame(self, entry, object, sink),
            Payload::Traceback => delegated::traceback(self, entry, object, sink),
            Payload::Generator | Payload::Coroutine | Payload::AsyncGenerator | Payload::Awaitable => {
                delegated::generator(self, entry, object, sink)
            }
            Payload::Exception => delegated::exception(self, entry, object, sink),
        }
    }

    /// Describes the types from number `first` on, in the order of their numbers.
    pub fn described_types(&self, first: TypeId) -> Vec<TypeDescription> {
        self.types.described(first)
    }
}
