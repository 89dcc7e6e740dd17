//! What a value is to an operation, wherever it comes from: an object of the dump is read when it is needed.

use std::sync::Arc;

use heapsake_core::heap::TypeKind;
use heapsake_loader::array::{Array, COMPLEX};
use heapsake_loader::table::Table;
use heapsake_loader::{AttributeValue, Object, ObjectId, PlainValue};
use num_bigint::{BigInt, Sign};

use super::cursor::{Cursor, Items, Store};
use super::error::{Evaluated, refused, type_error};
use super::evaluate::Evaluator;
use super::keys::Key;
use super::values::{Entries, Flow, Part, Span, Value, View, codes_of_wtf8};

/// A value as an operation takes it.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    None,
    Ellipsis,
    Bool(bool),
    Int(i64),
    Big(Arc<BigInt>),
    Float(f64),
    Complex(f64, f64),
    Text(Arc<[u32]>),
    Bytes(Arc<[u8]>),
    Bytearray(Arc<[u8]>),
    List(Items),
    Tuple(Items),
    /// Something else in order: a deque, an array of numbers.
    Sequence(Items),
    Set(Store),
    Frozenset(Store),
    Dict(Store),
    Range(Span),
    Slice(Arc<[Value; 3]>),
    View(View, Store),
    Iterator(Arc<Flow>),
    Class,
    /// An array of several elements.
    Array(Items),
    Table(ObjectId),
    Other,
}

/// The part of an array at some positions.
pub(crate) fn array_part<'d>(object: &Object<'d>, path: &[i64]) -> Option<Array<'d>> {
    path.iter().try_fold(Array::of(object)?, |array, at| array.part(*at))
}

/// A fact of a dump that is no object.
pub(crate) fn of_fact(fact: &ciborium::Value) -> Value {
    use ciborium::Value as Fact;
    if let Some(id) = heapsake_loader::referenced(fact) {
        return Value::Object(id);
    }
    match fact {
        Fact::Bool(flag) => Value::Bool(*flag),
        Fact::Integer(number) => Value::wide(i128::from(*number)),
        Fact::Float(number) => Value::Float(*number),
        Fact::Text(text) => Value::text(text),
        Fact::Bytes(bytes) => Value::bytes(bytes),
        Fact::Array(items) => Value::list(items.iter().map(of_fact).collect()),
        Fact::Map(pairs) => {
            let mut entries = Entries::default();
            for (key, value) in pairs {
                let key = of_fact(key);
                let found = match &key {
                    Value::Text(text) => Key::Text(text.clone()),
                    Value::Int(number) => Key::Int(*number),
                    _ => continue,
                };
                entries.insert(found, key, of_fact(value));
            }
            Value::Dict(Arc::new(entries))
        }
        Fact::Tag(COMPLEX, parts) => match parts.as_array().map(Vec::as_slice) {
            Some([Fact::Float(real), Fact::Float(imaginary)]) => Value::Complex(*real, *imaginary),
            _ => Value::None,
        },
        Fact::Tag(_, inner) => of_fact(inner),
        _ => Value::None,
    }
}

impl Evaluator<'_> {
    /// What a value is.
    pub(crate) fn form(&mut self, value: &Value) -> Evaluated<Form> {
        Ok(match value {
            Value::Object(id) => return self.form_of_object(*id),
            Value::Stray(0) => return Err(refused("there is nothing here: a null pointer, or a value that is lost")),
            Value::Stray(address) => {
                return Err(refused(format!("it leads to {address:#x}, where no object of the dump lies")));
            }
            Value::None => Form::None,
            Value::Ellipsis => Form::Ellipsis,
            Value::Bool(flag) => Form::Bool(*flag),
            Value::Int(number) => Form::Int(*number),
            Value::Big(number) => Form::Big(number.clone()),
            Value::Float(number) => Form::Float(*number),
            Value::Complex(real, imaginary) => Form::Complex(*real, *imaginary),
            Value::Text(text) => Form::Text(text.clone()),
            Value::Bytes(bytes) => Form::Bytes(bytes.clone()),
            Value::Bytearray(bytes) => Form::Bytearray(bytes.clone()),
            Value::List(items) => Form::List(Items::Made(items.clone())),
            Value::Tuple(items) => Form::Tuple(Items::Made(items.clone())),
            Value::Dict(entries) => Form::Dict(Store::Made(entries.clone())),
            Value::Set(entries) => Form::Set(Store::Made(entries.clone())),
            Value::Frozenset(entries) => Form::Frozenset(Store::Made(entries.clone())),
            Value::Range(span) => Form::Range(**span),
            Value::Slice(bounds) => Form::Slice(bounds.clone()),
            Value::Type(_) | Value::Class(_) => Form::Class,
            Value::Iterator(flow) => Form::Iterator(flow.clone()),
            Value::View(view, of) => match self.form(of)? {
                Form::Dict(store) => Form::View(*view, store),
                _ => Form::Other,
            },
            Value::Part(part) => self.form_of_part(part),
            Value::Function(_) | Value::Method(_) | Value::Bound(_) => Form::Other,
        })
    }

    /// Why an object's value is not there.
    pub(crate) fn whole(&self, object: &Object<'_>) -> Evaluated<()> {
        match object.surrogate() {
            None => Ok(()),
            Some((reason, detail)) => {
                let about = if detail.is_empty() { String::new() } else { format!(", {}", harmless(&detail)) };
                let what = match object.type_name() {
                    "" => "an object".to_owned(),
                    name => format!("the {}", harmless(name)),
                };
                Err(refused(format!("the dump does not have the value of {what} #{}: {reason}{about}", object.id().0)))
            }
        }
    }

    fn form_of_object(&mut self, id: ObjectId) -> Evaluated<Form> {
        let object = self.dump.object(id);
        let kind = object.kind();
        if matches!(kind, TypeKind::Object | TypeKind::Sequence | TypeKind::Mapping) {
            return self.form_of_other(&object);
        }
        if matches!(kind, TypeKind::Type) {
            return Ok(Form::Class);
        }
        let has_value = matches!(
            kind,
            TypeKind::None
                | TypeKind::Bool
                | TypeKind::Int
                | TypeKind::Float
                | TypeKind::Complex
                | TypeKind::Str
                | TypeKind::Bytes
                | TypeKind::Bytearray
                | TypeKind::List
                | TypeKind::Tuple
                | TypeKind::Set
                | TypeKind::Frozenset
                | TypeKind::Dict
        );
        if !has_value {
            return Ok(Form::Other);
        }
        self.whole(&object)?;
        let lost = || refused(format!("the dump does not have the value of the {} #{}", harmless(object.type_name()), id.0));
        if let Some(length) = object.value_length() {
            self.taken(length)?;
        }
        Ok(match kind {
            TypeKind::None => Form::None,
            TypeKind::List => Form::List(Items::Held(id, object.len())),
            TypeKind::Tuple => Form::Tuple(Items::Held(id, object.len())),
            TypeKind::Set => Form::Set(Store::Held(id, object.len())),
            TypeKind::Frozenset => Form::Frozenset(Store::Held(id, object.len())),
            TypeKind::Dict => Form::Dict(Store::Held(id, object.len())),
            TypeKind::Str => Form::Text(object.with_text(codes_of_wtf8).ok_or_else(lost)?.into()),
            _ => match (kind, object.value()) {
                (TypeKind::Bool, PlainValue::Int(number)) => Form::Bool(number != 0),
                (TypeKind::Int, PlainValue::Int(number)) => Form::Int(number),
                (TypeKind::Int, PlainValue::BigInt { negative, magnitude }) => {
                    self.taken(magnitude.len() as u64)?;
                    let sign = if negative { Sign::Minus } else { Sign::Plus };
                    Form::Big(Arc::new(BigInt::from_bytes_le(sign, &magnitude)))
                }
                (TypeKind::Float, PlainValue::Float(number)) => Form::Float(number),
                (TypeKind::Complex, PlainValue::Complex(real, imaginary)) => Form::Complex(real, imaginary),
                (TypeKind::Bytes, PlainValue::Bytes(bytes)) => Form::Bytes(bytes.into()),
                (TypeKind::Bytearray, PlainValue::Bytes(bytes)) => Form::Bytearray(bytes.into()),
                _ => return Err(lost()),
            },
        })
    }

    /// Of a kind that does not say what it is: by its name and its facts.
    fn form_of_other(&mut self, object: &Object<'_>) -> Evaluated<Form> {
        let id = object.id();
        let name = object.type_name();
        match name {
            "ellipsis" => return Ok(Form::Ellipsis),
            "range" | "slice" => {
                let mut bounds = [Value::None, Value::None, Value::None];
                for (bound, name) in bounds.iter_mut().zip(["start", "stop", "step"]) {
                    *bound = match object.attribute(name) {
                        Some(AttributeValue::Plain(fact)) => of_fact(&fact),
                        Some(AttributeValue::Target(target)) => super::cursor::of_target(target),
                        _ => Value::None,
                    };
                }
                if name == "slice" {
                    return Ok(Form::Slice(Arc::new(bounds)));
                }
                let mut numbers = [0i128, 0, 1];
                for (number, bound) in numbers.iter_mut().zip(&bounds) {
                    match self.form(bound)? {
                        Form::None => {}
                        _ => *number = self.wide_index(bound)?,
                    }
                }
                return Ok(Form::Range(Span { start: numbers[0], stop: numbers[1], step: 1 }.of_step(numbers[2])));
            }
            "mappingproxy" => {
                if object.is_empty()
                    && let Some(inner) = object.attribute_object("mapping")
                {
                    return self.deeper(|evaluator| evaluator.form(&Value::Object(inner.id())));
                }
                self.whole(object)?;
                return Ok(Form::Dict(Store::Held(id, object.len())));
            }
            "collections.deque" => {
                self.whole(object)?;
                return Ok(Form::Sequence(Items::Held(id, object.len())));
            }
            "array.array" => {
                self.whole(object)?;
                if let Some(AttributeValue::Plain(ciborium::Value::Array(items))) = object.attribute("items") {
                    return Ok(Form::Sequence(Items::made(items.iter().map(of_fact).collect())));
                }
                return Err(refused("of an array as long as this one the dump has only bytes: array.bytes"));
            }
            "dict_keys" | "dict_values" | "dict_items" => {
                let view = match name {
                    "dict_keys" => View::Keys,
                    "dict_values" => View::Values,
                    _ => View::Items,
                };
                let inner = object.edges().into_iter().find_map(|edge| object.follow(edge.target));
                if let Some(inner) = inner
                    && let Form::Dict(store) = self.deeper(|evaluator| evaluator.form(&Value::Object(inner.id())))?
                {
                    return Ok(Form::View(view, store));
                }
            }
            _ => {}
        }
        if let Some(array) = Array::of(object) {
            if array.is_scalar() {
                return match array.cell(&[]) {
                    Some(cell) => {
                        let value = super::cursor::of_cell(cell);
                        self.deeper(|evaluator| evaluator.form(&value))
                    }
                    None => Ok(Form::Other),
                };
            }
            return Ok(self.form_of_part(&Arc::new(Part::Array(id, Vec::new()))));
        }
        if let Some(table) = Table::of(object) {
            if table.columns().is_none() {
                return Ok(self.form_of_part(&Arc::new(Part::Column(id, 0))));
            }
            return Ok(Form::Table(id));
        }
        if object.kind() == TypeKind::Mapping && !object.is_empty() {
            self.whole(object)?;
            return Ok(Form::Dict(Store::Held(id, object.len())));
        }
        Ok(Form::Other)
    }

    fn form_of_part(&mut self, part: &Arc<Part>) -> Form {
        match &**part {
            Part::Array(id, path) => {
                let object = self.dump.object(*id);
                match array_part(&object, path).and_then(|array| array.shape().first().copied()) {
                    Some(length) => Form::Array(Items::Part(part.clone(), length)),
                    None => Form::Other,
                }
            }
            Part::Column(id, position) => {
                let object = self.dump.object(*id);
                let length = Table::of(&object).map_or(0, |table| table.column(*position).len());
                Form::Array(Items::Part(part.clone(), length))
            }
        }
    }

    /// Something that goes through a value.
    pub(crate) fn cursor(&mut self, value: &Value) -> Evaluated<Cursor> {
        if let Some(class) = self.overrides(value, "__iter__") {
            return Err(self.not_run(value, &class, "__iter__"));
        }
        Ok(match self.form(value)? {
            Form::Text(codes) => Cursor::new(Items::Text(codes)),
            Form::Bytes(bytes) | Form::Bytearray(bytes) => Cursor::new(Items::Bytes(bytes)),
            Form::List(items) | Form::Tuple(items) | Form::Sequence(items) | Form::Array(items) => Cursor::new(items),
            Form::Set(store) | Form::Frozenset(store) | Form::Dict(store) => Cursor::new(Items::Mapping(store, View::Keys)),
            Form::Range(span) => Cursor::new(Items::Range(span)),
            Form::View(view, store) => Cursor::new(Items::Mapping(store, view)),
            Form::Iterator(flow) => Cursor::Shared(flow),
            Form::Table(id) => {
                let object = self.dump.object(id);
                if super::items::is_of_polars(&object) {
                    let width = Table::of(&object).and_then(|table| table.width()).unwrap_or(0).min(1 << 16);
                    let columns = (0..width).map(|at| Value::Part(Arc::new(Part::Column(id, at))));
                    return Ok(Cursor::new(Items::made(columns.collect())));
                }
                let labels = Table::of(&object).and_then(|table| table.columns().cloned());
                let labels = labels.map_or_else(Vec::new, |labels| labels.some(0, 1 << 16));
                Cursor::new(Items::made(labels.into_iter().map(super::cursor::of_cell).collect()))
            }
            _ => {
                if let Value::Object(id) = value {
                    let object = self.dump.object(*id);
                    self.whole(&object)?;
                    if object.type_name().ends_with("iterator") || object.kind() == heapsake_core::heap::TypeKind::Generator {
                        return Err(refused(format!(
                            "going on with a {} is not possible: no code of the dump runs",
                            object.type_name()
                        )));
                    }
                    if self.class_attribute(value, "__iter__").is_some() || self.class_attribute(value, "__getitem__").is_some() {
                        return Err(refused(format!(
                            "how one goes through a {} is code that is not run; its attributes are there",
                            self.type_name(value)
                        )));
                    }
                }
                return type_error(format!("'{}' object is not iterable", self.type_name(value)));
            }
        })
    }
}

impl Span {
    /// The same with a step, which is never zero.
    fn of_step(self, step: i128) -> Span {
        Span { step: if step == 0 { 1 } else { step }, ..self }
    }
}

/// Text of a dump in a message: on one line, without what a terminal obeys.
pub(crate) fn harmless(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars().take(300) {
        let code = u32::from(letter);
        let acts = matches!(code, 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfeff);
        if letter.is_control() || acts {
            out.push_str(&format!("\\u{code:04x}"));
        } else {
            out.push(letter);
        }
    }
    out
}
