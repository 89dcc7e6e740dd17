//! Types that a text file describes: what is read, and what is said of a file that is wrong.

mod support;

use std::path::PathBuf;

use heapsake_core::heap::EdgeKind;
use heapsake_core::reduce::Reason;
use heapsake_plugins::{Limits, declarative};
use support::{Made, Told, open};

const AT: u64 = 0x5eed_0000_0000;

fn reduce(text: &str, made: Made) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("test.heapsake-type");
    std::fs::write(&path, text).unwrap();
    let plugins = open(&[path], Limits::default());
    assert_eq!(plugins.refused, []);
    made.reduce(&plugins, AT)
}

fn facts(told: &Told) -> Vec<String> {
    told.state.iter().map(|(name, value)| format!("{name}: {value:?}")).collect()
}

#[test]
fn every_kind_is_shown_as_it_is_said() {
    let text = "heapsake-type 1
        # a comment
        base a.B          # another
        small = 16 i8
        wide = 0x10 u16 hex
        negative = 24 i64
        ratio = 32 f64
        half = 40 f32
        yes = 44 bool
        at = 48 pointer
        none = 56 pointer
        name = 48 char*
        code = 64 char[8]
        raw = 64 bytes[3]
        buffer = 48 bytes* count 72
        mode = 80 u8 one-of 0 read, 1 read and write
        bits = 81 u8 flags 0x1 open, 2 dirty, 16 locked
        other = 80 u8 one-of 7 seven
        file = 84 i32 descriptor
        behind = 48 -> 8 u8
        further = 48 -> 16 -> 0 u8
        nowhere = 56 -> 8 u8";
    let words = [
        1,
        1,
        0xfffe,
        (-5i64) as u64,
        1.5f64.to_bits(),
        u64::from(0.5f32.to_bits()) | 1 << 32,
        AT + 0x100,
        0,
        u64::from_le_bytes(*b"abc\0zzzz"),
        5,
        1 | 0x83 << 8 | 7 << 32,
    ];
    let mut made = Made::default().object(AT, "a.B", &words).bytes(AT + 0x100, b"text\x00678\x2a_______\0\x02\0\0\xed\x5e\0\0");
    made = made.bytes(AT + 0x200, b"\x09");
    made.facts.insert("fd/7", b"/dev/null".to_vec());
    let told = reduce(text, made);
    assert_eq!(told.failure, None);
    let expected = [
        "at: Text(\"0x5eed00000100\")",
        "behind: Integer(Integer(42))",
        "bits: Array([Text(\"open\"), Text(\"dirty\"), Text(\"0x80\")])",
        "buffer: Bytes([116, 101, 120, 116, 0])",
        "code: Text(\"abc\")",
        "file: Integer(Integer(7))",
        "file_open_on: Text(\"/dev/null\")",
        "further: Integer(Integer(9))",
        "half: Float(0.5)",
        "mode: Text(\"read and write\")",
        "name: Text(\"text\")",
        "negative: Integer(Integer(-5))",
        "other: Integer(Integer(1))",
        "ratio: Float(1.5)",
        "raw: Bytes([97, 98, 99])",
        "small: Integer(Integer(-2))",
        "wide: Text(\"0xfffe\")",
        "yes: Bool(true)",
    ];
    assert_eq!(facts(&told), expected);
}

#[test]
fn objects_are_edges_and_elements() {
    let text = "heapsake-type 1
        type a.B
        next = 16 object
        back = 24 object weak
        empty = 32 object
        items = 40 object* count 48
        row = 56 object[2]";
    let words = [1, 1, AT + 0x100, 7, 0, AT + 0x200, 3, 8, 9];
    let made = Made::default().object(AT, "a.B", &words).object(AT + 0x100, "a.C", &[1]).words(AT + 0x200, &[1, 2, 3]);
    let told = reduce(text, made);
    let edges = [(EdgeKind::Attribute, "next".to_owned(), AT + 0x100), (EdgeKind::Weak, "back".to_owned(), 7)];
    assert_eq!((&told.edges[..], &told.elements[..], &told.failure), (&edges[..], &[1, 2, 3, 8, 9][..], &None));
}

#[test]
fn a_field_that_cannot_be_read_costs_no_other() {
    let text = "heapsake-type 1
        type a.B
        far = 4096 i64
        well = 16 i64
        wild = 24 char*
        many = 24 object* count 32
        stray = 24 object
        member = S.member i32";
    let made = Made::default().object(AT, "a.B", &[1, 1, 5, 0xdead_0000, u64::MAX / 2]);
    let told = reduce(text, made);
    assert_eq!(facts(&told), ["well: Integer(Integer(5))"]);
    assert_eq!((told.failed().0, told.failed().1.starts_with("far: at 0x5eed00001000")), (Reason::Unreadable, true));

    let only = |field: &str| {
        let made = Made::default().object(AT, "a.B", &[1, 1, 5, 0xdead_0000, u64::MAX / 2, u64::MAX]);
        let told = reduce(&format!("heapsake-type 1\ntype a.B\n{field}"), made);
        let (reason, words) = told.failed();
        (reason, words.to_owned())
    };
    assert_eq!(only("many = 24 object* count 32").0, Reason::Corrupt);
    assert_eq!(only("many = 24 object* count 40"), (Reason::Corrupt, "many: a count of -1".to_owned()));
    assert_eq!(only("stray = 24 object"), (Reason::NotAnObject, "stray: no object lies at 0xdead0000".to_owned()));
    let unknown = only("member = S.member i32");
    assert!(unknown.1.contains("where S.member lies is not known"), "{unknown:?}");
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (text, problem) in [
        ("", "it is empty"),
        ("# nothing", "it is empty"),
        ("type a.B\n", "line 1: the first line is `heapsake-type 1`, not `type a.B`"),
        ("heapsake-type 2", "line 1: the first line is `heapsake-type 1`, not `heapsake-type 2`"),
        ("heapsake-type 1\n", "it describes no type"),
        ("heapsake-type 1\nx = 1 i8", "line 2: `x` before any `type`"),
        ("heapsake-type 1\ntype a.B\n", "line 2: a.B has no fields"),
        ("heapsake-type 1\ntype a b\n", "line 2: `type` wants the qualified name of one type, not `a b`"),
        ("heapsake-type 1\ntype a.B\nx = 1\n", "line 3: the kind is missing"),
        ("heapsake-type 1\ntype a.B\nx 1 i8\n", "line 3: `x 1 i8` is no `name = place kind`"),
        ("heapsake-type 1\ntype a.B\n\nx = 1 i9\n", "line 4: `i9` is no kind"),
        ("heapsake-type 1\ntype a.B\nx = one i8\n", "line 3: `one` is no place: a number of bytes, .member or Struct.member"),
        ("heapsake-type 1\ntype a.B\nx = .one i8\n", "line 3: `.one` of which struct? say `struct NAME` before, or NAME.one"),
        ("heapsake-type 1\ntype a.B\nx = 1 i8 wide\n", "line 3: `wide` after the end of the field"),
        ("heapsake-type 1\ntype a.B\nx = 1 char[0]\n", "line 3: `char[0]` has no length from 1 to 1048576"),
        ("heapsake-type 1\ntype a.B\nx = 1 object*\n", "line 3: `count PLACE` is missing"),
        ("heapsake-type 1\ntype a.B\nx = 1 -> i8\n", "line 3: `i8` is no place: a number of bytes, .member or Struct.member"),
        ("heapsake-type 1\ntype a.B\nx = 1 u8 one-of red\n", "line 3: `one-of` wants `NUMBER WORD`, not `red`"),
        ("heapsake-type 1\ntype a.B\nx = 1 i8\nx = 2 i8\n", "line 4: a second field x"),
        ("heapsake-type 1\ntype a.B\nsaves a\nsaves b\nx = 2 i8\n", "line 4: `saves` with a second line"),
        ("heapsake-type 1\ntype a.B\nx = 99999999999999 i8\n", "line 3: 99999999999999 bytes are too far"),
    ] {
        let found = declarative::parse(text).map(|types| types.len());
        assert_eq!(found.map_err(|problem| problem.to_string()), Err(problem.to_owned()), "{text:?}");
    }
    // A field may have the name of a word.
    let types = declarative::parse("heapsake-type 1\ntype a.B\ntype = 1 i8\nsaves = 2 i8\n").unwrap();
    assert_eq!(types.len(), 1);
}

#[test]
fn no_text_makes_the_parser_panic() {
    let whole = std::fs::read_to_string(support::building::here().join("tests/programs/vault.heapsake-type")).unwrap();
    assert_eq!(declarative::parse(&whole).unwrap().len(), 1);
    let letters: Vec<char> = whole.chars().collect();
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    for _ in 0..3000 {
        let mut text = letters.clone();
        for _ in 0..=next(4) {
            let at = next(text.len());
            match next(4) {
                0 => text.truncate(at + 1),
                1 => text.insert(at, ['=', '[', ']', '.', '-', '>', '#', '\n', '\u{e9}', '9'][next(10)]),
                2 => drop(text.remove(at)),
                _ => text[at] = letters[next(letters.len())],
            }
            if text.is_empty() {
                break;
            }
        }
        let text: String = text.into_iter().collect();
        if let Err(problem) = declarative::parse(&text) {
            assert!(problem.line <= text.lines().count(), "{problem}");
        }
    }
}
