//! Columns of free-threaded builds that nobody packages: the structs of CPython's headers, compiled as such a build would, and
//! what stands in no header by what tells 3.13 with an interpreter lock from 3.13 without one.
//!
//! An object's head is twice as long there, and some structs have a mutex more; `gc_head` is as it was. A struct that is new
//! since 3.13 is taken to differ by its head alone. Real processes prove it where there are some: of 3.14.9t and 3.15.1t, not of 3.13.15t.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use heapsake_cpython::layouts::dwarf::{self, DebugFiles};
use heapsake_cpython::layouts::{Cell, Column, Flags, HexVersion, Layouts, StructCells, debug_information};

use crate::derived;
use crate::test::finish;

/// What is included: internal headers, those that the release has.
fn source() -> String {
    let names = INTERNAL.iter().map(|name| format!("internal/{name}.h"));
    let include = |name: String| format!("#if __has_include(\"{name}\")\n#include \"{name}\"\n#endif\n");
    "#define Py_BUILD_CORE 1\n#include \"Python.h\"\n".to_owned() + &names.map(include).collect::<String>()
}
/// From 3.8 on, and two of 3.7.
const INTERNAL: [&str; 20] = [
    "pycore_pystate",
    "pycore_interp",
    "pycore_runtime",
    "pycore_frame",
    "pycore_dict",
    "pycore_code",
    "pycore_context",
    "pycore_hamt",
    "pycore_gc",
    "pycore_gil",
    "pycore_moduleobject",
    "pycore_tstate",
    "pycore_global_objects",
    "pycore_mimalloc",
    "pycore_interpframe",
    "pycore_genobject",
    "pycore_debug_offsets",
    "pystate",
    "context",
    "hamt",
];
const FREE_THREADED: Flags = Flags { free_threaded: true, ..Flags::NONE };
/// How the origin of such a column begins.
const ORIGIN: &str = "headers-of:";
/// By how much the head of an object is longer.
const HEAD: u32 = 16;

/// The columns of free-threaded builds of the releases whose headers are in `folder`, as `python3.14`, and of which the default
/// build is known.
pub(crate) fn columns(folder: &Path, known: &[Column]) -> Result<Vec<Column>> {
    // The newest release of which both builds are known by their own debug information.
    let of_both = known.iter().filter(|column| column.flags == Flags::NONE).filter_map(|locked| {
        let is_free = |column: &&Column| column.version == locked.version && column.flags == FREE_THREADED && is_read(column);
        Some((locked, known.iter().find(is_free)?))
    });
    let Some((locked, free)) = of_both.max_by_key(|(locked, _)| locked.version) else {
        bail!("the table needs both builds of a release to make a column by headers");
    };
    let mut found: Vec<Column> = Vec::new();
    for base in known.iter().filter(|column| column.flags == Flags::NONE && column.version > locked.version) {
        let headers = folder.join(format!("python3.{}", base.version.minor()));
        let is_made = found.iter().any(|column| column.version == base.version);
        if !is_made && headers.join("patchlevel.h").is_file() && version(&headers)? == base.version {
            found.push(column(folder, &headers, base, locked, free)?);
        }
    }
    if found.is_empty() {
        bail!("{} has the headers of no release that the table knows", folder.display());
    }
    Ok(found)
}

/// Whether the column was made of debug information.
fn is_read(column: &Column) -> bool {
    !column.binary.starts_with(ORIGIN) && !derived::is_derived(column)
}

/// `PY_VERSION_HEX`.
fn version(headers: &Path) -> Result<HexVersion> {
    let path = headers.join("patchlevel.h");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let number = |name: &str| {
        let words = text.lines().map(|line| line.split_whitespace().take(3).collect::<Vec<_>>());
        let value = words.into_iter().find_map(|words| match words[..] {
            ["#define", known, value] if known == name => Some(value),
            _ => None,
        });
        match value? {
            "PY_RELEASE_LEVEL_ALPHA" => Some(0xa),
            "PY_RELEASE_LEVEL_BETA" => Some(0xb),
            "PY_RELEASE_LEVEL_GAMMA" => Some(0xc),
            "PY_RELEASE_LEVEL_FINAL" => Some(0xf),
            digits => digits.parse::<u32>().ok(),
        }
    };
    let names = ["PY_MAJOR_VERSION", "PY_MINOR_VERSION", "PY_MICRO_VERSION", "PY_RELEASE_LEVEL", "PY_RELEASE_SERIAL"];
    let numbers: Vec<u32> = names.into_iter().filter_map(number).collect();
    let [major, minor, micro, level, serial] = numbers[..] else { bail!("{} says no version", path.display()) };
    Ok(HexVersion(major << 24 | minor << 16 | micro << 8 | level << 4 | serial))
}

/// What `compiler` makes of the headers.
pub(crate) fn probe(compiler: &str, folder: &Path, headers: &Path, version: HexVersion, flags: Flags) -> Result<Column> {
    let scratch = tempfile::tempdir()?;
    let (program, library) = (scratch.path().join("probe.c"), scratch.path().join("probe.so"));
    std::fs::write(&program, source())?;
    let mut compile = Command::new(compiler);
    compile.args(["-shared", "-nostdlib", "-fPIC", "-g", "-w", "-fno-eliminate-unused-debug-types"]);
    if flags.free_threaded {
        compile.arg("-DPy_GIL_DISABLED=1");
    }
    finish(compile.arg("-I").arg(folder).arg("-I").arg(headers).arg(&program).arg("-o").arg(&library))?;
    let column = debug_information::column(version, flags, |module, names| match module {
        None => dwarf::read(&library, &DebugFiles::in_folders([]), names),
        Some(_) => Ok(None),
    })?;
    column.context("the probe has no debug information")
}

fn column(folder: &Path, headers: &Path, base: &Column, locked: &Column, free: &Column) -> Result<Column> {
    let of_headers = probe("gcc", folder, headers, base.version, FREE_THREADED)?;
    let origin = format!("{ORIGIN}{}", base.version);
    let mut column = Column::new(base.version, FREE_THREADED, origin, of_headers.compiler.clone());
    for declaration in Layouts::DECLARATIONS {
        let name = declaration.name;
        let told = of_headers.structure(name).cloned();
        let shifted = || {
            Some(shifted(
                declaration.fields.iter().map(|field| field.row()),
                base.structure(name)?,
                (locked.structure(name), free.structure(name)),
            ))
        };
        if let Some(cells) = told.or_else(shifted) {
            column.insert(name, cells);
        }
    }
    Ok(column)
}

/// A struct of no header: each field as much further on as it is in 3.13, or, where 3.13 has another struct, by the head of an
/// object.
fn shifted<'f>(
    fields: impl Iterator<Item = &'f str> + Clone,
    base: &StructCells,
    (locked, free): (Option<&StructCells>, Option<&StructCells>),
) -> StructCells {
    let is_object = fields.clone().filter_map(|field| base.field(field)).all(|cell| cell.offset >= HEAD);
    let head = if is_object { HEAD } else { 0 };
    // A struct that has become another since, or that is another in 3.13 itself, tells nothing.
    let shape = |cells: &StructCells| -> Vec<bool> { fields.clone().map(|field| cells.field(field).is_some()).collect() };
    let both = locked.zip(free).filter(|(locked, free)| shape(locked) == shape(base) && shape(free) == shape(base));
    let size = both.map_or(head, |(locked, free)| free.size().saturating_sub(locked.size()));
    let mut cells = StructCells::new(base.size() + size);
    for field in fields {
        let Some(cell) = base.field(field) else { continue };
        let more = both.and_then(|(locked, free)| Some(free.field(field)?.offset.saturating_sub(locked.field(field)?.offset)));
        let more = more.unwrap_or(head);
        cells.insert(field, Cell { offset: cell.offset + more, ..cell });
    }
    cells
}
