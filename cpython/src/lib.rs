//! A CPython process as a heap: memory sources, layouts, objects, frames and roots.

pub mod attach;
pub mod error;
#[cfg(test)]
mod live;
pub mod memory;
pub mod selfcheck;
pub mod symbols;
pub mod version;

pub use death::Death;
pub use error::{Error, ErrorKind, Result};

pub mod layout;
pub mod layouts;

pub mod heap;
pub use heap::{CPythonHeap, Facts};
pub use moment::Moment;
pub use postmortem::Postmortem;
pub use taken::{Taken, Taking};

pub mod capture;
mod codeobject;
pub mod death;
mod exceptions;
mod frame;
mod genobject;
pub mod linetable;
mod locate;
pub mod machine;
mod moment;
mod names_lost;
pub mod native;
pub mod postmortem;
mod program_headers;
pub mod progress;
pub mod pystate;
mod regions;
pub mod sources;
pub mod stackless;
pub mod taken;
mod traceback;
