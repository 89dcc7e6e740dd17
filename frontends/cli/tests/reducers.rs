//! `heapsake reducers`, and dumps from outside, where no Python is known: what is not run is said.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde_json::Value;

fn heapsake() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapsake"));
    command.env_remove("HEAPSAKE_PYTHON").env_remove("HEAPSAKE_PACKAGES");
    command
}

#[test]
fn without_a_python_none_is_known() {
    let output = heapsake().arg("reducers").output().expect("it runs");
    assert!(String::from_utf8_lossy(&output.stdout).contains("reducers in Python: not known"), "{output:?}");
    let output = heapsake().args(["reducers", "--json"]).output().expect("it runs");
    let listed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(listed["python"], Value::Null);
}

/// A stand-in for the package, as the program sees it: a module of that name with the table of reducers.
const PROGRAM: &str = r#"
import sys, types

registry = types.ModuleType("heapsake._registry")
class Registered:
    __slots__ = ("origin", "base")
class Handle: pass
class Special(Handle): pass
class Absent: pass
handles = [Handle(), Special(), Special()]
registry.REDUCERS = {}
for kind, base in ((Handle, True), (Absent, False)):
    one = registry.REDUCERS["__main__." + kind.__name__] = Registered()
    one.origin, one.base = "app.reduce_" + kind.__name__, base
sys.modules["heapsake._registry"] = registry
print("ready", flush=True)
input()
"#;

#[test]
fn those_of_the_program_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let dump = folder.path().join("outside.heapsake");
    let pythons = std::env::var_os("HEAPSAKE_TEST_PYTHONS").unwrap_or_else(|| "python3".into());
    for python in std::env::split_paths(&pythons) {
        let mut child = Command::new(&python)
            .args(["-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it writes");
        let output = heapsake().args(["dump", &child.id().to_string(), "--json", "-o"]).arg(&dump).output().expect("it runs");
        child.stdin.take().expect("piped").write_all(b"\n").expect("it reads");
        child.wait().expect("it ends");
        let place = format!("{}: {}", python.display(), String::from_utf8_lossy(&output.stderr));
        let told: Value = serde_json::from_slice(&output.stdout).expect(&place);
        let note = "3 objects of __main__.Handle were not given to their reducer app.reduce_Handle: it is registered in the \
                    program, and only dumps from inside run it";
        assert_eq!(told["reducers_not_run"], serde_json::json!([note]), "{place}");
        let output = heapsake().arg(&dump).arg("--json").output().expect("it runs");
        let shown: Value = serde_json::from_slice(&output.stdout).expect(&place);
        assert_eq!(shown["reductions"]["not_run"], serde_json::json!([note]), "{place}");
        assert_eq!((&shown["complete"], &shown["faults"]), (&Value::Bool(true), &serde_json::json!([])), "{place}");
    }
}
