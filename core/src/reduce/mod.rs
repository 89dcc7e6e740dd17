//! The reducer contract: what knows one type, and the registry that finds it.
//!
//! A [`Reducer`] answers for the types that its [`Registration`] names. It has one required method, which reads the object
//! through [`Object`], never by running the target's code, and tells it to a [`Sink`] in the words of `pickle` and of the
//! heap: state through `erased_serde`, labelled edges, elements, entries. It may fail, and then costs one object.

mod registry;
mod surrogate;

pub use registry::{Duplicate, Registration, Registry, TypeMatch, inventory};
pub use surrogate::{Failure, Reason};

use std::any::Any;

use crate::address::Address;
use crate::heap::Sink;

/// An object that is being reduced, seen through the engine.
pub trait Object {
    /// Where it lies.
    fn address(&self) -> Address;

    /// Fills `into` from `address`, all or nothing.
    ///
    /// # Errors
    /// When the target's memory does not have these bytes.
    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Failure>;

    /// The qualified name of its type.
    fn type_name(&self) -> String {
        String::new()
    }

    /// Whether an object lies at `address`: mapped, aligned, of a type that is one.
    fn is_object(&self, address: Address) -> bool {
        let _ = address;
        false
    }

    /// The qualified name of the type of the object at `address`; none when no object lies there.
    fn type_name_of(&self, address: Address) -> Option<String> {
        let _ = address;
        None
    }

    /// Tells what the nearest base with a known layout would tell (the entries of a dict subclass, say), so that a reducer
    /// can add to it.
    ///
    /// # Errors
    /// As [`Reducer::reduce`].
    fn reduce_base(&self, sink: &mut dyn Sink) -> Result<(), Failure> {
        let _ = sink;
        Ok(())
    }

    /// The qualified names of its type and of that type's bases, nearest first.
    fn bases(&self) -> Vec<String> {
        vec![self.type_name()]
    }

    /// The members that its type and that type's bases declare.
    fn members(&self) -> Vec<Member> {
        Vec::new()
    }

    /// A fact of the object's process, by name; none when it is not known. Names are paths of `/proc/PID` (`fd/7` is what
    /// descriptor 7 is open on, `fdinfo/7` its position and flags, `net/tcp` the table of sockets), and `pid`; a runtime has
    /// further ones (CPython: `version`, `flags`, and `library/TYPE`, the file that the type or base of this name comes from).
    fn process_fact(&self, name: &str) -> Option<Vec<u8>> {
        let _ = name;
        None
    }

    /// Tells another object, of a type that the engine itself knows (a text, a number, a mapping …), so that a reducer can
    /// look into what its object holds.
    ///
    /// # Errors
    /// When no such object lies there, or as [`Reducer::reduce`].
    fn tell_other(&self, address: Address, sink: &mut dyn Sink) -> Result<(), Failure> {
        let _ = sink;
        Err(Failure::new(Reason::NotAnObject, format!("at {address}")))
    }

    /// What the object at `address` holds as the attribute `name`: in its dictionary, values or slots.
    fn attribute_of(&self, address: Address, name: &str) -> Option<Address> {
        let _ = (address, name);
        None
    }

    /// What the runtime knows beyond memory, for reducers that are written for one runtime (CPython: its `Facts`).
    fn runtime(&self) -> Option<&dyn Any> {
        None
    }

    /// The 64-bit word at `address`.
    ///
    /// # Errors
    /// As [`Object::read_at`].
    fn word_at(&self, address: Address) -> Result<u64, Failure> {
        let mut bytes = [0; 8];
        self.read_at(address, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Fills `into` from `offset` bytes after the object's start.
    ///
    /// # Errors
    /// As [`Object::read_at`].
    fn read(&self, offset: i64, into: &mut [u8]) -> Result<(), Failure> {
        self.read_at(self.address().offset(offset), into)
    }
}

/// A field of an object's struct that its type declares.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Where it lies, in bytes from the object's start.
    pub offset: u32,
    /// Its C type, as the runtime numbers it (CPython: `Include/structmember.h`).
    pub kind: i32,
    /// Whether it is a reference to an object.
    pub is_object: bool,
}

/// What knows one type, or several that are alike.
pub trait Reducer: Sync {
    /// Tells `object` to `sink`: everything but its type and size, which the engine has told already.
    ///
    /// # Errors
    /// What went wrong; the object becomes a surrogate with that reason and keeps what was told so far.
    fn reduce(&self, object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure>;

    /// Whether it reads its objects by the layout of a type that is written in C. Then it is not asked for the objects of a
    /// class of the program that merely has the name of one.
    fn reads_a_layout(&self) -> bool {
        false
    }

    /// Whether it had better be told first what it will be asked about ([`Reducer::expect`]), many objects at once: one that
    /// has to ask another process.
    fn in_batches(&self) -> bool {
        false
    }

    /// Is told what [`Reducer::reduce`] comes with next.
    fn expect(&self, objects: &[&dyn Object]) {
        let _ = objects;
    }

    /// Gives `each` the blocks that `object` alone owns beyond itself, such as the buffer of an array: where one lies, and its
    /// bytes, which count as the object's size.
    fn owned_blocks(&self, object: &dyn Object, each: &mut dyn FnMut(Address, u64)) {
        let _ = (object, each);
    }

    /// How its objects are threads of their own, if they are.
    fn stacks(&self) -> Option<&dyn Stacks> {
        None
    }
}

/// What knows objects that keep a stack of frames while they do not run.
///
/// The reducer must tell the frames, or the innermost one, as edges: what is shown as a thread is in the dump by them.
pub trait Stacks: Sync {
    /// What such an object is called, in the file too: `greenlet`, `tasklet`.
    fn kind(&self) -> &'static str;

    /// The module that has to be loaded for any of them to exist.
    fn module(&self) -> &'static str;

    /// Further classes of that module whose objects nothing may lead to but what keeps a stack: all of them are found as well.
    fn companions(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether their names begin with `Main-` for the one that its thread began with, and with `Current-` for the one that
    /// runs.
    fn says_which_runs(&self) -> bool {
        false
    }

    /// The stack that the object keeps now; none if it has ended, or if it is not to be shown: one that runs is the stack of
    /// its thread.
    ///
    /// # Errors
    /// As [`Reducer::reduce`].
    fn stack(&self, object: &dyn Object) -> Result<Option<Stack>, Failure>;
}

/// A stack that an object keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// The innermost frame, as an object; its callers are found from there. Null for one that has not begun.
    pub innermost: Address,
    /// The exception that it handles.
    pub exception: Option<Address>,
    /// An address in the runtime's state of the thread that it belongs to.
    pub thread_state: Option<Address>,
    /// An address on its C stack.
    pub c_stack: Option<Address>,
    /// Whether it is the one that its thread began with.
    pub is_main: bool,
    /// Whether it runs: then its frames are those of its thread.
    pub is_current: bool,
    /// Its place among those of its thread, after the first one and the one that runs.
    pub rank: u32,
}
