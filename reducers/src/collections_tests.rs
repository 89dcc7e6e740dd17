//! The reducers of `collections`: objects laid out by hand for several CPythons, and hostile ones.

use heapsake_core::reduce::Reason;

use crate::framework::testing::{Process, Told, VERSIONS};

const OBJECT: u64 = 0x10_0000;
const KEYS: u64 = 0x20_0000;

/// A deque of 3.8 to 3.13: `ob_size` 16, blocks 24 and 32, indices 40 and 48, `maxlen` 64; a block's items 8, its right
/// neighbour 520.
fn deque(version: u32, count: u64, first: u64, next: [u64; 2]) -> Told {
    Process::new(version)
        .object(OBJECT, "collections.deque", 216)
        .words(OBJECT + 16, &[count, 0x5000, 0, first, 0, 0, u64::MAX])
        .region(0x5000, 528)
        .words(0x5008, &(100..164).collect::<Vec<_>>())
        .words(0x5208, &[next[0]])
        .region(0x6000, 528)
        .words(0x6008, &(200..264).collect::<Vec<_>>())
        .words(0x6208, &[next[1]])
        .reduce(OBJECT)
}

#[test]
fn a_deque_has_its_items_from_block_to_block() {
    for version in VERSIONS {
        let told = deque(version, 5, 62, [0x6000, 0]);
        assert_eq!((told.elements.as_slice(), told.reason()), (&[162, 163, 200, 201, 202][..], None));
        assert_eq!(told.fact("maxlen"), "None");
    }
}

#[test]
fn a_deque_of_hostile_memory_ends() {
    for version in [VERSIONS[0], VERSIONS[5]] {
        assert_eq!(deque(version, 1 << 60, 0, [0x6000, 0x5000]).reason(), Some(Reason::Corrupt), "a circle");
        assert_eq!(deque(version, 1 << 60, 0, [0x6000, 0]).reason(), Some(Reason::Corrupt), "an end");
        assert_eq!(deque(version, 70, 0, [0x7000, 0]).reason(), Some(Reason::Unreadable), "a wild pointer");
        assert_eq!(deque(version, 1, 64, [0, 0]).reason(), Some(Reason::Corrupt), "an index outside");
    }
    assert_eq!(deque(VERSIONS[3], 200, 0, [0x6000, 0]).elements.len(), 128, "keeps what it told");
}

/// A dict of two entries, keys 11 and 12: up to 3.10 the header has 40 bytes and entries have hashes; from 3.11 on 32 bytes
/// and, of kind 1, none.
fn ordered_dict(version: u32, nodes: &[(u64, [u64; 4])]) -> Told {
    let process = Process::new(version)
        .object(OBJECT, "collections.OrderedDict", 112)
        .words(OBJECT + 16, &[2, 0, KEYS, 0, 0x8000])
        .words(OBJECT + 48, &[nodes[0].0])
        .region(KEYS, 256);
    let process = if version < 0x030b_0000 {
        process.words(KEYS, &[1, 8, 0, 0, 2]).words(KEYS + 48, &[1, 11, 21, 2, 12, 22])
    } else {
        process.bytes(KEYS + 8, &[3, 3, 1]).words(KEYS + 24, &[2]).words(KEYS + 40, &[11, 21, 12, 22])
    };
    let process = process.words(OBJECT + 16, &[2]).words(OBJECT + 32, &[KEYS, 0]);
    nodes.iter().fold(process, |process, (at, words)| process.region(*at, 32).words(*at, words)).reduce(OBJECT)
}

#[test]
fn an_ordered_dict_has_the_order_of_its_list() {
    for version in VERSIONS {
        let told = ordered_dict(version, &[(0x9000, [12, 2, 0xa000, 0]), (0xa000, [11, 1, 0, 0x9000])]);
        assert_eq!((told.entries.as_slice(), told.reason()), (&[(12, 22), (11, 21)][..], None), "{version:#x}");
        let told = ordered_dict(version, &[(0x9000, [12, 2, 0, 0])]);
        assert_eq!(told.entries, [(12, 22), (11, 21)], "an entry that the list lacks comes last");
        let told = ordered_dict(version, &[(0x9000, [12, 2, 0xa000, 0]), (0xa000, [99, 1, 0x9000, 0x9000])]);
        assert_eq!((told.entries.as_slice(), told.reason()), (&[(12, 22)][..], Some(Reason::Corrupt)), "a circle");
    }
}

#[test]
fn a_key_table_of_absurd_size_fails_at_once() {
    let told = Process::new(VERSIONS[3])
        .object(OBJECT, "collections.OrderedDict", 112)
        .words(OBJECT + 32, &[KEYS, 0])
        .region(KEYS, 64)
        .bytes(KEYS + 8, &[3, 3, 1])
        .words(KEYS + 24, &[1 << 58])
        .reduce(OBJECT);
    assert!(matches!(told.reason(), Some(Reason::Corrupt | Reason::Unreadable)), "{told:?}");
}
