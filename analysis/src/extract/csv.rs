//! A table as CSV (RFC 4180): lines end in CR LF, cells are quoted where they must be.
//!
//! None and what a record lacks are empty; a withheld or missing value is its marker, so that it is no empty cell; a
//! structure within a cell is JSON.

use std::io::{self, Write};

use heapsake_core::heap::TypeKind;
use heapsake_core::reduce::Reason;
use heapsake_loader::{Object, PlainValue};

use super::grid::Grid;
use super::numbers::{MOST_DECIMAL, decimal, float, hexadecimal};
use super::table::{Cell, Table};
use super::{Error, Report, json};

/// Writes it.
pub(super) fn write(object: &Object<'_>, out: &mut dyn Write) -> Result<Report, Error> {
    let mut report = Report::default();
    if let Some(grid) = Grid::of(object) {
        grid.csv(out, &mut report)?;
        return Ok(report);
    }
    let table = Table::of(object)?;
    if let Some(columns) = &table.columns {
        line(out, columns.iter().map(String::as_bytes))?;
    }
    table.rows(|cells| {
        let mut texts = Vec::with_capacity(cells.len());
        for cell in cells {
            texts.push(match cell {
                None => Vec::new(),
                Some(cell) => {
                    report.values += 1;
                    cell_text(cell, &mut report)?
                }
            });
        }
        Ok(line(out, texts.iter().map(Vec::as_slice))?)
    })?;
    Ok(report)
}

pub(super) fn line<'a>(out: &mut dyn Write, cells: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        if cell.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
            out.write_all(b"\"")?;
            for part in cell.split_inclusive(|byte| *byte == b'"') {
                out.write_all(part)?;
                if part.ends_with(b"\"") {
                    out.write_all(b"\"")?;
                }
            }
            out.write_all(b"\"")?;
        } else {
            out.write_all(cell)?;
        }
    }
    out.write_all(b"\r\n")
}

fn cell_text(cell: &Cell<'_>, report: &mut Report) -> Result<Vec<u8>, Error> {
    let Cell::Object(object) = cell else {
        report.missing += 1;
        return Ok(b"<missing: lost>".to_vec());
    };
    if let Some((reason, detail)) = object.surrogate() {
        if reason == Reason::Redacted {
            report.redacted += 1;
            return Ok(if detail.is_empty() { b"<redacted>".to_vec() } else { detail.into_bytes() });
        }
        report.missing += 1;
        return Ok(format!("<missing: {reason} {detail}>").into_bytes());
    }
    Ok(match (object.kind(), object.value()) {
        (TypeKind::None, _) => Vec::new(),
        (TypeKind::Bool, value) => if value == PlainValue::Int(0) { "False" } else { "True" }.into(),
        (_, PlainValue::Int(number)) => number.to_string().into_bytes(),
        (_, PlainValue::BigInt { negative, magnitude }) if magnitude.len() <= MOST_DECIMAL => {
            decimal(negative, &magnitude).into_bytes()
        }
        (_, PlainValue::BigInt { negative, magnitude }) => hexadecimal(negative, &magnitude).into_bytes(),
        (_, PlainValue::Float(number)) => float(number).into_bytes(),
        (TypeKind::Str, PlainValue::Text(text)) => String::from_utf8_lossy(&text).into_owned().into_bytes(),
        _ => json::text(object, report)?,
    })
}
