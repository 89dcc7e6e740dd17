//! Key tables written by hand, after CPython's headers, in order and corrupted.

use heapsake_core::Address;
use heapsake_core::reduce::{Reason, Registry};

use crate::heap::{CPythonHeap, Facts};
use crate::layouts::{Layouts, Table};
use crate::memory::{Memory, Synthetic};

const KEYS: Address = Address(0x1000);
const DICT: Address = Address(0x10_0000);
const VALUES: Address = Address(0x11_0000);

/// A key table of `1 << logarithm` slots that says it has `count` entries, of which `filled` are there.
struct Keys {
    logarithm: u8,
    count: i64,
    filled: u64,
    /// 0 for entries with a hash, 1 without, 2 for keys whose values lie apart; from 3.11 on.
    kind: u8,
}

fn key(index: u64) -> Address {
    Address(0x9000_0000 + index * 16)
}

/// By how many bytes the header of objects is longer: without an interpreter lock it is.
fn longer(layouts: &Layouts) -> i64 {
    if layouts.flags.free_threaded { 16 } else { 0 }
}

/// The heap of one column of the table with a dict of these keys; values lie apart if `is_split`.
fn heap(layouts: &Layouts, keys: &Keys, is_split: bool) -> CPythonHeap<Synthetic> {
    let size = 1u64 << keys.logarithm;
    let is_new = layouts.version.minor() >= 11;
    let widening = match keys.logarithm {
        0..=7 => 0,
        8..=15 => 1,
        16..=31 => 2,
        _ => 3,
    };
    let mut memory = Synthetic::builder().region(Address(0), 0xf_0000).region(Address(0xf_0000), 0x4_0000);
    let (entries, stride, at) = if is_new {
        let header = [keys.logarithm, keys.logarithm + widening, keys.kind];
        memory = memory.bytes(KEYS.offset(8), &header).words(KEYS.offset(24), &[keys.count as u64]);
        (32 + (size << widening), if keys.kind == 0 { 24 } else { 16 }, if keys.kind == 0 { 8 } else { 0 })
    } else {
        memory = memory.words(KEYS.offset(8), &[size]).words(KEYS.offset(32), &[keys.count as u64]);
        (40 + (size << if size <= 0xff { 0 } else { widening.max(1) }), 24, 8)
    };
    for index in 0..keys.filled {
        let entry = KEYS.offset((entries + index * stride + at) as i64);
        let value = if is_split { 0 } else { key(index).0 + 8 };
        memory = memory.words(entry, &[key(index).0, value]);
    }
    let header = longer(layouts);
    memory = memory.words(DICT.offset(header + 16), &[keys.filled]).words(DICT.offset(header + 32), &[KEYS.0]);
    if is_split {
        let values: Vec<u64> = (0..keys.filled).map(|index| key(index).0 + 8).collect();
        let order: Vec<u8> = (0..keys.filled as u8).collect();
        let filled = keys.filled as u8;
        let first = match layouts.version.minor() {
            ..=10 => VALUES,
            11 | 12 => {
                let backwards: Vec<u8> = order.iter().rev().copied().collect();
                memory = memory.bytes(VALUES.offset(-2), &[filled]).bytes(VALUES.offset(-2 - i64::from(filled)), &backwards);
                VALUES
            }
            _ => {
                memory = memory.bytes(VALUES, &[filled, filled]).bytes(VALUES.offset(8 + 8 * i64::from(filled)), &order);
                VALUES.offset(8)
            }
        };
        memory = memory.words(first, &values).words(DICT.offset(header + 40), &[VALUES.0]);
    }
    CPythonHeap::new(memory.build(), Facts::of_memory(layouts.clone()), Registry::default())
}

fn read(heap: &CPythonHeap<Synthetic>) -> Result<Vec<(Address, Address)>, Reason> {
    let mut found = Vec::new();
    match heap.entries(DICT, |key, value| found.push((key, value))) {
        Ok(()) => Ok(found),
        Err(failure) => Err(failure.reason),
    }
}

fn all() -> impl Iterator<Item = Layouts> {
    Table::lp64().unwrap().columns().iter().map(|column| Layouts::for_column(column).unwrap())
}

#[test]
fn every_kind_of_table_is_read_up_to_its_last_usable_entry() {
    for layouts in all() {
        let kinds: &[u8] = if layouts.version.minor() >= 11 { &[0, 1] } else { &[0] };
        for &kind in kinds {
            for (logarithm, usable) in [(0, 0), (3, 5), (6, 42), (7, 85), (8, 170), (10, 682)] {
                let keys = Keys { logarithm, count: usable as i64, filled: usable, kind };
                let expected: Vec<_> = (0..usable).map(|index| (key(index), key(index).offset(8))).collect();
                assert_eq!(read(&heap(&layouts, &keys, false)), Ok(expected), "{:?} {kind} {logarithm}", layouts.version);
            }
        }
        let kind = if layouts.version.minor() >= 11 { 2 } else { 0 };
        for filled in [1, 5] {
            let keys = Keys { logarithm: 3, count: filled as i64, filled, kind };
            let expected: Vec<_> = (0..filled).map(|index| (key(index), key(index).offset(8))).collect();
            assert_eq!(read(&heap(&layouts, &keys, true)), Ok(expected), "{:?} split", layouts.version);
        }
    }
}

#[test]
fn a_count_beyond_the_table_is_corrupt() {
    for layouts in all() {
        let kinds: &[u8] = if layouts.version.minor() >= 11 { &[0, 1, 2] } else { &[0] };
        for &kind in kinds {
            for (logarithm, usable) in [(0, 0), (3, 5), (8, 170)] {
                for count in [usable + 1, 20_000, i64::MAX / 32, i64::MAX, -1, i64::MIN] {
                    let keys = Keys { logarithm, count, filled: usable as u64, kind };
                    let found = read(&heap(&layouts, &keys, false));
                    assert_eq!(found, Err(Reason::Corrupt), "{:?} {kind} {logarithm} {count}", layouts.version);
                }
            }
        }
    }
}

#[test]
fn a_dict_that_has_less_than_it_counts_says_so_and_gives_what_it_has() {
    for layouts in all() {
        let kind = u8::from(layouts.version.minor() >= 11);
        // `dictresize` writes the number of entries into the new table at last.
        for (count, filled) in [(0, 5), (3, 5), (4, 5)] {
            let heap = heap(&layouts, &Keys { logarithm: 3, count, filled, kind }, false);
            let mut found = 0;
            let failure = heap.entries(DICT, |_, _| found += 1).unwrap_err();
            assert_eq!((found, failure.reason), (count, Reason::Corrupt), "{:?}", layouts.version);
            let said = format!("{count} entries, though it counts {filled}: it was being changed, or is damaged");
            assert_eq!(failure.detail, said, "{:?}", layouts.version);
        }
    }
}

#[test]
fn a_size_that_is_none_is_corrupt_or_unreadable() {
    for layouts in all() {
        let good = Keys { logarithm: 3, count: 5, filled: 5, kind: 0 };
        let heap = heap(&layouts, &good, false);
        let is_new = layouts.version.minor() >= 11;
        for size in [1u64 << 40, 1 << 47, 1 << 62, u64::MAX, 4] {
            let byte = size.ilog2() as u8;
            let part = if is_new { vec![byte, byte] } else { size.to_le_bytes().to_vec() };
            let memory = Synthetic::builder().region(Address(0), 0xf_0000).region(Address(0xf_0000), 0x4_0000);
            let mut bytes = heap.memory.read_vec(KEYS, 4096, 4096).unwrap();
            bytes[8..8 + part.len()].copy_from_slice(&part);
            let memory = memory.bytes(KEYS, &bytes).words(DICT.offset(longer(&layouts) + 32), &[KEYS.0]).build();
            let changed = CPythonHeap::new(memory, Facts::of_memory(layouts.clone()), Registry::default());
            let found = read(&changed);
            assert!(matches!(found, Err(Reason::Corrupt | Reason::Unreadable)), "{:?} {size:#x}: {found:?}", layouts.version);
        }
    }
}
