//! What a dump needs that is made without the interpreter lock, as of a process that dies of a signal: made ready while the
//! program is well, used in the child that is split off ([`crate::fatal`], [`crate::asked`]).

use std::path::PathBuf;
use std::time::Duration;

use heapsake_core::format::Compressor;
use heapsake_core::reduce::Registry;
use heapsake_core::{Budget, DumpFile, Redaction};
use heapsake_cpython::Death;
use heapsake_cpython::memory::maps;
use heapsake_cpython::pystate::CaptureOptions;
use pyo3::prelude::*;

use crate::capture::{LACKS, Save};
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
    stem: String,
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
    pub(crate) stem: String,
    pub(crate) redact: &'a str,
    pub(crate) sources: Option<Vec<PathBuf>>,
    pub(crate) budget: Budget,
    /// Whether reducers written in Python, if there are any, would be run over another dump.
    pub(crate) reducers: bool,
}

impl Ready {
    pub(crate) fn new(py: Python<'_>, wanted: Wanted<'_>) -> PyResult<Ready> {
        let Wanted { folder, stem, redact, sources, budget, reducers } = wanted;
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
        Ok(Ready { folder, stem, registry, plugins, redaction, budget, sources, hidden, reducers, compressor })
    }

    /// Saves this process, in the child; gives a line for the user.
    ///
    /// # Errors
    /// Why there is no dump, in words.
    pub(crate) fn save(self, why: Why, pid: i32, pause: Duration) -> Result<String, String> {
        let (reason, no_reducers, left_out, death) = match why {
            Why::Death(mut death) => {
                death.find_place(&maps::own().unwrap_or_default());
                (death.reason(), "the process was dying of a signal", None, Some(death))
            }
            Why::Asked(reason, thread) => (reason, "the interpreter lock was not to be had", thread, None),
        };
        let reducers = self.reducers;
        let (path, notes) = self.file(pid)?;
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
            budget: self.budget,
            wanted: None,
            compressor: self.compressor,
        };
        let (mut told, _) = save.save(pause).map_err(|problem| {
            let partial = DumpFile::partial_path(&path);
            let left =
                if partial.exists() { format!("; what there is of it is in {}", partial.display()) } else { String::new() };
            format!("no dump of {reason}: {problem}{left}")
        })?;
        if reducers {
            told.extend(annotate::not_run(&path, no_reducers).err().map(|problem| format!("{LACKS}: {problem}")));
        }
        told.extend(notes);
        let told: String = told.iter().flat_map(|note| ["; ", note]).collect();
        Ok(format!("{reason} saved to {}{told}", path.display()))
    }

    /// A file that can be written, in the folder that was meant or one for temporary files, and what is to be said of it.
    fn file(&self, pid: i32) -> Result<(PathBuf, Option<String>), String> {
        let stem = format!("{}-{pid}", self.stem);
        let create = |folder: Option<PathBuf>| {
            let path = heapsake_cli::unused_name(folder.as_deref(), &stem)?;
            DumpFile::create(&path).map_err(|problem| problem.to_string())?;
            Ok::<_, String>(path)
        };
        let problem = match create(self.folder.clone()) {
            Ok(path) => return Ok((path, None)),
            Err(problem) => problem,
        };
        let folders = std::env::var_os("TMPDIR").map(PathBuf::from).into_iter().chain(ELSEWHERE.map(PathBuf::from));
        let found = folders.filter(|folder| folder.is_dir()).find_map(|folder| create(Some(folder)).ok());
        let problem = problem.lines().next().unwrap_or_default().to_owned();
        found.map(|path| (path, Some(problem.clone()))).ok_or(problem)
    }
}
