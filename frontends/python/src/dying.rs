//! What a dump needs that is made without the interpreter lock, as of a process that dies of a signal: made ready while the
//! program is well, used in the child that is split off ([`crate::fatal`], [`crate::asked`]).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use heapsake_core::format::Compressor;
use heapsake_core::reduce::Registry;
use heapsake_core::{Budget, DumpFile, Redaction};
use heapsake_cpython::Death;
use heapsake_cpython::memory::maps;
use heapsake_cpython::pystate::CaptureOptions;
use pyo3::prelude::*;

use crate::capture::{LACKS, Save};
use crate::keeping::{Place, Refusal, Rules};
use crate::plugins::Prepared;
use crate::{Error, annotate};

/// Where a dump goes that its own folder does not take.
const ELSEWHERE: [&str; 2] = ["/tmp", "/var/tmp"];

/// Why there is a dump.
pub(crate) enum Why {
    /// A signal that the process dies of.
    Death(Death),
    /// Somebody asked; in words. And a thread that waits for the interpreter lock and is none of the program's, by its ident.
    Asked(String, Option<u64>),
}

/// All that is needed, but for the reason.
pub(crate) struct Ready {
    /// None is the working directory at that time.
    folder: Option<PathBuf>,
    rules: Arc<Rules>,
    registry: Registry,
    plugins: Prepared,
    redaction: Redaction,
    budget: Budget,
    sources: Option<Vec<PathBuf>>,
    hidden: Vec<String>,
    reducers: bool,
    compressor: Compressor,
}

/// Options of the dump.
pub(crate) struct Wanted<'a> {
    pub(crate) folder: Option<PathBuf>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) redact: &'a str,
    pub(crate) sources: Option<Vec<PathBuf>>,
    pub(crate) budget: Budget,
    /// Whether reducers written in Python, if there are any, would be run over another dump.
    pub(crate) reducers: bool,
}

impl Ready {
    pub(crate) fn new(py: Python<'_>, wanted: Wanted<'_>) -> PyResult<Ready> {
        let Wanted { folder, rules, redact, sources, budget, reducers } = wanted;
        let redaction = Redaction::from_word(redact)
            .ok_or_else(|| Error::new_err(format!("redact is {redact:?}; it may be \"none\", \"names\" or \"all-values\"")))?;
        let package: PathBuf = py.import("heapsake")?.getattr("__file__")?.extract()?;
        let hidden = package.parent().map(|folder| format!("{}/", folder.display())).into_iter().collect();
        let registry = Registry::linked().map_err(|problem| Error::new_err(problem.to_string()))?;
        let sources = sources.map(|named| named.iter().map(std::path::absolute).collect::<Result<_, _>>()).transpose()?;
        let reducers = reducers
            && (heapsake_cli::python::packages_with_reducers(&package).is_some()
                || !py.import("heapsake._registry")?.getattr("REDUCERS")?.is_empty()?);
        let (plugins, compressor) = (Prepared::new(py), Compressor::new());
        Ok(Ready { folder, rules, registry, plugins, redaction, budget, sources, hidden, reducers, compressor })
    }

    /// Whether nothing is to be said.
    pub(crate) fn is_quiet(&self) -> bool {
        self.rules.quiet
    }

    /// Saves this process, in the child; gives a line for the user.
    ///
    /// # Errors
    /// Why there is no dump, as a line for the user.
    pub(crate) fn save(self, why: Why, pid: i32, pause: Duration) -> Result<String, Refusal> {
        let (reason, no_reducers, left_out, death) = match why {
            Why::Death(mut death) => {
                death.find_place(&maps::own().unwrap_or_default());
                (death.reason(), "the process was dying of a signal", None, Some(death))
            }
            Why::Asked(reason, thread) => (reason, "the interpreter lock was not to be had", thread, None),
        };
        let (reducers, rules) = (self.reducers, Arc::clone(&self.rules));
        let no_dump = |refusal: Refusal| {
            let problem = format!("no dump of {reason}: {}", refusal.problem);
            Refusal { problem, ..refusal }
        };
        let (place, notes) = self.place(&rules.stem(pid, &reason)).map_err(no_dump)?;
        let path = place.path.clone();
        let bytes = self.budget.bytes.into_iter().chain(place.room).min();
        let options = CaptureOptions {
            // The main thread has the number of the process.
            current_thread: death.is_none().then_some(pid as u64),
            left_out,
            find_exception: death.is_some(),
            death,
            only_current: true,
            reason: reason.clone(),
            hidden_prefixes: self.hidden,
            root_dir: PathBuf::from("/"),
            sources: self.sources,
            pid: Some(pid),
            ..CaptureOptions::default()
        };
        let save = Save {
            path: path.clone(),
            options,
            registry: self.registry,
            plugins: self.plugins,
            reason: reason.clone(),
            redaction: self.redaction,
            budget: Budget { bytes, ..self.budget },
            wanted: None,
            threads_stand: false,
            compressor: self.compressor,
        };
        let (mut told, _) = save.save(pause).map_err(|problem| {
            let partial = DumpFile::partial_path(&path);
            let left =
                if partial.exists() { format!("; what there is of it is in {}", partial.display()) } else { String::new() };
            place.release();
            Refusal { problem: format!("no dump of {reason}: {problem}{left}"), is_full: false }
        })?;
        rules.check(&place).map_err(no_dump)?;
        if reducers {
            told.extend(annotate::not_run(&path, no_reducers).err().map(|problem| format!("{LACKS}: {problem}")));
        }
        told.extend(notes);
        let told: String = told.iter().flat_map(|note| ["; ", note]).collect();
        Ok(format!("{reason} saved to {}{told}", path.display()))
    }

    /// A place in the folder that was meant or one for temporary files, and what is to be said of it.
    fn place(&self, stem: &str) -> Result<(Place, Option<String>), Refusal> {
        let reserve = |folder: &Path| self.rules.reserve(folder, stem);
        let meant = self.folder.clone().map_or_else(std::env::current_dir, Ok);
        let gone = |problem| Refusal { problem: format!("the working directory is gone: {problem}"), is_full: false };
        let refusal = match meant.map_err(gone).and_then(|folder| reserve(&folder)) {
            Ok(place) => return Ok((place, None)),
            Err(refusal) if refusal.is_full => return Err(refusal),
            Err(refusal) => refusal,
        };
        let folders = std::env::var_os("TMPDIR").map(PathBuf::from).into_iter().chain(ELSEWHERE.map(PathBuf::from));
        let mut tried = folders.filter(|folder| folder.is_dir()).map(|folder| reserve(&folder));
        match tried.find(|tried| tried.as_ref().map_or_else(|refusal| refusal.is_full, |_| true)) {
            Some(Ok(place)) => Ok((place, Some(refusal.problem))),
            Some(Err(full)) => Err(full),
            None => Err(refusal),
        }
    }
}
