//! `cargo xtask editors`: the files for Neovim, Emacs, Helix and Zed, each read by what will read it.
//!
//! Neovim comes from PyPI and Emacs from Debian. Zed's extension is compiled for this machine, which proves it against Zed's
//! interface; Zed itself compiles it to WebAssembly.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::interpreters::Interpreter;
use crate::test::{environment, finish, named_or_built};
use crate::{interpreters, tidy};

/// The first minor release of Python that reads TOML.
const READS_TOML: u8 = 11;

/// Options of `cargo xtask editors`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The heapsake that the tests start; else the one of this tree, built now.
    #[arg(long)]
    heapsake: Option<PathBuf>,
}

/// Checks the files of all editors.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let root = tidy::root()?;
    check(&root, &interpreters::find(&[])?, &named_or_built(arguments.heapsake.as_deref(), &root)?)
}

/// Checks them with this `heapsake`. What is not to be had is an error in continuous integration.
pub(crate) fn check(root: &Path, found: &[Interpreter], heapsake: &Path) -> anyhow::Result<()> {
    zed(root)?;
    emacs()?;
    let tests = root.join("frontends/editors/tests");
    let Some(python) = python(root, found, &tests)? else { return Ok(()) };
    let mut command = Command::new(python);
    command.args(["-m", "unittest", "discover", "--start-directory"]).arg(&tests).current_dir(&tests);
    finish(command.env("HEAPSAKE_TEST_COMMAND", std::path::absolute(heapsake)?))
}

fn zed(root: &Path) -> anyhow::Result<()> {
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        // Without debug information it is compiled in half the time.
        command.env("CARGO_TARGET_DIR", root.join("target/zed")).env("CARGO_PROFILE_DEV_DEBUG", "false");
        finish(command.args(arguments).current_dir(root.join("frontends/editors/zed")))
    };
    cargo(&["fmt", "--check"])?;
    if let Err(problem) = cargo(&["fetch", "--locked", "--quiet"]) {
        if std::env::var_os("CI").is_some() {
            return Err(problem);
        }
        println!("not tested: the extension for Zed: {problem:#}");
        return Ok(());
    }
    cargo(&["test", "--locked", "--quiet"])
}

/// Emacs, which is installed where it is not there.
fn emacs() -> anyhow::Result<()> {
    let is_there = || Command::new("emacs").arg("--version").output().is_ok_and(|output| output.status.success());
    if is_there() {
        return Ok(());
    }
    println!("emacs is not here; installing it");
    for arguments in [&["update", "--quiet"][..], &["install", "--quiet", "--yes", "--no-install-recommends", "emacs-nox"]] {
        // Without rights, or another system than Debian.
        let _ = Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").output();
    }
    if !is_there() {
        if std::env::var_os("CI").is_some() {
            bail!("continuous integration needs emacs, and it cannot be installed");
        }
        println!("not tested: heapsake.el, as emacs is not to be had");
    }
    Ok(())
}

/// An interpreter with what the tests need, Neovim beside it.
fn python(root: &Path, found: &[Interpreter], tests: &Path) -> anyhow::Result<Option<PathBuf>> {
    let newest = found.iter().rfind(|one| one.version.minor() >= READS_TOML);
    let installed = newest.and_then(|one| one.binaries.first()).context("no interpreter reads TOML").and_then(|binary| {
        let python = environment(&root.join("target/editors"), binary)?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--only-binary", ":all:", "--requirement"]);
        finish(pip.arg(tests.join("requirements.txt")))?;
        Ok(python)
    });
    match installed {
        Ok(python) => Ok(Some(python)),
        Err(problem) if std::env::var_os("CI").is_some() => Err(problem.context("the tests of editors need Python and PyPI")),
        Err(problem) => {
            println!("not tested: files for editors; {problem:#}");
            Ok(None)
        }
    }
}
