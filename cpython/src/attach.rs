//! A CPython runtime in a target's memory: where `_PyRuntime` lies, which version it is, and the layouts that fit it.
//!
//! The state is found by its symbol, by the section `.PyRuntime` (3.11+), or by the cookie that begins it (3.13+). A version
//! is believed when `sys.hexversion`, read through the layouts of that version, says the same, and the sizes of live types
//! agree ([`SelfCheck`]). Whatever is unknown or contradicts itself is refused.

use crate::error::{Error, ErrorKind, Result};
use crate::layout::LayoutError;
use crate::layouts::{Flags, HexVersion, Layouts, Table};
use crate::memory::{Files, Mapping, Memory, Process, Snapshot, Source};
use crate::selfcheck::SelfCheck;
use crate::symbols::{Binary, Symbols};
use crate::version::{self, COOKIE, Evidence};
use heapsake_core::Address;
use std::path::PathBuf;

/// A CPython runtime.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// Where `_PyRuntime` lies.
    pub address: Address,
    /// The interpreter that was made first.
    pub interpreter: Address,
    /// Its version, as `sys.hexversion` gives it.
    pub version: HexVersion,
    /// How it was built.
    pub flags: Flags,
    /// What `sys.version` was made of, if it was found.
    pub version_text: Option<String>,
    /// Where the fields of its structs lie; `layouts.version` says which build they were read from.
    pub layouts: Layouts,
    /// The file that holds it, as the target sees it.
    pub binary: PathBuf,
    /// The build id of that file.
    pub build_id: Option<Vec<u8>>,
    /// What was compared with the layouts, without a difference.
    pub check: SelfCheck,
}

impl Runtime {
    /// The runtime in `memory`.
    ///
    /// # Errors
    /// [`ErrorKind::NotPython`] and [`ErrorKind::OtherImplementation`] if there is none, [`ErrorKind::NotReady`] if it is
    /// starting up or shutting down, [`ErrorKind::UnknownLayout`] and [`ErrorKind::LayoutMismatch`] if it cannot be read.
    pub fn find<M: Memory + ?Sized>(memory: &M, mappings: &[Mapping], files: &Files) -> Result<Runtime> {
        Runtime::with_symbols(memory, mappings, &Symbols::new(memory, mappings, files))
    }

    /// The runtime in a copy of a process's memory, while the process still lives.
    ///
    /// # Errors
    /// As [`Runtime::find`].
    pub fn of_snapshot(snapshot: &Snapshot) -> Result<Runtime> {
        Runtime::find(snapshot, snapshot.mappings(), &Files::of_process(snapshot.pid()))
    }

    /// The runtime of a live process, looked at without stopping it.
    ///
    /// # Errors
    /// As [`Runtime::find`].
    pub fn of_process(process: &Process) -> Result<Runtime> {
        Runtime::find(process, &process.mappings()?, &Files::of_process(process.pid()))
    }

    /// The runtime in `memory`, the symbols of which are known already.
    ///
    /// # Errors
    /// As [`Runtime::find`].
    pub fn with_symbols<M: Memory + ?Sized>(memory: &M, mappings: &[Mapping], symbols: &Symbols) -> Result<Runtime> {
        let (binary, address) = locate(memory, mappings, symbols)?;
        let evidence = Evidence::gather(memory, address, symbols, binary);
        let (layouts, interpreter, version) = match evidence.version() {
            Some(version) => read_through(memory, address, version, evidence.flags)?,
            None => try_all(memory, address, evidence.flags)?,
        };
        let check = SelfCheck::new(memory, address, binary, &layouts);
        if let Some(first) = check.mismatches.first() {
            return Err(Error::new(
                ErrorKind::LayoutMismatch,
                format!(
                    "this CPython {version} is laid out differently from the one that is known: {} of {} numbers differ, {first}",
                    check.mismatches.len(),
                    check.compared
                ),
            )
            .hint("it was built with options or patches that move fields; please report its `python -VV` and how it was built"));
        }
        Ok(Runtime {
            address,
            interpreter,
            version,
            flags: evidence.flags,
            version_text: evidence.text,
            layouts,
            binary: binary.path().to_owned(),
            build_id: binary.build_id().map(<[u8]>::to_vec),
            check,
        })
    }
}

/// The binary that holds the runtime, and the runtime's address.
fn locate<'a, M: Memory + ?Sized>(memory: &M, mappings: &[Mapping], symbols: &'a Symbols) -> Result<(&'a Binary, Address)> {
    if let Some(binary) = symbols.python() {
        let section = binary.runtime_section().map(|section| section.start);
        if let Some(address) = binary.find("_PyRuntime").map(|symbol| symbol.address).or(section) {
            return Ok((binary, address));
        }
    }
    if let Some(found) = scan_for_cookie(memory, mappings, symbols) {
        return Ok(found);
    }
    let other = symbols
        .binaries()
        .iter()
        .find(|binary| binary.find("pypy_execute_source").is_some() || binary.find("pypy_main_startup").is_some());
    if let Some(binary) = other {
        return Err(Error::new(
            ErrorKind::OtherImplementation,
            format!("the process runs PyPy ({}), not CPython", binary.path().display()),
        )
        .hint("only CPython's objects can be read"));
    }
    if let Some(binary) = symbols.binaries().iter().find(|binary| binary.find("Py_GetVersion").is_some()) {
        let version = version::version_text(memory, binary);
        let version = version.as_deref().and_then(|text| text.split(' ').next()).unwrap_or("of an unknown version");
        return Err(unknown(&format!("CPython {version} has no runtime state that is known")));
    }
    let names: Vec<String> = symbols.binaries().iter().take(3).map(|binary| binary.path().display().to_string()).collect();
    Err(Error::new(
        ErrorKind::NotPython,
        format!("no CPython was found in the process: none of its {} binaries holds one", symbols.binaries().len()),
    )
    .hint(if names.is_empty() {
        "no binary could be read".into()
    } else {
        format!("it runs {}; is this the right process? `ps -ef --forest` shows its children", names.join(", "))
    }))
}

/// `_PyRuntime` by its cookie, for binaries without symbols and sections.
fn scan_for_cookie<'a, M: Memory + ?Sized>(
    memory: &M,
    mappings: &[Mapping],
    symbols: &'a Symbols,
) -> Option<(&'a Binary, Address)> {
    let mut page = [0; 4096];
    for binary in symbols.binaries() {
        let writable = mappings.iter().filter(|mapping| mapping.is_readable() && mapping.permissions.write);
        for mapping in writable.filter(|mapping| binary.span().contains(mapping.span.start)) {
            let mut start = mapping.span.start;
            while start < mapping.span.end {
                if memory.read_at(start, &mut page).is_ok() {
                    let found = page.chunks_exact(8).position(|word| word == COOKIE);
                    let address = found.map(|index| start.offset(8 * index as i64));
                    if let Some(address) = address.filter(|&address| version::debug_offsets(memory, address).is_some()) {
                        return Some((binary, address));
                    }
                }
                start = start.offset(4096);
            }
        }
    }
    None
}

/// The layouts for `version`, confirmed by what is read through them.
fn read_through<M: Memory + ?Sized>(
    memory: &M,
    runtime: Address,
    version: HexVersion,
    flags: Flags,
) -> Result<(Layouts, Address, HexVersion)> {
    let layouts = Layouts::lp64(version, flags).map_err(refused)?;
    let interpreter = main_interpreter(memory, runtime, &layouts);
    let interpreter = interpreter.ok_or_else(|| not_ready(version, "it has no interpreter"))?;
    match version::sys_hexversion(memory, interpreter, &layouts) {
        Some(found) if found == version => Ok((layouts, interpreter, version)),
        Some(found) => Err(Error::new(
            ErrorKind::LayoutMismatch,
            format!("the binary is CPython {version}, but sys.hexversion reads as {:#010x}", found.0),
        )
        .hint("it was built with options or patches that move fields")),
        None => {
            let sys = layouts.interpreter.sysdict.read(memory, interpreter);
            if sys.is_none_or(Address::is_null) {
                return Err(not_ready(version, "it has no sys module"));
            }
            Err(Error::new(
                ErrorKind::LayoutMismatch,
                format!("the binary is CPython {version}, but sys.hexversion cannot be read through its layout"),
            )
            .hint("it was built with options or patches that move fields, or is starting up or shutting down"))
        }
    }
}

/// The layouts through which `sys.hexversion` reads as their own minor release, when nothing else says the version.
fn try_all<M: Memory + ?Sized>(memory: &M, runtime: Address, flags: Flags) -> Result<(Layouts, Address, HexVersion)> {
    for column in Table::lp64().map_err(refused)?.columns().iter().filter(|column| column.flags == flags) {
        let layouts = Layouts::for_column(column).map_err(refused)?;
        let Some(interpreter) = main_interpreter(memory, runtime, &layouts) else { continue };
        match version::sys_hexversion(memory, interpreter, &layouts) {
            Some(version) if version.same_minor(column.version) => return read_through(memory, runtime, version, flags),
            _ => {}
        }
    }
    Err(unknown("nothing in the process says which CPython it is"))
}

fn main_interpreter<M: Memory + ?Sized>(memory: &M, runtime: Address, layouts: &Layouts) -> Option<Address> {
    let present = |address: &Address| !address.is_null();
    layouts
        .runtime
        .interpreters_main
        .read(memory, runtime)
        .filter(present)
        .or_else(|| layouts.runtime.interpreters_head.read(memory, runtime).filter(present))
}

fn not_ready(version: HexVersion, why: &str) -> Error {
    Error::new(ErrorKind::NotReady, format!("CPython {version} is starting up or shutting down: {why}"))
        .hint("try again in a moment")
}

fn refused(error: LayoutError) -> Error {
    match error {
        LayoutError::UnknownLayout { .. } => unknown(&error.to_string()),
        _ => Error::new(ErrorKind::LayoutTable, "the layout table cannot be used").source(error),
    }
}

fn unknown(message: &str) -> Error {
    Error::new(ErrorKind::UnknownLayout, message).hint("`cargo xtask layouts` adds a version; see docs/layouts.md")
}

#[cfg(test)]
#[path = "attach_tests.rs"]
mod tests;
