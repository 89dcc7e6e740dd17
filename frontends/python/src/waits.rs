//! What threads and tasks wait for, as Python sees it; concluded when it is first asked for.

use heapsake_analysis::waits::{self, Party};
use heapsake_loader::ObjectId;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use crate::dump::{Dump, Frame, Thread};
use crate::view::View;

/// A thread or a task.
pub(crate) fn party(py: Python<'_>, owner: &Py<Dump>, party: Party) -> PyResult<Py<PyAny>> {
    match party {
        Party::Thread(index) => Thread { owner: owner.clone_ref(py), index }.into_py_any(py),
        Party::Task(index) => Task { owner: owner.clone_ref(py), index }.into_py_any(py),
    }
}

/// The wait of a thread or a task.
pub(crate) fn wait(py: Python<'_>, owner: &Py<Dump>, party: Party) -> Option<Wait> {
    let dump = owner.get();
    py.detach(|| dump.waits()).wait(party)?;
    Some(Wait { owner: owner.clone_ref(py), party })
}

/// What a thread or a task waits for.
#[pyclass(frozen, module = "heapsake._heapsake")]
#[derive(Debug)]
pub(crate) struct Wait {
    owner: Py<Dump>,
    party: Party,
}

impl Wait {
    fn record(&self) -> Option<&waits::Wait> {
        self.owner.get().waits().wait(self.party)
    }
}

#[pymethods]
impl Wait {
    /// What kind of thing: `lock`, `queue`, `thread`, `task`, `future`, `sleep` and so on.
    #[getter]
    fn kind(&self) -> &'static str {
        self.record().map_or("", |wait| wait.kind.word())
    }

    /// The whole in words, to be read after "waits for".
    #[getter]
    fn words(&self) -> String {
        self.record().map_or_else(String::new, |wait| wait.words.clone())
    }

    /// The object.
    #[getter]
    fn object(&self, py: Python<'_>) -> Option<View> {
        Some(View::object_of(py, &self.owner, self.record()?.object?))
    }

    /// The threads and tasks without whom it does not end.
    #[getter]
    fn needs(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let needs = self.record().map_or(&[][..], |wait| &wait.needs);
        needs.iter().map(|need| party(py, &self.owner, *need)).collect()
    }

    fn __str__(&self) -> String {
        self.words()
    }

    fn __repr__(&self) -> String {
        format!("<Wait for {}>", self.words())
    }
}

/// A task of asyncio or trio.
#[pyclass(frozen, module = "heapsake._heapsake")]
#[derive(Debug)]
pub(crate) struct Task {
    owner: Py<Dump>,
    index: usize,
}

impl Task {
    fn record(&self) -> &waits::Task {
        &self.owner.get().waits().tasks[self.index]
    }

    fn view_of(&self, py: Python<'_>, object: Option<ObjectId>) -> Option<View> {
        Some(View::object_of(py, &self.owner, object?))
    }
}

#[pymethods]
impl Task {
    #[getter]
    fn name(&self) -> String {
        self.record().name.clone()
    }

    /// `pending`, `ready` to take its next step, `running`, `finished`, `cancelled`.
    #[getter]
    fn state(&self) -> &'static str {
        self.record().state
    }

    /// The task as an object.
    #[getter]
    fn view(&self, py: Python<'_>) -> Option<View> {
        self.view_of(py, Some(self.record().object))
    }

    #[getter]
    fn coroutine(&self, py: Python<'_>) -> Option<View> {
        self.view_of(py, self.record().coroutine)
    }

    #[getter]
    fn event_loop(&self, py: Python<'_>) -> Option<View> {
        self.view_of(py, self.record().event_loop)
    }

    /// The frames of the coroutines that await each other, outermost first.
    #[getter]
    fn frames(&self, py: Python<'_>) -> Vec<Frame> {
        let stack = Party::Task(self.index);
        (0..self.record().frames.len()).map(|frame| Frame { owner: self.owner.clone_ref(py), stack, frame }).collect()
    }

    /// What it waits for.
    #[getter]
    fn waits_for(&self, py: Python<'_>) -> Option<Wait> {
        wait(py, &self.owner, Party::Task(self.index))
    }

    /// Tasks that wait for it.
    #[getter]
    fn awaited_by(&self, py: Python<'_>) -> Vec<Task> {
        self.record().awaited_by.iter().map(|index| Task { owner: self.owner.clone_ref(py), index: *index }).collect()
    }

    /// The thread that runs it at this moment.
    #[getter]
    fn thread(&self, py: Python<'_>) -> Option<Thread> {
        Some(Thread { owner: self.owner.clone_ref(py), index: self.record().thread? })
    }

    fn __repr__(&self) -> String {
        let record = self.record();
        format!("<Task {}: {}, {}, {} frames>", record.name, record.function, record.state, record.frames.len())
    }
}

/// Threads and tasks that wait for each other.
#[pyclass(frozen, module = "heapsake._heapsake")]
#[derive(Debug)]
pub(crate) struct Deadlock {
    owner: Py<Dump>,
    index: usize,
}

impl Deadlock {
    fn record(&self) -> &waits::Deadlock {
        &self.owner.get().waits().deadlocks[self.index]
    }
}

#[pymethods]
impl Deadlock {
    /// The cycle: each waits for the next, the last for the first.
    #[getter]
    fn cycle(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        self.record().parties.iter().map(|member| party(py, &self.owner, *member)).collect()
    }

    /// Whether state says so; else who holds a lock is concluded from source text.
    #[getter]
    fn is_certain(&self) -> bool {
        self.record().certain
    }

    fn __repr__(&self) -> String {
        let dump = self.owner.get();
        let names: Vec<String> = self.record().parties.iter().map(|party| dump.waits().name(&dump.inner, *party)).collect();
        format!("<Deadlock of {}>", names.join(", "))
    }
}

/// All tasks.
pub(crate) fn tasks(dump: &Bound<'_, Dump>) -> Vec<Task> {
    let this = dump.get();
    let count = dump.py().detach(|| this.waits()).tasks.len();
    (0..count).map(|index| Task { owner: dump.clone().unbind(), index }).collect()
}

/// All deadlocks.
pub(crate) fn deadlocks(dump: &Bound<'_, Dump>) -> Vec<Deadlock> {
    let this = dump.get();
    let count = dump.py().detach(|| this.waits()).deadlocks.len();
    (0..count).map(|index| Deadlock { owner: dump.clone().unbind(), index }).collect()
}
