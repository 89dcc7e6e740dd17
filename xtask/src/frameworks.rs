//! The packages that the doors are tested with: frameworks for one Python, pytest for each; and the page `docs/doors-frameworks.md`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::interpreters::{self, Interpreter};
use crate::test::{built, environment, finish};

/// The minor release that the frameworks run in.
const MINOR: u8 = 12;
const FRAMEWORKS: &str = "tests/programs/doors/frameworks.requirements.txt";
const PYTEST: &str = "tests/programs/doors/pytest.requirements.txt";

/// Makes the environments, with `wheel` in that of the frameworks; gives their folder. Without PyPI there are none, which is an
/// error in continuous integration.
pub(crate) fn environments(root: &Path, found: &[Interpreter], wheel: &Path) -> anyhow::Result<Option<PathBuf>> {
    let base = root.join("target/environments/frameworks");
    let made = provide(root, found, wheel, &base);
    if let Err(problem) = made {
        if std::env::var_os("CI").is_some() {
            bail!("the packages of the doors are not to be had: is PyPI reachable? {problem:#}");
        }
        println!("not tested: doors to frameworks, as their packages are not to be had: {problem:#}");
        return Ok(None);
    }
    Ok(Some(base))
}

fn provide(root: &Path, found: &[Interpreter], wheel: &Path, base: &Path) -> anyhow::Result<()> {
    let interpreter = found.iter().rfind(|one| one.version.minor() == MINOR).or(found.last());
    let binary = interpreter.and_then(|one| one.binaries.first()).context("no interpreter")?;
    let python = environment(&base.join("python"), binary)?;
    let pip = |python: &Path| {
        let mut command = Command::new(python);
        command.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install"]);
        command
    };
    finish(pip(&python).args(["--only-binary", ":all:", "--requirement"]).arg(root.join(FRAMEWORKS)))?;
    finish(pip(&python).args(["--force-reinstall", "--no-deps"]).arg(wheel))?;
    for interpreter in found {
        // Beside the environment that has the package, so that it stays as it is.
        let python = root.join("target/environments").join(interpreter.name()).join("bin/python");
        let target = base.join(format!("pytest-3.{}", interpreter.version.minor()));
        if !target.is_dir() {
            finish(
                pip(&python).args(["--only-binary", ":all:", "--requirement"]).arg(root.join(PYTEST)).arg("--target").arg(target),
            )?;
        }
    }
    Ok(())
}

/// Writes the page, with the wheel and the environments that were made last.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = crate::tidy::root()?;
    let found = interpreters::find(&[])?;
    let base = environments(&root, &found, &built(&root)?)?.context("no packages")?;
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--release", "--package", "heapsake-tests", "--test", "frameworks", "each_door"]);
    finish(command.current_dir(&root).env("HEAPSAKE_TEST_FRAMEWORKS", base).env("HEAPSAKE_WRITE_FRAMEWORKS", "1"))
}
