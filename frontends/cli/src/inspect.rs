//! `heapsake inspect FILE PATH`: one object, by the path that leads to it.

use std::path::PathBuf;

use anyhow::{Context, bail};
use heapsake_analysis::waits::Waits;
use heapsake_core::Address;
use heapsake_core::format::records::Reference;
use heapsake_loader::array::Cell;
use heapsake_loader::{AttributeValue, Dump, Limits, Object, ObjectId, TailKind, Target, open, render, shown_fact};
use serde_json::{Value, json};

use crate::cells::{self, Part};
use crate::evaluate::{self, Budget};
use crate::holders::{self, Question};
use crate::output::{Output, Style, bytes, count, harmless};
use crate::path::{Path, Place, Step};
use crate::stack::{find_thread, heading, print_frame, thread_json};
use crate::summary::cbor_json;

/// Children that are shown.
const SHOWN: u64 = 50;

/// Options of `heapsake inspect`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Paths:
  order.items[3]                                   a variable of the innermost frame, and on from there
  thread:MainThread/frame:-1/order.items[3]        of a frame of a thread: 0 is the outermost, -1 the innermost
  grid[3, 4]   frame[\"price\"][7]                 an element of an array, a cell of a table
  exception/args[0]                                the exception of the dump
  module:app.config/SETTINGS[\"host\"]               a global name of a module
  object:0x7f21a4c0  object:#4711                  an object by its address or number
  …[2:5]                                           some elements

--eval takes an expression instead: sum(o.price for o in orders), sorted(cache, key=len)[:5], refs(order).

--referrers and --path-from-roots read the whole dump once and keep its graph in
$XDG_CACHE_HOME/heapsake (~/.cache/heapsake).")]
pub(crate) struct Arguments {
    /// The dump.
    file: PathBuf,
    /// The path.
    #[arg(default_value = "frame:-1")]
    path: String,
    /// Instead of a path an expression of Python (docs/expressions.md), of which no code of the dump is run.
    #[arg(long, value_name = "EXPRESSION", conflicts_with_all = ["path", "referrers", "path_from_roots"])]
    eval: Option<String>,
    /// The frame whose variables the expression means: thread:NAME/frame:NUMBER.
    #[arg(long = "in", value_name = "PLACE", requires = "eval")]
    place: Option<String>,
    #[command(flatten)]
    budget: Budget,
    /// Who holds it: the roots that are this object, and the objects with edges to it.
    #[arg(long)]
    referrers: bool,
    /// How a root leads to it: the shortest way.
    #[arg(long)]
    path_from_roots: bool,
    /// The most referrers to show.
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    most: usize,
    /// Print JSON (docs/json.md).
    #[arg(long)]
    json: bool,
}

/// What a path leads to.
enum Found<'d> {
    Object(Object<'d>),
    /// A fact that is no object.
    Fact(ciborium::Value),
    /// An element of an array or a table that is no object.
    Element(ciborium::Value),
    /// The variables of a frame.
    Variables(Vec<(String, Target)>),
    Frame(usize, usize),
    Thread(usize),
    Nothing,
    Slice(Vec<(String, Target)>),
    /// A part of an array or a table.
    Part(Part<'d>),
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<i32> {
    let dump = open(&arguments.file)?;
    let mut output = Output::new(arguments.json);
    if let Some(expression) = &arguments.eval {
        evaluate::show(&dump, expression, arguments.place.as_deref(), arguments.budget, &mut output)?;
        return Ok(0);
    }
    let found = find(&dump, &arguments.path)?;
    if arguments.referrers || arguments.path_from_roots {
        let Found::Object(object) = &found else {
            bail!("{:?} is no object of the dump: objects alone have referrers", arguments.path);
        };
        let asked = Question { referrers: arguments.referrers.then_some(arguments.most), path: arguments.path_from_roots };
        holders::show(object, asked, &mut output)?;
    } else if output.json {
        output.value(&as_json(&dump, &found))?;
    } else {
        print(&dump, &found, &mut output)?;
    }
    Ok(0)
}

/// What is at a path, as JSON.
pub(crate) fn told(dump: &Dump, path: &str) -> anyhow::Result<String> {
    Ok(as_json(dump, &find(dump, path)?).to_string())
}

/// What a path leads to.
fn find<'d>(dump: &'d Dump, text: &str) -> anyhow::Result<Found<'d>> {
    let path = Path::parse(text)?;
    let mut found = start(dump, &path.place)?;
    let mut walked = String::new();
    for step in &path.steps {
        found = take(dump, found, step).with_context(|| {
            let shown = if walked.is_empty() { "its start".to_owned() } else { walked.clone() };
            format!("{text:?} leads nowhere after {shown}")
        })?;
        walked.push_str(&shown_step(step));
    }
    Ok(found)
}

/// The object that a path leads to.
pub(crate) fn object_of_path<'d>(dump: &'d Dump, text: &str) -> anyhow::Result<Object<'d>> {
    match find(dump, text)? {
        Found::Object(object) => Ok(object),
        _ => bail!("{text:?} is no object of the dump\nhint: heapsake inspect shows what it is"),
    }
}

fn shown_step(step: &Step) -> String {
    match step {
        Step::Attribute(name) => format!(".{name}"),
        Step::Index(index) => format!("[{index}]"),
        Step::Indexes(indexes) => format!("[{}]", indexes.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")),
        Step::Key(key) => format!("[{key:?}]"),
        Step::Slice(from, to) => {
            let bound = |bound: &Option<i64>| bound.map_or_else(String::new, |number| number.to_string());
            format!("[{}:{}]", bound(from), bound(to))
        }
    }
}

fn start<'d>(dump: &'d Dump, place: &Place) -> anyhow::Result<Found<'d>> {
    let of_reference = |reference: Reference| match dump.referenced(reference) {
        Some(object) => Found::Object(object),
        None => Found::Nothing,
    };
    Ok(match place {
        Place::Exception => match dump.exception() {
            Some(id) => Found::Object(dump.object(id)),
            None => bail!("this dump has no exception; it was made for: {}", dump.header().reason),
        },
        Place::Thread(name) => Found::Thread(thread_position(dump, name)?),
        Place::Frame(..) => {
            let (thread, frame) = frame_of(dump, place)?;
            Found::Frame(thread, frame)
        }
        Place::Module(name) => {
            let module = dump.modules().find(|(known, _)| known == name);
            let (_, reference) = module.with_context(|| format!("no module is called {name:?}"))?;
            of_reference(reference)
        }
        Place::Address(address) => match dump.object_at(Address(*address)) {
            Some(object) => Found::Object(object),
            None => bail!("no object of the dump lies at {address:#x}"),
        },
        Place::Number(number) if *number < dump.object_count() => Found::Object(dump.object(ObjectId(*number))),
        Place::Number(number) => bail!("object {number} of {}", dump.object_count()),
    })
}

/// The thread and the frame of a place; of a thread the innermost one.
pub(crate) fn frame_of(dump: &Dump, place: &Place) -> anyhow::Result<(usize, usize)> {
    let (name, number) = match place {
        Place::Frame(name, number) => (name.as_deref(), *number),
        Place::Thread(name) => (Some(name.as_str()), -1),
        _ => bail!("this place is no frame"),
    };
    let thread = match name {
        Some(name) => thread_position(dump, name)?,
        None => 0,
    };
    let frames = dump.threads().get(thread).map_or(0, |thread| thread.frames.len()) as i64;
    let at = if number < 0 { number + frames } else { number };
    if !(0..frames).contains(&at) {
        bail!("frame {number} of {frames}: the outermost is 0, the innermost -1");
    }
    Ok((thread, at as usize))
}

fn thread_position(dump: &Dump, name: &str) -> anyhow::Result<usize> {
    let thread = find_thread(dump, name)?;
    Ok(dump.threads().iter().position(|one| std::ptr::eq(one, thread)).unwrap_or(0))
}

/// Variables of a frame, from the stacks chunk.
fn variables(dump: &Dump, thread: usize, frame: usize) -> Vec<(String, Target)> {
    let record = &dump.threads()[thread].frames[frame];
    let target = |reference: Reference| match reference {
        Reference { id: Some(id), .. } => Target::Object(id),
        Reference { address: 0, .. } => Target::Nothing,
        Reference { address, .. } => Target::Stray(Address(address)),
    };
    let mut found: Vec<(String, Target)> =
        record.variables.iter().map(|variable| (variable.name.clone(), target(variable.object))).collect();
    if let Some(locals) = dump.referenced(record.locals) {
        found.extend(locals.named_entries());
    }
    found
}

fn of_target(dump: &Dump, target: Target) -> anyhow::Result<Found<'_>> {
    match target {
        Target::Object(id) => Ok(Found::Object(dump.object(ObjectId(id)))),
        Target::Nothing => Ok(Found::Nothing),
        Target::Stray(address) => bail!("it leads to {address}, where no object of the dump lies"),
    }
}

/// A fact, or the object that it refers to.
fn of_fact(dump: &Dump, value: ciborium::Value) -> Found<'_> {
    match heapsake_loader::referenced(&value) {
        Some(id) => Found::Object(dump.object(id)),
        None => Found::Fact(value),
    }
}

/// A single element as the object or the fact that it is.
fn of_part<'d>(dump: &'d Dump, part: Part<'d>) -> anyhow::Result<Found<'d>> {
    match part {
        Part::Cell(Cell::Target(target)) => of_target(dump, target),
        Part::Cell(Cell::Plain(value)) => Ok(Found::Element(value)),
        Part::Cell(Cell::Missing) => bail!("it is not in the dump: of a large array the first elements alone are"),
        part => Ok(Found::Part(part)),
    }
}

fn take<'d>(dump: &'d Dump, found: Found<'d>, step: &Step) -> anyhow::Result<Found<'d>> {
    let found = match found {
        Found::Element(value) => Found::Fact(value),
        found => found,
    };
    match (found, step) {
        (Found::Frame(thread, frame), Step::Attribute(name)) => {
            let record = &dump.threads()[thread].frames[frame];
            if let Some((_, target)) = variables(dump, thread, frame).into_iter().find(|(known, _)| known == name) {
                if target == Target::Nothing {
                    bail!("the variable {name} is not bound in {}", record.qualified_name);
                }
                return of_target(dump, target);
            }
            if let Some(target) = dump.referenced(record.globals).and_then(|globals| globals.entry(name)) {
                return of_target(dump, target);
            }
            let names: Vec<String> = variables(dump, thread, frame).into_iter().map(|(name, _)| name).take(30).collect();
            bail!("{} has no variable {name}\nhint: it has {}", record.qualified_name, names.join(", "))
        }
        (Found::Thread(thread), step) => {
            let last = dump.threads()[thread].frames.len().saturating_sub(1);
            take(dump, Found::Frame(thread, last), step)
        }
        (Found::Part(part), step) => of_part(dump, part.step(step)?),
        (Found::Object(object), step) if let Some(part) = cells::of_object(&object, step)? => of_part(dump, part),
        (Found::Object(object), Step::Attribute(name)) => match object.attribute(name) {
            Some(AttributeValue::Target(target)) => of_target(dump, target),
            Some(AttributeValue::Plain(value)) => Ok(Found::Fact(value)),
            Some(AttributeValue::Locals(id)) => Ok(Found::Variables(dump.object(id).bound_locals())),
            None => {
                let names: Vec<String> = object.attributes().into_iter().map(|one| one.name).take(30).collect();
                bail!("the {} has no attribute {name}\nhint: it has {}", object.type_name(), names.join(", "))
            }
        },
        (Found::Object(object), Step::Index(index)) if object.tail_kind() == TailKind::Entries => {
            let target = object.entry_of_number(*index);
            of_target(dump, target.with_context(|| no_key(&object, &index.to_string()))?)
        }
        (Found::Object(object), Step::Index(index)) => {
            let length = object.len() as i64;
            let at = if *index < 0 { index + length } else { *index };
            let targets = if at < 0 { Vec::new() } else { object.elements(at as u64, 1) };
            match targets.first() {
                Some(target) => of_target(dump, *target),
                None => match object.attribute("items") {
                    Some(AttributeValue::Plain(ciborium::Value::Array(items))) => {
                        let at = if *index < 0 { index + items.len() as i64 } else { *index };
                        let item = usize::try_from(at).ok().and_then(|at| items.get(at).cloned());
                        item.map(Found::Fact).with_context(|| format!("index {index} of {} items", items.len()))
                    }
                    _ => bail!("index {index} of {length} elements of the {}", object.type_name()),
                },
            }
        }
        (Found::Object(object), Step::Key(key)) => {
            let target = object.entry(key);
            of_target(dump, target.with_context(|| no_key(&object, &format!("{key:?}")))?)
        }
        (Found::Object(object), Step::Slice(from, to)) => {
            let length = object.len() as i64;
            let bound = |bound: Option<i64>, default| {
                let at = bound.map_or(default, |at| if at < 0 { at + length } else { at });
                at.clamp(0, length)
            };
            let (from, to) = (bound(*from, 0), bound(*to, length));
            let targets = object.elements(from as u64, (to - from).max(0) as u64);
            let named = targets.into_iter().zip(from..).map(|(target, at)| (at.to_string(), target));
            Ok(Found::Slice(named.collect()))
        }
        (Found::Variables(variables), Step::Attribute(name) | Step::Key(name)) => {
            let found = variables.iter().find(|(known, _)| known == name);
            of_target(dump, found.with_context(|| format!("no variable {name}"))?.1)
        }
        (Found::Fact(ciborium::Value::Array(items)), Step::Index(index)) => {
            let at = if *index < 0 { index + items.len() as i64 } else { *index };
            let item = usize::try_from(at).ok().and_then(|at| items.get(at).cloned());
            item.map(|item| of_fact(dump, item)).with_context(|| format!("index {index} of {} items", items.len()))
        }
        (Found::Fact(ciborium::Value::Map(entries)), Step::Attribute(name) | Step::Key(name)) => {
            let found = entries.into_iter().find(|(key, _)| key.as_text() == Some(name));
            found.map(|(_, value)| of_fact(dump, value)).with_context(|| format!("no key {name:?}"))
        }
        (_, step) => bail!("{} does not apply to what is there", shown_step(step)),
    }
}

/// That there is no such key, and keys that there are.
fn no_key(object: &Object<'_>, key: &str) -> String {
    let limits = Limits { characters: 60, ..Limits::default() };
    let keys = object.entries(0, 20).into_iter();
    let keys: Vec<String> = keys.filter_map(|(key, _)| Some(harmless(&render(&object.follow(key)?, limits)))).collect();
    let hint = if keys.is_empty() { String::new() } else { format!("\nhint: it has {}", keys.join(", ")) };
    format!("the {} has no key {key}{hint}", object.type_name())
}

fn print(dump: &Dump, found: &Found<'_>, output: &mut Output) -> anyhow::Result<()> {
    let limits = Limits { characters: 160, ..Limits::default() };
    let one = |output: &mut Output, name: &str, target: Target| {
        let shown = match target {
            Target::Object(id) => harmless(&render(&dump.object(ObjectId(id)), limits)),
            Target::Nothing => "nothing".to_owned(),
            Target::Stray(address) => format!("nothing readable at {address}"),
        };
        let name = output.style(Style::Name, harmless(name));
        output.line(format!("  {name} = {shown}"))
    };
    match found {
        Found::Thread(thread) => {
            let thread = &dump.threads()[*thread];
            output.line(output.style(Style::Title, heading(thread)))?;
            for frame in &thread.frames {
                print_frame(output, dump, frame, true)?;
            }
        }
        Found::Frame(thread, frame) => print_frame(output, dump, &dump.threads()[*thread].frames[*frame], true)?,
        Found::Variables(named) | Found::Slice(named) => {
            for (name, target) in named {
                one(output, name, *target)?;
            }
        }
        Found::Part(part) => {
            for line in part.lines() {
                output.line(harmless(&line))?;
            }
        }
        Found::Nothing => output.line("nothing: a null pointer, shown as None")?,
        Found::Fact(value) => output.line(cbor_json(value))?,
        Found::Element(value) => output.line(shown_fact(value, cells::LIMITS))?,
        Found::Object(object) => print_object(object, output, &one)?,
    }
    Ok(())
}

/// What and where an object is.
pub(crate) fn place(object: &Object<'_>) -> String {
    let name = harmless(object.type_name());
    format!("{name} object #{} at {}, {}", object.id().0, object.address(), bytes(object.size()))
}

fn print_object(
    object: &Object<'_>,
    output: &mut Output,
    one: &impl Fn(&mut Output, &str, Target) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let whole = Limits { characters: 4000, elements: 20, depth: 4, text: 2000 };
    output.line(harmless(&render(object, whole)))?;
    output.line(output.style(Style::Dim, place(object)))?;
    if let Some((reason, detail)) = object.surrogate() {
        output.line(output.style(Style::Problem, format!("not complete: {reason} {}", harmless(&detail))))?;
    }
    print_reduction(object, output)?;
    for attribute in object.attributes() {
        match attribute.value {
            AttributeValue::Target(target) => one(output, &attribute.name, target)?,
            AttributeValue::Plain(value) => {
                let name = output.style(Style::Name, harmless(&attribute.name));
                output.line(format!("  {name} = {}", harmless(&cbor_json(&value).to_string())))?;
            }
            AttributeValue::Locals(id) => {
                for (name, target) in object.dump().object(id).bound_locals() {
                    one(output, &format!("f_locals[{name:?}]"), target)?;
                }
            }
        }
    }
    let total = object.len();
    for (at, target) in object.elements(0, SHOWN).into_iter().enumerate() {
        one(output, &format!("[{at}]"), target)?;
    }
    for (key, value) in object.entries(0, SHOWN) {
        let key = object.follow(key).map_or_else(|| "?".to_owned(), |key| render(&key, Limits::default()));
        one(output, &format!("[{key}]"), value)?;
    }
    if total > SHOWN {
        output.line(format!("  … {} more; [{SHOWN}:{}] shows the next", count(total - SHOWN), SHOWN * 2))?;
    }
    Ok(())
}

/// What a reducer made of it: its origin, and in pickle's words what is no attribute.
fn print_reduction(object: &Object<'_>, output: &mut Output) -> anyhow::Result<()> {
    if let Some((origin, why)) = object.reducer_failure() {
        output.line(output.style(Style::Problem, format!("reducer {} failed: {}", harmless(origin), harmless(why))))?;
    }
    let Some(reduction) = object.reduction() else { return Ok(()) };
    let live = if reduction.live { ", from the live object" } else { "" };
    output.line(output.style(Style::Dim, format!("reduced by {}{live}", harmless(&reduction.origin))))?;
    let shown = |value: &ciborium::Value| harmless(&cbor_json(value).to_string());
    if let Some(callable) = &reduction.callable {
        let arguments: Vec<String> = reduction.args.iter().map(shown).collect();
        output.line(format!("  made by {}({})", harmless(callable), arguments.join(", ")))?;
    }
    for (at, item) in reduction.list_items.iter().take(SHOWN as usize).enumerate() {
        output.line(format!("  item {at}: {}", shown(item)))?;
    }
    for (key, value) in reduction.dict_items.iter().take(SHOWN as usize) {
        output.line(format!("  item {}: {}", shown(key), shown(value)))?;
    }
    Ok(())
}

fn reduction_json(object: &Object<'_>) -> Value {
    let Some(reduction) = object.reduction() else {
        return object.reducer_failure().map_or(Value::Null, |(origin, why)| json!({ "origin": origin, "failure": why }));
    };
    json!({
        "origin": reduction.origin,
        "live": reduction.live,
        "summary": reduction.summary,
        "callable": reduction.callable,
        "args": reduction.args.iter().map(cbor_json).collect::<Vec<_>>(),
        "state": reduction.state.as_ref().map(cbor_json),
        "list_items": reduction.list_items.iter().map(cbor_json).collect::<Vec<_>>(),
        "dict_items": reduction.dict_items.iter().map(|(key, value)| json!([cbor_json(key), cbor_json(value)])).collect::<Vec<_>>(),
        "edges": reduction.edges.iter().map(|(label, id)| json!([label, id])).collect::<Vec<_>>(),
    })
}

pub(crate) fn object_json(object: &Object<'_>) -> Value {
    json!({
        "object": object.id().0,
        "address": format!("{}", object.address()),
        "type": object.type_name(),
        "size": object.size(),
        "shown": render(object, Limits { characters: 4000, ..Limits::default() }),
        "surrogate": object.surrogate().map(|(reason, detail)| json!({ "reason": reason.words(), "detail": detail })),
        "length": object.len(),
    })
}

fn target_json(dump: &Dump, target: Target) -> Value {
    match target {
        Target::Object(id) => object_json(&dump.object(ObjectId(id))),
        Target::Nothing => Value::Null,
        Target::Stray(address) => json!({ "address": address.to_string(), "surrogate": { "reason": "nothing readable" } }),
    }
}

fn as_json(dump: &Dump, found: &Found<'_>) -> Value {
    match found {
        Found::Thread(thread) => thread_json(dump, &Waits::of(dump), &dump.threads()[*thread]),
        Found::Frame(thread, frame) => {
            let named = variables(dump, *thread, *frame).into_iter();
            Value::Object(named.map(|(name, target)| (name, target_json(dump, target))).collect())
        }
        Found::Variables(named) | Found::Slice(named) => {
            Value::Object(named.iter().map(|(name, target)| (name.clone(), target_json(dump, *target))).collect())
        }
        Found::Nothing => Value::Null,
        Found::Part(part) => json!({ "shown": part.lines() }),
        Found::Fact(value) | Found::Element(value) => cbor_json(value),
        Found::Object(object) => {
            let mut value = object_json(object);
            let attributes: serde_json::Map<String, Value> = object
                .attributes()
                .into_iter()
                .map(|one| {
                    let value = match one.value {
                        AttributeValue::Target(target) => target_json(dump, target),
                        AttributeValue::Plain(value) => cbor_json(&value),
                        AttributeValue::Locals(_) => Value::Null,
                    };
                    (one.name, value)
                })
                .collect();
            value["attributes"] = Value::Object(attributes);
            value["reduction"] = reduction_json(object);
            value["elements"] = object.elements(0, 1000).into_iter().map(|target| target_json(dump, target)).collect();
            value["entries"] = object
                .entries(0, 1000)
                .into_iter()
                .map(|(key, value)| json!([target_json(dump, key), target_json(dump, value)]))
                .collect();
            value
        }
    }
}
