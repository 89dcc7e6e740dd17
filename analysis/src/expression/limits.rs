//! How much an evaluation may do before it is stopped.

use std::time::Duration;

/// Limits of one evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Steps: parts of the expression that are evaluated, and elements that are gone through.
    pub steps: u64,
    /// Elements of lists, sets and the like that are made.
    pub elements: u64,
    /// Bytes of text and of integers that are made or read.
    pub bytes: u64,
    /// Time.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { steps: 20_000_000, elements: 5_000_000, bytes: 256 << 20, time: Duration::from_secs(30) }
    }
}
