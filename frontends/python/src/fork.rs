//! The split: a child that has the program's memory as it is at this moment, and works while the program goes on: it writes a
//! dump, and may split off further ones that run reducers written in Python ([`crate::annotate`]).
//!
//! The child is made by `clone` without an exit signal, so no SIGCHLD handler fires and no `waitpid(-1)` of the program
//! reaps it; no fork hooks run. It has one thread, blocks every signal, allocates from its own arena
//! ([`crate::arena`]), and ends by `_exit`. The caller must hold the interpreter lock while splitting.

#![expect(unsafe_code, reason = "clone, waitpid and pipes are system calls")]

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use heapsake_plugins::{Process, Spawner, Worker};

use crate::{arena, isolation};

/// How often orphans are looked for; each round that finds one that lives takes a millisecond.
const ORPHAN_ROUNDS: usize = 1000;

/// A child that is at work.
#[derive(Debug)]
pub(crate) struct Child {
    pid: libc::pid_t,
    answer: File,
}

/// What was heard of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Bytes came.
    Bytes,
    /// It has closed its end, which it does by ending.
    End,
    /// Nothing came in time.
    Silence,
}

/// Splits off a child that runs `work` on `job`, given how long the split took and where to write what it answers.
///
/// # Errors
/// When there is no descriptor for a pipe, or the kernel makes no process; the job comes back.
pub(crate) fn split<J>(job: J, work: impl FnOnce(J, Duration, File)) -> Result<Child, (io::Error, J)> {
    let (answer, tell) = match pipe() {
        Ok(ends) => ends,
        Err(problem) => return Err((problem, job)),
    };
    let started = Instant::now();
    let before = block_signals();
    // SAFETY: with no flags and no stack this is fork without an exit signal; the child returns here with a copy of this
    // stack and must not return to the caller, which it does not.
    let pid = unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) };
    if pid == 0 {
        // The child comes back from the call a moment after the program does.
        let pause = started.elapsed();
        child(|tell| work(job, pause, tell), tell);
    }
    let problem = io::Error::last_os_error();
    restore_signals(&before);
    if pid < 0 {
        return Err((problem, job));
    }
    Ok(Child { pid: pid as libc::pid_t, answer })
}

impl Child {
    /// Waits until the child has answered and ended.
    ///
    /// # Errors
    /// When it ended without an answer; says how.
    pub(crate) fn wait(mut self) -> io::Result<Vec<u8>> {
        let mut answer = Vec::new();
        let read = self.answer.read_to_end(&mut answer);
        let how = self.reap();
        read?;
        if !answer.is_empty() {
            return Ok(answer);
        }
        let pid = std::process::id();
        Err(io::Error::other(format!(
            "the process that writes the dump ended with {how}\n\
             hint: where memory or address space is scarce, `heapsake dump {pid}`, given by another process, needs none of this one's"
        )))
    }

    /// Waits until the child says something, ends, or `until` has come.
    ///
    /// # Errors
    /// What the pipe says.
    pub(crate) fn hear(&mut self, until: Instant, into: &mut Vec<u8>) -> io::Result<Heard> {
        let left = until.saturating_duration_since(Instant::now());
        let mut waiting = libc::pollfd { fd: self.answer.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let milliseconds = left.as_millis().min(60_000) as i32 + 1;
        // SAFETY: one descriptor, which is ours and open.
        let ready = unsafe { libc::poll(&raw mut waiting, 1, milliseconds) };
        if ready < 0 {
            let problem = io::Error::last_os_error();
            return if problem.kind() == io::ErrorKind::Interrupted { Ok(Heard::Bytes) } else { Err(problem) };
        }
        if ready == 0 {
            return Ok(if Instant::now() < until { Heard::Bytes } else { Heard::Silence });
        }
        let mut buffer = [0; 16 << 10];
        match self.answer.read(&mut buffer) {
            Ok(0) => Ok(Heard::End),
            Ok(count) => {
                into.extend_from_slice(&buffer[..count]);
                Ok(Heard::Bytes)
            }
            Err(problem) if problem.kind() == io::ErrorKind::Interrupted => Ok(Heard::Bytes),
            Err(problem) => Err(problem),
        }
    }

    /// Ends the child, and what it has started, when it leads a group of its own; says how it ended, had it ended already.
    pub(crate) fn end(self) -> String {
        for target in [-self.pid, self.pid] {
            // SAFETY: the child is ours and not waited for yet, so its number is nobody else's; its group has its number or
            // does not exist.
            unsafe { libc::kill(target, libc::SIGKILL) };
        }
        self.reap()
    }

    /// Waits for a child that has closed its end.
    pub(crate) fn reap(self) -> String {
        let mut status = 0;
        loop {
            // SAFETY: the status is ours, and the process is our child; `__WCLONE` waits for those without a signal.
            let waited = unsafe { libc::waitpid(self.pid, &raw mut status, libc::__WCLONE) };
            if waited == self.pid || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                break;
            }
        }
        if libc::WIFSIGNALED(status) {
            format!("signal {}", libc::WTERMSIG(status))
        } else {
            format!("status {}", libc::WEXITSTATUS(status))
        }
    }
}

/// From here on processes whose parent ends below this one become its children rather than the program's.
pub(crate) fn adopt_orphans() {
    // SAFETY: a system call on this process alone; where it is refused, orphans go where they went before.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
}

/// Ends every child of this process, of which it has none of its own any more, and waits for it.
pub(crate) fn end_orphans() {
    for _ in 0..ORPHAN_ROUNDS {
        // SAFETY: no status is wanted; the children are those that were adopted.
        let waited = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::__WALL | libc::WNOHANG) };
        if waited < 0 {
            return;
        }
        if waited == 0 {
            let listed = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
            for orphan in listed.split_whitespace().filter_map(|word| word.parse::<libc::pid_t>().ok()) {
                // SAFETY: a child of ours that is not waited for, so its number is nobody else's.
                unsafe { libc::kill(orphan, libc::SIGKILL) };
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn child(work: impl FnOnce(File), tell: File) -> ! {
    take_leave();
    work_and_leave(|| work(tell))
}

/// Gives up what would show in the program when the child fails, which is told through the pipe: the handlers of signals that end
/// it, a core file, and standard error, to which an allocator writes that is out of memory.
fn take_leave() {
    isolation::take_default_actions(&isolation::FATAL);
    isolation::leave_no_core();
    isolation::end_first();
    // SAFETY: the path is a NUL-terminated text.
    let null = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
    if null >= 0 {
        // SAFETY: the program's descriptor is another process's; here nothing of it is used.
        unsafe { libc::dup2(null, libc::STDERR_FILENO) };
    }
}

/// Does a child's work, and ends it. What was split off is one thread with a copy of the memory, and every signal blocked.
pub(crate) fn work_and_leave(work: impl FnOnce()) -> ! {
    lift_limit();
    arena::enter();
    std::panic::set_hook(Box::new(|_| {}));
    let worked = catch_unwind(AssertUnwindSafe(work));
    leave(i32::from(worked.is_err()))
}

/// Lifts what limits the program's address space as far as it may be lifted: the limit is for the program's own use, and the
/// copy that writes its dump has all of that space taken from the start.
fn lift_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes to a struct of ours.
    if unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) } == 0 {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: the kernel reads a struct of ours; the limit is this process's alone, the program keeps its own.
        unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
    }
}

/// How many bytes the folder's disk has left for this user.
pub(crate) fn free_space(folder: &Path) -> io::Result<u64> {
    let folder = CString::new(folder.as_os_str().as_bytes())?;
    // SAFETY: the struct is numbers, and all zero is one.
    let mut about: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the path is a NUL-terminated text, and the kernel's answer goes to a struct of ours.
    let asked = unsafe { libc::statvfs(folder.as_ptr(), &raw mut about) };
    if asked == 0 { Ok(about.f_bavail.saturating_mul(about.f_frsize)) } else { Err(io::Error::last_os_error()) }
}

/// Ends this process at once; nothing of the program's exit handlers runs.
pub(crate) fn leave(status: i32) -> ! {
    // SAFETY: a system call that does not return.
    unsafe { libc::_exit(status) }
}

fn pipe() -> io::Result<(File, File)> {
    let mut ends = [0; 2];
    // SAFETY: there is room for two descriptors.
    let made = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    if made != 0 {
        return Err(io::Error::last_os_error());
    }
    // Where standard streams are closed, theirs are the numbers that are free; the child has another use for these.
    for end in &mut ends {
        if *end <= libc::STDERR_FILENO {
            // SAFETY: a descriptor that was just made and that nobody else has; the copy takes its place.
            let above = unsafe { libc::fcntl(*end, libc::F_DUPFD_CLOEXEC, libc::STDERR_FILENO + 1) };
            if above >= 0 {
                // SAFETY: likewise.
                unsafe { libc::close(*end) };
                *end = above;
            }
        }
    }
    // SAFETY: a descriptor that was just made and that nobody else owns.
    let read = unsafe { File::from_raw_fd(ends[0]) };
    // SAFETY: likewise.
    let write = unsafe { File::from_raw_fd(ends[1]) };
    Ok((read, write))
}

pub(crate) fn block_signals() -> libc::sigset_t {
    // SAFETY: a signal set is plain bits, and all zero is one.
    let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
    let mut before = all;
    // SAFETY: the set is ours.
    unsafe { libc::sigfillset(&raw mut all) };
    // SAFETY: both sets are ours.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before) };
    before
}

pub(crate) fn restore_signals(before: &libc::sigset_t) {
    // SAFETY: the set is what was there before.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut()) };
}

/// A program that the child runs: arguments and environment are made before the split, and the child starts it by system
/// calls alone, for `posix_spawn` and `fork` of the C library take locks and memory of the program.
#[derive(Debug, Default)]
pub(crate) struct Program {
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Program {
    /// The program at the path that is the first argument, with the environment of this process.
    pub(crate) fn new(arguments: Vec<OsString>) -> Program {
        let text = |text: OsString| CString::new(text.into_vec()).ok();
        let joined = |(mut name, value): (OsString, OsString)| {
            name.push("=");
            name.push(value);
            text(name)
        };
        Program {
            arguments: arguments.into_iter().filter_map(text).collect(),
            environment: std::env::vars_os().filter_map(joined).collect(),
        }
    }
}

impl Spawner for Program {
    fn spawn(&self) -> io::Result<Worker> {
        let pointers = |texts: &[CString]| {
            let mut pointers: Vec<*const libc::c_char> = texts.iter().map(|text| text.as_ptr()).collect();
            pointers.push(std::ptr::null());
            pointers
        };
        let Some(path) = self.arguments.first() else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no Python to run plugins in is known"));
        };
        let (arguments, environment) = (pointers(&self.arguments), pointers(&self.environment));
        let (ours, theirs) = UnixStream::pair()?;
        // SAFETY: as in `split`: the new process has a copy of this stack, and never returns from the branch below.
        let pid = unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) };
        if pid == 0 {
            become_worker(&theirs);
            // SAFETY: path, arguments and environment are NUL-terminated, the lists end with null, and all outlive the call.
            unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
            // SAFETY: ends this process at once.
            unsafe { libc::_exit(127) }
        }
        if pid < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Worker { channel: ours, process: Box::new(Spawned { pid: pid as libc::pid_t, ended: None }) })
    }
}

/// Makes this process one that has the channel as standard input and nothing else of the program's: no descriptor, no folder,
/// no blocked signal, no group of processes. What fails of it is no reason not to go on.
fn become_worker(channel: &UnixStream) {
    // SAFETY: duplicates a descriptor that is open onto one that this process may close.
    unsafe { libc::dup2(channel.as_raw_fd(), 0) };
    // SAFETY: keeps the descriptor over `execve`, in a program that had closed its standard input and got this number for it.
    unsafe { libc::fcntl(0, libc::F_SETFD, 0) };
    // SAFETY: the path is a NUL-terminated text.
    let null = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
    for standard in [1, 2] {
        // SAFETY: as above.
        unsafe { libc::dup2(null, standard) };
    }
    // SAFETY: closes descriptors, of which nothing here uses any more.
    unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, 0u32) };
    // SAFETY: the path is a NUL-terminated text.
    unsafe { libc::chdir(c"/".as_ptr()) };
    // SAFETY: no memory is involved.
    unsafe { libc::setpgid(0, 0) };
    // SAFETY: a signal set is plain bits, and all zero is the empty one.
    let none: libc::sigset_t = unsafe { std::mem::zeroed() };
    restore_signals(&none);
}

/// A worker that the child has started.
struct Spawned {
    pid: libc::pid_t,
    ended: Option<i32>,
}

impl Process for Spawned {
    fn end(&mut self) -> Option<i32> {
        if let Some(status) = self.ended {
            return libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status));
        }
        // SAFETY: the process is our child, and not waited for yet, so the number is still its own.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
        let mut status = 0;
        loop {
            // SAFETY: the status is ours; `__WALL` waits for children of either sort, for `execve` changes the sort.
            let waited = unsafe { libc::waitpid(self.pid, &raw mut status, libc::__WALL) };
            if waited == self.pid || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                break;
            }
        }
        self.ended = Some(status);
        libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status))
    }
}
