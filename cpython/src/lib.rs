//! A CPython process as a heap: memory sources, layouts, objects, frames and roots.

pub mod error;
pub mod memory;

pub use error::{Error, ErrorKind, Result};

pub mod layout;
pub mod layouts;
