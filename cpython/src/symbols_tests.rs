//! The symbols of real interpreters, with and without their files, compared with what the interpreters themselves say.

use super::*;
use crate::live::{Program, interpreters};
use crate::memory::{Process, Snapshot, Source};

const SYMBOLS: &str = r#"
import ctypes, sys, time
here = ctypes.pythonapi
names = ["_PyRuntime", "PyDict_Type", "PyType_Type", "PyErr_WriteUnraisable", "PyObject_Repr", "Py_GetVersion"]
print(*[ctypes.addressof(ctypes.c_char.in_dll(here, name)) for name in names])
time.sleep(60)
"#;
const NAMES: [&str; 6] = ["_PyRuntime", "PyDict_Type", "PyType_Type", "PyErr_WriteUnraisable", "PyObject_Repr", "Py_GetVersion"];

#[test]
fn finds_what_the_loader_finds() {
    for (minor, interpreter) in interpreters() {
        let mut program = Program::start(&interpreter, SYMBOLS);
        let expected = program.numbers();
        let process = Process::open(program.pid()).unwrap();
        let mappings = process.mappings().unwrap();
        let symbols = Symbols::new(&process, &mappings, &Files::of_process(program.pid()));
        assert!(symbols.python().unwrap().span().contains(Address(expected[0])));
        for (name, address) in NAMES.iter().zip(&expected) {
            assert_eq!(symbols.find(name).map(|symbol| symbol.address.0), Some(*address), "{name} of 3.{minor}");
        }
        assert_eq!(symbols.find_function("PyObject_Repr").map(|address| address.0), Some(expected[4]));
        assert_eq!(symbols.find_function("PyDict_Type"), None);
        assert_eq!(symbols.find("no_such_name"), None);
        assert!(symbols.find_function("malloc").is_some(), "the C library is among the binaries");
        assert!(symbols.python().unwrap().build_id().is_some());

        // The same without any file, as for one that was deleted, from the copy of the memory.
        let snapshot = Snapshot::of_process(program.pid()).unwrap();
        let nowhere = Files::under(Path::new("/nonexistent"));
        let symbols = Symbols::new(&snapshot, snapshot.mappings(), &nowhere);
        for (name, address) in NAMES.iter().zip(&expected) {
            assert_eq!(symbols.find(name).map(|symbol| symbol.address.0), Some(*address), "{name} of 3.{minor}");
        }
    }
}

#[test]
fn a_bias_is_what_most_segments_say() {
    let text =
        "1000-2000 r--p 0 0:1 7 /x\n2000-5000 r-xp 1000 0:1 7 /x\n6000-8000 r--p 4000 0:1 7 /x\n9000-a000 r--p 0 0:1 7 /x\n";
    let mappings = crate::memory::maps::parse(text.as_bytes()).unwrap();
    let group: Vec<&Mapping> = mappings.iter().collect();
    let segment = |(offset, address)| Segment { offset, address, length: 0x100 };
    let segments = [(0, 0), (0x1040, 0x1040), (0x4f00, 0x5f00)].map(segment);
    assert_eq!(load_bias(false, &segments, &group), Some(0x1000));
    assert_eq!(extent(&segments, 0x1000).map(|span| span.end), Some(Address(0x7000)));
    assert_eq!(load_bias(true, &segments, &group), Some(0));
    assert_eq!(load_bias(false, &[segment((0x9000, 0))], &group), None);
}

#[test]
fn damaged_tables_give_nothing() {
    let mut table = Table::default();
    index(&[0xff; 24 * 10 + 3], &[b'a'; 8], 0, &mut table);
    assert!(table.is_empty());
    let memory = crate::memory::Synthetic::builder().region(Address(0x1000), 0x1000).build();
    assert_eq!(read_dynamic(&memory, Address(0x1000), u64::MAX, 0, &mut table), None);
    assert_eq!(read_dynamic(&memory, Address(0x9000), 64, 0, &mut table), None);
}
