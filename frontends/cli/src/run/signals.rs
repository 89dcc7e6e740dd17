//! Signals between the supervisor's caller and the program: passed on as they come, never made up, and those that the
//! supervisor was started to ignore stay ignored in both.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, setrlimit};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::iterator::{Handle, SignalsInfo};
use signal_hook::low_level::siginfo::Cause;

/// Signals that end or steer a program and that people send to what they started.
const PASSED_ON: [i32; 6] = [SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2];

/// What takes the supervisor's signals, from before the program starts until it has ended.
#[derive(Debug)]
pub(super) struct Taken {
    signals: SignalsInfo<WithOrigin>,
    /// Whether the supervisor was started to ignore the end of its children.
    pub(super) ignores_children: bool,
}

/// What passes them on.
#[derive(Debug)]
pub(super) struct Forwarder {
    handle: Handle,
    thread: JoinHandle<()>,
}

impl Taken {
    pub(super) fn new() -> anyhow::Result<Taken> {
        let ignored = ignored();
        let ignores = |signal: i32| ignored >> (signal - 1) & 1 != 0;
        let signals = SignalsInfo::new(PASSED_ON.into_iter().filter(|signal| !ignores(*signal)))?;
        if ignores(SIGCHLD) {
            // The kernel keeps no status of a child whose end is ignored.
            signal_hook::flag::register(SIGCHLD, Arc::new(AtomicBool::new(false)))?;
        }
        Ok(Taken { signals, ignores_children: ignores(SIGCHLD) })
    }

    /// Passes on what has come and what will.
    pub(super) fn forward_to(self, pid: i32) -> Forwarder {
        let mut signals = self.signals;
        let handle = signals.handle();
        let thread = thread::spawn(move || {
            for origin in &mut signals {
                // A key on the terminal, which the kernel sends to the whole group, reaches the program by itself.
                if ![SIGINT, SIGQUIT].contains(&origin.signal) || origin.cause != Cause::Kernel {
                    send(pid, origin.signal);
                }
            }
        });
        Forwarder { handle, thread }
    }
}

impl Forwarder {
    pub(super) fn end(self) {
        self.handle.close();
        let _ = self.thread.join();
    }
}

/// The signals that this process ignores, a bit each.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// The process is a child that is not waited for while signals are passed on, so its number is still its own.
fn send(pid: i32, signal: i32) {
    if let (Some(pid), Some(signal)) = (Pid::from_raw(pid), Signal::from_named_raw(signal)) {
        let _ = kill_process(pid, signal);
    }
}

/// Dies of `signal`, as the program did, but without a core: the program has left its own, which ours would overwrite.
pub(super) fn die_of(signal: i32) {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}
