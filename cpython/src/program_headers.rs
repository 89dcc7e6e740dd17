//! The program headers of a 64-bit ELF file, out of a process's memory or out of the file: which parts of it are mapped where.
//! By the ELF specification.
//!
//! Nothing else is believed of the head, and no file has more than so many headers.

use std::fs::File;
use std::os::unix::fs::FileExt;

use heapsake_core::Address;
use object::elf;

use crate::memory::Memory;

/// Bytes of an ELF header, and of a program header.
const ELF_HEADER: usize = 64;
pub(crate) const PROGRAM_HEADER: usize = 56;
/// More than any file has.
pub(crate) const MAXIMUM_HEADERS: u64 = 512;

/// A program header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ProgramHeader {
    /// What it tells of: `p_type`.
    pub(crate) kind: elf::ProgramType,
    /// In the file, in bytes.
    pub(crate) offset: u64,
    /// By the file's own addresses.
    pub(crate) address: u64,
    /// Bytes that the file has of it.
    pub(crate) in_file: u64,
    /// Bytes that it takes in memory.
    pub(crate) in_memory: u64,
}

/// The head of an ELF file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    pub(crate) file_type: elf::FileType,
    pub(crate) headers: Vec<ProgramHeader>,
}

impl Head {
    /// Of the file whose first page is mapped at `start`.
    pub(crate) fn in_memory<M: Memory + ?Sized>(memory: &M, start: Address) -> Option<Head> {
        let mut head = [0; ELF_HEADER];
        memory.read_at(start, &mut head).ok()?;
        Head::of(&head, |at, length| memory.read_vec(start.offset(i64::try_from(at).ok()?), length, usize::MAX).ok())
    }

    /// Of a file.
    pub(crate) fn of_file(file: &File) -> Option<Head> {
        let mut head = [0; ELF_HEADER];
        file.read_exact_at(&mut head, 0).ok()?;
        Head::of(&head, |at, length| {
            let mut bytes = vec![0; usize::try_from(length).ok()?];
            file.read_exact_at(&mut bytes, at).ok()?;
            Some(bytes)
        })
    }

    fn of(head: &[u8; ELF_HEADER], read: impl FnOnce(u64, u64) -> Option<Vec<u8>>) -> Option<Head> {
        let half = |at: usize| head.get(at..)?.first_chunk().map(|half| u16::from_le_bytes(*half));
        let is_known = head.starts_with(&elf::ELFMAG) && head[4] == elf::ELFCLASS64.0 && head[5] == elf::ELFDATA2LSB.0;
        let count = u64::from(half(56)?);
        if !is_known || count > MAXIMUM_HEADERS {
            return None;
        }
        let at = u64::from_le_bytes(*head.get(32..)?.first_chunk()?);
        let headers = decoded(&read(at, count * PROGRAM_HEADER as u64)?);
        Some(Head { file_type: elf::FileType(half(16)?), headers })
    }

    /// The headers of one kind.
    pub(crate) fn of_kind(&self, kind: elf::ProgramType) -> impl DoubleEndedIterator<Item = &ProgramHeader> {
        self.headers.iter().filter(move |header| header.kind == kind)
    }
}

/// The headers that these bytes are; one that is cut is left out.
pub(crate) fn decoded(bytes: &[u8]) -> Vec<ProgramHeader> {
    let header = |bytes: &[u8; PROGRAM_HEADER]| {
        let word = |at: usize| bytes.get(at..)?.first_chunk().map(|word| u64::from_le_bytes(*word));
        let kind = elf::ProgramType(u32::from_le_bytes(*bytes.first_chunk()?));
        Some(ProgramHeader { kind, offset: word(8)?, address: word(16)?, in_file: word(32)?, in_memory: word(40)? })
    };
    bytes.as_chunks::<PROGRAM_HEADER>().0.iter().filter_map(header).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Synthetic;

    /// A head with a header of each of these kinds.
    fn head(kinds: &[u32], class: u8, count: u16) -> Vec<u8> {
        let mut bytes = vec![0; ELF_HEADER];
        bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1]);
        bytes[16..20].copy_from_slice(&[3, 0, 183, 0]);
        bytes[32..40].copy_from_slice(&(ELF_HEADER as u64).to_le_bytes());
        bytes[56..58].copy_from_slice(&count.to_le_bytes());
        for kind in kinds {
            let mut header = [0; PROGRAM_HEADER];
            header[..4].copy_from_slice(&kind.to_le_bytes());
            for (at, word) in [(8, 0x1000u64), (16, 0x2000), (32, 5), (40, 9)] {
                header[at..at + 8].copy_from_slice(&word.to_le_bytes());
            }
            bytes.extend(header);
        }
        bytes
    }

    fn in_memory(bytes: &[u8]) -> Option<Head> {
        let start = Address(0x10_0000);
        let memory = Synthetic::builder().region(start, bytes.len()).bytes(start, bytes).build();
        Head::in_memory(&memory, start)
    }

    #[test]
    fn memory_and_file_say_the_same() {
        let bytes = head(&[1, 2], 2, 2);
        let found = in_memory(&bytes).expect("a head");
        assert_eq!(found.file_type, elf::ET_DYN);
        let of_kind: Vec<_> = found.of_kind(elf::PT_LOAD).collect();
        let first = ProgramHeader { kind: elf::PT_LOAD, offset: 0x1000, address: 0x2000, in_file: 5, in_memory: 9 };
        assert_eq!(of_kind, [&first]);
        let file = tempfile::tempfile().expect("a file");
        file.write_all_at(&bytes, 0).expect("room");
        assert_eq!(Head::of_file(&file), Some(found));
    }

    #[test]
    fn no_other_head_is_believed() {
        assert_eq!(in_memory(&head(&[1], 1, 1)), None, "of 32 bits");
        assert_eq!(in_memory(&head(&[1], 2, 513)), None, "of more headers than any file has");
        assert_eq!(in_memory(&head(&[1], 2, 2)), None, "whose second header is not there");
        assert_eq!(in_memory(b"\x7fELF"), None, "that is cut");
        let mut elsewhere = head(&[1], 2, 1);
        elsewhere[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(in_memory(&elsewhere), None, "whose headers are nowhere");
    }
}
