//! Programs under `heapsake run` beside the same programs under Python alone, over every interpreter found: status, standard
//! output and standard error are equal but for lines of our own, and each uncaught exception has left its dump.

use std::cell::RefCell;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use heapsake_tests::{converse, pythons};
use serde_json::Value;

/// A dump that is expected: the thread's name, its innermost functions, and a variable of the innermost one.
struct Expected {
    thread: Option<&'static str>,
    functions: &'static [&'static str],
    variable: Option<(&'static str, &'static str)>,
}

const THING: Option<(&str, &str)> = Some(("thing", "[7, 'things']"));

const fn dump(thread: &'static str, functions: &'static [&'static str]) -> Expected {
    Expected { thread: Some(thread), functions, variable: THING }
}

/// How `programs/endings.py` may end, and the dump of it.
const ENDINGS: &[(&str, Option<Expected>)] = &[
    ("plain", Some(dump("MainThread", &["<module>", "plain", "fail"]))),
    ("hook", Some(dump("MainThread", &["<module>", "hook", "fail"]))),
    ("hook_fails", Some(dump("MainThread", &["<module>", "hook_fails", "fail"]))),
    ("chained", Some(Expected { thread: Some("MainThread"), functions: &["<module>", "chained"], variable: None })),
    ("finally_runs", Some(dump("MainThread", &["<module>", "finally_runs", "fail"]))),
    ("deep", Some(Expected { thread: Some("MainThread"), functions: &["down", "down", "down"], variable: None })),
    ("exit_number", None),
    ("exit_text", None),
    ("interrupt", None),
    ("interrupt_handled", None),
    ("in_thread", Some(dump("worker", &["run", "fail"]))),
    ("in_thread_hook", Some(dump("worker", &["run", "fail"]))),
    ("in_thread_exit", None),
    ("in_thread_while_handling", None),
    ("raw_hook", Some(Expected { thread: None, functions: &["body", "fail"], variable: THING })),
    ("raw_exit", None),
    ("raw_and_audit", Some(Expected { thread: None, functions: &["body", "fail"], variable: THING })),
    ("unraisable", None),
    ("in_asyncio", Some(Expected { thread: Some("MainThread"), functions: &["work", "fail"], variable: None })),
    ("in_asyncio_caught", None),
    ("in_asyncio_while_handling", None),
    ("os_exit", None),
    (
        "dies_of_sigsegv",
        Some(Expected { thread: Some("MainThread"), functions: &["<module>", "dies_of_sigsegv"], variable: None }),
    ),
    ("dies_of_sigkill", None),
    ("dies_of_sigterm", None),
    ("at_exit", None),
    ("standard_input", None),
    (
        "standard_output_closed",
        Some(Expected { thread: Some("MainThread"), functions: &["<module>", "standard_output_closed"], variable: None }),
    ),
    ("many_files", Some(Expected { thread: Some("MainThread"), functions: &["<module>", "many_files"], variable: None })),
    ("traced", Some(dump("MainThread", &["<module>", "traced", "fail"]))),
    ("faults", Some(dump("MainThread", &["<module>", "faults", "fail"]))),
    ("handlers", Some(dump("MainThread", &["<lambda>", "fail"]))),
    ("dispositions", None),
    ("forked", Some(dump("MainThread", &["<module>", "forked", "fail"]))),
    ("fork", Some(dump("MainThread", &["_bootstrap", "run", "fail"]))),
    ("spawn", Some(dump("MainThread", &["_bootstrap", "run", "fail"]))),
    ("forkserver", Some(dump("MainThread", &["_bootstrap", "run", "fail"]))),
    ("worker_while_handling", None),
    ("pool", Some(Expected { thread: Some("MainThread"), functions: &["map", "get"], variable: None })),
    ("subprogram", None),
    ("pickled", None),
    ("identity", Some(dump("MainThread", &["<module>", "identity", "fail"]))),
];

/// A folder with the programs, for one interpreter.
struct Place {
    python: PathBuf,
    /// Its place among the interpreters, and how many there are.
    rank: (usize, usize),
    folder: tempfile::TempDir,
    /// What differs: all of it is told.
    problems: RefCell<Vec<String>>,
}

impl Place {
    fn new(python: &Path, rank: (usize, usize)) -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place { python: python.to_owned(), rank, folder, problems: RefCell::default() };
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/endings.py");
        fs::create_dir_all(place.path("work/package")).expect("folders");
        fs::create_dir_all(place.path("work/empty")).expect("folders");
        fs::copy(&program, place.path("work/endings.py")).expect("the program");
        fs::copy(&program, place.path("work/package/__main__.py")).expect("the program");
        fs::copy(&program, place.path("work/package/endings.py")).expect("the program");
        fs::write(place.path("work/package/__init__.py"), "").expect("a file");
        fs::write(place.path("work/wrong.py"), "def f(:\n    pass\n").expect("a file");
        fs::write(place.path("work/latin.py"), b"# coding: latin-1\nprint(ascii('\xe9'))\n1/0\n").expect("a file");
        std::os::unix::fs::symlink("../endings.py", place.path("work/empty/link.py")).expect("a link");
        std::os::unix::fs::symlink("loop.py", place.path("work/empty/loop.py")).expect("a link");
        let make = "import py_compile, zipapp\n\
            py_compile.compile('endings.py', 'endings.pyc')\n\
            zipapp.create_archive('package', 'app.pyz', '/usr/bin/env python3')\n\
            zipapp.create_archive('package', 'app.zip')\n";
        let made = place.command(&place.python).args(["-c", make]).output().expect("Python runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        place
    }

    /// Whether a case is this interpreter's: the first, the last and the middle one have all, so that the whole takes a
    /// minute; the others share one round among them.
    fn takes(&self, case: usize) -> bool {
        let (rank, count) = self.rank;
        count <= 3 || rank == 0 || rank == count - 1 || rank == count / 2 || case % (count - 3) == rank % (count - 3)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path("work")).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env_remove("PYTHONPATH").env_remove("PYTHONUNBUFFERED");
        command
    }

    /// Runs the same with and without us; gives the dumps, in the order in which they were made.
    fn compare(&self, words: &[&str], input: &str) -> Vec<PathBuf> {
        let dumps = self.path("dumps");
        let _ = fs::remove_dir_all(&dumps);
        fs::create_dir(&dumps).expect("a folder");
        let plain = converse(self.command(&self.python).args(words), input);
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_heapsake")));
        command.args(["run", "--python"]).arg(&self.python).arg("-o").arg(&dumps).args(words);
        let ours = converse(&mut command, input);
        let (said, kept) = apart(&ours.err);
        let place = format!("{} {words:?}\n{said}", self.python.display());
        self.same(&without_addresses(&plain.out), &without_addresses(&ours.out), &place);
        self.same(&apart(&plain.err).1, &kept, &place);
        self.same(&plain.status.to_string(), &ours.status.to_string(), &place);
        let mut found: Vec<PathBuf> =
            fs::read_dir(&dumps).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
        found.sort_by_key(|path| fs::metadata(path).and_then(|metadata| metadata.modified()).expect("a time"));
        self.same(&said.lines().count().to_string(), &found.len().to_string(), &format!("a line for each dump: {place}"));
        found
    }

    fn same(&self, expected: &str, found: &str, place: &str) {
        if expected != found {
            self.problems.borrow_mut().push(format!("{place}\n-- expected\n{expected}\n-- found\n{found}"));
        }
    }
}

/// Text in which every `0x…` is the same.
fn without_addresses(text: &str) -> String {
    let mut pieces = text.split("0x");
    let mut kept = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        kept.push_str("0x…");
        kept.push_str(piece.trim_start_matches(|letter: char| letter.is_ascii_hexdigit()));
    }
    kept
}

/// Our own lines of standard error, and the others.
fn apart(stderr: &str) -> (String, String) {
    let text = without_addresses(stderr);
    let (ours, others): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("heapsake:"));
    // The frame around the program takes a few of the recursions that Python allows.
    let others = others.into_iter().filter(|line| !line.contains("[Previous line repeated"));
    (ours.join("\n"), others.collect::<Vec<_>>().join("\n"))
}

fn stacks(dump: &Path) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_heapsake")).arg("stack").arg(dump).arg("--json").output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn check(dump: &Path, expected: &Expected, place: &str) -> Result<(), String> {
    let stacks = stacks(dump);
    let thread = &stacks["threads"][0];
    let frames = thread["frames"].as_array().ok_or("no frames")?;
    let functions: Vec<&str> = frames.iter().filter_map(|frame| frame["function"].as_str()).collect();
    if thread["name"].as_str() != expected.thread || !functions.ends_with(expected.functions) {
        return Err(format!("{place}: {} in {functions:?}", thread["name"]));
    }
    let ours = frames.iter().find(|frame| frame["file"].as_str().is_none_or(|file| file.contains("/proc/self/fd")));
    if let Some(frame) = ours {
        return Err(format!("{place}: ours is {frame}"));
    }
    if let (Some((name, value)), Some(frame)) = (expected.variable, frames.last()) {
        let variables = frame["variables"].as_array().ok_or("no variables")?;
        if !variables.iter().any(|variable| variable["name"] == name && variable["value"] == value) {
            return Err(format!("{place}: {variables:?}"));
        }
    }
    Ok(())
}

/// Runs a test for every interpreter, two at a time.
fn everywhere(test: impl Fn(&Place) + Sync) {
    let pythons = pythons();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let rank = next.fetch_add(1, Ordering::Relaxed);
                    let Some(python) = pythons.get(rank) else { return };
                    let place = Place::new(python, (rank, pythons.len()));
                    test(&place);
                    let problems = place.problems.borrow();
                    assert!(problems.is_empty(), "{} differences\n{}", problems.len(), problems.join("\n\n"));
                }
            });
        }
    });
}

#[test]
fn programs_end_as_without_us_and_leave_their_dumps() {
    everywhere(|place| {
        for (_, (mode, expected)) in ENDINGS.iter().enumerate().filter(|(case, _)| place.takes(*case)) {
            let name = format!("{} {mode}", place.python.display());
            let dumps = place.compare(&["endings.py", mode], "one\ntwo\n");
            place.same(&usize::from(expected.is_some()).to_string(), &dumps.len().to_string(), &format!("{name}: dumps"));
            if let (Some(expected), [dump]) = (expected, dumps.as_slice()) {
                place.problems.borrow_mut().extend(check(dump, expected, &name).err());
            }
        }
    });
}

#[test]
fn programs_start_as_without_us() {
    let failing = "import sys\ndef f(x):\n    y = x\n    return y / 0\nprint(__name__, sys.argv, __loader__, __spec__)\nf(7)\n";
    everywhere(|place| {
        let cases = [
            (&["-m", "package", "identity", "a"][..], "", 1),
            (&["-m", "package.endings", "identity"], "", 1),
            (&["-m", "package", "spawn"], "", 1),
            (&["-m", "package.missing"], "", 0),
            (&["-m", "empty"], "", 0),
            (&["-mpackage", "exit_text"], "", 0),
            (&["-c", failing, "a"], "", 1),
            (&["-c", "print(list(globals())); import sys; print(sys.path[0] == '', getattr(sys, 'orig_argv', 0))", "-x"], "", 0),
            (&["-c", "def f(:"], "", 0),
            (&["-", "a"], failing, 1),
            (&["-"], "print(__file__, list(globals()))", 0),
            (&["app.pyz", "identity", "a"], "", 1),
            (&["app.zip", "plain"], "", 1),
            (&["package", "identity"], "", 1),
            (&["package/", "spawn"], "", 1),
            (&["empty"], "", 0),
            (&["missing.py"], "", 0),
            (&["./missing/missing.py"], "", 0),
            (&["endings.py/missing.py"], "", 0),
            (&["empty/loop.py"], "", 0),
            (&["wrong.py"], "", 0),
            (&["latin.py"], "", 1),
            (&["endings.pyc", "plain"], "", 1),
            (&["./endings.py", "identity"], "", 1),
            (&["../work/endings.py", "identity"], "", 1),
            (&["empty/link.py", "identity"], "", 1),
            (&["-u", "-O", "-Wignore", "-X", "utf8", "endings.py", "identity", "-X", "-o"], "", 1),
            (&["-I", "endings.py", "plain"], "", 1),
            (&["-W", "error", "-X", "dev", "endings.py", "pickled"], "", 0),
        ];
        for (_, (words, input, dumps)) in cases.into_iter().enumerate().filter(|(case, _)| place.takes(*case)) {
            let found = place.compare(words, input);
            place.same(&dumps.to_string(), &found.len().to_string(), &format!("{words:?}: dumps"));
        }
    });
}

#[test]
fn a_signal_to_the_supervisor_reaches_the_program() {
    // It sleeps in short pieces: Python sees a signal that comes just before a sleep after it. It writes at once: a handler
    // may not print while the program does.
    let code = "import os, signal, time\nsignal.signal(signal.SIGUSR1, lambda *a: os.write(1, b'usr1\\n'))\n\
        os.write(1, b'ready\\n')\nfor _ in range(1200):\n    time.sleep(0.05)";
    everywhere(|place| {
        for (signal, ended) in [("TERM", 15), ("HUP", 1), ("INT", 2)] {
            let mut command = place.command(&place.python);
            // Whoever runs the tests in the background lets them ignore what the keyboard sends.
            let anew =
                "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])";
            command.args(["-c", anew, env!("CARGO_BIN_EXE_heapsake"), "run", "--python"]).arg(&place.python).args(["-c", code]);
            // Nothing of ours is the terminal's business.
            let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs");
            let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("its output")));
            assert_eq!(lines.next().expect("a line").expect("text"), "ready");
            let send = |signal: &str| {
                let sent = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
                assert!(sent.expect("kill runs").success());
            };
            send("USR1");
            assert_eq!(lines.next().expect("a line").expect("text"), "usr1");
            send(signal);
            let status = child.wait().expect("it ends");
            assert_eq!(status.signal(), Some(ended), "{} {signal}: {status}", place.python.display());
        }
    });
}

#[test]
fn on_a_terminal_a_key_comes_once_and_what_is_sent_to_the_supervisor_comes_too() {
    let code = "import os, signal, time\ngot = []\n\
        signal.signal(signal.SIGINT, lambda *a: (got.append(1), os.write(1, b'int\\n')))\n\
        signal.signal(signal.SIGUSR1, lambda *a: (os.write(1, b'count %d\\n' % len(got)), os._exit(0)))\n\
        os.write(1, b'ready\\n')\nwhile True:\n    time.sleep(0.05)";
    // The terminal's other end.
    let driver = "\
import os, pty, signal, sys
signal.alarm(60)
process, terminal = pty.fork()
if process == 0:
    # Whoever runs the tests in the background lets them ignore it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
seen = b''
def until(text):
    global seen
    while text not in seen:
        seen += os.read(terminal, 4096)
    before, seen = seen.split(text, 1)
    return before
until(b'ready\\r\\n')
os.kill(process, signal.SIGINT)
until(b'int\\r\\n')
os.write(terminal, b'\\x03')
until(b'int\\r\\n')
os.kill(process, signal.SIGUSR1)
until(b'count ')
count = until(b'\\r\\n')
if count != b'2':
    sys.exit('count ' + repr(count))
print(os.waitpid(process, 0)[1])
";
    everywhere(|place| {
        let mut command = place.command(&place.python);
        command.args(["-c", driver, env!("CARGO_BIN_EXE_heapsake"), "run", "--python"]).arg(&place.python).args(["-c", code]);
        let output = converse(&mut command, "");
        place.same("0\n", &output.out, &format!("{}: {output:?}", place.python.display()));
    });
}
