//! Dumps of this process from inside: the roots are noted with the interpreter lock held, then a child is split off that
//! walks and writes while the program goes on. In a build without that lock all other threads stand still for the moment of the
//! split ([`crate::stillness`]). Where no child can be split off, the walk is done in place, with the lock held
//! to the end.

#![expect(unsafe_code, reason = "this process's own memory is read in place")]

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use heapsake_core::format::Compressor;
use heapsake_core::reduce::Registry;
use heapsake_core::{Address, Budget, DumpFile, DumpOptions, Redaction, Withheld};
use heapsake_cpython::capture::capture;
use heapsake_cpython::memory::{Files, Own, Source, Windows, has_room};
use heapsake_cpython::pystate::CaptureOptions;
use heapsake_cpython::symbols::Which;
use heapsake_plugins::Plugins;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::plugins::Prepared;
use crate::{Error, annotate, fork, isolation, stillness, worker};

/// What the child answers when all went well; lines for the user may follow.
const DONE: &[u8] = b"done";
/// How a line begins that says why reducers written in Python gave nothing.
pub(crate) const LACKS: &str = "the dump lacks what reducers made";
/// What a walk needs besides the program: marks and their like, for each of so many bytes one, and tables.
const SHARE_OF_MARKS: u64 = 16;
const ROOM: u64 = 64 << 20;

/// What a dump is prepared in, and what its best compression takes besides. Where an allocation of ours fails the program
/// ends, so what is not there is not asked for.
const PREPARATION: usize = 64 << 10;
const COMPRESSION: usize = 8 << 20;

/// Dumps this process; gives the path when the file is complete. `thread` is the one that the dump is about, for a caller that
/// is none of the program's and is left out.
#[pyfunction]
#[pyo3(signature = (path=None, exception=None, *, reason=None, redact="names", sources=None, max_bytes=None, max_seconds=None,
                    max_objects=None, reducers=true, reducer_seconds=30.0, thread=None))]
#[expect(clippy::too_many_arguments, reason = "keywords of a Python function")]
pub(crate) fn dump(
    py: Python<'_>,
    path: Option<PathBuf>,
    exception: Option<Bound<'_, PyAny>>,
    reason: Option<String>,
    redact: &str,
    sources: Option<Vec<PathBuf>>,
    max_bytes: Option<u64>,
    max_seconds: Option<f64>,
    max_objects: Option<u64>,
    reducers: bool,
    reducer_seconds: f64,
    thread: Option<u64>,
) -> PyResult<OsString> {
    if worker::runs() {
        return Err(Error::new_err("a reducer was asked for a dump; it is run when one is there, and makes none"));
    }
    if !has_room(PREPARATION) {
        let text = "there is no memory left to prepare a dump in";
        return Err(Error::new_err(format!("{text}\n{}", hint())));
    }
    let reducer_time = annotate::time(reducer_seconds)?;
    let budget = budget(max_bytes, max_seconds, max_objects)?;
    let redaction = Redaction::from_word(redact)
        .ok_or_else(|| Error::new_err(format!("redact is {redact:?}; it may be \"none\", \"names\" or \"all-values\"")))?;
    let path = match path {
        Some(path) => path,
        None => unused_name(py)?,
    };
    let path = std::path::absolute(&path)?;
    // `False` leaves it out; without one it is the one that the caller handles.
    let find_exception = exception.as_ref().is_none_or(|exception| exception.is_none());
    let exception = exception.filter(|exception| !find_exception && !exception.is(&*PyBool::new(py, false)));
    let ident: u64 = py.import("_thread")?.call_method0("get_ident")?.extract()?;
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
        find_exception,
        only_current: true,
        exception_thread: address.is_some().then_some(ident),
        current_thread: Some(thread.unwrap_or(ident)),
        left_out: thread.is_some_and(|thread| thread != ident).then_some(ident),
        reason: reason.clone(),
        hidden_prefixes: hidden.into_iter().collect(),
        root_dir: PathBuf::from("/"),
        sources: sources.map(|named| named.iter().map(std::path::absolute).collect::<Result<_, _>>()).transpose()?,
        pid: Some(std::process::id() as i32),
        ..CaptureOptions::default()
    };
    let plugins = Prepared::new(py);
    let threads_stand = stillness::has_no_lock(py)?;
    // The other needs no memory but what the child has.
    let compressor = if has_room(COMPRESSION) { Compressor::new() } else { Compressor::zlib() };
    let save =
        Save { path: path.clone(), options, registry, plugins, reason, redaction, budget, wanted, threads_stand, compressor };
    // What cannot be created is said before the program is split, and leaves nothing behind.
    // (Without the memory for that the child says it. A file that is there was made by whoever gave the name, to hold it.)
    if has_room(COMPRESSION) && !DumpFile::partial_path(&path).exists() {
        DumpFile::create(&path).map_err(|problem| Error::new_err(problem.to_string()))?;
    }
    let split = || fork::split(save, Save::run).map_err(|(problem, save)| save.run_in_place(&problem));
    let answer = match stillness::with_others_still(py, split)? {
        Ok(child) => py.detach(|| child.wait()).map_err(|problem| {
            let partial = DumpFile::partial_path(&path);
            let left = partial.exists().then(|| format!("\nhint: what there is of it is in {}", partial.display()));
            Error::new_err(format!("{problem}{}", left.unwrap_or_default()))
        })?,
        Err(told) => told,
    };
    let Some(told) = answer.strip_prefix(DONE) else {
        return Err(Error::new_err(String::from_utf8_lossy(&answer).into_owned()));
    };
    for line in String::from_utf8_lossy(told).lines() {
        py.import("heapsake._naming")?.call_method1("say", (format!("heapsake: {line}"),))?;
    }
    // As text: a path would be made by `pathlib`, which the program may not have imported.
    Ok(path.into_os_string())
}

/// The limits of a dump.
///
/// # Errors
/// When the seconds are no time.
pub(crate) fn budget(bytes: Option<u64>, seconds: Option<f64>, objects: Option<u64>) -> PyResult<Budget> {
    match seconds {
        Some(time) if time.is_nan() || time < 0.0 => {
            Err(Error::new_err(format!("max_seconds is {time}; it may be any time from 0 on")))
        }
        _ => Ok(Budget { bytes, seconds, objects }),
    }
}

/// `python-TIME-PID.heapsake` in the working directory, with a number when there is one already.
fn unused_name(py: Python<'_>) -> PyResult<PathBuf> {
    py.import("heapsake._naming")?.call_method1("unused_path", (py.None(),))?.extract()
}

/// What can be done where this process has no memory.
fn hint() -> String {
    let pid = std::process::id();
    format!("hint: `heapsake dump {pid}`, given by another process, needs none of this one's")
}

/// The answer when all went well: a line for each note.
fn done(notes: &[String]) -> Vec<u8> {
    let lines = notes.iter().flat_map(|note| ["\n", note]).collect::<String>();
    [DONE, lines.as_bytes()].concat()
}

/// What the child does.
pub(crate) struct Save {
    pub(crate) path: PathBuf,
    pub(crate) options: CaptureOptions,
    pub(crate) registry: Registry,
    pub(crate) plugins: Prepared,
    pub(crate) reason: String,
    pub(crate) redaction: Redaction,
    pub(crate) budget: Budget,
    /// The folder of installed packages with reducers, the time, and where the interpreter's runtime lies, when Python
    /// reducers are to run.
    pub(crate) wanted: Option<(Option<PathBuf>, Duration, usize)>,
    /// Whether the child has the program's threads as stopped by an interpreter without a lock, which no thread can join.
    pub(crate) threads_stand: bool,
    pub(crate) compressor: Compressor,
}

/// The CPython that this module was loaded by, which need not be the only one of the process.
fn which() -> Which {
    Which::At(Address((&raw const pyo3::ffi::PyBaseObject_Type).expose_provenance() as u64))
}

impl Save {
    fn run(mut self, pause: Duration, mut tell: File) {
        let (path, wanted, threads_stand) = (self.path.clone(), self.wanted.take(), self.threads_stand);
        let answer = match self.save(pause) {
            Ok((mut notes, withheld)) => {
                if wanted.is_some() && threads_stand {
                    let noted = annotate::not_run(&path, "in builds without an interpreter lock no thread could run them");
                    notes.extend(noted.err().map(|problem| format!("{LACKS}: {problem}")));
                } else if let Some((packages, time, runtime)) = wanted {
                    let job = annotate::Job { path, packages, live: true, time, withheld, runtime };
                    // What a reducer starts must never come to the program, which may be the container's first process.
                    fork::adopt_orphans();
                    let annotated = annotate::annotate(job);
                    fork::end_orphans();
                    notes.extend(annotated.err().map(|problem| format!("{LACKS}: {problem}")));
                }
                done(&notes)
            }
            Err(problem) => problem.into_bytes(),
        };
        // Nobody is there to be told that nobody listens.
        let _ = tell.write_all(&answer);
    }

    /// The same without a child: the interpreter lock keeps the objects still. What other threads do outside of it goes on, so
    /// nothing is read but through the kernel.
    fn run_in_place(self, problem: &io::Error) -> Vec<u8> {
        let work = || self.save_in_place(problem);
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(notes)) => done(&notes),
            Ok(Err(text)) => text.into_bytes(),
            Err(_) => b"the walk in place was given up after a defect\n\
                        hint: this is an error of heapsake, which the lines above tell; please report it with them"
                .to_vec(),
        }
    }

    fn save_in_place(mut self, problem: &io::Error) -> Result<Vec<String>, String> {
        let memory = Windows::own().map_err(|problem| problem.to_string())?;
        // An allocation that fails ends the program, so that there is room is made sure of first.
        let room = memory.writable().iter().map(|span| span.len()).sum::<u64>() / SHARE_OF_MARKS + ROOM;
        if !has_room(room as usize) {
            return Err(format!(
                "no process could be split off to write the dump ({problem}), and there is no memory to do without\n{}",
                hint()
            ));
        }
        let how = format!("no process could be split off ({problem}); walked in place, with the interpreter lock held");
        self.options.facts.push(("in_place".to_owned(), how.into()));
        let (path, wanted) = (self.path.clone(), self.wanted.take());
        let (mut notes, _) = self.write(memory, None)?;
        if wanted.is_some() {
            // They run in a process that is split off, and nowhere else.
            let noted = annotate::not_run(&path, &format!("no process could be split off: {problem}"));
            notes.extend(noted.err().map(|problem| format!("{LACKS}: {problem}")));
        }
        Ok(notes)
    }

    pub(crate) fn save(self, pause: Duration) -> Result<(Vec<String>, Withheld), String> {
        // SAFETY: this is the child, which has one thread; it walks, and its own memory comes from mappings of the arena that
        // are made after this call or are not part of the program.
        let memory = unsafe { Own::capture() }.map_err(|problem| problem.to_string())?;
        self.write(memory, Some(pause))
    }

    fn write(self, memory: impl Source, pause: Option<Duration>) -> Result<(Vec<String>, Withheld), String> {
        let path: &Path = &self.path;
        let mut file = DumpFile::create(path).map_err(|problem| problem.to_string())?;
        let plugins = Rc::new(self.plugins.open(self.registry));
        let mut dump = DumpOptions {
            reason: self.reason,
            redaction: self.redaction,
            budget: self.budget,
            pause,
            // The child ends without giving anything back.
            compressor: Some(if pause.is_some() { self.compressor.kept() } else { self.compressor }),
            ..DumpOptions::default()
        };
        Plugins::accompany(&plugins, &mut dump);
        let summary = capture(memory, &Files::own(), which(), self.options, plugins.registry(), &mut file, dump)
            .map_err(|problem| problem.to_string())?;
        file.finish().map_err(|problem| problem.to_string())?;
        Ok((plugins.notes(), summary.withheld))
    }
}
