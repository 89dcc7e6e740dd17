//! What goes to the client: whole messages, numbered in their order, one writer at a time.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

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
        self.send(|seq| response.into_value(seq));
    }

    pub(crate) fn tell(&self, event: &'static str, body: Value) {
        self.send(|seq| Event::new(event, body).into_value(seq));
    }

    fn send(&self, message: impl FnOnce(i64) -> Value) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.sent += 1;
        let value = message(state.sent);
        let _ = framing::write(&mut state.writer, value.to_string().as_bytes());
    }
}
