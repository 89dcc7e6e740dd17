//! Everything that continuous integration checks, in the order of what fails fastest; the README's test command.
//!
//! Installs what the tests need into `target/`: a virtual environment with the package for each interpreter found. Outside
//! the checkout, packages of the system that are missing are installed where that is allowed: gdb, qemu-user, emacs-nox.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};

use crate::dap_clients;
use crate::debian;
use crate::debuggers;
use crate::doors;
use crate::editors;
use crate::emulated;
use crate::frameworks;
use crate::free_threaded;
use crate::frozen;
use crate::interpreters::{self, Interpreter};
use crate::programs;
use crate::side_by_side;
use crate::tidy;
use crate::unlocked;
use crate::vscode;

/// Interpreters that continuous integration must have.
const EXPECTED: [(u8, u8); 6] = [(3, 8), (3, 9), (3, 10), (3, 11), (3, 12), (3, 13)];
/// Environments whose tests run side by side: they leave a processor idle for a third of the time and more.
const AT_ONCE: usize = 2;
/// The packager.
const MATURIN: &str = "maturin==1.16.0";

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only make the wheel and the virtual environments, and say where they are.
    #[arg(long)]
    environments: bool,
}

/// Runs everything.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let root = tidy::root()?;
    let found = interpreters::find(&[])?;
    report(&found)?;
    if arguments.environments {
        environments(&root, &found)?;
        let newer = debian::provide(&root)?;
        debian::environments(&root, &newer, &built(&root)?)?;
        debuggers::environments(&root, &found, &newer, &built(&root)?)?;
        return programs::environments(&root, &found, &built(&root)?).map(drop);
    }
    step("formatting", || cargo(&root, ["fmt", "--all", "--check"]))?;
    step("house rules", tidy::run)?;
    let newer = step("newer interpreters", || debian::provide(&root))?;
    let free_threaded = step("free-threaded interpreter", || free_threaded::provide(&root))?;
    step("layouts", || finish(Command::new(std::env::current_exe()?).args(["layouts", "--check"])))?;
    step("reducers", || finish(Command::new(std::env::current_exe()?).args(["reducers", "--check"])))?;
    step("acceptance cases", || finish(Command::new(std::env::current_exe()?).args(["seed", "--check"])))?;
    step("lints", || {
        cargo(&root, ["clippy", "--release", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"])
    })?;
    step("system packages", system_packages)?;
    let environments = step("environments", || environments(&root, &found))?;
    let programs = step("programs", || programs::environments(&root, &found, &built(&root)?))?;
    let newer = step("newer environments", || debian::environments(&root, &newer, &built(&root)?))?;
    let frameworks = step("frameworks", || frameworks::environments(&root, &found, &debian::present(&root), &built(&root)?))?;
    let debuggers = step("debuggers", || debuggers::environments(&root, &found, &debian::present(&root), &built(&root)?))?;
    let frozen = step("frozen interpreters", || frozen::provide(&root, &frozen::packager(&root)?, &found))?;
    step("package without a lock", || unlocked::provide(&root, &frozen))?;
    let aarch64 = step("interpreters of aarch64", || emulated::provide(&root))?;
    let clients = step("clients of the debug adapter", || dap_clients::provide(&root, &found))?;
    step("rust tests", || {
        let listed = std::env::join_paths(environments.iter().map(|environment| &environment.python))?;
        let mut command = Command::new(env!("CARGO"));
        command.args(["test", "--release", "--workspace", "--exclude", "heapsake-python", "--no-fail-fast"]);
        command.env("HEAPSAKE_TEST_PYTHONS", listed).env("RUST_BACKTRACE", "0").current_dir(&root);
        command.env("HEAPSAKE_TEST_NEWER", std::env::join_paths(&newer)?);
        command.env("HEAPSAKE_TEST_DEBUGGERS", std::env::join_paths(&debuggers)?);
        command.env("HEAPSAKE_TEST_FROZEN", std::env::join_paths(&frozen)?);
        command.env("HEAPSAKE_TEST_AARCH64", std::env::join_paths(&aarch64)?);
        if let Some(environment) = environments.last() {
            let heapsake = environment.python.with_file_name("heapsake");
            free_threaded.iter().chain(&frozen).try_for_each(|python| frozen::accompany(python, &heapsake))?;
        }
        if let Some(python) = &free_threaded {
            command.env("HEAPSAKE_TEST_FREE_THREADED", python);
        }
        command.env("HEAPSAKE_TEST_EDITORS", clients.as_deref().unwrap_or(Path::new("")));
        if let Some(programs) = &programs {
            command.env("HEAPSAKE_TEST_PROGRAMS", programs);
        }
        if let Some(frameworks) = &frameworks {
            command.env("HEAPSAKE_TEST_FRAMEWORKS", frameworks);
        }
        finish(&mut command)
    })?;
    step("python tests", || {
        let newer = newer.iter().map(|python| Ok(Environment { name: Interpreter::ask(python)?.name(), python: python.clone() }));
        let newer = newer.collect::<anyhow::Result<Vec<_>>>()?;
        let all: Vec<_> = environments.iter().chain(&newer).map(|environment| (environment.name.clone(), environment)).collect();
        side_by_side::each(AT_ONCE, &all, |environment| python_tests(&root, environment))
    })?;
    if let Some(environment) = environments.last() {
        let heapsake = environment.python.with_file_name("heapsake");
        step("VS Code", || vscode::make(&root, &heapsake))?;
        step("editors", || editors::check(&root, &found, &heapsake))?;
    }
    step("doors as installed", || {
        let pythons: Vec<&Path> = environments.iter().map(|environment| environment.python.as_path()).collect();
        doors::test(&root, &pythons, &newer)
    })?;
    println!("everything passed on {}", found.iter().map(Interpreter::name).collect::<Vec<_>>().join(", "));
    Ok(())
}

/// All folders are run through, even if one fails.
fn python_tests(root: &Path, environment: &Environment) -> anyhow::Result<()> {
    let folders = ["frontends/python/tests", "tests/seed", "tests/seed/values"];
    let folders = folders.map(|folder| (folder.to_owned(), folder));
    side_by_side::each(1, &folders, |folder| {
        let tests = root.join(folder);
        let mut command = Command::new(&environment.python);
        command.args(["-m", "unittest", "discover", "-t", "."]).arg("-s").arg(&tests).current_dir(&tests);
        side_by_side::shown_whole(&format!("{} {folder}", environment.name), &mut command)
    })
}

/// gdb makes cores of live processes. Where it is not and cannot be installed, the tests say what they leave out.
fn system_packages() -> anyhow::Result<()> {
    let is_there = || Command::new("gdb").arg("--version").output().is_ok_and(|output| output.status.success());
    if is_there() {
        return Ok(());
    }
    println!("gdb is not here; installing it");
    for arguments in [&["update", "--quiet"][..], &["install", "--quiet", "--yes", "--no-install-recommends", "gdb"]] {
        // Without rights, or another system than Debian.
        let _ = Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").output();
    }
    if is_there() {
        return Ok(());
    }
    if std::env::var_os("CI").is_some() {
        bail!("continuous integration needs gdb, and it cannot be installed");
    }
    println!("not tested: cores that gdb makes, as gdb is not to be had");
    Ok(())
}

fn report(found: &[Interpreter]) -> anyhow::Result<()> {
    println!("interpreters: {}", found.iter().map(Interpreter::name).collect::<Vec<_>>().join(", "));
    let missing: Vec<String> = EXPECTED
        .iter()
        .filter(|(major, minor)| !found.iter().any(|one| (3, one.version.minor()) == (*major, *minor)))
        .map(|(major, minor)| format!("{major}.{minor}"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("not tested, as not found: CPython {}", missing.join(", "));
    if std::env::var_os("CI").is_some() {
        bail!("continuous integration needs CPython {}; install them, with pyenv say", missing.join(", "));
    }
    if found.is_empty() {
        bail!("no CPython from 3.8 to 3.13 was found by pyenv or on PATH");
    }
    Ok(())
}

fn step<T>(name: &str, action: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    println!("== {name}");
    let started = Instant::now();
    let result = action().with_context(|| format!("step `{name}` failed"))?;
    println!("== {name}: {:.0} s", started.elapsed().as_secs_f64());
    Ok(result)
}

fn cargo<I: AsRef<OsStr>>(root: &Path, arguments: impl IntoIterator<Item = I>) -> anyhow::Result<()> {
    finish(Command::new(env!("CARGO")).args(arguments).current_dir(root))
}

/// The command that is named, or the one of this tree, built now.
pub(crate) fn named_or_built(heapsake: Option<&Path>, root: &Path) -> anyhow::Result<PathBuf> {
    if let Some(heapsake) = heapsake {
        return Ok(heapsake.to_owned());
    }
    cargo(root, ["build", "--release", "--quiet", "--package", "heapsake-cli"])?;
    Ok(root.join("target/release/heapsake"))
}

pub(crate) fn finish(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// A virtual environment with the package.
struct Environment {
    name: String,
    python: PathBuf,
}

/// Builds the wheel once, and installs it for every interpreter.
fn environments(root: &Path, found: &[Interpreter]) -> anyhow::Result<Vec<Environment>> {
    let base = root.join("target/environments");
    let newest = found.last().and_then(|one| one.binaries.first()).context("no interpreter")?;
    let wheel = wheel(root, newest)?;
    let mut made = Vec::new();
    for interpreter in found {
        let Some(binary) = interpreter.binaries.first() else { continue };
        let name = interpreter.name();
        let python = environment(&base.join(&name), binary)?;
        install(&python, &wheel)?;
        made.push(Environment { name, python });
    }
    Ok(made)
}

/// Installs the wheel, whatever was installed before.
pub(crate) fn install(python: &Path, wheel: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", "--disable-pip-version-check"]);
    finish(command.arg(wheel))
}

/// Builds the wheel, with this interpreter's packager.
pub(crate) fn wheel(root: &Path, interpreter: &Path) -> anyhow::Result<PathBuf> {
    let builder = environment(&root.join("target/environments/build"), interpreter)?;
    pip(&builder, ["install", "--quiet", MATURIN])?;
    let wheels = root.join("target/wheels");
    let _ = std::fs::remove_dir_all(&wheels);
    let mut command = Command::new(&builder);
    command.args(["-m", "maturin", "build", "--release", "--quiet", "--interpreter"]).arg(&builder).arg("--out").arg(&wheels);
    finish(command.arg("--manifest-path").arg(root.join("frontends/python/Cargo.toml")))?;
    built(root)
}

/// The wheel that was built.
pub(crate) fn built(root: &Path) -> anyhow::Result<PathBuf> {
    std::fs::read_dir(root.join("target/wheels"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|ending| ending == "whl"))
        .context("maturin made no wheel")
}

/// The interpreter of the environment at `path`, which is made when it is not there.
pub(crate) fn environment(path: &Path, interpreter: &Path) -> anyhow::Result<PathBuf> {
    let python = path.join("bin/python");
    if !python.is_file() {
        finish(Command::new(interpreter).args(["-m", "venv"]).arg(path))?;
    }
    Ok(python)
}

pub(crate) fn pip<const N: usize>(python: &Path, arguments: [&str; N]) -> anyhow::Result<()> {
    finish(Command::new(python).args(["-m", "pip", "--disable-pip-version-check"]).args(arguments))
}
