//! Objects of a made-up process whose memory lies nowhere in this one.

#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod building;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink, TypeId, Value};
use heapsake_core::reduce::{Failure, Member, Object, Reason, Registry};
use heapsake_plugins::{Found, Limits, Places, Plugins, Programs, TYPE_FILE};

/// The worker.
pub(crate) fn programs() -> Programs {
    Programs { command: vec![OsString::from(env!("CARGO_BIN_EXE_heapsake-plugin-worker"))] }
}

/// Opens these files as plugins.
pub(crate) fn open(paths: &[PathBuf], limits: Limits) -> Plugins {
    let found = paths
        .iter()
        .map(|path| Found { path: path.clone(), is_description: path.extension().is_some_and(|ending| ending == TYPE_FILE) });
    let places = Places { found: found.collect(), refused: Vec::new(), limits };
    Plugins::open(places, Registry::default(), Box::new(programs()))
}

/// Memory and types of a made-up process.
#[derive(Default)]
pub(crate) struct Made {
    memory: BTreeMap<u64, Vec<u8>>,
    types: BTreeMap<u64, &'static str>,
    pub(crate) facts: BTreeMap<&'static str, Vec<u8>>,
    pub(crate) bases: Vec<String>,
    pub(crate) members: Vec<Member>,
}

impl Made {
    pub(crate) fn bytes(mut self, address: u64, bytes: &[u8]) -> Made {
        self.memory.insert(address, bytes.to_vec());
        self
    }

    pub(crate) fn words(self, address: u64, words: &[u64]) -> Made {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.bytes(address, &bytes)
    }

    pub(crate) fn object(mut self, address: u64, type_name: &'static str, words: &[u64]) -> Made {
        self.types.insert(address, type_name);
        self.words(address, words)
    }

    /// Tells the plugins that these objects, of one type, come next.
    pub(crate) fn expect(&self, plugins: &Plugins, addresses: &[u64]) {
        let registry = plugins.registry();
        let registration = registry.find([self.types[&addresses[0]]]).expect("a reducer");
        assert!(registration.reducer.in_batches());
        let seen: Vec<Seen<'_>> = addresses.iter().map(|at| Seen { made: self, address: Address(*at) }).collect();
        registration.reducer.expect(&seen.iter().map(|one| one as &dyn Object).collect::<Vec<_>>());
    }

    /// Lets the plugins reduce the object at `address`.
    pub(crate) fn reduce(&self, plugins: &Plugins, address: u64) -> Told {
        let registry = plugins.registry();
        let name = self.types[&address];
        let registration = registry.find([name]).unwrap_or_else(|| panic!("no reducer for {name}: {:?}", plugins.refused));
        let mut told = Told::default();
        told.failure = registration.reducer.reduce(&Seen { made: self, address: Address(address) }, &mut told).err();
        told
    }
}

struct Seen<'a> {
    made: &'a Made,
    address: Address,
}

impl Object for Seen<'_> {
    fn address(&self) -> Address {
        self.address
    }

    fn read_at(&self, address: Address, into: &mut [u8]) -> Result<(), Failure> {
        let missing = || Failure::new(Reason::Unreadable, format!("at {address}"));
        let (start, region) = self.made.memory.range(..=address.0).next_back().ok_or_else(missing)?;
        let at = (address.0 - start) as usize;
        let end = at.checked_add(into.len()).ok_or_else(missing)?;
        into.copy_from_slice(region.get(at..end).ok_or_else(missing)?);
        Ok(())
    }

    fn type_name(&self) -> String {
        self.made.types[&self.address.0].to_owned()
    }

    fn is_object(&self, address: Address) -> bool {
        self.made.types.contains_key(&address.0)
    }

    fn type_name_of(&self, address: Address) -> Option<String> {
        self.made.types.get(&address.0).map(|name| (*name).to_owned())
    }

    fn reduce_base(&self, sink: &mut dyn Sink) -> Result<(), Failure> {
        sink.edge(EdgeKind::Internal, Name::Text("base"), Address(0xba5e));
        Ok(())
    }

    fn bases(&self) -> Vec<String> {
        self.made.bases.clone()
    }

    fn members(&self) -> Vec<Member> {
        self.made.members.clone()
    }

    fn process_fact(&self, name: &str) -> Option<Vec<u8>> {
        self.made.facts.get(name).cloned()
    }
}

/// What a reducer told.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Told {
    pub(crate) edges: Vec<(EdgeKind, String, u64)>,
    pub(crate) elements: Vec<u64>,
    pub(crate) entries: Vec<(u64, u64)>,
    pub(crate) state: BTreeMap<String, ciborium::Value>,
    pub(crate) values: Vec<String>,
    pub(crate) failure: Option<Failure>,
}

impl Told {
    /// Reason and words of the failure.
    pub(crate) fn failed(&self) -> (Reason, &str) {
        let failure = self.failure.as_ref().unwrap_or_else(|| panic!("no failure: {self:?}"));
        (failure.reason, &failure.detail)
    }

    /// A fact that is text.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.state[name].as_text().unwrap_or_else(|| panic!("{name} is {:?}", self.state[name]))
    }
}

impl Sink for Told {
    fn begin(&mut self, _: TypeId, _: u64) {
        panic!("the type is told already");
    }

    fn value(&mut self, value: Value<'_>) {
        self.values.push(match value {
            Value::Integer(integer) => format!("{:x?}", integer.magnitude()),
            other => format!("{other:?}"),
        });
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
    }

    fn entry(&mut self, key: Address, value: Address) {
        self.entries.push((key.0, value.0));
    }

    fn state(&mut self, state: &dyn erased_serde::Serialize) {
        let ciborium::Value::Map(entries) = ciborium::Value::serialized(state).expect("a state") else { panic!("no map") };
        self.state.extend(entries.into_iter().map(|(name, value)| (name.into_text().expect("a name"), value)));
    }
}
