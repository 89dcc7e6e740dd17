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
pub mod programs;
pub mod rich;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long any program of these tests may run.
const PATIENCE: Duration = Duration::from_mins(3);

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

/// An interpreter without an interpreter lock, for which there is no package; it may be missing outside of continuous
/// integration, which is said.
pub fn free_threaded() -> Option<Environment> {
    let python = std::env::var_os("HEAPSAKE_TEST_FREE_THREADED").map(PathBuf::from);
    assert!(python.is_some() || std::env::var_os("CI").is_none(), "in CI the free-threaded interpreter must be there");
    let Some(python) = python else {
        println!("not tested: CPython 3.13t: HEAPSAKE_TEST_FREE_THREADED is not set (cargo xtask test sets it where it can)");
        return None;
    };
    let question = "import sys; assert not sys._is_gil_enabled(); print('%d.%d.%d' % sys.version_info[:3])";
    let version = run(Command::new(&python).args(["-I", "-c", question])).success("the free-threaded interpreter");
    Some(Environment { version: format!("{}t", version.trim()), minor: 13, python, has_package: false })
}

/// One environment of each minor version that a version manager has, the newer ones, and one without an interpreter lock.
pub fn every() -> Vec<Environment> {
    minors().into_iter().chain(newer()).chain(free_threaded()).collect()
}

/// One environment of each minor version.
pub fn minors() -> Vec<Environment> {
    let mut found: Vec<Environment> = Vec::new();
    for one in environments() {
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

/// How a program ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

impl Ended {
    /// Standard output, of a program that must have succeeded.
    pub fn success(self, what: &str) -> String {
        assert!(self.status.success(), "{what} ended with {}:\n{}\n{}", self.status, self.out, self.err);
        self.out
    }
}

/// Runs a program to its end, without input.
pub fn run(command: &mut Command) -> Ended {
    finish(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()), "")
}

/// Runs a program with this input.
pub fn converse(command: &mut Command, input: &str) -> Ended {
    finish(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()), input)
}

fn finish(command: &mut Command, input: &str) -> Ended {
    let shown = format!("{command:?}");
    let mut child = command.spawn().unwrap_or_else(|problem| panic!("{shown} does not start: {problem}"));
    if let Some(mut writer) = child.stdin.take() {
        // A program that ends before it has read everything is judged by what it said.
        let _ = std::io::Write::write_all(&mut writer, input.as_bytes());
    }
    let (mut out, mut err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let (status, out, err) = std::thread::scope(|scope| {
        let out = scope.spawn(move || text_of(&mut out));
        let err = scope.spawn(move || text_of(&mut err));
        let status = wait(&mut child, &shown);
        (status, out.join().expect("output"), err.join().expect("output"))
    });
    Ended { status, out, err }
}

fn text_of(reader: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).expect("a pipe is read");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn wait(child: &mut Child, shown: &str) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("a child is waited for") {
            return status;
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{shown} did not end in {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A program that has said that it is ready, and waits for a line; killed when dropped.
#[derive(Debug)]
pub struct Waiting {
    child: Child,
    problems: File,
}

impl Waiting {
    /// Starts it. Its standard error is a file of its own: how far one is that others write to as well is a fact that changes
    /// between two dumps.
    pub fn start(command: &mut Command) -> Waiting {
        let problems = tempfile::tempfile().expect("a file for standard error");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(problems.try_clone().expect("the file once more"));
        let mut waiting = Waiting { child: command.spawn().expect("the program starts"), problems };
        let mut line = String::new();
        let output = waiting.child.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n", "{command:?}: {}", waiting.problems());
        waiting
    }

    /// What it has written on standard error.
    fn problems(&self) -> String {
        let mut text = Vec::new();
        // By a name of its own, for the position is the program's as well.
        let file = File::open(format!("/proc/self/fd/{}", self.problems.as_raw_fd()));
        file.and_then(|mut file| file.read_to_end(&mut text)).expect("what it said");
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Its number, as text.
    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Sends it a signal that it dies of, and waits for that.
    pub fn die(mut self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.pid()]).status().expect("kill");
        assert!(sent.success());
        let status = wait(&mut self.child, "the program that is to die");
        assert!(!status.success(), "the program that was to die of {signal} ended with {status}");
    }

    /// Lets it go on, to its end.
    pub fn release(mut self) {
        drop(self.child.stdin.take());
        let status = wait(&mut self.child, "the program that was dumped");
        assert!(status.success(), "the program that was dumped ended with {status}: {}", self.problems());
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a condition comes to hold, in a bounded time.
pub fn until(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
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

/// Fails with all problems, or the first of many.
pub fn no_problems(problems: &[String]) {
    let shown: Vec<&str> = problems.iter().take(20).map(String::as_str).collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), shown.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_write_does_not_move_the_standard_error_of_a_program() {
        let mut command = Command::new("sh");
        let waiting = Waiting::start(command.args(["-c", "echo said >&2; echo ready; read line; exit 0"]));
        let position = |pid: &str| {
            let about = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/2")).expect("its standard error");
            about.lines().next().map(str::to_owned)
        };
        assert_eq!(position(&waiting.pid()).as_deref(), Some("pos:\t5"));
        eprintln!("of this test");
        assert_eq!((position(&waiting.pid()).as_deref(), waiting.problems().as_str()), (Some("pos:\t5"), "said\n"));
        waiting.release();
    }
}
