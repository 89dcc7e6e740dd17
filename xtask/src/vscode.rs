//! `cargo xtask vscode`: the extension for VS Code, checked, tested and packed to `target/vscode/heapsake.vsix`.
//!
//! It needs node and npm, and the npm registry the first time; no VS Code, for which a double stands in its tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

use crate::test::{finish, named_or_built};
use crate::tidy;

/// The oldest node that the tools run on.
const NODE: [u32; 2] = [20, 19];

/// Options of `cargo xtask vscode`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The heapsake that the tests start; else the one of this tree, built now.
    #[arg(long)]
    heapsake: Option<PathBuf>,
}

/// Makes the extension, and says where it is.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let root = tidy::root()?;
    make(&root, &named_or_built(arguments.heapsake.as_deref(), &root)?)
}

/// Makes the extension, tested with this `heapsake`. Without node there is none, which is an error in continuous integration.
pub(crate) fn make(root: &Path, heapsake: &Path) -> anyhow::Result<()> {
    let heapsake = std::path::absolute(heapsake)?;
    if let Err(problem) = tools() {
        if std::env::var_os("CI").is_some() {
            return Err(problem.context("continuous integration needs node and npm"));
        }
        println!("not tested: the extension for VS Code; {problem:#}");
        return Ok(());
    }
    let home = root.join("frontends/vscode");
    if let Err(problem) = install(&home) {
        if std::env::var_os("CI").is_some() {
            return Err(problem);
        }
        println!("not tested: the extension for VS Code; {problem:#}");
        return Ok(());
    }
    let packed = root.join("target/vscode/heapsake.vsix");
    fs::create_dir_all(packed.parent().context("a folder")?)?;
    npm(&home, &["run", "check"])?;
    npm(&home, &["run", "build"])?;
    // The packer refuses a manifest that VS Code would not take.
    let out = packed.to_str().context("the path of the checkout is no text")?;
    npm(&home, &["run", "package", "--", "--out", out])?;
    let mut tests = Command::new("npm");
    tests.args(["--silent", "test"]).current_dir(&home);
    tests.env("HEAPSAKE_TEST_PACKAGE", &packed).env("HEAPSAKE_TEST_COMMAND", heapsake);
    finish(&mut tests)?;
    println!("the extension is {}: {} bytes", packed.display(), fs::metadata(&packed)?.len());
    Ok(())
}

/// Whether node and npm are there and new enough.
fn tools() -> anyhow::Result<()> {
    let version = |tool: &str| {
        let output = Command::new(tool).arg("--version").output().with_context(|| format!("{tool} is not here"))?;
        ensure!(output.status.success(), "{tool} --version ended with {}", output.status);
        anyhow::Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    version("npm")?;
    let node = version("node")?;
    let numbers: Vec<u32> = node.trim_start_matches('v').split('.').filter_map(|number| number.parse().ok()).collect();
    if numbers < NODE.to_vec() {
        bail!("node is {node}, and has to be {}.{} or later", NODE[0], NODE[1]);
    }
    Ok(())
}

/// Installs the tools that the lock file names, once.
fn install(home: &Path) -> anyhow::Result<()> {
    let changed = |name: &str| fs::metadata(home.join(name)).and_then(|file| file.modified());
    // npm writes this file last.
    if changed("node_modules/.package-lock.json").is_ok_and(|made| changed("package-lock.json").is_ok_and(|lock| lock <= made)) {
        return Ok(());
    }
    // Scripts of packages are not run: they would only fetch what is not needed here.
    npm(home, &["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).context("is the npm registry reachable?")
}

fn npm(home: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    finish(Command::new("npm").arg("--silent").args(arguments).current_dir(home))
}
