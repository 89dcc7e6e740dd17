//! The split: a child that has the program's memory as it is at this moment, and writes a dump while the program goes on.
//!
//! The child is made by `clone` without an exit signal, so no SIGCHLD handler fires and no `waitpid(-1)` of the program
//! reaps it; no fork hooks run. It has one thread, blocks every signal, allocates from its own arena
//! ([`crate::arena`]), and ends by `_exit`. The caller must hold the interpreter lock while splitting.

#![expect(unsafe_code, reason = "clone, waitpid and pipes are system calls")]

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::FromRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::arena;

/// A child that is at work.
#[derive(Debug)]
pub(crate) struct Child {
    pid: libc::pid_t,
    answer: File,
}

/// Splits off a child that runs `work` on `job`, given how long the split took, and answers with the bytes that it gives.
///
/// # Errors
/// When there is no descriptor for a pipe, or the kernel makes no process; the job comes back.
pub(crate) fn split<J>(job: J, work: impl FnOnce(J, Duration) -> Vec<u8>) -> Result<Child, (io::Error, J)> {
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
        child(|| work(job, pause), tell);
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
        let mut status = 0;
        loop {
            // SAFETY: the status is ours, and the process is our child; `__WCLONE` waits for those without a signal.
            let waited = unsafe { libc::waitpid(self.pid, &raw mut status, libc::__WCLONE) };
            if waited == self.pid || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                break;
            }
        }
        read?;
        if !answer.is_empty() {
            return Ok(answer);
        }
        let how = if libc::WIFSIGNALED(status) {
            format!("signal {}", libc::WTERMSIG(status))
        } else {
            format!("status {}", libc::WEXITSTATUS(status))
        };
        Err(io::Error::other(format!("the process that writes the dump ended with {how}")))
    }
}

fn child(work: impl FnOnce() -> Vec<u8>, mut tell: File) -> ! {
    arena::enter();
    std::panic::set_hook(Box::new(|_| {}));
    let answer = catch_unwind(AssertUnwindSafe(work)).unwrap_or_default();
    let told = tell.write_all(&answer);
    // SAFETY: ends this process at once; nothing of the program's exit handlers runs.
    unsafe { libc::_exit(i32::from(told.is_err())) }
}

fn pipe() -> io::Result<(File, File)> {
    let mut ends = [0; 2];
    // SAFETY: there is room for two descriptors.
    let made = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    if made != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a descriptor that was just made and that nobody else owns.
    let read = unsafe { File::from_raw_fd(ends[0]) };
    // SAFETY: likewise.
    let write = unsafe { File::from_raw_fd(ends[1]) };
    Ok((read, write))
}

fn block_signals() -> libc::sigset_t {
    // SAFETY: a signal set is plain bits, and all zero is one.
    let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
    let mut before = all;
    // SAFETY: the set is ours.
    unsafe { libc::sigfillset(&raw mut all) };
    // SAFETY: both sets are ours.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before) };
    before
}

fn restore_signals(before: &libc::sigset_t) {
    // SAFETY: the set is what was there before.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut()) };
}
