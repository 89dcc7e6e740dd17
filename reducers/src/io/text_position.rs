//! Where a text file is, in bytes: `tell` of `Modules/_io/textio.c`, for encodings whose characters can be counted.
//!
//! Writing: the buffer's position and what waits before it. Reading: the snapshot before the last piece, less that piece,
//! plus the bytes of the characters that were taken from it.

use heapsake_core::Address;
use heapsake_core::reduce::Failure;

use super::buffered_position;
use crate::framework::{CONTENT_LIMIT, Target};

/// The position; none where memory does not tell it.
pub(super) fn position(target: &Target<'_>) -> Result<Option<i64>, Failure> {
    let layout = target.layouts().text_io;
    let buffer = target.field(layout.buffer)?;
    let is_buffered =
        ["_io.BufferedReader", "_io.BufferedWriter", "_io.BufferedRandom"].iter().any(|name| target.is_of_type(buffer, name));
    if !is_buffered {
        return Ok(None);
    }
    let Some(below) = buffered_position(target, buffer)? else { return Ok(None) };
    let below = below.wrapping_add(target.field(layout.pending_bytes_count)?);
    let snapshot = target.field(layout.snapshot)?;
    if snapshot.is_null() || !target.is_of_type(snapshot, "tuple") {
        return Ok(Some(below));
    }
    let pair = target.layouts().tuple.ob_item.at(snapshot);
    let piece = Address(target.object.word_at(pair.offset(8))?);
    let length = target.size_of(piece)?;
    let decoded = target.field(layout.decoded_chars)?;
    let used = target.field(layout.decoded_chars_used)?;
    let before = below.wrapping_sub(length);
    if decoded.is_null() || used == 0 {
        return Ok(Some(before));
    }
    let encoding = target.text(target.field(layout.encoding)?, 64)?.to_ascii_lowercase().replace('_', "-");
    let one_byte = matches!(encoding.as_str(), "ascii" | "us-ascii" | "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1");
    if !one_byte && !matches!(encoding.as_str(), "utf-8" | "utf8") {
        return Ok(None);
    }
    let translates = target.field(layout.readuniversal)? != 0 && target.field(layout.readtranslate)? != 0;
    let bytes = target.bytes_object(piece, 16 * CONTENT_LIMIT)?;
    Ok(taken(&bytes, used, one_byte, translates).map(|taken| before.wrapping_add(taken)))
}

/// How many of `bytes` the first `used` characters take; none if there are fewer.
fn taken(bytes: &[u8], used: i64, one_byte: bool, translates: bool) -> Option<i64> {
    let mut rest = bytes;
    for _ in 0..used {
        let length = match rest {
            [b'\r', b'\n', ..] if translates => 2,
            [first, ..] if one_byte || *first < 0x80 => 1,
            [0xf0..=0xff, ..] => 4,
            [0xe0..=0xef, ..] => 3,
            [_, ..] => 2,
            [] => return None,
        };
        rest = rest.get(length..)?;
    }
    Some((bytes.len() - rest.len()) as i64)
}

#[cfg(test)]
mod tests {
    use super::taken;

    #[test]
    fn characters_are_counted_in_bytes() {
        let text = "aé\r\n€😀z".as_bytes();
        let counts: Vec<_> = (0..8).map(|used| taken(text, used, false, true)).collect();
        assert_eq!(counts, [Some(0), Some(1), Some(3), Some(5), Some(8), Some(12), Some(13), None]);
        assert_eq!(taken(text, 4, false, false), Some(5));
        assert_eq!(taken(b"a\xe9\r\nb", 3, true, true), Some(4));
    }
}
