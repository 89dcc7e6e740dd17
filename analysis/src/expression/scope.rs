//! Where names are looked up: names given by the user, variables of a frame, its global names, the built-ins of the language,
//! and last those of the dump's own `builtins`.

use std::collections::HashMap;

use heapsake_core::format::records::Reference;
use heapsake_loader::{Dump, Object, ObjectId, Target};

use super::builtins;
use super::cursor::of_target;
use super::error::{Evaluated, raised, refused};
use super::forms::harmless;
use super::values::Value;

/// Where an expression is evaluated.
#[derive(Clone, Debug)]
pub struct Scope<'d> {
    pub(crate) dump: &'d Dump,
    pub(crate) place: Place,
    /// Names that the user gave; they come first.
    names: HashMap<String, Value>,
    /// What `_` is where the program has none.
    last: Option<Value>,
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
        Scope { dump, place: Place::Dump, names: HashMap::new(), last: None }
    }

    /// A frame of a thread: both by position, as in [`Dump::threads`]; frames outermost first.
    pub fn of_frame(dump: &'d Dump, thread: usize, frame: usize) -> Scope<'d> {
        Scope { dump, place: Place::Frame(thread, frame), names: HashMap::new(), last: None }
    }

    /// A frame that is an object: of a generator, a coroutine, a task, a traceback.
    pub fn of_frame_object(dump: &'d Dump, frame: ObjectId) -> Scope<'d> {
        Scope { dump, place: Place::Object(frame), names: HashMap::new(), last: None }
    }

    /// The same names of the user in another frame.
    #[must_use]
    pub fn moved(&self, thread: usize, frame: usize) -> Scope<'d> {
        let place = Place::Frame(thread, frame);
        Scope { dump: self.dump, place, names: self.names.clone(), last: self.last.clone() }
    }

    /// The dump.
    pub fn dump(&self) -> &'d Dump {
        self.dump
    }

    /// Gives a name to a value: an assignment of a session. It comes before every other of this name.
    pub fn bind(&mut self, name: impl Into<String>, value: Value) {
        self.names.insert(name.into(), value);
    }

    /// Keeps the last value of a session. It is called `_` where neither the user nor the program has a `_`, as in Python.
    pub fn remember(&mut self, value: Value) {
        self.last = Some(value);
    }

    /// The last value of a session.
    pub fn last(&self) -> Option<&Value> {
        self.last.as_ref()
    }

    /// The value that the user gave this name.
    pub fn bound(&self, name: &str) -> Option<&Value> {
        self.names.get(name)
    }

    /// The names that the user gave.
    pub fn bound_names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// The variables of the frame: its own, then those of enclosing functions. One that is not bound is left out.
    pub fn locals(&self) -> Vec<(String, Value)> {
        let found = self.variables().into_iter();
        found.filter(|(_, target)| *target != Target::Nothing).map(|(name, target)| (name, of_target(target))).collect()
    }

    fn variables(&self) -> Vec<(String, Target)> {
        match self.place {
            Place::Dump => {
                let modules = self.dump.modules().filter(|(name, _)| !name.contains('.'));
                modules.map(|(name, reference)| (name.to_owned(), target(reference))).collect()
            }
            Place::Frame(thread, frame) => {
                let Some(record) = self.dump.threads().get(thread).and_then(|thread| thread.frames.get(frame)) else {
                    return Vec::new();
                };
                let mut found: Vec<(String, Target)> =
                    record.variables.iter().map(|variable| (variable.name.clone(), target(variable.object))).collect();
                if let Some(locals) = self.dump.referenced(record.locals) {
                    found.extend(locals.named_entries());
                }
                found
            }
            Place::Object(id) => self.dump.object(id).locals(),
        }
    }

    /// The mapping of the global names.
    pub(crate) fn globals(&self) -> Option<Object<'d>> {
        match self.place {
            Place::Dump => None,
            Place::Frame(thread, frame) => {
                let record = self.dump.threads().get(thread)?.frames.get(frame)?;
                self.dump.referenced(record.globals)
            }
            Place::Object(id) => self.dump.object(id).attribute_object("f_globals"),
        }
    }

    /// Names that are known here: the user's, the frame's, global ones.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.names.keys().cloned().collect();
        names.extend(self.locals().into_iter().map(|(name, _)| name));
        if names.is_empty()
            && let Some(globals) = self.globals()
        {
            names.extend(globals.named_entries().into_iter().map(|(name, _)| name));
        }
        names
    }

    /// What the frame is, in words.
    fn place_words(&self) -> String {
        match self.place {
            Place::Dump => "no frame is chosen".to_owned(),
            Place::Frame(thread, frame) => {
                let record = self.dump.threads().get(thread).and_then(|thread| thread.frames.get(frame));
                record.map_or_else(
                    || "there is no such frame".to_owned(),
                    |record| format!("in {}", harmless(&record.qualified_name)),
                )
            }
            Place::Object(_) => "in this frame".to_owned(),
        }
    }

    /// The value of a name.
    pub(crate) fn look_up(&self, name: &str) -> Evaluated<Value> {
        if let Some(value) = self.names.get(name) {
            return Ok(value.clone());
        }
        let own = match self.place {
            Place::Frame(thread, frame) => {
                // Without copying all names.
                let record = self.dump.threads().get(thread).and_then(|thread| thread.frames.get(frame));
                record.and_then(|record| {
                    let variable = record.variables.iter().find(|variable| variable.name == name);
                    variable.map(|variable| target(variable.object)).or_else(|| self.dump.referenced(record.locals)?.entry(name))
                })
            }
            _ => self.variables().into_iter().find(|(known, _)| known == name).map(|(_, target)| target),
        };
        match own {
            Some(Target::Nothing) => {
                let message = format!("local variable '{}' is not bound here", harmless(name));
                return Err(raised("UnboundLocalError", message));
            }
            Some(found) => return Ok(of_target(found)),
            None => {}
        }
        if let Some(found) = self.globals().and_then(|globals| globals.entry(name)) {
            return Ok(of_target(found));
        }
        if name == "_"
            && let Some(last) = &self.last
        {
            return Ok(last.clone());
        }
        if let Some(found) = builtins::named(name) {
            return Ok(found);
        }
        if let Some(why) = builtins::refusal(name) {
            return Err(refused(format!("{name} is none of this language's functions: {why}")));
        }
        let of_builtins = self.dump.modules().find(|(known, _)| *known == "builtins");
        let of_builtins = of_builtins.and_then(|(_, reference)| self.dump.referenced(reference));
        if let Some(found) = of_builtins.and_then(|module| module.namespace()?.entry(name)) {
            return Ok(of_target(found));
        }
        Err(raised("NameError", format!("name '{}' is not defined ({})", harmless(name), self.place_words())))
    }
}

fn target(reference: Reference) -> Target {
    match reference {
        Reference { id: Some(id), .. } => Target::Object(id),
        Reference { address: 0, .. } => Target::Nothing,
        Reference { address, .. } => Target::Stray(heapsake_core::Address(address)),
    }
}
