//! A reduction between its Python object and its record: what a reducer returned, bounded and without any object of the
//! program in it.

use ciborium::Value;
use heapsake_core::format::records::{REFERENCE_TAG, Reduction};
use heapsake_loader::Target;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyString, PyTuple};

use crate::attributes::Attributes;
use crate::dump::Dump;
use crate::view::{Content, Items, View};

/// The most bytes of one reduction, about as its record has them.
pub(crate) const LONGEST: usize = 1 << 20;
/// How deep a value may be.
const DEEPEST: usize = 64;
/// Characters of a summary, of a label, of a failure.
const LONGEST_LINE: usize = 500;

/// The record of what a reducer returned about an object, as `heapsake._registry.Reduction`.
///
/// # Errors
/// Why it cannot be kept, in words.
pub(crate) fn record(owner: &Py<Dump>, object: u32, given: &Bound<'_, PyAny>) -> Result<Reduction, String> {
    let mut taker = Taker { owner, left: LONGEST };
    let field = |name: &str| given.getattr(name).map_err(|problem| problem.to_string());
    let (callable, summary, state) = (field("callable")?, field("summary")?, field("state")?);
    let mut reduction = Reduction { object, ..Reduction::default() };
    if !callable.is_none() {
        reduction.callable = Some(taker.name(&callable, "callable")?);
    }
    if !summary.is_none() {
        reduction.summary = Some(cut(&taker.name(&summary, "summary")?));
    }
    if !state.is_none() {
        reduction.state = Some(taker.value(&state, "state", 0)?);
    }
    reduction.args = taker.items(&field("args")?, "args")?;
    reduction.list_items = taker.items(&field("list_items")?, "list_items")?;
    for pair in taker.each(&field("dict_items")?, "dict_items")? {
        let pair = pair?;
        let (key, value) = pair
            .extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()
            .map_err(|_| format!("an entry of dict_items is a {}, not a pair", type_name(&pair)))?;
        reduction.dict_items.push((taker.value(&key, "dict_items", 1)?, taker.value(&value, "dict_items", 1)?));
    }
    let edges = field("edges")?;
    let edges = edges.cast::<PyDict>().map_err(|_| format!("edges is a {}, not a dict of views", type_name(&edges)))?;
    for (label, target) in edges {
        let label = cut(&taker.name(&label, "a label of edges")?);
        let target = target.cast::<View>().map_err(|_| format!("edges[{label:?}] is a {}, not a view", type_name(&target)))?;
        reduction.edges.push((label.clone(), taker.view(target.get(), &format!("edges[{label:?}]"))?));
    }
    Ok(reduction)
}

/// A line, cut.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}

/// Takes values out of Python objects, as long as there is room.
struct Taker<'d> {
    owner: &'d Py<Dump>,
    left: usize,
}

impl Taker<'_> {
    fn spend(&mut self, bytes: usize) -> Result<(), String> {
        match self.left.checked_sub(bytes.max(1)) {
            Some(left) => self.left = left,
            None => return Err(format!("it has more than {LONGEST} bytes, the most that is kept of one object")),
        }
        Ok(())
    }

    fn name(&mut self, value: &Bound<'_, PyAny>, what: &str) -> Result<String, String> {
        match value.cast::<PyString>() {
            Ok(text) => self.text(text),
            Err(_) => Err(format!("{what} is a {}, not a str", type_name(value))),
        }
    }

    fn text(&mut self, text: &Bound<'_, PyString>) -> Result<String, String> {
        self.spend(text.len().unwrap_or(0) + 3)?;
        if let Ok(plain) = text.to_cow() {
            return Ok(plain.into_owned());
        }
        // Lone surrogates.
        let escaped = text.call_method1("encode", ("utf-8", "backslashreplace")).and_then(|bytes| bytes.extract::<Vec<u8>>());
        Ok(String::from_utf8_lossy(&escaped.map_err(|problem| problem.to_string())?).into_owned())
    }

    fn view(&mut self, view: &View, place: &str) -> Result<u32, String> {
        self.spend(8)?;
        match &view.content {
            Content::Object(id) if view.owner.as_ptr() == self.owner.as_ptr() => Ok(id.0),
            Content::Object(_) => Err(format!("{place} is a view of another dump")),
            _ => Err(format!("{place} is a view of no object of the dump")),
        }
    }

    fn each<'py>(
        &mut self,
        values: &Bound<'py, PyAny>,
        what: &str,
    ) -> Result<impl Iterator<Item = Result<Bound<'py, PyAny>, String>> + use<'py>, String> {
        let items = values.try_iter().map_err(|_| format!("{what} is a {}, not a sequence", type_name(values)))?;
        Ok(items.map(|item| item.map_err(|problem| problem.to_string())))
    }

    fn items(&mut self, values: &Bound<'_, PyAny>, what: &str) -> Result<Vec<Value>, String> {
        let mut taken = Vec::new();
        for item in self.each(values, what)? {
            taken.push(self.value(&item?, what, 1)?);
        }
        Ok(taken)
    }

    /// Recurses at most [`DEEPEST`] deep.
    fn value(&mut self, value: &Bound<'_, PyAny>, place: &str, depth: usize) -> Result<Value, String> {
        if depth > DEEPEST {
            return Err(format!("{place} is more than {DEEPEST} levels deep"));
        }
        self.spend(1)?;
        if value.is_none() {
            return Ok(Value::Null);
        }
        if let Ok(flag) = value.cast::<PyBool>() {
            return Ok(Value::Bool(flag.is_true()));
        }
        if value.is_instance_of::<PyInt>() {
            return self.integer(value);
        }
        if value.is_instance_of::<PyFloat>() {
            self.spend(8)?;
            return value.extract().map(Value::Float).map_err(|problem| problem.to_string());
        }
        if let Ok(text) = value.cast::<PyString>() {
            return Ok(Value::Text(self.text(text)?));
        }
        if let Ok(bytes) = value.cast::<PyBytes>() {
            self.spend(bytes.as_bytes().len())?;
            return Ok(Value::Bytes(bytes.as_bytes().to_vec()));
        }
        if let Ok(bytes) = value.cast::<PyByteArray>() {
            self.spend(bytes.len())?;
            return Ok(Value::Bytes(bytes.to_vec()));
        }
        if let Ok(view) = value.cast::<View>() {
            return self.of_view(view.get(), place);
        }
        if let Ok(entries) = value.cast::<PyDict>() {
            let mut taken = Vec::new();
            for (key, value) in entries {
                let name = key.cast::<PyString>().ok().and_then(|key| key.to_cow().ok().map(|key| format!("{place}[{key:?}]")));
                let key = self.value(&key, place, depth + 1)?;
                taken.push((key, self.value(&value, name.as_deref().unwrap_or(place), depth + 1)?));
            }
            return Ok(Value::Map(taken));
        }
        if value.is_instance_of::<Attributes>() {
            let pairs = value.call_method0("items").map_err(|problem| problem.to_string())?;
            let mut taken = Vec::new();
            for pair in self.each(&pairs, place)? {
                let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) =
                    pair?.extract().map_err(|problem: PyErr| problem.to_string())?;
                taken.push((self.value(&key, place, depth + 1)?, self.value(&value, place, depth + 1)?));
            }
            return Ok(Value::Map(taken));
        }
        let sequence = value.is_instance_of::<PyList>()
            || value.is_instance_of::<PyTuple>()
            || value.is_instance_of::<PySet>()
            || value.is_instance_of::<PyFrozenSet>()
            || value.is_instance_of::<Items>();
        if sequence {
            let mut taken = Vec::new();
            for item in self.each(value, place)? {
                taken.push(self.value(&item?, place, depth + 1)?);
            }
            return Ok(Value::Array(taken));
        }
        let name = type_name(value);
        Err(format!(
            "{place} is of type {name}, which a dump does not take; text, numbers, bytes, lists, dicts and views it does"
        ))
    }

    fn integer(&mut self, value: &Bound<'_, PyAny>) -> Result<Value, String> {
        if let Ok(number) = value.extract::<i64>() {
            self.spend(8)?;
            return Ok(Value::from(number));
        }
        let words = |problem: PyErr| problem.to_string();
        let bits: usize = value.call_method0("bit_length").and_then(|bits| bits.extract()).map_err(words)?;
        self.spend(bits / 8)?;
        let negative = value.lt(0).map_err(words)?;
        // CBOR's tag 3 stands for -1 - n.
        let magnitude = if negative { value.call_method0("__invert__").map_err(words)? } else { value.clone() };
        let bytes = magnitude.call_method1("to_bytes", (bits / 8 + 1, "big")).and_then(|bytes| bytes.extract::<Vec<u8>>());
        Ok(Value::Tag(if negative { 3 } else { 2 }, Box::new(Value::Bytes(bytes.map_err(words)?))))
    }

    fn of_view(&mut self, view: &View, place: &str) -> Result<Value, String> {
        match &view.content {
            Content::Object(_) => Ok(reference(self.view(view, place)?)),
            Content::Fact(value) => {
                let mut bytes = Vec::new();
                let _ = ciborium::into_writer(value, &mut bytes);
                self.spend(bytes.len())?;
                Ok(value.clone())
            }
            Content::Locals(_) => {
                let locals = view.locals().unwrap_or_default();
                self.spend(locals.iter().map(|(name, _)| name.len() + 8).sum())?;
                let entries = locals.into_iter().filter_map(|(name, target)| match target {
                    Target::Object(id) => Some((Value::Text(name), reference(id))),
                    Target::Nothing | Target::Stray(_) => None,
                });
                Ok(Value::Map(entries.collect()))
            }
            Content::Stray(address) => Ok(Value::Text(format!("<nothing readable at {address:#x}>"))),
        }
    }
}

fn reference(id: u32) -> Value {
    Value::Tag(REFERENCE_TAG, Box::new(Value::from(id)))
}

/// A record as `heapsake._registry.Reduction`, its references as views.
pub(crate) fn shown<'py>(py: Python<'py>, owner: &Py<Dump>, record: &Reduction) -> PyResult<Bound<'py, PyAny>> {
    let of = |value: &Value| View::shown(py, owner, value);
    let all = |values: &[Value]| values.iter().map(of).collect::<PyResult<Vec<_>>>();
    let fields = PyDict::new(py);
    fields.set_item("callable", &record.callable)?;
    fields.set_item("args", PyTuple::new(py, all(&record.args)?)?)?;
    fields.set_item("state", record.state.as_ref().map(of).transpose()?)?;
    fields.set_item("list_items", all(&record.list_items)?)?;
    let pairs = record.dict_items.iter().map(|(key, value)| Ok((of(key)?, of(value)?))).collect::<PyResult<Vec<_>>>()?;
    fields.set_item("dict_items", pairs)?;
    let edges = PyDict::new(py);
    for (label, id) in &record.edges {
        edges.set_item(label, View::of_target(py, owner, Target::Object(*id)))?;
    }
    fields.set_item("edges", edges)?;
    fields.set_item("summary", &record.summary)?;
    fields.set_item("origin", &record.origin)?;
    py.import("heapsake._registry")?.getattr("Reduction")?.call((), Some(&fields))
}
