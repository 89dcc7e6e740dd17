//! Steps into arrays and tables: `[3, 4]`, `[3]`, `["price"][7]`, and how what they lead to is shown.

use anyhow::{Context, bail};
use heapsake_loader::array::{Array, Cell};
use heapsake_loader::table::{Label, Table, Values};
use heapsake_loader::{Limits, Object, render, render_array, shown_fact};

use crate::path::Step;

/// Elements that a slice shows.
const SHOWN: u64 = 200;
/// How they are shown.
pub(crate) const LIMITS: Limits = Limits { characters: 400, elements: 12, depth: 4, text: 200 };

/// A part of an array or of a table.
pub(crate) enum Part<'d> {
    /// One element.
    Cell(Cell),
    Array(Array<'d>),
    Column(Box<Column<'d>>),
    /// Several elements, by name.
    Several(Vec<(String, String)>),
}

/// A column of a table.
pub(crate) struct Column<'d> {
    table: Object<'d>,
    values: Values<'d>,
    /// Those of its rows.
    labels: Values<'d>,
}

/// Where a step leads from an array or a table; none from other objects.
pub(crate) fn of_object<'d>(object: &Object<'d>, step: &Step) -> anyhow::Result<Option<Part<'d>>> {
    if let Step::Attribute(name) = step {
        // What it has under this name comes first.
        let table = if object.attribute(name).is_none() { Table::of(object) } else { None };
        let position = table.as_ref().and_then(|table| table.columns()?.position(&Label::Text(name.clone())));
        return Ok(table.zip(position).map(|(table, position)| column(object, &table, position)));
    }
    if let Some(array) = Array::of(object) {
        return of_array(&array, step).map(Some);
    }
    let Some(table) = Table::of(object) else { return Ok(None) };
    let Some(columns) = table.columns() else { return column(object, &table, 0).step(step).map(Some) };
    let label = match step {
        Step::Key(key) => Label::Text(key.clone()),
        Step::Index(number) => Label::Number(*number),
        Step::Indexes(positions) => {
            let [row, position] = positions[..] else { bail!("a table has two dimensions: row and column, from 0") };
            let values = table.column(from_end(position, table.width().unwrap_or(0))?);
            return Ok(Some(Part::Cell(values.get(from_end(row, table.rows())?))));
        }
        _ => return Ok(None),
    };
    match columns.position(&label) {
        Some(position) => Ok(Some(column(object, &table, position))),
        None => {
            let names = (0..columns.len().min(20)).map(|at| shown_fact(&columns.plain(&columns.get(at)), LIMITS));
            bail!("no column {label:?}\nhint: it has {}", names.collect::<Vec<_>>().join(", "))
        }
    }
}

fn column<'d>(object: &Object<'d>, table: &Table<'d>, position: u64) -> Part<'d> {
    let (values, labels) = (table.column(position), table.index().clone());
    Part::Column(Box::new(Column { table: object.clone(), values, labels }))
}

fn from_end(position: i64, count: u64) -> anyhow::Result<u64> {
    let at = if position < 0 { position.checked_add_unsigned(count) } else { Some(position) };
    let at = at.and_then(|at| u64::try_from(at).ok()).filter(|at| *at < count);
    at.with_context(|| format!("position {position} of {count}"))
}

fn bounds(from: Option<i64>, to: Option<i64>, count: u64) -> std::ops::Range<u64> {
    let bound = |bound: Option<i64>, default: u64| {
        let at = bound.map(|at| if at < 0 { at.saturating_add_unsigned(count) } else { at });
        at.map_or(default, |at| (at.max(0) as u64).min(count))
    };
    let from = bound(from, 0);
    from..bound(to, count).max(from).min(from + SHOWN)
}

fn of_array<'d>(array: &Array<'d>, step: &Step) -> anyhow::Result<Part<'d>> {
    let positions = match step {
        Step::Index(index) => std::slice::from_ref(index),
        Step::Indexes(indexes) => indexes.as_slice(),
        Step::Slice(from, to) => {
            let count = *array.shape().first().context("an array of no dimensions has no parts")?;
            let parts = bounds(*from, *to, count).filter_map(|at| Some((at.to_string(), shown(&array.part(at as i64)?))));
            return Ok(Part::Several(parts.collect()));
        }
        Step::Key(name) | Step::Attribute(name) => bail!("an array has no key {name:?}\nhint: element first, [3][{name:?}]"),
    };
    let mut part = array.clone();
    for (at, position) in positions.iter().enumerate() {
        part = part.part(*position).with_context(|| format!("position {position} in dimension {at} of {:?}", array.shape()))?;
    }
    Ok(match part.cell(&[]) {
        Some(cell) => Part::Cell(cell),
        None => Part::Array(part),
    })
}

/// A part of an array in one line: an element as it is.
fn shown(array: &Array<'_>) -> String {
    match array.cell(&[]) {
        Some(cell) => shown_cell(array.object(), &cell),
        None => render_array(array, LIMITS),
    }
}

fn shown_cell(object: &Object<'_>, cell: &Cell) -> String {
    match cell {
        Cell::Plain(value) => shown_fact(value, LIMITS),
        Cell::Target(target) => object.follow(*target).map_or_else(|| "None".to_owned(), |object| render(&object, LIMITS)),
        Cell::Missing => "not in the dump".to_owned(),
    }
}

impl<'d> Part<'d> {
    /// Where a step leads on.
    pub(crate) fn step(self, step: &Step) -> anyhow::Result<Part<'d>> {
        match (self, step) {
            (Part::Array(array), step) => of_array(&array, step),
            (Part::Column(column), Step::Slice(from, to)) => {
                let Column { table: object, values, labels } = *column;
                let rows = bounds(*from, *to, values.len());
                let label = |at: u64| shown_fact(&labels.plain(&labels.get(at)), LIMITS);
                Ok(Part::Several(rows.map(|at| (label(at), shown_cell(&object, &values.get(at)))).collect()))
            }
            (Part::Column(column), step) => {
                let Column { values, labels, .. } = *column;
                let position = match step {
                    Step::Key(key) => labels.position(&Label::Text(key.clone())),
                    Step::Index(number) if labels.has_numbers() => labels.position(&Label::Number(*number)),
                    Step::Index(number) => Some(from_end(*number, values.len())?),
                    _ => None,
                };
                Ok(Part::Cell(values.get(position.context("no row has this label")?)))
            }
            (Part::Cell(_) | Part::Several(_), _) => bail!("there is nothing inside"),
        }
    }

    /// What is there, line by line.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Part::Cell(Cell::Plain(value)) => vec![shown_fact(value, LIMITS)],
            Part::Cell(_) => Vec::new(),
            Part::Array(array) => vec![render_array(array, LIMITS)],
            Part::Several(named) => named.iter().map(|(name, shown)| format!("  [{name}] = {shown}")).collect(),
            Part::Column(column) => {
                let Column { table: object, values, labels } = &**column;
                let label = |at: u64| shown_fact(&labels.plain(&labels.get(at)), LIMITS);
                let shown = values.len().min(SHOWN);
                let mut lines: Vec<String> =
                    (0..shown).map(|at| format!("  [{}] = {}", label(at), shown_cell(object, &values.get(at)))).collect();
                if values.len() > shown {
                    lines.push(format!("  … {} more", values.len() - shown));
                }
                lines
            }
        }
    }
}
