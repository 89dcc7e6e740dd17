//! The memory of a process at one moment: copied where it could change, and read from its file where it could not.
//!
//! Copied spans lie in one arena, in the order of their addresses, so that neighbours stay neighbours and a region of the
//! copied map is one run of bytes. What was not copied is read in blocks, once each, when it is first asked for.

use super::freeze::Frozen;
use super::maps::Mapping;
use super::own;
use super::process::Process;
use super::{Memory, Source, Unreadable};
use crate::error::{Error, ErrorKind, Result};
use heapsake_core::{Address, RegionMap, Span};
use memmap2::MmapMut;
use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A process's memory at one moment.
pub struct Snapshot {
    pid: i32,
    mappings: Vec<Mapping>,
    writable: Vec<Span>,
    arena: MmapMut,
    /// What the arena holds, and for each of its regions the place.
    copied: RegionMap,
    places: Vec<Copy>,
    windows: Vec<FileWindow>,
    regions: RegionMap,
    threads: Vec<i32>,
    pause: Duration,
    copied_bytes: u64,
}

/// A span of the target, and where the arena holds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copy {
    pub(super) span: Span,
    pub(super) offset: u64,
}

impl Copy {
    /// The same place, of a part of the span.
    pub(super) fn part(&self, span: Span) -> Copy {
        Copy { span, offset: self.offset + (span.start.0 - self.span.start.0) }
    }
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
                .name("freezer".into())
                .spawn_scoped(scope, || {
                    let mut frozen = Process::freeze(pid)?;
                    let settled = settle(&mut frozen)?;
                    Ok((frozen.copy()?, settled))
                })
                .map_err(no_thread)?;
            tracer.join().unwrap_or_else(|_| Err(defect(format!("the copy of process {pid}"))))
        })
    }

    /// The memory of process `pid`, every thread of which stands still already because the caller, its tracer or its
    /// supervisor, has stopped it. It still stands still afterwards.
    pub fn of_stopped(pid: i32) -> Result<Snapshot> {
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
        writable: Vec<Span>,
        arena: MmapMut,
        copies: &[Copy],
        windows: Vec<FileWindow>,
        threads: Vec<i32>,
        pause: Duration,
        copied_bytes: u64,
    ) -> Snapshot {
        let mut spans: Vec<Span> = copies.iter().map(|copy| copy.span).collect();
        let copied = RegionMap::new(&spans);
        let places = copied.regions().iter().filter_map(|region| {
            let after = copies.partition_point(|copy| copy.span.start <= region.start);
            Some(copies.get(after.checked_sub(1)?)?.part(*region))
        });
        let places = places.collect();
        spans.extend(windows.iter().map(|window| window.span));
        let regions = RegionMap::new(&spans);
        Snapshot { pid, mappings, writable, arena, copied, places, windows, regions, threads, pause, copied_bytes }
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

    #[inline]
    fn copied(&self, address: Address, length: usize) -> Option<&[u8]> {
        let region = self.copied.find(address)?;
        let place = self.places.get(region.0 as usize)?;
        if length as u64 > place.span.end.0 - address.0 {
            return None;
        }
        let begin = (place.offset + (address.0 - place.span.start.0)) as usize;
        self.arena.get(begin..begin + length)
    }

    #[cold]
    fn whole_piece(&self, address: Address, length: usize) -> Option<&[u8]> {
        self.piece(address, length).filter(|piece| piece.len() == length)
    }

    #[cold]
    fn gathered_word(&self, address: Address) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read_at(address, &mut bytes).ok().map(|()| u64::from_le_bytes(bytes))
    }

    fn window(&self, address: Address) -> Option<&FileWindow> {
        let after = self.windows.partition_point(|window| window.span.start <= address);
        self.windows.get(after.checked_sub(1)?).filter(|window| window.span.contains(address))
    }

    /// As many bytes from `address` on as lie in one piece, at most `length`.
    fn piece(&self, address: Address, length: usize) -> Option<&[u8]> {
        if let Some(region) = self.copied.find(address) {
            let left = self.places.get(region.0 as usize)?.span.end.0 - address.0;
            return self.copied(address, length.min(left as usize));
        }
        self.window(address)?.piece(address, length)
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
        let failure = Unreadable::new(address, into.len());
        let mut done = 0;
        while done < into.len() {
            let next = Address(address.0.checked_add(done as u64).ok_or(failure)?);
            let piece = self.piece(next, into.len() - done).filter(|piece| !piece.is_empty()).ok_or(failure)?;
            into[done..done + piece.len()].copy_from_slice(piece);
            done += piece.len();
        }
        Ok(())
    }

    #[inline]
    fn slice(&self, address: Address, length: usize) -> Option<&[u8]> {
        match self.copied(address, length) {
            Some(bytes) => Some(bytes),
            None => self.whole_piece(address, length),
        }
    }

    #[inline]
    fn word(&self, address: Address) -> Option<u64> {
        match self.copied(address, 8) {
            Some(bytes) => bytes.try_into().ok().map(u64::from_le_bytes),
            None => self.gathered_word(address),
        }
    }

    #[inline]
    fn prefetch(&self, address: Address) {
        if let Some(bytes) = self.copied(address, 8) {
            own::prefetch(bytes.as_ptr());
        }
    }
}

impl Source for Snapshot {
    fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }
    fn regions(&self) -> &RegionMap {
        &self.regions
    }
    fn writable(&self) -> Vec<Span> {
        self.writable.clone()
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

/// A span that is read from a file, a block at a time.
#[derive(Debug)]
pub(super) struct FileWindow {
    pub(super) span: Span,
    file: Arc<File>,
    offset: u64,
    /// Groups of blocks, made when one of theirs is: the file behind a window may be a large hole.
    groups: Vec<OnceLock<Box<[OnceLock<Block>]>>>,
}

/// Bytes read from a file: fewer than a block where the file ends or cannot be read.
#[derive(Debug)]
struct Block(Box<[u8]>);

const BLOCK: u64 = 64 << 10;
const GROUP: usize = 1 << 10;

impl FileWindow {
    /// The window that shows `file` from `offset` on at `span`.
    pub(super) fn new(span: Span, file: Arc<File>, offset: u64) -> FileWindow {
        let count = span.len().div_ceil(BLOCK * GROUP as u64);
        FileWindow { span, file, offset, groups: (0..count).map(|_| OnceLock::new()).collect() }
    }

    /// As many bytes from `address` on as lie in one block, at most `length`.
    fn piece(&self, address: Address, length: usize) -> Option<&[u8]> {
        let position = address.0.checked_sub(self.span.start.0)?;
        let index = (position / BLOCK) as usize;
        let group = self.groups.get(index / GROUP)?.get_or_init(|| (0..GROUP).map(|_| OnceLock::new()).collect());
        let block = group.get(index % GROUP)?.get_or_init(|| self.read(index as u64));
        let begin = (position % BLOCK) as usize;
        let end = block.0.len().min(begin.checked_add(length)?);
        block.0.get(begin..end)
    }

    fn read(&self, index: u64) -> Block {
        let length = BLOCK.min(self.span.len() - index * BLOCK) as usize;
        // The rest of a file's last page reads as zeros, as it does in the process.
        let mut bytes = vec![0; length];
        let mut done = 0;
        while done < length {
            match self.file.read_at(&mut bytes[done..], self.offset + index * BLOCK + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => {
                    bytes.clear();
                    break;
                }
            }
        }
        Block(bytes.into_boxed_slice())
    }
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
