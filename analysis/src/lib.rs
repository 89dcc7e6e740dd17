//! What a dump's objects add up to: what every thread and task waits for, who holds it, and which of them wait for each
//! other; the cycles that only a collector could free; how much of the
//! process's memory objects explain; and plain structures taken out of a dump into files that other programs read.
//!
//! Everything is concluded from the file alone. What is concluded from source text rather than from state says so.

pub mod cycles;
pub mod exceptions;
pub mod expression;
pub mod extract;
pub mod memory;
pub mod sources;
pub mod waits;
