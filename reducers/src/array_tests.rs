//! The reducers of `array`: objects laid out by hand for several CPythons, and hostile ones.

use heapsake_core::reduce::Reason;

use crate::framework::testing::{Process, Told, VERSIONS};

const ARRAY: u64 = 0x10_0000;

/// `ob_size` 16, items 24, the descriptor 40; of a descriptor the code 0 and the width 4.
fn array(version: u32, code: u8, width: i32, length: u64, bytes: &[u8]) -> Told {
    Process::new(version)
        .object(ARRAY, "array.array", 64)
        .words(ARRAY + 16, &[length, 0x5000, 0, 0x6000])
        .region(0x5000, bytes.len())
        .bytes(0x5000, bytes)
        .region(0x6000, 64)
        .bytes(0x6000, &[code])
        .bytes(0x6004, &width.to_le_bytes())
        .reduce(ARRAY)
}

#[test]
fn items_are_numbers() {
    for version in VERSIONS {
        let doubles: Vec<u8> = [1.5f64, -2.5].iter().flat_map(|number| number.to_le_bytes()).collect();
        let told = array(version, b'd', 8, 2, &doubles);
        assert_eq!([told.fact("items"), told.fact("typecode")], ["[1.5, -2.5]", "d"]);
        assert_eq!(array(version, b'h', 2, 2, &[0xff, 0xff, 1, 0]).fact("items"), "[-1, 1]");
        assert_eq!(array(version, b'H', 2, 2, &[0xff, 0xff, 1, 0]).fact("items"), "[65535, 1]");
        assert_eq!(array(version, b'u', 4, 1, &[0xac, 0x20, 0, 0]).fact("items"), "[€]");
        assert_eq!(array(version, b'd', 8, 0, &[]).fact("items"), "[]");
        assert_eq!(array(version, b'?', 3, 1, b"abc").fact("bytes"), "\"abc\"");
    }
}

#[test]
fn absurd_lengths_fail() {
    assert_eq!(array(VERSIONS[3], b'd', 8, 1 << 62, &[0; 64]).reason(), Some(Reason::Corrupt));
    assert_eq!(array(VERSIONS[3], b'b', 1, 1 << 40, &[0; 64]).reason(), Some(Reason::Unreadable));
    assert_eq!(array(VERSIONS[3], b'b', -1, 4, &[0; 64]).reason(), Some(Reason::Corrupt));
}
