//! The extension module `heapsake._heapsake`: the only crate that names PyO3.
//!
//! Views of a dump ([`view`], [`dump`], [`waits`], [`memory`]) for Python, and dumps of this process from inside ([`capture`]) by a child that is
//! split off ([`fork`], [`stillness`]) and allocates from an arena of its own ([`arena`]), also when it dies of a signal ([`fatal`], [`dying`]) or is asked
//! by one ([`asked`]). Reducers written in Python run over a dump that is
//! written ([`annotate`]), in a process of their own ([`worker`], [`isolation`]) that tells what they give ([`channel`],
//! [`reduction`]).

mod annotate;
mod arena;
mod asked;
mod attributes;
mod capture;
mod cells;
mod channel;
mod dump;
mod dying;
mod fatal;
mod fork;
mod holders;
mod isolation;
mod keeping;
mod memory;
mod names;
mod pattern;
mod plain;
mod plugins;
mod reduction;
mod stillness;
mod view;
mod waits;
mod worker;

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use heapsake_greenlet as _;
use heapsake_numpy as _;
use heapsake_reducers as _;
use heapsake_stackless as _;

create_exception!(heapsake._heapsake, Error, PyException, "A file that is no dump, or a dump that could not be made.");

/// The command line; gives the exit status.
#[pyfunction]
#[pyo3(signature = (argv))]
fn main(py: Python<'_>, argv: Vec<std::ffi::OsString>) -> PyResult<i32> {
    // A worker has this module and nothing else of the package.
    if argv.get(1).is_some_and(|word| word == heapsake_plugins::WORKER) {
        return Ok(py.detach(heapsake_plugins::worker));
    }
    let surroundings = plugins::surroundings(py).unwrap_or_default();
    Ok(py.detach(|| heapsake_cli::main_in(argv, || surroundings)))
}

/// The native half of heapsake.
#[pymodule(gil_used = false)]
fn _heapsake(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("Error", py.get_type::<Error>())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<dump::Dump>()?;
    module.add_class::<dump::Thread>()?;
    module.add_class::<dump::Frame>()?;
    module.add_class::<dump::Fault>()?;
    module.add_class::<memory::Region>()?;
    module.add_class::<view::View>()?;
    module.add_class::<keeping::Limits>()?;
    module.add_class::<waits::Wait>()?;
    module.add_class::<waits::Task>()?;
    module.add_class::<waits::Deadlock>()?;
    module.add_function(wrap_pyfunction!(dump::load, module)?)?;
    module.add_function(wrap_pyfunction!(capture::dump, module)?)?;
    module.add_function(wrap_pyfunction!(annotate::annotate_dump, module)?)?;
    module.add_function(wrap_pyfunction!(fatal::begin_stack, module)?)?;
    module.add_function(wrap_pyfunction!(fatal::end_stack, module)?)?;
    module.add_function(wrap_pyfunction!(fatal::watch_signals, module)?)?;
    module.add_function(wrap_pyfunction!(fatal::forget_signals, module)?)?;
    module.add_function(wrap_pyfunction!(asked::answer, module)?)?;
    module.add_function(wrap_pyfunction!(asked::ask_by, module)?)?;
    module.add_function(wrap_pyfunction!(asked::ask_after, module)?)?;
    module.add_function(wrap_pyfunction!(asked::renew_asking, module)?)?;
    module.add_function(wrap_pyfunction!(asked::end_asking, module)?)?;
    module.add_function(wrap_pyfunction!(asked::resume_asking, module)?)?;
    module.add_function(wrap_pyfunction!(main, module)?)?;
    Ok(())
}
