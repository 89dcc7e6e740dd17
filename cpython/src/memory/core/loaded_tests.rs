//! The loader's list in memory that is written here: what it says, and what it says when it is damaged.

use super::*;
use crate::memory::Synthetic;
use crate::memory::synthetic::SyntheticBuilder;

const HEADERS: u64 = 0x40_0040;
const DYNAMIC: u64 = 0x40_2000;
const DEBUG: u64 = 0x50_0000;
const NAME: u64 = 0x50_1000;
/// Where entries of the list stand, one a page, and the libraries that they tell of.
const LIST: u64 = 0x60_0000;
const LIBRARIES: u64 = 0x7f00_0000_0000;

fn header(kind: elf::ProgramType, offset: u64, address: u64, length: u64) -> Vec<u8> {
    let mut bytes = vec![0; PROGRAM_HEADER];
    bytes[..4].copy_from_slice(&kind.0.to_le_bytes());
    for (at, word) in [(8, offset), (16, address), (32, length), (40, length)] {
        bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// A process with an executable and these libraries; each list entry leads to the next, the last one to `after`.
fn process(libraries: &[&str], after: u64) -> SyntheticBuilder {
    let own = [
        header(elf::PT_PHDR, 0x40, HEADERS, 168),
        header(elf::PT_LOAD, 0, 0x40_0000, 0x1800),
        header(elf::PT_DYNAMIC, 0x2000, DYNAMIC, 64),
    ];
    let mut memory = Synthetic::builder()
        .region(Address(0x40_0000), 0x3000)
        .region(Address(DEBUG), 0x2000)
        .bytes(Address(HEADERS), &own.concat())
        .words(Address(DYNAMIC), &[elf::DT_DEBUG.0 as u64, DEBUG, 0, 0])
        .words(Address(DEBUG), &[1, if libraries.is_empty() { 0 } else { LIST }])
        .c_string(Address(NAME), "/opt/app");
    for (index, path) in libraries.iter().enumerate() {
        let (entry, base) = (LIST + 0x1_0000 * index as u64, LIBRARIES + 0x10_0000 * index as u64);
        let next = if index + 1 < libraries.len() { entry + 0x1_0000 } else { after };
        let mut head = vec![0; 64];
        head[..6].copy_from_slice(b"\x7fELF\x02\x01");
        head[32] = 64;
        head[56] = 1;
        memory = memory
            .region(Address(entry), 0x1000)
            .region(Address(base), 0x1000)
            .words(Address(entry), &[base, entry + 0x100, 0, next])
            .c_string(Address(entry + 0x100), path)
            .bytes(Address(base), &[head, header(elf::PT_LOAD, 0x1000, 0x1010, 0x20)].concat());
    }
    memory
}

fn notes() -> Notes {
    Notes { auxiliary: vec![(PROGRAM_HEADERS, HEADERS), (PROGRAM_HEADER_COUNT, 3), (EXECUTABLE_NAME, NAME)], ..Notes::default() }
}

fn nowhere() -> Search {
    Search { sysroot: Some(PathBuf::from("/nonexistent")), ..Search::default() }
}

fn told(memory: SyntheticBuilder, notes: &Notes) -> Vec<(String, u64, u64, u64)> {
    let found = files(&memory.build(), notes, &nowhere());
    let row = |file: &MappedFile| {
        (file.path.display().to_string(), file.span.start.0, file.span.end.0 - file.span.start.0, file.offset)
    };
    found.iter().map(row).collect()
}

#[test]
fn parts_of_files_lie_where_their_headers_and_the_loader_say() {
    let found = told(process(&["/lib/a.so", "linux-vdso.so.1", "", "/lib/b.so"], 0), &notes());
    let library = |path: &str, index: u64| (path.to_owned(), LIBRARIES + 0x10_0000 * index + 0x1000, 0x1000, 0x1000);
    assert_eq!(found, [("/opt/app".to_owned(), 0x40_0000, 0x2000, 0), library("/lib/a.so", 0), library("/lib/b.so", 3)]);
}

#[test]
fn a_list_that_has_no_end_is_read_once() {
    // It leads back to its first entry, to itself, to nowhere.
    for after in [LIST, LIST + 0x1_0000, 0xdead_0000, u64::MAX] {
        assert_eq!(told(process(&["/lib/a.so", "/lib/b.so"], after), &notes()).len(), 3, "{after:#x}");
    }
}

#[test]
fn what_is_missing_or_absurd_costs_what_it_tells_alone() {
    let whole = notes();
    let without = |wanted: u64| {
        let auxiliary = whole.auxiliary.iter().filter(|(kind, _)| *kind != wanted).copied().collect();
        Notes { auxiliary, ..Notes::default() }
    };
    let one = || process(&["/lib/a.so"], 0);
    // The executable cannot be named or has no headers.
    for kind in [PROGRAM_HEADERS, PROGRAM_HEADER_COUNT, EXECUTABLE_NAME] {
        assert_eq!(told(one(), &without(kind)), [], "{kind}");
    }
    // More headers than there is memory for, and headers at the end of the address space.
    for (kind, value) in [(PROGRAM_HEADER_COUNT, u64::MAX), (PROGRAM_HEADERS, u64::MAX - 8)] {
        let mut notes = without(kind);
        notes.auxiliary.push((kind, value));
        assert_eq!(told(one(), &notes), [], "{kind}");
    }
    // A path that leads out of the folder in which it is looked for is told, and no file is opened for it.
    assert_eq!(told(process(&["/../../etc/passwd"], 0), &whole).len(), 2);
    assert_eq!(in_root(&nowhere(), Path::new("/../etc/passwd")), None);
    // A library whose head is not there.
    let mut headless = one();
    headless.write(Address(LIBRARIES), &[0; 64]);
    assert_eq!(told(headless, &whole).len(), 1);
    // A name that has no end, and addresses that go round the end of the address space.
    let mut endless = one();
    endless.write(Address(LIST), &u64::MAX.to_le_bytes());
    endless.write(Address(LIST + 8), &u64::MAX.to_le_bytes());
    assert_eq!(told(endless, &whole).len(), 1);
}
