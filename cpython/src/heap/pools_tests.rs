//! Pools written by hand: which blocks are in use, and headers and lists that contradict themselves. Objects in them are found by
//! `tests/tests/targets.rs`, in programs of every version.

use heapsake_core::Address;
use heapsake_core::reduce::Registry;

use super::{OVERHEAD, Pool};
use crate::heap::{CPythonHeap, Facts};
use crate::layouts::{Layouts, Table};
use crate::memory::Synthetic;

const START: Address = Address(0x10_0000);

/// The blocks in use of a pool of `size` bytes with blocks of `block`, by number: so many are in use, so many were given out, and
/// the list of free ones is this.
fn used(size: u64, (block, alignment): (u64, u64), (count, given_out): (u64, u64), free: &[u64]) -> Option<Vec<u64>> {
    let at = |index: u64| START.0 + OVERHEAD + index * block;
    let first = free.first().map_or(0, |index| at(*index));
    let szidx = block / alignment - 1;
    let header = [count, first, 0, 0, szidx << 32, (size - block) << 32 | (OVERHEAD + given_out * block)];
    let mut memory = Synthetic::builder().region(START, size as usize).words(START, &header);
    for (index, block) in free.iter().enumerate() {
        let next = free.get(index + 1).map_or(0, |next| at(*next));
        memory = memory.words(Address(at(*block)), &[next]);
    }
    let table = Table::lp64().expect("the table");
    let layouts = Layouts::for_column(table.columns().last().expect("a column")).expect("its layouts");
    let heap = CPythonHeap::new(memory.build(), Facts::of_memory(layouts), Registry::default());
    let pool = Pool::at(&heap, START)?;
    Some(pool.blocks(&heap).into_iter().map(|address| (address.0 - START.0 - OVERHEAD) / block).collect())
}

#[test]
fn what_is_not_free_is_in_use() {
    for (size, block) in [(4 << 10, (48, 16)), (16 << 10, (512, 16)), (4 << 10, (40, 8))] {
        assert_eq!(used(size, block, (3, 5), &[4, 1]), Some(vec![0, 2, 3]), "{size} {block:?}");
        assert_eq!(used(size, block, (2, 2), &[]), Some(vec![0, 1]), "{size} {block:?}");
    }
}

#[test]
fn a_list_that_does_not_agree_with_the_number_tells_nothing() {
    let of = |numbers, free: &[u64]| used(4 << 10, (48, 16), numbers, free);
    assert_eq!(of((3, 5), &[4]), Some(Vec::new()), "too short");
    assert_eq!(of((3, 5), &[4, 1, 2]), Some(Vec::new()), "too long");
    assert_eq!(of((2, 5), &[4, 1, 4]), Some(Vec::new()), "in a circle");
    assert_eq!(of((3, 5), &[4, 7]), Some(Vec::new()), "a block that was never given out");
    assert_eq!(of((6, 5), &[]), Some(Vec::new()), "more in use than were given out");
}

#[test]
fn a_header_that_contradicts_itself_is_none() {
    assert_eq!(used(4 << 10, (48, 16), (0, 5), &[]), None, "of an empty pool");
    assert_eq!(used(4 << 10, (528, 16), (1, 1), &[]), None, "blocks larger than any");
    assert_eq!(used(8 << 10, (48, 16), (1, 1), &[]), None, "no size of a pool");
    assert_eq!(used(4 << 10, (48, 16), (90, 5), &[]), None, "more blocks than there is room for");
}
