//! Processes that are traced for as long as they run, so that one that is about to die of a signal can be read before it does.
//!
//! What a traced process does is let through as it is: signals, new threads, stopped jobs. Only a signal that would end it
//! without warning, one that it neither handles nor ignores, leaves it standing still until whoever was told has read it; then
//! it gets the signal and dies of it. Another program in its place is let go, and so is a child, which may announce itself.
//!
//! Tracing belongs to one thread, which [`Tracer::serve`]s; others ask it through [`Tracing`]. It sleeps until it is woken by
//! a byte: of a request, or of the handler that the kernel's SIGCHLD has.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{ErrorKind as IoErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::copy::Preparation;
use super::freeze::Frozen;
use super::process::{self, Process, Registers};
use super::ptrace::{self, Happened};
use super::snapshot::{Snapshot, defect};
use crate::death::{self, Death};
use crate::error::{Error, ErrorKind, Result};

/// So long it sleeps at most.
const LOOK: Duration = Duration::from_millis(100);
/// So many things that processes do are heard of before a request is.
const MOST_EVENTS: usize = 256;
/// What a read says that is no end.
const WAITS: [IoErrorKind; 3] = [IoErrorKind::Interrupted, IoErrorKind::WouldBlock, IoErrorKind::TimedOut];

type Job = Box<dyn FnOnce(&mut Tracer) + Send>;

/// The processes that a thread traces.
pub struct Tracer {
    /// When this one has ended there is nothing left to do.
    main: i32,
    processes: BTreeMap<i32, Traced>,
    jobs: Receiver<Job>,
    wake: UnixStream,
    tell: Box<dyn FnMut(Death)>,
    ended: bool,
}

/// By which other threads ask the one that traces.
#[derive(Clone)]
pub struct Tracing {
    jobs: Sender<Job>,
    wake: Arc<UnixStream>,
}

/// A traced process.
#[derive(Default)]
struct Traced {
    /// Its threads, each with the last fault that a handler of the program's was given.
    threads: BTreeMap<i32, Option<Death>>,
    /// The thread that it is dying in, once it was told of.
    dying: Option<i32>,
    /// While it stands still.
    held: Option<Frozen>,
}

/// A traced process that stands still for as long as this value lives.
#[derive(Debug)]
pub struct Stopped {
    tracing: Tracing,
    pid: i32,
    threads: Vec<i32>,
    /// How long it stood still before `since`.
    before: Duration,
    since: Instant,
}

impl Tracer {
    /// A tracer that lives until process `main` has ended, and by which it is asked. `wake` gives a byte whenever the kernel
    /// sends SIGCHLD, and its other end, `waker`, takes one for each request; `tell` is told of a process that stands still
    /// because it is about to die.
    pub fn new(main: i32, wake: UnixStream, waker: UnixStream, tell: impl FnMut(Death) + 'static) -> (Tracer, Tracing) {
        let (sender, jobs) = channel();
        let tracer = Tracer { main, processes: BTreeMap::new(), jobs, wake, tell: Box::new(tell), ended: false };
        (tracer, Tracing { jobs: sender, wake: Arc::new(waker) })
    }

    /// Does what it is asked, and lets through what happens, until the process that it was made for has ended and nothing is
    /// read any more.
    pub fn serve(mut self) {
        let mut bytes = [0; 256];
        // Whoever started us may have blocked SIGCHLD.
        let _ = self.wake.set_read_timeout(Some(LOOK));
        loop {
            let mut events = 0;
            while events < MOST_EVENTS
                && let Ok(Some((thread, happened))) = ptrace::next()
            {
                events += 1;
                match happened {
                    Happened::Ended if thread == self.main => {
                        // Its status is for its parent.
                        self.ended = true;
                        break;
                    }
                    Happened::Ended => {
                        ptrace::take_status(thread);
                        self.forget(thread);
                    }
                    Happened::Stopped(status) => self.stopped(thread, status),
                }
            }
            while let Ok(job) = self.jobs.try_recv() {
                job(&mut self);
            }
            if self.ended && self.processes.values().all(|traced| traced.held.is_none()) {
                break;
            }
            if events == MOST_EVENTS {
                continue;
            }
            match self.wake.read(&mut bytes) {
                Ok(0) => break,
                Err(problem) if !WAITS.contains(&problem.kind()) => break,
                _ => {}
            }
        }
        self.leave();
    }

    /// Lets go what outlives the process that all this was for.
    fn leave(&mut self) {
        for pid in self.processes.keys().filter(|pid| **pid != self.main) {
            let Ok(process) = Process::open(*pid) else { continue };
            let mut frozen = Frozen::traced(process, None, &[]);
            let _ = frozen.stop();
            for (thread, status) in frozen.into_stops() {
                let _ = process::detach(thread, process::pending_signal(status));
            }
        }
        self.processes.clear();
    }

    /// Traces every thread of a process.
    fn watch(&mut self, pid: i32) -> Result<()> {
        if self.processes.contains_key(&pid) {
            return Ok(());
        }
        let process = Process::open(pid)?;
        let mut traced = Traced::default();
        loop {
            let listed = process::threads(pid).map_err(|error| process.explain(&error, "its threads cannot be listed"))?;
            let new: Vec<i32> = listed.into_iter().filter(|thread| !traced.threads.contains_key(thread)).collect();
            if new.is_empty() {
                break;
            }
            for thread in new {
                // One that was begun by one that is traced is traced already.
                match ptrace::seize(thread) {
                    Err(error) if traced.threads.is_empty() => return Err(process.explain_tracing(&error, "it cannot be traced")),
                    _ => traced.threads.insert(thread, None),
                };
            }
        }
        self.processes.insert(pid, traced);
        Ok(())
    }

    /// Lets go of a process, which others may trace then.
    fn let_go(&mut self, pid: i32) -> Result<()> {
        let busy = |what: &str| Err(Error::new(ErrorKind::AlreadyTraced, format!("process {pid} {what}")));
        match self.processes.get(&pid) {
            None => return busy("is not traced here"),
            Some(traced) if traced.held.is_some() || traced.dying.is_some() => return busy("is being read already"),
            Some(_) => {}
        }
        let mut frozen = Frozen::traced(Process::open(pid)?, None, &[]);
        let stopped = frozen.stop();
        let stops = frozen.into_stops();
        let dies = |status: i32| status >> 16 == 0 && death::signals().any(|one| one == libc::WSTOPSIG(status));
        if stopped.is_err() || stops.iter().any(|(_, status)| dies(*status)) {
            for (thread, status) in stops {
                self.stopped(thread, status);
            }
            return stopped.and_then(|()| busy("is about to end"));
        }
        self.processes.remove(&pid);
        for (thread, status) in stops {
            let _ = process::detach(thread, process::pending_signal(status));
        }
        Ok(())
    }

    fn forget(&mut self, thread: i32) {
        for traced in self.processes.values_mut() {
            traced.threads.remove(&thread);
        }
        self.processes.retain(|_, traced| !traced.threads.is_empty() || traced.held.is_some());
    }

    /// The traced process of a thread, which may be new.
    fn process_of(&mut self, thread: i32) -> Option<i32> {
        let known = self.processes.iter().find(|(_, traced)| traced.threads.contains_key(&thread)).map(|(pid, _)| *pid);
        if known.is_some() {
            return known;
        }
        let has = |pid: &&i32| Path::new(&format!("/proc/{pid}/task/{thread}")).exists();
        let pid = *self.processes.keys().find(has)?;
        self.processes.get_mut(&pid)?.threads.insert(thread, None);
        Some(pid)
    }

    /// A thread stands still: it goes on, unless its process is about to die.
    fn stopped(&mut self, thread: i32, status: i32) {
        let Some(pid) = self.process_of(thread) else {
            // Split off without a signal for its end: a process of its own, such as one that writes a dump.
            let _ = process::detach(thread, process::pending_signal(status));
            return;
        };
        let signal = libc::WSTOPSIG(status);
        let _ = match status >> 16 {
            0 if death::signals().any(|one| one == signal) => return self.signalled(pid, thread, status),
            0 => ptrace::go_on(thread, signal),
            libc::PTRACE_EVENT_STOP if signal != libc::SIGTRAP => ptrace::listen(thread),
            libc::PTRACE_EVENT_EXEC => {
                // Other programs are none of our business.
                self.processes.remove(&pid);
                process::detach(thread, 0)
            }
            _ => ptrace::go_on(thread, 0),
        };
    }

    /// A thread is about to get a signal of which processes die.
    fn signalled(&mut self, pid: i32, thread: i32, status: i32) {
        let signal = libc::WSTOPSIG(status);
        let Some(traced) = self.processes.get_mut(&pid) else { return };
        let bit = 1u64 << (signal - 1);
        let (caught, ignored) = process::dispositions(thread).unwrap_or((0, 0));
        if traced.dying.is_some() || ignored & bit != 0 {
            let _ = ptrace::go_on(thread, signal);
            return;
        }
        let mut death = described(pid, thread, signal);
        if caught & bit != 0 {
            // It may be mended. What a handler raises anew, after it has told of it, is known by what came before.
            if death.is_fault() {
                traced.threads.insert(thread, Some(death));
            }
            let _ = ptrace::go_on(thread, signal);
            return;
        }
        if !death.is_fault() {
            death.before = traced.threads.get_mut(&thread).and_then(Option::take).map(Box::new);
        }
        traced.dying = Some(thread);
        let held = Process::open(pid).map(|process| Frozen::traced(process, None, &[(thread, status)]));
        match held {
            Ok(mut frozen) => {
                // Of a thread that does not stop the memory is read all the same.
                let _ = frozen.stop();
                traced.held = Some(frozen);
                (self.tell)(death);
            }
            Err(_) => {
                let _ = ptrace::go_on(thread, signal);
            }
        }
    }

    /// Stops a process, has a look at it, and takes what is made of it; then lets it go on, or has it stand still.
    fn look<T>(
        &mut self,
        pid: i32,
        preparation: Option<Preparation>,
        still: bool,
        look: impl FnOnce(&mut Frozen) -> Result<T>,
    ) -> Result<(T, Vec<i32>, Duration)> {
        let traced = self.processes.get_mut(&pid).filter(|traced| traced.held.is_none());
        let Some(traced) = traced else {
            return Err(Error::new(ErrorKind::ProcessDied, format!("process {pid} is about to end")));
        };
        let mut frozen = Frozen::traced(Process::open(pid)?, preparation, &[]);
        let looked = frozen.stop().and_then(|()| look(&mut frozen));
        let (threads, stood) = (frozen.threads().collect(), frozen.stood());
        if still && looked.is_ok() {
            traced.held = Some(frozen);
        } else {
            self.go_on(frozen);
        }
        looked.map(|looked| (looked, threads, stood))
    }

    fn release(&mut self, pid: i32) {
        if let Some(frozen) = self.processes.get_mut(&pid).and_then(|traced| traced.held.take()) {
            self.go_on(frozen);
        }
    }

    /// What was stopped goes on; the thread that the process dies in first, and it may be the last.
    fn go_on(&mut self, frozen: Frozen) {
        for (thread, status) in frozen.into_stops() {
            self.stopped(thread, status);
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer").field("main", &self.main).field("processes", &self.processes.keys()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracing").finish_non_exhaustive()
    }
}

/// What the kernel and the processor say of a signal that a stopped thread is about to get.
fn described(pid: i32, thread: i32, signal: i32) -> Death {
    let told = ptrace::signal(thread).ok();
    let registers = ptrace::registers(thread);
    let ident = registers.iter().find(|(name, _)| *name == "fs_base").map(|(_, value)| *value);
    Death {
        pid,
        thread,
        signal,
        code: told.map_or(0, |told| told.code),
        address: told.and_then(|told| told.address),
        sender: told.and_then(|told| told.sender),
        ident,
        registers,
        place: None,
        before: None,
    }
}

impl Tracing {
    /// Has a process traced from now on; whoever wants to know sees it by the process's `TracerPid`.
    pub fn watch(&self, pid: i32) {
        let _ = self.ask(move |tracer| tracer.watch(pid));
    }

    /// Lets go of a process, until it is to be [watched](Tracing::watch) again.
    ///
    /// # Errors
    /// When it is not traced, is being read, or is about to end.
    pub fn let_go(&self, pid: i32) -> Result<()> {
        self.ask(move |tracer| tracer.let_go(pid))?
    }

    /// Whether a process is traced.
    pub fn traces(&self, pid: i32) -> bool {
        self.ask(move |tracer| tracer.processes.contains_key(&pid)).unwrap_or(false)
    }

    /// Has a traced process stopped, looked at and copied; it goes on at once.
    ///
    /// # Errors
    /// As [`Snapshot::of_process`].
    pub fn copy<T: Send + 'static>(
        &self,
        pid: i32,
        settle: impl FnOnce(&mut Frozen) -> Result<T> + Send + 'static,
    ) -> Result<(Snapshot, T)> {
        let preparation = Preparation::new(&Process::open(pid)?)?;
        let looked = self.ask(move |tracer| {
            tracer.look(pid, Some(preparation), false, |frozen| {
                let settled = settle(frozen)?;
                Ok((frozen.copied()?, settled))
            })
        });
        let ((copied, settled), threads, pause) = looked??;
        Ok((copied.finish(threads, pause), settled))
    }

    /// Has a traced process stopped, looked at, and left standing still.
    ///
    /// # Errors
    /// As [`Snapshot::of_process`].
    pub fn stop<T: Send + 'static>(
        &self,
        pid: i32,
        settle: impl FnOnce(&mut Frozen) -> Result<T> + Send + 'static,
    ) -> Result<(Stopped, T)> {
        let (settled, threads, before) = self.ask(move |tracer| tracer.look(pid, None, true, settle))??;
        Ok((Stopped { tracing: self.clone(), pid, threads, before, since: Instant::now() }, settled))
    }

    /// Ends the tracing, when nothing is read any more: the process that it is for has ended.
    pub fn end(&self) {
        self.send(|tracer| tracer.ended = true);
    }

    /// A process that stands still already, because it is about to die.
    pub fn stopped(&self, death: &Death) -> Stopped {
        let threads = process::threads(death.pid).unwrap_or_default();
        Stopped { tracing: self.clone(), pid: death.pid, threads, before: Duration::ZERO, since: Instant::now() }
    }

    /// Where the threads of a process stand that stands still.
    ///
    /// # Errors
    /// When tracing has ended.
    pub fn registers(&self, pid: i32) -> Result<Vec<Registers>> {
        self.ask(move |tracer| {
            let held = tracer.processes.get(&pid).and_then(|traced| traced.held.as_ref());
            held.map(Frozen::registers).unwrap_or_default()
        })
    }

    /// What the thread that traces answers.
    fn ask<T: Send + 'static>(&self, question: impl FnOnce(&mut Tracer) -> T + Send + 'static) -> Result<T> {
        let (sender, answer) = channel();
        self.send(move |tracer| {
            let _ = sender.send(question(tracer));
        });
        answer.recv().map_err(|_| defect("tracing".to_owned()))
    }

    fn send(&self, job: impl FnOnce(&mut Tracer) + Send + 'static) {
        let _ = self.jobs.send(Box::new(job));
        let _ = (&*self.wake).write(&[0]);
    }
}

impl Stopped {
    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    pub(super) fn threads(&self) -> &[i32] {
        &self.threads
    }

    pub(super) fn times(&self) -> (Duration, Instant) {
        (self.before, self.since)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let pid = self.pid;
        self.tracing.send(move |tracer| tracer.release(pid));
    }
}
