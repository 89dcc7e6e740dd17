//! A synthetic heap in flat memory: records of an instance with a text, a number, a list and a mapping, laid out in the order
//! of allocation or shuffled.

use heapsake_core::heap::{EdgeKind, Heap, Integer, Name, Outline, Root, RootKind, Sink, Text, TypeDescription, TypeId, Value};
use heapsake_core::reduce::{Failure, Reason};
use heapsake_core::{Address, Span};

const BASE: u64 = 0x5600_0000_0000;
/// Every object has this many bytes: kind, count, payload or targets.
const SLOT: usize = 64;

const RECORDS: u64 = 0;
const INSTANCE: u64 = 1;
const TEXT: u64 = 2;
const NUMBER: u64 = 3;
const LIST: u64 = 4;
const NAMES: [&str; 5] = ["records", "record", "text", "number", "list"];
/// Objects of a record.
const PER_RECORD: usize = 5;

/// The heap.
pub(crate) struct Synthetic {
    memory: Vec<u8>,
    records: Vec<u64>,
    objects: usize,
}

impl Synthetic {
    /// A heap of some `objects` objects.
    pub(crate) fn new(objects: usize, shuffled: bool) -> Synthetic {
        let records = objects / PER_RECORD;
        let count = records * PER_RECORD;
        let mut places: Vec<u32> = (0..count as u32).collect();
        if shuffled {
            let mut seed = 0x9e37_79b9_7f4a_7c15u64;
            for at in (1..count).rev() {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                places.swap(at, (seed % (at as u64 + 1)) as usize);
            }
        }
        let mut heap =
            Synthetic { memory: vec![0; (count + 1) * SLOT], records: Vec::with_capacity(records), objects: count + 1 };
        let address = |node: usize| BASE + (u64::from(places[node]) + 1) * SLOT as u64;
        heap.put(BASE, 0, RECORDS);
        for record in 0..records {
            let first = record * PER_RECORD;
            let [instance, text, number, list, inner] = [0, 1, 2, 3, 4].map(|n| address(first + n));
            heap.records.push(instance);
            heap.object(instance, INSTANCE, &[text, number, list]);
            heap.object(text, TEXT, &[0x2d6d_6574_6900 | (record as u64 % 256)]);
            heap.object(number, NUMBER, &[record as u64]);
            heap.object(list, LIST, &[inner, number, instance]);
            heap.object(inner, NUMBER, &[record as u64 / 2]);
        }
        heap
    }

    fn object(&mut self, address: u64, kind: u64, words: &[u64]) {
        self.put(address, 0, kind);
        self.put(address, 1, words.len() as u64);
        for (at, word) in words.iter().enumerate() {
            self.put(address, at + 2, *word);
        }
    }

    fn put(&mut self, address: u64, at: usize, word: u64) {
        let start = (address - BASE) as usize + at * 8;
        self.memory[start..start + 8].copy_from_slice(&word.to_le_bytes());
    }

    /// Number of objects.
    pub(crate) fn objects(&self) -> usize {
        self.objects
    }

    /// Bytes of the heap.
    pub(crate) fn bytes(&self) -> usize {
        self.memory.len()
    }
}

fn word(slot: &[u8], at: usize) -> u64 {
    slot.get(at * 8..at * 8 + 8).and_then(|eight| eight.try_into().ok()).map_or(0, u64::from_le_bytes)
}

impl Heap for Synthetic {
    fn outline(&mut self) -> Outline {
        let root = Root { kind: RootKind::Given, name: "records".into(), object: Address(BASE) };
        Outline { spans: vec![Span::new(Address(BASE), self.memory.len() as u64)], roots: vec![root], ..Outline::default() }
    }

    #[inline]
    fn reduce<S: Sink>(&mut self, object: Address, sink: &mut S) -> Result<(), Failure> {
        let start = object.0.wrapping_sub(BASE) as usize;
        let slot = self.memory.get(start..start.wrapping_add(SLOT)).ok_or(Failure::new(Reason::Unreadable, ""))?;
        let kind = word(slot, 0);
        sink.begin(TypeId(kind as u32), SLOT as u64);
        match kind {
            RECORDS => self.records.iter().for_each(|record| sink.element(Address(*record))),
            INSTANCE => {
                for (at, name) in ["text", "number", "list"].iter().enumerate() {
                    sink.edge(EdgeKind::Attribute, Name::Text(name), Address(word(slot, at + 2)));
                }
            }
            TEXT => sink.value(Value::Text(Text::Ascii(&slot[16..24]))),
            NUMBER => sink.value(Value::Integer(Integer::Small(word(slot, 2) as i64))),
            LIST => (0..word(slot, 1) as usize).for_each(|at| sink.element(Address(word(slot, at + 2)))),
            _ => return Err(Failure::new(Reason::NotAnObject, "")),
        }
        Ok(())
    }

    fn types(&mut self, first: TypeId) -> Vec<TypeDescription> {
        let describe = |name: &&str| TypeDescription { name: (*name).to_owned(), ..TypeDescription::default() };
        NAMES.iter().skip(first.0 as usize).map(describe).collect()
    }
}
