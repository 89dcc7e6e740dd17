//! `heapsake dap`, asked everything by clients: of our own, on dumps of every interpreter and on damaged ones; by
//! `@vscode/debugadapter-testsupport`; and by Neovim, in the order in which nvim-dap asks.

use std::path::{Path, PathBuf};
use std::process::Command;

use heapsake_tests::{file, in_parallel, no_problems, problems, pythons, run};

const HEAPSAKE: &str = env!("CARGO_BIN_EXE_heapsake");

/// What `cargo xtask test` made for these tests: an environment with the protocol's schema and Neovim, and a folder with the
/// packages of npm.
fn editors() -> Option<PathBuf> {
    let made = std::env::var_os("HEAPSAKE_TEST_EDITORS").filter(|made| !made.is_empty()).map(PathBuf::from);
    assert!(made.is_some() || std::env::var_os("CI").is_none(), "in CI the clients must be there: HEAPSAKE_TEST_EDITORS");
    if made.is_none() {
        println!("not checked against the protocol's schema: HEAPSAKE_TEST_EDITORS is not set (cargo xtask test sets it)");
    }
    made
}

/// The dump of a program that fails.
fn dump_of(python: &Path, program: &str, folder: &Path) -> PathBuf {
    let dump = folder.join(format!("{program}.heapsake"));
    let mut command = Command::new(HEAPSAKE);
    command.arg("run").arg("--python").arg(python).arg("-o").arg(&dump);
    let ended = run(command.arg(file(&format!("programs/dap/{program}.py"))));
    assert!(dump.is_file(), "{}: {program} left no dump: {}", python.display(), ended.err);
    dump
}

/// What a client of ours finds wrong. Graphs are kept beside the dump, so that the first session makes it.
fn asked(kind: &str, dump: &Path, title: &str) -> Vec<String> {
    let python = editors().map_or_else(|| PathBuf::from("python3"), |made| made.join("python/bin/python"));
    let mut command = Command::new(python);
    command.arg(file("programs/dap/asking.py")).args([HEAPSAKE, kind]).arg(dump);
    command.env("XDG_CACHE_HOME", dump.parent().expect("a folder").join("cache"));
    let out = run(&mut command).success(title);
    assert!(out.trim_end().ends_with(" messages"), "{title}: {out}");
    problems(&out).into_iter().map(|problem| format!("{title}: {problem}")).collect()
}

#[test]
fn every_request_on_dumps_of_every_interpreter() {
    let found = in_parallel(&pythons(), |python| {
        let folder = tempfile::tempdir().expect("a folder");
        let dump = dump_of(python, "crash", folder.path());
        asked("crash", &dump, &python.display().to_string())
    });
    no_problems(&found.concat());
}

#[test]
fn what_is_not_wanted_any_more_and_what_takes_long() {
    let all = pythons();
    let python = all.last().expect("an interpreter");
    let folder = tempfile::tempdir().expect("a folder");
    let dump = dump_of(python, "crash", folder.path());
    no_problems(&asked("waiting", &dump, &python.display().to_string()));
}

#[test]
fn fifty_thousand_frames() {
    let all = pythons();
    let python = all.last().expect("an interpreter");
    let folder = tempfile::tempdir().expect("a folder");
    let dump = dump_of(python, "deep", folder.path());
    no_problems(&asked("deep", &dump, &python.display().to_string()));
}

#[test]
fn groups_of_exceptions_that_hold_each_other() {
    let all = pythons();
    let python = all.last().expect("an interpreter");
    let folder = tempfile::tempdir().expect("a folder");
    let dump = dump_of(python, "group", folder.path());
    no_problems(&asked("group", &dump, &python.display().to_string()));
}

#[test]
fn damaged_dumps_and_what_is_none() {
    let all = pythons();
    let folder = tempfile::tempdir().expect("a folder");
    let dump = dump_of(all.first().expect("an interpreter"), "crash", folder.path());
    let mut found = asked("errors", &dump, "errors");
    let whole = std::fs::read(&dump).expect("a dump");
    for share in [20, 50, 90] {
        let cut = folder.path().join(format!("cut at {share} %.heapsake"));
        std::fs::write(&cut, &whole[..whole.len() * share / 100]).expect("room");
        found.extend(asked("damaged", &cut, &format!("cut at {share} %")));
    }
    // Bytes all over the file: headers of chunks, records, columns.
    for seed in 0..3 {
        let mut flipped = whole.clone();
        for at in (seed * 977 + 5000..flipped.len()).step_by(20_011) {
            flipped[at] ^= 0x55;
        }
        let path = folder.path().join(format!("flipped {seed}.heapsake"));
        std::fs::write(&path, flipped).expect("room");
        found.extend(asked("damaged", &path, &format!("flipped {seed}")));
    }
    no_problems(&found);
}

#[test]
fn editors_of_others() {
    let Some(made) = editors() else {
        return println!("not tested: debugadapter-testsupport and Neovim");
    };
    let all = pythons();
    let folder = tempfile::tempdir().expect("a folder");
    let dump = dump_of(all.last().expect("an interpreter"), "crash", folder.path());
    let neovim = made.join("python/bin/nvim");
    let session = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dap/tests/neovim/session.lua");
    let mut command = Command::new(neovim);
    command.args(["--headless", "--clean", "-l"]).arg(session).arg(HEAPSAKE).arg(&dump);
    let ended = run(&mut command);
    let said = format!("{}{}", ended.out, ended.err);
    assert!(ended.status.success() && said.contains("neovim: "), "Neovim ended with {}: {said}", ended.status);
    let testsupport = made.join("testsupport");
    assert!(testsupport.is_dir() || std::env::var_os("CI").is_none(), "in CI the packages of npm must be there");
    if !testsupport.is_dir() {
        return println!("not tested: debugadapter-testsupport, as node or its packages are not to be had");
    }
    let mut command = Command::new("node");
    command.args(["--test", "adapter.test.js"]).current_dir(testsupport).env("HEAPSAKE", HEAPSAKE).env("HEAPSAKE_DUMP", &dump);
    run(&mut command).success("debugadapter-testsupport");
}
