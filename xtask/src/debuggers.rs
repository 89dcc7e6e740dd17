//! Environments with debuggers from PyPI, for each Python that there is: the black-box tests open dumps in them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::interpreters::Interpreter;
use crate::test::{environment, finish};

/// Makes the environments, with `wheel` in each, of the interpreters found and of `newer` ones, which come without pip: the
/// packager's own serves them. Without PyPI there are none, which is an error in continuous integration.
pub(crate) fn environments(root: &Path, found: &[Interpreter], newer: &[PathBuf], wheel: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let base = root.join("target/environments/debuggers");
    let packager = root.join("target/environments/build/bin/python");
    let requirements = root.join("tests/programs/real/debuggers.requirements.txt");
    let mut installers = Vec::new();
    let minors: BTreeSet<u8> = found.iter().map(|one| one.version.minor()).collect();
    for minor in minors {
        let interpreter = found.iter().rfind(|one| one.version.minor() == minor).context("it was found")?;
        let binary = interpreter.binaries.first().context("no interpreter")?;
        let python = environment(&base.join(interpreter.name()), binary)?;
        installers.push((python.clone(), python));
    }
    for python in newer {
        let folder = base.join(Interpreter::ask(python)?.name());
        let inside = folder.join("bin/python");
        if !inside.is_file() {
            finish(Command::new(python).args(["-m", "venv", "--without-pip"]).arg(&folder))?;
        }
        installers.push((inside, packager.clone()));
    }
    for (python, installer) in &installers {
        let pip = || {
            let mut command = Command::new(installer);
            command.args(["-m", "pip", "--quiet", "--disable-pip-version-check"]);
            if installer != python {
                command.arg("--python").arg(python);
            }
            command.arg("install");
            command
        };
        if let Err(problem) = finish(pip().arg("--requirement").arg(&requirements)) {
            if std::env::var_os("CI").is_some() {
                bail!("the packages of {} are not to be had: is PyPI reachable? {problem:#}", requirements.display());
            }
            println!("not tested: debuggers, as the packages of {} are not to be had", requirements.display());
            return Ok(Vec::new());
        }
        finish(pip().args(["--force-reinstall", "--no-deps"]).arg(wheel))?;
    }
    Ok(installers.into_iter().map(|(python, _)| python).collect())
}
