//! The attributes of a view as a mapping; each is looked up when it is asked for.

use ciborium::Value;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::view::{Content, View};

/// The attributes of a view, by name. A mapping.
#[pyclass(frozen, mapping, module = "heapsake._heapsake")]
#[derive(Debug)]
pub(crate) struct Attributes {
    pub(crate) view: Py<View>,
}

impl Attributes {
    pub(crate) fn find(&self, py: Python<'_>, name: &str) -> Option<View> {
        let view = self.view.get();
        match &view.content {
            Content::Object(_) => {
                let value = view.object()?.attribute(name)?;
                Some(View::of_attribute(py, &view.owner, value))
            }
            Content::Locals(_) => {
                let (_, target) = view.locals()?.into_iter().find(|(known, _)| known == name)?;
                Some(View::of_target(py, &view.owner, target))
            }
            Content::Fact(Value::Map(entries)) => {
                let (_, value) = entries.iter().find(|(key, _)| key.as_text() == Some(name))?;
                Some(View::of_fact(py, &view.owner, value))
            }
            Content::Fact(_) | Content::Stray(_) => None,
        }
    }

    fn all(&self, py: Python<'_>) -> Vec<(String, View)> {
        let view = self.view.get();
        match view.object() {
            Some(object) => {
                let attributes = object.attributes().into_iter();
                attributes.map(|one| (one.name, View::of_attribute(py, &view.owner, one.value))).collect()
            }
            None => {
                let locals = view.locals().unwrap_or_default().into_iter();
                locals.map(|(name, target)| (name, View::of_target(py, &view.owner, target))).collect()
            }
        }
    }
}

#[pymethods]
impl Attributes {
    fn __getitem__(&self, py: Python<'_>, name: &str) -> PyResult<View> {
        self.find(py, name).ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    #[pyo3(signature = (name, default=None))]
    fn get<'py>(&self, py: Python<'py>, name: &str, default: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        match self.find(py, name) {
            Some(view) => view.into_bound_py_any(py),
            None => Ok(default.unwrap_or_else(|| py.None().into_bound(py))),
        }
    }

    fn __contains__(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> bool {
        name.extract::<String>().is_ok_and(|name| self.find(py, &name).is_some())
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        self.all(py).len()
    }

    fn keys(&self, py: Python<'_>) -> Vec<String> {
        self.all(py).into_iter().map(|(name, _)| name).collect()
    }

    fn values<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.all(py).into_iter().map(|(_, view)| view.into_bound_py_any(py)).collect()
    }

    fn items<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let pairs = self.all(py).into_iter();
        pairs.map(|(name, view)| PyTuple::new(py, [name.into_bound_py_any(py)?, view.into_bound_py_any(py)?])).collect()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        PyList::new(py, self.keys(py))?.call_method0("__iter__")
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!("<attributes {}>", self.keys(py).join(", "))
    }
}
