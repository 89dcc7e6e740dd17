//! The handler of the signals that a program dies of, and the stacks that it runs on.
//!
//! In the dying process it allocates nothing, takes no lock and calls nothing of Python: it makes a note of the signal on its
//! stack, splits off a child by `clone`, which has a copy of the memory and a stack of its own, waits for it with a deadline,
//! and puts back what was there before it. A fault then happens again when the handler returns, a signal that was sent is sent
//! again: the program ends as it would have, by the handler that was there before, with its core file, or by the signal.
//! The child allocates from its arena ([`crate::arena`]), writes the dump ([`crate::dying`]) and ends.
//!
//! Signals that the program ignores, or handles itself, stay its own; `faulthandler` is told after us.

#![expect(unsafe_code, reason = "signal handlers, their stacks and clone are system calls")]

use std::cell::{Cell, UnsafeCell};
use std::ffi::c_void;
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};
use std::time::Duration;

use heapsake_core::Address;
use heapsake_cpython::Death;
use pyo3::prelude::*;

use crate::capture::budget;
use crate::dying::{Ready, Wanted, Why};
use crate::keeping::Limits;
use crate::{fork, isolation};

/// The signals. What else ends a program without warning, `heapsake run` sees.
const SIGNALS: [i32; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGABRT];
/// The stack of the child: address space, of which it takes what it needs.
const CHILD_STACK: usize = 8 << 20;
/// The stack of the handler, in a thread whose own may have run out.
const STACK: usize = 64 << 10;
const PAGE: usize = 4096;
/// As many registers are told of.
const REGISTERS: usize = if cfg!(target_arch = "aarch64") { 34 } else { 18 };
/// How often it is looked whether the child has ended.
static LOOK: libc::timespec = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// What the handler finds; null while nothing is installed.
static PREPARED: AtomicPtr<Prepared> = AtomicPtr::new(ptr::null_mut());
/// Where our handler is in place.
static OURS: [AtomicBool; SIGNALS.len()] = [const { AtomicBool::new(false) }; SIGNALS.len()];
/// What was there before it.
static BEFORE: Before = Before(UnsafeCell::new([const { None }; SIGNALS.len()]));
/// The process of which a thread dies by now: a child that it had meanwhile has another number.
static DYING: AtomicI32 = AtomicI32::new(0);

struct Before(UnsafeCell<[Option<libc::sigaction>; SIGNALS.len()]>);

// SAFETY: written with the interpreter lock held, before our handler is in place, and only read by the handler.
unsafe impl Sync for Before {}

/// What is made ready at the installation.
struct Prepared {
    ready: Ready,
    /// The upper end of the child's stack.
    stack: *mut c_void,
    deadline: Duration,
}

/// What the handler notes for the child.
struct Note {
    pid: i32,
    signal: i32,
    code: i32,
    address: Option<u64>,
    sender: Option<i32>,
    thread: i32,
    ident: u64,
    registers: [(&'static str, u64); REGISTERS],
    prepared: *mut Prepared,
    started: libc::timespec,
}

/// Has this process saved when it dies of a signal; gives the signals that are left to handlers of the program's own. `own`
/// are those that have one in Python, `faulthandler` says whether that is at work.
#[pyfunction]
#[pyo3(signature = (folder, limits, seconds, own, faulthandler, reducers, redact="names", sources=None, max_bytes=None, max_seconds=None,
                    max_objects=None))]
#[expect(clippy::too_many_arguments, reason = "keywords of a Python function")]
pub(crate) fn watch_signals(
    py: Python<'_>,
    folder: Option<PathBuf>,
    limits: &Limits,
    seconds: f64,
    own: Vec<i32>,
    faulthandler: bool,
    reducers: bool,
    redact: &str,
    sources: Option<Vec<PathBuf>>,
    max_bytes: Option<u64>,
    max_seconds: Option<f64>,
    max_objects: Option<u64>,
) -> PyResult<Vec<i32>> {
    let deadline = Duration::try_from_secs_f64(seconds)
        .map_err(|_| crate::Error::new_err(format!("signal_seconds is {seconds}; it may be any time from 0 on")))?;
    let budget = budget(max_bytes, max_seconds, max_objects)?;
    let ready = Ready::new(py, Wanted { folder, rules: Arc::clone(&limits.0), redact, sources, budget, reducers })?;
    let known = PREPARED.load(Ordering::Acquire);
    let stack = if known.is_null() {
        map(CHILD_STACK)?
    } else {
        // SAFETY: what was published is never freed.
        unsafe { (*known).stack }
    };
    // A handler may be using what it replaces, so that is left where it is: it is some kilobytes, once a call of `install`.
    PREPARED.store(Box::into_raw(Box::new(Prepared { ready, stack, deadline })), Ordering::Release);
    use_stack()?;
    // A handler that is there is that of `faulthandler`, or it may mend the matter.
    let takes = |at: usize, signal: i32| take(at, signal, faulthandler && !own.contains(&signal));
    Ok(SIGNALS.into_iter().enumerate().filter(|(at, signal)| !takes(*at, *signal)).map(|(_, signal)| signal).collect())
}

/// Puts back what was there before, where nobody has put another handler in the place of ours.
#[pyfunction]
pub(crate) fn forget_signals() {
    for (at, signal) in SIGNALS.into_iter().enumerate() {
        if OURS[at].load(Ordering::Acquire) && action(signal).is_some_and(|action| action.sa_sigaction == handler_address()) {
            put_back(at, signal);
        }
    }
    PREPARED.store(ptr::null_mut(), Ordering::Release);
}

thread_local! {
    /// The stack that this thread was given.
    static GIVEN: Cell<*mut c_void> = const { Cell::new(ptr::null_mut()) };
}

/// Gives this thread a stack for the handler. What the thread does must not run beneath a frame of ours: Python ends threads at
/// its own exit by unwinding, and Rust lets nothing unwind through it.
#[pyfunction]
pub(crate) fn begin_stack() {
    // Without one the thread runs all the same.
    if let Ok(Some(stack)) = use_stack() {
        GIVEN.set(stack);
    }
}

/// Takes it away again; what a thread that does not come here has, ends with the process.
#[pyfunction]
pub(crate) fn end_stack() {
    let stack = GIVEN.replace(ptr::null_mut());
    if !stack.is_null() {
        drop_stack(stack);
    }
}

/// Puts our handler in place; whether it is there.
fn take(at: usize, signal: i32, take_over: bool) -> bool {
    let Some(current) = action(signal) else { return false };
    if current.sa_sigaction == handler_address() {
        return true;
    }
    if current.sa_sigaction == libc::SIG_IGN || (current.sa_sigaction != libc::SIG_DFL && !take_over) {
        return current.sa_sigaction == libc::SIG_IGN;
    }
    let before = BEFORE.0.get();
    // SAFETY: the interpreter lock is held, and our handler, the only reader, is not in place for this signal.
    unsafe { (*before)[at] = Some(current) };
    // SAFETY: a `sigaction` is numbers, and all zero is one.
    let mut new: libc::sigaction = unsafe { std::mem::zeroed() };
    new.sa_sigaction = handler_address();
    new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: the set is ours.
    unsafe { libc::sigfillset(&raw mut new.sa_mask) };
    OURS[at].store(true, Ordering::Release);
    // SAFETY: the handler calls only what may be called from one.
    unsafe { libc::sigaction(signal, &raw const new, ptr::null_mut()) == 0 }
}

fn handler_address() -> usize {
    handle as extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void) as usize
}

/// What is done at a signal now.
fn action(signal: i32) -> Option<libc::sigaction> {
    // SAFETY: a `sigaction` is numbers, and all zero is one.
    let mut current: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: asks only; the kernel writes to a struct of ours.
    let asked = unsafe { libc::sigaction(signal, ptr::null(), &raw mut current) };
    (asked == 0).then_some(current)
}

/// Puts back what was there before our handler; once, as that may lead to ours again.
fn put_back(at: usize, signal: i32) {
    let before = BEFORE.0.get();
    // SAFETY: written before our handler was put in place, and not since.
    let before = unsafe { &(*before)[at] };
    if !OURS[at].swap(false, Ordering::AcqRel) {
        if action(signal).is_some_and(|action| action.sa_sigaction == handler_address()) {
            // SAFETY: the default needs nothing.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    } else if let Some(before) = before {
        // SAFETY: it was in place before.
        unsafe { libc::sigaction(signal, ptr::from_ref(before), ptr::null_mut()) };
    }
}

/// Address space with a page below it that nothing may touch; its upper end.
fn map(length: usize) -> PyResult<*mut c_void> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
    // SAFETY: a new anonymous mapping touches no memory that exists.
    let start = unsafe { libc::mmap(ptr::null_mut(), length + PAGE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(std::io::Error::last_os_error().into());
    }
    // SAFETY: the first page of the mapping that was just made.
    unsafe { libc::mprotect(start, PAGE, libc::PROT_NONE) };
    Ok(start.wrapping_byte_add(length + PAGE))
}

/// Gives this thread a stack for the handler, unless it has one; gives that.
fn use_stack() -> PyResult<Option<*mut c_void>> {
    let mut current = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: 0, ss_size: 0 };
    // SAFETY: asks only; the kernel writes to a struct of ours.
    unsafe { libc::sigaltstack(ptr::null(), &raw mut current) };
    if current.ss_flags & libc::SS_DISABLE == 0 {
        return Ok(None);
    }
    let end = map(STACK)?;
    let stack = libc::stack_t { ss_sp: end.wrapping_byte_sub(STACK), ss_flags: 0, ss_size: STACK };
    // SAFETY: the memory was just mapped, and nothing else uses it.
    unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) };
    Ok(Some(end))
}

/// Takes it away again, if it is still this one.
fn drop_stack(end: *mut c_void) {
    let start = end.wrapping_byte_sub(STACK);
    let mut current = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: 0, ss_size: 0 };
    // SAFETY: asks only; the kernel writes to a struct of ours.
    unsafe { libc::sigaltstack(ptr::null(), &raw mut current) };
    if current.ss_sp == start {
        let none = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
        // SAFETY: the thread has no such stack from now on.
        unsafe { libc::sigaltstack(&raw const none, ptr::null_mut()) };
    }
    // SAFETY: the mapping was made for this stack, which is not used any more; had somebody put another in its place, that one
    // is used.
    unsafe { libc::munmap(start.wrapping_byte_sub(PAGE), STACK + PAGE) };
}

extern "C" fn handle(signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the C library's place for the error number of this thread.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: it is always there.
    let error = unsafe { *errno };
    // SAFETY: a system call without arguments.
    let pid = unsafe { libc::getpid() };
    let prepared = PREPARED.load(Ordering::Acquire);
    if !prepared.is_null() {
        let before = DYING.swap(pid, Ordering::AcqRel);
        if before == pid {
            // Another thread dies, and this one with it.
            wait_for_the_end(prepared);
        } else {
            save(pid, signal, info, context, prepared);
            DYING.store(0, Ordering::Release);
        }
    }
    let at = SIGNALS.iter().position(|known| *known == signal);
    if let Some(at) = at {
        put_back(at, signal);
    }
    // SAFETY: the kernel gives the handler what it knows of the signal.
    if unsafe { (*info).si_code } <= 0 {
        // It was sent, and will not happen again by itself.
        // SAFETY: a system call without arguments.
        let thread = unsafe { libc::syscall(libc::SYS_gettid) };
        // SAFETY: to this thread of this process, with what it got; it is delivered when the handler returns.
        unsafe { libc::syscall(libc::SYS_rt_tgsigqueueinfo, pid, thread, signal, info) };
    }
    // SAFETY: as above.
    unsafe { *errno = error };
}

/// Splits off the child and waits for it.
fn save(pid: i32, signal: i32, info: *mut libc::siginfo_t, context: *mut c_void, prepared: *mut Prepared) {
    // SAFETY: the kernel gives the handler what it knows of the signal.
    let info = unsafe { &*info };
    let code = info.si_code;
    // SAFETY: every byte of it may be read as numbers; which of them count is told by the code.
    let address = unsafe { info.si_addr() } as u64;
    // SAFETY: likewise.
    let sender = unsafe { info.si_pid() };
    // SAFETY: a system call without arguments.
    let thread = unsafe { libc::syscall(libc::SYS_gettid) } as i32;
    // SAFETY: reads a register.
    let ident = unsafe { libc::pthread_self() } as u64;
    let mut note = Note {
        pid,
        signal,
        code,
        address: (code > 0 && code != 0x80 && signal != libc::SIGABRT).then_some(address),
        sender: (code <= 0).then_some(sender),
        thread,
        ident,
        registers: registers(context),
        prepared,
        started: now(),
    };
    // SAFETY: published, and never freed.
    let known = unsafe { &*prepared };
    let (stack, deadline) = (known.stack, known.deadline);
    let say = |line: &[u8]| {
        if !known.ready.is_quiet() {
            self::say(line);
        }
    };
    let argument = (&raw mut note).cast();
    // SAFETY: without flags this is fork without an exit signal. The child has copies of all memory, so also of the note and of
    // its stack, which nothing else uses.
    let child = unsafe { libc::clone(child, stack, 0, argument) };
    if child < 0 {
        say(b"heapsake: no dump of a fatal signal: no process could be split off to write it\n");
        return;
    }
    let started = note.started;
    loop {
        let mut status = 0;
        // SAFETY: the status is ours; `__WCLONE` waits for children without a signal.
        let waited = unsafe { libc::waitpid(child, &raw mut status, libc::__WCLONE | libc::WNOHANG) };
        if waited == child {
            if libc::WIFSIGNALED(status) {
                say(b"heapsake: no dump of a fatal signal: the process that wrote it was ended by a signal; what there is of it is .partial\n");
            }
            return;
        }
        if waited < 0 && std::io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
            return;
        }
        if since(started) > deadline {
            // SAFETY: the child is ours and not waited for yet.
            unsafe { libc::kill(child, libc::SIGKILL) };
            // A process that the kernel cannot end yet is left to it.
            while since(started) < deadline + Duration::from_secs(1) {
                // SAFETY: as above.
                if unsafe { libc::waitpid(child, &raw mut status, libc::__WCLONE | libc::WNOHANG) } != 0 {
                    break;
                }
                // SAFETY: reads a struct of ours.
                unsafe { libc::nanosleep(&raw const LOOK, ptr::null_mut()) };
            }
            say(b"heapsake: no dump of a fatal signal: it took too long; what there is of it is .partial\n");
            return;
        }
        // SAFETY: reads a struct of ours.
        unsafe { libc::nanosleep(&raw const LOOK, ptr::null_mut()) };
    }
}

/// Waits until the process has ended, as long as that may take.
fn wait_for_the_end(prepared: *mut Prepared) {
    // SAFETY: published, and never freed.
    let deadline = unsafe { (*prepared).deadline };
    let started = now();
    while since(started) < deadline + Duration::from_secs(1) && DYING.load(Ordering::Acquire) != 0 {
        // SAFETY: reads a struct of ours.
        unsafe { libc::nanosleep(&raw const LOOK, ptr::null_mut()) };
    }
}

/// Where the child begins, on its own stack.
extern "C" fn child(argument: *mut c_void) -> i32 {
    // What goes wrong here must not come here again.
    isolation::take_default_actions(&SIGNALS);
    isolation::leave_no_core();
    // SAFETY: the note of the handler, on the copy of its stack.
    let note = unsafe { &*argument.cast::<Note>() };
    let pause = since(note.started);
    // SAFETY: this process is a copy, in which nobody else uses it, and which ends without dropping what it was made from.
    let prepared = unsafe { &*note.prepared };
    // SAFETY: likewise; what it was made from is never dropped here.
    let ready = unsafe { ptr::read(&raw const prepared.ready) };
    fork::work_and_leave(|| {
        let death = Death {
            pid: note.pid,
            thread: note.thread,
            signal: note.signal,
            code: note.code,
            address: note.address.map(Address),
            sender: note.sender,
            ident: Some(note.ident),
            registers: note.registers.iter().filter(|(name, _)| !name.is_empty()).copied().collect(),
            place: None,
            before: None,
        };
        let quiet = ready.is_quiet();
        let line = ready.save(Why::Death(death), note.pid, pause).unwrap_or_else(|refusal| refusal.problem);
        if !quiet {
            say(format!("heapsake: {}\n", in_one_line(&line)).as_bytes());
        }
    })
}

/// The registers at the time of the signal, by the names that [`Death`] gives them.
#[cfg(target_arch = "x86_64")]
fn registers(context: *mut c_void) -> [(&'static str, u64); REGISTERS] {
    // SAFETY: the kernel gives the handler the context of the thread.
    let context = unsafe { &*context.cast::<libc::ucontext_t>() };
    let of = |register: i32| context.uc_mcontext.gregs[register as usize] as u64;
    [
        ("rip", of(libc::REG_RIP)),
        ("rsp", of(libc::REG_RSP)),
        ("rbp", of(libc::REG_RBP)),
        ("rax", of(libc::REG_RAX)),
        ("rbx", of(libc::REG_RBX)),
        ("rcx", of(libc::REG_RCX)),
        ("rdx", of(libc::REG_RDX)),
        ("rsi", of(libc::REG_RSI)),
        ("rdi", of(libc::REG_RDI)),
        ("r8", of(libc::REG_R8)),
        ("r9", of(libc::REG_R9)),
        ("r10", of(libc::REG_R10)),
        ("r11", of(libc::REG_R11)),
        ("r12", of(libc::REG_R12)),
        ("r13", of(libc::REG_R13)),
        ("r14", of(libc::REG_R14)),
        ("r15", of(libc::REG_R15)),
        ("eflags", of(libc::REG_EFL)),
    ]
}

/// The registers at the time of the signal, by the names that [`Death`] gives them.
#[cfg(target_arch = "aarch64")]
fn registers(context: *mut c_void) -> [(&'static str, u64); REGISTERS] {
    const NAMES: [&str; REGISTERS] = [
        "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
        "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp", "pc", "pstate",
    ];
    // SAFETY: the kernel gives the handler the context of the thread.
    let context = unsafe { &*context.cast::<libc::ucontext_t>() };
    let machine = &context.uc_mcontext;
    let values = machine.regs.iter().copied().chain([machine.sp, machine.pc, machine.pstate]);
    let mut found = [("", 0); REGISTERS];
    for (slot, told) in found.iter_mut().zip(NAMES.into_iter().zip(values)) {
        *slot = told;
    }
    found
}

/// The registers at the time of the signal: not known here for this processor.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn registers(_: *mut c_void) -> [(&'static str, u64); REGISTERS] {
    [("", 0); REGISTERS]
}

fn now() -> libc::timespec {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes to a struct of ours.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time
}

fn since(started: libc::timespec) -> Duration {
    let nanoseconds = |time: libc::timespec| time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64;
    Duration::from_nanos(nanoseconds(now()).saturating_sub(nanoseconds(started)))
}

/// As every door says what it says.
pub(crate) fn in_one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// Writes to standard error, which may be closed; without a lock, which another thread may have had when the process was forked.
pub(crate) fn say(line: &[u8]) {
    // SAFETY: reads the line, which is borrowed.
    unsafe { libc::write(2, line.as_ptr().cast(), line.len()) };
}
