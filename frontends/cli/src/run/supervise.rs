//! The supervisor: starts the program with the bootstrap, answers it, and ends as the program ended.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Seek, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use command_fds::{CommandFdExt, FdMapping};
use heapsake_core::DumpFile;
use heapsake_cpython::memory::Tracer;
use heapsake_cpython::memory::process::is_alive;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Resource, getrlimit, pidfd_open};

use super::asked;
use super::session::{Session, locked};
use super::signals::{self, Taken};
use super::watching;
use super::{Arguments, say};
use crate::python::{PACKAGES, PYTHON};

const BOOTSTRAP: &str = include_str!("bootstrap.py");
/// Of two descriptors in the program, and in its children that are Python, the first: the talk with us. The second is the
/// bootstrap itself, which is also what they lock to talk one at a time. A program may allow itself fewer than this.
const CHANNEL: i32 = 198;
/// What the bootstrap calls itself, in its code objects.
pub(super) const BOOTSTRAP_NAME: &str = "<heapsake run>";
/// How descriptors are opened as files.
pub(super) const DESCRIPTORS: &str = "/proc/self/fd/";

/// How a supervised program ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    ended: ExitStatus,
    /// The last dump.
    pub(crate) dump: Option<PathBuf>,
    /// Lines for the user.
    pub(crate) told: Vec<String>,
}

impl Outcome {
    /// The status to end with. When the program died of a signal this does not return: we die of the same.
    pub(crate) fn status(&self) -> i32 {
        if let Some(signal) = self.ended.signal() {
            // The first process of a container is not ended by signals of its own.
            if std::process::id() != 1 {
                signals::die_of(signal);
            }
            return 128 + signal;
        }
        self.ended.code().unwrap_or(1)
    }
}

/// Runs the program to its end. `options` are Python's own, `stem` is what dumps are called.
pub(crate) fn supervise(
    arguments: &Arguments,
    options: &[OsString],
    program: &[OsString],
    stem: &str,
) -> anyhow::Result<Outcome> {
    supervise_with(arguments, options, program, stem, Tracer::serve)
}

fn supervise_with(
    arguments: &Arguments,
    options: &[OsString],
    program: &[OsString],
    stem: &str,
    trace: fn(Tracer),
) -> anyhow::Result<Outcome> {
    let python = python(arguments)?;
    if let Some(wanted) = &arguments.output {
        // What cannot be written is better known now than after the hours that the program ran.
        writable(wanted)
            .with_context(|| format!("no dump can be written to {}; the program was not started", wanted.display()))?;
    }
    let (ours, theirs) = UnixStream::pair().context("no channel to the program can be made")?;
    let mut script = temporary().context("no temporary file for the start of the program\nhint: TMPDIR names a folder")?;
    script.write_all(BOOTSTRAP.as_bytes())?;
    let taken = Taken::new()?;
    script.write_all(beginning(&arguments.ignore, !arguments.untraced, taken.ignores_children).as_bytes())?;
    script.rewind()?;
    let mut command = Command::new(&python);
    let most = getrlimit(Resource::Nofile).current.and_then(|most| i32::try_from(most).ok()).unwrap_or(i32::MAX);
    let first = CHANNEL.min(most.saturating_sub(2));
    let second = first + 1;
    command.args(options).arg(format!("{DESCRIPTORS}{second}")).arg(first.to_string()).arg(second.to_string());
    command.args(program).env_remove(PYTHON).env_remove(PACKAGES);
    command.fd_mappings(vec![
        FdMapping { parent_fd: OwnedFd::from(theirs), child_fd: first },
        FdMapping { parent_fd: OwnedFd::from(script), child_fd: second },
    ])?;
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run {}\nhint: --python names the Python that runs the program", python.display()))?;
    drop(command);
    let pid = child.id() as i32;
    let forwarder = taken.forward_to(pid);
    let tracers = if arguments.untraced { None } else { Some(tracers().context("no channel for the tracing can be made")?) };
    let (deaths, died) = channel();
    let (ask, asked) = channel();
    let (dump, told) = thread::scope(|scope| {
        let tracing = tracers.and_then(|(wake, waker)| {
            scope.spawn(move || {
                let (tracer, tracing) = Tracer::new(pid, wake, waker, move |death| drop(deaths.send(death)));
                let _ = ask.send(tracing);
                whole("is traced no more", || trace(tracer));
            });
            asked.recv().ok()
        });
        let session = Mutex::new(Session::new(arguments, stem, pid, tracing.clone()));
        thread::scope(|scope| {
            // However this ends, the program does not wait for an answer that nobody gives.
            let talk = Channel(&ours);
            let session = &session;
            scope.spawn(move || {
                whole("leaves no dump of a signal", || died.into_iter().for_each(|death| locked(session).died(death)));
            });
            // Where there is no address to be asked at, nobody asks.
            let (ends, end) = UnixStream::pair().ok().unzip();
            if let (Some(tracing), Some(end), Ok(listener)) = (tracing.clone(), end, asked::listen()) {
                scope.spawn(move || whole("lets nobody else read it", || asked::answer(&listener, &tracing, session, &end)));
            }
            // What watches ends when nobody is left to say that the program runs.
            let mut running: Vec<Sender<()>> = Vec::new();
            if let Some(most) = arguments.watch_memory {
                let (runs, run) = channel();
                running.push(runs);
                scope.spawn(move || whole("is not watched", || watching::memory(pid, most, session, &run)));
            }
            if let Some(most) = arguments.watch_hang {
                let (runs, run) = channel();
                running.push(runs);
                scope.spawn(move || whole("is not watched", || watching::hang(pid, most, session, &run)));
            }
            scope.spawn(|| {
                whole("is not listened to", || watch(pid));
                drop((running, ends));
                forwarder.end();
                if let Some(tracing) = tracing {
                    tracing.end();
                }
                // Children that outlive the program hold their end; they are not waited for. One that is being read waits for
                // its answer.
                let _ = ours.shutdown(Shutdown::Read);
            });
            whole("is not listened to", || Session::serve(session, talk.0));
        });
        session.into_inner().unwrap_or_else(PoisonError::into_inner).end()
    });
    let ended = wait(&mut child)?;
    Ok(Outcome { ended, dump, told })
}

/// Does what a thread is for: a defect of ours costs that, and not the program's exit status.
fn whole(otherwise: &str, work: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        say(format_args!("a defect of heapsake, told above; the program goes on, but {otherwise}"));
    }
}

/// The two ends by which whoever traces is woken: the second takes a byte whenever a process that is traced, or a child, has
/// done something.
fn tracers() -> std::io::Result<(UnixStream, UnixStream)> {
    let (wake, waker) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(signal_hook::consts::SIGCHLD, waker.try_clone()?)?;
    Ok((wake, waker))
}

/// The line that starts the bootstrap: names are text of Python, and hold no quote.
fn beginning(ignored: &[String], traced: bool, ignores_children: bool) -> String {
    let names: String = ignored.iter().map(|name| format!("\"{name}\", ")).collect();
    let [traced, ignores_children] = [traced, ignores_children].map(|flag| if flag { "True" } else { "False" });
    format!("start(\"{BOOTSTRAP_NAME}\", ({names}), {traced}, {ignores_children})\n")
}

/// Our end of the talk, closed when it is dropped.
struct Channel<'a>(&'a UnixStream);

impl Drop for Channel<'_> {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Returns when the process has ended. It is not waited for: a `waitpid` would be told of every stop of a process that is
/// being read, in place of who reads it.
fn watch(pid: i32) {
    let handle = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let Some(handle) = handle else {
        // Before Linux 5.3.
        while is_alive(pid, pid as u64) {
            thread::sleep(Duration::from_millis(20));
        }
        return;
    };
    while poll(&mut [PollFd::new(&handle, PollFlags::IN)], None) == Err(Errno::INTR) {}
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

/// A file without a name; in memory where the folder for temporary files cannot be written to.
fn temporary() -> std::io::Result<File> {
    tempfile::tempfile().or_else(|problem| tempfile::tempfile_in("/dev/shm").map_err(|_| problem))
}

/// Whether a file can be made at this path, or in this folder.
fn writable(wanted: &Path) -> std::io::Result<()> {
    if !wanted.is_dir() {
        DumpFile::may_replace(wanted)?;
    }
    let folder = match wanted.parent() {
        _ if wanted.is_dir() => wanted,
        Some(folder) if folder != OsStr::new("") => folder,
        _ => Path::new("."),
    };
    tempfile::tempfile_in(folder).map(drop)
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// The Python to run.
fn python(arguments: &Arguments) -> anyhow::Result<PathBuf> {
    if let Some(python) = &arguments.python {
        return Ok(python.clone());
    }
    if let Some(python) = std::env::var_os(PYTHON) {
        return Ok(python.into());
    }
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    let environment = std::env::var_os("VIRTUAL_ENV").map(|folder| PathBuf::from(folder).join("bin"));
    for name in ["python3", "python"] {
        if let Some(found) = environment.iter().chain(&folders).map(|folder| folder.join(name)).find(|path| is_executable(path)) {
            return Ok(found);
        }
    }
    bail!("no python3 and no python on PATH\nhint: name one with --python")
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use heapsake_tests::pythons;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn a_defect_of_the_tracing_costs_neither_the_exit_status_nor_the_dump_of_an_exception() {
        let code =
            "import sys, threading\ndef fail(): 1 / 0\nt = threading.Thread(target=fail)\nt.start()\nt.join()\nsys.exit(7)";
        for python in pythons() {
            let folder = tempfile::tempdir().expect("a folder");
            let mut line = vec!["run".into(), "--python".into(), python.clone().into_os_string(), "-o".into()];
            line.extend([folder.path().as_os_str().to_owned(), "-c".into(), code.into()]);
            let arguments = Line::parse_from(line).arguments;
            let program: Vec<OsString> = vec!["-c".into(), code.into()];
            let outcome = supervise_with(&arguments, &[], &program, "x", |_| panic!("a defect")).expect("it runs");
            assert_eq!(outcome.ended.code(), Some(7));
            assert!(outcome.dump.is_some_and(|dump| dump.is_file()), "the thread's exception has its dump");
        }
    }
}
