//! Rows and columns of what looks like a table: a sequence of mappings, of instances, or of sequences; a mapping of
//! sequences, each a column.
//! Frames of pandas and polars are `grid.rs`'s.

use std::collections::HashSet;

use heapsake_core::format::{TailKind, Target};
use heapsake_core::heap::TypeKind;
use heapsake_loader::Object;

use super::json::attributes;
use super::{BATCH, Error};

/// Columns of a table.
const MOST_COLUMNS: usize = 16_384;
const HINT: &str = "a table is a list of dicts, of instances, of lists or tuples, or a dict of lists; as JSON any structure goes";

/// A table.
pub(super) struct Table<'d> {
    object: Object<'d>,
    shape: Shape<'d>,
    /// Names of the columns, where they have any.
    pub(super) columns: Option<Vec<String>>,
}

enum Shape<'d> {
    /// Each element is a mapping or an instance.
    Records,
    /// Each element is a sequence.
    Rows,
    /// Each element is one value.
    Values,
    /// Columns of the same length.
    Columns(Vec<Object<'d>>, u64),
    /// Keys and values.
    Entries,
}

impl<'d> Table<'d> {
    /// The table that an object is.
    pub(super) fn of(object: &Object<'d>) -> Result<Table<'d>, Error> {
        let what = || Error::shape(format!("the {} is no table", object.type_name()), HINT);
        let table = |shape, columns| Ok(Table { object: object.clone(), shape, columns });
        match object.tail_kind() {
            TailKind::Entries => {
                let named = object.named_entries();
                let columns: Vec<Object<'d>> = named
                    .iter()
                    .filter_map(|(_, target)| object.follow(*target))
                    .filter(|column| column.tail_kind() == TailKind::Elements && column.surrogate().is_none())
                    .collect();
                let length = columns.first().map_or(0, Object::len);
                let is_columns = columns.len() as u64 == object.len() && columns.iter().all(|column| column.len() == length);
                if is_columns && !columns.is_empty() {
                    return table(Shape::Columns(columns, length), Some(named.into_iter().map(|(name, _)| name).collect()));
                }
                table(Shape::Entries, Some(vec!["key".to_owned(), "value".to_owned()]))
            }
            TailKind::Elements => {
                let first = object.elements(0, 1).first().and_then(|target| object.follow(*target));
                let Some(first) = first else { return table(Shape::Values, Some(vec!["value".to_owned()])) };
                match (first.tail_kind(), first.kind()) {
                    (TailKind::Entries, _) | (TailKind::Nothing, TypeKind::Object) => {
                        let columns = columns_of(object)?;
                        table(Shape::Records, Some(columns))
                    }
                    (TailKind::Elements, _) => {
                        let fields =
                            first.class().filter(|_| first.type_name() != "tuple").and_then(|class| class.inherited("_fields"));
                        let names = fields.map(|fields| {
                            let names = fields.elements(0, MOST_COLUMNS as u64).into_iter();
                            names.filter_map(|name| fields.follow(name)?.text()).collect()
                        });
                        table(Shape::Rows, names.filter(|names: &Vec<String>| !names.is_empty()))
                    }
                    _ => table(Shape::Values, Some(vec!["value".to_owned()])),
                }
            }
            TailKind::Nothing => Err(what()),
        }
    }

    /// Gives each row: what the cells are, and the object that they belong to. An empty cell is none.
    pub(super) fn rows(&self, mut row: impl FnMut(&[Option<Cell<'d>>]) -> Result<(), Error>) -> Result<(), Error> {
        let mut at = 0;
        loop {
            match &self.shape {
                Shape::Columns(columns, length) => {
                    if at >= *length {
                        return Ok(());
                    }
                    let batches: Vec<Vec<Target>> = columns.iter().map(|column| column.elements(at, BATCH)).collect();
                    let count = batches.iter().map(Vec::len).max().unwrap_or(0);
                    if count == 0 {
                        return Ok(());
                    }
                    for place in 0..count {
                        let cells: Vec<Option<Cell<'d>>> = columns
                            .iter()
                            .zip(&batches)
                            .map(|(column, batch)| Some(Cell::of(column, batch.get(place).copied().unwrap_or(Target::Nothing))))
                            .collect();
                        row(&cells)?;
                    }
                    at += count as u64;
                }
                Shape::Entries => {
                    let entries = self.object.entries(at, BATCH);
                    if entries.is_empty() {
                        return Ok(());
                    }
                    at += entries.len() as u64;
                    for (key, value) in entries {
                        row(&[Some(Cell::of(&self.object, key)), Some(Cell::of(&self.object, value))])?;
                    }
                }
                Shape::Records | Shape::Rows | Shape::Values => {
                    let elements = self.object.elements(at, BATCH);
                    if elements.is_empty() {
                        return Ok(());
                    }
                    at += elements.len() as u64;
                    for element in elements {
                        self.element(element, &mut row)?;
                    }
                }
            }
        }
    }

    fn element(&self, element: Target, row: &mut impl FnMut(&[Option<Cell<'d>>]) -> Result<(), Error>) -> Result<(), Error> {
        let whole = Cell::of(&self.object, element);
        let Cell::Object(object) = &whole else { return row(&[Some(whole)]) };
        if object.surrogate().is_some() || matches!(self.shape, Shape::Values) {
            return row(&[Some(whole)]);
        }
        if matches!(self.shape, Shape::Rows) {
            let cells = object.elements(0, MOST_COLUMNS as u64).into_iter();
            return row(&cells.map(|target| Some(Cell::of(object, target))).collect::<Vec<_>>());
        }
        let fields = fields_of(object);
        let columns = self.columns.as_deref().unwrap_or_default();
        let cell = |name: &String| fields.iter().find(|(known, _)| known == name).map(|(_, target)| Cell::of(object, *target));
        row(&columns.iter().map(cell).collect::<Vec<_>>())
    }
}

/// A cell.
#[derive(Clone)]
pub(super) enum Cell<'d> {
    /// An object.
    Object(Object<'d>),
    /// What is not in the dump.
    Missing,
}

impl<'d> Cell<'d> {
    fn of(from: &Object<'d>, target: Target) -> Cell<'d> {
        from.follow(target).map_or(Cell::Missing, Cell::Object)
    }
}

/// Names and values of a record.
fn fields_of(object: &Object<'_>) -> Vec<(String, Target)> {
    if object.tail_kind() == TailKind::Entries { object.named_entries() } else { attributes(object) }
}

/// The names of all records, in the order in which they are met.
fn columns_of(object: &Object<'_>) -> Result<Vec<String>, Error> {
    let (mut columns, mut known) = (Vec::new(), HashSet::new());
    let mut at = 0;
    loop {
        let elements = object.elements(at, BATCH);
        if elements.is_empty() {
            return Ok(columns);
        }
        for element in &elements {
            let Some(record) = object.follow(*element) else { continue };
            for (name, _) in fields_of(&record) {
                if known.insert(name.clone()) {
                    columns.push(name);
                }
            }
            if columns.len() > MOST_COLUMNS {
                return Err(Error::shape(format!("the records have more than {MOST_COLUMNS} names"), HINT));
            }
        }
        at += elements.len() as u64;
    }
}
