//! A core file as memory: an ELF file with what a process's memory was, by the kernel or by a debugger, completed from the
//! files that the process had mapped.
//!
//! The file is mapped, not read. Where an address lies in it comes first; what was only to be read comes from a mapped file
//! that is proven to be the same ([`Search`]); everything else is absent, and what is absent is said ([`Core::faults`]).

mod elf;
mod loaded;
mod mapped;
mod mapping;
mod notes;
mod packed;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use heapsake_core::{Address, RegionMap, Span};
use memmap2::Mmap;
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use self::elf::Segment;
use self::mapped::Found;
use self::notes::MappedFile;
use super::pieces::{Copy, FileWindow, Pieces};
use super::{FileOffset, Files, Mapping, Memory, Permissions, Source, Unreadable};
use crate::error::{Error, ErrorKind, Result};

pub use mapped::Search;
pub use notes::{Notes, ProcessInfo, Thread};
pub use packed::{Unpacked, spool};

const PAGE: u64 = 4096;
/// Addresses from here on are the kernel's.
const USER_SPACE: u64 = 1 << 48;
/// `AT_ENTRY` of the auxiliary vector.
const ENTRY: u64 = 9;

/// A core file.
pub struct Core {
    path: PathBuf,
    length: u64,
    written: Option<SystemTime>,
    notes: Notes,
    mappings: Vec<Mapping>,
    pieces: Pieces<Mmap>,
    /// The memory of which the file has more than zeros that take no room in it, ascending.
    filled: Vec<Span>,
    /// Texts that were in read-only pages which are not to be had, and are known from elsewhere.
    texts: BTreeMap<Address, Box<[u8]>>,
    files: Files,
    faults: Vec<String>,
    is_cut: bool,
    is_hollow: bool,
}

impl Core {
    /// The core file at `path`, which may be packed (gzip, zstd, lz4): then it is unpacked into a file without a name in the
    /// folder `scratch`.
    ///
    /// # Errors
    /// [`ErrorKind::NotACore`], [`ErrorKind::OtherMachine`], and [`ErrorKind::System`] when it cannot be opened or unpacked.
    pub fn open(path: &Path, search: &Search, scratch: &Path) -> Result<Core> {
        Core::of(Unpacked::open(path, scratch)?, search)
    }

    /// The core file that was opened already.
    ///
    /// # Errors
    /// As [`Core::open`].
    pub fn of(unpacked: Unpacked, search: &Search) -> Result<Core> {
        let Unpacked { file, path, written, mut faults } = unpacked;
        let failed =
            |error: std::io::Error| Error::new(ErrorKind::System, format!("{} cannot be mapped", path.display())).source(error);
        let length = file.metadata().map_err(failed)?.len();
        if length == 0 {
            return Err(elf::no_elf(&[]));
        }
        let bytes = mapping::map(&file).map_err(failed)?;
        let (machine, segments) = elf::segments(&bytes)?;
        let mut notes = Notes::of(&bytes, machine, &segments);
        let loads = loads(&segments);
        let (copies, told_twice) = apart(loads.iter().filter_map(|load| held(load, length)).collect());
        let cut = cut(&loads, &copies, length);
        faults.extend(shortages(&loads, cut, told_twice));
        let is_hollow = left_out(&loads) > loads.iter().filter(|load| is_writable(load)).map(|load| load.file_size).sum();
        if notes.threads.is_empty() {
            faults.push("no thread is told: native stacks and registers are missing".to_owned());
        }
        let filled = filled(&file, length, &copies);
        let held = RegionMap::new(&copies.iter().map(|copy| copy.span).collect::<Vec<_>>());
        let pieces = Pieces::new(bytes, copies, Vec::new());
        if notes.files.is_empty() {
            notes.files = loaded::files(&pieces, &notes, search);
            let but = if notes.files.is_empty() { ", and has no list of the loader's" } else { "; the loader's own list does" };
            faults.push(format!("the core does not tell which files were mapped{but}"));
        }
        let mappings = mappings(&loads, &notes.files);
        let entry = notes.auxiliary(ENTRY).map(Address);
        let found = Found::of(&pieces, &mappings, entry, search, written);
        let (windows, written_to) = windows(&mappings, &held, &found, is_hollow);
        let Found { files, faults: missing, .. } = found;
        faults.extend(missing);
        faults.extend(
            written_to
                .iter()
                .map(|path| format!("{}: what was written to it by way of memory is told as the file is now", path.display())),
        );
        let files = files.into_iter().map(|(place, backing)| (place, backing.file)).collect();
        let files = Files::found(&search.root(), files);
        let pieces = pieces.with_windows(windows);
        Ok(Core {
            path,
            length,
            written,
            notes,
            mappings,
            pieces,
            filled,
            texts: BTreeMap::new(),
            files,
            faults,
            is_cut: cut.is_some(),
            is_hollow,
        })
    }

    /// Its path; `-` for what came by standard input.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its bytes, unpacked.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// When it was written.
    pub fn written(&self) -> Option<SystemTime> {
        self.written
    }

    /// Threads, process, and the signal that it died of.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// The files that it had mapped, as far as they are proven to be the same.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Whether the file ends before the memory that it tells of.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether most memory that the program could write to was left out: of its objects nothing is there.
    pub fn is_hollow(&self) -> bool {
        self.is_hollow
    }

    /// What is missing, in words.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Puts texts where read-only pages are missing.
    pub(crate) fn supply(&mut self, texts: BTreeMap<Address, Box<[u8]>>) {
        self.texts = texts;
    }

    #[cold]
    fn supplied(&self, address: Address, into: &mut [u8]) -> std::result::Result<(), Unreadable> {
        let failure = Unreadable::new(address, into.len());
        let (start, text) = self.texts.range(..=address).next_back().ok_or(failure)?;
        let begin = (address.0 - start.0) as usize;
        let end = begin.checked_add(into.len()).ok_or(failure)?;
        into.copy_from_slice(text.get(begin..end).ok_or(failure)?);
        Ok(())
    }
}

/// As much of a core as says what it is, which comes first, and the bytes that were read for it.
///
/// # Errors
/// [`ErrorKind::NotACore`] and [`ErrorKind::OtherMachine`].
pub fn head(input: &mut dyn Read) -> Result<(Notes, Vec<u8>)> {
    const LARGEST: u64 = 256 << 20;
    let mut bytes = Vec::new();
    let mut more = |bytes: &mut Vec<u8>, length: u64| {
        let wanted = length.min(LARGEST).saturating_sub(bytes.len() as u64);
        Read::take(&mut *input, wanted)
            .read_to_end(bytes)
            .map(drop)
            .map_err(|error| Error::new(ErrorKind::System, "standard input cannot be read").source(error))
    };
    more(&mut bytes, elf::HEADER as u64)?;
    let headers = elf::headers_end(&bytes).unwrap_or(0);
    more(&mut bytes, headers)?;
    let (machine, segments) = elf::segments(&bytes)?;
    more(&mut bytes, elf::head_length(&segments))?;
    Ok((Notes::of(&bytes, machine, &segments), bytes))
}

/// The parts of memory that the core tells of, ascending, without overlaps and without the kernel's own.
fn loads(segments: &[Segment]) -> Vec<Segment> {
    let is_memory = |segment: &&Segment| segment.is_load() && segment.address < USER_SPACE && segment.memory_size > 0;
    let mut loads: Vec<Segment> = segments.iter().filter(is_memory).copied().collect();
    loads.sort_by_key(|load| load.address);
    let mut end = 0;
    loads.retain_mut(|load| {
        load.memory_size = load.memory_size.min(USER_SPACE - load.address);
        // Of two that tell of one place the lower one is believed.
        let begin = load.address.max(end).next_multiple_of(PAGE);
        let skipped = begin - load.address;
        load.offset = load.offset.saturating_add(skipped);
        load.file_size = load.file_size.saturating_sub(skipped);
        load.memory_size = load.memory_size.saturating_sub(skipped);
        load.address = begin;
        end = end.max(load.address.saturating_add(load.memory_size));
        load.memory_size > 0
    });
    loads
}

/// The whole pages of a segment that the file has.
fn held(load: &Segment, length: u64) -> Option<Copy> {
    let there = length.saturating_sub(load.offset).min(load.file_size).min(load.memory_size);
    let there = there - there % PAGE;
    (there > 0).then(|| Copy { span: Span::new(Address(load.address), there), offset: load.offset })
}

/// The memory that the file does not have as holes: of a mapping that was reserved rather than used a core has terabytes of those.
fn filled(file: &File, length: u64, copies: &[Copy]) -> Vec<Span> {
    let mut filled: Vec<Span> = Vec::new();
    for copy in copies {
        let end = (copy.offset + copy.span.len()).min(length);
        let mut at = copy.offset;
        while at < end {
            let start = match seek(file, SeekFrom::Data(at)) {
                Ok(start) => start.max(at),
                Err(Errno::NXIO) => break,
                // The file system knows of no holes.
                Err(_) => at,
            };
            if start >= end {
                break;
            }
            at = seek(file, SeekFrom::Hole(start)).unwrap_or(end).clamp(start + 1, end);
            // Blocks of the file need not be pages of memory.
            let first = (start - copy.offset) & !(PAGE - 1);
            let last = (at - copy.offset).next_multiple_of(PAGE).min(copy.span.len());
            let span = Span { start: copy.span.start.offset(first as i64), end: copy.span.start.offset(last as i64) };
            match filled.last_mut() {
                Some(before) if before.end >= span.start => before.end = before.end.max(span.end),
                _ => filled.push(span),
            }
        }
    }
    filled
}

/// Of parts of the file that tell of two places in memory the one that comes first in the file is believed, so that no more
/// memory is told of than the file has; and how much that leaves out.
fn apart(mut copies: Vec<Copy>) -> (Vec<Copy>, u64) {
    copies.sort_by_key(|copy| (copy.offset, copy.span.start));
    let (mut end, mut left_out) = (0_u64, 0);
    copies.retain_mut(|copy| {
        // Whole pages, as everything else.
        let skipped = end.saturating_sub(copy.offset).next_multiple_of(PAGE).min(copy.span.len());
        left_out += skipped;
        copy.offset += skipped;
        copy.span.start = copy.span.start.offset(skipped as i64);
        end = end.max(copy.offset + copy.span.len());
        !copy.span.is_empty()
    });
    copies.sort_by_key(|copy| copy.span.start);
    (copies, left_out)
}

/// If a file of this length ends before its segments do: how much of memory it should have, and has.
fn cut(loads: &[Segment], copies: &[Copy], length: u64) -> Option<(u64, u64)> {
    let wanted: u64 = loads.iter().map(|load| load.file_size.min(load.memory_size)).sum();
    let end = loads.iter().map(|load| load.offset.saturating_add(load.file_size)).max().unwrap_or(0);
    let there: u64 = copies.iter().map(|copy| copy.span.len()).sum();
    (wanted > there && end > length).then_some((wanted, there))
}

fn is_writable(load: &Segment) -> bool {
    const WRITE: u32 = 2;
    load.flags & WRITE != 0
}

/// Bytes of writable memory that the file does not have and never had.
fn left_out(loads: &[Segment]) -> u64 {
    loads.iter().filter(|load| is_writable(load) && load.file_size == 0).map(|load| load.memory_size).sum()
}

/// What a core lacks by itself.
fn shortages(loads: &[Segment], cut: Option<(u64, u64)>, told_twice: u64) -> Vec<String> {
    let mut found = Vec::new();
    if let Some((wanted, there)) = cut {
        let (wanted, there) = (bytes(wanted), bytes(there));
        found.push(format!("the core file is cut: of {wanted} of memory it has {there}"));
    }
    if told_twice > 0 {
        let told_twice = bytes(told_twice);
        found.push(format!("{told_twice} of memory were left out, whose bytes in the file are those of other memory"));
    }
    let left_out = left_out(loads);
    if left_out > 0 {
        found.push(format!(
            "{} of writable memory are not in the core: never touched, or left out (core(5): coredump_filter; MADV_DONTDUMP)",
            bytes(left_out)
        ));
    }
    found
}

fn bytes(count: u64) -> String {
    match count {
        0..=9_999 => format!("{count} bytes"),
        10_000..=9_999_999 => format!("{:.1} kB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

/// The mappings of the process: by segments, by files, or both.
fn mappings(loads: &[Segment], files: &[MappedFile]) -> Vec<Mapping> {
    let is_memory = |file: &&MappedFile| !file.span.is_empty() && file.span.end.0 <= USER_SPACE;
    let mut files: Vec<&MappedFile> = files.iter().filter(is_memory).collect();
    files.sort_by_key(|file| file.span.start);
    let mut inodes: BTreeMap<&Path, u64> = BTreeMap::new();
    for file in &files {
        let next = inodes.len() as u64 + 1;
        inodes.entry(&file.path).or_insert(next);
    }
    let named = |span: Span, permissions: Permissions, file: &MappedFile| {
        let name = file.path.to_string_lossy();
        let (path, deleted) = match name.strip_suffix(" (deleted)") {
            Some(name) => (PathBuf::from(name), true),
            None => (file.path.clone(), false),
        };
        Mapping {
            span,
            permissions,
            offset: FileOffset(file.offset.saturating_add(span.start.0 - file.span.start.0)),
            device: (0, 0),
            inode: inodes.get(file.path.as_path()).copied().unwrap_or(0),
            path: Some(path),
            deleted,
        }
    };
    let mut found = Vec::new();
    let mut segments = loads.iter().map(|load| {
        let permissions =
            Permissions { read: load.flags & 4 != 0, write: load.flags & 2 != 0, execute: load.flags & 1 != 0, shared: false };
        (Span::new(Address(load.address), load.memory_size), permissions)
    });
    let mut next_segment = segments.next();
    let mut next_file = files.iter().copied().peekable();
    let mut at = Address(0);
    // Both lists are walked front to back; a piece ends where either has an edge.
    loop {
        while next_file.peek().is_some_and(|file| file.span.end <= at) {
            next_file.next();
        }
        while next_segment.is_some_and(|(span, _)| span.end <= at) {
            next_segment = segments.next();
        }
        let file = next_file.peek().copied();
        let begin = [next_segment.map(|(span, _)| span.start), file.map(|file| file.span.start)];
        let Some(begin) = begin.into_iter().flatten().min().map(|begin| begin.max(at)) else { break };
        let in_segment = next_segment.filter(|(span, _)| span.contains(begin));
        let in_file = file.filter(|file| file.span.contains(begin));
        let edges = [
            next_segment.map(|(span, _)| if span.start > begin { span.start } else { span.end }),
            file.map(|file| if file.span.start > begin { file.span.start } else { file.span.end }),
        ];
        let Some(end) = edges.into_iter().flatten().min() else { break };
        let span = Span { start: begin, end };
        match (in_segment, in_file) {
            (Some((_, permissions)), Some(file)) => found.push(named(span, permissions, file)),
            (Some((_, permissions)), None) => found.push(Mapping::anonymous(span, permissions)),
            // A debugger leaves out what was only to be read.
            (None, Some(file)) => {
                found.push(named(span, Permissions { read: true, execute: true, ..Permissions::default() }, file));
            }
            (None, None) => {}
        }
        at = end;
    }
    found
}

/// What is read from files that were found: what was only to be read, and of data what was written to the file itself. The kernel
/// leaves that out, and of what a process has for itself what it never wrote to, where it takes the rest.
/// Gives these files too: their times do not tell of all that others wrote to them since.
fn windows<'m>(
    mappings: &'m [Mapping],
    held: &RegionMap,
    found: &Found,
    is_hollow: bool,
) -> (Vec<FileWindow>, BTreeSet<&'m Path>) {
    let (mut windows, mut written_to) = (Vec::new(), BTreeSet::new());
    for mapping in mappings.iter().filter(|mapping| mapping.is_readable()) {
        let Some(backing) = mapping.file().and_then(|path| found.files.get(&(path.to_owned(), mapping.deleted))) else {
            continue;
        };
        let gaps = gaps(mapping.span, held);
        if mapping.permissions.write {
            if is_hollow || gaps != [mapping.span] || !backing.is_data() {
                continue;
            }
            written_to.extend(mapping.file());
        }
        for span in gaps {
            let offset = mapped::offset_of(mapping, span);
            // Beyond its end there is nothing to be read.
            let length = backing.file.metadata().map_or(0, |metadata| metadata.len()).saturating_sub(offset);
            let span = Span::new(span.start, span.len().min(length.next_multiple_of(PAGE)));
            if !span.is_empty() && backing.is_unwritten(span) {
                windows.push(FileWindow::new(span, Arc::clone(&backing.file), offset));
            }
        }
    }
    (windows, written_to)
}

/// The parts of a span in which nothing is held.
fn gaps(span: Span, held: &RegionMap) -> Vec<Span> {
    let regions = held.regions();
    let first = regions.partition_point(|region| region.end <= span.start);
    let mut gaps = Vec::new();
    let mut at = span.start;
    for region in regions[first..].iter().take_while(|region| region.start < span.end) {
        if at < region.start {
            gaps.push(Span { start: at, end: region.start });
        }
        at = region.end;
    }
    if at < span.end {
        gaps.push(Span { start: at, end: span.end });
    }
    gaps
}

impl Memory for Core {
    fn read_at(&self, address: Address, into: &mut [u8]) -> std::result::Result<(), Unreadable> {
        self.pieces.read_at(address, into).or_else(|_| self.supplied(address, into))
    }

    #[inline]
    fn slice(&self, address: Address, length: usize) -> Option<&[u8]> {
        self.pieces.slice(address, length)
    }

    #[inline]
    fn word(&self, address: Address) -> Option<u64> {
        self.pieces.word(address)
    }

    // A text that was put where a page is missing may be longer than the one that was there, and reach into the next.
    fn c_string(&self, address: Address, maximum: usize) -> Option<Vec<u8>> {
        match self.texts.get(&address) {
            Some(text) => Some(text.strip_suffix(b"\0").unwrap_or(text).to_vec()).filter(|text| text.len() <= maximum),
            None => self.pieces.c_string(address, maximum),
        }
    }

    #[inline]
    fn prefetch(&self, address: Address) {
        self.pieces.prefetch(address);
    }
}

impl Source for Core {
    fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    fn regions(&self) -> &RegionMap {
        self.pieces.regions()
    }

    /// Objects lie in what was written to, which is what a core has, and there only.
    fn writable(&self) -> Vec<Span> {
        let written = self.mappings.iter().filter(|mapping| mapping.is_readable() && mapping.permissions.write);
        written.flat_map(|mapping| mapping.span.parts_in(&self.filled)).collect()
    }

    fn searchable(&self, span: Span) -> Vec<Span> {
        span.parts_in(&self.filled)
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("path", &self.path)
            .field("mappings", &self.mappings.len())
            .field("threads", &self.notes.threads.len())
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
