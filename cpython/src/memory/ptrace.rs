//! The calls of a tracer that stays: what a traced thread gets, has done and is told.
//!
//! Numbers only: nothing of the target's memory is followed, and nothing is written to it. All of them are for the thread
//! that traces. [`process`](super::process) has those of a tracer that looks once.
#![expect(unsafe_code, reason = "ptrace and waitid")]

use std::io;

use heapsake_core::Address;

/// What a thread of ours is told by the kernel about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Happened {
    /// It stands still; the status as `waitpid` gives it.
    Stopped(i32),
    /// It has ended, and its status was not taken.
    Ended,
}

/// A signal that a thread is about to get.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Signal {
    pub(super) number: i32,
    pub(super) code: i32,
    pub(super) address: Option<Address>,
    pub(super) sender: Option<i32>,
}

/// Begins to trace `thread` without stopping it: new threads of its process are traced from their start, and a program that
/// takes its place is told.
pub(super) fn seize(thread: i32) -> io::Result<()> {
    let options = libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_TRACEEXEC;
    // SAFETY: takes numbers only; it changes nothing in this process's memory.
    let result = unsafe { libc::ptrace(libc::PTRACE_SEIZE, thread, 0usize, options as usize) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Lets a stopped `thread` go on, still traced, with `signal` if it was about to receive one.
pub(super) fn go_on(thread: i32, signal: i32) -> io::Result<()> {
    // SAFETY: takes numbers only; it changes nothing in this process's memory.
    let result = unsafe { libc::ptrace(libc::PTRACE_CONT, thread, 0usize, signal as usize) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Leaves a thread of a stopped job stopped, until the job goes on.
pub(super) fn listen(thread: i32) -> io::Result<()> {
    // SAFETY: takes numbers only; it changes nothing in this process's memory.
    let result = unsafe { libc::ptrace(libc::PTRACE_LISTEN, thread, 0usize, 0usize) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The signal that a stopped thread is about to get.
pub(super) fn signal(thread: i32) -> io::Result<Signal> {
    // SAFETY: all-zero bytes are a valid `siginfo_t`, which is a plain C struct of numbers.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: `info` is a `siginfo_t` that outlives the call.
    let result = unsafe { libc::ptrace(libc::PTRACE_GETSIGINFO, thread, 0usize, &raw mut info) };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: every byte of a `siginfo_t` may be read as numbers; which of them count is told by the code.
    let address = unsafe { info.si_addr() };
    // SAFETY: likewise.
    let sender = unsafe { info.si_pid() };
    let (number, code) = (info.si_signo, info.si_code);
    Ok(Signal {
        number,
        code,
        address: says_where(number, code).then_some(Address(address as u64)),
        sender: (code <= 0 && code != -4).then_some(sender),
    })
}

/// Whether the kernel says with such a signal which address was at fault. For an address that no pointer can have
/// (`SI_KERNEL`) it does not.
pub(super) fn says_where(signal: i32, code: i32) -> bool {
    code > 0 && code != 0x80 && [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP].contains(&signal)
}

/// The registers of a stopped thread, by name.
#[cfg(target_arch = "x86_64")]
pub(super) fn registers(thread: i32) -> Vec<(&'static str, u64)> {
    // SAFETY: all-zero bytes are a valid `user_regs_struct`, which is a plain C struct of numbers.
    let mut found: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    // SAFETY: `found` is a `user_regs_struct` that outlives the call.
    let result = unsafe { libc::ptrace(libc::PTRACE_GETREGS, thread, 0usize, &raw mut found) };
    if result == -1 {
        return Vec::new();
    }
    vec![
        ("rip", found.rip),
        ("rsp", found.rsp),
        ("rbp", found.rbp),
        ("rax", found.rax),
        ("rbx", found.rbx),
        ("rcx", found.rcx),
        ("rdx", found.rdx),
        ("rsi", found.rsi),
        ("rdi", found.rdi),
        ("r8", found.r8),
        ("r9", found.r9),
        ("r10", found.r10),
        ("r11", found.r11),
        ("r12", found.r12),
        ("r13", found.r13),
        ("r14", found.r14),
        ("r15", found.r15),
        ("eflags", found.eflags),
        ("fs_base", found.fs_base),
    ]
}

/// The registers of a stopped thread, by name.
#[cfg(target_arch = "aarch64")]
pub(super) fn registers(thread: i32) -> Vec<(&'static str, u64)> {
    let found = super::process::register_set::<34>(thread, 1);
    found.map_or_else(|_| Vec::new(), |found| crate::machine::Machine::Aarch64.told().iter().copied().zip(found).collect())
}

/// The registers of a stopped thread: not known here for this processor.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn registers(_: i32) -> Vec<(&'static str, u64)> {
    Vec::new()
}

/// The next thing that a thread traced by this one has done, which is not awaited. Of one that has ended the status stays.
pub(super) fn next() -> io::Result<Option<(i32, Happened)>> {
    let options = libc::WEXITED | libc::WSTOPPED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL | libc::__WNOTHREAD;
    // SAFETY: all-zero bytes are a valid `siginfo_t`, which is a plain C struct of numbers.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: `info` is a `siginfo_t` that outlives the call.
    let result = unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) };
    if result == -1 {
        let error = io::Error::last_os_error();
        return if error.raw_os_error() == Some(libc::ECHILD) { Ok(None) } else { Err(error) };
    }
    // SAFETY: of a child that did something this is its number, and zero when none did.
    let thread = unsafe { info.si_pid() };
    if thread == 0 {
        return Ok(None);
    }
    if [libc::CLD_EXITED, libc::CLD_KILLED, libc::CLD_DUMPED].contains(&info.si_code) {
        return Ok(Some((thread, Happened::Ended)));
    }
    let mut status = 0;
    // SAFETY: `status` is an `int` that outlives the call.
    let result = unsafe { libc::waitpid(thread, &raw mut status, libc::WNOHANG | libc::__WALL | libc::__WNOTHREAD) };
    // One that was killed meanwhile comes again, as ended.
    Ok((result == thread && libc::WIFSTOPPED(status)).then_some((thread, Happened::Stopped(status))))
}

/// Takes the status of a thread that has ended and is traced by any of ours: what waits for it besides is told now. Where it stands
/// still instead, that is left for who waits for it: the kernel tells of the stops of what is traced whatever it is asked for.
pub(super) fn take_status(thread: i32) {
    let ask = |options: i32| {
        // SAFETY: all-zero bytes are a valid `siginfo_t`, which is a plain C struct of numbers.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let options = libc::WEXITED | libc::WNOHANG | libc::__WALL | options;
        // SAFETY: `info` is a `siginfo_t` that outlives the call.
        let result = unsafe { libc::waitid(libc::P_PID, thread as libc::id_t, &raw mut info, options) };
        (result == 0).then_some(info.si_code)
    };
    // Nothing follows on an end.
    if ask(libc::WNOWAIT).is_some_and(|code| [libc::CLD_EXITED, libc::CLD_KILLED, libc::CLD_DUMPED].contains(&code)) {
        ask(0);
    }
}
