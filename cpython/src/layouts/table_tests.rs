//! Tests of the table's text, and of which column stands for a version.

use proptest::prelude::*;

use super::{Cell, Flags, HexVersion, LayoutError, Table};
use crate::machine::Machine;

const HEAD: &str = "heapsake-layouts 1 lp64\n";

fn heading(hex: u32, flags: Flags) -> String {
    let letters = if flags == Flags::NONE { "-".to_owned() } else { flags.to_string() };
    format!("column {}{flags} hex={hex:#010x} flags={letters} binary=crc32:0 compiler=GNU C 1.0\n", HexVersion(hex))
}

fn table(columns: &[(u32, Flags)]) -> Table {
    let names: Vec<String> = columns.iter().map(|(hex, flags)| format!("{}{flags}", HexVersion(*hex))).collect();
    let headings: String = columns.iter().map(|(hex, flags)| heading(*hex, *flags)).collect();
    Table::parse(&format!("{HEAD}{headings}row {}\n", names.join(" "))).unwrap()
}

#[test]
fn the_nearest_patch_release_stands_in() {
    let free_threaded = Flags { free_threaded: true, ..Flags::NONE };
    let table =
        table(&[(0x030b02f0, Flags::NONE), (0x030b07f0, Flags::NONE), (0x030d00f0, Flags::NONE), (0x030d05f0, free_threaded)]);
    let chosen = |hex, flags| table.column(HexVersion(hex), flags).map(|column| (column.version.0, column.flags));
    assert_eq!(chosen(0x030b07f0, Flags::NONE), Ok((0x030b07f0, Flags::NONE)));
    assert_eq!(chosen(0x030b06f0, Flags::NONE), Ok((0x030b02f0, Flags::NONE)), "the nearest lower one");
    assert_eq!(chosen(0x030b09f0, Flags::NONE), Ok((0x030b07f0, Flags::NONE)));
    assert_eq!(chosen(0x030b00f0, Flags::NONE), Ok((0x030b02f0, Flags::NONE)), "only higher ones are known");
    assert_eq!(chosen(0x030d00f0, free_threaded), Ok((0x030d05f0, free_threaded)));
    for (hex, flags) in [
        (0x030c00f0, Flags::NONE),
        (0x040b07f0, Flags::NONE),
        (0x030b07f0, free_threaded),
        (0x030d00f0, Flags { debug: true, ..Flags::NONE }),
        (0x030b07f0, Flags { stackless: true, ..Flags::NONE }),
    ] {
        assert!(matches!(chosen(hex, flags), Err(LayoutError::UnknownLayout { .. })), "{hex:x} {flags}");
    }
    let error = table.column(HexVersion(0x030e08f0), free_threaded).unwrap_err().to_string();
    assert_eq!(error, "the layout of CPython 3.14.8t is unknown; those of 3.11.2, 3.11.7, 3.13.0, 3.13.5t are known");
}

#[test]
fn versions_print_as_python_prints_them() {
    for (hex, text) in [(0x030b07f0, "3.11.7"), (0x030f00c1, "3.15.0rc1"), (0x030e00b4, "3.14.0b4"), (0x030e00a7, "3.14.0a7")] {
        assert_eq!(HexVersion(hex).to_string(), text);
    }
    assert_eq!("td".parse::<Flags>(), Ok(Flags { free_threaded: true, debug: true, stackless: false }));
    assert_eq!("tx".parse::<Flags>(), Err('x'));
}

#[test]
fn a_malformed_line_is_pointed_at() {
    let two = format!("{HEAD}{}{}", heading(0x030b07f0, Flags::NONE), heading(0x030c01f0, Flags::NONE));
    let rows = |text: &str| format!("{two}row 3.11.7 3.12.1\n{text}");
    for (text, line, part) in [
        (String::new(), 1, "expected 'heapsake-layouts 1 lp64'"),
        ("heapsake-layouts 2 lp64\n".to_owned(), 1, "expected 'heapsake-layouts 1 lp64'"),
        (format!("{HEAD}column 3.11.7\n"), 2, "not a column's heading"),
        (format!("{HEAD}{}", heading(0x030b07f0, Flags::NONE).replace("3.11", "3.12")), 2, "not a column's heading"),
        (format!("{two}row 3.12.1 3.11.7\n"), 4, "expected the columns 3.11.7 3.12.1"),
        (format!("{two}PyObject 16 16\n"), 4, "a row before the line of column names"),
        (rows("PyObject 16\n"), 5, "expected 2 cells, found 1"),
        (rows("PyObject 16 big\n"), 5, "'big' is no size"),
        (rows("  ob_type 8 8\n"), 5, "a field before any struct"),
        (rows("A 16 .\n  x 8 8\n"), 6, "A has a field x but no size"),
        (rows("A 16 16\n  x 8 8.9:1\n"), 6, "'8.9:1' is no offset"),
        (rows("A 16 16\n  x 8 -8\n"), 6, "'-8' is no offset"),
        (rows("A 16 16\n  x 8 8\n  x 8 8\n"), 7, "a second row x"),
        (rows("A 16 16\nA 16 16\n"), 6, "a second row A"),
    ] {
        match Table::parse(&text) {
            Err(LayoutError::Syntax { line: found, message }) => {
                assert_eq!((found, message.as_str()), (line, part), "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn a_printed_table_parses_to_itself() {
    let table = Table::lp64().unwrap();
    assert_eq!(&Table::parse(&table.to_string()).unwrap(), table);
    let column = table.column(HexVersion(0x030b07f0), Flags::NONE).unwrap();
    let alone = table.only(column);
    assert_eq!(alone.columns(), std::slice::from_ref(column));
    assert_eq!(Table::parse(&alone.to_string()).unwrap(), alone);
}

/// By the debug information of Debian's packages for aarch64 (python3.11-dbg 3.11.2, python3.13-dbg 3.13.15, python3.14-dbg 3.14.8
/// and python3.15-dbg 3.15.0), which no column is made of.
const OF_PACKAGES: [(u32, &[(&str, &str, u32)]); 4] = [
    (
        0x030b_02f0,
        &[
            ("PyRuntimeState", "", 166_704),
            ("PyRuntimeState", "gilstate.tstate_current._value", 592),
            ("PyRuntimeState", "autoTSSkey", 608),
            ("PyRuntimeState", "_main_interpreter", 58_952),
            ("GilRuntimeState", "", 224),
        ],
    ),
    (
        0x030d_0ff0,
        &[
            ("PyRuntimeState", "", 283_424),
            ("PyRuntimeState", "_main_interpreter", 88_424),
            ("PyInterpreterState", "", 195_000),
            ("PyInterpreterState", "dict", 8464),
            ("PyInterpreterState", "codecs.search_path", 7976),
            ("PyInterpreterState", "types.builtins.initialized", 182_984),
            ("PyInterpreterState", "types.for_extensions.initialized", 192_600),
            ("PyInterpreterState", "after_forkers_child", 10_664),
            ("PyInterpreterState", "co_extra_user_count", 8568),
            ("PyThreadState", "", 312),
        ],
    ),
    (
        0x030e_08f0,
        &[
            ("PyRuntimeState", "", 316_632),
            ("PyInterpreterState", "", 225_880),
            ("PyInterpreterState", "asyncio_tasks_head", 10_896),
            ("PyInterpreterState", "types", 81_936),
            ("PyInterpreterState", "before_forkers", 10_712),
        ],
    ),
    (
        0x030f_00f0,
        &[
            ("PyRuntimeState", "", 346_584),
            ("PyInterpreterState", "", 226_256),
            ("PyInterpreterState", "asyncio_tasks_head", 10_872),
            ("PyInterpreterState", "types.for_extensions.initialized", 190_040),
            ("PyInterpreterState", "after_forkers_parent", 10_696),
        ],
    ),
];

#[test]
fn aarch64_is_laid_out_as_its_packages_say() {
    let table = Table::of(Machine::Aarch64).unwrap();
    for (version, numbers) in OF_PACKAGES {
        let column = table.column(HexVersion(version), Flags::NONE).unwrap();
        for (row, field, number) in numbers {
            let cells = column.structure(row).unwrap();
            let found = if field.is_empty() { Some(cells.size()) } else { cells.field(field).map(|cell| cell.offset) };
            assert_eq!(found, Some(*number), "{} {row} {field}", column.name());
        }
    }
    // Objects are alike, and every column can be used.
    for (arm, column) in table.columns().iter().zip(Table::lp64().unwrap().columns()) {
        assert_eq!((arm.version, arm.flags), (column.version, column.flags));
        for row in ["PyListObject", "PyTypeObject", "PyDictObject", "PyCodeObject", "PyFrameObject", "PyUnicodeObject"] {
            assert_eq!(arm.structure(row), column.structure(row), "{row}");
        }
        assert_ne!(arm.structure("GilRuntimeState"), column.structure("GilRuntimeState"), "{}", arm.name());
        crate::layouts::Layouts::for_column(arm).unwrap();
    }
}

#[test]
fn cells_print_as_they_parse() {
    for text in ["0", "4294967295", "32.2:3", "0.0:64"] {
        assert_eq!(Cell::parse(text).map(|cell| cell.to_string()).as_deref(), Some(text));
    }
    for text in ["", ".", "1.", "1.2", "1.8:1", "1.0:0", "1.0:65", "4294967296", "+-1", "1.1:1:1"] {
        assert_eq!(Cell::parse(text), None, "{text}");
    }
}

proptest! {
    /// No text makes the parser panic, and what it accepts prints and parses again.
    #[test]
    fn any_text_is_parsed_or_refused(lines in prop::collection::vec("[ a-c.:0-9-]{0,12}", 0..12)) {
        let text = format!("{HEAD}{}row 3.11.7\n{}\n", heading(0x030b07f0, Flags::NONE), lines.join("\n"));
        if let Ok(table) = Table::parse(&text) {
            prop_assert_eq!(Table::parse(&table.to_string()).unwrap(), table);
        }
    }
}

#[test]
fn the_columns_of_a_minor_release_are_those_of_the_table() {
    for machine in [Machine::X86_64, Machine::Aarch64] {
        let table = Table::of(machine).unwrap();
        for minor in 7..=15 {
            let version = HexVersion(0x0300_00f0 | minor << 16);
            let alone = Table::of_minor(machine, version).unwrap();
            let columns: Vec<_> = table.columns().iter().filter(|column| column.version.same_minor(version)).cloned().collect();
            assert!(!columns.is_empty(), "3.{minor}");
            assert_eq!(alone.columns(), columns);
        }
        assert!(Table::of_minor(machine, HexVersion(0x0363_00f0)).unwrap().columns().is_empty());
    }
}
