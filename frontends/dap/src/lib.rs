//! A debug adapter for dumps: editors that speak the Debug Adapter Protocol show the threads, stacks and objects of a dump.
//!
//! The dump is mapped and read where it is asked for; no Python runs, and nothing of the dump is executed. One connection
//! shows one dump. Short requests are answered in their order, long ones beside them: whoever asks who holds an object, which
//! needs the whole graph, can go on looking at stacks meanwhile, and what waits for the graph holds nobody up.

mod completions;
mod errand;
mod evaluate;
mod exception;
mod framing;
mod lanes;
mod memory;
mod modules;
mod outgoing;
mod pending;
mod protocol;
mod references;
mod requests;
mod results;
mod scopes;
mod server;
mod session;
mod shown;
mod sources;
mod stacks;
mod task;
mod threads;
mod transport;
mod variables;
#[cfg(test)]
mod waiting_tests;

pub use server::serve;
pub use transport::{Listening, listen, over_stdio};
