//! Payloads of plain values, borrowed from the target's memory.

/// The payload of a number, a text or a string of bytes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value<'a> {
    /// An integer of any size; booleans are 0 and 1.
    Integer(Integer<'a>),
    /// A double.
    Float(f64),
    /// Real and imaginary part.
    Complex(f64, f64),
    /// Text of code points, lone surrogates included.
    Text(Text<'a>),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// An integer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Integer<'a> {
    /// One that fits.
    Small(i64),
    /// Digits of `bits` bits each, least significant first, each in `width` bytes, little endian (CPython: 30 bits in 4
    /// bytes, or 15 in 2).
    Digits {
        /// Whether the number is below zero.
        negative: bool,
        /// Bits of a digit, at most 32.
        bits: u8,
        /// Bytes of a digit, 2 or 4.
        width: u8,
        /// The digits' bytes.
        digits: &'a [u8],
    },
}

/// Text as it lies in memory, little endian.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Text<'a> {
    /// UTF-8.
    Utf8(&'a str),
    /// One byte a code point, all below 128.
    Ascii(&'a [u8]),
    /// One byte a code point.
    Latin1(&'a [u8]),
    /// Two bytes a code point; surrogates stand for themselves.
    Ucs2(&'a [u8]),
    /// Four bytes a code point.
    Ucs4(&'a [u8]),
}

impl Integer<'_> {
    /// The number, where 64 bits hold it.
    #[inline]
    pub fn small(&self) -> Option<i64> {
        if let Integer::Small(number) = self {
            return Some(*number);
        }
        let (negative, magnitude) = self.magnitude();
        let mut bytes = [0; 9];
        bytes.get_mut(..magnitude.len())?.copy_from_slice(&magnitude);
        let number = i128::from(u64::from_le_bytes(bytes[..8].try_into().ok()?)) + (i128::from(bytes[8]) << 64);
        i64::try_from(if negative { -number } else { number }).ok()
    }

    /// Sign and magnitude, the magnitude little endian without leading zeros.
    pub fn magnitude(&self) -> (bool, Vec<u8>) {
        match *self {
            Integer::Small(number) => {
                let mut bytes = number.unsigned_abs().to_le_bytes().to_vec();
                trim(&mut bytes);
                (number < 0, bytes)
            }
            Integer::Digits { negative, bits, width, digits } => {
                let mut bytes = Vec::with_capacity(digits.len());
                let (mut held, mut count) = (0u64, 0u32);
                for digit in digits.chunks_exact(usize::from(width).max(1)) {
                    let number = digit.iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
                    held |= number << count;
                    count += u32::from(bits);
                    while count >= 8 {
                        bytes.push(held as u8);
                        held >>= 8;
                        count -= 8;
                    }
                }
                bytes.push(held as u8);
                trim(&mut bytes);
                (negative, bytes)
            }
        }
    }
}

fn trim(bytes: &mut Vec<u8>) {
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
}

impl Text<'_> {
    /// Appends the text as WTF-8: UTF-8 in which a lone surrogate has three bytes of its own.
    pub fn write_wtf8(&self, into: &mut Vec<u8>) {
        match *self {
            Text::Utf8(text) => into.extend_from_slice(text.as_bytes()),
            Text::Ascii(bytes) => into.extend_from_slice(bytes),
            Text::Latin1(bytes) => {
                for byte in bytes {
                    push_wtf8(into, u32::from(*byte));
                }
            }
            Text::Ucs2(bytes) => {
                for unit in bytes.chunks_exact(2) {
                    push_wtf8(into, u32::from(u16::from_le_bytes([unit[0], unit[1]])));
                }
            }
            Text::Ucs4(bytes) => {
                for unit in bytes.chunks_exact(4) {
                    push_wtf8(into, u32::from_le_bytes([unit[0], unit[1], unit[2], unit[3]]));
                }
            }
        }
    }
}

/// Appends one code point, a surrogate like any other; beyond U+10FFFF the replacement character.
pub fn push_wtf8(into: &mut Vec<u8>, point: u32) {
    let tail = |shift: u32| 0x80 | (point >> shift) as u8 & 0x3f;
    match point {
        0..0x80 => into.push(point as u8),
        0x80..0x800 => into.extend([0xc0 | (point >> 6) as u8, tail(0)]),
        0x800..0x1_0000 => into.extend([0xe0 | (point >> 12) as u8, tail(6), tail(0)]),
        0x1_0000..0x11_0000 => into.extend([0xf0 | (point >> 18) as u8, tail(12), tail(6), tail(0)]),
        _ => into.extend("\u{fffd}".as_bytes()),
    }
}
