//! `heapsake debug FILE`: a debugger of Python, in a Python that has the package.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// Options of `heapsake debug`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The dump.
    file: PathBuf,
    /// The thread, task or suspended generator to start in, by name or number.
    #[arg(long)]
    thread: Option<String>,
    /// The debugger; all but pdb have to be installed in that Python.
    #[arg(long = "with", value_name = "DEBUGGER", value_parser = ["pdb", "ipdb", "ipython", "pudb"], conflicts_with = "debugpy")]
    with: Option<String>,
    /// Show the dump through debugpy to an IDE that attaches.
    #[arg(long)]
    debugpy: bool,
    /// Where debugpy listens; a free port of this machine alone without it.
    #[arg(long, value_name = "[HOST:]PORT", requires = "debugpy")]
    listen: Option<String>,
    /// The Python to use; it must have the package `heapsake`.
    #[arg(long, value_name = "PYTHON")]
    python: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<i32> {
    // Opening it here first gives one clear message for what is no dump.
    heapsake_loader::open(&arguments.file)?;
    let candidates = match &arguments.python {
        Some(python) => vec![python.clone().into_os_string()],
        None => candidates(),
    };
    let Some(python) = candidates.iter().find(|python| has_package(python)) else {
        bail!(
            "no Python with the package heapsake was found\nhint: `pip install heapsake`, or name one with --python; \
             without Python, `heapsake stack` and `heapsake inspect` show the same"
        );
    };
    let mut command = Command::new(python);
    // Modules of the working directory must not stand in for ours.
    command.args(["-I", "-m", "heapsake", "debug"]);
    if let Some(thread) = &arguments.thread {
        command.arg("--thread").arg(thread);
    }
    if let Some(with) = &arguments.with {
        command.arg("--with").arg(with);
    }
    if arguments.debugpy {
        command.arg("--debugpy");
    }
    if let Some(listen) = &arguments.listen {
        command.arg("--listen").arg(listen);
    }
    let failed = command.arg("--").arg(std::path::absolute(&arguments.file)?).exec();
    Err(failed).with_context(|| format!("cannot run {}", python.display()))
}

fn candidates() -> Vec<OsString> {
    let mut found: Vec<OsString> = Vec::new();
    if let Some(environment) = std::env::var_os("VIRTUAL_ENV") {
        found.push(PathBuf::from(environment).join("bin/python").into_os_string());
    }
    found.extend(["python3", "python"].map(OsString::from));
    found.extend((8..=15).rev().map(|minor| format!("python3.{minor}").into()));
    found
}

fn has_package(python: &OsString) -> bool {
    let mut command = Command::new(python);
    command.args(["-I", "-c", "import heapsake._heapsake"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
