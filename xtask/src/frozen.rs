//! Patch releases and builds of CPython 3.14 and 3.15 that no registry has as interpreters, in `target/frozen`: the launchers
//! of freeze-core, which are whole interpreters that look for their library beside them; that is the one of Debian's
//! interpreter of the minor release.
//!
//! They have no modules written in C but those that are built in, no pip and no debug information; programs in them are dumped
//! from outside.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::debian;
use crate::test::{finish, pip};

/// The version of freeze-core, the tag of the build, and which interpreter is in it.
const LAUNCHERS: [(&str, &str, &str); 7] = [
    ("0.6.0", "cp314", "3.14.2"),
    ("0.6.0", "cp314t", "3.14.2t"),
    ("0.6.1", "cp314", "3.14.3"),
    ("0.8.1", "cp314", "3.14.9"),
    ("0.8.1", "cp314t", "3.14.9t"),
    ("0.8.1", "cp315", "3.15.1"),
    ("0.8.1", "cp315t", "3.15.1t"),
];
const PLATFORMS: [&str; 3] = ["manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"];
/// What a launcher calls: by an older one as `__startup__`, by a newer one as `__init__` and its own name.
const STARTUP: &str = r#""""Runs what the command line names, as an interpreter does."""
import __main__
import sys


def init():
    pass


def run(*_):
    arguments = sys.argv[1:]
    while arguments and arguments[0] == "-I":
        del arguments[0]
    if arguments[0] == "-c":
        source, name, sys.argv = arguments[1], "<string>", ["-c"] + arguments[2:]
    else:
        name, sys.argv = arguments[0], arguments
        with open(name, "rb") as file:
            source = file.read()
        __main__.__file__ = name
    exec(compile(source, name, "exec"), __main__.__dict__)
"#;

/// The interpreters, fetched if they are not there; `packager` has pip. Where they cannot be had there are none, and it is said
/// why; that is an error in continuous integration.
pub(crate) fn provide(root: &Path, packager: &Path) -> Result<Vec<PathBuf>> {
    let missing: Vec<_> = LAUNCHERS.iter().filter(|(.., name)| !python(root, name).is_file()).collect();
    for (version, tag, name) in missing {
        if let Err(problem) = make(root, packager, version, tag, name) {
            let problem = problem.context(format!("CPython {name} of freeze-core {version}"));
            if std::env::var_os("CI").is_some() {
                return Err(problem);
            }
            println!("not tested: {problem:#}");
        }
    }
    Ok(LAUNCHERS.iter().map(|(.., name)| python(root, name)).filter(|python| python.is_file()).collect())
}

fn folder(root: &Path, name: &str) -> PathBuf {
    root.join("target/frozen").join(name)
}

fn python(root: &Path, name: &str) -> PathBuf {
    folder(root, name).join("python")
}

fn make(root: &Path, packager: &Path, version: &str, tag: &str, name: &str) -> Result<()> {
    let minor = tag.trim_start_matches("cp3").trim_end_matches('t');
    let library = debian::programs(root).join(format!("../lib/python3.{minor}"));
    let library = library.canonicalize().with_context(|| format!("the library of Debian's CPython 3.{minor}"))?;
    let folder = folder(root, name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("lib"))?;
    let mut fetch = Command::new(packager);
    fetch.args(["-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]);
    fetch.args(["--implementation", "cp", "--python-version", &format!("3.{minor}"), "--abi", tag]);
    fetch.args(PLATFORMS.iter().flat_map(|platform| ["--platform", platform]));
    finish(fetch.arg(format!("freeze-core=={version}")).arg("--dest").arg(&folder))?;
    let listed: Vec<PathBuf> = fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let Some(wheel) = listed.iter().find(|path| path.extension().is_some_and(|ending| ending == "whl")) else {
        bail!("pip fetched no wheel");
    };
    finish(Command::new(packager).args(["-m", "zipfile", "--extract"]).arg(wheel).arg(folder.join("wheel")))?;
    let launchers = fs::read_dir(folder.join("wheel/freeze_core/bases"))?.filter_map(|entry| Some(entry.ok()?.path()));
    let is_launcher = |path: &PathBuf| {
        path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.starts_with("console-cpython-") && name.ends_with("-linux-gnu")
        })
    };
    let launcher = launchers.into_iter().find(is_launcher).context("the wheel has no launcher")?;
    for entry in fs::read_dir(&library)? {
        let entry = entry?;
        // Modules of another build, some of which know where things lie in the interpreter.
        if entry.file_name() != "lib-dynload" {
            symlink(entry.path(), folder.join("lib").join(entry.file_name()))?;
        }
    }
    for module in ["__startup__.py", "__init__python.py"] {
        fs::write(folder.join("lib").join(module), STARTUP)?;
    }
    fs::write(folder.join("lib/BUILD_CONSTANTS.py"), "")?;
    // Last, for it says that all is there.
    fs::set_permissions(&launcher, fs::Permissions::from_mode(0o755))?;
    fs::rename(launcher, python(root, name))?;
    let _ = fs::remove_dir_all(folder.join("wheel"));
    fs::remove_file(wheel)?;
    Ok(())
}

/// What has pip, of the environments that the packager's one is among.
pub(crate) fn packager(root: &Path) -> Result<PathBuf> {
    let packager = root.join("target/environments/build/bin/python");
    pip(&packager, ["--version", "--quiet"])?;
    Ok(packager)
}
