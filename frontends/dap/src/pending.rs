//! Requests that are not answered yet. Each is answered once, by whoever claims it first: its work, or a `cancel`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::task::Task;

/// What names a request here: clients may use a number twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket(u64);

/// The open requests.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    open: HashMap<Ticket, Open>,
}

#[derive(Debug)]
struct Open {
    seq: i64,
    command: String,
    task: Arc<Task>,
}

impl Open {
    /// Lets the work end, which is answered by whoever cancels it.
    fn cancelled(self) -> (i64, String) {
        self.task.cancel();
        (self.seq, self.command)
    }
}

impl Pending {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a request, whose task is made by its number here.
    pub(crate) fn begin(&self, seq: i64, command: &str, task: impl FnOnce(u64) -> Task) -> (Ticket, Arc<Task>) {
        let mut state = self.state();
        state.next += 1;
        let ticket = Ticket(state.next);
        let task = Arc::new(task(ticket.0));
        state.open.insert(ticket, Open { seq, command: command.to_owned(), task: Arc::clone(&task) });
        (ticket, task)
    }

    pub(crate) fn is_open(&self, ticket: Ticket) -> bool {
        self.state().open.contains_key(&ticket)
    }

    /// Whether it is still to be answered, which the caller does now.
    pub(crate) fn claim(&self, ticket: Ticket) -> bool {
        self.state().open.remove(&ticket).is_some()
    }

    /// Cancels the request with this number, or with a progress of this name, if one is open; gives its number and name.
    pub(crate) fn cancel(&self, seq: Option<i64>, progress: Option<&str>) -> Option<(i64, String)> {
        let mut state = self.state();
        let is_meant = |open: &Open| seq == Some(open.seq) || progress.is_some_and(|id| open.task.is_called(id));
        let ticket = *state.open.iter().find(|(_, open)| is_meant(open))?.0;
        state.open.remove(&ticket).map(Open::cancelled)
    }

    /// Cancels all.
    pub(crate) fn cancel_all(&self) -> Vec<(i64, String)> {
        self.state().open.drain().map(|(_, open)| open.cancelled()).collect()
    }
}

#[cfg(test)]
mod tests {
    use heapsake_analysis::expression::Watch;

    use super::*;

    #[test]
    fn what_is_cancelled_is_told_to_its_work() {
        let pending = Pending::default();
        let begin = |seq: i64| pending.begin(seq, "evaluate", |_| Task::silent());
        let ((first, one), (second, other), (_, last)) = (begin(1), begin(1), begin(2));
        assert!(pending.claim(first) && one.goes_on(), "who answers goes on");
        assert_eq!(pending.cancel(Some(1), None), Some((1, "evaluate".to_owned())));
        assert!(!other.goes_on() && !pending.claim(second) && last.goes_on());
        assert_eq!(pending.cancel(Some(1), Some("reading 1")), None);
        assert_eq!(pending.cancel_all().len(), 1);
        assert!(!last.goes_on());
    }
}
