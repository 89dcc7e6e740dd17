//! What goes to the client: whole messages, numbered in their order, one writer at a time.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::framing;
use crate::protocol::{Event, Response};

/// The way to the client. A client that is gone is no error: the reader ends then.
pub(crate) struct Outgoing {
    state: Mutex<State>,
}

struct State {
    writer: Box<dyn Write + Send>,
    sent: i64,
}

impl Outgoing {
    pub(crate) fn new(writer: impl Write + Send + 'static) -> Outgoing {
        Outgoing { state: Mutex::new(State { writer: Box::new(writer), sent: 0 }) }
    }

    pub(crate) fn respond(&self, response: Response) {
        self.respond_if(|| true, response);
    }

    /// Responds if `claimed` says so, which is asked when nobody else writes: what is claimed is written before anybody can
    /// [`Outgoing::settle`].
    pub(crate) fn respond_if(&self, claimed: impl FnOnce() -> bool, response: Response) {
        let state = self.state();
        if claimed() {
            send(state, |seq| response.into_value(seq));
        }
    }

    /// Waits until what is being written is.
    pub(crate) fn settle(&self) {
        drop(self.state());
    }

    pub(crate) fn tell(&self, event: &'static str, body: Value) {
        send(self.state(), |seq| Event::new(event, body).into_value(seq));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn send(mut state: MutexGuard<'_, State>, message: impl FnOnce(i64) -> Value) {
    state.sent += 1;
    let value = message(state.sent);
    let _ = framing::write(&mut state.writer, value.to_string().as_bytes());
}
