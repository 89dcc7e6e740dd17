//! Greenlets as threads: the C structure of PyPI's greenlet, read from memory; gevent's are greenlets too.
//!
//! A suspended greenlet keeps its innermost frame, from which the runtime's own reader finds the callers, so nothing of the
//! copied C stack is needed. Where the fields lie differs between releases of greenlet, also between those that only
//! correct mistakes, and between Pythons: [`shape`] is that as data, and every object is checked against it.
//!
//! A binary sees the reducer when it names this crate (`use heapsake_greenlet as _;`).

mod greenlet;
mod shape;

pub use greenlet::reference;
pub use shape::{Place, Release, Row, Shape, Table};
