//! `cargo xtask bench`: the engine on synthetic heaps and on a real program; `bench peers` and `bench outside`: heapsake beside
//! other tools, in the program and from outside; `bench dap`: the debug adapter on a large dump.
//!
//! Figures are CPU seconds unless said, since others may use the machine; no figure is asserted.

mod dap;
mod outside;
mod peers;
mod table;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use clap::Subcommand;
use serde_json::Value;

use crate::interpreters::{self, Interpreter};
use crate::test::{finish, install, pip, wheel};
use crate::{test, tidy};

/// The tools that heapsake is measured beside, at these versions.
const PEERS: [&str; 3] = ["coredumpy==0.5.0", "cloudpickle==3.1.2", "dill==0.4.1"];
/// The version that is measured when none is named.
const MINOR: u8 = 11;

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    program: Program,
    /// Objects of the synthetic heaps, in millions.
    #[arg(long, default_value_t = 5.0)]
    millions: f64,
}

#[derive(Subcommand)]
enum What {
    /// heapsake, cloudpickle, dill, coredumpy and a walk of the collector, on the same objects in one run.
    Peers(peers::Arguments),
    /// heapsake, gcore, PyHeap, pystack and py-spy, on the same processes in one run.
    Outside(outside::Arguments),
    /// The debug adapter, from its start to who holds an object, on a large dump.
    Dap(dap::Arguments),
}

/// The program that is measured.
#[derive(clap::Args, Clone)]
pub(crate) struct Program {
    /// The interpreter (default: a 3.11 that pyenv or PATH knows).
    #[arg(long)]
    python: Option<PathBuf>,
    /// Records that it holds, some 3 objects each.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
}

/// Measures.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let root = tidy::root()?;
    match &arguments.what {
        Some(What::Peers(peers)) => peers::run(&root, peers),
        Some(What::Outside(outside)) => outside::run(&root, outside),
        Some(What::Dap(dap)) => dap::run(&root, dap),
        None => engine(&root, arguments),
    }
}

/// The engine on synthetic heaps, then on the program.
fn engine(root: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    build(root)?;
    let bench = root.join("target/release/heapsake-bench-engine");
    finish(Command::new(&bench).arg("synthetic").arg(arguments.millions.to_string()))?;
    let interpreter = arguments.program.interpreter()?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("records.heapsake");
    let told = arguments.program.dumped_outside(root, interpreter.binary()?, &file)?;
    let (objects, cpu) = (number(&told, "objects")?, number(&told, "cpu")?);
    println!(
        "\n{} records in Python {}: {objects} objects, {:.0} MB resident",
        arguments.program.records,
        interpreter.name(),
        number(&told, "resident")? / 1e6
    );
    println!(
        "dump from outside: {cpu:.2} s, {:.1} M objects/s; {:.1} MB, {:.2} bytes an object; pause {:.1} ms",
        objects / 1e6 / cpu,
        number(&told, "bytes")? / 1e6,
        number(&told, "bytes")? / objects,
        number(&told, "pause")? * 1e3
    );
    // The graph is kept where it is gone afterwards.
    finish(Command::new(&bench).arg("file").arg(&file).env("XDG_CACHE_HOME", folder.path()))
}

/// Builds what is measured.
pub(crate) fn build(root: &Path) -> anyhow::Result<()> {
    let packages = ["build", "--release", "--quiet", "-p", "heapsake-cli", "-p", "heapsake-benches"];
    finish(Command::new(env!("CARGO")).args(packages).current_dir(root))
}

impl Program {
    /// The interpreter to use.
    pub(crate) fn interpreter(&self) -> anyhow::Result<Chosen> {
        chosen(self.python.as_ref())
    }

    /// What dumping the program from outside costs, and showing the stack of the dump.
    pub(crate) fn dumped_outside(&self, root: &Path, python: &Path, file: &Path) -> anyhow::Result<Value> {
        let heapsake = root.join("target/release/heapsake");
        let records = self.records.to_string();
        program(root, python, "outside.py", &[heapsake.as_os_str(), records.as_ref(), file.as_os_str()])
    }
}

/// The interpreter that is named, else a usual one.
fn chosen(python: Option<&PathBuf>) -> anyhow::Result<Chosen> {
    let found = interpreters::find(python.map_or(&[], std::slice::from_ref))?;
    // Of several 3.11 the last release, and no special build.
    let suits = |one: &&Interpreter| python.is_some() || (one.version.minor() == MINOR && one.name() == one.version.to_string());
    let chosen = found.iter().rfind(suits);
    let chosen = chosen.with_context(|| format!("no CPython 3.{MINOR} was found by pyenv or on PATH; name one with --python"))?;
    Ok(Chosen { name: chosen.name(), binary: chosen.binaries.first().cloned() })
}

/// An interpreter that was chosen.
pub(crate) struct Chosen {
    name: String,
    binary: Option<PathBuf>,
}

impl Chosen {
    /// Its version and build.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its executable.
    pub(crate) fn binary(&self) -> anyhow::Result<&Path> {
        self.binary.as_deref().context("an interpreter without an executable")
    }
}

/// The interpreter of a virtual environment with the package and its peers.
fn environment(root: &Path, chosen: &Chosen) -> anyhow::Result<PathBuf> {
    let wheel = wheel(root, chosen.binary()?)?;
    let python = test::environment(&root.join("target/environments/bench").join(chosen.name()), chosen.binary()?)?;
    pip(&python, ["install", "--quiet", PEERS[0], PEERS[1], PEERS[2]])?;
    install(&python, &wheel)?;
    Ok(python)
}

/// What a program of `benches/programs` reports: the last line that it prints, as JSON.
fn program(root: &Path, python: &Path, name: &str, arguments: &[&std::ffi::OsStr]) -> anyhow::Result<Value> {
    let text = said(root, python, name, arguments)?;
    let line = text.lines().last().with_context(|| format!("{name} said nothing"))?;
    serde_json::from_str(line).with_context(|| format!("{name} said {line:?}"))
}

/// What a program of `benches/programs` prints.
fn said(root: &Path, python: &Path, name: &str, arguments: &[&std::ffi::OsStr]) -> anyhow::Result<String> {
    let mut command = Command::new(python);
    command.arg("-B").arg(root.join("benches/programs").join(name)).args(arguments);
    let output = command.output().with_context(|| format!("cannot run {}", python.display()))?;
    if !output.status.success() {
        bail!("{name} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A number of a report.
fn number(told: &Value, name: &str) -> anyhow::Result<f64> {
    told[name].as_f64().with_context(|| format!("no {name} in {told}"))
}
