//! Tests of the engine: a heap described by the test, dumped, and decoded chunk by chunk.

use std::collections::BTreeMap;

use crate::format::records;
use crate::format::records::{Header, Index, Omissions, Trailer};
use crate::format::{
    ChunkHeader, ChunkKind, Decoded, END_MARK, FIRST_LINE, HEADER_LENGTH, LabelName, Objects, TailKind, Target, decode_segment,
    decompress,
};
use crate::heap::{
    EdgeKind, Frame, Heap, Integer, Name, Outline, Root, RootKind, Sink, Text, Thread, TypeDescription, TypeId, Value, Variable,
    VariableKind,
};
use crate::reduce::{Failure, Reason};
use crate::{Address, Budget, DumpOptions, Redaction, Span, dump};

const BASE: u64 = 0x5500_0000_0000;

#[derive(Clone, Debug, Default)]
enum Content {
    #[default]
    Nothing,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
    /// Bytes that are told in pieces, and whether the object fails after that.
    Pieces(Vec<u8>, bool),
    Elements(Vec<usize>),
    Entries(Vec<(usize, usize)>),
    Attributes(Vec<(&'static str, usize)>),
    Fails,
}

/// Node `n` lies at `places[n]`.
#[derive(Default)]
struct Model {
    nodes: Vec<Content>,
    places: Vec<u64>,
    at: BTreeMap<u64, usize>,
    roots: Vec<(&'static str, usize)>,
    frames: Vec<Frame>,
    /// Nodes that are threads; those that are reached are told after the marking.
    threads: Vec<usize>,
    reached: std::collections::BTreeSet<usize>,
}

impl Model {
    fn new(nodes: Vec<Content>, place: impl Fn(u64) -> u64) -> Model {
        let places: Vec<u64> = (0..nodes.len() as u64).map(|n| BASE + place(n) * 16).collect();
        let at = places.iter().enumerate().map(|(node, place)| (*place, node)).collect();
        Model { nodes, places, at, roots: vec![("root", 0)], ..Model::default() }
    }

    fn address(&self, node: usize) -> Address {
        Address(self.places.get(node).copied().unwrap_or(0xdead_0000))
    }

    fn dump(&mut self, options: DumpOptions) -> File {
        let mut bytes = Vec::new();
        let summary = dump(self, &mut bytes, options).unwrap();
        assert_eq!(summary.file_bytes, bytes.len() as u64);
        File::read(&bytes)
    }
}

impl Heap for Model {
    fn outline(&mut self) -> Outline {
        let roots = self.roots.iter().map(|(name, node)| Root {
            kind: RootKind::Given,
            name: (*name).to_owned(),
            object: self.address(*node),
        });
        let main = Thread { frames: self.frames.clone(), ..Thread::default() };
        let highest = self.places.iter().max().copied().unwrap_or(BASE);
        let facts = vec![("argv".to_owned(), ciborium::Value::Array(vec!["--password".into(), "hunter2hunter2".into()]))];
        Outline {
            spans: vec![Span::new(Address(BASE), highest - BASE + 16)],
            roots: roots.collect(),
            threads: if self.frames.is_empty() { Vec::new() } else { vec![main] },
            facts,
            ..Outline::default()
        }
    }

    fn reduce<S: Sink>(&mut self, object: Address, sink: &mut S) -> Result<(), Failure> {
        let node = *self.at.get(&object.0).ok_or_else(|| Failure::new(Reason::NotAnObject, "nothing here"))?;
        sink.begin(TypeId(0), 32);
        self.reached.insert(node);
        match &self.nodes[node] {
            Content::Nothing => {}
            Content::Number(number) => sink.value(Value::Integer(Integer::Small(*number))),
            Content::Text(text) => sink.value(Value::Text(Text::Utf8(text))),
            Content::Bytes(bytes) => sink.value(Value::Bytes(bytes)),
            Content::Pieces(bytes, fails) => {
                sink.bytes_in_pieces(bytes.len() as u64, &mut |at, into| {
                    into.copy_from_slice(&bytes[at as usize..at as usize + into.len()]);
                    Ok(())
                })?;
                if *fails {
                    return Err(Failure::new(Reason::Corrupt, "by design"));
                }
            }
            Content::Elements(elements) => elements.iter().for_each(|element| sink.element(self.address(*element))),
            Content::Entries(entries) => {
                for (key, value) in entries {
                    sink.entry(self.address(*key), self.address(*value));
                }
            }
            Content::Attributes(attributes) => {
                for (name, target) in attributes {
                    sink.edge(EdgeKind::Attribute, Name::Text(name), self.address(*target));
                }
            }
            Content::Fails => {
                sink.edge(EdgeKind::Attribute, Name::Text("known"), self.address(0));
                return Err(Failure::new(Reason::Corrupt, "by design"));
            }
        }
        Ok(())
    }

    fn types(&mut self, first: TypeId) -> Vec<TypeDescription> {
        let all = vec![TypeDescription { name: "model.Node".into(), ..TypeDescription::default() }];
        all.into_iter().skip(first.0 as usize).collect()
    }

    fn found_threads(&mut self) -> Vec<Thread> {
        let reached = self.threads.iter().filter(|node| self.reached.contains(node));
        let thread = |node: &usize| Thread {
            object: self.address(*node),
            kind: "greenlet".to_owned(),
            carrier: Some(7),
            ..Thread::default()
        };
        reached.map(thread).collect()
    }

    fn text(&self, object: Address, read: &mut dyn FnMut(&str)) {
        if let Some(Content::Text(text)) = self.at.get(&object.0).map(|node| &self.nodes[*node]) {
            read(text);
        }
    }
}

/// A dump, read by walking its chunks one after the other.
struct File {
    chunks: Vec<(ChunkHeader, Vec<u8>)>,
    objects: Vec<Objects>,
}

impl File {
    fn read(bytes: &[u8]) -> File {
        assert!(bytes.starts_with(FIRST_LINE));
        let end = bytes.len() - 16;
        assert_eq!(&bytes[end..end + 8], END_MARK);
        let (mut at, mut chunks) = (FIRST_LINE.len(), Vec::new());
        while at < end {
            let header = ChunkHeader::decode(&bytes[at..]).expect("chunks follow each other");
            let stored = &bytes[at + HEADER_LENGTH..][..header.stored_length as usize];
            assert_eq!(crc32fast::hash(stored), header.payload_checksum);
            chunks.push((header, decompress(header.codec, stored, header.raw_length).unwrap()));
            at += HEADER_LENGTH + stored.len();
        }
        let objects = chunks
            .iter()
            .filter(|(header, _)| header.kind == ChunkKind::Objects)
            .map(|(header, raw)| Objects::decode(header.first, header.count, raw).unwrap())
            .collect();
        File { chunks, objects }
    }

    fn record<T: serde::de::DeserializeOwned>(&self, kind: ChunkKind) -> T {
        let (_, raw) = self.chunks.iter().find(|(header, _)| header.kind == kind).unwrap();
        ciborium::from_reader(&raw[..]).unwrap()
    }

    fn object(&self, address: Address) -> crate::format::DecodedObject<'_> {
        let found = self.objects.iter().find_map(|chunk| chunk.get(chunk.at_address(address)?));
        found.unwrap_or_else(|| panic!("no object at {address}"))
    }

    fn address(&self, target: Target) -> Address {
        match target {
            Target::Object(id) => self.objects.iter().find_map(|chunk| chunk.get(id)).unwrap().address(),
            Target::Stray(address) => address,
            Target::Nothing => Address::NULL,
        }
    }

    fn count(&self) -> usize {
        self.objects.iter().map(Objects::len).sum()
    }

    /// Checks every object against the model.
    fn assert_is(&self, model: &Model) {
        for (node, content) in model.nodes.iter().enumerate() {
            let object = self.object(model.address(node));
            assert_eq!(object.size(), 32);
            let edges: Vec<_> = object.edges().map(|(_, name, target)| (name.clone(), self.address(target))).collect();
            let tail: Vec<_> = self.tail(&object).into_iter().map(|target| self.address(target)).collect();
            match content {
                Content::Nothing => assert_eq!((object.value(), edges.len(), tail.len()), (Decoded::Nothing, 0, 0)),
                Content::Number(number) => assert_eq!(object.value(), Decoded::Small(*number)),
                Content::Text(text) if text.len() <= 65536 => assert_eq!(object.value(), Decoded::Text(text.as_bytes())),
                Content::Text(text) => {
                    assert_eq!(object.value(), Decoded::LongText(text.len() as u64));
                    assert_eq!(self.payload(object.id), text.as_bytes());
                }
                Content::Bytes(bytes) | Content::Pieces(bytes, false) => {
                    assert_eq!(object.value(), Decoded::LongBytes(bytes.len() as u64));
                    assert_eq!(self.payload(object.id), *bytes);
                }
                Content::Elements(elements) => {
                    assert_eq!(tail, elements.iter().map(|node| model.address(*node)).collect::<Vec<_>>());
                }
                Content::Entries(entries) => {
                    let both = entries.iter().flat_map(|(key, value)| [model.address(*key), model.address(*value)]);
                    assert_eq!(tail, both.collect::<Vec<_>>());
                    assert!(entries.is_empty() || object.shape().tail == TailKind::Entries);
                }
                Content::Attributes(attributes) => {
                    let expected = attributes.iter().map(|(name, node)| (LabelName::Text((*name).into()), model.address(*node)));
                    assert_eq!(edges, expected.collect::<Vec<_>>());
                }
                Content::Fails | Content::Pieces(_, true) => {
                    assert_eq!(object.shape().surrogate, Some((Reason::Corrupt, "by design".into())));
                    assert_eq!(edges.len(), 1);
                }
            }
        }
        assert_eq!(self.count(), model.nodes.len());
    }

    fn tail(&self, object: &crate::format::DecodedObject<'_>) -> Vec<Target> {
        let mut tail = Vec::new();
        for (header, raw) in &self.chunks {
            if header.kind == ChunkKind::Elements && header.first == object.id {
                let (position, part) = decode_segment(raw).unwrap();
                assert_eq!(position, tail.len() as u64);
                tail.extend(part);
            }
        }
        tail.extend(object.inline_tail());
        assert_eq!(tail.len() as u64, object.tail_total());
        tail
    }

    fn payload(&self, id: u32) -> Vec<u8> {
        let pieces = self.chunks.iter().filter(|(header, _)| header.kind == ChunkKind::Payload && header.first == id);
        let mut whole = Vec::new();
        for (_, raw) in pieces {
            let mut reader = crate::format::varint::Reader::new(raw);
            assert_eq!(reader.number(), Some(whole.len() as u64));
            whole.extend_from_slice(reader.bytes(reader.left()).unwrap());
        }
        whole
    }
}

/// A pseudo-random permutation of 0..2^bits.
fn scramble(bits: u32) -> impl Fn(u64) -> u64 {
    move |n| {
        let mask = (1 << bits) - 1;
        let mut n = n;
        for _ in 0..3 {
            n = n.wrapping_mul(0x9e37_79b9_7f4a_7c15 | 1) & mask;
            n ^= n >> (bits / 2);
        }
        n & mask
    }
}

fn plain() -> DumpOptions {
    DumpOptions { redaction: Redaction::None, ..DumpOptions::default() }
}

#[test]
fn every_kind_of_content_comes_back() {
    let long = "0123-é".repeat(30_000);
    let nodes = vec![
        Content::Elements(vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 0]),
        Content::Attributes(vec![("self", 1), ("other", 0), ("self", 2)]),
        Content::Entries(vec![(3, 4), (4, 3), (3, 3)]),
        Content::Number(i64::MIN),
        Content::Text("a text".into()),
        Content::Text(long),
        Content::Bytes(vec![7; 3 << 20]),
        Content::Fails,
        Content::Nothing,
    ];
    for place in [|n| n, |n| 100 - n * 3] {
        let mut model = Model::new(nodes.clone(), place);
        let file = model.dump(plain());
        file.assert_is(&model);
        let (header, trailer): (Header, Trailer) = (file.record(ChunkKind::Header), file.record(ChunkKind::Trailer));
        assert_eq!((header.objects, trailer.objects, header.types), (9, 9, 1));
        let index: Index = file.record(ChunkKind::Index);
        assert_eq!(index.chunks.len(), file.chunks.len() - 2);
    }
}

#[test]
fn a_chain_of_a_million_in_any_order_comes_back() {
    let count = 1 << 20;
    let nodes: Vec<_> = (0..count).map(|n| Content::Attributes(vec![("next", if n + 1 < count { n + 1 } else { 0 })])).collect();
    let orders: [Box<dyn Fn(u64) -> u64>; 3] = [Box::new(|n| n), Box::new(move |n| count as u64 - n), Box::new(scramble(20))];
    for order in orders {
        let mut model = Model::new(nodes.clone(), order);
        let file = model.dump(plain());
        assert_eq!(file.count(), count);
        let mut at = model.address(0);
        for node in [1, 2, 3] {
            at = file.address(file.object(at).edges().next().unwrap().2);
            assert_eq!(at, model.address(node));
        }
    }
}

#[test]
fn wide_containers_are_split_and_strays_keep_their_address() {
    let mut elements: Vec<usize> = (0..200_000).map(|n| n % 1000 + 1).collect();
    elements[70_000] = 5000; // an address that is not mapped
    elements[199_999] = 5000;
    let mut nodes = vec![Content::Elements(elements)];
    nodes.extend((0..1000).map(Content::Number));
    let mut model = Model::new(nodes, scramble(12));
    let file = model.dump(plain());
    file.assert_is(&model);
    let omissions: Omissions = file.record(ChunkKind::Omissions);
    assert!(omissions.strays >= 2, "{omissions:?}");
}

#[test]
fn a_budget_cuts_what_is_far_and_says_so() {
    let count = 300_000;
    let mut nodes = vec![Content::Elements((1..count).collect())];
    nodes.extend((1..count as i64).map(Content::Number));
    let mut model = Model::new(nodes, scramble(20));
    let file = model.dump(DumpOptions { budget: Budget { objects: Some(100_000), ..Budget::default() }, ..plain() });
    let omissions: Omissions = file.record(ChunkKind::Omissions);
    let cut = omissions.surrogates.iter().find(|(reason, _)| *reason == Reason::Budget).unwrap().1;
    assert!((150_000..=200_000).contains(&cut), "{cut}");
    assert!(omissions.notes[0].contains("as asked"), "{omissions:?}");
    assert_eq!(file.count(), count, "what was not read is there as a surrogate");
}

#[test]
fn what_a_budget_cuts_takes_no_room_in_the_file() {
    let (numbers, large) = (150_000, 60);
    let mut nodes = vec![Content::Elements((1..=numbers + large).collect())];
    nodes.extend((0..numbers as i64).map(Content::Number));
    nodes.extend((0..large).map(|at| Content::Bytes((0..100_000usize).map(|n| ((n * n * (at + 7)) >> 5) as u8).collect())));
    let mut model = Model::new(nodes, |n| n);
    let file = model.dump(DumpOptions { budget: Budget { objects: Some(70_000), ..Budget::default() }, ..plain() });
    assert_eq!(file.chunks.iter().filter(|(header, _)| header.kind == ChunkKind::Payload).count(), 0);
    assert_eq!(file.object(model.address(numbers + large)).size(), 32);
}

#[test]
fn of_a_value_beyond_the_budget_the_head_is_written_however_it_is_told() {
    let large: Vec<u8> = (0..3_000_000u32).map(|n| (n.wrapping_mul(n) >> 7) as u8 & 0x7f).collect();
    let nodes = vec![
        Content::Elements(vec![1, 2, 3]),
        Content::Pieces(large.clone(), false),
        Content::Bytes(large.clone()),
        Content::Pieces(large.clone(), true),
    ];
    let mut model = Model::new(nodes, |n| n);
    let told = format!("the first 65536 of 3000000 bytes, whose CRC-32 is {:#010x}", crc32fast::hash(&large));
    let file = model.dump(DumpOptions { budget: Budget { bytes: Some(1 << 20), ..Budget::default() }, ..plain() });
    for (node, reason, said) in [
        (1, Reason::Budget, told.clone()),
        (2, Reason::Budget, told.clone()),
        (3, Reason::Corrupt, format!("by design; of its value {told}")),
    ] {
        let object = file.object(model.address(node));
        assert_eq!(object.shape().surrogate, Some((reason, said.as_str().into())), "{node}");
        assert!(object.value() == Decoded::Bytes(&large[..65536]), "{node}");
    }
    let file = model.dump(plain());
    assert_eq!(file.object(model.address(1)).shape().surrogate, None);
    assert!(file.payload(1) == large);
}

#[test]
fn previews_hold_no_copy_of_a_secret_however_they_are_cut() {
    let secret = "Hunter2-Secret-of-some-length";
    let nodes = vec![
        Content::Entries(vec![(1, 2), (3, 4)]),
        Content::Text("password".into()),
        Content::Text(secret.into()),
        Content::Text(format!("user:{secret}")),
        Content::Number(1),
        Content::Text(format!("{} pw={secret}", "x".repeat(185))),
    ];
    let mut model = Model::new(nodes, |n| n);
    let variable = |name: &str, target| Variable { name: name.into(), kind: VariableKind::Local, target };
    let variables = vec![variable("mapping", model.address(0)), variable("line", model.address(5))];
    model.frames = vec![Frame { function: "f".into(), variables, ..Frame::default() }];
    let file = model.dump(DumpOptions::default());
    let all: Vec<u8> = file.chunks.iter().flat_map(|(_, raw)| raw.clone()).collect();
    assert!(!all.windows(8).any(|window| window == b"Hunter2-"));
    assert!(all.windows(7).any(|window| window == b"mapping"), "the previews are there");
}

#[test]
fn secrets_do_not_reach_the_file() {
    let nodes = vec![
        Content::Entries(vec![(1, 2), (3, 4), (5, 6), (7, 8), (9, 10)]),
        Content::Text("password".into()),
        Content::Text("Tr0ub4dor&3".into()),
        Content::Text("harmless".into()),
        Content::Text("shown".into()),
        Content::Text("command".into()),
        Content::Text("login --as root Tr0ub4dor&3 now".into()),
        Content::Text("credentials".into()),
        Content::Elements(vec![11]),
        Content::Text("found".into()),
        Content::Text("AKIAIOSFODNN7EXAMPLE".into()),
        Content::Text("inner-secret-value".into()),
    ];
    let mut model = Model::new(nodes, |n| n);
    let mut bytes = Vec::new();
    dump(&mut model, &mut bytes, DumpOptions::default()).unwrap();
    let file = File::read(&bytes);
    let all: Vec<u8> = file.chunks.iter().flat_map(|(_, raw)| raw.clone()).collect();
    let has = |text: &str| all.windows(text.len()).any(|window| window == text.as_bytes());
    for secret in ["Tr0ub4dor&3", "AKIAIOSFODNN7EXAMPLE", "inner-secret-value", "hunter2hunter2"] {
        assert!(!has(secret), "{secret} is in the file");
    }
    assert!(has("shown") && has("harmless"));
    let reason = |node: usize| file.object(model.address(node)).shape().surrogate.clone().map(|(reason, _)| reason);
    for node in [2, 6, 10, 11] {
        assert_eq!(reason(node), Some(Reason::Redacted), "node {node}");
        assert_eq!(file.object(model.address(node)).size(), 32);
    }
    let omissions: Omissions = file.record(ChunkKind::Omissions);
    assert_eq!(omissions.redacted_names, ["credentials", "password"]);

    let file = model.dump(DumpOptions { redaction: Redaction::AllValues, ..DumpOptions::default() });
    assert!((0..12).filter(|node| ![0, 8].contains(node)).all(|node| {
        file.object(model.address(node)).shape().surrogate.as_ref().is_some_and(|(reason, _)| *reason == Reason::Redacted)
    }));
}

#[test]
fn a_secret_at_the_end_of_a_huge_mapping_is_found() {
    let count = 400_000;
    let mut nodes = vec![Content::Entries((0..count).map(|n| (n + 2, 1)).collect())];
    nodes.push(Content::Number(1));
    nodes.extend((0..count).map(|n| Content::Text(format!("key {n}"))));
    let last = nodes.len();
    nodes.extend([Content::Text("api_key".into()), Content::Text("s3cr3t-at-the-end".into())]);
    if let Content::Entries(entries) = &mut nodes[0] {
        entries.push((last, last + 1));
    }
    let mut model = Model::new(nodes, |n| n);
    let file = model.dump(DumpOptions::default());
    let surrogate = file.object(model.address(last + 1)).shape().surrogate.clone();
    assert_eq!(surrogate.map(|(reason, _)| reason), Some(Reason::Redacted));
}

#[test]
fn threads_that_are_met_while_marking_are_told() {
    let nodes = vec![Content::Elements(vec![1, 2]), Content::Number(1), Content::Nothing, Content::Nothing];
    let mut model = Model::new(nodes, |n| n);
    // Nothing leads to the last one.
    model.threads = vec![2, 3];
    let file = model.dump(DumpOptions::default());
    assert_eq!(file.record::<Header>(ChunkKind::Header).threads, 1);
    let thread: records::Thread = file.record(ChunkKind::Stacks);
    assert_eq!((thread.kind.as_str(), thread.carrier, thread.object.id), ("greenlet", Some(7), Some(2)));
    // Nothing of it is written of a thread that is one, and older files have none of it.
    let plain = crate::format::cbor(&records::Thread::default());
    assert!(!plain.windows(4).any(|word| word == b"kind"));
    assert_eq!(ciborium::from_reader::<records::Thread, _>(&plain[..]).unwrap(), records::Thread::default());
}
