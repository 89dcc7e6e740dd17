//! Dumps of this process from inside: the roots are noted with the interpreter lock held, then a child is split off that
//! walks and writes while the program goes on.

#![expect(unsafe_code, reason = "this process's own memory is read in place")]

use std::ffi::CString;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use heapsake_core::format::Compressor;
use heapsake_core::reduce::Registry;
use heapsake_core::{Address, Budget, DumpFile, DumpOptions, Redaction, Withheld};
use heapsake_cpython::capture::capture;
use heapsake_cpython::memory::{Files, Own};
use heapsake_cpython::pystate::CaptureOptions;
use pyo3::exceptions::PyRuntimeWarning;
use pyo3::prelude::*;

use crate::{Error, annotate, fork, isolation, worker};

/// What the child answers when all went well; a problem of the reducers follows.
const DONE: &[u8] = b"done";

/// Dumps this process; gives the path when the file is complete.
#[pyfunction]
#[pyo3(signature = (path=None, exception=None, *, reason=None, redact="names", max_bytes=None, max_seconds=None,
                    max_objects=None, reducers=true, reducer_seconds=30.0))]
#[expect(clippy::too_many_arguments, reason = "keywords of a Python function")]
pub(crate) fn dump(
    py: Python<'_>,
    path: Option<PathBuf>,
    exception: Option<Bound<'_, PyAny>>,
    reason: Option<String>,
    redact: &str,
    max_bytes: Option<u64>,
    max_seconds: Option<f64>,
    max_objects: Option<u64>,
    reducers: bool,
    reducer_seconds: f64,
) -> PyResult<PathBuf> {
    if worker::runs() {
        return Err(Error::new_err("a reducer was asked for a dump; it is run when one is there, and makes none"));
    }
    let reducer_time = annotate::time(reducer_seconds)?;
    let redaction = Redaction::from_word(redact)
        .ok_or_else(|| Error::new_err(format!("redact is {redact:?}; it may be \"none\", \"names\" or \"all-values\"")))?;
    let path = match path {
        Some(path) => path,
        None => unused_name(py)?,
    };
    let path = std::path::absolute(&path)?;
    let exception = exception.filter(|exception| !exception.is_none());
    let ident: u64 = py.import("threading")?.call_method0("get_ident")?.extract()?;
    let package: PathBuf = py.import("heapsake")?.getattr("__file__")?.extract()?;
    let hidden = package.parent().map(|folder| format!("{}/", folder.display()));
    let packages = py.detach(|| heapsake_cli::python::packages_with_reducers(&package)).filter(|_| reducers);
    let registered = reducers && !py.import("heapsake._registry")?.getattr("REDUCERS")?.is_empty()?;
    let wanted = (registered || packages.is_some()).then(|| (packages, reducer_time, isolation::runtime()));
    let reason = reason.unwrap_or_else(|| if exception.is_some() { "exception" } else { "on demand" }.to_owned());
    let address = exception.as_ref().map(|exception| Address(exception.as_ptr() as u64));
    let registry = Registry::linked().map_err(|problem| Error::new_err(problem.to_string()))?;
    let options = CaptureOptions {
        exception: address,
        exception_thread: address.is_some().then_some(ident),
        current_thread: Some(ident),
        reason: reason.clone(),
        hidden_prefixes: hidden.into_iter().collect(),
        root_dir: PathBuf::from("/"),
        pid: Some(std::process::id() as i32),
        ..CaptureOptions::default()
    };
    let budget = Budget { bytes: max_bytes, seconds: max_seconds, objects: max_objects };
    let save = Save { path: path.clone(), options, registry, reason, redaction, budget, wanted, compressor: Compressor::new() };
    // What cannot be created is said before the program is split, and leaves nothing behind.
    DumpFile::create(&path).map_err(|problem| Error::new_err(problem.to_string()))?;
    let answer = match fork::split(|pause, tell| save.run(pause, tell)) {
        Ok(child) => py.detach(|| child.wait()).map_err(|problem| Error::new_err(problem.to_string()))?,
        Err(problem) => return Err(Error::new_err(format!("no process could be split off to write the dump: {problem}"))),
    };
    match answer.strip_prefix(DONE) {
        Some(b"") => Ok(path),
        // The dump is there; what became of the reducers is said the way that Python says such things.
        Some(problem) => {
            let problem = CString::new(problem).unwrap_or_default();
            PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &problem, 1)?;
            Ok(path)
        }
        None => Err(Error::new_err(String::from_utf8_lossy(&answer).into_owned())),
    }
}

/// `python-TIME-PID.heapsake` in the working directory, with a number when there is one already.
fn unused_name(py: Python<'_>) -> PyResult<PathBuf> {
    let hooks = py.import("heapsake.hooks")?;
    hooks.call_method1("_path", (py.None(),))?.extract()
}

/// What the child does.
struct Save {
    path: PathBuf,
    options: CaptureOptions,
    registry: Registry,
    reason: String,
    redaction: Redaction,
    budget: Budget,
    /// The folder of installed packages with reducers, the time, and where the interpreter's runtime lies, when Python
    /// reducers are to run.
    wanted: Option<(Option<PathBuf>, Duration, usize)>,
    compressor: Compressor,
}

impl Save {
    fn run(mut self, pause: Duration, mut tell: File) {
        let (path, wanted) = (self.path.clone(), self.wanted.take());
        let answer = match self.save(pause) {
            Ok(withheld) => {
                let mut answer = DONE.to_vec();
                if let Some((packages, time, runtime)) = wanted {
                    let job = annotate::Job { path, packages, live: true, time, withheld, runtime };
                    // What a reducer starts must never come to the program, which may be the container's first process.
                    fork::adopt_orphans();
                    let annotated = annotate::annotate(job);
                    fork::end_orphans();
                    if let Err(problem) = annotated {
                        answer.extend(format!("the dump lacks what reducers made: {problem}").into_bytes());
                    }
                }
                answer
            }
            Err(problem) => problem.into_bytes(),
        };
        // Nobody is there to be told that nobody listens.
        let _ = tell.write_all(&answer);
    }

    fn save(self, pause: Duration) -> Result<Withheld, String> {
        // SAFETY: this is the child, which has one thread; it walks, and its own memory comes from mappings of the arena that
        // are made after this call or are not part of the program.
        let memory = unsafe { Own::capture() }.map_err(|problem| problem.to_string())?;
        let path: &Path = &self.path;
        let mut file = DumpFile::create(path).map_err(|problem| problem.to_string())?;
        let dump = DumpOptions {
            reason: self.reason,
            redaction: self.redaction,
            budget: self.budget,
            pause: Some(pause),
            compressor: Some(self.compressor),
            progress: None,
        };
        let summary = capture(memory, &Files::own(), self.options, self.registry, &mut file, dump);
        let summary = summary.map_err(|problem| problem.to_string())?;
        file.finish().map_err(|problem| problem.to_string())?;
        Ok(summary.withheld)
    }
}
