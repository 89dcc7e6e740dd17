//! CPythons of aarch64 from Debian, in `target/aarch64`, which an emulator starts: it writes cores as the kernel of that processor
//! does. Nothing is installed but the emulator, which is Debian's package qemu-user.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::debian::{Apt, archives_in, program_of};
use crate::test::finish;

/// The release of Debian and its interpreters.
const SUITES: [(&str, &[u8]); 2] = [("bookworm", &[11]), ("forky", &[15])];
const EMULATOR: &str = "qemu-aarch64";

/// The interpreters, fetched if they are not there. Where they cannot be had there are none, and it is said why; that is an
/// error in continuous integration.
pub(crate) fn provide(root: &Path) -> Result<Vec<PathBuf>> {
    if let Err(problem) = emulator().and_then(|()| SUITES.iter().try_for_each(|(suite, minors)| fetch(root, suite, minors))) {
        let problem = problem.context("CPython of aarch64 from Debian");
        if std::env::var_os("CI").is_some() {
            return Err(problem);
        }
        println!("not tested: {problem:#}");
        return Ok(Vec::new());
    }
    let pythons = SUITES.iter().flat_map(|(suite, minors)| minors.iter().map(|minor| python(root, suite, *minor)));
    Ok(pythons.collect())
}

/// Installs the emulator where it is missing.
fn emulator() -> Result<()> {
    let is_there = || Command::new(EMULATOR).arg("--version").output().is_ok_and(|output| output.status.success());
    if is_there() {
        return Ok(());
    }
    println!("{EMULATOR} is not here; installing it");
    for arguments in [&["update", "--quiet"][..], &["install", "--quiet", "--yes", "--no-install-recommends", "qemu-user"]] {
        // Without rights, or another system than Debian.
        let _ = Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").output();
    }
    if is_there() { Ok(()) } else { anyhow::bail!("{EMULATOR} cannot be installed") }
}

fn system(root: &Path, suite: &str) -> PathBuf {
    root.join("target/aarch64").join(suite).join("system")
}

fn python(root: &Path, suite: &str, minor: u8) -> PathBuf {
    system(root, suite).join(format!("usr/bin/python3.{minor}"))
}

fn fetch(root: &Path, suite: &str, minors: &[u8]) -> Result<()> {
    let is_launcher = |path: PathBuf| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"#!"));
    if minors.iter().all(|minor| is_launcher(python(root, suite, *minor))) {
        return Ok(());
    }
    println!("fetching CPython of aarch64 from Debian {suite}");
    let system = system(root, suite);
    let _ = fs::remove_dir_all(&system);
    fs::create_dir_all(&system)?;
    let apt = Apt::new(&root.join("target/aarch64").join(suite).join("apt"), suite, Some("arm64"))?;
    finish(apt.command("apt-get").args(["-q", "update"]))?;
    let mut install = apt.command("apt-get");
    install.args(["-q", "install", "--yes", "--no-install-recommends", "--download-only"]);
    finish(install.args(minors.iter().map(|minor| format!("python3.{minor}"))))?;
    for archive in archives_in(&apt.archives())? {
        finish(Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(&system))?;
        fs::remove_file(archive)?;
    }
    // The package that makes this link in a system is none of theirs.
    if !system.join("lib").exists() {
        symlink("usr/lib", system.join("lib"))?;
    }
    for minor in minors {
        let script = python(root, suite, *minor);
        let program = program_of(&script);
        let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
        let (prefix, program) = (quoted(&system), quoted(&program));
        let (elf, made) = (program_of(&script), script.with_added_extension("sh"));
        fs::write(&made, format!("#!/bin/sh\nexec {EMULATOR} -L {prefix} -0 \"$0\" {program} \"$@\"\n"))?;
        fs::set_permissions(&made, fs::Permissions::from_mode(0o755))?;
        fs::copy(&script, &elf)?;
        // Last, for it says that all is there.
        fs::rename(made, script)?;
    }
    Ok(())
}
