//! Structures taken out of a dump, read again by each interpreter's own `json`, `csv` and `struct`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use heapsake_tests::pythons;

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/rescued.py")
}

fn heapsake(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_heapsake")).args(arguments).stdin(Stdio::null()).output().expect("it runs")
}

fn dumped(python: &Path, folder: &Path) -> String {
    let mut child =
        Command::new(python).arg(program()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    let dump = folder.join("rescued.heapsake").to_str().expect("text").to_owned();
    let made = heapsake(&["dump", &child.id().to_string(), "-o", &dump]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    drop(child.stdin.take());
    child.wait().expect("it ends");
    dump
}

#[test]
fn what_is_taken_out_is_what_the_program_had() {
    const FILES: [(&str, &[&str]); 3] = [
        ("json", &["plain", "special", "order", "deep", "token"]),
        ("csv", &["records", "rows", "points", "orders", "columns"]),
        ("npy", &["floats", "ints", "unsigned", "flags", "complexes", "matrix", "array", "doubles", "cut", "blob", "view"]),
    ];
    for python in pythons() {
        let folder = tempfile::tempdir().expect("a folder");
        let dump = dumped(&python, folder.path());
        for (ending, names) in FILES {
            for name in names {
                let out = folder.path().join(format!("{name}.{ending}"));
                let made = heapsake(&["extract", &dump, &format!("values[\"{name}\"]"), "-o", out.to_str().expect("text")]);
                let said = String::from_utf8_lossy(&made.stderr).into_owned();
                let is_cut = *name == "cut";
                assert_eq!(made.status.code(), Some(i32::from(is_cut)), "{name}: {said}");
                assert!(said.contains("values"), "{said}");
                assert_eq!(said.contains("cut: 68,928 further elements are left out"), is_cut, "{said}");
                let withheld = match *name {
                    "order" | "token" => Some("1 withheld by redaction"),
                    "orders" => Some("2 withheld by redaction"),
                    _ => None,
                };
                assert_eq!(said.contains("withheld"), withheld.is_some(), "{name}: {said}");
                assert!(withheld.is_none_or(|withheld| said.contains(withheld)), "{name}: {said}");
                assert_eq!(said.contains("references"), matches!(*name, "special" | "deep"), "{name}: {said}");
            }
        }
        let checked = Command::new(&python).arg(program()).arg(folder.path()).output().expect("python runs");
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert_eq!(String::from_utf8_lossy(&checked.stdout), "as expected\n", "{}: {said}", python.display());
        let left = folder.path().read_dir().expect("a folder").map(|entry| entry.expect("an entry").path());
        assert_eq!(left.filter(|path| path.extension().is_some_and(|ending| ending == "partial")).count(), 0);
    }
}

#[test]
fn what_has_not_the_shape_is_refused_with_a_hint_and_leaves_nothing() {
    let python = pythons().pop().expect("an interpreter");
    let folder = tempfile::tempdir().expect("a folder");
    let dump = dumped(&python, folder.path());
    let out = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    for (path, name, told) in [
        ("values[\"ragged\"]", "x.npy", "row 1 has 1 items, the first 2"),
        ("values[\"mixed\"]", "x.npy", "item 1 is no number but of type str"),
        ("values[\"token\"]", "x.npy", "not in the dump"),
        ("values[\"plain\"][\"text\"]", "x.csv", "the str is no table"),
        ("values[\"plain\"]", "x.xlsx", "\"xlsx\" is no format"),
        ("values[\"plain\"]", "x", "no format is named"),
        ("frame:-1", "x.json", "is no object of the dump"),
        ("values[\"absent\"]", "x.json", "has no key"),
    ] {
        let made = heapsake(&["extract", &dump, path, "-o", &out(name)]);
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        assert_eq!(made.status.code(), Some(1), "{path}: {said}");
        assert!(said.contains(told) && said.contains("hint: "), "{path}: {said}");
        let left = folder.path().read_dir().expect("a folder").count();
        assert_eq!(left, 1, "{path} left something");
    }
    let standard = heapsake(&["extract", &dump, "values[\"columns\"]", "-o", "-", "--format", "json"]);
    assert_eq!(String::from_utf8_lossy(&standard.stdout), "{\"n\":[1,2,3],\"t\":[\"a\",\"\",\"c\"]}\n");
    let cut = heapsake(&["extract", &dump, "values[\"cut\"]", "-o", "-", "--format", "json"]);
    let said = String::from_utf8_lossy(&cut.stderr).into_owned();
    assert!(cut.status.code() == Some(1) && said.contains("cut: 68,928 further elements"), "{said}");
    let named = heapsake(&["extract", &dump, "values[\"columns\"]", "-o", &out("table.txt"), "--format", "csv"]);
    assert!(named.status.success() && folder.path().join("table.txt").is_file());
}
