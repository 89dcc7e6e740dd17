//! The files that a process had mapped, of a core that does not tell them (no `NT_FILE`: kernels before 3.7, converted minidumps):
//! the loader's own list of what it has loaded, `r_debug` and `link_map` of the C library's `link.h`.
//!
//! The list is found by the auxiliary vector, which leads to the program headers of the executable; where a file was mapped is
//! told by its own program headers, in memory or, where the core lacks them, in the file. What is found is proven afterwards as
//! any other.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use heapsake_core::{Address, Span};
use object::elf;
use rustc_hash::FxHashSet;

use super::Search;
use super::notes::{MappedFile, Notes};
use crate::memory::Memory;
use crate::memory::backing::open_regular;
use crate::program_headers::{Head, MAXIMUM_HEADERS, PROGRAM_HEADER, ProgramHeader, decoded};

const PAGE: u64 = 4096;
/// `AT_PHDR`, `AT_PHNUM` and `AT_EXECFN`.
const PROGRAM_HEADERS: u64 = 3;
const PROGRAM_HEADER_COUNT: u64 = 5;
const EXECUTABLE_NAME: u64 = 31;
/// More than a process has, and than a library has segments that are mapped.
const MAXIMUM_LIBRARIES: usize = 1 << 13;
const MAXIMUM_LOADS: usize = 64;
/// Parts of files together.
const MAXIMUM_PARTS: usize = 1 << 15;
const MAXIMUM_DYNAMIC: i64 = 1 << 12;
const MAXIMUM_PATH: usize = 4096;
/// `r_debug.r_map`.
const MAP: i64 = 8;

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
        let in_memory = || Some(Head::in_memory(memory, base)?.headers).filter(|headers| !headers.is_empty());
        let in_file = || of_file(&in_root(search, &library.path)?);
        if let Some(headers) = in_memory().or_else(in_file) {
            add(&mut found, &library.path, &headers, library.bias);
        }
    }
    found.sort_by_key(|file| file.span);
    found
}

/// What was run.
struct Executable {
    path: PathBuf,
    headers: Vec<ProgramHeader>,
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
        let own = headers.iter().find(|header| header.kind == elf::PT_PHDR);
        // One that has no such header is of fixed addresses.
        let bias = own.map_or(0, |own| table.0.wrapping_sub(own.address));
        Some(Executable { path, headers, bias })
    }

    /// What the loader has loaded.
    fn libraries<M: Memory>(&self, memory: &M) -> Vec<Library> {
        let mut found = Vec::new();
        let dynamic = self.headers.iter().find(|header| header.kind == elf::PT_DYNAMIC);
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
fn add(found: &mut Vec<MappedFile>, path: &Path, headers: &[ProgramHeader], bias: u64) {
    let loads = headers.iter().filter(|header| header.kind == elf::PT_LOAD && header.in_file > 0);
    for header in loads.take(MAXIMUM_LOADS) {
        let start = header.address.wrapping_add(bias);
        let end = start.saturating_add(header.in_file).checked_next_multiple_of(PAGE).unwrap_or(u64::MAX);
        let span = Span { start: Address(start - start % PAGE), end: Address(end) };
        found.push(MappedFile { span, offset: header.offset - header.offset % PAGE, path: path.to_owned() });
    }
}

/// Where a file of the process is found; nowhere if its path leads up, out of the folder that it is to be in.
fn in_root(search: &Search, path: &Path) -> Option<PathBuf> {
    let is_within = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    is_within.then(|| search.root().join(path.strip_prefix("/").unwrap_or(path)))
}

/// The program headers of a file.
fn of_file(path: &Path) -> Option<Vec<ProgramHeader>> {
    Some(Head::of_file(&open_regular(path).ok()?)?.headers).filter(|headers| !headers.is_empty())
}

#[cfg(test)]
#[path = "loaded_tests.rs"]
mod tests;
