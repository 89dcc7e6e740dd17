//! Times the engine: on synthetic heaps the walk, the whole dump and the graph; of a file, opening and the graph.
//!
//! `heapsake-bench-engine synthetic MILLIONS` or `… file DUMP`; `cargo xtask bench` runs both. CPU seconds of this process,
//! from the scheduler's own account (`/proc/self/schedstat`).

mod synthetic;

use std::io::{self, Write};
use std::time::{Duration, Instant};

use heapsake_core::{DumpOptions, Redaction, dump, reach};
use heapsake_loader::{Dump, Links, Node, ObjectId, open};
use petgraph::visit::{Bfs, EdgeCount};

use synthetic::Synthetic;

fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds: f64 = text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0.0);
    nanoseconds / 1e9
}

fn timed<T>(action: impl FnOnce() -> T) -> (T, f64) {
    let before = cpu_seconds();
    let result = action();
    (result, cpu_seconds() - before)
}

/// The most memory that was resident, in MB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1e3
}

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["file", path] => file(path),
        ["synthetic", millions] => synthetic(millions.parse().map_err(io::Error::other)?),
        _ => Err(io::Error::other("what: synthetic MILLIONS, or file DUMP")),
    }
}

fn synthetic(millions: f64) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "heap            objects  walk s  M objects/s  dump s  M objects/s  redacting s  file MB  bytes/object  graph s"
    )?;
    for (name, shuffled) in [("in order", false), ("shuffled", true)] {
        let mut heap = Synthetic::new((millions * 1e6) as usize, shuffled);
        let (reached, walk) = timed(|| reach(&mut heap));
        let save = |heap: &mut Synthetic, redaction| {
            timed(|| dump(heap, &mut io::sink(), DumpOptions { redaction, ..DumpOptions::default() }))
        };
        let (summary, whole) = save(&mut heap, Redaction::None);
        let summary = summary.map_err(io::Error::other)?;
        let (_, redacting) = save(&mut heap, Redaction::Names);
        assert_eq!((reached.objects, summary.objects), (heap.objects() as u64, heap.objects() as u64));
        let per_second = |seconds: f64| reached.objects as f64 / 1e6 / seconds;
        let mut bytes = Vec::new();
        dump(&mut heap, &mut bytes, DumpOptions::default()).map_err(io::Error::other)?;
        let heap_bytes = heap.bytes();
        drop(heap);
        let loaded = Dump::from_bytes(bytes).map_err(io::Error::other)?;
        let (objects, graph) = timed(|| loaded.graph().objects());
        assert_eq!(u64::from(objects), reached.objects);
        writeln!(
            out,
            "{name:<12}{:>11}{walk:>8.2}{:>13.1}{whole:>8.2}{:>13.1}{redacting:>13.2}{:>9.1}{:>14.2}{graph:>9.2}   ({} MB of heap)",
            reached.objects,
            per_second(walk),
            per_second(whole),
            summary.file_bytes as f64 / 1e6,
            summary.file_bytes as f64 / reached.objects as f64,
            heap_bytes / 1_000_000,
        )?;
    }
    Ok(())
}

/// Opening a dump to its first stack; its graph, made and, when it is asked for again, mapped.
fn file(path: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let open = || open(path).map_err(io::Error::other);
    let (dump, opening) = timed(|| open().inspect(|dump| assert!(!dump.threads().is_empty(), "a stack")));
    let dump = dump?;
    writeln!(out, "open to the first stack: {opening:.4} s, {:.0} MB at most", peak())?;
    let (decoded, decoding) =
        timed(|| (0..dump.chunk_count()).filter_map(|at| dump.chunk(at)).map(|chunk| chunk.len()).sum::<usize>());
    writeln!(
        out,
        "decoding all {} chunks of objects: {decoding:.3} s, {:.2} ms each, {:.1} M objects/s",
        dump.chunk_count(),
        decoding * 1e3 / dump.chunk_count().max(1) as f64,
        decoded as f64 / 1e6 / decoding,
    )?;
    let (mut asked, mut last, mut longest) = (0, Instant::now(), Duration::ZERO);
    let mut goes_on = |_, _| {
        asked += 1;
        longest = longest.max(std::mem::replace(&mut last, Instant::now()).elapsed());
        true
    };
    let (graph, making) = timed(|| dump.graph_while(&mut goes_on));
    let graph = graph.ok_or_else(|| io::Error::other("nobody ended its making"))?;
    let (objects, edges) = (graph.objects(), graph.edge_count());
    let after = peak();
    writeln!(
        out,
        "graph: {making:.2} s, {:.1} M objects/s; {objects} objects, {edges} edges, {:.0} MB, {after:.0} MB at most",
        f64::from(objects) / 1e6 / making,
        graph.bytes().len() as f64 / 1e6,
    )?;
    writeln!(out, "asked {asked} times meanwhile whether to go on, after {:.1} ms at most", longest.as_secs_f64() * 1e3)?;
    let again = open()?;
    let (_, kept) = timed(|| again.graph().objects());
    writeln!(out, "graph, asked for again: {kept:.3} s")?;
    let (reached, breadth) = timed(|| {
        let mut walk = Bfs::new(graph, graph.root());
        let mut reached = 0u64;
        while walk.next(graph).is_some() {
            reached += 1;
        }
        reached
    });
    writeln!(out, "petgraph's breadth-first walk: {breadth:.2} s, {reached} nodes")?;
    let (depth, path) = timed(|| graph.path_from_root(Node(objects / 2), Links::STRONG).map(|path| path.len()));
    writeln!(out, "path from a root to the object in the middle: {path:.3} s, {depth:?} steps")?;
    let (holders, asking) = timed(|| dump.referrers(ObjectId(objects / 2)).len());
    writeln!(out, "its referrers: {asking:.4} s, {holders}")
}
