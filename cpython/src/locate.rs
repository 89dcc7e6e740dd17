//! Where `_PyRuntime` lies: by its symbol, by the section `.PyRuntime` (3.11+), by the cookie that begins it (3.13+), or, when
//! the binary is not to be had and has left only its data, by its shape.

use std::borrow::Cow;
use std::collections::BTreeMap;

use heapsake_core::Address;

use crate::error::{Error, ErrorKind, Result};
use crate::layouts::{Layouts, Table};
use crate::memory::{Mapping, Memory};
use crate::symbols::{Binary, Symbols, Which};
use crate::version::{self, COOKIE};

/// `Py_TPFLAGS_DICT_SUBCLASS`.
const DICT_SUBCLASS: u64 = 1 << 29;
const PAGE: usize = 4096;
const MAXIMUM_INTERPRETERS: usize = 1000;
/// The data of a binary is taken to be no larger.
const LARGEST_DATA: i64 = 256 << 20;

/// The binaries that say by a symbol or a section where a runtime is, and its address: more than one where a process has several
/// CPythons, of which some may run nothing.
pub(crate) fn named(symbols: &Symbols) -> impl Iterator<Item = (&Binary, Address)> {
    symbols.pythons().filter_map(|binary| {
        let section = binary.runtime_section().map(|section| section.start);
        Some((binary, binary.find("_PyRuntime").map(|symbol| symbol.address).or(section)?))
    })
}

/// The binary that holds a runtime, and the runtime's address, where none says it.
pub(crate) fn nameless<'a, M: Memory + ?Sized>(
    memory: &M,
    mappings: &[Mapping],
    symbols: &'a Symbols,
    table: impl FnOnce() -> Result<Cow<'static, Table>>,
) -> Result<(&'a Binary, Address)> {
    let by_data = |find: &dyn Fn(&Binary) -> Option<Address>| symbols.meant().find_map(|binary| Some((binary, find(binary)?)));
    if let Some(found) = by_data(&|binary| by_cookie(memory, mappings, binary)) {
        return Ok(found);
    }
    if symbols.binaries().iter().any(Binary::is_nameless) {
        let layouts = every(&*table()?);
        let by_shape = |binary: &Binary| {
            Some(binary).filter(|binary| binary.is_nameless()).and_then(|binary| by_shape(memory, mappings, binary, &layouts))
        };
        if let Some(found) = by_data(&by_shape) {
            return Ok(found);
        }
    }
    Err(refused(memory, symbols))
}

fn shown(binary: &Binary) -> String {
    binary.path().display().to_string()
}

/// Why there is none.
fn refused<M: Memory + ?Sized>(memory: &M, symbols: &Symbols) -> Error {
    if let Which::Named(path) = symbols.which() {
        let all: Vec<String> = symbols.binaries().iter().filter(|binary| binary.has_state()).map(shown).collect();
        let problem = format!("no CPython of the process is in a file called {}", path.display());
        return Error::new(ErrorKind::NotPython, problem).hint(match &all[..] {
            [] => "no file of the process says that it holds one".to_owned(),
            all => format!("it has {}", all.join(" and ")),
        });
    }
    let other = symbols
        .binaries()
        .iter()
        .find(|binary| binary.find("pypy_execute_source").is_some() || binary.find("pypy_main_startup").is_some());
    if let Some(binary) = other {
        return Error::new(
            ErrorKind::OtherImplementation,
            format!("the process runs PyPy ({}), not CPython", binary.path().display()),
        )
        .hint("only CPython's objects can be read");
    }
    if let Some(binary) = symbols.binaries().iter().find(|binary| binary.find("Py_GetVersion").is_some()) {
        let version = version::version_text(memory, binary);
        let version = version.as_deref().and_then(|text| text.split(' ').next()).unwrap_or("of an unknown version");
        return crate::attach::unknown(&format!("CPython {version} has no runtime state that is known"));
    }
    let names: Vec<String> = symbols.binaries().iter().take(3).map(|binary| binary.path().display().to_string()).collect();
    Error::new(
        ErrorKind::NotPython,
        format!("no CPython was found in the process: none of its {} binaries holds one", symbols.binaries().len()),
    )
    .hint(if names.is_empty() {
        "no binary could be read".into()
    } else {
        format!("it runs {}; is this the right process? `ps -ef --forest` shows its children", names.join(", "))
    })
}

/// By its cookie, for binaries without symbols and sections.
fn by_cookie<M: Memory + ?Sized>(memory: &M, mappings: &[Mapping], binary: &Binary) -> Option<Address> {
    each_page(memory, mappings, binary, |start, page| {
        let found = page.as_chunks::<8>().0.iter().position(|word| word == COOKIE);
        let address = found.map(|index| start.offset(8 * index as i64));
        address.filter(|&address| version::debug_offsets(memory, address).is_some())
    })
}

/// Layouts of every column that can be used, by where the runtime keeps its first interpreter.
fn every(table: &Table) -> BTreeMap<usize, Vec<(Layouts, crate::layouts::HexVersion)>> {
    let mut found: BTreeMap<usize, Vec<_>> = BTreeMap::new();
    for column in table.columns() {
        if let Ok(layouts) = Layouts::for_column(column) {
            found.entry(layouts.runtime.interpreters_main.offset()).or_default().push((layouts, column.version));
        }
    }
    found
}

/// By its shape: a pointer to an interpreter, the `sys` of which says the version that the pointer was read by.
fn by_shape<M: Memory + ?Sized>(
    memory: &M,
    mappings: &[Mapping],
    binary: &Binary,
    every: &BTreeMap<usize, Vec<(Layouts, crate::layouts::HexVersion)>>,
) -> Option<Address> {
    each_page(memory, mappings, binary, |start, page| {
        for (index, word) in page.as_chunks::<8>().0.iter().enumerate() {
            let interpreter = Address(u64::from_le_bytes(*word));
            if interpreter.0 & 7 != 0 || interpreter.0 < PAGE as u64 || memory.word(interpreter).is_none() {
                continue;
            }
            let place = start.offset(8 * index as i64);
            for (offset, layouts) in every {
                let runtime = place.offset(-(*offset as i64));
                let is_it = |(layouts, version): &(Layouts, crate::layouts::HexVersion)| {
                    has_dicts(memory, interpreter, layouts)
                        && is_listed(memory, runtime, interpreter, layouts)
                        && version::sys_hexversion(memory, interpreter, layouts).is_some_and(|found| found.same_minor(*version))
                };
                if layouts.iter().any(is_it) {
                    return Some(runtime);
                }
            }
        }
        None
    })
}

/// Whether the list of interpreters leads to this one, which was made first.
fn is_listed<M: Memory + ?Sized>(memory: &M, runtime: Address, interpreter: Address, layouts: &Layouts) -> bool {
    let mut next = layouts.runtime.interpreters_head.read(memory, runtime).unwrap_or_default();
    for _ in 0..MAXIMUM_INTERPRETERS {
        if next == interpreter || next.is_null() {
            break;
        }
        next = layouts.interpreter.next.read(memory, next).unwrap_or_default();
    }
    next == interpreter
}

/// Whether `sys` and the modules of what may be an interpreter are of one type, which is a dictionary's: nearly nothing else
/// has two such words at these places.
fn has_dicts<M: Memory + ?Sized>(memory: &M, interpreter: Address, layouts: &Layouts) -> bool {
    let type_of = |field: crate::layout::Field<Address>| layouts.object.ob_type.read(memory, field.read(memory, interpreter)?);
    let types = (type_of(layouts.interpreter.sysdict), type_of(layouts.interpreter.modules));
    let (Some(of_sys), Some(of_modules)) = types else { return false };
    of_sys == of_modules && layouts.type_object.tp_flags.read(memory, of_sys).is_some_and(|flags| flags & DICT_SUBCLASS != 0)
}

/// What `look` finds in a page of the binary's writable data.
fn each_page<M: Memory + ?Sized>(
    memory: &M,
    mappings: &[Mapping],
    binary: &Binary,
    look: impl Fn(Address, &[u8; PAGE]) -> Option<Address>,
) -> Option<Address> {
    let mut page = [0; PAGE];
    let span = binary.span();
    let first = mappings.partition_point(|mapping| mapping.span.start < span.start);
    let within = mappings[first..].iter().take_while(|mapping| mapping.span.start < span.end);
    for mapping in within.filter(|mapping| mapping.is_readable() && mapping.permissions.write) {
        let mut start = mapping.span.start;
        // A core may tell of memory that it does not have, and of as much as it likes.
        let end = mapping.span.end.min(start.offset(LARGEST_DATA));
        while start < end {
            if memory.read_at(start, &mut page).is_ok()
                && let Some(found) = look(start, &page)
            {
                return Some(found);
            }
            start = start.offset(PAGE as i64);
        }
    }
    None
}
