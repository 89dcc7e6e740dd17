//! Objects made by hand for the reducers' tests, and a sink that remembers.
//!
//! Offsets in the tests are literal numbers of a CPython's structs; the reducers find theirs in the layout table, so each
//! checks the other.

use std::any::Any;
use std::collections::BTreeMap;

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink, TypeId, Value};
use heapsake_core::reduce::{Failure, Object, Reason, Registry, inventory};
use heapsake_cpython::heap::Facts;
use heapsake_cpython::layouts::{Flags, HexVersion, Layouts};

use crate::framework::Fact;

/// Memory, types and facts of a made-up process.
pub(crate) struct Process {
    facts: Facts,
    memory: BTreeMap<u64, Vec<u8>>,
    types: BTreeMap<u64, &'static str>,
}

/// What a reducer told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) edges: Vec<(EdgeKind, String, u64)>,
    pub(crate) elements: Vec<u64>,
    pub(crate) entries: Vec<(u64, u64)>,
    pub(crate) state: BTreeMap<String, ciborium::Value>,
    pub(crate) value: Option<String>,
    pub(crate) failure: Option<Failure>,
}

pub(crate) const VERSIONS: [u32; 6] = [0x0308_12f0, 0x0309_12f0, 0x030a_0df0, 0x030b_07f0, 0x030c_01f0, 0x030d_00f0];

impl Process {
    /// A process of the CPython with this `PY_VERSION_HEX`.
    pub(crate) fn new(version: u32) -> Process {
        let layouts = Layouts::lp64(HexVersion(version), Flags::default()).expect("a known CPython");
        Process { facts: Facts::of_memory(layouts), memory: BTreeMap::new(), types: BTreeMap::new() }
    }

    /// `length` zero bytes at `address`.
    pub(crate) fn region(mut self, address: u64, length: usize) -> Process {
        self.memory.insert(address, vec![0; length]);
        self
    }

    /// An object of a type, with `size` bytes.
    pub(crate) fn object(mut self, address: u64, type_name: &'static str, size: usize) -> Process {
        self.types.insert(address, type_name);
        self.region(address, size)
    }

    /// Bytes in a region.
    pub(crate) fn bytes(mut self, address: u64, bytes: &[u8]) -> Process {
        let (start, region) = self.memory.range_mut(..=address).next_back().expect("a region");
        let at = (address - start) as usize;
        region[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// Words in a region.
    pub(crate) fn words(self, address: u64, words: &[u64]) -> Process {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.bytes(address, &bytes)
    }

    /// Lets the reducer for its type tell the object at `address`.
    pub(crate) fn reduce(&self, address: u64) -> Told {
        let registry = Registry::linked().expect("no duplicates");
        let type_name = self.types[&address];
        let registration = registry.find([type_name]).unwrap_or_else(|| panic!("no reducer for {type_name}"));
        let mut told = Told::default();
        let failure = registration.reducer.reduce(&Seen { process: self, address: Address(address) }, &mut told).err();
        told.failure = failure;
        told
    }
}

impl Told {
    /// Where the edge of this name leads.
    pub(crate) fn edge(&self, name: &str) -> u64 {
        let found = self.edges.iter().find(|(_, known, _)| known == name);
        found.unwrap_or_else(|| panic!("no edge {name} among {:?}", self.edges)).2
    }

    /// A fact, as text.
    pub(crate) fn fact(&self, name: &str) -> String {
        show(self.state.get(name).unwrap_or_else(|| panic!("no fact {name} among {:?}", self.state)))
    }

    /// The reason why it is a surrogate.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.failure.as_ref().map(|failure| failure.reason)
    }
}

fn show(value: &ciborium::Value) -> String {
    match value {
        ciborium::Value::Null => "None".to_owned(),
        ciborium::Value::Integer(number) => i128::from(*number).to_string(),
        ciborium::Value::Text(text) => text.clone(),
        ciborium::Value::Bool(flag) => flag.to_string(),
        ciborium::Value::Float(number) => number.to_string(),
        ciborium::Value::Bytes(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
        ciborium::Value::Array(values) => format!("[{}]", values.iter().map(show).collect::<Vec<_>>().join(", ")),
        other => format!("{other:?}"),
    }
}

struct Seen<'a> {
    process: &'a Process,
    address: Address,
}

impl Object for Seen<'_> {
    fn address(&self) -> Address {
        self.address
    }

    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Failure> {
        let missing = || Failure::new(Reason::Unreadable, "");
        let (start, region) = self.process.memory.range(..=address.0).next_back().ok_or_else(missing)?;
        let at = (address.0 - start) as usize;
        let end = at.checked_add(into.len()).ok_or_else(missing)?;
        into.copy_from_slice(region.get(at..end).ok_or_else(missing)?);
        Ok(())
    }

    fn type_name(&self) -> String {
        self.process.types[&self.address.0].to_owned()
    }

    fn is_object(&self, address: Address) -> bool {
        self.process.types.contains_key(&address.0)
    }

    fn type_name_of(&self, address: Address) -> Option<String> {
        self.process.types.get(&address.0).map(|name| (*name).to_owned())
    }

    fn runtime(&self) -> Option<&dyn Any> {
        Some(&self.process.facts)
    }
}

impl Sink for Told {
    fn begin(&mut self, _: TypeId, _: u64) {}

    fn value(&mut self, value: Value<'_>) {
        self.value = Some(format!("{value:?}"));
    }

    fn edge(&mut self, kind: EdgeKind, name: Name<'_>, target: Address) {
        let name = match name {
            Name::Text(text) => text.to_owned(),
            other => format!("{other:?}"),
        };
        self.edges.push((kind, name, target.0));
    }

    fn element(&mut self, target: Address) {
        self.elements.push(target.0);
        assert!(self.elements.len() < 1_000_000, "elements without end");
    }

    fn entry(&mut self, key: Address, value: Address) {
        self.entries.push((key.0, value.0));
        assert!(self.entries.len() < 1_000_000, "entries without end");
    }

    fn state(&mut self, state: &dyn erased_serde::Serialize) {
        let ciborium::Value::Map(entries) = ciborium::Value::serialized(state).expect("a state that serialises") else {
            panic!("a state that is no map");
        };
        for (name, value) in entries {
            self.state.insert(name.into_text().expect("a name"), value);
        }
    }
}

/// The registrations of this crate's files.
pub(crate) fn registrations() -> Vec<&'static heapsake_core::reduce::Registration> {
    inventory::iter::<heapsake_core::reduce::Registration>.into_iter().collect()
}

#[test]
fn facts_are_maps_of_plain_values() {
    let mut told = Told::default();
    let mut facts = crate::framework::fact::Facts::default();
    facts.tell(&mut told);
    assert!(told.state.is_empty());
    facts.note("a", 1u8.into());
    facts.note("b", None::<bool>.into());
    facts.note("c", vec![Fact::from(true), "x".into()].into());
    facts.note("d", vec![1u8, 2].into());
    facts.tell(&mut told);
    let shown: Vec<String> = ["a", "b", "c"].iter().map(|name| told.fact(name)).collect();
    assert_eq!(shown, ["1", "None", "[true, x]"]);
    assert_eq!(told.state["d"], ciborium::Value::Bytes(vec![1, 2]));
}
