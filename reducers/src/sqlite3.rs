//! `sqlite3`: connections, cursors, rows, statements and blobs, by `Modules/_sqlite/`.
//!
//! What SQLite itself keeps is in structs that it does not publish; two facts of a connection are taken from the machine code
//! of its accessors, as for hashes.

use heapsake_core::Address;
use heapsake_core::heap::Sink;
use heapsake_core::reduce::Failure;

use crate::framework::{Library, Target, facts, known, reducers};

mod path;

/// What some builds of the library call before and after they look.
const LOCKS: [&str; 2] = ["sqlite3_mutex_enter", "sqlite3_mutex_leave"];

reducers! {
    /// *What it holds.* A database, and how Python sees it.
    /// *What is saved.* `path` of a file, `isolation_level`, `row_factory`, `text_factory`, its cursors and statements, `closed`,
    /// the thread that made it; `total_changes` and `in_transaction` where the library lets them be read.
    /// *What becomes a surrogate.* None but the unreadable.
    Connection ["sqlite3.Connection"] "path, isolation level, cursors, `total_changes`, `in_transaction`" => connection;

    /// *What it holds.* A statement that is being run, and the rows that come.
    /// *What is saved.* `connection`, `description`, `rowcount`, `lastrowid`, `arraysize`, `row_factory`, the statement.
    /// *What becomes a surrogate.* None but the unreadable.
    Cursor ["sqlite3.Cursor"] "`connection`, `description`, `rowcount`, the statement" => cursor;

    /// *What it holds.* The values of a row and the names of its columns.
    /// *What is saved.* The values, in order, and `description`.
    /// *What becomes a surrogate.* None but the unreadable.
    Row ["sqlite3.Row"] "the values and `description`" => |target, sink| {
        let layout = known(target.layouts().sqlite_row)?;
        target.attribute(sink, "description", layout.description)?;
        target.internal(sink, "data", layout.data)?;
        let values = target.field(layout.data)?;
        target.elements(sink, target.layouts().tuple.ob_item.at(values), target.size_of(values)?)
    };

    /// *What it holds.* A compiled statement.
    /// *What is saved.* `sql`, and whether it changes data.
    /// *What becomes a surrogate.* None but the unreadable.
    Statement ["sqlite3.Statement"] "`sql`" => statement;

    /// *What it holds.* A large value that is read and written in place.
    /// *What is saved.* `connection`, `offset` and `closed`.
    /// *What becomes a surrogate.* None but the unreadable.
    Blob ["sqlite3.Blob"] "`connection` and `offset`" => |target, sink| {
        let layout = known(target.layouts().sqlite_blob)?;
        target.attribute(sink, "connection", layout.connection)?;
        facts!(target, "offset": target.field(layout.offset)?, "closed": target.field(layout.blob)?.is_null());
        Ok(())
    };
}

fn connection(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = known(target.layouts().sqlite_connection)?;
    target.attributes(sink, &[("row_factory", layout.row_factory), ("text_factory", layout.text_factory)])?;
    target.internal(sink, "statement_cache", layout.statement_cache)?;
    target.internals(
        sink,
        &[
            ("statements", layout.statements),
            ("cursors", layout.cursors),
            ("blobs", layout.blobs),
            ("collations", layout.collations),
            ("trace_callback", layout.function_pinboard_trace_callback),
            ("progress_handler", layout.function_pinboard_progress_handler),
            ("authorizer", layout.function_pinboard_authorizer_cb),
        ],
    )?;
    // A C string since the connection has a pointer to its module's state, an object before.
    if layout.state.is_some() {
        facts!(target, "isolation_level": target.c_text(target.field(layout.isolation_level)?));
    } else {
        target.attribute(sink, "isolation_level", layout.isolation_level)?;
    }
    let database = target.field(layout.db)?;
    facts!(target,
        "closed": database.is_null(),
        "check_same_thread": target.field(layout.check_same_thread)? != 0,
        "thread_ident": target.field(layout.thread_ident)?,
        "detect_types": target.field(layout.detect_types)?,
    );
    if let Some(autocommit) = target.optional(layout.autocommit)? {
        facts!(target, "autocommit": autocommit);
    }
    if let Some(path) = path::of(target, database) {
        facts!(target, "path": path);
    }
    if !database.is_null()
        && let Some(library) = Library::of(target, "libsqlite3.so")
    {
        if let Some(changes) = library.ask(target, &["sqlite3_total_changes64", "sqlite3_total_changes"], &LOCKS, database.0) {
            facts!(target, "total_changes": changes);
        }
        if let Some(commits) = library.ask(target, &["sqlite3_get_autocommit"], &LOCKS, database.0) {
            facts!(target, "in_transaction": commits == 0);
        }
    }
    Ok(())
}

fn cursor(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = known(target.layouts().sqlite_cursor)?;
    target.attributes(
        sink,
        &[
            ("connection", layout.connection),
            ("description", layout.description),
            ("lastrowid", layout.lastrowid),
            ("row_factory", layout.row_factory),
            ("statement", layout.statement),
        ],
    )?;
    target.internal(sink, "row_cast_map", layout.row_cast_map)?;
    target.internals(sink, &[("next_row", layout.next_row)])?;
    facts!(target,
        "rowcount": target.field(layout.rowcount)?,
        "arraysize": target.field(layout.arraysize)?,
        "closed": target.field(layout.closed)? != 0,
    );
    Ok(())
}

fn statement(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = known(target.layouts().sqlite_statement)?;
    facts!(target, "is_dml": target.field(layout.is_dml)? != 0);
    if let Some(sql) = layout.sql {
        return target.attribute(sink, "sql", sql);
    }
    // Where it cannot be asked for, nothing is said: there is a text.
    let handle = target.field(layout.st)?.0;
    if let Some(text) =
        Library::of(target, "libsqlite3.so").and_then(|library| library.ask(target, &["sqlite3_sql"], &LOCKS, handle))
    {
        facts!(target, "sql": target.c_text(Address(text)));
    }
    Ok(())
}
