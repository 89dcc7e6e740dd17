//! Arenas and what is in memory, of processes that lie about them.

use super::*;
use crate::memory::Permissions;
use proptest::prelude::*;

fn span(start: u64, end: u64) -> Span {
    Span { start: Address(start), end: Address(end) }
}

fn arena(start: u64, end: u64, in_use: u64) -> Arena {
    Arena { span: span(start, end), in_use }
}

#[test]
fn arenas_that_overlap_are_counted_once() {
    let found =
        apart(vec![arena(0x5000, 0x9000, 7), arena(0x1000, 0x6000, 5), arena(0x2000, 0x3000, 3), arena(0x9000, 0x9000, 1)]);
    assert_eq!(found, [arena(0x1000, 0x6000, 5), arena(0x6000, 0x9000, 7)]);
}

#[test]
fn an_arena_in_two_mappings_counts_where_it_begins() {
    let across = arena(0x1000, 0x5000, 9);
    assert_eq!(clipped(across, span(0x0, 0x2000)), Some(arena(0x1000, 0x2000, 9)));
    assert_eq!(clipped(across, span(0x2000, 0x9000)), Some(arena(0x2000, 0x5000, 0)));
    assert_eq!(clipped(across, span(0x5000, 0x9000)), None);
}

#[test]
fn what_is_in_memory_is_told_of_mappings_that_are_still_the_same() {
    let mapping =
        Mapping::anonymous(span(0x1000, 0x3000), Permissions { read: true, write: true, execute: false, shared: false });
    let part = |start, end| region(&mapping, span(start, end), RegionKind::Anonymous, String::new());
    let mut regions = vec![part(0x1000, 0x3000), part(0x3000, 0x4000), part(0x7000, 0x8000)];
    tell_resident(&mut regions, &[(span(0x1000, 0x3000), 4096), (span(0x3000, 0x5000), 8192)], None);
    let told: Vec<_> = regions.iter().map(|region| region.resident).collect();
    // The second is a part of a larger one, and who could say what of it is in memory is gone; the third is no more.
    assert_eq!(told, [Some(4096), None, None]);
}

proptest! {
    /// Whatever a process says of its arenas, what is made of it is in order, apart and not larger.
    #[test]
    fn any_arenas_end_apart(said in prop::collection::vec((0u64..64, 0u64..64, any::<u64>()), 0..24)) {
        let said: Vec<Arena> = said.into_iter().map(|(start, end, in_use)| arena(start, start.max(end), in_use)).collect();
        let covered = |arenas: &[Arena], at: u64| arenas.iter().any(|arena| arena.span.contains(Address(at)));
        let found = apart(said.clone());
        prop_assert!(found.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start));
        prop_assert!(found.iter().all(|arena| !arena.span.is_empty()));
        for at in 0..64 {
            prop_assert_eq!(covered(&found, at), covered(&said, at), "{}", at);
        }
    }
}
