//! The talk with one program and its children: who fails is read while it waits for the answer, one at a time.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;
use heapsake_core::{Address, DumpFile};
use heapsake_cpython::Taken;
use heapsake_cpython::pystate::CaptureOptions;

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
}

impl Told<'_> {
    fn parse(line: &[u8]) -> Option<Told<'_>> {
        let mut words = std::str::from_utf8(line).ok()?.split_whitespace();
        let kind = match words.next()? {
            "leaving" => Kind::Leaving,
            "thread" => Kind::Thread,
            "uncaught" => Kind::Uncaught,
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
}

impl<'a> Session<'a> {
    pub(super) fn new(arguments: &'a Arguments, stem: &'a str, pid: i32) -> Session<'a> {
        let (provisional, told) = (Vec::new(), Vec::new());
        Session { arguments, stem, pid, provisional, caught: 0, dumps: 0, last: None, unreduced: None, told }
    }

    /// Answers until nobody can speak any more.
    pub(super) fn serve(&mut self, channel: &UnixStream) {
        let mut lines = BufReader::new(channel);
        let mut line = Vec::new();
        if channel.set_write_timeout(Some(PATIENCE)).is_err() {
            return;
        }
        loop {
            let wait = (!self.provisional.is_empty()).then_some(LOOK);
            if channel.set_read_timeout(wait).is_err() {
                break;
            }
            match lines.by_ref().take(LONGEST_LINE - line.len() as u64).read_until(b'\n', &mut line) {
                Ok(0) => break,
                Ok(_) if !line.ends_with(b"\n") && (line.len() as u64) < LONGEST_LINE => continue,
                Ok(_) => {}
                Err(problem) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&problem.kind()) => {
                    self.discard_orphans();
                    continue;
                }
                Err(_) => break,
            }
            if let Some(told) = Told::parse(&line) {
                self.hear(told);
                let answered = writeln!(&*channel, "{} {}", told.pid, told.number);
                // The program does not wait for them.
                self.reduce();
                if answered.is_err() {
                    break;
                }
            }
            line.clear();
        }
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
                self.keep(told, saved);
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
        if self.dumps >= self.arguments.max_dumps {
            if self.dumps == self.arguments.max_dumps {
                self.dumps += 1;
                self.say(told, format!("no more dumps: {} were made (--max-dumps)", self.arguments.max_dumps));
            }
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
            Ok(saved) => self.keep(told, saved),
            Err(problem) => self.say(told, format!("no dump: {}", output::told(&problem))),
        }
    }

    fn keep(&mut self, told: Told<'_>, saved: Saved) {
        self.dumps += 1;
        self.say(told, format!("wrote {} {}", saved.path.display(), saved.about));
        self.unreduced = Some((saved.path.clone(), self.is_end(told)));
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
    fn say(&mut self, told: Told<'_>, line: String) {
        if self.is_end(told) {
            self.told.push(line);
        } else {
            say(line);
        }
    }

    fn is_end(&self, told: Told<'_>) -> bool {
        told.kind == Kind::Uncaught && told.pid == self.pid
    }

    fn save(&self, told: Told<'_>) -> anyhow::Result<Saved> {
        let (path, file) = self.file(told)?;
        let partial = file.partial_path().to_owned();
        let options = CaptureOptions {
            exception: Some(Address(told.exception)),
            exception_thread: Some(told.ident),
            current_thread: Some(told.ident),
            sources: self.arguments.what.sources()?,
            hidden_prefixes: vec![DESCRIPTORS.to_owned(), BOOTSTRAP_NAME.to_owned()],
            ..dump::outside(told.pid, REASON)
        };
        let what = self.arguments.what.options(REASON);
        // Before the process is stopped.
        let plugins = plugins::open()?;
        let written = Taken::of_process(told.pid).map_err(Into::into);
        let (summary, taking) = match written.and_then(|taken| dump::write(file, &plugins, taken, options, what)) {
            Ok((_, summary, taking)) => (summary, taking),
            Err(problem) => {
                if partial.exists() {
                    bail!("{}\nhint: what there is of it is in {}", output::told(&problem), partial.display());
                }
                return Err(problem);
            }
        };
        let who = if told.pid == self.pid { String::new() } else { format!("of child {} ", told.pid) };
        let about = format!(
            "{who}({} objects, {}; {})",
            count(summary.objects),
            bytes(summary.file_bytes),
            dump::stood_still("", &taking)
        );
        Ok(Saved { path, about })
    }

    /// Where the next dump goes: what was asked for, with a number when that was used; else a new name in `folder`.
    fn path(&self, folder: Option<&Path>) -> anyhow::Result<PathBuf> {
        match self.arguments.output.as_deref() {
            // A second dump must not replace the first.
            Some(path) if !path.is_dir() && self.dumps > 0 => numbered(path),
            Some(path) => dump::target_path(Some(path), self.stem),
            None => dump::target_path(folder, self.stem),
        }
    }

    /// The file to write; where nothing was asked for and the working directory cannot be written to, it is one in the
    /// folder for temporary files. One that may be removed again takes no name that another may have.
    fn file(&self, told: Told<'_>) -> anyhow::Result<(PathBuf, DumpFile)> {
        let create = |folder: Option<&Path>| {
            let mut path = self.path(folder)?;
            if told.kind == Kind::Leaving {
                path.as_mut_os_string().push(format!(".{}.provisional", told.native));
            }
            let file = DumpFile::create(&path)?;
            anyhow::Ok((path, file))
        };
        match create(None) {
            Err(problem) if self.arguments.output.is_none() => create(Some(&std::env::temp_dir())).map_err(|_| problem),
            result => result,
        }
    }

    /// Gives a dump that is to stay its name.
    fn named(&self, saved: Saved) -> Saved {
        let renamed = self.path(saved.path.parent()).and_then(|path| {
            fs::rename(&saved.path, &path)?;
            Ok(path)
        });
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

/// `path` with the first number that is free.
fn numbered(path: &Path) -> anyhow::Result<PathBuf> {
    dump::free_name(path.parent().unwrap_or(Path::new("")), path.file_stem().unwrap_or_default(), 1)
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
