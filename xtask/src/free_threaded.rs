//! CPython without an interpreter lock, built from Debian's source into `target/free-threaded`: nobody packages one.
//!
//! It stays in the folder that it is built in, and has no package: programs in it are dumped from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::debian::Apt;
use crate::test::finish;

/// The release of Debian whose source it is; a stable one, which keeps it.
const SUITE: &str = "trixie";
/// The source package.
const SOURCE: &str = "python3.13";
/// Little is optimised: it is to be there soon.
const FLAGS: &str = "OPT=-DNDEBUG -g -fwrapv -O1 -w";

/// The interpreter, built if it is not there. Where it cannot be had there is none, and it is said why; that is an error in
/// continuous integration.
pub(crate) fn provide(root: &Path) -> Result<Option<PathBuf>> {
    if present(root).is_none()
        && let Err(problem) = build(root).and_then(|()| Ok(fs::write(complete(root), "")?))
    {
        if std::env::var_os("CI").is_some() {
            return Err(problem.context("continuous integration needs a free-threaded CPython 3.13"));
        }
        println!("not tested: a free-threaded CPython 3.13, which cannot be built: {problem:#}");
    }
    Ok(present(root))
}

/// The interpreter, if it was built before.
pub(crate) fn present(root: &Path) -> Option<PathBuf> {
    complete(root).is_file().then(|| build_folder(root).join("python"))
}

fn build_folder(root: &Path) -> PathBuf {
    root.join("target/free-threaded/build")
}

/// What is made last.
fn complete(root: &Path) -> PathBuf {
    build_folder(root).join("complete")
}

fn build(root: &Path) -> Result<()> {
    let folder = root.join("target/free-threaded");
    let _ = fs::remove_dir_all(&folder);
    let (source, build) = (folder.join("source"), build_folder(root));
    fs::create_dir_all(&source)?;
    fs::create_dir_all(&build)?;
    println!("building a free-threaded CPython 3.13 from Debian's source, some minutes");
    let apt = Apt::new(&folder.join("apt"), SUITE, None)?;
    finish(apt.command("apt-get").args(["-q", "update"]))?;
    finish(apt.command("apt-get").args(["-q", "source", "--download-only", "--tar-only", SOURCE]))?;
    let is_source = |path: &PathBuf| path.to_string_lossy().contains(".orig.tar.");
    let listed = fs::read_dir(apt.archives())?.filter_map(|entry| Some(entry.ok()?.path()));
    let Some(archive) = listed.into_iter().find(is_source) else { bail!("apt fetched no source of {SOURCE}") };
    finish(Command::new("tar").arg("--extract").arg("--file").arg(archive).args(["--strip-components", "1", "-C"]).arg(&source))?;
    let quietly = |command: &mut Command| -> Result<()> {
        let log = folder.join("log");
        command.current_dir(&build).stdin(Stdio::null()).stdout(fs::File::create(&log)?);
        finish(command.stderr(fs::File::options().append(true).open(&log)?)).map_err(|problem| {
            let told = fs::read_to_string(&log).unwrap_or_default();
            let last: Vec<&str> = told.lines().rev().take(10).collect();
            problem.context(last.into_iter().rev().collect::<Vec<_>>().join("\n"))
        })
    };
    let mut configure = Command::new(source.join("configure"));
    quietly(configure.args(["--disable-gil", "--without-ensurepip", "--disable-test-modules", "--quiet"]).arg(FLAGS))?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    quietly(Command::new("make").arg(format!("-j{processors}")).arg("--silent"))
}
