//! A moment in which no other thread of the program runs Python: with the interpreter lock held that is any; in a build without
//! one the others are stopped for it.

#![expect(unsafe_code, reason = "a function of the interpreter is found by its name")]

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use pyo3::ffi::PyObject;
use pyo3::prelude::*;

/// `PyUnstable_GC_VisitObjects`: what it calls gives 0 for no more.
type Visit = unsafe extern "C" fn(Visitor, *mut c_void);
type Visitor = unsafe extern "C" fn(*mut PyObject, *mut c_void) -> c_int;

/// What is to be done, and what came of it.
enum Step<F, T> {
    Wanted(F),
    Done(std::thread::Result<T>),
    Taken,
}

/// Does `action` while no other thread runs Python. The caller holds the interpreter lock, or is attached where there is none.
///
/// CPython without a lock stops the others (`Python/pystate.c`, `stop_the_world`) for whoever visits all objects, before it comes to the first:
/// that is the one public function that calls its caller back meanwhile. `action` must call nothing of Python.
pub(crate) fn with_others_still<F: FnOnce() -> T, T>(py: Python<'_>, action: F) -> PyResult<T> {
    let mut step = Step::Wanted(action);
    if has_no_lock(py)?
        && let Some(visit) = visit()
    {
        // SAFETY: the function has that type since 3.12, this thread is attached, and `step` outlives the call.
        unsafe { visit(at_first_object::<F, T>, (&raw mut step).cast()) };
    }
    // Without an object there is nothing that could change.
    step.run();
    match step {
        Step::Done(Ok(result)) => Ok(result),
        Step::Done(Err(panic)) => resume_unwind(panic),
        Step::Wanted(_) | Step::Taken => unreachable!("it was run"),
    }
}

impl<F: FnOnce() -> T, T> Step<F, T> {
    fn run(&mut self) {
        match std::mem::replace(self, Step::Taken) {
            Step::Wanted(action) => *self = Step::Done(catch_unwind(AssertUnwindSafe(action))),
            other => *self = other,
        }
    }
}

unsafe extern "C" fn at_first_object<F: FnOnce() -> T, T>(_: *mut PyObject, step: *mut c_void) -> c_int {
    // SAFETY: it is the one that was given, and nobody else has it meanwhile.
    unsafe { &mut *step.cast::<Step<F, T>>() }.run();
    0
}

/// Whether this build has no interpreter lock: `Py_GIL_DISABLED`, however it runs.
pub(crate) fn has_no_lock(py: Python<'_>) -> PyResult<bool> {
    Ok(py.import("sys")?.getattr("abiflags")?.extract::<String>()?.contains('t'))
}

fn visit() -> Option<Visit> {
    // SAFETY: the name ends with a zero.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"PyUnstable_GC_VisitObjects".as_ptr()) };
    // SAFETY: `Include/cpython/objimpl.h`: the function has had this type since 3.12, the first release with it.
    (!found.is_null()).then(|| unsafe { std::mem::transmute::<*mut c_void, Visit>(found) })
}
