//! Patch releases and builds of CPython that no registry has as interpreters, in `target/frozen`: the launchers of cx_Freeze and
//! freeze-core, which are whole interpreters that look for their library beside them; that is the one of a version manager's or
//! Debian's interpreter of the minor release.
//!
//! They have the modules written in C that need no further libraries, no pip and no debug information; programs in them are
//! dumped from outside, and those without an interpreter lock from inside too (`unlocked.rs`).

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::debian;
use crate::interpreters::Interpreter;
use crate::test::{finish, pip};

/// The package and its version, the tag of the build, and which interpreter is in it: of each minor release the last one, and those
/// where something moved.
const LAUNCHERS: [(&str, &str, &str); 19] = [
    ("cx_Freeze==7.2.10", "cp38", "3.8.20"),
    ("cx_Freeze==8.4.1", "cp39", "3.9.23"),
    ("freeze-core==0.6.1", "cp310", "3.10.20"),
    ("cx_Freeze==6.15.0", "cp311", "3.11.3"),
    ("freeze-core==0.8.1", "cp311", "3.11.17"),
    ("cx_Freeze==7.0.0", "cp312", "3.12.3"),
    ("freeze-core==0.8.1", "cp312", "3.12.15"),
    ("cx_Freeze==8.0.0", "cp313", "3.13.2"),
    ("freeze-core==0.6.0", "cp313", "3.13.11"),
    ("freeze-core==0.6.1", "cp313", "3.13.12"),
    ("freeze-core==0.6.1", "cp313t", "3.13.12t"),
    ("freeze-core==0.8.1", "cp313", "3.13.17"),
    ("freeze-core==0.6.0", "cp314", "3.14.2"),
    ("freeze-core==0.6.0", "cp314t", "3.14.2t"),
    ("freeze-core==0.6.1", "cp314", "3.14.3"),
    ("freeze-core==0.8.1", "cp314", "3.14.9"),
    ("freeze-core==0.8.1", "cp314t", "3.14.9t"),
    ("freeze-core==0.8.1", "cp315", "3.15.1"),
    ("freeze-core==0.8.1", "cp315t", "3.15.1t"),
];
const PLATFORMS: [&str; 3] = ["manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"];
/// Where modules and libraries are in the wheels.
const SHARED: [&str; 6] = [
    "freeze_core.libs",
    "freeze_core/lib",
    "cx_freeze.libs",
    "cx_Freeze.libs",
    "cx_Freeze/bases/lib",
    "cx_Freeze/bases/lib-dynload",
];
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

/// The interpreters, fetched if they are not there; `packager` has pip, `found` have the libraries. Where they cannot be had there are none, and it is said
/// why; that is an error in continuous integration.
pub(crate) fn provide(root: &Path, packager: &Path, found: &[Interpreter]) -> Result<Vec<PathBuf>> {
    let missing: Vec<_> = LAUNCHERS.iter().filter(|(.., name)| !python(root, name).is_file()).collect();
    for (package, tag, name) in missing {
        let made = library(root, found, tag).and_then(|library| make(root, packager, package, tag, name, &library));
        if let Err(problem) = made {
            let problem = problem.context(format!("CPython {name} of {package}"));
            if std::env::var_os("CI").is_some() {
                return Err(problem);
            }
            println!("not tested: {problem:#}");
        }
    }
    Ok(LAUNCHERS.iter().map(|(.., name)| python(root, name)).filter(|python| python.is_file()).collect())
}

/// The command beside the interpreter, as an installed package would have it.
pub(crate) fn accompany(python: &Path, heapsake: &Path) -> Result<()> {
    let command = python.with_file_name("heapsake");
    let _ = fs::remove_file(&command);
    Ok(symlink(heapsake, command)?)
}

fn folder(root: &Path, name: &str) -> PathBuf {
    // With modules in C; there were others without.
    root.join("target/frozen/2").join(name)
}

fn python(root: &Path, name: &str) -> PathBuf {
    folder(root, name).join("python")
}

fn minor(tag: &str) -> &str {
    tag.trim_start_matches("cp3").trim_end_matches('t')
}

/// The modules of the minor release that are written in Python.
fn library(root: &Path, found: &[Interpreter], tag: &str) -> Result<PathBuf> {
    let minor = minor(tag);
    let of_minor = found.iter().rev().filter(|one| one.version.minor().to_string() == minor);
    let own = of_minor.filter_map(|one| one.binaries.first()?.parent()?.parent().map(|prefix| prefix.join("lib")));
    let mut folders = own.chain([debian::programs(root).join("../lib")]).map(|folder| folder.join(format!("python3.{minor}")));
    let library = folders.find(|folder| folder.join("os.py").is_file());
    library.with_context(|| format!("no interpreter has the library of CPython 3.{minor}"))
}

fn make(root: &Path, packager: &Path, package: &str, tag: &str, name: &str, library: &Path) -> Result<()> {
    let minor = minor(tag);
    let folder = folder(root, name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("lib"))?;
    let mut fetch = Command::new(packager);
    fetch.args(["-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]);
    fetch.args(["--implementation", "cp", "--python-version", &format!("3.{minor}"), "--abi", tag]);
    fetch.args(PLATFORMS.iter().flat_map(|platform| ["--platform", platform]));
    finish(fetch.arg(package).arg("--dest").arg(&folder))?;
    let listed: Vec<PathBuf> = fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let Some(wheel) = listed.iter().find(|path| path.extension().is_some_and(|ending| ending == "whl")) else {
        bail!("pip fetched no wheel");
    };
    finish(Command::new(packager).args(["-m", "zipfile", "--extract"]).arg(wheel).arg(folder.join("wheel")))?;
    let bases = ["freeze_core", "cx_Freeze"].map(|name| folder.join("wheel").join(name).join("bases"));
    let bases = bases.iter().find(|bases| bases.is_dir()).context("the wheel has no launchers")?;
    let launchers = fs::read_dir(bases)?.filter_map(|entry| Some(entry.ok()?.path()));
    let is_launcher = |path: &PathBuf| {
        path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.starts_with("console-cpython-") && name.ends_with("-linux-gnu")
        })
    };
    let launcher = launchers.into_iter().find(is_launcher).context("the wheel has no launcher")?;
    // Its modules written in C, and the one library that a launcher needs.
    for shared in SHARED {
        for entry in fs::read_dir(folder.join("wheel").join(shared)).into_iter().flatten().flatten() {
            let is_module = entry.path().extension().is_some_and(|ending| ending == "so");
            if is_module || entry.file_name().to_string_lossy().starts_with("libcrypt-") {
                fs::rename(entry.path(), folder.join("lib").join(entry.file_name()))?;
            }
        }
    }
    for entry in fs::read_dir(library)? {
        let entry = entry?;
        // Modules of another build, some of which know where things lie in the interpreter.
        if entry.file_name() != "lib-dynload" && entry.file_name() != "site-packages" {
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
