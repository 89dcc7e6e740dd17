//! Requests that are not answered yet. Each is answered once, by whoever claims it first: its work, or a `cancel`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What names a request here: clients may use a number twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket(u64);

/// The open requests: the number and name of each.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    open: HashMap<Ticket, (i64, String)>,
}

impl Pending {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(&self, seq: i64, command: &str) -> Ticket {
        let mut state = self.state();
        state.next += 1;
        let ticket = Ticket(state.next);
        state.open.insert(ticket, (seq, command.to_owned()));
        ticket
    }

    pub(crate) fn is_open(&self, ticket: Ticket) -> bool {
        self.state().open.contains_key(&ticket)
    }

    /// Whether it is still to be answered, which the caller does now.
    pub(crate) fn claim(&self, ticket: Ticket) -> bool {
        self.state().open.remove(&ticket).is_some()
    }

    /// Claims the request with this number, if one is open; gives its name.
    pub(crate) fn claim_number(&self, seq: i64) -> Option<String> {
        let mut state = self.state();
        let ticket = *state.open.iter().find(|(_, (known, _))| *known == seq)?.0;
        state.open.remove(&ticket).map(|(_, command)| command)
    }

    /// Claims all.
    pub(crate) fn claim_all(&self) -> Vec<(i64, String)> {
        self.state().open.drain().map(|(_, request)| request).collect()
    }
}
