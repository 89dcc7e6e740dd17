//! The built-in reducers: the C types of the standard library, one file per Python module.
//!
//! They register themselves at link time; a binary sees them when it names this crate (`use heapsake_reducers as _;`).

mod abc;
mod array;
mod asyncio;
mod collections;
mod contextvars;
mod csv;
mod ctypes;
mod datetime;
mod decimal;
mod elementtree;
mod framework;
mod functools;
mod hashlib;
mod io;
mod itertools;
mod mmap;
mod multiprocessing;
mod operator;
mod os;
mod queue;
mod random;
mod re;
mod select;
mod socket;
mod sqlite3;
mod ssl;
mod struct_;
mod thread;
mod zlib;
mod zoneinfo;

pub use framework::{Documented, reference};

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod registry_tests;
