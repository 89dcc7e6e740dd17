//! A value that alone exceeds the budget of bytes: its head stays, with a checksum of all of it.

/// Bytes that stay.
const HEAD: usize = 64 << 10;

/// How many of the bytes of a value stay, if bytes are its matter.
pub(super) fn kept(length: u64, most: u64) -> u64 {
    if length <= most { length } else { length.min(HEAD as u64) }
}

/// What is said of a value of which the first `kept` bytes are there.
pub(super) fn told(kept: u64, length: u64, checksum: u32) -> String {
    format!("the first {kept} of {length} bytes, whose CRC-32 is {checksum:#010x}")
}

/// What is written of a value, and what is said of it when that is not all. No character of a text is divided.
pub(super) fn head(bytes: &[u8], most: u64) -> (&[u8], Option<String>) {
    let length = bytes.len() as u64;
    if kept(length, most) == length {
        return (bytes, None);
    }
    let is_start = |at: &usize| bytes[*at] & 0xc0 != 0x80;
    let end = (HEAD - 3..=HEAD).rev().find(is_start).unwrap_or(HEAD);
    (&bytes[..end], Some(told(end as u64, length, crc32fast::hash(bytes))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_that_of_a_text() {
        let euros = "€".repeat(HEAD);
        assert_eq!(head(euros.as_bytes(), 3 * HEAD as u64), (euros.as_bytes(), None));
        let (kept, told) = head(euros.as_bytes(), 1);
        assert!(std::str::from_utf8(kept).is_ok() && (HEAD - 3..=HEAD).contains(&kept.len()));
        let all = format!("of {} bytes, whose CRC-32 is {:#010x}", 3 * HEAD, crc32fast::hash(euros.as_bytes()));
        assert!(told.is_some_and(|told| told.ends_with(&all)));
        assert_eq!(head(&vec![0x80; 2 * HEAD], 1).0.len(), HEAD);
        assert_eq!(head(&vec![1; HEAD], 1).1, None, "what is no longer than a head is whole");
    }
}
