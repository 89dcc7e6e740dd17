//! Environments of real programs from PyPI, which the black-box tests crash: one for each pinned requirement file.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::interpreters::Interpreter;
use crate::test::{environment, finish};

/// A program, and the minor release that it runs in: each is opened by others.
const PROGRAMS: [(&str, u8); 8] = [
    ("shop", 8),
    ("sales", 11),
    ("batch", 13),
    ("numeric1", 8),
    ("numeric2", 13),
    ("polars1", 8),
    ("polars2", 13),
    (SERVERS, 12),
];
const SERVERS: &str = "servers";

/// Older releases of greenlet, whose layouts differ, and the minor releases of Python that have wheels of them.
const OLDER: [(&str, &[u8]); 5] =
    [("1.1.3", &[8, 9, 10, 11]), ("2.0.2", &[8, 9, 10, 11]), ("3.0.0", &[12]), ("3.0.3", &[12]), ("3.1.1", &[11, 12, 13])];

/// Makes the environments, with `wheel` in each; gives their folder. Without PyPI there are none, which is an error in
/// continuous integration.
pub(crate) fn environments(root: &Path, found: &[Interpreter], wheel: &Path) -> anyhow::Result<Option<PathBuf>> {
    let base = root.join("target/environments/programs");
    for (name, minor) in PROGRAMS {
        let interpreter = found.iter().rfind(|one| one.version.minor() == minor).or(found.first());
        let binary = interpreter.and_then(|one| one.binaries.first()).context("no interpreter")?;
        let requirements = root.join(format!("tests/programs/real/{name}.requirements.txt"));
        let python = environment(&base.join(name), binary)?;
        let pip = || {
            let mut command = Command::new(&python);
            command.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install"]);
            command
        };
        let installed = finish(pip().args(["--only-binary", ":all:", "--requirement"]).arg(&requirements));
        if let Err(problem) = installed {
            if std::env::var_os("CI").is_some() {
                bail!("the packages of {} are not to be had: is PyPI reachable? {problem:#}", requirements.display());
            }
            println!("not tested: real programs, as the packages of {} are not to be had", requirements.display());
            if name == SERVERS {
                // They need a newer Python than the others.
                std::fs::remove_dir_all(base.join(name))?;
                continue;
            }
            return Ok(None);
        }
        finish(pip().args(["--force-reinstall", "--no-deps"]).arg(wheel))?;
    }
    concurrency(root, found, wheel, &base)?;
    Ok(Some(base))
}

/// Environments with gevent, trio and anyio for each minor release, and beside them older releases of greenlet alone.
fn concurrency(root: &Path, found: &[Interpreter], wheel: &Path, base: &Path) -> anyhow::Result<()> {
    let requirements = root.join("tests/programs/real/concurrency.requirements.txt");
    for interpreter in found {
        let minor = interpreter.version.minor();
        let Some(binary) = interpreter.binaries.first() else { continue };
        let home = base.join(format!("concurrency-3.{minor}"));
        let python = environment(&home, binary)?;
        let pip = || {
            let mut command = Command::new(&python);
            command.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--only-binary", ":all:"]);
            command
        };
        finish(pip().arg("--requirement").arg(&requirements))?;
        finish(pip().args(["--force-reinstall", "--no-deps"]).arg(wheel))?;
        for release in OLDER.iter().filter(|(_, minors)| minors.contains(&minor)).map(|(release, _)| release) {
            let folder = home.join("older").join(release);
            if !folder.is_dir() {
                finish(pip().args(["--no-deps", "--target"]).arg(&folder).arg(format!("greenlet=={release}")))?;
            }
        }
    }
    Ok(())
}
