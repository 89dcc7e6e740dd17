//! `heapsake core`: a dump of a core file, or of a process that the kernel holds while it hands out its core.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ciborium::Value;
use heapsake_cpython::memory::core::{Core, Search, head, spool};
use heapsake_cpython::pystate::CaptureOptions;
use heapsake_cpython::symbols::Which;
use heapsake_cpython::{ErrorKind, Postmortem};
use heapsake_loader::Dump;
use heapsake_plugins::Plugins;
use serde_json::json;

use crate::dump::{What, left_out, target_file};
use crate::output::{Output, bytes, count, harmless};
use crate::plugins;

/// Options of `heapsake core`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "A handler that the kernel starts for every process that dies of a signal, and that keeps the Python part alone:
  echo '|/usr/local/bin/heapsake core - --pid %P -o /var/dumps' > /proc/sys/kernel/core_pattern
Other cores of systemd: coredumpctl dump PID | heapsake core -"
)]
pub(crate) struct Arguments {
    /// The core file, which may be packed with gzip, zstd or lz4; `-` for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The executable, if it does not lie where it did.
    #[arg(long, value_name = "PATH")]
    exe: Option<PathBuf>,
    /// The folder below which the files of the process lie.
    #[arg(long, value_name = "DIR")]
    sysroot: Option<PathBuf>,
    /// The file of the CPython that is meant, where the process has several: the end of its path, as `libpython3.11.so.1.0`.
    #[arg(long, value_name = "PATH")]
    libpython: Option<PathBuf>,
    /// A folder with files by build id (`.build-id/ab/cdef…` or `abcdef…/executable`); may be given several times.
    #[arg(long, value_name = "DIR")]
    debug_dir: Vec<PathBuf>,
    /// The process, while it still exists: its files are those that it sees, and of one that dies its memory is read at once.
    #[arg(long, value_name = "PID")]
    pid: Option<i32>,
    /// Where to write: a file, or a folder.
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    #[command(flatten)]
    what: What,
    /// Print JSON (docs/json.md).
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<i32> {
    heapsake_cpython::memory::limit::make_the_most();
    for folder in arguments.sysroot.iter().chain(&arguments.debug_dir) {
        if !folder.is_dir() {
            bail!("{} is no folder", folder.display());
        }
    }
    if let Some(executable) = &arguments.exe {
        std::fs::metadata(executable).with_context(|| format!("the executable {} cannot be used", executable.display()))?;
    }
    if let Some(output) = arguments.output.as_deref().filter(|output| is_one_file(output, &arguments.file)) {
        bail!("{} is the core file, which the dump would take the place of: -o names another file", output.display());
    }
    let stem = match arguments.file.file_name().filter(|_| arguments.file != Path::new("-")) {
        Some(name) if name.to_string_lossy().starts_with("core") => name.to_string_lossy().into_owned(),
        Some(name) => format!("core-{}", name.to_string_lossy()),
        None => arguments.pid.map_or_else(|| "core".to_owned(), |pid| format!("core-{pid}")),
    };
    let (path, mut file) = target_file(arguments.output.as_deref(), &stem)?;
    let plugins = plugins::open()?;
    let search = Search {
        executable: arguments.exe.clone(),
        sysroot: arguments.sysroot.clone(),
        by_build_id: arguments.debug_dir.clone(),
        process: arguments.pid,
    };
    let scratch = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let postmortem = open(arguments, &search, &scratch)?;
    let reason = postmortem.death().map_or_else(|| "core file".to_owned(), |death| death.reason());
    let (faults, caught) = (postmortem.faults().to_vec(), postmortem.caught().to_vec());
    let others = postmortem.others().to_vec();
    let options = CaptureOptions {
        reason: reason.clone(),
        find_exception: true,
        all: arguments.what.all,
        native: arguments.what.native,
        only_current: postmortem.death().is_some(),
        root_dir: search.root(),
        sources: arguments.what.sources()?,
        ..CaptureOptions::default()
    };
    let mut dump = arguments.what.options(&reason);
    Plugins::accompany(&plugins, &mut dump);
    let summary = postmortem.capture(options, plugins.registry(), &mut file, dump)?;
    plugins::report(&plugins);
    let path = file.finish()?;
    let reduced = crate::python::reduce(&path);
    let mut output = Output::new(arguments.json);
    if output.json {
        output.value(&json!({
            "file": path.display().to_string(),
            "objects": summary.objects,
            "edges": summary.edges,
            "threads": summary.threads,
            "file_bytes": summary.file_bytes,
            "reason": reason,
            "faults": faults,
            "caught": caught,
            "other_pythons": others,
            "reduced": reduced.reduced,
            "reducers_failed": reduced.failed,
            "reducers_not_run": reduced.notes,
        }))?;
        return Ok(0);
    }
    output.line(format!(
        "wrote {}: {reason}; {} objects, {} threads, {}",
        path.display(),
        count(summary.objects),
        summary.threads,
        bytes(summary.file_bytes)
    ))?;
    left_out(&mut output, &others)?;
    for line in faults {
        output.line(format!("  {}", harmless(&line)))?;
    }
    for line in caught {
        output.line(format!("  {}: it may read wrongly", harmless(&line)))?;
    }
    if let Some(line) = reduced.line() {
        output.line(line)?;
    }
    Ok(0)
}

fn is_one_file(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    place(one).is_some_and(|place_of_one| place(other) == Some(place_of_one))
}

/// What is said of a process that cannot be dumped, and would be said of its core.
const SAME_OF_CORE: [ErrorKind; 5] = [
    ErrorKind::NotPython,
    ErrorKind::OtherImplementation,
    ErrorKind::NotReady,
    ErrorKind::UnknownLayout,
    ErrorKind::LayoutMismatch,
];

/// What was asked for: a file, standard input, or the process whose core comes by standard input.
fn open(arguments: &Arguments, search: &Search, scratch: &Path) -> anyhow::Result<Postmortem> {
    let which = arguments.libpython.clone().map_or(Which::Running, Which::Named);
    if arguments.file != Path::new("-") {
        return Ok(Postmortem::of_core(Core::open(&arguments.file, search, scratch)?, which)?);
    }
    let mut input = std::io::stdin();
    let whole: Box<dyn Read> = match arguments.pid {
        Some(pid) => {
            let (notes, begin) = head(&mut input)?;
            match Postmortem::of_held(pid, notes, which.clone()) {
                Ok(held) => return Ok(held),
                // The core would say the same.
                Err(problem) if SAME_OF_CORE.contains(&problem.kind()) => return Err(problem.into()),
                // What the kernel hands out can be read in any case.
                Err(problem) => eprintln!("heapsake: process {pid} is not read itself: {}", crate::output::told(&problem.into())),
            }
            Box::new(std::io::Cursor::new(begin).chain(input))
        }
        None => Box::new(input),
    };
    Ok(Postmortem::of_core(Core::of(spool(whole, &arguments.file, scratch)?, search)?, which)?)
}

/// What a core lacked that a dump was made of, in words.
pub(crate) fn faults(dump: &Dump) -> Vec<String> {
    let Some(Value::Map(core)) = dump.fact("core") else { return Vec::new() };
    let faults = core.iter().find(|(name, _)| name.as_text() == Some("faults")).and_then(|(_, faults)| faults.as_array());
    faults.into_iter().flatten().filter_map(|fault| fault.as_text()).map(harmless).collect()
}
