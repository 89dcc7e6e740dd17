//! This process read in place: its own values, the edges of its mappings, and what it must not touch.
#![expect(unsafe_code, reason = "captures its own memory and maps files")]

use super::*;
use std::io::Write;
use std::sync::Mutex;

/// The child of one test inherits the file mapping that another test shortens.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn capture() -> Own {
    // SAFETY: the tests below borrow only bytes that they own and do not change, and shorten no file that stays mapped.
    unsafe { Own::capture() }.unwrap()
}

#[test]
fn reads_its_own_values() {
    let values: Vec<u64> = (0..10_000u64).map(|number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    let own = capture();
    let start = Address(values.as_ptr().expose_provenance() as u64);
    for (index, &value) in values.iter().enumerate() {
        let address = start.offset(8 * index as i64);
        assert_eq!(own.word(address), Some(value));
        assert_eq!(own.slice(address, 8).unwrap(), value.to_le_bytes());
        let mut bytes = [0; 8];
        own.read_at(address, &mut bytes).unwrap();
        assert_eq!(u64::from_le_bytes(bytes), value);
    }
    let text = c"a text in read-only memory";
    let address = Address(text.as_ptr().expose_provenance() as u64);
    assert_eq!(own.c_string(address, 100).unwrap(), text.to_bytes());
    assert_eq!(own.c_string(address, 5), None);
}

#[test]
fn refuses_wild_pointers() {
    let own = capture();
    for address in [0, 1, 4095, 0xdead_beef_dead_beef, u64::MAX, u64::MAX - 7, 1 << 47, (1 << 47) - 4] {
        assert_eq!(own.word(Address(address)), None, "{address:#x}");
        assert!(own.slice(Address(address), 1 << 40).is_none());
        assert!(own.read_at(Address(address), &mut [0; 16]).is_err());
    }
    for mapping in own.mappings().iter().filter(|mapping| mapping.is_special() || !mapping.permissions.read) {
        assert_eq!(own.word(mapping.span.start), None, "{mapping:?}");
    }
}

#[test]
fn a_forked_child_can_read_every_region_to_its_end() {
    let _alone = ONE_AT_A_TIME.lock();
    // SAFETY: the child calls nothing but the code below, whose allocator is in order after `fork`, and ends by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let readable = std::panic::catch_unwind(|| {
            let own = capture();
            let mut pages = 0;
            for span in own.regions().regions() {
                let mut address = span.start;
                while address < span.end {
                    pages += u64::from(own.word(address).is_some());
                    address = address.offset(4096);
                }
                assert!(own.word(span.end.offset(-8)).is_some());
                assert_eq!(own.slice(span.end.offset(-7), 8), None);
            }
            pages > 100
        });
        // SAFETY: ends the child without running what belongs to the parent.
        unsafe { libc::_exit(i32::from(!readable.unwrap_or(false))) };
    }
    let mut status = -1;
    // SAFETY: `status` outlives the call.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!((waited, status), (child, 0), "the child was killed or found a region that it cannot read");
}

#[test]
fn a_file_mapping_ends_with_its_file() {
    let _alone = ONE_AT_A_TIME.lock();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[7; 3 * 4096 + 10]).unwrap();
    // SAFETY: the file has no name, so nobody else changes it; it is shortened below, and the lost pages are not touched.
    let map = unsafe { memmap2::MmapOptions::new().len(8 * 4096).map(&file) }.unwrap();
    let start = Address(map.as_ptr().expose_provenance() as u64);
    for (length, present) in [(3 * 4096 + 10, 4), (4096, 1), (0, 0)] {
        file.set_len(length).unwrap();
        let own = capture();
        for page in 0..8 {
            let found = own.word(start.offset(page * 4096)).is_some();
            assert_eq!(found, page < present, "page {page} of a file of {length} bytes");
        }
    }
}
