//! Arithmetic on numbers, exactly as Python does it.

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{FromPrimitive, One, Pow, Signed, ToPrimitive, Zero};

use super::error::{Evaluated, raised, refused};
use super::forms::Form;
use super::syntax::{BinaryOperator, UnaryOperator};
use super::values::Value;

/// The most bits of an integer that is computed.
pub(crate) const MOST_BITS: u64 = 1 << 23;

/// Whether an integer of so many bits is computed.
pub(crate) fn within(bits: u64) -> Evaluated<()> {
    if bits > MOST_BITS {
        return Err(refused(format!("an integer of {bits} bits is more than the {MOST_BITS} that are computed")));
    }
    Ok(())
}

/// A number.
#[derive(Clone, Debug)]
pub(crate) enum Number {
    Int(i64),
    Big(BigInt),
    Float(f64),
    Complex(f64, f64),
}

impl Number {
    pub(crate) fn of(form: &Form) -> Option<Number> {
        Some(match form {
            Form::Bool(flag) => Number::Int(i64::from(*flag)),
            Form::Int(number) => Number::Int(*number),
            Form::Big(number) => Number::Big((**number).clone()),
            Form::Float(number) => Number::Float(*number),
            Form::Complex(real, imaginary) => Number::Complex(*real, *imaginary),
            _ => return None,
        })
    }

    fn rank(&self) -> u8 {
        match self {
            Number::Int(_) | Number::Big(_) => 0,
            Number::Float(_) => 1,
            Number::Complex(..) => 2,
        }
    }

    pub(crate) fn big(&self) -> BigInt {
        match self {
            Number::Int(number) => BigInt::from(*number),
            Number::Big(number) => number.clone(),
            _ => BigInt::zero(),
        }
    }

    /// As a float; an integer that is too large raises.
    pub(crate) fn float(&self) -> Evaluated<f64> {
        match self {
            Number::Int(number) => Ok(*number as f64),
            Number::Big(number) => match number.to_f64() {
                Some(float) if float.is_finite() => Ok(float),
                _ => Err(raised("OverflowError", "int too large to convert to float")),
            },
            Number::Float(number) => Ok(*number),
            Number::Complex(real, _) => Ok(*real),
        }
    }

    fn complex(&self) -> Evaluated<(f64, f64)> {
        match self {
            Number::Complex(real, imaginary) => Ok((*real, *imaginary)),
            other => Ok((other.float()?, 0.0)),
        }
    }
}

pub(crate) fn unary(operator: UnaryOperator, form: &Form) -> Option<Value> {
    let number = Number::of(form)?;
    Some(match (operator, number) {
        (UnaryOperator::Plus, Number::Int(number)) => Value::Int(number),
        (UnaryOperator::Plus, Number::Big(number)) => Value::integer(number),
        (UnaryOperator::Plus, Number::Float(number)) => Value::Float(number),
        (UnaryOperator::Plus, Number::Complex(real, imaginary)) => Value::Complex(real, imaginary),
        (UnaryOperator::Minus, Number::Int(number)) => {
            number.checked_neg().map_or_else(|| Value::integer(-BigInt::from(number)), Value::Int)
        }
        (UnaryOperator::Minus, Number::Big(number)) => Value::integer(-number),
        (UnaryOperator::Minus, Number::Float(number)) => Value::Float(-number),
        (UnaryOperator::Minus, Number::Complex(real, imaginary)) => Value::Complex(-real, -imaginary),
        (UnaryOperator::Invert, Number::Int(number)) => Value::Int(!number),
        (UnaryOperator::Invert, Number::Big(number)) => Value::integer(-number - 1i32),
        (UnaryOperator::Invert, _) => return None,
    })
}

/// The most products of two digits of 64 bits that one operation takes: less than a second.
const MOST_PRODUCTS: u64 = 1 << 28;

/// Digits of 64 bits.
pub(crate) fn digits(bits: u64) -> u64 {
    bits / 64 + 1
}

/// Refuses what takes too many products.
fn within_products(products: u64) -> Evaluated<()> {
    if products > MOST_PRODUCTS {
        return Err(refused("integers this large are not computed with: it would take too long"));
    }
    Ok(())
}

/// Refuses a division of integers of so many bits when it takes too long.
pub(crate) fn divisible(above: u64, below: u64) -> Evaluated<()> {
    within_products(digits(above.saturating_sub(below)).saturating_mul(digits(below)))
}

/// The result of two numbers; none where Python has no such operation on them.
/// `mixed` says that a real operand of a complex one stays real.
pub(crate) fn binary(operator: BinaryOperator, left: &Number, right: &Number, mixed: bool) -> Evaluated<Option<Value>> {
    use BinaryOperator as O;
    if mixed && (left.rank() == 2) != (right.rank() == 2) && matches!(operator, O::Add | O::Subtract | O::Multiply | O::Divide) {
        return mixed_complexes(operator, left, right).map(Some);
    }
    if matches!(operator, O::MatrixMultiply) {
        return Ok(None);
    }
    match left.rank().max(right.rank()) {
        0 => integers(operator, left, right).map(Some),
        _ if matches!(operator, O::ShiftLeft | O::ShiftRight | O::And | O::Or | O::Xor) => Ok(None),
        1 => floats(operator, left.float()?, right.float()?).map(Some),
        _ => complexes(operator, left.complex()?, right.complex()?),
    }
}

fn integers(operator: BinaryOperator, left: &Number, right: &Number) -> Evaluated<Value> {
    use BinaryOperator as O;
    if let (Number::Int(one), Number::Int(other)) = (left, right) {
        let quick = match operator {
            O::Add => one.checked_add(*other),
            O::Subtract => one.checked_sub(*other),
            O::Multiply => one.checked_mul(*other),
            O::FloorDivide if *other != 0 => one
                .checked_div(*other)
                .map(|quotient| if one % other != 0 && (one < &0) != (other < &0) { quotient - 1 } else { quotient }),
            O::Modulo if *other != 0 => {
                one.checked_rem(*other).map(|rest| if rest != 0 && (rest < 0) != (*other < 0) { rest + other } else { rest })
            }
            O::And => Some(one & other),
            O::Or => Some(one | other),
            O::Xor => Some(one ^ other),
            _ => None,
        };
        if let Some(number) = quick {
            return Ok(Value::Int(number));
        }
    }
    let (one, other) = (left.big(), right.big());
    let zero = |message: &'static str| Err(raised("ZeroDivisionError", message));
    Ok(Value::integer(match operator {
        O::Add => one + other,
        O::Subtract => one - other,
        O::Multiply => {
            within(one.bits() + other.bits())?;
            one * other
        }
        O::FloorDivide if other.is_zero() => return zero("integer division or modulo by zero"),
        O::FloorDivide => {
            divisible(one.bits(), other.bits())?;
            one.div_floor(&other)
        }
        O::Modulo if other.is_zero() => return zero("integer modulo by zero"),
        O::Modulo => {
            divisible(one.bits(), other.bits())?;
            one.mod_floor(&other)
        }
        O::Divide => return true_division(&one, &other),
        O::Power => {
            if other.is_negative() {
                if one.is_zero() {
                    return zero("0.0 cannot be raised to a negative power");
                }
                return floats(operator, left.float()?, right.float()?);
            }
            if one.is_zero() || one.is_one() {
                if other.is_zero() { BigInt::one() } else { one }
            } else if (-&one).is_one() {
                if other.is_even() { BigInt::one() } else { one }
            } else {
                let exponent = other.to_u64().unwrap_or(u64::MAX);
                within(one.bits().saturating_sub(1).saturating_mul(exponent).max(if exponent > MOST_BITS {
                    exponent
                } else {
                    0
                }))?;
                Pow::pow(one, exponent)
            }
        }
        O::ShiftLeft => {
            if other.is_negative() {
                return Err(raised("ValueError", "negative shift count"));
            }
            if one.is_zero() {
                one
            } else {
                let count = other.to_u64().unwrap_or(u64::MAX);
                within(one.bits().saturating_add(count))?;
                one << count
            }
        }
        O::ShiftRight => {
            if other.is_negative() {
                return Err(raised("ValueError", "negative shift count"));
            }
            match other.to_u64() {
                Some(count) if count < one.bits() => one >> count,
                _ if one.is_negative() => -BigInt::one(),
                _ => BigInt::zero(),
            }
        }
        O::And => one & other,
        O::Or => one | other,
        O::Xor => one ^ other,
        O::MatrixMultiply => return Err(raised("TypeError", "unsupported operand type(s) for @: 'int' and 'int'")),
    }))
}

/// The quotient of two integers, rounded once.
fn true_division(one: &BigInt, other: &BigInt) -> Evaluated<Value> {
    if other.is_zero() {
        return Err(raised("ZeroDivisionError", "division by zero"));
    }
    if one.is_zero() {
        return Ok(Value::Float(if other.is_negative() { -0.0 } else { 0.0 }));
    }
    const EXACT: u64 = 53;
    if one.bits() <= EXACT && other.bits() <= EXACT {
        let (one, other) = (one.to_f64().unwrap_or_default(), other.to_f64().unwrap_or_default());
        return Ok(Value::Float(one / other));
    }
    let negative = one.is_negative() != other.is_negative();
    let (above, below) = (one.abs(), other.abs());
    // So many bits that the quotient has 66 or 67, and a last one that says whether something is left.
    let shift = 66 + below.bits() as i64 - above.bits() as i64;
    let (above, below) = if shift >= 0 { (above << shift as u64, below) } else { (above, below << (-shift) as u64) };
    let (quotient, rest) = above.div_rem(&below);
    // Subnormal results are rounded once too: as many bits go as do not fit.
    let exponent = quotient.bits() as i64 - shift;
    if exponent > 1024 {
        return Err(raised("OverflowError", "integer division result too large for a float"));
    }
    let keep = if exponent < -1021 { 53 - (-1021 - exponent) } else { 53 };
    let drop = quotient.bits() as i64 - keep.max(0);
    let float = if keep < 0 {
        0.0
    } else {
        let unit = BigInt::one() << drop as u64;
        let (mut kept, dropped) = quotient.div_rem(&unit);
        let half = &unit >> 1u32;
        let above_half = dropped > half || (dropped == half && !rest.is_zero());
        if above_half || (dropped == half && kept.is_odd()) {
            kept += 1;
        }
        scaled(kept.to_f64().unwrap_or_default(), drop - shift)
    };
    if float.is_infinite() {
        return Err(raised("OverflowError", "integer division result too large for a float"));
    }
    Ok(Value::Float(if negative { -float } else { float }))
}

/// `number * 2 ** exponent`, exactly where it can be.
fn scaled(mut number: f64, mut exponent: i64) -> f64 {
    while exponent > 1000 {
        number *= 2f64.powi(1000);
        exponent -= 1000;
    }
    while exponent < -1000 {
        number *= 2f64.powi(-1000);
        exponent += 1000;
    }
    number * 2f64.powi(exponent as i32)
}

/// The floor of a quotient and the rest with the sign of the divisor, as CPython's `float_divmod`.
pub(crate) fn float_divmod(one: f64, other: f64) -> (f64, f64) {
    let mut rest = one % other;
    let mut quotient = (one - rest) / other;
    if rest == 0.0 {
        rest = 0f64.copysign(other);
    } else if (other < 0.0) != (rest < 0.0) {
        rest += other;
        quotient -= 1.0;
    }
    let floored = if quotient == 0.0 {
        0f64.copysign(one / other)
    } else {
        let floor = quotient.floor();
        if quotient - floor > 0.5 { floor + 1.0 } else { floor }
    };
    (floored, rest)
}

fn floats(operator: BinaryOperator, one: f64, other: f64) -> Evaluated<Value> {
    use BinaryOperator as O;
    let zero = |message: &'static str| Err(raised("ZeroDivisionError", message));
    Ok(match operator {
        O::Add => Value::Float(one + other),
        O::Subtract => Value::Float(one - other),
        O::Multiply => Value::Float(one * other),
        O::Divide if other == 0.0 => return zero("float division by zero"),
        O::Divide => Value::Float(one / other),
        O::FloorDivide if other == 0.0 => return zero("float floor division by zero"),
        O::FloorDivide => Value::Float(float_divmod(one, other).0),
        O::Modulo if other == 0.0 => return zero("float modulo by zero"),
        O::Modulo => Value::Float(float_divmod(one, other).1),
        O::Power => return float_power(one, other),
        _ => return Err(raised("TypeError", "no such operation on floats")),
    })
}

fn float_power(one: f64, other: f64) -> Evaluated<Value> {
    if one == 0.0 && other < 0.0 {
        return Err(raised("ZeroDivisionError", "0.0 cannot be raised to a negative power"));
    }
    if one < 0.0 && one.is_finite() && other.is_finite() && other.fract() != 0.0 {
        return complexes(BinaryOperator::Power, (one, 0.0), (other, 0.0)).map(|value| value.unwrap_or(Value::None));
    }
    let power = if one == 1.0 || (one == -1.0 && other.is_infinite()) { 1.0 } else { one.powf(other) };
    if power.is_infinite() && one.is_finite() && other.is_finite() {
        return Err(raised("OverflowError", "(34, 'Numerical result out of range')"));
    }
    Ok(Value::Float(power))
}

/// A complex number and a real one, as from 3.14 on.
fn mixed_complexes(operator: BinaryOperator, left: &Number, right: &Number) -> Evaluated<Value> {
    use BinaryOperator as O;
    let zero = || Err(raised("ZeroDivisionError", "division by zero"));
    Ok(match (left, right) {
        (Number::Complex(a, b), real) => {
            let real = real.float()?;
            match operator {
                O::Add => Value::Complex(a + real, *b),
                O::Subtract => Value::Complex(a - real, *b),
                O::Multiply => Value::Complex(a * real, b * real),
                _ if real == 0.0 => return zero(),
                _ => Value::Complex(a / real, b / real),
            }
        }
        (real, other) => {
            let (real, (c, d)) = (real.float()?, other.complex()?);
            match operator {
                O::Add => Value::Complex(real + c, d),
                O::Subtract => Value::Complex(real - c, -d),
                O::Multiply => Value::Complex(real * c, real * d),
                _ if c == 0.0 && d == 0.0 => return zero(),
                _ if c.abs() >= d.abs() => {
                    let ratio = d / c;
                    let scale = c + d * ratio;
                    Value::Complex(real / scale, (-real * ratio) / scale)
                }
                _ => {
                    let ratio = c / d;
                    let scale = c * ratio + d;
                    Value::Complex((real * ratio) / scale, -real / scale)
                }
            }
        }
    })
}

fn complexes(operator: BinaryOperator, one: (f64, f64), other: (f64, f64)) -> Evaluated<Option<Value>> {
    use BinaryOperator as O;
    let ((a, b), (c, d)) = (one, other);
    let zero = |message: &'static str| Err(raised("ZeroDivisionError", message));
    Ok(Some(match operator {
        O::Add => Value::Complex(a + c, b + d),
        O::Subtract => Value::Complex(a - c, b - d),
        O::Multiply => Value::Complex(a * c - b * d, a * d + b * c),
        O::Divide if c == 0.0 && d == 0.0 => return zero("complex division by zero"),
        O::Divide => {
            // As CPython's _Py_c_quot.
            if c.abs() >= d.abs() {
                let ratio = d / c;
                let scale = c + d * ratio;
                Value::Complex((a + b * ratio) / scale, (b - a * ratio) / scale)
            } else {
                let ratio = c / d;
                let scale = c * ratio + d;
                Value::Complex((a * ratio + b) / scale, (b * ratio - a) / scale)
            }
        }
        O::Power => {
            if c == 0.0 && d == 0.0 {
                return Ok(Some(Value::Complex(1.0, 0.0)));
            }
            if a == 0.0 && b == 0.0 {
                if d != 0.0 || c < 0.0 {
                    return zero("0.0 to a negative or complex power");
                }
                return Ok(Some(Value::Complex(0.0, 0.0)));
            }
            if d == 0.0 && c.fract() == 0.0 && c.abs() <= 100.0 {
                return integer_power((a, b), c as i32).map(Some);
            }
            let length = a.hypot(b).powf(c);
            let angle = b.atan2(a);
            let (mut length, mut phase) = (length, angle * c);
            if d != 0.0 {
                length *= (-angle * d).exp();
                phase += d * a.hypot(b).ln();
            }
            if phase.is_infinite() {
                return zero("0.0 to a negative or complex power");
            }
            let (real, imaginary) = (length * phase.cos(), length * phase.sin());
            if real.is_infinite() || imaginary.is_infinite() {
                return Err(raised("OverflowError", "complex exponentiation"));
            }
            Value::Complex(real, imaginary)
        }
        _ => return Ok(None),
    }))
}

fn integer_power(base: (f64, f64), exponent: i32) -> Evaluated<Value> {
    let multiply = |one: (f64, f64), other: (f64, f64)| (one.0 * other.0 - one.1 * other.1, one.0 * other.1 + one.1 * other.0);
    let mut result = (1.0, 0.0);
    let mut power = base;
    let mut left = exponent.unsigned_abs();
    while left > 0 {
        if left & 1 == 1 {
            result = multiply(result, power);
        }
        left >>= 1;
        power = multiply(power, power);
    }
    if exponent >= 0 {
        return Ok(Value::Complex(result.0, result.1));
    }
    let inverse = complexes(BinaryOperator::Divide, (1.0, 0.0), result)?;
    Ok(inverse.unwrap_or(Value::None))
}

/// `pow(base, exponent, modulus)`.
pub(crate) fn modular_power(base: &BigInt, exponent: &BigInt, modulus: &BigInt) -> Evaluated<Value> {
    if modulus.is_zero() {
        return Err(raised("ValueError", "pow() 3rd argument cannot be 0"));
    }
    if modulus.bits().max(exponent.bits()) > 1 << 16 {
        return Err(refused("pow() of integers of more than 65,536 bits is not computed"));
    }
    within_products(digits(modulus.bits()).pow(2).saturating_mul(exponent.bits()))?;
    let (base, exponent) = if exponent.is_negative() {
        let inverse = base.mod_floor(modulus).extended_gcd(modulus);
        if !inverse.gcd.abs().is_one() {
            return Err(raised("ValueError", "base is not invertible for the given modulus"));
        }
        (inverse.x * inverse.gcd.signum(), -exponent)
    } else {
        (base.clone(), exponent.clone())
    };
    let found = base.mod_floor(&modulus.abs()).modpow(&exponent, &modulus.abs());
    Ok(Value::integer(found.mod_floor(modulus)))
}

/// The integer that a finite float is cut to.
pub(crate) fn truncated(number: f64) -> Evaluated<Value> {
    if number.is_nan() {
        return Err(raised("ValueError", "cannot convert float NaN to integer"));
    }
    if number.is_infinite() {
        return Err(raised("OverflowError", "cannot convert float infinity to integer"));
    }
    Ok(Value::integer(BigInt::from_f64(number.trunc()).unwrap_or_default()))
}
