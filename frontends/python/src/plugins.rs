//! Native plugins of a dump that this process makes of itself: found before the split, opened after it.
//!
//! Folders are listed and arguments are made while the program's allocator may be used; the process that plugins live in is
//! started by the child, so that it is the child's and not the program's, and no signal of its end reaches the program.

use heapsake_cli::Surroundings;
use heapsake_core::reduce::Registry;
use heapsake_plugins::{Places, Plugins, Refusal, Settings};
use pyo3::prelude::*;

use crate::fork::Program;

/// The command of a worker, and where packages are installed.
pub(crate) fn surroundings(py: Python<'_>) -> PyResult<Surroundings> {
    let extension = py.import("heapsake._heapsake")?.getattr("__file__")?;
    let found = py.import("heapsake._plugins")?.call_method1("surroundings", (extension,))?;
    let (worker, packages) = found.extract()?;
    Ok(Surroundings { worker, packages })
}

/// What was found, and what runs it.
pub(crate) struct Prepared {
    places: Places,
    program: Program,
}

impl Prepared {
    /// Looks for plugins. No code of theirs runs, and nothing is opened.
    pub(crate) fn new(py: Python<'_>) -> Prepared {
        let found = surroundings(py);
        let problem = found.as_ref().err().map(ToString::to_string);
        let Surroundings { worker, packages } = found.unwrap_or_default();
        let mut places = Places::find(&Settings::from_environment(packages));
        // A program in any state gets its dump.
        let refusal = |reason| Refusal { path: "(of packages)".into(), reason: format!("they cannot be looked for: {reason}") };
        places.refused.extend(problem.map(refusal));
        let program = if places.found.is_empty() { Program::default() } else { Program::new(worker) };
        Prepared { places, program }
    }

    /// Opens what was found. In the child.
    pub(crate) fn open(self, registry: Registry) -> Plugins {
        Plugins::open(self.places, registry, Box::new(self.program))
    }
}
