//! The reducers of `io`: objects laid out by hand for several CPythons, and hostile ones.

use heapsake_core::reduce::Reason;

use crate::framework::testing::{Process, VERSIONS};

const FILE: u64 = 0x10_0000;
const BUFFER: u64 = 0x20_0000;
const RAW: u64 = 0x30_0000;
const TEXT: u64 = 0x40_0000;

/// A raw file: descriptor 16, flags in the byte 20 (created, readable, writable, appending).
fn raw(process: Process, descriptor: i32, flags: u8) -> Process {
    process.object(RAW, "_io.FileIO", 48).bytes(RAW + 16, &descriptor.to_le_bytes()).bytes(RAW + 20, &[flags])
}

/// A buffer that has read 10 bytes and given 4: raw 16, flags 24, position of the raw file 48, the buffer 56, then position,
/// raw position, read end, write position, write end.
fn buffer(version: u32, kind: &'static str) -> Process {
    raw(Process::new(version), 5, 2)
        .object(BUFFER, kind, 152)
        .words(BUFFER + 16, &[RAW, 1, 1])
        .words(BUFFER + 48, &[110, 0x5000, 4, 10, 10, 0, u64::MAX])
        .region(0x5000, 16)
        .bytes(0x5000, b"0123456789")
}

#[test]
fn a_raw_file_says_its_mode() {
    for version in VERSIONS {
        let mode = |flags| raw(Process::new(version), 5, flags).reduce(RAW).fact("mode");
        assert_eq!([2, 4, 6, 8, 10, 1, 3].map(mode), ["rb", "wb", "rb+", "ab", "ab+", "xb", "xb+"]);
        let told = raw(Process::new(version), -1, 2).reduce(RAW);
        assert_eq!([told.fact("closed"), told.fact("fd")], ["true", "-1"]);
    }
}

#[test]
fn a_buffer_is_where_its_reader_is() {
    for version in VERSIONS {
        let told = buffer(version, "_io.BufferedReader").reduce(BUFFER);
        assert_eq!(["position", "closed", "read_ahead"].map(|name| told.fact(name)), ["104", "false", "\"456789\""]);
        assert_eq!(told.edge("raw"), RAW);
    }
}

#[test]
fn a_text_is_where_its_buffer_is() {
    // Pending bytes are counted at 144; a snapshot is at 152.
    for version in VERSIONS {
        let told = buffer(version, "_io.BufferedRandom")
            .object(TEXT, "_io.TextIOWrapper", 200)
            .words(TEXT + 32, &[BUFFER])
            .words(TEXT + 144, &[3])
            .reduce(TEXT);
        assert_eq!(["position", "pending", "closed"].map(|name| told.fact(name)), ["107", "3", "false"]);
    }
}

#[test]
fn files_in_memory_have_their_content() {
    for version in VERSIONS {
        let told = Process::new(version)
            .object(FILE, "_io.StringIO", 168)
            .words(FILE + 16, &[0x5000, 1, 2])
            .bytes(FILE + 48, &[1])
            .region(0x5000, 8)
            .bytes(0x5000, &[0x68, 0, 0, 0, 0xac, 0x20, 0, 0])
            .reduce(FILE);
        assert_eq!(["value", "position", "length"].map(|name| told.fact(name)), ["h€", "1", "2"]);
        let told = Process::new(version)
            .object(FILE, "_io.BytesIO", 64)
            .words(FILE + 16, &[0x5000, 3, 5])
            .region(0x5000, 64)
            .bytes(0x5020, b"bytes, and more")
            .reduce(FILE);
        assert_eq!(["value", "position", "closed"].map(|name| told.fact(name)), ["\"bytes\"", "3", "false"]);
    }
}

#[test]
fn a_text_that_is_still_gathered_is_read_where_it_is_gathered() {
    // Up to 3.11 two lists of pieces; since then a string at 56 that is filled up to the number at 88.
    let text = |process: Process, at: u64, data: u64| {
        process.object(at, "str", 64).words(at + 16, &[5, 0, 0b1100100]).bytes(at + data, b"piece")
    };
    let old = Process::new(VERSIONS[3]).object(FILE, "_io.StringIO", 120).bytes(FILE + 48, &[2]).words(FILE + 64, &[0x5000]);
    let old = old.object(0x5000, "list", 40).words(0x5010, &[2, 0x6000]).region(0x6000, 16).words(0x6000, &[TEXT, TEXT]);
    assert_eq!(text(old, TEXT, 48).reduce(FILE).fact("value"), "piecepiece");
    let new = Process::new(VERSIONS[4]).object(FILE, "_io.StringIO", 168).bytes(FILE + 48, &[2]).words(FILE + 56, &[TEXT]);
    assert_eq!(text(new.words(FILE + 88, &[3]), TEXT, 40).reduce(FILE).fact("value"), "pie");
}

#[test]
fn absurd_sizes_fail() {
    let told = Process::new(VERSIONS[2])
        .object(FILE, "_io.StringIO", 120)
        .words(FILE + 16, &[0x5000, 0, 1 << 62])
        .bytes(FILE + 48, &[1])
        .region(0x5000, 8)
        .reduce(FILE);
    assert_eq!(told.reason(), Some(Reason::Unreadable));
}
