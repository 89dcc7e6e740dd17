//! A request on its way to its answer. What it needs that takes long to make is waited for without a thread: it is answered
//! anew when that is there, and others are answered meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde_json::Value;

use crate::lanes::Later;
use crate::outgoing::Outgoing;
use crate::pending::{Pending, Ticket};
use crate::protocol::{Failure, Request, Response};
use crate::requests::answer;
use crate::server::say;
use crate::session::{Answer, Session};
use crate::task::{Need, Task};

/// A request, and all that its answer takes.
pub(crate) struct Errand {
    pub(crate) session: Arc<Session>,
    pub(crate) request: Request,
    pub(crate) ticket: Ticket,
    pub(crate) task: Arc<Task>,
    pub(crate) pending: Arc<Pending>,
    pub(crate) outgoing: Arc<Outgoing>,
    pub(crate) later: Later,
}

impl Errand {
    /// Answers it, unless it was answered by whoever cancelled it.
    pub(crate) fn run(self) {
        if !self.pending.is_open(self.ticket) {
            return self.task.end();
        }
        let outcome = unharmed(|| answer(&self.session, &self.request, &self.task)).and_then(|outcome| outcome);
        match self.task.take_need() {
            Some(Need::Graph) => self.with_graph(),
            Some(Need::Stacks) => {
                let session = Arc::clone(&self.session);
                session.stacks.when_found(move || self.again());
            }
            None => self.respond(outcome),
        }
    }

    /// Lets the graph be made first. Those that come meanwhile stand in line; when this one is cancelled, the next has it made.
    fn with_graph(self) {
        let later = self.later.clone();
        later.when_read(move || {
            let step = &mut |step, of| self.task.step(step, of);
            match unharmed(|| self.session.dump.graph_while(step).is_some()) {
                Ok(_) => self.again(),
                Err(mistake) => self.respond(Err(mistake)),
            }
        });
    }

    fn again(self) {
        let later = self.later.clone();
        later.long(move || self.run());
    }

    fn respond(self, outcome: Answer<Value>) {
        self.task.end();
        let response = Response { request: self.request.seq, command: self.request.command, outcome };
        self.outgoing.respond_if(|| self.pending.claim(self.ticket), response);
        say(&self.outgoing, self.session.new_faults());
    }
}

/// What a mistake of ours costs: one answer.
fn unharmed<T>(work: impl FnOnce() -> T) -> Answer<T> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| Failure::new("this could not be answered, by a mistake of heapsake that deserves a report"))
}
