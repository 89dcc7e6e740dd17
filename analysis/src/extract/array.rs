//! Numbers as an `.npy` file, version 1.0 (`numpy/lib/format.py`): magic, length of the header, the header as a Python
//! literal padded to 64 bytes, the items.

use std::io::Write;

use ciborium::Value;
use heapsake_core::format::TailKind;
use heapsake_core::heap::TypeKind;
use heapsake_loader::{AttributeValue, Object, PlainValue};

use super::grid::Grid;
use super::{BATCH, Error, Report};

const HINT: &str = "an array is a list, tuple or list of lists of numbers, an array.array, bytes, a memoryview, an array of NumPy, a tensor, a series";

const HEAD_HINT: &str = "its head can be seen by heapsake inspect";

/// Where the numbers are.
enum Numbers<'d> {
    /// In one piece, in C order, or with Fortran's where that is said.
    Packed { dtype: String, shape: Vec<u64>, fortran: bool, bytes: Vec<u8>, omitted: u64 },
    /// Facts of a reducer.
    Facts(Vec<Value>),
    /// Objects, in one or two dimensions.
    Objects(Object<'d>),
}

/// Writes it.
pub(super) fn write(object: &Object<'_>, out: &mut dyn Write) -> Result<Report, Error> {
    let mut report = Report::default();
    if let Some(grid) = Grid::of(object) {
        grid.npy(out, &mut report)?;
        return Ok(report);
    }
    match numbers(object)? {
        Numbers::Packed { dtype, shape, fortran, bytes, omitted } => {
            report.values = shape.iter().product();
            report.omitted = omitted;
            header(out, &dtype, &shape, fortran)?;
            out.write_all(&bytes)?;
        }
        Numbers::Facts(items) => {
            let items: Vec<Number> = items.iter().enumerate().map(|(at, item)| of_fact(at, item)).collect::<Result<_, _>>()?;
            let kind = items.iter().fold(Kind::Nothing, |kind, item| kind.with(*item));
            report.values = items.len() as u64;
            header(out, kind.dtype()?, &[items.len() as u64], false)?;
            for item in items {
                out.write_all(&kind.bytes(item))?;
            }
        }
        Numbers::Objects(object) => {
            // None before the first element; of a row its length.
            let (mut kind, mut first): (Kind, Option<Option<u64>>) = (Kind::Nothing, None);
            each(&object, |at, element| {
                let length = match &element {
                    Element::Row(row) => {
                        each_number(row, at, |number| {
                            kind = kind.with(number);
                            Ok(())
                        })?;
                        Some(row.len())
                    }
                    Element::Number(number) => {
                        kind = kind.with(*number);
                        None
                    }
                };
                match (*first.get_or_insert(length), length) {
                    (known, found) if known == found => Ok(()),
                    (Some(known), Some(found)) => {
                        Err(Error::shape(format!("row {at} has {found} items, the first {known}"), HINT))
                    }
                    _ => Err(Error::shape(format!("item {at}: numbers and rows are mixed"), HINT)),
                }
            })?;
            let mut shape = vec![object.len()];
            shape.extend(first.flatten());
            report.values = shape.iter().product();
            header(out, kind.dtype()?, &shape, false)?;
            each(&object, |at, element| match element {
                Element::Row(row) => each_number(&row, at, |number| Ok(out.write_all(&kind.bytes(number))?)),
                Element::Number(number) => Ok(out.write_all(&kind.bytes(number))?),
            })?;
        }
    }
    Ok(report)
}

pub(super) fn header(out: &mut dyn Write, dtype: &str, shape: &[u64], fortran: bool) -> Result<(), Error> {
    let sizes: Vec<String> = shape.iter().map(u64::to_string).collect();
    let comma = if shape.len() == 1 { "," } else { "" };
    let order = if fortran { "True" } else { "False" };
    let text = format!("{{'descr': '{dtype}', 'fortran_order': {order}, 'shape': ({}{comma}), }}", sizes.join(", "));
    // Magic, version and length are 10 bytes, and a line break ends the header.
    let padded = (10 + text.len() + 1).next_multiple_of(64) - 11;
    let length = u16::try_from(padded + 1).map_err(|_| Error::shape("an array of too many dimensions", HINT))?;
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(format!("{text:padded$}\n").as_bytes())?;
    Ok(())
}

fn numbers<'d>(object: &Object<'d>) -> Result<Numbers<'d>, Error> {
    if let Some((reason, detail)) = object.surrogate() {
        return Err(Error::shape(format!("the {} is not in the dump: {reason} {detail}", object.type_name()), HINT));
    }
    let fact = |name: &str| match object.attribute(name) {
        Some(AttributeValue::Plain(value)) => Some(value),
        _ => None,
    };
    let sizes = |value: Value| -> Option<Vec<u64>> {
        value.into_array().ok()?.into_iter().map(|size| u64::try_from(i128::from(size.into_integer().ok()?)).ok()).collect()
    };
    let bytes = match object.value() {
        PlainValue::Bytes(bytes) => Some(bytes),
        _ => fact("bytes").and_then(|bytes| bytes.into_bytes().ok()),
    };
    if let Some(Value::Array(items)) = fact("items") {
        return Ok(Numbers::Facts(items));
    }
    if let Some(mut bytes) = bytes {
        let code = fact("dtype").or_else(|| fact("typecode")).or_else(|| fact("format")).and_then(|code| code.into_text().ok());
        let width = fact("itemsize").and_then(|width| u64::try_from(i128::from(width.into_integer().ok()?)).ok()).unwrap_or(1);
        let dtype = match code {
            None => "|u1".to_owned(),
            Some(code) => dtype_of(&code, width)
                .ok_or_else(|| Error::shape(format!("items of the format {code:?} have no place in an .npy file"), HINT))?,
        };
        let (mut shape, mut fortran) = (fact("shape").and_then(sizes), false);
        if let (Some(shape), Some(strides)) = (&shape, fact("strides").and_then(sizes)) {
            let steps: Vec<(u64, u64)> = shape.iter().copied().zip(strides).collect();
            fortran = !is_dense(steps.iter().rev(), width);
            if fortran && !is_dense(steps.iter(), width) {
                return Err(Error::shape("its items do not lie one after the other", HINT));
            }
        }
        let length = fact("length").and_then(|length| u64::try_from(i128::from(length.into_integer().ok()?)).ok());
        let shape = shape.take().unwrap_or_else(|| vec![length.unwrap_or(bytes.len() as u64 / width.max(1))]);
        let needed = shape.iter().fold(width, |bytes, size| bytes.saturating_mul(*size));
        let head = Head::of(shape, width, bytes.len() as u64);
        let Some(Head { shape, omitted }) = head.filter(|head| head.omitted == 0 || !fortran) else {
            return Err(Error::shape(format!("the dump holds {} of its {needed} bytes", bytes.len()), HEAD_HINT));
        };
        bytes.truncate(shape.iter().fold(width, |bytes, size| bytes.saturating_mul(*size)) as usize);
        return Ok(Numbers::Packed { dtype, shape, fortran, bytes, omitted });
    }
    if object.tail_kind() == TailKind::Elements {
        return Ok(Numbers::Objects(object.clone()));
    }
    Err(Error::shape(format!("the {} is no array of numbers", object.type_name()), HINT))
}

/// What is there of an array in C order of which the first bytes are.
struct Head {
    shape: Vec<u64>,
    /// Elements that are not.
    omitted: u64,
}

impl Head {
    /// Whole parts of the first dimension, or what there is of the first part as one dimension. None where the bytes are more
    /// than it has.
    fn of(mut shape: Vec<u64>, width: u64, bytes: u64) -> Option<Head> {
        let total = shape.iter().try_fold(1u64, |count, size| count.checked_mul(*size))?;
        let held = bytes.checked_div(width)?;
        if held >= total {
            return (bytes == total.checked_mul(width)?).then_some(Head { shape, omitted: 0 });
        }
        if held == 0 {
            return None;
        }
        match held / (total / shape[0]) {
            0 => shape = vec![held],
            parts => shape[0] = parts,
        }
        let omitted = total - shape.iter().product::<u64>();
        Some(Head { shape, omitted })
    }
}

/// Elements of an array that JSON has as its facts, and that are not among the bytes there.
pub(super) fn omitted(object: &Object<'_>) -> u64 {
    match numbers(object) {
        Ok(Numbers::Packed { omitted, .. }) if Grid::of(object).is_none() => omitted,
        _ => 0,
    }
}

/// Whether items lie one after the other, given size and stride of each dimension, the innermost first.
fn is_dense<'a>(mut steps: impl Iterator<Item = &'a (u64, u64)>, width: u64) -> bool {
    let mut expected = width;
    steps.all(|(size, stride)| {
        let fits = *size == 1 || *stride == expected;
        expected = expected.saturating_mul(*size);
        fits
    })
}

/// NumPy's name for items of a code of `struct` or `array`, or of its own.
fn dtype_of(code: &str, width: u64) -> Option<String> {
    let is_own =
        code.len() >= 3 && code.starts_with(['<', '>', '|', '=']) && code[2..].bytes().all(|digit| digit.is_ascii_digit());
    if is_own && code[1..2].bytes().all(|kind| b"biufc".contains(&kind)) {
        return Some(code.replace('=', "<"));
    }
    let kind = match code.trim_start_matches(['@', '=', '<']) {
        "b" | "h" | "i" | "l" | "q" | "n" => 'i',
        "B" | "H" | "I" | "L" | "Q" | "N" | "c" => 'u',
        "e" | "f" | "d" => 'f',
        "?" => 'b',
        _ => return None,
    };
    let order = if width == 1 { '|' } else { '<' };
    Some(format!("{order}{kind}{width}"))
}

/// A number.
#[derive(Clone, Copy, PartialEq)]
enum Number {
    Bool(bool),
    Int(i128),
    Float(f64),
    Complex(f64, f64),
}

/// What all numbers so far fit into.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Nothing,
    Bool,
    Int { negative: bool, large: bool },
    Float,
    Complex,
}

impl Kind {
    fn with(self, number: Number) -> Kind {
        match (self, number) {
            (Kind::Complex, _) | (_, Number::Complex(..)) => Kind::Complex,
            (Kind::Float, _) | (_, Number::Float(_)) => Kind::Float,
            (Kind::Nothing | Kind::Bool, Number::Bool(_)) => Kind::Bool,
            (Kind::Int { .. }, Number::Bool(_)) => self,
            (known, Number::Int(number)) => {
                let (negative, large) = match known {
                    Kind::Int { negative, large } => (negative, large),
                    _ => (false, false),
                };
                Kind::Int { negative: negative || number < 0, large: large || number > i128::from(i64::MAX) }
            }
        }
    }

    fn dtype(self) -> Result<&'static str, Error> {
        Ok(match self {
            Kind::Bool => "|b1",
            Kind::Int { negative: true, large: true } => {
                return Err(Error::shape("some integers are negative and some beyond 63 bits: no type holds both", HINT));
            }
            Kind::Int { large: true, .. } => "<u8",
            Kind::Int { .. } => "<i8",
            Kind::Nothing | Kind::Float => "<f8",
            Kind::Complex => "<c16",
        })
    }

    fn bytes(self, number: Number) -> Vec<u8> {
        let real = match number {
            Number::Bool(flag) => f64::from(u8::from(flag)),
            Number::Int(number) => number as f64,
            Number::Float(number) | Number::Complex(number, _) => number,
        };
        match (self, number) {
            (Kind::Bool, _) => vec![u8::from(real != 0.0)],
            (Kind::Int { .. }, Number::Int(number)) => (number as u64).to_le_bytes().to_vec(),
            (Kind::Int { .. }, _) => (real as u64).to_le_bytes().to_vec(),
            (Kind::Nothing | Kind::Float, _) => real.to_le_bytes().to_vec(),
            (Kind::Complex, number) => {
                let imaginary = if let Number::Complex(_, imaginary) = number { imaginary } else { 0.0 };
                [real.to_le_bytes(), imaginary.to_le_bytes()].concat()
            }
        }
    }
}

fn of_fact(at: usize, value: &Value) -> Result<Number, Error> {
    match value {
        Value::Integer(number) => Ok(Number::Int((*number).into())),
        Value::Float(number) => Ok(Number::Float(*number)),
        Value::Bool(flag) => Ok(Number::Bool(*flag)),
        _ => Err(Error::shape(format!("item {at} is no number"), HINT)),
    }
}

fn of_object(object: &Object<'_>) -> Option<Number> {
    if object.surrogate().is_some() {
        return None;
    }
    match (object.kind(), object.value()) {
        (TypeKind::Bool, PlainValue::Int(number)) => Some(Number::Bool(number != 0)),
        (TypeKind::Int, PlainValue::Int(number)) => Some(Number::Int(number.into())),
        (TypeKind::Int, PlainValue::BigInt { negative: false, magnitude }) if magnitude.len() <= 8 => {
            Some(Number::Int(magnitude.iter().rev().fold(0, |number, byte| number << 8 | i128::from(*byte))))
        }
        (TypeKind::Float, PlainValue::Float(number)) => Some(Number::Float(number)),
        (TypeKind::Complex, PlainValue::Complex(real, imaginary)) => Some(Number::Complex(real, imaginary)),
        _ => None,
    }
}

/// An element of an array of one or two dimensions.
enum Element<'d> {
    Row(Object<'d>),
    Number(Number),
}

/// Gives each element: a row where it has elements of its own, else a number.
fn each<'d>(object: &Object<'d>, mut give: impl FnMut(u64, Element<'d>) -> Result<(), Error>) -> Result<(), Error> {
    let mut at = 0;
    loop {
        let elements = object.elements(at, BATCH);
        if elements.is_empty() {
            return Ok(());
        }
        for element in elements {
            let element = object.follow(element);
            let number = element.as_ref().and_then(of_object);
            give(
                at,
                match (number, element) {
                    (Some(number), _) => Element::Number(number),
                    (None, Some(row)) if row.tail_kind() == TailKind::Elements && row.surrogate().is_none() => Element::Row(row),
                    (None, element) => {
                        let what = described(element.as_ref());
                        return Err(Error::shape(format!("item {at} is no number but {what}"), HINT));
                    }
                },
            )?;
            at += 1;
        }
    }
}

fn each_number(row: &Object<'_>, of: u64, mut number: impl FnMut(Number) -> Result<(), Error>) -> Result<(), Error> {
    let mut at = 0;
    loop {
        let elements = row.elements(at, BATCH);
        if elements.is_empty() {
            return Ok(());
        }
        for element in elements {
            let element = row.follow(element);
            let found = element.as_ref().and_then(of_object);
            number(found.ok_or_else(|| {
                Error::shape(format!("item {at} of row {of} is no number but {}", described(element.as_ref())), HINT)
            })?)?;
            at += 1;
        }
    }
}

fn described(element: Option<&Object<'_>>) -> String {
    match element {
        None => "missing".to_owned(),
        Some(element) => match element.surrogate() {
            Some((reason, _)) => format!("a {} that is not in the dump: {reason}", element.type_name()),
            None => format!("of type {}, or too large", element.type_name()),
        },
    }
}
