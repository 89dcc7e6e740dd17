//! `heapsake reducers`: which types have a reducer, where it comes from, and what it saves.

use heapsake_core::reduce::{Registry, TypeMatch};
use serde_json::json;

use crate::output::{Output, Style};

/// Options of `heapsake reducers`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Print JSON (docs/json.md).
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<i32> {
    let registry = Registry::linked()?;
    let mut output = Output::new(arguments.json);
    if output.json {
        let all: Vec<_> = registry
            .entries()
            .map(|(matched, one)| {
                let subclasses = matches!(matched, TypeMatch::Base(_));
                json!({ "type": matched.name(), "subclasses": subclasses, "origin": one.origin, "saves": one.saves })
            })
            .collect();
        output.value(&json!({ "reducers": all }))?;
        return Ok(0);
    }
    let width = registry.entries().map(|(matched, _)| matched.name().len()).max().unwrap_or(0);
    for (matched, one) in registry.entries() {
        let name = output.style(Style::Name, format!("{:<width$}", matched.name()));
        output.line(format!("{name}  {}  {}", one.origin, one.saves))?;
    }
    output.line(format!("{} types have a reducer; the types of the language itself need none", registry.entries().count()))?;
    Ok(0)
}
