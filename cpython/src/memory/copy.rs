//! What to copy of a process, and the copying: a [`Preparation`] is made while the process runs, and carried out while it
//! stands still.
//!
//! Preparing means to find out what is there, to open the files that need no copying, and to have the copy's pages
//! faulted in, which would otherwise take most of the pause. All of it is found out once more after the stop, because
//! the process went on meanwhile; only the pages stay.

use super::available;
use super::backing::Files;
use super::maps::Mapping;
use super::pieces::{Copy, FileWindow};
use super::process::Process;
use super::residency::{self, Residency, SPARSE, Wanted};
use super::snapshot::{self, Snapshot};
use crate::error::{Error, ErrorKind, Result};
use heapsake_core::{Address, Span};
use memmap2::{Advice, MmapMut, MmapOptions};
use rustc_hash::FxHashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const PAGE: u64 = 4096;
/// How much is copied by one system call.
const PIECE: u64 = 1 << 20;
/// More threads than this are held up by each other.
const MOST_THREADS: usize = 4;
/// A thread is worth its making when it has so many pieces to copy.
const PIECES_OF_A_THREAD: usize = 32;
/// Mappings below this size are copied whole, where each has to be looked up for itself.
const SMALL: u64 = 256 << 10;
/// Writable mappings of a file, and shared ones, are copied whole up to this size, and beyond it read from the file.
const LARGE_FILE: u64 = 16 << 20;
/// Of shared memory so much is copied while the process stands still, in the order of addresses; the rest is read later.
const LARGE_SHARED: u64 = 256 << 20;
/// What the process may grow by between preparation and stop without a page fault in the pause: a part of what it has, of these
/// bounds.
const GROWTH: std::ops::RangeInclusive<u64> = 256 << 10..=16 << 20;
const GROWING_PART: u64 = 32;
/// Runs of at least this length ask for huge pages.
const HUGE: u64 = 4 << 20;

/// What will be copied, and where to.
#[derive(Debug)]
pub(super) struct Preparation {
    files: FileCache,
    arena: MmapMut,
}

/// What was copied.
#[derive(Debug)]
pub(super) struct Copied {
    pid: i32,
    layout: Layout,
    arena: MmapMut,
    bytes: u64,
}

/// Which part of the address space comes from where.
#[derive(Debug, Default)]
struct Layout {
    mappings: Vec<Mapping>,
    /// Spans that the arena holds, ascending, each with its offset there.
    copies: Vec<Copy>,
    /// The parts of `copies` that have to be filled; the rest is zeros.
    runs: Vec<Copy>,
    windows: Vec<FileWindow>,
    /// Where objects may lie.
    writable: Vec<Span>,
    length: u64,
    /// How much of that is shared memory.
    shared: u64,
}

impl Preparation {
    /// Finds out what there is to copy, and makes memory ready for it.
    pub(super) fn new(process: &Process) -> Result<Preparation> {
        let mut files = FileCache { files: Files::of_process(process.pid()), open: FxHashMap::default() };
        let layout = Layout::of(process, &mut files)?;
        let needed: u64 = layout.runs.iter().map(|run| run.span.len()).sum();
        // What the walk over the copy takes of its own: marks, numbers and tables.
        let walk = needed / 8 + 4 * GROWTH.end();
        if let Some(available) = available::memory().filter(|available| needed.saturating_add(walk) > *available) {
            return Err(Error::new(
                ErrorKind::OutOfMemory,
                format!(
                    "a copy of process {} takes {} MiB, the walk over it {} MiB, and {} MiB of memory are available",
                    process.pid(),
                    needed >> 20,
                    walk >> 20,
                    available >> 20
                ),
            )
            .hint("it can be read without a copy, while it stays stopped"));
        }
        let arena = arena(layout.length + layout.length / 4 + 4 * GROWTH.end())?;
        // A limit of this process's address space must leave room for the walk.
        drop(self::arena(walk)?);
        for run in &layout.runs {
            populate(&arena, run.offset, run.span.len());
        }
        if let Some(last) = layout.runs.last() {
            let growth = (needed / GROWING_PART).clamp(*GROWTH.start(), *GROWTH.end());
            populate(&arena, last.offset + last.span.len(), growth);
        }
        Ok(Preparation { files, arena })
    }

    /// Copies the memory of `process`, which stands still.
    pub(super) fn copy(mut self, process: &Process) -> Result<Copied> {
        let mut layout = Layout::of(process, &mut self.files)?;
        if layout.length > self.arena.len() as u64 {
            self.arena = arena(layout.length)?;
        }
        let (bytes, holes) = copy_runs(process, &layout.runs, &mut self.arena)?;
        layout.exclude(&holes);
        Ok(Copied { pid: process.pid(), layout, arena: self.arena, bytes })
    }
}

impl Copied {
    /// The snapshot, now that the process goes on.
    pub(super) fn finish(self, threads: Vec<i32>, pause: Duration) -> Snapshot {
        let Layout { mappings, copies, runs, windows, writable, .. } = self.layout;
        let filled = runs.into_iter().map(|run| run.span).collect();
        Snapshot::new(self.pid, mappings, (writable, filled), self.arena, copies, windows, threads, pause, self.bytes)
    }
}

/// Fills the runs, with more threads than one where there is much to copy. Gives how many bytes could be read, and what could
/// not.
fn copy_runs(process: &Process, runs: &[Copy], arena: &mut [u8]) -> Result<(u64, Vec<Span>)> {
    let (mut pieces, mut rest, mut from) = (Vec::new(), arena, 0);
    for run in runs {
        // Runs are ascending in the arena, and do not overlap.
        let parts = run.offset.checked_sub(from).and_then(|gap| std::mem::take(&mut rest).split_at_mut_checked(gap as usize));
        let parts = parts.and_then(|(_, after)| after.split_at_mut_checked(run.span.len() as usize));
        let Some((target, after)) = parts else { return Err(snapshot::defect("the copy of a process".to_owned())) };
        let starts = (0..).map(|index| run.span.start.offset(index * PIECE as i64));
        pieces.extend(starts.zip(target.chunks_mut(PIECE as usize)));
        (rest, from) = (after, run.offset + run.span.len());
    }
    let threads =
        std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS).min(pieces.len() / PIECES_OF_A_THREAD);
    let pieces = Mutex::new(pieces.into_iter());
    let work = || {
        let (mut bytes, mut holes) = (0, Vec::new());
        loop {
            let next = pieces.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((start, piece)) = next else { return Ok((bytes, holes)) };
            bytes += copy_piece(process, start, piece, &mut holes)?;
        }
    };
    std::thread::scope(|scope| {
        // Where no thread can be made, those that there are do all.
        let helpers: Vec<_> = (1..threads).map_while(|_| std::thread::Builder::new().spawn_scoped(scope, work).ok()).collect();
        let mut whole: Result<(u64, Vec<Span>)> = work();
        for helper in helpers {
            let told = helper.join().unwrap_or_else(|_| Err(snapshot::defect("the copy of a process".to_owned())));
            whole = whole.and_then(|(bytes, mut holes)| {
                let (more, further) = told?;
                holes.extend(further);
                Ok((bytes + more, holes))
            });
        }
        whole
    })
}

/// Fills `piece` from `start`; pages that cannot be read are noted in `holes`.
fn copy_piece(process: &Process, start: Address, piece: &mut [u8], holes: &mut Vec<Span>) -> Result<u64> {
    let mut done = 0;
    let mut lost = 0;
    while done < piece.len() {
        let length = process
            .read(start.offset(done as i64), &mut piece[done..])
            .map_err(|error| process.explain(&error, "its memory cannot be read"))?;
        done += length;
        if done < piece.len() {
            let hole = start.offset(done as i64);
            let step = (PAGE - hole.0 % PAGE).min((piece.len() - done) as u64);
            holes.push(Span::new(hole, step));
            done += step as usize;
            lost += step;
        }
    }
    Ok(piece.len() as u64 - lost)
}

impl Layout {
    fn of(process: &Process, files: &mut FileCache) -> Result<Layout> {
        let mappings = process.mappings()?;
        if mappings.is_empty() {
            let pid = process.pid();
            return Err(Error::new(ErrorKind::ProcessDied, format!("process {pid} has no memory any more")));
        }
        let mut residency = Residency::searched(process.reader(), &mappings).ok();
        let mut layout = Layout::default();
        for mapping in mappings.iter().filter(|mapping| mapping.is_readable()) {
            layout.add(mapping, residency.as_mut(), files);
        }
        layout.mappings = mappings;
        Ok(layout)
    }

    fn add(&mut self, mapping: &Mapping, mut residency: Option<&mut Residency>, files: &mut FileCache) {
        let span = mapping.span;
        let is_file = mapping.file().is_some();
        // The kernel's own, as `[vdso]`, is nobody's page.
        let is_searched = residency.as_ref().is_some_and(|residency| residency.is_searched()) && !mapping.is_of_kernel();
        // A page of shared memory that nobody has written to is made when it is read, and there may be no room for it.
        let is_shared = is_file && mapping.permissions.shared && residency.is_some();
        let whole_limit = match (is_file, mapping.permissions.write) {
            _ if is_shared => 0,
            (true, true) => LARGE_FILE,
            (true, false) => 0,
            (false, _) if is_searched => 0,
            (false, _) => SMALL,
        };
        let whole = span.len() <= whole_limit || (!is_file && mapping.permissions.shared);
        let is_sparse = mapping.permissions.write && span.len() >= SPARSE;
        let wanted = if whole || is_file { is_sparse.then_some(Wanted::Resident) } else { Some(Wanted::Own) };
        let runs = wanted.and_then(|wanted| residency.as_mut()?.runs(span, wanted).ok());
        if mapping.permissions.write {
            match runs.as_ref().filter(|_| is_sparse) {
                Some(runs) => self.writable.extend(residency::joined(runs)),
                None => self.writable.push(span),
            }
        }
        if whole {
            return self.copy_whole(span);
        }
        if !is_file {
            let offset = self.place(span);
            for run in runs.unwrap_or_else(|| vec![span]) {
                self.runs.push(Copy { span: run, offset: offset + (run.start.0 - span.start.0) });
            }
            return;
        }
        // A file is read later, but for the pages that the process has changed for itself alone: relocated constants,
        // and what was writable once.
        let Some((file, length)) = files.open(mapping) else {
            let runs = residency.filter(|_| is_shared).and_then(|residency| residency.runs(span, Wanted::Exactly).ok());
            return runs.unwrap_or_else(|| vec![span]).into_iter().for_each(|run| self.copy_whole(run));
        };
        let written = match residency {
            // What is written to it next is not what stood there.
            Some(residency) if is_shared && mapping.permissions.write => {
                let runs = residency.runs(span, Wanted::Exactly).unwrap_or_default();
                let length = runs.iter().map(|run| run.len()).sum();
                self.shared.checked_add(length).filter(|sum| *sum <= LARGE_SHARED).map_or_else(Vec::new, |sum| {
                    self.shared = sum;
                    runs
                })
            }
            _ if mapping.permissions.shared || (mapping.permissions.execute && !mapping.permissions.write) => Vec::new(),
            Some(residency) => match residency.runs(span, Wanted::Own) {
                Ok(runs) => runs,
                Err(_) => return self.copy_whole(span),
            },
            None => return self.copy_whole(span),
        };
        let mut begin = span.start;
        for run in written {
            self.window(mapping, Span { start: begin, end: run.start }, &file, length);
            self.copy_whole(run);
            begin = run.end;
        }
        self.window(mapping, Span { start: begin, end: span.end }, &file, length);
    }

    fn copy_whole(&mut self, span: Span) {
        let offset = self.place(span);
        self.runs.push(Copy { span, offset });
    }

    /// Gives `span` a place in the arena: neighbours in the target are neighbours there.
    fn place(&mut self, span: Span) -> u64 {
        let offset = self.length;
        self.length += span.len();
        self.copies.push(Copy { span, offset });
        offset
    }

    /// Leaves `span`, a part of `mapping`, to be read from a file of `length` bytes.
    fn window(&mut self, mapping: &Mapping, span: Span, file: &Arc<File>, length: u64) {
        let offset = mapping.offset.0 + (span.start.0 - mapping.span.start.0);
        let backed = length.saturating_sub(offset).next_multiple_of(PAGE).min(span.len());
        let span = Span::new(span.start, backed);
        if !span.is_empty() {
            self.windows.push(FileWindow::new(span, Arc::clone(file), offset));
        }
    }

    /// Takes pages that could not be read out of the copies.
    fn exclude(&mut self, holes: &[Span]) {
        if holes.is_empty() {
            return;
        }
        let mut holes = holes.to_vec();
        holes.sort();
        let mut holes = holes.into_iter().peekable();
        let mut kept = Vec::with_capacity(self.copies.len());
        for copy in self.copies.drain(..) {
            let mut begin = copy.span.start;
            while let Some(hole) = holes.next_if(|hole| hole.start < copy.span.end) {
                if begin < hole.start {
                    kept.push(copy.part(Span { start: begin, end: hole.start }));
                }
                begin = hole.end;
            }
            if begin < copy.span.end {
                kept.push(copy.part(Span { start: begin, end: copy.span.end }));
            }
        }
        self.copies = kept;
    }
}

/// Files of the target, each opened once.
#[derive(Debug)]
struct FileCache {
    files: Files,
    open: FxHashMap<(u32, u32, u64), Option<(Arc<File>, u64)>>,
}

impl FileCache {
    fn open(&mut self, mapping: &Mapping) -> Option<(Arc<File>, u64)> {
        let key = (mapping.device.0, mapping.device.1, mapping.inode);
        let files = &self.files;
        let opened = self.open.entry(key).or_insert_with(|| {
            let file = files.open(mapping)?;
            let length = file.metadata().ok()?.len();
            Some((Arc::new(file), length))
        });
        opened.clone()
    }
}

/// Zeros of which no page exists yet.
fn arena(length: u64) -> Result<MmapMut> {
    let length = usize::try_from(length).unwrap_or(usize::MAX).max(PAGE as usize);
    MmapOptions::new().len(length).no_reserve_swap().map_anon().map_err(|error| {
        let kind = if error.kind() == std::io::ErrorKind::OutOfMemory { ErrorKind::OutOfMemory } else { ErrorKind::System };
        Error::new(kind, format!("{length} bytes of address space for the copy are not to be had")).source(error)
    })
}

/// Has the pages of `arena` in a range faulted in, huge ones where it is long. What cannot be is faulted in later.
fn populate(arena: &MmapMut, offset: u64, length: u64) {
    let start = offset - offset % PAGE;
    let end = (offset + length).min(arena.len() as u64);
    if start >= end {
        return;
    }
    let (start, length) = (start as usize, (end - start) as usize);
    if length as u64 >= HUGE {
        let _ = arena.advise_range(Advice::HugePage, start, length);
    }
    let _ = arena.advise_range(Advice::PopulateWrite, start, length);
}

#[cfg(test)]
#[path = "copy_tests.rs"]
mod tests;
