//! `cargo xtask referents`: which references of objects of C types a dump has, against what `gc.get_referents` gives, for the
//! standard library and for packages from PyPI; the result goes to `docs/referents.md`.
//!
//! The program that is dumped writes down what its objects refer to; it is dumped from outside, and the dump is compared with
//! what it wrote, in the environment that made it.

mod page;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::interpreters::{self, Interpreter};
use crate::test::{built, environment, finish, install, wheel};
use crate::tidy;

/// The minor releases that are looked at.
const MINORS: [u8; 3] = [8, 11, 13];
/// What the programs hold: functions of `packages.py`, the standard library first. A type belongs to the first that has it.
const PROGRAMS: [(&str, &str); 19] = [
    ("zoo", "standard library"),
    ("numpy", "numpy"),
    ("pandas", "pandas"),
    ("pyarrow", "pyarrow"),
    ("lxml", "lxml"),
    ("pydantic", "pydantic-core"),
    ("yaml", "PyYAML"),
    ("aiohttp", "aiohttp, multidict, yarl, frozenlist"),
    ("serializers", "msgpack, orjson, httptools, zstandard, ujson"),
    ("cryptography", "cryptography"),
    ("pillow", "Pillow"),
    ("regex", "regex"),
    ("psycopg", "psycopg-binary"),
    ("sqlalchemy", "SQLAlchemy, greenlet"),
    ("grpcio", "grpcio, protobuf"),
    ("cffi", "cffi"),
    ("gevent", "gevent, zope.interface"),
    ("polars", "polars"),
    ("uvloop", "uvloop"),
];

/// Options of `cargo xtask referents`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only these programs; the result is printed, not written.
    programs: Vec<String>,
    /// Take the wheel that was built last.
    #[arg(long)]
    built: bool,
}

/// What was counted of one type in one program.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Share {
    module: String,
    name: String,
    origin: String,
    bases: Vec<String>,
    objects: u64,
    absent: u64,
    edges: u64,
    found: u64,
    further: u64,
    wrong: u64,
    lost: std::collections::BTreeMap<String, u64>,
}

/// What was counted of one program in one interpreter.
#[derive(Debug)]
pub(crate) struct Counted {
    minor: u8,
    package: &'static str,
    shares: Vec<Share>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let root = tidy::root()?;
    let found = interpreters::find(&[])?;
    let newest = found.last().and_then(|one| one.binaries.first()).context("no interpreter")?;
    let wheel = if arguments.built { built(&root)? } else { wheel(&root, newest)? };
    let folder = tempfile::tempdir()?;
    let mut counted = Vec::new();
    let mut versions = Vec::new();
    for minor in MINORS {
        // The last release, and no special build.
        let suits = |one: &&Interpreter| one.version.minor() == minor && one.name() == one.version.to_string();
        let interpreter = found.iter().rfind(suits).with_context(|| format!("no CPython 3.{minor}"))?;
        let python = prepare(&root, interpreter, &wheel)?;
        versions.push((interpreter.name(), frozen(&python)?));
        for (program, package) in PROGRAMS {
            if !arguments.programs.is_empty() && !arguments.programs.iter().any(|one| one == program) {
                continue;
            }
            eprintln!("3.{minor}: {program}");
            let shares = count(&root, &python, program, folder.path()).with_context(|| format!("{program} of 3.{minor}"))?;
            counted.push(Counted { minor, package, shares });
        }
    }
    let page = page::page(&versions, &counted)?;
    if !arguments.programs.is_empty() {
        print!("{page}");
        return Ok(());
    }
    let path = root.join("docs/referents.md");
    std::fs::write(&path, page).with_context(|| path.display().to_string())
}

/// An environment with the packages and with `wheel`.
fn prepare(root: &Path, interpreter: &Interpreter, wheel: &Path) -> anyhow::Result<PathBuf> {
    let binary = interpreter.binaries.first().context("no interpreter")?;
    let python = environment(&root.join(format!("target/environments/referents/3.{}", interpreter.version.minor())), binary)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--only-binary", ":all:", "--requirement"]);
    finish(pip.arg(root.join("tests/programs/referents/requirements.txt")))?;
    install(&python, wheel)?;
    Ok(python)
}

/// The packages of an environment that the requirements name, with their releases.
fn frozen(python: &Path) -> anyhow::Result<Vec<String>> {
    let output =
        Command::new(python).args(["-m", "pip", "--disable-pip-version-check", "freeze", "--exclude", "heapsake"]).output()?;
    if !output.status.success() {
        bail!("pip freeze ended with {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?.lines().filter(|line| line.contains("==")).map(|line| line.replace("==", " ")).collect())
}

/// Runs a program, dumps it, and compares.
fn count(root: &Path, python: &Path, program: &str, folder: &Path) -> anyhow::Result<Vec<Share>> {
    let programs = root.join("tests/programs/referents");
    let (said, dump) = (folder.join("said.json"), folder.join("said.heapsake"));
    let mut command = Command::new(python);
    command.arg("-B").arg(programs.join("target.py")).arg(&said).arg(program);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("a pipe")?).read_line(&mut line)?;
    let dumped = if line == "ready\n" {
        let mut command = Command::new(python.with_file_name("heapsake"));
        command.arg("dump").arg(child.id().to_string()).args(["--redact", "none", "-o"]).arg(&dump);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        finish(&mut command)
    } else {
        Err(anyhow::anyhow!("it said {line:?} and was not ready"))
    };
    drop(child.stdin.take());
    child.wait()?;
    dumped?;
    let output = Command::new(python).args(["-I", "-B"]).arg(programs.join("compare.py")).arg(&dump).arg(&said).output()?;
    std::fs::remove_file(&dump)?;
    if !output.status.success() {
        bail!("the comparison ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    text.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}
