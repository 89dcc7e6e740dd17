//! `heapsake dump PID`: a live process, from outside; or a tree of them, those of a name, those of a control group.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use heapsake_core::{Budget, DumpFile, DumpOptions, Progress, Redaction, Summary};
use heapsake_cpython::pystate::CaptureOptions;
use heapsake_cpython::symbols::Which;
use heapsake_cpython::{ErrorKind, Taken, Taking};
use heapsake_plugins::Plugins;
use serde_json::json;

use crate::output::{Output, bytes, count, harmless};
use crate::plugins;
use crate::targets::Targets;

/// Options of `heapsake dump`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    targets: Targets,
    /// Where to write: a file, or a folder; of many processes a folder.
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// The file of the CPython that is meant, where a process has several: the end of its path, as `libpython3.11.so.1.0`.
    #[arg(long, value_name = "PATH")]
    libpython: Option<PathBuf>,
    /// Neither stop nor trace it: it is copied while it goes on, also when a debugger has it. What it changes meanwhile may read
    /// wrongly, and the dump says so.
    #[arg(long, conflicts_with = "native")]
    no_freeze: bool,
    #[command(flatten)]
    what: What,
    /// Print JSON (docs/json.md).
    #[arg(long)]
    json: bool,
}

/// What goes into a dump.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct What {
    /// What is withheld: none, names (values under secret names and what looks like a key), all-values.
    #[arg(long, value_name = "LEVEL", default_value = "names", value_parser = redaction)]
    pub(crate) redact: Redaction,
    /// Source files to take along, or folders of such; may be given several times. Else those of all code; `none` for none.
    #[arg(long, value_name = "PATH")]
    pub(crate) sources: Vec<PathBuf>,
    /// Objects, too, that nothing leads to: garbage in cycles that the collector has not freed, and what an extension has lost.
    #[arg(long)]
    pub(crate) all: bool,
    /// Also the stacks of C functions, of all threads, those included that Python knows nothing of.
    #[arg(long)]
    pub(crate) native: bool,
    /// Stop after objects of so many bytes; what is left out is counted.
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_bytes: Option<u64>,
    /// Stop walking after so many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) max_seconds: Option<f64>,
    /// Stop after so many objects.
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_objects: Option<u64>,
}

impl What {
    /// The sources to take along; none where all are.
    pub(crate) fn sources(&self) -> anyhow::Result<Option<Vec<PathBuf>>> {
        // What is there without `..` and links, as a program names its files; what is not there as it was typed.
        let named = self.sources.iter().filter(|path| path.as_os_str() != "none");
        let named = named.map(|path| path.canonicalize().or_else(|_| std::path::absolute(path)));
        Ok((!self.sources.is_empty()).then_some(named.collect::<Result<_, _>>()?))
    }

    pub(crate) fn options(&self, reason: &str) -> DumpOptions {
        DumpOptions {
            reason: reason.to_owned(),
            redaction: self.redact,
            budget: Budget { bytes: self.max_bytes, seconds: self.max_seconds, objects: self.max_objects },
            progress: progress(),
            ..DumpOptions::default()
        }
    }
}

fn redaction(word: &str) -> Result<Redaction, String> {
    Redaction::from_word(word).ok_or_else(|| "it may be none, names or all-values".to_owned())
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|seconds| *seconds >= 0.0).ok_or_else(|| "it is to be a number of seconds from 0 on".to_owned())
}

/// A line on standard error that says how far the work is, when somebody looks.
fn progress() -> Option<Box<dyn Fn(&Progress)>> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let started = std::time::Instant::now();
    Some(Box::new(move |progress| {
        if started.elapsed().as_millis() < 500 {
            return;
        }
        match progress {
            Progress::Marked(objects) => eprint!("\r\x1b[Kfound {} objects", count(*objects)),
            Progress::Written(done, all) => eprint!("\r\x1b[Kwrote {} of {} objects\r", count(*done), count(*all)),
            _ => {}
        }
    }))
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<i32> {
    heapsake_cpython::memory::limit::make_the_most();
    let mut output = Output::new(arguments.json);
    let pids = arguments.targets.find()?;
    if !arguments.targets.are_many() {
        let [pid] = pids[..] else { bail!("no process is named\nhint: heapsake dump PID") };
        let made = one(arguments, pid)?;
        made.print(&mut output)?;
        return Ok(0);
    }
    if let Some(file) = arguments.output.as_deref().filter(|path| !path.is_dir()) {
        bail!("{} is no folder\nhint: of many processes each has a file of its own in it", file.display());
    }
    let (mut made, mut passed_over, mut ended, mut failed) = (Vec::new(), 0, 0, 0);
    for pid in pids {
        match one(arguments, pid) {
            Ok(one) => made.push(one),
            Err(problem) if is_of(&problem, &[ErrorKind::NotPython, ErrorKind::KernelThread]) => passed_over += 1,
            // Of many some may.
            Err(problem) if is_of(&problem, &[ErrorKind::NoSuchProcess, ErrorKind::Zombie, ErrorKind::ProcessDied]) => ended += 1,
            Err(problem) => {
                failed += 1;
                eprintln!("heapsake: process {pid}: {}", crate::output::told(&problem));
            }
        }
    }
    if made.is_empty() && failed == 0 {
        let gone = if ended > 0 { format!("; {ended} more ended before they were looked at") } else { String::new() };
        bail!("none of {passed_over} processes is a CPython{gone}\nhint: `ps -ef --forest` shows what runs");
    }
    if output.json {
        output.value(&made.iter().map(Made::json).collect::<Vec<_>>().into())?;
    } else {
        for one in &made {
            one.print(&mut output)?;
        }
        if passed_over > 0 {
            output.line(format!("{passed_over} more processes are no CPython"))?;
        }
        if ended > 0 {
            output.line(format!("{ended} more processes ended before they were looked at"))?;
        }
    }
    Ok(i32::from(failed > 0))
}

/// Whether a problem is of one of these kinds.
fn is_of(problem: &anyhow::Error, kinds: &[ErrorKind]) -> bool {
    let kind = problem.downcast_ref::<heapsake_cpython::Error>().map(heapsake_cpython::Error::kind);
    kind.is_some_and(|kind| kinds.contains(&kind))
}

/// A dump that was made.
struct Made {
    pid: i32,
    path: PathBuf,
    summary: Summary,
    taking: Taking,
    reduced: crate::python::Reduced,
}

/// Dumps one process.
fn one(arguments: &Arguments, pid: i32) -> anyhow::Result<Made> {
    // Before the process is stopped: an unwritable folder must not cost it a pause, nor plugins that cannot be opened.
    let (_, file) = target_file(arguments.output.as_deref(), &format!("process-{pid}"))?;
    let plugins = plugins::open()?;
    let which = arguments.libpython.clone().map_or(Which::Running, Which::Named);
    let take = |pid| if arguments.no_freeze { Taken::of_running(pid, &which) } else { Taken::of_process(pid, &which) };
    let (taken, _until_written) = match take(pid) {
        Err(problem) if problem.kind() == ErrorKind::AlreadyTraced => match crate::run::let_go(pid) {
            Some(Ok(supervisor)) => (take(pid)?, Some(supervisor)),
            Some(Err(why)) => return Err(problem).context(why),
            None => return Err(problem.into()),
        },
        taken => (taken?, None),
    };
    let sources = arguments.what.sources()?;
    let What { all, native, .. } = arguments.what;
    let options = CaptureOptions { find_exception: true, sources, all, native, ..outside(pid, "on demand") };
    let (path, summary, taking) = write(file, &plugins, taken, options, arguments.what.options("on demand"))?;
    let reduced = crate::python::reduce(&path);
    Ok(Made { pid, path, summary, taking, reduced })
}

impl Made {
    fn json(&self) -> serde_json::Value {
        let Made { pid, path, summary, taking, reduced } = self;
        json!({
            "pid": pid,
            "file": path.display().to_string(),
            "objects": summary.objects,
            "edges": summary.edges,
            "threads": summary.threads,
            "file_bytes": summary.file_bytes,
            "pause": taking.pause.as_secs_f64(),
            "copied_bytes": taking.copied_bytes,
            "copying": taking.copying.map(|time| time.as_secs_f64()),
            "stops": taking.moment.stops,
            "caught": taking.moment.caught,
            "other_pythons": taking.others,
            "reduced": reduced.reduced,
            "reducers_failed": reduced.failed,
            "reducers_not_run": reduced.notes,
        })
    }

    fn print(&self, output: &mut Output) -> anyhow::Result<()> {
        if output.json {
            return Ok(output.value(&self.json())?);
        }
        let Made { path, summary, taking, reduced, .. } = self;
        output.line(format!(
            "wrote {}: {} objects, {} threads, {}; {}",
            path.display(),
            count(summary.objects),
            summary.threads,
            bytes(summary.file_bytes),
            stood_still("the process ", taking)
        ))?;
        left_out(output, &taking.others)?;
        for line in &taking.moment.caught {
            output.line(format!("  {line}: it may read wrongly"))?;
        }
        if let Some(line) = reduced.line() {
            output.line(line)?;
        }
        Ok(())
    }
}

/// Says which other CPythons the process has.
pub(crate) fn left_out(output: &mut Output, others: &[String]) -> anyhow::Result<()> {
    for other in others {
        output.line(format!("  {} runs in the process too, and is not in this dump: --libpython chooses it", harmless(other)))?;
    }
    Ok(())
}

/// What is known of a process that is dumped from outside.
pub(crate) fn outside(pid: i32, reason: &str) -> CaptureOptions {
    let root_dir = PathBuf::from(format!("/proc/{pid}/root"));
    CaptureOptions { reason: reason.to_owned(), pid: Some(pid), root_dir, ..CaptureOptions::default() }
}

/// Writes a dump of a process that was taken, with plugins that were opened before; gives its path.
pub(crate) fn write(
    mut file: DumpFile,
    plugins: &Rc<Plugins>,
    taken: Taken,
    options: CaptureOptions,
    mut dump: DumpOptions,
) -> anyhow::Result<(PathBuf, Summary, Taking)> {
    Plugins::accompany(plugins, &mut dump);
    let (summary, taking) = taken.capture(options, plugins.registry(), &mut file, dump)?;
    plugins::report(plugins);
    Ok((file.finish()?, summary, taking))
}

/// How long a process stood still, in words.
pub(crate) fn stood_still(who: &str, taking: &Taking) -> String {
    if taking.copying.is_some() {
        return format!("{who}was not stopped");
    }
    let time = format!("{who}stood still for {:.1} ms", taking.pause.as_secs_f64() * 1e3);
    if taking.copied_bytes.is_some() { time } else { format!("{time}, while it was read: there is no memory for a copy") }
}

/// The file to write, and its path: what was asked for, or a new one in the folder that was asked for or the working directory.
pub(crate) fn target_file(wanted: Option<&Path>, stem: &str) -> anyhow::Result<(PathBuf, DumpFile)> {
    match wanted {
        Some(path) if !path.is_dir() => Ok((path.to_owned(), DumpFile::create(path)?)),
        folder => new_file(folder, stem, ""),
    }
}

/// A file with such a name, in the folder that was asked for or in the working directory; of a name that goes on with
/// `suffix` for now. No other gets the name.
pub(crate) fn new_file(folder: Option<&Path>, stem: &str, suffix: &str) -> anyhow::Result<(PathBuf, DumpFile)> {
    let folder = match folder {
        Some(folder) => folder.to_owned(),
        None => std::env::current_dir().context("the working directory is gone\nhint: name a file with -o")?,
    };
    numbered(&folder, &dated(stem), 0, |path| claimed(path, suffix))
}

/// A file whose name is another's with the first number that is free.
pub(crate) fn numbered_file(path: &Path, suffix: &str) -> anyhow::Result<(PathBuf, DumpFile)> {
    let (folder, stem) = (path.parent().unwrap_or(Path::new("")), path.file_stem().unwrap_or_default());
    numbered(folder, stem, 1, |path| claimed(path, suffix))
}

fn claimed(path: &Path, suffix: &str) -> anyhow::Result<Option<(PathBuf, DumpFile)>> {
    if path.exists() {
        return Ok(None);
    }
    let mut path = path.to_owned();
    path.as_mut_os_string().push(suffix);
    let file = DumpFile::create_new(&path)?;
    Ok(file.map(|file| (path, file)))
}

fn dated(stem: &str) -> OsString {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    format!("{stem}-{}", stamp(seconds)).into()
}

pub(crate) fn stamp(seconds: u64) -> String {
    let stamp = crate::summary::time(seconds * 1_000_000_000);
    let stamp: String = stamp.chars().take(19).filter(char::is_ascii_digit).collect();
    format!("{}-{}", &stamp[..8], &stamp[8..])
}

/// What is made of the first name that it is made of: of the stem alone, which is number 0, or with a number.
fn numbered<T>(folder: &Path, stem: &OsStr, first: u32, make: impl Fn(&Path) -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    for number in first..10_000 {
        let mut name = stem.to_owned();
        name.push(if number == 0 { ".heapsake".to_owned() } else { format!("-{number}.heapsake") });
        if let Some(made) = make(&folder.join(name))? {
            return Ok(made);
        }
    }
    let stem = folder.join(stem);
    bail!("there are ten thousand dumps {}-….heapsake already\nhint: name another file with -o", stem.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_is_not_given() {
        let folder = tempfile::tempdir().expect("a folder");
        let free = |first| numbered(folder.path(), OsStr::new("a"), first, |path| Ok((!path.exists()).then(|| path.to_owned())));
        let take = |name: &str| std::fs::write(folder.path().join(name), "").expect("a file");
        assert_eq!(free(0).expect("a name"), folder.path().join("a.heapsake"));
        take("a.heapsake");
        take("a-1.heapsake");
        assert_eq!(
            (free(0).expect("a name"), free(1).expect("a name")),
            (folder.path().join("a-2.heapsake"), free(2).expect("a name"))
        );
        for number in 2..10_000 {
            take(&format!("a-{number}.heapsake"));
        }
        assert!(free(1).expect_err("all are taken").to_string().contains("hint: name another file"));
    }

    #[test]
    fn a_name_that_another_writes_to_is_not_given() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |suffix| numbered_file(&folder.path().join("a.heapsake"), suffix).expect("a name");
        let (one, other, later) = (file(""), file(""), file(".later"));
        let names = [&one.0, &other.0, &later.0].map(|path| path.file_name().expect("a name").to_string_lossy().into_owned());
        assert_eq!(names, ["a-1.heapsake", "a-2.heapsake", "a-1.heapsake.later"]);
        one.1.finish().expect("it has its name");
        assert_eq!(file("").0, folder.path().join("a-3.heapsake"));
    }
}
