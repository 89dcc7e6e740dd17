//! Plain values as Python objects.

use ciborium::Value;
use heapsake_loader::array::COMPLEX;
use heapsake_loader::{ObjectId, PlainValue};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyComplex, PyDict, PyFloat, PyInt, PyList, PyString};

/// Text in WTF-8, lone surrogates included.
pub(crate) fn text<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(PyString::new(py, text).into_any()),
        Err(_) => PyBytes::new(py, bytes).call_method1("decode", ("utf-8", "surrogatepass")),
    }
}

/// An integer of any size.
pub(crate) fn integer<'py>(py: Python<'py>, negative: bool, magnitude: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let number = py.get_type::<PyInt>().call_method1("from_bytes", (PyBytes::new(py, magnitude), "little"))?;
    if negative { number.neg() } else { Ok(number) }
}

/// A plain value; `None` for nothing.
pub(crate) fn value<'py>(py: Python<'py>, value: &PlainValue) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        PlainValue::Nothing => py.None().into_bound(py),
        PlainValue::Int(number) => number.into_pyobject(py)?.into_any(),
        PlainValue::BigInt { negative, magnitude } => integer(py, *negative, magnitude)?,
        PlainValue::Float(number) => PyFloat::new(py, *number).into_any(),
        PlainValue::Complex(real, imaginary) => PyComplex::from_doubles(py, *real, *imaginary).into_any(),
        PlainValue::Text(bytes) => text(py, bytes)?,
        PlainValue::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
    })
}

/// A fact. Facts come from CBOR, whose nesting the decoder limits.
pub(crate) fn fact<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    with_references(py, value, &|_| Ok(py.None().into_bound(py)))
}

/// A fact whose references to objects become what `object` gives.
pub(crate) fn with_references<'py>(
    py: Python<'py>,
    value: &Value,
    object: &dyn Fn(ObjectId) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let fact = |value: &Value| with_references(py, value, object);
    if let Some(id) = heapsake_loader::referenced(value) {
        return object(id);
    }
    Ok(match value {
        Value::Integer(number) => i128::from(*number).into_pyobject(py)?.into_any(),
        Value::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        Value::Float(number) => PyFloat::new(py, *number).into_any(),
        Value::Text(text) => PyString::new(py, text).into_any(),
        Value::Bool(flag) => flag.into_pyobject(py)?.to_owned().into_any(),
        Value::Tag(sign @ (2 | 3), magnitude) if magnitude.is_bytes() => {
            let magnitude: Vec<u8> = magnitude.as_bytes().into_iter().flatten().rev().copied().collect();
            let number = integer(py, false, &magnitude)?;
            if *sign == 3 { number.call_method0("__invert__")? } else { number }
        }
        Value::Tag(COMPLEX, parts) => match parts.as_array().map(Vec::as_slice) {
            Some([Value::Float(real), Value::Float(imaginary)]) => PyComplex::from_doubles(py, *real, *imaginary).into_any(),
            _ => py.None().into_bound(py),
        },
        Value::Tag(_, inner) => fact(inner)?,
        Value::Array(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(fact(item)?)?;
            }
            list.into_any()
        }
        Value::Map(entries) => {
            let dict = PyDict::new(py);
            for (key, value) in entries {
                let key = fact(key)?;
                // A list or a map is no key in Python; what it says is.
                let key = if key.hash().is_ok() { key } else { key.repr()?.into_any() };
                dict.set_item(key, fact(value)?)?;
            }
            dict.into_any()
        }
        _ => py.None().into_bound(py),
    })
}

/// The name of the Python type that a fact has.
pub(crate) fn fact_type(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) => "int",
        Value::Bytes(_) => "bytes",
        Value::Float(_) => "float",
        Value::Text(_) => "str",
        Value::Bool(_) => "bool",
        Value::Array(_) => "list",
        Value::Map(_) => "dict",
        Value::Tag(2 | 3, _) => "int",
        Value::Tag(COMPLEX, _) => "complex",
        Value::Tag(_, inner) => fact_type(inner),
        _ => "NoneType",
    }
}
