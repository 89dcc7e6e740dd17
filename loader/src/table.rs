//! Tables: columns with labels, as pandas and polars keep them, and the values that columns and labels are made of.
//!
//! A table of polars says in its fact `columns` what each column is called, and which part of its value has the elements.
//! What pandas builds of arrays (categories, masks, ranges, levels) is followed by the names of its attributes, so it is
//! read whatever made it; what is not known is missing, and said to be.

use ciborium::Value;

use heapsake_core::format::TailKind;

use crate::array::{Array, Cell};
use crate::attributes::AttributeValue;
use crate::object::{Object, PlainValue};

/// Wrappers within wrappers.
const DEEPEST: usize = 6;
/// Labels that are compared when one is looked for.
const MOST_LABELS: u64 = 1 << 20;

/// Values in one dimension.
#[derive(Clone, Debug)]
pub enum Values<'d> {
    /// Of an array.
    Array(Array<'d>),
    /// Whole numbers: start, step, how many.
    Range(i64, i64, u64),
    /// Of an array, where another one is not true.
    Masked(Array<'d>, Box<Array<'d>>),
    /// Those of the second at the positions that the first has; below zero none.
    Coded(Array<'d>, Box<Values<'d>>),
    /// Several values each.
    Several(Vec<Values<'d>>),
    /// Objects, by position.
    Objects(Object<'d>),
    /// Texts that are no objects.
    Names(Vec<String>),
    /// Not known, and how many there are.
    Unknown(u64),
}

impl<'d> Values<'d> {
    /// The values that an object holds.
    pub fn of(object: &Object<'d>) -> Values<'d> {
        Values::within(object, 0).unwrap_or(Values::Unknown(0))
    }

    fn within(object: &Object<'d>, depth: usize) -> Option<Values<'d>> {
        if depth > DEEPEST {
            return None;
        }
        if let Some(array) = Array::of(object) {
            return Some(Values::Array(array));
        }
        let held = |name: &str| object.attribute_object(name);
        if let Some(texts) = object.attribute("items").and_then(|items| match items {
            AttributeValue::Plain(Value::Array(items)) => Some(items.len() as u64),
            _ => None,
        }) {
            return Some(Values::Objects(object.clone())).filter(|_| texts > 0);
        }
        if let Some(range) = held("_range") {
            let bound = |name: &str| range.attribute_object(name).and_then(|bound| whole(&bound));
            let (start, stop, step) = (bound("start")?, bound("stop")?, bound("step")?);
            let span = i128::from(stop) - i128::from(start);
            let step_wide = i128::from(step);
            let count = if step == 0 { 0 } else { (span + step_wide - step_wide.signum()) / step_wide };
            return Some(Values::Range(start, step, u64::try_from(count).unwrap_or(0)));
        }
        if let (Some(levels), Some(codes)) = (held("_levels"), held("_codes")) {
            let levels = levels.elements(0, 64).into_iter().filter_map(|level| object.follow(level));
            let codes = codes.elements(0, 64).into_iter().filter_map(|codes| Array::of(&object.follow(codes)?));
            let coded =
                levels.zip(codes).map(|(level, codes)| Some(Values::Coded(codes, Box::new(Values::within(&level, depth + 1)?))));
            return Some(Values::Several(coded.collect::<Option<_>>()?));
        }
        if let Some(array) = held("_ndarray") {
            let values = Array::of(&array)?;
            let categories = held("_dtype")
                .and_then(|dtype| dtype.attribute_object("_categories").or_else(|| dtype.attribute_object("categories")));
            return Some(match categories {
                Some(categories) => Values::Coded(values, Box::new(Values::within(&categories, depth + 1)?)),
                None => Values::Array(values),
            });
        }
        if let (Some(data), Some(mask)) = (held("_data"), held("_mask")) {
            return Some(Values::Masked(Array::of(&data)?, Box::new(Array::of(&mask)?)));
        }
        if let Some(inner) = held("_data").or_else(|| held("_pa_array")).or_else(|| held("values")) {
            return Values::within(&inner, depth + 1);
        }
        (object.tail_kind() == TailKind::Elements).then(|| Values::Objects(object.clone()))
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        match self {
            Values::Array(array) | Values::Masked(array, _) | Values::Coded(array, _) => {
                array.shape().last().copied().unwrap_or(0)
            }
            Values::Range(_, _, count) | Values::Unknown(count) => *count,
            Values::Several(parts) => parts.first().map_or(0, Values::len),
            Values::Names(names) => names.len() as u64,
            Values::Objects(object) => match object.attribute("items") {
                Some(AttributeValue::Plain(Value::Array(items))) => items.len() as u64,
                _ => object.len(),
            },
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values of one row, where there are several.
    fn row(self, row: i64) -> Values<'d> {
        let part = |array: Array<'d>| if array.shape().len() == 2 { array.part(row) } else { Some(array) };
        match self {
            Values::Array(array) => part(array).map_or(Values::Unknown(0), Values::Array),
            Values::Coded(array, values) => part(array).map_or(Values::Unknown(0), |array| Values::Coded(array, values)),
            other => other,
        }
    }

    /// The value at a position.
    pub fn get(&self, position: u64) -> Cell {
        let of = |array: &Array<'d>| array.cell(&[position as i64]).unwrap_or(Cell::Missing);
        match self {
            Values::Array(array) => of(array),
            Values::Range(start, step, count) if position < *count => {
                Cell::Plain(Value::from(start.wrapping_add(step.wrapping_mul(position as i64))))
            }
            Values::Masked(data, mask) => match of(mask) {
                Cell::Plain(Value::Bool(true)) => Cell::Plain(Value::Null),
                _ => of(data),
            },
            Values::Coded(codes, values) => match of(codes) {
                Cell::Plain(Value::Integer(code)) => match u64::try_from(i128::from(code)) {
                    Ok(code) => values.get(code),
                    Err(_) => Cell::Plain(Value::Null),
                },
                _ => Cell::Missing,
            },
            Values::Several(parts) => {
                let parts = parts.iter().map(|part| part.get(position));
                // Labels of several parts are mostly texts and numbers.
                Cell::Plain(Value::Array(parts.map(|part| self.plain(&part)).collect()))
            }
            Values::Objects(object) => match object.attribute("items") {
                Some(AttributeValue::Plain(Value::Array(items))) => {
                    items.into_iter().nth(position as usize).map_or(Cell::Missing, Cell::Plain)
                }
                _ => object.elements(position, 1).first().map_or(Cell::Missing, |target| Cell::Target(*target)),
            },
            Values::Names(names) => {
                names.get(position as usize).map_or(Cell::Missing, |name| Cell::Plain(Value::Text(name.clone())))
            }
            Values::Range(..) | Values::Unknown(_) => Cell::Missing,
        }
    }

    /// Several values from a position on: those of an array are read together.
    pub fn some(&self, from: u64, count: u64) -> Vec<Cell> {
        let end = from.saturating_add(count).min(self.len());
        match self {
            Values::Array(array) if array.shape().len() == 1 => array.cells(from, end.saturating_sub(from)),
            Values::Masked(data, mask) if data.shape().len() == 1 && mask.shape().len() == 1 => {
                let count = end.saturating_sub(from);
                let cells = data.cells(from, count).into_iter().zip(mask.cells(from, count));
                let masked = |(cell, mask)| match mask {
                    Cell::Plain(Value::Bool(true)) => Cell::Plain(Value::Null),
                    _ => cell,
                };
                cells.map(masked).collect()
            }
            _ => (from..end).map(|position| self.get(position)).collect(),
        }
    }

    /// Some object that the values come from.
    fn source(&self) -> Option<&Object<'d>> {
        match self {
            Values::Array(array) | Values::Masked(array, _) => Some(array.object()),
            Values::Coded(_, values) => values.source(),
            Values::Several(parts) => parts.first()?.source(),
            Values::Objects(object) => Some(object),
            Values::Range(..) | Values::Unknown(_) | Values::Names(_) => None,
        }
    }

    /// A cell as a plain value: an object that has one by that, another in one line.
    pub fn plain(&self, cell: &Cell) -> Value {
        match (cell, self.deep_source()) {
            (Cell::Plain(value), _) => value.clone(),
            (Cell::Target(target), Some(source)) => source.follow(*target).map_or(Value::Null, |object| plain(&object)),
            _ => Value::Null,
        }
    }

    fn deep_source(&self) -> Option<&Object<'d>> {
        match self {
            Values::Several(parts) => parts.iter().find_map(Values::deep_source),
            other => other.source(),
        }
    }

    /// The position of a label.
    pub fn position(&self, label: &Label) -> Option<u64> {
        if let (Values::Range(start, step, count), Label::Number(number)) = (self, label) {
            let distance = i128::from(*number) - i128::from(*start);
            let at = distance.checked_div(i128::from(*step)).filter(|at| at * i128::from(*step) == distance)?;
            return u64::try_from(at).ok().filter(|at| at < count);
        }
        let is_wanted = |position: &u64| match (self.plain(&self.get(*position)), label) {
            (Value::Text(text), Label::Text(wanted)) => text == *wanted,
            (Value::Integer(number), Label::Number(wanted)) => i128::from(number) == i128::from(*wanted),
            _ => false,
        };
        (0..self.len().min(MOST_LABELS)).find(is_wanted)
    }

    /// Whether labels are numbers, so that a number is meant as one.
    pub fn has_numbers(&self) -> bool {
        matches!(self.plain(&self.get(0)), Value::Integer(_))
    }
}

/// A label that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

fn whole(object: &Object<'_>) -> Option<i64> {
    match object.value() {
        PlainValue::Int(number) => Some(number),
        _ => None,
    }
}

fn plain(object: &Object<'_>) -> Value {
    match object.value() {
        PlainValue::Int(number) => Value::from(number),
        PlainValue::Float(number) => Value::Float(number),
        PlainValue::Text(text) => Value::Text(String::from_utf8_lossy(&text).into_owned()),
        _ if object.type_name() == "NoneType" => Value::Null,
        _ => Value::Text(crate::render::render(object, crate::render::Limits::default())),
    }
}

/// Columns with labels, or one column.
#[derive(Clone, Debug)]
pub struct Table<'d> {
    object: Object<'d>,
    /// Labels of the columns; none of a single column.
    columns: Option<Values<'d>>,
    index: Values<'d>,
    placement: Vec<(i64, i64)>,
    /// Columns whose elements lie in the value of one object.
    parts: Option<Vec<Values<'d>>>,
    rows: u64,
}

impl<'d> Table<'d> {
    /// The table that an object is; none if it is none.
    pub fn of(object: &Object<'d>) -> Option<Table<'d>> {
        if let Some(table) = Table::of_parts(object) {
            return Some(table);
        }
        let index = object.attribute_object("index")?;
        let Some(AttributeValue::Plain(Value::Array(shape))) = object.attribute("shape") else { return None };
        let number = |value: &Value| Some(i128::from(value.as_integer()?) as i64);
        let rows = u64::try_from(number(shape.first()?)?).ok()?;
        let placement = match object.attribute("placement") {
            Some(AttributeValue::Plain(Value::Array(places))) => {
                let place = |place: &Value| match place.as_array()?.as_slice() {
                    [block, row] => Some((number(block)?, number(row)?)),
                    _ => None,
                };
                places.iter().map(place).collect::<Option<_>>()?
            }
            _ => Vec::new(),
        };
        let columns = object.attribute_object("columns").map(|columns| Values::of(&columns));
        if columns.is_none() && object.attribute_object("values").is_none() {
            return None;
        }
        Some(Table { object: object.clone(), columns, index: Values::of(&index), placement, parts: None, rows })
    }

    /// One of polars, or what wraps it.
    fn of_parts(object: &Object<'d>) -> Option<Table<'d>> {
        let wrapped = match object.type_name() {
            "PyDataFrame" | "PySeries" => None,
            name if name.starts_with("polars.") => {
                Some(object.attribute_object("_df").or_else(|| object.attribute_object("_s"))?)
            }
            _ => return None,
        };
        let holder = wrapped.as_ref().unwrap_or(object);
        let facts = holder.state();
        let fact = |wanted: &str| facts.iter().find(|(name, _)| name == wanted).and_then(|(_, value)| value.as_array());
        let (shape, columns) = (fact("shape")?, fact("columns")?);
        let rows = u64::try_from(i128::from(shape.first()?.as_integer()?)).ok()?;
        let single = shape.len() == 1;
        let (mut names, mut parts) = (Vec::new(), Vec::new());
        for column in columns {
            let Value::Map(entries) = column else { return None };
            let entry = |wanted: &str| entries.iter().find(|(name, _)| name.as_text() == Some(wanted)).map(|(_, value)| value);
            names.push(entry("name").and_then(Value::as_text).unwrap_or("?").to_owned());
            let place = |wanted: &str| i64::try_from(i128::from(entry(wanted)?.as_integer()?)).ok();
            let array = |item: &Value, at: i64| Array::within(holder, item, at, rows, entry("dtype").and_then(Value::as_text));
            let data = entry("item").zip(place("offset")).and_then(|(item, at)| array(item, at));
            let mask = place("mask").and_then(|at| array(&Value::Text("|b1".to_owned()), at));
            parts.push(match (data, mask) {
                (Some(data), Some(mask)) => Values::Masked(data, Box::new(mask)),
                (Some(data), None) => Values::Array(data),
                (None, _) => Values::Unknown(rows),
            });
        }
        let columns = (!single).then_some(Values::Names(names));
        if single && parts.len() != 1 {
            return None;
        }
        let index = Values::Range(0, 1, rows);
        Some(Table { object: holder.clone(), columns, index, placement: Vec::new(), parts: Some(parts), rows })
    }

    /// Whether its rows have no labels of their own.
    pub fn has_positions(&self) -> bool {
        self.parts.is_some()
    }

    /// The object that has the values.
    pub fn object(&self) -> &Object<'d> {
        &self.object
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Number of columns; none of a single column.
    pub fn width(&self) -> Option<u64> {
        self.columns.as_ref().map(|_| self.parts.as_ref().map_or(self.placement.len(), Vec::len) as u64)
    }

    /// The labels of the columns.
    pub fn columns(&self) -> Option<&Values<'d>> {
        self.columns.as_ref()
    }

    /// The labels of the rows.
    pub fn index(&self) -> &Values<'d> {
        &self.index
    }

    /// The values of a column, by its position; of a single column, those.
    pub fn column(&self, position: u64) -> Values<'d> {
        if let Some(parts) = &self.parts {
            return parts.get(position as usize).cloned().unwrap_or(Values::Unknown(0));
        }
        if self.columns.is_none() {
            return self
                .object
                .attribute_object("values")
                .map_or(Values::Unknown(self.rows), |values| Values::of(&values).row(0));
        }
        let Some((block, row)) = self.placement.get(position as usize) else { return Values::Unknown(0) };
        match self.object.attribute_object(&format!("block {block}")) {
            Some(values) => Values::of(&values).row(*row),
            None => Values::Unknown(self.rows),
        }
    }
}
