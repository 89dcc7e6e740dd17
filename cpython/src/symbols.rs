//! Names of a target's binaries, resolved to addresses: the ELF files that it has mapped, by their content.
//!
//! Which file holds the interpreter is asked of its symbols, never of its name: it may be embedded in another program,
//! frozen, renamed, or deleted since. A file that cannot be opened any more is read out of the target's memory, where the
//! loader's own symbol table lies. The load bias is `start of a segment's mapping - its page-aligned p_vaddr`, for which the
//! segments must agree; it is 0 for `ET_EXEC`.

use crate::memory::{Files, Mapping, Memory};
use crate::program_headers::Head;
use heapsake_core::{Address, Span};
use object::elf;
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{Endianness, Object, ObjectSection, ObjectSymbol, ReadCache, SymbolKind};
use rustc_hash::FxHashMap;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const PAGE: u64 = 4096;
/// More symbols than any binary has; a bound on what a damaged file can ask for.
const MAXIMUM_TABLE: u64 = 256 << 20;

/// The binaries that a target has mapped, those that look like Python's first.
#[derive(Debug)]
pub struct Symbols {
    binaries: Vec<Binary>,
    which: Which,
}

/// Which CPython is meant, where a process has more than one: an embedded one beside another, or a library that is there and runs
/// nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Which {
    /// The first that runs.
    #[default]
    Running,
    /// That of the binary which has this address.
    At(Address),
    /// That of the binary whose path ends like this, part by part.
    Named(PathBuf),
}

impl Which {
    fn is(&self, binary: &Binary) -> bool {
        match self {
            Which::Running => true,
            Which::At(address) => binary.span.contains(*address),
            Which::Named(path) => binary.path.ends_with(path),
        }
    }
}

/// A mapped ELF file.
#[derive(Debug)]
pub struct Binary {
    path: PathBuf,
    span: Span,
    bias: u64,
    build_id: Option<Vec<u8>>,
    runtime_section: Option<Span>,
    file: Option<File>,
    table: OnceLock<Table>,
}

/// A name's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Symbol {
    /// Where it lies in the target.
    pub address: Address,
    /// Its size, as far as the binary says.
    pub size: u64,
    /// Whether it is code.
    pub is_function: bool,
    is_local: bool,
}

/// A function's place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Function {
    /// Its first instruction.
    pub(crate) start: Address,
    /// How long it is, in bytes.
    pub(crate) length: u64,
    /// Its symbol.
    pub(crate) name: Box<[u8]>,
    is_local: bool,
}

type Table = FxHashMap<Box<[u8]>, Symbol>;

impl Symbols {
    /// The symbols of every ELF file that is mapped executable. `memory` serves where a file cannot be opened.
    pub fn new<M: Memory + ?Sized>(memory: &M, mappings: &[Mapping], files: &Files) -> Symbols {
        let mut grouped: FxHashMap<(u32, u32, u64), Vec<&Mapping>> = FxHashMap::default();
        for mapping in mappings.iter().filter(|mapping| mapping.file().is_some() && !mapping.is_special()) {
            grouped.entry((mapping.device.0, mapping.device.1, mapping.inode)).or_default().push(mapping);
        }
        let mut binaries: Vec<Binary> = grouped
            .into_values()
            .flat_map(loaded)
            .filter(|group| group.iter().any(|mapping| mapping.permissions.execute))
            .filter_map(|group| {
                let open = || Binary::open(&group, files).or_else(|| Binary::in_memory(memory, &group));
                open().or_else(|| Binary::nameless(&group, mappings))
            })
            .collect();
        // A guess that only saves time: the names of all others are looked at, too.
        let is_likely = |binary: &Binary| binary.path.file_name().is_some_and(|name| name.to_string_lossy().contains("python"));
        binaries.sort_by_key(|binary| (!is_likely(binary), binary.span.start));
        Symbols { binaries, which: Which::Running }
    }

    /// The same, where this CPython is meant.
    pub(crate) fn of(mut self, which: Which) -> Symbols {
        self.which = which;
        // A linker may give an executable an address for what lies in a library.
        if matches!(self.which, Which::At(_)) && self.python().is_none() {
            self.which = Which::Running;
        }
        self
    }

    /// Which CPython is meant.
    pub(crate) fn which(&self) -> &Which {
        &self.which
    }

    /// The binaries, those that look like Python's first.
    pub fn binaries(&self) -> &[Binary] {
        &self.binaries
    }

    /// The first binary that holds an interpreter's state.
    pub fn python(&self) -> Option<&Binary> {
        self.pythons().next()
    }

    /// The binaries that hold an interpreter's state, of those that are meant.
    pub(crate) fn pythons(&self) -> impl Iterator<Item = &Binary> {
        self.meant().filter(|binary| binary.has_state())
    }

    /// The binaries that are meant.
    pub(crate) fn meant(&self) -> impl Iterator<Item = &Binary> {
        self.binaries.iter().filter(|binary| self.which.is(binary))
    }

    /// The place of `name` in the first binary that has it.
    pub fn find(&self, name: &str) -> Option<Symbol> {
        self.binaries.iter().find_map(|binary| binary.find(name))
    }

    /// The first instruction of the function `name`.
    pub fn find_function(&self, name: &str) -> Option<Address> {
        let function = |binary: &Binary| binary.find(name).filter(|symbol| symbol.is_function);
        self.binaries.iter().find_map(function).map(|symbol| symbol.address)
    }
}

/// The mappings of one file, for each time that it was loaded: by `dlmopen`, or by a loader of the program's own. Every load has
/// code, and begins with the beginning of the file, which a small file may show twice.
fn loaded(mut group: Vec<&Mapping>) -> Vec<Vec<&Mapping>> {
    group.sort_by_key(|mapping| mapping.span.start);
    let has_code = |part: &[&Mapping]| part.iter().any(|mapping| mapping.permissions.execute);
    let mut parts = Vec::new();
    let mut begin = 0;
    for at in 1..group.len() {
        let (before, after) = (&group[begin..at], &group[at..]);
        if group[at].offset.0 == 0 && before[0].offset.0 == 0 && has_code(before) && has_code(after) {
            parts.push(before.to_vec());
            begin = at;
        }
    }
    parts.push(group.split_off(begin));
    parts
}

impl Binary {
    /// Whether it says by a symbol or a section that an interpreter's state is in it.
    pub(crate) fn has_state(&self) -> bool {
        self.find("_PyRuntime").is_some() || self.runtime_section.is_some()
    }

    /// Its path, as the target sees it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path by which this very file can be opened here while the value lives, whatever has become of its name.
    pub(crate) fn opened(&self) -> Option<PathBuf> {
        self.file.as_ref().map(|file| PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd())))
    }

    /// Whether nothing is known of it but where it lies.
    pub(crate) fn is_nameless(&self) -> bool {
        self.file.is_none() && self.build_id.is_none() && self.table.get().is_some_and(Table::is_empty)
    }

    /// From its first mapped byte to its last.
    pub fn span(&self) -> Span {
        self.span
    }

    /// What is added to the binary's own addresses.
    pub fn bias(&self) -> u64 {
        self.bias
    }

    /// Its build id, if the linker made one.
    pub fn build_id(&self) -> Option<&[u8]> {
        self.build_id.as_deref()
    }

    /// The section `.PyRuntime`, which CPython has from 3.11 on.
    pub fn runtime_section(&self) -> Option<Span> {
        self.runtime_section
    }

    /// The place of `name`.
    pub fn find(&self, name: &str) -> Option<Symbol> {
        self.table().get(name.as_bytes()).copied()
    }

    /// Every name that begins with `prefix`, in no order.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a [u8], Symbol)> {
        let named = self.table().iter().map(|(name, symbol)| (name.as_ref(), *symbol));
        named.filter(move |(name, _)| name.starts_with(prefix.as_bytes()))
    }

    /// Every function by its place, ascending; of several names for one the first that is seen from outside.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut found = self.file.as_ref().and_then(|file| read_functions(file, self.bias)).unwrap_or_default();
        if found.is_empty() {
            let functions = self.with_prefix("").filter(|(_, symbol)| symbol.is_function);
            let function = |(name, symbol): (&[u8], Symbol)| {
                let Symbol { address: start, size: length, is_local, .. } = symbol;
                Function { start, length, name: name.into(), is_local }
            };
            found = functions.map(function).collect();
        }
        found.sort_by(|one, other| (one.start, one.is_local, &one.name).cmp(&(other.start, other.is_local, &other.name)));
        found.dedup_by_key(|function| function.start);
        // What is written in assembly may have no size: it ends where the next one begins.
        let mut next = self.span.end;
        for function in found.iter_mut().rev() {
            if function.length == 0 {
                function.length = next.0.saturating_sub(function.start.0);
            }
            next = function.start;
        }
        found
    }

    fn table(&self) -> &Table {
        self.table.get_or_init(|| self.file.as_ref().and_then(|file| read_tables(file, self.bias)).unwrap_or_default())
    }

    fn open(group: &[&Mapping], files: &Files) -> Option<Binary> {
        let first = group.first()?;
        let file = files.open(first)?;
        let cache = ReadCache::new(&file);
        let elf = ElfFile64::<Endianness, _>::parse(&cache).ok()?;
        let endian = elf.endian();
        let segments = elf.elf_program_headers().iter().filter(|header| header.p_type(endian) == elf::PT_LOAD);
        let segments: Vec<Segment> = segments
            .map(|header| Segment {
                offset: header.p_offset(endian),
                address: header.p_vaddr(endian),
                length: header.p_memsz(endian),
            })
            .collect();
        let bias = load_bias(elf.elf_header().e_type(endian) == elf::ET_EXEC, &segments, group)?;
        let runtime_section = elf
            .section_by_name(".PyRuntime")
            .map(|section| Span::new(Address(section.address().wrapping_add(bias)), section.size()));
        let build_id = elf.build_id().ok().flatten().map(<[u8]>::to_vec);
        let (path, span) = (first.file()?.to_owned(), extent(&segments, bias)?);
        drop(elf);
        Some(Binary { path, span, bias, build_id, runtime_section, file: Some(file), table: OnceLock::new() })
    }

    /// A binary that is not to be had, and has left in memory only what it wrote to.
    fn nameless(group: &[&Mapping], mappings: &[Mapping]) -> Option<Binary> {
        let start = group.iter().map(|mapping| mapping.span.start).min()?;
        let mut end = group.iter().map(|mapping| mapping.span.end).max()?;
        // Data that begins as zeros follows the file's.
        let after = mappings.partition_point(|mapping| mapping.span.start < end);
        end = mappings
            .get(after)
            .filter(|mapping| mapping.span.start == end && mapping.path.is_none())
            .map_or(end, |zeros| zeros.span.end);
        let path = group.first()?.file()?.to_owned();
        let (span, table) = (Span { start, end }, OnceLock::from(Table::default()));
        Some(Binary { path, span, bias: 0, build_id: None, runtime_section: None, file: None, table })
    }

    /// The binary as the loader sees it: program headers, and the dynamic symbol table, out of memory.
    fn in_memory<M: Memory + ?Sized>(memory: &M, group: &[&Mapping]) -> Option<Binary> {
        let first = group.iter().find(|mapping| mapping.offset.0 == 0 && mapping.permissions.read)?;
        let head = Head::in_memory(memory, first.span.start)?;
        let loads = head.of_kind(elf::PT_LOAD);
        let segments: Vec<Segment> = loads.map(|header| Segment::new(header.offset, header.address, header.in_memory)).collect();
        let dynamic = head.of_kind(elf::PT_DYNAMIC).next_back().map(|header| (header.address, header.in_memory));
        let bias = load_bias(head.file_type == elf::ET_EXEC, &segments, group)?;
        let (dynamic, length) = dynamic?;
        let mut table = Table::default();
        read_dynamic(memory, Address(dynamic.wrapping_add(bias)), length, bias, &mut table)?;
        let (path, span) = (first.file()?.to_owned(), extent(&segments, bias)?);
        let table = OnceLock::from(table);
        Some(Binary { path, span, bias, build_id: None, runtime_section: None, file: None, table })
    }
}

/// A part of a file that is mapped: where it stands in the file, at which address, and how long it is in memory.
pub(crate) struct Segment {
    offset: u64,
    address: u64,
    length: u64,
}

impl Segment {
    pub(crate) fn new(offset: u64, address: u64, length: u64) -> Segment {
        Segment { offset, address, length }
    }
}

/// From the first byte of the segments to the last, zeroed data included.
fn extent(segments: &[Segment], bias: u64) -> Option<Span> {
    let start = segments.iter().map(|segment| segment.address.wrapping_add(bias)).min()?;
    let end = segments.iter().map(|segment| segment.address.wrapping_add(bias).wrapping_add(segment.length)).max()?;
    Some(Span { start: Address(start), end: Address(end) })
}

/// The bias on which most segments agree with the mappings.
pub(crate) fn load_bias(is_fixed: bool, segments: &[Segment], group: &[&Mapping]) -> Option<u64> {
    if is_fixed {
        return Some(0);
    }
    let mut votes: Vec<(u64, usize)> = Vec::new();
    for Segment { offset, address, .. } in segments {
        for mapping in group.iter().filter(|mapping| mapping.offset.0 == offset - offset % PAGE) {
            let bias = mapping.span.start.0.wrapping_sub(address - address % PAGE);
            match votes.iter_mut().find(|(voted, _)| *voted == bias) {
                Some((_, count)) => *count += 1,
                None => votes.push((bias, 1)),
            }
        }
    }
    votes.into_iter().max_by_key(|(_, count)| *count).map(|(bias, _)| bias)
}

/// The symbols of `.dynsym` and `.symtab` of a file.
fn read_tables(file: &File, bias: u64) -> Option<Table> {
    let cache = ReadCache::new(file);
    let elf = ElfFile64::<Endianness, _>::parse(&cache).ok()?;
    let mut table = Table::default();
    for (symbols, names) in [(".dynsym", ".dynstr"), (".symtab", ".strtab")] {
        let section = |name| elf.section_by_name(name).filter(|section| section.size() <= MAXIMUM_TABLE)?.data().ok();
        if let (Some(symbols), Some(names)) = (section(symbols), section(names)) {
            index(symbols, names, bias, &mut table);
        }
    }
    Some(table)
}

/// The functions of `.dynsym` and `.symtab` of a file, in no order.
fn read_functions(file: &File, bias: u64) -> Option<Vec<Function>> {
    let cache = ReadCache::new(file);
    let elf = ElfFile64::<Endianness, _>::parse(&cache).ok()?;
    let function = |symbol: object::read::elf::ElfSymbol64<'_, '_, Endianness, _>| {
        let is_code = symbol.is_definition() && symbol.kind() == SymbolKind::Text;
        Some(Function {
            start: Address(symbol.address().wrapping_add(bias)),
            length: symbol.size(),
            name: symbol.name_bytes().ok().filter(|name| is_code && !name.is_empty())?.into(),
            is_local: symbol.is_local(),
        })
    };
    Some(elf.symbols().chain(elf.dynamic_symbols()).filter_map(function).collect())
}

/// The symbols of a loaded binary's dynamic section.
fn read_dynamic<M: Memory + ?Sized>(memory: &M, dynamic: Address, length: u64, bias: u64, table: &mut Table) -> Option<()> {
    let entries = memory.read_vec(dynamic, length, 64 << 10).ok()?;
    let value = |tag: elf::DynamicTag| {
        let entry = |pair: &[u8]| Some((word(pair, 0)?, word(pair, 8)?));
        entries.chunks_exact(16).filter_map(entry).find(|(found, _)| *found == tag.0 as u64).map(|(_, value)| value)
    };
    // The loader may have relocated these in place, or not.
    let place = |tag| value(tag).map(|value| Address(if value < bias { value.wrapping_add(bias) } else { value }));
    let count = match (place(elf::DT_GNU_HASH), place(elf::DT_HASH)) {
        (_, Some(hash)) => u64::from(memory.read_u32(hash.offset(4))?),
        (Some(hash), None) => gnu_hash_count(memory, hash)?,
        (None, None) => return None,
    };
    let symbols = memory.read_vec(place(elf::DT_SYMTAB)?, count.checked_mul(24)?, MAXIMUM_TABLE as usize).ok()?;
    let names = memory.read_vec(place(elf::DT_STRTAB)?, value(elf::DT_STRSZ)?, MAXIMUM_TABLE as usize).ok()?;
    index(&symbols, &names, bias, table);
    Some(())
}

/// The number of symbols that a `DT_GNU_HASH` table implies: one more than the end of the chain that begins last.
fn gnu_hash_count<M: Memory + ?Sized>(memory: &M, hash: Address) -> Option<u64> {
    let buckets = u64::from(memory.read_u32(hash)?);
    let first_hashed = u64::from(memory.read_u32(hash.offset(4))?);
    let filter_words = u64::from(memory.read_u32(hash.offset(8))?);
    let bucket_start = hash.offset(16 + 8 * filter_words as i64);
    let chain_start = bucket_start.offset(4 * buckets as i64);
    let table = memory.read_vec(bucket_start, 4 * buckets, MAXIMUM_TABLE as usize).ok()?;
    let last = table.chunks_exact(4).filter_map(|bucket| Some(u32::from_le_bytes(bucket.try_into().ok()?))).max()?;
    let mut last = u64::from(last);
    if last < first_hashed {
        return Some(first_hashed);
    }
    while last < MAXIMUM_TABLE / 24 {
        if memory.read_u32(chain_start.offset(4 * (last - first_hashed) as i64))? & 1 == 1 {
            return Some(last + 1);
        }
        last += 1;
    }
    None
}

/// Adds the symbols that an array of `Elf64_Sym` defines; what is seen from outside goes before what is local.
fn index(symbols: &[u8], names: &[u8], bias: u64, table: &mut Table) {
    table.reserve(symbols.len() / 24);
    for symbol in symbols.chunks_exact(24) {
        let &[n0, n1, n2, n3, info, _, s0, s1, ..] = symbol else { continue };
        let (kind, binding) = (elf::SymbolType(info & 0xf), elf::SymbolBind(info >> 4));
        let section = elf::SymbolSection(u16::from_le_bytes([s0, s1]));
        let (Some(value), Some(size)) = (word(symbol, 8), word(symbol, 16)) else { continue };
        let is_code_or_data = matches!(kind, elf::STT_NOTYPE | elf::STT_OBJECT | elf::STT_FUNC);
        if !is_code_or_data || section == elf::SHN_UNDEF || section == elf::SHN_ABS || value == 0 {
            continue;
        }
        let start = u32::from_le_bytes([n0, n1, n2, n3]) as usize;
        let Some(name) = names.get(start..).and_then(|rest| rest.split(|&byte| byte == 0).next()) else { continue };
        if name.is_empty() {
            continue;
        }
        let is_local = binding == elf::STB_LOCAL;
        let address = Address(value.wrapping_add(bias));
        let symbol = Symbol { address, size, is_function: kind == elf::STT_FUNC, is_local };
        match table.get_mut(name) {
            Some(known) if known.is_local && !is_local => *known = symbol,
            Some(_) => {}
            None => {
                table.insert(name.into(), symbol);
            }
        }
    }
}

fn word(bytes: &[u8], start: usize) -> Option<u64> {
    bytes.get(start..)?.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}

#[cfg(test)]
#[path = "symbols_tests.rs"]
mod tests;
