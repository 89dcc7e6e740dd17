//! The container's writer: streaming, append-only.

use std::io::{self, Write};

use serde::Serialize;

use super::chunk::{ChunkHeader, ChunkKind, HEADER_LENGTH, MAXIMUM_RAW_LENGTH};
use super::compress::Compressor;
use super::records::{Index, IndexEntry, Trailer};
use super::{FIRST_LINE, varint};

/// Bytes of one chunk of records: what is encoded is held twice, in a process that should stay small.
const RECORDS_LENGTH: usize = 128 << 10;
/// Index entries of one chunk; 64 thousand take about 2 MB.
const INDEX_ENTRIES: usize = 32 << 10;

/// Writes chunks, one after the other.
pub struct Writer<'w> {
    out: &'w mut dyn Write,
    compressor: Compressor,
    offset: u64,
    sequence: u32,
    index: Vec<IndexEntry>,
}

impl std::fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("offset", &self.offset).field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

impl<'w> Writer<'w> {
    /// A writer that has written the first line.
    ///
    /// # Errors
    /// What `out` says.
    pub fn new(out: &'w mut dyn Write, compressor: Compressor) -> io::Result<Writer<'w>> {
        out.write_all(FIRST_LINE)?;
        Ok(Writer { out, compressor, offset: FIRST_LINE.len() as u64, sequence: 0, index: Vec::new() })
    }

    /// A writer that goes on after `offset` bytes with the chunk number `sequence`; `index` has the chunks so far.
    pub(crate) fn resume(
        out: &'w mut dyn Write,
        compressor: Compressor,
        offset: u64,
        sequence: u32,
        index: Vec<IndexEntry>,
    ) -> Writer<'w> {
        Writer { out, compressor, offset, sequence, index }
    }

    /// Bytes written.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Writes one chunk.
    ///
    /// # Errors
    /// What the output says, and `InvalidInput` when `raw` is longer than a chunk may be.
    pub fn chunk(&mut self, kind: ChunkKind, first: u32, count: u32, raw: &[u8]) -> io::Result<()> {
        if raw.len() > MAXIMUM_RAW_LENGTH {
            let message = format!("a {kind} chunk of {} bytes, at most {MAXIMUM_RAW_LENGTH} are allowed", raw.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let (codec, stored) = self.compressor.compress(raw);
        let header = ChunkHeader {
            kind,
            codec,
            flags: 0,
            sequence: self.sequence,
            raw_length: raw.len() as u32,
            stored_length: stored.len() as u32,
            first,
            count,
            payload_checksum: crc32fast::hash(stored),
        };
        self.out.write_all(&header.encode())?;
        self.out.write_all(stored)?;
        self.index.push(IndexEntry { kind: kind.number(), offset: self.offset, first, count });
        self.offset += (HEADER_LENGTH + stored.len()) as u64;
        self.sequence += 1;
        Ok(())
    }

    /// Writes a descriptive record as CBOR.
    ///
    /// # Errors
    /// As [`Writer::chunk`].
    pub fn record(&mut self, kind: ChunkKind, first: u32, count: u32, record: &impl Serialize) -> io::Result<()> {
        self.chunk(kind, first, count, &cbor(record))
    }

    /// Writes `items` as as many records as it takes, each a map whose only entry `name` is an array of some, and of at most
    /// [`RECORDS_LENGTH`] bytes where no single item is longer.
    ///
    /// # Errors
    /// As [`Writer::chunk`].
    pub fn records<T: Serialize>(&mut self, kind: ChunkKind, name: &str, items: &[T]) -> io::Result<()> {
        let mut records = self.begin_records(kind, name);
        items.iter().try_for_each(|item| records.put(item))?;
        records.end()
    }

    /// As [`Writer::records`], of items that come one after the other.
    pub(crate) fn begin_records<'r>(&'r mut self, kind: ChunkKind, name: &'r str) -> Records<'r, 'w> {
        Records { writer: self, kind, name, encoded: Vec::new(), raw: Vec::new(), first: 0, count: 0 }
    }

    /// Writes index and trailer, and flushes. The trailer's own offset ends the file, after a mark, so that the last 16
    /// bytes lead to it.
    ///
    /// # Errors
    /// What the output says.
    pub fn finish(mut self, mut trailer: Trailer) -> io::Result<u64> {
        trailer.index_offset = self.offset;
        trailer.chunks = self.index.len() as u64;
        let index = std::mem::take(&mut self.index);
        for (number, entries) in index.chunks(INDEX_ENTRIES).enumerate() {
            let record = Index { chunks: entries.to_vec() };
            self.record(ChunkKind::Index, (number * INDEX_ENTRIES) as u32, entries.len() as u32, &record)?;
        }
        let at = self.offset;
        self.record(ChunkKind::Trailer, 0, 0, &trailer)?;
        let mut end = super::END_MARK.to_vec();
        end.extend(at.to_le_bytes());
        self.out.write_all(&end)?;
        self.out.flush()?;
        Ok(self.offset + end.len() as u64)
    }
}

/// Items that are written as records; what was put is written by [`Records::end`] at the latest.
#[must_use]
pub(crate) struct Records<'r, 'w> {
    writer: &'r mut Writer<'w>,
    kind: ChunkKind,
    name: &'r str,
    encoded: Vec<u8>,
    raw: Vec<u8>,
    first: u32,
    count: u32,
}

impl Records<'_, '_> {
    /// Takes one item.
    ///
    /// # Errors
    /// As [`Writer::chunk`].
    pub(crate) fn put(&mut self, item: &impl Serialize) -> io::Result<()> {
        let before = self.encoded.len();
        ciborium::into_writer(item, &mut self.encoded).map_err(|problem| io::Error::other(problem.to_string()))?;
        if self.encoded.len() > RECORDS_LENGTH && self.count > 0 {
            self.write(before)?;
        }
        self.count += 1;
        Ok(())
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// As [`Writer::chunk`].
    pub(crate) fn end(mut self) -> io::Result<()> {
        if self.count > 0 { self.write(self.encoded.len()) } else { Ok(()) }
    }

    /// Writes the items that take the first `length` bytes.
    fn write(&mut self, length: usize) -> io::Result<()> {
        array_in_map(self.name, self.count, &self.encoded[..length], &mut self.raw);
        self.writer.chunk(self.kind, self.first, self.count, &self.raw)?;
        self.encoded.drain(..length);
        (self.first, self.count) = (self.first + self.count, 0);
        Ok(())
    }
}

/// A map of one entry, an array of `count` items that are encoded already (RFC 8949, section 3).
fn array_in_map(name: &str, count: u32, encoded: &[u8], raw: &mut Vec<u8>) {
    raw.clear();
    raw.push(0xa1);
    let _ = ciborium::into_writer(name, &mut *raw);
    raw.push(0x9a);
    raw.extend(count.to_be_bytes());
    raw.extend_from_slice(encoded);
}

/// A record as CBOR.
pub(crate) fn cbor(record: &impl Serialize) -> Vec<u8> {
    let mut raw = Vec::new();
    // Writing to a vector cannot fail, and our records have no map keys that CBOR lacks.
    let _ = ciborium::into_writer(record, &mut raw);
    raw
}

/// Encodes the payload of a payload chunk: offset in the value, and the bytes.
pub(crate) fn payload(offset: u64, bytes: &[u8]) -> Vec<u8> {
    let mut raw = Vec::with_capacity(bytes.len() + 10);
    varint::put(&mut raw, offset);
    raw.extend_from_slice(bytes);
    raw
}
