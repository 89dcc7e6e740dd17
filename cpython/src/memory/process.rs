//! Another process: who it is, whether it may be read, and the handful of kernel calls that stop and read it.
//!
//! Everything here is a call into the kernel with the target's numbers; no address of the target is followed, and nothing
//! is ever written to it. [`freeze`](super::freeze) builds on these calls, [`snapshot`](super::snapshot) on its result.
//! Tracing belongs to the thread that began it: when that thread ends, for whatever reason, the kernel lets the target go.
#![expect(unsafe_code, reason = "ptrace, waitid, process_vm_readv and PAGEMAP_SCAN")]

use super::maps::{self, Mapping};
use super::{Memory, PAGE, PageHead, Unreadable};
use crate::error::{Error, ErrorKind, Result};
use crate::machine::{MOST_GENERAL, Machine, ThreadPointer};
use heapsake_core::{Address, Span};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::atomic::{AtomicBool, Ordering};

/// A process that exists, belongs to somebody else, and has memory of its own.
///
/// As a [`Memory`] it is read through the kernel, a call per read, whether it runs or not: right for a look at a few words.
#[derive(Debug)]
pub struct Process {
    pid: i32,
    /// A thread whose memory can be read: the first one, unless that has ended before the others.
    reader: i32,
    /// `/proc/PID/mem`, for kernels and containers that refuse `process_vm_readv`.
    file: Option<File>,
    through_file: AtomicBool,
}

impl Process {
    /// The process `pid`, after checks that tell apart why it might not be readable.
    pub fn open(pid: i32) -> Result<Process> {
        let status = Status::of(pid)?;
        if pid.unsigned_abs() == std::process::id() {
            return Err(Error::new(ErrorKind::OwnProcess, format!("process {pid} is this process"))
                .hint("a process dumps itself with heapsake.dump(), or is dumped by another one"));
        }
        if status.is_kernel_thread {
            return Err(Error::new(
                ErrorKind::KernelThread,
                format!("process {pid} ({}) is a thread of the kernel and has no memory of its own", status.name),
            ));
        }
        if status.thread_group != pid {
            return Err(Error::new(ErrorKind::NoSuchProcess, format!("{pid} is a thread of process {}", status.thread_group))
                .hint(format!("dump process {}", status.thread_group)));
        }
        let mut reader = pid;
        if status.is_dead() {
            let living = threads(pid)
                .into_iter()
                .flatten()
                .find(|&thread| thread != pid && Status::of(thread).is_ok_and(|status| !status.is_dead()));
            reader = living.ok_or_else(|| {
                Error::new(ErrorKind::Zombie, format!("process {pid} ({}) has ended; only its exit status is left", status.name))
                    .hint(format!("its parent, process {}, has not collected it", status.parent))
            })?;
        }
        let file = File::open(format!("/proc/{reader}/mem")).ok();
        Ok(Process { pid, reader, file, through_file: AtomicBool::new(false) })
    }

    /// This process itself, which cannot be stopped and goes on changing.
    pub(super) fn own() -> Process {
        let file = File::open("/proc/self/mem").ok();
        let pid = std::process::id() as i32;
        Process { pid, reader: pid, file, through_file: AtomicBool::new(false) }
    }

    /// The process identifier.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The thread in whose `/proc` folder the memory is described.
    pub(super) fn reader(&self) -> i32 {
        self.reader
    }

    /// Its mappings as they are now.
    pub fn mappings(&self) -> Result<Vec<Mapping>> {
        maps::of_process(self.reader).map_err(|error| self.explain(&error, "the memory map cannot be read"))
    }

    /// Reads as much as is readable from `address` on; fewer bytes than asked for mean that the next page is not.
    pub(super) fn read(&self, address: Address, into: &mut [u8]) -> io::Result<usize> {
        if !self.through_file.load(Ordering::Relaxed) {
            match read_memory(self.reader, address, into) {
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) && self.file.is_some() => {
                    self.through_file.store(true, Ordering::Relaxed);
                }
                Err(error) if error.raw_os_error() == Some(libc::EFAULT) => return Ok(0),
                result => return result,
            }
        }
        let file = self.file.as_ref().ok_or(io::ErrorKind::PermissionDenied)?;
        match file.read_at(into, address.0) {
            Err(error) if error.raw_os_error() == Some(libc::EIO) => Ok(0),
            result => result,
        }
    }

    /// What it means that this process cannot be traced: something else may trace it, or what [`Process::explain`] says.
    pub(super) fn explain_tracing(&self, error: &io::Error, what: &str) -> Error {
        match (error.raw_os_error(), Status::of(self.pid)) {
            (Some(libc::EPERM | libc::EACCES), Ok(status)) if status.tracer != 0 => already_traced(self.pid, status.tracer),
            _ => self.explain(error, what),
        }
    }

    /// What a failed operation on this process means: it may have died, or be out of reach.
    pub(super) fn explain(&self, error: &io::Error, what: &str) -> Error {
        let pid = self.pid;
        let status = Status::of(pid);
        let gone = match &status {
            Ok(status) => status.is_dead() && self.reader == pid,
            Err(unread) => unread.kind() == ErrorKind::NoSuchProcess,
        };
        if gone || matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ENOENT)) {
            return Error::new(ErrorKind::ProcessDied, format!("process {pid} ended before it was read"));
        }
        match (error.raw_os_error(), status) {
            (Some(libc::EPERM | libc::EACCES), Ok(status)) => status.not_permitted(pid),
            (_, status) => {
                let name = status.map_or_else(|_| "?".into(), |status| status.name);
                Error::new(ErrorKind::System, format!("process {pid} ({name}): {what}: {error}"))
            }
        }
    }
}

impl Memory for Process {
    fn read_at(&self, address: Address, into: &mut [u8]) -> std::result::Result<(), Unreadable> {
        match self.read(address, into) {
            Ok(length) if length == into.len() => Ok(()),
            _ => Err(Unreadable::new(address, into.len())),
        }
    }
}

/// A thread of the kernel, in the flags of `stat`.
const PF_KTHREAD: u64 = 0x0020_0000;

/// What `/proc/PID/status` and `/proc/PID/stat` say.
#[derive(Debug)]
pub(super) struct Status {
    pub(super) name: String,
    pub(super) state: char,
    thread_group: i32,
    parent: i32,
    tracer: i32,
    user: u32,
    is_kernel_thread: bool,
}

impl Status {
    pub(super) fn of(pid: i32) -> Result<Status> {
        let missing = || {
            Error::new(ErrorKind::NoSuchProcess, format!("there is no process {pid}"))
                .hint("it may have ended, or live in another container: `ps -ef` lists the processes that can be seen here")
        };
        if pid <= 0 {
            return Err(missing());
        }
        let unread = |error: io::Error| match error.raw_os_error() {
            Some(libc::ENOENT | libc::ESRCH) => missing(),
            _ => Error::new(ErrorKind::System, format!("process {pid}: its state in /proc cannot be read: {error}")),
        };
        let status = fs::read(format!("/proc/{pid}/status")).map_err(unread)?;
        let status = String::from_utf8_lossy(&status);
        let field =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default().trim();
        let number = |name: &str| field(name).split_whitespace().next().and_then(|word| word.parse::<i32>().ok());
        let stat = stat(&format!("/proc/{pid}/stat")).map_err(unread)?;
        let flags = stat.split_whitespace().nth(6).and_then(|flags| flags.parse::<u64>().ok());
        Ok(Status {
            name: field("Name").to_owned(),
            state: field("State").chars().next().unwrap_or('?'),
            thread_group: number("Tgid").unwrap_or(pid),
            parent: number("PPid").unwrap_or(0),
            tracer: number("TracerPid").unwrap_or(0),
            user: number("Uid").map_or(0, |user| user as u32),
            is_kernel_thread: flags.is_some_and(|flags| flags & PF_KTHREAD != 0),
        })
    }

    /// Whether it has ended and only waits to be collected.
    pub(super) fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }

    fn not_permitted(&self, pid: i32) -> Error {
        let own = fs::metadata("/proc/self").map_or(0, |metadata| metadata.uid());
        let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok();
        let scope = scope.as_deref().map_or("absent", str::trim);
        // What made itself undumpable has files of root's there.
        let owner = fs::metadata(format!("/proc/{pid}/status")).map_or(self.user, |metadata| metadata.uid());
        let is_closed = owner != self.user;
        let closed = if is_closed { ", it made itself undumpable or runs as another user than began it" } else { "" };
        let message = format!(
            "process {pid} ({}) may not be read: it belongs to uid {}, this is uid {own}, \
             /proc/sys/kernel/yama/ptrace_scope is {scope}{closed}",
            self.name, self.user
        );
        let hint = if is_closed {
            "run with CAP_SYS_PTRACE (sudo; in a container --cap-add=SYS_PTRACE)".into()
        } else if self.user != own && own != 0 {
            format!("run as uid {} or with CAP_SYS_PTRACE (sudo; in a container --cap-add=SYS_PTRACE)", self.user)
        } else if matches!(scope, "1" | "2" | "3") {
            "run with CAP_SYS_PTRACE (sudo; in a container --cap-add=SYS_PTRACE), or allow it by \
             `echo 0 > /proc/sys/kernel/yama/ptrace_scope`"
                .into()
        } else {
            "CAP_SYS_PTRACE is needed, and a seccomp profile must allow ptrace (in a container --cap-add=SYS_PTRACE)".into()
        };
        Error::new(ErrorKind::NotPermitted, message).hint(hint)
    }
}

fn already_traced(pid: i32, thread: i32) -> Error {
    let tracer = Status::of(thread).ok();
    let (process, thread_name) = tracer.map_or((thread, String::new()), |tracer| (tracer.thread_group, tracer.name));
    let name = Status::of(process).map_or_else(|_| thread_name.clone(), |status| status.name);
    let is_supervisor = thread_name == "heapsake" && process != thread;
    let message = format!("process {pid} is traced by process {process} ({name}) already");
    Error::new(ErrorKind::AlreadyTraced, message).hint(if OURS.contains(&thread_name.as_str()) {
        "that is another heapsake, which reads it: try again when it has ended"
    } else if is_supervisor {
        "that is the `heapsake run` which started it, and which lets go of it only for its own user or root, and when it can be \
         reached; with `heapsake run --untraced` anybody may trace the program"
    } else {
        "a process has one tracer at a time: end the debugger, strace or profiler first, or have it copied while it goes on, \
         with --no-freeze"
    })
}

/// The names of the threads that stop a process: one to copy it, one to read it where it is.
pub(super) const FREEZER: &str = "freezer";
pub(super) const HOLDER: &str = "holder";
const OURS: [&str; 2] = [FREEZER, HOLDER];

/// Whether another heapsake is reading the process of `thread`.
pub(super) fn is_being_read(thread: i32) -> bool {
    let tracer = Status::of(thread).map_or(0, |status| status.tracer);
    tracer != 0 && Status::of(tracer).is_ok_and(|status| OURS.contains(&status.name.as_str()))
}

/// The process that traces process `pid`, if one does.
pub fn tracer(pid: i32) -> Option<i32> {
    let thread = Status::of(pid).ok()?.tracer;
    (thread != 0).then(|| Status::of(thread).map_or(thread, |tracer| tracer.thread_group))
}

/// What a `stat` file says after the name: the state, the parent and so on.
fn stat(path: &str) -> io::Result<String> {
    let stat = fs::read(path)?;
    // The name stands in parentheses and may hold any character, so fields are counted from the last one.
    let fields = stat.rsplit(|&byte| byte == b')').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(fields).trim_start().to_owned())
}

/// Whether thread `thread` of process `pid`, by the kernel's numbers, has not ended. One that waits to be collected has.
pub fn is_alive(pid: i32, thread: u64) -> bool {
    stat(&format!("/proc/{pid}/task/{thread}/stat")).is_ok_and(|fields| !fields.starts_with(['Z', 'X', 'x']))
}

/// The threads of process `pid`, by identifier.
pub(super) fn threads(pid: i32) -> io::Result<Vec<i32>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        if let Some(thread) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) {
            threads.push(thread);
        }
    }
    Ok(threads)
}

/// What a traced thread did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Event {
    /// It stands still. A signal that it was about to receive must be given to it when it is let go; 0 is none.
    Stopped {
        pending_signal: i32,
        /// As `waitpid` gives it.
        status: i32,
    },
    /// It has ended.
    Ended,
}

/// Where a thread is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Registers {
    /// What it runs on.
    pub machine: Machine,
    /// The kernel's number of the thread.
    pub thread: i32,
    /// The instruction that it executes next.
    pub instruction: Address,
    /// The top of its stack.
    pub stack: Address,
    /// What its thread-local storage is found by.
    pub thread_pointer: ThreadPointer,
    /// The general registers by their numbers in debug information, as many as the machine has: `rax rdx rcx rbx rsi rdi rbp rsp
    /// r8 … r15`, or `x0 … x30 sp`.
    pub general: [u64; MOST_GENERAL],
}

/// The registers of a traced thread that stands still.
#[cfg(target_arch = "x86_64")]
pub(super) fn registers(thread: i32) -> io::Result<Registers> {
    // SAFETY: all-zero bytes are a valid `user_regs_struct`, which is a plain C struct of numbers.
    let mut all: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    // SAFETY: `all` is a `user_regs_struct` that outlives the call.
    let result = unsafe { libc::ptrace(libc::PTRACE_GETREGS, thread, 0usize, &raw mut all) };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    let mut general = [0; MOST_GENERAL];
    let told = [
        all.rax, all.rdx, all.rcx, all.rbx, all.rsi, all.rdi, all.rbp, all.rsp, all.r8, all.r9, all.r10, all.r11, all.r12,
        all.r13, all.r14, all.r15,
    ];
    for (slot, value) in general.iter_mut().zip(told) {
        *slot = value;
    }
    let (instruction, stack) = (Address(all.rip), Address(all.rsp));
    let (machine, thread_pointer) = (Machine::X86_64, ThreadPointer::new(Machine::X86_64, all.fs_base));
    Ok(Registers { machine, thread, instruction, stack, thread_pointer, general })
}

/// The registers of a traced thread that stands still.
#[cfg(target_arch = "aarch64")]
pub(super) fn registers(thread: i32) -> io::Result<Registers> {
    let machine = Machine::Aarch64;
    let all = register_set::<34>(thread, 1)?;
    let [pointer] = register_set::<1>(thread, 0x401)?;
    let mut general = [0; MOST_GENERAL];
    for (slot, value) in general.iter_mut().zip(all) {
        *slot = value;
    }
    let (instruction, stack) = (Address(all[32]), Address(all[31]));
    Ok(Registers { machine, thread, instruction, stack, thread_pointer: ThreadPointer::new(machine, pointer), general })
}

/// Registers of a traced thread that stands still: of `NT_PRSTATUS` (1), or `NT_ARM_TLS` (0x401).
#[cfg(target_arch = "aarch64")]
pub(super) fn register_set<const COUNT: usize>(thread: i32, set: usize) -> io::Result<[u64; COUNT]> {
    let mut found = [0_u64; COUNT];
    let mut place = libc::iovec { iov_base: found.as_mut_ptr().cast(), iov_len: size_of_val(&found) };
    // SAFETY: the kernel writes at most `iov_len` bytes to `found`, which outlives the call.
    let result = unsafe { libc::ptrace(libc::PTRACE_GETREGSET, thread, set, &raw mut place) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(found) }
}

/// The registers of a traced thread that stands still: not known here for this processor.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn registers(_: i32) -> io::Result<Registers> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Begins to trace `thread` without stopping it.
pub(super) fn seize(thread: i32) -> io::Result<()> {
    // SAFETY: takes numbers only; it changes nothing in this process's memory.
    let result = unsafe { libc::ptrace(libc::PTRACE_SEIZE, thread, 0usize, 0usize) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Asks a traced `thread` to stop where it is.
pub(super) fn interrupt(thread: i32) -> io::Result<()> {
    // SAFETY: takes numbers only; it changes nothing in this process's memory.
    let result = unsafe { libc::ptrace(libc::PTRACE_INTERRUPT, thread, 0usize, 0usize) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Lets a stopped `thread` go on, with `signal` if it was about to receive one.
pub(super) fn detach(thread: i32, signal: i32) -> io::Result<()> {
    // SAFETY: takes numbers only; it changes nothing in this process's memory.
    let result = unsafe { libc::ptrace(libc::PTRACE_DETACH, thread, 0usize, signal as usize) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// What a traced `thread` has done since, if anything. The exit status of one that has ended is left for its parent.
pub(super) fn poll(thread: i32) -> io::Result<Option<Event>> {
    let options = libc::WEXITED | libc::WSTOPPED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL;
    // SAFETY: all-zero bytes are a valid `siginfo_t`, which is a plain C struct of numbers.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: `info` is a `siginfo_t` that outlives the call.
    let result = unsafe { libc::waitid(libc::P_PID, thread as libc::id_t, &raw mut info, options) };
    if result == -1 {
        let error = io::Error::last_os_error();
        // A thread that is not the first of its process vanishes without a status.
        return if error.raw_os_error() == Some(libc::ECHILD) { Ok(Some(Event::Ended)) } else { Err(error) };
    }
    match info.si_code {
        0 => Ok(None),
        libc::CLD_EXITED | libc::CLD_KILLED | libc::CLD_DUMPED => Ok(Some(Event::Ended)),
        _ => {
            let mut status = 0;
            // SAFETY: `status` is an `int` that outlives the call.
            let result = unsafe { libc::waitpid(thread, &raw mut status, libc::WNOHANG | libc::__WALL) };
            if result != thread || !libc::WIFSTOPPED(status) {
                return Ok(None);
            }
            Ok(Some(Event::Stopped { pending_signal: pending_signal(status), status }))
        }
    }
}

/// The signal that a stopped thread was about to receive, by the status of its stop.
///
/// An event stop is the answer to the interruption or a group stop, which detaching leaves as it is, or tells of a new thread.
/// Any other stop is the delivery of a signal, which this process now holds in its hands.
pub(super) fn pending_signal(status: i32) -> i32 {
    if status >> 16 == 0 { libc::WSTOPSIG(status) } else { 0 }
}

/// The signals that a thread's process has handlers for, and those that it ignores, a bit each.
pub(super) fn dispositions(thread: i32) -> Option<(u64, u64)> {
    // A name may be cut inside of a character.
    let status = String::from_utf8_lossy(&fs::read(format!("/proc/{thread}/status")).ok()?).into_owned();
    let mask = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        u64::from_str_radix(line.trim(), 16).ok()
    };
    Some((mask("SigCgt")?, mask("SigIgn")?))
}

/// A run of pages as the kernel tells it: `struct page_region`, start, end and categories.
pub(super) type PageRun = [u64; 3];

/// Which pages to look for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PageKinds {
    /// All that are present or swapped.
    Populated,
    /// Of these, those that are the process's own: no file's, no other's, and not the kernel's page of zeros.
    Own,
}

/// Looks in `span` for pages until `runs` is full: how many runs there are, and where the search ended. Of Linux 6.7; unlike
/// reading the page map it takes no time for what was never touched.
pub(super) fn populated_runs(pagemap: &File, span: Span, kinds: PageKinds, runs: &mut [PageRun]) -> io::Result<(usize, Address)> {
    /// `_IOWR('f', 16, struct pm_scan_arg)`.
    const PAGEMAP_SCAN: libc::Ioctl = 0xc060_6610;
    /// `PAGE_IS_PRESENT | PAGE_IS_SWAPPED`.
    const POPULATED: u64 = 1 << 3 | 1 << 4;
    /// `PAGE_IS_FILE | PAGE_IS_PFNZERO`.
    const OTHERS: u64 = 1 << 2 | 1 << 5;
    let without = if kinds == PageKinds::Own { OTHERS } else { 0 };
    let place = runs.as_mut_ptr().expose_provenance() as u64;
    // `struct pm_scan_arg`: size, flags, start, end, where the walk ended, vector and its length, most pages, inverted
    // categories, all of which must be, one of which must be, those to tell.
    let mut request = [96, 0, span.start.0, span.end.0, 0, place, runs.len() as u64, 0, without, without, POPULATED, POPULATED];
    // SAFETY: the kernel reads and writes the 96 bytes of `request`, and writes at most `runs.len()` runs to `runs`, which is
    // borrowed mutably.
    let count = unsafe { libc::ioctl(pagemap.as_raw_fd(), PAGEMAP_SCAN, &raw mut request) };
    if count < 0 { Err(io::Error::last_os_error()) } else { Ok((count as usize, Address(request[4]))) }
}

/// Reads the beginnings of the pages of this process from `first` on; gives of how many, before one that is not readable.
pub(super) fn page_heads(first: Address, into: &mut [PageHead]) -> io::Result<usize> {
    let starts = (first.0..).step_by(PAGE as usize);
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: size_of_val(into) };
    let remote =
        |start: u64| libc::iovec { iov_base: std::ptr::without_provenance_mut(start as usize), iov_len: size_of::<PageHead>() };
    let remote: Vec<libc::iovec> = starts.take(into.len()).map(remote).collect();
    let own = std::process::id() as i32;
    // SAFETY: the kernel writes at most the bytes of `into`, which is borrowed mutably; the others are numbers to it, in an array of
    // the length that it is told.
    let length = unsafe { libc::process_vm_readv(own, &raw const local, 1, remote.as_ptr(), remote.len() as u64, 0) };
    match usize::try_from(length) {
        Ok(length) => Ok(length / size_of::<PageHead>()),
        Err(_) => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::EFAULT) => Ok(0),
            error => Err(error),
        },
    }
}

/// Reads from `address` of process `pid` until `into` is full or a page is not readable.
fn read_memory(pid: i32, address: Address, into: &mut [u8]) -> io::Result<usize> {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: std::ptr::without_provenance_mut(address.0 as usize), iov_len: into.len() };
    // SAFETY: the kernel writes at most `into.len()` bytes to `into`, which is borrowed mutably; `remote` is a number to it.
    let length = unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) };
    if length < 0 { Err(io::Error::last_os_error()) } else { Ok(length as usize) }
}
