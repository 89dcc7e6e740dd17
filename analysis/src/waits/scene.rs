//! The dump as the conclusions need it: lines of source files, frames with their variables, threads by identity.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use heapsake_core::format::records::{Frame, Thread};
use heapsake_loader::{Dump, Object};

/// A dump, and what was worked out of it once.
#[derive(Debug)]
pub(super) struct Scene<'d> {
    pub(super) dump: &'d Dump,
    lines: RefCell<HashMap<String, Rc<Vec<String>>>>,
}

impl<'d> Scene<'d> {
    pub(super) fn new(dump: &'d Dump) -> Scene<'d> {
        Scene { dump, lines: RefCell::default() }
    }

    /// The lines of a source file; empty when it is not in the dump.
    pub(super) fn lines(&self, filename: &str) -> Rc<Vec<String>> {
        if let Some(known) = self.lines.borrow().get(filename) {
            return Rc::clone(known);
        }
        let source = self.dump.source(filename);
        let text = source.as_ref().and_then(|source| source.text.as_deref()).unwrap_or_default();
        let lines: Rc<Vec<String>> = Rc::new(text.lines().map(str::to_owned).collect());
        self.lines.borrow_mut().insert(filename.to_owned(), Rc::clone(&lines));
        lines
    }

    /// The line that a frame stands at; empty when it is not in the dump.
    pub(super) fn line(&self, frame: &Frame) -> String {
        let lines = self.lines(&frame.filename);
        (frame.line as usize).checked_sub(1).and_then(|at| lines.get(at)).map_or_else(String::new, |line| line.trim().to_owned())
    }

    /// The part of its line that a frame is at, to the end of the line if it goes on beyond: an expression, or a statement. Known
    /// from CPython 3.11 on.
    pub(super) fn part(&self, frame: &Frame) -> Option<String> {
        let facts = self.dump.referenced(frame.object)?.state();
        let number = |wanted: &str| {
            let (_, fact) = facts.iter().find(|(name, _)| name == wanted)?;
            usize::try_from(i128::from(fact.as_integer()?)).ok()
        };
        if number("f_lineno")? != frame.line as usize {
            return None;
        }
        let lines = self.lines(&frame.filename);
        let line = lines.get((frame.line as usize).checked_sub(1)?)?;
        let start = number("col_offset")?;
        let end = if number("end_lineno")? == frame.line as usize { number("end_col_offset")? } else { line.len() };
        line.get(start..end).map(|part| part.trim().to_owned()).filter(|part| !part.is_empty())
    }

    /// A variable of a frame.
    pub(super) fn variable(&self, frame: &Frame, name: &str) -> Option<Object<'d>> {
        let slot = frame.variables.iter().find(|variable| variable.name == name);
        if let Some(slot) = slot {
            return self.dump.referenced(slot.object);
        }
        let locals = self.dump.referenced(frame.locals)?;
        locals.follow(locals.entry(name)?)
    }

    /// The thread that has an identity.
    pub(super) fn thread_of_ident(&self, ident: i128) -> Option<usize> {
        self.dump.threads().iter().position(|thread| i128::from(thread.ident) == ident)
    }

    /// The thread that a `threading.Thread` stands for.
    pub(super) fn thread_of_object(&self, object: &Object<'d>) -> Option<usize> {
        let threads = self.dump.threads();
        let by_object = threads.iter().position(|thread| thread.object.id == Some(object.id().0));
        by_object.or_else(|| self.thread_of_ident(super::state::number(object, "_ident")?))
    }
}

/// How a thread is called.
pub(super) fn thread_name(thread: &Thread) -> String {
    thread.name.clone().unwrap_or_else(|| format!("thread {}", thread.ident))
}

/// Whether a frame's file is this one of the standard library.
pub(super) fn is_file(frame: &Frame, name: &str) -> bool {
    frame.filename == name || frame.filename.strip_suffix(name).is_some_and(|folder| folder.ends_with('/'))
}

/// Whether a frame's file came with Python.
pub(super) fn is_standard_library(frame: &Frame) -> bool {
    let name = &frame.filename;
    name.starts_with("<frozen ")
        || (name.contains("/python3.") && !name.contains("/site-packages/") && !name.contains("/dist-packages/"))
}
