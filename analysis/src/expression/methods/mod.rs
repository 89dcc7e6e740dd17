//! Methods of built-in types that change nothing: which there are, and the call of one.

mod codecs;
mod containers;
mod numeric;
mod text;
mod unicode;

pub(crate) use unicode::{is_printable, is_space};

use super::arguments::Arguments;
use super::error::{Evaluated, refused, type_error};
use super::evaluate::Evaluator;
use super::forms::Form;
use super::values::Value;

const STR: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "upper",
    "zfill",
];
const BYTES: &[&str] = &[
    "capitalize",
    "center",
    "count",
    "decode",
    "endswith",
    "expandtabs",
    "find",
    "hex",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdigit",
    "islower",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "upper",
    "zfill",
];
const DICT: &[&str] = &["copy", "get", "items", "keys", "values"];
const SEQUENCE: &[&str] = &["copy", "count", "index"];
const SET: &[&str] =
    &["copy", "difference", "intersection", "isdisjoint", "issubset", "issuperset", "symmetric_difference", "union"];
const INT: &[&str] = &["as_integer_ratio", "bit_count", "bit_length", "conjugate", "is_integer", "to_bytes"];
const FLOAT: &[&str] = &["as_integer_ratio", "conjugate", "hex", "is_integer"];

/// Methods that change their object, and which forms have them.
fn changing(form: &Form) -> &'static [&'static str] {
    match form {
        Form::List(_) => &["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"],
        Form::Sequence(_) => {
            &["append", "appendleft", "clear", "extend", "extendleft", "insert", "pop", "popleft", "remove", "reverse", "rotate"]
        }
        Form::Dict(_) => &["clear", "pop", "popitem", "setdefault", "update"],
        Form::Set(_) => &[
            "add",
            "clear",
            "difference_update",
            "discard",
            "intersection_update",
            "pop",
            "remove",
            "symmetric_difference_update",
            "update",
        ],
        Form::Bytearray(_) => &["append", "clear", "extend", "insert", "pop", "remove", "reverse"],
        _ => &[],
    }
}

/// The methods that values of a form have.
pub(crate) fn of_form(form: &Form) -> &'static [&'static str] {
    match form {
        Form::Text(_) => STR,
        Form::Bytes(_) | Form::Bytearray(_) => BYTES,
        Form::Dict(_) => DICT,
        Form::List(_) => SEQUENCE,
        Form::Tuple(_) | Form::Range(_) | Form::Sequence(_) => &SEQUENCE[1..],
        Form::Set(_) | Form::Frozenset(_) => SET,
        Form::View(super::values::View::Keys | super::values::View::Items, _) => &["isdisjoint"],
        Form::Bool(_) | Form::Int(_) | Form::Big(_) => INT,
        Form::Float(_) => FLOAT,
        Form::Complex(..) => &["conjugate"],
        Form::Slice(_) => &["indices"],
        _ => &[],
    }
}

/// The method with such a name; one that changes its object is known, to be refused.
pub(crate) fn known(form: &Form, name: &str) -> Option<&'static str> {
    let copied = matches!(form, Form::Bytearray(_)) && name == "copy";
    if copied {
        return Some("copy");
    }
    of_form(form).iter().chain(changing(form)).find(|known| **known == name).copied()
}

/// A method of a class: of its instances, or of itself.
pub(crate) fn known_of_class(class: &str, name: &str) -> Option<&'static str> {
    let own: &[&str] = match class {
        "dict" => &["fromkeys"],
        "bytes" | "bytearray" => &["fromhex"],
        "int" => &["from_bytes"],
        "str" => &["maketrans"],
        _ => &[],
    };
    let of_instances = match class {
        "str" => STR,
        "bytes" | "bytearray" => BYTES,
        "dict" => DICT,
        "list" => SEQUENCE,
        "tuple" | "range" => &SEQUENCE[1..],
        "set" | "frozenset" => SET,
        "int" | "bool" => INT,
        "float" => FLOAT,
        _ => &[],
    };
    own.iter().chain(of_instances).find(|known| **known == name).copied()
}

impl Evaluator<'_> {
    /// A call of a method.
    pub(crate) fn call_method(&mut self, value: &Value, name: &'static str, arguments: Arguments) -> Evaluated<Value> {
        if let Value::Type(class) = value {
            return self.call_of_class(class, name, arguments);
        }
        let form = self.form(value)?;
        if changing(&form).contains(&name) {
            return Err(refused(format!("{name}() changes its object, and nothing in a dump changes")));
        }
        if let (Form::Bytearray(bytes), "copy") = (&form, name) {
            arguments.positions(name, 0, 0)?;
            return Ok(Value::Bytearray(bytes.clone()));
        }
        match &form {
            Form::Text(codes) => self.text_method(codes, false, name, arguments),
            Form::Bytes(bytes) | Form::Bytearray(bytes) => {
                let codes: Vec<u32> = bytes.iter().map(|byte| u32::from(*byte)).collect();
                let found = self.text_method(&codes, true, name, arguments)?;
                Ok(match (&form, found) {
                    (Form::Bytearray(_), Value::Bytes(bytes)) => Value::Bytearray(bytes),
                    (Form::Bytearray(_), Value::List(items)) => Value::list(items.iter().map(as_bytearray).collect()),
                    (Form::Bytearray(_), Value::Tuple(items)) => Value::tuple(items.iter().map(as_bytearray).collect()),
                    (_, found) => found,
                })
            }
            Form::Dict(store) => self.dict_method(value, store, name, arguments),
            Form::List(_) | Form::Tuple(_) | Form::Sequence(_) | Form::Range(_) => {
                self.sequence_method(value, &form, name, arguments)
            }
            Form::Set(_) | Form::Frozenset(_) | Form::View(..) => self.set_method(value, &form, name, arguments),
            Form::Slice(bounds) => {
                let given = arguments.positions(name, 1, 1)?;
                let length = self.wide_index(&given[0])?;
                if length < 0 {
                    return super::error::value_error("length should not be negative");
                }
                let span = self.positions(bounds, length)?;
                Ok(Value::tuple(vec![Value::wide(span.start), Value::wide(span.stop), Value::wide(span.step)]))
            }
            _ => self.number_method(value, &form, name, arguments),
        }
    }

    /// `dict.fromkeys(…)`, `str.upper(text)`.
    fn call_of_class(&mut self, class: &'static str, name: &'static str, mut arguments: Arguments) -> Evaluated<Value> {
        match name {
            "fromkeys" => {
                let given = arguments.positions(name, 1, 2)?;
                let cursor = self.cursor(&given[0])?;
                let value = given.get(1).cloned().unwrap_or(Value::None);
                let mut entries = super::values::Entries::default();
                for item in self.drain(cursor)? {
                    self.put(&mut entries, item, value.clone())?;
                }
                Ok(Value::Dict(std::sync::Arc::new(entries)))
            }
            "fromhex" => {
                let given = arguments.positions(name, 1, 1)?;
                let Some(text) = self.text_of(&given[0]) else { return type_error("fromhex() argument must be str") };
                self.within_bytes(text.len())?;
                match bytes_of_hex(&text) {
                    Some(bytes) if class == "bytes" => Ok(Value::bytes(&bytes)),
                    Some(bytes) => Ok(Value::Bytearray(bytes.into())),
                    None => super::error::value_error("non-hexadecimal number found in fromhex() arg"),
                }
            }
            "from_bytes" => {
                let [bytes, order, signed] = arguments.bind(name, ["bytes", "byteorder", "*signed"], 1)?;
                self.integer_of_bytes(bytes, order, signed)
            }
            "maketrans" => Err(refused("str.maketrans is not known here")),
            _ => {
                if arguments.positional.is_empty() {
                    return type_error(format!("unbound method {class}.{name}() needs an argument"));
                }
                let value = arguments.positional.remove(0);
                let form = self.form(&value)?;
                if !of_form(&form).contains(&name) {
                    let given = self.type_name(&value);
                    return type_error(format!("descriptor '{name}' for '{class}' objects doesn't apply to a '{given}' object"));
                }
                self.call_method(&value, name, arguments)
            }
        }
    }
}

/// The bytes of digits of which two and two stand together.
fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let mut letters = text.chars();
    let mut bytes = Vec::with_capacity(text.len() / 2);
    while let Some(letter) = letters.next() {
        // As Python's isspace() of C: the vertical tab too.
        if letter.is_ascii_whitespace() || letter == '\x0b' {
            continue;
        }
        bytes.push((letter.to_digit(16)? << 4 | letters.next()?.to_digit(16)?) as u8);
    }
    Some(bytes)
}

fn as_bytearray(value: &Value) -> Value {
    match value {
        Value::Bytes(bytes) => Value::Bytearray(bytes.clone()),
        other => other.clone(),
    }
}
