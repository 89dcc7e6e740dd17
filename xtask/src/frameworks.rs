//! The packages that the doors are tested with: frameworks for two Pythons, pytest for each; and the page `docs/doors-frameworks.md`.
//!
//! They lie in a folder that is called after what is asked for and of which Pythons: where that changes, all are made anew.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::debian;
use crate::interpreters::{self, Interpreter};
use crate::side_by_side;
use crate::test::{built, environment, finish};

/// The minor release of the page, and the newest that frameworks run in.
const MINORS: [u8; 2] = [12, 15];
/// What is asked for: every package, by its release.
const FRAMEWORKS: &str = "tests/programs/doors/frameworks.requirements.txt";
const PYTEST: &str = "tests/programs/doors/pytest.requirements.txt";
/// Processors wait for what is fetched.
const AT_ONCE: usize = 3;

/// Makes the environments, with `wheel` in those of the frameworks; gives their folder. `newer` are the interpreters that come
/// without pip. Without PyPI there are none, which is an error in continuous integration.
pub(crate) fn environments(
    root: &Path,
    found: &[Interpreter],
    newer: &[PathBuf],
    wheel: &Path,
) -> anyhow::Result<Option<PathBuf>> {
    match provide(root, found, newer, wheel) {
        Ok(base) => Ok(Some(base)),
        Err(problem) if std::env::var_os("CI").is_some() => {
            bail!("the packages of the doors are not to be had: is PyPI reachable? {problem:#}")
        }
        Err(problem) => {
            println!("not tested: doors to frameworks, as their packages are not to be had: {problem:#}");
            Ok(None)
        }
    }
}

/// An interpreter to make something for.
struct Base<'a> {
    interpreter: &'a Interpreter,
    python: &'a Path,
    /// Those of Debian come without: the packager's own serves them.
    has_pip: bool,
}

fn provide(root: &Path, found: &[Interpreter], newer: &[PathBuf], wheel: &Path) -> anyhow::Result<PathBuf> {
    let newer = newer.iter().map(|python| Ok((Interpreter::ask(python)?, python))).collect::<anyhow::Result<Vec<_>>>()?;
    let found = found.iter().filter_map(|one| Some((one, one.binaries.first()?, true)));
    let bases = found.chain(newer.iter().map(|(one, python)| (one, *python, false)));
    let bases: Vec<Base> = bases.map(|(interpreter, python, has_pip)| Base { interpreter, python, has_pip }).collect();
    let base = folder(root, &bases)?;
    let mut wanted = Vec::new();
    for minor in MINORS {
        if let Some(one) = bases.iter().rfind(|one| one.interpreter.version.minor() == minor) {
            wanted.push((format!("python-3.{minor}"), (one, true)));
        }
    }
    for one in &bases {
        let minor = one.interpreter.version.minor();
        let name = format!("pytest-3.{minor}");
        if !MINORS.contains(&minor) && !wanted.iter().any(|(known, _)| *known == name) {
            wanted.push((name, (one, false)));
        }
    }
    let wanted: Vec<_> = wanted.into_iter().map(|(name, (one, whole))| (name.clone(), (base.join(name), one, whole))).collect();
    side_by_side::each(
        AT_ONCE,
        &wanted,
        |(folder, one, whole)| {
            if *whole { frameworks(root, one, folder, wheel) } else { pytest(root, one, folder) }
        },
    )?;
    Ok(base)
}

/// The folder of all that is asked for; others are of what was asked for once, and are removed.
fn folder(root: &Path, bases: &[Base]) -> anyhow::Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    for name in [FRAMEWORKS, PYTEST] {
        fs::read_to_string(root.join(name)).with_context(|| name.to_owned())?.hash(&mut hasher);
    }
    for one in bases {
        one.interpreter.name().hash(&mut hasher);
    }
    let all = root.join("target/environments/frameworks");
    let base = all.join(format!("{:016x}", hasher.finish()));
    for entry in fs::read_dir(&all).into_iter().flatten().filter_map(Result::ok).filter(|entry| entry.path() != base) {
        fs::remove_dir_all(entry.path())?;
    }
    Ok(base)
}

/// An environment with the frameworks, and with the wheel whatever was installed before.
fn frameworks(root: &Path, one: &Base, folder: &Path, wheel: &Path) -> anyhow::Result<()> {
    let inside = folder.join("bin/python");
    complete(folder, || {
        if one.has_pip {
            environment(folder, one.python)?;
        } else {
            finish(Command::new(one.python).args(["-m", "venv", "--without-pip"]).arg(folder))?;
        }
        finish(pip(root, one, &inside).args(["--only-binary", ":all:", "--no-deps", "--requirement"]).arg(root.join(FRAMEWORKS)))
    })?;
    finish(pip(root, one, &inside).args(["--force-reinstall", "--no-deps"]).arg(wheel))
}

/// A folder of packages beside the environment that has heapsake, so that this stays as it is.
fn pytest(root: &Path, one: &Base, folder: &Path) -> anyhow::Result<()> {
    let python = root.join("target/environments").join(one.interpreter.name()).join("bin/python");
    complete(folder, || {
        let mut pip = pip(root, one, &python);
        pip.args(["--only-binary", ":all:", "--no-deps", "--requirement"]).arg(root.join(PYTEST));
        finish(pip.arg("--target").arg(folder))
    })
}

/// What installs for `python`, an environment of `one`.
fn pip(root: &Path, one: &Base, python: &Path) -> Command {
    let packager = root.join("target/environments/build/bin/python");
    let mut command = Command::new(if one.has_pip { python } else { &packager });
    command.args(["-m", "pip", "--quiet", "--disable-pip-version-check"]);
    if !one.has_pip {
        command.arg("--python").arg(python);
    }
    command.arg("install");
    command
}

/// Makes a folder, unless it was made to its end before.
fn complete(folder: &Path, make: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mark = folder.join("complete");
    if mark.is_file() {
        return Ok(());
    }
    let _ = fs::remove_dir_all(folder);
    make()?;
    Ok(fs::write(mark, "")?)
}

/// Writes the page, with the wheel and the environments that were made last.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = crate::tidy::root()?;
    let found = interpreters::find(&[])?;
    let base = environments(&root, &found, &debian::present(&root), &built(&root)?)?.context("no packages")?;
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--release", "--package", "heapsake-tests", "--test", "frameworks", "each_door"]);
    finish(command.current_dir(&root).env("HEAPSAKE_TEST_FRAMEWORKS", base).env("HEAPSAKE_WRITE_FRAMEWORKS", "1"))
}
