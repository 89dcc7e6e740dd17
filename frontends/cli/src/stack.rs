//! `heapsake stack FILE`: all stacks, with the source line and the variables of every frame.

use std::path::PathBuf;

use anyhow::bail;
use heapsake_analysis::waits::Waits;
use heapsake_core::format::records::{Frame, Thread, Variable};
use heapsake_core::heap::FrameKind;
use heapsake_loader::{Dump, Limits, open, render};
use serde_json::{Value, json};

use crate::native::{self, Merged, NativeFrame};
use crate::output::{Output, Style, harmless};
use crate::signal;
use crate::summary::cbor_json;
use crate::waits::{of_thread, print_tasks, tasks_json, wait_json, wait_line};

/// Options of `heapsake stack`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The dump.
    file: PathBuf,
    /// Only this thread, by name or position.
    #[arg(long)]
    thread: Option<String>,
    /// Without variables.
    #[arg(long)]
    short: bool,
    /// Also all tasks of asyncio and trio, each with the frames of its coroutines.
    #[arg(long)]
    tasks: bool,
    /// Also the frames of C functions, where they were taken along: `heapsake dump --native`, `heapsake core --native`.
    #[arg(long)]
    native: bool,
    /// Print JSON (docs/json.md).
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<i32> {
    let dump = open(&arguments.file)?;
    let mut output = Output::new(arguments.json);
    let threads: Vec<&Thread> = match &arguments.thread {
        Some(wanted) => vec![find_thread(&dump, wanted)?],
        None => dump.threads().iter().collect(),
    };
    let waits = Waits::of(&dump);
    if arguments.native && dump.threads().iter().all(|thread| native::of_thread(thread).is_none()) {
        bail!("this dump has no native stacks\nhint: `heapsake dump --native` and `heapsake core --native` take them along");
    }
    if output.json {
        let threads: Vec<Value> = threads.iter().map(|thread| thread_json(&dump, &waits, thread)).collect();
        let mut value = json!({ "threads": threads });
        if arguments.tasks {
            value["tasks"] = tasks_json(&dump, &waits).into();
        }
        output.value(&value)?;
    } else {
        for (at, thread) in threads.iter().enumerate() {
            if at > 0 {
                output.line("")?;
            }
            output.line(output.style(Style::Title, heading(thread)))?;
            if let Some(cut) = frames_cut(thread) {
                output.line(format!("  frames may be missing: {}", harmless(cut)))?;
            }
            match native::merged(thread).filter(|_| arguments.native) {
                Some(frames) => print_merged(&mut output, &dump, thread, &frames, !arguments.short)?,
                None => {
                    for frame in &thread.frames {
                        print_frame(&mut output, &dump, frame, !arguments.short)?;
                    }
                }
            }
            if let Some(wait) = of_thread(&dump, &waits, thread) {
                output.line(wait_line(&output, wait))?;
            }
        }
        if arguments.tasks {
            print_tasks(&dump, &waits, !arguments.short, &mut output)?;
        }
    }
    Ok(i32::from(!dump.faults().is_empty()))
}

/// The thread with this name or position.
pub(crate) fn find_thread<'d>(dump: &'d Dump, wanted: &str) -> anyhow::Result<&'d Thread> {
    let threads = dump.threads();
    let by_name = threads.iter().find(|thread| thread.name.as_deref() == Some(wanted));
    let by_ident =
        || threads.iter().find(|thread| wanted.parse().is_ok_and(|number: u64| thread.ident == number && number > 1000));
    let by_position = || threads.get(wanted.parse::<usize>().ok()?);
    match by_name.or_else(by_ident).or_else(by_position) {
        Some(thread) => Ok(thread),
        None => {
            let names: Vec<String> = threads.iter().map(heading).collect();
            bail!("no thread is called {wanted:?}\nhint: there are {}", names.join("; "))
        }
    }
}

/// Name and identity of a thread.
pub(crate) fn heading(thread: &Thread) -> String {
    let name = harmless(thread.name.as_deref().unwrap_or("thread"));
    let native = thread.native_id.map(|id| format!(", kernel thread {id}")).unwrap_or_default();
    let frames = thread.depth.max(thread.frames.len() as u32);
    let current = if thread.current { ", current" } else { "" };
    let kind = if thread.kind.is_empty() { String::new() } else { format!(", {}", harmless(&thread.kind)) };
    let signal = signal::heading(thread);
    format!("{name} ({frames} frame{}{kind}{native}{current}{signal})", if frames == 1 { "" } else { "s" })
}

/// The source line of a frame, from the dump.
pub(crate) fn source_line(dump: &Dump, frame: &Frame) -> Option<String> {
    let source = dump.source(&frame.filename)?;
    let line = source.text.as_ref()?.lines().nth(frame.line.checked_sub(1)? as usize)?;
    Some(harmless(line.trim()))
}

fn print_merged(output: &mut Output, dump: &Dump, thread: &Thread, frames: &[Merged<'_>], variables: bool) -> anyhow::Result<()> {
    if let Some(cut) = native::cut(thread) {
        output.line(format!("  native frames further out are missing: {}", harmless(cut)))?;
    }
    for frame in frames {
        match frame {
            Merged::Native(frame) => output.line(format!("  {}", frame.line(output)))?,
            Merged::Python(frame) => print_frame(output, dump, frame, variables)?,
        }
    }
    Ok(())
}

/// So many names of a module or class are printed; those that were set last are nearest to what happened.
const MOST_NAMES: usize = 60;

/// Prints a frame as a traceback does, and its variables.
pub(crate) fn print_frame(output: &mut Output, dump: &Dump, frame: &Frame, variables: bool) -> anyhow::Result<()> {
    let place = format!("File \"{}\", line {}", harmless(&frame.filename), frame.line);
    let name = output.style(Style::Name, harmless(&frame.qualified_name));
    output.line(format!("  {place}, in {name}"))?;
    if let Some(line) = source_line(dump, frame) {
        output.line(format!("    {line}"))?;
    }
    if !variables {
        return Ok(());
    }
    let (left_out, shown) = shown_variables(dump, frame, Some(MOST_NAMES));
    for (name, shown) in shown {
        output.line(format!("      {} = {shown}", output.style(Style::Name, harmless(&name))))?;
    }
    if left_out > 0 {
        output.line(format!("      … {left_out} names that were set before these; --json tells all"))?;
    }
    Ok(())
}

/// Names and representations of a frame's variables, and before them the number of those left out: of the names of a module or
/// class, which are those that are no dunder names, at most `most` are told, those that were set last.
pub(crate) fn shown_variables(dump: &Dump, frame: &Frame, most: Option<usize>) -> (usize, Vec<(String, String)>) {
    let limits = Limits { characters: 160, ..Limits::default() };
    let mut shown = Vec::new();
    for variable in &frame.variables {
        if let Some(text) = shown_variable(dump, variable, limits) {
            shown.push((variable.name.clone(), text));
        }
    }
    // A module or class has variables of its own beside its names: those of comprehensions that were inlined, and of closures.
    let Some(locals) = dump.referenced(frame.locals) else { return (0, shown) };
    let named = locals.entries(0, u64::MAX / 4).into_iter().filter_map(|(key, value)| {
        let name = locals.follow(key).and_then(|key| key.text()).unwrap_or_default();
        let is_dunder = name.starts_with("__") && name.ends_with("__");
        (!is_dunder && shown.iter().all(|(known, _)| *known != name)).then_some((name, value))
    });
    let names: Vec<_> = named.collect();
    let left_out = names.len().saturating_sub(most.unwrap_or(usize::MAX));
    let told = names.into_iter().skip(left_out);
    shown.extend(told.filter_map(|(name, value)| Some((name, harmless(&render(&locals.follow(value)?, limits))))));
    (left_out, shown)
}

fn shown_variable(dump: &Dump, variable: &Variable, limits: Limits) -> Option<String> {
    if variable.object.address == 0 {
        return None;
    }
    let object = dump.referenced(variable.object);
    let lost = object.as_ref().is_none_or(|object| object.decoded().is_none());
    match (&variable.preview, object) {
        // A cut dump still has the copies in the stacks.
        (Some(preview), _) if lost => {
            let value = preview.text.clone().unwrap_or_else(|| "…".to_owned());
            Some(harmless(&format!("{value} ({}, from the stack's own copy)", preview.type_name)))
        }
        (_, Some(object)) => Some(harmless(&render(&object, limits))),
        (_, None) => Some("<not in the dump>".to_owned()),
    }
}

/// Why frames of a thread may be missing, if they may.
fn frames_cut(thread: &Thread) -> Option<&str> {
    native::fact(thread, "frames_cut")?.as_text()
}

/// A thread as JSON.
pub(crate) fn thread_json(dump: &Dump, waits: &Waits, thread: &Thread) -> Value {
    json!({
        "name": thread.name,
        "ident": thread.ident,
        "native_id": thread.native_id,
        "current": thread.current,
        "kind": if thread.kind.is_empty() { "thread" } else { &thread.kind },
        "carrier": thread.carrier,
        "signal": signal::of_thread(thread).map(cbor_json),
        "depth": thread.depth,
        "native": native::of_thread(thread).map(|frames| frames.iter().map(NativeFrame::json).collect::<Vec<_>>()),
        "native_cut": native::cut(thread),
        "frames_cut": frames_cut(thread),
        "waits_for": wait_json(of_thread(dump, waits, thread)),
        "frames": thread.frames.iter().map(|frame| frame_json(dump, frame)).collect::<Vec<_>>(),
    })
}

pub(crate) fn frame_json(dump: &Dump, frame: &Frame) -> Value {
    let variables: Vec<Value> =
        shown_variables(dump, frame, None).1.into_iter().map(|(name, shown)| json!({ "name": name, "value": shown })).collect();
    json!({
        "function": frame.function,
        "qualified_name": frame.qualified_name,
        "file": frame.filename,
        "line": frame.line,
        "source": source_line(dump, frame),
        "in_traceback": frame.kind == FrameKind::Traceback,
        "variables": variables,
    })
}
