//! The chunks of a file: found through index and trailer, or, when these are missing or wrong, by scanning for the magic.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use heapsake_core::format::records::{Index, IndexEntry, Trailer};
use heapsake_core::format::{ChunkHeader, ChunkKind, END_MARK, FIRST_LINE, FIRST_WORDS, HEADER_LENGTH, MAGIC, decompress};
use serde::de::DeserializeOwned;

use crate::fault::{Fault, FaultKind};
use crate::mapping::Bytes;

/// Faults that are told.
const MOST_FAULTS: usize = 10_000;

/// Faults in the order in which they were met, each once.
#[derive(Debug, Default)]
struct Faults {
    told: Vec<Fault>,
    known: HashSet<Fault>,
}

/// A file as chunks.
#[derive(Debug)]
pub(crate) struct Container {
    bytes: Bytes,
    /// All chunks that hold content, in the order of the file.
    pub(crate) chunks: Vec<IndexEntry>,
    /// The trailer; default when it is missing.
    pub(crate) trailer: Option<Trailer>,
    faults: Mutex<Faults>,
}

impl Container {
    /// The chunks of `bytes`; none when nothing in them belongs to a dump.
    pub(crate) fn new(bytes: Bytes) -> Option<Container> {
        let mut container = Container { bytes, chunks: Vec::new(), trailer: None, faults: Mutex::default() };
        if !container.indexed() {
            container.scan();
            if container.chunks.is_empty() && !container.bytes.starts_with(FIRST_WORDS) {
                return None;
            }
        }
        if let (Some(theirs), Some(ours)) = (version_of(&container.bytes), version_of(FIRST_LINE))
            && theirs > ours
        {
            let consequence = format!("of format {theirs}, later than {ours}: what is new in it is not understood");
            container.fault(0, FaultKind::Version, consequence);
        }
        for chunk in &container.chunks {
            if let ChunkKind::Unknown(number) = ChunkKind::from_number(chunk.kind) {
                let consequence = format!("a chunk of kind {number}, written by a later version, is left out");
                container.fault(chunk.offset, FaultKind::UnknownChunk, consequence);
            }
        }
        Some(container)
    }

    pub(crate) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Notes a fault, once.
    pub(crate) fn fault(&self, offset: u64, kind: FaultKind, consequence: String) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = Fault { offset, kind, consequence };
        if faults.told.len() < MOST_FAULTS && faults.known.insert(fault.clone()) {
            faults.told.push(fault);
            if faults.told.len() == MOST_FAULTS {
                let consequence = "there are more faults than these, which are not told".to_owned();
                faults.told.push(Fault { offset, kind, consequence });
            }
        }
    }

    pub(crate) fn faults(&self) -> Vec<Fault> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).told.clone()
    }

    pub(crate) fn of_kind(&self, kind: ChunkKind) -> impl Iterator<Item = &IndexEntry> {
        self.chunks.iter().filter(move |chunk| chunk.kind == kind.number())
    }

    /// The bytes of the header of the chunk at `offset`; fewer when the file ends.
    pub(crate) fn header_bytes(&self, offset: u64) -> &[u8] {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        &self.bytes[start..self.bytes.len().min(start.saturating_add(HEADER_LENGTH))]
    }

    /// Header and stored payload of the chunk at `offset`.
    fn stored(&self, offset: u64) -> Option<(ChunkHeader, &[u8])> {
        let rest = self.bytes.get(usize::try_from(offset).ok()?..)?;
        let header = ChunkHeader::decode(rest)?;
        let stored = rest.get(HEADER_LENGTH..HEADER_LENGTH.checked_add(header.stored_length as usize)?)?;
        Some((header, stored))
    }

    /// Header and payload of the chunk at `offset`, checked and decompressed; a fault when it is damaged.
    pub(crate) fn payload(&self, offset: u64, holds: &str) -> Option<(ChunkHeader, Vec<u8>)> {
        let Some((header, stored)) = self.stored(offset) else {
            self.fault(offset, FaultKind::Truncated, format!("{holds}: the chunk is not there whole"));
            return None;
        };
        if crc32fast::hash(stored) != header.payload_checksum {
            self.fault(offset, FaultKind::Checksum, format!("{holds}: {} bytes are not as they were written", stored.len()));
            return None;
        }
        match decompress(header.codec, stored, header.raw_length) {
            Ok(raw) => Some((header, raw)),
            Err(problem) => {
                self.fault(offset, FaultKind::Undecodable, format!("{holds}: the chunk {problem}"));
                None
            }
        }
    }

    /// The record of a descriptive chunk.
    pub(crate) fn record<T: DeserializeOwned>(&self, offset: u64, holds: &str) -> Option<T> {
        let (_, raw) = self.payload(offset, holds)?;
        match ciborium::from_reader(&raw[..]) {
            Ok(record) => Some(record),
            Err(problem) => {
                self.fault(offset, FaultKind::Undecodable, format!("{holds}: {problem}"));
                None
            }
        }
    }

    /// Takes the chunks from index and trailer; whether they are there and plausible.
    fn indexed(&mut self) -> bool {
        let Some(end) = self.bytes.len().checked_sub(16) else { return false };
        let tail = &self.bytes[end..];
        if tail[..8] != END_MARK[..] {
            return false;
        }
        let offset = u64::from_le_bytes(tail[8..].try_into().unwrap_or_default());
        let is = |offset: u64, kind: ChunkKind| self.stored(offset).is_some_and(|(header, _)| header.kind == kind);
        if !is(offset, ChunkKind::Trailer) {
            return false;
        }
        let Some(trailer) = self.record::<Trailer>(offset, "the trailer") else { return false };
        let mut chunks = Vec::new();
        let mut at = trailer.index_offset;
        while is(at, ChunkKind::Index) {
            let Some(index) = self.record::<Index>(at, "the index") else { return false };
            chunks.extend(index.chunks);
            let Some((header, _)) = self.stored(at) else { return false };
            at += (HEADER_LENGTH + header.stored_length as usize) as u64;
        }
        if at != offset || chunks.len() as u64 != trailer.chunks {
            self.fault(trailer.index_offset, FaultKind::Index, "the index is not complete; the file was scanned instead".into());
            return false;
        }
        let after = offset as usize + HEADER_LENGTH + self.stored(offset).map_or(0, |(_, stored)| stored.len());
        if after < end {
            self.fault(after as u64, FaultKind::Gap, format!("{} bytes after the end belong to no dump", end - after));
        }
        self.chunks = chunks;
        self.trailer = Some(trailer);
        true
    }

    /// Holds the chunks that were found against the index that stands before the trailer.
    fn compare_with(&self, indexes: &[u64], promised: u64, updated: bool) {
        let mut listed: Vec<IndexEntry> = Vec::new();
        for offset in indexes {
            listed.extend(self.record::<Index>(*offset, "the index").unwrap_or_default().chunks);
        }
        if listed.is_empty() {
            return;
        }
        let is_whole = listed.len() as u64 == promised;
        let key = |entry: &IndexEntry| (entry.kind, entry.first, entry.count);
        let mut counts: HashMap<_, i64> = HashMap::new();
        for entry in &listed {
            *counts.entry(key(entry)).or_default() += 1;
        }
        for entry in &self.chunks {
            *counts.entry(key(entry)).or_default() -= 1;
        }
        let what = |entry: &IndexEntry| {
            let kind = ChunkKind::from_number(entry.kind);
            match kind {
                ChunkKind::Objects => {
                    format!("objects {} to {}", entry.first, entry.first.saturating_add(entry.count.max(1)) - 1)
                }
                ChunkKind::Elements | ChunkKind::Payload => format!("{kind} of object {}", entry.first),
                _ => kind.to_string(),
            }
        };
        for entry in listed.iter().chain(&self.chunks) {
            match counts.remove(&key(entry)) {
                Some(1..) => self.fault(entry.offset, FaultKind::Missing, format!("the chunk of {} is missing", what(entry))),
                // What was appended later may have no index yet.
                Some(..=-1) if is_whole && !updated => {
                    self.fault(entry.offset, FaultKind::Index, format!("the index has no such chunk of {}", what(entry)));
                }
                _ => {}
            }
        }
    }

    /// Finds the chunks by walking from header to header, and by looking for the next magic where one is damaged.
    fn scan(&mut self) {
        let bytes = &self.bytes;
        let mut at = if bytes.starts_with(FIRST_LINE) { FIRST_LINE.len() } else { find(bytes, 0).unwrap_or(bytes.len()) };
        let (mut chunks, mut gaps) = (Vec::new(), Vec::new());
        let mut trailer = None;
        let (mut indexes, mut superseded) = (Vec::new(), false);
        // Whether the last that was met is an end, and whether there was one before.
        let (mut ended, mut met_end, mut updated) = (false, false, false);
        while at < bytes.len() {
            ended = false;
            // What follows an end is an update.
            updated |= met_end;
            match ChunkHeader::decode(&bytes[at..]) {
                Some(header) => {
                    let entry =
                        IndexEntry { kind: header.kind.number(), offset: at as u64, first: header.first, count: header.count };
                    let end = at + HEADER_LENGTH + header.stored_length as usize;
                    if end > bytes.len() {
                        gaps.push((
                            at as u64,
                            FaultKind::Truncated,
                            format!("a chunk of {} goes on beyond the end", header.kind),
                        ));
                        // What follows may be a chunk all the same, when it is the length that is wrong; the header's checksum
                        // says that it is not.
                        break;
                    }
                    match header.kind {
                        ChunkKind::Index => {
                            // An update has an index of everything.
                            if std::mem::take(&mut superseded) {
                                indexes.clear();
                            }
                            indexes.push(at as u64);
                        }
                        ChunkKind::Trailer => (trailer, superseded) = (Some(at as u64), true),
                        _ => chunks.push(entry),
                    }
                    at = end;
                }
                None if bytes[at..].starts_with(END_MARK) && bytes.len() - at >= 16 => {
                    (ended, met_end) = (true, true);
                    at += 16;
                }
                None => {
                    let next = find(bytes, at + 1).unwrap_or(bytes.len());
                    gaps.push((at as u64, FaultKind::Gap, format!("{} bytes belong to no chunk", next - at)));
                    at = next;
                }
            }
        }
        if trailer.is_none() {
            let what = "the file ends before its trailer; what was written after that is missing".to_owned();
            gaps.push((bytes.len() as u64, FaultKind::Truncated, what));
        } else if updated && !ended {
            let what = "what was appended after the capture is not whole; the dump itself is".to_owned();
            gaps.push((bytes.len() as u64, FaultKind::Truncated, what));
        } else if !ended {
            let what = "the last bytes of the file are missing, nothing else".to_owned();
            gaps.push((bytes.len() as u64, FaultKind::Truncated, what));
        }
        self.chunks = chunks;
        for (offset, kind, consequence) in gaps {
            self.fault(offset, kind, consequence);
        }
        self.trailer = trailer.and_then(|offset| self.record(offset, "the trailer"));
        if let Some(promised) = self.trailer.as_ref().map(|trailer| trailer.chunks) {
            self.compare_with(&indexes, promised, updated);
        }
    }
}

fn find(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == MAGIC[0])?;
        if bytes[at..].starts_with(&MAGIC) {
            return Some(at);
        }
        at += 1;
    }
}

/// The version of the format that a first line names.
fn version_of(bytes: &[u8]) -> Option<u64> {
    let digits = bytes.strip_prefix(FIRST_WORDS)?.strip_prefix(b", version ")?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}
