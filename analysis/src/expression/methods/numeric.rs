//! Methods of numbers.

use num_bigint::{BigInt, Sign};
use num_traits::{Signed, Zero};

use super::super::arguments::Arguments;
use super::super::error::{Evaluated, raised, refused, type_error, value_error};
use super::super::evaluate::Evaluator;
use super::super::forms::Form;
use super::super::numbers::{Number, within};
use super::super::values::Value;

impl Evaluator<'_> {
    pub(super) fn number_method(&mut self, value: &Value, form: &Form, name: &'static str, given: Arguments) -> Evaluated<Value> {
        let Some(number) = Number::of(form) else {
            return type_error(format!("a {} has no method {name}", self.type_name(value)));
        };
        match (name, number) {
            ("to_bytes", number) => {
                let [length, order, signed] = given.bind(name, ["length", "byteorder", "*signed"], 0)?;
                self.bytes_of_integer(&number.big(), length, order, signed)
            }
            (_, number) => {
                given.positions(name, 0, 0)?;
                Ok(match (name, number) {
                    ("bit_length", number) => Value::wide(i128::from(number.big().bits())),
                    ("bit_count", number) => {
                        let ones: u64 =
                            number.big().magnitude().iter_u64_digits().map(|digit| u64::from(digit.count_ones())).sum();
                        Value::wide(i128::from(ones))
                    }
                    ("conjugate", Number::Complex(real, imaginary)) => Value::Complex(real, -imaginary),
                    ("conjugate", Number::Float(number)) => Value::Float(number),
                    ("conjugate", number) => Value::integer(number.big()),
                    ("is_integer", Number::Float(number)) => Value::Bool(number.is_finite() && number.fract() == 0.0),
                    ("is_integer", _) => Value::Bool(true),
                    ("as_integer_ratio", Number::Float(number)) => ratio(number)?,
                    ("as_integer_ratio", number) => Value::tuple(vec![Value::integer(number.big()), Value::Int(1)]),
                    ("hex", Number::Float(number)) => Value::text(&hexadecimal(number)),
                    _ => return Err(refused(format!("{name}() is not known here"))),
                })
            }
        }
    }

    fn byte_order(&mut self, order: Option<Value>) -> Evaluated<bool> {
        let order = match order {
            None => "big".to_owned(),
            Some(order) => match self.text_of(&order) {
                Some(order) => order,
                None => return type_error("byteorder must be str"),
            },
        };
        match order.as_str() {
            "big" => Ok(true),
            "little" => Ok(false),
            _ => value_error("byteorder must be either 'little' or 'big'"),
        }
    }

    fn bytes_of_integer(
        &mut self,
        number: &BigInt,
        length: Option<Value>,
        order: Option<Value>,
        signed: Option<Value>,
    ) -> Evaluated<Value> {
        let length = match length {
            None => 1,
            Some(length) => self.wide_index(&length)?,
        };
        let big = self.byte_order(order)?;
        let signed = match signed {
            None => false,
            Some(signed) => self.truth(&signed)?,
        };
        if length < 0 {
            return value_error("length argument must be non-negative");
        }
        self.taken(length as u64)?;
        if number.is_negative() && !signed {
            return Err(raised("OverflowError", "can't convert negative int to unsigned"));
        }
        let bytes = if signed { number.to_signed_bytes_le() } else { number.to_bytes_le().1 };
        let bytes = if number.is_zero() { Vec::new() } else { bytes };
        if bytes.len() > length as usize {
            return Err(raised("OverflowError", "int too big to convert"));
        }
        let mut bytes = bytes;
        bytes.resize(length as usize, if number.is_negative() { 0xff } else { 0 });
        if big {
            bytes.reverse();
        }
        Ok(Value::bytes(&bytes))
    }

    pub(super) fn integer_of_bytes(
        &mut self,
        bytes: Option<Value>,
        order: Option<Value>,
        signed: Option<Value>,
    ) -> Evaluated<Value> {
        let bytes = bytes.unwrap_or(Value::None);
        let (Form::Bytes(bytes) | Form::Bytearray(bytes)) = self.form(&bytes)? else {
            return type_error(format!("cannot convert '{}' object to bytes", self.type_name(&bytes)));
        };
        let big = self.byte_order(order)?;
        let signed = match signed {
            None => false,
            Some(signed) => self.truth(&signed)?,
        };
        within(bytes.len() as u64 * 8)?;
        self.sized(Value::integer(match (big, signed) {
            (true, true) => BigInt::from_signed_bytes_be(&bytes),
            (false, true) => BigInt::from_signed_bytes_le(&bytes),
            (true, false) => BigInt::from_bytes_be(Sign::Plus, &bytes),
            (false, false) => BigInt::from_bytes_le(Sign::Plus, &bytes),
        }))
    }
}

/// Numerator and denominator of a float.
fn ratio(number: f64) -> Evaluated<Value> {
    if number.is_nan() {
        return value_error("cannot convert NaN to integer ratio");
    }
    if number.is_infinite() {
        return Err(raised("OverflowError", "cannot convert Infinity to integer ratio"));
    }
    let bits = number.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i64;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
    let mut above = BigInt::from(mantissa);
    let mut below = BigInt::from(1);
    if exponent >= 0 {
        above <<= exponent as u64;
    } else {
        let common = above.trailing_zeros().unwrap_or(0).min(exponent.unsigned_abs());
        above >>= common;
        if !above.is_zero() {
            below <<= exponent.unsigned_abs() - common;
        }
    }
    Ok(Value::tuple(vec![Value::integer(if number < 0.0 { -above } else { above }), Value::integer(below)]))
}

/// A float as `float.hex` writes it.
fn hexadecimal(number: f64) -> String {
    let sign = if number.is_sign_negative() { "-" } else { "" };
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return format!("{sign}inf");
    }
    if number == 0.0 {
        return format!("{sign}0x0.0p+0");
    }
    let bits = number.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i64;
    let fraction = bits & ((1 << 52) - 1);
    let (lead, exponent) = if exponent == 0 { (0, -1022) } else { (1, exponent - 1023) };
    format!("{sign}0x{lead}.{fraction:013x}p{exponent:+}")
}
