//! The memory of a process at one moment: copied where it could change, and read from its file where it could not.
//!
//! Copied spans lie in one arena, in the order of their addresses, so that neighbours stay neighbours.

use super::freeze::Frozen;
use super::maps::Mapping;
use super::pieces::{Copy, FileWindow, Pieces};
use super::process::Process;
use super::{Memory, Source, Unreadable};
use crate::error::{Error, ErrorKind, Result};
use heapsake_core::{Address, RegionMap, Span};
use memmap2::MmapMut;
use std::fmt;
use std::time::Duration;

/// A process's memory at one moment.
pub struct Snapshot {
    pid: i32,
    mappings: Vec<Mapping>,
    writable: Vec<Span>,
    /// What was in memory, ascending.
    filled: Vec<Span>,
    pieces: Pieces<MmapMut>,
    threads: Vec<i32>,
    pause: Duration,
    copied_bytes: u64,
}

impl Snapshot {
    /// Stops process `pid`, copies its memory, and lets it go on.
    ///
    /// # Errors
    /// Whatever keeps this process from reading that one, and [`ErrorKind::OutOfMemory`].
    pub fn of_process(pid: i32) -> Result<Snapshot> {
        Snapshot::settled(pid, |_| Ok(())).map(|(snapshot, ())| snapshot)
    }

    /// As [`Snapshot::of_process`], but `settle` has a look at the stopped process first, and may stop it again.
    ///
    /// The stopping is done by a thread of its own: should anything go wrong in it, the target is let go when it ends.
    ///
    /// # Errors
    /// As [`Snapshot::of_process`], and those of `settle`.
    pub fn settled<T: Send>(pid: i32, settle: impl FnOnce(&mut Frozen) -> Result<T> + Send) -> Result<(Snapshot, T)> {
        std::thread::scope(|scope| {
            let tracer = std::thread::Builder::new()
                .name(super::process::FREEZER.into())
                .spawn_scoped(scope, || {
                    let mut frozen = Process::freeze(pid)?;
                    let settled = settle(&mut frozen)?;
                    Ok((frozen.copy()?, settled))
                })
                .map_err(no_thread)?;
            tracer.join().unwrap_or_else(|_| Err(defect(format!("the copy of process {pid}"))))
        })
    }

    /// The memory of process `pid`, which nothing is done to: of one that the caller has stopped already, or of one that goes
    /// on, and then what it changes meanwhile is of several moments. The pause is the time that the copying took.
    ///
    /// # Errors
    /// As [`Snapshot::of_process`], but that something else traces it is no matter.
    pub fn untouched(pid: i32) -> Result<Snapshot> {
        let process = Process::open(pid)?;
        let started = std::time::Instant::now();
        let copied = super::copy::Preparation::new(&process)?.copy(&process)?;
        let threads = super::process::threads(pid).unwrap_or_default();
        Ok(copied.finish(threads, started.elapsed()))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts come from one place and are named there")]
    pub(super) fn new(
        pid: i32,
        mappings: Vec<Mapping>,
        (writable, filled): (Vec<Span>, Vec<Span>),
        arena: MmapMut,
        copies: Vec<Copy>,
        windows: Vec<FileWindow>,
        threads: Vec<i32>,
        pause: Duration,
        copied_bytes: u64,
    ) -> Snapshot {
        let pieces = Pieces::new(arena, copies, windows);
        Snapshot { pid, mappings, writable, filled, pieces, threads, pause, copied_bytes }
    }

    /// The process that this was.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The threads that were stopped, by their identifiers in the kernel.
    pub fn threads(&self) -> &[i32] {
        &self.threads
    }

    /// How long the process stood still, all stops together.
    pub fn pause(&self) -> Duration {
        self.pause
    }

    /// How many bytes were copied while it did.
    pub fn copied_bytes(&self) -> u64 {
        self.copied_bytes
    }
}

/// The thread that traces cannot be made.
pub(super) fn no_thread(error: std::io::Error) -> Error {
    Error::new(ErrorKind::System, "no thread can be started")
        .source(error)
        .hint("`ulimit -u` and the control group limit their number")
}

/// The thread that traces has panicked; the process goes on.
pub(super) fn defect(what: String) -> Error {
    Error::new(ErrorKind::System, format!("{what} was given up after a defect"))
        .hint("this is an error of heapsake, which the lines above tell; please report it with them")
}

impl Memory for Snapshot {
    fn read_at(&self, address: Address, into: &mut [u8]) -> std::result::Result<(), Unreadable> {
        self.pieces.read_at(address, into)
    }

    #[inline]
    fn slice(&self, address: Address, length: usize) -> Option<&[u8]> {
        self.pieces.slice(address, length)
    }

    #[inline]
    fn word(&self, address: Address) -> Option<u64> {
        self.pieces.word(address)
    }

    #[inline]
    fn prefetch(&self, address: Address) {
        self.pieces.prefetch(address);
    }
}

impl Source for Snapshot {
    fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }
    fn regions(&self) -> &RegionMap {
        self.pieces.regions()
    }
    fn writable(&self) -> Vec<Span> {
        self.writable.clone()
    }
    fn searchable(&self, span: Span) -> Vec<Span> {
        span.parts_in(&self.filled)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("pid", &self.pid)
            .field("mappings", &self.mappings.len())
            .field("copied_bytes", &self.copied_bytes)
            .field("pause", &self.pause)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
