//! Arrays, a dimension at a time, and tables, a column at a time.

use heapsake_loader::array::{Array, Cell};
use heapsake_loader::table::{Table, Values};
use heapsake_loader::{Limits, Object, ObjectId, render_array, shown_fact};

use super::present::{Child, Content, Way};
use crate::references::Node;
use crate::session::Session;
use crate::shown::{Manner, count};

/// Columns of a table that are listed.
const COLUMNS: u64 = 1000;
const LIMITS: Limits = Limits { characters: 160, elements: 8, depth: 2, text: 80 };

impl Session {
    fn of_array<T>(&self, id: ObjectId, indexes: &[i64], read: impl FnOnce(&Array<'_>) -> T) -> Option<T> {
        let object = self.dump.object(id);
        let mut array = Array::of(&object)?;
        for index in indexes {
            array = array.part(*index)?;
        }
        Some(read(&array))
    }

    /// Length of the first dimension that is left.
    pub(super) fn part_length(&self, id: ObjectId, indexes: &[i64]) -> u64 {
        self.of_array(id, indexes, |array| array.shape().first().copied().unwrap_or(0)).unwrap_or(0)
    }

    /// Elements, or parts of one dimension less.
    pub(super) fn part(&self, id: ObjectId, indexes: &[i64], from: u64, number: u64) -> Vec<Child> {
        let read = |array: &Array<'_>| {
            let child = |at: u64, content: Content| Child::new(format!("[{at}]"), content, Way::After(format!("[{at}]")));
            if array.shape().len() == 1 {
                return array.cells(from, number).into_iter().zip(from..).map(|(cell, at)| child(at, content(cell))).collect();
            }
            let parts = (from..from.saturating_add(number)).map_while(|at| Some((at, array.part(at as i64)?)));
            let part = |(at, part): (u64, Array<'_>)| {
                let node = Node::Part(id, indexes.iter().copied().chain([at as i64]).collect());
                child(at, Content::Node(render_array(&part, LIMITS), part.dtype().to_owned(), node))
            };
            parts.map(part).collect()
        };
        self.of_array(id, indexes, read).unwrap_or_default()
    }

    /// The columns of a table, by their labels.
    pub(super) fn columns(&self, object: &Object<'_>) -> Vec<Child> {
        let Some(table) = Table::of(object) else { return Vec::new() };
        let Some(width) = table.width() else { return Vec::new() };
        let child = |at: u64| {
            let label = table.columns().map(|labels| labels.plain(&labels.get(at)));
            let name = label.as_ref().map_or_else(|| format!("column {at}"), |label| shown_fact(label, LIMITS));
            let way = match &label {
                Some(ciborium::Value::Text(text)) => Way::After(format!("[{}]", super::entries::quoted(text))),
                _ => Way::None,
            };
            let values = table.column(at);
            Child::new(name, Content::Node(head(&values), String::new(), Node::Column(object.id(), at)), way)
        };
        (0..width.min(COLUMNS)).map(child).collect()
    }

    fn of_column<T>(&self, id: ObjectId, position: u64, read: impl FnOnce(&Values<'_>) -> T) -> Option<T> {
        let object = self.dump.object(id);
        Table::of(&object).map(|table| read(&table.column(position)))
    }

    /// Rows of a column.
    pub(super) fn column_length(&self, id: ObjectId, position: u64) -> u64 {
        self.of_column(id, position, |values| values.len()).unwrap_or(0)
    }

    /// Values of a column.
    pub(super) fn column(&self, id: ObjectId, position: u64, from: u64, number: u64) -> Vec<Child> {
        self.of_column(id, position, |values| cells(values, from, number)).unwrap_or_default()
    }

    /// Length of what has one column without a label.
    pub(super) fn values_length(&self, object: &Object<'_>) -> u64 {
        Table::of(object).filter(|table| table.width().is_none()).map_or(0, |table| table.rows())
    }

    /// Its values.
    pub(super) fn values(&self, object: &Object<'_>, from: u64, number: u64) -> Vec<Child> {
        let table = Table::of(object).filter(|table| table.width().is_none());
        table.map_or_else(Vec::new, |table| cells(&table.column(0), from, number))
    }
}

fn cells(values: &Values<'_>, from: u64, number: u64) -> Vec<Child> {
    let cells = values.some(from, number).into_iter().zip(from..);
    cells.map(|(cell, at)| Child::new(format!("[{at}]"), content(cell), Way::After(format!("[{at}]")))).collect()
}

fn content(cell: Cell) -> Content {
    match cell {
        Cell::Target(target) => Content::Target(target),
        Cell::Plain(value) => Content::Fact(value, None),
        Cell::Missing => {
            Content::Words("not in the dump: of a large array the first elements alone are".to_owned(), String::new())
        }
    }
}

/// The first values in a line.
fn head(values: &Values<'_>) -> String {
    let manner = Manner::of_list(None);
    let shown = values.some(0, 5).into_iter().map(|cell| manner.fact(&values.plain(&cell))).collect::<Vec<_>>();
    format!("{} values: {}, …", count(values.len()), shown.join(", "))
}
