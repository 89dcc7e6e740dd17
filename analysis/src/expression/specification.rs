//! Format specifications: what `>8,.2f` means, and numbers written by it.

use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive};

use super::error::{Evaluated, raised, refused, value_error};
use super::numbers::Number;
use super::representation::float_text;

/// A format specification.
#[derive(Clone, Debug)]
pub(super) struct Specification {
    pub(super) fill: u32,
    pub(super) align: Option<char>,
    pub(super) sign: char,
    /// Whether the sign was given, and is not only what is meant without one.
    pub(super) has_sign: bool,
    pub(super) alternate: bool,
    pub(super) zeros: bool,
    pub(super) width: usize,
    pub(super) grouping: Option<char>,
    pub(super) precision: Option<usize>,
    pub(super) kind: Option<char>,
}

impl Default for Specification {
    /// That of an empty text.
    fn default() -> Specification {
        Specification {
            fill: 0x20,
            align: None,
            sign: '-',
            has_sign: false,
            alternate: false,
            zeros: false,
            width: 0,
            grouping: None,
            precision: None,
            kind: None,
        }
    }
}

/// The most digits that are written behind a point by the standard library, which panics above 65,534: a float has 1,074 at
/// most, and all that is further behind is zeros.
const WRITTEN: usize = 1_100;

/// The widest a field is.
pub(super) const WIDEST: usize = 1 << 24;

/// A specification of a number, or of a text: zeros before its width fill it either way, and are between sign and digits of a
/// number that is not aligned. Up to 3.9 those of a text are too, which it does not have.
pub(super) fn parsed(specification: &[u32], zeros_align: bool) -> Evaluated<Specification> {
    let letter = |at: usize| specification.get(at).and_then(|code| char::from_u32(*code));
    let is_align = |letter: Option<char>| matches!(letter, Some('<' | '>' | '=' | '^'));
    let mut found = Specification::default();
    let mut at = 0;
    let has_fill = specification.len() > 1 && is_align(letter(1));
    if has_fill {
        (found.fill, found.align) = (specification[0], letter(1));
        at = 2;
    } else if is_align(letter(0)) {
        found.align = letter(0);
        at = 1;
    }
    if let Some(sign @ ('+' | '-' | ' ')) = letter(at) {
        found.sign = sign;
        found.has_sign = true;
        at += 1;
    }
    if letter(at) == Some('z') {
        return Err(refused("the z of a format specification is not known here"));
    }
    if letter(at) == Some('#') {
        found.alternate = true;
        at += 1;
    }
    if letter(at) == Some('0') && !has_fill {
        found.fill = 0x30;
        if zeros_align && found.align.is_none() {
            found.align = Some('=');
        }
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
    if let (Some(grouping), Some(kind)) = (found.grouping, found.kind)
        && !matches!(kind, 'd' | 'e' | 'f' | 'g' | 'E' | 'G' | '%' | 'F')
        && !(grouping == '_' && matches!(kind, 'b' | 'o' | 'x' | 'X'))
    {
        return value_error(format!("Cannot specify '{grouping}' with '{kind}'."));
    }
    Ok(found)
}

impl Specification {
    /// Text within the width; numbers have their sign before zeros.
    pub(super) fn padded(&self, text: &[u32], default: char) -> Vec<u32> {
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

    pub(super) fn sign_of(&self, negative: bool) -> &'static str {
        match (negative, self.sign) {
            (true, _) => "-",
            (false, '+') => "+",
            (false, ' ') => " ",
            _ => "",
        }
    }

    /// A number of its sign with prefix, whole digits and the rest (point and exponent).
    pub(super) fn number(&self, sign: &str, prefix: &str, digits: &str, rest: &str) -> Vec<u32> {
        let every = if matches!(self.kind, Some('b' | 'o' | 'x' | 'X')) { 4 } else { 3 };
        let align = self.align.unwrap_or(if self.zeros { '=' } else { '>' });
        let fill = if self.zeros && self.align.is_none() { 0x30 } else { self.fill };
        let fixed = sign.len() + prefix.len() + rest.len();
        let mut digits = digits.to_owned();
        if align == '=' && fill == 0x30 {
            // Zeros are digits, so that they are grouped too.
            let room = self.width.saturating_sub(fixed);
            match self.grouping {
                None => digits.insert_str(0, &"0".repeat(room.saturating_sub(digits.len()))),
                Some(_) => {
                    // So many that they fill the room with their separators.
                    let mut count = digits.len().max(room / (every + 1) * every);
                    while count + (count.max(1) - 1) / every < room {
                        count += 1;
                    }
                    digits.insert_str(0, &"0".repeat(count - digits.len()));
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

    pub(super) fn float(&self, number: f64) -> Evaluated<Vec<u32>> {
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
            'f' | 'F' => fixed(magnitude, precision),
            '%' => {
                let hundred = magnitude * 100.0;
                format!("{}%", fixed(hundred, precision))
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

    pub(super) fn integer(&self, number: &BigInt) -> Evaluated<Vec<u32>> {
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
            if self.has_sign {
                return value_error("Sign not allowed with integer format specifier 'c'");
            }
            if self.alternate {
                return value_error("Alternate form (#) not allowed with integer format specifier 'c'");
            }
            return Ok(self.padded(&[code], '>'));
        }
        let (radix, prefix) = match kind {
            'd' | 'n' => (10, ""),
            'b' => (2, "0b"),
            'o' => (8, "0o"),
            'x' => (16, "0x"),
            'X' => (16, "0X"),
            other => return value_error(format!("Unknown format code '{other}' for object of type 'int'")),
        };
        let mut digits = number.magnitude().to_str_radix(radix);
        if kind == 'X' {
            digits = digits.to_uppercase();
        }
        let prefix = if self.alternate { prefix } else { "" };
        Ok(self.number(self.sign_of(number.is_negative()), prefix, &digits, ""))
    }
}

/// Digits, point, as many digits.
pub(super) fn fixed(number: f64, precision: usize) -> String {
    let written = precision.min(WRITTEN);
    let mut text = format!("{number:.written$}");
    text.extend(std::iter::repeat_n('0', precision - written));
    text
}

/// As Rust writes it: digits, point, as many digits, exponent.
fn scientific(number: f64, precision: usize) -> String {
    let written = precision.min(WRITTEN);
    let text = format!("{number:.written$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{mantissa}{}e{exponent}", "0".repeat(precision - written))
}

/// Digits, point, exponent of two digits at least.
fn exponential(number: f64, precision: usize) -> String {
    let text = scientific(number, precision);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// As `%g` writes it; `plain` keeps one digit after the point, as `str` does.
fn general(number: f64, precision: usize, alternate: bool, plain: bool) -> String {
    let exponent: i32 =
        scientific(number, precision - 1).split_once('e').map_or(0, |(_, exponent)| exponent.parse().unwrap_or(0));
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
    let text = trimmed(fixed(number, after));
    if plain && !text.contains('.') { format!("{text}.0") } else { text }
}
