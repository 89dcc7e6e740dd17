//! Numbers and bytes as text: integers of any size, floats as Python writes them, base64.

use std::fmt::Write;

/// Bytes of an integer that are turned into decimal digits, 4,300 at most, which CPython's readers take
/// (`sys.int_info.default_max_str_digits`); larger ones are written in hexadecimal.
pub(super) const MOST_DECIMAL: usize = 1785;

/// The decimal digits of an integer, given its magnitude little endian.
pub(super) fn decimal(negative: bool, magnitude: &[u8]) -> String {
    const PART: u64 = 1_000_000_000;
    let mut words: Vec<u32> =
        magnitude.chunks(4).map(|chunk| chunk.iter().rev().fold(0u32, |word, byte| word << 8 | u32::from(*byte))).collect();
    let mut parts: Vec<u64> = Vec::new();
    while words.iter().any(|word| *word != 0) {
        let mut rest = 0u64;
        for word in words.iter_mut().rev() {
            let value = rest << 32 | u64::from(*word);
            *word = (value / PART) as u32;
            rest = value % PART;
        }
        while words.last() == Some(&0) {
            words.pop();
        }
        parts.push(rest);
    }
    let mut text = if negative { "-".to_owned() } else { String::new() };
    let _ = write!(text, "{}", parts.pop().unwrap_or(0));
    for part in parts.iter().rev() {
        let _ = write!(text, "{part:09}");
    }
    text
}

/// The hexadecimal digits of an integer, as Python's `hex` writes them.
pub(super) fn hexadecimal(negative: bool, magnitude: &[u8]) -> String {
    let digits: String = magnitude.iter().rev().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
    let digits = digits.trim_start_matches('0');
    format!("{}0x{}", if negative { "-" } else { "" }, if digits.is_empty() { "0" } else { digits })
}

/// A float as Python writes it.
pub(super) fn float(number: f64) -> String {
    match number {
        number if number.is_nan() => "nan".to_owned(),
        number if number.is_infinite() => if number > 0.0 { "inf" } else { "-inf" }.to_owned(),
        number => format!("{number:?}"),
    }
}

/// Base64 (RFC 4648) with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_any_size() {
        for number in [0u128, 1, 999_999_999, 1_000_000_000, 18_446_744_073_709_551_616, u128::MAX] {
            assert_eq!(decimal(false, &number.to_le_bytes()), number.to_string());
            assert_eq!(hexadecimal(true, &number.to_le_bytes()), format!("-{number:#x}"));
        }
    }

    #[test]
    fn base64_of_the_standard() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
