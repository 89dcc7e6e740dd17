//! Servers that nobody here wrote are dumped from outside while they are at work, and answer afterwards: gunicorn, uvicorn, a
//! Jupyter kernel, a Celery worker that waits in C.

use std::path::{Path, PathBuf};
use std::process::Command;

use heapsake_loader::open;
use heapsake_tests::{file, in_parallel, no_problems, run};
use serde_json::Value;

/// Requests before the first dump; a third of it after each.
const REQUESTS: &str = "60";

/// A server, and what its dump says: a path and a word of what is there.
const SERVERS: [(&str, &[(&str, &str)]); 4] = [
    ("gunicorn", &[("module:app/SEEN[\"requests\"]", "")]),
    ("uvicorn", &[("module:app/SEEN[\"requests\"]", "")]),
    ("jupyter", &[("module:__main__/frame['city'][1]", "'Graz'"), ("module:__main__/frame['people'][0]", "134591")]),
    ("celery", &[("thread:MainThread/frame:-1/order['name']", "'order 4711: '")]),
];

#[test]
fn servers_are_dumped_at_work_and_answer_afterwards() {
    let Some(programs) = std::env::var_os("HEAPSAKE_TEST_PROGRAMS").map(PathBuf::from) else {
        assert!(std::env::var_os("CI").is_none(), "HEAPSAKE_TEST_PROGRAMS names the environments of real programs in CI");
        println!("not tested: HEAPSAKE_TEST_PROGRAMS is not set (cargo xtask test sets it)");
        return;
    };
    let bin = programs.join("servers/bin");
    if !bin.is_dir() {
        assert!(std::env::var_os("CI").is_none(), "the servers are part of CI");
        println!("not tested: the packages of the servers are not to be had for this Python");
        return;
    }
    let heapsake = bin.join("heapsake");
    let results = in_parallel(&SERVERS, |(kind, expected)| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(bin.join("python"));
        command.arg(file("programs/servers/served.py")).arg(kind).arg(&heapsake).arg(folder.path()).arg(REQUESTS);
        let said = run(&mut command).success(kind);
        let said: Value = said.lines().last().and_then(|line| serde_json::from_str(line).ok()).expect("what was measured");
        println!("{kind}: before {}, during {}", said["before"], said["during"]);
        let mut bad: Vec<String> =
            said["problems"].as_array().expect("a list").iter().map(|one| format!("{kind}: {one}")).collect();
        let dumps = said["dumps"].as_array().expect("a list");
        assert_eq!(dumps.len(), 3, "{kind}");
        for dump in dumps {
            let path = Path::new(dump["file"].as_str().expect("a path"));
            let opened = open(path).expect("a dump");
            let is_whole = opened.faults().is_empty() && opened.trailer().is_some() && opened.object_count() > 50_000;
            if !is_whole || opened.threads().iter().all(|thread| thread.frames.len() < 4) {
                bad.push(format!("{kind}: {} objects, {:?}", opened.object_count(), opened.faults()));
            }
            for (place, word) in *expected {
                let shown = run(Command::new(&heapsake).arg("inspect").arg(path).arg(place));
                let first = shown.out.lines().next().unwrap_or_default();
                let is_number = word.is_empty() && first.contains("int");
                if !shown.status.success() || !(first.contains(word) || is_number) {
                    bad.push(format!("{kind}: {place} is not {word}: {}{}", shown.out, shown.err));
                }
            }
        }
        bad
    });
    no_problems(&results.concat());
}
