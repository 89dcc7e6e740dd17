//! Values as one line of text, as long as the place where they are shown allows. Text of a dump is hostile: nothing that an
//! editor or a terminal would act on is left in it.

use ciborium::Value;
use heapsake_core::heap::TypeKind;
use heapsake_loader::{Limits, Object, PlainValue, harmless_line, referenced, render, shown_fact};

use crate::protocol::{EvaluateArguments, ValueFormat};

/// Characters of a name.
pub(crate) const NAME: usize = 200;
/// Bytes that a value may be in the clipboard.
const CLIPBOARD: usize = 1 << 20;

/// How a value is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) limits: Limits,
    /// Integers with their hexadecimal digits.
    pub(crate) hex: bool,
}

impl Manner {
    /// In a list of variables.
    pub(crate) fn of_list(format: Option<&ValueFormat>) -> Manner {
        let limits = Limits { characters: 200, elements: 8, depth: 2, text: 120 };
        Manner { limits, hex: format.is_some_and(|format| format.hex == Some(true)) }
    }

    /// As the result of an expression.
    pub(crate) fn of_result(arguments: &EvaluateArguments) -> Manner {
        let list = Manner::of_list(arguments.format.as_ref());
        let limits = match arguments.context.as_deref() {
            Some("clipboard") => Limits { characters: CLIPBOARD, elements: 10_000, depth: 8, text: CLIPBOARD },
            Some("repl") => Limits { characters: 8000, elements: 100, depth: 4, text: 4000 },
            Some("hover") => Limits { characters: 1000, elements: 20, depth: 3, text: 500 },
            _ => list.limits,
        };
        Manner { limits, ..list }
    }

    /// An object. Of what is cut, the length is told in words.
    pub(crate) fn object(&self, object: &Object<'_>) -> String {
        if self.hex
            && let (TypeKind::Int, PlainValue::Int(number)) = (object.kind(), object.value())
        {
            return hexadecimal(i128::from(number));
        }
        let shown = render(object, self.limits);
        if object.surrogate().is_some() {
            return self.line(&shown);
        }
        let length = object.len();
        let words = match object.kind() {
            TypeKind::Str | TypeKind::Bytes | TypeKind::Bytearray => {
                let bytes = object.value_length().unwrap_or(0);
                (bytes > self.limits.text as u64).then(|| format!("{} of {} bytes: ", short(object), count(bytes)))
            }
            _ => (length > self.limits.elements as u64).then(|| format!("{} of {}: ", short(object), count(length))),
        };
        self.line(&format!("{}{shown}", words.unwrap_or_default()))
    }

    /// A fact that refers to no object.
    pub(crate) fn fact(&self, value: &Value) -> String {
        if let (Value::Integer(number), true) = (value, self.hex) {
            return hexadecimal(i128::from(*number));
        }
        self.line(&shown_fact(value, self.limits))
    }

    /// Text of any origin.
    pub(crate) fn line(&self, text: &str) -> String {
        harmless_line(text, self.limits.characters)
    }
}

/// What a fact would be in Python.
pub(crate) fn fact_type(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Integer(_) => "int",
        Value::Float(_) => "float",
        Value::Text(_) => "str",
        Value::Bytes(_) => "bytes",
        Value::Array(_) => "list",
        Value::Map(_) => "dict",
        Value::Null => "NoneType",
        tag @ Value::Tag(_, inner) if referenced(tag).is_none() => fact_type(inner),
        _ => "object",
    }
}

/// The last part of the name of a type.
pub(crate) fn short(object: &Object<'_>) -> String {
    let name = object.type_name();
    harmless_line(name.rsplit('.').next().unwrap_or(name), NAME)
}

/// A number in base 16.
pub(crate) fn hexadecimal(number: i128) -> String {
    if number < 0 { format!("-{:#x}", number.unsigned_abs()) } else { format!("{number:#x}") }
}

/// A number with its thousands apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
