//! Two dumps of one program, at rest and after a change, on every interpreter found.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};

use heapsake_tests::pythons;
use serde_json::Value;

const CODE: &str = "\
import sys
class Box: pass
box = Box()
box.inner = [{'key': 1}, box]
while True:
    print('ready', flush=True)
    if not sys.stdin.readline():
        break
    box.inner[0]['key'] = 'changed'
";

fn heapsake(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_heapsake")).args(arguments).output().expect("it runs")
}

fn dump(program: &Child, path: &Path) -> String {
    let path = path.to_str().expect("text").to_owned();
    let made = heapsake(&["dump", &program.id().to_string(), "-o", &path]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    path
}

/// Waits until the program has said that it waits, and does.
fn waits(program: &Child, lines: &mut impl Iterator<Item = std::io::Result<String>>) {
    assert_eq!(lines.next().expect("a line").expect("text"), "ready");
    let stat = PathBuf::from(format!("/proc/{}/stat", program.id()));
    let ends = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while !std::fs::read_to_string(&stat).expect("it lives").contains(") S ") {
        assert!(std::time::Instant::now() < ends, "it does not come to rest");
        std::thread::yield_now();
    }
}

#[test]
fn dumps_of_a_program_at_rest_are_near_isomorphic_and_a_change_has_its_path() {
    for python in pythons() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut program =
            Command::new(&python).args(["-c", CODE]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python runs");
        let mut input: ChildStdin = program.stdin.take().expect("its input");
        let mut lines = BufReader::new(program.stdout.take().expect("its output")).lines();
        waits(&program, &mut lines);
        let one = dump(&program, &folder.path().join("one.heapsake"));
        let same = dump(&program, &folder.path().join("same.heapsake"));
        input.write_all(b"\n").expect("it reads");
        waits(&program, &mut lines);
        let changed = dump(&program, &folder.path().join("changed.heapsake"));
        drop(input);
        assert!(program.wait().expect("it ends").success(), "{}", python.display());

        let compared = heapsake(&["compare", &one, &same, "--json"]);
        let report: Value = serde_json::from_slice(&compared.stdout).expect("JSON");
        assert!(compared.status.success() && report["near_isomorphic"] == true, "{}: {report}", python.display());
        assert_eq!(report["alike"], report["objects"][0], "{}: {report}", python.display());
        let told = String::from_utf8(heapsake(&["compare", &one, &same]).stdout).expect("text");
        assert!(told.starts_with("near-isomorphic\n"), "{told}");

        let compared = heapsake(&["compare", &one, &changed]);
        let told = String::from_utf8(compared.stdout).expect("text");
        assert_eq!(compared.status.code(), Some(1), "{}: {told}", python.display());
        // The line that was read, in the buffer and its wrapper, and the entry that was changed.
        let line = told.lines().find(|line| line.contains("type int here and str there"));
        let line = line.unwrap_or_else(|| panic!("{}: {told}", python.display()));
        assert!(line.contains("/[0]/entry 0: leads to"), "{line}");
    }
}
