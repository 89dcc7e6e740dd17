//! The extension module `heapsake._heapsake`: the only crate that names PyO3.
//!
//! Views of a dump ([`view`], [`dump`]) for Python, and dumps of this process from inside ([`capture`]) by a child that is
//! split off ([`fork`]) and allocates from an arena of its own ([`arena`]).

mod arena;
mod capture;
mod cells;
mod dump;
mod fork;
mod plain;
mod view;

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use heapsake_numpy as _;
use heapsake_reducers as _;

create_exception!(heapsake._heapsake, Error, PyException, "A file that is no dump, or a dump that could not be made.");

/// The command line; gives the exit status.
#[pyfunction]
#[pyo3(signature = (argv))]
fn main(py: Python<'_>, argv: Vec<std::ffi::OsString>) -> i32 {
    py.detach(|| heapsake_cli::main(argv))
}

/// The native half of heapsake.
#[pymodule]
fn _heapsake(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("Error", py.get_type::<Error>())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<dump::Dump>()?;
    module.add_class::<dump::Thread>()?;
    module.add_class::<dump::Frame>()?;
    module.add_class::<dump::Fault>()?;
    module.add_class::<view::View>()?;
    module.add_function(wrap_pyfunction!(dump::load, module)?)?;
    module.add_function(wrap_pyfunction!(capture::dump, module)?)?;
    module.add_function(wrap_pyfunction!(main, module)?)?;
    Ok(())
}
