//! Calls of built-in classes: `int("12")`, `dict(a=1)`, `enumerate(items)`.

use std::sync::Arc;

use num_bigint::BigInt;
use num_traits::{Num, ToPrimitive, Zero};

use super::arguments::Arguments;
use super::cursor::{Cursor, Items};
use super::error::{Evaluated, raised, refused, type_error, value_error};
use super::evaluate::Evaluator;
use super::forms::{Form, harmless};
use super::numbers::{self, Number};
use super::values::{Entries, Span, Value, View, string_of};

/// The most digits that `int` takes where a program does not set others.
const MOST_DIGITS: usize = 4300;

impl Evaluator<'_> {
    /// A call of a built-in class.
    pub(crate) fn construct(&mut self, class: &'static str, given: Arguments) -> Evaluated<Value> {
        match class {
            "bool" => {
                let given = given.positions(class, 0, 1)?;
                Ok(Value::Bool(match given.first() {
                    Some(value) => self.truth(value)?,
                    None => false,
                }))
            }
            "int" => {
                let [value, base] = given.bind(class, ["/x", "base"], 0)?;
                self.integer_of(value, base)
            }
            "float" => {
                let given = given.positions(class, 0, 1)?;
                let Some(value) = given.first() else { return Ok(Value::Float(0.0)) };
                match self.form(value)? {
                    Form::Text(codes) => float_of(&string_of(&codes)).map(Value::Float),
                    Form::Bytes(bytes) | Form::Bytearray(bytes) => float_of(&String::from_utf8_lossy(&bytes)).map(Value::Float),
                    form => match Number::of(&form) {
                        Some(number) if !matches!(number, Number::Complex(..)) => number.float().map(Value::Float),
                        _ => {
                            self.not_of_c(value, &["__float__", "__index__"])?;
                            if self.lends_memory(value) {
                                return Err(refused("float() of memory that C code lends is not known here: of bytes it is"));
                            }
                            let given = self.type_name(value);
                            type_error(format!("float() argument must be a string or a real number, not '{given}'"))
                        }
                    },
                }
            }
            "complex" => {
                let [real, imaginary] = given.bind(class, ["real", "imag"], 0)?;
                self.complex_of_parts(real, imaginary)
            }
            "str" => {
                let [value, encoding, errors] = given.bind(class, ["object", "encoding", "errors"], 0)?;
                match (value, encoding.is_some() || errors.is_some()) {
                    (None, _) => Ok(Value::text("")),
                    (Some(value), false) => self.str(&value).map(|codes| Value::codes(&codes)),
                    (Some(value), true) => match self.form(&value)? {
                        Form::Bytes(bytes) | Form::Bytearray(bytes) => self.decoded(&bytes, encoding, errors),
                        _ => type_error(format!("decoding to str: need a bytes-like object, {} found", self.type_name(&value))),
                    },
                }
            }
            "bytes" | "bytearray" => {
                let [value, encoding, errors] = given.bind(class, ["source", "encoding", "errors"], 0)?;
                let bytes = self.bytes_of(value, encoding, errors)?;
                Ok(if class == "bytes" { Value::Bytes(bytes) } else { Value::Bytearray(bytes) })
            }
            "list" | "tuple" => {
                let given = given.positions(class, 0, 1)?;
                let items = match given.first() {
                    Some(value) => {
                        let cursor = self.cursor(value)?;
                        self.drain(cursor)?
                    }
                    None => Vec::new(),
                };
                Ok(if class == "list" { Value::list(items) } else { Value::tuple(items) })
            }
            "set" | "frozenset" => {
                let given = given.positions(class, 0, 1)?;
                let members = match given.first() {
                    Some(value) => self.members(value)?,
                    None => Arc::default(),
                };
                Ok(if class == "set" { Value::Set(members) } else { Value::Frozenset(members) })
            }
            "dict" => self.dict_of(given),
            "range" => {
                let given = given.positions(class, 1, 3)?;
                let mut numbers = Vec::new();
                for value in &given {
                    let number = self.wide_index(value)?;
                    if number.unsigned_abs() >= 1 << 100 {
                        return Err(refused("the numbers of this range are too large"));
                    }
                    numbers.push(number);
                }
                let (start, stop) = if numbers.len() == 1 { (0, numbers[0]) } else { (numbers[0], numbers[1]) };
                let step = numbers.get(2).copied().unwrap_or(1);
                if step == 0 {
                    return value_error("range() arg 3 must not be zero");
                }
                Ok(Value::Range(Arc::new(Span { start, stop, step })))
            }
            "slice" => {
                let given = given.positions(class, 1, 3)?;
                let at = |at: usize| given.get(at).cloned().unwrap_or(Value::None);
                let bounds = if given.len() == 1 { [Value::None, at(0), Value::None] } else { [at(0), at(1), at(2)] };
                Value::slice(bounds)
            }
            "type" => match given.positional.len() {
                1 => self.type_of(&given.positional[0]),
                _ => Err(refused("type() makes no class here")),
            },
            "enumerate" => {
                let [items, start] = given.bind(class, ["iterable", "start"], 1)?;
                let cursor = self.cursor(&items.unwrap_or(Value::None))?;
                let start = match start {
                    Some(start) => self.wide_index(&start)?,
                    None => 0,
                };
                Ok(Value::flow("enumerate", Cursor::Enumerate(Box::new(cursor), start)))
            }
            "zip" => {
                let strict = match given.named.iter().find(|(name, _)| &**name == "strict") {
                    Some((_, value)) => self.truth(&value.clone())?,
                    None => false,
                };
                let mut cursors = Vec::new();
                for value in &given.positional {
                    cursors.push(self.cursor(value)?);
                }
                Ok(Value::flow("zip", Cursor::Zip(cursors, strict)))
            }
            "reversed" => {
                let given = given.positions(class, 1, 1)?;
                let value = &given[0];
                if let Some(class) = self.overrides(value, "__reversed__").or_else(|| self.overrides(value, "__getitem__")) {
                    return Err(self.not_run(value, &class, "__reversed__"));
                }
                let items = match self.form(value)? {
                    Form::Text(codes) => Items::Text(codes),
                    Form::Bytes(bytes) | Form::Bytearray(bytes) => Items::Bytes(bytes),
                    Form::List(items) | Form::Tuple(items) | Form::Sequence(items) => items,
                    Form::Range(span) => Items::Range(span),
                    Form::Dict(store) => Items::Mapping(store, View::Keys),
                    Form::View(view, store) => Items::Mapping(store, view),
                    _ => return type_error(format!("'{}' object is not reversible", self.type_name(value))),
                };
                if matches!(&items, Items::Range(span) if span.len() > u128::from(u64::MAX)) {
                    return Err(refused("a range that is too large to be gone through backwards"));
                }
                Ok(Value::flow("reversed", Cursor::backwards(items)))
            }
            "map" | "filter" => {
                let given = given.positions(class, 2, if class == "map" { 20 } else { 2 })?;
                let function = given[0].clone();
                let mut cursors = Vec::new();
                for value in &given[1..] {
                    cursors.push(self.cursor(value)?);
                }
                let cursor = if class == "map" {
                    Cursor::Map(function, cursors)
                } else {
                    let function = if matches!(self.form(&function), Ok(Form::None)) { Value::None } else { function };
                    match cursors.pop() {
                        Some(inner) => Cursor::Filter(function, Box::new(inner)),
                        None => Cursor::Ended,
                    }
                };
                Ok(Value::flow(class, cursor))
            }
            _ => Err(refused(format!("{class}() makes nothing here"))),
        }
    }

    /// A complex number of a text, or of one or two numbers, which may be complex themselves.
    fn complex_of_parts(&mut self, real: Option<Value>, imaginary: Option<Value>) -> Evaluated<Value> {
        if let Some(value) = &real
            && let Some(text) = self.text_of(value)
        {
            if imaginary.is_some() {
                return type_error("complex() can't take second arg if first is a string");
            }
            return complex_of(&text).map(|(real, imaginary)| Value::Complex(real, imaginary));
        }
        // A part that is not complex has no imaginary one, not even a zero.
        let mut part = |value: Option<Value>| -> Evaluated<Option<(f64, Option<f64>)>> {
            let Some(value) = value else { return Ok(None) };
            match Number::of(&self.form(&value)?) {
                Some(Number::Complex(real, imaginary)) => Ok(Some((real, Some(imaginary)))),
                Some(number) => Ok(Some((number.float()?, None))),
                None => {
                    self.not_of_c(&value, &["__complex__", "__float__", "__index__"])?;
                    type_error(format!("complex() argument must be a number, not '{}'", self.type_name(&value)))
                }
            }
        };
        let (real, imaginary) = (part(real)?, part(imaginary)?);
        let (a, b) = real.unwrap_or((0.0, None));
        let Some((c, d)) = imaginary else { return Ok(Value::Complex(a, b.unwrap_or(0.0))) };
        Ok(Value::Complex(d.map_or(a, |d| a - d), b.map_or(c, |b| b + c)))
    }

    fn integer_of(&mut self, value: Option<Value>, base: Option<Value>) -> Evaluated<Value> {
        let Some(value) = value else {
            return match base {
                Some(_) => type_error("int() missing string argument"),
                None => Ok(Value::Int(0)),
            };
        };
        let form = self.form(&value)?;
        let text = match &form {
            Form::Text(codes) => Some(string_of(codes)),
            Form::Bytes(bytes) | Form::Bytearray(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        };
        let radix = match &base {
            Some(base) => self.wide_index(base)?,
            None => 10,
        };
        if let Some(text) = text {
            if radix != 0 && !(2..=36).contains(&radix) {
                return value_error("int() base must be >= 2 and <= 36, or 0");
            }
            self.digits_allowed(text.len() as u64 * 4)?;
            let digits = text.chars().filter(|letter| letter.is_numeric()).count();
            if digits > MOST_DIGITS && !(radix as u32).is_power_of_two() && parsed_integer(&text, radix as u32).is_some() {
                let message =
                    format!("whether int() takes {digits} digits is set by sys.set_int_max_str_digits(), which is not known");
                return Err(refused(message));
            }
            return match parsed_integer(&text, radix as u32) {
                Some(number) => Ok(Value::integer(number)),
                None => {
                    let shown = self.repr(&value)?;
                    value_error(format!("invalid literal for int() with base {radix}: {}", string_of(&shown)))
                }
            };
        }
        if base.is_some() {
            return type_error("int() can't convert non-string with explicit base");
        }
        match Number::of(&form) {
            Some(Number::Float(number)) => numbers::truncated(number),
            Some(number @ (Number::Int(_) | Number::Big(_))) => Ok(Value::integer(number.big())),
            _ => {
                self.not_of_c(&value, &["__int__", "__index__", "__trunc__"])?;
                if self.lends_memory(&value) {
                    return Err(refused("int() of memory that C code lends is not known here: of bytes it is"));
                }
                let given = self.type_name(&value);
                type_error(format!("int() argument must be a string, a bytes-like object or a real number, not '{given}'"))
            }
        }
    }

    /// An integer of 64 bits.
    pub(crate) fn fitting(&mut self, value: &Value) -> Evaluated<i64> {
        let number = self.index(value)?;
        number.to_i64().ok_or_else(|| raised("OverflowError", "Python int too large to convert to C long"))
    }

    fn bytes_of(&mut self, value: Option<Value>, encoding: Option<Value>, errors: Option<Value>) -> Evaluated<Arc<[u8]>> {
        let Some(value) = value else { return Ok(Arc::from(Vec::new())) };
        match self.form(&value)? {
            Form::Text(codes) => {
                if encoding.is_none() {
                    return type_error("string argument without an encoding");
                }
                match self.encoded(&codes, encoding, errors)? {
                    Value::Bytes(bytes) => Ok(bytes),
                    _ => type_error("no bytes"),
                }
            }
            _ if encoding.is_some() || errors.is_some() => type_error("encoding without a string argument"),
            Form::Bytes(bytes) | Form::Bytearray(bytes) => Ok(bytes),
            Form::Int(_) | Form::Bool(_) | Form::Big(_) => {
                let length = self.fitting(&value)?;
                if length < 0 {
                    return value_error("negative count");
                }
                self.taken(length as u64)?;
                Ok(Arc::from(vec![0u8; length as usize]))
            }
            Form::Array(_) | Form::Table(_) => {
                let name = self.type_name(&value);
                Err(refused(format!(
                    "the bytes of a {name} are made by C code, which is not run: a comprehension reads its items"
                )))
            }
            form => {
                if let Some(bytes) = self.buffer_of(&value, &form)? {
                    return Ok(bytes);
                }
                self.not_of_c(&value, &["__bytes__"])?;
                let cursor = self.cursor(&value);
                if let Err(failure) = &cursor
                    && failure.exception.is_none()
                {
                    return Err(failure.clone());
                }
                let Ok(cursor) = cursor else {
                    return type_error(format!("cannot convert '{}' object to bytes", self.type_name(&value)));
                };
                let mut bytes = Vec::new();
                for item in self.drain(cursor)? {
                    match u8::try_from(self.wide_index(&item)?) {
                        Ok(byte) => bytes.push(byte),
                        Err(_) => return value_error("bytes must be in range(0, 256)"),
                    }
                }
                Ok(Arc::from(bytes))
            }
        }
    }

    /// The memory that C code of a type lends; refused where the dump does not have it.
    fn buffer_of(&mut self, value: &Value, form: &Form) -> Evaluated<Option<Arc<[u8]>>> {
        let Value::Object(id) = value else { return Ok(None) };
        let object = self.dump.object(*id);
        if !matches!(form, Form::Other | Form::Sequence(_)) || !self.lends_memory(value) {
            return Ok(None);
        }
        match object.attribute("bytes") {
            Some(heapsake_loader::AttributeValue::Plain(ciborium::Value::Bytes(bytes)))
                if object.type_name() == "array.array" =>
            {
                self.taken(bytes.len() as u64)?;
                Ok(Some(bytes.into()))
            }
            _ => Err(refused(format!("the bytes of a {} are lent by C code, which is not run", self.type_name(value)))),
        }
    }

    fn dict_of(&mut self, given: Arguments) -> Evaluated<Value> {
        let mut entries = Entries::default();
        if given.positional.len() > 1 {
            return type_error(format!("dict expected at most 1 argument, got {}", given.positional.len()));
        }
        if let Some(value) = given.positional.first() {
            if let Form::Dict(store) = self.form(value)? {
                for (shown, value) in self.copied(&store)? {
                    self.put(&mut entries, shown, value)?;
                }
            } else {
                let mut cursor = self.cursor(value)?;
                let mut at = 0;
                while let Some(item) = self.next(&mut cursor)? {
                    let Ok(inner) = self.cursor(&item) else {
                        return type_error(format!("cannot convert dictionary update sequence element #{at} to a sequence"));
                    };
                    let pair = self.drain(inner)?;
                    let [key, value] = &pair[..] else {
                        let message =
                            format!("dictionary update sequence element #{at} has length {}; 2 is required", pair.len());
                        return value_error(message);
                    };
                    self.put(&mut entries, key.clone(), value.clone())?;
                    at += 1;
                }
            }
        }
        for (name, value) in given.named {
            let shown = Value::text(&name);
            let key = self.key(&shown)?;
            entries.insert(key, shown, value);
        }
        Ok(Value::Dict(Arc::new(entries)))
    }
}

/// An integer as `int` reads it.
fn parsed_integer(text: &str, radix: u32) -> Option<BigInt> {
    let text = text.trim_matches(|letter: char| super::methods::is_space(u32::from(letter)));
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let prefixed = |prefix: &str| lower.strip_prefix(prefix);
    let (radix, digits) = match (radix, prefixed("0x"), prefixed("0o"), prefixed("0b")) {
        (0 | 16, Some(digits), ..) => (16, digits),
        (0 | 8, _, Some(digits), _) => (8, digits),
        (0 | 2, .., Some(digits)) => (2, digits),
        (0, ..) => {
            let zeros = lower.trim_start_matches(['0', '_']);
            if lower.starts_with('0') && !zeros.is_empty() {
                return None;
            }
            (10, lower.as_str())
        }
        (radix, ..) => (radix, lower.as_str()),
    };
    let after_prefix = digits.len() < lower.len();
    let digits = if after_prefix { digits.strip_prefix('_').unwrap_or(digits) } else { digits };
    if digits.is_empty()
        || digits.starts_with('_')
        || digits.ends_with('_')
        || digits.contains("__")
        || digits.starts_with(['+', '-'])
    {
        return None;
    }
    // Digits of other scripts count too.
    let mut plain = String::new();
    for letter in digits.chars().filter(|letter| *letter != '_') {
        plain.push(if letter.is_ascii() { letter } else { char::from_digit(decimal_digit(letter)?, 10)? });
    }
    let number = BigInt::from_str_radix(&plain, radix).ok()?;
    Some(if negative && !number.is_zero() { -number } else { number })
}

/// The digit that a decimal of any script is: they stand in rows of ten.
fn decimal_digit(letter: char) -> Option<u32> {
    use unicode_general_category::{GeneralCategory, get_general_category};
    let is_decimal =
        |code: u32| char::from_u32(code).is_some_and(|letter| get_general_category(letter) == GeneralCategory::DecimalNumber);
    let code = u32::from(letter);
    if !is_decimal(code) {
        return None;
    }
    let start = (0..10).take_while(|back| is_decimal(code - back)).last()?;
    Some(start)
}

/// A complex number as `complex` reads it.
fn complex_of(text: &str) -> Evaluated<(f64, f64)> {
    let wrong = || value_error("complex() arg is a malformed string");
    let text = text.trim_matches(|letter: char| super::methods::is_space(u32::from(letter)));
    let text = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).map_or(text, str::trim);
    let Some(inner) = text.strip_suffix(['j', 'J']) else { return float_of(text).map(|real| (real, 0.0)).or_else(|_| wrong()) };
    // The last sign that is none of an exponent parts them.
    let signs = inner.char_indices().filter(|(at, letter)| matches!(letter, '+' | '-') && *at > 0);
    let cut = signs.filter(|(at, _)| !inner[..*at].ends_with(['e', 'E'])).map(|(at, _)| at).next_back().unwrap_or(0);
    let (real, imaginary) = inner.split_at(cut);
    let part = |text: &str| match text {
        "" | "+" => Ok(1.0),
        "-" => Ok(-1.0),
        text => float_of(text),
    };
    match (if real.is_empty() { Ok(0.0) } else { float_of(real) }, part(imaginary)) {
        (Ok(real), Ok(imaginary)) => Ok((real, imaginary)),
        _ => wrong(),
    }
}

/// A float as `float` reads it.
fn float_of(text: &str) -> Evaluated<f64> {
    let trimmed = text.trim_matches(|letter: char| super::methods::is_space(u32::from(letter)));
    let wrong = || value_error(format!("could not convert string to float: '{}'", harmless(text)));
    let bare = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    let underscores = bare.starts_with('_') || bare.ends_with('_') || bare.contains("__");
    let digits = bare.replace('_', "");
    let is_word = matches!(digits.to_ascii_lowercase().as_str(), "inf" | "infinity" | "nan");
    let is_number = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.chars().all(|letter| letter.is_ascii_digit() || matches!(letter, '.' | 'e' | 'E' | '+' | '-'));
    if underscores || !(is_word || is_number) {
        return wrong();
    }
    let sign = if trimmed.starts_with('-') { "-" } else { "" };
    format!("{sign}{digits}").parse().or_else(|_| wrong())
}
