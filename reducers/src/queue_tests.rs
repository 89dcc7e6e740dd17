//! The reducers of `queue`: objects laid out by hand for several CPythons, and hostile ones.

use heapsake_core::reduce::Reason;

use crate::framework::testing::{Process, Told, VERSIONS};

const QUEUE: u64 = 0x10_0000;

/// Up to 3.12 a list at 32 and the position at 40; a list's items are behind the pointer at 24.
fn with_list(version: u32, count: u64, position: u64) -> Told {
    Process::new(version)
        .object(QUEUE, "_queue.SimpleQueue", 56)
        .words(QUEUE + 32, &[0x5000, position])
        .object(0x5000, "list", 40)
        .words(0x5010, &[count, 0x6000])
        .region(0x6000, 24)
        .words(0x6000, &[91, 92, 93])
        .reduce(QUEUE)
}

/// From 3.13 on a ring buffer at 24: items, capacity, where to get, where to put, how many.
fn with_ring(ring: [u64; 4]) -> Told {
    let [capacity, first, put, count] = ring;
    let process = Process::new(VERSIONS[5]).object(QUEUE, "_queue.SimpleQueue", 72);
    // The order of the fields in the struct is put, get, items, capacity, count.
    let process = process.words(QUEUE + 24, &[put, first, 0x6000, capacity, count]);
    process.region(0x6000, 24).words(0x6000, &[91, 92, 93]).reduce(QUEUE)
}

#[test]
fn the_oldest_item_comes_first() {
    for version in &VERSIONS[..5] {
        assert_eq!(with_list(*version, 3, 1).elements, [92, 93]);
        assert_eq!(with_list(*version, 3, 3).elements, [0u64; 0]);
    }
}

#[test]
fn a_ring_buffer_is_read_around_its_end() {
    let told = with_ring([3, 2, 1, 2]);
    assert_eq!((told.elements.as_slice(), told.reason()), (&[93, 91][..], None), "{told:?}");
    assert_eq!(with_ring([3, 0, 0, 0]).elements, [0u64; 0]);
}

#[test]
fn absurd_positions_fail() {
    assert_eq!(with_list(VERSIONS[2], 3, 4).reason(), Some(Reason::Corrupt));
    assert_eq!(with_list(VERSIONS[2], 1 << 59, 0).reason(), Some(Reason::Unreadable));
    assert_eq!(with_list(VERSIONS[2], u64::MAX, 0).reason(), Some(Reason::Corrupt));
    assert_eq!(with_ring([3, 7, 0, 1]).reason(), Some(Reason::Corrupt));
    assert_eq!(with_ring([1 << 60, 0, 0, 1 << 60]).reason(), Some(Reason::Unreadable));
}
