//! `heapsake dump PID` on programs that are busy, too large or caught at a bad moment, and on what is no program that can be
//! dumped: one message, nothing under the file's name, and the process goes on.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use heapsake_tests::{pythons, run};
use serde_json::Value;

const NOBODY: u32 = 65534;
const ECHO: &str = "import sys\nprint('ready', flush=True)\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)";

fn heapsake() -> Command {
    Command::new(env!("CARGO_BIN_EXE_heapsake"))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !condition() {
        assert!(Instant::now() < deadline, "waited a minute for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A program that says lines and is told lines; killed when dropped.
struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Program {
    fn start(command: &mut Command) -> Program {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program runs");
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().expect("its output")));
        Program { child, input, output }
    }

    fn python(python: &Path, code: &str) -> Program {
        let mut program = Program::start(Command::new(python).args(["-c", code]));
        assert_eq!(program.line(), "ready", "{}", python.display());
        program
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.input.as_mut().expect("its input"), "{line}").expect("it hears");
        self.line()
    }

    /// It answers, and ends well.
    fn goes_on_unharmed(mut self) {
        assert_eq!(self.ask("palindrome"), "emordnilap");
        drop(self.input.take());
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `heapsake dump`, which must fail with this status and these words, and leave no file under the name.
fn refused(command: &mut Command, dump: &Path, status: i32, words: &[&str]) {
    let output = run(command);
    let problem = output.err;
    assert_eq!(output.status.code(), Some(status), "{command:?}: {problem}");
    for word in words {
        assert!(problem.contains(word), "{command:?} does not say {word:?}: {problem}");
    }
    assert!(!problem.contains("panicked"), "{problem}");
    if status == 1 {
        let hints = problem.lines().filter(|line| line.starts_with("hint: ")).count();
        assert!(problem.starts_with("heapsake: ") && problem.trim_end().lines().count() <= 2 && hints <= 1, "{problem}");
        assert!(problem.matches("os error").count() <= 1, "each cause once: {problem}");
    }
    assert!(!dump.exists(), "{command:?} left a file");
}

fn value(arguments: &[&str], dump: &Path) -> Value {
    let output = run(heapsake().args(arguments).arg(dump).arg("--json"));
    assert!(output.status.success(), "{arguments:?}: {}", output.err);
    serde_json::from_str(&output.out).expect("JSON")
}

#[test]
fn a_program_that_may_not_be_stopped_is_copied_while_it_goes_on_even_when_a_debugger_has_it() {
    let tracer = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/tracer.py");
    let code = "import sys, threading\nkept = {'answer': [42, 'whole']}\ndef work():\n    while True: len([str(n) for n in range(99)])\n\
        threading.Thread(target=work, name='busy', daemon=True).start()\ndef wait(own):\n    print('ready', flush=True)\n    \
        for line in sys.stdin: print(line.strip()[::-1], flush=True)\nwait(kept)";
    for python in pythons() {
        let folder = tempfile::tempdir().expect("a folder");
        let dump = folder.path().join("running.heapsake");
        let program = Program::python(&python, code);
        let mut debugger = Program::start(Command::new("python3").arg(&tracer).arg(program.pid()));
        assert_eq!(debugger.line(), "ready", "{}", python.display());
        let by = |option: &[&str]| run(heapsake().arg("dump").arg(program.pid()).args(option).arg("-o").arg(&dump).arg("--json"));
        let problem = by(&[]);
        assert!(!problem.status.success() && problem.err.contains("--no-freeze"), "{problem:?}");
        let made = by(&["--no-freeze"]);
        assert!(made.status.success(), "{}: {}", python.display(), made.err);
        let made: Value = serde_json::from_str(&made.out).expect("JSON");
        assert_eq!((made["pause"].as_f64(), made["stops"].as_u64()), (Some(0.0), Some(0)), "{made}");
        assert!(made["copying"].as_f64().is_some_and(|time| time > 0.0), "{made}");
        let caught = made["caught"].as_array().and_then(|caught| caught.first()).and_then(Value::as_str);
        assert!(caught.is_some_and(|line| line.starts_with("it went on while it was copied")), "{made}");
        assert!(run(heapsake().arg(&dump)).out.contains("it went on while it was copied"));
        // What does not change is right: the thread that waits, and what it holds.
        let stacks = value(&["stack"], &dump);
        let threads = stacks["threads"].as_array().expect("threads");
        let main = threads.iter().find(|thread| thread["name"] == "MainThread").expect("the main thread");
        let innermost = main["frames"].as_array().and_then(|frames| frames.last()).expect("its frames");
        assert_eq!(innermost["function"], "wait", "{}: {main}", python.display());
        assert_eq!(innermost["variables"][0]["value"], "{'answer': [42, 'whole']}", "{}: {main}", python.display());
        drop(debugger);
        program.goes_on_unharmed();
    }
}

#[test]
fn a_busy_program_goes_on_unharmed_and_its_dumps_are_right() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/busy.py");
    for python in pythons() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut busy = Program::start(Command::new(&python).arg(&program));
        assert_eq!(busy.line(), "ready");
        let count = |busy: &mut Program| -> Vec<u64> {
            busy.ask("count").split(' ').map(|number| number.parse().expect("a count")).collect()
        };
        let mut last = vec![0; 4];
        let mut read = 0;
        for round in 0..5 {
            let dump = folder.path().join(format!("{round}.heapsake"));
            let made = run(heapsake().arg("dump").arg(busy.pid()).arg("-o").arg(&dump).arg("--json"));
            assert!(made.status.success(), "{}", made.err);
            let made: Value = serde_json::from_str(&made.out).expect("JSON");
            let before = count(&mut busy);
            let place = format!("{} round {round}: {made}", python.display());
            let caught = made["caught"].as_array().expect("a list").len();
            last = look_at(&dump, &last, caught == 0, &place);
            read += usize::from(caught == 0);
            wait_until("all four workers to go on", || count(&mut busy).iter().zip(&before).all(|(now, then)| now > then));
        }
        assert!(read > 0, "{}: all five moments were bad", python.display());
        drop(busy.input.take());
        assert_eq!(busy.line(), "unharmed", "{}", python.display());
        assert!(busy.child.wait().expect("it ends").success());
    }
}

/// Checks one dump of the busy program; gives the workers' counts.
fn look_at(dump: &Path, last: &[u64], is_good: bool, place: &str) -> Vec<u64> {
    assert_eq!(value(&["check"], dump)["faults"].as_array().map(Vec::len), Some(0), "{place}");
    let told = value(&["stack"], dump);
    let threads = told["threads"].as_array().expect("threads");
    let thread =
        |name: &str| threads.iter().find(|thread| thread["name"] == name).unwrap_or_else(|| panic!("{place}: no {name}"));
    let functions = |thread: &Value| -> Vec<String> {
        let frames = thread["frames"].as_array().expect("frames");
        frames.iter().map(|frame| frame["function"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let shown = |frame: &Value, name: &str| -> String {
        let variables = frame["variables"].as_array().expect("variables");
        let found = variables.iter().find(|variable| variable["name"] == name);
        found
            .and_then(|variable| variable["value"].as_str())
            .unwrap_or_else(|| panic!("{place}: no {name} in {frame}"))
            .to_owned()
    };
    assert_eq!(threads.len(), 7, "{place}");
    let main = thread("MainThread");
    assert_eq!(functions(main), ["<module>", "main"], "{place}");
    let counts = shown(&main["frames"][0], "COUNTS");
    let counts: Vec<u64> = counts.trim_matches(['[', ']']).split(", ").map(|number| number.parse().expect("a count")).collect();
    assert!(counts.iter().zip(last).all(|(now, then)| now > then), "{place}: {counts:?} after {last:?}");
    for number in 0..4 {
        let worker = thread(&format!("worker-{number}"));
        let stack = functions(worker);
        assert_eq!(stack[..4], ["_bootstrap", "_bootstrap_inner", "run", "work"], "{place}");
        assert!(
            stack.len() == 4 || stack.len() == 5 && ["<genexpr>", "__init__", "is_set"].contains(&stack[4].as_str()),
            "{place}: {stack:?}"
        );
        let frame = &worker["frames"][3];
        assert_eq!(
            (shown(frame, "number"), shown(frame, "marker")),
            (number.to_string(), format!("('worker', {number})")),
            "{place}"
        );
        assert!(frame["source"].as_str().is_some_and(|source| !source.is_empty()), "{place}: {frame}");
        let step: u64 = shown(frame, "step").parse().expect("a step");
        assert!((0..=1).contains(&(step - counts[number])), "{place}: step {step} of worker {number}, {counts:?}");
        if is_good && number == step as usize % 4 {
            pairs_are_whole(dump, number, step, place);
        }
    }
    let sleeper = thread("sleeper");
    assert_eq!(functions(sleeper)[3], "sleep", "{place}");
    assert!(sleeper["frames"][3]["line"].as_u64().is_some_and(|line| line > 0), "{place}");
    let waiter = &thread("waiter")["frames"][3];
    assert_eq!((&waiter["function"], &waiter["source"]), (&"wait".into(), &"read.append(os.read(end, 10))".into()), "{place}");
    counts
}

/// What a worker changes all the time: two hundred pairs, the newest of them of its last step.
fn pairs_are_whole(dump: &Path, number: usize, step: u64, place: &str) {
    let path = format!("thread:worker-{number}/frame:3/pairs");
    let output = run(heapsake().arg("inspect").arg(dump).arg(&path).arg("--json"));
    let told: Value = serde_json::from_str(&output.out).expect("JSON");
    let entries = told["entries"].as_array().expect("entries");
    let length = entries.len() as u64;
    assert!((199..=201).contains(&length), "{place}: {length} pairs");
    let first: u64 = {
        let shown = entries[0][1]["shown"].as_str().expect("a list");
        shown.trim_start_matches('[').split(',').next().expect("a number").parse().expect("a number")
    };
    for (index, entry) in (first..).zip(entries) {
        let expected = (format!("'key-{number}-{index}'"), format!("[{index}, {}]", index * 2));
        let found = (entry[0]["shown"].as_str().unwrap_or("?"), entry[1]["shown"].as_str().unwrap_or("?"));
        assert_eq!(found, (expected.0.as_str(), expected.1.as_str()), "{place}");
    }
    let newest = first + length - 1;
    assert!(newest == step || newest + 1 == step, "{place}: the newest pair is {newest}, the step {step}");
}

#[test]
fn c25_a_process_too_large_to_be_copied_is_read_while_it_stands_still() {
    let code = "import sys\nlarge = bytearray(b'x') * (400 << 20)\nmany = [b'%8d' % n * 131072 for n in range(50)]\nheld = {n: [n, str(n)] for n in range(1000)}\n\
                print('ready', flush=True)\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)";
    for python in pythons() {
        let folder = tempfile::tempdir().expect("a folder");
        let dump = folder.path().join("held.heapsake");
        let program = Program::python(&python, code);
        let limited = |arguments: &str| {
            let script = format!("ulimit -v 360000; exec \"$0\" dump \"$1\" -o \"$2\" {arguments}");
            let output =
                run(Command::new("sh").args(["-c", &script, env!("CARGO_BIN_EXE_heapsake")]).arg(program.pid()).arg(&dump));
            assert!(output.status.success(), "{}: {}", python.display(), output.err);
            output.out
        };
        let told = limited("");
        assert!(told.contains("while it was read: there is no memory for a copy"), "{told}");
        let told: Value = serde_json::from_str(&limited("--json")).expect("JSON");
        assert_eq!(told["copied_bytes"], Value::Null);
        let summary = value(&[], &dump);
        let held = summary["facts"]["held"].as_str().expect("a fact");
        assert!(held.contains("stood still while it was read"), "{held}");
        let shown = run(heapsake().arg(&dump)).out;
        assert!(shown.contains(held), "{shown}");
        let inspected = run(heapsake().arg("inspect").arg(&dump).arg("held[731]"));
        assert!(inspected.out.starts_with("[731, '731']"), "{inspected:?}");
        let inspected = run(heapsake().arg("inspect").arg(&dump).arg("many[49]"));
        assert!(inspected.out.starts_with("b'      49      49"), "{inspected:?}");
        // One object for which there is no room in any case is told as such.
        let lost = run(heapsake().arg("inspect").arg(&dump).arg("large").arg("--json"));
        let lost: Value = serde_json::from_str(&lost.out).expect("JSON");
        assert_eq!((&lost["type"], &lost["surrogate"]["reason"]), (&"bytearray".into(), &"unreadable memory".into()));
        assert!(run(heapsake().arg("check").arg(&dump)).status.success());
        // With room enough it is copied, and nothing is said.
        let made = run(heapsake().arg("dump").arg(program.pid()).arg("-o").arg(&dump));
        assert!(!made.out.contains("while it was read"), "{made:?}");
        assert_eq!(value(&[], &dump)["facts"]["held"], Value::Null);
        program.goes_on_unharmed();
    }
}

#[test]
fn a_dump_says_that_a_collection_was_at_work() {
    // One that does not end, for it waits in a callback.
    let code = "import gc, signal\nheld = [[{}] for _ in range(400_000)]\ndef wait(*_):\n    print('ready', flush=True)\n    \
                signal.pause()\ngc.callbacks.append(wait)\ngc.collect()";
    let python = pythons().pop().expect("an interpreter");
    let folder = tempfile::tempdir().expect("a folder");
    let dump = folder.path().join("collecting.heapsake");
    let program = Program::python(&python, code);
    let made = run(heapsake().arg("dump").arg(program.pid()).arg("-o").arg(&dump));
    let told = &made.out;
    assert!(told.contains("a garbage collection was at work: it may read wrongly"), "{made:?}");
    let shown = run(heapsake().arg(&dump));
    assert!(shown.out.contains("a garbage collection was at work"), "{shown:?}");
    let inspected = run(heapsake().arg("inspect").arg(&dump).arg("held[399999]"));
    assert!(inspected.out.starts_with("[{}]"), "{inspected:?}");
}

#[test]
fn what_is_no_process_of_python_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let dump = folder.path().join("x.heapsake");
    let asked = |pid: &str| {
        let mut command = heapsake();
        command.arg("dump").arg("-o").arg(&dump).arg(pid);
        command
    };
    let gone = {
        let mut child = Command::new("true").spawn().expect("true runs");
        child.wait().expect("it ends");
        child.id().to_string()
    };
    refused(&mut asked(&gone), &dump, 1, &[&format!("there is no process {gone}"), "\nhint: ", "ps -ef"]);
    refused(&mut asked("0"), &dump, 1, &["there is no process 0"]);
    refused(&mut asked("-1"), &dump, 2, &["-1"]);
    refused(heapsake().args(["dump", "-o"]).arg(&dump).args(["--", "-1"]), &dump, 1, &["there is no process -1"]);
    refused(&mut asked("99999999999"), &dump, 2, &["99999999999"]);
    refused(&mut asked("python"), &dump, 2, &["python"]);
    let own = format!("exec '{}' dump $$ -o '{}'", env!("CARGO_BIN_EXE_heapsake"), dump.display());
    refused(Command::new("sh").args(["-c", &own]), &dump, 1, &["is this process", "\nhint: "]);
    if fs::read_to_string("/proc/2/comm").is_ok_and(|name| name == "kthreadd\n") {
        refused(&mut asked("2"), &dump, 1, &["process 2 (kthreadd) is a thread of the kernel"]);
    } else {
        println!("no thread of the kernel is to be seen here; not tested");
    }
    let mut zombie = Command::new("true").spawn().expect("true runs");
    let stat = format!("/proc/{}/stat", zombie.id());
    wait_until("a zombie", || fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") Z ")));
    refused(&mut asked(&zombie.id().to_string()), &dump, 1, &["has ended; only its exit status is left", "\nhint: "]);
    zombie.wait().expect("it ends");

    let mut cat = Program::start(&mut Command::new("cat"));
    refused(&mut asked(&cat.pid()), &dump, 1, &["no CPython was found", "\nhint: it runs "]);
    assert_eq!(cat.ask("as before"), "as before");
}

#[test]
fn a_dump_takes_the_place_of_ordinary_files_only() {
    use std::os::unix::fs::{FileTypeExt, symlink};

    let python = pythons().pop().expect("an interpreter");
    let folder = tempfile::tempdir().expect("a folder");
    let none = folder.path().join("none.heapsake");
    let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    symlink("/dev/null", &link).expect("a link");
    let program = Program::python(&python, ECHO);
    for place in [&pipe, &link, Path::new("/proc/self/fd/1"), Path::new("/proc/self/comm")] {
        let mut command = heapsake();
        refused(command.arg("dump").arg(program.pid()).arg("-o").arg(place), &none, 1, &["it is no ordinary file"]);
        let mut command = heapsake();
        let command = command.arg("run").arg("--python").arg(&python).arg("-o").arg(place).args(["-c", "print('begun'); 1 / 0"]);
        let ended = run(command);
        assert!(!ended.status.success() && ended.err.contains("it is no ordinary file") && ended.out.is_empty(), "{ended:?}");
    }
    assert!(fs::symlink_metadata(&pipe).expect("the pipe").file_type().is_fifo());
    assert_eq!(fs::read_link(&link).expect("the link"), Path::new("/dev/null"));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "nothing is left beside");
    program.goes_on_unharmed();
}

#[test]
fn another_python_and_an_unknown_one_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let dump = folder.path().join("x.heapsake");
    let main = "#include <stdio.h>\nint main(void) { puts(\"ready\"); fflush(stdout); while (getchar() != EOF); return 0; }\n";
    for (name, source, words) in [
        ("pypy", "int pypy_execute_source(char *s) { return !s; }", ["the process runs PyPy", "not CPython"]),
        (
            "future",
            "char _PyRuntime[1000] = {1}; const unsigned Py_Version = 0x036300f0;",
            ["the layout of CPython 3.99.0 is unknown", "docs/layouts.md"],
        ),
    ] {
        let (file, binary) = (folder.path().join(format!("{name}.c")), folder.path().join(name));
        fs::write(&file, format!("{source}\n{main}")).expect("a file");
        assert!(Command::new("cc").arg("-rdynamic").arg("-o").arg(&binary).arg(&file).status().expect("a C compiler").success());
        let mut program = Program::start(&mut Command::new(&binary));
        assert_eq!(program.line(), "ready");
        let mut command = heapsake();
        refused(command.arg("dump").arg(program.pid()).arg("-o").arg(&dump), &dump, 1, &words);
        drop(program.input.take());
        assert!(program.child.wait().expect("it ends").success());
    }
}

#[test]
fn what_may_not_be_read_is_explained() {
    let python = pythons().pop().expect("an interpreter");
    let folder = tempfile::tempdir().expect("a folder");
    let dump = folder.path().join("x.heapsake");
    let program = Program::python(&python, ECHO);
    // Traced by a program that shares nothing with us.
    let code = format!(
        "import ctypes, sys\nassert ctypes.CDLL(None, use_errno=True).ptrace(0x4206, {}, None, None) == 0\n\
         print('ready', flush=True)\nsys.stdin.read()",
        program.pid()
    );
    let mut tracer = Program::python(&python, &code);
    let words = [&*format!("is traced by process {} (python", tracer.pid()), "already", "\nhint: a process has one tracer"];
    refused(heapsake().arg("dump").arg(program.pid()).arg("-o").arg(&dump), &dump, 1, &words);
    drop(tracer.input.take());
    tracer.child.wait().expect("it ends");
    if !is_root() {
        println!("another user is root's to be; not tested");
        return program.goes_on_unharmed();
    }
    let open = folder.path().join("open");
    fs::create_dir(&open).expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).expect("permissions");
    let copy = folder.path().join("heapsake");
    fs::copy(env!("CARGO_BIN_EXE_heapsake"), &copy).expect("a copy");
    let as_nobody = |dump: &Path| {
        let mut command = Command::new(&copy);
        command.arg("dump").arg(program.pid()).arg("-o").arg(dump).uid(NOBODY).gid(NOBODY);
        command
    };
    let words = ["may not be read", "belongs to uid 0", "uid 65534", "ptrace_scope", "CAP_SYS_PTRACE", "\nhint: "];
    let inside = open.join("x.heapsake");
    refused(&mut as_nobody(&inside), &inside, 1, &words);
    assert_eq!(fs::read_dir(&open).expect("a folder").count(), 0, "nothing is left, under no name");
    refused(&mut as_nobody(&dump), &dump, 1, &["cannot create", "denied"]);
    refused(&mut as_nobody(&open.join("none/x.heapsake")), &dump, 1, &["cannot create"]);
    program.goes_on_unharmed();
}

#[test]
fn what_heapsake_run_traces_is_dumped_all_the_same_and_traced_again() {
    let code = "import ctypes, os, sys\nheld = {'answer': 42}\nprint(os.getpid(), flush=True)\n\
                for line in sys.stdin: print(line.strip()[::-1], flush=True)\nctypes.string_at(0)";
    for python in pythons() {
        let folder = tempfile::tempdir().expect("a folder");
        let (asked, died) = (folder.path().join("asked.heapsake"), folder.path().join("died.heapsake"));
        let mut command = heapsake();
        command.arg("run").arg("-o").arg(&died).arg("--python").arg(&python).args(["-c", code]);
        let mut supervisor = Program::start(&mut command);
        let pid = supervisor.line();
        let tracer = || {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
            status.lines().find_map(|line| line.strip_prefix("TracerPid:\t")).expect("a line").to_owned()
        };
        assert_ne!(tracer(), "0", "{}", python.display());
        if is_root() {
            let copy = folder.path().join("heapsake");
            fs::copy(env!("CARGO_BIN_EXE_heapsake"), &copy).expect("a copy");
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("permissions");
            let (mut command, dump) = (Command::new(&copy), folder.path().join("x.heapsake"));
            command.arg("dump").arg(&pid).arg("-o").arg(&dump).uid(NOBODY).gid(NOBODY);
            let words = ["may not be read", "it belongs to uid 0, this is uid 65534", "CAP_SYS_PTRACE"];
            refused(&mut command, &dump, 1, &words);
        }
        for _ in 0..2 {
            let made = run(heapsake().arg("dump").arg(&pid).arg("-o").arg(&asked));
            assert!(made.status.success(), "{}: {}", python.display(), made.err);
            let shown = run(heapsake().arg("inspect").arg(&asked).arg("held[\"answer\"]"));
            assert!(shown.out.starts_with("42\n"), "{shown:?}");
            wait_until("the supervisor to trace it again", || tracer() != "0");
        }
        assert_eq!(supervisor.ask("palindrome"), "emordnilap");
        drop(supervisor.input.take());
        assert_eq!(supervisor.child.wait().expect("it ends").signal(), Some(11));
        assert_eq!(value(&[], &died)["facts"]["signal"]["number"], 11, "{}", python.display());
    }
}

#[test]
fn c22_a_full_disk_leaves_nothing_under_the_name() {
    let python = pythons().pop().expect("an interpreter");
    let folder = tempfile::tempdir().expect("a folder");
    let dump = folder.path().join("x.heapsake");
    let program = Program::python(&python, ECHO);
    let script = "mount -t tmpfs -o size=64k none \"$2\" || exit 77; \"$0\" dump \"$1\" -o \"$2/x.heapsake\"; status=$?; \
                  test ! -e \"$2/x.heapsake\" || exit 78; exit $status";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_heapsake")]).arg(program.pid()).arg(folder.path());
    if is_root() && run(Command::new("unshare").args(["--mount", "true"])).status.success() {
        refused(&mut command, &dump, 1, &["o space left on device"]);
    } else {
        println!("no small disk can be mounted here; not tested");
    }
    program.goes_on_unharmed();
}

#[test]
fn other_namespaces_of_processes_are_told_apart() {
    let python = pythons().pop().expect("an interpreter");
    if !run(Command::new("unshare").args(["--pid", "--fork", "--mount-proc", "true"])).status.success() {
        println!("no namespace can be made here; not tested");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let dump = folder.path().join("x.heapsake");
    // From inside, a process that is outside cannot be seen.
    let outside = Program::python(&python, ECHO);
    let mut inner = Command::new("unshare");
    inner.args(["--pid", "--fork", "--mount-proc", env!("CARGO_BIN_EXE_heapsake"), "dump"]).arg(outside.pid());
    refused(inner.arg("-o").arg(&dump), &dump, 1, &["there is no process", "container"]);
    outside.goes_on_unharmed();
    // From outside, one inside is dumped by its number here.
    let mut shell = Command::new("unshare");
    shell.args(["--pid", "--fork", "--mount-proc", "--kill-child"]).arg(&python).args(["-c", ECHO]);
    let mut program = Program::start(&mut shell);
    assert_eq!(program.line(), "ready");
    let children = format!("/proc/{0}/task/{0}/children", program.pid());
    let child = fs::read_to_string(children).expect("its child").trim().to_owned();
    let made = run(heapsake().arg("dump").arg(&child).arg("-o").arg(&dump));
    assert!(made.status.success(), "{}", made.err);
    assert_eq!(value(&[], &dump)["threads"][0]["name"], "MainThread");
    program.goes_on_unharmed();
}
