//! `heapsake memory FILE`: what the memory of the process is for, and how much of it objects explain.

use std::path::PathBuf;

use anyhow::bail;
use heapsake_analysis::memory::{MemoryUse, Sums, unexplained};
use heapsake_core::Address;
use heapsake_core::heap::{Region, RegionKind};
use heapsake_loader::open;
use serde_json::{Value, json};

use crate::output::{Output, Style, bytes, count, harmless};

/// Options of `heapsake memory`.
#[derive(clap::Args, Debug)]
#[command(after_help = "in memory   what the kernel says of the process, when the dump was made
in use      blocks that Python's allocator has given out
objects     how many lie there
explained   bytes of objects and of the blocks that they own; docs/memory.md")]
pub(crate) struct Arguments {
    /// The dump.
    file: PathBuf,
    /// The most regions to show, those first of which objects explain least.
    #[arg(long, default_value_t = 10, value_name = "COUNT")]
    most: usize,
    /// Print JSON (docs/json.md).
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<i32> {
    let dump = open(&arguments.file)?;
    let memory = MemoryUse::of(&dump);
    let mut output = Output::new(arguments.json);
    if memory.whole.regions == 0 {
        let file = arguments.file.display();
        bail!(
            "{file} does not tell the memory of its process\nhint: it is of an earlier version, or that part of it is lost: heapsake check {file}"
        );
    }
    if output.json {
        let kinds = memory.kinds.iter().map(|(kind, sums)| {
            let mut value = sums_json(sums);
            value["kind"] = kind.word().into();
            value
        });
        output.value(&json!({
            "whole": sums_json(&memory.whole),
            "kinds": kinds.collect::<Vec<_>>(),
            "regions": dump.regions().iter().map(region_json).collect::<Vec<_>>(),
            "faults": dump.faults().len(),
        }))?;
        return Ok(0);
    }
    print(&memory, &mut output)?;
    let mut regions: Vec<&Region> = dump
        .regions()
        .iter()
        .filter(|region| region.resident.is_some() && is_own(region.kind) && unexplained(region) > 0)
        .collect();
    regions.sort_by_key(|region| (std::cmp::Reverse(unexplained(region)), region.start));
    if arguments.most > 0 && !regions.is_empty() {
        output.line("")?;
        output.line(output.style(Style::Title, "Of which objects explain least"))?;
        for region in regions.iter().take(arguments.most) {
            output.line(region_line(region))?;
        }
        if regions.len() > arguments.most {
            output.line(format!("  … {} more (--most)", count((regions.len() - arguments.most) as u64)))?;
        }
    }
    Ok(0)
}

/// Whether the process itself has filled it.
fn is_own(kind: RegionKind) -> bool {
    !matches!(kind, RegionKind::Library | RegionKind::File | RegionKind::Kernel)
}

fn print(memory: &MemoryUse, output: &mut Output) -> anyhow::Result<()> {
    let whole = &memory.whole;
    let of = match whole.resident {
        Some(resident) => format!("{} in memory, {} mapped", bytes(resident), bytes(whole.mapped)),
        None => format!("{} mapped", bytes(whole.mapped)),
    };
    let title = format!("{of}; objects explain {}, {}", bytes(whole.object_bytes), percent(whole.share()));
    output.line(output.style(Style::Title, title))?;
    output.line(format!(
        "  {:<10} {:>8} {:>10} {:>10} {:>10} {:>12} {:>10}",
        "", "regions", "mapped", "in memory", "in use", "objects", "explained"
    ))?;
    let known = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), bytes);
    for (kind, sums) in &memory.kinds {
        let name = output.style(Style::Name, format!("{:<10}", kind.word()));
        output.line(format!(
            "  {name} {:>8} {:>10} {:>10} {:>10} {:>12} {:>10} {:>4}",
            count(sums.regions),
            bytes(sums.mapped),
            known(sums.resident),
            known(sums.in_use),
            count(sums.objects),
            bytes(sums.object_bytes),
            percent(sums.share())
        ))?;
    }
    Ok(())
}

fn region_line(region: &Region) -> String {
    let size = bytes(region.resident.unwrap_or(region.len()));
    let name = if region.name.is_empty() { String::new() } else { format!("  {}", harmless(&region.name)) };
    let (start, kind) = (Address(region.start).to_string(), region.kind.word());
    format!(
        "  {start:<14}  {} {size:>10}, {:>10} explained  {kind}{name}",
        harmless(&region.permissions),
        bytes(region.object_bytes)
    )
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

fn sums_json(sums: &Sums) -> Value {
    json!({
        "regions": sums.regions,
        "mapped": sums.mapped,
        "resident": sums.resident,
        "in_use": sums.in_use,
        "objects": sums.objects,
        "object_bytes": sums.object_bytes,
    })
}

fn region_json(region: &Region) -> Value {
    json!({
        "start": Address(region.start).to_string(),
        "end": Address(region.end).to_string(),
        "kind": region.kind.word(),
        "permissions": region.permissions,
        "name": region.name,
        "resident": region.resident,
        "in_use": region.in_use,
        "objects": region.objects,
        "object_bytes": region.object_bytes,
    })
}
