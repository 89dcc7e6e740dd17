//! Objects made by hand, in a process of this memory alone, and a sink that remembers.
//!
//! Offsets in the tests are literal numbers of NumPy's structs, so each checks the reducers'.

use std::any::Any;
use std::collections::BTreeMap;

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Integer, Name, Sink, Text, TypeId, Value};
use heapsake_core::reduce::{Failure, Object, Reason, Registry};
use heapsake_cpython::heap::Facts;
use heapsake_cpython::layouts::{Flags, HexVersion, Layouts};

/// What an object of a built-in type is.
#[derive(Clone, Debug)]
pub(crate) enum Plain {
    Text(&'static str),
    Number(i64),
    Tuple(Vec<u64>),
    Dict(Vec<(u64, u64)>),
}

/// Memory and types of a made-up process.
pub(crate) struct Process {
    facts: Box<Facts>,
    memory: BTreeMap<u64, Vec<u8>>,
    types: BTreeMap<u64, &'static str>,
    plain: BTreeMap<u64, Plain>,
}

/// What a reducer told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) edges: Vec<(String, u64)>,
    pub(crate) elements: u64,
    pub(crate) bytes: Option<Vec<u8>>,
    pub(crate) state: BTreeMap<String, ciborium::Value>,
    pub(crate) failure: Option<Failure>,
}

impl Process {
    pub(crate) fn new() -> Process {
        let layouts = Layouts::lp64(HexVersion(0x030d_00f0), Flags::default()).expect("a known CPython");
        let facts = Box::new(Facts::of_memory(layouts));
        Process { facts, memory: BTreeMap::new(), types: BTreeMap::new(), plain: BTreeMap::new() }
    }

    pub(crate) fn bytes(mut self, address: u64, bytes: &[u8]) -> Process {
        self.memory.insert(address, bytes.to_vec());
        self
    }

    pub(crate) fn words(self, address: u64, words: &[u64]) -> Process {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.bytes(address, &bytes)
    }

    /// An object of a type, of these words after its head of two.
    pub(crate) fn object(mut self, address: u64, of: &'static str, words: &[u64]) -> Process {
        self.types.insert(address, of);
        let words: Vec<u64> = [1, 0].iter().chain(words).copied().collect();
        self.words(address, &words)
    }

    /// An object whose type has this size, of these words after its head.
    pub(crate) fn sized(self, address: u64, of: &'static str, words: &[u64]) -> Process {
        // `tp_basicsize` is the fifth word of a type.
        let class = address + 0x800;
        let size = 8 * (words.len() as u64 + 2);
        let mut process = self.words(class, &[1, 0, 0, 0, size, 0]);
        process.types.insert(address, of);
        let words: Vec<u64> = [1, class].iter().chain(words).copied().collect();
        process.words(address, &words)
    }

    /// The same object with another name of its type.
    pub(crate) fn renamed(mut self, address: u64, of: &'static str) -> Process {
        self.types.insert(address, of);
        self
    }

    /// Says that a package is imported.
    pub(crate) fn imported(self, package: &'static str, version: &str) -> Process {
        self.facts.kept.get(package, || Some(version.to_owned()));
        self
    }

    pub(crate) fn plain(mut self, address: u64, plain: Plain) -> Process {
        self.types.insert(address, "plain");
        self.plain.insert(address, plain);
        self
    }

    /// A descriptor of NumPy 1: kind and letter, order, number, size, alignment, then subarray, fields, names.
    #[expect(clippy::too_many_arguments, reason = "the fields of the struct")]
    pub(crate) fn first(
        self,
        address: u64,
        kind: u8,
        order: u8,
        number: i32,
        size: i32,
        alignment: i32,
        rest: [u64; 3],
    ) -> Process {
        let head = u64::from_le_bytes([kind, kind, order, 0, number as u8, 0, 0, 0]);
        let sizes = u64::from(size as u32) | u64::from(alignment as u32) << 32;
        let words = [0, head, sizes, rest[0], rest[1], rest[2], 0x7000_0000, 0, 0, u64::MAX];
        self.object(address, "numpy.dtype[x]", &words)
    }

    /// The same of NumPy 2.
    #[expect(clippy::too_many_arguments, reason = "the fields of the struct")]
    pub(crate) fn second(
        self,
        address: u64,
        kind: u8,
        order: u8,
        number: i32,
        size: i64,
        alignment: i64,
        rest: [u64; 3],
    ) -> Process {
        let head = u64::from_le_bytes([kind, kind, order, 0, number as u8, 0, 0, 0]);
        let words = [0, head, 0, size as u64, alignment as u64, 0, u64::MAX, 0, 0, rest[0], rest[1], rest[2], 0];
        self.object(address, "numpy.dtypes.XDType", &words)
    }

    /// An array; shape and strides lie right behind it.
    pub(crate) fn array(self, address: u64, data: u64, shape: &[i64], strides: &[i64], base: u64, descriptor: u64) -> Process {
        let lists = address + 0x100;
        let after = lists + 8 * shape.len() as u64;
        let words: Vec<u64> = shape.iter().chain(strides).map(|number| *number as u64).collect();
        self.object(address, "numpy.ndarray", &[data, shape.len() as u64, lists, after, base, descriptor, 0x507])
            .words(lists, &words)
    }

    /// Lets the reducer for its type tell the object at `address`.
    pub(crate) fn reduce(&self, address: u64) -> Told {
        let registry = Registry::linked().expect("no duplicates");
        let name = self.types[&address];
        let base = match name {
            name if name.starts_with("numpy.dtype") => "numpy.dtype",
            "torch.Tensor" => "torch._C.TensorBase",
            name => name,
        };
        let registration = registry.find([base]).unwrap_or_else(|| panic!("no reducer for {base}"));
        let mut told = Told::default();
        let seen = View { process: self, address: Address(address) };
        registration.reducer.owned_blocks(&seen, &mut |_, _| ());
        told.failure = registration.reducer.reduce(&seen, &mut told).err();
        told
    }
}

impl Told {
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.failure.as_ref().map(|failure| failure.reason)
    }

    pub(crate) fn edge(&self, name: &str) -> Option<u64> {
        self.edges.iter().find(|(known, _)| known == name).map(|(_, target)| *target)
    }

    pub(crate) fn fact(&self, name: &str) -> &ciborium::Value {
        self.state.get(name).unwrap_or_else(|| panic!("no fact {name} among {:?}", self.state))
    }
}

struct View<'a> {
    process: &'a Process,
    address: Address,
}

impl Object for View<'_> {
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

    fn tell_other(&self, address: Address, sink: &mut dyn Sink) -> Result<(), Failure> {
        match self.process.plain.get(&address.0) {
            Some(Plain::Text(text)) => sink.value(Value::Text(Text::Utf8(text))),
            Some(Plain::Number(number)) => sink.value(Value::Integer(Integer::Small(*number))),
            Some(Plain::Tuple(elements)) => elements.iter().for_each(|element| sink.element(Address(*element))),
            Some(Plain::Dict(entries)) => entries.iter().for_each(|(key, value)| sink.entry(Address(*key), Address(*value))),
            None => return Err(Failure::new(Reason::NotAnObject, "")),
        }
        Ok(())
    }

    fn runtime(&self) -> Option<&dyn Any> {
        Some(&*self.process.facts)
    }
}

impl Sink for Told {
    fn begin(&mut self, _: TypeId, _: u64) {}

    fn value(&mut self, value: Value<'_>) {
        if let Value::Bytes(bytes) = value {
            self.bytes = Some(bytes.to_vec());
        }
    }

    fn edge(&mut self, _: EdgeKind, name: Name<'_>, target: Address) {
        let name = match name {
            Name::Text(text) => text.to_owned(),
            other => format!("{other:?}"),
        };
        self.edges.push((name, target.0));
    }

    fn element(&mut self, _: Address) {
        self.elements += 1;
        assert!(self.elements < 1 << 20, "elements without end");
    }

    fn entry(&mut self, _: Address, _: Address) {}

    fn state(&mut self, state: &dyn erased_serde::Serialize) {
        let ciborium::Value::Map(entries) = ciborium::Value::serialized(state).expect("a state") else { panic!("no map") };
        self.state.extend(entries.into_iter().map(|(name, value)| (name.into_text().expect("a name"), value)));
    }
}
