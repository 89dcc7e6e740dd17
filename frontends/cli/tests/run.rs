//! `heapsake run` and `heapsake dump` over every interpreter found: the program ends as it would without us, and its dump
//! tells what happened.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use heapsake_tests::pythons;
use serde_json::Value;

fn heapsake() -> Command {
    Command::new(env!("CARGO_BIN_EXE_heapsake"))
}

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/crash.py")
}

fn finish(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the program runs")
}

/// Standard error without our own lines.
fn theirs(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().filter(|line| !line.starts_with("heapsake:")).collect::<Vec<_>>().join("\n")
}

fn json(arguments: &[&str], dump: &Path) -> Value {
    let output = finish(heapsake().args(arguments).arg(dump).arg("--json"));
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Runs the program in one mode, with and without us; gives the dump, if there is one.
fn compare(python: &Path, mode: &str, folder: &Path) -> Option<PathBuf> {
    let dump = folder.join(format!("{mode}.heapsake"));
    let plain = finish(Command::new(python).arg(program()).arg(mode));
    let ours = finish(heapsake().arg("run").arg("--python").arg(python).arg("-o").arg(&dump).arg(program()).arg(mode));
    let place = format!("{} {mode}", python.display());
    assert_eq!(plain.status, ours.status, "{place}: {}", String::from_utf8_lossy(&ours.stderr));
    assert_eq!(String::from_utf8_lossy(&plain.stdout), String::from_utf8_lossy(&ours.stdout), "{place}");
    assert_eq!(theirs(&plain), theirs(&ours), "{place}");
    let told = String::from_utf8_lossy(&ours.stderr).lines().filter(|line| line.starts_with("heapsake:")).count();
    assert_eq!(told, usize::from(dump.exists()), "{place}: one line for a dump, none without");
    dump.exists().then_some(dump)
}

#[test]
fn programs_end_as_they_would_without_us() {
    for python in pythons() {
        let folder = tempfile::tempdir().expect("a folder");
        for mode in ["exit", "asyncok"] {
            assert_eq!(compare(&python, mode, folder.path()), None, "{mode} is no crash");
        }
        let dump = compare(&python, "main", folder.path()).expect("a dump of the main thread's exception");
        let told = json(&[], &dump);
        assert_eq!(told["exceptions"][0]["type"], "ZeroDivisionError");
        let frames = told["threads"][0]["frames"].as_array().expect("frames");
        let functions: Vec<&str> = frames.iter().filter_map(|frame| frame["function"].as_str()).collect();
        assert_eq!(functions, ["<module>", "inner"], "nothing of the bootstrap is in the stack");
        assert_eq!(frames[1]["source"], "return 1 / a");
        let shown = finish(heapsake().arg("inspect").arg(&dump).arg("local[\"rest\"][1]"));
        assert!(String::from_utf8_lossy(&shown.stdout).starts_with("2\n"), "{shown:?}");

        let dump = compare(&python, "thread", folder.path()).expect("a dump of the thread's exception");
        let told = json(&[], &dump);
        assert_eq!((&told["threads"][0]["name"], &told["exceptions"][0]["message"]), (&"T1".into(), &"thread died".into()));

        let dump = compare(&python, "async", folder.path()).expect("a dump of what left asyncio.run");
        let siblings = finish(heapsake().arg("inspect").arg(&dump).arg("ts[0]._coro.cr_frame.f_locals[\"marker\"]"));
        assert!(String::from_utf8_lossy(&siblings.stdout).starts_with("'sib-0'"), "the sibling lives: {siblings:?}");
    }
}

#[test]
fn a_live_process_is_dumped_and_goes_on() {
    let code = "import sys\nheld = {'answer': [41, 42]}\ndef wait(held):\n    print('ready', flush=True)\n    print(sys.stdin.readline() + str(held))\nwait(held)";
    for python in pythons() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child =
            Command::new(&python).args(["-c", code]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python runs");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        let dump = folder.path().join("live.heapsake");
        let made = finish(heapsake().arg("dump").arg(child.id().to_string()).arg("-o").arg(&dump));
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let shown = finish(heapsake().arg("inspect").arg(&dump).arg("held[\"answer\"][1]"));
        assert!(String::from_utf8_lossy(&shown.stdout).starts_with("42\n"), "{shown:?}");
        drop(child.stdin.take());
        let ended = child.wait().expect("it ends");
        assert!(ended.success(), "{ended}");
        let check = finish(heapsake().arg("check").arg(&dump));
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    }
}

#[test]
fn what_cannot_be_done_is_said_in_one_message() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("text.heapsake");
    std::fs::write(&text, "no dump").expect("a file");
    let path = |path: &Path| path.to_string_lossy().into_owned();
    for (arguments, told) in [
        (vec![path(&text)], "not a heapsake dump"),
        (vec![path(folder.path())], "is a folder"),
        (vec!["/no/such/file".into()], "no such file"),
        (vec!["dump".into(), "999999999".into()], "no process"),
        (vec!["dump".into(), "1".into(), "-o".into(), "/no/such/folder/x.heapsake".into()], "cannot create"),
        (vec!["run".into(), "--python".into(), "/no/such/python".into(), "x.py".into()], "cannot run"),
    ] {
        let output = finish(heapsake().args(&arguments));
        let problem = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {problem}");
        assert!(problem.contains(told), "{arguments:?}: {problem}");
        assert!(!problem.contains("panicked"), "{problem}");
    }
    assert_eq!(finish(heapsake().args(["dump", "not-a-number"])).status.code(), Some(2));
}

#[test]
fn what_run_cannot_do_is_said_in_one_line_and_leaves_nothing() {
    let python = pythons().remove(0);
    let folder = tempfile::tempdir().expect("a folder");
    let run = |words: &[&str]| {
        let mut command = heapsake();
        command.args(["run", "--python"]).arg(&python).args(words).current_dir(folder.path());
        command
    };
    let crash = program().to_string_lossy().into_owned();
    let mut nowhere = heapsake();
    nowhere.args(["run", "x.py"]).env("PATH", "/no/such/folder").env_remove("VIRTUAL_ENV").env_remove("HEAPSAKE_PYTHON");
    let mut no_python = heapsake();
    no_python.args(["run", "--python", "/no/such/python", "x.py"]).current_dir(folder.path());
    for (mut command, status, told) in [
        (run(&["-o", "/no/such/folder/x.heapsake", &crash, "main"]), 1, "no dump can be written to /no/such/folder/x.heapsake"),
        (run(&["-o", "/proc/x.heapsake", &crash, "main"]), 1, "the program was not started"),
        (run(&["-c"]), 2, "argument expected for the -c option"),
        (run(&["-m"]), 2, "argument expected for the -m option"),
        (run(&["-u"]), 2, "no program"),
        (nowhere, 1, "no python3 and no python on PATH"),
        (no_python, 1, "hint: --python names the Python"),
    ] {
        let output = finish(&mut command);
        let problem = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{command:?}: {problem}");
        assert!(problem.contains(told), "{command:?}: {problem}");
        assert_eq!(problem.lines().filter(|line| !line.starts_with("hint: ")).count(), 1, "{problem}");
        assert!(output.stdout.is_empty(), "the program has not begun");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0, "nothing is left");
}

#[test]
fn c22_a_full_disk_costs_the_dump_and_nothing_else() {
    for python in pythons() {
        let folder = tempfile::tempdir().expect("a folder");
        let dump = folder.path().join("full.heapsake");
        let plain = finish(Command::new(&python).arg(program()).arg("main"));
        // A file may grow to 128 blocks of 512 bytes, in some shells of 1024: more than the bootstrap, less than the dump.
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -f 128; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_heapsake"), "run", "--python"]);
        let ours = finish(command.arg(&python).arg("-o").arg(&dump).arg(program()).arg("main"));
        let problem = String::from_utf8_lossy(&ours.stderr).into_owned();
        assert_eq!((plain.status, &plain.stdout), (ours.status, &ours.stdout), "{problem}");
        assert!(problem.contains("heapsake: no dump: ") && problem.contains("too large"), "{problem}");
        assert!(!dump.exists(), "no half file has the name of a whole one");
    }
}

#[test]
fn c23_where_the_working_directory_cannot_be_written_to_the_dump_lies_with_temporary_files() {
    let python = pythons().remove(0);
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = heapsake();
    command.args(["run", "--python"]).arg(&python).arg(program()).arg("main").current_dir("/proc").env("TMPDIR", folder.path());
    let output = finish(&mut command);
    let found: Vec<_> = std::fs::read_dir(folder.path()).expect("the folder").flatten().map(|entry| entry.path()).collect();
    let [dump] = found.as_slice() else { panic!("{found:?}: {}", String::from_utf8_lossy(&output.stderr)) };
    assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("wrote {}", dump.display())), "{output:?}");
    assert_eq!(json(&[], dump)["exceptions"][0]["type"], "ZeroDivisionError");
}

#[test]
fn no_dump_replaces_another_and_there_are_not_too_many() {
    let code = "import threading\ndef fail(n): 1 / n\nfor _ in range(4):\n    t = threading.Thread(target=fail, args=(0,))\n    \
                t.start()\n    t.join()\nprint('well')";
    let python = pythons().remove(0);
    let folder = tempfile::tempdir().expect("a folder");
    let dump = folder.path().join("some.heapsake");
    let mut command = heapsake();
    command.args(["run", "--max-dumps", "3", "--python"]).arg(&python).arg("-o").arg(&dump).args(["-c", code]);
    let output = finish(&mut command);
    let problem = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"well\n"[..]), "{problem}");
    assert_eq!(problem.matches("heapsake: wrote ").count(), 3, "{problem}");
    assert_eq!(problem.matches("heapsake: no more dumps: 3 were made").count(), 1, "{problem}");
    for name in ["some.heapsake", "some-1.heapsake", "some-2.heapsake"] {
        assert!(json(&[], &folder.path().join(name))["threads"].is_array(), "{name}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 3);
}

#[test]
fn supervisors_that_write_to_one_folder_in_one_second_lose_no_dump() {
    // In a container each of them may be process 1 of its own, so no number of theirs tells the names apart.
    let python = pythons().remove(0);
    let folder = tempfile::tempdir().expect("a folder");
    let start = |_| {
        let mut command = heapsake();
        command.args(["run", "--redact", "none", "-o"]).arg(folder.path()).arg("--python").arg(&python);
        command.args(["-c", "import sys; sys.stdin.readline(); held = 'mine'; 1 / 0"]);
        command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs")
    };
    let mut all: Vec<_> = (0..6).map(start).collect();
    // All are let go at once.
    for one in &mut all {
        drop(one.stdin.take());
    }
    let mut told = BTreeSet::new();
    for one in all {
        let output = one.wait_with_output().expect("it ends");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let wrote = text
            .lines()
            .find_map(|line| line.strip_prefix("heapsake: wrote ")?.split_once(" ("))
            .unwrap_or_else(|| panic!("{text}"));
        let dump = PathBuf::from(wrote.0);
        assert_eq!(json(&[], &dump)["exceptions"][0]["type"], "ZeroDivisionError");
        assert!(told.insert(dump), "{text}");
    }
    let there: BTreeSet<_> = std::fs::read_dir(folder.path()).expect("the folder").flatten().map(|entry| entry.path()).collect();
    assert_eq!(there, told);
}

#[test]
fn children_that_outlive_the_program_are_not_waited_for() {
    // The child holds the channel, and lives until its own input ends.
    let code =
        "import os\nif os.fork() == 0:\n    os.close(1)\n    os.close(2)\n    os.read(0, 1)\n    os._exit(0)\nprint('well')";
    for python in pythons() {
        let mut command = heapsake();
        command.args(["run", "--python"]).arg(&python).args(["-c", code]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let input = child.stdin.take();
        let output = child.wait_with_output().expect("it ends");
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"well\n"[..]));
        drop(input);
    }
}

#[test]
fn what_the_caller_ignores_stays_ignored() {
    let code = "import signal; print([signal.getsignal(n) for n in (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1)])";
    for python in pythons() {
        let sh = |words: &[&str]| {
            let mut command = Command::new("sh");
            command.args(["-c", "trap '' HUP INT USR1; exec \"$@\"", "sh"]).args(words);
            finish(command.arg(&python).args(["-c", code]))
        };
        let (plain, ours) = (sh(&[]), sh(&[env!("CARGO_BIN_EXE_heapsake"), "run", "--python"]));
        assert!(String::from_utf8_lossy(&plain.stdout).contains("SIG_IGN"), "{plain:?}");
        assert_eq!(plain.stdout, ours.stdout, "{ours:?}");
    }
}

#[test]
fn where_the_end_of_children_is_ignored_the_exit_status_is_right_all_the_same() {
    let ignoring = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])";
    let code = "import signal, sys; print(repr(signal.getsignal(signal.SIGCHLD))); sys.exit(7)";
    for python in pythons() {
        let run =
            |words: &[&str]| finish(Command::new(&python).args(["-c", ignoring]).args(words).arg(&python).args(["-c", code]));
        let plain = run(&[]);
        assert!(String::from_utf8_lossy(&plain.stdout).contains("SIG_IGN"), "{plain:?}");
        for how in [&["run", "--untraced", "--python"][..], &["run", "--python"]] {
            let ours = run(&[&[env!("CARGO_BIN_EXE_heapsake")], how].concat());
            assert_eq!((ours.status.code(), &ours.stdout), (Some(7), &plain.stdout), "{how:?}: {ours:?}");
        }
    }
}

#[test]
fn c25_a_program_is_dumped_within_the_limits_that_it_lives_in() {
    // Descriptors; address space, in KiB, of which the program takes more than half, so that no copy fits.
    let code = "held = [bytes(1 << 16) for _ in range(6400)]\n1 / 0";
    for python in pythons() {
        for limit in ["-n 40", "-v 700000"] {
            let folder = tempfile::tempdir().expect("a folder");
            let dump = folder.path().join("limited.heapsake");
            let mut command = Command::new("sh");
            command.args(["-c", &format!("ulimit {limit}; exec \"$@\""), "sh", env!("CARGO_BIN_EXE_heapsake"), "run"]);
            let output = finish(command.arg("-o").arg(&dump).arg("--python").arg(&python).args(["-c", code]));
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            assert!(dump.exists(), "{limit}: {}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(json(&[], &dump)["exceptions"][0]["type"], "ZeroDivisionError");
        }
    }
}

#[test]
fn an_exception_that_is_caught_leaves_an_earlier_dump_alone() {
    for python in pythons() {
        let folder = tempfile::tempdir().expect("a folder");
        let dump = folder.path().join("kept.heapsake");
        std::fs::write(&dump, "an earlier dump").expect("a file");
        let run = |mode: &str| {
            let mut command = heapsake();
            command.args(["run", "--python"]).arg(&python).arg("-o").arg(&dump).arg(program()).arg(mode);
            finish(&mut command)
        };
        assert!(run("asyncok").status.success());
        assert_eq!(std::fs::read(&dump).expect("the file"), b"an earlier dump");
        let output = run("async");
        assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("wrote {} (", dump.display())), "{output:?}");
        assert_eq!(json(&[], &dump)["exceptions"][0]["message"], "async boom");
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 1);
    }
}

/// `heapsake run` that is ended if it hangs.
fn bounded() -> Command {
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", "60", env!("CARGO_BIN_EXE_heapsake"), "run"]);
    command
}

#[test]
fn an_exception_at_the_address_of_one_that_was_caught_has_its_own_dump() {
    let code = "\
import asyncio, gc
async def fail():
    raise ValueError('caught')
def caught(run):
    try:
        run()
    except ValueError as problem:
        return id(problem)
def again(address, run):
    held = []
    for _ in range(100000):
        problem = RuntimeError('uncaught')
        if id(problem) == address:
            print('the same address')
            run(problem)
        held.append(problem)
def throw(problem):
    raise problem
address = caught(lambda: asyncio.run(fail()))
gc.collect()
again(address, throw)
";
    for python in pythons() {
        let folder = tempfile::tempdir().expect("a folder");
        let dump = folder.path().join("own.heapsake");
        let output = finish(bounded().arg("--python").arg(&python).arg("-o").arg(&dump).args(["-c", code]));
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b"the same address\n"[..]), "{output:?}");
        assert_eq!(json(&[], &dump)["exceptions"][0]["message"], "uncaught", "{}", python.display());
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 1);
    }
}

#[test]
fn dumps_that_may_be_removed_again_are_few_and_go_with_their_threads() {
    let code = "\
import asyncio, os, sys, threading, time
async def fail():
    raise ValueError('caught')
def work():
    try:
        asyncio.run(fail())
    except ValueError:
        together.wait()
        counted.wait()
together, counted = threading.Barrier(13), threading.Barrier(13)
threads = [threading.Thread(target=work) for _ in range(12)]
for thread in threads:
    thread.start()
together.wait()
print(len(os.listdir(sys.argv[1])))
counted.wait()
for thread in threads:
    thread.join()
end = time.monotonic() + 30
while os.listdir(sys.argv[1]) and time.monotonic() < end:
    time.sleep(0.01)
print(len(os.listdir(sys.argv[1])))
1 / 0
";
    for python in pythons() {
        for (most, expected) in [("2", "2\n0\n"), ("16", "3\n0\n")] {
            let folder = tempfile::tempdir().expect("a folder");
            let mut command = bounded();
            command.args(["--max-dumps", most, "--python"]).arg(&python).arg("-o").arg(folder.path()).args(["-c", code]);
            let output = finish(command.arg(folder.path()));
            assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{}: {output:?}", python.display());
            assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 1, "{output:?}");
        }
    }
}

#[test]
fn a_program_that_disturbs_the_talk_is_not_left_waiting() {
    // SIGPIPE is as in many commands: its end.
    let closing = "import signal, socket\nsignal.signal(signal.SIGPIPE, signal.SIG_DFL)\nchannel = socket.socket(fileno=198)\n\
        channel.shutdown(socket.SHUT_RDWR)\nchannel.detach()\n1 / 0";
    let writing = "import os\nos.write(198, b'\\xff\\xfe\\n' + b'x' * 5000 + b'\\nuncaught')\n1 / 0";
    for python in pythons() {
        for (code, dumps) in [(writing, 1), (closing, 0)] {
            let folder = tempfile::tempdir().expect("a folder");
            let output = finish(bounded().arg("--python").arg(&python).arg("-o").arg(folder.path()).args(["-c", code]));
            assert_eq!(output.status.code(), Some(1), "{}: {output:?}", python.display());
            assert!(theirs(&output).contains("ZeroDivisionError"), "{output:?}");
            assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), dumps, "{code}: {output:?}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_executed_is_no_python() {
    let python = pythons().remove(0);
    let folder = tempfile::tempdir().expect("a folder");
    let folders = ["first", "second"].map(|name| folder.path().join(name));
    for folder in &folders {
        std::fs::create_dir(folder).expect("a folder");
    }
    std::fs::write(folders[0].join("python3"), "no program").expect("a file");
    std::os::unix::fs::symlink(&python, folders[1].join("python3")).expect("a link");
    let mut command = heapsake();
    command.args(["run", "-c", "print('well')"]).env_remove("VIRTUAL_ENV").env_remove("HEAPSAKE_PYTHON");
    let output = finish(command.env("PATH", std::env::join_paths(&folders).expect("a path")));
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"well\n"[..]), "{output:?}");
}
