//! Hostile files: any bytes, chunks whose checksums are right whatever they hold, and dumps to which something happened.

use heapsake_analysis::cycles::Cycles;
use heapsake_analysis::waits::Waits;
use heapsake_core::format::{ChunkHeader, ChunkKind, Codec, FIRST_LINE, HEADER_LENGTH, decompress};
use heapsake_loader::{Dump, ErrorKind, ObjectId, isomorphism};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::mutation::Mutations;
use crate::damage::{Damage, chunks, look, opened};
use crate::model::{Model, Whole, any_model, differences, dumped_again};

/// Damages of one dump.
const MOST_DAMAGES: usize = 8;
/// Objects about which the graph is asked.
const ASKED: u32 = 16;

/// A file of any bytes opens or is none, and every question about it has an answer.
pub(super) fn file_bytes(bytes: &[u8]) {
    match Dump::from_bytes(bytes.to_vec()) {
        Ok(dump) => everything(&dump),
        Err(problem) => {
            let is_none = matches!(problem.kind(), ErrorKind::NotADump | ErrorKind::Empty);
            assert!(is_none && !bytes.starts_with(FIRST_LINE), "{problem}");
        }
    }
}

/// Asks all that front ends may ask.
fn everything(dump: &Dump) {
    look(dump);
    let graph = dump.graph();
    assert!(graph.objects() <= dump.object_count());
    for number in 0..dump.object_count().min(ASKED) {
        let id = ObjectId(number);
        dump.referrers(id);
        dump.path_from_root(id);
        let there = dump.object_at(dump.object(id).address());
        assert!(there.is_none_or(|found| found.address() == dump.object(id).address()));
    }
    Waits::of(dump);
    Cycles::of(dump, 4);
    dump.annotated();
    let report = isomorphism::compare(dump, dump);
    // What a file that was not damaged cannot have is a difference even from itself.
    assert!(report.matched <= u64::from(dump.object_count()));
    // What was met is told, and the same when it is asked again.
    assert_eq!(dump.faults(), dump.faults());
}

/// Dumps of models that are small enough to be files of some thousand bytes.
pub(super) fn small_dumps() -> Vec<Vec<u8>> {
    (0..12).map(|number| model(number).dump()).collect()
}

/// The random model of a number.
fn model(number: u16) -> Model {
    let mut seed = [0; 32];
    seed[..2].copy_from_slice(&number.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    any_model().new_tree(&mut runner).expect("a model").current()
}

/// What precedes each chunk of an input of [`chunk_bytes`]: kind, codec, length when decompressed, first, count, and the
/// length of what follows, little endian.
const CHUNK_HEAD: usize = 16;

/// A file whose chunks hold anything, with the right checksums.
pub(super) fn chunk_bytes(bytes: &[u8]) {
    let mut file = FIRST_LINE.to_vec();
    let (mut left, mut sequence) = (bytes, 0);
    while let Some((head, rest)) = left.split_first_chunk::<CHUNK_HEAD>() {
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let length = usize::from(u16::from_le_bytes([head[14], head[15]])).min(rest.len());
        let (stored, rest) = rest.split_at(length);
        let (kind, codec) = (ChunkKind::from_number(head[0]), Codec::from_number(head[1]));
        let raw_length = if codec == Codec::None { length as u32 } else { word(2) };
        let payload_checksum = crc32fast::hash(stored);
        let header = ChunkHeader {
            kind,
            codec,
            flags: 0,
            sequence,
            raw_length,
            stored_length: length as u32,
            first: word(6),
            count: word(10),
            payload_checksum,
        };
        file.extend(header.encode());
        file.extend(stored);
        (left, sequence) = (rest, sequence + 1);
    }
    everything(&Dump::from_bytes(file).expect("its first line says what it is"));
}

/// The chunks of small dumps, decompressed, in files of their own and all together; and a few that stay compressed.
pub(super) fn chunk_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for dump in small_dumps().iter().take(6) {
        let mut all = Vec::new();
        for (range, header) in chunks(dump) {
            let stored = &dump[range.start + HEADER_LENGTH..range.end];
            let raw = decompress(header.codec, stored, header.raw_length).expect("a good dump");
            let one = chunk_input(&header, Codec::None, &raw);
            all.extend_from_slice(&one);
            if header.codec != Codec::None {
                seeds.push(chunk_input(&header, header.codec, stored));
            }
            if header.kind == ChunkKind::Objects || header.kind == ChunkKind::Stacks {
                seeds.push(one);
            }
        }
        seeds.push(all);
    }
    seeds
}

fn chunk_input(header: &ChunkHeader, codec: Codec, stored: &[u8]) -> Vec<u8> {
    let stored = &stored[..stored.len().min(usize::from(u16::MAX))];
    let mut bytes = vec![header.kind.number(), codec.number()];
    bytes.extend(header.raw_length.to_le_bytes());
    bytes.extend(header.first.to_le_bytes());
    bytes.extend(header.count.to_le_bytes());
    bytes.extend((stored.len() as u16).to_le_bytes());
    bytes.extend_from_slice(stored);
    bytes
}

/// What a damage is: a kind, two numbers of three bytes, and a byte.
const DAMAGE: usize = 8;

fn damage(bytes: &[u8; DAMAGE]) -> Damage {
    let [kind, a, b, c, d, e, f, last] = *bytes;
    let (one, other) = (u32::from_le_bytes([a, b, c, 0]), u32::from_le_bytes([d, e, f, 0]));
    match kind % 9 {
        0 => Damage::Cut(one),
        1 => Damage::Flip(one, last % 8),
        2 => Damage::Drop(one),
        3 => Damage::Twice(one),
        4 => Damage::Swap(one, other),
        5 => Damage::Zero(one, other as u16),
        6 => Damage::Noise(one, vec![d, e, f, last]),
        7 => Damage::Again,
        _ => Damage::Before(vec![d, e, f, last]),
    }
}

/// A random heap, dumped and damaged: what is there is right, and what is not is a fault. The bytes are the number of the
/// heap and what happens to its dump.
pub(super) fn mutated_dumps(bytes: &[u8]) {
    let Some((head, rest)) = bytes.split_first_chunk::<2>() else { return };
    let damages: Vec<Damage> = rest.as_chunks().0.iter().take(MOST_DAMAGES).map(damage).collect();
    let model = model(u16::from_le_bytes(*head));
    let whole = model.dump();
    let mut damaged = whole.clone();
    for damage in &damages {
        damage.apply(&mut damaged, &whole);
    }
    let Some(dump) = opened(&damaged) else { return };
    everything(&dump);
    let (wrong, found) = differences(&model, &dump, if damages.is_empty() { Whole::Yes } else { Whole::Damaged });
    assert!(wrong.is_empty(), "{damages:?}: {}", wrong.join("\n"));
    if dump.faults().is_empty() {
        let all = differences(&model, &Dump::from_bytes(whole).expect("a dump"), Whole::Yes).1;
        assert_eq!(found, all, "{damages:?}: objects are missing, and no fault says so");
        let report = isomorphism::compare(&dump, &dump);
        assert!(report.is_isomorphic(), "a dump is not like itself: {report}");
        let again = Dump::from_bytes(dumped_again(&dump)).expect("a dump");
        let report = isomorphism::compare(&dump, &again);
        assert!(report.is_isomorphic(), "{report}");
    }
}

/// Heaps, and nothing, or something of every kind, that happens to their dumps.
pub(super) fn damages() -> Vec<Vec<u8>> {
    let mut random = Mutations::new(3);
    let some = |number: u8| {
        let head = [number, 0];
        let one = |kind: u8, random: &mut Mutations| {
            let [a, b, c, d, e, f, g, _] = random.number().to_le_bytes();
            [kind, a, b, c, d, e, f, g]
        };
        let all: Vec<u8> = (0..number % 4).flat_map(|at| one(number / 2 + at, &mut random)).collect();
        [&head, &all[..]].concat()
    };
    (0..24).map(some).collect()
}
