//! The Debug Adapter Protocol as far as a dump needs it (<https://microsoft.github.io/debug-adapter-protocol/specification>).
//!
//! Types are our own: crates for it exist (`dap`, `dap-types`, `debug_types`), but none was kept for years, and each lacks
//! requests that are answered here. What a client sends is read leniently, what is sent is complete and checked against the
//! protocol's JSON schema by tests.

mod arguments;
mod capabilities;
mod messages;
mod types;

pub(crate) use arguments::*;
pub(crate) use capabilities::capabilities;
pub(crate) use messages::{Event, Request, Response};
pub(crate) use types::*;
