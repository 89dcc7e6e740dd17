//! Texts and integers that belong to an object's C part (`Objects/unicodeobject.c`, `Objects/longobject.c`).

use heapsake_core::Address;
use heapsake_core::heap::{Text, push_wtf8};
use heapsake_core::reduce::{Failure, Reason};

use super::Target;
use super::target::whole;

impl Target<'_> {
    /// The first `limit` code points of the `str` object at `address`, a lone surrogate as the replacement character.
    pub(crate) fn text(&self, address: Address, limit: usize) -> Result<String, Failure> {
        let layouts = self.layouts();
        let shape = layouts.ascii;
        let length = whole(self.field_of(shape.length, address)?)?.min(limit as u64) as i64;
        let kind = self.field_of(shape.kind, address)?;
        let compact = self.field_of(shape.compact, address)? != 0;
        let ascii = self.field_of(shape.ascii, address)? != 0;
        let data = match (compact, ascii) {
            (true, true) => address.offset(shape.size as i64),
            (true, false) => address.offset(layouts.compact_unicode.size as i64),
            (false, _) => self.field_of(layouts.unicode.data, address)?,
        };
        self.code_points(data, length, kind)
    }

    /// `length` code points of `width` bytes each at `data`.
    pub(crate) fn code_points(&self, data: Address, length: i64, width: u64) -> Result<String, Failure> {
        let bytes = |width: i64| self.bytes(data, length.saturating_mul(width), usize::MAX);
        let mut into = Vec::new();
        match width {
            1 => Text::Latin1(&bytes(1)?).write_wtf8(&mut into),
            2 => Text::Ucs2(&bytes(2)?).write_wtf8(&mut into),
            4 => Text::Ucs4(&bytes(4)?).write_wtf8(&mut into),
            other => return Err(Failure::new(Reason::Corrupt, format!("a text of kind {other}"))),
        }
        Ok(String::from_utf8(into).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// The value of the `int` object at `address`; none when it does not fit.
    pub(crate) fn integer(&self, address: Address) -> Result<Option<i64>, Failure> {
        const DIGIT_BITS: u32 = 30;
        let layouts = self.layouts();
        let (negative, count) = if let Some(tag) = layouts.long.lv_tag {
            let tag = self.field_of(tag, address)?;
            (tag & 3 == 2, tag >> 3)
        } else {
            let size = self.size_of(address)?;
            (size < 0, size.unsigned_abs())
        };
        if count > 2 {
            return Ok(None);
        }
        let bytes = self.bytes(layouts.long.ob_digit.at(address), 4 * count as i64, 8)?;
        let digits = bytes.as_chunks::<4>().0.iter().rev();
        let magnitude = digits.fold(0, |number, digit| number << DIGIT_BITS | i64::from(u32::from_le_bytes(*digit)));
        Ok(Some(if negative { -magnitude } else { magnitude }))
    }
}

/// One code point as a text.
pub(crate) fn character(point: u32) -> String {
    let mut into = Vec::new();
    push_wtf8(&mut into, point);
    String::from_utf8_lossy(&into).into_owned()
}
