//! The reducers of `elementtree`: objects laid out by hand for several CPythons, and hostile ones.

use heapsake_core::reduce::Reason;

use crate::framework::testing::{Process, Told, VERSIONS};

const ELEMENT: u64 = 0x10_0000;

/// Tag, text, tail and extra from 16 on; of extra the attributes, length, room and children.
fn element(version: u32, length: u64) -> Told {
    Process::new(version)
        .object(ELEMENT, "xml.etree.ElementTree.Element", 56)
        .words(ELEMENT + 16, &[0x100, 0x201, 0, 0x5000])
        .region(0x5000, 64)
        .words(0x5000, &[0x300, length, 4, 0x6000])
        .region(0x6000, 16)
        .words(0x6000, &[0x400, 0x500])
        .reduce(ELEMENT)
}

#[test]
fn the_mark_on_a_text_is_no_part_of_its_address() {
    for version in VERSIONS {
        let told = element(version, 2);
        assert_eq!(["tag", "text", "attrib"].map(|name| told.edge(name)), [0x100, 0x200, 0x300]);
        assert_eq!((told.elements.as_slice(), told.edges.len()), (&[0x400, 0x500][..], 3));
        assert_eq!(element(version, 1 << 61).reason(), Some(Reason::Unreadable));
    }
}
