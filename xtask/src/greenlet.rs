//! `cargo xtask greenlet`: the table of greenlet's layouts, made of the debug information of PyPI's wheels.
//!
//! Every release of a fixed list that has a wheel for an interpreter found is fetched by pip and looked at; nothing of it is
//! kept but offsets.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use heapsake_cpython::layouts::dwarf::{self, DebugFiles};
use heapsake_greenlet::{Release, Row, Shape, Table};

use crate::interpreters;
use crate::test::environment;
use crate::tidy;

/// Releases that are looked at: the first and the last of every line, and those around which fields moved.
const RELEASES: [&str; 20] = [
    "1.0.0", "1.1.3", "2.0.0", "2.0.2", "3.0.0", "3.0.2", "3.0.3", "3.1.0", "3.1.1", "3.2.0", "3.2.3", "3.2.4", "3.2.5", "3.3.0",
    "3.3.2", "3.4.0", "3.5.0", "3.5.2", "3.5.3", "3.5.6",
];

/// Options of `cargo xtask greenlet`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Compare with the table instead of writing it; exit 1 if they differ.
    #[arg(long)]
    check: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let root = tidy::root()?;
    let path = root.join("plugins/greenlet/src/greenlets.layout");
    let mut table = Table::default();
    let wheels = root.join("target/greenlet");
    let mut found = interpreters::find(&[])?;
    // The layout is the same for all patch releases of a Python.
    found.dedup_by_key(|interpreter| interpreter.version.minor());
    for interpreter in found {
        let binary = interpreter.binaries.first().context("no interpreter")?;
        let python = environment(&wheels.join(format!("3.{}", interpreter.version.minor())), binary)?;
        for release in RELEASES {
            let Some(shape) = shape(&python, &wheels.join(format!("3.{}-{release}", interpreter.version.minor())), release)?
            else {
                continue;
            };
            let python = interpreter.version.minor();
            let release = Release::parse(release).context("a release of three numbers")?;
            match table.rows.last_mut().filter(|row| row.python == python && row.shape == shape) {
                Some(row) => row.last = release,
                None => table.rows.push(Row { python, first: release, last: release, shape }),
            }
        }
    }
    if arguments.check {
        return match std::fs::read_to_string(&path) {
            Ok(there) if there == table.text() => Ok(()),
            _ => bail!("{} is not what the wheels say\nhint: cargo xtask greenlet", path.display()),
        };
    }
    std::fs::write(&path, table.text()).with_context(|| path.display().to_string())
}

/// The layout of a release for this interpreter; none if there is no wheel.
fn shape(python: &Path, folder: &Path, release: &str) -> anyhow::Result<Option<Shape>> {
    if !folder.is_dir() {
        let mut pip = Command::new(python);
        pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-deps", "--only-binary", ":all:"]);
        let had = pip.arg("--target").arg(folder).arg(format!("greenlet=={release}")).stderr(Stdio::null()).status()?;
        if !had.success() {
            println!("greenlet {release}: no wheel for {}", python.display());
            return Ok(None);
        }
    }
    let mut libraries = Vec::new();
    for folder in [folder.join("greenlet"), folder.to_owned()] {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        libraries.extend(entries.map(|entry| entry.path()).filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with("_greenlet") && path.extension().is_some_and(|ending| ending == "so")
        }));
    }
    let library = libraries.first().with_context(|| format!("no library in {}", folder.display()))?;
    let Some(found) = dwarf::read(library, &DebugFiles::in_folders([folder]), &Shape::names())? else {
        println!("greenlet {release}: no debug information in {}", library.display());
        return Ok(None);
    };
    let shape = Shape::of_definitions(&found);
    if shape.is_none() {
        let kinds: Vec<(&String, usize)> = found.structures.iter().map(|(name, all)| (name, all.len())).collect();
        bail!("{}: the structures are not those that are known: {kinds:?}", library.display());
    }
    Ok(shape)
}
