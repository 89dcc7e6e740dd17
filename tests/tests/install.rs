//! `heapsake.install()`: a program ends as it would without, byte for byte, but for one line on standard error that names the
//! dump; and dumps are made where, and only where, Python reports an exception as uncaught.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use heapsake_tests::{Environment, environments, file, in_parallel, last_of_each, newer, no_problems, run, without_a_lock};

/// How the program ends, and the value of the local variable of the crash in each dump that it leaves.
const MODES: [(&str, &[&str]); 15] = [
    ("main", &["crash 1"]),
    ("own hook", &["crash 1"]),
    ("replaced", &["crash 1"]),
    ("thread", &["crash 1"]),
    ("own thread hook", &["crash 1"]),
    ("twice", &["crash 1", "crash 2", "crash 3"]),
    // With `once`: the second is like the first.
    ("alike", &["crash 1", "crash 3"]),
    ("exit", &[]),
    ("exit text", &[]),
    ("thread exit", &[]),
    ("interrupt", &[]),
    ("no stderr", &["crash 1"]),
    ("closed stderr", &["crash 1"]),
    ("broken exception", &["-"]),
    ("forked", &["crash 1"]),
];

fn dumps(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    found.sort();
    found
}

fn check(environment: &Environment, mode: &str, expected: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let program = file("programs/hooked.py");
    let plain = run(environment.python().arg(&program).arg(mode));
    let ours = run(environment.python().arg(&program).arg(mode).arg(folder.path()));
    let mut found = Vec::new();
    let mut differ = |what: &str, expected: String, got: String| {
        if expected != got {
            found.push(format!("{} {mode}: {what} is {got:?} instead of {expected:?}", environment.version));
        }
    };
    differ("the status", plain.status.to_string(), ours.status.to_string());
    differ("standard output", plain.out, ours.out);
    let (told, theirs): (Vec<&str>, Vec<&str>) = ours.err.lines().partition(|line| line.starts_with("heapsake:"));
    differ("standard error", plain.err.lines().collect::<Vec<_>>().join("\n"), theirs.join("\n"));
    let left = dumps(folder.path());
    differ("the number of dumps", expected.len().to_string(), left.len().to_string());
    let silent = mode == "no stderr" || mode == "closed stderr";
    differ("our lines", if silent { 0 } else { expected.len() }.to_string(), told.len().to_string());
    if !silent {
        for dump in &left {
            let named = told.iter().filter(|line| line.ends_with(&dump.display().to_string())).count();
            differ("a line that names the dump", "1".into(), named.to_string());
        }
    }
    let mut values = Vec::new();
    for dump in &left {
        let shown = run(environment.heapsake().arg("inspect").arg(dump).arg("local"));
        values.push(shown.out.lines().next().map_or("-", |line| line.trim_matches('\'')).to_owned());
        let mode = std::fs::metadata(dump).expect("a dump").permissions().mode() & 0o777;
        differ("the file's mode", "600".into(), format!("{mode:o}"));
    }
    values.sort();
    differ("what the dumps hold", expected.join(", "), values.join(", "));
    found
}

#[test]
fn programs_end_as_they_would_without() {
    let newer = newer().into_iter().chain(last_of_each(without_a_lock()));
    let environments: Vec<Environment> = environments().into_iter().chain(newer).collect();
    let jobs: Vec<_> = environments.iter().flat_map(|one| MODES.map(|(mode, expected)| (one, mode, expected))).collect();
    let results = in_parallel(&jobs, |(environment, mode, expected)| check(environment, mode, expected));
    let versions: Vec<&str> = environments.iter().map(|environment| environment.version.as_str()).collect();
    println!("{} programs on {}", jobs.len(), versions.join(", "));
    no_problems(&results.concat());
}

#[test]
fn c23_a_folder_that_takes_no_dump_is_said_with_where_it_went() {
    for environment in environments() {
        let folder = tempfile::tempdir().expect("a folder");
        let (gone, elsewhere) = (folder.path().join("not there"), folder.path().join("elsewhere"));
        std::fs::create_dir(&elsewhere).expect("a folder");
        let program = file("programs/hooked.py");
        let plain = run(environment.python().arg(&program).arg("folder"));
        let ours = run(environment.python().arg(&program).arg("folder").arg(&gone).env("TMPDIR", &elsewhere));
        assert_eq!(plain.status, ours.status);
        let (told, theirs): (Vec<&str>, Vec<&str>) = ours.err.lines().partition(|line| line.starts_with("heapsake:"));
        assert_eq!(theirs, plain.err.lines().collect::<Vec<_>>());
        assert_eq!(told.len(), 1, "{told:?}");
        let [dump] = dumps(&elsewhere).try_into().expect("one dump");
        let saved = format!("uncaught ValueError saved to {}; ", dump.display());
        assert!(told[0].contains(&saved) && told[0].contains("not there"), "{told:?}");
        assert!(!gone.exists());
    }
}
