//! `heapsake run` and `heapsake dump` over every interpreter found: the program ends as it would without us, and its dump
//! tells what happened.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The interpreters to test: those that the test command names, else the `python3` of `PATH`.
fn interpreters() -> Vec<PathBuf> {
    match std::env::var_os("HEAPSAKE_TEST_PYTHONS") {
        Some(listed) => std::env::split_paths(&listed).collect(),
        None => {
            assert!(std::env::var_os("CI").is_none(), "HEAPSAKE_TEST_PYTHONS names the interpreters in CI");
            println!("only python3 of PATH is tested: HEAPSAKE_TEST_PYTHONS is not set (cargo xtask test sets it)");
            vec![PathBuf::from("python3")]
        }
    }
}

fn heapsake() -> Command {
    Command::new(env!("CARGO_BIN_EXE_heapsake"))
}

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/crash.py")
}

fn finish(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the program runs")
}

/// Standard error without our own lines.
fn theirs(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().filter(|line| !line.starts_with("heapsake:")).collect::<Vec<_>>().join("\n")
}

fn json(arguments: &[&str], dump: &Path) -> Value {
    let output = finish(heapsake().args(arguments).arg(dump).arg("--json"));
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Runs the program in one mode, with and without us; gives the dump, if there is one.
fn compare(python: &Path, mode: &str, folder: &Path) -> Option<PathBuf> {
    let dump = folder.join(format!("{mode}.heapsake"));
    let plain = finish(Command::new(python).arg(program()).arg(mode));
    let ours = finish(heapsake().arg("run").arg("--python").arg(python).arg("-o").arg(&dump).arg(program()).arg(mode));
    let place = format!("{} {mode}", python.display());
    assert_eq!(plain.status, ours.status, "{place}: {}", String::from_utf8_lossy(&ours.stderr));
    assert_eq!(String::from_utf8_lossy(&plain.stdout), String::from_utf8_lossy(&ours.stdout), "{place}");
    assert_eq!(theirs(&plain), theirs(&ours), "{place}");
    let told = String::from_utf8_lossy(&ours.stderr).lines().filter(|line| line.starts_with("heapsake:")).count();
    assert_eq!(told, usize::from(dump.exists()), "{place}: one line for a dump, none without");
    dump.exists().then_some(dump)
}

#[test]
fn programs_end_as_they_would_without_us() {
    for python in interpreters() {
        let folder = tempfile::tempdir().expect("a folder");
        for mode in ["exit", "asyncok"] {
            assert_eq!(compare(&python, mode, folder.path()), None, "{mode} is no crash");
        }
        let dump = compare(&python, "main", folder.path()).expect("a dump of the main thread's exception");
        let told = json(&[], &dump);
        assert_eq!(told["exceptions"][0]["type"], "ZeroDivisionError");
        let frames = told["threads"][0]["frames"].as_array().expect("frames");
        let functions: Vec<&str> = frames.iter().filter_map(|frame| frame["function"].as_str()).collect();
        assert_eq!(functions, ["<module>", "inner"], "nothing of the bootstrap is in the stack");
        assert_eq!(frames[1]["source"], "return 1 / a");
        let shown = finish(heapsake().arg("inspect").arg(&dump).arg("local[\"rest\"][1]"));
        assert!(String::from_utf8_lossy(&shown.stdout).starts_with("2\n"), "{shown:?}");

        let dump = compare(&python, "thread", folder.path()).expect("a dump of the thread's exception");
        let told = json(&[], &dump);
        assert_eq!((&told["threads"][0]["name"], &told["exceptions"][0]["message"]), (&"T1".into(), &"thread died".into()));

        let dump = compare(&python, "async", folder.path()).expect("a dump of what left asyncio.run");
        let siblings = finish(heapsake().arg("inspect").arg(&dump).arg("ts[0]._coro.cr_frame.f_locals[\"marker\"]"));
        assert!(String::from_utf8_lossy(&siblings.stdout).starts_with("'sib-0'"), "the sibling lives: {siblings:?}");
    }
}

#[test]
fn a_live_process_is_dumped_and_goes_on() {
    let code = "import sys\nheld = {'answer': [41, 42]}\ndef wait(held):\n    print('ready', flush=True)\n    print(sys.stdin.readline() + str(held))\nwait(held)";
    for python in interpreters() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child =
            Command::new(&python).args(["-c", code]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python runs");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        let dump = folder.path().join("live.heapsake");
        let made = finish(heapsake().arg("dump").arg(child.id().to_string()).arg("-o").arg(&dump));
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let shown = finish(heapsake().arg("inspect").arg(&dump).arg("held[\"answer\"][1]"));
        assert!(String::from_utf8_lossy(&shown.stdout).starts_with("42\n"), "{shown:?}");
        drop(child.stdin.take());
        let ended = child.wait().expect("it ends");
        assert!(ended.success(), "{ended}");
        let check = finish(heapsake().arg("check").arg(&dump));
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    }
}

#[test]
fn what_cannot_be_done_is_said_in_one_message() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("text.heapsake");
    std::fs::write(&text, "no dump").expect("a file");
    let path = |path: &Path| path.to_string_lossy().into_owned();
    for (arguments, told) in [
        (vec![path(&text)], "not a heapsake dump"),
        (vec![path(folder.path())], "is a folder"),
        (vec!["/no/such/file".into()], "no such file"),
        (vec!["dump".into(), "999999999".into()], "no process"),
        (vec!["dump".into(), "1".into(), "-o".into(), "/no/such/folder/x.heapsake".into()], "cannot create"),
        (vec!["run".into(), "--python".into(), "/no/such/python".into(), "x.py".into()], "cannot run"),
    ] {
        let output = finish(heapsake().args(&arguments));
        let problem = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {problem}");
        assert!(problem.contains(told), "{arguments:?}: {problem}");
        assert!(!problem.contains("panicked"), "{problem}");
    }
    assert_eq!(finish(heapsake().args(["dump", "not-a-number"])).status.code(), Some(2));
}
