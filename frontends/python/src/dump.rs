//! A dump that is open: threads, frames, faults, and the sequence of its objects.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use heapsake_analysis::waits::{Party, Waits};
use heapsake_core::Address;
use heapsake_core::format::records;
use heapsake_core::heap::FrameKind;
use heapsake_loader::{ObjectId, Target};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::Error;
use crate::memory::Region;
use crate::names::Names;
use crate::plain;
use crate::view::{Content, View};
use crate::waits::{self, Deadlock, Task, Wait};

/// A dump.
#[pyclass(frozen, module = "heapsake._heapsake")]
#[derive(Debug)]
pub(crate) struct Dump {
    pub(crate) inner: Arc<heapsake_loader::Dump>,
    waits: OnceLock<Waits>,
    names: OnceLock<Names>,
}

impl Dump {
    /// What threads and tasks wait for.
    pub(crate) fn waits(&self) -> &Waits {
        self.waits.get_or_init(|| Waits::of(&self.inner))
    }

    /// By which names modules hold objects.
    pub(crate) fn names(&self) -> &Names {
        self.names.get_or_init(|| Names::of(&self.inner))
    }
}

/// Opens a dump.
#[pyfunction]
pub(crate) fn load(py: Python<'_>, path: PathBuf) -> PyResult<Dump> {
    let opened = py.detach(|| heapsake_loader::open(path));
    let inner = opened.map_err(|problem| Error::new_err(problem.to_string()))?;
    Ok(Dump { inner: Arc::new(inner), waits: OnceLock::new(), names: OnceLock::new() })
}

fn reference(py: Python<'_>, owner: &Py<Dump>, reference: records::Reference) -> Option<View> {
    match reference {
        records::Reference { id: Some(id), .. } => Some(View::object_of(py, owner, ObjectId(id))),
        records::Reference { address: 0, .. } => None,
        records::Reference { address, .. } => Some(View { owner: owner.clone_ref(py), content: Content::Stray(address) }),
    }
}

#[pymethods]
impl Dump {
    /// The file.
    #[getter]
    fn path(&self) -> String {
        self.inner.path().to_string_lossy().into_owned()
    }

    /// What the header says: reason, time, program, and every fact of the interpreter by name.
    #[getter]
    fn header<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let header = self.inner.header();
        let dict = PyDict::new(py);
        for (name, value) in &header.facts {
            dict.set_item(name, plain::fact(py, value)?)?;
        }
        dict.set_item("format", header.format)?;
        dict.set_item("writer", &header.writer)?;
        dict.set_item("created", header.created as f64 / 1e9)?;
        dict.set_item("reason", &header.reason)?;
        dict.set_item("pause", header.pause.map(|pause| pause as f64 / 1e9))?;
        dict.set_item("objects", header.objects)?;
        dict.set_item("types", header.types)?;
        dict.set_item("redaction", &header.redaction)?;
        Ok(dict)
    }

    /// All threads, the one of the exception first.
    #[getter]
    fn threads(slf: &Bound<'_, Self>) -> Vec<Thread> {
        (0..slf.get().inner.threads().len()).map(|index| Thread { owner: slf.clone().unbind(), index }).collect()
    }

    /// All tasks of asyncio and trio, the unfinished first.
    #[getter]
    fn tasks(slf: &Bound<'_, Self>) -> Vec<Task> {
        waits::tasks(slf)
    }

    /// Threads and tasks that wait for each other, the shortest cycle first.
    #[getter]
    fn deadlocks(slf: &Bound<'_, Self>) -> Vec<Deadlock> {
        waits::deadlocks(slf)
    }

    /// The exception that is the reason of the dump.
    #[getter]
    fn exception(slf: &Bound<'_, Self>) -> Option<View> {
        slf.get().inner.exception().map(|id| View::object_of(slf.py(), slf.as_unbound(), id))
    }

    /// What is damaged or missing in the file, as far as it was looked at.
    #[getter]
    fn faults(&self) -> Vec<Fault> {
        let faults = self.inner.faults().into_iter();
        faults
            .map(|fault| Fault {
                offset: fault.offset,
                kind: format!("{:?}", fault.kind).to_lowercase(),
                consequence: fault.consequence,
            })
            .collect()
    }

    /// What was left out or not run, in words: what was cut while dumping, reducers that failed or were not run.
    #[getter]
    fn notes(&self) -> Vec<String> {
        let annotated = self.inner.annotated();
        let failures = annotated.failures().into_iter();
        let failures = failures.map(|(origin, why, count)| format!("{origin} failed for {count} objects: {why}"));
        self.inner.omissions().notes.iter().chain(annotated.notes()).cloned().chain(failures).collect()
    }

    /// The memory of the process, region by region, in the order of their addresses; an empty list where the dump does not
    /// tell.
    #[getter]
    fn memory(&self) -> Vec<Region> {
        self.inner.regions().iter().map(Region::from).collect()
    }

    /// All objects, by number.
    #[getter]
    fn objects(slf: &Bound<'_, Self>) -> Objects {
        Objects { owner: slf.clone().unbind() }
    }

    /// The objects whose types have one of these names, by number; what only derives from them is not among them.
    fn instances(slf: &Bound<'_, Self>, type_names: Vec<String>) -> Vec<View> {
        let dump = &slf.get().inner;
        let found = slf.py().detach(|| {
            let wanted: Vec<bool> = dump.types().iter().map(|known| type_names.contains(&known.name)).collect();
            dump.objects_of_types(&wanted).map(|(id, _)| id).collect::<Vec<ObjectId>>()
        });
        found.into_iter().map(|id| View::object_of(slf.py(), slf.as_unbound(), id)).collect()
    }

    /// The modules, by name.
    #[getter]
    fn modules<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(slf.py());
        for (name, module) in slf.get().inner.modules() {
            if let Some(view) = reference(slf.py(), slf.as_unbound(), module) {
                dict.set_item(name, view)?;
            }
        }
        Ok(dict)
    }

    /// The names of the source files.
    #[getter]
    fn source_names(&self) -> Vec<String> {
        self.inner.source_names()
    }

    /// The text of a source file; None when it is not in the dump.
    fn source(&self, filename: &str) -> Option<String> {
        self.inner.source(filename)?.text.clone()
    }

    /// What is to be said of a source file: why it is not in the dump, or that it was changed after the process was started;
    /// an empty text when there is nothing, None when no code of the dump names it.
    fn source_problem(&self, filename: &str) -> Option<String> {
        Some(self.inner.source(filename)?.problem.clone())
    }

    /// The object at an address of the dead process, as `id()` gave it; None when none begins there.
    fn at(slf: &Bound<'_, Self>, address: u64) -> Option<View> {
        let id = slf.get().inner.object_at(Address(address))?.id();
        Some(View::object_of(slf.py(), slf.as_unbound(), id))
    }

    /// What a notebook shows.
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("heapsake._html")?.call_method1("summary", (slf,))
    }

    fn __repr__(&self) -> String {
        let header = self.inner.header();
        format!("<Dump {}: {}, {} objects>", self.inner.path().display(), header.reason, header.objects)
    }
}

/// The objects of a dump. A sequence.
#[pyclass(frozen, sequence, module = "heapsake._heapsake")]
#[derive(Debug)]
pub(crate) struct Objects {
    owner: Py<Dump>,
}

#[pymethods]
impl Objects {
    fn __len__(&self) -> usize {
        self.owner.get().inner.object_count() as usize
    }

    fn __getitem__(&self, py: Python<'_>, index: isize) -> PyResult<View> {
        let length = self.__len__() as isize;
        let at = if index < 0 { index + length } else { index };
        if (0..length).contains(&at) {
            Ok(View::object_of(py, &self.owner, ObjectId(at as u32)))
        } else {
            Err(PyIndexError::new_err(format!("object {index} of {length}")))
        }
    }
}

/// Something in a file that is not as it was written.
#[pyclass(frozen, get_all, module = "heapsake._heapsake")]
#[derive(Debug)]
pub(crate) struct Fault {
    offset: u64,
    kind: String,
    consequence: String,
}

#[pymethods]
impl Fault {
    fn __repr__(&self) -> String {
        format!("<Fault {} at byte {}: {}>", self.kind, self.offset, self.consequence)
    }
}

/// A thread.
#[pyclass(frozen, module = "heapsake._heapsake")]
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) owner: Py<Dump>,
    pub(crate) index: usize,
}

impl Thread {
    fn record(&self) -> &records::Thread {
        &self.owner.get().inner.threads()[self.index]
    }
}

#[pymethods]
impl Thread {
    #[getter]
    fn name(&self) -> String {
        let record = self.record();
        record.name.clone().unwrap_or_else(|| format!("thread {}", record.ident))
    }

    #[getter]
    fn ident(&self) -> u64 {
        self.record().ident
    }

    #[getter]
    fn native_id(&self) -> u64 {
        self.record().native_id.unwrap_or(0)
    }

    /// Frames, outermost first.
    #[getter]
    fn frames(&self, py: Python<'_>) -> Vec<Frame> {
        let count = self.record().frames.len();
        let stack = Party::Thread(self.index);
        (0..count).map(|frame| Frame { owner: self.owner.clone_ref(py), stack, frame }).collect()
    }

    /// What it waits for; None for one that runs, and where it is not known.
    #[getter]
    fn waits_for(&self, py: Python<'_>) -> Option<Wait> {
        waits::wait(py, &self.owner, Party::Thread(self.index))
    }

    /// The exception that it dies of, or handles.
    #[getter]
    fn exception(&self, py: Python<'_>) -> Option<View> {
        reference(py, &self.owner, self.record().exception?)
    }

    #[getter]
    fn is_current(&self) -> bool {
        self.record().current
    }

    /// `thread`, or what else it is: `greenlet`, `tasklet`.
    #[getter]
    fn kind(&self) -> &str {
        match self.record().kind.as_str() {
            "" => "thread",
            kind => kind,
        }
    }

    /// The ident of the thread that it runs on, where it is none itself.
    #[getter]
    fn carrier(&self) -> Option<u64> {
        self.record().carrier
    }

    /// What else is known of it, by name: `signal`, of the thread that the program died in.
    #[getter]
    fn facts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in &self.record().facts {
            dict.set_item(name, plain::fact(py, value)?)?;
        }
        Ok(dict)
    }

    /// The object of the program: a `threading.Thread`, a greenlet.
    #[getter]
    fn object(&self, py: Python<'_>) -> Option<View> {
        reference(py, &self.owner, self.record().object)
    }

    fn __repr__(&self) -> String {
        format!("<Thread {}, {} frames>", self.name(), self.record().frames.len())
    }
}

/// A frame.
#[pyclass(frozen, module = "heapsake._heapsake")]
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) owner: Py<Dump>,
    pub(crate) stack: Party,
    pub(crate) frame: usize,
}

impl Frame {
    fn record(&self) -> &records::Frame {
        let dump = self.owner.get();
        match self.stack {
            Party::Thread(index) => &dump.inner.threads()[index].frames[self.frame],
            Party::Task(index) => &dump.waits().tasks[index].frames[self.frame],
        }
    }

    /// The entries of a mapping that have text keys.
    fn mapping<'py>(&self, py: Python<'py>, mapping: records::Reference) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        let Some(mapping) = self.owner.get().inner.referenced(mapping) else { return Ok(dict) };
        for (key, value) in mapping.entries(0, u64::MAX / 4) {
            let name = mapping.follow(key).and_then(|key| key.with_text(|text| plain::text(py, text)));
            if let Some(name) = name.transpose()?
                && value != Target::Nothing
            {
                dict.set_item(name, View::of_target(py, &self.owner, value))?;
            }
        }
        Ok(dict)
    }
}

#[pymethods]
impl Frame {
    #[getter]
    fn function(&self) -> String {
        self.record().function.clone()
    }

    #[getter]
    fn qualified_name(&self) -> String {
        self.record().qualified_name.clone()
    }

    #[getter]
    fn filename(&self) -> String {
        self.record().filename.clone()
    }

    #[getter]
    fn lineno(&self) -> u32 {
        self.record().line
    }

    /// Variables that are bound, by name.
    #[getter]
    fn locals<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let record = self.record();
        let dict = if record.locals.address == 0 { PyDict::new(py) } else { self.mapping(py, record.locals)? };
        for variable in &record.variables {
            if let Some(view) = reference(py, &self.owner, variable.object) {
                dict.set_item(&variable.name, view)?;
            }
        }
        Ok(dict)
    }

    /// Global names.
    #[getter]
    fn globals<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.mapping(py, self.record().globals)
    }

    /// The frame as an object.
    #[getter]
    fn view(&self, py: Python<'_>) -> Option<View> {
        reference(py, &self.owner, self.record().object)
    }

    /// The code object.
    #[getter]
    fn code(&self, py: Python<'_>) -> Option<View> {
        reference(py, &self.owner, self.record().code)
    }

    /// Whether it is known from the exception's traceback.
    #[getter]
    fn in_traceback(&self) -> bool {
        self.record().kind == FrameKind::Traceback
    }

    /// Names of all variables, the unbound ones too, with where each lives.
    #[getter]
    fn variables<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for variable in &self.record().variables {
            let kind = format!("{:?}", variable.kind).to_lowercase();
            list.append((variable.name.as_str(), kind, reference(py, &self.owner, variable.object)).into_bound_py_any(py)?)?;
        }
        Ok(list)
    }

    fn __repr__(&self) -> String {
        let record = self.record();
        format!("<Frame {} at {}:{}>", record.qualified_name, record.filename, record.line)
    }
}
