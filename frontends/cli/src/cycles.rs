//! `heapsake cycles FILE`: objects that keep each other alive, which only the collector could free, and the edge to cut.

use std::path::PathBuf;

use heapsake_analysis::cycles::{Component, Cut, Cycles, Group, Step};
use heapsake_loader::{Dump, Limits, ObjectId, open, render};
use serde_json::{Value, json};

use crate::inspect::object_json;
use crate::output::{Output, Style, bytes, count, harmless};

/// Steps of a cycle that are shown as text.
const STEPS: usize = 12;
/// Objects of a component that JSON lists.
const MEMBERS: usize = 1000;
/// Types of a component that are named.
const TYPES: usize = 6;

/// Options of `heapsake cycles`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Cycles of the same types are told together. Classes, modules and the names of modules refer to themselves
by design and are left out. A dump has what roots lead to: garbage that waits for the collector is in it only
where something knows it weakly, and then comes first.

The graph of the dump is kept in $XDG_CACHE_HOME/heapsake (~/.cache/heapsake)."
)]
pub(crate) struct Arguments {
    /// The dump.
    file: PathBuf,
    /// The most kinds of cycles to show.
    #[arg(long, default_value_t = 10, value_name = "COUNT")]
    most: usize,
    /// Print JSON (docs/json.md).
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<i32> {
    let dump = open(&arguments.file)?;
    let cycles = Cycles::of(&dump, arguments.most);
    let shown = &cycles.groups[..cycles.groups.len().min(arguments.most)];
    let mut output = Output::new(arguments.json);
    let faults = dump.faults().len();
    if output.json {
        output.value(&json!({
            "components": cycles.components,
            "objects": cycles.objects,
            "classes_left_out": cycles.classes,
            "modules_left_out": cycles.modules,
            "unreachable": { "objects": cycles.unreachable.objects, "bytes": cycles.unreachable.bytes },
            "kinds": cycles.groups.len(),
            "shown": shown.iter().map(|group| group_json(&dump, group)).collect::<Vec<_>>(),
            "faults": faults,
        }))?;
        return Ok(0);
    }
    let garbage: u64 = cycles.groups.iter().filter(|group| group.is_garbage).map(|group| group.count).sum();
    let (kinds, are) = (cycles.groups.len() as u64, if cycles.components == 1 { "cycle" } else { "cycles" });
    let title = format!(
        "{} {are} of {} objects, of {} kinds; {} of them garbage",
        count(cycles.components),
        count(cycles.objects),
        count(kinds),
        count(garbage)
    );
    output.line(output.style(Style::Title, title))?;
    output.line(format!(
        "  {} classes and {} modules, which refer to themselves by design, are left out",
        count(cycles.classes),
        count(cycles.modules)
    ))?;
    output.line(match cycles.unreachable.objects {
        0 => "  roots lead to every object of the dump: garbage that waits for the collector is not in it (--all of `heapsake dump`)"
            .to_owned(),
        objects => format!(
            "  no root leads to {} objects, {}: the collector frees them, unless C code holds them",
            count(objects),
            bytes(cycles.unreachable.bytes)
        ),
    })?;
    if faults > 0 {
        output.line(format!("  the file has {faults} faults: what is lost may have held, or cut, cycles"))?;
    }
    for group in shown {
        output.line("")?;
        print_group(&dump, group, &mut output)?;
    }
    if kinds > shown.len() as u64 {
        output.line(format!("\n… and {} more kinds (--most)", count(kinds - shown.len() as u64)))?;
    }
    Ok(0)
}

fn print_group(dump: &Dump, group: &Group, output: &mut Output) -> anyhow::Result<()> {
    let example = &group.example;
    let what = if group.is_garbage { "garbage: " } else { "" };
    let title = match group.count {
        1 => format!("{what}a cycle of {} objects, {}", count(group.objects), bytes(group.bytes)),
        many => format!(
            "{what}{} cycles of these types, of {} objects, {}; one of {} objects",
            count(many),
            count(group.objects),
            bytes(group.bytes),
            count(example.members.len() as u64)
        ),
    };
    output.line(output.style(Style::Title, title))?;
    let mut types: Vec<String> =
        example.types.iter().take(TYPES).map(|(name, number)| format!("{} {}", count(*number), harmless(name))).collect();
    if example.types.len() > TYPES {
        types.push(format!("{} more types", example.types.len() - TYPES));
    }
    output.line(format!("  of {}", types.join(", ")))?;
    output.line(format!("  {} would go with it: {} objects", bytes(example.freed.bytes), count(example.freed.objects)))?;
    if let Some(way) = held(dump, group) {
        let references = if example.held_by == 1 { "reference" } else { "references" };
        output.line(format!("  held by {} {references} from outside, such as {}", count(example.held_by), harmless(&way)))?;
    }
    if let Some(first) = example.cycle.first() {
        output.line(format!("  {}", line(dump, first.from)))?;
    }
    for (number, step) in example.cycle.iter().take(STEPS).enumerate() {
        let name = output.style(Style::Name, harmless(&step.name));
        let to = if number + 1 == example.cycle.len() { format!("#{} again", step.to.0) } else { line(dump, step.to) };
        output.line(format!("    {name} = {to}"))?;
    }
    if example.cycle.len() > STEPS {
        output.line(format!("    … and {} more steps back to it", example.cycle.len() - STEPS))?;
    }
    match example.cuts.as_slice() {
        [] => output.line("  too large to say what to cut")?,
        cuts => output.line(format!("  cut {}", output.style(Style::Problem, cut_phrase(cuts))))?,
    }
    Ok(())
}

fn cut_phrase(cuts: &[Cut]) -> String {
    let one = |cut: &Cut| {
        let edges = if cut.count == 1 { "edge" } else { "edges" };
        format!("{} of {} ({} {edges})", harmless(&cut.name), harmless(&cut.type_name), count(cut.count))
    };
    cuts.iter().map(one).collect::<Vec<_>>().join(" and ")
}

/// A way from a root to the cycle, in a line; none of garbage.
fn held(dump: &Dump, group: &Group) -> Option<String> {
    let entry = group.example.entry.filter(|_| !group.is_garbage)?;
    let hops = dump.path_from_root(entry)?;
    Some(hops.iter().map(|hop| hop.name.as_str()).collect::<Vec<_>>().join(" "))
}

fn line(dump: &Dump, id: ObjectId) -> String {
    let limits = Limits { characters: 100, ..Limits::default() };
    format!("#{} {}", id.0, harmless(&render(&dump.object(id), limits)))
}

fn group_json(dump: &Dump, group: &Group) -> Value {
    json!({
        "count": group.count,
        "objects": group.objects,
        "bytes": group.bytes,
        "garbage": group.is_garbage,
        "held": held(dump, group),
        "example": component_json(dump, &group.example),
    })
}

fn member_json(dump: &Dump, id: ObjectId) -> Value {
    let object = dump.object(id);
    json!({ "object": id.0, "address": object.address().to_string(), "type": object.type_name() })
}

fn component_json(dump: &Dump, component: &Component) -> Value {
    let step = |step: &Step| json!({ "from": object_json(&dump.object(step.from)), "name": step.name, "to": step.to.0 });
    let cut = |cut: &Cut| json!({ "type": cut.type_name, "name": cut.name, "count": cut.count, "example": step(&cut.example) });
    json!({
        "count": component.members.len(),
        "objects": component.members.iter().take(MEMBERS).map(|id| member_json(dump, *id)).collect::<Vec<_>>(),
        "bytes": component.bytes,
        "freed": { "objects": component.freed.objects, "bytes": component.freed.bytes },
        "types": component.types,
        "held_by": component.held_by,
        "cycle": component.cycle.iter().map(step).collect::<Vec<_>>(),
        "cuts": component.cuts.iter().map(cut).collect::<Vec<_>>(),
    })
}
