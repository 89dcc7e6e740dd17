//! Real interpreters for this crate's tests: every CPython found on the machine, and programs that run in them.
//!
//! Interpreters are looked for as `python3.N` along `PATH`, below `HEAPSAKE_PYTHONS` and `~/.pyenv/versions`, a folder of
//! installations each, and where `cargo xtask interpreters` puts those of Debian.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// The interpreters found, by minor version, of those that are supported.
pub(crate) fn interpreters() -> Vec<(u32, PathBuf)> {
    let found = interpreters_among(8..=15);
    assert!(!found.is_empty(), "no CPython 3.8 to 3.15 was found to test with");
    for minor in (8..=15).filter(|minor| !found.iter().any(|(known, _)| known == minor)) {
        println!("not tested: CPython 3.{minor}, which was not found");
    }
    found
}

/// The interpreters found among some minor versions.
pub(crate) fn interpreters_among(minors: impl IntoIterator<Item = u32>) -> Vec<(u32, PathBuf)> {
    let mut found = BTreeMap::new();
    for minor in minors {
        let name = format!("python3.{minor}");
        let mut candidates = Vec::new();
        let homes = [
            std::env::var_os("HEAPSAKE_PYTHONS").map(PathBuf::from),
            std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv/versions")),
        ];
        for folder in homes.into_iter().flatten().filter_map(|home| std::fs::read_dir(home).ok()) {
            candidates.extend(folder.flatten().map(|entry| entry.path().join("bin").join(&name)));
        }
        let of_debian = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/debian/system/usr/bin/");
        candidates.push(PathBuf::from(format!("{of_debian}{name}")));
        let path = std::env::var_os("PATH").unwrap_or_default();
        // Shims are scripts that choose an interpreter by the folder.
        candidates.extend(std::env::split_paths(&path).filter(|path| !path.ends_with("shims")).map(|path| path.join(&name)));
        if let Some(interpreter) = candidates.into_iter().find(|candidate| candidate.is_file()) {
            found.insert(minor, interpreter);
        }
    }
    found.into_iter().collect()
}

/// Whether a binary names such a section.
pub(crate) fn has_section(binary: &Path, name: &str) -> bool {
    let name = format!("\0{name}\0").into_bytes();
    std::fs::read(binary).unwrap().windows(name.len()).any(|bytes| bytes == name)
}

/// A running Python program that says things on standard output; killed when dropped.
pub(crate) struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Program {
    /// Runs `code` in `interpreter`.
    pub(crate) fn start(interpreter: &PathBuf, code: &str) -> Program {
        Program::with(interpreter, code, &[])
    }

    /// Runs `code` in `interpreter` with some variables of the environment set.
    pub(crate) fn with(interpreter: &PathBuf, code: &str, environment: &[(&str, &OsStr)]) -> Program {
        let mut child = Command::new(interpreter)
            .args(["-u", "-c", code])
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", interpreter.display()));
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Program { child, input, output }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// The next line it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the program has ended");
        line.trim_end().to_owned()
    }

    /// The next line it prints, as numbers.
    pub(crate) fn numbers(&mut self) -> Vec<u64> {
        let line = self.line();
        line.split_whitespace().map(|word| word.parse().unwrap_or_else(|_| panic!("{line:?} has a word"))).collect()
    }

    /// Gives it a line.
    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits, for a bounded time, until `condition` holds.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "waited 20 s for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
