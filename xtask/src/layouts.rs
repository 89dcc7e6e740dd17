//! `cargo xtask layouts`: the table `cpython/src/layouts/lp64.layout`, out of the debug information of interpreters.
//!
//! What to look up is what `heapsake_cpython` declares; columns of interpreters that are not installed stay as they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use heapsake_cpython::layouts::debug_information;
use heapsake_cpython::layouts::dwarf::{self, DebugFiles, Definitions, Names, Shape};
use heapsake_cpython::layouts::{Column, Layouts, StructCells, Table};

use crate::interpreters::{self, Interpreter};
use crate::{aarch64, debian, derived, free_threaded, headers, tidy};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../cpython/src/layouts/lp64.layout");

const AARCH64: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../cpython/src/layouts/aarch64.layout");

/// Options of `cargo xtask layouts`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Compare with the table instead of writing it; exit 1 if they differ.
    #[arg(long)]
    check: bool,
    /// Interpreters to read, instead of those found.
    #[arg(long, num_args = 1..)]
    python: Vec<PathBuf>,
    /// Where files of separate debug information are, for interpreters that were stripped.
    #[arg(long, value_name = "FOLDER", default_value = "/usr/lib/debug")]
    debug_files: PathBuf,
    /// Make the columns of free-threaded builds, and what differs on aarch64, from the headers in this folder, `python3.14` and so
    /// on, as packages such as libpython3.14-dev of both processors have them.
    #[arg(long, value_name = "FOLDER")]
    headers: Option<PathBuf>,
    /// Print what the debug information says about a struct, and write nothing; MODULE:STRUCT for an extension module's.
    #[arg(long, value_name = "STRUCT", num_args = 1..)]
    show: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut interpreters = interpreters::find_readable(&arguments.python)?;
    if arguments.python.is_empty()
        && let Some(python) = free_threaded::present(&tidy::root()?)
    {
        interpreters.push(Interpreter::ask(&python)?);
    }
    if interpreters.is_empty() {
        bail!("no CPython was found; name one with --python");
    }
    let of_debian = debian::debug_files(&tidy::root()?);
    let debug_files = DebugFiles::in_folders([arguments.debug_files.as_path(), &of_debian]);
    if !arguments.show.is_empty() {
        return show(&interpreters, &debug_files, &arguments.show);
    }
    let text = std::fs::read_to_string(TABLE).unwrap_or_default();
    let mut columns = Vec::new();
    for interpreter in &interpreters {
        match column(interpreter, &debug_files).with_context(|| format!("reading CPython {}", interpreter.name()))? {
            Some(column) => columns.push(column),
            None => println!("{}: has no debug information; left out", interpreter.name()),
        }
    }
    if let Some(folder) = &arguments.headers {
        let mut known = columns.clone();
        known.extend(Table::parse(&text).map(|table| table.columns().to_vec()).unwrap_or_default());
        columns.extend(headers::columns(folder, &known)?);
    }
    for column in &columns {
        Layouts::for_column(column)?;
    }
    if arguments.check { check(&text, &columns) } else { write(&text, columns, arguments.headers.as_deref()) }
}

fn write(text: &str, mut columns: Vec<Column>, headers: Option<&Path>) -> Result<()> {
    for old in Table::parse(text).map(|table| table.columns().to_vec()).unwrap_or_default() {
        if !derived::is_derived(&old) && !columns.iter().any(|new| (new.version, new.flags) == (old.version, old.flags)) {
            println!("{}: not installed; its column stays", old.name());
            columns.push(old);
        }
    }
    columns.extend(derived::columns(&columns));
    let count = columns.len();
    let table = Table::new(Layouts::DECLARATIONS, columns);
    std::fs::write(TABLE, table.to_string())?;
    if let Some(folder) = headers {
        std::fs::write(AARCH64, aarch64::difference(folder, &table)?.to_string())?;
    }
    let fields: usize = Layouts::DECLARATIONS.iter().map(|each| each.fields.len()).sum();
    println!("{count} columns, {} structs, {fields} fields", Layouts::DECLARATIONS.len());
    Ok(())
}

fn check(text: &str, columns: &[Column]) -> Result<()> {
    let table = Table::parse(text)?;
    let mut differences = 0;
    let of_aarch64 = std::fs::read_to_string(AARCH64)?;
    let other = Table::parse(&of_aarch64)?;
    // Made of the same columns, and of what differs from them alone.
    let same = table.columns().iter().map(Column::name).eq(other.columns().iter().map(Column::name));
    if !same || Table::parse(&other.to_string())? != other || other.to_string() != of_aarch64 {
        println!("what differs on aarch64 was made of another table, or edited by hand; --headers writes it");
        differences += 1;
    }
    if Table::new(Layouts::DECLARATIONS, table.columns().to_vec()).to_string() != text {
        println!("the table's rows are not those that are declared, or it was edited by hand");
        differences += 1;
    }
    let derived = derived::columns(table.columns());
    for old in table.columns() {
        let mut known = columns.iter().chain(&derived);
        match known.find(|new| (new.version, new.flags) == (old.version, old.flags)) {
            Some(new) => differences += compare(old, new),
            None => println!("{}: not installed; not checked", old.name()),
        }
    }
    for new in columns {
        match table.column(new.version, new.flags) {
            Ok(old) if old.version == new.version => {}
            Ok(old) => {
                println!("{}: not in the table; {} stands for it, with these differences:", new.name(), old.name());
                compare(old, new);
            }
            Err(error) => println!("{}: {error}", new.name()),
        }
    }
    if differences > 0 {
        bail!("{differences} differences; `cargo xtask layouts` writes the table anew");
    }
    println!("no difference");
    Ok(())
}

fn compare(old: &Column, new: &Column) -> usize {
    let mut differences = 0;
    let mut report = |row: String, in_table: Option<String>, found: Option<String>| {
        if in_table != found {
            let word = |cell: Option<String>| cell.unwrap_or_else(|| ".".to_owned());
            println!("{}: {row} is {} in the table, {} in the binary", new.name(), word(in_table), word(found));
            differences += 1;
        }
    };
    for declaration in Layouts::DECLARATIONS {
        let (in_table, found) = (old.structure(declaration.name), new.structure(declaration.name));
        // What is built from source has the extension modules whose libraries are there.
        if let Some(module) = declaration.module.filter(|_| new.flags.free_threaded && in_table.is_some() && found.is_none()) {
            println!("{}: {} is not checked, as {module} was not built", new.name(), declaration.name);
            continue;
        }
        let size = |cells: Option<&StructCells>| cells.map(|cells| cells.size().to_string());
        report(declaration.name.to_owned(), size(in_table), size(found));
        for field in declaration.fields {
            let place = |cells: Option<&StructCells>| cells?.field(field.row()).map(|cell| cell.to_string());
            report(format!("{}.{}", declaration.name, field.row()), place(in_table), place(found));
        }
    }
    differences
}

/// The definitions of `names` in one interpreter, or in one of its extension modules.
fn definitions(
    interpreter: &Interpreter,
    debug_files: &DebugFiles,
    module: Option<&str>,
    names: &Names<'_>,
) -> heapsake_cpython::Result<Option<Definitions>> {
    let extension = module.and_then(|module| interpreter.extension(module));
    let paths = match &extension {
        Some(path) => std::slice::from_ref(path),
        None => interpreter.binaries.as_slice(),
    };
    let mut last = None;
    // A launcher is no binary, but leads to one.
    for path in paths.iter().filter(|path| !debian::program_of(path).is_file()) {
        if let Some(found) = dwarf::read(path, debug_files, names)? {
            let empty = found.structures.is_empty();
            last = Some(found);
            if !empty {
                break;
            }
        }
    }
    Ok(last)
}

/// The column of one interpreter; `None` if it has no debug information.
fn column(interpreter: &Interpreter, debug_files: &DebugFiles) -> Result<Option<Column>> {
    let find = |module: Option<&str>, names: &Names<'_>| definitions(interpreter, debug_files, module, names);
    Ok(debug_information::column(interpreter.version, interpreter.flags, find)?)
}

/// Prints structs side by side, as a help to whoever declares them.
fn show(interpreters: &[Interpreter], debug_files: &DebugFiles, names: &[String]) -> Result<()> {
    let mut of_module: BTreeMap<Option<&str>, Names<'_>> = BTreeMap::new();
    let parts: Vec<(Option<&str>, &str)> = names
        .iter()
        .map(|full| full.split_once(':').map_or((None, full.as_str()), |(module, name)| (Some(module), name)))
        .collect();
    for (module, name) in &parts {
        of_module.entry(*module).or_default().insert(name);
    }
    let mut found = BTreeMap::new();
    for (index, interpreter) in interpreters.iter().enumerate() {
        for (module, names) in &of_module {
            found.insert((index, *module), definitions(interpreter, debug_files, *module, names)?.unwrap_or_default());
        }
    }
    for (module, name) in parts {
        let mut rows: Vec<(String, BTreeMap<usize, String>)> = vec![(name.to_owned(), BTreeMap::new())];
        for index in 0..interpreters.len() {
            let definitions = found.get(&(index, module)).and_then(|found| found.structures.get(name));
            for structure in definitions.into_iter().flatten() {
                let mut add = |row: String, text: String| {
                    if !rows.iter().any(|(known, _)| *known == row) {
                        rows.push((row.clone(), BTreeMap::new()));
                    }
                    for (_, cells) in rows.iter_mut().filter(|(known, _)| *known == row) {
                        let cell = cells.entry(index).or_default();
                        *cell = if cell.is_empty() { text.clone() } else { format!("{cell}/{text}") };
                    }
                };
                add(name.to_owned(), structure.size.to_string());
                for (path, bit, shape) in structure.paths(3) {
                    add(path, describe(bit, shape));
                }
            }
        }
        print(interpreters, &rows);
    }
    Ok(())
}

fn describe(bit: u64, shape: &Shape) -> String {
    let offset = bit / 8;
    match shape {
        Shape::Integer { bits, field: true, .. } => format!("{offset}.{}:{bits}", bit % 8),
        Shape::Integer { bits, signed, .. } => format!("{offset}{}{bits}", if *signed { "i" } else { "u" }),
        Shape::Float(bytes) => format!("{offset}f{}", bytes * 8),
        Shape::Pointer => format!("{offset}*"),
        Shape::Structure(inner) => format!("{offset}{{{}}}", inner.size),
        Shape::Opaque => format!("{offset}[]"),
    }
}

fn print(interpreters: &[Interpreter], rows: &[(String, BTreeMap<usize, String>)]) {
    let line = |first: &str, cell: &dyn Fn(usize) -> String| {
        print!("{first:48}");
        for column in 0..interpreters.len() {
            print!(" {:>12}", cell(column));
        }
        println!();
    };
    line("", &|column| interpreters[column].name());
    for (index, (row, cells)) in rows.iter().enumerate() {
        let row = if index == 0 { row.clone() } else { format!("  {row}") };
        line(&row, &|column| cells.get(&column).cloned().unwrap_or_else(|| ".".to_owned()));
    }
}

#[cfg(test)]
#[path = "layouts_tests.rs"]
mod tests;
