//! `value[item]`: positions, slices, keys, cells of arrays and tables.

use std::sync::Arc;

use heapsake_loader::array::Array;
use heapsake_loader::table::{Label, Table};
use heapsake_loader::{AttributeValue, Object, ObjectId};
use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::cursor::{Items, of_cell};
use super::error::{Evaluated, raised, refused, type_error};
use super::evaluate::Evaluator;
use super::forms::{Form, array_part, of_fact};
use super::values::{Part, Span, Value, string_of};

/// The largest number of a range: that of two of them is still within 128 bits.
const WIDEST_RANGE: u128 = 1 << 120;

impl Evaluator<'_> {
    /// An integer, by `__index__` of built-in types.
    pub(crate) fn index(&mut self, value: &Value) -> Evaluated<BigInt> {
        match self.form(value)? {
            Form::Bool(flag) => Ok(BigInt::from(i64::from(flag))),
            Form::Int(number) => Ok(BigInt::from(number)),
            Form::Big(number) => Ok((*number).clone()),
            _ => {
                self.not_of_c(value, &["__index__"])?;
                type_error(format!("'{}' object cannot be interpreted as an integer", self.type_name(value)))
            }
        }
    }

    /// An integer that is cut to 127 bits: beyond every length.
    pub(crate) fn wide_index(&mut self, value: &Value) -> Evaluated<i128> {
        if let Value::Int(number) = value {
            return Ok(i128::from(*number));
        }
        let number = self.index(value)?;
        let most = 1i128 << 100;
        Ok(number.to_i128().unwrap_or(if number.sign() == num_bigint::Sign::Minus { -most } else { most }).clamp(-most, most))
    }

    /// The text of a value that is one.
    pub(crate) fn text_of(&mut self, value: &Value) -> Option<String> {
        match self.form(value) {
            Ok(Form::Text(codes)) => Some(string_of(&codes)),
            _ => None,
        }
    }

    /// Number of elements.
    pub(crate) fn length_of(&mut self, form: &Form) -> Option<u64> {
        Some(match form {
            Form::Text(codes) => codes.len() as u64,
            Form::Bytes(bytes) | Form::Bytearray(bytes) => bytes.len() as u64,
            Form::List(items) | Form::Tuple(items) | Form::Sequence(items) | Form::Array(items) => items.len(),
            Form::Set(store) | Form::Frozenset(store) | Form::Dict(store) | Form::View(_, store) => store.len(),
            Form::Range(span) => span.len().min(u64::MAX.into()) as u64,
            Form::Table(id) => Table::of(&self.dump.object(*id)).map_or(0, |table| table.rows()),
            _ => return None,
        })
    }

    /// The positions that a slice of so many elements has.
    pub(crate) fn positions(&mut self, bounds: &[Value; 3], length: i128) -> Evaluated<Span> {
        let step = match self.form(&bounds[2])? {
            Form::None => 1,
            _ => self.slice_bound(&bounds[2])?,
        };
        if step == 0 {
            return Err(raised("ValueError", "slice step cannot be zero"));
        }
        let (least, most) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let mut bound = |value: &Value, default: i128| -> Evaluated<i128> {
            Ok(match self.form(value)? {
                Form::None => default,
                _ => {
                    let at = self.slice_bound(value)?;
                    (if at < 0 { at + length } else { at }).clamp(least, most)
                }
            })
        };
        let start = bound(&bounds[0], if step > 0 { least } else { most })?;
        let stop = bound(&bounds[1], if step > 0 { most } else { least })?;
        Ok(Span { start, stop, step })
    }

    fn slice_bound(&mut self, value: &Value) -> Evaluated<i128> {
        match self.form(value)? {
            Form::Bool(_) | Form::Int(_) | Form::Big(_) => self.wide_index(value),
            _ => type_error("slice indices must be integers or None or have an __index__ method"),
        }
    }

    /// `value[item]`.
    pub(crate) fn item(&mut self, value: &Value, item: &Value) -> Evaluated<Value> {
        if let Some(class) = self.overrides(value, "__getitem__") {
            return Err(self.not_run(value, &class, "__getitem__"));
        }
        let form = self.form(value)?;
        match &form {
            Form::Dict(store) => {
                if let Some(found) = self.found_in(store, item)? {
                    return Ok(found);
                }
                if let Some(class) = self.overrides(value, "__missing__") {
                    return Err(self.not_run(value, &class, "__missing__"));
                }
                if self.type_name(value) == "defaultdict" {
                    let shown = self.repr(item)?;
                    return Err(refused(format!("{} is not in the dict, and its default_factory is not run", string_of(&shown))));
                }
                let shown = self.repr(item)?;
                Err(raised("KeyError", super::forms::harmless(&string_of(&shown))))
            }
            Form::Text(_)
            | Form::Bytes(_)
            | Form::Bytearray(_)
            | Form::List(_)
            | Form::Tuple(_)
            | Form::Sequence(_)
            | Form::Range(_) => self.item_of_sequence(&form, value, item),
            Form::Array(_) => self.item_of_array(value, item),
            Form::Table(id) => self.item_of_table(*id, item),
            Form::Set(_) | Form::Frozenset(_) => type_error(format!("'{}' object is not subscriptable", self.type_name(value))),
            _ => {
                if let Value::Object(id) = value {
                    let object = self.dump.object(*id);
                    self.whole(&object)?;
                    // What a reducer told of it as a list.
                    if let Some(AttributeValue::Plain(fact @ ciborium::Value::Array(_))) = object.attribute("items") {
                        return self.item(&of_fact(&fact), item);
                    }
                    if self.class_attribute(value, "__getitem__").is_some() {
                        return Err(refused(format!("items of a {} are got by code that is not run", self.type_name(value))));
                    }
                }
                if self.is_class(value) {
                    self.not_an_alias(value)?;
                    return type_error(format!("type '{}' is not subscriptable", {
                        let name = self.class_name(value);
                        super::forms::harmless(super::attributes::short(&name))
                    }));
                }
                type_error(format!("'{}' object is not subscriptable", self.type_name(value)))
            }
        }
    }

    fn item_of_sequence(&mut self, form: &Form, value: &Value, item: &Value) -> Evaluated<Value> {
        let length = match form {
            Form::Range(span) => span.len() as i128,
            _ => i128::from(self.length_of(form).unwrap_or(0)),
        };
        match self.form(item)? {
            Form::Slice(_) if self.type_name(value) == "deque" => type_error("sequence index must be integer, not 'slice'"),
            Form::Slice(bounds) => {
                let span = self.positions(&bounds, length)?;
                self.slice(form, span)
            }
            Form::Bool(_) | Form::Int(_) | Form::Big(_) => {
                let position = self.wide_index(item)?;
                let at = if position < 0 { position + length } else { position };
                let name = match form {
                    Form::Text(_) => "string",
                    Form::Range(_) => "range object",
                    Form::Bytes(_) => "index",
                    _ => &self.type_name(value),
                };
                if at < 0 || at >= length {
                    let message =
                        if name == "index" { "index out of range".to_owned() } else { format!("{name} index out of range") };
                    return Err(raised("IndexError", message));
                }
                if let Form::Range(span) = form {
                    return Ok(Value::wide(span.at(at as u128)));
                }
                let at = at as u64;
                let found = match form {
                    Form::Text(codes) => Some(Value::codes(&[codes[at as usize]])),
                    Form::Bytes(bytes) | Form::Bytearray(bytes) => Some(Value::Int(i64::from(bytes[at as usize]))),
                    Form::List(items) | Form::Tuple(items) | Form::Sequence(items) => items.at(self.dump, at),
                    _ => None,
                };
                Ok(found.unwrap_or(Value::Stray(0)))
            }
            _ => {
                let name = match form {
                    Form::Text(_) => "string".to_owned(),
                    Form::Bytes(_) => "byte".to_owned(),
                    _ => self.type_name(value),
                };
                let given = self.type_name(item);
                let message = match form {
                    Form::Text(_) => format!("string indices must be integers, not '{given}'"),
                    _ => format!("{name} indices must be integers or slices, not {given}"),
                };
                type_error(message)
            }
        }
    }

    /// The elements at some positions.
    fn slice(&mut self, form: &Form, span: Span) -> Evaluated<Value> {
        if let Form::Range(of) = form {
            let within = |number: &i128| number.unsigned_abs() <= WIDEST_RANGE;
            let at = |position: i128| of.step.checked_mul(position)?.checked_add(of.start).filter(within);
            let step = of.step.checked_mul(span.step).filter(within);
            let (Some(start), Some(stop), Some(step)) = (at(span.start), at(span.stop), step) else {
                return Err(refused("the numbers of this range are too large"));
            };
            return Ok(Value::Range(Arc::new(Span { start, stop, step })));
        }
        let count = self.countable(span.len().min(u128::from(u64::MAX)) as u64, "elements")?;
        let positions = (0..count as u128).map(|at| span.at(at) as usize);
        Ok(match form {
            Form::Text(codes) => {
                self.taken(count as u64 * 4)?;
                Value::codes(&positions.map(|at| codes[at]).collect::<Vec<u32>>())
            }
            Form::Bytes(bytes) | Form::Bytearray(bytes) => {
                self.taken(count as u64)?;
                let cut: Arc<[u8]> = positions.map(|at| bytes[at]).collect();
                if matches!(form, Form::Bytes(_)) { Value::Bytes(cut) } else { Value::Bytearray(cut) }
            }
            Form::List(items) | Form::Tuple(items) | Form::Sequence(items) | Form::Array(items) => {
                self.made(count as u64)?;
                let values = self.at_positions(items, span, count)?;
                if matches!(form, Form::Tuple(_)) { Value::tuple(values) } else { Value::list(values) }
            }
            _ => Value::None,
        })
    }

    fn at_positions(&mut self, items: &Items, span: Span, count: usize) -> Evaluated<Vec<Value>> {
        if let Items::Made(made) = items {
            return Ok((0..count as u128).map(|at| made[span.at(at) as usize].clone()).collect());
        }
        let mut values = Vec::with_capacity(count);
        if span.step.unsigned_abs() > 64 {
            for at in 0..count as u128 {
                self.step()?;
                values.push(items.at(self.dump, span.at(at) as u64).unwrap_or(Value::Stray(0)));
            }
            return Ok(values);
        }
        // Near each other: read together, then picked.
        let (first, last) = (span.start, if count == 0 { span.start } else { span.at(count as u128 - 1) });
        let (low, high) = (first.min(last), first.max(last));
        if count > 0 {
            let window = self.countable((high - low + 1) as u64, "elements")?;
            let read = items.some(self.dump, low as u64, window as u64);
            for at in 0..count as u128 {
                self.step()?;
                values.push(read.get((span.at(at) - low) as usize).cloned().unwrap_or(Value::Stray(0)));
            }
        }
        Ok(values)
    }

    fn item_of_array(&mut self, value: &Value, item: &Value) -> Evaluated<Value> {
        let part = match value {
            Value::Part(part) => (**part).clone(),
            Value::Object(id) if Table::of(&self.dump.object(*id)).is_some_and(|table| table.columns().is_none()) => {
                Part::Column(*id, 0)
            }
            Value::Object(id) => Part::Array(*id, Vec::new()),
            _ => return type_error("an array belongs before the brackets"),
        };
        let indexes = match self.form(item)? {
            Form::Tuple(items) => self.all(&items)?,
            _ => vec![item.clone()],
        };
        match part {
            Part::Array(id, mut path) => {
                for (position, index) in indexes.iter().enumerate() {
                    let form = self.form(&Value::Part(Arc::new(Part::Array(id, path.clone()))))?;
                    let Form::Array(items) = &form else { return Err(raised("IndexError", "too many indices for array")) };
                    if let Form::Slice(bounds) = self.form(index)? {
                        let span = self.positions(&bounds, items.len().into())?;
                        let parts = self.slice(&form, span)?;
                        let rest = &indexes[position + 1..];
                        let Value::List(parts) = &parts else { return Ok(parts) };
                        if rest.is_empty() {
                            return Ok(Value::List(parts.clone()));
                        }
                        let rest = Value::tuple(rest.to_vec());
                        let mut found = Vec::new();
                        for part in parts.iter() {
                            found.push(self.item_of_array(part, &rest)?);
                        }
                        return Ok(Value::list(found));
                    }
                    if let Form::Text(name) = self.form(index)? {
                        return Err(refused(format!(
                            "an array has no key {:?}: element first, then the field",
                            string_of(&name)
                        )));
                    }
                    let length = items.len();
                    let wanted = self.wide_index(index)?;
                    let at = if wanted < 0 { wanted + i128::from(length) } else { wanted };
                    if at < 0 || at >= i128::from(length) {
                        let message = format!("index {wanted} is out of bounds for axis {position} with size {length}");
                        return Err(raised("IndexError", message));
                    }
                    path.push(at as i64);
                }
                let object = self.dump.object(id);
                Ok(match array_part(&object, &path).and_then(|array| array.cell(&[])) {
                    Some(cell) => self.present(of_cell(cell))?,
                    None => Value::Part(Arc::new(Part::Array(id, path))),
                })
            }
            Part::Column(id, position) => {
                let object = self.dump.object(id);
                let Some(table) = Table::of(&object) else { return type_error("a table that contradicts itself") };
                let values = table.column(position);
                let labels = table.index().clone();
                let at = match self.form(item)? {
                    Form::Slice(bounds) => {
                        let span = self.positions(&bounds, values.len().into())?;
                        let items = Items::Part(Arc::new(Part::Column(id, position)), values.len());
                        return self.slice(&Form::Array(items), span);
                    }
                    Form::Text(codes) => labels.position(&Label::Text(string_of(&codes))),
                    Form::Int(number) if labels.has_numbers() && !is_of_polars(&object) => {
                        labels.position(&Label::Number(number))
                    }
                    Form::Int(number) => {
                        let at = if number < 0 { number.checked_add_unsigned(values.len()) } else { Some(number) };
                        at.and_then(|at| u64::try_from(at).ok()).filter(|at| *at < values.len())
                    }
                    _ => None,
                };
                match at {
                    Some(at) => self.present(of_cell(values.get(at))),
                    None if is_of_polars(&object) => Err(raised("IndexError", "no row has this number")),
                    None => {
                        let shown = self.repr(item)?;
                        Err(raised("KeyError", string_of(&shown)))
                    }
                }
            }
        }
    }

    /// A cell that is in the dump.
    fn present(&mut self, value: Value) -> Evaluated<Value> {
        match value {
            Value::Stray(0) => Err(refused("it is not in the dump: of a large array the first elements alone are")),
            value => Ok(value),
        }
    }

    fn item_of_table(&mut self, id: ObjectId, item: &Value) -> Evaluated<Value> {
        let object = self.dump.object(id);
        let Some(table) = Table::of(&object) else { return type_error("a table that contradicts itself") };
        let Some(columns) = table.columns() else { return Err(refused("a table without columns")) };
        let position = match self.form(item)? {
            Form::Text(codes) => columns.position(&Label::Text(string_of(&codes))),
            Form::Int(_) if is_of_polars(&object) => {
                return Err(refused("rows of a table of polars are not told: [row, column], or a column first"));
            }
            Form::Int(number) => columns.position(&Label::Number(number)),
            Form::Tuple(items) => {
                // Row and column by position, as the paths of `heapsake inspect` have them.
                let pair = self.all(&items)?;
                let [row, column] = &pair[..] else { return type_error("a table has two dimensions: row and column") };
                let column = self.wide_index(column)?;
                let width = i128::from(table.width().unwrap_or(0));
                let column = if column < 0 { column + width } else { column };
                let row = self.wide_index(row)?;
                let rows = i128::from(table.rows());
                let row = if row < 0 { row + rows } else { row };
                if column < 0 || column >= width || row < 0 || row >= rows {
                    return Err(raised("IndexError", format!("row {row} of {rows}, column {column} of {width}")));
                }
                return self.present(of_cell(table.column(column as u64).get(row as u64)));
            }
            Form::Slice(_) => return Err(refused("rows of a table are not cut: [row, column], or a column first")),
            _ => None,
        };
        match position {
            Some(position) => Ok(Value::Part(Arc::new(Part::Column(id, position)))),
            None => {
                let shown = self.repr(item)?;
                Err(raised("KeyError", string_of(&shown)))
            }
        }
    }

    /// A column by its name, as pandas has them as attributes.
    pub(crate) fn column_attribute(&mut self, value: &Value, name: &str) -> Evaluated<Option<Value>> {
        let Value::Object(id) = value else { return Ok(None) };
        let object = self.dump.object(*id);
        let Some(table) = Table::of(&object) else { return Ok(None) };
        let position = table.columns().and_then(|columns| columns.position(&Label::Text(name.to_owned())));
        Ok(position.map(|position| Value::Part(Arc::new(Part::Column(*id, position)))))
    }

    /// `shape`, `ndim` and `size` of an array or a table.
    pub(crate) fn dimensions(&mut self, id: ObjectId, name: &str) -> Option<Value> {
        let object = self.dump.object(id);
        if Array::of(&object).is_some_and(|array| !array.is_scalar()) {
            return self.attribute_of_part(&Part::Array(id, Vec::new()), name);
        }
        let table = Table::of(&object)?;
        let shape: Vec<u64> = [Some(table.rows()), table.width()].into_iter().flatten().collect();
        Some(match name {
            "ndim" => Value::Int(shape.len() as i64),
            "size" => Value::wide(shape.iter().map(|length| i128::from(*length)).product()),
            _ => Value::tuple(shape.into_iter().map(|length| Value::wide(i128::from(length))).collect()),
        })
    }

    /// `shape` and `dtype` of a part of an array.
    pub(crate) fn attribute_of_part(&mut self, part: &Part, name: &str) -> Option<Value> {
        let Part::Array(id, path) = part else { return None };
        let object = self.dump.object(*id);
        let array = array_part(&object, path)?;
        match name {
            "shape" => Some(Value::tuple(array.shape().iter().map(|length| Value::wide(i128::from(*length))).collect())),
            "dtype" => Some(Value::text(array.dtype())),
            "size" => Some(Value::wide(i128::from(array.len()))),
            "ndim" => Some(Value::Int(array.shape().len() as i64)),
            _ => None,
        }
    }
}

/// Whether a table is one of polars, which has no labels of rows.
pub(crate) fn is_of_polars(object: &Object<'_>) -> bool {
    object.type_name().starts_with("polars.")
}
