//! Times the engine on synthetic heaps: the walk alone, and the whole dump. One line a heap; `cargo xtask bench`.
//!
//! CPU seconds of this process, from the scheduler's own account (`/proc/self/schedstat`).

mod synthetic;

use std::io::{self, Write};

use heapsake_core::{DumpOptions, Redaction, dump, reach};

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

fn main() -> io::Result<()> {
    let millions: f64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(5.0);
    let mut out = io::stdout().lock();
    writeln!(out, "heap            objects  walk s  M objects/s  dump s  M objects/s  redacting s  file MB  bytes/object")?;
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
        writeln!(
            out,
            "{name:<12}{:>11}{walk:>8.2}{:>13.1}{whole:>8.2}{:>13.1}{redacting:>13.2}{:>9.1}{:>14.2}   ({} MB of heap)",
            reached.objects,
            per_second(walk),
            per_second(whole),
            summary.file_bytes as f64 / 1e6,
            summary.file_bytes as f64 / reached.objects as f64,
            heap.bytes() / 1_000_000,
        )?;
    }
    Ok(())
}
