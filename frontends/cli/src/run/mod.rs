//! `heapsake run`: a supervisor. The program runs in any Python as it would without us; at the moment an exception reaches
//! the top of its thread, or leaves `asyncio.run`, the bootstrap tells us and waits, and the process is read from outside.

mod supervise;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::dump::What;

pub(crate) use supervise::supervise;

/// Options of `heapsake run`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "The program's arguments, standard input, exit status and signals are its own. Of an uncaught exception a dump is
made before anything reports it; `finally` blocks have run by then, and frames and variables come from the traceback.
An exception that leaves asyncio.run is caught before the sibling tasks are cancelled.

Examples:
  heapsake run app.py --port 80
  heapsake run -o /dumps -m package.module
  heapsake run --python python3.9 -- app.py"
)]
pub(crate) struct Arguments {
    /// The Python to run; else that of the virtual environment, python3, python.
    #[arg(long, value_name = "PYTHON")]
    pub(crate) python: Option<PathBuf>,
    /// Where to write: a file, or a folder.
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) what: What,
    /// script.py, or -m module, or -c code; and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "PROGRAM")]
    pub(crate) program: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<i32> {
    let stem = stem(&arguments.program);
    let outcome = supervise(arguments, &stem)?;
    for line in &outcome.told {
        eprintln!("heapsake: {line}");
    }
    Ok(outcome.status())
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
    if kept.is_empty() { "python".to_owned() } else { kept }
}
