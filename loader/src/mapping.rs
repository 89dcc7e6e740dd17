//! The bytes of a dump: mapped, so that opening reads what is shown and no more; or read into memory.

#![expect(unsafe_code, reason = "mapping a file")]

use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;

/// The bytes of a dump, or of a graph that was kept.
#[derive(Debug)]
pub struct Bytes(Source);

#[derive(Debug)]
enum Source {
    Mapped(memmap2::Mmap),
    Owned(Vec<u8>),
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Bytes {
        Bytes(Source::Owned(bytes))
    }
}

impl Bytes {
    /// Maps `file`, or reads it where it cannot be mapped (a pipe, a file system without mappings).
    pub(crate) fn of_file(mut file: File) -> io::Result<Bytes> {
        // SAFETY: the mapping is private and read-only. Should another process shorten the file while it is mapped, reading
        // the lost pages ends this process by SIGBUS; finished dumps are never changed by heapsake.
        if let Ok(mapped) = unsafe { memmap2::MmapOptions::new().map_copy_read_only(&file) } {
            return Ok(Bytes(Source::Mapped(mapped)));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Source::Mapped(mapped) => mapped,
            Source::Owned(bytes) => bytes,
        }
    }
}
