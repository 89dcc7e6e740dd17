//! Tables: columns with labels, as pandas keeps them, and the values that columns and labels are made of.
//!
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
            Values::Range(..) | Values::Unknown(_) => Cell::Missing,
        }
    }

    /// Some object that the values come from.
    fn source(&self) -> Option<&Object<'d>> {
        match self {
            Values::Array(array) | Values::Masked(array, _) => Some(array.object()),
            Values::Coded(_, values) => values.source(),
            Values::Several(parts) => parts.first()?.source(),
            Values::Objects(object) => Some(object),
            Values::Range(..) | Values::Unknown(_) => None,
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
    rows: u64,
}

impl<'d> Table<'d> {
    /// The table that an object is; none if it is none.
    pub fn of(object: &Object<'d>) -> Option<Table<'d>> {
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
        Some(Table { object: object.clone(), columns, index: Values::of(&index), placement, rows })
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Number of columns; none of a single column.
    pub fn width(&self) -> Option<u64> {
        self.columns.as_ref().map(|_| self.placement.len() as u64)
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
