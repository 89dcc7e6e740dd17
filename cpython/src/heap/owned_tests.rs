//! Blocks written by hand, after the headers of Python's allocator and of glibc's, whole and contradicting themselves.

use heapsake_core::Address;
use heapsake_core::reduce::Registry;

use super::{FAR, NEAR, Owned, TypeId, WORDS_OF_TYPE};
use crate::heap::{CPythonHeap, Facts};
use crate::layouts::{Layouts, Table};
use crate::memory::Synthetic;
use crate::memory::synthetic::SyntheticBuilder;

const POOL: Address = Address(0x10_0000);
const CHUNK: Address = Address(0x20_0010);

fn heap(make: impl FnOnce(SyntheticBuilder) -> SyntheticBuilder) -> CPythonHeap<Synthetic> {
    let memory = make(Synthetic::builder().region(Address(0), 0x1000).region(POOL, 0x8000).region(Address(0x20_0000), 0x4000));
    let table = Table::lp64().unwrap();
    let layouts = Layouts::for_column(table.columns().last().unwrap()).unwrap();
    CPythonHeap::new(memory.build(), Facts::of_memory(layouts), Registry::default())
}

/// A pool of `size` bytes with blocks of `(class + 1) * 16`, of which `used` are.
fn pool(size: u32, class: u32, used: u32) -> [u8; 48] {
    let block = (class + 1) * 16;
    let mut head = [0; 48];
    for (at, half) in [(0, used), (36, class), (40, 48 + used * block), (44, size - block)] {
        head[at..at + 4].copy_from_slice(&half.to_le_bytes());
    }
    head
}

#[test]
fn a_pool_says_how_large_its_blocks_are() {
    for size in [4 << 10, 16 << 10] {
        let heap = heap(|memory| memory.bytes(POOL, &pool(size, 2, 3)));
        let at = |offset: i64| heap.block_size(POOL.offset(offset));
        assert_eq!((at(48), at(96), at(48 + 4 * 48)), (Some(48), Some(48), Some(48)), "{size}");
        // Not the begin of a block, or in the head.
        assert_eq!((at(64), at(0), at(32)), (None, None, None), "{size}");
    }
}

#[test]
fn a_pool_that_contradicts_itself_is_none() {
    let whole = pool(4 << 10, 2, 3);
    for (at, wrong) in [(0, 0u32), (0, 1000), (36, 40), (36, 3), (40, 5000), (44, 4 << 10)] {
        let mut head = whole;
        head[at..at + 4].copy_from_slice(&wrong.to_le_bytes());
        let heap = heap(|memory| memory.bytes(POOL, &head));
        assert_eq!(heap.block_size(POOL.offset(48)), None, "{wrong} at {at}");
    }
}

#[test]
fn a_chunk_says_its_size_before_and_behind_it() {
    let chunk = |own: u64, next: u64| {
        let heap = heap(|memory| memory.words(CHUNK.offset(-8), &[own]).words(CHUNK.offset((own & !7) as i64 - 8), &[next]));
        heap.block_size(CHUNK)
    };
    assert_eq!(chunk(0x41, 0x21), Some(0x38));
    // The arena's mark, and the last chunk before the top of the heap.
    assert_eq!(chunk(0x45, 0x1_0001), Some(0x38));
    assert_eq!(chunk(0x41, 0x20), None, "a chunk that is free");
    assert_eq!(chunk(0x49, 0x21), None, "a size that none has");
    assert_eq!(chunk(0x11, 0x21), None, "a size below the smallest");
    assert_eq!(heap(|memory| memory.words(CHUNK.offset(-8), &[1 << 40 | 1])).block_size(CHUNK), None, "beyond what is mapped");
    assert_eq!(heap(|memory| memory).block_size(Address(0xdead_0000)), None, "not mapped");
}

#[test]
fn writing_follows_what_marking_followed() {
    let (class, other) = (TypeId(1), TypeId(2));
    let owned = Owned::default();
    assert_eq!(owned.distance(class, Address(8), 0, false), FAR, "nothing was ever marked");
    assert_eq!(owned.distance(class, Address(8), 0, true), FAR);
    owned.note(class, (Address(8), 0), FAR, WORDS_OF_TYPE, true);
    assert_eq!(owned.distance(class, Address(16), 0, true), NEAR, "the budget of the type is spent");
    owned.note(class, (Address(16), 0), NEAR, 4, true);
    owned.note(class, (Address(24), 0), NEAR, 4, false);
    assert_eq!(owned.distance(other, Address(32), 0, true), FAR);
    let written = [8, 16, 24].map(|at| owned.distance(class, Address(at), 0, false));
    assert_eq!(written, [FAR, NEAR, 0]);
    owned.note(other, (Address(32), 0), FAR, u64::MAX, true);
    assert_eq!(owned.distance(other, Address(40), 0, true), 0, "the budget of all is spent");
    assert_eq!(owned.distance(other, Address(32), 0, false), FAR, "what was marked is written all the same");
}
