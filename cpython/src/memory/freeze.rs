//! A process that stands still: every one of its threads seized and interrupted, until no new ones appear.
//!
//! `PTRACE_SEIZE` and `PTRACE_INTERRUPT` are invisible to the target: no signal is sent, job control sees nothing, a stopped
//! process stays stopped, and an interrupted sleep goes on with the time that it had left. (A few system calls that the
//! kernel never restarts, `epoll_wait` among them, return `EINTR`, which CPython retries.) A thread that was about to
//! receive a signal receives it when it is let go.

use super::copy::{Copied, Preparation};
use super::process::{self, Event, Process, Registers, Status};
use super::ptrace;
use super::snapshot::Snapshot;
use super::urgency::Urgency;
use crate::death;
use crate::error::{Error, ErrorKind, Result};
use std::io;
use std::marker::PhantomData;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How long a thread may take to stop. One that runs stops within microseconds.
const STOP_DEADLINE: Duration = Duration::from_secs(2);
/// After so long those that have not stopped are looked at: the kernel may hold them up for as long as it likes.
const LOOK_AFTER: Duration = Duration::from_millis(20);
/// When the kernel keeps us from seizing the next thread for so long, those that have ended are looked for.
const REAP_AFTER: Duration = Duration::from_millis(20);
/// How long to wait for another heapsake that copies the process.
const OTHERS_DEADLINE: Duration = Duration::from_secs(10);
/// How long to wait for a thread that did not stop, when the others are let go.
const RELEASE_DEADLINE: Duration = Duration::from_millis(200);

/// A process whose threads stand still until this value is dropped.
///
/// It belongs to the thread that made it, which is what the kernel asks of a tracer.
#[derive(Debug)]
pub struct Frozen {
    process: Process,
    preparation: Option<Preparation>,
    threads: Vec<Thread>,
    since: Option<Instant>,
    /// How long it stood still in all earlier stops.
    stood: Duration,
    /// Whether the threads are traced already, and stay so.
    traced: bool,
    urgency: Option<Urgency>,
    tracer: PhantomData<*const ()>,
}

#[derive(Debug)]
struct Thread {
    identifier: i32,
    stopped: bool,
    pending_signal: i32,
    status: i32,
}

impl Process {
    /// Stops every thread of process `pid`. Memory for the copy is made ready first, so that the process waits for
    /// nothing but the copying.
    pub fn freeze(pid: i32) -> Result<Frozen> {
        let process = Process::open(pid)?;
        let preparation = Preparation::new(&process)?;
        Frozen::new(process, Some(preparation))
    }

    /// Stops every thread of process `pid`, to read it where it is.
    pub fn hold(pid: i32) -> Result<Frozen> {
        Frozen::new(Process::open(pid)?, None)
    }
}

impl Frozen {
    fn new(process: Process, preparation: Option<Preparation>) -> Result<Frozen> {
        let (threads, since, stood) = (Vec::new(), None, Duration::ZERO);
        let mut frozen =
            Frozen { process, preparation, threads, since, stood, traced: false, urgency: None, tracer: PhantomData };
        frozen.stop()?;
        Ok(frozen)
    }

    /// A process whose threads this thread traces already, to be stopped; `stopped` are those that stand still by now, with
    /// the statuses of their stops.
    pub(super) fn traced(process: Process, preparation: Option<Preparation>, stopped: &[(i32, i32)]) -> Frozen {
        let thread = |&(identifier, status): &(i32, i32)| {
            let pending_signal = process::pending_signal(status);
            Thread { identifier, stopped: true, pending_signal, status }
        };
        let threads: Vec<Thread> = stopped.iter().map(thread).collect();
        let since = (!threads.is_empty()).then(Instant::now);
        Frozen { process, preparation, threads, since, stood: Duration::ZERO, traced: true, urgency: None, tracer: PhantomData }
    }

    /// Leaves the threads that stand still to whoever traces them, with the statuses of their stops.
    pub(super) fn into_stops(mut self) -> Vec<(i32, i32)> {
        let threads = std::mem::take(&mut self.threads);
        threads.into_iter().filter(|thread| thread.stopped).map(|thread| (thread.identifier, thread.status)).collect()
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The identifiers of the threads that stand still.
    pub fn threads(&self) -> impl Iterator<Item = i32> {
        self.threads.iter().filter(|thread| thread.stopped).map(|thread| thread.identifier)
    }

    /// Where each of its threads stands, as far as the processor is known.
    pub fn registers(&self) -> Vec<Registers> {
        self.threads().filter_map(|thread| process::registers(thread).ok()).collect()
    }

    /// How long it has stood still by now, all stops together.
    pub fn stood(&self) -> Duration {
        self.stood + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Copies what may change, lets the process go on, and gives the copy.
    pub fn copy(mut self) -> Result<Snapshot> {
        let copied = self.copied()?;
        let threads = self.threads().collect();
        let pause = self.release();
        Ok(copied.finish(threads, pause))
    }

    /// Copies what may change, and leaves the process standing still.
    pub(super) fn copied(&mut self) -> Result<Copied> {
        let preparation = match self.preparation.take() {
            Some(preparation) => preparation,
            None => Preparation::new(&self.process)?,
        };
        preparation.copy(&self.process)
    }

    /// Lets the process go on for `time`, and stops it again: this was no good moment.
    ///
    /// # Errors
    /// As [`Process::freeze`].
    pub fn again(&mut self, time: Duration) -> Result<()> {
        if self.traced {
            self.resume();
        } else {
            self.release();
        }
        std::thread::sleep(time);
        self.stop()
    }

    /// Lets traced threads go on, but for those of which more is to be told than that they stand still: they go on when
    /// whoever traces them has heard of it.
    fn resume(&mut self) {
        self.stood = self.stood();
        self.since = None;
        self.threads.retain(|thread| {
            let plain = match thread.status >> 16 {
                0 => !death::signals().any(|signal| signal == thread.pending_signal),
                event => event == libc::PTRACE_EVENT_CLONE || is_answer(thread.status),
            };
            thread.stopped && !(plain && ptrace::go_on(thread.identifier, thread.pending_signal).is_ok())
        });
        self.urgency = None;
    }

    /// Lets the process go on, and says how long it stood still, all stops together.
    pub fn release(&mut self) -> Duration {
        for thread in &mut self.threads {
            if thread.stopped && process::detach(thread.identifier, thread.pending_signal).is_ok() {
                thread.stopped = false;
                thread.identifier = 0;
            }
        }
        self.stood = self.stood();
        self.since = None;
        self.urgency = None;
        // A thread that the kernel held up cannot be let go before it stops. If it does not stop even now, it is one of those that
        // the next stop finds, or the kernel lets it go when the tracing thread ends.
        self.threads.retain(|thread| thread.identifier != 0);
        let deadline = Instant::now() + RELEASE_DEADLINE;
        while !self.threads.is_empty() && Instant::now() < deadline {
            let (pid, traced) = (self.process.pid(), self.traced);
            self.threads.retain(|thread| match process::poll(thread.identifier) {
                Ok(None) => true,
                Ok(Some(Event::Stopped { pending_signal, .. })) => process::detach(thread.identifier, pending_signal).is_err(),
                Ok(Some(Event::Ended)) => {
                    if !traced {
                        reap(pid, thread.identifier);
                    }
                    false
                }
                Err(_) => false,
            });
            std::thread::sleep(Duration::from_millis(1));
        }
        self.stood
    }

    pub(super) fn stop(&mut self) -> Result<()> {
        self.urgency.get_or_insert_with(Urgency::begin);
        let mut reaper = None;
        for round in 0.. {
            let listed = process::threads(self.process.pid())
                .map_err(|error| self.process.explain(&error, "its threads cannot be listed"))?;
            let known = self.threads.len();
            // The status of the first is not waited for, and one may be executing: it takes a third to keep us from that one.
            if listed.len() > 2 && !self.traced && reaper.is_none() {
                reaper = self::reaper(self.process.pid(), self.threads.iter().map(|thread| thread.identifier.abs()).collect());
            }
            for identifier in listed {
                // One that ended is listed until whoever waits for it has its status: here it has a negative number.
                if !self.threads.iter().any(|thread| thread.identifier.abs() == identifier) {
                    self.seize(identifier)?;
                    if let Some(reaper) = &reaper {
                        let _ = reaper.send(identifier);
                    }
                }
            }
            let has_more = self.threads.len() != known;
            if has_more || round == 0 {
                self.wait()?;
            }
            if !has_more {
                break;
            }
        }
        // Threads that ended meanwhile were kept until here, so that they were not seized again.
        self.threads.retain(|thread| thread.identifier > 0);
        if self.threads.is_empty() {
            let pid = self.process.pid();
            return Err(Error::new(ErrorKind::ProcessDied, format!("process {pid} ended before it was read")));
        }
        Ok(())
    }

    fn seize(&mut self, identifier: i32) -> Result<()> {
        if self.traced && Status::of(identifier).is_ok_and(|status| status.is_dead()) {
            // The main thread may end before others: nothing is told of it before they have ended too.
            self.threads.push(Thread { identifier: -identifier, stopped: false, pending_signal: 0, status: 0 });
            return Ok(());
        }
        let begun = if self.traced { Ok(()) } else { self.begin(identifier) };
        match begun.and_then(|()| {
            self.since.get_or_insert_with(Instant::now);
            process::interrupt(identifier)
        }) {
            Ok(()) => self.threads.push(Thread { identifier, stopped: false, pending_signal: 0, status: 0 }),
            // A thread of the kernel's that works for the process cannot be traced.
            Err(_) if self.traced => {}
            Err(error) => {
                let ended = match Status::of(identifier) {
                    Ok(status) => status.is_dead(),
                    Err(_) => true,
                };
                if !ended {
                    return Err(self.process.explain_tracing(&error, "its threads cannot be stopped"));
                }
            }
        }
        Ok(())
    }

    /// Seizes a thread when another heapsake has let go of it: the first one when that has copied the process, the others soon
    /// after.
    fn begin(&self, identifier: i32) -> io::Result<()> {
        let is_first = self.threads.is_empty();
        let (most, pause) = if is_first { (OTHERS_DEADLINE, 5000) } else { (RELEASE_DEADLINE, 100) };
        let deadline = Instant::now() + most;
        loop {
            let begun = process::seize(identifier);
            if begun.is_ok() || !process::is_being_read(identifier) || Instant::now() > deadline {
                return begun;
            }
            std::thread::sleep(Duration::from_micros(pause));
        }
    }

    /// Waits until the threads stand still, have ended, or run no code of the program before they stop.
    fn wait(&mut self) -> Result<()> {
        let (mut look, deadline) = (Instant::now() + LOOK_AFTER, Instant::now() + STOP_DEADLINE);
        let pid = self.process.pid();
        let mut rounds = 0u32;
        loop {
            let mut running = Vec::new();
            for thread in self.threads.iter_mut().filter(|thread| !thread.stopped && thread.identifier > 0) {
                match process::poll(thread.identifier) {
                    Ok(Some(Event::Stopped { pending_signal, status })) => {
                        thread.stopped = true;
                        (thread.pending_signal, thread.status) = (pending_signal, status);
                    }
                    Ok(Some(Event::Ended)) => {
                        // Whoever traces it for longer hears of it and does.
                        if !self.traced {
                            reap(pid, thread.identifier);
                        }
                        thread.identifier = -thread.identifier;
                    }
                    Ok(None) => running.push(thread.identifier),
                    Err(error) => return Err(self.process.explain(&error, "its threads cannot be waited for")),
                }
            }
            if running.is_empty() {
                return Ok(());
            }
            if Instant::now() > look {
                look = Instant::now() + LOOK_AFTER;
                // One in an uninterruptible system call runs no code of the program: the others can be read.
                let mut states = running.iter().map(|thread| (*thread, Status::of(*thread).map_or('X', |status| status.state)));
                let runs = states.find(|(_, state)| !matches!(state, 'D' | 'X' | 'Z'));
                let Some((identifier, state)) = runs else { return Ok(()) };
                if Instant::now() < deadline {
                    continue;
                }
                let seconds = STOP_DEADLINE.as_secs();
                return Err(Error::new(
                    ErrorKind::DidNotStop,
                    format!("thread {identifier} of process {pid} did not stop within {seconds} s (state {state})"),
                )
                .hint("try again; a machine under heavy load, or a process whose control group is frozen, stops late"));
            }
            rounds += 1;
            if rounds < 50 {
                std::thread::yield_now();
            } else {
                std::thread::sleep(Duration::from_micros(50));
            }
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        if !self.traced {
            self.release();
        }
    }
}

/// Takes the status of a traced thread that has ended. That of the first is its parent's; those of others are nobody's, and a
/// thread that executes another program waits until they are taken.
fn reap(pid: i32, thread: i32) {
    if thread != pid {
        ptrace::take_status(thread);
    }
}

/// Takes the statuses of these threads and of those that it is told of, when they have ended and no more are told of.
///
/// A thread that executes another program waits for the others to end, and while it does the kernel lets nobody seize it: not
/// before somebody else takes the statuses of those that we have seized.
fn reaper(pid: i32, mut threads: Vec<i32>) -> Option<Sender<i32>> {
    let (sender, told) = channel();
    let reap_all = move || {
        loop {
            match told.recv_timeout(REAP_AFTER) {
                Ok(thread) => threads.push(thread),
                Err(RecvTimeoutError::Timeout) => threads.iter().for_each(|thread| reap(pid, *thread)),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    };
    // Without it, too, most programs can be stopped.
    std::thread::Builder::new().name("heapsake reaper".to_owned()).spawn(reap_all).ok().map(|_| sender)
}

/// Whether a thread stands still because it was asked to, and for no other reason.
pub(super) fn is_answer(status: i32) -> bool {
    status >> 16 == libc::PTRACE_EVENT_STOP && libc::WSTOPSIG(status) == libc::SIGTRAP
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;
    use crate::live::{interpreters, wait_until};

    #[test]
    fn a_traced_process_that_has_ended_and_is_waited_for_by_nobody_is_not_stopped_for_ever() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts");
        let pid = child.id() as i32;
        let process = Process::open(pid).expect("it can be read");
        ptrace::seize(pid).expect("it can be traced");
        drop(child.stdin.take());
        let deadline = Instant::now() + Duration::from_mins(1);
        while !Status::of(pid).expect("its status").is_dead() {
            assert!(Instant::now() < deadline, "it ends at the end of its input");
            while let Ok(Some((thread, ptrace::Happened::Stopped(status)))) = ptrace::next() {
                ptrace::go_on(thread, process::pending_signal(status)).expect("it goes on");
            }
            std::thread::yield_now();
        }
        let stops = Frozen::traced(process, None, &[]).stop();
        assert_eq!(stops.expect_err("there is nothing to stop").kind(), ErrorKind::ProcessDied);
        assert!(child.wait().expect("its status is left").success());
    }

    #[test]
    fn what_stands_still_is_left_to_who_waits_for_it() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts");
        let pid = child.id() as i32;
        process::seize(pid).expect("it can be traced");
        process::interrupt(pid).expect("it can be stopped");
        wait_until("it to stand still", || Status::of(pid).is_ok_and(|status| status.state == 't'));
        ptrace::take_status(pid);
        assert!(matches!(process::poll(pid), Ok(Some(Event::Stopped { pending_signal: 0, .. }))));
        process::detach(pid, 0).expect("it goes on");
        drop(child.stdin.take());
        assert!(child.wait().expect("its status is left").success());
    }

    #[test]
    fn a_thread_that_the_kernel_holds_up_keeps_nobody_from_stopping_the_others_twice() {
        // The thread waits for a child of its own memory, which waits to open a pipe that nobody writes to.
        const PROGRAM: &str = "
import ctypes, os, sys, threading
c = ctypes.CDLL(None)
pipe = sys.argv[1].encode()
os.mkfifo(pipe)
actions = ctypes.create_string_buffer(1024)
c.posix_spawn_file_actions_init(actions)
c.posix_spawn_file_actions_addopen(actions, 9, pipe, os.O_RDONLY, 0)
words = (ctypes.c_char_p * 2)(b'/bin/true', None)
begin = lambda: c.posix_spawn(ctypes.byref(ctypes.c_int()), b'/bin/true', actions, None, words, words)
threading.Thread(target=begin).start()
print(os.getpid(), flush=True)
sys.stdin.read()
";
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let (_, interpreter) = interpreters().pop().expect("an interpreter");
        let mut command = Command::new(&interpreter);
        command.args(["-c", PROGRAM]).arg(&pipe).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = command.spawn().expect("it starts");
        let pid = program.id() as i32;
        let mut line = String::new();
        BufReader::new(program.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let is_held_up = || {
            let mut threads = process::threads(pid).unwrap_or_default().into_iter().filter(|thread| *thread != pid);
            threads.any(|thread| Status::of(thread).is_ok_and(|status| status.state == 'D'))
        };
        wait_until("a thread to be held up", is_held_up);
        // What has not stopped by the end goes on when the thread ends that traces it.
        let tracer = std::thread::spawn(move || {
            let mut frozen = Process::hold(pid).expect("the others stop");
            for _ in 0..3 {
                assert!(frozen.threads().any(|thread| thread == pid), "the main thread stands still");
                frozen.again(Duration::from_millis(1)).expect("they stop again");
            }
        });
        let traced = tracer.join();
        // Whoever opens the pipe lets the child go on.
        std::fs::OpenOptions::new().write(true).open(&pipe).expect("the child opens it");
        wait_until("the thread to go on", || !is_held_up());
        drop(program.stdin.take());
        assert!(program.wait().expect("it ends").success());
        traced.expect("nothing is wrong with the stops");
    }
}
