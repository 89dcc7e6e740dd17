//! Tests of the DWARF reader against the C compiler: the program whose debug information is read prints its own `offsetof`.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{DebugFiles, Definitions, Names, Shape, Structure};

const PROGRAM: &str = r#"
#include <stddef.h>
#include <stdio.h>
struct inner { short a; unsigned short b; };
typedef struct { int x; } Only;
union either { double real; void *pointer; };
enum level { low = -1, high };
typedef const volatile unsigned char byte;
struct absent;
struct sample {
    struct inner inner; unsigned first : 3; unsigned second : 9; signed char tiny; byte plain;
    union { long left; struct absent *right; }; struct { int deep; }; Only only; union either either;
    enum level level; int (*call)(void); unsigned char tail[];
};
typedef struct sample Alias;
Alias object; Only only; struct absent *absent;
int main(void) {
#define ROW(path) printf(#path " %zu %zu\n", offsetof(struct sample, path), sizeof(object.path));
    ROW(inner) ROW(inner.a) ROW(inner.b) ROW(tiny) ROW(plain) ROW(left) ROW(right) ROW(deep) ROW(only) ROW(only.x)
    ROW(either) ROW(either.real) ROW(either.pointer) ROW(level) ROW(call)
    printf("tail %zu 0\n", offsetof(struct sample, tail));
    printf("sizeof %zu 0\n", sizeof object);
    return 0;
}
"#;

fn read(binary: &Path, debug_folder: &Path, names: &Names<'_>) -> crate::Result<Option<Definitions>> {
    super::read(binary, &DebugFiles::in_folders([debug_folder]), names)
}

fn built(folder: &Path, options: &[&str]) -> PathBuf {
    let (source, binary) = (folder.join("program.c"), folder.join("program"));
    std::fs::write(&source, PROGRAM).unwrap();
    let status = Command::new("cc").args(options).arg("-o").arg(&binary).arg(&source).status();
    assert!(status.expect("a C compiler is needed").success(), "{options:?}");
    binary
}

fn names() -> Names<'static> {
    ["sample", "Alias", "Only", "either", "absent", "nowhere"].into_iter().collect()
}

fn width(shape: &Shape) -> u64 {
    match shape {
        Shape::Integer { bits, .. } => bits / 8,
        Shape::Float(bytes) => *bytes,
        Shape::Pointer => 8,
        Shape::Structure(inner) => inner.size,
        Shape::Opaque => 0,
    }
}

fn compare(binary: &Path, found: &Definitions) {
    let one = |name: &str| -> &Structure {
        let several = &found.structures[name];
        assert_eq!(several.len(), 1, "{name}");
        &several[0]
    };
    let sample = one("sample");
    assert_eq!(sample, one("Alias"));
    assert_eq!((one("Only").size, one("either").size), (4, 8));
    assert!(!found.structures.contains_key("absent") && !found.structures.contains_key("nowhere"));
    let output = Command::new(binary).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 17);
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let (path, offset, size) = (words[0], words[1].parse::<u64>().unwrap(), words[2].parse::<u64>().unwrap());
        if path == "sizeof" {
            assert_eq!(sample.size, offset);
        } else {
            let (bit, shape) = sample.find(path).unwrap_or_else(|| panic!("{path} is not found"));
            assert_eq!((bit, width(shape)), (offset * 8, size), "{path}");
        }
    }
    let (bit, shape) = sample.find("second").unwrap();
    assert_eq!((bit, shape), (35, &Shape::Integer { bits: 9, signed: false, field: true }));
    assert_eq!(sample.find("tiny").unwrap().1, &Shape::Integer { bits: 8, signed: true, field: false });
    assert!(matches!(sample.find("level").unwrap().1, Shape::Integer { bits: 32, .. }));
    assert_eq!(sample.find("inner.c"), None);
    assert_eq!(sample.find("tiny.a"), None);
    assert!(found.compiler.as_ref().is_some_and(|compiler| !compiler.is_empty()));
}

#[test]
fn every_version_of_dwarf_agrees_with_the_compiler() {
    for version in ["-gdwarf-2", "-gdwarf-3", "-gdwarf-4", "-gdwarf-5"] {
        let folder = tempfile::tempdir().unwrap();
        let binary = built(folder.path(), &[version]);
        compare(&binary, &read(&binary, folder.path(), &names()).unwrap().unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let binary = built(folder.path(), &["-g", "-gz=zlib"]);
    compare(&binary, &read(&binary, folder.path(), &names()).unwrap().unwrap());
}

#[test]
fn a_stripped_binary_has_its_debug_information_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let binary = built(folder.path(), &["-g", "-Wl,--build-id=0x0123456789"]);
    let by_id = folder.path().join("debug/.build-id/01");
    std::fs::create_dir_all(&by_id).unwrap();
    let separate = by_id.join("23456789.debug");
    let objcopy = |arguments: &[&str], paths: &[&Path]| {
        assert!(Command::new("objcopy").args(arguments).args(paths).status().unwrap().success());
    };
    objcopy(&["--only-keep-debug"], &[&binary, &separate]);
    objcopy(&["--strip-debug"], &[&binary]);
    let debug_folder = folder.path().join("debug");
    let found = read(&binary, &debug_folder, &names()).unwrap().unwrap();
    assert_eq!(found.binary, "build-id:0123456789");
    compare(&binary, &found);
    assert!(read(&binary, &folder.path().join("nothing"), &names()).unwrap().is_none());
    let linked = folder.path().join("linked.debug");
    std::fs::rename(&separate, &linked).unwrap();
    objcopy(&[&format!("--add-gnu-debuglink={}", linked.display())], &[&binary]);
    compare(&binary, &read(&binary, &debug_folder, &names()).unwrap().unwrap());
}

/// A struct `sample` whose member is of an enumeration; that and another are each the type that underlies the other.
const CYCLE: &str = r#"
.section .debug_abbrev,"",@progbits
    .uleb128 1, 0x11
    .byte 1
    .uleb128 0, 0
    .uleb128 2, 0x13
    .byte 1
    .uleb128 0x03, 0x08, 0x0b, 0x0b, 0, 0
    .uleb128 3, 0x0d
    .byte 0
    .uleb128 0x03, 0x08, 0x49, 0x13, 0x38, 0x0b, 0, 0
    .uleb128 4, 0x04
    .byte 0
    .uleb128 0x0b, 0x0b, 0x49, 0x13, 0, 0
    .byte 0
.section .debug_info,"",@progbits
start:
    .long end - head
head:
    .short 4
    .long 0
    .byte 8
    .uleb128 1
    .uleb128 2
    .asciz "sample"
    .byte 4
    .uleb128 3
    .asciz "level"
    .long one - start
    .byte 0
    .byte 0
one:
    .uleb128 4
    .byte 4
    .long other - start
other:
    .uleb128 4
    .byte 4
    .long one - start
    .byte 0
end:
"#;

#[test]
fn enumerations_that_underlie_each_other_end() {
    let folder = tempfile::tempdir().unwrap();
    let (source, binary) = (folder.path().join("cycle.s"), folder.path().join("cycle.o"));
    std::fs::write(&source, CYCLE).unwrap();
    assert!(Command::new("cc").arg("-c").arg("-o").arg(&binary).arg(&source).status().unwrap().success());
    let found = read(&binary, folder.path(), &names()).unwrap().unwrap();
    let (bit, shape) = found.structures["sample"][0].find("level").unwrap();
    assert_eq!((bit, shape), (0, &Shape::Integer { bits: 32, signed: false, field: false }));
}

#[test]
fn a_link_to_debug_information_leads_out_of_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let binary = built(&inner, &["-g", "-Wl,--build-id=none"]);
    let separate = folder.path().join("out.debug");
    std::fs::copy(&binary, &separate).unwrap();
    let link = |name: &str| {
        let named = folder.path().join("ab_out.debug");
        std::fs::copy(&separate, &named).unwrap();
        let stripped = inner.join(name);
        let option = format!("--add-gnu-debuglink={}", named.display());
        assert!(Command::new("objcopy").args(["--strip-debug", &option]).args([&binary, &stripped]).status().unwrap().success());
        let mut bytes = std::fs::read(&stripped).unwrap();
        let at = bytes.windows(12).position(|bytes| bytes == b"ab_out.debug").unwrap();
        bytes[at..at + 3].copy_from_slice(b"../");
        std::fs::write(&stripped, bytes).unwrap();
        stripped
    };
    let stripped = link("stripped");
    assert!(read(&stripped, folder.path().join("nothing").as_path(), &names()).unwrap().is_none());
    std::fs::copy(&separate, inner.join("out.debug")).unwrap();
    compare(&stripped, &read(&stripped, folder.path().join("nothing").as_path(), &names()).unwrap().unwrap());
}

#[test]
fn what_is_no_binary_is_an_error_and_not_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    std::fs::write(&path, "no binary").unwrap();
    assert!(read(&path, folder.path(), &names()).is_err());
    assert!(read(&folder.path().join("missing"), folder.path(), &names()).is_err());
    let binary = built(folder.path(), &["-g"]);
    let whole = std::fs::read(&binary).unwrap();
    for cut in (0..whole.len()).step_by(997) {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let _ = read(&path, folder.path(), &names());
    }
    for position in (0..whole.len()).step_by(53) {
        let mut changed = whole.clone();
        changed[position] ^= 0x41;
        std::fs::write(&path, &changed).unwrap();
        let _ = read(&path, folder.path(), &names());
    }
}
