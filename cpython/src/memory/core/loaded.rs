//! The files that a process had mapped, of a core that does not tell them (no `NT_FILE`: kernels before 3.7, converted minidumps):
//! the loader's own list of what it has loaded, `r_debug` and `link_map` of the C library's `link.h`.
//!
//! The list is found by the auxiliary vector, which leads to the program headers of the executable; where a file was mapped is
//! told by its own program headers, in memory or, where the core lacks them, in the file. What is found is proven afterwards as
//! any other.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};

use heapsake_core::{Address, Span};
use object::elf;
use rustc_hash::FxHashSet;

use super::Search;
use super::elf::word;
use super::notes::{MappedFile, Notes};
use crate::memory::Memory;

const PAGE: u64 = 4096;
/// `AT_PHDR`, `AT_PHNUM` and `AT_EXECFN`.
const PROGRAM_HEADERS: u64 = 3;
const PROGRAM_HEADER_COUNT: u64 = 5;
const EXECUTABLE_NAME: u64 = 31;
/// Bytes of an ELF header, and of a program header.
const ELF_HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
/// More than a process has, and than a library has segments that are mapped.
const MAXIMUM_LIBRARIES: usize = 1 << 13;
const MAXIMUM_LOADS: usize = 64;
/// Parts of files together, and program headers of one.
const MAXIMUM_PARTS: usize = 1 << 15;
const MAXIMUM_HEADERS: u64 = 512;
const MAXIMUM_DYNAMIC: i64 = 1 << 12;
const MAXIMUM_PATH: usize = 4096;
/// `r_debug.r_map`.
const MAP: i64 = 8;

/// A program header.
#[derive(Clone, Copy)]
struct Header {
    kind: u32,
    offset: u64,
    address: u64,
    file_size: u64,
}

/// The files that were mapped, by what `memory`, which has what is in the core, says of them.
pub(super) fn files<M: Memory>(memory: &M, notes: &Notes, search: &Search) -> Vec<MappedFile> {
    let Some(executable) = Executable::of(memory, notes, search) else { return Vec::new() };
    let mut found = Vec::new();
    add(&mut found, &executable.path, &executable.headers, executable.bias);
    for library in executable.libraries(memory) {
        // The executable has no name there; what the kernel provides is no path.
        if !library.path.is_absolute() || found.len() > MAXIMUM_PARTS {
            continue;
        }
        let base = Address(library.bias);
        let in_file = || of_file(&in_root(search, &library.path)?);
        if let Some(headers) = in_memory(memory, base).or_else(in_file) {
            add(&mut found, &library.path, &headers, library.bias);
        }
    }
    found.sort_by_key(|file| file.span);
    found
}

/// What was run.
struct Executable {
    path: PathBuf,
    headers: Vec<Header>,
    bias: u64,
}

/// What the loader says of a library: `l_addr` and `l_name`.
struct Library {
    path: PathBuf,
    bias: u64,
}

impl Executable {
    fn of<M: Memory>(memory: &M, notes: &Notes, search: &Search) -> Option<Executable> {
        let table = Address(notes.auxiliary(PROGRAM_HEADERS)?);
        let count = notes.auxiliary(PROGRAM_HEADER_COUNT)?.min(MAXIMUM_HEADERS);
        let name = notes.auxiliary(EXECUTABLE_NAME).and_then(|name| memory.c_string(Address(name), MAXIMUM_PATH));
        let name = name.map(|name| PathBuf::from(OsString::from_vec(name)));
        let path = match (name, &search.executable) {
            (Some(name), _) if name.is_absolute() => name,
            // As it was called from a folder that nobody knows.
            (_, Some(given)) => std::path::absolute(given).ok()?,
            (Some(name), None) => Path::new("/").join(name),
            (None, None) => return None,
        };
        let in_file = || {
            let usual = in_root(search, &path);
            search.executable.iter().chain(&usual).find_map(|candidate| of_file(candidate))
        };
        let bytes = memory.read_vec(table, count * PROGRAM_HEADER as u64, usize::MAX).ok();
        let headers = bytes.map(|bytes| decoded(&bytes)).filter(|headers| !headers.is_empty()).or_else(in_file)?;
        let own = headers.iter().find(|header| header.kind == elf::PT_PHDR.0);
        // One that has no such header is of fixed addresses.
        let bias = own.map_or(0, |own| table.0.wrapping_sub(own.address));
        Some(Executable { path, headers, bias })
    }

    /// What the loader has loaded.
    fn libraries<M: Memory>(&self, memory: &M) -> Vec<Library> {
        let mut found = Vec::new();
        let dynamic = self.headers.iter().find(|header| header.kind == elf::PT_DYNAMIC.0);
        let Some(dynamic) = dynamic.map(|header| Address(header.address.wrapping_add(self.bias))) else { return found };
        let entries = (0..MAXIMUM_DYNAMIC).map_while(|index| {
            let entry = dynamic.offset(16 * index);
            Some((memory.read_i64(entry)?, memory.pointer(entry.offset(8))?)).filter(|(tag, _)| *tag != elf::DT_NULL.0)
        });
        let debug = entries.into_iter().find(|(tag, _)| *tag == elf::DT_DEBUG.0).map(|(_, debug)| debug);
        let mut next = debug.and_then(|debug| memory.pointer(debug.offset(MAP))).unwrap_or_default();
        let mut met = FxHashSet::default();
        while !next.is_null() && found.len() < MAXIMUM_LIBRARIES && met.insert(next) {
            let (Some(bias), Some(name)) = (memory.word(next), memory.pointer(next.offset(8))) else { break };
            let path = memory.c_string(name, MAXIMUM_PATH).unwrap_or_default();
            found.push(Library { path: PathBuf::from(OsString::from_vec(path)), bias });
            next = memory.pointer(next.offset(24)).unwrap_or_default();
        }
        found
    }
}

/// Adds the parts of a file that its program headers have mapped.
fn add(found: &mut Vec<MappedFile>, path: &Path, headers: &[Header], bias: u64) {
    let loads = headers.iter().filter(|header| header.kind == elf::PT_LOAD.0 && header.file_size > 0);
    for header in loads.take(MAXIMUM_LOADS) {
        let start = header.address.wrapping_add(bias);
        let end = start.saturating_add(header.file_size).checked_next_multiple_of(PAGE).unwrap_or(u64::MAX);
        let span = Span { start: Address(start - start % PAGE), end: Address(end) };
        found.push(MappedFile { span, offset: header.offset - header.offset % PAGE, path: path.to_owned() });
    }
}

/// The program headers of a file whose first page is mapped at `base`.
fn in_memory<M: Memory>(memory: &M, base: Address) -> Option<Vec<Header>> {
    let mut head = [0; ELF_HEADER];
    memory.read_at(base, &mut head).ok()?;
    let (at, length) = table(&head)?;
    let bytes = memory.read_vec(base.offset(i64::try_from(at).ok()?), length, usize::MAX).ok()?;
    Some(decoded(&bytes)).filter(|headers| !headers.is_empty())
}

/// Where a file of the process is found; nowhere if its path leads up, out of the folder that it is to be in.
fn in_root(search: &Search, path: &Path) -> Option<PathBuf> {
    let is_within = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    is_within.then(|| search.root().join(path.strip_prefix("/").unwrap_or(path)))
}

/// The program headers of a file.
fn of_file(path: &Path) -> Option<Vec<Header>> {
    // What is no file is not opened: a pipe would be waited for.
    if !std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return None;
    }
    let file = File::open(path).ok()?;
    let mut head = [0; ELF_HEADER];
    file.read_exact_at(&mut head, 0).ok()?;
    let (at, length) = table(&head)?;
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    file.read_exact_at(&mut bytes, at).ok()?;
    Some(decoded(&bytes)).filter(|headers| !headers.is_empty())
}

/// Where the program headers are, and their bytes, by an ELF header.
fn table(head: &[u8; ELF_HEADER]) -> Option<(u64, u64)> {
    let count = u64::from(u16::from_le_bytes(*head.get(56..)?.first_chunk()?));
    let is_program = head.starts_with(&elf::ELFMAG) && count <= MAXIMUM_HEADERS;
    is_program.then_some((word(head, 32)?, count * PROGRAM_HEADER as u64))
}

fn decoded(bytes: &[u8]) -> Vec<Header> {
    let header = |bytes: &[u8; PROGRAM_HEADER]| {
        let kind = u32::from_le_bytes(*bytes.first_chunk()?);
        Some(Header { kind, offset: word(bytes, 8)?, address: word(bytes, 16)?, file_size: word(bytes, 32)? })
    };
    bytes.as_chunks::<PROGRAM_HEADER>().0.iter().filter_map(header).collect()
}
