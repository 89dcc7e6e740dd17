//! `heapsake check FILE`: decodes everything, and says what is damaged or missing.

use std::path::PathBuf;

use heapsake_loader::{Object, Target, open};
use serde_json::json;

use crate::output::{Output, bytes, count};

/// Options of `heapsake check`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The dump.
    file: PathBuf,
    /// Print JSON (docs/json.md).
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<i32> {
    let dump = open(&arguments.file)?;
    let (mut objects, mut edges, mut surrogates) = (0u64, 0u64, 0u64);
    let limit = dump.object_count();
    let mut dangling = 0u64;
    for object in dump.objects() {
        objects += 1;
        surrogates += u64::from(object.surrogate().is_some());
        let mut look = |target: Target| {
            edges += 1;
            dangling += u64::from(matches!(target, Target::Object(id) if id >= limit));
        };
        object.edges().into_iter().for_each(|edge| look(edge.target));
        object.elements(0, u64::MAX / 4).into_iter().for_each(&mut look);
        object.entries(0, u64::MAX / 4).into_iter().for_each(|(key, value)| {
            look(key);
            look(value);
        });
        read(&object);
    }
    let frames: usize = dump.threads().iter().map(|thread| thread.frames.len()).sum();
    let sources = dump.source_names().len();
    let (types, roots) = (dump.types().len(), dump.roots().len());
    dump.omissions();
    dump.annotated();
    dump.regions();
    let faults = dump.faults();
    let promised = dump.header().objects;
    let mut output = Output::new(arguments.json);
    if output.json {
        output.value(&json!({
            "file": dump.path().display().to_string(),
            "file_bytes": dump.file_bytes(),
            "complete": dump.trailer().is_some(),
            "objects": objects,
            "objects_promised": promised,
            "edges": edges,
            "edges_to_lost_objects": dangling,
            "surrogates": surrogates,
            "types": types,
            "threads": dump.threads().len(),
            "frames": frames,
            "roots": roots,
            "sources": sources,
            "faults": faults.iter().map(|fault| json!({
                "offset": fault.offset, "kind": format!("{:?}", fault.kind), "consequence": fault.consequence,
            })).collect::<Vec<_>>(),
        }))?;
    } else {
        output.line(format!(
            "{}: {}, {} of {} objects, {} edges, {} types, {} threads with {frames} frames, {roots} roots, {sources} source files",
            dump.path().display(),
            bytes(dump.file_bytes()),
            count(objects),
            count(promised),
            count(edges),
            types,
            dump.threads().len(),
        ))?;
        for fault in &faults {
            output.line(format!("  {fault}"))?;
        }
        output.line(if faults.is_empty() { "no faults".to_owned() } else { format!("{} faults", faults.len()) })?;
    }
    Ok(i32::from(!faults.is_empty() || objects != promised))
}

/// Reads what lies outside the object's own chunk, so that its faults are met.
fn read(object: &Object<'_>) {
    if object.value_length().is_some_and(|length| length > 64 << 10) {
        object.value();
    }
    object.state();
}
