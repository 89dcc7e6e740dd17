//! A CPython process as a heap: memory sources, layouts, objects, frames and roots.

pub mod attach;
pub mod selfcheck;
pub mod version;
pub mod error;
#[cfg(test)]
mod live;
pub mod memory;
pub mod symbols;

pub use error::{Error, ErrorKind, Result};

pub mod layout;
pub mod layouts;

pub mod heap;
pub use heap::{CPythonHeap, Facts};

mod codeobject;
mod exceptions;
mod frame;
mod genobject;
pub mod linetable;
mod traceback;
pub mod pystate;
pub mod sources;
pub mod capture;
