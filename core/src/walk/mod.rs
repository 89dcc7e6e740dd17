//! The walk: marking, numbering, and what decides about values on the way.

mod brief;
mod budget;
mod cut;
mod mark;
mod marks;
mod occupied;
mod preview;
mod redaction;
mod secrets;
mod withheld;
mod write;
mod written;

pub use budget::Budget;
pub(crate) use mark::{Marked, mark};
pub(crate) use marks::Numbers;
pub(crate) use occupied::Occupied;
pub(crate) use preview::Previewer;
pub use redaction::Redaction;
pub(crate) use redaction::Redactor;
pub use withheld::Withheld;
pub(crate) use write::ObjectWriter;
