//! The reducers of `contextvars`: objects laid out by hand for several CPythons, and hostile ones.

use heapsake_core::reduce::Reason;

use crate::framework::testing::{Process, Told, VERSIONS};

const CONTEXT: u64 = 0x10_0000;
const TRIE: u64 = 0x20_0000;
const ROOT: u64 = 0x30_0000;
const ARRAY: u64 = 0x40_0000;
const COLLISION: u64 = 0x50_0000;

/// A context's trie at 24; a trie's root at 16 and count at 32; items of bitmap and collision nodes at 32, of an array node at
/// 16; the same in 3.8 to 3.13.
fn context(version: u32, count: u64, root: &[u64], array: &[u64]) -> Told {
    Process::new(version)
        .object(CONTEXT, "_contextvars.Context", 48)
        .words(CONTEXT + 24, &[TRIE])
        .object(TRIE, "hamt", 40)
        .words(TRIE + 16, &[ROOT, 0, count])
        .object(ROOT, "hamt_bitmap_node", 32 + 8 * root.len())
        .words(ROOT + 16, &[root.len() as u64])
        .words(ROOT + 32, root)
        .object(ARRAY, "hamt_array_node", 280)
        .words(ARRAY + 16, array)
        .object(COLLISION, "hamt_collision_node", 64)
        .words(COLLISION + 16, &[4])
        .words(COLLISION + 32, &[31, 41, 32, 42])
        .reduce(CONTEXT)
}

#[test]
fn a_context_has_the_entries_of_every_kind_of_node() {
    for version in VERSIONS {
        let told = context(version, 3, &[11, 21, 0, ARRAY], &[0, COLLISION, 0]);
        assert_eq!((told.entries.as_slice(), told.reason()), (&[(11, 21), (31, 41), (32, 42)][..], None));
        assert_eq!(told.edge("ctx_vars"), TRIE);
    }
}

#[test]
fn a_hostile_trie_ends() {
    for version in [VERSIONS[0], VERSIONS[4]] {
        assert_eq!(context(version, 3, &[0, ROOT], &[]).reason(), Some(Reason::Corrupt), "a node within itself");
        assert_eq!(context(version, 1, &[11, 21, 12, 22], &[]).reason(), Some(Reason::Corrupt), "more than it counts");
        assert_eq!(context(version, 1 << 60, &[0, ARRAY], &[ARRAY; 32]).reason(), Some(Reason::Corrupt), "a circle");
        assert_eq!(context(version, 2, &[0, CONTEXT], &[]).reason(), Some(Reason::Corrupt), "what is no node");
    }
}
