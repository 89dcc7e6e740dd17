//! What is different in columns of aarch64: both processors' compilers are asked about the same headers, and each column is
//! changed by how their answers differ.
//!
//! Objects are alike. What the C library locks with is larger there (a mutex has 48 bytes instead of 40), and so is the lock
//! of the interpreter, which moves what lies behind it in interpreters and in the runtime. Debug information of packages for
//! aarch64 says the same (`layouts_tests.rs` holds their numbers), and so do their processes (`tests/tests/aarch64.rs`).

use std::path::Path;

use anyhow::{Result, bail};
use heapsake_cpython::layouts::{Cell, Column, Layouts, StructCells, Table};

use crate::headers;

/// The compiler for aarch64, of Debian's package gcc-aarch64-linux-gnu.
const COMPILER: &str = "aarch64-linux-gnu-gcc";

/// The rows that differ, of all columns of `table`; `folder` has the headers of every minor release, `python3.8` and so on.
pub(crate) fn difference(folder: &Path, table: &Table) -> Result<Table> {
    let mut columns = Vec::new();
    for column in table.columns() {
        let headers = folder.join(format!("python3.{}", column.version.minor()));
        if !headers.join("patchlevel.h").is_file() {
            bail!("{} has no headers of 3.{}", folder.display(), column.version.minor());
        }
        let probe = |compiler| headers::probe(compiler, folder, &headers, column.version, column.flags);
        columns.push(changed(column, &probe("gcc")?, &probe(COMPILER)?));
    }
    Ok(table.difference(&Table::new(Layouts::DECLARATIONS, columns)))
}

/// `column` with each size and offset as much larger as it is with the other compiler.
fn changed(column: &Column, here: &Column, there: &Column) -> Column {
    let origin = format!("compared-by:{COMPILER}");
    let mut changed = Column::new(column.version, column.flags, origin, there.compiler.clone());
    for declaration in Layouts::DECLARATIONS {
        let Some(cells) = column.structure(declaration.name) else { continue };
        let both = here.structure(declaration.name).zip(there.structure(declaration.name));
        let size = both.map_or(0, |(here, there)| there.size() as i32 - here.size() as i32);
        let mut moved = StructCells::new(cells.size().saturating_add_signed(size));
        for field in declaration.fields {
            let Some(cell) = cells.field(field.row()) else { continue };
            let both = both.and_then(|(here, there)| Some((here.field(field.row())?, there.field(field.row())?)));
            let more = both.map_or(0, |(here, there)| there.offset as i32 - here.offset as i32);
            moved.insert(field.row(), Cell { offset: cell.offset.saturating_add_signed(more), ..cell });
        }
        changed.insert(declaration.name, moved);
    }
    changed
}
