//! The talk with one program and its children: who fails is read while it waits for the answer, one at a time.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use anyhow::bail;
use heapsake_core::{Address, DumpFile};
use heapsake_cpython::Taken;
use heapsake_cpython::pystate::CaptureOptions;

use super::Arguments;
use super::say;
use super::supervise::DESCRIPTORS;
use crate::dump;
use crate::output::{self, bytes, count};
use crate::plugins;

/// Why such a dump is made, as its header says.
const REASON: &str = "uncaught exception";
/// So often may an exception that left `asyncio.run` turn out to be caught, before such are only looked at when they are
/// not.
const MOST_CAUGHT: usize = 3;

/// What a process says: of which exception in which of its threads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Told<'a> {
    kind: Kind,
    pid: i32,
    /// Counts what the process says.
    number: &'a str,
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
    fn parse(line: &str) -> Option<Told<'_>> {
        let mut words = line.split_whitespace();
        let kind = match words.next()? {
            "leaving" => Kind::Leaving,
            "thread" => Kind::Thread,
            "uncaught" => Kind::Uncaught,
            _ => return None,
        };
        let (pid, number) = (words.next()?.parse().ok()?, words.next()?);
        let mut next = || words.next()?.parse().ok();
        Some(Told { kind, pid, number, exception: next()?, ident: next()?, native: next()? })
    }
}

/// The dump of an exception that left `asyncio.run`.
#[derive(Debug)]
struct Provisional {
    native: u64,
    exception: u64,
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
    told: Vec<String>,
}

impl<'a> Session<'a> {
    pub(super) fn new(arguments: &'a Arguments, stem: &'a str, pid: i32) -> Session<'a> {
        Session { arguments, stem, pid, provisional: Vec::new(), caught: 0, dumps: 0, last: None, told: Vec::new() }
    }

    /// Answers until nobody can speak any more.
    pub(super) fn serve(&mut self, channel: &UnixStream) {
        let mut lines = BufReader::new(channel);
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
            if let Some(told) = Told::parse(&line) {
                self.hear(told);
                if writeln!(&*channel, "{} {}", told.pid, told.number).is_err() {
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
            let known = self.provisional.swap_remove(at);
            if known.exception == told.exception && told.kind != Kind::Leaving {
                let saved = self.named(known.saved);
                self.keep(told, saved);
                return;
            }
            self.discard(known);
        }
        if told.kind == Kind::Leaving && self.caught >= MOST_CAUGHT {
            return;
        }
        if self.dumps >= self.arguments.max_dumps {
            if self.dumps == self.arguments.max_dumps {
                self.dumps += 1;
                self.say(told, format!("no more dumps: {} were made (--max-dumps)", self.arguments.max_dumps));
            }
            return;
        }
        // A defect of ours must not leave the program waiting.
        let saved = catch_unwind(AssertUnwindSafe(|| self.save(told)));
        match saved.unwrap_or_else(|_| bail!("a defect of heapsake, told above")) {
            Ok(saved) if told.kind == Kind::Leaving => {
                self.provisional.push(Provisional { native: told.native, exception: told.exception, saved });
            }
            Ok(saved) => self.keep(told, saved),
            Err(problem) => self.say(told, format!("no dump: {}", output::told(&problem))),
        }
    }

    fn keep(&mut self, told: Told<'_>, saved: Saved) {
        self.dumps += 1;
        self.say(told, format!("wrote {} {}", saved.path.display(), saved.about));
        self.last = Some(saved.path);
    }

    /// What concerns the end of the program is said after it; what it may survive is said now.
    fn say(&mut self, told: Told<'_>, line: String) {
        if told.kind == Kind::Uncaught && told.pid == self.pid {
            self.told.push(line);
        } else {
            say(line);
        }
    }

    fn save(&self, told: Told<'_>) -> anyhow::Result<Saved> {
        let (path, file) = self.file(told)?;
        let options = CaptureOptions {
            exception: Some(Address(told.exception)),
            exception_thread: Some(told.ident),
            current_thread: Some(told.ident),
            hidden_prefixes: vec![DESCRIPTORS.to_owned()],
            ..dump::outside(told.pid, REASON)
        };
        let what = self.arguments.what.options(REASON);
        // Before the process is stopped.
        let plugins = plugins::open()?;
        let written = Taken::of_process(told.pid).map_err(Into::into);
        let (summary, taking) = match written.and_then(|taken| dump::write(file, &plugins, taken, options, what)) {
            Ok((_, summary, taking)) => (summary, taking),
            Err(problem) => {
                let partial = partial(&path);
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
            Some(path) if !path.is_dir() && self.dumps > 0 => Ok(numbered(path)),
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

    /// Removes the dump of an exception that was caught after all.
    fn discard(&mut self, known: Provisional) {
        let _ = fs::remove_file(known.saved.path);
        self.caught += 1;
    }
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_is_not_heard() {
        let told = Told::parse("thread 12 3 4096 140 15\n").expect("a message");
        assert_eq!((told.kind, told.pid, told.number, told.exception), (Kind::Thread, 12, "3", 4096));
        for line in ["", "thread", "thread 1 2 3 4", "other 1 2 3 4 5", "thread x 2 3 4 5"] {
            assert_eq!(Told::parse(line), None, "{line:?}");
        }
    }
}
