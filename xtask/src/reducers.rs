//! `cargo xtask reducers`: the page `docs/reducers.md`, written from the doc comments of the built-in reducers
//! and of the ready plugins that are linked in.

use std::path::Path;

use anyhow::{Context, bail};

/// Options of `cargo xtask reducers`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Compare with the page instead of writing it; exit 1 if they differ.
    #[arg(long)]
    check: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    let path = root.join("docs/reducers.md");
    let page = {
        let (file, types, text) = heapsake_greenlet::reference();
        let greenlet = heapsake_reducers::Documented { name: file, file, types, text };
        let mut linked_in = vec![greenlet];
        linked_in.extend(heapsake_stackless::reference().map(|(types, text)| {
            let file = "stackless";
            heapsake_reducers::Documented { name: file, file, types, text }
        }));
        heapsake_reducers::reference(&linked_in) + &heapsake_numpy::reference()
    };
    if !arguments.check {
        return std::fs::write(&path, page).with_context(|| path.display().to_string());
    }
    match std::fs::read_to_string(&path) {
        Ok(there) if there == page => Ok(()),
        _ => bail!("{} is not what the reducers say\nhint: cargo xtask reducers", path.display()),
    }
}
