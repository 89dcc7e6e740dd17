//! [`Shape`]: where the fields of a greenlet lie, by release of greenlet and of Python.
//!
//! Precedence: the committed table, which `cargo xtask greenlet` makes of the debug information of PyPI's wheels; when an
//! object contradicts it, the debug information of the library that the target has mapped. Either counts only for an object
//! that it fits.

use std::fmt::{self, Write};
use std::path::Path;

use heapsake_core::Address;
use heapsake_cpython::Facts;
use heapsake_cpython::layouts::dwarf::{self, DebugFiles, Definitions, Structure};
use heapsake_cpython::memory::maps;

const TABLE: &str = include_str!("greenlets.layout");
const FIRST_LINE: &str = "heapsake-greenlets 1 lp64";

macro_rules! places {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal $paths:literal,)*) => {
        /// A field.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Place { $($(#[doc = $doc])* $variant,)* }

        impl Place {
            /// Every field, its name in the table, and its paths in debug information.
            const ALL: &[(Place, &'static str, &'static str)] = &[$((Place::$variant, $name, $paths),)*];
        }
    };
}

places! {
    /// The C++ object, in the Python object; up to 1.x there is none, and all fields lie in the Python object.
    Implementation "pimpl" "pimpl",
    /// The Python object that it belongs to.
    Itself "self" "_self",
    /// Where the exceptions that it handles begin.
    ExceptionInfo "exc_info" "exception_state.exc_info|exc_info",
    /// The exception that it handles.
    Exception "exc_value" "exception_state.exc_state.exc_value|exc_state.exc_value",
    /// What is switched to it, positional.
    Arguments "args" "switch_args._args",
    /// What is switched to it, by name.
    Keywords "kwargs" "switch_args._kwargs",
    /// Where its C stack ends, inside; 0 when it has finished.
    StackStart "stack_start" "stack_state._stack_start|stack_start",
    /// Where its C stack begins; 0 before it has, the highest address for the first of a thread.
    StackStop "stack_stop" "stack_state.stack_stop|stack_stop",
    /// How much of its C stack lies in a copy.
    StackSaved "stack_saved" "stack_state._stack_saved|stack_saved",
    /// Its context.
    Context "context" "python_state._context|context",
    /// The innermost frame, while it is suspended.
    TopFrame "top_frame" "python_state._top_frame|top_frame",
    /// The caller of that frame, where it is known by its place on the C stack alone (3.0.0 to 3.0.2 on Python 3.12).
    PreviousFrame "prev_frame" "python_state._prev_frame",
    /// The first greenlet of its thread.
    Main "main" "_main_greenlet",
    /// What it runs.
    Run "run" "_run_callable",
    /// What it runs, or up to 1.x the dict of its thread when it has begun.
    RunInfo "run_info" "run_info",
    /// The one that goes on when it ends.
    Parent "parent" "_parent|parent",
}

const COUNT: usize = Place::ALL.len();

/// Where each field lies, in bytes, as far as there is such a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shape([Option<u32>; COUNT]);

impl Shape {
    /// Where a field lies.
    pub fn place(&self, place: Place) -> Option<u32> {
        self.0.get(place as usize).copied().flatten()
    }

    /// The shape that debug information gives; none if what must be there is not.
    pub fn of_definitions(found: &Definitions) -> Option<Shape> {
        let only = |name: &str| match found.structures.get(name).map(Vec::as_slice) {
            Some([structure]) => Some(structure),
            _ => None,
        };
        let object = only("_greenlet").or_else(|| only("PyGreenlet"))?;
        let implementation = only("UserGreenlet");
        let find = |structure: Option<&Structure>, paths: &str| {
            let bit = paths.split('|').find_map(|path| Some(structure?.find(path)?.0))?;
            u32::try_from(bit / 8).ok()
        };
        let mut shape = Shape::default();
        for ((place, _, paths), slot) in Place::ALL.iter().zip(&mut shape.0) {
            let within = if *place == Place::Implementation { Some(object) } else { implementation.or(Some(object)) };
            *slot = find(within, paths);
        }
        shape.is_whole().then_some(shape)
    }

    /// The names to look up in debug information.
    pub fn names() -> dwarf::Names<'static> {
        ["_greenlet", "PyGreenlet", "UserGreenlet"].into_iter().collect()
    }

    /// The shape by the debug information of the library that the process has mapped.
    pub(crate) fn of_process(facts: &Facts) -> Option<Shape> {
        let mappings = maps::of_process(facts.pid?).ok()?;
        let is_library = |path: &&Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("_greenlet"));
        let path = mappings.iter().filter_map(|mapping| mapping.file()).find(is_library)?;
        let path = facts.root.join(path.strip_prefix("/").unwrap_or(path));
        Shape::of_definitions(&dwarf::read(&path, &DebugFiles::under(&facts.root), &Shape::names()).ok()??)
    }

    /// Where the C++ object of the greenlet at `object` lies, or the object itself.
    pub(crate) fn body(&self, object: Address, word: impl Fn(Address) -> Option<u64>) -> Option<Address> {
        match self.place(Place::Implementation) {
            Some(offset) => word(object.offset(offset.into())).map(Address).filter(|body| !body.is_null()),
            None => Some(object),
        }
    }

    fn is_whole(&self) -> bool {
        let has = |place| self.place(place).is_some();
        let owner = has(Place::Implementation) == has(Place::Itself) && has(Place::Run) != has(Place::RunInfo);
        owner && [Place::TopFrame, Place::StackStart, Place::StackStop, Place::Parent, Place::ExceptionInfo].into_iter().all(has)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for ((_, name, _), offset) in Place::ALL.iter().zip(self.0) {
            if let Some(offset) = offset {
                write!(f, "{}{name}={offset}", if first { "" } else { " " })?;
                first = false;
            }
        }
        Ok(())
    }
}

/// A release of greenlet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Release(pub [u16; 3]);

impl Release {
    /// Reads `3.1.1`; what follows the numbers is left out.
    pub fn parse(text: &str) -> Option<Release> {
        let mut numbers = [0; 3];
        for (number, part) in numbers.iter_mut().zip(text.trim().split('.')) {
            let digits = part.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(part.len());
            *number = part.get(..digits)?.parse().ok()?;
        }
        Some(Release(numbers))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// A row of the table: releases of greenlet that were looked at and are alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Minor release of Python 3.
    pub python: u8,
    /// The first release that was looked at.
    pub first: Release,
    /// The last release that was looked at.
    pub last: Release,
    /// The fields.
    pub shape: Shape,
}

/// The committed table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Table {
    /// Rows, by Python, then by release.
    pub rows: Vec<Row>,
}

impl Table {
    /// The committed one.
    pub fn committed() -> Option<Table> {
        Table::parse(TABLE)
    }

    /// Reads what [`Table::text`] writes.
    pub fn parse(text: &str) -> Option<Table> {
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return None;
        }
        let lines = lines.filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
        Some(Table { rows: lines.map(row).collect::<Option<_>>()? })
    }

    /// The file.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{FIRST_LINE}\n\
             # Generated by `cargo xtask greenlet` from the debug information of PyPI's wheels; never edited by hand.\n\
             # Python, first and last release of greenlet that was looked at, and offsets in bytes: `pimpl` in the Python\n\
             # object, all others in the C++ object where there is one.\n"
        );
        for row in &self.rows {
            let _ = writeln!(text, "3.{} {} {} {}", row.python, row.first, row.last, row.shape);
        }
        text
    }

    /// What is known of a release: the row that has it, else the nearest below, as rows are of what was looked at.
    pub fn find(&self, python: u8, release: Release) -> Option<&Row> {
        let fitting = self.rows.iter().filter(|row| row.python == python && row.first <= release);
        fitting.max_by_key(|row| row.first)
    }
}

fn row(line: &str) -> Option<Row> {
    let mut words = line.split_whitespace();
    let python = words.next()?.strip_prefix("3.")?.parse().ok()?;
    let first = Release::parse(words.next()?)?;
    let last = Release::parse(words.next()?)?;
    let mut shape = Shape::default();
    for word in words {
        let (name, offset) = word.split_once('=')?;
        let position = Place::ALL.iter().position(|(_, known, _)| *known == name)?;
        *shape.0.get_mut(position)? = Some(offset.parse().ok()?);
    }
    shape.is_whole().then_some(Row { python, first, last, shape })
}

#[cfg(test)]
#[path = "shape_tests.rs"]
mod tests;
