//! The pickler engine of heapsake.

pub mod address;

pub use address::{Address, RegionIndex, RegionMap, Span};
