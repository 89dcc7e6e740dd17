//! `round`: half to even, as the exact decimal value says.

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{FromPrimitive, ToPrimitive};

use super::arguments::Arguments;
use super::error::{Evaluated, raised, type_error};
use super::evaluate::Evaluator;
use super::forms::Form;
use super::numbers::{self, Number};
use super::values::Value;

impl Evaluator<'_> {
    pub(super) fn round(&mut self, given: Arguments) -> Evaluated<Value> {
        let [number, digits] = given.bind("round", ["number", "ndigits"], 1)?;
        let number = number.unwrap_or(Value::None);
        if let Some(class) = self.overrides(&number, "__round__") {
            return Err(self.not_run(&number, &class, "__round__"));
        }
        let digits = match digits {
            None => None,
            Some(digits) if matches!(self.form(&digits)?, Form::None) => None,
            Some(digits) => Some(self.wide_index(&digits)?),
        };
        match (Number::of(&self.form(&number)?), digits) {
            (Some(Number::Float(float)), None) => numbers::truncated(float.round_ties_even()),
            (Some(Number::Float(float)), Some(digits)) => Ok(Value::Float(rounded(float, digits)?)),
            (Some(number @ (Number::Int(_) | Number::Big(_))), Some(digits)) if digits < 0 => {
                let power = digits.unsigned_abs();
                let number = number.big();
                // 10 has more than three bits: the unit is more than twice the number.
                if power.saturating_mul(3) > u128::from(number.bits()) + 1 {
                    return Ok(Value::Int(0));
                }
                let unit = BigInt::from(10).pow(power as u32);
                numbers::divisible(number.bits(), unit.bits())?;
                let (quotient, rest) = number.div_mod_floor(&unit);
                let twice = &rest * 2;
                let up = twice > unit || (twice == unit && quotient.is_odd());
                self.sized(Value::integer((quotient + i32::from(up)) * unit))
            }
            (Some(number @ (Number::Int(_) | Number::Big(_))), _) => self.sized(Value::integer(number.big())),
            _ => {
                self.not_of_c(&number, &["__round__"])?;
                type_error(format!("type {} doesn't define __round__ method", self.type_name(&number)))
            }
        }
    }
}

/// A float to some digits, half to even as its exact decimal value says.
fn rounded(number: f64, digits: i128) -> Evaluated<f64> {
    if !number.is_finite() || digits > 323 {
        return Ok(number);
    }
    if digits < -308 {
        return Ok(0f64.copysign(number));
    }
    let found = if digits >= 0 {
        format!("{number:.*}", digits as usize).parse().unwrap_or(number)
    } else {
        // Exactly, as an integer: what is behind the point decides ties alone.
        let unit = BigInt::from(10).pow(digits.unsigned_abs() as u32);
        let whole = BigInt::from_f64(number.abs().trunc()).unwrap_or_default();
        let (quotient, rest) = whole.div_rem(&unit);
        let twice = &rest * 2;
        let more = number.fract() != 0.0;
        let up = twice > unit || (twice == unit && (more || quotient.is_odd()));
        let magnitude = ((quotient + i32::from(up)) * unit).to_f64().unwrap_or(f64::INFINITY);
        magnitude.copysign(number)
    };
    if found.is_infinite() {
        return Err(raised("OverflowError", "rounded value too large to represent"));
    }
    Ok(found)
}
