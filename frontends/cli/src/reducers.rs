//! `heapsake reducers`: which types have a reducer, where it comes from, and what it saves.

use heapsake_core::reduce::{Registry, TypeMatch};
use serde_json::json;

use crate::output::{Output, Style, harmless};
use crate::python;

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
        output.value(&json!({ "reducers": all, "python": python::listed()? }))?;
        return Ok(0);
    }
    let width = registry.entries().map(|(matched, _)| matched.name().len()).max().unwrap_or(0);
    for (matched, one) in registry.entries() {
        let name = output.style(Style::Name, format!("{:<width$}", matched.name()));
        output.line(format!("{name}  {}  {}", one.origin, one.saves))?;
    }
    output.line(format!("{} types have a reducer; the types of the language itself need none", registry.entries().count()))?;
    let Some(listed) = python::listed()? else {
        output.line("reducers in Python: not known, as this command does not run in a Python (pip install heapsake)")?;
        return Ok(0);
    };
    for one in listed.as_array().into_iter().flatten() {
        let text = |name: &str| harmless(one[name].as_str().unwrap_or_default());
        if one["problem"].is_string() {
            output.line(output.style(Style::Problem, format!("{} is refused: {}", text("origin"), text("problem"))))?;
            continue;
        }
        let name = output.style(Style::Name, format!("{:<width$}", text("type")));
        let live = if one["live"] == true { "live objects only; " } else { "" };
        output.line(format!("{name}  {}  {live}{}", text("origin"), text("saves")))?;
    }
    Ok(0)
}
