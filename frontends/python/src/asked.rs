//! A thread of our own that dumps when it is asked: by a signal, or when a time is over.
//!
//! Python runs handlers of signals between two instructions of the main thread, so never while that is in C code or waits for
//! a lock.  Here the handler notes that the signal came and wakes the thread, which knows no Python until there is something to do.
//! Then a second thread asks for the interpreter lock: with it the dump is made as any other.  If it is not to be had in
//! time, the process is split without it, and the dump made as that of a process that dies ([`crate::dying`]).
//! As long as that second thread waits there is no other dump: it is one hang.
//!
//! No descriptor is used, which a program may close: the thread waits for a word of memory.

#![expect(unsafe_code, reason = "handlers of signals and futexes are system calls")]

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io::Write;
use std::mem;
use std::os::unix::thread::JoinHandleExt;
use std::path::PathBuf;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::capture::budget;
use crate::dying::{Ready, Wanted, Why};
use crate::keeping::Limits;
use crate::{Error, fatal, fork, isolation};

/// In front of what is told of a dump for which there is no room by what the keeper was told.
const FULL: char = '\0';
/// How often it is looked whether threads have ended: at first, and at most.
const PAUSES: [Duration; 2] = [Duration::from_micros(20), Duration::from_millis(2)];

/// What the thread waits for: it has another value when there may be something to do.
static WORD: AtomicU32 = AtomicU32::new(0);
/// Whether the signal came.
static CAME: AtomicBool = AtomicBool::new(false);
/// The process whose signals count: a child that is forked has the handler as well, and not the thread.
static PROCESS: AtomicI32 = AtomicI32::new(0);
/// The signal that has our handler; 0 without.
static SIGNAL: AtomicI32 = AtomicI32::new(0);
/// What the thread of this process has to do; null before it is first asked for.
static ASKING: AtomicPtr<Asking> = AtomicPtr::new(ptr::null_mut());
/// What a child that is about to be forked is to do at the signal. Used only with the interpreter lock held, so that a child
/// never finds it locked.
static INHERITED: Mutex<Option<(Answer, String)>> = Mutex::new(None);

thread_local! {
    /// Whether this is a thread that makes a dump.
    static OURS: Cell<bool> = const { Cell::new(false) };
}

/// Who makes a dump, and all that it needs without the interpreter lock.
#[pyclass(frozen, skip_from_py_object, module = "heapsake._heapsake")]
#[derive(Clone)]
pub(crate) struct Answer(Arc<Prepared>);

struct Prepared {
    keep: Py<PyAny>,
    patience: Duration,
    ready: Ready,
    /// Whether it was said that there is no room.
    told_full: AtomicBool,
}

/// What is asked for. Never freed: a child that is forked leaves its parent's as it was, with locks that nobody gives back.
#[derive(Default)]
struct Asking {
    plan: Mutex<Plan>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    hang: Mutex<Option<Hang>>,
}

/// The interpreter lock was not to be had, there is a dump of that, and somebody waits for the lock since then.
struct Hang {
    waiting: JoinHandle<()>,
    claim: Arc<Claim>,
    /// Whether it was said that there is no other dump.
    told: bool,
}

#[derive(Default)]
struct Plan {
    by_signal: Option<(Answer, String)>,
    after: Option<After>,
    /// Whether the thread runs.
    runs: bool,
    /// For how many the thread is to end: the interpreter is about to, or the process is about to fork.
    ended: usize,
}

struct After {
    answer: Answer,
    at: Instant,
    every: Duration,
    repeats: bool,
    reason: String,
}

/// Which of two threads makes the dump, and whether that has ended.
#[derive(Default)]
struct Claim {
    state: Mutex<(bool, bool)>,
    changed: Condvar,
}

impl Claim {
    /// Whether it is the caller's.
    fn take(&self) -> bool {
        let mut state = held(&self.state);
        let free = !state.0;
        state.0 = true;
        self.changed.notify_all();
        free
    }

    fn end(&self) {
        held(&self.state).1 = true;
        self.changed.notify_all();
    }

    /// Waits until somebody has it, or the other has ended, at most for this long.
    fn wait(&self, patience: Duration) {
        let waited = self.changed.wait_timeout_while(held(&self.state), patience, |(taken, ended)| !*taken && !*ended);
        drop(waited);
    }

    /// Whether the other has ended, or does so within this time.
    fn ends(&self, patience: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(held(&self.state), patience, |(_, ended)| !*ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.1
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What makes dumps: `keep` is called with the reason, in a thread that has the interpreter lock; if that is not to be had in
/// `patience` seconds, the rest is used.
#[pyfunction]
#[pyo3(signature = (keep, patience, folder, limits, reducers, redact="names", sources=None, max_bytes=None, max_seconds=None,
                    max_objects=None))]
#[expect(clippy::too_many_arguments, reason = "keywords of a Python function")]
pub(crate) fn answer(
    py: Python<'_>,
    keep: Py<PyAny>,
    patience: f64,
    folder: Option<PathBuf>,
    limits: &Limits,
    reducers: bool,
    redact: &str,
    sources: Option<Vec<PathBuf>>,
    max_bytes: Option<u64>,
    max_seconds: Option<f64>,
    max_objects: Option<u64>,
) -> PyResult<Answer> {
    let budget = budget(max_bytes, max_seconds, max_objects)?;
    let ready = Ready::new(py, Wanted { folder, rules: Arc::clone(&limits.0), redact, sources, budget, reducers })?;
    let told_full = AtomicBool::new(false);
    Ok(Answer(Arc::new(Prepared { keep, patience: time(patience)?, ready, told_full })))
}

fn time(seconds: f64) -> PyResult<Duration> {
    // Times that a clock can be advanced by: thirty years.
    let found = Duration::try_from_secs_f64(seconds).ok().filter(|time| time.as_secs() < 1_000_000_000);
    found.ok_or_else(|| Error::new_err(format!("{seconds} s is no time that can be waited for")))
}

/// Dumps when `signal` comes; without one, or for another, the one before is given back.
#[pyfunction]
#[pyo3(signature = (answer=None, signal=None, reason=None))]
pub(crate) fn ask_by(answer: Option<&Answer>, signal: Option<i32>, reason: Option<String>) -> PyResult<()> {
    let before = SIGNAL.load(Ordering::Acquire);
    let wanted = signal.unwrap_or(0);
    if wanted != before && before != 0 {
        if action(before)?.sa_sigaction == handler_address() {
            // SAFETY: the default needs nothing.
            unsafe { libc::signal(before, libc::SIG_DFL) };
        }
        SIGNAL.store(0, Ordering::Release);
    }
    let Some((answer, signal)) = answer.zip(signal) else {
        if asking_now().is_some() {
            change(|plan| plan.by_signal.take())?;
        }
        return Ok(());
    };
    let current = action(signal)?.sa_sigaction;
    if current != libc::SIG_DFL && current != handler_address() {
        let what = if current == libc::SIG_IGN { "is ignored" } else { "has a handler" };
        let text = format!("signal {signal} {what} in this program, and that is left as it is");
        return Err(Error::new_err(format!("{text}\nhint: choose another signal, or ask before the program does")));
    }
    let reason = reason.unwrap_or_else(|| format!("asked by signal {signal}"));
    change(|plan| plan.by_signal.replace((answer.clone(), reason)))?;
    // SAFETY: a `sigaction` is numbers, and all zero is one.
    let mut new: libc::sigaction = unsafe { std::mem::zeroed() };
    new.sa_sigaction = handler_address();
    // What the program waits for goes on.
    new.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
    // SAFETY: the handler calls only what may be called from one.
    if unsafe { libc::sigaction(signal, &raw const new, ptr::null_mut()) } != 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    SIGNAL.store(signal, Ordering::Release);
    Ok(())
}

/// Dumps when `seconds` have passed, which takes the place of what was asked for so before; without an answer that is all.
#[pyfunction]
#[pyo3(signature = (answer=None, seconds=0.0, repeats=false, reason=None))]
pub(crate) fn ask_after(answer: Option<&Answer>, seconds: f64, repeats: bool, reason: Option<String>) -> PyResult<()> {
    let Some(answer) = answer else {
        if asking_now().is_some() {
            change(|plan| plan.after.take())?;
        }
        return Ok(());
    };
    let every = time(seconds)?;
    let reason = reason.unwrap_or_else(|| format!("after {seconds} s"));
    let after = After { answer: answer.clone(), at: Instant::now() + every, every, repeats, reason };
    change(|plan| plan.after.replace(after))
}

/// In a child that was forked: it has a thread of its own for the signal, and no time that runs.
#[pyfunction]
pub(crate) fn renew_asking() {
    if asking_now().is_none() {
        return;
    }
    ASKING.store(ptr::null_mut(), Ordering::Release);
    CAME.store(false, Ordering::Release);
    let by_signal = held(&INHERITED).take();
    if SIGNAL.load(Ordering::Acquire) != 0 && by_signal.is_some() {
        // Without a thread it is a child that cannot be asked.
        let _ = change(|plan| plan.by_signal = by_signal);
    }
    // The thread that forked it may have been one that makes a dump.
    OURS.set(false);
}

/// Ends the threads, before the interpreter does, which must not find them waiting for its lock, and before the process forks,
/// for Python warns of other threads then. A dump that is being made is waited for, `seconds` at most: it may wait for what the
/// caller holds. Whether they have ended; those that have not go on, and a child has nothing of them.
#[pyfunction]
pub(crate) fn end_asking(py: Python<'_>, seconds: f64) -> PyResult<bool> {
    let patience = time(seconds)?;
    let Some(asking) = asking_now() else { return Ok(true) };
    // One of ours that forks, in a callback, cannot wait for itself.
    let have_ended = OURS.get() || {
        held(&asking.plan).ended += 1;
        wake();
        py.detach(|| {
            let (until, mut pause) = (Instant::now() + patience, PAUSES[0]);
            while some_run(asking) {
                if Instant::now() >= until {
                    return false;
                }
                std::thread::sleep(pause);
                pause = (pause * 2).min(PAUSES[1]);
            }
            true
        })
    };
    let by_signal = held(&asking.plan).by_signal.clone();
    let before = mem::replace(&mut *held(&INHERITED), by_signal);
    drop(before);
    Ok(have_ended)
}

/// Whether some of the threads run; the others are gone then.
fn some_run(asking: &Asking) -> bool {
    let mut threads = held(&asking.threads);
    let (ended, left): (Vec<_>, Vec<_>) = mem::take(&mut *threads).into_iter().partition(JoinHandle::is_finished);
    *threads = left;
    let mut hang = held(&asking.hang);
    let waited = hang.take_if(|hang| hang.waiting.is_finished()).map(|hang| hang.waiting);
    let some_run = !threads.is_empty() || hang.is_some();
    drop((threads, hang));
    for thread in ended.into_iter().chain(waited) {
        let _ = thread.join();
    }
    some_run
}

/// Goes on after a fork, in the parent.
#[pyfunction]
pub(crate) fn resume_asking() {
    extern "C" fn resume(_: *mut c_void) -> c_int {
        if let Some(asking) = asking_now().filter(|_| !OURS.get()) {
            let mut plan = held(&asking.plan);
            plan.ended = plan.ended.saturating_sub(1);
            drop(plan);
            let _ = change(|_| ());
        }
        0
    }
    // SAFETY: a system call without arguments.
    let is_main = unsafe { libc::syscall(libc::SYS_gettid) } == libc::c_long::from(isolation::process());
    // In the main thread, as soon as Python has counted the threads.
    // SAFETY: the interpreter lock is held, and the function is there for ever.
    if asking_now().is_some() && (!is_main || unsafe { pyo3::ffi::Py_AddPendingCall(Some(resume), ptr::null_mut()) } != 0) {
        resume(ptr::null_mut());
    }
}

fn asking_now() -> Option<&'static Asking> {
    let asking = ASKING.load(Ordering::Acquire);
    // SAFETY: what was published is never freed.
    unsafe { asking.as_ref() }
}

/// Changes the plan, and sees to it that the thread runs. With the interpreter lock held.
///
/// What the change gives is dropped without the plan: the end of an object of Python may run anything, and give the lock back.
fn change<T>(to: impl FnOnce(&mut Plan) -> T) -> PyResult<()> {
    let asking = asking_now().unwrap_or_else(|| {
        let new = Box::into_raw(Box::<Asking>::default());
        // Without an interpreter lock two threads may be the first.
        let made = ASKING.compare_exchange(ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire);
        PROCESS.store(isolation::process(), Ordering::Release);
        let kept = made.map_or_else(
            |other| {
                // SAFETY: it was made here, and nobody else has seen it.
                drop(unsafe { Box::from_raw(new) });
                other
            },
            |_| new,
        );
        // SAFETY: what was published is never freed.
        unsafe { &*kept }
    });
    let mut plan = held(&asking.plan);
    let before = to(&mut plan);
    let is_wanted = plan.by_signal.is_some() || plan.after.is_some();
    let started = (!plan.runs && plan.ended == 0 && is_wanted).then(|| start("heapsake", move || serve(asking))).transpose();
    let started = started.map(|thread| {
        plan.runs |= thread.is_some();
        held(&asking.threads).extend(thread);
    });
    drop(plan);
    drop(before);
    wake();
    Ok(started?)
}

/// Starts a thread that no signal of the program comes to.
fn start(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    let before = fork::block_signals();
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    fork::restore_signals(&before);
    started
}

/// The signals that the main thread blocks now; none that it waits for may come to another thread.
fn blocked_by_main() -> Option<libc::sigset_t> {
    let told = std::fs::read_to_string(format!("/proc/self/task/{}/status", isolation::process())).ok()?;
    let bits = told.lines().find_map(|line| line.strip_prefix("SigBlk:"))?;
    let bits = u64::from_str_radix(bits.trim(), 16).ok()?;
    // SAFETY: a signal set is plain bits, and all zero is one.
    let mut blocked: libc::sigset_t = unsafe { std::mem::zeroed() };
    for signal in (1..=64).filter(|signal| bits >> (signal - 1) & 1 != 0) {
        // SAFETY: the set is ours; a number that the C library keeps for itself is refused.
        unsafe { libc::sigaddset(&raw mut blocked, signal) };
    }
    Some(blocked)
}

/// What the thread does.
fn serve(asking: &'static Asking) {
    loop {
        let word = WORD.load(Ordering::Acquire);
        let (due, until) = {
            let mut plan = held(&asking.plan);
            if plan.ended > 0 {
                plan.runs = false;
                return;
            }
            due(&mut plan)
        };
        if let Some((answer, reason)) = due {
            make(asking, &answer.0, &reason);
        } else {
            wait(word, until);
        }
    }
}

/// What is to be made now, or else until when nothing is.
fn due(plan: &mut Plan) -> (Option<(Answer, String)>, Option<Instant>) {
    if CAME.swap(false, Ordering::AcqRel)
        && let Some(by_signal) = &plan.by_signal
    {
        return (Some(by_signal.clone()), None);
    }
    let Some(after) = &mut plan.after else { return (None, None) };
    let now = Instant::now();
    if now < after.at {
        return (None, Some(after.at));
    }
    let found = (after.answer.clone(), after.reason.clone());
    if after.repeats && !after.every.is_zero() {
        after.at = now + after.every;
    } else {
        plan.after = None;
    }
    (Some(found), None)
}

/// Makes a dump, with the interpreter lock if that is to be had.
fn make(asking: &Asking, prepared: &Arc<Prepared>, reason: &str) {
    if !is_over(asking, prepared, reason) {
        return;
    }
    let claim = Arc::new(Claim::default());
    let (theirs, answer, told) = (Arc::clone(&claim), Arc::clone(prepared), reason.to_owned());
    let started = start("heapsake", move || {
        OURS.set(true);
        Python::try_attach(|py| {
            if theirs.take() {
                // What a callback starts has its signals from this thread.
                if let Some(blocked) = blocked_by_main() {
                    fork::restore_signals(&blocked);
                }
                keep(py, &answer.keep, told);
            }
            // Here, where the interpreter lock is held.
            drop(answer);
        });
        theirs.end();
    });
    if let Ok(waiting) = started {
        claim.wait(prepared.patience);
        if claim.take() {
            without_lock(prepared, reason, Some(waiting.as_pthread_t()));
            *held(&asking.hang) = Some(Hang { waiting, claim, told: false });
        } else {
            let _ = waiting.join();
        }
    } else if claim.take() {
        without_lock(prepared, reason, None);
    }
}

/// Whether nobody waits any more for the interpreter lock since the last dump that was made without, or not much longer.
fn is_over(asking: &Asking, prepared: &Prepared, reason: &str) -> bool {
    let Some(mut hang) = held(&asking.hang).take() else { return true };
    if hang.claim.ends(prepared.patience) {
        let _ = hang.waiting.join();
        return true;
    }
    if !mem::replace(&mut hang.told, true) {
        say(prepared, &format!("no other dump of {reason}: the interpreter lock is held since the one before"));
    }
    *held(&asking.hang) = Some(hang);
    false
}

// SAFETY: as `pyo3::ffi` has it, which says of its functions that nothing unwinds through them.
unsafe extern "C-unwind" {
    fn PyObject_CallObject(callable: *mut pyo3::ffi::PyObject, arguments: *mut pyo3::ffi::PyObject) -> *mut pyo3::ffi::PyObject;
}

/// Stays where it is for ever.
struct Stay;

impl Drop for Stay {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}

/// Calls what makes dumps, which says itself what went wrong.
///
/// Up to 3.13 a thread that asks for the interpreter lock when the interpreter has ended is ended by unwinding, which would be the
/// end of the process here: it stays instead, until that ends.
fn keep(py: Python<'_>, callable: &Py<PyAny>, reason: String) {
    let Ok(arguments) = PyTuple::new(py, [reason]) else { return };
    let stay = Stay;
    // SAFETY: the interpreter lock is held, and both are objects.
    let answer = unsafe { PyObject_CallObject(callable.as_ptr(), arguments.as_ptr()) };
    mem::forget(stay);
    // SAFETY: a reference of ours, or none and an error.
    let _ = unsafe { Bound::from_owned_ptr_or_err(py, answer) };
}

/// Splits the process off as it is, and says what became of it. `waiting` is the thread that waits for the interpreter lock.
fn without_lock(prepared: &Arc<Prepared>, reason: &str, waiting: Option<u64>) {
    let pid = isolation::process();
    let work = |reason: String, pause: Duration, mut tell: File| {
        // SAFETY: this process is a copy, in which nobody else uses it, and which ends without dropping what it was made from.
        let ready = unsafe { ptr::read(&raw const prepared.ready) };
        let line = ready.save(Why::Asked(reason, waiting), pid, pause);
        let line =
            line.unwrap_or_else(|refusal| if refusal.is_full { format!("{FULL}{}", refusal.problem) } else { refusal.problem });
        // Nobody is there to be told that nobody listens.
        let _ = tell.write_all(line.as_bytes());
    };
    let line = match fork::split(reason.to_owned(), work) {
        Ok(child) => child.wait().map(|line| String::from_utf8_lossy(&line).into_owned()),
        Err((problem, _)) => Err(problem),
    };
    let line = line.unwrap_or_else(|problem| format!("no dump of {reason}: {problem}"));
    match line.strip_prefix(FULL) {
        Some(line) if !prepared.told_full.swap(true, Ordering::AcqRel) => say(prepared, line),
        Some(_) => {}
        None => say(prepared, &line),
    }
}

fn say(prepared: &Prepared, line: &str) {
    if !prepared.ready.is_quiet() {
        fatal::say(format!("heapsake: {}\n", fatal::in_one_line(line)).as_bytes());
    }
}

extern "C" fn note(_: i32) {
    // SAFETY: the C library's place for the error number of this thread.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: it is always there.
    let error = unsafe { *errno };
    if isolation::process() == PROCESS.load(Ordering::Acquire) {
        CAME.store(true, Ordering::Release);
        wake();
    }
    // SAFETY: as above.
    unsafe { *errno = error };
}

fn handler_address() -> usize {
    note as extern "C" fn(i32) as usize
}

/// What is done at a signal now.
fn action(signal: i32) -> PyResult<libc::sigaction> {
    // SAFETY: a `sigaction` is numbers, and all zero is one.
    let mut current: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: asks only; the kernel writes to a struct of ours.
    let asked = unsafe { libc::sigaction(signal, ptr::null(), &raw mut current) };
    if asked != 0 {
        return Err(Error::new_err(format!("signal {signal} can have no handler: {}", std::io::Error::last_os_error())));
    }
    Ok(current)
}

fn wake() {
    WORD.fetch_add(1, Ordering::AcqRel);
    // SAFETY: the word is a static; one thread at most waits for it.
    unsafe { libc::syscall(libc::SYS_futex, WORD.as_ptr(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1) };
}

/// Waits until the word has another value, or the time has come; sometimes for less.
fn wait(word: u32, until: Option<Instant>) {
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let left = left.map(|left| libc::timespec { tv_sec: left.as_secs() as libc::time_t, tv_nsec: left.subsec_nanos().into() });
    let time = left.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the word is a static, and the time, if there is one, outlives the call.
    unsafe { libc::syscall(libc::SYS_futex, WORD.as_ptr(), libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG, word, time) };
}
