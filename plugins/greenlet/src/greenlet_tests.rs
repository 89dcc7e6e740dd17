//! Greenlets in memory that is written here by numbers of its own: every state, a layout that does not fit, hostile words.

use std::any::Any;
use std::collections::BTreeMap;

use heapsake_core::heap::{TypeId, Value};
use heapsake_cpython::layouts::{Flags, HexVersion, Layouts as Structs};

use super::*;

const OBJECT: u64 = 0x1_0000;
const BODY: u64 = 0x2_0000;
const FRAME: u64 = 0x3_0000;
const PARENT: u64 = 0x3_1000;
const CALLABLE: u64 = 0x3_2000;

/// Words at addresses, and objects with the names of their types.
struct Fake {
    facts: Box<Facts>,
    words: BTreeMap<u64, u64>,
    objects: BTreeMap<u64, &'static str>,
}

impl Fake {
    /// A greenlet of 3.5.6 on Python 3.12, as greenlet's header declares it for that Python.
    fn new(table: Option<Shape>) -> Fake {
        let structs = Structs::lp64(HexVersion(0x030c_01f0), Flags::default()).unwrap();
        let facts = Box::new(Facts::of_memory(structs));
        facts.kept.get(KEPT, || Layouts { table, own: OnceCell::new() });
        let words = (0..8).map(|index| (OBJECT + 8 * index, 0)).chain((0..24).map(|index| (BODY + 8 * index, 0)));
        let objects = [(OBJECT, "greenlet.greenlet"), (FRAME, "frame"), (PARENT, "greenlet.greenlet"), (CALLABLE, "function")];
        let mut fake = Fake { facts, words: words.collect(), objects: objects.into() };
        fake.words.extend([(OBJECT + 32, BODY), (BODY + 8, OBJECT), (BODY + 176, CALLABLE), (BODY + 184, PARENT)]);
        fake
    }

    fn with(mut self, offset: u64, word: u64) -> Fake {
        self.words.insert(BODY + offset, word);
        self
    }

    fn suspended(table: Option<Shape>) -> Fake {
        Fake::new(table).with(56, 0x7000_0000).with(64, 0x7000_1000).with(104, FRAME)
    }
}

impl Object for Fake {
    fn address(&self) -> Address {
        Address(OBJECT)
    }

    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Failure> {
        let word = self.words.get(&address.0).filter(|_| into.len() == 8);
        let word = word.ok_or_else(|| Failure::new(Reason::Unreadable, ""))?;
        into.copy_from_slice(&word.to_le_bytes());
        Ok(())
    }

    fn is_object(&self, address: Address) -> bool {
        self.objects.contains_key(&address.0)
    }

    fn type_name_of(&self, address: Address) -> Option<String> {
        self.objects.get(&address.0).map(|name| (*name).to_owned())
    }

    fn runtime(&self) -> Option<&dyn Any> {
        Some(&*self.facts)
    }
}

#[derive(Default)]
struct Heard {
    edges: BTreeMap<String, (EdgeKind, u64)>,
    state: BTreeMap<String, ciborium::Value>,
}

impl Sink for Heard {
    fn begin(&mut self, _: TypeId, _: u64) {}

    fn value(&mut self, _: Value<'_>) {}

    fn edge(&mut self, kind: EdgeKind, name: Name<'_>, target: Address) {
        if let Name::Text(name) = name {
            self.edges.insert(name.to_owned(), (kind, target.0));
        }
    }

    fn element(&mut self, _: Address) {}

    fn entry(&mut self, _: Address, _: Address) {}

    fn state(&mut self, state: &dyn erased_serde::Serialize) {
        let ciborium::Value::Map(facts) = ciborium::Value::serialized(state).unwrap() else { panic!("no map") };
        self.state.extend(facts.into_iter().map(|(name, value)| (name.into_text().unwrap(), value)));
    }
}

fn shape(python: u8, release: &str) -> Option<Shape> {
    Table::committed()?.find(python, Release::parse(release)?).map(|row| row.shape)
}

fn heard(fake: &Fake) -> Heard {
    let mut heard = Heard::default();
    REDUCER.reduce(fake, &mut heard).unwrap();
    heard
}

#[test]
fn s13_states_follow_from_the_c_stack() {
    let table = || shape(12, "3.5.6");
    let main = Fake::suspended(table()).with(64, u64::MAX).with(168, 0).with(176, 0xbad1).with(184, 0xbad1);
    for (name, fake, has_stack) in [
        ("not started", Fake::new(table()), false),
        ("suspended", Fake::suspended(table()), true),
        ("running", Fake::suspended(table()).with(104, 0), false),
        ("finished", Fake::suspended(table()).with(104, 0).with(56, 0), false),
        ("suspended", main, true),
    ] {
        let heard = heard(&fake);
        assert_eq!(heard.state["state"], ciborium::Value::from(name));
        assert_eq!(heard.state["layout"], ciborium::Value::from("table"), "{name}");
        let stack = REDUCER.stack(&fake).unwrap();
        assert_eq!(stack.map(|stack| stack.innermost), has_stack.then_some(Address(FRAME)), "{name}");
        let is_main = stack.is_some_and(|stack| stack.is_main);
        // The first of a thread ends before the fields of the others.
        let parent = (!is_main).then_some((EdgeKind::Attribute, PARENT));
        assert_eq!(heard.edges.get("parent").copied(), parent, "{name}");
    }
}

#[test]
fn s14_a_layout_that_does_not_fit_is_not_used() {
    // Before 3.1.1 the object's own address stood elsewhere; an unknown one is searched.
    for table in [shape(12, "3.0.3"), shape(12, "3.0.0"), None] {
        let fake = Fake::suspended(table);
        let heard = heard(&fake);
        assert_eq!(heard.state["layout"], ciborium::Value::from("scan"));
        assert_eq!(heard.edges, [("gr_frame".to_owned(), (EdgeKind::Conservative, FRAME))].into());
        assert_eq!(REDUCER.stack(&fake).unwrap().map(|stack| stack.innermost), Some(Address(FRAME)));
    }
}

#[test]
fn s15_a_chain_that_only_the_c_stack_has_is_said_to_be_cut() {
    // 3.0.0 to 3.0.2 on Python 3.12: the caller of the innermost frame is known by its place on the C stack alone.
    for release in ["3.0.0", "3.0.1", "3.0.2", "3.0.3"] {
        let is_blind = release != "3.0.3";
        let owner = if is_blind { 176 } else { 168 };
        let itself = if is_blind { 168 } else { 160 };
        let mut fake = Fake::new(shape(12, release)).with(8, 0).with(176, 0).with(184, 0).with(192, 0);
        let words =
            [(itself, OBJECT), (48, 0x7000_0000), (56, 0x7000_1000), (96, FRAME), (owner + 8, CALLABLE), (owner + 16, PARENT)];
        for (offset, word) in words {
            fake = fake.with(offset, word);
        }
        if is_blind {
            fake = fake.with(160, 0x7000_0800);
        }
        let heard = heard(&fake);
        assert_eq!(heard.state["layout"], ciborium::Value::from("table"), "{release}");
        assert_eq!(heard.edges["gr_frame"].1, FRAME, "{release}");
        let told = heard.state.get("frames").and_then(ciborium::Value::as_text).unwrap_or_default();
        assert_eq!(told.starts_with("only the innermost"), is_blind, "{release}: {told}");
    }
}

#[test]
fn hostile_words_are_followed_nowhere() {
    let places = [8, 16, 24, 40, 48, 56, 64, 80, 96, 104, 168, 176, 184];
    for place in places {
        for word in [1, OBJECT + 1, CALLABLE, 0xdead_beef_0000, u64::MAX] {
            let fake = Fake::suspended(shape(12, "3.5.6")).with(place, word);
            let heard = heard(&fake);
            let told = heard.edges.values().all(|(_, target)| fake.objects.contains_key(target));
            assert!(told, "{place} {word:#x}: {:x?}", heard.edges);
            let innermost = REDUCER.stack(&fake).unwrap().map(|stack| stack.innermost.0);
            assert!(innermost.is_none_or(|frame| frame == FRAME), "{place} {word:#x}: {innermost:x?}");
        }
    }
    let mut lost = Fake::suspended(shape(12, "3.5.6"));
    lost.words.retain(|address, _| *address < BODY);
    assert_eq!(heard(&lost).state["layout"], ciborium::Value::from("scan"));
    assert_eq!(REDUCER.stack(&lost).unwrap(), None);
}
