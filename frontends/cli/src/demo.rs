//! `heapsake demo`: a small program of several threads runs to its crash, and its dump is shown.

use std::path::PathBuf;

use anyhow::Context;
use heapsake_core::Redaction;

use crate::dump::What;
use crate::output::Output;
use crate::run::{self, supervise};
use crate::summary;

const PROGRAM: &str = include_str!("demo.py");

/// Options of `heapsake demo`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The Python to run; else python3, python.
    #[arg(long, value_name = "PYTHON")]
    python: Option<PathBuf>,
    /// Where to leave the dump; else in a new folder for temporary files.
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Print JSON (docs/json.md).
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<i32> {
    let folder = std::env::temp_dir().join(format!("heapsake-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let script = folder.join("bakery.py");
    std::fs::write(&script, PROGRAM).with_context(|| format!("cannot write {}", script.display()))?;
    let what = What {
        redact: Redaction::Names,
        sources: Vec::new(),
        all: false,
        native: false,
        max_bytes: None,
        max_seconds: None,
        max_objects: None,
    };
    let wanted = run::Arguments {
        python: arguments.python.clone(),
        output: Some(arguments.output.clone().unwrap_or_else(|| folder.clone())),
        max_dumps: 1,
        untraced: true,
        watch_memory: None,
        watch_hang: None,
        ignore: Vec::new(),
        what,
        program: vec![script.into_os_string()],
    };
    eprintln!("running a bakery of four threads until it fails …");
    let outcome = supervise(&wanted, &[], &wanted.program, "bakery")?;
    let Some(dump) = outcome.dump else {
        anyhow::bail!("no dump was made\n{}", outcome.told.join("\n"));
    };
    eprintln!("\nthis is what `heapsake {}` shows:\n", dump.display());
    let mut output = Output::new(arguments.json);
    summary::run(&dump, &mut output)
}
