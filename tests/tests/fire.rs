//! Death without warning: a program that dies of a signal dies as it would without us, with its own standard output, status
//! and core file, and leaves one dump whose first thread is the one that died, where it stood; under `heapsake run`, and with
//! `heapsake.install()`. One that handles the signal, or ignores it, leaves none.

use std::path::{Path, PathBuf};
use std::process::Command;

use heapsake_tests::{Ended, Environment, file, fire, in_parallel, no_problems, run};
use serde_json::Value;

/// How the program dies, and what is expected of its dump.
struct Case {
    mode: &'static str,
    /// Dumps under `run`, and of `install`.
    dumps: (usize, usize),
    /// The signal, and the address at fault where it is known beforehand.
    signal: Option<(&'static str, Option<u64>)>,
    /// The thread's name, and its innermost function.
    thread: (Option<&'static str>, Option<&'static str>),
}

const fn dies(mode: &'static str, signal: &'static str, thread: &'static str) -> Case {
    Case { mode, dumps: (1, 1), signal: Some((signal, None)), thread: (Some(thread), Some("die")) }
}

const fn at_null(mode: &'static str, thread: &'static str) -> Case {
    Case { mode, dumps: (1, 1), signal: Some(("SIGSEGV", Some(0))), thread: (Some(thread), Some("die")) }
}

const fn lives(mode: &'static str) -> Case {
    Case { mode, dumps: (0, 0), signal: None, thread: (None, None) }
}

const CASES: [Case; 22] = [
    at_null("null", "MainThread"),
    at_null("null in worker", "worker"),
    at_null("null with lock", "worker"),
    Case { mode: "native thread", dumps: (1, 1), signal: Some(("SIGSEGV", Some(0))), thread: (None, None) },
    dies("bus", "SIGBUS", "worker"),
    dies("divide", "SIGFPE", "worker"),
    dies("illegal", "SIGILL", "worker"),
    dies("aborts", "SIGABRT", "worker"),
    dies("overflow", "SIGSEGV", "MainThread"),
    dies("overflow in worker", "SIGSEGV", "worker"),
    dies("sent", "SIGSEGV", "MainThread"),
    at_null("forked", "MainThread"),
    at_null("faulthandler before", "MainThread"),
    Case { mode: "faulthandler after", ..dies("", "SIGSEGV", "MainThread") },
    Case { mode: "recursion", dumps: (1, 1), signal: None, thread: (Some("MainThread"), Some("down")) },
    Case { mode: "leak", dumps: (1, 1), signal: None, thread: (Some("MainThread"), Some("leak")) },
    lives("own handler"),
    lives("recovers"),
    lives("ignored"),
    lives("handled"),
    lives("executes"),
    lives("subprocess"),
];

fn dumps(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.collect()
}

fn without_addresses(text: &str) -> String {
    let mut pieces = text.split("0x");
    let mut kept = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        kept.push_str("0x…");
        kept.push_str(piece.trim_start_matches(|letter: char| letter.is_ascii_hexdigit()));
    }
    kept
}

/// What the program itself said, comparable: addresses and the kernel's numbers differ from run to run.
fn theirs(text: &str) -> Vec<String> {
    let own = text.lines().filter(|line| !line.starts_with("heapsake: ") && !line.starts_with("native "));
    // The frames that a supervisor adds below the program, in Python and (told from 3.14 on) in C, and what only some versions
    // tell of extension modules.
    let others = ["/proc/self/fd/", "<heapsake run>", "  Binary file \"", "Extension modules:"];
    own.filter(|line| others.iter().all(|other| !line.contains(other))).map(without_addresses).collect()
}

fn json(environment: &Environment, dump: &Path) -> Value {
    let ended = run(environment.heapsake().arg(dump).arg("--json"));
    assert_eq!(ended.status.code(), Some(0), "{}{}", ended.out, ended.err);
    serde_json::from_str(&ended.out).expect("JSON")
}

/// What is wrong with a dump.
fn wrong(environment: &Environment, case: &Case, dump: &Path, ended: &Ended, fault: &Path) -> Vec<String> {
    let told = json(environment, dump);
    let thread = &told["threads"][0];
    let frames = thread["frames"].as_array().cloned().unwrap_or_default();
    let innermost = frames.last().and_then(|frame| frame["function"].as_str());
    let mut found = Vec::new();
    let mut differ = |what: &str, expected: String, got: String| {
        if expected != got {
            found.push(format!("{what} is {got} instead of {expected}"));
        }
    };
    differ("the first thread", format!("{:?}", case.thread.0), format!("{:?}", thread["name"].as_str()));
    differ("its innermost function", format!("{:?}", case.thread.1), format!("{innermost:?}"));
    let Some((name, address)) = case.signal else { return found };
    let signal = &thread["signal"];
    differ("the signal", format!("{name:?}"), signal["name"].to_string());
    differ("the header's signal", signal.to_string(), told["facts"]["signal"].to_string());
    if let Some(address) = address
        && signal["code_name"] != "SI_TKILL"
    {
        differ("the address", address.to_string(), signal["address"].to_string());
        let place = fault.canonicalize().expect("a file").display().to_string();
        differ("the file of the instruction", format!("{place:?}"), signal["file"].to_string());
    }
    if cfg!(target_arch = "x86_64") {
        let instruction = signal["registers"]["rip"].as_u64().unwrap_or(0);
        differ("whether the instruction is known", "true".into(), (instruction > 4096).to_string());
    }
    // Of the worker the program has said its number: it must be that thread, of those that there are.
    if let Some(native) = ended.out.lines().find_map(|line| line.strip_prefix("native ")) {
        differ("the kernel's number of the thread", native.to_owned(), signal["thread"].to_string());
    }
    if case.thread.1 == Some("die") {
        let variables = frames.last().map(|frame| frame["variables"].to_string()).unwrap_or_default();
        let marker = r#"{"name":"marker","value":"['marker', 42]"}"#;
        differ("whether the locals are right", "true".into(), variables.contains(marker).to_string());
    }
    let waiting = told["threads"].as_array().into_iter().flatten().any(|thread| thread["name"] == "MainThread");
    differ("whether the main thread is there", "true".into(), waiting.to_string());
    found
}

fn check(environment: &Environment, case: &Case, fault: &Path) -> Vec<String> {
    let program = file("programs/fire/deaths.py");
    let folder = fault.parent().expect("a folder");
    let plain = run(environment.python().arg(&program).arg(case.mode).arg(folder));
    let mut found = Vec::new();
    for (how, expected) in [("run", case.dumps.0), ("install", case.dumps.1)] {
        let place = tempfile::tempdir().expect("a folder");
        let ended = if how == "run" {
            let mut command = environment.heapsake();
            command.args(["run", "--python"]).arg(&environment.python).arg("-o").arg(place.path()).arg("-I");
            run(command.arg(&program).arg(case.mode).arg(folder))
        } else {
            run(environment.python().arg(&program).arg(case.mode).arg(folder).arg(place.path()))
        };
        let mut problems = Vec::new();
        if plain.status != ended.status {
            problems.push(format!("it ended with {} instead of {}", ended.status, plain.status));
        }
        if theirs(&plain.out) != theirs(&ended.out) {
            problems.push(format!("it said {:?} instead of {:?}", ended.out, plain.out));
        }
        // A traceback shows our frames below the program's, and as many of a deep recursion as there is room for.
        if !["recursion", "leak"].contains(&case.mode) && theirs(&plain.err) != theirs(&ended.err) {
            problems.push(format!("its standard error is {:#?} instead of {:#?}", theirs(&ended.err), theirs(&plain.err)));
        }
        let left = dumps(place.path());
        if left.len() != expected {
            problems.push(format!("there are {} dumps instead of {expected}: {}", left.len(), ended.err));
        }
        for dump in &left {
            problems.extend(wrong(environment, case, dump, &ended, fault));
        }
        found.extend(problems.iter().map(|problem| format!("{} {} {how}: {problem}", environment.version, case.mode)));
    }
    found
}

#[test]
fn programs_die_as_they_would_and_leave_their_dumps() {
    let environments = fire::environments_and_newest();
    let built: Vec<fire::Extension> = environments.iter().map(fire::Extension::build).collect();
    // At the limit of its memory 3.15 dies of a signal now and then, without us as well: what it does is not the same twice.
    let is_certain = |at: usize, case: &Case| case.mode != "leak" || environments[at].minor < 15;
    let all = (0..environments.len()).flat_map(|at| CASES.iter().map(move |case| (at, case)));
    let jobs: Vec<(usize, &Case)> = all.filter(|(at, case)| is_certain(*at, case)).collect();
    let results = in_parallel(&jobs, |(at, case)| check(&environments[*at], case, &built[*at].path));
    println!("{} programs, each without us, under run and with install", jobs.len());
    no_problems(&results.concat());
}

#[test]
fn the_core_file_is_the_programs_own() {
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    if pattern.trim() != "core" {
        println!("not tested: cores are not written to the working directory here ({})", pattern.trim());
        return;
    }
    let environments = fire::environments();
    let environment = environments.last().expect("an environment");
    let fault = fire::Extension::build(environment);
    let program = file("programs/fire/deaths.py");
    for how in ["alone", "run", "install"] {
        let (work, place) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -c unlimited; exec \"$@\"", "sh"]).current_dir(work.path());
        match how {
            "run" => command
                .arg(environment.heapsake().get_program())
                .args(["run", "--python"])
                .arg(&environment.python)
                .arg("-o")
                .arg(place.path()),
            _ => command.arg(&environment.python),
        };
        command.arg("-I").arg(&program).arg("null in worker").arg(fault.path.parent().expect("a folder"));
        if how == "install" {
            command.arg(place.path());
        }
        let ended = run(&mut command);
        let core = dumps(work.path())
            .into_iter()
            .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("core")));
        let Some(core) = core else { panic!("{how}: no core file: {}", ended.err) };
        assert_eq!(dumps(place.path()).len(), usize::from(how != "alone"), "{how}: {}", ended.err);
        let asked =
            Command::new("gdb").args(["-batch", "-ex", "info registers rip"]).arg(&environment.python).arg(&core).output();
        let Ok(asked) = asked else {
            println!("{how}: gdb is not here to say where the core's thread stands");
            continue;
        };
        for dump in dumps(place.path()) {
            let told = json(environment, &dump);
            let instruction = told["facts"]["signal"]["registers"]["rip"].as_u64().expect("a register");
            let text = String::from_utf8_lossy(&asked.stdout);
            assert!(text.contains(&format!("{instruction:#x}")), "{how}: {instruction:#x} is not where gdb says: {text}");
        }
    }
}

#[test]
fn a_program_that_is_left_untraced_can_be_traced_by_others() {
    let environments = fire::environments();
    let environment = environments.last().expect("an environment");
    let code = "import re; print(re.search(r'TracerPid:\\t(\\d+)', open('/proc/self/status').read()).group(1) == '0')";
    for (options, expected) in [(&["--untraced"][..], "True\n"), (&[], "False\n")] {
        let mut command = environment.heapsake();
        command.arg("run").args(options).arg("--python").arg(&environment.python).args(["-I", "-c", code]);
        assert_eq!(run(&mut command).success("heapsake run"), expected);
    }
}
