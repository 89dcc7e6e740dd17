//! The plugins that the command uses, and the program that it runs them in.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::OnceLock;

use heapsake_core::reduce::Registry;
use heapsake_plugins::{Places, Plugins, Programs, Settings};

static SURROUNDINGS: OnceLock<Surroundings> = OnceLock::new();

/// What the command is part of.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The program, with its arguments, that is a worker for plugins.
    pub worker: Vec<OsString>,
    /// The folders of installed packages, which may declare plugins.
    pub packages: Vec<PathBuf>,
}

impl Surroundings {
    /// A program of its own: its own worker; the packages are those of the Python that `HEAPSAKE_PYTHON` names, if it does.
    #[must_use]
    pub fn of_program() -> Surroundings {
        let python = std::env::var_os("HEAPSAKE_PYTHON");
        Surroundings {
            worker: Programs::own().map(|programs| programs.command).unwrap_or_default(),
            packages: python.map(|python| heapsake_plugins::packages_of(Path::new(&python))).unwrap_or_default(),
        }
    }
}

pub(crate) fn set(surroundings: Surroundings) {
    // A second command line of the same process has the same surroundings.
    let _ = SURROUNDINGS.set(surroundings);
}

/// Opens all plugins, on top of the built-in reducers.
pub(crate) fn open() -> anyhow::Result<Rc<Plugins>> {
    let Surroundings { worker, packages } = SURROUNDINGS.get().cloned().unwrap_or_default();
    let places = Places::find(&Settings::from_environment(packages));
    Ok(Rc::new(Plugins::open(places, Registry::linked()?, Box::new(Programs { command: worker }))))
}

/// Says on standard error what was refused and what went wrong.
pub(crate) fn report(plugins: &Plugins) {
    for message in plugins.notes() {
        eprintln!("heapsake: {}", crate::output::harmless(&message));
    }
}
