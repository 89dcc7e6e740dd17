//! `heapsake dump` of a program that `heapsake run` traces: as a process has one tracer at a time, the supervisor is asked to
//! let go of it for as long as the dump takes, and traces it again afterwards.
//!
//! It listens at an abstract address with its process number. One who asks belongs to its user or to root, names a process,
//! is answered a line, and closes when it is done. Meanwhile the supervisor reads nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use heapsake_cpython::memory::{Tracing, process};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;

use super::session::{Session, locked};

/// What is said of a process that was let go.
const GRANTED: &str = "let go";
/// So long may it take to say which process is meant, and to answer that.
const PATIENCE: Duration = Duration::from_secs(10);
/// So long may a process be with somebody else.
const LONGEST: Duration = Duration::from_mins(10);

fn address(supervisor: i32) -> std::io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("heapsake-run-{supervisor}"))
}

/// A process that its supervisor has let go of, until this value is dropped.
#[derive(Debug)]
pub(crate) struct LetGo(#[expect(dead_code, reason = "it is closed when it is dropped")] UnixStream);

/// Asks the supervisor that traces a process to let go of it; none where no supervisor does.
///
/// # Errors
/// Why it does not, in words.
pub(crate) fn let_go(pid: i32) -> Option<Result<LetGo, String>> {
    let mut stream = UnixStream::connect_addr(&address(process::tracer(pid)?).ok()?).ok()?;
    let mut ask = || {
        stream.set_read_timeout(Some(PATIENCE))?;
        writeln!(stream, "{pid}")?;
        let mut answer = String::new();
        BufReader::new(&stream).take(1024).read_line(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    match ask() {
        Ok(answer) if answer.trim_end() == GRANTED => Some(Ok(LetGo(stream))),
        Ok(answer) if answer.ends_with('\n') => Some(Err(answer.trim_end().to_owned())),
        _ => Some(Err("its supervisor does not answer".to_owned())),
    }
}

/// Where a supervisor is asked.
pub(super) fn listen() -> std::io::Result<UnixListener> {
    UnixListener::bind_addr(&address(std::process::id() as i32)?)
}

/// Answers whoever asks, one at a time, until the other end of `end` is closed.
pub(super) fn answer(listener: &UnixListener, tracing: &Tracing, session: &Mutex<Session<'_>>, end: &UnixStream) {
    while waits_for(listener, end, None) {
        if let Ok((stream, _)) = listener.accept() {
            // One who goes away has no answer, and needs none.
            let _ = one(&stream, tracing, session, end);
        }
    }
}

fn one(stream: &UnixStream, tracing: &Tracing, session: &Mutex<Session<'_>>, end: &UnixStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream).take(64).read_line(&mut line)?;
    // What is not read when it is closed would cost the answer.
    let user = socket_peercred(stream)?.uid;
    if !user.is_root() && user != geteuid() {
        return writeln!(&*stream, "its supervisor does not know this user");
    }
    let Ok(pid) = line.trim().parse::<i32>() else { return Ok(()) };
    // Who fails meanwhile waits for its dump until the process can be read again.
    let _nobody_reads = locked(session);
    if let Err(problem) = tracing.let_go(pid) {
        return writeln!(&*stream, "{}", problem.to_string().lines().next().unwrap_or_default());
    }
    let told = writeln!(&*stream, "{GRANTED}");
    if told.is_ok() {
        waits_for(stream, end, Some(LONGEST));
    }
    // One that is killed lets go of the process a moment after it has closed.
    let started = Instant::now();
    while !tracing.traces(pid) && process::is_alive(pid, pid as u64) && started.elapsed() < PATIENCE {
        tracing.watch(pid);
        if !tracing.traces(pid) && !waits_for_nothing(end) {
            break;
        }
    }
    told
}

/// Waits a moment; says false when it ends.
fn waits_for_nothing(end: &UnixStream) -> bool {
    let moment = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
    !matches!(poll(&mut [PollFd::new(end, PollFlags::IN)], Some(&moment)), Ok(1..))
}

/// Waits until there is something to read, or nothing ever will be; says false when it ends or the time is over.
fn waits_for(what: &impl AsFd, end: &UnixStream, most: Option<Duration>) -> bool {
    let most = most.and_then(|most| Timespec::try_from(most).ok());
    loop {
        let mut waited = [PollFd::new(what, PollFlags::IN), PollFd::new(end, PollFlags::IN)];
        match poll(&mut waited, most.as_ref()) {
            Err(Errno::INTR) => {}
            Ok(count) if count > 0 => return waited[1].revents().is_empty(),
            _ => return false,
        }
    }
}
