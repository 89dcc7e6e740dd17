//! `heapsake run`: a supervisor. The program runs in any Python as it would without us; at the moment an exception reaches
//! the top of its thread, or leaves `asyncio.run`, the bootstrap tells us and waits, and the process is read from outside.
//!
//! Where an exception is caught, and why there:
//!
//! - *Main thread*: by the bootstrap's own frame around the program, which no program replaces. The hook that reports is
//!   then given the traceback without that frame.
//! - *`threading`*: what calls `threading.excepthook` (an attribute that programs replace) asks `sys.exc_info` for the
//!   exception first, through a variable of its closure. That variable is ours; no frame of ours is on the stack when the
//!   hook runs.
//! - *`_thread` alone*: the C function that reports the exception (`_PyErr_WriteUnraisableMsg`, from 3.13 on
//!   `PyErr_FormatUnraisable`) raises the audit event `sys.unraisablehook` with the exception and its traceback, whatever
//!   hook the program has put there. The event is the interpreter's own breakpoint on that function. One of `int3` would
//!   serve, too, but only in a program that is traced, which it would stop twice each time. It would also see exceptions that
//!   have no object and no traceback yet (before 3.12), and ask for symbols. An audit hook makes `id()`
//!   slower, so there is none until the program starts such a thread; then it is `dict.get`, until a report comes.
//!   Reports that are no thread's end (`__del__`, callbacks) are left alone.
//! - *`asyncio.run`*: when the runner is about to cancel the sibling tasks. The dump is kept only if the exception is not
//!   caught after all.
//! - *Children*: a forked child has the bootstrap's frame and channel. A worker of `multiprocessing` handles its exceptions
//!   itself; it is caught when it asks for its own name to report one. Workers that are spawned, and the fork server, are
//!   started with the bootstrap. Other programs that are executed are none of our business.
//! - *Signals that end a process*: by tracing it, as nothing in a process that dies can be relied on. Each process says that it
//!   is there, when it starts with the bootstrap or was forked, and is traced from then on; programs that it starts are not, so
//!   that set-uid ones among them work.

mod asked;
mod session;
mod signals;
mod supervise;
mod watching;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;

use crate::dump::What;

pub(crate) use asked::let_go;
pub(crate) use supervise::supervise;
use watching::Most;

/// Options of `heapsake run`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "The program's arguments, standard input, exit status and signals are its own. Of an uncaught exception a dump is
made before anything reports it; `finally` blocks have run by then, and frames and variables come from the traceback.
An exception that leaves asyncio.run is caught before the sibling tasks are cancelled. Forked children and the workers of
multiprocessing are covered.

Examples:
  heapsake run app.py --port 80
  heapsake run -o /dumps -m package.module
  heapsake run -X dev -u app.py
  heapsake run --python python3.9 -- app.py"
)]
pub(crate) struct Arguments {
    /// The Python to run; else that of the virtual environment, python3, python.
    #[arg(long, value_name = "PYTHON")]
    pub(crate) python: Option<PathBuf>,
    /// Where to write: a file, or a folder.
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// No more dumps than this of one run: a program whose threads all fail must not fill the disk.
    #[arg(long, value_name = "COUNT", default_value_t = 16)]
    pub(crate) max_dumps: usize,
    /// Exceptions that leave no dump, by the names of their classes or of base classes, with or without the module; `none` for
    /// none. What is named here is all: name SystemExit too when it is to stay so.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "SystemExit,KeyboardInterrupt", value_parser = class_name)]
    pub(crate) ignore: Vec<String>,
    /// Leave the program untraced, so that debuggers, strace and profilers can be attached to it. A signal that ends it, such
    /// as a segmentation fault, then leaves no dump.
    #[arg(long)]
    pub(crate) untraced: bool,
    /// Save the program before memory runs out: at a share of what it may use, such as 90% (of its control group's limit, of the
    /// limit of its address space, of the machine's memory), or when it has so much in memory, such as 200MB. It goes on.
    #[arg(long, value_name = "SHARE|SIZE", value_parser = Most::parse)]
    pub(crate) watch_memory: Option<Most>,
    /// Save the program when it has run nothing for so long: no bytecode, in any thread. A wait counts, so this is to be longer
    /// than any that is meant. One dump a hang; it goes on.
    #[arg(long, value_name = "SECONDS", value_parser = watching::seconds)]
    pub(crate) watch_hang: Option<Duration>,
    #[command(flatten)]
    pub(crate) what: What,
    /// Options of Python, if any; then script.py, or -m module, or -c code, or - for standard input; and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "PROGRAM")]
    pub(crate) program: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<i32> {
    heapsake_cpython::memory::limit::one_heap();
    let (options, program) = match split(&arguments.program) {
        Ok(parts) => parts,
        Err(problem) => {
            say(format_args!("{problem}\nhint: heapsake run --help"));
            return Ok(2);
        }
    };
    let outcome = supervise(arguments, &options, &program, &stem(&program))?;
    for line in &outcome.told {
        say(line);
    }
    Ok(outcome.status())
}

/// The name of a class as Python writes it.
fn class_name(name: &str) -> Result<String, String> {
    let is_name = |part: &str| {
        !part.is_empty()
            && !part.starts_with(|first: char| first.is_ascii_digit())
            && part.chars().all(|each| each == '_' || each.is_alphanumeric())
    };
    if name.split('.').all(is_name) { Ok(name.to_owned()) } else { Err("it is to be the name of a class".to_owned()) }
}

/// A line of ours among the program's on standard error, which may be closed.
fn say(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "heapsake: {line}");
}

/// The options of Python before the program, and the program with its arguments, the first of which is `-c`, `-m`, `-` or a
/// script.
pub(crate) fn split(words: &[OsString]) -> anyhow::Result<(Vec<OsString>, Vec<OsString>)> {
    let mut options = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let text = word.to_string_lossy();
        let Some(letters) = text.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            let program = std::iter::once(word).chain(rest).cloned().collect();
            return Ok((options, program));
        };
        if letters.starts_with('-') {
            options.push(word.clone());
            if letters == "-check-hash-based-pycs" {
                options.extend(rest.next().cloned());
            }
            continue;
        }
        // As Python reads them: letters may stand together, and the first that takes a value ends the word.
        let Some(at) = letters.find(['c', 'm', 'W', 'X']) else {
            options.push(word.clone());
            continue;
        };
        let (before, from) = letters.split_at(at);
        let (letter, joined) = from.split_at(1);
        if ["W", "X"].contains(&letter) && !joined.is_empty() {
            options.push(word.clone());
            continue;
        }
        let value = if joined.is_empty() { rest.next().cloned() } else { Some(OsString::from(joined)) };
        let Some(value) = value else { bail!("argument expected for the -{letter} option") };
        if !before.is_empty() {
            options.push(format!("-{before}").into());
        }
        let letter = OsString::from(format!("-{letter}"));
        if letter == "-c" || letter == "-m" {
            let program = [letter, value].into_iter().chain(rest.cloned()).collect();
            return Ok((options, program));
        }
        options.extend([letter, value]);
    }
    bail!("no program: a script, -m module, -c code or - is expected")
}

/// What dumps of this program are called.
fn stem(program: &[OsString]) -> String {
    let text = |at: usize| program.get(at).map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = match text(0).as_str() {
        "-c" => "command".to_owned(),
        "-m" => text(1),
        script => Path::new(script).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default(),
    };
    let kept: String =
        stem.chars().map(|letter| if letter.is_alphanumeric() || "._-".contains(letter) { letter } else { '_' }).collect();
    if kept.is_empty() || kept == "-" { "python".to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn options_of_python_stand_before_the_program() {
        for (line, options, program) in [
            ("app.py -u -c x", "", "app.py -u -c x"),
            ("-u -O app.py", "-u -O", "app.py"),
            ("-X dev -uWerror app.py a", "-X dev -uWerror", "app.py a"),
            ("-Im package -x", "-I", "-m package -x"),
            ("-uBcpass 1", "-uB", "-c pass 1"),
            ("- a", "", "- a"),
            ("--check-hash-based-pycs never app.py", "--check-hash-based-pycs never", "app.py"),
        ] {
            assert_eq!(split(&words(line)).unwrap(), (words(options), words(program)), "{line}");
        }
        for line in ["-u", "-c", "-W", "-um"] {
            assert!(split(&words(line)).is_err(), "{line}");
        }
    }

    #[test]
    fn dumps_are_called_after_the_program() {
        for (line, name) in [("a/b.py", "b"), ("-m a.b", "a.b"), ("-c pass", "command"), ("-", "python"), ("a/..", "python")] {
            assert_eq!(stem(&words(line)), name, "{line}");
        }
    }
}
