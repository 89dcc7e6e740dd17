//! What runs reducers written in Python over a dump that is written, and appends what they give.
//!
//! The reducers run in a process that is split off from this one ([`crate::worker`]) and watched here: one that hangs,
//! crashes or ends is replaced by a new one, which leaves the object out that it was asked about. This side runs no Python
//! and allocates nothing from the C library, so it can itself be the child that has written the dump.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use heapsake_core::format::records::{Annotations, Reduction};
use heapsake_core::format::{self, ChunkKind, Compressor};
use heapsake_core::{Redaction, Withheld};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::channel::{self, Message};
use crate::fork::{self, Child, Heard};
use crate::worker::{self, Work};
use crate::{Error, isolation};

/// How long a process may take until Python runs in it.
const START: Duration = Duration::from_secs(5);
/// How long it may take at least to load the reducers of one package, and to find the objects of its reducers.
const PLAN: Duration = Duration::from_secs(10);
/// An object has this part of the whole time, unless its reducer says otherwise.
const PARTS: u32 = 6;
/// A reducer that crashes costs a moment, and one that hangs its time: after so much of it without an answer in between it is
/// not asked any more.
const PATIENCE: u32 = 20;
const CRASHED: u32 = 1;
const HUNG: u32 = 7;
/// The most time that may be asked for: a day.
const LONGEST: Duration = Duration::from_hours(24);
/// The most bytes that all reductions may have.
const MOST_BYTES: usize = 64 << 20;
/// How a note begins that says why no reducer was run.
const NOT_RUN: &str = "Python reducers were not run";
/// Notes that are kept.
const MOST_NOTES: usize = 1000;

/// What is to be done with a dump.
#[derive(Debug)]
pub(crate) struct Job {
    /// The dump.
    pub(crate) path: PathBuf,
    /// The folder of installed packages, when reducers of packages are to run.
    pub(crate) packages: Option<PathBuf>,
    /// Whether this process has the memory that the dump was made of.
    pub(crate) live: bool,
    /// Time for all reducers.
    pub(crate) time: Duration,
    /// What the dump withheld.
    pub(crate) withheld: Withheld,
    /// Where the interpreter's runtime lies.
    pub(crate) runtime: usize,
}

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    annotations: Annotations,
    bytes: usize,
    /// Types that have a reducer.
    answers: Vec<String>,
    done: Vec<u32>,
    refused: Vec<String>,
    /// What is used up of the patience with each reducer.
    strikes: BTreeMap<String, u32>,
    /// Of each reducer the type, and how many objects wait.
    waiting: BTreeMap<String, (String, u64)>,
    /// Whether nothing more is to be tried.
    over: bool,
}

/// Runs the reducers, and appends what they gave.
///
/// # Errors
/// When it cannot be appended; the dump is as it was.
pub(crate) fn annotate(job: Job) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    let deadline = Instant::now() + job.time;
    while !outcome.over {
        let work = Work {
            path: job.path.clone(),
            packages: job.packages.clone(),
            live: job.live,
            done: outcome.done.clone(),
            refused: outcome.refused.clone(),
            runtime: job.runtime,
        };
        let parent = isolation::process();
        match fork::split(work, |work, _, tell| worker::run(work, parent, tell)) {
            Ok(child) => outcome.watch(child, &job, deadline),
            Err((problem, _)) => outcome.give_up(format!("{NOT_RUN}: no process could be split off: {problem}")),
        }
    }
    outcome.append(&job.path, &job.withheld)?;
    Ok(outcome)
}

/// Notes in a dump that no reducer was run, and why.
///
/// # Errors
/// When it cannot be appended; the dump is as it was.
pub(crate) fn not_run(path: &Path, why: &str) -> Result<(), String> {
    let mut outcome = Outcome::default();
    outcome.give_up(format!("{NOT_RUN}: {why}"));
    outcome.append(path, &Withheld::default())
}

/// What a process is at.
enum At {
    Start,
    Planning,
    Loading(String),
    Between,
    Asking(u32, String, Option<f64>),
}

impl Outcome {
    fn note(&mut self, text: String) {
        if self.annotations.notes.len() < MOST_NOTES && !self.annotations.notes.contains(&text) {
            self.annotations.notes.push(text);
        }
    }

    fn give_up(&mut self, text: String) {
        self.note(text);
        self.over = true;
    }

    /// Hears one process until it is done, or did not go on.
    fn watch(&mut self, mut child: Child, job: &Job, deadline: Instant) {
        let limit = |at: &At| match at {
            At::Start => START,
            At::Planning | At::Loading(_) => PLAN.max(job.time / 3),
            At::Asking(_, _, Some(seconds)) => Duration::try_from_secs_f64(*seconds).map_or(job.time, |own| own.min(job.time)),
            At::Between | At::Asking(..) => job.time / PARTS,
        };
        let (mut at, mut until) = (At::Start, deadline.min(Instant::now() + START));
        let mut heard = Vec::new();
        self.waiting.clear();
        loop {
            match channel::take(&mut heard) {
                Ok(None) => {}
                Ok(Some(Message::Done)) => {
                    self.over = true;
                    child.end();
                    return;
                }
                Ok(Some(message)) => {
                    self.hear(message, &mut at);
                    until = deadline.min(Instant::now() + limit(&at));
                    if self.bytes > MOST_BYTES {
                        child.end();
                        self.cut_off(&at, &format!("all reductions have {MOST_BYTES} bytes, the most that is kept"));
                        return;
                    }
                    continue;
                }
                Err(channel::Garbled) => {
                    child.end();
                    self.failed(at, CRASHED, "wrote into the descriptors of its process");
                    return;
                }
            }
            match child.hear(until, &mut heard) {
                Ok(Heard::Bytes) => {}
                Ok(Heard::End) | Err(_) => {
                    let how = child.end();
                    self.failed(at, CRASHED, &format!("ended its process with {how}"));
                    return;
                }
                Ok(Heard::Silence) => {
                    child.end();
                    if Instant::now() >= deadline {
                        let limit = job.time.as_secs_f64();
                        self.cut_off(&at, &format!("the time for reducers, {limit} s, was over"));
                    } else {
                        let limit = limit(&at).as_secs_f64();
                        self.failed(at, HUNG, &format!("gave no answer for {limit} s"));
                    }
                    return;
                }
            }
        }
    }

    fn hear(&mut self, message: Message, at: &mut At) {
        match message {
            Message::Begun => *at = At::Planning,
            Message::Loading(name) => *at = At::Loading(name),
            Message::Planned(origin, name, count) => {
                self.waiting.insert(origin, (name, count));
                *at = At::Between;
            }
            Message::Asking(object, origin, seconds) => *at = At::Asking(object, origin, seconds),
            Message::Reduced(reduction) => {
                self.strikes.remove(&reduction.origin);
                self.keep(reduction);
                *at = At::Between;
            }
            Message::Note(text) => self.note(text),
            Message::Answers(name) => {
                if !self.answers.contains(&name) {
                    self.answers.push(name);
                }
            }
            Message::Done => {}
        }
    }

    fn keep(&mut self, reduction: Reduction) {
        if let Some((_, count)) = self.waiting.get_mut(&reduction.origin) {
            *count = count.saturating_sub(1);
        }
        let mut bytes = Vec::new();
        let _ = ciborium::into_writer(&reduction, &mut bytes);
        self.bytes += bytes.len();
        self.done.push(reduction.object);
        self.annotations.reductions.push(reduction);
    }

    /// Notes what a process was at when it did not go on.
    fn failed(&mut self, at: At, cost: u32, why: &str) {
        match at {
            At::Start => self.give_up(format!(
                "{NOT_RUN}: the process for them {why} before it began; another thread may have held a lock \
                 when it was split off"
            )),
            At::Loading(name) => {
                self.note(format!("the reducers of {name} were not loaded: loading them {why}"));
                self.refused.push(name);
            }
            At::Planning | At::Between => {
                self.give_up(format!("Python reducers were left out: their process {why} when it asked none"));
            }
            At::Asking(object, origin, _) => {
                let strikes = self.strikes.entry(origin.clone()).or_default();
                *strikes += cost;
                if *strikes >= PATIENCE {
                    self.refused.push(origin.clone());
                }
                self.keep(Reduction { object, origin, failure: Some(why.to_owned()), ..Reduction::default() });
            }
        }
    }

    /// Notes what was still to be done.
    fn cut_off(&mut self, at: &At, why: &str) {
        match at {
            At::Start | At::Planning => self.note(format!("{NOT_RUN}: {why}")),
            At::Loading(name) => self.note(format!("the reducers of {name} and of what comes after were not loaded: {why}")),
            At::Between | At::Asking(..) => {}
        }
        for (origin, (name, count)) in std::mem::take(&mut self.waiting) {
            if count > 0 {
                self.note(format!("{count} objects of {name} were not given to their reducer {origin}: {why}"));
            }
        }
        self.over = true;
    }

    fn append(&mut self, path: &Path, withheld: &Withheld) -> Result<(), String> {
        if self.annotations.reductions.is_empty() && self.annotations.notes.is_empty() {
            return Ok(());
        }
        withheld.scrub(&mut self.annotations.reductions, &mut self.annotations.notes);
        self.annotations.reductions.sort_by_key(|reduction| reduction.object);
        let Annotations { reductions, notes } = &self.annotations;
        let appended = format::append(path, Compressor::zlib(), |writer| {
            writer.records(ChunkKind::Annotations, "reductions", reductions)?;
            writer.records(ChunkKind::Annotations, "notes", notes)
        });
        appended.map(drop).map_err(|problem| problem.to_string())
    }
}

/// Runs the reducers of installed packages over a dump that was made from outside; says what was done.
#[pyfunction]
pub(crate) fn annotate_dump(py: Python<'_>, path: PathBuf, packages: PathBuf, seconds: f64) -> PyResult<Bound<'_, PyDict>> {
    let dump = heapsake_loader::open(&path).map_err(|problem| Error::new_err(problem.to_string()))?;
    let level = Redaction::from_word(&dump.header().redaction).unwrap_or_default();
    drop(dump);
    let time = time(seconds)?;
    let (withheld, runtime) = (Withheld::of_level(level), isolation::runtime());
    let job = Job { path, packages: Some(packages), live: false, time, withheld, runtime };
    let outcome = annotate(job).map_err(Error::new_err)?;
    let done = PyDict::new(py);
    let failed = outcome.annotations.reductions.iter().filter(|reduction| reduction.failure.is_some()).count();
    done.set_item("reduced", outcome.annotations.reductions.len() - failed)?;
    done.set_item("failed", failed)?;
    done.set_item("notes", outcome.annotations.notes)?;
    done.set_item("answers", outcome.answers)?;
    Ok(done)
}

/// The time for all reducers.
///
/// # Errors
/// When it is no time.
pub(crate) fn time(seconds: f64) -> PyResult<Duration> {
    let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| *time <= LONGEST);
    time.ok_or_else(|| Error::new_err(format!("reducer_seconds is {seconds}; it may be from 0 to {}", LONGEST.as_secs())))
}
