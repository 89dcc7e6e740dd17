//! Which request is answered by what.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::lanes::Lane;
use crate::protocol::{BreakpointsArguments, ExceptionBreakpointsArguments, Failure, Request, VariablesArguments};
use crate::session::{Answer, Session};
use crate::task::Task;

/// What is said to whoever wants a dump to go on.
pub(crate) const DOES_NOT_RUN: &str = "a dump does not run";
const DOES_NOT_CHANGE: &str = "a dump does not change";
/// Breakpoints that are answered.
const BREAKPOINTS: usize = 10_000;

/// The arguments of a request.
pub(crate) fn arguments<T: DeserializeOwned>(request: &Request) -> Answer<T> {
    let value = if request.arguments.is_null() { json!({}) } else { request.arguments.clone() };
    let command = &request.command;
    serde_json::from_value(value).map_err(|problem| Failure::new(format!("the arguments of {command}: {problem}")))
}

/// What needs no dump: breakpoints, which are never reached, and what a dump does not do.
pub(crate) fn without_dump(request: &Request) -> Option<Answer<Value>> {
    match request.command.as_str() {
        "setBreakpoints" | "setFunctionBreakpoints" | "setInstructionBreakpoints" | "setDataBreakpoints" => {
            Some(arguments(request).map(|asked: BreakpointsArguments| {
                let lines = asked.lines.map_or(0, |lines| lines.len());
                never_reached(asked.breakpoints.map_or(lines, |breakpoints| breakpoints.len()))
            }))
        }
        "setExceptionBreakpoints" => Some(arguments(request).map(|asked: ExceptionBreakpointsArguments| {
            let number = |list: Option<Vec<Value>>| list.map_or(0, |list| list.len());
            never_reached(number(asked.filters) + number(asked.filter_options))
        })),
        "continue" | "next" | "stepIn" | "stepOut" | "stepBack" | "reverseContinue" | "pause" | "goto" | "restartFrame"
        | "restart" | "terminateThreads" => Some(Err(Failure::new(DOES_NOT_RUN))),
        "setVariable" | "setExpression" | "writeMemory" => Some(Err(Failure::new(DOES_NOT_CHANGE))),
        _ => None,
    }
}

fn never_reached(count: usize) -> Value {
    let one = json!({ "verified": false, "message": DOES_NOT_RUN });
    json!({ "breakpoints": vec![one; count.min(BREAKPOINTS)] })
}

/// Whether a request is one about the dump, and how long it may take.
pub(crate) fn lane(session: Option<&Session>, request: &Request) -> Option<Lane> {
    match request.command.as_str() {
        "evaluate" if request.arguments["context"] == "repl" => Some(Lane::Console),
        "evaluate" | "completions" => Some(Lane::Long),
        "variables" => {
            let asked = arguments::<VariablesArguments>(request).ok().zip(session);
            Some(asked.map_or(Lane::Short, |(asked, session)| session.lane_of(&asked)))
        }
        "threads" | "stackTrace" | "scopes" | "exceptionInfo" | "source" | "loadedSources" | "modules" | "readMemory" => {
            Some(Lane::Short)
        }
        _ => None,
    }
}

/// Answers a request about the dump.
pub(crate) fn answer(session: &Session, request: &Request, task: &Arc<Task>) -> Answer<Value> {
    match request.command.as_str() {
        "threads" => session.threads(),
        "stackTrace" => session.stack_trace(&arguments(request)?, task),
        "scopes" => session.scopes(&arguments(request)?),
        "variables" => session.variables(&arguments(request)?, task),
        "evaluate" => session.evaluate(&arguments(request)?, task),
        "exceptionInfo" => session.exception_info(&arguments(request)?),
        "completions" => session.completions(&arguments(request)?),
        "source" => session.source(&arguments(request)?),
        "loadedSources" => session.loaded_sources(),
        "modules" => session.modules(&arguments(request)?),
        "readMemory" => session.read_memory(&arguments(request)?),
        command => Err(not_supported(command)),
    }
}

/// What is said to a request that nobody here knows.
pub(crate) fn not_supported(command: &str) -> Failure {
    Failure::new(format!("not supported: {}", heapsake_loader::harmless_line(command, 100)))
}
