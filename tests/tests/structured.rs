//! Tasks of trio and of anyio on both of its backends, in every interpreter: each is shown with its frames, its variables and
//! what the program itself knows that it waits for, from inside and from outside.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use heapsake_tests::{Waiting, file, in_parallel, no_problems, run};
use serde_json::Value;

/// Environments with trio and anyio.
fn homes() -> Option<Vec<PathBuf>> {
    let Some(base) = std::env::var_os("HEAPSAKE_TEST_PROGRAMS").map(PathBuf::from) else {
        assert!(std::env::var_os("CI").is_none(), "in CI trio must be there: PyPI could not be reached");
        println!("not tested: HEAPSAKE_TEST_PROGRAMS is not set (cargo xtask test sets it where PyPI can be reached)");
        return None;
    };
    let (found, missing): (Vec<PathBuf>, Vec<PathBuf>) =
        (8..=13).map(|minor| base.join(format!("concurrency-3.{minor}"))).partition(|home| home.is_dir());
    for home in missing {
        println!("not tested: {}, which was not found", home.display());
    }
    assert!(!found.is_empty(), "HEAPSAKE_TEST_PROGRAMS has no environment with trio");
    Some(found)
}

/// What differs between the tasks of a dump and what the program said of them.
fn compare(heapsake: &Path, said: &Path, dump: &Path) -> Vec<String> {
    let ask = |arguments: &[&str]| run(Command::new(heapsake).arg(dump).args(arguments)).success("the summary");
    let summary: Value = serde_json::from_str(&ask(&["--json"])).expect("JSON");
    let said: Vec<Value> = serde_json::from_slice(&std::fs::read(said).expect("what it said")).expect("JSON");
    assert!(said.len() > 20, "{said:?}");
    let tasks = summary["tasks"].as_array().expect("tasks");
    let by_name: HashMap<&str, &Value> = tasks.iter().map(|task| (task["name"].as_str().expect("a name"), task)).collect();
    let mut problems = Vec::new();
    for one in &said {
        let Some(task) = by_name.get(one["task"].as_str().expect("a name")) else {
            problems.push(format!("there is no task for {one}"));
            continue;
        };
        problems.extend(differences(one, task, tasks).into_iter().map(|problem| format!("{problem}: {one} but {task}")));
    }
    // Each group of tasks is shown with one stack.
    let text = ask(&[]);
    for words in ["Deadlock of 3 tasks\n", "ring-1 waits for the lock <Lock at ", "number = 1\n"] {
        if !text.contains(words) {
            problems.push(format!("{words:?} is not in the summary:\n{text}"));
        }
    }
    problems
}

fn differences(one: &Value, task: &Value, tasks: &[Value]) -> Vec<&'static str> {
    let mut found = Vec::new();
    let wait = &task["waits_for"];
    if task["state"] != "pending" || wait["kind"] != one["kind"] {
        found.push("state or kind");
    }
    let named = one["object"].as_u64().map(|address| format!(" at 0x{address:x}"));
    if named.is_some_and(|named| !wait["words"].as_str().is_some_and(|words| words.contains(&named))) {
        found.push("object");
    }
    let needs = wait["needs"].as_array().map_or(&[][..], Vec::as_slice).iter();
    let needs: Vec<&Value> =
        needs.filter_map(|need| need["task"].as_u64()).map(|at| &tasks[usize::try_from(at).expect("small")]["name"]).collect();
    if one["needs"].as_array().is_some_and(|told| !told.iter().eq(needs)) {
        found.push("needs");
    }
    let frames = task["frames"].as_array().map_or(&[][..], Vec::as_slice);
    let Some(frame) = frames.iter().find(|frame| frame["function"] == one["function"]) else {
        found.push("function");
        return found;
    };
    let is_told = |variable: &Value| variable["name"] == one["variable"][0] && variable["value"] == one["variable"][1];
    if one["variable"].is_array() && !frame["variables"].as_array().is_some_and(|variables| variables.iter().any(is_told)) {
        found.push("variable");
    }
    found
}

#[test]
fn tasks_of_trio_and_anyio_wait_for_what_the_program_says() {
    let Some(homes) = homes() else { return };
    let backends = [("trio", "1000"), ("anyio-trio", "30"), ("anyio-asyncio", "30")];
    let cases: Vec<_> = homes.iter().flat_map(|home| backends.map(|(backend, count)| (home, backend, count))).collect();
    let found = in_parallel(&cases, |(home, backend, count)| {
        let folder = tempfile::tempdir().expect("a folder");
        let (said, dump) = (folder.path().join("said.json"), folder.path().join("outside.heapsake"));
        let heapsake = home.join("bin/heapsake");
        let program = || {
            let mut command = Command::new(home.join("bin/python"));
            command.args(["-W", "ignore"]).arg(file("programs/structured.py")).arg(&said).args([count, backend]);
            command
        };
        let waiting = Waiting::start(&mut program());
        run(Command::new(&heapsake).args(["dump", &waiting.pid(), "-o"]).arg(&dump)).success("the dump");
        waiting.release();
        let mut found = compare(&heapsake, &said, &dump);
        if *backend == "trio" {
            let inside = folder.path().join("inside.heapsake");
            run(program().arg(&inside)).success("the program that dumps itself");
            found.extend(compare(&heapsake, &said, &inside));
        }
        found.into_iter().map(|problem| format!("{} {backend}: {problem}", home.display())).collect::<Vec<_>>()
    });
    no_problems(&found.concat());
}
