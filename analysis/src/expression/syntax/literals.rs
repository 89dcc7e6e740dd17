//! Numbers and the insides of strings.

use std::sync::Arc;

use num_bigint::BigInt;

use super::super::error::ExpressionError;
use super::super::values::Value;

/// The number that begins at `start`, and where it ends.
pub(crate) fn number(letters: &[char], start: usize) -> Result<(Value, usize), ExpressionError> {
    let at = |position: usize| letters.get(position).copied().unwrap_or('\0');
    let wrong = |message: &str, column: usize| Err(ExpressionError::syntax(message, column));
    if at(start) == '0' && matches!(at(start + 1), 'x' | 'X' | 'o' | 'O' | 'b' | 'B') {
        let radix = match at(start + 1) {
            'x' | 'X' => 16,
            'o' | 'O' => 8,
            _ => 2,
        };
        let mut end = start + 2;
        let mut digits = String::new();
        while at(end).is_digit(radix) || (at(end) == '_' && at(end + 1).is_digit(radix)) {
            if at(end) != '_' {
                digits.push(at(end));
            }
            end += 1;
        }
        if digits.is_empty() || at(end).is_alphanumeric() || at(end) == '_' {
            return wrong("this number has a digit that its base does not have", end);
        }
        let number = BigInt::parse_bytes(digits.as_bytes(), radix).unwrap_or_default();
        return Ok((Value::integer(number), end));
    }
    let mut end = start;
    let mut text = String::new();
    let digits = |text: &mut String, end: &mut usize| {
        let from = *end;
        while at(*end).is_ascii_digit() || (at(*end) == '_' && *end > from && at(*end + 1).is_ascii_digit()) {
            if at(*end) != '_' {
                text.push(at(*end));
            }
            *end += 1;
        }
    };
    digits(&mut text, &mut end);
    let mut is_float = false;
    if at(end) == '.' {
        is_float = true;
        text.push('.');
        end += 1;
        digits(&mut text, &mut end);
    }
    let sign = usize::from(matches!(at(end + 1), '+' | '-'));
    if matches!(at(end), 'e' | 'E') && at(end + 1 + sign).is_ascii_digit() {
        is_float = true;
        text.push('e');
        if sign == 1 {
            text.push(at(end + 1));
        }
        end += 1 + sign;
        digits(&mut text, &mut end);
    }
    let imaginary = matches!(at(end), 'j' | 'J');
    end += usize::from(imaginary);
    let keyword = || {
        let word: String = letters[end..].iter().take_while(|letter| letter.is_ascii_alphabetic()).collect();
        matches!(word.as_str(), "if" | "else" | "and" | "or" | "in" | "is" | "for" | "not")
    };
    if at(end) == '_' || (at(end).is_alphanumeric() && !keyword()) {
        return wrong("a number cannot be followed by this", end);
    }
    let float = || {
        // What Rust reads as a float is what Python does, but for a lone point at the end.
        text.trim_end_matches('.').parse::<f64>().unwrap_or(f64::NAN)
    };
    if imaginary {
        return Ok((Value::Complex(0.0, float()), end));
    }
    if is_float {
        return Ok((Value::Float(text.replace(".e", "e").trim_end_matches('.').parse().unwrap_or(f64::NAN)), end));
    }
    if text.len() > 1 && text.starts_with('0') && text.bytes().any(|digit| digit != b'0') {
        return wrong("leading zeros in an integer: use 0o for octal", start);
    }
    let number = BigInt::parse_bytes(text.as_bytes(), 10).unwrap_or_default();
    Ok((Value::integer(number), end))
}

/// What a string consists of, without its quotes.
pub(crate) struct Body {
    pub(crate) text: Vec<u32>,
}

/// One character of a string from `at` on, which may be an escape: what it adds, and where the next one is.
pub(crate) fn character(
    letters: &[char],
    at: usize,
    raw: bool,
    is_bytes: bool,
    body: &mut Body,
) -> Result<usize, ExpressionError> {
    let letter = letters[at];
    if is_bytes && !letter.is_ascii() {
        return Err(ExpressionError::syntax("bytes can only contain ASCII literal characters", at));
    }
    if letter != '\\' {
        body.text.push(u32::from(letter));
        return Ok(at + 1);
    }
    let Some(next) = letters.get(at + 1).copied() else {
        return Err(ExpressionError::syntax("the string is not closed", at));
    };
    if raw {
        if is_bytes && !next.is_ascii() {
            return Err(ExpressionError::syntax("bytes can only contain ASCII literal characters", at + 1));
        }
        body.text.extend([u32::from('\\'), u32::from(next)]);
        return Ok(at + 2);
    }
    let hexadecimal = |digits: usize, body: &mut Body| {
        let found: String = letters[at + 2..].iter().take(digits).collect();
        match u32::from_str_radix(&found, 16) {
            Ok(code) if found.len() == digits && !found.starts_with('+') && code <= 0x10_ffff => {
                body.text.push(code);
                Ok(at + 2 + digits)
            }
            _ => Err(ExpressionError::syntax(format!("\\{next} wants {digits} hexadecimal digits of a character"), at)),
        }
    };
    let simple = match next {
        '\n' => return Ok(at + 2),
        '\\' | '\'' | '"' => next,
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'x' => return hexadecimal(2, body),
        'u' if !is_bytes => return hexadecimal(4, body),
        'U' if !is_bytes => return hexadecimal(8, body),
        'N' if !is_bytes => {
            let message = "names of characters are not known here: write \\u and the number";
            return Err(ExpressionError::new(message, at));
        }
        '0'..='7' => {
            let digits: String = letters[at + 1..].iter().take(3).take_while(|letter| letter.is_digit(8)).collect();
            let code = u32::from_str_radix(&digits, 8).unwrap_or_default();
            body.text.push(if is_bytes { code & 0xff } else { code });
            return Ok(at + 1 + digits.len());
        }
        other => {
            body.text.push(u32::from('\\'));
            return character_after_unknown(letters, at + 1, other, is_bytes, body);
        }
    };
    body.text.push(u32::from(simple));
    Ok(at + 2)
}

/// An escape that Python does not know stays as it is.
fn character_after_unknown(
    _letters: &[char],
    at: usize,
    letter: char,
    is_bytes: bool,
    body: &mut Body,
) -> Result<usize, ExpressionError> {
    if is_bytes && !letter.is_ascii() {
        return Err(ExpressionError::syntax("bytes can only contain ASCII literal characters", at));
    }
    body.text.push(u32::from(letter));
    Ok(at + 1)
}

/// The value of a whole string.
pub(crate) fn value(body: Body, is_bytes: bool) -> Value {
    if is_bytes {
        return Value::Bytes(Arc::from(body.text.iter().map(|code| *code as u8).collect::<Vec<u8>>()));
    }
    Value::Text(Arc::from(body.text))
}
