//! Real interpreters found, named and checked; what is none of them refused, each in its own words.

use super::*;
use crate::live::{Program, interpreters, interpreters_among};
use crate::memory::Synthetic;
use std::path::Path;

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
        let (layouts, interpreter, tried) = try_all(&snapshot, copied.address, Flags::NONE).unwrap();
        assert_eq!((layouts.version, interpreter, tried), (copied.layouts.version, copied.interpreter, copied.version));
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
        for column in Table::lp64().unwrap().columns().iter().filter(|column| u32::from(column.version.minor()) != *minor) {
            let layouts = Layouts::for_column(column).unwrap();
            let read = version::sys_hexversion(&snapshot, runtime.interpreter, &layouts);
            let check = SelfCheck::new(&snapshot, runtime.address, symbols.python().unwrap(), &layouts);
            let vetoed = read != Some(column.version) || !check.mismatches.is_empty();
            assert!(vetoed, "3.{minor} passes for {}: {read:?}, {check:?}", column.name());
        }
        let error = read_through(&snapshot, runtime.address, HexVersion(0x030f00f0), Flags::NONE).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownLayout, "{error}");
        let threaded = Flags { free_threaded: true, ..Flags::NONE };
        let error = read_through(&snapshot, runtime.address, runtime.version, threaded).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownLayout, "{error}");
    }
}

#[test]
fn refuses_versions_that_the_table_lacks() {
    for (minor, interpreter) in interpreters_among([4, 5, 6, 7, 14, 15, 16]) {
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
    let cookie = u64::from_le_bytes(*COOKIE);
    let read = |words: &[u64]| version::debug_offsets(&build(words), Address(0x1000));
    assert_eq!(read(&[cookie, 0x030d00f0, 1]), Some((HexVersion(0x030d00f0), true)));
    assert_eq!(read(&[cookie, 0x030d00f0, 2]), None);
    assert_eq!(read(&[cookie, u64::MAX, 0]), None);
    assert_eq!(read(&[0, 0x030d00f0, 0]), None);
}
