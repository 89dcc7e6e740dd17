//! The pickler engine of heapsake: any runtime's heap in, a dump out; and the dump's format.
//!
//! The way of a dump is one way: a [`heap::Heap`] says what it holds, the engine walks it ([`walk`]), and the writer of
//! [`format`] streams it to a file. This crate knows no runtime: nothing in it names Python, and nothing in it
//! dereferences an address.

pub mod address;
mod engine;
mod error;
pub mod format;
pub mod graph;
pub mod heap;
mod output;
pub mod reduce;
mod walk;
pub mod wtf8;

pub use address::{Address, RegionIndex, RegionMap, Span};
pub use engine::{DumpOptions, Progress, Reached, Summary, dump, reach};
pub use error::{Error, ErrorKind};
pub use output::DumpFile;
pub use walk::{Budget, Redaction, Withheld};

#[cfg(test)]
mod engine_tests;
