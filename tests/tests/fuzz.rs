//! The fuzz targets over their seeds and over mutations of them, without coverage: some seconds each, or as many as
//! `HEAPSAKE_FUZZ_SECONDS` says.

use std::path::Path;
use std::time::{Duration, Instant};

use heapsake_core::heap::TypeKind;
use heapsake_loader::Dump;
use heapsake_tests::fuzz::{Mutations, TARGETS, target};
use heapsake_tests::model::{Aim, Content, Model, Node};

/// Seconds for each target.
const SECONDS: u64 = 4;
/// One input takes no longer, on whatever machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn run(name: &str) {
    let target = target(name);
    let seconds = std::env::var("HEAPSAKE_FUZZ_SECONDS").map_or(SECONDS, |text| text.parse().expect("a number of seconds"));
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty());
    let one = |bytes: &[u8], called: &str| {
        let started = Instant::now();
        let told = std::panic::catch_unwind(|| (target.run)(bytes));
        let took = started.elapsed();
        if told.is_err() || took > PATIENCE {
            let kept = std::env::temp_dir().join(format!("heapsake-{name}-{}", crc32fast::hash(bytes)));
            std::fs::write(&kept, bytes).expect("a file");
            panic!("{called}: {} bytes, kept as {}, took {took:?}", bytes.len(), kept.display());
        }
    };
    for (number, seed) in seeds.iter().enumerate() {
        one(seed, &format!("seed {number}"));
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut mutations = Mutations::new(1);
    let mut count = 0;
    while Instant::now() < end {
        one(&mutations.next(&seeds, target.longest), &format!("mutation {count}"));
        count += 1;
    }
    println!("{name}: {} seeds, {count} mutations", seeds.len());
    assert!(count > 0);
}

#[test]
fn file_bytes() {
    run("file_bytes");
}

#[test]
fn chunk_bytes() {
    run("chunk_bytes");
}

#[test]
fn expressions() {
    run("expressions");
}

#[test]
fn mutated_dumps() {
    run("mutated_dumps");
}

#[test]
fn layout_table() {
    run("layout_table");
}

#[test]
fn descriptors() {
    run("descriptors");
}

#[test]
fn inspect_path() {
    run("inspect_path");
}

#[test]
fn cpython_memory() {
    run("cpython_memory");
}

#[test]
fn core_files() {
    run("core_files");
}

#[test]
fn binaries() {
    run("binaries");
}

/// What the fuzzers found, kept for ever: `tests/fuzz/TARGET/*`.
#[test]
fn what_was_found_stays_mended() {
    let folder = heapsake_tests::file("fuzz");
    let mut count = 0;
    for target in TARGETS {
        let Ok(entries) = std::fs::read_dir(folder.join(target.name)) else { continue };
        for entry in entries {
            let path = entry.expect("an entry").path();
            println!("{}", path.strip_prefix(&folder).unwrap_or(Path::new("")).display());
            (target.run)(&std::fs::read(&path).expect("a file"));
            count += 1;
        }
    }
    println!("{count} inputs");
}

#[test]
fn sizes_are_added_up_to_the_largest_number() {
    let node = |aims| Node {
        type_number: 0,
        size: u64::MAX,
        content: Content::Elements(aims),
        edges: Vec::new(),
        facts: Vec::new(),
        failure: None,
    };
    let model = Model {
        types: vec![("a.A".to_owned(), TypeKind::Object)],
        nodes: vec![node(vec![Aim::Node(1)]), node(Vec::new())],
        roots: vec![("root".to_owned(), Aim::Node(0))],
        threads: Vec::new(),
        scatter: 1,
    };
    let dump = Dump::from_bytes(model.dump()).expect("a dump");
    assert_eq!(dump.trailer().map(|trailer| trailer.heap_bytes), Some(u64::MAX));
}
