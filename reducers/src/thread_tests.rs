//! The reducers of `thread`: objects laid out by hand for several CPythons, and hostile ones.

use crate::framework::testing::{Process, VERSIONS};

const OBJECT: u64 = 0x10_0000;
const DICTS: u64 = 0x20_0000;
const KEYS: u64 = 0x30_0000;

#[test]
fn locks_say_who_has_them() {
    // Up to 3.13 the byte of a lock is at 32; the owner of a re-entrant one at 24, its count at 32.
    for version in VERSIONS {
        let lock = |held| Process::new(version).object(OBJECT, "_thread.lock", 40).bytes(OBJECT + 32, &[held]).reduce(OBJECT);
        assert_eq!([lock(0).fact("locked"), lock(1).fact("locked")], ["false", "true"]);
        let told = Process::new(version).object(OBJECT, "_thread.RLock", 48).words(OBJECT + 24, &[77, 2]).reduce(OBJECT);
        assert_eq!([told.fact("count"), told.fact("owner"), told.fact("locked")], ["2", "77", "true"]);
        let told = Process::new(version).object(OBJECT, "_thread.RLock", 48).words(OBJECT + 24, &[77, 0]).reduce(OBJECT);
        assert_eq!([told.fact("count"), told.fact("owner")], ["0", "None"]);
    }
}

#[test]
fn every_thread_has_a_dict_of_its_own() {
    // The dict of dicts is at 48 up to 3.12, at 40 since; its keys are weak references: entries with hashes.
    for (version, at) in [(VERSIONS[0], 48), (VERSIONS[4], 48), (VERSIONS[5], 40)] {
        let process = Process::new(version).object(OBJECT, "_thread._local", 64).words(OBJECT + at, &[DICTS]);
        let process = process.object(DICTS, "dict", 48).words(DICTS + 16, &[2, 0, KEYS, 0]).words(DICTS + 32, &[KEYS, 0]);
        let process = if version < 0x030b_0000 {
            process.region(KEYS, 256).words(KEYS, &[1, 8, 0, 0, 2]).words(KEYS + 48, &[1, 11, 21, 2, 12, 22])
        } else {
            process.region(KEYS, 256).bytes(KEYS + 8, &[3, 3, 0]).words(KEYS + 24, &[2]).words(KEYS + 40, &[1, 11, 21, 2, 12, 22])
        };
        let told = process.reduce(OBJECT);
        assert_eq!((told.edge("__dict__"), told.edge("__dict__ (2)"), told.reason()), (21, 22, None));
    }
}

#[test]
fn a_thread_handle_says_how_it_is() {
    let told = Process::new(VERSIONS[5])
        .object(OBJECT, "_thread._ThreadHandle", 24)
        .words(OBJECT + 16, &[0x5000])
        .region(0x5000, 72)
        .words(0x5020, &[4711])
        .bytes(0x5034, &[3])
        .reduce(OBJECT);
    assert_eq!([told.fact("ident"), told.fact("state")], ["4711", "running"]);
}
