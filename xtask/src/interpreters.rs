//! The CPythons of this machine: found by pyenv and `PATH`, asked for their version, build and files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use heapsake_cpython::layouts::{Flags, HexVersion};

use crate::{debian, tidy};

/// The minor releases of Python 3 that are looked for.
const MINORS: RangeInclusive<u8> = 8..=13;
/// Those that are read from outside and from cores, the package's own and older ones.
const READ: RangeInclusive<u8> = 7..=15;

/// Names a Stackless Python.
pub(crate) const STACKLESS: &str = "HEAPSAKE_STACKLESS";

const QUESTION: &str = "
import os, sys, sysconfig
print(sys.implementation.name)
print(sys.hexversion)
print('t' * bool(sysconfig.get_config_var('Py_GIL_DISABLED'))
      + 'd' * hasattr(sys, 'gettotalrefcount') + 's' * ('Stackless' in sys.version))
print(sys.executable)
print(sysconfig.get_config_var('LIBDIR') or '')
print(sysconfig.get_config_var('INSTSONAME') or '')
shared = sysconfig.get_config_var('DESTSHARED') or ''
print(shared if os.path.isdir(shared) else sysconfig.get_path('platstdlib') + '/lib-dynload')
";

/// A CPython that can be run.
#[derive(Debug)]
pub(crate) struct Interpreter {
    /// Its version.
    pub(crate) version: HexVersion,
    /// Its build.
    pub(crate) flags: Flags,
    /// The executable, the program that it starts if it is a launcher, and the shared library if there is one: one of them
    /// is the interpreter.
    pub(crate) binaries: Vec<PathBuf>,
    /// The folder of its extension modules.
    pub(crate) extensions: PathBuf,
}

impl Interpreter {
    /// Asks the interpreter at `path`.
    pub(crate) fn ask(path: &Path) -> Result<Interpreter> {
        let mut command = Command::new(path);
        let output = command.args(["-I", "-S", "-c", QUESTION]).stdin(Stdio::null()).output();
        let output = output.with_context(|| format!("running {}", path.display()))?;
        if !output.status.success() {
            bail!("{} did not answer: {}", path.display(), output.status);
        }
        let answer = String::from_utf8(output.stdout).context("an answer that is no text")?;
        let lines: Vec<&str> = answer.lines().collect();
        let &["cpython", version, flags, executable, library_folder, library, extensions] = lines.as_slice() else {
            bail!("{} is no CPython", path.display());
        };
        let flags = flags.parse().map_err(|letter| anyhow::anyhow!("an unknown build flag {letter}"))?;
        let mut binaries = vec![std::fs::canonicalize(executable)?];
        let launched = debian::program_of(Path::new(executable));
        if launched.is_file() {
            binaries.push(launched);
        }
        let library = Path::new(library_folder).join(library);
        let is_archive = library.extension().is_some_and(|ending| ending == "a");
        if library.is_file() && !is_archive && !binaries.contains(&library) {
            binaries.push(library);
        }
        Ok(Interpreter { version: HexVersion(version.parse()?), flags, binaries, extensions: extensions.into() })
    }

    /// Such as `3.13.0t`.
    pub(crate) fn name(&self) -> String {
        format!("{}{}", self.version, self.flags)
    }

    /// The shared library of an extension module; `None` if it is built in, or was not built.
    pub(crate) fn extension(&self, module: &str) -> Option<PathBuf> {
        let entries = std::fs::read_dir(&self.extensions).ok()?;
        let mut found: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
                path.extension().is_some_and(|extension| extension == "so") && name.split('.').next() == Some(module)
            })
            .collect();
        found.sort();
        found.into_iter().next()
    }
}

/// The interpreters at `given`, or, if none are given, those that pyenv and `PATH` know; one of each build, by version.
pub(crate) fn find(given: &[PathBuf]) -> Result<Vec<Interpreter>> {
    find_among(given, MINORS)
}

/// The same with those that can only be read from outside; `HEAPSAKE_STACKLESS` names a Stackless Python.
pub(crate) fn find_readable(given: &[PathBuf]) -> Result<Vec<Interpreter>> {
    find_among(given, READ)
}

fn find_among(given: &[PathBuf], minors: RangeInclusive<u8>) -> Result<Vec<Interpreter>> {
    let mut found = BTreeMap::new();
    for path in given {
        let interpreter = Interpreter::ask(path)?;
        found.entry((interpreter.version, interpreter.flags)).or_insert(interpreter);
    }
    if given.is_empty() {
        let stackless = std::env::var_os(STACKLESS).map(PathBuf::from).filter(|_| minors.contains(&7));
        for path in candidates(&minors).into_iter().chain(stackless) {
            // What PATH offers may be a shim of a version manager that leads nowhere.
            if let Ok(interpreter) = Interpreter::ask(&path)
                && minors.contains(&interpreter.version.minor())
            {
                found.entry((interpreter.version, interpreter.flags)).or_insert(interpreter);
            }
        }
    }
    Ok(found.into_values().collect())
}

fn candidates(minors: &RangeInclusive<u8>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    let pyenv = std::env::var_os("PYENV_ROOT").or_else(|| {
        let mut home = std::env::var_os("HOME")?;
        home.push(OsString::from("/.pyenv"));
        Some(home)
    });
    if let Some(versions) = pyenv.and_then(|root| std::fs::read_dir(Path::new(&root).join("versions")).ok()) {
        folders.extend(versions.filter_map(|entry| Some(entry.ok()?.path().join("bin"))));
    }
    folders.sort();
    folders.extend(tidy::root().map(|root| debian::programs(&root)));
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let names = || {
        minors.clone().flat_map(|minor| [format!("python3.{minor}"), format!("python3.{minor}t"), format!("python3.{minor}d")])
    };
    folders.iter().flat_map(|folder| names().map(|name| folder.join(name))).filter(|path| path.is_file()).collect()
}
