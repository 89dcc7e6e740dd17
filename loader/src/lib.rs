//! Any file in, the best possible heap out, and its faults.
//!
//! [`open`] never fails on content: what is damaged becomes a [`Fault`], what is lost a surrogate. Opening decodes no
//! object; each question decodes the chunks that answer it. Nothing here imports, evaluates or executes anything that a
//! file names, and nothing sees a process's memory.

mod annotated;
pub mod array;
mod attributes;
mod cache;
mod container;
mod dump;
mod error;
mod fault;
mod graph;
pub mod isomorphism;
mod mapping;
mod moment;
mod object;
mod render;
pub mod table;

pub use annotated::Annotated;
pub use attributes::{Attribute, AttributeValue, referenced};
pub use dump::{Dump, Root, open};
pub use error::{Error, ErrorKind};
pub use fault::{Fault, FaultKind};
pub use graph::{HeapGraph, Holder, Hop, RootName};
pub use heapsake_core::format::records::{REFERENCE_TAG, Reduction};
pub use heapsake_core::format::{LabelName, TailKind, Target};
pub use heapsake_core::graph::{Link, Links, Node};
pub use mapping::Bytes;
pub use object::{Edge, Object, ObjectId, PlainValue};
pub use render::{Limits, harmless, harmless_line, render, render_array, shown_fact};

#[cfg(test)]
mod annotated_tests;
#[cfg(test)]
mod loader_tests;
