//! The watch modes of `heapsake run`: a dump before memory runs out and one of each hang, of a program that goes on.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use heapsake_tests::{Environment, fire, in_parallel, run};
use serde_json::Value;

/// A supervised program that waits for lines.
struct Watched {
    child: Child,
    folder: tempfile::TempDir,
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Watched {
    fn start(environment: &Environment, options: &[&str], code: &str, arguments: &[&Path]) -> Watched {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = environment.heapsake();
        command.arg("run").args(options).arg("--python").arg(&environment.python).arg("-o").arg(folder.path());
        command.args(["-I", "-c", code]).args(arguments);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        Watched { child, folder }
    }

    fn dumps(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path()).expect("a folder").map(|entry| entry.expect("an entry").path());
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "heapsake")).collect()
    }

    /// Waits until there are so many dumps.
    fn until(&mut self, count: usize) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while self.dumps().len() < count {
            assert!(Instant::now() < deadline, "{} dumps instead of {count} after a minute", self.dumps().len());
            assert!(self.child.try_wait().expect("a child").is_none(), "the program has ended with {} dumps", self.dumps().len());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn say(&mut self) {
        writeln!(self.child.stdin.as_mut().expect("piped")).expect("the program reads");
    }

    /// Waits for the end; gives what it wrote.
    fn end(mut self, count: usize) -> String {
        drop(self.child.stdin.take());
        let mut out = String::new();
        std::io::Read::read_to_string(&mut self.child.stdout.take().expect("piped"), &mut out).expect("text");
        let mut err = String::new();
        std::io::Read::read_to_string(&mut self.child.stderr.take().expect("piped"), &mut err).expect("text");
        let status = self.child.wait().expect("a child");
        assert!(status.success(), "{status}: {err}");
        assert_eq!(self.dumps().len(), count, "{err}");
        assert_eq!(err.lines().filter(|line| line.starts_with("heapsake: wrote ")).count(), count, "{err}");
        out
    }
}

fn json(environment: &Environment, dump: &Path) -> Value {
    let ended = run(environment.heapsake().arg(dump).arg("--json"));
    assert_eq!(ended.status.code(), Some(0), "{}{}", ended.out, ended.err);
    serde_json::from_str(&ended.out).expect("JSON")
}

fn is_about(environment: &Environment, dump: &Path, reason: &str, function: &str) {
    let told = json(environment, dump);
    assert!(told["reason"].as_str().is_some_and(|text| text.contains(reason)), "{}", told["reason"]);
    let functions = told["threads"].to_string();
    assert!(functions.contains(&format!("\"function\":\"{function}\"")), "{functions}");
}

/// Fills memory to a size in bytes, and says so.
const FILL: &str = "import sys\ndef fill(size):\n    held = []\n    try:\n        while len(held) << 20 < size: held.append(bytearray(b'x' * (1 << 20)))\n\
    \x20   except MemoryError: print('no more')\n    sys.stdin.readline()\n    print(len(held) > 50)\n";

#[test]
fn memory_that_is_asked_for_is_saved_and_the_program_goes_on() {
    in_parallel(&fire::environments(), |environment| {
        let code = format!("{FILL}fill(150 << 20)");
        let mut watched = Watched::start(environment, &["--watch-memory", "100MB"], &code, &[]);
        watched.until(1);
        is_about(environment, &watched.dumps()[0], "memory: ", "fill");
        watched.say();
        assert_eq!(watched.end(1), "True\n");
    });
}

#[test]
fn a_program_that_leaks_to_200_mb_of_address_space_is_saved_before_its_memory_error() {
    in_parallel(&fire::environments(), |environment| {
        let code =
            format!("import resource\nresource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))\n{FILL}fill(1 << 40)");
        let mut watched = Watched::start(environment, &["--watch-memory", "90%"], &code, &[]);
        watched.until(1);
        is_about(environment, &watched.dumps()[0], "of the limit of its address space, 209.7 MB", "fill");
        watched.say();
        assert_eq!(watched.end(1), "no more\nTrue\n");
    });
}

/// A control group with a limit of memory, of either version; removed when dropped.
struct Group(PathBuf);

impl Group {
    fn new(bytes: u64) -> Option<Group> {
        let name = format!("heapsake-test-{}", std::process::id());
        for (root, limit) in [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")] {
            let folder = Path::new(root).join(&name);
            if !Path::new(root).join("cgroup.procs").exists() || std::fs::create_dir(&folder).is_err() {
                continue;
            }
            let group = Group(folder);
            if std::fs::write(group.0.join(limit), bytes.to_string()).is_ok() {
                return Some(group);
            }
        }
        None
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The kernel takes a moment to see that nobody is in it any more.
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::fs::remove_dir(&self.0).is_err() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_program_that_leaks_to_200_mb_of_its_control_group_is_saved_before_the_kernel_ends_it() {
    let Some(group) = Group::new(200 << 20) else {
        println!("not tested: no control group with a limit of memory can be made here");
        return;
    };
    let environments = fire::environments();
    let environment = environments.last().expect("an environment");
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("sh");
    command.args(["-c", "echo $$ > \"$1\"; shift; exec \"$@\"", "sh"]).arg(group.0.join("cgroup.procs"));
    command.arg(environment.heapsake().get_program()).args(["run", "--watch-memory", "85%", "--python"]).arg(&environment.python);
    let leak = "import time\ndef leak():\n    held = []\n    while True:\n        held.append(bytearray(b'x' * (1 << 18)))\n        time.sleep(0.001)\nleak()";
    let ended = run(command.arg("-o").arg(folder.path().join("leak.heapsake")).args(["-I", "-c", leak]));
    let signal = std::os::unix::process::ExitStatusExt::signal(&ended.status);
    assert_eq!(signal, Some(9), "{}: {}", ended.status, ended.err);
    is_about(environment, &folder.path().join("leak.heapsake"), "of the control group's limit, 209.7 MB", "leak");
}

#[test]
fn each_hang_is_saved_once_and_the_program_goes_on() {
    let code = "import sys, threading\n\
        def hang(number):\n    lock = threading.Lock()\n    lock.acquire()\n\
        \x20   def wait():\n        sys.stdin.readline()\n        lock.release()\n\
        \x20   threading.Thread(target=wait).start()\n    lock.acquire()\n    print('went on', number, flush=True)\n\
        hang(1)\nhang(2)";
    in_parallel(&fire::environments(), |environment| {
        let mut watched = Watched::start(environment, &["--watch-hang", "0.5"], code, &[]);
        watched.until(1);
        is_about(environment, &watched.dumps()[0], "hang: nothing was run for 0.5 s", "hang");
        watched.say();
        watched.until(2);
        watched.say();
        assert_eq!(watched.end(2), "went on 1\nwent on 2\n");
    });
}

#[test]
fn a_call_of_c_that_keeps_the_lock_is_a_hang_whoever_asks_for_the_lock() {
    let code = "import os, sys, threading, time\nsys.path.insert(0, sys.argv[1])\nimport fault\n\
        def ask():\n    while True: time.sleep(0.001)\n\
        def hang():\n    fault.hang(0)\n\
        threading.Thread(target=ask, daemon=True).start()\nhang()\nprint('went on')";
    in_parallel(&fire::environments(), |environment| {
        let extension = fire::Extension::build(environment);
        let folder = extension.path.parent().expect("a folder");
        let mut watched = Watched::start(environment, &["--watch-hang", "0.5"], code, &[folder]);
        watched.until(1);
        is_about(environment, &watched.dumps()[0], "hang: ", "hang");
        watched.say();
        assert_eq!(watched.end(1), "went on\n");
    });
}

#[test]
fn what_runs_or_waits_in_short_pieces_is_no_hang() {
    let busy = "import time\nend = time.monotonic() + 2\nwhile time.monotonic() < end: pass\nprint('done')";
    let pieces = "import time\nend = time.monotonic() + 2\nwhile time.monotonic() < end: time.sleep(0.01)\nprint('done')";
    in_parallel(&fire::environments(), |environment| {
        for code in [busy, pieces] {
            // On a machine that is busy itself a program may not get to run for some time; this is long enough for that.
            let watched = Watched::start(environment, &["--watch-hang", "1"], code, &[]);
            assert_eq!(watched.end(0), "done\n");
        }
    });
}
