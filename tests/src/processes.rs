//! Programs that tests start: run to their end, or until they are ready; each in a bounded time, and none is left behind.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// How long any program of these tests may run.
const PATIENCE: Duration = Duration::from_mins(3);
/// How long it may take to end one that ran longer.
const KILLING: Duration = Duration::from_secs(20);

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
    finish_within(command, input, PATIENCE)
}

/// What is read and written by threads of its own, so that nothing is waited for without a bound: a thread that a process which
/// cannot be killed holds up is left.
fn finish_within(command: &mut Command, input: &str, patience: Duration) -> Ended {
    let shown = format!("{command:?}");
    let mut started = None;
    within(patience, || {
        let child = command.spawn();
        // A copy that was just written may be open yet in a process that another test is starting.
        let is_busy = child.as_ref().is_err_and(|problem| problem.kind() == ErrorKind::ExecutableFileBusy);
        started = Some(child);
        !is_busy
    });
    let started = started.expect("it was tried");
    let mut child = started.unwrap_or_else(|problem| panic!("{shown} does not start: {problem}"));
    if let Some(mut writer) = child.stdin.take() {
        let input = input.to_owned();
        // A program that ends before it has read everything is judged by what it said.
        std::thread::spawn(move || drop(std::io::Write::write_all(&mut writer, input.as_bytes())));
    }
    let (mut out, mut err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let pipes = [out.as_raw_fd(), err.as_raw_fd()]
        .map(|pipe| std::fs::read_link(format!("/proc/self/fd/{pipe}")).expect("the name of a pipe"));
    let out = std::thread::spawn(move || text_of(&mut out));
    let err = std::thread::spawn(move || text_of(&mut err));
    let mut status = None;
    let mut is_over = |child: &mut Child| {
        status = status.or_else(|| child.try_wait().expect("a child is waited for"));
        // What it has started may outlive it, and say something yet.
        status.filter(|_| out.is_finished() && err.is_finished())
    };
    let mut ended = None;
    let is_in_time = within(patience, || {
        ended = is_over(&mut child);
        ended.is_some()
    });
    let mut held_up = Vec::new();
    if !is_in_time {
        held_up.extend(holders(&pipes).into_iter().map(told));
        // One may start another before it is killed.
        within(KILLING, || {
            holders(&pipes).into_iter().for_each(kill);
            ended = is_over(&mut child);
            let _ = ended.is_none() && child.kill().is_ok();
            ended.is_some()
        });
    }
    let told = held_up.join("\n");
    let Some(status) = ended else { panic!("{shown} did not end in {patience:?}, nor when it was killed\n{told}") };
    let (out, err) = (out.join().expect("output"), err.join().expect("output"));
    assert!(is_in_time, "{shown} did not end in {patience:?}: {status}\n{out}\n{err}\n{told}");
    Ended { status, out, err }
}

/// The other processes that have one of these pipes open.
fn holders(pipes: &[PathBuf]) -> Vec<i32> {
    let entries = |folder: &str| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let name = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let holds = |pid: &i32| {
        let files = format!("/proc/{pid}/fd");
        entries(&files).any(|file| std::fs::read_link(file.path()).is_ok_and(|file| pipes.contains(&file)))
    };
    let others = entries("/proc").filter_map(|entry| name(&entry).parse().ok());
    others.filter(|pid| *pid != std::process::id() as i32).filter(holds).collect()
}

/// What a process is, and where each of its threads stands.
fn told(pid: i32) -> String {
    let text = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let status = text("status");
    let kept = status.lines().filter(|line| ["State:", "PPid:", "TracerPid:"].iter().any(|name| line.starts_with(name)));
    let mut lines = vec![format!("process {pid}: {}", text("cmdline").replace('\0', " "))];
    lines.extend(kept.map(|line| format!("    {line}")));
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let of = |name: &str| std::fs::read_to_string(thread.path().join(name)).unwrap_or_default();
        lines.push(format!("    thread {}: {} {}", thread.file_name().display(), of("wchan"), of("syscall").trim()));
    }
    lines.join("\n")
}

fn kill(pid: i32) {
    let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
}

fn text_of(reader: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).expect("a pipe is read");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn wait(child: &mut Child, shown: &str) -> ExitStatus {
    let mut status = None;
    until(|| {
        status = child.try_wait().expect("a child is waited for");
        status.is_some()
    });
    status.unwrap_or_else(|| {
        let _ = child.kill();
        let _ = child.wait();
        panic!("{shown} did not end in {PATIENCE:?}");
    })
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
        let output = waiting.child.stdout.take().expect("piped");
        let (said, line) = channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(output).read_line(&mut line);
            let _ = said.send(read.map(|_| line));
        });
        let line = line.recv_timeout(PATIENCE).expect("a line in time").expect("a line");
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

    /// Waits until it waits itself, in a call of `read` of its standard input: what it says is no sign that the call that says
    /// it has come back.
    pub fn until_it_reads(&self) {
        let place = format!("/proc/{}/syscall", self.pid());
        // The number of `read` on x86-64, and its descriptor.
        let reads = || std::fs::read_to_string(&place).expect("the call that it is in").starts_with("0 0x0 ");
        assert!(until(reads), "the program does not read: {}", self.problems());
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
pub fn until(condition: impl FnMut() -> bool) -> bool {
    within(PATIENCE, condition)
}

fn within(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
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

    #[test]
    fn what_holds_up_a_program_is_told_and_killed() {
        let ended = std::panic::catch_unwind(|| {
            let mut command = Command::new("sh");
            command.args(["-c", "sleep 1000 & echo said; exit 3"]).stdin(Stdio::null()).stdout(Stdio::piped());
            finish_within(command.stderr(Stdio::piped()), "", Duration::from_millis(200))
        });
        let problem = ended.expect_err("it does not end");
        let problem = problem.downcast_ref::<String>().expect("a text");
        for word in ["did not end in 200ms: exit status: 3", "said", ": sleep 1000", "State:\tS"] {
            assert!(problem.contains(word), "{word:?} is not in {problem}");
        }
    }
}
