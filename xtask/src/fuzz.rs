//! `cargo xtask fuzz`: the coverage-guided fuzzers, with the compiler that is there: stable Rust and a compiler of C++.
//!
//! Inputs are kept in `fuzz/corpus`, what breaks a promise in `fuzz/artifacts`; both grow and are no part of the project. What
//! was found becomes an input in `tests/fuzz`, which every test run goes through.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

use crate::test::finish;
use crate::tidy;

/// What one input may take; more is a finding.
const SECONDS_OF_ONE: u64 = 25;
const MEGABYTES: u64 = 3000;

/// Options of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The targets; all of them when none is named.
    targets: Vec<String>,
    /// Seconds for each.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Only compile them.
    #[arg(long)]
    build: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let root = tidy::root()?;
    let folder = root.join("fuzz");
    let known = known(&folder)?;
    let unknown = arguments.targets.iter().find(|name| !known.contains(name));
    if let Some(name) = unknown {
        bail!("no target is called {name:?}\nhint: there are {}", known.join(", "));
    }
    let targets = if arguments.targets.is_empty() { &known } else { &arguments.targets };
    // Its own configuration, with the flags for coverage, is found from its folder.
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--release"]).current_dir(&folder);
    for name in targets {
        build.args(["--bin", name]);
    }
    finish(&mut build)?;
    if arguments.build {
        return Ok(());
    }
    let mut found = Vec::new();
    for name in targets {
        let (corpus, artifacts) = (folder.join("corpus").join(name), folder.join("artifacts").join(name));
        fs::create_dir_all(&artifacts)?;
        let mut seeds = Command::new(env!("CARGO"));
        seeds.args(["run", "--quiet", "--release", "--package", "heapsake-tests", "--example", "fuzz_seeds", "--", name]);
        finish(seeds.arg(&corpus).current_dir(&root))?;
        let mut fuzzer = Command::new(folder.join("target/x86_64-unknown-linux-gnu/release").join(name));
        fuzzer.arg(&corpus).arg(format!("-max_total_time={}", arguments.seconds)).arg(format!("-timeout={SECONDS_OF_ONE}"));
        fuzzer.arg(format!("-rss_limit_mb={MEGABYTES}")).arg(format!("-artifact_prefix={}/", artifacts.display()));
        if let Some(longest) = longest(&corpus)? {
            fuzzer.arg(format!("-max_len={longest}"));
        }
        let regressions = root.join("tests/fuzz").join(name);
        if regressions.is_dir() {
            fuzzer.arg(regressions);
        }
        println!("{name}: {} seconds", arguments.seconds);
        if !fuzzer.arg("-print_final_stats=1").status().context("the fuzzer")?.success() {
            found.push(name.as_str());
        }
    }
    ensure!(found.is_empty(), "something was found, and is kept in fuzz/artifacts: {}", found.join(", "));
    Ok(())
}

/// The names of the targets.
fn known(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries: Vec<PathBuf> =
        fs::read_dir(folder.join("fuzz_targets"))?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    let mut names: Vec<String> = entries.iter().filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}

/// Twice the longest input, so that inputs can grow.
fn longest(corpus: &Path) -> anyhow::Result<Option<u64>> {
    let mut longest = None;
    for entry in fs::read_dir(corpus)? {
        longest = longest.max(Some(entry?.metadata()?.len()));
    }
    Ok(longest.map(|length| (length * 2).max(64)))
}
