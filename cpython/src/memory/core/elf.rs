//! The head of a core file: which machine it is of, and its segments. By the ELF specification and `binfmt_elf.c` of Linux.
//!
//! Program headers are believed as far as the file goes. A count beyond 65,534 stands in the first section header
//! (`PN_XNUM`), which the kernel writes behind the memory, so a cut file has lost it: then it is told by where the first
//! segment's bytes begin, which follow the headers.

use object::elf;

use crate::error::{Error, ErrorKind, Result};
use crate::machine::Machine;

/// `ELFCLASS64`, `ELFDATA2LSB`, `ET_CORE` and `PN_XNUM`.
const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const CORE: u16 = 4;
const MANY: u16 = 0xffff;
/// Bytes of the ELF header, and of a program header.
pub(super) const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
/// More segments than a process can have mappings, whatever a damaged file says.
const MAXIMUM_SEGMENTS: u64 = 1 << 22;

/// A program header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Segment {
    pub(super) kind: u32,
    pub(super) flags: u32,
    pub(super) offset: u64,
    pub(super) address: u64,
    pub(super) file_size: u64,
    pub(super) memory_size: u64,
}

impl Segment {
    pub(super) fn is_load(&self) -> bool {
        self.kind == elf::PT_LOAD.0
    }

    pub(super) fn is_note(&self) -> bool {
        self.kind == elf::PT_NOTE.0
    }
}

/// The segments of the core file that begins with `bytes`.
///
/// # Errors
/// [`ErrorKind::NotACore`] for anything else, and [`ErrorKind::OtherMachine`] for a core that cannot be read.
pub(super) fn segments(bytes: &[u8]) -> Result<(Machine, Vec<Segment>)> {
    if !bytes.starts_with(&elf::ELFMAG) {
        return Err(no_elf(bytes));
    }
    let short = || not_a_core("it ends in the ELF header");
    let (class, data) = (*bytes.get(4).ok_or_else(short)?, *bytes.get(5).ok_or_else(short)?);
    let kind = half(bytes, 16).ok_or_else(short)?;
    if data == LITTLE_ENDIAN && kind != CORE {
        let what = match kind {
            1 => "an object file",
            2 | 3 => "a program or a library",
            _ => "an ELF file",
        };
        return Err(not_a_core(&format!("it is {what}, not a core file")));
    }
    let machine = half(bytes, 18).ok_or_else(short)?;
    let known = Machine::of_elf(machine).filter(|_| class == CLASS_64 && data == LITTLE_ENDIAN);
    let Some(known) = known else {
        let width = if class == CLASS_64 { 64 } else { 32 };
        let machine = if data == LITTLE_ENDIAN { machine } else { machine.swap_bytes() };
        let machine = match machine {
            3 => "x86".to_owned(),
            40 => "ARM".to_owned(),
            62 => Machine::X86_64.name().to_owned(),
            183 => Machine::Aarch64.name().to_owned(),
            243 => "RISC-V".to_owned(),
            number => format!("machine {number}"),
        };
        return Err(Error::new(ErrorKind::OtherMachine, format!("the core file is of a {width}-bit process on {machine}"))
            .hint("only cores of 64-bit processes on x86-64 and aarch64 can be read"));
    };
    let table = word(bytes, 32).ok_or_else(short)?;
    let count = half(bytes, 56).ok_or_else(short)?;
    let count = if count == MANY { many(bytes, table) } else { u64::from(count) };
    let table = usize::try_from(table).ok().and_then(|table| bytes.get(table..)).unwrap_or_default();
    let headers = table.as_chunks::<PROGRAM_HEADER>().0.iter().take(count.min(MAXIMUM_SEGMENTS) as usize);
    let segments: Vec<Segment> = headers.filter_map(segment).collect();
    if segments.is_empty() {
        return Err(not_a_core("it ends before the first segment is told"));
    }
    Ok((known, segments))
}

/// As many bytes as the head of a core has, with its notes: what the kernel writes first.
pub(super) fn head_length(segments: &[Segment]) -> u64 {
    let notes = segments.iter().filter(|segment| segment.is_note());
    notes.map(|note| note.offset.saturating_add(note.file_size)).max().unwrap_or(0)
}

/// Where program headers end.
pub(super) fn headers_end(bytes: &[u8]) -> Option<u64> {
    let count = u64::from(half(bytes, 56)?);
    word(bytes, 32)?.checked_add(count.checked_mul(PROGRAM_HEADER as u64)?)
}

/// How many program headers there are when the header cannot say.
fn many(bytes: &[u8], table: u64) -> u64 {
    let section = word(bytes, 40).and_then(|section| usize::try_from(section).ok()).filter(|section| *section != 0);
    let told = section.and_then(|section| Some(u32::from_le_bytes(*bytes.get(section..)?.get(44..)?.first_chunk()?)));
    let first = usize::try_from(table).ok().and_then(|table| segment(bytes.get(table..)?.first_chunk::<PROGRAM_HEADER>()?));
    let implied = first.and_then(|first| first.offset.checked_sub(table)).map(|length| length / PROGRAM_HEADER as u64);
    told.map(u64::from).filter(|count| *count >= u64::from(MANY)).or(implied).unwrap_or(u64::from(MANY))
}

fn segment(header: &[u8; PROGRAM_HEADER]) -> Option<Segment> {
    Some(Segment {
        kind: u32::from_le_bytes(*header.first_chunk()?),
        flags: u32::from_le_bytes(*header.get(4..)?.first_chunk()?),
        offset: word(header, 8)?,
        address: word(header, 16)?,
        file_size: word(header, 32)?,
        memory_size: word(header, 40)?,
    })
}

pub(super) fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|word| u64::from_le_bytes(*word))
}

pub(super) fn number(bytes: &[u8], at: usize) -> Option<i32> {
    bytes.get(at..)?.first_chunk().map(|number| i32::from_le_bytes(*number))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|half| u16::from_le_bytes(*half))
}

/// What a file is that is no ELF file, by how it begins.
pub(super) fn no_elf(bytes: &[u8]) -> Error {
    let what = if bytes.is_empty() { "the file is empty".to_owned() } else { format!("it begins with {}", begin(bytes)) };
    not_a_core(&format!("{what}, not as an ELF file does")).hint(hint(bytes))
}

fn not_a_core(message: &str) -> Error {
    Error::new(ErrorKind::NotACore, format!("this is no core file that can be read: {message}"))
}

fn begin(bytes: &[u8]) -> String {
    let begin: Vec<String> = bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    begin.join(" ")
}

/// What the user may have meant.
fn hint(bytes: &[u8]) -> &'static str {
    match bytes {
        [b'h', b'e', b'a', b'p', b's', b'a', b'k', b'e', ..] => "it looks like a dump: heapsake FILE opens it",
        [b'M', b'D', b'M', b'P', ..] => "it is a Windows or Breakpad minidump; minidump-2-core makes a core file of it",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "it is packed with xz: xz -dc FILE | heapsake core -",
        _ => "coredumpctl info says where systemd keeps cores; gcore PID makes one of a live process",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(count: u16, table: u64, sections: u64) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[16..20].copy_from_slice(&[4, 0, 62, 0]);
        bytes[32..40].copy_from_slice(&table.to_le_bytes());
        bytes[40..48].copy_from_slice(&sections.to_le_bytes());
        bytes[56..58].copy_from_slice(&count.to_le_bytes());
        bytes
    }

    fn program_header(kind: u32, offset: u64) -> Vec<u8> {
        let mut bytes = vec![0; PROGRAM_HEADER];
        bytes[..4].copy_from_slice(&kind.to_le_bytes());
        bytes[8..16].copy_from_slice(&offset.to_le_bytes());
        bytes
    }

    #[test]
    fn tells_what_it_is_instead() {
        for (bytes, says) in [
            (&b""[..], "empty"),
            (b"MDMP....", "minidump-2-core"),
            (b"\x7fELF", "ends in the ELF header"),
            (b"\x28\xb5", "28 b5"),
        ] {
            let error = segments(bytes).unwrap_err();
            assert!(error.kind() == ErrorKind::NotACore && error.to_string().contains(says), "{error}");
        }
        let mut bytes = header(1, 64, 0);
        assert!(segments(&bytes).unwrap_err().to_string().contains("before the first segment"));
        bytes[16] = 3;
        assert!(segments(&bytes).unwrap_err().to_string().contains("a program or a library"));
        bytes[16] = 4;
        bytes[18] = 243;
        let error = segments(&bytes).unwrap_err();
        assert!(error.kind() == ErrorKind::OtherMachine && error.to_string().contains("64-bit process on RISC-V"), "{error}");
        bytes[4] = 1;
        bytes[18] = 3;
        assert!(segments(&bytes).unwrap_err().to_string().contains("32-bit process on x86"));
        bytes[5] = 2;
        bytes[16..20].copy_from_slice(&[0, 4, 0, 40]);
        assert!(segments(&bytes).unwrap_err().to_string().contains("ARM"));
    }

    #[test]
    fn more_segments_than_the_header_can_count() {
        let count = 70_000u64;
        let table = 64;
        let end = table + count * PROGRAM_HEADER as u64;
        let mut bytes = header(MANY, table, end);
        bytes.extend(program_header(4, end));
        for _ in 1..count {
            bytes.extend(program_header(1, 0));
        }
        // Without the section header, as in a cut file.
        assert_eq!(segments(&bytes).unwrap().1.len(), 70_000);
        let mut section = vec![0; 64];
        section[44..48].copy_from_slice(&69_999u32.to_le_bytes());
        bytes.extend(section);
        assert_eq!(segments(&bytes).unwrap().1.len(), 69_999);
        // Cut in the headers: those that are there.
        bytes.truncate(64 + 100 * PROGRAM_HEADER + 5);
        assert_eq!(segments(&bytes).unwrap().1.len(), 100);
    }
}
