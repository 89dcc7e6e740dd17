//! Numbers of variable length: LEB128, zigzag for signed ones, and a bounds-checked reader.

/// Appends `number`, seven bits a byte, least significant first.
#[inline]
pub fn put(into: &mut Vec<u8>, number: u64) {
    if number < 0x80 {
        into.push(number as u8);
    } else {
        put_long(into, number);
    }
}

fn put_long(into: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        into.push(number as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

/// Maps small numbers of either sign to small numbers without one.
#[inline]
pub fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

/// The inverse of [`zigzag`].
#[inline]
pub fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// A cursor over bytes of a chunk. Every read is checked against the bytes left.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// How many bytes are left.
    #[inline]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next number; none when the bytes end inside it or it has more than 64 bits.
    #[inline]
    pub fn number(&mut self) -> Option<u64> {
        match self.rest.split_first() {
            Some((first, rest)) if *first < 0x80 => {
                self.rest = rest;
                Some(u64::from(*first))
            }
            _ => self.longer_number(),
        }
    }

    #[inline]
    fn longer_number(&mut self) -> Option<u64> {
        let Some(word) = self.rest.first_chunk::<8>().map(|word| u64::from_le_bytes(*word)) else { return self.any_number() };
        // The first byte without a high bit is the last of the number.
        let ends = !word & 0x8080_8080_8080_8080;
        if ends == 0 {
            return self.any_number();
        }
        let length = ends.trailing_zeros() as usize / 8 + 1;
        let bits = word & (u64::MAX >> (64 - 8 * length)) & 0x7f7f_7f7f_7f7f_7f7f;
        let pairs = (bits & 0x007f_007f_007f_007f) | (bits & 0x7f00_7f00_7f00_7f00) >> 1;
        let fours = (pairs & 0x0000_3fff_0000_3fff) | (pairs & 0x3fff_0000_3fff_0000) >> 2;
        self.rest = &self.rest[length..];
        Some((fours & 0x0fff_ffff) | (fours & 0x0fff_ffff_0000_0000) >> 4)
    }

    /// A byte after the other: what is longer than 8 bytes, or near the end.
    #[cold]
    fn any_number(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for (index, byte) in self.rest.iter().enumerate().take(10) {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && bits > 1 {
                return None;
            }
            number |= bits << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[index + 1..];
                return Some(number);
            }
        }
        None
    }

    /// The next number as a count of things that take `least` bytes each in this cursor: none when they cannot be there.
    #[inline]
    pub fn count(&mut self, least: usize) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count.checked_mul(least)? <= self.left()).then_some(count)
    }

    /// The next byte.
    #[inline]
    pub fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// The next `length` bytes.
    #[inline]
    pub fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    /// A length and as many bytes.
    pub fn block(&mut self) -> Option<&'a [u8]> {
        let length = self.count(1)?;
        self.bytes(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            let mut reader = Reader::new(&bytes);
            assert_eq!((reader.number(), reader.left()), (Some(number), 0));
            assert_eq!(Reader::new(&bytes[..bytes.len() - 1]).number(), None);
        }
        // Of every length, with and without room for a word after it.
        for shift in 0..64 {
            for number in [1 << shift, (1 << shift) - 1, u64::MAX >> shift, 0x5555_5555_5555_5555 >> shift] {
                for after in [0, 1, 7, 8, 20] {
                    let mut bytes = Vec::new();
                    put(&mut bytes, number);
                    bytes.resize(bytes.len() + after, 0xff);
                    let mut reader = Reader::new(&bytes);
                    assert_eq!((reader.number(), reader.left()), (Some(number), after), "{number:#x}");
                }
            }
        }
        for number in [0, -1, 1, i64::MIN, i64::MAX] {
            assert_eq!(unzigzag(zigzag(number)), number);
        }
        assert_eq!(Reader::new(&[0xff; 10]).number(), None);
        assert_eq!(Reader::new(&[5, 0, 0]).count(1), None);
    }
}
