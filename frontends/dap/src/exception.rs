//! Why the program is shown as stopped: the exception or the signal it died of, and `exceptionInfo` with all that led to it.

use std::collections::HashSet;
use std::fmt::Write as _;

use heapsake_analysis::exceptions::{chain_of, grouped, message, notes, traceback_up_to};
use heapsake_core::format::records::Thread;
use heapsake_core::heap::FrameKind;
use heapsake_loader::{Object, ObjectId, harmless, harmless_line};
use serde_json::{Value, json};

use crate::protocol::{ExceptionDetails, ExceptionInfoArguments, Failure};
use crate::session::{Answer, Session};
use crate::shown::NAME;
use crate::stacks::Stack;

/// Characters of a message.
const MESSAGE: usize = 2000;
/// Entries of a traceback that are told, of each end.
const ENTRIES: usize = 50;
/// How deep exception groups are told.
const DEPTH: usize = 4;
/// Exceptions, bytes of text and entries of tracebacks of a whole answer.
const WHOLE: Budget = Budget { exceptions: 100, bytes: 1 << 20, entries: 200_000 };

impl Session {
    /// The body of `stopped`. The second time it keeps the editor where it is.
    pub(crate) fn stopped(&self, again: bool) -> Value {
        let threads = self.dump.threads();
        let mut body = json!({ "threadId": 1, "allThreadsStopped": true, "preserveFocusHint": again });
        let died = threads.iter().zip(1i64..).find_map(|(thread, number)| Some((number, signal(thread)?)));
        let raised = self.stacks.exception(1);
        match (raised, died) {
            (Some(id), _) => {
                let exception = self.dump.object(id);
                body["reason"] = "exception".into();
                body["text"] = harmless_line(exception.type_name(), NAME).into();
                body["description"] = self.headline(&exception).into();
            }
            (None, Some((number, name))) => {
                body["reason"] = "exception".into();
                body["threadId"] = number.into();
                body["text"] = harmless_line(&name, NAME).into();
                body["description"] = harmless_line(&format!("died of {name}"), NAME).into();
            }
            (None, None) => {
                let current = threads.iter().zip(1i64..).find(|(thread, _)| thread.current).map_or(1, |(_, number)| number);
                body["reason"] = "pause".into();
                body["threadId"] = current.into();
                let reason = &self.dump.header().reason;
                let why = if reason.is_empty() { "a dump".to_owned() } else { format!("a dump made for: {reason}") };
                body["description"] = harmless_line(&why, NAME).into();
            }
        }
        body
    }

    /// Type and message.
    pub(crate) fn headline(&self, exception: &Object<'_>) -> String {
        let name = exception.type_name();
        let said = message(exception);
        harmless_line(&if said.is_empty() { name.to_owned() } else { format!("{name}: {said}") }, MESSAGE)
    }

    /// `exceptionInfo`.
    pub(crate) fn exception_info(&self, arguments: &ExceptionInfoArguments) -> Answer<Value> {
        let stack = arguments.thread_id;
        let known = self.stacks.get(stack).ok_or_else(|| Failure::new(format!("no thread has the number {stack}")))?;
        let Some(id) = self.stacks.exception(stack) else {
            if let Stack::Thread(thread) = known
                && let Some(name) = signal(thread)
            {
                let name = harmless_line(&name, NAME);
                let said = format!("the process died of {name} in this thread");
                return Ok(json!({ "exceptionId": name, "description": said, "breakMode": "unhandled" }));
            }
            return Err(Failure::new("this thread has no exception"));
        };
        let exception = self.dump.object(id);
        // A thread that stands elsewhere than in the traceback handles it, and has not died of it.
        let handled = known.frames().iter().all(|frame| frame.kind == FrameKind::Running) && !known.frames().is_empty();
        let chain = chain_of(&exception);
        let mut told = Told { seen: chain.iter().map(|(_, exception)| exception.id()).collect(), left: WHOLE };
        // The chain before any members, which may be many.
        let all: Vec<_> = chain.iter().filter_map(|(link, known)| Some((link, known, told.one(known)?))).collect();
        let mut inner: Option<ExceptionDetails> = None;
        for (link, exception, mut details) in all.into_iter().rev() {
            details.inner_exception = inner.take().into_iter().chain(told.members(exception, 0)).collect();
            if !link.is_empty() {
                details.message = format!("{link}: {}", details.message);
            }
            inner = Some(details);
        }
        Ok(json!({
            "exceptionId": harmless_line(exception.type_name(), NAME),
            "description": self.headline(&exception),
            "breakMode": if handled { "always" } else { "unhandled" },
            "details": inner,
        }))
    }
}

/// How much of something may be told.
#[derive(Clone, Copy, Debug)]
struct Budget {
    exceptions: usize,
    bytes: usize,
    entries: usize,
}

/// What an answer has told already, and how much more it may.
struct Told {
    seen: HashSet<ObjectId>,
    left: Budget,
}

impl Told {
    /// The members of a group that were not told before.
    fn members(&mut self, group: &Object<'_>, depth: usize) -> Vec<ExceptionDetails> {
        let mut found = Vec::new();
        for member in grouped(group) {
            if self.seen.insert(member.id())
                && let Some(mut details) = self.one(&member)
            {
                details.inner_exception = if depth + 1 < DEPTH { self.members(&member, depth + 1) } else { Vec::new() };
                found.push(details);
            }
        }
        found
    }

    /// One exception; none where enough is told.
    fn one(&mut self, exception: &Object<'_>) -> Option<ExceptionDetails> {
        if self.left.bytes == 0 {
            return None;
        }
        self.left.exceptions = self.left.exceptions.checked_sub(1)?;
        let name = exception.type_name();
        let mut said = message(exception);
        for note in notes(exception) {
            said.push('\n');
            said.push_str(&note);
        }
        let details = ExceptionDetails {
            message: cut(&said),
            type_name: harmless_line(name.rsplit('.').next().unwrap_or(name), NAME),
            full_type_name: harmless_line(name, NAME),
            evaluate_name: None,
            stack_trace: self.traceback(exception),
            inner_exception: Vec::new(),
        };
        let bytes = details.message.len() + details.full_type_name.len() + details.stack_trace.len();
        self.left.bytes = self.left.bytes.saturating_sub(bytes);
        Some(details)
    }

    /// The traceback as Python writes it, without source lines: the editor has those.
    fn traceback(&mut self, exception: &Object<'_>) -> String {
        let entries = traceback_up_to(exception, self.left.entries);
        self.left.entries -= entries.len();
        let mut shown = String::new();
        let hidden = ENTRIES..entries.len().saturating_sub(ENTRIES);
        for (at, entry) in entries.iter().enumerate() {
            if hidden.contains(&at) {
                if at == hidden.start {
                    let _ = writeln!(shown, "  … {} more", hidden.len());
                }
                continue;
            }
            let file = harmless_line(&entry.filename, MESSAGE);
            let _ = writeln!(shown, "  File \"{file}\", line {}, in {}", entry.line, harmless_line(&entry.function, NAME));
            if shown.len() > self.left.bytes {
                shown.push_str("  …");
                break;
            }
        }
        shown.trim_end().to_owned()
    }
}

fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(MESSAGE).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    harmless(&shown)
}

/// The name of the signal that a thread died of.
fn signal(thread: &Thread) -> Option<String> {
    let (_, value) = thread.facts.iter().find(|(name, _)| name == "signal")?;
    let entries = value.as_map()?;
    let name = entries.iter().find(|(key, _)| key.as_text() == Some("name"));
    Some(name.and_then(|(_, name)| name.as_text()).unwrap_or("a signal").to_owned())
}
