//! A CPython runtime in a target's memory: where `_PyRuntime` lies, which version it is, and the layouts that fit it.
//!
//! A version is believed when `sys.hexversion`, read through the layouts of that version, says the same, and the sizes of live types
//! agree ([`SelfCheck`]). What contradicts the table is read by the target's own debug information, if it has any and that
//! passes the same checks. Whatever is unknown or contradicts itself is refused.

use crate::error::{Error, ErrorKind, Result};
use crate::layout::LayoutError;
use crate::layouts::dwarf::{self, DebugFiles, Names};
use crate::layouts::{Column, Flags, HexVersion, Layouts, Table, debug_information};
use crate::locate;
use crate::machine::Machine;
use crate::memory::{Files, Mapping, Memory, Process, Snapshot, Source};
use crate::selfcheck::SelfCheck;
use crate::symbols::{Binary, Symbols, Which};
use crate::version::{self, Evidence};
use heapsake_core::Address;
use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

/// So many numbers of a layout must agree where `sys` cannot be asked.
const ENOUGH: usize = 20;

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
    /// Where the layouts come from.
    pub origin: Origin,
    /// The file that holds it, as the target sees it.
    pub binary: PathBuf,
    /// The build id of that file.
    pub build_id: Option<Vec<u8>>,
    /// What was compared with the layouts, without a difference.
    pub check: SelfCheck,
    /// Further CPythons of the process, by version and file, of which nothing else is told.
    pub others: Vec<String>,
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CPython {} of {}", self.version, self.binary.display())
    }
}

/// Where layouts come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// The table's column for that very version.
    Exact,
    /// The table's column for the nearest patch release.
    NearestPatch,
    /// The target's own debug information, after its memory contradicted the table.
    OwnDebugInformation,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Exact => "exact",
            Origin::NearestPatch => "nearest patch release",
            Origin::OwnDebugInformation => "by its own DWARF",
        })
    }
}

impl Runtime {
    /// The runtime in `memory`, of a process on this machine.
    ///
    /// # Errors
    /// [`ErrorKind::NotPython`] and [`ErrorKind::OtherImplementation`] if there is none, [`ErrorKind::NotReady`] if it is
    /// starting up or shutting down, [`ErrorKind::UnknownLayout`] and [`ErrorKind::LayoutMismatch`] if it cannot be read.
    pub fn find<M: Memory + ?Sized>(memory: &M, mappings: &[Mapping], files: &Files) -> Result<Runtime> {
        Runtime::of(Which::Running, memory, mappings, files)
    }

    /// The one that is meant of the runtimes in `memory`, of a process on this machine.
    ///
    /// # Errors
    /// As [`Runtime::find`].
    pub fn of<M: Memory + ?Sized>(which: Which, memory: &M, mappings: &[Mapping], files: &Files) -> Result<Runtime> {
        let symbols = Symbols::new(memory, mappings, files).of(which);
        Runtime::with_symbols(memory, mappings, files, &symbols, Machine::OWN.unwrap_or_default())
    }

    /// The runtime in `memory` of a process on `machine`, the symbols of which are known already.
    pub(crate) fn with_symbols<M: Memory + ?Sized>(
        memory: &M,
        mappings: &[Mapping],
        files: &Files,
        symbols: &Symbols,
        machine: Machine,
    ) -> Result<Runtime> {
        let all = || Table::of(machine).map(Cow::Borrowed).map_err(refused);
        Runtime::by_tables(memory, mappings, files, symbols, |version| match version {
            // What is said of a release that is not known names those that are.
            Some(version) => match Table::of_minor(machine, version).map_err(refused)? {
                table if table.columns().is_empty() => all(),
                table => Ok(Cow::Owned(table)),
            },
            None => all(),
        })
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

    /// The runtime in `memory`, by the layouts of `table` or, if it contradicts them, by its own debug information.
    #[cfg(test)]
    fn by_table<M: Memory + ?Sized>(
        memory: &M,
        mappings: &[Mapping],
        files: &Files,
        symbols: &Symbols,
        table: &Table,
    ) -> Result<Runtime> {
        Runtime::by_tables(memory, mappings, files, symbols, |_| Ok(Cow::Owned(table.clone())))
    }

    /// The runtime in `memory`, by the layouts of the table for its version or, if it contradicts them, by its own debug
    /// information. Without a version the table of all columns is asked for: where nothing else tells where the runtime is, or
    /// which one.
    fn by_tables<M: Memory + ?Sized>(
        memory: &M,
        mappings: &[Mapping],
        files: &Files,
        symbols: &Symbols,
        table: impl Fn(Option<HexVersion>) -> Result<Cow<'static, Table>>,
    ) -> Result<Runtime> {
        let at = |(binary, address)| Runtime::at(memory, files, symbols, binary, address, &table);
        let (mut running, mut refused) = (Vec::new(), Vec::new());
        for place in locate::named(symbols) {
            match at(place) {
                Ok(runtime) => running.push(runtime),
                Err(error) => refused.push(error),
            }
        }
        let mut running = running.into_iter();
        if let Some(mut runtime) = running.next() {
            runtime.others = running.map(|other| other.to_string()).collect();
            return Ok(runtime);
        }
        // What has no interpreter may be a library that is only there. What cannot be read, however, is what runs.
        let unread = refused.iter().position(|error| error.kind() != ErrorKind::NotReady);
        if let Some(unread) = unread {
            return Err(refused.swap_remove(unread));
        }
        let nameless = locate::nameless(memory, mappings, symbols, || table(None)).and_then(at);
        match refused.into_iter().next() {
            Some(not_ready) => nameless.map_err(|_| not_ready),
            None => nameless,
        }
    }

    /// The runtime at `address`, in `binary`.
    fn at<M: Memory + ?Sized>(
        memory: &M,
        files: &Files,
        symbols: &Symbols,
        binary: &Binary,
        address: Address,
        table: &impl Fn(Option<HexVersion>) -> Result<Cow<'static, Table>>,
    ) -> Result<Runtime> {
        let evidence = Evidence::gather(memory, address, binary);
        if evidence.stackless.verdict().is_none() {
            let signs = evidence.stackless;
            return Err(unknown(&format!(
                "{} signs say that this is Stackless Python, and {} that it is not",
                signs.for_it, signs.against
            )));
        }
        let target = Target { memory, address, binary, flags: evidence.flags };
        let table = &*table(evidence.version())?;
        let read = match evidence.version() {
            Some(version) => target.read_by_table(table, version).or_else(|veto| {
                let own = || own_column(symbols, binary, files, version, evidence.flags);
                let read = target.read_after(veto, table, version, own);
                read.or_else(|veto| target.read_by_others(veto, table, version))
            }),
            None => target.try_all(table),
        };
        let Reading { layouts, origin, interpreter, version, check } = read?;
        Ok(Runtime {
            address,
            interpreter,
            version,
            flags: evidence.flags,
            version_text: evidence.text,
            layouts,
            origin,
            binary: binary.path().to_owned(),
            build_id: binary.build_id().map(<[u8]>::to_vec),
            check,
            others: Vec::new(),
        })
    }
}

/// A runtime of which it is not known yet through which layouts it can be read.
struct Target<'a, M: ?Sized> {
    memory: &'a M,
    address: Address,
    binary: &'a Binary,
    flags: Flags,
}

/// Layouts that what is read through them confirms.
#[derive(Debug)]
struct Reading {
    layouts: Layouts,
    origin: Origin,
    interpreter: Address,
    version: HexVersion,
    check: SelfCheck,
}

impl<M: Memory + ?Sized> Target<'_, M> {
    /// By the table's column for `version`.
    fn read_by_table(&self, table: &Table, version: HexVersion) -> Result<Reading> {
        let column = table.column(version, self.flags).map_err(refused)?;
        let origin = if column.version == version { Origin::Exact } else { Origin::NearestPatch };
        self.read_through(column, origin, version)
    }

    /// By the columns of other patch releases, the nearest first, after a `veto` against the one that stands for `version`: fields
    /// may have moved before or after it.
    fn read_by_others(&self, veto: Error, table: &Table, version: HexVersion) -> Result<Reading> {
        let tried = table.column(version, self.flags).map_err(refused)?;
        if tried.version == version {
            return Err(veto);
        }
        let is_other =
            |other: &&Column| other.flags == self.flags && other.version.same_minor(version) && other.version != tried.version;
        let mut others: Vec<&Column> = table.columns().iter().filter(is_other).collect();
        others.sort_by_key(|other| other.version.patch().abs_diff(version.patch()));
        let mut told = veto;
        for other in others {
            match self.read_through(other, Origin::NearestPatch, version) {
                Ok(reading) => return Ok(reading),
                // It becomes readable by itself.
                Err(error) if error.kind() == ErrorKind::NotReady => told = error,
                Err(_) => {}
            }
        }
        Err(told)
    }

    /// By the target's own debug information, after a `veto` against the table's column.
    fn read_after(
        &self,
        veto: Error,
        table: &Table,
        version: HexVersion,
        own: impl FnOnce() -> Result<Option<Column>>,
    ) -> Result<Reading> {
        // It becomes readable by itself. Only a layout that is another patch release's may be what keeps it from that.
        let is_exact = table.column(version, self.flags).is_ok_and(|column| column.version == version);
        if veto.kind() == ErrorKind::NotReady && is_exact {
            return Err(veto);
        }
        // Where fields lie can be learned; what they mean must be known: of that minor release, with or without assertions.
        let meant = Flags { debug: false, ..self.flags };
        if table.column(version, meant).is_err() {
            return Err(veto);
        }
        let read = own()
            .and_then(|column| column.map(|column| self.read_through(&column, Origin::OwnDebugInformation, version)).transpose());
        match read {
            Ok(Some(reading)) => Ok(reading),
            // It may become readable by itself.
            Ok(None) if veto.kind() == ErrorKind::NotReady => Err(veto),
            Ok(None) => Err(veto.hint(
                "it has no debug information that would say more: install that of this very build (a package such as \
                 python3-dbg or python3-debuginfo), or report its `python -VV` and how it was built",
            )),
            Err(error) if veto.kind() == ErrorKind::NotReady || error.kind() == ErrorKind::NotReady => {
                Err(if error.kind() == ErrorKind::NotReady { error } else { veto })
            }
            Err(error) => Err(veto.hint(format!("its own debug information does not help: {}", first_line(&error)))),
        }
    }

    /// By one column, confirmed by what is read through it.
    fn read_through(&self, column: &Column, origin: Origin, version: HexVersion) -> Result<Reading> {
        let layouts = Layouts::for_column(column).map_err(refused)?;
        let interpreter = main_interpreter(self.memory, self.address, &layouts);
        let interpreter = interpreter.ok_or_else(|| not_ready(version, "it has no interpreter"))?;
        let mismatch = |message: String| {
            Error::new(ErrorKind::LayoutMismatch, message).hint("it was built with options or patches that move fields")
        };
        let check = SelfCheck::new(self.memory, self.address, self.binary, &layouts);
        let is_confirmed = check.compared > 0 && check.contradiction().is_none();
        match version::sys_hexversion(self.memory, interpreter, &layouts) {
            Some(found) if found == version => {}
            // What the program set it to says nothing of the layout.
            Some(_) if is_confirmed && version::reads_sys(self.memory, interpreter, &layouts) => {}
            None if version::reads_sys(self.memory, interpreter, &layouts)
                && !version::has_other_digits(self.memory, interpreter, &layouts) => {}
            // Of a core that is cut the first arenas may be gone, and sys with them.
            None if is_confirmed && check.compared >= ENOUGH && version::lacks_sys(self.memory, interpreter, &layouts) => {}
            Some(found) => {
                let found = found.0;
                return Err(mismatch(format!("the binary is CPython {version}, but sys.hexversion reads as {found:#010x}")));
            }
            None => {
                let sys = layouts.interpreter.sysdict.read(self.memory, interpreter);
                if sys.is_none_or(Address::is_null) {
                    return Err(not_ready(version, "it has no sys module"));
                }
                let what = "sys.hexversion cannot be read through its layout";
                return Err(mismatch(format!("the binary is CPython {version}, but {what}")));
            }
        }
        if let Some(first) = check.contradiction() {
            let (differ, compared) = (check.mismatches.len(), check.compared);
            return Err(mismatch(format!(
                "this CPython {version} is laid out differently from the one that is known: {differ} of {compared} numbers differ, {first}"
            )));
        }
        Ok(Reading { layouts, origin, interpreter, version, check })
    }

    /// By the column through which `sys.hexversion` reads as its own minor release, when nothing else says the version.
    fn try_all(&self, table: &Table) -> Result<Reading> {
        for column in table.columns().iter().filter(|column| column.flags == self.flags) {
            let layouts = Layouts::for_column(column).map_err(refused)?;
            let Some(interpreter) = main_interpreter(self.memory, self.address, &layouts) else { continue };
            match version::sys_hexversion(self.memory, interpreter, &layouts) {
                Some(version) if version.same_minor(column.version) => return self.read_by_table(table, version),
                _ => {}
            }
        }
        Err(unknown("nothing in the process says which CPython it is"))
    }
}

/// A column made of the debug information of the binaries that the target has mapped; `None` if `python` has none.
fn own_column(symbols: &Symbols, python: &Binary, files: &Files, version: HexVersion, flags: Flags) -> Result<Option<Column>> {
    let debug_files = DebugFiles::under(files.root());
    let read = |binary: &Binary, names: &Names<'_>| {
        let Some(opened) = binary.opened() else { return Ok(None) };
        let path = files.root().join(binary.path().strip_prefix("/").unwrap_or(binary.path()));
        dwarf::read_open(&opened, &path, &debug_files, names)
    };
    // The interpreter's file is large, so it is read once, for the modules that are built in as well.
    let all = Layouts::DECLARATIONS.iter().flat_map(|declaration| declaration.c_names.split('|')).collect();
    let Some(of_python) = read(python, &all)? else { return Ok(None) };
    debug_information::column(version, flags, |module, names| {
        let is_module = |binary: &&Binary| {
            let name = binary.path().file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".so") && name.split('.').next() == module
        };
        // A module that is not loaded has no objects, and what a damaged file says of a module is not missed as much as
        // the rest.
        match symbols.binaries().iter().find(is_module) {
            Some(binary) => Ok(read(binary, names).unwrap_or(None)),
            None => Ok(Some(of_python.clone())),
        }
    })
}

fn first_line(error: &Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
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

pub(crate) fn unknown(message: &str) -> Error {
    Error::new(ErrorKind::UnknownLayout, message).hint("`cargo xtask layouts` adds a version; see docs/layouts.md")
}

#[cfg(test)]
#[path = "attach_tests.rs"]
mod tests;
