//! The extension module `heapsake._heapsake`: the only crate that names PyO3.

mod arena;
mod fork;
