//! Arrays and tables that are no containers of objects: what NumPy, pandas, polars and torch keep, in each format.
//!
//! In JSON an array is lists in lists, and a table what pandas calls `split`: `columns`, `index` where rows have labels, and
//! `data` by rows; of a single column `index` and `data`. In CSV the labels of the rows are the first column.

use std::io::Write;

use ciborium::Value;
use heapsake_core::heap::TypeKind;
use heapsake_loader::array::{Array, Cell};
use heapsake_loader::table::{Table, Values};
use heapsake_loader::{Limits, Object, PlainValue, render};

use super::csv::line;
use super::json::{fact, write_text};
use super::numbers::float;
use super::{BATCH, Error, Report, array};

const CSV_HINT: &str = "as JSON any array goes, and numbers as .npy";
const CUT_HINT: &str = "its head can be seen by heapsake inspect";
const NPY_HINT: &str = "as CSV and JSON any table goes; a column of it may go as .npy";
/// Columns of a table.
const MOST_COLUMNS: u64 = 16_384;
/// Texts in an `.npy` file are all as long as the longest.
const MOST_TEXT: u64 = 1 << 30;

/// What has cells.
pub(super) enum Grid<'d> {
    Array(Array<'d>),
    Table(Box<Table<'d>>),
}

impl<'d> Grid<'d> {
    /// What an object is; none of what is written as the objects that it holds.
    pub(super) fn of(object: &Object<'d>) -> Option<Grid<'d>> {
        if object.surrogate().is_some() {
            return None;
        }
        match Array::of(object) {
            Some(array) if array.has_objects() && array.shape().len() <= 1 => None,
            Some(array) => Some(Grid::Array(array)),
            None => Table::of(object).map(|table| Grid::Table(Box::new(table))),
        }
    }

    pub(super) fn json(&self, out: &mut dyn Write, report: &mut Report) -> Result<(), Error> {
        match self {
            Grid::Array(array) => json_array(&held(array, report), out, report),
            Grid::Table(table) => json_table(table, out, report),
        }
    }

    pub(super) fn csv(&self, out: &mut dyn Write, report: &mut Report) -> Result<(), Error> {
        match self {
            Grid::Array(array) => csv_array(&held(array, report), out, report),
            Grid::Table(table) => csv_table(table, out, report),
        }
    }

    pub(super) fn npy(&self, out: &mut dyn Write, report: &mut Report) -> Result<(), Error> {
        match self {
            Grid::Array(array) => npy(array, out, report),
            Grid::Table(table) if table.width().is_none() => match table.column(0) {
                Values::Array(array) => npy(&array, out, report),
                Values::Masked(array, mask) => {
                    if !mask.is_countable() {
                        return Err(Error::shape("a mask that the dump cannot hold", CUT_HINT));
                    }
                    let missing = count(&mask, |cell| *cell == Cell::Plain(Value::Bool(true)));
                    if missing > 0 {
                        return Err(Error::shape(
                            format!("{missing} values are missing, and an .npy file has no place for them"),
                            NPY_HINT,
                        ));
                    }
                    npy(&array, out, report)
                }
                _ => Err(Error::shape("a column that is no array of numbers", NPY_HINT)),
            },
            Grid::Table(_) => Err(Error::shape("a table of several columns is no array", NPY_HINT)),
        }
    }
}

/// What the dump holds of an array: all, or its head.
fn held<'d>(array: &Array<'d>, report: &mut Report) -> Array<'d> {
    let Some(head) = array.head() else { return array.clone() };
    report.omitted += array.len() - head.len();
    head
}

/// Elements from a number on; an error where there is none of them.
fn some(array: &Array<'_>, from: u64, count: u64) -> Result<Vec<Cell>, Error> {
    let total = array.len();
    if !array.is_countable() {
        return Err(Error::shape(format!("the dump cannot hold {total} elements"), CUT_HINT));
    }
    let cells = array.cells(from, count);
    if cells.iter().all(|cell| *cell == Cell::Missing) {
        return Err(Error::shape(format!("the dump holds the first {from} of {total} elements"), CUT_HINT));
    }
    Ok(cells)
}

fn count(array: &Array<'_>, is_meant: impl Fn(&Cell) -> bool) -> usize {
    let batches = (0..array.len()).step_by(BATCH as usize);
    batches.map(|from| array.cells(from, BATCH).iter().filter(|cell| is_meant(cell)).count()).sum()
}

/// A cell as JSON: a plain object by its value, another in one line.
fn json_cell(object: &Object<'_>, cell: &Cell, out: &mut dyn Write, report: &mut Report) -> Result<(), Error> {
    report.values += 1;
    match cell {
        Cell::Plain(value) => fact(out, value)?,
        Cell::Target(target) => match object.follow(*target) {
            None => out.write_all(b"null")?,
            Some(held) => match plain(&held) {
                Some(value) => fact(out, &value)?,
                None => {
                    out.write_all(b"{\"$object\":")?;
                    write_text(out, render(&held, Limits::default()).as_bytes())?;
                    out.write_all(b"}")?;
                }
            },
        },
        Cell::Missing => {
            report.missing += 1;
            out.write_all(b"{\"$missing\":\"not in the dump\"}")?;
        }
    }
    Ok(())
}

/// The value of an object that has one which JSON and CSV know.
fn plain(object: &Object<'_>) -> Option<Value> {
    if object.surrogate().is_some() {
        return None;
    }
    match (object.kind(), object.value()) {
        (TypeKind::None, _) => Some(Value::Null),
        (TypeKind::Bool, PlainValue::Int(number)) => Some(Value::Bool(number != 0)),
        (TypeKind::Int, PlainValue::Int(number)) => Some(number.into()),
        (TypeKind::Float, PlainValue::Float(number)) => Some(number.into()),
        (TypeKind::Str, PlainValue::Text(text)) => Some(String::from_utf8_lossy(&text).into_owned().into()),
        _ => None,
    }
}

fn json_array(array: &Array<'_>, out: &mut dyn Write, report: &mut Report) -> Result<(), Error> {
    let shape = array.shape();
    if shape.contains(&0) {
        // As many lists as there are before the dimension that has none.
        let outer = shape.iter().position(|count| *count == 0).unwrap_or(0);
        let lists: u64 = shape[..outer].iter().fold(1, |lists, count| lists.saturating_mul(*count));
        if lists > 1 << 20 {
            return Err(Error::shape(format!("an array of {lists} empty lists"), CSV_HINT));
        }
        return Ok(empty(&shape[..outer], out)?);
    }
    // How many dimensions begin, and end, with an element.
    let begins = |number: u64| -> usize {
        let mut block = 1u64;
        shape
            .iter()
            .rev()
            .take_while(|count| {
                block = block.saturating_mul(**count);
                number.is_multiple_of(block)
            })
            .count()
    };
    let total = array.len();
    let mut number = 0;
    while number < total {
        for cell in &some(array, number, BATCH)? {
            let brackets = begins(number);
            if number > 0 {
                out.write_all(b",")?;
            }
            out.write_all("[".repeat(brackets).as_bytes())?;
            json_cell(array.object(), cell, out, report)?;
            number += 1;
            out.write_all("]".repeat(begins(number)).as_bytes())?;
        }
    }
    Ok(())
}

fn empty(shape: &[u64], out: &mut dyn Write) -> std::io::Result<()> {
    let Some((count, rest)) = shape.split_first() else { return out.write_all(b"[]") };
    out.write_all(b"[")?;
    for number in 0..*count {
        out.write_all(if number > 0 { b"," } else { b"" })?;
        empty(rest, out)?;
    }
    out.write_all(b"]")
}

/// The columns of a table: labels and values.
fn columns<'d>(table: &Table<'d>) -> Result<(Option<Values<'d>>, Vec<Values<'d>>), Error> {
    let Some(width) = table.width() else { return Ok((None, vec![table.column(0)])) };
    if width > MOST_COLUMNS {
        return Err(Error::shape(format!("a table of {width} columns"), CSV_HINT));
    }
    Ok((table.columns().cloned(), (0..width).map(|position| table.column(position)).collect()))
}

/// Gives each row: the label of it, and the cells, each beside the object that it belongs to.
fn rows<'d>(
    table: &Table<'d>,
    columns: &[Values<'d>],
    mut give: impl FnMut(u64, Cell, Vec<Cell>) -> Result<(), Error>,
) -> Result<(), Error> {
    // A count from the file alone does not make rows.
    let most = columns.iter().map(Values::len).max().unwrap_or(0).min(table.rows()).min(1 << 32);
    let mut from = 0;
    while from < most {
        let count = BATCH.min(most - from);
        let labels = table.index().some(from, count);
        let batches: Vec<Vec<Cell>> = columns.iter().map(|column| column.some(from, count)).collect();
        if batches.iter().flatten().all(|cell| *cell == Cell::Missing) {
            return Err(Error::shape(format!("the dump holds the first {from} of {most} rows"), CUT_HINT));
        }
        for row in 0..count {
            let cell = |cells: &Vec<Cell>| cells.get(row as usize).cloned().unwrap_or(Cell::Missing);
            give(from + row, cell(&labels), batches.iter().map(cell).collect())?;
        }
        from += count;
    }
    Ok(())
}

fn json_list(object: &Object<'_>, values: &Values<'_>, out: &mut dyn Write) -> Result<(), Error> {
    out.write_all(b"[")?;
    for from in (0..values.len()).step_by(BATCH as usize) {
        for (at, cell) in values.some(from, BATCH).iter().enumerate() {
            out.write_all(if from > 0 || at > 0 { b"," } else { b"" })?;
            // Labels are no values.
            json_cell(object, cell, out, &mut Report::default())?;
        }
    }
    Ok(out.write_all(b"]")?)
}

fn json_table(table: &Table<'_>, out: &mut dyn Write, report: &mut Report) -> Result<(), Error> {
    let (labels, columns) = columns(table)?;
    let object = table.object();
    out.write_all(b"{")?;
    if let Some(labels) = &labels {
        out.write_all(b"\"columns\":")?;
        json_list(object, labels, out)?;
        out.write_all(b",")?;
    }
    if !table.has_positions() {
        out.write_all(b"\"index\":")?;
        json_list(object, table.index(), out)?;
        out.write_all(b",")?;
    }
    out.write_all(b"\"data\":[")?;
    rows(table, &columns, |number, _, cells| {
        out.write_all(if number > 0 { b"," } else { b"" })?;
        out.write_all(if labels.is_some() { b"[" } else { b"" })?;
        for (at, cell) in cells.iter().enumerate() {
            out.write_all(if at > 0 { b"," } else { b"" })?;
            json_cell(object, cell, out, report)?;
        }
        Ok(out.write_all(if labels.is_some() { b"]" } else { b"" })?)
    })?;
    Ok(out.write_all(b"]}")?)
}

/// A cell as CSV has it.
fn text(object: &Object<'_>, cell: &Cell, report: &mut Report) -> Result<Vec<u8>, Error> {
    report.values += 1;
    let value = match cell {
        Cell::Plain(value) => Some(value.clone()),
        Cell::Target(target) => match object.follow(*target) {
            None => Some(Value::Null),
            Some(held) => match plain(&held) {
                Some(value) => Some(value),
                None => Some(Value::Text(render(&held, Limits::default()))),
            },
        },
        Cell::Missing => None,
    };
    Ok(match value {
        None => {
            report.missing += 1;
            b"<missing: not in the dump>".to_vec()
        }
        Some(Value::Null) => Vec::new(),
        Some(Value::Text(text)) => text.into_bytes(),
        Some(Value::Bool(flag)) => if flag { "True" } else { "False" }.into(),
        Some(Value::Integer(number)) => i128::from(number).to_string().into_bytes(),
        Some(Value::Float(number)) => float(number).into_bytes(),
        Some(other) => {
            let mut bytes = Vec::new();
            fact(&mut bytes, &other)?;
            bytes
        }
    })
}

fn csv_array(array: &Array<'_>, out: &mut dyn Write, report: &mut Report) -> Result<(), Error> {
    let width = match array.shape() {
        [_] => 1,
        [_, width] if *width > 0 && *width <= MOST_COLUMNS => *width,
        shape => return Err(Error::shape(format!("an array of the shape {shape:?} is no table"), CSV_HINT)),
    };
    if array.shape().len() == 1 {
        line(out, [b"value".as_slice()].into_iter())?;
    }
    let height = array.shape()[0];
    let batch = (BATCH / width).max(1);
    let mut row = 0;
    while row < height {
        let count = batch.min(height - row);
        let cells = some(array, row * width, count * width)?;
        for cells in cells.chunks(width as usize) {
            let texts: Vec<Vec<u8>> = cells.iter().map(|cell| text(array.object(), cell, report)).collect::<Result<_, _>>()?;
            line(out, texts.iter().map(Vec::as_slice))?;
        }
        row += count;
    }
    Ok(())
}

fn csv_table(table: &Table<'_>, out: &mut dyn Write, report: &mut Report) -> Result<(), Error> {
    let (labels, columns) = columns(table)?;
    let object = table.object();
    let labelled = !table.has_positions();
    let mut head = if labelled { vec![Vec::new()] } else { Vec::new() };
    match &labels {
        None => head.push(b"value".to_vec()),
        Some(labels) => {
            for cell in labels.some(0, columns.len() as u64) {
                head.push(text(object, &cell, &mut Report::default())?);
            }
        }
    }
    line(out, head.iter().map(Vec::as_slice))?;
    rows(table, &columns, |_, label, cells| {
        let mut texts = Vec::with_capacity(cells.len() + 1);
        if labelled {
            texts.push(text(object, &label, &mut Report::default())?);
        }
        for cell in &cells {
            texts.push(text(object, cell, report)?);
        }
        Ok(line(out, texts.iter().map(Vec::as_slice))?)
    })
}

fn npy(found: &Array<'_>, out: &mut dyn Write, report: &mut Report) -> Result<(), Error> {
    let found = &held(found, report);
    report.values = found.len();
    if found.has_texts() {
        return npy_texts(found, out);
    }
    let what = || Error::shape(format!("elements of {} have no place in an .npy file", found.dtype()), CSV_HINT);
    let code = found.code().ok_or_else(what)?;
    let bytes = found.bytes().ok_or_else(|| Error::shape("the dump does not hold all elements", CUT_HINT))?;
    array::header(out, &code, found.shape(), false)?;
    Ok(out.write_all(&bytes)?)
}

/// Texts of any length, all as long as the longest.
fn npy_texts(found: &Array<'_>, out: &mut dyn Write) -> Result<(), Error> {
    let (mut longest, mut missing, mut lost) = (1usize, 0u64, 0u64);
    let total = found.len();
    for from in (0..total).step_by(BATCH as usize) {
        for cell in some(found, from, BATCH)? {
            match cell {
                Cell::Plain(Value::Text(text)) => longest = longest.max(text.chars().count()),
                Cell::Missing => lost += 1,
                _ => missing += 1,
            }
        }
    }
    if missing > 0 || lost > 0 {
        let what = format!("{missing} texts are missing and {lost} are not in the dump, and an .npy file has no place for that");
        return Err(Error::shape(what, CSV_HINT));
    }
    if (longest as u64).saturating_mul(total).saturating_mul(4) > MOST_TEXT {
        return Err(Error::shape(format!("{total} texts of up to {longest} letters are too much for an .npy file"), CSV_HINT));
    }
    array::header(out, &format!("<U{longest}"), found.shape(), false)?;
    for from in (0..total).step_by(BATCH as usize) {
        for cell in some(found, from, BATCH)? {
            let Cell::Plain(Value::Text(text)) = cell else { continue };
            let mut bytes: Vec<u8> = text.chars().flat_map(|letter| u32::from(letter).to_le_bytes()).collect();
            bytes.resize(4 * longest, 0);
            out.write_all(&bytes)?;
        }
    }
    Ok(())
}
