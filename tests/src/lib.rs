//! What the tests share: the environments that have the package installed, programs run to their end, and heaps that describe
//! themselves.
//!
//! The black-box tests link nothing of heapsake: what they test is what `pip install` gives, the command and the Python
//! package. The property tests drive engine and loader with a [`model`].

pub mod cores;
pub mod damage;
pub mod fire;
pub mod fuzz;
pub mod model;
mod processes;
pub mod programs;
pub mod rich;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use processes::{Ended, Waiting, converse, run, until};

/// A virtual environment of one interpreter, with the package.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Such as `3.12.1`.
    pub version: String,
    /// Such as 12.
    pub minor: u32,
    /// Its interpreter.
    pub python: PathBuf,
    /// Whether it has the package: else its programs are dumped from outside alone.
    pub has_package: bool,
}

impl Environment {
    fn ask(python: PathBuf) -> Environment {
        let question = "import sys, heapsake; print('%d.%d.%d' % sys.version_info[:3], sys.version_info[1])";
        let answer = run(Command::new(&python).args(["-I", "-c", question]));
        assert!(answer.status.success(), "{} has no heapsake: {}", python.display(), answer.err);
        let (version, minor) = answer.out.trim().split_once(' ').expect("two words");
        Environment { version: version.to_owned(), minor: minor.parse().expect("a number"), python, has_package: true }
    }

    /// The interpreter, which sees neither the folder it runs in nor the user's own packages.
    pub fn python(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.arg("-I");
        command
    }

    /// The command that pip installed.
    pub fn heapsake(&self) -> Command {
        Command::new(self.python.with_file_name("heapsake"))
    }
}

/// The interpreters to test: those that the test command names, else the `python3` of `PATH`.
pub fn pythons() -> Vec<PathBuf> {
    match std::env::var_os("HEAPSAKE_TEST_PYTHONS") {
        Some(listed) => std::env::split_paths(&listed).collect(),
        None => {
            assert!(std::env::var_os("CI").is_none(), "HEAPSAKE_TEST_PYTHONS names the interpreters in CI");
            println!("only python3 of PATH is tested: HEAPSAKE_TEST_PYTHONS is not set (cargo xtask test sets it)");
            vec![PathBuf::from("python3")]
        }
    }
}

/// The environments that the test command made, by version.
pub fn environments() -> Vec<Environment> {
    let listed = std::env::var_os("HEAPSAKE_TEST_PYTHONS")
        .expect("HEAPSAKE_TEST_PYTHONS names interpreters that have the package; `cargo xtask test` makes them and sets it");
    let found: Vec<Environment> = std::env::split_paths(&listed).map(Environment::ask).collect();
    assert!(!found.is_empty(), "HEAPSAKE_TEST_PYTHONS names no interpreter");
    found
}

/// Environments of interpreters from Debian's next release, which no version manager has; they may be missing outside of
/// continuous integration, which is said.
pub fn newer() -> Vec<Environment> {
    let listed = std::env::var_os("HEAPSAKE_TEST_NEWER").filter(|listed| !listed.is_empty());
    assert!(listed.is_some() || std::env::var_os("CI").is_none(), "in CI the interpreters of Debian must be there");
    if listed.is_none() {
        println!("not tested: CPython 3.14 and 3.15: HEAPSAKE_TEST_NEWER is not set (cargo xtask test sets it where it can)");
    }
    listed.iter().flat_map(std::env::split_paths).map(Environment::ask).collect()
}

/// An interpreter without an interpreter lock, built from source; it may be missing outside of continuous integration, which is
/// said.
pub fn free_threaded() -> Option<Environment> {
    let python = std::env::var_os("HEAPSAKE_TEST_FREE_THREADED").map(PathBuf::from);
    assert!(python.is_some() || std::env::var_os("CI").is_none(), "in CI the free-threaded interpreter must be there");
    let Some(python) = python else {
        println!("not tested: CPython 3.13t: HEAPSAKE_TEST_FREE_THREADED is not set (cargo xtask test sets it where it can)");
        return None;
    };
    let found = without_pip(python);
    assert!(found.version.ends_with('t'), "{found:?}");
    Some(found)
}

/// Interpreters of releases and builds that no registry has as such; they may be missing outside of continuous integration,
/// which is said.
pub fn frozen() -> Vec<Environment> {
    let listed = std::env::var_os("HEAPSAKE_TEST_FROZEN").filter(|listed| !listed.is_empty());
    assert!(listed.is_some() || std::env::var_os("CI").is_none(), "in CI the frozen interpreters must be there");
    if listed.is_none() {
        println!("not tested: frozen interpreters: HEAPSAKE_TEST_FROZEN is not set (cargo xtask test sets it where it can)");
    }
    listed.iter().flat_map(std::env::split_paths).map(without_pip).collect()
}

/// Builds without an interpreter lock that have the package; they may be missing outside of continuous integration, which is said.
pub fn without_a_lock() -> Vec<Environment> {
    let found: Vec<Environment> = frozen().into_iter().filter(|one| one.has_package && one.version.ends_with('t')).collect();
    assert!(!found.is_empty() || std::env::var_os("CI").is_none(), "in CI there are builds without a lock");
    found
}

/// An interpreter that has no pip, and no package but from 3.14 on where there is no lock: for those the test command makes one.
fn without_pip(python: PathBuf) -> Environment {
    let question = "import sys, importlib.util; lock = getattr(sys, '_is_gil_enabled', lambda: True)(); \
                    print('%d.%d.%d' % sys.version_info[:3] + ('' if lock else 't'), bool(importlib.util.find_spec('heapsake')))";
    let answer = run(Command::new(&python).args(["-I", "-c", question])).success("an interpreter without pip");
    let (version, package) = answer.trim().split_once(' ').expect("two words");
    let minor: u32 = version.split('.').nth(1).and_then(|minor| minor.parse().ok()).expect("a version");
    let (has_package, is_made) = (package == "True", version.ends_with('t') && minor >= 14);
    assert!(has_package == is_made || std::env::var_os("CI").is_none(), "{version} has the package: {has_package}");
    if !has_package && is_made {
        println!("not tested: dumps from inside of {version}, which has no package (cargo xtask test makes it)");
    }
    Environment { version: version.to_owned(), minor, python, has_package }
}

/// Interpreters of aarch64, each with the folder that holds its system, run by an emulator that writes cores of that processor;
/// they may be missing outside of continuous integration, which is said.
pub fn aarch64() -> Vec<(Environment, PathBuf)> {
    let listed = std::env::var_os("HEAPSAKE_TEST_AARCH64").filter(|listed| !listed.is_empty());
    assert!(listed.is_some() || std::env::var_os("CI").is_none(), "in CI the interpreters of aarch64 must be there");
    if listed.is_none() {
        println!("not tested: aarch64: HEAPSAKE_TEST_AARCH64 is not set (cargo xtask test sets it where it can)");
    }
    let ask = |python: PathBuf| {
        let question = "import platform; print(platform.python_version(), platform.machine())";
        let answer = run(Command::new(&python).args(["-I", "-c", question])).success("an interpreter of aarch64");
        let version = answer.trim().strip_suffix(" aarch64").expect("another processor").to_owned();
        let minor = version.split('.').nth(1).and_then(|minor| minor.parse().ok()).expect("a version");
        let system = python.ancestors().nth(3).expect("usr/bin of a system").to_owned();
        (Environment { version, minor, python, has_package: false }, system)
    };
    let found = listed.iter().flat_map(std::env::split_paths);
    let may_write = || run(Command::new("sh").args(["-c", "ulimit -c unlimited"])).status.success();
    if !may_write() {
        assert!(std::env::var_os("CI").is_none(), "in CI programs may write cores");
        println!("not tested: aarch64: programs may not write cores here (ulimit -c)");
        return Vec::new();
    }
    found.map(ask).collect()
}

/// One environment of each minor version that a version manager has, the newer ones, and one without an interpreter lock.
pub fn every() -> Vec<Environment> {
    minors().into_iter().chain(newer()).chain(free_threaded()).collect()
}

/// One environment of each minor version.
pub fn minors() -> Vec<Environment> {
    last_of_each(environments())
}

/// Of each minor version the last one.
pub fn last_of_each(environments: Vec<Environment>) -> Vec<Environment> {
    let mut found: Vec<Environment> = Vec::new();
    for one in environments {
        match found.iter_mut().find(|known| known.minor == one.minor) {
            Some(known) => *known = one,
            None => found.push(one),
        }
    }
    found
}

/// A file of this crate.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Does `work` for each item, as many at once as there are processors; gives the results in order.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let workers = std::thread::available_parallelism().map_or(2, |count| count.get()).min(items.len());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((at, item)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, items.get(at)?)))
                {
                    let result = work(item);
                    results.lock().expect("no worker panicked").push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no worker panicked");
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// The lines that begin with `PROBLEM`, with those that go on from them.
pub fn problems(out: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut inside = false;
    for line in out.lines() {
        if let Some(problem) = line.strip_prefix("PROBLEM ") {
            found.push(problem.to_owned());
            inside = true;
        } else if inside && line.starts_with("    ") {
            let last = found.last_mut().expect("one was begun");
            last.push('\n');
            last.push_str(line);
        } else {
            inside = false;
        }
    }
    found
}

/// How much `compare.py` has compared: objects, references found, and of how many.
pub fn compared(out: &str) -> [u64; 3] {
    let line = out.lines().find_map(|line| line.strip_prefix("compared ")).unwrap_or_else(|| panic!("nothing compared: {out}"));
    let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().expect("a number")).collect();
    numbers.try_into().unwrap_or_else(|numbers| panic!("three numbers, not {numbers:?}"))
}

/// Fails with all problems, or the first of many.
pub fn no_problems(problems: &[String]) {
    let shown: Vec<&str> = problems.iter().take(20).map(String::as_str).collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), shown.join("\n"));
}
