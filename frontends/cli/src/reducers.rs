//! `heapsake reducers`: which types have a reducer, where it comes from, and what it saves; and which plugins are not used.

use heapsake_core::reduce::{Registration, TypeMatch};
use heapsake_plugins::Plugins;
use serde_json::{Value, json};

use crate::output::{Output, Style, harmless};
use crate::{plugins, python};

/// Options of `heapsake reducers`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Print JSON (docs/json.md).
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<i32> {
    let plugins = plugins::open()?;
    let registry = plugins.registry();
    let mut output = Output::new(arguments.json);
    if output.json {
        output.value(&value(&plugins, python::listed()?))?;
        return Ok(0);
    }
    let width = registry.entries().map(|(matched, _)| matched.name().len()).max().unwrap_or(0);
    let origins = registry.entries().map(|(_, one)| one.origin.len()).max().unwrap_or(0);
    for (matched, one) in registry.entries() {
        let name = output.style(Style::Name, format!("{:<width$}", harmless(matched.name())));
        output.line(format!("{name}  {:<origins$}  {}", harmless(one.origin), harmless(one.saves)))?;
    }
    for one in &plugins.loaded {
        let title = output.style(Style::Title, format!("{} {}", harmless(&one.name), harmless(&one.version)).trim_end());
        output.line(format!("{title}  {}: {}", one.path.display(), harmless(&one.description)))?;
    }
    for one in &plugins.refused {
        let title = output.style(Style::Problem, "not used");
        output.line(format!("{title}  {}: {}", one.path.display(), harmless(&one.reason)))?;
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

fn value(plugins: &Plugins, python: Option<Value>) -> Value {
    let registry = plugins.registry();
    let version = |one: &Registration| {
        let plugin = plugins.loaded.iter().find(|plugin| plugin.path.to_str() == Some(one.file));
        plugin.map_or_else(|| env!("CARGO_PKG_VERSION").to_owned(), |plugin| plugin.version.clone())
    };
    let all: Vec<Value> = registry
        .entries()
        .map(|(matched, one)| {
            let subclasses = matches!(matched, TypeMatch::Base(_));
            json!({
                "type": matched.name(),
                "subclasses": subclasses,
                "origin": one.origin,
                "version": version(one),
                "file": one.file,
                "saves": one.saves,
            })
        })
        .collect();
    let loaded: Vec<Value> = plugins
        .loaded
        .iter()
        .map(|one| json!({ "name": one.name, "version": one.version, "path": one.path.to_string_lossy(), "types": one.types }))
        .collect();
    let refused: Vec<Value> =
        plugins.refused.iter().map(|one| json!({ "path": one.path.to_string_lossy(), "reason": one.reason })).collect();
    json!({ "reducers": all, "plugins": loaded, "refused": refused, "python": python })
}
