//! The reducers of `mmap`: objects laid out by hand for several CPythons, and hostile ones.

use heapsake_core::reduce::Reason;

use crate::framework::CONTENT_LIMIT;
use crate::framework::testing::{Process, Told, VERSIONS};

const MAP: u64 = 0x10_0000;

/// Data, size, position and offset from 16 on; the descriptor at 52 in 3.8, at 56 since; access at 64, then 72.
fn mapping(version: u32, length: usize, size: u64) -> Told {
    let (descriptor, access) = if version < 0x0309_0000 { (52, 64) } else { (56, 72) };
    Process::new(version)
        .object(MAP, "mmap.mmap", 88)
        .words(MAP + 16, &[0x800_0000, size, 5, 4096])
        .bytes(MAP + descriptor, &7i32.to_le_bytes())
        .bytes(MAP + access, &1u32.to_le_bytes())
        .region(0x800_0000, length)
        .bytes(0x800_0000, b"mapped")
        .reduce(MAP)
}

#[test]
fn the_content_is_its_value() {
    for version in VERSIONS {
        let told = mapping(version, 6, 6);
        assert_eq!(
            ["size", "pos", "offset", "access", "fd", "closed"].map(|name| told.fact(name)),
            ["6", "5", "4096", "read", "7", "false"]
        );
        assert_eq!(told.value.unwrap(), format!("Bytes({:?})", b"mapped"));
    }
}

#[test]
fn absurd_sizes_are_bounded() {
    let told = mapping(VERSIONS[0], CONTENT_LIMIT, 1 << 50);
    assert_eq!((told.fact("truncated"), told.reason()), ("true".into(), None));
    assert_eq!(mapping(VERSIONS[5], 100, 1 << 50).reason(), Some(Reason::Unreadable));
    assert_eq!(mapping(VERSIONS[5], 100, u64::MAX).reason(), Some(Reason::Corrupt));
}
