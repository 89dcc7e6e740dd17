//! Who makes the graph: one at a time. Others wait, as long as they want to; when it is given up, one of them makes it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often one who waits is asked whether it still wants to.
const ASKED: Duration = Duration::from_millis(10);

/// The making of one graph.
#[derive(Debug, Default)]
pub(crate) struct Making {
    is_under_way: Mutex<bool>,
    ended: Condvar,
    /// How far it is, for those who wait.
    step: AtomicUsize,
}

/// What came of asking for one's turn.
#[derive(Debug)]
pub(super) enum Turn<'m> {
    /// It is to be made by who asked.
    Make(Maker<'m>),
    /// Another one's making has ended, with a graph or without.
    Ended,
}

/// Whoever makes the graph, until this is dropped.
#[derive(Debug)]
pub(super) struct Maker<'m>(&'m Making);

impl Making {
    fn is_under_way(&self) -> MutexGuard<'_, bool> {
        self.is_under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the making, or waits for the end of the one that is under way. `goes_on` hears how far that one is, and ends
    /// the waiting when it says no.
    pub(super) fn turn(&self, goes_on: &mut dyn FnMut(usize) -> bool) -> Option<Turn<'_>> {
        let mut under_way = self.is_under_way();
        if !*under_way {
            *under_way = true;
            self.step.store(0, Ordering::Relaxed);
            return Some(Turn::Make(Maker(self)));
        }
        while *under_way {
            drop(under_way);
            if !goes_on(self.step.load(Ordering::Relaxed)) {
                return None;
            }
            let waited = self.ended.wait_timeout_while(self.is_under_way(), ASKED, |under_way| *under_way);
            (under_way, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        Some(Turn::Ended)
    }
}

impl Maker<'_> {
    /// Tells those who wait how far it is.
    pub(super) fn is_at(&self, step: usize) {
        self.0.step.store(step, Ordering::Relaxed);
    }
}

impl Drop for Maker<'_> {
    fn drop(&mut self) {
        *self.0.is_under_way() = false;
        self.0.ended.notify_all();
    }
}
