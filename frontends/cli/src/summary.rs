//! `heapsake FILE`: what happened, on one screen.

use std::collections::HashMap;
use std::path::Path;

use heapsake_analysis::exceptions::{chain, message, notes};
use heapsake_analysis::sources;
use heapsake_analysis::waits::{Party, Waits};
use heapsake_core::format::records::Thread;
use heapsake_core::heap::{FrameKind, TypeDescription};
use heapsake_loader::{AttributeValue, Dump, Target, open};
use serde_json::{Value, json};

use crate::output::{Output, Style, bytes, count, harmless};
use crate::signal;
use crate::stack::{heading, print_frame, source_line, thread_json};
use crate::waits::{deadlocks_json, locks_json, of_thread, print_deadlocks, print_task_groups, tasks_json, wait_line};

/// Types that are shown.
const TYPES: usize = 15;
/// Names of withheld values that are shown; all are in the JSON.
const NAMES: usize = 10;
/// Frames of a stack that are shown, at its inner end.
const FRAMES: usize = 12;
/// Different waits that a group of threads with one stack shows.
const WAITS: usize = 5;
/// Different stacks of other threads that are shown.
const GROUPS: usize = 60;

pub(crate) fn run(file: &Path, output: &mut Output) -> anyhow::Result<i32> {
    let dump = open(file)?;
    let histogram = histogram(&dump);
    let waits = Waits::of(&dump);
    if output.json {
        output.value(&as_json(&dump, &histogram, &waits))?;
    } else {
        print(&dump, &histogram, &waits, output)?;
    }
    Ok(i32::from(!dump.faults().is_empty()))
}

/// Count and bytes of each type, most bytes first.
struct Row<'d> {
    description: Option<&'d TypeDescription>,
    count: u64,
    bytes: u64,
}

fn histogram(dump: &Dump) -> Vec<Row<'_>> {
    let mut sums: HashMap<u32, (u64, u64)> = HashMap::new();
    for position in 0..dump.chunk_count() {
        let Some(chunk) = dump.chunk(position) else { continue };
        for object in chunk.iter() {
            let sum = sums.entry(object.shape().type_id).or_default();
            sum.0 += 1;
            // Sizes are what the file says.
            sum.1 = sum.1.saturating_add(object.size());
        }
    }
    let mut rows: Vec<Row<'_>> = sums
        .into_iter()
        .map(|(type_id, (count, bytes))| Row { description: dump.types().get(type_id as usize), count, bytes })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.bytes, row.count)));
    rows
}

fn fact_text(dump: &Dump, name: &str) -> Option<String> {
    Some(plain(dump.fact(name)?))
}

fn plain(value: &ciborium::Value) -> String {
    match value {
        ciborium::Value::Text(text) => harmless(text),
        ciborium::Value::Integer(number) => i128::from(*number).to_string(),
        ciborium::Value::Float(number) => number.to_string(),
        ciborium::Value::Bool(flag) => flag.to_string(),
        ciborium::Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        ciborium::Value::Map(entries) => {
            entries.iter().map(|(key, value)| format!("{}={}", plain(key), plain(value))).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

/// Nanoseconds since 1970 as a date and time in UTC.
pub(crate) fn time(nanoseconds: u64) -> String {
    let seconds = nanoseconds / 1_000_000_000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days to a date of the Gregorian calendar, by eras of 400 years that begin in March.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", rest / 3600, rest / 60 % 60, rest % 60)
}

fn print(dump: &Dump, histogram: &[Row<'_>], waits: &Waits, output: &mut Output) -> anyhow::Result<()> {
    print_header(dump, output)?;
    signal::print(dump, output)?;
    print_exception(dump, output)?;
    print_deadlocks(dump, waits, output)?;
    print_threads(dump, waits, output)?;
    print_task_groups(dump, waits, output)?;
    output.line("")?;
    output.line(output.style(Style::Title, "Biggest types"))?;
    for row in histogram.iter().take(TYPES) {
        let name = row.description.map_or("?", |description| description.name.as_str());
        output.line(format!("  {:>12}  {:>10}  {}", count(row.count), bytes(row.bytes), harmless(name)))?;
    }
    if histogram.len() > TYPES {
        output.line(format!("  … {} more types", histogram.len() - TYPES))?;
    }
    print_omissions(dump, output)?;
    let path = dump.path().display();
    output.line("")?;
    output.line(format!("All stacks: heapsake stack {path}"))?;
    output.line(format!("In pdb:     heapsake debug {path}"))?;
    Ok(())
}

fn print_header(dump: &Dump, output: &mut Output) -> anyhow::Result<()> {
    let header = dump.header();
    let argv = fact_text(dump, "argv").unwrap_or_default();
    output.line(output.style(Style::Title, format!("{}: {}", harmless(&header.reason), argv)))?;
    let version = fact_text(dump, "python").unwrap_or_default();
    let version = version.split('\n').next().unwrap_or_default().to_owned();
    let facts = [
        Some(format!("Python {}", version.trim_start_matches("Python "))),
        fact_text(dump, "platform"),
        fact_text(dump, "pid").map(|pid| format!("pid {pid}")),
        (header.created > 0).then(|| time(header.created)),
    ];
    output.line(format!("  {}", facts.into_iter().flatten().collect::<Vec<_>>().join(", ")))?;
    let complete = if dump.trailer().is_some() { "complete" } else { "incomplete" };
    let pause =
        header.pause.map(|pause| format!(", the program stood still for {:.1} ms", pause as f64 / 1e6)).unwrap_or_default();
    output.line(format!(
        "  {} objects of {} types in {}, {complete}, redaction: {}{pause}",
        count(header.objects),
        count(header.types),
        bytes(dump.file_bytes()),
        header.redaction
    ))?;
    if let Some(ciborium::Value::Array(caught)) = dump.fact("caught") {
        for line in caught {
            output.line(format!("  {}", output.style(Style::Problem, format!("{}: it may read wrongly", plain(line)))))?;
        }
    }
    for line in crate::core::faults(dump) {
        output.line(format!("  {}", output.style(Style::Problem, line)))?;
    }
    for fact in ["held", "in_place"].into_iter().filter_map(|name| fact_text(dump, name)) {
        output.line(format!("  {fact}"))?;
    }
    Ok(())
}

fn print_exception(dump: &Dump, output: &mut Output) -> anyhow::Result<()> {
    let chain = chain(dump);
    if chain.is_empty() {
        return Ok(());
    }
    output.line("")?;
    for (link, exception) in &chain {
        let what = format!("{}: {}", harmless(exception.type_name()), harmless(&message(exception)));
        let what = output.style(Style::Problem, what);
        // A thread that stands elsewhere than in the traceback handles it, and has not died of it.
        let handled =
            dump.threads().first().is_some_and(|thread| thread.frames.iter().all(|frame| frame.kind == FrameKind::Running));
        output.line(match *link {
            "" if handled => format!("Being handled: {what}"),
            "" => what,
            link => format!("  {link} {what}"),
        })?;
        for note in notes(exception) {
            output.line(format!("    {}", harmless(&note)))?;
        }
    }
    Ok(())
}

fn print_threads(dump: &Dump, waits: &Waits, output: &mut Output) -> anyhow::Result<()> {
    let Some((first, others)) = dump.threads().split_first() else {
        output.line("")?;
        output.line("No thread is in the dump.")?;
        return Ok(());
    };
    output.line("")?;
    output.line(output.style(Style::Title, heading(first)))?;
    let hidden = first.frames.len().saturating_sub(FRAMES);
    if hidden > 0 {
        output.line(format!("  … {hidden} outer frames"))?;
    }
    for (at, frame) in first.frames.iter().enumerate().skip(hidden) {
        // Variables of libraries are seldom what is looked for; `stack` shows them.
        print_frame(output, dump, frame, sources::is_own(&frame.filename) || at + 1 == first.frames.len())?;
    }
    if let Some(wait) = waits.wait(Party::Thread(0)) {
        output.line(wait_line(output, wait))?;
    }
    let mut groups: Vec<Vec<&Thread>> = Vec::new();
    let mut positions: HashMap<(&str, Vec<(&str, u32)>), usize> = HashMap::new();
    for thread in others {
        let stack = thread.frames.iter().map(|frame| (frame.filename.as_str(), frame.line)).collect();
        let position = *positions.entry((thread.kind.as_str(), stack)).or_insert(groups.len());
        match groups.get_mut(position) {
            Some(threads) => threads.push(thread),
            None => groups.push(vec![thread]),
        }
    }
    let unshown = groups.split_off(groups.len().min(GROUPS));
    for threads in &groups {
        let Some(thread) = threads.first() else { continue };
        output.line("")?;
        let more = if threads.len() > 1 { format!(" and {} more with the same stack", threads.len() - 1) } else { String::new() };
        output.line(output.style(Style::Title, format!("{}{more}", heading(thread))))?;
        let hidden = thread.frames.len().saturating_sub(4);
        for frame in &thread.frames[hidden..] {
            let line = source_line(dump, frame).map(|line| format!("    {line}")).unwrap_or_default();
            output.line(format!("  {}:{} {}{line}", harmless(&frame.filename), frame.line, harmless(&frame.qualified_name)))?;
        }
        let mut told: Vec<&str> = Vec::new();
        for wait in threads.iter().filter_map(|thread| of_thread(dump, waits, thread)) {
            if told.len() < WAITS && !told.contains(&wait.words.as_str()) {
                told.push(&wait.words);
                output.line(wait_line(output, wait))?;
            }
        }
    }
    if !unshown.is_empty() {
        let threads: usize = unshown.iter().map(Vec::len).sum();
        output.line("")?;
        output.line(format!(
            "… {} more in {} more stacks: heapsake stack",
            count(threads as u64),
            count(unshown.len() as u64)
        ))?;
    }
    Ok(())
}

fn print_omissions(dump: &Dump, output: &mut Output) -> anyhow::Result<()> {
    let omissions = dump.omissions();
    let annotated = dump.annotated();
    let failures = annotated.failures();
    let faults = dump.faults();
    let withheld = omissions.redacted_values > 0;
    let notes: Vec<&String> = omissions.notes.iter().chain(annotated.notes()).collect();
    if omissions.surrogates.is_empty() && notes.is_empty() && failures.is_empty() && !withheld && faults.is_empty() {
        return Ok(());
    }
    output.line("")?;
    output.line(output.style(Style::Title, "Not in the dump"))?;
    for (reason, number) in &omissions.surrogates {
        output.line(format!("  {} objects: {reason}", count(*number)))?;
    }
    if withheld {
        let known = &omissions.redacted_names;
        let more = known.len().saturating_sub(NAMES);
        let more = if more > 0 { format!(" and {} more", count(more as u64)) } else { String::new() };
        let names = known[..known.len().min(NAMES)].join(", ");
        output.line(format!("  {} values withheld, under the names {}{more}", omissions.redacted_values, harmless(&names)))?;
    }
    for note in notes {
        output.line(format!("  {}", harmless(note)))?;
    }
    for (origin, why, number) in failures.iter().take(20) {
        output.line(format!("  {} objects: reducer {} failed: {}", count(*number), harmless(origin), harmless(why)))?;
    }
    for fault in faults.iter().take(20) {
        output.line(output.style(Style::Problem, format!("  damaged: {fault}")))?;
    }
    if faults.len() > 20 {
        output.line(format!("  … {} more faults: heapsake check", faults.len() - 20))?;
    }
    Ok(())
}

/// CBOR as JSON.
pub(crate) fn cbor_json(value: &ciborium::Value) -> Value {
    match value {
        ciborium::Value::Integer(number) => {
            i64::try_from(i128::from(*number)).map_or_else(|_| json!(i128::from(*number).to_string()), |n| json!(n))
        }
        ciborium::Value::Float(number) => json!(number),
        ciborium::Value::Bool(flag) => json!(flag),
        ciborium::Value::Text(text) => json!(text),
        ciborium::Value::Bytes(bytes) => json!(bytes.escape_ascii().to_string()),
        ciborium::Value::Array(items) => items.iter().map(cbor_json).collect(),
        ciborium::Value::Map(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (plain(key), cbor_json(value))).collect())
        }
        tag @ ciborium::Value::Tag(..) if heapsake_loader::referenced(tag).is_some() => {
            json!({ "object": heapsake_loader::referenced(tag).map(|id| id.0) })
        }
        // Integers beyond 64 bits.
        ciborium::Value::Tag(sign @ (2 | 3), magnitude) if magnitude.is_bytes() => {
            let digits: String = magnitude.as_bytes().into_iter().flatten().map(|byte| format!("{byte:02x}")).collect();
            json!(format!("{}0x{}", if *sign == 3 { "~" } else { "" }, digits.trim_start_matches('0')))
        }
        ciborium::Value::Tag(_, inner) => cbor_json(inner),
        _ => Value::Null,
    }
}

fn as_json(dump: &Dump, histogram: &[Row<'_>], waits: &Waits) -> Value {
    let header = dump.header();
    let facts: serde_json::Map<String, Value> =
        header.facts.iter().map(|(name, value)| (name.clone(), cbor_json(value))).collect();
    let exceptions: Vec<Value> = chain(dump)
        .iter()
        .map(|(link, exception)| {
            json!({
                "link": link,
                "type": exception.type_name(),
                "message": harmless(&message(exception)),
                "object": exception.id().0,
                "has_traceback": matches!(exception.attribute("__traceback__"), Some(AttributeValue::Target(Target::Object(_)))),
            })
        })
        .collect();
    let types: Vec<Value> = histogram
        .iter()
        .take(TYPES)
        .map(|row| json!({ "name": row.description.map(|known| &known.name), "count": row.count, "bytes": row.bytes }))
        .collect();
    let omissions = dump.omissions();
    let annotated = dump.annotated();
    let failures: Vec<Value> = annotated
        .failures()
        .into_iter()
        .map(|(origin, why, count)| json!({ "origin": origin, "failure": why, "count": count }))
        .collect();
    let failed = annotated.reductions().filter(|reduction| reduction.failure.is_some()).count();
    json!({
        "file": dump.path().display().to_string(),
        "file_bytes": dump.file_bytes(),
        "complete": dump.trailer().is_some(),
        "format": header.format,
        "writer": header.writer,
        "created": header.created,
        "reason": header.reason,
        "pause": header.pause,
        "objects": header.objects,
        "redaction": header.redaction,
        "facts": facts,
        "exceptions": exceptions,
        "threads": dump.threads().iter().map(|thread| thread_json(dump, waits, thread)).collect::<Vec<_>>(),
        "tasks": tasks_json(dump, waits),
        "deadlocks": deadlocks_json(dump, waits),
        "locks": locks_json(waits),
        "types": types,
        "omissions": {
            "surrogates": omissions.surrogates.iter().map(|(reason, count)| json!({ "reason": reason.words(), "count": count })).collect::<Vec<_>>(),
            "strays": omissions.strays,
            "redacted_values": omissions.redacted_values,
            "redacted_names": omissions.redacted_names,
            "notes": omissions.notes,
        },
        "reductions": {
            "reduced": annotated.reductions().len() - failed,
            "failures": failures,
            "not_run": annotated.notes(),
        },
        "faults": dump.faults().iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn dates() {
        assert_eq!(time(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(time(951_782_400_000_000_000), "2000-02-29 00:00:00 UTC");
        assert_eq!(time(1_795_392_245_000_000_000), "2026-11-23 00:04:05 UTC");
    }
}
