//! Hostile binaries: ELF files whose headers, symbols and debug information say anything.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use heapsake_core::Address;
use heapsake_core::reduce::Reducer;
use heapsake_cpython::layouts::dwarf::{self, DebugFiles, Names};
use heapsake_cpython::layouts::{Flags, HexVersion, Layouts, debug_information};
use heapsake_cpython::memory::{Files, Source, Synthetic, maps};
use heapsake_cpython::symbols::Symbols;
use heapsake_plugins::declarative;

use super::texts::{Counted, Seen};

/// Where the file is mapped.
const MAPPED: u64 = 0x40_0000;
/// Structs that are looked for by a reducer.
const DESCRIPTION: &str = "heapsake-type 1\ntype a.A\nstruct Account\nname = .name char*\ninner = .where.country char[4]\nflags = .flags u8\nnext = .next object\n";

/// A file that a process has mapped gives symbols and layouts, or says why not: by the file, and by memory alone.
pub(super) fn binaries(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("python");
    std::fs::File::create(&path).and_then(|mut file| file.write_all(bytes)).expect("a file");
    let memory = Synthetic::builder().region(Address(MAPPED), bytes.len().max(1)).bytes(Address(MAPPED), bytes).build();
    let end = MAPPED + (bytes.len().max(1) as u64).next_multiple_of(4096);
    let map = format!("{MAPPED:x}-{end:x} r-xp 00000000 00:01 7 /python\n");
    let mappings = maps::parse(map.as_bytes()).expect("a map");
    for files in [Files::under(folder.path()), Files::under(Path::new("/nowhere"))] {
        let symbols = Symbols::new(&memory, &mappings, &files);
        symbols.find("_PyRuntime");
        symbols.find_function("main");
        if let Some(binary) = symbols.python() {
            binary.with_prefix("Py").count();
            assert_eq!(binary.path(), Path::new("/python"));
        }
    }
    assert_eq!(memory.mappings().len(), 1);
    debug_information_of(&path, folder.path());
    let described = declarative::parse(DESCRIPTION).expect("a description");
    let object = [0x5a; 256];
    for one in &described {
        let _ = one.reduce(&Seen::new(&object, Some(&path)), &mut Counted::default());
    }
}

fn debug_information_of(path: &Path, folder: &Path) {
    let files = DebugFiles::in_folders([folder]);
    let wanted: BTreeSet<&str> = Layouts::DECLARATIONS.iter().flat_map(|one| one.c_names.split('|')).chain(["Account"]).collect();
    let names: Names<'_> = wanted.into_iter().collect();
    if let Ok(Some(found)) = dwarf::read(path, &files, &names) {
        for structure in found.structures.values().flatten() {
            for (path, _, _) in structure.paths(3).into_iter().take(1000) {
                structure.find(&path);
            }
        }
    }
    let _ = debug_information::column(HexVersion(0x030c_01f0), Flags::NONE, |_, names| dwarf::read(path, &files, names));
}

/// A program of a few structs that CPython has.
const PROGRAM: &str = r"
struct place { char country[4]; union { long one; double two; } value; };
typedef struct account { char *name; struct place where; unsigned flags : 3; unsigned more : 5; struct account *next; } Account;
typedef struct _object { long ob_refcnt; struct _typeobject *ob_type; } PyObject;
struct _typeobject { PyObject ob_base; long ob_size; const char *tp_name; long tp_basicsize; unsigned long tp_flags; void *tp_base; };
typedef struct { PyObject ob_base; long ob_size; PyObject *ob_item[1]; } PyTupleObject;
struct pyruntimestate { int initialized; struct { void *head; void *main; } interpreters; int table[3][4]; };
__attribute__((section(%s))) struct pyruntimestate _PyRuntime = { 1 };
Account first; PyTupleObject tuple; struct _typeobject PyType_Type; PyObject object;
int PyObject_Repr(Account *account) { return account->flags; }
";

/// Shared libraries and programs that the machine's C compiler makes: with and without sections, of every version of DWARF.
pub(super) fn small_binaries() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("small.c");
    std::fs::write(&source, PROGRAM.replace("%s", "\".PyRuntime\"")).expect("a file");
    let ways: [&[&str]; 6] = [
        &["-gdwarf-5", "-shared", "-fPIC"],
        &["-gdwarf-4", "-shared", "-fPIC", "-fdebug-types-section"],
        &["-gdwarf-3", "-static", "-Wl,-e,PyObject_Repr"],
        &["-gdwarf-5", "-c"],
        &["-g", "-gz", "-shared", "-fPIC"],
        &["-s", "-shared", "-fPIC"],
    ];
    let compiled = ways.into_iter().map(|arguments| {
        let made = folder.path().join("made");
        let mut command = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
        command
            .args(["-Os", "-nostdlib", "-Wl,-z,noseparate-code", "-Wl,--build-id"])
            .arg(&source)
            .arg("-o")
            .arg(&made)
            .args(arguments);
        let output = command.output().expect("a C compiler, which zstd needs as well");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::read(&made).expect("what was compiled")
    });
    compiled.collect()
}
