//! What the tests of programs under fire share: the versions that they are for, and an extension module that does in C what
//! programs die of, built against each interpreter's own headers.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Environment, file, last_of_each, minors, newer, run, without_a_lock};

/// The versions: those between which most changed. All others, where none of these is found.
const MINORS: [u32; 3] = [8, 11, 13];

/// The environments of these versions.
pub fn environments() -> Vec<Environment> {
    let all = minors();
    let found: Vec<Environment> = all.iter().filter(|one| MINORS.contains(&one.minor)).cloned().collect();
    if found.len() < MINORS.len() {
        println!("not all of 3.8, 3.11 and 3.13 were found: {} of them are tested", found.len());
    }
    if found.is_empty() { all } else { found }
}

/// These and the newest, with an interpreter lock and without.
pub fn environments_and_newest() -> Vec<Environment> {
    environments().into_iter().chain(newer().pop()).chain(last_of_each(without_a_lock()).pop()).collect()
}

/// The extension module `fault`, built.
#[derive(Debug)]
pub struct Extension {
    /// The file, in a folder of its own.
    pub path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Extension {
    /// Builds it with the C compiler.
    pub fn build(environment: &Environment) -> Extension {
        let question = "import sysconfig; print(sysconfig.get_path('include'))";
        let has_no_lock = environment.version.ends_with('t');
        // A build without a lock has the headers of the others, read in another way.
        let of_others = newer().into_iter().find(|one| has_no_lock && one.minor == environment.minor);
        let asked = of_others.as_ref().unwrap_or(environment);
        let headers = run(asked.python().args(["-c", question])).success("where the headers are");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("fault.so");
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-O1", "-w", "-pthread"]).arg(format!("-I{}", headers.trim()));
        // Debian has what depends on the processor in a folder beside; the headers of C beside that come after those of the system.
        command.arg("-idirafter").arg(Path::new(headers.trim()).join(".."));
        if has_no_lock {
            command.arg("-DPy_GIL_DISABLED=1");
        }
        run(command.arg(file("programs/fire/fault.c")).arg("-o").arg(&path)).success("the C compiler");
        Extension { path, _folder: folder }
    }
}
