//! The loading cases L1 to L3 and L11 of the acceptance table, on dumps of real programs of every version: whatever happens to
//! a file, each chunk that it did not happen to gives what it gave before.

use std::ops::Range;
use std::path::PathBuf;

use heapsake_core::format::{ChunkHeader, ChunkKind, Codec, FIRST_LINE, HEADER_LENGTH, decompress};
use heapsake_loader::{Dump, Object, ObjectId, PlainValue};
use heapsake_tests::damage::{chunks, look, opened};
use heapsake_tests::file;
use heapsake_tests::fuzz::Mutations;

/// Bytes of each dump that are changed, one at a time, and bits that are flipped in decompressed chunks.
const CHANGES: usize = 60;

fn golden() -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(file("golden")).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|ending| ending == "heapsake")).collect();
    paths.sort();
    assert!(paths.len() >= 6, "{paths:?}");
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).expect("a file"))).collect()
}

fn load(bytes: &[u8]) -> Dump {
    Dump::from_bytes(bytes.to_vec()).expect("a dump")
}

/// Objects whose values or elements lie in chunks of their own.
fn apart(chunks: &[(Range<usize>, ChunkHeader)], id: u32) -> impl Iterator<Item = &(Range<usize>, ChunkHeader)> {
    let is_apart =
        move |header: &ChunkHeader| matches!(header.kind, ChunkKind::Elements | ChunkKind::Payload) && header.first == id;
    chunks.iter().filter(move |(_, header)| is_apart(header))
}

/// All that an object says of itself. A float is its bits: one that is no number is not equal to itself.
fn said(object: &Object<'_>) -> String {
    let value = match object.value() {
        PlainValue::Float(number) => format!("{:x}", number.to_bits()),
        value => format!("{value:?}"),
    };
    let (elements, entries) = (object.elements(0, 1 << 20), object.entries(0, 1 << 20));
    format!("{:?} {} {value} {:?} {elements:?} {entries:?} {:?}", object.address(), object.size(), object.edges(), object.state())
}

/// Compares what is left with the whole: objects of chunks that `is_left`, stacks, roots, types, sources and omissions.
fn compare(
    whole: &Dump,
    left: &Dump,
    chunks: &[(Range<usize>, ChunkHeader)],
    is_left: impl Fn(&Range<usize>) -> bool,
    place: &str,
) {
    let all_left = |kind: ChunkKind| chunks.iter().filter(|(_, header)| header.kind == kind).all(|(range, _)| is_left(range));
    for (range, header) in chunks.iter().filter(|(_, header)| header.kind == ChunkKind::Objects) {
        if !is_left(range) {
            continue;
        }
        for id in header.first..header.first + header.count {
            if apart(chunks, id).all(|(range, _)| is_left(range)) {
                let (there, right) = (left.object(ObjectId(id)), whole.object(ObjectId(id)));
                assert_eq!(said(&there), said(&right), "{place}: object {id}");
                if all_left(ChunkKind::Types) {
                    assert_eq!(there.type_name(), right.type_name(), "{place}: object {id}");
                }
            }
        }
    }
    if all_left(ChunkKind::Stacks) {
        assert_eq!(format!("{:?}", left.threads()), format!("{:?}", whole.threads()), "{place}");
    }
    if all_left(ChunkKind::Roots) {
        assert_eq!(left.roots(), whole.roots(), "{place}");
    }
    if all_left(ChunkKind::Types) {
        assert_eq!(format!("{:?}", left.types()), format!("{:?}", whole.types()), "{place}");
    }
    if all_left(ChunkKind::Sources) {
        assert_eq!(left.source_names(), whole.source_names(), "{place}");
    }
    if all_left(ChunkKind::Header) {
        assert_eq!(format!("{:?}", left.header()), format!("{:?}", whole.header()), "{place}");
    }
}

#[test]
fn l1_a_file_that_is_cut_gives_what_stands_before_the_cut() {
    for (path, bytes) in golden() {
        let (whole, chunks) = (load(&bytes), chunks(&bytes));
        let borders = chunks.iter().flat_map(|(range, _)| [range.start, range.start + HEADER_LENGTH, range.end]);
        let shares = [0, 10, 25, 50, 75, 90, 99].map(|share| bytes.len() * share / 100);
        let ends = [1000, 60, 17, 16, 8, 1].map(|gone| bytes.len() - gone);
        for length in borders.chain(shares).chain(ends).filter(|length| *length < bytes.len()) {
            let place = format!("{} cut at {length}", path.display());
            let Some(left) = opened(&bytes[..length]) else {
                assert!(length < FIRST_LINE.len(), "{place}: it is no dump");
                continue;
            };
            assert!(!left.faults().is_empty(), "{place}: no fault");
            look(&left);
            compare(&whole, &left, &chunks, |range| range.end <= length, &place);
        }
    }
}

#[test]
fn l2_a_byte_that_changed_costs_one_chunk() {
    let mut random = Mutations::new(2);
    for (path, bytes) in golden() {
        let (whole, chunks) = (load(&bytes), chunks(&bytes));
        let mut places: Vec<usize> = (0..CHANGES).map(|_| random.below(bytes.len())).collect();
        // Every part of a header, of small chunks too.
        let parts = [0, 8, 9, 12, 16, 20, 24, 28, 32, 36, HEADER_LENGTH];
        places.extend(chunks.iter().zip(parts.into_iter().cycle()).map(|((range, _), part)| range.start + part));
        for at in places {
            let mut changed = bytes.clone();
            changed[at] ^= 1 + random.below(255) as u8;
            let place = format!("{} changed at {at}", path.display());
            let left = opened(&changed).unwrap_or_else(|| panic!("{place}: it is no dump"));
            look(&left);
            compare(&whole, &left, &chunks, |range| !range.contains(&at), &place);
            let told = left.faults().len();
            // The first line is text for people; what is met more than once is told for each use.
            assert!(at < FIRST_LINE.len() || told > 0, "{place}: no fault");
            assert!(told <= 8, "{place}: {:?}", left.faults());
        }
    }
}

#[test]
fn l3_a_bit_that_flipped_within_a_chunk_makes_faults() {
    let mut random = Mutations::new(3);
    for (path, bytes) in golden() {
        let chunks = chunks(&bytes);
        let whole = load(&bytes);
        for _ in 0..CHANGES {
            let (range, header) = &chunks[random.below(chunks.len())];
            let stored = &bytes[range.start + HEADER_LENGTH..range.end];
            let mut raw = decompress(header.codec, stored, header.raw_length).expect("a good dump");
            let (at, bit) = (random.below(raw.len()), random.below(8));
            raw[at] ^= 1 << bit;
            let length = raw.len() as u32;
            let mended = ChunkHeader {
                codec: Codec::None,
                raw_length: length,
                stored_length: length,
                payload_checksum: crc32fast::hash(&raw),
                ..*header
            };
            let mut changed = bytes[..range.start].to_vec();
            changed.extend(mended.encode());
            changed.extend(raw);
            changed.extend(&bytes[range.end..]);
            let place = format!("{}: bit {bit} of byte {at} of a chunk of {} at {}", path.display(), header.kind, range.start);
            let left = opened(&changed).unwrap_or_else(|| panic!("{place}: it is no dump"));
            look(&left);
            left.graph();
            // No checksum tells of it; what lies in other chunks is as it was.
            compare(&whole, &left, &chunks, |other| other != range, &place);
        }
    }
}

#[test]
fn l11_roots_types_sources_and_modules_are_listed_without_an_object() {
    for (path, bytes) in golden() {
        let whole = load(&bytes);
        let mut damaged = bytes.clone();
        for (range, _) in chunks(&bytes).iter().filter(|(_, header)| header.kind == ChunkKind::Objects) {
            damaged[range.start + HEADER_LENGTH..range.end].fill(0x55);
        }
        let left = load(&damaged);
        assert!(!whole.types().is_empty() && !whole.roots().is_empty() && !whole.source_names().is_empty());
        assert!(whole.modules().any(|(name, _)| name == "sys"));
        assert_eq!(format!("{:?}", left.types()), format!("{:?}", whole.types()), "{}", path.display());
        assert_eq!(left.roots(), whole.roots(), "{}", path.display());
        assert_eq!(left.source_names(), whole.source_names(), "{}", path.display());
        assert_eq!(left.modules().collect::<Vec<_>>(), whole.modules().collect::<Vec<_>>(), "{}", path.display());
        assert_eq!(format!("{:?}", left.threads()), format!("{:?}", whole.threads()), "{}", path.display());
        // No chunk of objects was looked at for that, or there would be a fault.
        assert_eq!(left.faults(), [], "{}", path.display());
    }
}
