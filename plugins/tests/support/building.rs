//! Plugins and extension modules built by the tests, as their users build them: with the machine's C compiler, and with cargo.

#![allow(dead_code, reason = "each test uses a part")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the crate `heapsake-plugins`; other crates' tests use this file too.
pub(crate) fn here() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = [own.to_owned(), own.join("../../plugins")].into_iter().find(|path| path.join("include").is_dir());
    found.expect("the folder of plugins")
}

/// Compiles a program of the tests with the machine's C compiler.
pub(crate) fn compile(source: &str, into: &Path, arguments: &[&str]) {
    compile_file(&here().join("tests/programs").join(source), into, arguments);
}

/// Compiles a file of C.
pub(crate) fn compile_file(source: &Path, into: &Path, arguments: &[&str]) {
    let mut command = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    command.args(["-std=gnu11", "-Wall", "-O1", "-g", "-I"]).arg(here().join("include"));
    command.arg(source).arg("-o").arg(into).args(arguments);
    let output = command.output().expect("a C compiler, which zstd needs as well");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Compiles the plugin of the tests.
pub(crate) fn shop(folder: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let library = folder.join(format!("lib{name}.so"));
    let all: Vec<&str> = ["-Wextra", "-Werror", "-shared", "-fPIC"].iter().chain(arguments).copied().collect();
    compile("shop.c", &library, &all);
    library
}

/// Compiles the extension module `ledger` for an interpreter; none, and said why, where its headers are not installed.
pub(crate) fn ledger_extension(python: &Path, folder: &Path) -> Option<PathBuf> {
    let question = "import sysconfig; print(sysconfig.get_path('include'))";
    let output = Command::new(python).args(["-I", "-c", question]).output().expect("python runs");
    let include = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !Path::new(&include).join("Python.h").is_file() {
        println!("{}: not tested, for {include} has no Python.h", python.display());
        return None;
    }
    let module = folder.join("ledger.so");
    compile("ledger.c", &module, &["-shared", "-fPIC", "-I", &include]);
    Some(module)
}

/// Builds a plugin with cargo in the target folder of the tests; gives the library.
pub(crate) fn cargo_build(arguments: &[&str], library: &str) -> PathBuf {
    cargo_build_at(&here(), arguments, library)
}

/// The same of the crate in `folder`.
pub(crate) fn cargo_build_at(folder: &Path, arguments: &[&str], library: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own file");
    let profile = test.parent().and_then(Path::parent).expect("it lies in the folder of a profile").to_owned();
    let mut command = Command::new(env!("CARGO"));
    command.arg("build").args(arguments).arg("--target-dir").arg(profile.parent().expect("a target folder"));
    command.arg("--manifest-path").arg(folder.join("Cargo.toml"));
    if profile.ends_with("release") {
        command.arg("--release");
    }
    // As this workspace's profile, so that what it has compiled serves a crate outside of it.
    command.env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "8");
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    profile.join(library)
}
