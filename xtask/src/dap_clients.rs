//! Clients of the debug adapter for its tests: an environment with the protocol's JSON schema (debugpy brings it along) and
//! Neovim, and the packages of npm that drive adapters.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::interpreters::Interpreter;
use crate::test::{environment, finish};

/// What the clients need of PyPI.
const REQUIREMENTS: &str = "tests/programs/dap/requirements.txt";
/// The package that is installed from npm.
const PACKAGE: &str = "frontends/dap/tests/testsupport";

/// Makes them; gives their folder. What cannot be had is said, and is an error in continuous integration.
pub(crate) fn provide(root: &Path, found: &[Interpreter]) -> anyhow::Result<Option<PathBuf>> {
    let base = root.join("target/dap-clients");
    // jsonschema needs a Python that is not the oldest.
    let interpreter = found.iter().rfind(|one| one.version.minor() <= 12).or(found.last()).context("no interpreter")?;
    let python = environment(&base.join("python"), interpreter.binaries.first().context("no interpreter")?)?;
    let mut command = Command::new(&python);
    command.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--only-binary", ":all:", "--requirement"]);
    if let Err(problem) = finish(command.arg(root.join(REQUIREMENTS))) {
        if std::env::var_os("CI").is_some() {
            bail!("the packages of {REQUIREMENTS} are not to be had: is PyPI reachable? {problem:#}");
        }
        println!("not tested: clients of the debug adapter, as the packages of {REQUIREMENTS} are not to be had");
        return Ok(None);
    }
    if let Err(problem) = testsupport(root, &base.join("testsupport")) {
        if std::env::var_os("CI").is_some() {
            bail!("node and the packages of {PACKAGE} are needed in continuous integration: {problem:#}");
        }
        println!("not tested: debugadapter-testsupport, as node or its packages are not to be had: {problem:#}");
        let _ = std::fs::remove_dir_all(base.join("testsupport"));
    }
    Ok(Some(base))
}

/// Installs what the lock file names beside a copy of the tests, so that nothing is made in the sources.
fn testsupport(root: &Path, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    for entry in std::fs::read_dir(root.join(PACKAGE))? {
        let path = entry?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            std::fs::copy(&path, folder.join(name))?;
        }
    }
    let mut command = Command::new("npm");
    finish(command.args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"]).current_dir(folder))
}
