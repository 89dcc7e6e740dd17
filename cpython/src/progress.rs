//! Whether a live process makes progress, seen from outside while it goes on: nothing is stopped, nothing is traced.
//!
//! Bytecode that is run leaves traces. The frame that a thread is in, the instruction it is at and what the frame holds change;
//! a thread that waited and was woken has been counted by the kernel. Where none of this changes from look to look, no thread
//! of Python has run anything but a single call of C, or waits. Two things are no progress: a thread that wakes up to ask for
//! the interpreter lock, while one and the same other thread holds it at every look; and threads of C that Python does not
//! know. What is read while it changes reads wrongly, and wrongly is differently: that is progress, too.
//!
//! What looks the same at every one of many looks may have gone on between them all the same: a loop that spends nearly all
//! its time in one call of C from one instruction, or an empty loop, which is a single instruction in some versions.

use std::fs;
use std::hash::Hasher;

use heapsake_core::Address;
use heapsake_core::reduce::Registry;
use rustc_hash::FxHasher;

use crate::heap::{CPythonHeap, Facts};
use crate::memory::{Memory, Process};
use crate::moment::Watch;
use crate::pystate;
use crate::symbols::Which;

/// So much from the beginning of a frame on is compared: the instruction, the variables, the operand stack.
const FRAME: usize = 512;
/// At the end of a mapping so much has to do.
const LITTLE: usize = 64;

/// A process whose progress is looked at.
pub struct Progress {
    pid: i32,
    process: Process,
    watch: Watch,
    /// The thread states, each with the kernel's number of its thread.
    threads: Vec<(Address, Option<u64>)>,
    /// Whether the numbers are as good as they get.
    settled: bool,
}

/// Where all threads stand.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Position {
    holders: Vec<Option<Address>>,
    threads: Vec<Stand>,
}

/// Where a thread stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stand {
    state: Address,
    frame: Address,
    content: u64,
    /// How often it has waited.
    waits: u64,
}

impl Progress {
    /// A process that runs a Python; `None` if none can be read there by now.
    pub fn of_process(pid: i32) -> Option<Progress> {
        let watch = Watch::of_process(pid, Which::Running)?;
        Some(Progress { pid, process: Process::open(pid).ok()?, watch, threads: Vec::new(), settled: false })
    }

    /// Where its threads stand; `None` if it is no Python any more.
    pub fn look(&mut self) -> Option<Position> {
        let interpreters = self.watch.interpreters(&self.process);
        let states: Vec<Address> =
            interpreters.iter().flat_map(|one| self.watch.states(&self.process, *one)).map(|(state, _)| state).collect();
        if states.is_empty() {
            return None;
        }
        if !self.settled || !self.threads.iter().map(|(state, _)| *state).eq(states.iter().copied()) {
            // A thread that has just begun may not have said its number yet.
            self.settled = self.threads.len() == states.len();
            let numbers = self.numbers();
            let number = |state: Address| numbers.iter().find(|(known, _)| *known == state).and_then(|(_, number)| *number);
            self.threads = states.into_iter().map(|state| (state, number(state))).collect();
        }
        let holders = interpreters.iter().map(|one| self.watch.holder(&self.process, *one)).collect();
        let threads = self.threads.iter().map(|&(state, number)| self.stand(state, number)).collect();
        Some(Position { holders, threads })
    }

    fn stand(&self, state: Address, number: Option<u64>) -> Stand {
        let frame = self.frame(state).unwrap_or_default();
        let mut bytes = [0; FRAME];
        let mut hasher = FxHasher::default();
        for length in [FRAME, LITTLE] {
            if let Some(bytes) = bytes.get_mut(..length)
                && self.process.read_at(frame, bytes).is_ok()
            {
                hasher.write(bytes);
                break;
            }
        }
        Stand { state, frame, content: hasher.finish(), waits: number.and_then(|number| waits(self.pid, number)).unwrap_or(0) }
    }

    /// The innermost frame of a thread state, whatever it is.
    fn frame(&self, state: Address) -> Option<Address> {
        let layouts = &self.watch.runtime.layouts;
        let layout = &layouts.thread;
        if let Some(field) = layout.frame.or(layout.current_frame) {
            return field.read(&self.process, state);
        }
        layouts.cframe?.current_frame.read(&self.process, layout.cframe?.read(&self.process, state)?)
    }

    /// The kernel's numbers of the threads of the thread states.
    fn numbers(&self) -> Vec<(Address, Option<u64>)> {
        let (Ok(process), Ok(registry)) = (Process::open(self.pid), Registry::linked()) else { return Vec::new() };
        let facts = Facts {
            pid: Some(self.pid),
            root: format!("/proc/{}/root", self.pid).into(),
            ..Facts::of_runtime(&self.watch.runtime)
        };
        pystate::native_ids(&CPythonHeap::new(process, facts, registry))
    }
}

impl Position {
    /// Whether the process has gone on from `earlier` to this.
    pub fn went_on_since(&self, earlier: &Position) -> bool {
        let stands = |position: &Position| -> Vec<(Address, Address, u64)> {
            position.threads.iter().map(|stand| (stand.state, stand.frame, stand.content)).collect()
        };
        if stands(self) != stands(earlier) {
            return true;
        }
        // Who waits for the lock is woken again and again; while one and the same holds it, nobody else runs.
        let held = self.holders == earlier.holders && self.holders.iter().any(Option::is_some);
        !held && self.threads.iter().zip(&earlier.threads).any(|(now, before)| now.waits != before.waits)
    }
}

/// How often a thread has waited for something, as the kernel counts it.
fn waits(pid: i32, thread: u64) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/task/{thread}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?.trim().parse().ok()
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress").field("pid", &self.pid).field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::live::{Program, interpreters, wait_until};

    /// Whether a program goes on between any of these looks, a millisecond or two apart.
    fn goes_on(progress: &mut Progress, looks: u32) -> bool {
        let mut before = progress.look().expect("a position");
        for _ in 0..looks {
            std::thread::sleep(Duration::from_millis(2));
            let now = progress.look().expect("a position");
            if now.went_on_since(&before) {
                return true;
            }
            before = now;
        }
        false
    }

    #[test]
    fn what_waits_and_what_is_in_one_call_stands_and_the_rest_goes_on() {
        let waits = "import threading\nlock = threading.Lock()\nlock.acquire()\nthreading.Thread(target=lock.acquire, daemon=True).start()\nprint(1)\nlock.acquire()";
        // One call with the lock held, and another thread that asks for it again and again.
        let computes = "import threading, time\n\
            def ask():\n    while True: time.sleep(0.001)\n\
            threading.Thread(target=ask, daemon=True).start()\nmost, over = 1 << 4000, (1 << 100_000) + 7\nprint(1)\npow(3, most, over)";
        let loops = "n = 0\nprint(1)\nwhile True: n += 1";
        let sleeps = "import time\nprint(1)\nwhile True: time.sleep(0.001)";
        for (minor, interpreter) in interpreters() {
            for (code, expected) in [(waits, false), (computes, false), (loops, true), (sleeps, true)] {
                let mut program = Program::start(&interpreter, code);
                program.line();
                let mut progress = Progress::of_process(program.pid()).expect("a Python");
                if expected {
                    wait_until(&format!("progress of 3.{minor} in\n{code}\n"), || goes_on(&mut progress, 5));
                    continue;
                }
                // It may be on its way into the wait.
                wait_until(&format!("a rest of 3.{minor} in\n{code}\n"), || !goes_on(&mut progress, 100));
                assert!(!goes_on(&mut progress, 100), "3.{minor}");
            }
        }
    }
}
