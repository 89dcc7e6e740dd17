//! Real interpreters found, named and checked; what is none of them refused, each in its own words.

use super::*;
use crate::live::{Program, has_section, interpreters, interpreters_among};
use crate::memory::Synthetic;
use std::path::Path;
use std::process::Command;

const SLEEPING: &str = "import sys, time; print(sys.hexversion); time.sleep(60)";

#[test]
fn finds_every_interpreter_alive_and_copied() {
    for (minor, interpreter) in interpreters() {
        let mut program = Program::start(&interpreter, SLEEPING);
        let version = program.numbers()[0] as u32;
        let process = Process::open(program.pid()).unwrap();
        let live = Runtime::of_process(&process).unwrap();
        let snapshot = Snapshot::of_process(program.pid()).unwrap();
        let copied = Runtime::of_snapshot(&snapshot).unwrap();
        for runtime in [&live, &copied] {
            assert_eq!(runtime.version, HexVersion(version));
            assert_eq!((runtime.version.minor(), runtime.flags), (minor as u8, Flags::NONE));
            assert_eq!(version::parse_version(runtime.version_text.as_deref().unwrap()), Some(runtime.version));
            assert!(runtime.check.compared >= 48, "3.{minor} compared {} numbers", runtime.check.compared);
            assert_eq!(runtime.check.mismatches, []);
        }
        assert_eq!((live.address, live.interpreter), (copied.address, copied.interpreter));

        // Without symbols in the way: the version by nothing but what reads right.
        let files = Files::of_process(program.pid());
        let symbols = Symbols::new(&snapshot, snapshot.mappings(), &files);
        let target = target(&snapshot, &copied, &symbols);
        let tried = target.try_all(Table::lp64().unwrap()).unwrap();
        assert_eq!(
            (tried.layouts.version, tried.interpreter, tried.version),
            (copied.layouts.version, copied.interpreter, copied.version)
        );
        // And without any file, out of memory alone.
        let nowhere = Files::under(Path::new("/nonexistent"));
        let bare = Runtime::find(&snapshot, snapshot.mappings(), &nowhere).unwrap();
        assert_eq!((bare.address, bare.version), (copied.address, copied.version));
    }
}

#[test]
fn vetoes_a_layout_that_is_another_versions() {
    let found = interpreters();
    for (minor, interpreter) in &found {
        let mut program = Program::start(interpreter, SLEEPING);
        program.numbers();
        let snapshot = Snapshot::of_process(program.pid()).unwrap();
        let files = Files::of_process(program.pid());
        let symbols = Symbols::new(&snapshot, snapshot.mappings(), &files);
        let runtime = Runtime::of_snapshot(&snapshot).unwrap();
        let table = Table::lp64().unwrap();
        let target = target(&snapshot, &runtime, &symbols);
        for column in table.columns().iter().filter(|column| u32::from(column.version.minor()) != *minor) {
            let read = target.read_through(column, Origin::Exact, column.version);
            assert!(read.is_err(), "3.{minor} passes for {}: {:?}", column.name(), read.map(|reading| reading.check));
        }
        let error = target.read_by_table(table, HexVersion(0x031000f0)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownLayout, "{error}");
        let threaded = Target { flags: Flags { free_threaded: true, ..Flags::NONE }, ..target };
        let error = threaded.read_by_table(table, runtime.version).unwrap_err();
        if table.column(runtime.version, threaded.flags).is_ok() {
            assert_eq!(error.kind(), ErrorKind::LayoutMismatch, "{error}");
            continue;
        }
        assert_eq!(error.kind(), ErrorKind::UnknownLayout, "{error}");
        // Its fields could be learned, but not what they mean.
        let own = || own_column(&symbols, symbols.python().unwrap(), &files, runtime.version, Flags::NONE);
        let error = threaded.read_after(error, table, runtime.version, own).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownLayout, "{error}");
    }
}

fn target<'a>(snapshot: &'a Snapshot, runtime: &Runtime, symbols: &'a Symbols) -> Target<'a, Snapshot> {
    Target { memory: snapshot, address: runtime.address, binary: symbols.python().unwrap(), flags: runtime.flags }
}

/// The built-in table with the columns of one minor release changed.
fn doctored(minor: u32, change: impl Fn(&mut Column)) -> Table {
    let mut columns = Table::lp64().unwrap().columns().to_vec();
    columns.iter_mut().filter(|column| u32::from(column.version.minor()) == minor).for_each(change);
    Table::new(Layouts::DECLARATIONS, columns)
}

fn moved(column: &mut Column, row: &str, field: Option<&str>) {
    let old = column.structure(row).unwrap().clone();
    let size = old.size();
    let mut new = if field.is_none() { old.resized(size + 8) } else { old };
    if let Some(field) = field {
        let mut cell = new.field(field).unwrap();
        cell.offset += 8;
        new.insert(field, cell);
    }
    column.insert(row, new);
}

#[test]
fn every_origin_of_layouts_is_taken_in_its_turn() {
    for (minor, interpreter) in interpreters() {
        let mut program = Program::start(&interpreter, SLEEPING);
        let version = HexVersion(program.numbers()[0] as u32);
        let snapshot = Snapshot::of_process(program.pid()).unwrap();
        let files = Files::of_process(program.pid());
        let symbols = Symbols::new(&snapshot, snapshot.mappings(), &files);
        let find = |table: &Table, files: &Files, symbols: &Symbols| {
            Runtime::by_table(&snapshot, snapshot.mappings(), files, symbols, table)
        };
        let known = Table::lp64().unwrap();
        let plain = find(known, &files, &symbols).unwrap();
        let is_exact = known.column(version, Flags::NONE).unwrap().version == version;
        assert_eq!(plain.origin, if is_exact { Origin::Exact } else { Origin::NearestPatch });

        // Of an older release alone, which is laid out as this one is.
        let standing = known.column(version, Flags::NONE).unwrap();
        let of_others = known.columns().iter().filter(|column| u32::from(column.version.minor()) != minor).cloned();
        let mut older = standing.clone();
        older.version = HexVersion((version.0 & 0xffff_0000) | 0xc1);
        let older = Table::new(Layouts::DECLARATIONS, of_others.chain([older]).collect());
        let nearest = find(&older, &files, &symbols).unwrap();
        assert_eq!((nearest.origin, nearest.version), (Origin::NearestPatch, version));
        assert!(nearest.layouts.version < version, "3.{minor} is read as {}", nearest.layouts.version);

        // A size, and fields on the way to the version.
        for (row, field) in [("PyListObject", None), ("PyInterpreterState", Some("sysdict"))] {
            let wrong = doctored(minor, |column| moved(column, row, field));
            let target = target(&snapshot, &plain, &symbols);
            assert!(target.read_by_table(&wrong, version).is_err(), "3.{minor} passes with {row} {field:?}");
            if !has_section(symbols.python().unwrap().path(), ".debug_info") {
                println!("3.{minor}: not read by its own debug information, of which it has none");
                let error = find(&wrong, &files, &symbols).unwrap_err();
                assert!(matches!(error.kind(), ErrorKind::LayoutMismatch | ErrorKind::NotReady), "{error}");
                assert!(error.hint_line().is_some(), "{error}");
                continue;
            }
            let own = find(&wrong, &files, &symbols).unwrap();
            assert_eq!((own.origin, own.version, own.layouts.version), (Origin::OwnDebugInformation, version, version));
            assert_eq!((own.address, own.interpreter), (plain.address, plain.interpreter));
            assert!(own.check.compared >= 48 && own.check.mismatches.is_empty());
            // Without any file there is none.
            let nowhere = Files::under(Path::new("/nonexistent"));
            let bare = Symbols::new(&snapshot, snapshot.mappings(), &nowhere);
            let error = find(&wrong, &nowhere, &bare).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::LayoutMismatch | ErrorKind::NotReady), "{error}");
            assert!(error.hint_line().is_some(), "{error}");
        }
        // A tail of the first thread's state, as builds with the JIT have it: both sizes tell of it, or it is none.
        if plain.layouts.debug_offsets.is_some() {
            let target = target(&snapshot, &plain, &symbols);
            let tail = doctored(minor, |column| {
                moved(column, "PyRuntimeState", None);
                moved(column, "PyInterpreterState", None);
            });
            assert!(target.read_by_table(&tail, version).is_ok(), "3.{minor} is refused for a tail");
            for row in ["PyRuntimeState", "PyInterpreterState"] {
                let wrong = doctored(minor, |column| moved(column, row, None));
                assert!(target.read_by_table(&wrong, version).is_err(), "3.{minor} passes with another {row}");
            }
        }
        // A process that starts up is not looked at twice for what the table knows exactly.
        let target = target(&snapshot, &plain, &symbols);
        let mut looked = 0;
        let mut read = |table: &Table| {
            let veto = not_ready(version, "for this test");
            target.read_after(veto, table, version, || {
                looked += 1;
                Ok(None)
            })
        };
        assert_eq!(read(&older).unwrap_err().kind(), ErrorKind::NotReady);
        assert_eq!(read(known).unwrap_err().kind(), ErrorKind::NotReady);
        assert_eq!(looked, if is_exact { 1 } else { 2 });
        if is_exact && has_section(symbols.python().unwrap().path(), ".debug_info") {
            // What the table says of the interpreter's structs is what was made of this very file.
            let binary = symbols.python().unwrap();
            let own = own_column(&symbols, binary, &files, version, Flags::NONE).unwrap().unwrap();
            let table = known.column(version, Flags::NONE).unwrap();
            for declaration in Layouts::DECLARATIONS.iter().filter(|each| each.module.is_none()) {
                assert_eq!(own.structure(declaration.name), table.structure(declaration.name), "3.{minor} {}", declaration.name);
            }
        }
    }
}

#[test]
fn a_stripped_interpreter_is_refused_unless_its_debug_information_lies_beside_it() {
    let run = |program: &str, arguments: &[&std::ffi::OsStr]| {
        assert!(Command::new(program).args(arguments).status().unwrap().success(), "{program} {arguments:?}");
    };
    for (minor, interpreter) in interpreters() {
        let name = format!("libpython3.{minor}.so.1.0");
        let library = interpreter.parent().unwrap().parent().unwrap().join("lib").join(&name);
        if !library.is_file() {
            println!("3.{minor} has no shared library; not tested");
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let (stripped, debug) = (folder.path().join(&name), folder.path().join("python.debug"));
        run("objcopy", &["--strip-debug".as_ref(), library.as_os_str(), stripped.as_os_str()]);
        run("objcopy", &["--only-keep-debug".as_ref(), library.as_os_str(), debug.as_os_str()]);
        let mut link = std::ffi::OsString::from("--add-gnu-debuglink=");
        link.push(&debug);
        run("objcopy", &[&link, stripped.as_os_str()]);
        let mut program = Program::with(&interpreter, SLEEPING, &[("LD_LIBRARY_PATH", folder.path().as_os_str())]);
        let version = HexVersion(program.numbers()[0] as u32);
        let snapshot = Snapshot::of_process(program.pid()).unwrap();
        let files = Files::of_process(program.pid());
        let symbols = Symbols::new(&snapshot, snapshot.mappings(), &files);
        assert_eq!(symbols.python().unwrap().path(), stripped);
        let wrong = doctored(minor, |column| moved(column, "PyListObject", None));
        let find = |table: &Table| Runtime::by_table(&snapshot, snapshot.mappings(), &files, &symbols, table);
        assert_eq!(find(Table::lp64().unwrap()).unwrap().version, version);
        assert_eq!(find(&wrong).unwrap().origin, Origin::OwnDebugInformation);
        // A file of that name which belongs to another binary is not taken.
        std::fs::write(&debug, std::fs::read(&stripped).unwrap()).unwrap();
        let error = find(&wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LayoutMismatch, "{error}");
        assert!(error.hint_line().unwrap().contains("debug information"), "{error}");
        assert!(error.to_string().contains("PyList_Type"), "{error}");
    }
}

/// `cargo test --release -p heapsake-cpython -- --ignored --nocapture measures_reading`
#[test]
#[ignore = "a measurement"]
fn measures_reading_debug_information() {
    for (minor, interpreter) in interpreters() {
        let mut program = Program::start(&interpreter, SLEEPING);
        program.numbers();
        let snapshot = Snapshot::of_process(program.pid()).unwrap();
        let files = Files::of_process(program.pid());
        let symbols = Symbols::new(&snapshot, snapshot.mappings(), &files);
        let started = std::time::Instant::now();
        let version = Runtime::of_snapshot(&snapshot).unwrap().version;
        own_column(&symbols, symbols.python().unwrap(), &files, version, Flags::NONE).unwrap().unwrap();
        println!("3.{minor} read in {:.0} ms", started.elapsed().as_secs_f64() * 1e3);
    }
}

#[test]
fn refuses_versions_that_the_table_lacks() {
    for (minor, interpreter) in interpreters_among([4, 5, 6, 7, 16]) {
        if Table::lp64().unwrap().columns().iter().any(|column| u32::from(column.version.minor()) == minor) {
            continue;
        }
        let mut program = Program::start(&interpreter, SLEEPING);
        program.numbers();
        let snapshot = Snapshot::of_process(program.pid()).unwrap();
        let error = Runtime::of_snapshot(&snapshot).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownLayout, "{error}");
        assert!(error.to_string().contains(&format!("CPython 3.{minor}.")), "{error}");
    }
}

/// `cargo test --release -p heapsake-cpython -- --ignored --nocapture measures_finding`
#[test]
#[ignore = "a measurement"]
fn measures_finding() {
    for (minor, interpreter) in interpreters() {
        let mut program = Program::start(&interpreter, SLEEPING);
        program.numbers();
        let snapshot = Snapshot::of_process(program.pid()).unwrap();
        let started = std::time::Instant::now();
        Runtime::of_snapshot(&snapshot).unwrap();
        println!("3.{minor} found in {:.1} ms", started.elapsed().as_secs_f64() * 1e3);
    }
}

#[test]
fn refuses_what_is_no_python() {
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let process = Process::open(child.id() as i32).unwrap();
    let error = Runtime::of_process(&process);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotPython);
}

#[test]
fn refuses_memory_without_anything() {
    let memory = Synthetic::builder().region(Address(0x1000), 0x1000).build();
    let error = Runtime::find(&memory, memory.mappings(), &Files::under(Path::new("/nonexistent"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotPython);
    assert!(error.to_string().contains("\nhint: "), "{error}");
}

#[test]
fn reads_debug_offsets_and_refuses_damaged_ones() {
    let build = |words: &[u64]| Synthetic::builder().region(Address(0x1000), 0x1000).words(Address(0x1000), words).build();
    let cookie = u64::from_le_bytes(*version::COOKIE);
    let read = |words: &[u64]| version::debug_offsets(&build(words), Address(0x1000));
    assert_eq!(read(&[cookie, 0x030d00f0, 1]), Some((HexVersion(0x030d00f0), true)));
    assert_eq!(read(&[cookie, 0x030d00f0, 2]), None);
    assert_eq!(read(&[cookie, u64::MAX, 0]), None);
    assert_eq!(read(&[0, 0x030d00f0, 0]), None);
}

#[test]
fn a_number_that_was_overwritten_is_no_other_layout() {
    let check = |compared, processes: &[u64]| {
        let what = "tp_basicsize of PyDict_Type".to_owned();
        let mismatch = |process: &u64| crate::selfcheck::Mismatch { what: what.clone(), table: 48, process: *process };
        SelfCheck { compared, mismatches: processes.iter().map(mismatch).collect() }
    };
    assert!(check(61, &[]).contradiction().is_none());
    assert!(check(61, &[i64::MAX as u64, 0xdead_beef]).contradiction().is_none());
    assert_eq!(check(61, &[i64::MAX as u64, 56]).contradiction().map(|one| one.process), Some(56));
    assert!(check(9, &[i64::MAX as u64]).contradiction().is_some());
}
