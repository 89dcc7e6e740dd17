//! Formatting with `%`.

use num_bigint::{BigInt, Sign};
use num_traits::Zero;

use super::error::{Evaluated, raised, type_error, value_error};
use super::evaluate::Evaluator;
use super::forms::Form;
use super::numbers::Number;
use super::specification::{Specification, WIDEST};
use super::values::Value;

/// What Python takes for a mapping of values, of which not all need be used.
fn is_mapping(form: &Form) -> bool {
    matches!(form, Form::Dict(_) | Form::List(_) | Form::Bytes(_) | Form::Bytearray(_) | Form::Range(_))
}

impl Evaluator<'_> {
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
            if letter(at) == Some('%') {
                out.push(u32::from('%'));
                at += 1;
                continue;
            }
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
            let mut found = Specification::default();
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
            self.taken(found.width.max(found.precision.unwrap_or(0)) as u64 * 4)?;
            while matches!(letter(at), Some('h' | 'l' | 'L')) {
                at += 1;
            }
            let Some(kind) = letter(at) else { return value_error("incomplete format") };
            at += 1;
            if left {
                found.align = Some('<');
                found.zeros = false;
            }
            let value = take(&mut keyed)?;
            let shown = self.percent_one(kind, found, &value, is_bytes)?;
            self.within_bytes(out.len() + shown.len())?;
            self.taken(shown.len() as u64 * 4)?;
            out.extend(shown);
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
                        let integers = matches!(kind, 'o' | 'x' | 'X');
                        self.not_of_c(value, if integers { &["__index__"] } else { &["__index__", "__int__", "__trunc__"] })?;
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
                    _ => {
                        self.not_of_c(value, &["__float__", "__index__"])?;
                        return type_error(format!("must be real number, not {}", self.type_name(value)));
                    }
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
