//! A ready plugin: NumPy's arrays, dtypes, scalars and generators, what pandas builds of them, and the columns and tensors of
//! pyarrow, polars and torch, read from memory alone.
//!
//! The C structs mirrored here are NumPy's public ABI (`numpy/ndarraytypes.h`, `numpy/arrayscalars.h`); where NumPy 1 and 2
//! differ, the layout is chosen by which of them makes sense of the object, and what neither explains is refused. What has no
//! public layout (the others) is taken for what it seems only where it agrees with itself. The
//! reducers register themselves at link time; a binary sees them when it names this crate (`use heapsake_numpy as _;`).

mod arrow;
mod contract;
mod descriptor;
mod dtype;
mod extent;
mod generator;
mod ndarray;
mod pandas;
mod polars;
mod scalar;
mod statistics;
mod stringdtype;
mod texts;
mod torch;
mod ufunc;

pub use contract::{Documented, reference};

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod layout_tests;
#[cfg(test)]
mod testing;
