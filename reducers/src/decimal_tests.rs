//! The reducers of `decimal`: objects laid out by hand for several CPythons, and hostile ones.

use heapsake_core::reduce::Reason;

use super::number;
use crate::framework::testing::{Process, Told, VERSIONS};

const DECIMAL: u64 = 0x10_0000;

/// Flags at 24, then exponent, digits, length, room and the words' address, the same in all.
fn decimal(version: u32, flags: u8, exponent: i64, words: &[u64]) -> Told {
    Process::new(version)
        .object(DECIMAL, "decimal.Decimal", 104)
        .bytes(DECIMAL + 24, &[flags])
        .words(DECIMAL + 32, &[exponent as u64, 0, words.len() as u64, 4, 0x5000])
        .region(0x5000, 64)
        .words(0x5000, words)
        .reduce(DECIMAL)
}

#[test]
fn numbers_read_as_python_writes_them() {
    for version in VERSIONS {
        let told = decimal(version, 0, -2, &[110]);
        assert_eq!(["text", "sign", "digits", "exponent"].map(|name| told.fact(name)), ["1.10", "0", "110", "-2"]);
        assert_eq!(decimal(version, 1, 0, &[5, 12]).fact("text"), "-120000000000000000005");
        assert_eq!(decimal(version, 3, 0, &[]).fact("text"), "-Infinity");
        assert_eq!(decimal(version, 4, 0, &[]).fact("text"), "NaN");
        assert_eq!(decimal(version, 8, 0, &[7]).fact("text"), "sNaN7");
        assert_eq!(decimal(version, 0, 0, &[0]).fact("text"), "0");
    }
}

#[test]
fn the_exponent_is_written_where_python_writes_it() {
    let cases = [
        ("1", 3, "1E+3"),
        ("123", 2, "1.23E+4"),
        ("1", -7, "1E-7"),
        ("12", -7, "0.0000012"),
        ("0", -3, "0.000"),
        ("0", 2, "0E+2"),
        ("5", -1, "0.5"),
        ("15", -1, "1.5"),
        ("1234", -10, "1.234E-7"),
    ];
    for (digits, exponent, text) in cases {
        assert_eq!(number(digits, exponent), text);
    }
}

#[test]
fn hostile_words_fail() {
    assert_eq!(decimal(VERSIONS[1], 0, 0, &[u64::MAX]).reason(), Some(Reason::Corrupt));
    let told = Process::new(VERSIONS[1])
        .object(DECIMAL, "decimal.Decimal", 104)
        .words(DECIMAL + 48, &[1 << 60, 4, 0x5000])
        .region(0x5000, 64)
        .reduce(DECIMAL);
    assert_eq!(told.reason(), Some(Reason::Unreadable));
}
