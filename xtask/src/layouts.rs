//! `cargo xtask layouts`: the table `cpython/src/layouts/lp64.layout`, written from the debug information of interpreters.

use std::path::PathBuf;

/// Options of `cargo xtask layouts`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Compare with the table instead of writing it; exit 1 if they differ.
    #[arg(long)]
    check: bool,
    /// Interpreters to read, instead of those found.
    #[arg(long, num_args = 1..)]
    python: Vec<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    anyhow::bail!("no interpreter is read yet (check: {}, python: {:?})", arguments.check, arguments.python)
}
