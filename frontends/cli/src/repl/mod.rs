//! `heapsake repl FILE`: expressions over a dump, one line at a time. On a terminal with a prompt, completion and history; else
//! lines are read as they come, and the status is that of the last one.

mod commands;
mod editor;

use std::io::{BufRead, IsTerminal};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use heapsake_analysis::expression::{Scope, execute};
use heapsake_loader::{Dump, open};

use crate::evaluate::{Budget, SHOWN, error_json, value_json};
use crate::output::{Output, Style, harmless};
use crate::stack::find_thread;

/// The longest line that is read.
const LONGEST: u64 = 1 << 20;

/// Options of `heapsake repl`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Expressions are Python's, over the variables of a frame: sum(o.price for o in orders).
No code of the dump runs. docs/expressions.md is the language; :help lists the commands.")]
pub(crate) struct Arguments {
    /// The dump.
    file: PathBuf,
    /// The thread to start in, by name or position.
    #[arg(long)]
    thread: Option<String>,
    #[command(flatten)]
    budget: Budget,
    /// Answer each line with one line of JSON.
    #[arg(long)]
    json: bool,
}

/// A session.
pub(crate) struct Session<'d> {
    dump: &'d Dump,
    scope: Scope<'d>,
    thread: usize,
    /// Position of the frame, outermost first.
    frame: usize,
    budget: Budget,
    json: bool,
}

/// What a line led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Failed,
    Over,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<i32> {
    let dump = open(&arguments.file)?;
    let thread = match &arguments.thread {
        Some(wanted) => {
            let thread = find_thread(&dump, wanted)?;
            dump.threads().iter().position(|one| std::ptr::eq(one, thread)).unwrap_or(0)
        }
        None => 0,
    };
    let mut session =
        Session { dump: &dump, scope: Scope::of_dump(&dump), thread, frame: 0, budget: arguments.budget, json: arguments.json };
    session.enter(thread);
    if std::io::stdin().is_terminal() && !arguments.json {
        return editor::run(session);
    }
    let mut input = std::io::stdin().lock();
    let mut outcome = Outcome::Done;
    loop {
        let mut line = Vec::new();
        // One byte more than is read shows that a line is longer; the rest of it is passed over.
        let read = std::io::Read::take(&mut input, LONGEST + 1).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        if read as u64 > LONGEST && line.last() != Some(&b'\n') {
            input.skip_until(b'\n')?;
        }
        match session.line(&String::from_utf8_lossy(&line))? {
            Outcome::Over => break,
            found => outcome = found,
        }
    }
    Ok(i32::from(outcome == Outcome::Failed))
}

impl Session<'_> {
    /// Goes to the innermost frame of a thread.
    fn enter(&mut self, thread: usize) {
        let frames = self.dump.threads().get(thread).map_or(0, |thread| thread.frames.len());
        self.go(thread, frames.saturating_sub(1));
    }

    fn go(&mut self, thread: usize, frame: usize) {
        (self.thread, self.frame) = (thread, frame);
        self.scope = self.scope.moved(thread, frame);
    }

    /// Thread and function, as the prompt names them.
    fn place(&self) -> String {
        let Some(thread) = self.dump.threads().get(self.thread) else { return "no thread".to_owned() };
        let name = harmless(thread.name.as_deref().unwrap_or("thread"));
        match thread.frames.get(self.frame) {
            Some(frame) => format!("{name} {}:{}", harmless(&frame.function), frame.line),
            None => name,
        }
    }

    /// Does what a line says.
    fn line(&mut self, line: &str) -> anyhow::Result<Outcome> {
        let text = line.trim();
        let mut output = Output::new(self.json);
        if line.len() as u64 > LONGEST {
            self.complain(&format!("a line of more than {LONGEST} bytes is not read"), &mut output)?;
            return Ok(Outcome::Failed);
        }
        if text.is_empty() || text.starts_with('#') {
            return Ok(Outcome::Done);
        }
        if matches!(text, "quit" | "exit" | "quit()" | "exit()") && self.scope.bound(text).is_none() {
            return Ok(Outcome::Over);
        }
        if let Some(command) = text.strip_prefix(':') {
            return match self.command(command, &mut output) {
                Ok(outcome) => Ok(outcome),
                Err(problem) if problem.downcast_ref::<std::io::Error>().is_some() => Err(problem),
                Err(problem) => {
                    self.complain(&crate::output::told(&problem), &mut output)?;
                    Ok(Outcome::Failed)
                }
            };
        }
        // A defect in the evaluation of one line is no reason to lose the names of the others.
        let limits = self.budget.limits();
        let Ok(found) = catch_unwind(AssertUnwindSafe(|| execute(&mut self.scope, text, &limits))) else {
            self.complain("the evaluation failed: a defect of heapsake, and the session goes on", &mut output)?;
            return Ok(Outcome::Failed);
        };
        match found {
            Ok(value) => {
                if self.json {
                    let told = value.map_or(serde_json::Value::Null, |value| value_json(self.dump, &value));
                    output.line(told)?;
                } else if let Some(value) = value.filter(|value| !value.is_none(self.dump)) {
                    output.line(value.show(self.dump, SHOWN))?;
                }
                Ok(Outcome::Done)
            }
            Err(problem) if self.json => {
                output.line(error_json(&problem))?;
                Ok(Outcome::Failed)
            }
            Err(problem) => {
                self.complain(&crate::evaluate::told(text, &problem), &mut output)?;
                Ok(Outcome::Failed)
            }
        }
    }

    /// Says what is wrong: on a terminal among the rest, else on standard error.
    fn complain(&self, told: &str, output: &mut Output) -> anyhow::Result<()> {
        if self.json {
            output.line(serde_json::json!({ "error": told }))?;
        } else if std::io::stdin().is_terminal() {
            output.line(output.style(Style::Problem, told))?;
        } else {
            eprintln!("{told}");
        }
        Ok(())
    }
}
