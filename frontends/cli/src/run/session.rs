//! The talk with one program and its children: who fails is read while it waits for the answer, one at a time.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::bail;
use heapsake_core::{Address, DumpFile};
use heapsake_cpython::memory::Tracing;
use heapsake_cpython::pystate::CaptureOptions;
use heapsake_cpython::symbols::Which;
use heapsake_cpython::{Death, Taken, Taking};

use super::Arguments;
use super::say;
use super::supervise::{BOOTSTRAP_NAME, DESCRIPTORS};
use crate::output::{self, bytes, count};
use crate::{dump, plugins, python};

/// Why such a dump is made, as its header says.
const REASON: &str = "uncaught exception";
/// So often may an exception that left `asyncio.run` turn out to be caught, before such are only looked at when they are
/// not.
const MOST_CAUGHT: usize = 3;
/// No message is longer; what else a program writes there is passed over.
const LONGEST_LINE: u64 = 256;
/// So often is looked whether a thread whose dump waits for its fate is still there.
const LOOK: Duration = Duration::from_secs(1);
/// So long may answers lie that nobody reads, when there is no room for more.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a process says: of which exception in which of its threads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Told<'a> {
    kind: Kind,
    pid: i32,
    /// Counts what the process says.
    number: &'a str,
    /// The number under which the same process told that the same exception was leaving, else 0. An address does not say that
    /// it is the same: others are made where one was.
    before: &'a str,
    exception: u64,
    ident: u64,
    native: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// It leaves `asyncio.run`, and may be caught yet.
    Leaving,
    /// It has reached the top of a thread; the process may go on.
    Thread,
    /// It has reached the top of the process.
    Uncaught,
    /// There is none: the process begins, and waits for no answer.
    Here,
}

impl Told<'_> {
    fn parse(line: &[u8]) -> Option<Told<'_>> {
        let mut words = std::str::from_utf8(line).ok()?.split_whitespace();
        let kind = match words.next()? {
            "leaving" => Kind::Leaving,
            "thread" => Kind::Thread,
            "uncaught" => Kind::Uncaught,
            "here" => Kind::Here,
            _ => return None,
        };
        let (pid, number, before) = (words.next()?.parse().ok()?, words.next()?, words.next()?);
        let mut next = || words.next()?.parse().ok();
        Some(Told { kind, pid, number, before, exception: next()?, ident: next()?, native: next()? })
    }
}

/// The dump of an exception that left `asyncio.run`.
#[derive(Debug)]
struct Provisional {
    pid: i32,
    native: u64,
    number: String,
    saved: Saved,
}

/// A dump, and what is said of it.
#[derive(Debug)]
struct Saved {
    path: PathBuf,
    about: String,
}

/// The talk with one program.
#[derive(Debug)]
pub(super) struct Session<'a> {
    arguments: &'a Arguments,
    stem: &'a str,
    pid: i32,
    /// One a thread, by the kernel's number, which is unique among all processes.
    provisional: Vec<Provisional>,
    caught: usize,
    dumps: usize,
    last: Option<PathBuf>,
    /// A dump that has its name and whose reducers in Python are not run yet; whether they are told of after the end.
    unreduced: Option<(PathBuf, bool)>,
    told: Vec<String>,
    /// What traces the processes, if they are.
    tracing: Option<Tracing>,
}

impl<'a> Session<'a> {
    pub(super) fn new(arguments: &'a Arguments, stem: &'a str, pid: i32, tracing: Option<Tracing>) -> Session<'a> {
        let (provisional, told) = (Vec::new(), Vec::new());
        Session { arguments, stem, pid, provisional, caught: 0, dumps: 0, last: None, unreduced: None, told, tracing }
    }

    /// Answers until nobody can speak any more.
    pub(super) fn serve(session: &Mutex<Session<'a>>, channel: &UnixStream) {
        let mut lines = BufReader::new(channel);
        let mut line = Vec::new();
        if channel.set_write_timeout(Some(PATIENCE)).is_err() {
            return;
        }
        loop {
            let wait = (!locked(session).provisional.is_empty()).then_some(LOOK);
            if channel.set_read_timeout(wait).is_err() {
                break;
            }
            match lines.by_ref().take(LONGEST_LINE - line.len() as u64).read_until(b'\n', &mut line) {
                Ok(0) => break,
                Ok(_) if !line.ends_with(b"\n") && (line.len() as u64) < LONGEST_LINE => continue,
                Ok(_) => {}
                Err(problem) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&problem.kind()) => {
                    locked(session).discard_orphans();
                    continue;
                }
                Err(_) => break,
            }
            match Told::parse(&line) {
                Some(told) if told.kind == Kind::Here => {
                    let tracing = locked(session).tracing.clone();
                    if let Some(tracing) = tracing {
                        tracing.watch(told.pid);
                    }
                }
                Some(told) => {
                    let mut session = locked(session);
                    session.hear(told);
                    let answered = writeln!(&*channel, "{} {}", told.pid, told.number);
                    // The program does not wait for them.
                    session.reduce();
                    if answered.is_err() {
                        break;
                    }
                }
                None => {}
            }
            line.clear();
        }
    }

    /// Saves a process that goes on, for a reason that a watch has found, if there is still cause to.
    pub(super) fn watched(&mut self, pid: i32, reason: &str, still: impl FnOnce() -> bool) {
        if !still() || !self.has_room(false) {
            return;
        }
        let save = || {
            let options = self.options(pid, reason)?;
            let (saved, taking) = self.write(None, options, || self.take(pid))?;
            let about = format!("of {reason} ({}; {})", saved.about, dump::stood_still("", &taking));
            anyhow::Ok(Saved { path: saved.path, about })
        };
        let saved = catch_unwind(AssertUnwindSafe(save));
        match saved.unwrap_or_else(|_| bail!("a defect of heapsake, told above")) {
            Ok(saved) => self.keep(false, saved),
            Err(problem) => self.say(false, format!("no dump of {reason}: {}", output::told(&problem))),
        }
        self.reduce();
    }

    /// Saves a process that stands still because it is about to die. It dies when this returns.
    pub(super) fn died(&mut self, death: Death) {
        let at_end = death.pid == self.pid;
        let reason = death.reason();
        let Some(tracing) = self.tracing.clone() else { return };
        if !self.has_room(at_end) {
            drop(tracing.stopped(&death));
            return;
        }
        // However this ends, it is not left standing.
        let taken = Taken::of_dying(&tracing, &death);
        let saved = catch_unwind(AssertUnwindSafe(|| self.save_dying(death, taken)));
        match saved.unwrap_or_else(|_| bail!("a defect of heapsake, told above")) {
            Ok(saved) => self.keep(at_end, saved),
            Err(problem) => self.say(at_end, format!("no dump of {reason}: {}", output::told(&problem))),
        }
        self.reduce();
    }

    /// The last dump, and what is left to say.
    pub(super) fn end(mut self) -> (Option<PathBuf>, Vec<String>) {
        for known in std::mem::take(&mut self.provisional) {
            self.discard(known);
        }
        (self.last, self.told)
    }

    fn hear(&mut self, told: Told<'_>) {
        if let Some(at) = self.provisional.iter().position(|known| known.native == told.native) {
            let known = self.provisional.remove(at);
            if known.pid == told.pid && known.number == told.before && told.kind != Kind::Leaving {
                let saved = self.named(known.saved);
                self.keep(self.is_end(told), saved);
                return;
            }
            self.discard(known);
        }
        self.discard_orphans();
        if told.kind == Kind::Leaving {
            let (waiting, most) = (self.provisional.len(), self.arguments.max_dumps);
            if self.caught + waiting >= MOST_CAUGHT || self.dumps + waiting >= most {
                return;
            }
        }
        let at_end = self.is_end(told);
        if !self.has_room(at_end) {
            return;
        }
        if !self.provisional.is_empty() && self.dumps + self.provisional.len() >= self.arguments.max_dumps {
            // It may be caught yet; this one was not.
            let known = self.provisional.remove(0);
            self.discard(known);
        }
        // A defect of ours must not leave the program waiting.
        let saved = catch_unwind(AssertUnwindSafe(|| self.save(told)));
        match saved.unwrap_or_else(|_| bail!("a defect of heapsake, told above")) {
            Ok(saved) if told.kind == Kind::Leaving => {
                let number = told.number.to_owned();
                self.provisional.push(Provisional { pid: told.pid, native: told.native, number, saved });
            }
            Ok(saved) => self.keep(at_end, saved),
            Err(problem) => self.say(at_end, format!("no dump: {}", output::told(&problem))),
        }
    }

    /// Whether one more dump may be made; says once that none may.
    fn has_room(&mut self, at_end: bool) -> bool {
        let most = self.arguments.max_dumps;
        if self.dumps == most {
            self.dumps += 1;
            self.say(at_end, format!("no more dumps: {most} were made (--max-dumps)"));
        }
        self.dumps < most
    }

    fn keep(&mut self, at_end: bool, saved: Saved) {
        self.dumps += 1;
        self.say(at_end, format!("wrote {} {}", saved.path.display(), saved.about));
        self.unreduced = Some((saved.path.clone(), at_end));
        self.last = Some(saved.path);
    }

    /// Runs the reducers of installed packages over the dump that was just kept.
    fn reduce(&mut self) {
        let Some((path, at_end)) = self.unreduced.take() else { return };
        // A defect of ours must not end the talk.
        let line = catch_unwind(|| python::reduce(&path).line());
        match line.unwrap_or_else(|_| Some("a defect of heapsake, told above".to_owned())) {
            Some(line) if at_end => self.told.push(line),
            Some(line) => say(format!("{}: {line}", path.display())),
            None => {}
        }
    }

    /// What concerns the end of the program is said after it; what it may survive is said now.
    fn say(&mut self, at_end: bool, line: String) {
        if at_end {
            self.told.push(line);
        } else {
            say(line);
        }
    }

    fn is_end(&self, told: Told<'_>) -> bool {
        told.kind == Kind::Uncaught && told.pid == self.pid
    }

    fn save(&self, told: Told<'_>) -> anyhow::Result<Saved> {
        let provisional = (told.kind == Kind::Leaving).then_some(told.native);
        let options = CaptureOptions {
            exception: Some(Address(told.exception)),
            exception_thread: Some(told.ident),
            current_thread: Some(told.ident),
            ..self.options(told.pid, REASON)?
        };
        let (saved, taking) = self.write(provisional, options, || self.take(told.pid))?;
        let about = format!("{}({}; {})", self.who(told.pid), saved.about, dump::stood_still("", &taking));
        Ok(Saved { path: saved.path, about })
    }

    fn save_dying(&self, mut death: Death, taken: heapsake_cpython::Result<Taken>) -> anyhow::Result<Saved> {
        let (pid, reason) = (death.pid, death.reason());
        death.find_place(&heapsake_cpython::memory::maps::of_process(pid).unwrap_or_default());
        let options =
            CaptureOptions { death: Some(death), find_exception: true, only_current: true, ..self.options(pid, &reason)? };
        let (saved, _) = self.write(None, options, || taken)?;
        let about = format!("{}of {reason} ({})", self.who(pid), saved.about);
        Ok(Saved { path: saved.path, about })
    }

    /// A process at a good moment, whether it is traced or not.
    fn take(&self, pid: i32) -> heapsake_cpython::Result<Taken> {
        if let Some(tracing) = self.tracing.as_ref().filter(|tracing| tracing.traces(pid)) {
            let taken = Taken::of_traced(tracing, pid);
            // The tracing ends with the program, which a child may outlive.
            if taken.is_ok() || tracing.traces(pid) {
                return taken;
            }
        }
        Taken::of_process(pid, &Which::Running)
    }

    fn options(&self, pid: i32, reason: &str) -> anyhow::Result<CaptureOptions> {
        Ok(CaptureOptions {
            sources: self.arguments.what.sources()?,
            all: self.arguments.what.all,
            native: self.arguments.what.native,
            hidden_prefixes: vec![DESCRIPTORS.to_owned(), BOOTSTRAP_NAME.to_owned()],
            ..dump::outside(pid, reason)
        })
    }

    fn who(&self, pid: i32) -> String {
        if pid == self.pid { String::new() } else { format!("of child {pid} ") }
    }

    /// Writes a dump of what is taken when all else is ready.
    fn write(
        &self,
        provisional: Option<u64>,
        options: CaptureOptions,
        take: impl FnOnce() -> heapsake_cpython::Result<Taken>,
    ) -> anyhow::Result<(Saved, Taking)> {
        let (path, file) = self.file(provisional)?;
        let partial = file.unfinished_path().to_owned();
        let what = self.arguments.what.options(&options.reason);
        // Before the process is stopped.
        let plugins = plugins::open()?;
        let written = take().map_err(Into::into).and_then(|taken| dump::write(file, &plugins, taken, options, what));
        match written {
            Ok((_, summary, taking)) => {
                let about = format!("{} objects, {}", count(summary.objects), bytes(summary.file_bytes));
                Ok((Saved { path, about }, taking))
            }
            Err(problem) => {
                if partial.exists() {
                    bail!("{}\nhint: what there is of it is in {}", output::told(&problem), partial.display());
                }
                Err(problem)
            }
        }
    }

    /// The file of the next dump: the one that was asked for, with a number when that was used; else one with a new name in
    /// `folder`. Other supervisors may write there at the same time.
    fn file_in(&self, folder: Option<&Path>, suffix: &str) -> anyhow::Result<(PathBuf, DumpFile)> {
        match self.arguments.output.as_deref() {
            // A second dump must not replace the first.
            Some(path) if !path.is_dir() && self.dumps > 0 => dump::numbered_file(path, suffix),
            Some(path) if !path.is_dir() => {
                let mut path = path.to_owned();
                path.as_mut_os_string().push(suffix);
                let file = DumpFile::create(&path)?;
                Ok((path, file))
            }
            asked => dump::new_file(asked.or(folder), self.stem, suffix),
        }
    }

    /// The file to write; where nothing was asked for and the working directory cannot be written to, it is one in the
    /// folder for temporary files. One that may be removed again takes no name that another may have.
    fn file(&self, provisional: Option<u64>) -> anyhow::Result<(PathBuf, DumpFile)> {
        let suffix = provisional.map_or_else(String::new, |native| format!(".{native}.provisional"));
        match self.file_in(None, &suffix) {
            Err(problem) if self.arguments.output.is_none() => {
                self.file_in(Some(&std::env::temp_dir()), &suffix).map_err(|_| problem)
            }
            result => result,
        }
    }

    /// Gives a dump that is to stay its name.
    fn named(&self, saved: Saved) -> Saved {
        let rename = |path: PathBuf| anyhow::Ok(fs::rename(&saved.path, &path).map(|()| path)?);
        let renamed = match self.arguments.output.as_deref() {
            Some(path) if !path.is_dir() && self.dumps == 0 => rename(path.to_owned()),
            // Until it is renamed nobody else gets the name.
            _ => self.file_in(saved.path.parent(), "").and_then(|(path, _file)| rename(path)),
        };
        Saved { path: renamed.unwrap_or(saved.path), about: saved.about }
    }

    /// Discards what threads have left that are gone: nothing in them is uncaught.
    fn discard_orphans(&mut self) {
        let (kept, gone) = std::mem::take(&mut self.provisional)
            .into_iter()
            .partition(|known| heapsake_cpython::memory::process::is_alive(known.pid, known.native));
        self.provisional = kept;
        let gone: Vec<Provisional> = gone;
        for known in gone {
            self.discard(known);
        }
    }

    /// Removes the dump of an exception that was caught after all.
    fn discard(&mut self, known: Provisional) {
        let _ = fs::remove_file(known.saved.path);
        self.caught += 1;
    }
}

/// The session, which is whole whatever happened to who had it before.
pub(super) fn locked<'s, 'a>(session: &'s Mutex<Session<'a>>) -> MutexGuard<'s, Session<'a>> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_is_not_heard() {
        let told = Told::parse(b"thread 12 3 2 4096 140 15\n").expect("a message");
        assert_eq!((told.kind, told.pid, told.number, told.before, told.exception), (Kind::Thread, 12, "3", "2", 4096));
        let wrong: [&[u8]; 6] =
            [b"", b"thread", b"thread 1 2 3 4 5", b"other 1 2 3 4 5 6", b"thread x 2 3 4 5 6", b"thread 1 \xff 3 4 5 6"];
        for line in wrong {
            assert_eq!(Told::parse(line), None, "{line:?}");
        }
    }
}
