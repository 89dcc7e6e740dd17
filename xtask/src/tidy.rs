//! The house rules that a compiler does not check: arrows between crates, where `unsafe` may stand, sizes of files, first
//! lines, and what no file may name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

/// Which crates of the workspace a crate may use. Anything not drawn is forbidden.
const ARROWS: &[(&str, &[&str])] = &[
    ("heapsake-core", &[]),
    ("heapsake-cpython", &["heapsake-core"]),
    ("heapsake-reducers", &["heapsake-core", "heapsake-cpython"]),
    ("heapsake-plugins", &["heapsake-core"]),
    ("heapsake-ledger", &["heapsake-core", "heapsake-plugins"]),
    // Ready plugins are linked in as the built-in reducers are.
    ("heapsake-greenlet", &["heapsake-core", "heapsake-cpython"]),
    ("heapsake-numpy", &["heapsake-core", "heapsake-cpython"]),
    ("heapsake-stackless", &["heapsake-core", "heapsake-cpython"]),
    ("heapsake-loader", &["heapsake-core"]),
    ("heapsake-analysis", &["heapsake-core", "heapsake-loader"]),
    ("heapsake-dap", &["heapsake-core", "heapsake-loader", "heapsake-analysis"]),
    (
        "heapsake-cli",
        &[
            "heapsake-core",
            "heapsake-cpython",
            "heapsake-reducers",
            "heapsake-greenlet",
            "heapsake-numpy",
            "heapsake-stackless",
            "heapsake-plugins",
            "heapsake-loader",
            "heapsake-analysis",
            "heapsake-dap",
        ],
    ),
    (
        "heapsake-python",
        // The console script of the package is the command line itself: one program, two doors.
        &[
            "heapsake-core",
            "heapsake-cpython",
            "heapsake-reducers",
            "heapsake-greenlet",
            "heapsake-numpy",
            "heapsake-stackless",
            "heapsake-plugins",
            "heapsake-loader",
            "heapsake-analysis",
            "heapsake-dap",
            "heapsake-cli",
        ],
    ),
];
/// Crates that may use any other, and that none may use.
const OUTSIDE: &[&str] = &["heapsake-tests", "heapsake-benches", "heapsake-examples", "xtask"];
/// Crates that may not appear below a crate, whoever brings them.
const NEVER: &[(&str, &[&str])] = &[
    ("heapsake-core", &["pyo3", "clap", "tokio", "libloading", "libc"]),
    ("heapsake-loader", &["pyo3", "clap", "tokio", "libloading"]),
    ("heapsake-analysis", &["pyo3", "clap", "tokio", "libloading", "libc"]),
];
/// Only this crate names PyO3.
const PYO3: &str = "heapsake-python";
/// Only this crate opens libraries.
const LIBLOADING: &str = "heapsake-plugins";
/// Files that may hold `unsafe`.
const UNSAFE: &[&str] = &[
    "cpython/src/memory/core/mapping.rs",
    "cpython/src/memory/own.rs",
    "cpython/src/memory/limit.rs",
    "cpython/src/memory/process.rs",
    "cpython/src/memory/ptrace.rs",
    "cpython/src/memory/freeze.rs",
    "plugins/src/abi.rs",
    "plugins/src/library.rs",
    "loader/src/mapping.rs",
    "frontends/python/src/asked.rs",
    "frontends/python/src/fatal.rs",
    "frontends/python/src/fork.rs",
    "frontends/python/src/arena.rs",
    "frontends/python/src/capture.rs",
    "frontends/python/src/isolation.rs",
    "frontends/python/src/stillness.rs",
];
/// Lines of a file of logic.
const LONGEST: usize = 600;
/// Words of the shell of a developer's machine, of tools and hosts, which say nothing to a reader.
const NEVER_NAMED: &[&str] = &["/root/", "/home/", "utils.rs", "misc.rs", "helpers.rs", "common.rs"];

/// Checks all rules; says every breach.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = root()?;
    let mut breaches = Vec::new();
    arrows(&root, &mut breaches)?;
    let mut files = Vec::new();
    walk(&root, &mut files)?;
    for file in &files {
        check_file(&root, file, &mut breaches)?;
    }
    for breach in &breaches {
        eprintln!("tidy: {breach}");
    }
    if !breaches.is_empty() {
        bail!("{} breaches of the house rules in {} files", breaches.len(), files.len());
    }
    println!("tidy: {} files in order", files.len());
    Ok(())
}

/// The folder of the workspace.
pub(crate) fn root() -> anyhow::Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(Path::to_owned).context("xtask lies in the workspace's folder")
}

fn arrows(root: &Path, breaches: &mut Vec<String>) -> anyhow::Result<()> {
    let output = Command::new(env!("CARGO")).args(["metadata", "--format-version", "1"]).current_dir(root).output()?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let empty = Vec::new();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let members = list(&metadata["workspace_members"]);
    let packages = metadata["packages"].as_array().unwrap_or(&empty);
    let names: BTreeMap<&str, &str> =
        packages.iter().filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?))).collect();
    let workspace: Vec<&str> = members.iter().filter_map(|id| names.get(id.as_str()?).copied()).collect();
    for package in packages.iter().filter(|package| members.contains(&package["id"])) {
        let name = package["name"].as_str().unwrap_or_default();
        for dependency in list(&package["dependencies"]) {
            let target = dependency["name"].as_str().unwrap_or_default();
            let development = dependency["kind"].as_str() == Some("dev");
            if target == "pyo3" && name != PYO3 {
                breaches.push(format!("{name} names pyo3; only {PYO3} may"));
            }
            if target == "libloading" && name != LIBLOADING {
                breaches.push(format!("{name} names libloading; only {LIBLOADING} may"));
            }
            if !workspace.contains(&target) || OUTSIDE.contains(&name) || development {
                continue;
            }
            let allowed = ARROWS.iter().find(|(from, _)| *from == name).map_or(&[][..], |(_, to)| to);
            if !allowed.contains(&target) {
                breaches.push(format!("{name} uses {target}, an arrow that is not drawn (ARCHITECTURE.md)"));
            }
        }
    }
    let mut uses: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let nodes = list(&metadata["resolve"]["nodes"]);
    for node in &nodes {
        let from = names.get(node["id"].as_str().unwrap_or_default()).copied().unwrap_or_default();
        for dependency in node["deps"].as_array().unwrap_or(&empty) {
            let normal = dependency["dep_kinds"].as_array().is_none_or(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()));
            if let Some(to) = dependency["pkg"].as_str().and_then(|id| names.get(id)).filter(|_| normal) {
                uses.entry(from).or_default().push(to);
            }
        }
    }
    for (from, never) in NEVER {
        let direct = uses.get(from).cloned().unwrap_or_default();
        for target in never.iter().filter(|target| direct.contains(target)) {
            breaches.push(format!("{from} uses {target}, which it may not"));
        }
    }
    Ok(())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.')
                && !["target", "node_modules", "__pycache__", "proptest-regressions"].contains(&name.as_str())
            {
                walk(&path, files)?;
            }
        } else if ["rs", "py", "pyi", "md", "toml", "layout"]
            .iter()
            .any(|ending| path.extension().is_some_and(|found| found == *ending))
        {
            files.push(path);
        }
    }
    Ok(())
}

fn check_file(root: &Path, path: &Path, breaches: &mut Vec<String>) -> anyhow::Result<()> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
    let itself = name == "xtask/src/tidy.rs";
    let ending = path.extension().unwrap_or_default();
    let rust = ending == "rs";
    let tests = name.contains("tests/") || name.ends_with("_tests.rs") || name.starts_with("tests/") || name.contains("test_");
    if rust && !text.starts_with("//!") {
        breaches.push(format!("{name}: does not open with //!"));
    }
    let lines = text.lines().count();
    if (rust || ending == "py") && !tests && !is_table(&name) && lines > LONGEST {
        breaches.push(format!("{name}: {lines} lines, at most {LONGEST}"));
    }
    if rust && !itself && !UNSAFE.contains(&name.as_str()) {
        let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        for (number, line) in code {
            let word = "unsafe";
            let found = line.contains(&format!("{word} {{"))
                || line.contains(&format!("{word} fn"))
                || line.contains(&format!("{word} impl"));
            if found {
                breaches.push(format!("{name}:{}: {word} outside the listed files", number + 1));
            }
        }
    }
    if !itself && !tests {
        for never in NEVER_NAMED {
            if let Some(number) = text.lines().position(|line| line.contains(never)) {
                breaches.push(format!("{name}:{}: names {never}", number + 1));
            }
        }
    }
    Ok(())
}

/// Declarations of layouts are tables: rows, no logic.
fn is_table(name: &str) -> bool {
    name.starts_with("cpython/src/layouts/")
}
