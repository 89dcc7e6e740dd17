//! Who holds an object, and how a root leads to it: `heapsake inspect --referrers` and `--path-from-roots`.

use heapsake_loader::{Holder, Hop, Limits, Links, Object, render};
use serde_json::{Value, json};

use crate::inspect::{object_json, place};
use crate::output::{Output, Style, count, harmless};

/// What is asked of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    /// The most referrers to show, when they are asked for.
    pub(crate) referrers: Option<usize>,
    /// Whether the way from a root is asked for.
    pub(crate) path: bool,
}

/// Answers in text or JSON.
pub(crate) fn show(object: &Object<'_>, asked: Question, output: &mut Output) -> anyhow::Result<()> {
    let dump = object.dump();
    let referrers = asked.referrers.map(|most| (most, dump.referrers(object.id()), dump.root_names(object.id(), most)));
    let path = asked.path.then(|| dump.path_from_root(object.id()));
    if output.json {
        let mut value = object_json(object);
        if let Some((most, holders, roots)) = &referrers {
            let shown = holders.iter().take(*most).map(|holder| holder_json(object, holder));
            value["referrers"] = json!({ "count": holders.len(), "shown": shown.collect::<Vec<_>>() });
            value["roots"] = roots.iter().map(|root| root.0.as_str()).collect();
        }
        if let Some(path) = &path {
            value["path_from_roots"] =
                path.as_ref().map_or(Value::Null, |hops| hops.iter().map(|hop| hop_json(object, hop)).collect());
        }
        output.value(&value)?;
        return Ok(());
    }
    output.line(line(object))?;
    output.line(output.style(Style::Dim, place(object)))?;
    if let Some((most, holders, roots)) = &referrers {
        let are = if roots.is_empty() { String::new() } else { format!("; it is {}", roots_phrase(roots.len(), *most)) };
        let objects = if holders.len() == 1 { "object" } else { "objects" };
        let title = format!("held by {} {objects}{are}", count(holders.len() as u64));
        output.line(output.style(Style::Title, title))?;
        for root in roots {
            output.line(format!("  {}", output.style(Style::Name, harmless(&root.0))))?;
        }
        for holder in holders.iter().take(*most) {
            let from = dump.object(holder.object);
            let name = output.style(Style::Name, harmless(&edge_names(object, holder).join(", ")));
            let weak = if holder.links.meets(Links::STRONG) { "" } else { " (does not keep it alive)" };
            output.line(format!("  {name} of #{} {}{weak}", from.id().0, line(&from)))?;
        }
        if holders.len() > *most {
            output.line(format!("  … and {} more", count((holders.len() - most) as u64)))?;
        }
    }
    match path {
        None => {}
        Some(None) => output.line(output.style(Style::Title, "no root leads to it"))?,
        Some(Some(hops)) => {
            let steps = if hops.len() == 1 { "step" } else { "steps" };
            output.line(output.style(Style::Title, format!("a root leads to it in {} {steps}", count(hops.len() as u64))))?;
            for hop in hops {
                let name = output.style(Style::Name, harmless(&hop.name));
                let weak = if Links::STRONG.contains(hop.link) { String::new() } else { format!(" ({})", hop.link.word()) };
                output.line(format!("  {name}{weak} = {}", line(&dump.object(hop.object))))?;
            }
        }
    }
    Ok(())
}

fn roots_phrase(shown: usize, most: usize) -> String {
    match shown {
        1 if most > 1 => "a root".to_owned(),
        shown if shown == most => format!("{shown} roots or more"),
        shown => format!("{shown} roots"),
    }
}

fn line(object: &Object<'_>) -> String {
    harmless(&render(object, Limits { characters: 120, ..Limits::default() }))
}

fn edge_names(object: &Object<'_>, holder: &Holder) -> Vec<String> {
    let from = object.dump().object(holder.object);
    let names = holder.links.iter().map(|link| (link.word(), from.edge_name(link, object.id())));
    names.map(|(word, name)| if name.is_empty() { word.to_owned() } else { name }).collect()
}

fn holder_json(object: &Object<'_>, holder: &Holder) -> Value {
    let from = object.dump().object(holder.object);
    let edge = |link: heapsake_loader::Link| json!({ "link": link.word(), "name": from.edge_name(link, object.id()) });
    let mut value = object_json(&from);
    value["edges"] = holder.links.iter().map(edge).collect();
    value
}

fn hop_json(object: &Object<'_>, hop: &Hop) -> Value {
    let mut value = object_json(&object.dump().object(hop.object));
    value["link"] = hop.link.word().into();
    value["name"] = hop.name.as_str().into();
    value
}
