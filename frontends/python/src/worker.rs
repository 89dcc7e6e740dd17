//! A process that runs reducers written in Python, and nothing else: split off, isolated, watched by [`crate::annotate`].
//!
//! It has the interpreter lock that its parent held, and of the program's threads only this one. Python's own way to go on
//! after a fork (`PyOS_AfterFork_Child`) is not taken: it runs hooks of the program, and clears the states of its other
//! threads, with finalizers that act on the world. Instead the lock's condition variables are made anew
//! ([`isolation::renew_interpreter_lock`]), and Python runs in a further thread: the interpreter may have been asked to hand
//! the lock over, and would wait for ever for a thread that takes it; and what waits for the main thread, pending calls and
//! handlers of signals, stays waiting.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use heapsake_core::format::records::Reduction;
use heapsake_core::heap::TypeDescription;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::channel::{self, Message};
use crate::dump::Dump;
use crate::view::{Content, View};
use crate::{arena, fork, isolation, reduction};

/// Bytes of the stack on which Python runs; touched as far as it is used.
const STACK: usize = 64 << 20;
/// Objects that one reducer is asked about.
const MOST_OBJECTS: usize = 100_000;

static RUNS: AtomicBool = AtomicBool::new(false);

/// Whether this is a process that runs reducers.
pub(crate) fn runs() -> bool {
    RUNS.load(Ordering::Relaxed)
}

/// What is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// The dump.
    pub(crate) path: PathBuf,
    /// The folder of installed packages, when reducers of packages are to run.
    pub(crate) packages: Option<PathBuf>,
    /// Whether this process has the memory that the dump was made of.
    pub(crate) live: bool,
    /// Objects that are done.
    pub(crate) done: Vec<u32>,
    /// Packages' reducers that are not to be loaded, and reducers that are not to be asked.
    pub(crate) refused: Vec<String>,
    /// Where the interpreter's runtime lies.
    pub(crate) runtime: usize,
}

/// Does it, and ends the process.
pub(crate) fn run(work: Work, parent: i32, tell: File) {
    RUNS.store(true, Ordering::Relaxed);
    if let Err(problem) = isolation::isolate(tell.as_raw_fd(), parent) {
        let mut tell = tell;
        let note = format!("Python reducers were not run: the process for them could not be isolated: {problem}");
        let _ = channel::send(&mut tell, &Message::Note(note));
        let _ = channel::send(&mut tell, &Message::Done);
        return;
    }
    let renewed = isolation::renew_interpreter_lock(work.runtime);
    arena::share();
    let started = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        let status = Python::attach(|py| ask(py, work, renewed, tell));
        fork::leave(i32::from(status.is_err()));
    });
    // Waits without the interpreter lock, which the thread takes.
    if let Ok(thread) = started {
        Python::attach(|py| py.detach(|| thread.join())).ok();
    }
}

fn ask(py: Python<'_>, work: Work, renewed: bool, tell: File) -> PyResult<()> {
    let channel = Bound::new(py, Channel { tell: Mutex::new(tell), live: work.live, renewed })?;
    channel.get().send(&Message::Begun)?;
    // As text: what goes into Python's search for modules must be.
    let (path, packages) = (work.path.into_os_string(), work.packages.map(PathBuf::into_os_string));
    let arguments = (&channel, path, packages, work.done, work.refused);
    let done = py.import("heapsake._reduce")?.call_method1("work", arguments);
    if let Err(problem) = done {
        let note = format!("Python reducers were not run: {problem}");
        channel.get().send(&Message::Note(note))?;
    }
    channel.get().send(&Message::Done)
}

/// How `heapsake._reduce` tells what it does, and gets what only native code can give.
#[pyclass(frozen, module = "heapsake._heapsake")]
#[derive(Debug)]
struct Channel {
    tell: Mutex<File>,
    live: bool,
    renewed: bool,
}

impl Channel {
    fn send(&self, message: &Message) -> PyResult<()> {
        let mut tell = self.tell.lock().unwrap_or_else(PoisonError::into_inner);
        channel::send(&mut *tell, message).map_err(|problem| PyOSError::new_err(problem.to_string()))
    }
}

#[pymethods]
impl Channel {
    /// Whether reducers can be given live objects.
    #[getter]
    fn has_live(&self) -> bool {
        self.live
    }

    /// Whether the interpreter lock was made anew.
    #[getter]
    fn lock_renewed(&self) -> bool {
        self.renewed
    }

    fn loading(&self, name: String) -> PyResult<()> {
        self.send(&Message::Loading(name))
    }

    fn answers(&self, name: String) -> PyResult<()> {
        self.send(&Message::Answers(name))
    }

    fn planned(&self, origin: String, name: String, count: u64) -> PyResult<()> {
        self.send(&Message::Planned(origin, name, count))
    }

    fn note(&self, text: String) -> PyResult<()> {
        self.send(&Message::Note(text))
    }

    #[pyo3(signature = (object, origin, seconds))]
    fn asking(&self, object: u32, origin: String, seconds: Option<f64>) -> PyResult<()> {
        self.send(&Message::Asking(object, origin, seconds))
    }

    /// What a reducer gave for the object of `view`: a Reduction.
    fn reduced(&self, view: &Bound<'_, View>, origin: String, live: bool, given: &Bound<'_, PyAny>) -> PyResult<()> {
        let (owner, object) = place(view);
        match reduction::record(owner, object, given) {
            Ok(record) => self.send(&Message::Reduced(Reduction { origin, live, ..record })),
            Err(problem) => self.failed(view, origin, live, &problem),
        }
    }

    /// That a reducer gave nothing for the object of `view`, and why.
    fn failed(&self, view: &Bound<'_, View>, origin: String, live: bool, failure: &str) -> PyResult<()> {
        let failure = Some(reduction::cut(failure));
        let record = Reduction { object: place(view).1, origin, live, failure, ..Reduction::default() };
        self.send(&Message::Reduced(record))
    }

    /// The live object of a view; None when its memory does not say so.
    fn live_object<'py>(&self, view: &Bound<'py, View>) -> Option<Bound<'py, PyAny>> {
        let view_of = view.get();
        let object = view_of.owner.get().inner.object(match view_of.content {
            Content::Object(id) => id,
            _ => return None,
        });
        let type_address = object.type_description()?.address;
        if !self.live || !runs() || type_address == 0 {
            return None;
        }
        isolation::live_object(view.py(), object.address().0, type_address)
    }

    /// For each wanted type (name, whether subclasses too, address or 0) the numbers of its objects, and how many more there
    /// are. An object goes to the reducer of its exact type, else to that of its nearest base.
    fn candidates<'py>(
        &self,
        py: Python<'py>,
        dump: &Bound<'py, Dump>,
        wanted: Vec<(String, bool, u64)>,
    ) -> PyResult<Bound<'py, PyList>> {
        let inner = &dump.get().inner;
        let types = inner.types();
        let choose = |description: &TypeDescription| {
            let exact = |(name, _, address): &(String, bool, u64)| {
                *name == description.name || (self.live && *address != 0 && *address == description.address)
            };
            let of_base = |base: &String| wanted.iter().position(|(name, subclasses, _)| *subclasses && name == base);
            wanted.iter().position(exact).or_else(|| description.mro.iter().find_map(of_base))
        };
        let chosen: Vec<Option<usize>> = types.iter().map(choose).collect();
        let marked: Vec<bool> = chosen.iter().map(Option::is_some).collect();
        let mut found: Vec<(Vec<u32>, usize)> = vec![(Vec::new(), 0); wanted.len()];
        for (object, type_id) in inner.objects_of_types(&marked) {
            if let Some((objects, more)) = chosen[type_id as usize].and_then(|number| found.get_mut(number)) {
                if objects.len() < MOST_OBJECTS {
                    objects.push(object.0);
                } else {
                    *more += 1;
                }
            }
        }
        PyList::new(py, found)
    }
}

fn place<'v>(view: &'v Bound<'_, View>) -> (&'v Py<Dump>, u32) {
    let object = match view.get().content {
        Content::Object(id) => id.0,
        _ => u32::MAX,
    };
    (&view.get().owner, object)
}
