//! What threads and tasks wait for, who holds what, and deadlocks, against what the programs themselves know; dumped from
//! outside and from inside, on every interpreter.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

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

/// Whether dumps from inside can be made.
fn has_package(python: &Path) -> bool {
    let found = Command::new(python).args(["-c", "import heapsake"]).stderr(Stdio::null()).status().expect("it runs").success();
    let is_required = std::env::var_os("HEAPSAKE_TEST_PYTHONS").is_some();
    assert!(found || !is_required, "{} has no heapsake", python.display());
    if !found {
        println!("{}: not dumped from inside: it has no heapsake", python.display());
    }
    found
}

/// A program, killed when dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn heapsake(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_heapsake")).args(arguments).output().expect("it runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Dumps of a program, from outside and from inside, with what it said.
fn dumps(python: &Path, program: &str, arguments: &[&str], folder: &Path) -> Vec<(PathBuf, Vec<Value>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(program);
    let mut dumps = Vec::new();
    for inside in [false, true] {
        if inside && !has_package(python) {
            continue;
        }
        let dump = folder.join(if inside { "inside.heapsake" } else { "outside.heapsake" });
        let mut command = Command::new(python);
        command.arg(&path).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        if inside {
            command.arg(&dump);
        }
        let mut running = Program(command.spawn().expect("python runs"));
        let lines = BufReader::new(running.0.stdout.take().expect("its output")).lines();
        let lines: Vec<String> = lines.map(|line| line.expect("a line")).take_while(|line| line != "ready").collect();
        let told = lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
        if !inside {
            heapsake(&["dump", &running.0.id().to_string(), "-o", dump.to_str().expect("text")]);
        }
        dumps.push((dump, told));
    }
    dumps
}

fn summary(dump: &Path) -> Value {
    serde_json::from_slice(&heapsake(&[dump.to_str().expect("text"), "--json"])).expect("JSON")
}

fn address_of(dump: &Path, object: &Value) -> u64 {
    let path = format!("object:#{object}");
    let found = heapsake(&["inspect", dump.to_str().expect("text"), &path, "--json"]);
    let found: Value = serde_json::from_slice(&found).expect("JSON");
    let text = found["address"].as_str().and_then(|text| text.strip_prefix("0x")).expect("an address");
    u64::from_str_radix(text, 16).expect("hexadecimal")
}

/// Names of the threads or tasks that are named by position.
fn names(summary: &Value, parties: &Value) -> BTreeSet<String> {
    let name = |party: &Value| match (party["thread"].as_u64(), party["task"].as_u64()) {
        (Some(at), _) => summary["threads"][at as usize]["name"].as_str().expect("a name").to_owned(),
        (_, Some(at)) => summary["tasks"][at as usize]["name"].as_str().expect("a name").to_owned(),
        _ => panic!("{party} is nobody"),
    };
    parties.as_array().expect("a list").iter().map(name).collect()
}

fn texts(list: &Value) -> BTreeSet<String> {
    list.as_array().expect("a list").iter().map(|text| text.as_str().expect("text").to_owned()).collect()
}

fn cycles(summary: &Value) -> BTreeMap<Vec<String>, bool> {
    let of = |deadlock: &Value| {
        let mut names: Vec<String> = deadlock["cycle"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["name"].as_str().expect("a name").to_owned())
            .collect();
        names.sort();
        (names, deadlock["certain"].as_bool().expect("a flag"))
    };
    summary["deadlocks"].as_array().expect("a list").iter().map(of).collect()
}

fn group(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn threads_wait_for_what_the_program_says() {
    for python in interpreters() {
        let folder = tempfile::tempdir().expect("a folder");
        for (dump, told) in dumps(&python, "waiting.py", &[], folder.path()) {
            let place = format!("{} {}", python.display(), dump.display());
            let summary = summary(&dump);
            let threads = summary["threads"].as_array().expect("threads");
            assert!(told.len() > 25, "{place}");
            for one in &told {
                let found = threads.iter().find(|thread| thread["name"] == one["thread"]).expect("a thread");
                let wait = &found["waits_for"];
                let shown = format!("{place}: {one} but {wait}");
                assert_eq!(wait["kind"], one["kind"], "{shown}");
                if let Some(address) = one["object"].as_u64() {
                    assert_eq!(address_of(&dump, &wait["object"]), address, "{shown}");
                }
                if one["needs"].is_array() {
                    assert_eq!(names(&summary, &wait["needs"]), texts(&one["needs"]), "{shown}");
                }
                if let Some(holder) = one["held_by"].as_str() {
                    assert!(wait["words"].as_str().expect("words").contains(&format!("held by {holder}")), "{shown}");
                }
            }
            let unknown = threads.iter().find(|thread| thread["name"] == "unknown").expect("a thread");
            assert!(unknown["waits_for"]["words"].as_str().expect("words").ends_with("held, owner not known"), "{place}");
            let expected = [
                (group(&["plain-1", "plain-2"]), false),
                (group(&["ring-0", "ring-1", "ring-2"]), true),
                (group(&["condition-1", "condition-2"]), false),
                (group(&["joined", "joiner"]), false),
                (group(&["itself"]), false),
            ];
            assert_eq!(cycles(&summary), expected.into_iter().collect(), "{place}");
            let text = String::from_utf8(heapsake(&[dump.to_str().expect("text")])).expect("text");
            let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{place}: no {what:?} in {text}"));
            assert!(at("Deadlock of 3 threads") < at("MainThread ("), "{place}: what matters comes first");
            assert!(text.contains("and 7 more with the same stack"), "{place}: {text}");
            let stack = String::from_utf8(heapsake(&["stack", "--short", dump.to_str().expect("text")])).expect("text");
            assert_eq!(stack.matches("  waits for an item: queue.get on <Queue").count(), 9, "{place}: {stack}");
        }
    }
}

#[test]
fn a_thousand_tasks_await_what_the_program_says() {
    for python in interpreters() {
        let folder = tempfile::tempdir().expect("a folder");
        for (dump, told) in dumps(&python, "awaiting.py", &["1000"], folder.path()) {
            let place = format!("{} {}", python.display(), dump.display());
            let summary = summary(&dump);
            let tasks = summary["tasks"].as_array().expect("tasks");
            let found: BTreeSet<String> = tasks.iter().map(|task| task["name"].as_str().expect("a name").to_owned()).collect();
            assert_eq!(tasks.len(), found.len(), "{place}");
            let (first, told) = told.split_first().expect("names");
            // `wait_for` makes a task of its own, up to 3.11.
            let mine: BTreeSet<String> = texts(&first["names"]);
            assert!(found.is_superset(&mine), "{place}: {:?}", mine.difference(&found));
            assert!(found.len() <= mine.len() + 1, "{place}: {:?}", found.difference(&mine));
            let by_name: BTreeMap<&str, &Value> =
                tasks.iter().map(|task| (task["name"].as_str().expect("a name"), task)).collect();
            for (at, one) in told.iter().enumerate() {
                let task = by_name[one["task"].as_str().expect("a name")];
                let wait = &task["waits_for"];
                let shown = format!("{place}: {one} but {task}");
                assert_eq!((&task["state"], &wait["kind"]), (&Value::from("pending"), &one["kind"]), "{shown}");
                // Asking for each of a thousand addresses would take a thousand processes.
                if let Some(address) = one["object"].as_u64().filter(|_| at % 100 == 0 || at >= 1000) {
                    assert_eq!(address_of(&dump, &wait["object"]), address, "{shown}");
                }
                if one["needs"].is_array() {
                    assert_eq!(names(&summary, &wait["needs"]), texts(&one["needs"]), "{shown}");
                }
                if one["frames"].is_array() {
                    let frames = task["frames"].as_array().expect("frames");
                    let functions: Vec<&Value> = frames.iter().map(|frame| &frame["function"]).collect();
                    assert_eq!(functions, one["frames"].as_array().expect("frames").iter().collect::<Vec<_>>(), "{shown}");
                    let variables = frames[0]["variables"].as_array().expect("variables");
                    let number = variables.iter().find(|variable| variable["name"] == "number").expect("its number");
                    assert_eq!(format!("chain-{}", number["value"].as_str().expect("a value")), one["task"], "{shown}");
                }
            }
            let middle = by_name["chain-500"];
            let after = tasks.iter().position(|task| task["name"] == "chain-501").expect("a task");
            assert_eq!(middle["awaited_by"], Value::from(vec![after]), "{place}");
            assert_eq!(by_name["done"]["state"], "finished", "{place}");
            assert_eq!(cycles(&summary), [(group(&["ring-0", "ring-1", "ring-2"]), false)].into_iter().collect(), "{place}");
            let text = String::from_utf8(heapsake(&[dump.to_str().expect("text")])).expect("text");
            assert!(text.contains("333 tasks with the same stack: link, pending"), "{place}: {text}");
            assert!(text.contains("Deadlock of 3 tasks"), "{place}: {text}");
            let stack = String::from_utf8(heapsake(&["stack", "--tasks", dump.to_str().expect("text")])).expect("text");
            assert_eq!(stack.lines().filter(|line| line.starts_with("task chain-")).count(), 1000, "{place}");
        }
    }
}
