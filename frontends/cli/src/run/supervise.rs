//! The supervisor: starts the program, answers its bootstrap, passes signals on, and ends as the program ended.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;

use anyhow::{Context, bail};
use command_fds::{CommandFdExt, FdMapping};
use heapsake_core::{Address, DumpFile};
use heapsake_cpython::memory::Snapshot;
use heapsake_cpython::pystate::CaptureOptions;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use super::Arguments;
use crate::dump;
use crate::output::{bytes, count};
use crate::python::{self, PACKAGES, PYTHON};

const BOOTSTRAP: &str = include_str!("bootstrap.py");
/// Descriptors in the program: the bootstrap closes the one and keeps the other from its children.
const CHANNEL: i32 = 198;
const SCRIPT: i32 = 199;

/// How a supervised program ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    ended: ExitStatus,
    /// The dump that is to stay.
    pub(crate) dump: Option<PathBuf>,
    /// Lines for the user.
    pub(crate) told: Vec<String>,
}

impl Outcome {
    /// The status to end with. When the program died of a signal this does not return: we die of the same.
    pub(crate) fn status(&self) -> i32 {
        if let Some(signal) = self.ended.signal() {
            let _ = signal_hook::low_level::emulate_default_handler(signal);
            return 128 + signal;
        }
        self.ended.code().unwrap_or(1)
    }
}

/// Runs the program to its end.
pub(crate) fn supervise(arguments: &Arguments, stem: &str) -> anyhow::Result<Outcome> {
    let python = interpreter(arguments)?;
    let (ours, theirs) = UnixStream::pair().context("no channel to the program can be made")?;
    let mut script = tempfile::tempfile().context("no temporary file for the start of the program")?;
    script.write_all(BOOTSTRAP.as_bytes())?;
    script.rewind()?;
    let mut signals = Signals::new([SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2])?;
    let mut command = Command::new(&python);
    command.arg(format!("/proc/self/fd/{SCRIPT}")).arg(CHANNEL.to_string()).arg(SCRIPT.to_string());
    command.args(&arguments.program).env_remove(PYTHON).env_remove(PACKAGES);
    command.fd_mappings(vec![
        FdMapping { parent_fd: OwnedFd::from(theirs), child_fd: CHANNEL },
        FdMapping { parent_fd: OwnedFd::from(script), child_fd: SCRIPT },
    ])?;
    let mut child = command.spawn().with_context(|| format!("cannot run {}", python.display()))?;
    drop(command);
    let pid = child.id() as i32;
    let handle = signals.handle();
    let forwarder = thread::spawn(move || {
        for signal in &mut signals {
            // A key on the terminal reaches the program by itself.
            if ![SIGINT, SIGQUIT].contains(&signal) || !foreground() {
                let _ = send(pid, signal);
            }
        }
    });
    let mut session = Session { arguments, stem, pid, provisional: None, dump: None, saved: Vec::new(), told: Vec::new() };
    session.serve(&ours);
    let ended = wait(&mut child)?;
    handle.close();
    let _ = forwarder.join();
    session.discard();
    session.reduce();
    Ok(Outcome { ended, dump: session.dump, told: session.told })
}

fn wait(child: &mut Child) -> anyhow::Result<ExitStatus> {
    loop {
        match child.wait() {
            Ok(status) => return Ok(status),
            Err(problem) if problem.kind() == std::io::ErrorKind::Interrupted => {}
            Err(problem) => return Err(problem).context("the program's end cannot be waited for"),
        }
    }
}

/// Whether a terminal's keys reach the whole process group, so that the program had the signal too.
fn foreground() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stdin())
}

fn send(pid: i32, signal: i32) -> std::io::Result<()> {
    Command::new("kill").arg(format!("-{signal}")).arg(pid.to_string()).status().map(drop)
}

/// The Python to run.
fn interpreter(arguments: &Arguments) -> anyhow::Result<PathBuf> {
    if let Some(python) = &arguments.python {
        return Ok(python.clone());
    }
    if let Some(python) = std::env::var_os(PYTHON) {
        return Ok(python.into());
    }
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let environment = std::env::var_os("VIRTUAL_ENV").map(|folder| PathBuf::from(folder).join("bin"));
    for name in ["python3", "python"] {
        if let Some(found) = environment.iter().chain(&folders).map(|folder| folder.join(name)).find(|path| path.is_file()) {
            return Ok(found);
        }
    }
    bail!("no python3 and no python on PATH\nhint: name one with --python")
}

/// The talk with one program's bootstrap.
struct Session<'a> {
    arguments: &'a Arguments,
    stem: &'a str,
    pid: i32,
    /// The exception that left `asyncio.run`, and its dump.
    provisional: Option<(u64, PathBuf, String)>,
    dump: Option<PathBuf>,
    /// All dumps that stay.
    saved: Vec<PathBuf>,
    told: Vec<String>,
}

impl Session<'_> {
    /// Answers until the program closes its end, by ending.
    fn serve(&mut self, channel: &UnixStream) {
        let mut lines = BufReader::new(channel);
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
            self.hear(line.trim());
            line.clear();
            if (&*channel).write_all(b".").is_err() {
                break;
            }
        }
    }

    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let &[kind, exception, ident, native] = words.as_slice() else { return };
        let (Ok(exception), Ok(ident)) = (exception.parse::<u64>(), ident.parse::<u64>()) else { return };
        let native = native.parse::<u64>().ok();
        if let Some((known, path, line)) = self.provisional.take() {
            if known == exception {
                self.saved.push(path.clone());
                self.dump = Some(path);
                self.told.push(line);
                return;
            }
            let _ = fs::remove_file(path);
        }
        match self.save(exception, ident, native) {
            Ok((path, line)) if kind == "leaving" => self.provisional = Some((exception, path, line)),
            Ok((path, line)) => {
                self.saved.push(path.clone());
                self.dump = Some(path);
                self.told.push(line);
            }
            Err(problem) => self.told.push(format!("no dump: {problem:#}")),
        }
    }

    fn save(&self, exception: u64, ident: u64, native: Option<u64>) -> anyhow::Result<(PathBuf, String)> {
        let path = match &self.arguments.output {
            // A second dump must not replace the first.
            Some(path) if !path.is_dir() && self.dump.is_some() => numbered(path),
            wanted => dump::target_path(wanted.as_deref(), self.stem)?,
        };
        let file = DumpFile::create(&path)?;
        let snapshot = Snapshot::of_process(self.pid)?;
        let pause = snapshot.pause();
        let options = CaptureOptions {
            exception: Some(Address(exception)),
            exception_thread: native.or(Some(ident)),
            current_thread: native.or(Some(ident)),
            hidden_prefixes: vec![format!("/proc/self/fd/{SCRIPT}")],
            ..dump::outside(self.pid, "uncaught exception")
        };
        let (path, summary) = dump::write(file, snapshot, options, self.arguments.what.options("uncaught exception"))?;
        let line = format!(
            "wrote {} ({} objects, {}; stood still for {:.1} ms)",
            path.display(),
            count(summary.objects),
            bytes(summary.file_bytes),
            pause.as_secs_f64() * 1e3
        );
        Ok((path, line))
    }

    /// Runs the reducers of installed packages, after the program has ended: it does not wait for them.
    fn reduce(&mut self) {
        let lines = self.saved.iter().filter_map(|path| python::reduce(path).line());
        self.told.extend(lines.collect::<Vec<_>>());
    }

    /// Removes the dump of an exception that was caught after all.
    fn discard(&mut self) {
        if let Some((_, path, _)) = self.provisional.take() {
            let _ = fs::remove_file(path);
        }
    }
}

/// `path` with the first number that is free.
fn numbered(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_owned();
    let name = |number: usize| {
        let mut name: OsString = stem.clone();
        name.push(format!("-{number}.heapsake"));
        path.with_file_name(name)
    };
    (1..10_000).map(name).find(|path| !path.exists()).unwrap_or_else(|| path.to_owned())
}
