//! The life of one connection: what is read is dispatched, and every request is answered once.

use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use heapsake_loader::harmless_line;
use serde_json::{Value, json};

use crate::errand::Errand;
use crate::framing::{self, Incoming};
use crate::lanes::{Lane, Lanes};
use crate::outgoing::Outgoing;
use crate::pending::Pending;
use crate::protocol::{CancelArguments, Failure, InitializeArguments, LaunchArguments, Request, Response, capabilities};
use crate::requests::{arguments, lane, not_supported, without_dump};
use crate::session::{Answer, Client, Session};
use crate::shown::count;
use crate::task::Task;

/// The name of the search for tasks and generators, as a progress.
const TASKS: &str = "tasks";

/// Talks with one client until it disconnects or is gone.
///
/// # Errors
/// When the threads for its requests cannot be had.
pub fn serve(mut reader: impl BufRead, writer: impl Write + Send + 'static) -> std::io::Result<()> {
    let mut server = Server::new(writer)?;
    loop {
        match framing::read(&mut reader) {
            Incoming::Message(bytes) => match Request::parse(&bytes) {
                Ok(Some(request)) => {
                    if server.handle(request) == Next::End {
                        break;
                    }
                }
                Ok(None) => {}
                Err(unreadable) => server.respond(unreadable.seq, unreadable.command, Err(Failure::new(unreadable.problem))),
            },
            Incoming::Garbage(problem) => {
                server.respond(0, String::new(), Err(Failure::new(problem)));
                break;
            }
            Incoming::End => break,
        }
    }
    server.finish();
    Ok(())
}

#[derive(PartialEq, Eq)]
pub(crate) enum Next {
    Read,
    End,
}

pub(crate) struct Server {
    outgoing: Arc<Outgoing>,
    pending: Arc<Pending>,
    lanes: Lanes,
    client: Client,
    pub(crate) session: Option<Arc<Session>>,
    is_configured: bool,
    is_terminated: bool,
    announced: Arc<Mutex<Announced>>,
}

/// What the client was told of threads that stand still.
#[derive(Debug, Default)]
struct Announced {
    stopped: bool,
    /// Stacks that were found before it was told that the program stands still, and are to be told after that.
    more: Vec<i64>,
}

impl Server {
    pub(crate) fn new(writer: impl Write + Send + 'static) -> std::io::Result<Server> {
        Ok(Server {
            outgoing: Arc::new(Outgoing::new(writer)),
            pending: Arc::default(),
            lanes: Lanes::new()?,
            client: Client::of(&InitializeArguments::default()),
            session: None,
            is_configured: false,
            is_terminated: false,
            announced: Arc::default(),
        })
    }

    fn respond(&self, request: i64, command: String, outcome: Answer<Value>) {
        self.outgoing.respond(Response { request, command, outcome });
    }

    pub(crate) fn handle(&mut self, request: Request) -> Next {
        let seq = request.seq;
        let command = request.command.clone();
        match command.as_str() {
            "initialize" => {
                let asked = arguments::<InitializeArguments>(&request);
                let outcome = asked.map(|asked| {
                    self.client = Client::of(&asked);
                    capabilities()
                });
                self.respond(seq, command, outcome);
            }
            "launch" | "attach" => self.launch(&request),
            "configurationDone" => {
                self.respond(seq, command, Ok(Value::Null));
                let first = !std::mem::replace(&mut self.is_configured, true);
                if first {
                    self.stop();
                }
            }
            "cancel" => {
                let asked = arguments::<CancelArguments>(&request);
                if let Ok(CancelArguments { request_id, progress_id }) = &asked
                    && let Some((number, command)) = self.pending.cancel(*request_id, progress_id.as_deref())
                {
                    self.respond(number, command, Err(Failure::new("cancelled")));
                }
                self.respond(seq, command, asked.map(|_| Value::Null));
            }
            "terminate" => {
                self.respond(seq, command, Ok(Value::Null));
                self.terminated();
            }
            "disconnect" => {
                self.finish();
                self.respond(seq, command, Ok(Value::Null));
                self.terminated();
                return Next::End;
            }
            _ => self.dispatch(request),
        }
        Next::Read
    }

    fn dispatch(&self, request: Request) {
        if let Some(outcome) = without_dump(&request) {
            return self.respond(request.seq, request.command, outcome);
        }
        let Some(lane) = lane(self.session.as_deref(), &request) else {
            let failure = not_supported(&request.command);
            return self.respond(request.seq, request.command, Err(failure));
        };
        let Some(session) = self.session.clone() else {
            let failure = Failure::new("no dump is open: the first request after initialize is launch or attach");
            return self.respond(request.seq, request.command, Err(failure));
        };
        let (pending, outgoing) = (Arc::clone(&self.pending), Arc::clone(&self.outgoing));
        let (ticket, task) = pending.begin(request.seq, &request.command, |number| {
            let task = if session.client.shows_progress {
                Task::told(Arc::clone(&outgoing), format!("reading {number}"), request.seq)
            } else {
                Task::silent()
            };
            if lane == Lane::Console { task.in_order() } else { task }
        });
        let errand = Errand { session, request, ticket, task, pending, outgoing, later: self.lanes.later() };
        self.lanes.send(lane, move || errand.run());
    }

    fn launch(&mut self, request: &Request) {
        let outcome = self.open(request);
        let is_open = outcome.is_ok();
        self.respond(request.seq, request.command.clone(), outcome);
        if let Some(session) = self.session.clone().filter(|_| is_open) {
            say(&self.outgoing, opened(&session));
            self.outgoing.tell("initialized", Value::Null);
            self.look_around(session);
            if self.is_configured {
                self.stop();
            }
        }
    }

    fn open(&mut self, request: &Request) -> Answer<Value> {
        if self.session.is_some() {
            return Err(Failure::new("a dump is open already: one session shows one dump"));
        }
        let asked: LaunchArguments = arguments(request)?;
        let path = match &asked.dump {
            Some(Value::String(path)) if !path.is_empty() => path,
            _ => {
                let example = "{\"type\": \"heapsake\", \"request\": \"launch\", \"dump\": \"app.heapsake\"}";
                return Err(Failure::shown(format!("no dump is named: the configuration is {example}")));
            }
        };
        let opened = catch_unwind(AssertUnwindSafe(|| Session::open(Path::new(path), self.client.clone())));
        match opened {
            Ok(Ok(session)) => self.session = Some(Arc::new(session)),
            Ok(Err(problem)) => return Err(Failure::shown(problem.to_string())),
            Err(_) => return Err(Failure::shown("it cannot be opened, by a mistake of heapsake that deserves a report")),
        }
        Ok(Value::Null)
    }

    /// Finds tasks and generators beside the first answers; a client that has a list without them is told.
    fn look_around(&self, session: Arc<Session>) {
        let (outgoing, seen) = (Arc::clone(&self.outgoing), Arc::clone(&session));
        let announced = Arc::clone(&self.announced);
        let look = move || {
            let shown = session.client.shows_progress.then_some("looking for tasks");
            if let Some(title) = shown {
                outgoing.tell("progressStart", json!({ "progressId": TASKS, "title": title }));
            }
            let more = session.stacks.find();
            if shown.is_some() {
                outgoing.tell("progressEnd", json!({ "progressId": TASKS }));
            }
            let mut announced = announced.lock().unwrap_or_else(PoisonError::into_inner);
            if announced.stopped {
                tell_more(&outgoing, &session, &more);
            } else {
                announced.more = more;
            }
        };
        let started = std::thread::Builder::new().name("tasks and generators".to_owned()).spawn(look);
        if started.is_err() {
            seen.stacks.find();
        }
    }

    fn stop(&self) {
        if let Some(session) = &self.session {
            let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
            self.outgoing.tell("stopped", session.stopped(false));
            announced.stopped = true;
            tell_more(&self.outgoing, session, &std::mem::take(&mut announced.more));
        }
    }

    fn terminated(&mut self) {
        if !std::mem::replace(&mut self.is_terminated, true) {
            self.outgoing.tell("terminated", Value::Null);
        }
    }

    /// Answers what is open: short requests as they are, of long ones that they are not wanted any more.
    fn finish(&mut self) {
        self.lanes.finish();
        for (seq, command) in self.pending.cancel_all() {
            self.respond(seq, command, Err(Failure::new("cancelled")));
        }
        self.outgoing.settle();
    }
}

/// Tells of stacks that were found after the client had its list.
fn tell_more(outgoing: &Outgoing, session: &Session, more: &[i64]) {
    for number in more {
        outgoing.tell("thread", json!({ "reason": "started", "threadId": number }));
    }
    if !more.is_empty() {
        // They stand still as the others do.
        outgoing.tell("stopped", session.stopped(true));
    }
}

/// Writes lines to the editor's console.
pub(crate) fn say(outgoing: &Outgoing, lines: Vec<String>) {
    for line in lines {
        outgoing.tell("output", json!({ "category": "console", "output": format!("{line}\n") }));
    }
}

/// What a user is told of a dump that was opened: what it is, and what is damaged in it.
fn opened(session: &Session) -> Vec<String> {
    let dump = &session.dump;
    let header = dump.header();
    let threads = dump.threads().len();
    let headline = format!(
        "{}: {} objects, {threads} thread{}, made for: {}",
        harmless_line(&dump.path().display().to_string(), 4096),
        count(header.objects),
        if threads == 1 { "" } else { "s" },
        harmless_line(&header.reason, 200)
    );
    std::iter::once(headline).chain(session.new_faults()).collect()
}
