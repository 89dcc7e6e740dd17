//! A column of the layout table, out of debug information: what the declarations ask for, as the DWARF of one build answers.
//!
//! `cargo xtask layouts` makes the built-in table of it; a target that the table does not describe is read by a column made
//! of its own.

use std::collections::BTreeMap;

use super::dwarf::{Definitions, Names, Shape, Structure};
use super::{Cell, Column, Flags, HexVersion, Layouts, StructCells};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{FieldDeclaration, Kind, StructDeclaration};

/// The column of a build. `find` looks up names in an extension module, or in the interpreter itself; `None` if the
/// interpreter has no debug information.
///
/// # Errors
/// [`ErrorKind::DebugInformation`] if a struct is not what was declared, and whatever `find` gives.
pub fn column(
    version: HexVersion,
    flags: Flags,
    mut find: impl FnMut(Option<&str>, &Names<'_>) -> Result<Option<Definitions>>,
) -> Result<Option<Column>> {
    let mut of_module: BTreeMap<Option<&str>, Vec<&StructDeclaration>> = BTreeMap::new();
    for declaration in Layouts::DECLARATIONS {
        of_module.entry(declaration.module).or_default().push(declaration);
    }
    let mut column = None;
    // The interpreter itself, which has no module name, sorts first.
    for (module, declarations) in of_module {
        let names = declarations.iter().flat_map(|each| each.c_names.split('|')).collect();
        let Some(found) = find(module, &names)? else {
            if module.is_none() {
                return Ok(None);
            }
            continue;
        };
        if module.is_none() && found.structures.is_empty() {
            return Ok(None);
        }
        let column = column.get_or_insert_with(|| {
            let compiler = compiler(found.compiler.as_deref().unwrap_or("unknown"));
            Column::new(version, flags, found.binary.clone(), compiler)
        });
        for declaration in declarations {
            if let Some(structure) = lookup(declaration, &found)? {
                let cells = cells(declaration, structure)
                    .map_err(|error| undeclared(format!("the struct {}", declaration.name)).source(error))?;
                column.insert(declaration.name, cells);
            }
        }
    }
    Ok(column)
}

fn undeclared(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::DebugInformation, what)
}

/// The name and version of the compiler, without the options and paths that follow.
fn compiler(producer: &str) -> String {
    let words = producer.split_whitespace().take_while(|word| !word.starts_with('-') && !word.starts_with('('));
    words.collect::<Vec<_>>().join(" ")
}

fn lookup<'d>(declaration: &StructDeclaration, found: &'d Definitions) -> Result<Option<&'d Structure>> {
    for name in declaration.c_names.split('|') {
        match found.structures.get(name).map(Vec::as_slice) {
            None | Some([]) => {}
            Some([structure]) => return Ok(Some(structure)),
            Some(several) => {
                // Where files differ about a name, the declared fields must single one out.
                let fits = |structure: &&Structure| {
                    declaration.fields.iter().all(|field| matches!(place(field, structure), Ok(Some(_))) || field.optional)
                };
                let fitting: Vec<&Structure> = several.iter().filter(fits).collect();
                match fitting.as_slice() {
                    [structure] => return Ok(Some(structure)),
                    _ => {
                        let (all, fit) = (several.len(), fitting.len());
                        return Err(undeclared(format!("{name} is defined {all} times, and {fit} of them fit")));
                    }
                }
            }
        }
    }
    Ok(None)
}

fn cells(declaration: &StructDeclaration, structure: &Structure) -> Result<StructCells> {
    let mut cells = StructCells::new(u32::try_from(structure.size).map_err(|_| undeclared("a struct of more than 4 GiB"))?);
    for field in declaration.fields {
        if let Some(cell) = place(field, structure)? {
            cells.insert(field.row(), cell);
        }
    }
    Ok(cells)
}

/// Where a field lies: the first of its paths that is what was declared. It is an error if there are such members, and
/// none of them is; but an embedded struct is not the pointer of the same name that took its place.
fn place(field: &FieldDeclaration, structure: &Structure) -> Result<Option<Cell>> {
    let mut unfit = None;
    for path in field.paths.split('|') {
        if let Some((bit, shape)) = structure.find(path) {
            match cell(field.kind, bit, shape) {
                Some(cell) => return Ok(Some(cell)),
                None if field.optional && field.kind == Kind::Address && matches!(shape, Shape::Structure(_)) => {}
                None => unfit = unfit.or(Some((path, shape))),
            }
        }
    }
    match unfit {
        Some((path, shape)) => Err(undeclared(format!("{path} is declared {:?}, but is {shape:?}", field.kind))),
        None => Ok(None),
    }
}

/// The cell of a member, if it is what was declared; signedness is the declaration's to choose.
fn cell(kind: Kind, bit: u64, shape: &Shape) -> Option<Cell> {
    let offset = u32::try_from(bit / 8).ok()?;
    let whole = Some(Cell { offset, bit: 0, width: 0 });
    match (kind, shape) {
        (Kind::Unsigned(bytes) | Kind::Signed(bytes), Shape::Integer { bits, field: false, .. }) => {
            whole.filter(|_| u64::from(bytes) * 8 == *bits)
        }
        (Kind::Float(bytes), Shape::Float(found)) => whole.filter(|_| u64::from(bytes) == *found),
        (Kind::Address, Shape::Pointer | Shape::Integer { bits: 64, field: false, .. }) | (Kind::Inline, _) => whole,
        (Kind::Bits, Shape::Integer { bits, .. }) => {
            Some(Cell { offset, bit: (bit % 8) as u8, width: u8::try_from(*bits).ok()? })
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "debug_information_tests.rs"]
mod tests;
