//! Where names are looked up: names given by the user, variables of a frame, its global names, the built-ins of the language.

use std::collections::HashMap;

use heapsake_loader::{Dump, ObjectId};

use super::values::Value;

/// Where an expression is evaluated.
#[derive(Clone, Debug)]
pub struct Scope<'d> {
    pub(crate) dump: &'d Dump,
    pub(crate) place: Place,
    /// Names that the user gave; they come first.
    names: HashMap<String, Value>,
}

/// Whose variables are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nobody's: modules by their names, and built-ins.
    Dump,
    /// Of a frame: positions of the thread and of the frame in it, outermost first.
    Frame(usize, usize),
    /// Of a frame that is an object: of a generator, a coroutine, a traceback.
    Object(ObjectId),
}

impl<'d> Scope<'d> {
    /// No frame: the names of modules, and built-ins.
    pub fn of_dump(dump: &'d Dump) -> Scope<'d> {
        Scope { dump, place: Place::Dump, names: HashMap::new() }
    }

    /// A frame of a thread: both by position, as in [`Dump::threads`]; frames outermost first.
    pub fn of_frame(dump: &'d Dump, thread: usize, frame: usize) -> Scope<'d> {
        Scope { dump, place: Place::Frame(thread, frame), names: HashMap::new() }
    }

    /// A frame that is an object: of a generator, a coroutine, a task, a traceback.
    pub fn of_frame_object(dump: &'d Dump, frame: ObjectId) -> Scope<'d> {
        Scope { dump, place: Place::Object(frame), names: HashMap::new() }
    }

    /// The dump.
    pub fn dump(&self) -> &'d Dump {
        self.dump
    }

    /// Gives a name to a value (`_`, assignments of a session). It comes before every other of this name.
    pub fn bind(&mut self, name: impl Into<String>, value: Value) {
        self.names.insert(name.into(), value);
    }

    /// The value that the user gave this name.
    pub fn bound(&self, name: &str) -> Option<&Value> {
        self.names.get(name)
    }

    /// The names that the user gave.
    pub fn bound_names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }
}
