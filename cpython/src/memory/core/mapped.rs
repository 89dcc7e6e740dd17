//! The files that the process of a core had mapped, found again: read-only pages are not in a core.
//!
//! A file is believed when its build id is the one in the first page of its mapping, which the kernel saves. Where the core
//! does not have that page, the file's dynamic section must be what the loader had of it, and it must not be newer than the
//! core. What is not believed is said and not read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use heapsake_core::{Address, Span};
use object::elf;
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, Object, ReadCache};

use crate::memory::backing::open_regular;
use crate::memory::{FileOffset, Mapping, Memory};
use crate::program_headers::Head;
use crate::symbols::{self, Segment};

const PAGE: u64 = 4096;
/// A build id has 20 bytes, of other linkers 8 to 64.
const MAXIMUM_NOTES: u64 = 64 << 10;
const MAXIMUM_DYNAMIC: u64 = 64 << 10;
/// Where debug information, and the programs that it is of, are kept by build id.
const BY_BUILD_ID: [&str; 2] = ["/usr/lib/debug", "/usr/lib"];

/// Where the files of a core are looked for.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The executable, wherever it is.
    pub executable: Option<PathBuf>,
    /// The folder in which the files of the process are found by their paths: else `/`, or the root of `process`.
    pub sysroot: Option<PathBuf>,
    /// Folders with files by build id: `.build-id/ab/cdef…`, or `abcdef…/executable`.
    pub by_build_id: Vec<PathBuf>,
    /// The process, if it still exists: its files are those that it sees.
    pub process: Option<i32>,
}

impl Search {
    /// The folder in which the paths of the process are found.
    pub fn root(&self) -> PathBuf {
        let of_process = || self.process.map(|pid| PathBuf::from(format!("/proc/{pid}/root"))).filter(|root| root.is_dir());
        self.sysroot.clone().or_else(of_process).unwrap_or_else(|| "/".into())
    }

    /// The places in which a file may be, the likeliest first.
    fn candidates(&self, path: &Path, mapping: &Mapping, is_executable: bool, build_id: Option<&[u8]>) -> Vec<PathBuf> {
        let mut found = Vec::new();
        if is_executable {
            found.extend(self.executable.clone());
        }
        if !mapping.deleted {
            found.push(self.root().join(path.strip_prefix("/").unwrap_or(path)));
        }
        if let Some(pid) = self.process {
            let span = mapping.span;
            found.push(format!("/proc/{pid}/map_files/{:x}-{:x}", span.start.0, span.end.0).into());
        }
        if let Some(build_id) = build_id {
            let digits: String = build_id.iter().map(|byte| format!("{byte:02x}")).collect();
            let root = self.root();
            let usual = BY_BUILD_ID.iter().map(|folder| root.join(folder.trim_start_matches('/')));
            for folder in self.by_build_id.iter().cloned().chain(usual) {
                if let Some((first, rest)) = digits.split_at_checked(2) {
                    found.push(folder.join(".build-id").join(first).join(rest));
                }
                found.push(folder.join(&digits).join("executable"));
            }
        }
        found
    }
}

/// `TMPFS_MAGIC`, `RAMFS_MAGIC` and `HUGETLBFS_MAGIC`: what is written by way of memory changes no time.
const IN_MEMORY: [rustix::fs::FsWord; 3] = [0x0102_1994, 0x8584_58f6, 0x9584_58f6];

/// A file that was found, and which parts of it may be read in place of memory.
#[derive(Debug)]
pub(super) struct Backing {
    pub(super) file: Arc<File>,
    /// Memory of the process that shows it and is written to when the program is loaded; none of a file that is no program.
    written: Vec<Span>,
    /// Whether it is no program, and its time of change tells of what was written by way of memory: not where it is memory itself.
    is_data: bool,
}

impl Backing {
    /// Whether memory that was written to shows what the file has, unless its process had it for itself.
    pub(super) fn is_data(&self) -> bool {
        self.is_data
    }

    /// Whether the memory that shows the file here is what the file has.
    pub(super) fn is_unwritten(&self, span: Span) -> bool {
        self.written.iter().all(|written| span.end <= written.start || written.end <= span.start)
    }
}

/// A path, and whether the file was deleted.
type Place<'a> = (&'a Path, bool);

/// The files of a core.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// By path, and whether it was deleted: what another file has taken the place of is not that file.
    pub(super) files: BTreeMap<(PathBuf, bool), Backing>,
    /// Programs and libraries that are not there, and files that were refused, in words.
    pub(super) faults: Vec<String>,
    missing: Vec<PathBuf>,
}

impl Found {
    /// Finds the files of `mappings`; `memory` has what is in the core, which was written at `written`.
    pub(super) fn of<M: Memory>(
        memory: &M,
        mappings: &[Mapping],
        entry: Option<Address>,
        search: &Search,
        written: Option<SystemTime>,
    ) -> Found {
        let mut groups: BTreeMap<Place, Vec<&Mapping>> = BTreeMap::new();
        for mapping in mappings.iter().filter(|mapping| !mapping.is_special()) {
            if let Some(path) = mapping.file() {
                groups.entry((path, mapping.deleted)).or_default().push(mapping);
            }
        }
        let begins = |mappings: &[&Mapping]| mappings.iter().map(|mapping| mapping.span.start).min();
        let mut groups: Vec<(Place, Vec<&Mapping>)> = groups.into_iter().collect();
        groups.sort_by_key(|(_, mappings)| begins(mappings));
        let is_entered = |(_, mappings): &&(Place, Vec<&Mapping>)| {
            mappings.iter().any(|mapping| entry.is_some_and(|entry| mapping.span.contains(entry)))
        };
        let executable = groups.iter().find(is_entered).map(|(place, _)| *place);
        let mut found = Found::default();
        for (place, mappings) in groups {
            found.find(memory, place, &mappings, Some(place) == executable, search, written);
        }
        if let (Some(given), None) = (&search.executable, executable) {
            found.faults.push(format!("{}: not used: the core does not tell which file was run", given.display()));
        }
        if let Some(line) = listed(&found.missing) {
            found.faults.push(line);
        }
        found
    }

    fn find<M: Memory>(
        &mut self,
        memory: &M,
        (path, is_deleted): Place,
        mappings: &[&Mapping],
        is_executable: bool,
        search: &Search,
        written: Option<SystemTime>,
    ) {
        let place = (path.to_owned(), is_deleted);
        let Some(first) = mappings.iter().min_by_key(|mapping| mapping.offset) else { return };
        let in_place = search.sysroot.is_none();
        let wanted = Wanted { build_id: build_id(memory, first), mappings, written, in_place };
        // Of a mapping that a debugger left out nothing is known but its file; a program has data besides.
        let is_program = wanted.build_id.is_some() || mappings.iter().any(|mapping| mapping.permissions.write);
        let mut problem = None;
        for candidate in search.candidates(path, first, is_executable, wanted.build_id.as_deref()) {
            let opened = open_regular(&candidate);
            if opened.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::InvalidInput) {
                continue;
            }
            match opened.map_err(|error| error.to_string()).and_then(|file| wanted.check(memory, file)) {
                Ok(backing) => {
                    self.files.insert(place.clone(), backing);
                    break;
                }
                Err(why) => {
                    let refused = format!("{}: refused: {why}", candidate.display());
                    if search.executable.as_ref() == Some(&candidate) {
                        self.faults.push(refused);
                    } else {
                        problem.get_or_insert(refused);
                    }
                }
            }
        }
        let is_whole = |mapping: &&Mapping| {
            let Span { start, end } = mapping.span;
            memory.word(start).is_some() && memory.word(end.offset(-8)).is_some()
        };
        // Of a file of memory that has no name any more the core has all.
        let is_memory = first.deleted && first.is_shared_memory() && mappings.iter().all(is_whole);
        if (is_program || problem.is_some()) && !is_memory && !self.files.contains_key(&place) {
            let what = if is_executable { "the executable " } else { "" };
            match problem {
                Some(refused) => self.faults.push(format!("{what}{refused}; what was only to be read of it is missing")),
                None if is_executable => self.faults.push(format!("the executable {} was not found", path.display())),
                None => self.missing.push(path.to_owned()),
            }
        }
    }
}

/// Files that were not found, in a line.
fn listed(missing: &[PathBuf]) -> Option<String> {
    const SHOWN: usize = 4;
    // The one with the interpreter says most.
    let mut names: Vec<String> = missing.iter().map(|path| path.display().to_string()).collect();
    names.sort_by_key(|name| !name.contains("libpython"));
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match names.len() {
        0 => return None,
        1..=SHOWN => String::new(),
        count => format!(" and {} more files", count - SHOWN),
    };
    Some(format!("not found: {shown}{more}; what was only to be read of them is missing"))
}

/// What a file must be.
struct Wanted<'a> {
    build_id: Option<Vec<u8>>,
    mappings: &'a [&'a Mapping],
    written: Option<SystemTime>,
    /// Whether it is looked for where it lay, and not among copies.
    in_place: bool,
}

impl Wanted<'_> {
    /// The file, if it is the one that was mapped; else why not.
    fn check<M: Memory>(&self, memory: &M, file: File) -> Result<Backing, String> {
        let metadata = file.metadata().map_err(|error| error.to_string())?;
        let is_newer = matches!((metadata.modified(), self.written), (Ok(changed), Some(written)) if changed > written);
        // An older file may have been put there since.
        let put_there = SystemTime::UNIX_EPOCH + Duration::new(metadata.ctime().max(0) as u64, metadata.ctime_nsec() as u32);
        let is_moved = self.in_place && self.written.is_some_and(|written| put_there > written);
        let mut begin = [0; 4];
        let is_program = file.read_exact_at(&mut begin, 0).is_ok() && begin == elf::ELFMAG;
        if !is_program && self.build_id.is_none() {
            return if is_newer || is_moved {
                Err("it was changed or put there after the core was written (--sysroot takes one that was put there)".to_owned())
            } else {
                let is_data = rustix::fs::fstatfs(&file).is_ok_and(|about| !IN_MEMORY.contains(&about.f_type));
                Ok(Backing { file: Arc::new(file), written: Vec::new(), is_data })
            };
        }
        let cache = ReadCache::new(&file);
        let parsed = ElfFile64::<Endianness, _>::parse(&cache).map_err(|_| "it is no program".to_owned())?;
        let endian = parsed.endian();
        // It has the same build id and headers.
        let is_hollow = |section: &elf::SectionHeader64<Endianness>| {
            section.sh_flags(endian).contains(elf::SHF_EXECINSTR) && section.sh_type(endian) == elf::SHT_NOBITS
        };
        if parsed.elf_section_table().iter().any(is_hollow) {
            return Err("it has debug information only".to_owned());
        }
        match (&self.build_id, parsed.build_id().ok().flatten()) {
            (Some(wanted), Some(found)) if wanted == found => {}
            (Some(wanted), found) => {
                let found = found.map_or_else(|| "has none".to_owned(), |found| format!("is {}", digits(found)));
                return Err(format!("it is another build: its build id {found}, in the core it is {}", digits(wanted)));
            }
            (None, _) if is_newer => return Err("it was changed after the core was written".to_owned()),
            (None, _) => {}
        }
        let headers = parsed.elf_program_headers();
        let loads = headers.iter().filter(|header| header.p_type(endian) == elf::PT_LOAD);
        let segments: Vec<Segment> = loads
            .clone()
            .map(|header| Segment::new(header.p_offset(endian), header.p_vaddr(endian), header.p_memsz(endian)))
            .collect();
        let is_fixed = parsed.elf_header().e_type(endian) == elf::ET_EXEC;
        let bias = symbols::load_bias(is_fixed, &segments, self.mappings).ok_or("its segments are not those that were mapped")?;
        if self.build_id.is_none()
            && let Some(dynamic) = headers.iter().find(|header| header.p_type(endian) == elf::PT_DYNAMIC)
        {
            let (offset, address) = (dynamic.p_offset(endian), dynamic.p_vaddr(endian).wrapping_add(bias));
            compare_dynamic(memory, &file, offset, Address(address), dynamic.p_filesz(endian), bias)?;
        }
        let written = loads.filter(|header| header.p_flags(endian).0 & elf::PF_W.0 != 0).map(|header| {
            let start = header.p_vaddr(endian).wrapping_add(bias);
            Span { start: Address(start - start % PAGE), end: Address(start.saturating_add(header.p_memsz(endian))) }
        });
        let written = written.collect();
        drop(parsed);
        Ok(Backing { file: Arc::new(file), written, is_data: false })
    }
}

/// Compares a dynamic section, which is written to when it is loaded and therefore in the core, with the file's: the loader adds
/// where the file lies to some numbers, and keeps one for debuggers.
fn compare_dynamic<M: Memory>(
    memory: &M,
    file: &File,
    offset: u64,
    address: Address,
    length: u64,
    bias: u64,
) -> Result<(), String> {
    let length = length.min(MAXIMUM_DYNAMIC) as usize;
    let mut of_file = vec![0; length];
    file.read_exact_at(&mut of_file, offset).map_err(|_| "it is cut".to_owned())?;
    // Without it nothing contradicts the file.
    let Ok(of_core) = memory.read_vec(address, length as u64, length) else { return Ok(()) };
    let words = |bytes: &[u8]| -> Vec<u64> { bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect() };
    let pairs = words(&of_file).into_iter().zip(words(&of_core)).collect::<Vec<_>>();
    let is_same = |pair: &[(u64, u64); 2]| {
        let [(tag, core_tag), (value, core_value)] = *pair;
        let is_debug = tag == elf::DT_DEBUG.0 as u64;
        tag == core_tag && (is_debug || value == core_value || value.wrapping_add(bias) == core_value)
    };
    if pairs.as_chunks::<2>().0.iter().all(is_same) {
        Ok(())
    } else {
        Err("it is another build: its dynamic section is not the one in the core".to_owned())
    }
}

/// The build id in the first page of a mapped program.
fn build_id<M: Memory>(memory: &M, first: &Mapping) -> Option<Vec<u8>> {
    let start = first.span.start;
    let head = Some(first).filter(|first| first.offset == FileOffset(0)).and_then(|_| Head::in_memory(memory, start))?;
    let begin = head.of_kind(elf::PT_LOAD).find(|header| header.offset == 0)?;
    let bias = start.0.wrapping_sub(begin.address);
    head.of_kind(elf::PT_NOTE).find_map(|header| {
        let address = Address(header.address.wrapping_add(bias));
        let notes = memory.read_vec(address, header.in_file.min(MAXIMUM_NOTES), usize::MAX).ok()?;
        build_id_note(&notes)
    })
}

/// The `NT_GNU_BUILD_ID` among notes.
fn build_id_note(mut notes: &[u8]) -> Option<Vec<u8>> {
    while let Some((name, kind, payload, rest)) = super::notes::note(notes) {
        if name == b"GNU\0" && kind == elf::NT_GNU_BUILD_ID.0 {
            return Some(payload.to_owned());
        }
        notes = rest;
    }
    None
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The part of a file that a span of its mapping shows.
pub(super) fn offset_of(mapping: &Mapping, span: Span) -> u64 {
    mapping.offset.0.saturating_add(span.start.0 - mapping.span.start.0)
}
