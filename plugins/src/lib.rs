//! Reducers from outside: shared libraries by a C ABI, and text files that describe a type.
//!
//! A library runs in a [worker](worker()) process and never in the dumper: what it does wrong costs the object that it was
//! asked about. This crate has both sides. A plugin uses [`plugin!`] and the contract of `heapsake-core`, without the feature
//! `host`; the dumper opens what [`Places`] finds as [`Plugins`].
//!
//! The arrow is to `heapsake-core` alone: nothing here knows a runtime.

pub mod abi;
mod export;

#[cfg(feature = "host")]
#[doc(hidden)]
pub mod answers;

#[cfg(feature = "host")]
mod callbacks;
#[cfg(feature = "host")]
pub mod declarative;
#[cfg(feature = "host")]
pub mod entry_points;
#[cfg(feature = "host")]
mod host;
#[cfg(feature = "host")]
mod library;
#[cfg(feature = "host")]
mod opened;
#[cfg(feature = "host")]
mod places;
#[cfg(feature = "host")]
mod process;
#[cfg(feature = "host")]
mod protocol;
#[cfg(feature = "host")]
mod told;
#[cfg(feature = "host")]
mod worker;

pub use export::exported;
/// For the code of a plugin: what it implements, and what it submits itself to.
pub use heapsake_core;

#[cfg(feature = "host")]
pub use host::Limits;
#[cfg(feature = "host")]
pub use opened::{Loaded, Plugins};
#[cfg(feature = "host")]
pub use places::{Found, Places, Refusal, Settings, TYPE_FILE, packages_of, plugin_name};
#[cfg(feature = "host")]
pub use process::{Process, Programs, Spawner, Worker};
#[cfg(feature = "host")]
pub use worker::{WORKER, worker};
