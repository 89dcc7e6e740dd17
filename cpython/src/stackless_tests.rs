//! Which column a 3.7 is read by, and that the other one is refused: in memory that is written here by numbers of its own.

use std::collections::BTreeMap;

use super::*;
use crate::layouts::{Flags, HexVersion, Layouts};
use crate::memory::Synthetic;
use crate::selfcheck::SelfCheck;

const VERSION: HexVersion = HexVersion(0x0307_05f0);
const STACKLESS: Flags = Flags { stackless: true, ..Flags::NONE };
const TYPES_AT: u64 = 0x10_0000;
const NAMES_AT: u64 = 0x20_0000;
const MEMBERS_AT: u64 = 0x30_0000;

/// Types with their sizes and members, as an interpreter's data has them.
struct Binary {
    memory: Synthetic,
    symbols: BTreeMap<&'static str, (Address, u64)>,
}

impl Binary {
    fn new(runtime: u64, types: &[(&'static str, u64, &[(&str, u64)])]) -> Binary {
        let mut written: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut symbols = BTreeMap::from([("_PyRuntime", (Address(0x50_0000), runtime))]);
        let (mut names, mut members) = (NAMES_AT, MEMBERS_AT);
        let word = |at: u64, word: u64| (at, word.to_le_bytes().to_vec());
        for (index, (name, size, fields)) in types.iter().enumerate() {
            let class = TYPES_AT + 1024 * index as u64;
            written.extend([word(class + 32, *size), word(class + 240, members)]);
            for (field, offset) in *fields {
                written.extend([word(members, names), word(members + 16, *offset), (names, field.as_bytes().to_vec())]);
                names += field.len() as u64 + 1;
                members += 40;
            }
            members += 40;
            symbols.insert(name, (Address(class), 400));
        }
        let regions = [TYPES_AT, NAMES_AT, MEMBERS_AT];
        let empty = regions.into_iter().fold(Synthetic::builder(), |made, start| made.region(Address(start), 1 << 16));
        let full = written.iter().fold(empty, |made, (at, bytes)| made.bytes(Address(*at), bytes));
        Binary { memory: full.build(), symbols }
    }

    fn stackless() -> Binary {
        Binary::new(
            9744,
            &[
                ("PyFrame_Type", 376, &[("f_code", 360), ("f_builtins", 40), ("f_globals", 48), ("f_lasti", 104)]),
                ("PyTasklet_Type", 120, &[("cstate", 48), ("tempval", 40)]),
                ("PyChannel_Type", 48, &[("balance", 32)]),
                ("PyCFrame_Type", 96, &[("f_back", 24), ("ob1", 40), ("ob2", 48), ("ob3", 56), ("i", 64), ("n", 72)]),
                ("PyBomb_Type", 40, &[("type", 16), ("value", 24), ("traceback", 32)]),
                ("PyDict_Type", 48, &[]),
                ("PyWrapperDescr_Type", 64, &[]),
            ],
        )
    }

    fn plain() -> Binary {
        let frame: (_, _, &[(&str, u64)]) =
            ("PyFrame_Type", 368, &[("f_back", 24), ("f_code", 32), ("f_builtins", 40), ("f_globals", 48), ("f_lasti", 104)]);
        Binary::new(1520, &[frame, ("PyDict_Type", 48, &[]), ("PyWrapperDescr_Type", 56, &[])])
    }

    fn signs(&self, text: Option<&str>) -> Signs {
        Signs::gather(&self.memory, |name| self.symbols.get(name).copied(), text)
    }

    fn check(&self, flags: Flags) -> SelfCheck {
        let layouts = Layouts::lp64(VERSION, flags).unwrap();
        SelfCheck::of(&self.memory, Address(0x50_0000), |name| Some(self.symbols.get(name)?.0), &layouts)
    }
}

const STACKLESS_TEXT: &str = "3.7.5 Stackless 3.1b3 060516 (v3.7.5-slp, Jan  1 2020, 10:00:00) \n[GCC 9.2.0]";
const PLAIN_TEXT: &str = "3.7.5 (default, Jan  1 2020, 10:00:00) \n[GCC 9.2.0]";

#[test]
fn s10_two_signs_tell_stackless_from_cpython() {
    let (stackless, plain) = (Binary::stackless(), Binary::plain());
    assert_eq!(stackless.signs(Some(STACKLESS_TEXT)), Signs { for_it: 5, against: 0 });
    assert_eq!(plain.signs(Some(PLAIN_TEXT)), Signs { for_it: 0, against: 5 });
    assert_eq!(stackless.signs(None).verdict(), Some(true));
    assert_eq!(plain.signs(None).verdict(), Some(false));
    // A text that somebody has written decides nothing alone.
    assert_eq!(plain.signs(Some(STACKLESS_TEXT)).verdict(), Some(false));
    assert_eq!(stackless.signs(Some(PLAIN_TEXT)).verdict(), Some(true));
    for (for_it, against, verdict) in [
        (0, 0, Some(false)),
        (1, 0, None),
        (1, 1, None),
        (2, 2, None),
        (2, 1, Some(true)),
        (1, 2, Some(false)),
        (2, 0, Some(true)),
    ] {
        assert_eq!(Signs { for_it, against }.verdict(), verdict, "{for_it} to {against}");
    }
}

#[test]
fn s10_the_wrong_column_is_refused() {
    let (stackless, plain) = (Binary::stackless(), Binary::plain());
    for (binary, right, wrong) in [(&stackless, STACKLESS, Flags::NONE), (&plain, Flags::NONE, STACKLESS)] {
        let check = binary.check(right);
        assert!(check.compared >= 7, "{check:?}");
        assert_eq!(check.mismatches, []);
        let differ: Vec<String> = binary.check(wrong).mismatches.into_iter().map(|one| one.what).collect();
        for what in ["tp_basicsize of PyFrame_Type", "the member f_code of PyFrame_Type", "tp_basicsize of PyWrapperDescr_Type"] {
            assert!(differ.iter().any(|one| one == what), "{what} is not among {differ:?}");
        }
    }
}

#[test]
fn s10_both_columns_of_3_7_are_in_the_table() {
    let plain = Layouts::lp64(VERSION, Flags::NONE).unwrap();
    let stackless = Layouts::lp64(VERSION, STACKLESS).unwrap();
    // Out of the headers of both, not out of the table.
    assert_eq!((plain.frame.size, stackless.frame.size), (368, 376));
    assert_eq!((plain.frame.f_code.unwrap().offset(), stackless.frame.f_code.unwrap().offset()), (32, 360));
    assert_eq!((plain.runtime.size, stackless.runtime.size), (1520, 9744));
    assert_eq!((plain.thread.size, stackless.thread.size), (280, 440));
    assert_eq!((plain.interpreter.size, stackless.interpreter.size), (2568, 2640));
    assert!(plain.tasklet.is_none() && stackless.tasklet.is_some());
    for layouts in [&plain, &stackless] {
        assert_eq!((layouts.gc_head.size, layouts.gc_generation.size, layouts.type_object.size), (32, 48, 400));
        assert_eq!((layouts.thread.next.offset(), layouts.runtime.gc.unwrap().offset()), (8, 320));
        assert_eq!((layouts.code.size, layouts.code.co_lnotab.unwrap().offset()), (144, 112));
        assert!(layouts.code.co_posonlyargcount.is_none() && layouts.pickle_buffer.is_none());
        let lists = layouts.gc_state.generations.unwrap().within(layouts.runtime.gc.unwrap());
        assert_eq!(
            (lists.offset(), layouts.gc_state.permanent_generation.within(layouts.runtime.gc.unwrap()).offset()),
            (352, 512)
        );
    }
    // Another patch release is read by the same column, another minor release of Stackless is not.
    assert_eq!(Layouts::lp64(HexVersion(0x0307_00f0), STACKLESS).unwrap().version, VERSION);
    assert!(Layouts::lp64(HexVersion(0x0308_01f0), STACKLESS).is_err());
}
