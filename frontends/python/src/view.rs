//! Views: one object of a dump, its attributes, its elements. Everything is looked up when it is asked for.

use ciborium::Value;
use heapsake_core::heap::TypeKind;
use heapsake_loader::array::{Array, Cell};
use heapsake_loader::table::Table;
use heapsake_loader::{AttributeValue, LabelName, Object, ObjectId, PlainValue, TailKind, Target, referenced};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyIndexError, PyKeyError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PySlice, PyString};

use crate::attributes::Attributes;
use crate::cells::{Cells, some_of};
use crate::dump::Dump;
use crate::holders::{self, Holders};
use crate::{plain, reduction};

/// Elements that `edges` lists of one container.
const MOST_EDGES: u64 = 100_000;
/// Elements that an iteration fetches at once.
const BATCH: u64 = 1024;

/// What a view shows.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// An object of the dump.
    Object(ObjectId),
    /// A fact that is no object.
    Fact(Value),
    /// The variables of a frame.
    Locals(ObjectId),
    /// An address that has no object.
    Stray(u64),
}

/// One object of a dump; equal to every other view of the same object.
#[pyclass(frozen, module = "heapsake._heapsake")]
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) owner: Py<Dump>,
    pub(crate) content: Content,
}

impl View {
    pub(crate) fn object_of(py: Python<'_>, owner: &Py<Dump>, id: ObjectId) -> View {
        View { owner: owner.clone_ref(py), content: Content::Object(id) }
    }

    pub(crate) fn of_target(py: Python<'_>, owner: &Py<Dump>, target: Target) -> View {
        let content = match target {
            Target::Nothing => Content::Fact(Value::Null),
            Target::Object(id) => Content::Object(ObjectId(id)),
            Target::Stray(address) => Content::Stray(address.0),
        };
        View { owner: owner.clone_ref(py), content }
    }

    pub(crate) fn of_attribute(py: Python<'_>, owner: &Py<Dump>, value: AttributeValue) -> View {
        match value {
            AttributeValue::Target(target) => View::of_target(py, owner, target),
            AttributeValue::Plain(value) => View::of_fact(py, owner, &value),
            AttributeValue::Locals(id) => View { owner: owner.clone_ref(py), content: Content::Locals(id) },
        }
    }

    /// A fact, or the object that it refers to.
    pub(crate) fn of_fact(py: Python<'_>, owner: &Py<Dump>, value: &Value) -> View {
        let content = match referenced(value) {
            Some(id) => Content::Object(id),
            None => Content::Fact(value.clone()),
        };
        View { owner: owner.clone_ref(py), content }
    }

    /// A fact as a Python object, its references as views.
    pub(crate) fn shown<'py>(py: Python<'py>, owner: &Py<Dump>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
        plain::with_references(py, value, &|id| View::object_of(py, owner, id).into_bound_py_any(py))
    }

    pub(crate) fn object(&self) -> Option<Object<'_>> {
        match self.content {
            Content::Object(id) => Some(self.owner.get().inner.object(id)),
            _ => None,
        }
    }

    fn of_cell(&self, py: Python<'_>, cell: Cell) -> View {
        match cell {
            Cell::Target(target) => View::of_target(py, &self.owner, target),
            Cell::Plain(value) => View { owner: self.owner.clone_ref(py), content: Content::Fact(value) },
            Cell::Missing => View { owner: self.owner.clone_ref(py), content: Content::Stray(0) },
        }
    }

    pub(crate) fn locals(&self) -> Option<Vec<(String, Target)>> {
        match self.content {
            Content::Locals(id) => Some(self.owner.get().inner.object(id).bound_locals()),
            _ => None,
        }
    }

    fn length(&self) -> u64 {
        match &self.content {
            Content::Object(_) => {
                let Some(object) = self.object() else { return 0 };
                match object.tail_kind() {
                    TailKind::Nothing => match plain_items(&object) {
                        Some(items) => items.len() as u64,
                        None => Cells::of(&object).map_or(0, |cells| cells.len()),
                    },
                    _ => object.len(),
                }
            }
            Content::Fact(Value::Array(items)) => items.len() as u64,
            Content::Fact(Value::Map(entries)) => entries.len() as u64,
            Content::Locals(_) => self.locals().map_or(0, |locals| locals.len() as u64),
            Content::Fact(_) | Content::Stray(_) => 0,
        }
    }

    /// Elements from `from` on: views, or pairs of views.
    fn batch<'py>(&self, py: Python<'py>, from: u64, count: u64) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let view = |view: View| view.into_bound_py_any(py);
        let fact = |value: &Value| View::of_fact(py, &self.owner, value);
        let pair = |key: View, value: View| (key, value).into_bound_py_any(py);
        let range = |length: usize| (from as usize).min(length)..(from.saturating_add(count) as usize).min(length);
        match &self.content {
            Content::Object(_) => {
                let Some(object) = self.object() else { return Ok(Vec::new()) };
                match object.tail_kind() {
                    TailKind::Elements => {
                        let targets = object.elements(from, count);
                        targets.into_iter().map(|target| view(View::of_target(py, &self.owner, target))).collect()
                    }
                    TailKind::Entries => {
                        let of = |target| View::of_target(py, &self.owner, target);
                        object.entries(from, count).into_iter().map(|(key, value)| pair(of(key), of(value))).collect()
                    }
                    TailKind::Nothing if object.attribute("items").is_none() => {
                        let cells = Cells::of(&object).map_or_else(Vec::new, |cells| cells.get(from, count));
                        cells.into_iter().map(|cell| view(self.of_cell(py, cell))).collect()
                    }
                    TailKind::Nothing => {
                        let items = plain_items(&object).unwrap_or_default();
                        items[range(items.len())].iter().map(|item| view(fact(item))).collect()
                    }
                }
            }
            Content::Fact(Value::Array(items)) => items[range(items.len())].iter().map(|item| view(fact(item))).collect(),
            Content::Fact(Value::Map(entries)) => {
                entries[range(entries.len())].iter().map(|(key, value)| pair(fact(key), fact(value))).collect()
            }
            Content::Locals(_) => {
                let locals = self.locals().unwrap_or_default();
                let range = range(locals.len());
                let pairs = locals[range]
                    .iter()
                    .map(|(name, target)| pair(fact(&Value::Text(name.clone())), View::of_target(py, &self.owner, *target)));
                pairs.collect()
            }
            Content::Fact(_) | Content::Stray(_) => Ok(Vec::new()),
        }
    }
}

/// The `items` of a reducer's facts: elements that are no objects, such as those of an array.
fn plain_items(object: &Object<'_>) -> Option<Vec<Value>> {
    let (_, items) = object.state().into_iter().find(|(name, _)| name == "items")?;
    items.into_array().ok()
}

#[pymethods]
impl View {
    /// The dump.
    #[getter]
    fn dump(&self, py: Python<'_>) -> Py<Dump> {
        self.owner.clone_ref(py)
    }

    /// Number of the object; −1 for what is no object.
    #[getter]
    fn id(&self) -> i64 {
        match self.content {
            Content::Object(id) => i64::from(id.0),
            _ => -1,
        }
    }

    /// Address in the dead process; 0 for what is no object.
    #[getter]
    fn address(&self) -> u64 {
        match &self.content {
            Content::Object(_) => self.object().map_or(0, |object| object.address().0),
            Content::Stray(address) => *address,
            Content::Fact(_) | Content::Locals(_) => 0,
        }
    }

    /// Size in bytes.
    #[getter]
    fn size(&self) -> u64 {
        self.object().map_or(0, |object| object.size())
    }

    /// Qualified name of the type.
    #[getter]
    fn type_name(&self) -> String {
        match &self.content {
            Content::Object(_) => self.object().map_or_else(String::new, |object| object.type_name().to_owned()),
            Content::Fact(value) => plain::fact_type(value).to_owned(),
            Content::Locals(_) => "dict".to_owned(),
            Content::Stray(_) => String::new(),
        }
    }

    /// The type as an object.
    #[getter]
    fn r#type(&self, py: Python<'_>) -> Option<View> {
        let id = self.object()?.type_description()?.object?;
        Some(View::object_of(py, &self.owner, ObjectId(id)))
    }

    /// Qualified names of the method resolution order.
    #[getter]
    fn bases(&self) -> Vec<String> {
        match self.object() {
            Some(object) => object.type_description().map_or_else(Vec::new, |known| known.mro.clone()),
            None => vec![self.type_name(), "object".to_owned()],
        }
    }

    /// What told its content: `exact`, `members`, `base NAME`, `conservative`, or where its reducer comes from.
    #[getter]
    fn origin(&self) -> String {
        let object = self.object();
        object.and_then(|object| Some(object.type_description()?.origin.clone())).unwrap_or_default()
    }

    /// What it is like: `int`, `str`, `list`, `dict`, `object`, `type`, `function` and so on.
    #[getter]
    fn kind(&self) -> String {
        match &self.content {
            Content::Object(_) => self.object().map_or_else(String::new, |object| word(object.kind())),
            Content::Fact(Value::Null) => "none".to_owned(),
            Content::Fact(value) => plain::fact_type(value).to_owned(),
            Content::Locals(_) => "dict".to_owned(),
            Content::Stray(_) => "object".to_owned(),
        }
    }

    /// The value of None, booleans, numbers, texts and bytes, and of their subclasses; else None.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.content {
            Content::Fact(Value::Array(_) | Value::Map(_)) | Content::Locals(_) | Content::Stray(_) => {
                Ok(py.None().into_bound(py))
            }
            Content::Fact(value) => View::shown(py, &self.owner, value),
            Content::Object(_) => {
                let Some(object) = self.object() else { return Ok(py.None().into_bound(py)) };
                match (object.kind(), object.value()) {
                    (TypeKind::Bool, PlainValue::Int(number)) => (number != 0).into_bound_py_any(py),
                    (TypeKind::Int | TypeKind::Float | TypeKind::Complex | TypeKind::Str | TypeKind::Bytes, value) => {
                        plain::value(py, &value)
                    }
                    _ => Ok(py.None().into_bound(py)),
                }
            }
        }
    }

    /// The payload of what is no plain value but has one, such as a bytearray's bytes; else None.
    #[getter]
    fn payload<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.object() {
            Some(object) => plain::value(py, &object.value()),
            None => Ok(py.None().into_bound(py)),
        }
    }

    /// Elements, or pairs of key and value.
    #[getter]
    fn items(slf: &Bound<'_, Self>) -> Items {
        Items { length: slf.get().length(), view: slf.clone().unbind() }
    }

    /// Whether `items` are pairs.
    #[getter]
    fn is_mapping(&self) -> bool {
        match &self.content {
            Content::Object(_) => self.object().is_some_and(|object| {
                object.tail_kind() == TailKind::Entries || matches!(object.kind(), TypeKind::Dict | TypeKind::Mapping)
            }),
            Content::Fact(value) => value.is_map(),
            Content::Locals(_) => true,
            Content::Stray(_) => false,
        }
    }

    /// Attributes by name.
    #[getter]
    fn attributes(slf: &Bound<'_, Self>) -> Attributes {
        Attributes { view: slf.clone().unbind() }
    }

    /// Of an array: the bytes of all elements in C order; None of objects and structures, and where some are missing.
    fn array_bytes<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let array = Array::of(&self.object()?)?;
        Some(PyBytes::new(py, &array.bytes()?))
    }

    /// Of a table: values of the column at a position, from row `from` on, at most `count`.
    fn column(&self, py: Python<'_>, position: u64, from: u64, count: u64) -> Vec<View> {
        let table = self.object().and_then(|object| Table::of(&object));
        let cells = table.map_or_else(Vec::new, |table| some_of(&table.column(position), from, count));
        cells.into_iter().map(|cell| self.of_cell(py, cell)).collect()
    }

    /// Kind, name and target of every edge, elements and entries among them.
    #[getter]
    fn edges<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        let Some(object) = self.object() else { return Ok(list) };
        let add = |kind: &str, name: Bound<'py, PyAny>, target: Target| {
            if target == Target::Nothing {
                return Ok(());
            }
            list.append((kind, name, View::of_target(py, &self.owner, target)))
        };
        for edge in object.edges() {
            let name = match edge.name {
                LabelName::Text(text) => PyString::new(py, &text).into_any(),
                LabelName::Index(index) => index.into_bound_py_any(py)?,
            };
            add(edge.kind.word(), name, edge.target)?;
        }
        for (at, target) in object.elements(0, MOST_EDGES).into_iter().enumerate() {
            add("element", at.into_bound_py_any(py)?, target)?;
        }
        for (at, (key, value)) in object.entries(0, MOST_EDGES).into_iter().enumerate() {
            add("key", at.into_bound_py_any(py)?, key)?;
            add("item", at.into_bound_py_any(py)?, value)?;
        }
        Ok(list)
    }

    /// The objects that have edges to it: those that keep it alive first, then instances of a type, then weak ones. The
    /// first question of a dump reads all of it.
    #[getter]
    fn referrers(&self, py: Python<'_>) -> Vec<View> {
        let Content::Object(id) = self.content else { return Vec::new() };
        let dump = &self.owner.get().inner;
        let holders = py.detach(|| dump.referrers(id));
        holders.into_iter().map(|holder| View::object_of(py, &self.owner, holder.object)).collect()
    }

    /// The first `most` of the referrers: of each how its edges are called, whether it keeps this one alive, and itself. With
    /// the number of all, and the names of roots that are this object.
    fn holders(&self, py: Python<'_>, most: usize) -> Holders {
        let Content::Object(id) = self.content else { return (0, Vec::new(), Vec::new()) };
        holders::of(py, &self.owner, id, most)
    }

    /// The shortest way from a root: pairs of how the step is called and where it leads; None when no root leads there.
    fn path_from_root(&self, py: Python<'_>) -> Option<Vec<(String, View)>> {
        let Content::Object(id) = self.content else { return None };
        let dump = &self.owner.get().inner;
        let hops = py.detach(|| dump.path_from_root(id))?;
        Some(hops.into_iter().map(|hop| (hop.name, View::object_of(py, &self.owner, hop.object))).collect())
    }

    /// The names under which modules hold it, as `module.name`, the one that a user knows it by first.
    #[getter]
    fn public_names(&self, py: Python<'_>) -> Vec<String> {
        let Content::Object(id) = self.content else { return Vec::new() };
        let dump = self.owner.get();
        py.detach(|| dump.names().public(id))
    }

    /// The module whose mapping of names it is; None when it is none's.
    #[getter]
    fn owner(&self, py: Python<'_>) -> Option<View> {
        let Content::Object(id) = self.content else { return None };
        let dump = self.owner.get();
        let module = py.detach(|| dump.names().owner(id))?;
        Some(View::object_of(py, &self.owner, module))
    }

    /// Why it is not complete; None when it is.
    #[getter]
    fn surrogate(&self) -> Option<String> {
        if let Content::Stray(address) = self.content {
            return Some(format!("nothing readable at {address:#x}"));
        }
        let (reason, detail) = self.object()?.surrogate()?;
        Some(if detail.is_empty() { reason.to_string() } else { format!("{reason}: {detail}") })
    }

    /// The object in this Python, or a stand-in that shows its state and refuses to act. Choices are `names`, `modules` and
    /// `code`, as `heapsake.rebuild.rebuild` has them.
    #[pyo3(signature = (**choices))]
    fn rebuild<'py>(slf: &Bound<'py, Self>, choices: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let rebuild = |view: Bound<'py, View>| py.import("heapsake.rebuild")?.call_method("rebuild", (view,), choices);
        if let Content::Fact(value) = &slf.get().content {
            let owner = &slf.get().owner;
            return plain::with_references(py, value, &|id| rebuild(Bound::new(py, View::object_of(py, owner, id))?));
        }
        rebuild(slf.clone())
    }

    /// What a reducer that ran after the capture made of it; None when there was none, or when it failed.
    #[getter]
    fn reduction<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let record = self.object().and_then(|object| object.reduction());
        record.map(|record| reduction::shown(py, &self.owner, record)).transpose()
    }

    /// What its reducer says of it in one line.
    #[getter]
    fn summary(&self) -> Option<String> {
        self.object()?.reduction()?.summary.clone()
    }

    /// The reducer that failed for it, and why; None when none did.
    #[getter]
    fn reducer_failure(&self) -> Option<String> {
        let (origin, why) = self.object()?.reducer_failure()?;
        Some(format!("{origin}: {why}"))
    }

    /// An attribute by its name; an entry by its key, which may be a text or an integer; an element by its position.
    fn __getitem__<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (py, view) = (slf.py(), slf.get());
        if let Ok(name) = key.extract::<String>() {
            let entry = view.object().and_then(|object| object.entry(&name));
            let attributes = Attributes { view: slf.clone().unbind() };
            return match attributes.find(py, &name).or_else(|| entry.map(|target| View::of_target(py, &view.owner, target))) {
                Some(found) => found.into_bound_py_any(py),
                None => Err(PyKeyError::new_err(name)),
            };
        }
        if view.is_mapping() {
            let number: i64 = key.extract()?;
            let found = match &view.content {
                Content::Fact(Value::Map(entries)) => {
                    let entry =
                        entries.iter().find(|(key, _)| key.as_integer().is_some_and(|key| i128::from(key) == i128::from(number)));
                    entry.map(|(_, value)| View::of_fact(py, &view.owner, value))
                }
                _ => view
                    .object()
                    .and_then(|object| object.entry_of_number(number))
                    .map(|target| View::of_target(py, &view.owner, target)),
            };
            return found.ok_or_else(|| PyKeyError::new_err(number))?.into_bound_py_any(py);
        }
        View::items(slf).__getitem__(py, key)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        let Ok(other) = other.cast::<View>() else { return false };
        let other = other.get();
        let same = match (&self.content, &other.content) {
            (Content::Object(one), Content::Object(two)) | (Content::Locals(one), Content::Locals(two)) => one == two,
            (Content::Fact(one), Content::Fact(two)) => one == two,
            (Content::Stray(one), Content::Stray(two)) => one == two,
            _ => false,
        };
        same && self.owner.is(&other.owner)
    }

    fn __hash__(&self) -> i64 {
        match &self.content {
            Content::Object(id) => i64::from(id.0),
            Content::Locals(id) => -2 - i64::from(id.0),
            Content::Stray(address) => *address as i64,
            Content::Fact(_) => -1000,
        }
    }

    fn __repr__(&self) -> String {
        match &self.content {
            Content::Object(_) => {
                let shown = self.object().map(|object| heapsake_loader::render(&object, heapsake_loader::Limits::default()));
                format!("<View of {}>", shown.unwrap_or_default())
            }
            Content::Fact(value) => format!("<View of the {} {value:?}>", plain::fact_type(value)),
            Content::Locals(_) => "<View of a frame's variables>".to_owned(),
            Content::Stray(address) => format!("<View of nothing readable at {address:#x}>"),
        }
    }
}

/// The word that the format uses for a kind.
fn word(kind: TypeKind) -> String {
    let word = Value::serialized(&kind).ok().and_then(|word| word.into_text().ok());
    word.unwrap_or_else(|| "object".to_owned())
}

/// The elements of a view, or its entries as pairs. A sequence.
#[pyclass(frozen, sequence, module = "heapsake._heapsake")]
#[derive(Debug)]
pub(crate) struct Items {
    view: Py<View>,
    length: u64,
}

#[pymethods]
impl Items {
    fn __len__(&self) -> usize {
        self.length as usize
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(slice) = index.cast::<PySlice>() {
            let indices = slice.indices(self.length as isize)?;
            let list = PyList::empty(py);
            if indices.step == 1 {
                let count = (indices.stop - indices.start).max(0) as u64;
                for item in self.view.get().batch(py, indices.start as u64, count)? {
                    list.append(item)?;
                }
                return Ok(list.into_any());
            }
            let mut at = indices.start;
            while (indices.step > 0 && at < indices.stop) || (indices.step < 0 && at > indices.stop) {
                for item in self.view.get().batch(py, at as u64, 1)? {
                    list.append(item)?;
                }
                at += indices.step;
            }
            return Ok(list.into_any());
        }
        let wanted: isize = index.extract()?;
        let at = if wanted < 0 { wanted + self.length as isize } else { wanted };
        if at < 0 || at as u64 >= self.length {
            return Err(PyIndexError::new_err(format!("index {wanted} of {} items", self.length)));
        }
        let mut one = self.view.get().batch(py, at as u64, 1)?;
        one.pop().ok_or_else(|| PyIndexError::new_err(format!("item {wanted} is lost")))
    }

    fn __iter__(slf: &Bound<'_, Self>) -> ItemsIterator {
        ItemsIterator { items: slf.clone().unbind(), next: 0, batch: Vec::new() }
    }

    fn __repr__(&self) -> String {
        format!("<{} items>", self.length)
    }
}

/// Iterates over [`Items`], a batch at a time.
#[pyclass(module = "heapsake._heapsake")]
#[derive(Debug)]
pub(crate) struct ItemsIterator {
    items: Py<Items>,
    next: u64,
    batch: Vec<Py<PyAny>>,
}

#[pymethods]
impl ItemsIterator {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        if self.batch.is_empty() {
            let items = self.items.get();
            if self.next >= items.length {
                return Ok(None);
            }
            let batch = items.view.get().batch(py, self.next, BATCH.min(items.length - self.next))?;
            self.next += BATCH;
            self.batch = batch.into_iter().rev().map(Bound::unbind).collect();
        }
        Ok(self.batch.pop())
    }
}
