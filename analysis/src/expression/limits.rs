//! How much an evaluation may do before it is stopped, and who may stop it.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Whoever waits for an evaluation, from another thread perhaps. It is asked where the time is looked at.
pub trait Watch: Debug + Send + Sync {
    /// Whether the answer is still wanted.
    fn goes_on(&self) -> bool;

    /// Whether a question of who holds what may wait here until the whole dump is read. Whoever says no is refused, and asks
    /// again when the graph of the dump is made.
    fn waits_for_graph(&self) -> bool {
        true
    }

    /// Hears which of how many steps was made of reading the whole dump, which questions of who holds what do once.
    fn reads(&self, step: usize, of: usize) {
        let _ = (step, of);
    }
}

/// One that is cancelled by being set.
impl Watch for AtomicBool {
    fn goes_on(&self) -> bool {
        !self.load(Ordering::Relaxed)
    }
}

/// Limits of one evaluation.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Steps: parts of the expression that are evaluated, and elements that are gone through.
    pub steps: u64,
    /// Elements of lists, sets and the like that are made.
    pub elements: u64,
    /// Bytes of text and of integers that are made or read.
    pub bytes: u64,
    /// Time.
    pub time: Duration,
    /// Who waits for it.
    pub watch: Option<Arc<dyn Watch>>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { steps: 20_000_000, elements: 5_000_000, bytes: 256 << 20, time: Duration::from_secs(30), watch: None }
    }
}
