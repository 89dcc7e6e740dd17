//! `cargo xtask salvage`: the page `docs/salvage.md`, what is left of a large dump that is cut or changed at random places.
//!
//! The places are the same every time. What survived is what the loader gives, counted; nothing is asserted but that every
//! file opens, and that stacks and roots survive as long as their chunks do.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use heapsake_core::format::{ChunkHeader, ChunkKind, FIRST_LINE, HEADER_LENGTH, MAGIC};
use heapsake_loader::Dump;

use crate::test::finish;
use crate::tidy;

const PAGE: &str = "docs/salvage.md";

/// Options of `cargo xtask salvage`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A dump to damage, instead of one that is made.
    #[arg(long)]
    file: Option<PathBuf>,
    /// How often it is cut.
    #[arg(long, default_value_t = 100)]
    cuts: usize,
    /// How many bytes are changed.
    #[arg(long, default_value_t = 1000)]
    flips: usize,
    /// Records and documents of the program that is dumped.
    #[arg(long, num_args = 2, default_values_t = [2_000_000, 150_000])]
    size: Vec<usize>,
    /// Where the page is written.
    #[arg(long, default_value = PAGE)]
    page: PathBuf,
}

/// What a dump gives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counted {
    objects: u64,
    threads: usize,
    frames: usize,
    variables: usize,
    roots: usize,
    types: usize,
    sources: usize,
    faults: usize,
    header: bool,
}

/// One damaged file.
struct Damaged {
    /// What became of it: where it was cut, which chunk a byte was of.
    place: usize,
    kind: Option<ChunkKind>,
    left: Counted,
    took: Duration,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let root = tidy::root()?;
    let folder = tempfile::tempdir()?;
    let file = match &arguments.file {
        Some(file) => file.clone(),
        None => made(&root, folder.path(), &arguments.size)?,
    };
    let bytes = fs::read(&file).with_context(|| file.display().to_string())?;
    let chunks = chunks(&bytes);
    let started = Instant::now();
    let whole = count(&bytes)?;
    let reading = started.elapsed();
    ensure!(whole.faults == 0, "{} has {} faults before it is damaged", file.display(), whole.faults);
    println!(
        "{}: {} bytes, {} chunks, {} objects, read in {reading:?}",
        file.display(),
        bytes.len(),
        chunks.len(),
        whole.objects
    );

    let mut random = Random(1);
    let cuts: Vec<usize> = (0..arguments.cuts).map(|_| random.below(bytes.len())).collect();
    let flips: Vec<(usize, u8)> =
        (0..arguments.flips).map(|_| (random.below(bytes.len()), 1 + random.below(255) as u8)).collect();
    let cut = each(&cuts, |at| damaged(&bytes[..*at], *at, None))?;
    println!("{} cuts", cut.len());
    let flipped = each(&flips, |(at, mask)| {
        let mut changed = bytes.clone();
        changed[*at] ^= mask;
        let kind = chunks.iter().find(|(range, _)| range.contains(at)).map(|(_, header)| header.kind);
        damaged(&changed, *at, kind)
    })?;
    println!("{} bytes, one at a time", flipped.len());
    let mut all = bytes.clone();
    for (at, mask) in &flips {
        all[*at] ^= mask;
    }
    let at_once = damaged(&all, 0, None)?;

    for one in &cut {
        let before = |kind| chunks.iter().filter(|(range, header)| header.kind == kind && range.end <= one.place).count();
        let complete = |kind| before(kind) == chunks.iter().filter(|(_, header)| header.kind == kind).count();
        ensure!(!complete(ChunkKind::Stacks) || one.left.frames == whole.frames, "cut at {}: stacks are lost", one.place);
        ensure!(!complete(ChunkKind::Roots) || one.left.roots == whole.roots, "cut at {}: roots are lost", one.place);
        let objects: u64 = chunks
            .iter()
            .filter(|(range, header)| header.kind == ChunkKind::Objects && range.end <= one.place)
            .map(|(_, header)| u64::from(header.count))
            .sum();
        ensure!(one.left.objects == objects, "cut at {}: {} objects of {objects}", one.place, one.left.objects);
    }
    for one in &flipped {
        let is = |kind| one.kind == Some(kind);
        ensure!(is(ChunkKind::Stacks) || one.left.frames == whole.frames, "changed at {}: stacks are lost", one.place);
        ensure!(is(ChunkKind::Roots) || one.left.roots == whole.roots, "changed at {}: roots are lost", one.place);
        ensure!(is(ChunkKind::Types) || one.left.types == whole.types, "changed at {}: types are lost", one.place);
        ensure!(is(ChunkKind::Objects) || one.left.objects == whole.objects, "changed at {}: objects are lost", one.place);
    }
    let page = page(&bytes, &chunks, whole, reading, &cut, &flipped, &at_once, arguments);
    let target = if arguments.page.is_absolute() { arguments.page.clone() } else { root.join(&arguments.page) };
    fs::write(&target, page).with_context(|| target.display().to_string())
}

/// The dump of a program with records and documents.
fn made(root: &Path, folder: &Path, size: &[usize]) -> anyhow::Result<PathBuf> {
    let target = folder.join("salvage.heapsake");
    let mut program = Command::new("python3");
    program.arg(root.join("benches/programs/salvage.py")).args(size.iter().map(usize::to_string));
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("python3")?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("its output")?).read_line(&mut line)?;
    let mut dump = Command::new(env!("CARGO"));
    dump.args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "heapsake-cli",
        "--",
        "dump",
        &child.id().to_string(),
        "--redact",
        "none",
        "-o",
    ]);
    let dumped = if line == "ready\n" { finish(dump.arg(&target).current_dir(root)) } else { Ok(()) };
    drop(child.stdin.take());
    let status = child.wait()?;
    dumped?;
    if line != "ready\n" || !status.success() {
        bail!("the program said {line:?} and ended with {status}");
    }
    Ok(target)
}

/// Where the chunks of a whole dump are.
fn chunks(bytes: &[u8]) -> Vec<(Range<usize>, ChunkHeader)> {
    let (mut at, mut found) = (FIRST_LINE.len(), Vec::new());
    while let Some(header) = bytes.get(at..).filter(|rest| rest.starts_with(&MAGIC)).and_then(ChunkHeader::decode) {
        let end = at + HEADER_LENGTH + header.stored_length as usize;
        found.push((at..end, header));
        at = end;
    }
    found
}

fn damaged(bytes: &[u8], place: usize, kind: Option<ChunkKind>) -> anyhow::Result<Damaged> {
    let started = Instant::now();
    let left = if bytes.len() < FIRST_LINE.len() { Counted::default() } else { count(bytes)? };
    Ok(Damaged { place, kind, left, took: started.elapsed() })
}

/// Reads all that a dump has.
fn count(bytes: &[u8]) -> anyhow::Result<Counted> {
    let dump = Dump::from_bytes(bytes.to_vec())?;
    let objects = (0..dump.chunk_count()).filter_map(|position| dump.chunk(position)).map(|chunk| chunk.len() as u64).sum();
    let frames = dump.threads().iter().flat_map(|thread| &thread.frames);
    let (frames, variables) = frames.fold((0, 0), |(frames, variables), frame| (frames + 1, variables + frame.variables.len()));
    let (threads, roots, types, sources) =
        (dump.threads().len(), dump.roots().len(), dump.types().len(), dump.source_names().len());
    let header = dump.header().format > 0;
    let faults = dump.faults().len();
    Ok(Counted { objects, threads, frames, variables, roots, types, sources, faults, header })
}

/// Does the work for each item, on two threads.
fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> anyhow::Result<R> + Sync) -> anyhow::Result<Vec<R>> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((at, item)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, items.get(at)?)))
                {
                    let result = work(item);
                    results.lock().expect("no thread panicked").push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no thread panicked");
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// The same numbers every time (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as usize % limit.max(1)
    }
}

const HEAD: &str = "# Salvage

What is left of a large dump that is damaged, written by `cargo xtask salvage`.
Each row is a share of all the files of a kind of damage: every object, stack, root and type that the loader gives is counted.
The command fails where a file does not open, and where something is lost whose chunk was not touched.
";

fn share(part: u64, whole: u64) -> String {
    if part == whole {
        return "100 %".to_owned();
    }
    // Never rounded to all or nothing.
    let share = (part as f64 / whole.max(1) as f64 * 100.0).clamp(if part == 0 { 0.0 } else { 0.001 }, 99.999);
    if share > 99.0 { format!("{share:.3} %") } else { format!("{share:.1} %") }
}

fn median<T: Copy + Ord>(mut values: Vec<T>) -> Option<T> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

/// Cells of files of one kind: how many, objects at least, in the median and at most, stacks, roots, types, faults.
fn row(page: &mut String, called: &str, files: &[&Damaged], whole: Counted) {
    let objects: Vec<u64> = files.iter().map(|one| one.left.objects).collect();
    let (least, most) = (objects.iter().min().copied().unwrap_or(0), objects.iter().max().copied().unwrap_or(0));
    let middle = median(objects).unwrap_or(0);
    let all = |holds: &dyn Fn(&Damaged) -> bool| files.iter().filter(|one| holds(one)).count();
    let faults = median(files.iter().map(|one| one.left.faults).collect()).unwrap_or(0);
    let slowest = files.iter().map(|one| one.took).max().unwrap_or_default();
    let _ = writeln!(
        page,
        "| {called} | {} | {} | {} | {} | {} | {} | {} | {faults} | {:.1} s |",
        files.len(),
        share(least, whole.objects),
        share(middle, whole.objects),
        share(most, whole.objects),
        all(&|one| one.left.frames == whole.frames && one.left.variables == whole.variables),
        all(&|one| one.left.roots == whole.roots),
        all(&|one| one.left.types == whole.types),
        slowest.as_secs_f64(),
    );
}

#[allow(clippy::too_many_arguments, reason = "what the page tells of")]
fn page(
    bytes: &[u8],
    chunks: &[(Range<usize>, ChunkHeader)],
    whole: Counted,
    reading: Duration,
    cut: &[Damaged],
    flipped: &[Damaged],
    at_once: &Damaged,
    arguments: &Arguments,
) -> String {
    let mut page = HEAD.to_owned();
    let _ = writeln!(
        page,
        "\nThe dump: {:.1} MB, {} chunks, {} objects, {} threads with {} frames and {} variables, {} roots, {} types, {} source files; read whole in {:.1} s.",
        bytes.len() as f64 / 1e6,
        chunks.len(),
        whole.objects,
        whole.threads,
        whole.frames,
        whole.variables,
        whole.roots,
        whole.types,
        whole.sources,
        reading.as_secs_f64(),
    );
    page.push_str("\n| damage | files | objects, least | median | most | all stacks | all roots | all types | faults, median | read whole, slowest |\n");
    page.push_str("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    let quarter = |from: usize| {
        let range = bytes.len() / 4 * from..if from == 3 { bytes.len() } else { bytes.len() / 4 * (from + 1) };
        cut.iter().filter(|one| range.contains(&one.place)).collect::<Vec<_>>()
    };
    for (from, name) in ["first", "second", "third", "last"].into_iter().enumerate() {
        row(&mut page, &format!("cut in the {name} quarter"), &quarter(from), whole);
    }
    let mut kinds: Vec<Option<ChunkKind>> = flipped.iter().map(|one| one.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let files: Vec<&Damaged> = flipped.iter().filter(|one| one.kind == kind).collect();
        let name = kind.map_or_else(|| "the first or last bytes".to_owned(), |kind| format!("a chunk of {kind}"));
        row(&mut page, &format!("a byte changed, of {name}"), &files, whole);
    }
    row(&mut page, &format!("{} bytes changed, all at once", flipped.len()), &[at_once], whole);
    let opened = cut
        .iter()
        .chain(flipped)
        .chain([at_once])
        .filter(|one| one.place >= FIRST_LINE.len() || one.kind.is_some() || one.left.header);
    let _ = writeln!(
        page,
        "\nAll {} files opened. The shortest cut that has all stacks is {:.3} % of the file.",
        opened.count(),
        chunks.iter().filter(|(_, header)| header.kind == ChunkKind::Stacks).map(|(range, _)| range.end).max().unwrap_or(0)
            as f64
            / bytes.len() as f64
            * 100.0,
    );
    let _ = writeln!(
        page,
        "A chunk of objects has {} bytes at most, and {} in the median: that is what a byte costs.",
        chunks
            .iter()
            .filter(|(_, header)| header.kind == ChunkKind::Objects)
            .map(|(_, header)| header.stored_length)
            .max()
            .unwrap_or(0),
        median(
            chunks
                .iter()
                .filter(|(_, header)| header.kind == ChunkKind::Objects)
                .map(|(_, header)| header.stored_length)
                .collect()
        )
        .unwrap_or(0),
    );
    let _ = writeln!(
        page,
        "\n`cargo xtask salvage --cuts {} --flips {}`, places from a fixed sequence.",
        arguments.cuts, arguments.flips
    );
    page
}
