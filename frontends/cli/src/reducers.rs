//! `heapsake reducers`: which types have a reducer, where it comes from, and what it saves; and which plugins are not used.

use heapsake_core::reduce::{Registration, TypeMatch};
use heapsake_plugins::Plugins;
use serde_json::{Value, json};

use crate::output::{Output, Style, harmless};
use crate::plugins;

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
        output.value(&value(&plugins))?;
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
    Ok(0)
}

fn value(plugins: &Plugins) -> Value {
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
    json!({ "reducers": all, "plugins": loaded, "refused": refused })
}
