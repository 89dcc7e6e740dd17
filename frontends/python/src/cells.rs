//! Elements that are no objects of the dump: of arrays, of the columns and the labels of tables.

use heapsake_loader::Object;
use heapsake_loader::array::{Array, Cell};
use heapsake_loader::table::{Table, Values};

/// What has elements that are no objects: an array in C order, a column, labels.
pub(crate) enum Cells<'d> {
    Array(Array<'d>),
    Values(Values<'d>),
}

impl<'d> Cells<'d> {
    pub(crate) fn of(object: &Object<'d>) -> Option<Cells<'d>> {
        if let Some(array) = Array::of(object) {
            return Some(Cells::Array(array));
        }
        if let Some(table) = Table::of(object) {
            return table.width().is_none().then(|| Cells::Values(table.column(0)));
        }
        // Of anything else only what pandas made: a name may mean something else elsewhere.
        let values = object.type_name().starts_with("pandas.").then(|| Values::of(object))?;
        Some(Cells::Values(values)).filter(|cells| cells.len() > 0)
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Cells::Array(array) => array.len(),
            Cells::Values(values) => values.len(),
        }
    }

    pub(crate) fn get(&self, from: u64, count: u64) -> Vec<Cell> {
        match self {
            Cells::Array(array) => array.cells(from, count),
            Cells::Values(values) => some_of(values, from, count),
        }
    }
}

pub(crate) fn some_of(values: &Values<'_>, from: u64, count: u64) -> Vec<Cell> {
    values.some(from, count)
}
