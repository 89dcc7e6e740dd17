//! Formatting: specifications of `format` and f-strings, `str.format`, and `%`.

use num_bigint::{BigInt, Sign};
use num_traits::{Signed, ToPrimitive, Zero};

use super::arguments::Arguments;
use super::error::{Evaluated, raised, refused, type_error, value_error};
use super::evaluate::Evaluator;
use super::forms::Form;
use super::numbers::Number;
use super::representation::{complex_text, float_text};
use super::values::{Value, string_of};

/// A format specification.
#[derive(Clone, Debug)]
struct Specification {
    fill: u32,
    align: Option<char>,
    sign: char,
    alternate: bool,
    zeros: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

/// The widest a field is.
const WIDEST: usize = 1 << 24;

fn parsed(specification: &[u32]) -> Evaluated<Specification> {
    let letter = |at: usize| specification.get(at).and_then(|code| char::from_u32(*code));
    let is_align = |letter: Option<char>| matches!(letter, Some('<' | '>' | '=' | '^'));
    let mut found = Specification {
        fill: 0x20,
        align: None,
        sign: '-',
        alternate: false,
        zeros: false,
        width: 0,
        grouping: None,
        precision: None,
        kind: None,
    };
    let mut at = 0;
    if specification.len() > 1 && is_align(letter(1)) {
        (found.fill, found.align) = (specification[0], letter(1));
        at = 2;
    } else if is_align(letter(0)) {
        found.align = letter(0);
        at = 1;
    }
    if let Some(sign @ ('+' | '-' | ' ')) = letter(at) {
        found.sign = sign;
        at += 1;
    }
    if letter(at) == Some('z') {
        return Err(refused("the z of a format specification is not known here"));
    }
    if letter(at) == Some('#') {
        found.alternate = true;
        at += 1;
    }
    if letter(at) == Some('0') {
        found.zeros = true;
        at += 1;
    }
    let number = |at: &mut usize| -> Evaluated<Option<usize>> {
        let mut number = None;
        while let Some(digit) = letter(*at).and_then(|letter| letter.to_digit(10)) {
            let next = number.unwrap_or(0usize) * 10 + digit as usize;
            if next > WIDEST {
                return value_error("Too many decimal digits in format string");
            }
            number = Some(next);
            *at += 1;
        }
        Ok(number)
    };
    found.width = number(&mut at)?.unwrap_or(0);
    if let Some(grouping @ (',' | '_')) = letter(at) {
        found.grouping = Some(grouping);
        at += 1;
        if let Some(second @ (',' | '_')) = letter(at) {
            let both = if second == grouping {
                format!("Cannot specify '{second}' with '{second}'.")
            } else {
                "Cannot specify both ',' and '_'.".into()
            };
            return value_error(both);
        }
    }
    if letter(at) == Some('.') {
        at += 1;
        found.precision = number(&mut at)?;
        if found.precision.is_none() {
            return value_error("Format specifier missing precision");
        }
    }
    found.kind = letter(at);
    if at + usize::from(found.kind.is_some()) != specification.len() {
        return value_error("Invalid format specifier");
    }
    Ok(found)
}

impl Specification {
    /// Text within the width; numbers have their sign before zeros.
    fn padded(&self, text: &[u32], default: char) -> Vec<u32> {
        let missing = self.width.saturating_sub(text.len());
        let align = self.align.unwrap_or(default);
        let (left, right) = match align {
            '<' => (0, missing),
            '^' => (missing / 2, missing - missing / 2),
            _ => (missing, 0),
        };
        let mut out = Vec::with_capacity(text.len() + missing);
        out.resize(left, self.fill);
        out.extend_from_slice(text);
        out.resize(out.len() + right, self.fill);
        out
    }

    fn sign_of(&self, negative: bool) -> &'static str {
        match (negative, self.sign) {
            (true, _) => "-",
            (false, '+') => "+",
            (false, ' ') => " ",
            _ => "",
        }
    }

    /// A number of its sign with prefix, whole digits and the rest (point and exponent).
    fn number(&self, sign: &str, prefix: &str, digits: &str, rest: &str) -> Vec<u32> {
        let every = if matches!(self.kind, Some('b' | 'o' | 'x' | 'X')) { 4 } else { 3 };
        let align = self.align.unwrap_or(if self.zeros { '=' } else { '>' });
        let fill = if self.zeros && self.align.is_none() { 0x30 } else { self.fill };
        let fixed = sign.len() + prefix.len() + rest.len();
        let mut digits = digits.to_owned();
        if align == '=' && fill == 0x30 && self.zeros {
            // Zeros are digits, so that they are grouped too.
            let room = self.width.saturating_sub(fixed);
            match self.grouping {
                None => {
                    while digits.len() < room {
                        let missing = room - digits.len();
                        digits.insert_str(0, &"0".repeat(missing));
                    }
                }
                Some(_) => {
                    while digits.len() + (digits.len().max(1) - 1) / every < room {
                        digits.insert(0, '0');
                    }
                }
            }
        }
        if let Some(grouping) = self.grouping {
            let count = digits.len();
            let mut grouped = String::with_capacity(count * 4 / 3 + 1);
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (count - at).is_multiple_of(every) {
                    grouped.push(grouping);
                }
                grouped.push(digit);
            }
            digits = grouped;
        }
        let codes = |text: String| text.chars().map(u32::from).collect::<Vec<u32>>();
        if align == '=' {
            let mut out = codes(format!("{sign}{prefix}"));
            let body = codes(format!("{digits}{rest}"));
            out.resize(out.len() + self.width.saturating_sub(out.len() + body.len()), fill);
            out.extend(body);
            return out;
        }
        let filled = Specification { fill, ..self.clone() };
        filled.padded(&codes(format!("{sign}{prefix}{digits}{rest}")), '>')
    }

    fn float(&self, number: f64) -> Evaluated<Vec<u32>> {
        let kind = self.kind.unwrap_or('\0');
        let negative = number.is_sign_negative() && !number.is_nan();
        let magnitude = number.abs();
        let sign = self.sign_of(negative);
        if !matches!(kind, '\0' | 'f' | 'F' | '%' | 'e' | 'E' | 'g' | 'G' | 'n') {
            return value_error(format!("Unknown format code '{kind}' for object of type 'float'"));
        }
        if !number.is_finite() {
            let mut text = if number.is_nan() { "nan" } else { "inf" }.to_owned();
            if kind.is_ascii_uppercase() {
                text = text.to_uppercase();
            }
            if kind == '%' {
                text.push('%');
            }
            let plain = Specification { grouping: None, ..self.clone() };
            return Ok(plain.number(sign, "", "", &text));
        }
        let precision = self.precision.unwrap_or(6);
        let mut text = match kind {
            'f' | 'F' => format!("{magnitude:.precision$}"),
            '%' => {
                let hundred = magnitude * 100.0;
                format!("{hundred:.precision$}%")
            }
            'e' | 'E' => exponential(magnitude, precision),
            'g' | 'G' | 'n' => general(magnitude, precision.max(1), self.alternate, false),
            '\0' => match self.precision {
                None => float_text(magnitude),
                Some(precision) => general(magnitude, precision.max(1), self.alternate, true),
            },
            other => return value_error(format!("Unknown format code '{other}' for object of type 'float'")),
        };
        if self.alternate && precision == 0 && matches!(kind, 'f' | 'F' | 'e' | 'E') {
            let at = text.find('e').unwrap_or(text.len());
            text.insert(at, '.');
        }
        if kind.is_ascii_uppercase() {
            text = text.to_uppercase();
        }
        let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        Ok(self.number(sign, "", &text[..end], &text[end..]))
    }

    fn integer(&self, number: &BigInt) -> Evaluated<Vec<u32>> {
        let kind = self.kind.unwrap_or('d');
        if matches!(kind, 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') {
            return self.float(Number::Big(number.clone()).float()?);
        }
        if self.precision.is_some() {
            return value_error("Precision not allowed in integer format specifier");
        }
        if kind == 'c' {
            let code = number.to_u32().filter(|code| *code <= 0x10_ffff);
            let Some(code) = code else { return Err(raised("OverflowError", "%c arg not in range(0x110000)")) };
            return Ok(self.padded(&[code], '<'));
        }
        let (radix, prefix) = match kind {
            'd' | 'n' => (10, ""),
            'b' => (2, "0b"),
            'o' => (8, "0o"),
            'x' => (16, "0x"),
            'X' => (16, "0X"),
            other => return value_error(format!("Unknown format code '{other}' for object of type 'int'")),
        };
        if self.grouping == Some(',') && radix != 10 {
            return value_error(format!("Cannot specify ',' with '{kind}'."));
        }
        let mut digits = number.magnitude().to_str_radix(radix);
        if kind == 'X' {
            digits = digits.to_uppercase();
        }
        let prefix = if self.alternate { prefix } else { "" };
        Ok(self.number(self.sign_of(number.is_negative()), prefix, &digits, ""))
    }
}

/// Digits, point, exponent of two digits at least.
fn exponential(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// As `%g` writes it; `plain` keeps one digit after the point, as `str` does.
fn general(number: f64, precision: usize, alternate: bool, plain: bool) -> String {
    let scientific = format!("{number:.*e}", precision - 1);
    let exponent: i32 = scientific.split_once('e').map_or(0, |(_, exponent)| exponent.parse().unwrap_or(0));
    let most = precision as i32 - i32::from(plain);
    let trimmed = |text: String| {
        if alternate || !text.contains('.') {
            return text;
        }
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    if exponent < -4 || exponent >= most {
        let text = exponential(number, precision - 1);
        let (mantissa, tail) = text.split_once('e').unwrap_or((&text, ""));
        return format!("{}e{tail}", trimmed(mantissa.to_owned()));
    }
    let after = (precision as i32 - 1 - exponent).max(0) as usize;
    let text = trimmed(format!("{number:.after$}"));
    if plain && !text.contains('.') { format!("{text}.0") } else { text }
}

/// What Python takes for a mapping of values, of which not all need be used.
fn is_mapping(form: &Form) -> bool {
    matches!(form, Form::Dict(_) | Form::List(_) | Form::Bytes(_) | Form::Bytearray(_) | Form::Range(_))
}

impl Evaluator<'_> {
    /// `format(value, specification)`.
    pub(crate) fn format(&mut self, value: &Value, specification: &[u32]) -> Evaluated<Vec<u32>> {
        if let Some(class) = self.overrides(value, "__format__") {
            return Err(self.not_run(value, &class, "__format__"));
        }
        if specification.is_empty() {
            return self.str(value);
        }
        self.taken(specification.len() as u64)?;
        let form = self.form(value)?;
        let unsupported = |name: String| type_error(format!("unsupported format string passed to {name}.__format__"));
        match form {
            Form::Text(codes) => {
                let found = parsed(specification)?;
                self.taken(found.width as u64)?;
                if !matches!(found.kind, None | Some('s')) {
                    let kind = found.kind.unwrap_or('s');
                    return value_error(format!("Unknown format code '{kind}' for object of type 'str'"));
                }
                if found.sign != '-' {
                    return value_error("Sign not allowed in string format specifier");
                }
                if found.alternate {
                    return value_error("Alternate form (#) not allowed in string format specifier");
                }
                if let Some(grouping) = found.grouping {
                    return value_error(format!("Cannot specify '{grouping}' with 's'."));
                }
                if found.align == Some('=') {
                    return value_error("'=' alignment not allowed in string format specifier");
                }
                let cut = found.precision.map_or(codes.len(), |most| most.min(codes.len()));
                let fill = if found.zeros && found.align.is_none() { 0x30 } else { found.fill };
                Ok(Specification { fill, ..found }.padded(&codes[..cut], '<'))
            }
            Form::Bool(_) | Form::Int(_) | Form::Big(_) => {
                let found = parsed(specification)?;
                self.taken(found.width.max(found.precision.unwrap_or(0)) as u64)?;
                if let (Form::Bool(flag), None | Some('s')) = (&form, found.kind)
                    && found.kind == Some('s')
                {
                    let _ = flag;
                    return value_error("Unknown format code 's' for object of type 'bool'");
                }
                let number = Number::of(&form).map(|number| number.big()).unwrap_or_default();
                self.digits_allowed(number.bits())?;
                found.integer(&number)
            }
            Form::Float(number) => {
                let found = parsed(specification)?;
                self.taken(found.width.max(found.precision.unwrap_or(0)) as u64)?;
                found.float(number)
            }
            Form::Complex(real, imaginary) => {
                let found = parsed(specification)?;
                if found.kind.is_none()
                    && found.precision.is_none()
                    && !found.zeros
                    && found.sign == '-'
                    && found.align != Some('=')
                {
                    let text: Vec<u32> = complex_text(real, imaginary).chars().map(u32::from).collect();
                    return Ok(found.padded(&text, '>'));
                }
                if found.zeros || found.align == Some('=') {
                    return value_error("Zero padding is not allowed in complex format specifier");
                }
                match found.kind {
                    Some('e' | 'E' | 'f' | 'F' | 'g' | 'G') => {
                        let part = Specification { width: 0, align: None, ..found.clone() };
                        let mut text = part.float(real)?;
                        text.extend(Specification { sign: '+', ..part }.float(imaginary)?);
                        text.push(u32::from('j'));
                        Ok(found.padded(&text, '>'))
                    }
                    None => Err(refused("this format specification of a complex number is not known here")),
                    Some(kind) => value_error(format!("Unknown format code '{kind}' for object of type 'complex'")),
                }
            }
            _ => {
                if let Value::Object(_) = value
                    && let Some((class, _)) = self.class_attribute(value, "__format__")
                    && self.class_name(&Value::Object(class)) != "object"
                {
                    return Err(refused(format!("formatting a {} is C code, which is not run", self.type_name(value))));
                }
                unsupported(self.type_name(value))
            }
        }
    }

    /// `template.format(…)`.
    pub(crate) fn format_template(&mut self, template: &[u32], given: Arguments) -> Evaluated<Vec<u32>> {
        let mut automatic = Some(0usize);
        self.template(template, &given, &mut automatic, 2)
    }

    fn template(
        &mut self,
        template: &[u32],
        given: &Arguments,
        automatic: &mut Option<usize>,
        depth: usize,
    ) -> Evaluated<Vec<u32>> {
        const OPEN: u32 = '{' as u32;
        const CLOSE: u32 = '}' as u32;
        if depth == 0 {
            return value_error("Max string recursion exceeded");
        }
        let mut out = Vec::new();
        let mut at = 0;
        while at < template.len() {
            self.step()?;
            let code = template[at];
            if code == CLOSE {
                if template.get(at + 1) != Some(&CLOSE) {
                    return value_error("Single '}' encountered in format string");
                }
                out.push(CLOSE);
                at += 2;
                continue;
            }
            if code != OPEN {
                out.push(code);
                at += 1;
                continue;
            }
            if template.get(at + 1) == Some(&OPEN) {
                out.push(OPEN);
                at += 2;
                continue;
            }
            at += 1;
            let from = at;
            let mut nested = 1;
            let mut brackets = false;
            let mut name_end = None;
            while at < template.len() && nested > 0 {
                match char::from_u32(template[at]) {
                    Some('[') if name_end.is_none() => brackets = true,
                    Some(']') => brackets = false,
                    Some('{') if !brackets => nested += 1,
                    Some('}') if !brackets => nested -= 1,
                    Some('!' | ':') if nested == 1 && !brackets && name_end.is_none() => name_end = Some(at),
                    _ => {}
                }
                at += 1;
            }
            if nested > 0 {
                return value_error(if from == template.len() {
                    "Single '{' encountered in format string"
                } else {
                    "expected '}' before end of string"
                });
            }
            let end = at - 1;
            let name = string_of(&template[from..name_end.unwrap_or(end)]);
            let mut rest = &template[name_end.unwrap_or(end)..end];
            let mut value = self.field(&name, given, automatic)?;
            if let [0x21, conversion, more @ ..] = rest {
                value = match char::from_u32(*conversion) {
                    Some('r') => Value::codes(&self.repr(&value)?),
                    Some('s') => Value::codes(&self.str(&value)?),
                    Some('a') => Value::codes(&self.ascii(&value)?),
                    other => return value_error(format!("Unknown conversion specifier {}", other.unwrap_or('?'))),
                };
                rest = more;
            }
            let specification = match rest {
                [] => Vec::new(),
                [0x3a, specification @ ..] => self.template(specification, given, automatic, depth - 1)?,
                _ => return value_error("expected ':' after conversion specifier"),
            };
            out.extend(self.format(&value, &specification)?);
            self.taken(out.len() as u64)?;
        }
        Ok(out)
    }

    /// `0.name[key]` of a template.
    fn field(&mut self, name: &str, given: &Arguments, automatic: &mut Option<usize>) -> Evaluated<Value> {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (first, mut rest) = name.split_at(end);
        let position = if first.is_empty() {
            let Some(next) = automatic else {
                return value_error("cannot switch from manual field specification to automatic field numbering");
            };
            *next += 1;
            Some(*next - 1)
        } else if first.bytes().all(|digit| digit.is_ascii_digit()) {
            if automatic.is_some_and(|next| next > 0) {
                return value_error("cannot switch from automatic field numbering to manual field specification");
            }
            *automatic = None;
            first.parse().ok()
        } else {
            None
        };
        let mut value = match position {
            Some(position) => match given.positional.get(position) {
                Some(value) => value.clone(),
                None => {
                    let message = format!("Replacement index {position} out of range for positional args tuple");
                    return Err(raised("IndexError", message));
                }
            },
            None => match given.named.iter().find(|(known, _)| &**known == first) {
                Some((_, value)) => value.clone(),
                None => return Err(raised("KeyError", format!("'{first}'"))),
            },
        };
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                if end == 0 {
                    return value_error("Empty attribute in format string");
                }
                value = self.attribute(&value, &after[..end])?;
                rest = &after[end..];
            } else if let Some(after) = rest.strip_prefix('[') {
                let Some(end) = after.find(']') else { return value_error("Missing ']' in format string") };
                let key = &after[..end];
                if key.is_empty() {
                    return value_error("Empty attribute in format string");
                }
                let key = key.parse().map_or_else(|_| Value::text(key), Value::Int);
                value = self.item(&value, &key)?;
                rest = &after[end + 1..];
            } else {
                return value_error("Only '.' or '[' may follow ']' in format field specifier");
            }
        }
        Ok(value)
    }

    /// `template % values`.
    pub(crate) fn percent(&mut self, template: &[u32], values: &Value) -> Evaluated<Vec<u32>> {
        self.percent_within(template, values, false)
    }

    pub(crate) fn percent_of_bytes(&mut self, template: &[u32], values: &Value) -> Evaluated<Vec<u32>> {
        self.percent_within(template, values, true)
    }

    fn percent_within(&mut self, template: &[u32], values: &Value, is_bytes: bool) -> Evaluated<Vec<u32>> {
        let form = self.form(values)?;
        let (given, is_mapping) = match &form {
            Form::Tuple(items) => (self.all(items)?, false),
            Form::Bytes(_) | Form::Bytearray(_) if is_bytes => (vec![values.clone()], false),
            form => (vec![values.clone()], is_mapping(form)),
        };
        let mut next = 0;
        let mut used_mapping = false;
        let mut out: Vec<u32> = Vec::new();
        let mut at = 0;
        let letter = |at: usize| template.get(at).and_then(|code| char::from_u32(*code));
        while at < template.len() {
            self.step()?;
            if template[at] != u32::from('%') {
                out.push(template[at]);
                at += 1;
                continue;
            }
            at += 1;
            let mut keyed = None;
            if letter(at) == Some('(') {
                let Form::Dict(_) = &form else { return type_error("format requires a mapping") };
                let from = at + 1;
                let mut nested = 1;
                at += 1;
                while nested > 0 {
                    match letter(at) {
                        Some('(') => nested += 1,
                        Some(')') => nested -= 1,
                        None if at >= template.len() => return value_error("incomplete format key"),
                        _ => {}
                    }
                    at += 1;
                }
                let key = &template[from..at - 1];
                let key = if is_bytes {
                    Value::bytes(&key.iter().map(|code| *code as u8).collect::<Vec<u8>>())
                } else {
                    Value::codes(key)
                };
                keyed = Some(self.item(values, &key)?);
                used_mapping = true;
            }
            let mut found = Specification {
                fill: 0x20,
                align: None,
                sign: '-',
                alternate: false,
                zeros: false,
                width: 0,
                grouping: None,
                precision: None,
                kind: None,
            };
            let mut left = false;
            while let Some(flag @ ('-' | '+' | ' ' | '#' | '0')) = letter(at) {
                match flag {
                    '-' => left = true,
                    '+' => found.sign = '+',
                    ' ' if found.sign != '+' => found.sign = ' ',
                    '#' => found.alternate = true,
                    '0' => found.zeros = true,
                    _ => {}
                }
                at += 1;
            }
            let mut take = |keyed: &mut Option<Value>| match keyed.take() {
                Some(value) => Ok(value),
                None => {
                    next += 1;
                    given.get(next - 1).cloned().ok_or_else(|| raised("TypeError", "not enough arguments for format string"))
                }
            };
            let mut number = |evaluator: &mut Self, at: &mut usize| -> Evaluated<Option<i128>> {
                if letter(*at) == Some('*') {
                    *at += 1;
                    let value = take(&mut None)?;
                    if !matches!(evaluator.form(&value)?, Form::Int(_) | Form::Bool(_)) {
                        return type_error("* wants int");
                    }
                    return evaluator.wide_index(&value).map(Some);
                }
                let mut number = None;
                while let Some(digit) = letter(*at).and_then(|letter| letter.to_digit(10)) {
                    number = Some((number.unwrap_or(0) * 10 + i128::from(digit)).min(WIDEST as i128 + 1));
                    *at += 1;
                }
                Ok(number)
            };
            let width = number(self, &mut at)?.unwrap_or(0);
            left |= width < 0;
            if letter(at) == Some('.') {
                at += 1;
                found.precision = Some(number(self, &mut at)?.unwrap_or(0).clamp(0, WIDEST as i128) as usize);
            }
            if width.unsigned_abs() as usize > WIDEST {
                return value_error("width too big");
            }
            found.width = width.unsigned_abs() as usize;
            self.taken(found.width.max(found.precision.unwrap_or(0)) as u64)?;
            while matches!(letter(at), Some('h' | 'l' | 'L')) {
                at += 1;
            }
            let Some(kind) = letter(at) else { return value_error("incomplete format") };
            at += 1;
            if kind == '%' {
                out.push(u32::from('%'));
                continue;
            }
            if left {
                found.align = Some('<');
                found.zeros = false;
            }
            let value = take(&mut keyed)?;
            out.extend(self.percent_one(kind, found, &value, is_bytes)?);
            self.taken(out.len() as u64)?;
        }
        if next < given.len() && !used_mapping && !is_mapping {
            return type_error("not all arguments converted during string formatting");
        }
        Ok(out)
    }

    fn percent_one(&mut self, kind: char, mut found: Specification, value: &Value, is_bytes: bool) -> Evaluated<Vec<u32>> {
        let codes = match kind {
            's' | 'b' if is_bytes => match self.form(value)? {
                Form::Bytes(bytes) | Form::Bytearray(bytes) => bytes.iter().map(|byte| u32::from(*byte)).collect(),
                _ => {
                    let given = self.type_name(value);
                    return type_error(format!(
                        "%b requires a bytes-like object, or an object that implements __bytes__, not '{given}'"
                    ));
                }
            },
            's' => self.str(value)?,
            'r' if is_bytes => self.ascii(value)?,
            'r' => self.repr(value)?,
            'a' => self.ascii(value)?,
            'c' => match self.form(value)? {
                Form::Text(codes) if codes.len() == 1 && !is_bytes => codes.to_vec(),
                Form::Bytes(bytes) if bytes.len() == 1 && is_bytes => vec![u32::from(bytes[0])],
                Form::Int(_) | Form::Bool(_) | Form::Big(_) => {
                    let code = self.wide_index(value)?;
                    let most = if is_bytes { 0xff } else { 0x10_ffff };
                    match u32::try_from(code) {
                        Ok(code) if code <= most => vec![code],
                        _ => return Err(raised("OverflowError", "%c arg not in range(0x110000)")),
                    }
                }
                _ => return type_error("%c requires an int or a unicode character"),
            },
            'd' | 'i' | 'u' | 'o' | 'x' | 'X' => {
                let form = self.form(value)?;
                let number = match Number::of(&form) {
                    Some(Number::Float(float)) if matches!(kind, 'd' | 'i' | 'u') => match super::numbers::truncated(float)? {
                        Value::Int(number) => BigInt::from(number),
                        Value::Big(number) => (*number).clone(),
                        _ => BigInt::zero(),
                    },
                    Some(number @ (Number::Int(_) | Number::Big(_))) => number.big(),
                    _ => {
                        let given = self.type_name(value);
                        let wanted = if matches!(kind, 'd' | 'i' | 'u') { "a real number" } else { "an integer" };
                        return type_error(format!("%{kind} format: {wanted} is required, not {given}"));
                    }
                };
                self.digits_allowed(number.bits())?;
                let (radix, prefix) = match kind {
                    'o' => (8, "0o"),
                    'x' => (16, "0x"),
                    'X' => (16, "0X"),
                    _ => (10, ""),
                };
                let mut digits = number.magnitude().to_str_radix(radix);
                if kind == 'X' {
                    digits = digits.to_uppercase();
                }
                if let Some(precision) = found.precision.take()
                    && digits.len() < precision
                {
                    digits.insert_str(0, &"0".repeat(precision - digits.len()));
                }
                let prefix = if found.alternate { prefix } else { "" };
                let sign = found.sign_of(number.sign() == Sign::Minus);
                return Ok(found.number(sign, prefix, &digits, ""));
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let form = self.form(value)?;
                let number = match Number::of(&form) {
                    Some(number) if !matches!(number, Number::Complex(..)) => number.float()?,
                    _ => return type_error(format!("must be real number, not {}", self.type_name(value))),
                };
                found.kind = Some(kind);
                return found.float(number);
            }
            other => {
                return value_error(format!("unsupported format character '{other}' ({:#x})", u32::from(other)));
            }
        };
        let cut = found.precision.filter(|_| kind != 'c').map_or(codes.len(), |most| most.min(codes.len()));
        found.zeros = false;
        Ok(found.padded(&codes[..cut], '>'))
    }
}
