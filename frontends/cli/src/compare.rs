//! `heapsake compare A B`: whether two dumps are of near-isomorphic heaps, and each difference with the path that leads to it.

use std::path::PathBuf;

use heapsake_loader::{isomorphism, open};
use serde_json::json;

use crate::output::{Output, Style, count, harmless};

/// Options of `heapsake compare`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// A dump.
    one: PathBuf,
    /// Another one, of the same program at the same moment.
    other: PathBuf,
    /// Print JSON (docs/json.md).
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<i32> {
    let (one, other) = (open(&arguments.one)?, open(&arguments.other)?);
    let report = isomorphism::compare(&one, &other);
    let mut output = Output::new(arguments.json);
    let surrogates: u64 = report.surrogates.values().sum();
    if output.json {
        let difference = |(path, what): &(String, String)| json!({ "path": path, "what": what });
        output.value(&json!({
            "near_isomorphic": report.is_isomorphic(),
            "objects": [one.object_count(), other.object_count()],
            "alike": report.matched,
            "surrogates": report.surrogates,
            "differences": report.difference_count,
            "guesses_that_differ": report.guesses_that_differ,
            "transient_that_differ": report.transient_that_differ,
            "known_of_process_alone": report.known_of_process_alone,
            "shown": report.differences.iter().map(difference).collect::<Vec<_>>(),
            "faults": [one.faults().len(), other.faults().len()],
        }))?;
        return Ok(i32::from(!report.is_isomorphic()));
    }
    let verdict = if report.is_isomorphic() { "near-isomorphic" } else { "different" };
    output.line(output.style(Style::Title, verdict.to_owned()))?;
    output.line(format!(
        "  {} of {} and {} objects are alike, {} of them surrogates on both sides",
        count(report.matched),
        count(one.object_count().into()),
        count(other.object_count().into()),
        count(surrogates),
    ))?;
    for (dump, path) in [(&one, &arguments.one), (&other, &arguments.other)] {
        let faults = dump.faults().len();
        if faults > 0 {
            output.line(format!("  {} has {faults} faults: heapsake check tells them", path.display()))?;
        }
    }
    if report.guesses_that_differ > 0 {
        output.line(format!("  {} conservative or stale edges differ, which do not count", count(report.guesses_that_differ)))?;
    }
    if report.transient_that_differ > 0 {
        output
            .line(format!("  {} code objects adapted themselves, which does not count", count(report.transient_that_differ)))?;
    }
    if report.known_of_process_alone > 0 {
        let objects = count(report.known_of_process_alone);
        output.line(format!(
            "  {objects} objects have facts that the core does not tell, as of descriptors, which does not count"
        ))?;
    }
    if report.difference_count > 0 {
        output.line(output.style(Style::Title, format!("{} differences", count(report.difference_count))))?;
    }
    for (path, what) in &report.differences {
        output.line(format!("  {}: {}", output.style(Style::Name, harmless(path)), harmless(what)))?;
    }
    let more = report.difference_count - report.differences.len() as u64;
    if more > 0 {
        output.line(format!("  … {} more", count(more)))?;
    }
    Ok(i32::from(!report.is_isomorphic()))
}
