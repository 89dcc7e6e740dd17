//! `heapsake dap` asked as an editor asks, on a large dump; the table goes into `docs/dap.md`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use serde_json::Value;

use super::table::{Conditions, conditions, duration, least, megabytes};
use super::{build, chosen, number, program};

/// The page, and what stands around the table in it.
const PAGE: &str = "docs/dap.md";
const START: &str = "<!-- cargo xtask bench dap -->\n";
const END: &str = "<!-- end of the table -->\n";

/// The steps that `editor.py` measures: its name, from where, to what.
const STEPS: [(&str, &str, &str); 12] = [
    ("first stack", "start of the adapter", "threads and the first stack"),
    ("locals", "the stack", "the variables of a frame, and the attributes of each that is counted"),
    ("in_order, first page", "a list", "100 of its children, the first time"),
    ("in_order, another page", "a list", "any 100 of its children"),
    ("by_name, another page", "a dict", "any 100 of its children"),
    (
        "shuffled, first page",
        "the list in random order, whose elements lie all over the heap",
        "100 of its children, the first time",
    ),
    ("shuffled, another page", "the list in random order", "any 100 of its children"),
    ("one of its children", "a page", "the children of one of them"),
    ("a sum over 10,000 dicts", "an expression over 10,000 dicts", "its answer"),
    ("held by, first", "`Held by`, the first time", "who holds an object: the graph of the whole dump"),
    ("held by, kept", "`Held by`, the first time in a later session", "the same, from the graph that was kept"),
    ("held by, again", "`Held by`, afterwards", "the same"),
];

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The interpreter (default: a 3.11 that pyenv or PATH knows).
    #[arg(long)]
    python: Option<PathBuf>,
    /// Things that the program holds, 5 objects each.
    #[arg(long, default_value_t = 800_000)]
    things: u64,
    /// How often the dump is opened.
    #[arg(long, default_value_t = 10)]
    rounds: usize,
}

/// Measures, and writes the table.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    build(root)?;
    let python = chosen(arguments.python.as_ref())?;
    let folder = tempfile::tempdir()?;
    let started = Instant::now();
    let (heapsake, dump) = (root.join("target/release/heapsake"), folder.path().join("wide.heapsake"));
    let (things, rounds) = (arguments.things.to_string(), arguments.rounds.max(1).to_string());
    let given = [heapsake.as_os_str(), things.as_ref(), dump.as_os_str(), rounds.as_ref()];
    let told = program(root, python.binary()?, "editor.py", &given)?;
    let mut text = table(&told, arguments.things)?;
    let conditions = conditions(&Conditions {
        command: format!("cargo xtask bench dap --things {things} --rounds {rounds}"),
        seconds: started.elapsed().as_secs(),
        python: python.name().to_owned(),
        runs: format!("{rounds} sessions, in each 20 further pages of every container"),
    })?;
    write!(text, "\n{conditions}")?;
    let page = root.join(PAGE);
    let whole = std::fs::read_to_string(&page)?;
    std::fs::write(&page, replaced(&whole, &text).with_context(|| format!("{PAGE} has no place for the table"))?)?;
    println!("{text}");
    Ok(())
}

/// The table of a run.
fn table(told: &Value, things: u64) -> anyhow::Result<String> {
    let times = |step: &str| -> anyhow::Result<Vec<f64>> {
        let found = told["times"][step].as_array().with_context(|| format!("{step} was not measured"))?;
        Ok(found.iter().filter_map(Value::as_f64).collect())
    };
    let mut text = format!(
        "A dump of {:.1} million objects in {}: a list of {things} dicts, the same list in random order, a dict of them by name. \
         Time by the clock, from the request to its answer.\n\n| from | to | best | median | worst |\n|---|---|--:|--:|--:|\n",
        number(told, "objects")? / 1e6,
        megabytes(number(told, "bytes")?),
    );
    for (step, from, to) in STEPS {
        let mut sorted = times(step)?;
        sorted.sort_by(f64::total_cmp);
        let median = *sorted.get(sorted.len() / 2).with_context(|| format!("{step} has no figure"))?;
        let worst = *sorted.last().unwrap_or(&median);
        writeln!(text, "| {from} | {to} | {} | {} | {} |", duration(least(&sorted)), duration(median), duration(worst))?;
    }
    let most = times("memory")?.into_iter().fold(0.0, f64::max);
    writeln!(text, "\nBefore the graph was asked for, the adapter took {} at most.", megabytes(most))?;
    Ok(text)
}

/// A page with another table in the place of the old one.
fn replaced(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(START)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{START}{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_step_and_takes_the_place_of_the_old_one() {
        let figures: serde_json::Map<String, Value> =
            STEPS.iter().map(|(step, ..)| ((*step).to_owned(), serde_json::json!([0.003, 0.001, 1.5]))).collect();
        let mut told = serde_json::json!({ "objects": 4e6, "bytes": 9.9e6, "times": figures });
        assert!(table(&told, 7).is_err(), "the memory is missing");
        told["times"]["memory"] = serde_json::json!([1e8, 2e8]);
        let text = table(&told, 7).expect("all figures");
        assert_eq!(text.matches("| 1.0 ms | 3.0 ms | 1.50 s |").count(), STEPS.len(), "{text}");
        assert!(text.contains("4.0 million objects in 9.9 MB") && text.contains("200.0 MB at most"), "{text}");
        assert_eq!(replaced(&format!("a\n{START}old\n{END}b\n"), "new\n"), Some(format!("a\n{START}new\n{END}b\n")));
        assert_eq!(replaced("a\n", "new\n"), None);
    }
}
