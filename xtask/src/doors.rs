//! The doors of the standard library as they are installed: heapsake and heapsake-autoload by their wheels, with uvloop beside.
//!
//! The other interpreters run the same tests from the checkout; here it is the oldest, the newest, and those newer than the rest,
//! whose start-up files are of another kind (PEP 829).

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::interpreters::Interpreter;
use crate::test::{built, environment, finish};

/// An event loop that is not of the standard library; the last release for all versions from 3.8 to 3.13.
const UVLOOP: &str = "uvloop==0.21.0";
const NEWEST_WITH_UVLOOP: u8 = 13;
/// What runs in them.
const TESTS: [&str; 2] = ["test_autoload", "test_event_loop"];
/// What builds the package that is of Python alone, with all that it needs.
const BUILDER: [&str; 6] = [
    "hatchling==1.33.0",
    "packaging==26.4",
    "pathspec==1.1.1",
    "pluggy==1.7.0",
    "tomlkit==0.15.2",
    "trove-classifiers==2026.9.21.13",
];

/// Makes the environments, and runs the tests in them. `newer` are interpreters that come without pip.
pub(crate) fn test(root: &Path, pythons: &[&Path], newer: &[PathBuf]) -> Result<()> {
    let packager = root.join("target/environments/build/bin/python");
    let base = root.join("target/doors");
    let autoload = autoload(root, &packager, &base)?;
    let ends = pythons.first().into_iter().chain(pythons.last().filter(|_| pythons.len() > 1));
    let chosen = ends.map(|python| (*python, false)).chain(newer.iter().map(|python| (python.as_path(), true)));
    for (python, is_newer) in chosen {
        let asked = Interpreter::ask(python)?;
        let folder = base.join(asked.name());
        let inside = folder.join("bin/python");
        if is_newer && !inside.is_file() {
            finish(Command::new(python).args(["-m", "venv", "--without-pip"]).arg(&folder))?;
        }
        environment(&folder, python)?;
        let install = || {
            // The packager is too new for old Pythons, and theirs for new ones.
            let mut command = Command::new(if is_newer { &packager } else { &inside });
            command.args(["-m", "pip", "--disable-pip-version-check"]);
            if is_newer {
                command.arg("--python").arg(&inside);
            }
            command.args(["install", "--quiet", "--no-deps"]);
            command
        };
        finish(install().arg("--force-reinstall").arg(built(root)?).arg(&autoload))?;
        if asked.version.minor() <= NEWEST_WITH_UVLOOP
            && let Err(problem) = finish(install().args(["--only-binary", ":all:", UVLOOP]))
        {
            if std::env::var_os("CI").is_some() {
                return Err(problem.context("uvloop is not to be had: is PyPI reachable?"));
            }
            println!("not tested: uvloop, as it is not to be had");
        }
        println!("-- {} as installed", asked.name());
        let mut command = Command::new(&inside);
        command.args(["-m", "unittest"]).args(TESTS);
        command.env("HEAPSAKE_TEST_AUTOLOAD", "installed").current_dir(root.join("frontends/python/tests"));
        finish(&mut command)?;
    }
    Ok(())
}

/// Builds the wheel of heapsake-autoload, and looks whether both start-up files lie where Python looks for them.
fn autoload(root: &Path, packager: &Path, base: &Path) -> Result<PathBuf> {
    let wheels = base.join("wheels");
    let _ = std::fs::remove_dir_all(&wheels);
    let pip = |command: &str| {
        let mut pip = Command::new(packager);
        pip.args(["-m", "pip", "--disable-pip-version-check", command, "--quiet", "--no-deps"]);
        pip
    };
    finish(pip("install").args(["--only-binary", ":all:"]).args(BUILDER))?;
    // Else pip would fetch a builder of its own.
    finish(pip("wheel").args(["--no-build-isolation", "--wheel-dir"]).arg(&wheels).arg(root.join("frontends/autoload")))?;
    let wheel = std::fs::read_dir(&wheels)?.next().context("pip made no wheel")??.path();
    let listed = Command::new(packager).args(["-m", "zipfile", "--list"]).arg(&wheel).output()?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for name in
        ["heapsake-autoload.pth", "heapsake-autoload.start", "heapsake_autoload/__init__.py", "heapsake_autoload/_settings.py"]
    {
        if !listed.lines().any(|line| line.split_whitespace().next() == Some(name)) {
            bail!("{} lacks {name}", wheel.display());
        }
    }
    Ok(wheel)
}
