//! The interpreter's state: its threads with their frames, its roots, and the facts of a dump's header, all read from
//! `_PyRuntime` on. Mirrors `Python/pystate.c`.

mod c_memory;
mod datastack;
mod facts;
mod kept;
mod mimalloc;
mod native;
pub(crate) mod process;
mod roots;
mod stacks;
mod threads;

pub(crate) use threads::ATTACHED;

pub use c_memory::late_roots;
pub use kept::{all, found_threads};
pub(crate) use mimalloc::{block_pages, segments_in_use as segments};
pub(crate) use process::resident;
pub(crate) use stacks::named_files;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use heapsake_core::Address;
use heapsake_core::heap::Outline;

use crate::death::Death;
use crate::heap::{CPythonHeap, Mapped};
use crate::machine::ThreadPointer;
use crate::memory::{Files, Memory, Registers, Source};
use crate::native::{NativeStack, stacks as native_stacks};
use crate::symbols::Symbols;

/// What a capture is asked to take, and what its caller knows of the target.
#[derive(Clone, Debug, Default)]
pub struct CaptureOptions {
    /// The exception that is the reason of the dump.
    pub exception: Option<Address>,
    /// The thread that it belongs to, by either identity: `threading.get_ident()` or the kernel's.
    pub exception_thread: Option<u64>,
    /// The thread that asked for the dump, by either identity; else the one that holds the interpreter lock.
    pub current_thread: Option<u64>,
    /// A thread that is not told of, by either identity: one that was started to make the dump.
    pub left_out: Option<u64>,
    /// Whether to look for an exception in flight or being handled when none is given.
    pub find_exception: bool,
    /// Whether to look for it in the current thread alone.
    pub only_current: bool,
    /// The signal that the process dies of; its thread is told first, and is the current one.
    pub death: Option<Death>,
    /// Why the dump is made.
    pub reason: String,
    /// Frames of files whose names begin like this are left out of the stacks, and so are those of `<heapsake…>`.
    pub hidden_prefixes: Vec<String>,
    /// Whether objects are told that no root leads to: what the collector has not freed.
    pub all: bool,
    /// Objects that the caller gives as roots, by name.
    pub given: Vec<(String, Address)>,
    /// Where the target's files are found: `/`, or `/proc/PID/root`.
    pub root_dir: PathBuf,
    /// The process, if it lives (also while it is stopped).
    pub pid: Option<i32>,
    /// What it had mapped, if it is left as a core only.
    pub mapped: Option<Arc<Mapped>>,
    /// When the memory was written to a file: what is newer on disk is not what ran.
    pub written: Option<SystemTime>,
    /// The kernel's numbers of threads, by what the C library knows them by.
    pub native_ids: Vec<(ThreadPointer, u64)>,
    /// Whether these are the numbers that the process itself sees, and not those of another namespace.
    pub native_ids_are_own: bool,
    /// Whether the native stacks of all threads are unwound; that of a thread that dies of a signal is in any case.
    pub native: bool,
    /// The native stacks of threads, which go into the dump beside those of Python.
    pub native_stacks: Vec<NativeStack>,
    /// The tops of the stacks of threads, where known.
    pub stack_pointers: Vec<Address>,
    /// The source files that go into the dump, and folders of such; else all that code of the dump names.
    pub sources: Option<Vec<PathBuf>>,
    /// How long the process stood still.
    pub pause: Option<Duration>,
    /// What else the caller knows, for the dump's header.
    pub facts: Vec<(String, ciborium::Value)>,
}

impl CaptureOptions {
    /// Whether the text of this source file goes into the dump: one that is named, or lies in a folder that is. Whole names
    /// are compared, part by part.
    pub(crate) fn takes_source(&self, filename: &Path) -> bool {
        self.sources.as_ref().is_none_or(|named| named.iter().any(|named| filename.starts_with(named)))
    }

    /// Notes where the threads with these registers stand, and unwinds the native stacks that are asked for.
    pub(crate) fn unwind<S: Source>(&mut self, memory: &S, files: &Files, registers: &[Registers]) {
        self.stack_pointers = registers.iter().map(|one| one.stack).collect();
        if let (true, Some(pid)) = (self.native_ids.is_empty(), self.pid) {
            let own = |one: &Registers| Some((one.thread_pointer, process::own_number(pid, one.thread)?));
            self.native_ids = registers.iter().filter_map(own).collect();
            self.native_ids_are_own = true;
        }
        let death = self.death.as_ref();
        let dies = |registers: &&Registers| death.is_some_and(|death| death.thread == registers.thread);
        let wanted: Vec<Registers> = registers.iter().filter(|one| self.native || dies(one)).copied().collect();
        if !wanted.is_empty() {
            self.native_stacks = native_stacks(memory, &Symbols::new(memory, memory.mappings(), files), &wanted);
        }
    }

    /// Whether frames of this file are left out of the stacks.
    pub(crate) fn is_hidden(&self, filename: &str) -> bool {
        filename.starts_with("<heapsake")
            || self.hidden_prefixes.iter().any(|prefix| !prefix.is_empty() && filename.starts_with(prefix.as_str()))
    }
}

/// The thread states, each with the kernel's number of its thread.
pub(crate) fn native_ids<M: Memory>(heap: &CPythonHeap<M>) -> Vec<(Address, Option<u64>)> {
    threads::states(heap).into_iter().map(|state| (state.address, state.native_id)).collect()
}

/// The threads whose frames do not lead to the outermost one, in words.
pub(crate) fn broken_stacks<M: Memory>(heap: &CPythonHeap<M>) -> Vec<String> {
    let states = threads::states(heap);
    let line = |state: &threads::State| {
        let how = state.breaks_off(heap)?;
        let name = state.name.as_deref().unwrap_or("without a name");
        Some(format!("thread {} ({name}): {}", state.ident, how))
    };
    states.iter().filter_map(line).collect()
}

/// Addresses in the stacks of threads, as far as they are known, each with whether that is certain: the C library knows a thread
/// by an address at the end of its stack, but the main thread by one elsewhere.
pub(crate) fn stack_addresses<M: Memory>(heap: &CPythonHeap<M>, options: &CaptureOptions) -> Vec<(Address, bool)> {
    let main = options.pid.and_then(|pid| u64::try_from(pid).ok());
    let known = threads::states(heap).into_iter().filter(|state| state.native_id.is_none() || state.native_id != main);
    let known = known.map(|state| (Address(state.ident), state.native_id.is_some() && main.is_some()));
    known.chain(options.stack_pointers.iter().map(|pointer| (*pointer, true))).collect()
}

/// Threads, exception, roots and facts of the target; the spans in which objects may lie are the caller's.
pub fn outline<M: Memory>(heap: &mut CPythonHeap<M>, options: &CaptureOptions) -> Outline {
    let heap = &*heap;
    let mut states = threads::states(heap);
    for state in &mut states {
        let known = options.native_ids.iter().find(|(pointer, _)| pointer.is_of(state.ident)).map(|(_, id)| *id);
        // What CPython keeps is that of the parent after a fork that it was not told of.
        if state.native_id.is_none() || known.is_some() && options.native_ids_are_own {
            state.native_id = known;
        }
    }
    let exception = threads::exception(heap, &states, options);
    let facts = facts::facts(heap, &states, options);
    let mut roots = roots::roots(heap, &states, exception, options);
    roots.extend(kept::roots(heap));
    Outline { spans: Vec::new(), roots, threads: stacks::threads(heap, &states, exception, options), exception, facts }
}
