//! The notes of a core file: threads with their registers, the process, the signal that it died of, and the files that it had
//! mapped. By `elfcore.h`, `binfmt_elf.c` and `siginfo.h` of Linux on x86-64 and aarch64.
//!
//! Every note stands for itself: one that is cut or of another size is left out.

use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use heapsake_core::{Address, Span};

use super::elf::{Segment, number, word};
use crate::death::Death;
use crate::machine::{MOST_GENERAL, Machine, ThreadPointer};
use crate::memory::Mapping;
use crate::memory::process::Registers;
use crate::memory::ptrace::says_where;

const PRSTATUS: u32 = 1;
const PRPSINFO: u32 = 3;
const AUXV: u32 = 6;
const FILE: u32 = 0x4649_4c45;
const SIGINFO: u32 = 0x5349_4749;
/// The register that thread-local storage is found by, on aarch64 (`NT_ARM_TLS`).
const THREAD_POINTER: u32 = 0x401;
/// Where the registers stand in `elf_prstatus`.
const REGISTERS_AT: usize = 112;
/// The signals of which the kernel makes a core; a core that somebody took of a live process names others, or none.
const DEADLY: [i32; 10] = [
    libc::SIGQUIT,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGSEGV,
    libc::SIGXCPU,
    libc::SIGXFSZ,
    libc::SIGSYS,
];
const MAXIMUM_FILES: u64 = 1 << 20;

/// What the notes say.
#[derive(Clone, Default, Debug)]
pub struct Notes {
    /// What the process ran on.
    pub machine: Machine,
    /// The threads; the first is the one that the kernel made the core for.
    pub threads: Vec<Thread>,
    /// The process.
    pub process: Option<ProcessInfo>,
    /// The signal, if the core was made of a process that died of one.
    pub death: Option<Death>,
    /// What was mapped of files.
    pub(super) files: Vec<MappedFile>,
    /// The kernel's words to the program, by number.
    pub(super) auxiliary: Vec<(u64, u64)>,
}

/// A thread.
#[derive(Clone, Debug)]
pub struct Thread {
    machine: Machine,
    /// The kernel's number of it.
    pub id: i32,
    /// The signal that it was given last.
    pub signal: i32,
    registers: Vec<u64>,
    /// What its thread-local storage is found by.
    pub thread_pointer: ThreadPointer,
}

/// A process, by `NT_PRPSINFO`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProcessInfo {
    /// Its number.
    pub pid: i32,
    /// Its parent's.
    pub ppid: i32,
    /// Its user.
    pub uid: u32,
    /// The beginning of its command line, at most 79 bytes.
    pub command_line: String,
}

/// A part of a file that was mapped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct MappedFile {
    pub(super) span: Span,
    pub(super) offset: u64,
    pub(super) path: PathBuf,
}

impl Thread {
    fn register(&self, name: &str) -> Option<u64> {
        let index = self.machine.registers().iter().position(|known| *known == name)?;
        self.registers.get(index).copied()
    }

    /// Where it is.
    pub fn stands(&self) -> Option<Registers> {
        let mut general = [0; MOST_GENERAL];
        for (slot, name) in general.iter_mut().zip(self.machine.general()) {
            *slot = self.register(name).unwrap_or_default();
        }
        Some(Registers {
            machine: self.machine,
            thread: self.id,
            general,
            instruction: Address(self.register(self.machine.instruction())?),
            stack: Address(self.register(self.machine.stack())?),
            thread_pointer: self.thread_pointer,
        })
    }
}

impl Notes {
    /// The notes of a core file, as far as it goes.
    pub(super) fn of(bytes: &[u8], machine: Machine, segments: &[Segment]) -> Notes {
        let mut notes = Notes { machine, ..Notes::default() };
        let mut signal = None;
        // Segments that tell of the same bytes again and again are nobody's.
        let mut left = bytes.len();
        for segment in segments.iter().filter(|segment| segment.is_note()) {
            let begin = usize::try_from(segment.offset).unwrap_or(usize::MAX).min(bytes.len());
            let length = usize::try_from(segment.file_size).unwrap_or(usize::MAX).min(bytes.len() - begin);
            let Some(rest) = left.checked_sub(length) else { break };
            left = rest;
            notes.read(&bytes[begin..begin + length], &mut signal);
        }
        notes.death = notes.dead(signal.as_deref());
        notes
    }

    /// Whether the files that were mapped are among these mappings, at the same places.
    pub(crate) fn is_of(&self, mappings: &[Mapping]) -> bool {
        let is_there = |file: &MappedFile| {
            mappings.iter().any(|mapping| mapping.span.start == file.span.start && mapping.offset.0 == file.offset)
        };
        !self.files.is_empty() && self.files.iter().all(is_there)
    }

    /// A word of the auxiliary vector.
    pub(super) fn auxiliary(&self, wanted: u64) -> Option<u64> {
        self.auxiliary.iter().find(|(kind, _)| *kind == wanted).map(|(_, value)| *value)
    }

    fn read(&mut self, mut rest: &[u8], signal: &mut Option<Vec<u8>>) {
        // Whether the thread that was told last is the one that notes go on to tell of.
        let mut is_of_last = false;
        while let Some((name, kind, payload, after)) = note(rest) {
            rest = after;
            // It follows what is told of its thread.
            if kind == THREAD_POINTER && name.starts_with(b"LINUX") && self.machine == Machine::Aarch64 {
                if let Some((thread, pointer)) = self.threads.last_mut().filter(|_| is_of_last).zip(word(payload, 0)) {
                    thread.thread_pointer = ThreadPointer::new(Machine::Aarch64, pointer);
                }
                continue;
            }
            if !name.starts_with(b"CORE") {
                continue;
            }
            match kind {
                PRSTATUS => {
                    let thread = thread(self.machine, payload);
                    is_of_last = thread.is_some();
                    self.threads.extend(thread);
                }
                PRPSINFO => self.process = self.process.take().or_else(|| process(payload)),
                AUXV => {
                    let words: Vec<u64> = payload.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
                    self.auxiliary.extend(words.as_chunks::<2>().0.iter().map(|[kind, value]| (*kind, *value)));
                }
                FILE if self.files.is_empty() => self.files = files(payload).unwrap_or_default(),
                SIGINFO if signal.is_none() => *signal = Some(payload.to_owned()),
                _ => {}
            }
        }
    }

    /// The signal that the process died of: of its first thread, which is the one that got it.
    fn dead(&self, told: Option<&[u8]>) -> Option<Death> {
        let thread = self.threads.first()?;
        let told = told.unwrap_or_default();
        let signal = number(told, 0).filter(|signal| *signal != 0).unwrap_or(thread.signal);
        if !DEADLY.contains(&signal) {
            return None;
        }
        let code = number(told, 8).unwrap_or(0);
        let registers = thread.machine.told().iter().filter_map(|name| Some((*name, thread.register(name)?))).collect();
        Some(Death {
            pid: self.process.as_ref().map_or(thread.id, |process| process.pid),
            thread: thread.id,
            signal,
            code,
            address: if says_where(signal, code) { word(told, 16).map(Address) } else { None },
            sender: number(told, 16).filter(|_| code <= 0 && code != -4 && !told.is_empty()),
            ident: thread.thread_pointer.ident(),
            registers,
            place: None,
            before: None,
        })
    }
}

/// The name, kind and payload of the first note, and what follows it.
pub(super) fn note(bytes: &[u8]) -> Option<(&[u8], u32, &[u8], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<12>()?;
    let part = |at: usize| head.get(at..)?.first_chunk().map(|number| u32::from_le_bytes(*number));
    let (name_size, size, kind) = (part(0)? as usize, part(4)? as usize, part(8)?);
    let (name, rest) = rest.split_at_checked(name_size)?;
    let rest = rest.get(name_size.next_multiple_of(4) - name_size..)?;
    // Of one that is cut what is there: the list of files is the longest.
    let (payload, rest) = rest.split_at_checked(size).unwrap_or((rest, &[]));
    Some((name, kind, payload, rest.get(size.next_multiple_of(4) - size..).unwrap_or_default()))
}

fn thread(machine: Machine, payload: &[u8]) -> Option<Thread> {
    let registers = payload.get(REGISTERS_AT..REGISTERS_AT + 8 * machine.registers().len())?;
    let mut thread = Thread {
        machine,
        id: number(payload, 32)?,
        signal: i32::from(u16::from_le_bytes(*payload.get(12..)?.first_chunk()?)),
        registers: registers.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect(),
        thread_pointer: ThreadPointer::default(),
    };
    thread.thread_pointer = ThreadPointer::new(machine, thread.register("fs_base").unwrap_or(0));
    Some(thread)
}

fn process(payload: &[u8]) -> Option<ProcessInfo> {
    let arguments = payload.get(56..136)?;
    let arguments = arguments.split(|byte| *byte == 0).next().unwrap_or_default();
    Some(ProcessInfo {
        uid: number(payload, 16)? as u32,
        pid: number(payload, 24)?,
        ppid: number(payload, 28)?,
        command_line: String::from_utf8_lossy(arguments).trim_end().to_owned(),
    })
}

/// `PATH_MAX`, and " (deleted)".
const LONGEST_NAME: usize = 4096 + 10;

/// `NT_FILE`: their number, the size of a page, begin, end and offset in pages of each, and then their names.
fn files(payload: &[u8]) -> Option<Vec<MappedFile>> {
    let (count, page) = (word(payload, 0)?.min(MAXIMUM_FILES) as usize, word(payload, 8)?);
    let table = payload.get(16..)?;
    let names = table.get(24 * count..)?;
    let mut names = names.split(|byte| *byte == 0);
    let mut files = Vec::new();
    for entry in table.as_chunks::<24>().0.iter().take(count) {
        let Some(name) = names.next().filter(|name| !name.is_empty()) else { break };
        if name.len() > LONGEST_NAME {
            continue;
        }
        let span = Span { start: Address(word(entry, 0)?), end: Address(word(entry, 8)?) };
        let path = PathBuf::from(std::ffi::OsString::from_vec(name.to_owned()));
        files.push(MappedFile { span, offset: word(entry, 16)?.saturating_mul(page), path });
    }
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(kind: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [5, payload.len() as u32, kind] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(b"CORE\0\0\0\0");
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn files_and_their_names() {
        let mut payload = Vec::new();
        for word in [2u64, 4096, 0x1000, 0x3000, 0, 0x3000, 0x4000, 2] {
            payload.extend(word.to_le_bytes());
        }
        payload.extend(b"/a b\0/c (deleted)\0");
        let mut bytes = noted(FILE, &payload);
        let mut notes = Notes::default();
        notes.read(&bytes, &mut None);
        let told: Vec<_> = notes.files.iter().map(|file| (file.span.start.0, file.offset, file.path.as_os_str())).collect();
        assert_eq!(told, [(0x1000, 0, "/a b".as_ref()), (0x3000, 0x2000, "/c (deleted)".as_ref())]);
        // A cut in the names leaves the first.
        bytes.truncate(bytes.len() - 16);
        let mut notes = Notes::default();
        notes.read(&bytes, &mut None);
        assert_eq!(notes.files.len(), 1, "{:?}", notes.files);
        for length in 0..bytes.len() {
            Notes::default().read(&bytes[..length], &mut None);
        }
    }

    #[test]
    fn a_thread_and_its_signal() {
        let mut payload = vec![0; 336];
        payload[12] = 11;
        payload[32..36].copy_from_slice(&77i32.to_le_bytes());
        payload[112 + 8 * 16..][..8].copy_from_slice(&0xabcu64.to_le_bytes());
        payload[112 + 8 * 21..][..8].copy_from_slice(&0x7f00u64.to_le_bytes());
        let mut told = vec![0; 128];
        told[0] = 11;
        told[8] = 1;
        told[16..24].copy_from_slice(&8u64.to_le_bytes());
        let bytes = [noted(PRSTATUS, &payload), noted(SIGINFO, &told)].concat();
        let segment = Segment { kind: 4, flags: 0, offset: 0, address: 0, file_size: bytes.len() as u64, memory_size: 0 };
        let notes = Notes::of(&bytes, Machine::X86_64, &[segment]);
        let death = notes.death.expect("a death");
        assert_eq!((death.signal, death.thread, death.address, death.ident), (11, 77, Some(Address(8)), Some(0x7f00)));
        assert_eq!(death.registers.first(), Some(&("rip", 0xabc)));
        // gcore of a stopped process.
        payload[12] = 19;
        let bytes = noted(PRSTATUS, &payload);
        let segment = Segment { file_size: bytes.len() as u64, ..segment };
        assert!(Notes::of(&bytes, Machine::X86_64, &[segment]).death.is_none());
    }
}
