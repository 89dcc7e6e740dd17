//! Updates: chunks that are appended to a complete dump. What is in the file stays as it is, so that a process that dies on
//! the way leaves the old dump, which its reader finds by scanning.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::chunk::{ChunkHeader, ChunkKind, HEADER_LENGTH, MAXIMUM_RAW_LENGTH};
use super::compress::{Compressor, decompress};
use super::records::{Index, IndexEntry, Trailer};
use super::{END_MARK, Writer};
use crate::error::{Error, ErrorKind};

/// Appends what `write` writes to the dump at `path`, with a new index and trailer; gives the file's new length.
///
/// Everything is put together before the first byte is written; when writing fails, the file gets its old length back.
///
/// # Errors
/// [`ErrorKind::Append`]: the file is no complete dump, somebody else appends to it, or the disk says no.
pub fn append(path: &Path, compressor: Compressor, write: impl FnOnce(&mut Writer<'_>) -> io::Result<()>) -> Result<u64, Error> {
    update(path, compressor, write).map_err(|source| Error::new(ErrorKind::Append(path.to_owned()), source))
}

fn update(path: &Path, compressor: Compressor, write: impl FnOnce(&mut Writer<'_>) -> io::Result<()>) -> io::Result<u64> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    // The lock ends with the descriptor; one that is held already is not waited for, as its holder may never end. Where the
    // file system has no locks, there is none.
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        return Err(io::Error::new(io::ErrorKind::WouldBlock, "somebody else appends to it"));
    }
    let end = file.seek(SeekFrom::End(0))?;
    let old = Old::read(&mut file, end)?;
    let mut bytes = Vec::new();
    let mut writer = Writer::resume(&mut bytes, compressor, end, old.next_sequence, old.chunks);
    write(&mut writer)?;
    let length = writer.finish(old.trailer)?;
    file.seek(SeekFrom::Start(end))?;
    let written = file.write_all(&bytes).and_then(|()| file.sync_data());
    if let Err(problem) = written {
        // When even this fails, a reader still finds the old dump by scanning.
        let _ = file.set_len(end);
        return Err(problem);
    }
    Ok(length)
}

/// What the end of a dump says.
struct Old {
    trailer: Trailer,
    chunks: Vec<IndexEntry>,
    next_sequence: u32,
}

impl Old {
    fn read(file: &mut File, end: u64) -> io::Result<Old> {
        let incomplete = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("it is no complete dump: {what}"));
        let mut tail = [0; 16];
        let at = end.checked_sub(16).ok_or_else(|| incomplete("it is too short"))?;
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut tail)?;
        if tail[..8] != END_MARK[..] {
            return Err(incomplete("its end is missing"));
        }
        let offset = u64::from_le_bytes(tail[8..].try_into().unwrap_or_default());
        let (header, trailer) =
            record::<Trailer>(file, offset, ChunkKind::Trailer).ok_or_else(|| incomplete("its trailer is damaged"))?;
        let mut chunks = Vec::new();
        let mut at = trailer.index_offset;
        while at < offset {
            let (header, index) =
                record::<Index>(file, at, ChunkKind::Index).ok_or_else(|| incomplete("its index is damaged"))?;
            chunks.extend(index.chunks);
            at += HEADER_LENGTH as u64 + u64::from(header.stored_length);
        }
        if at != offset || chunks.len() as u64 != trailer.chunks {
            return Err(incomplete("its index does not fit"));
        }
        Ok(Old { trailer, chunks, next_sequence: header.sequence.saturating_add(1) })
    }
}

/// The record at `offset`, when a chunk of this kind is there and is as it was written.
fn record<T: serde::de::DeserializeOwned>(file: &mut File, offset: u64, kind: ChunkKind) -> Option<(ChunkHeader, T)> {
    let mut bytes = [0; HEADER_LENGTH];
    file.seek(SeekFrom::Start(offset)).ok()?;
    file.read_exact(&mut bytes).ok()?;
    let header = ChunkHeader::decode(&bytes).filter(|header| header.kind == kind)?;
    if header.stored_length as usize > MAXIMUM_RAW_LENGTH {
        return None;
    }
    let mut stored = vec![0; header.stored_length as usize];
    file.read_exact(&mut stored).ok()?;
    if crc32fast::hash(&stored) != header.payload_checksum {
        return None;
    }
    let raw = decompress(header.codec, &stored, header.raw_length).ok()?;
    Some((header, ciborium::from_reader(&raw[..]).ok()?))
}
