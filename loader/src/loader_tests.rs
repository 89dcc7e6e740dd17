//! Tests of opening: whole, cut at every byte, and with every byte wrong.

use heapsake_core::format::{ChunkHeader, ChunkKind, FIRST_LINE, HEADER_LENGTH, MAGIC};
use heapsake_core::heap::{GraphHeap, GraphNode, Sink};
use heapsake_core::reduce::{Failure, Object as Reduced, Reason, Reducer, Registration, Registry, TypeMatch};
use heapsake_core::{DumpOptions, dump};
use petgraph::graph::DiGraph;

use crate::{Dump, ErrorKind, FaultKind, ObjectId, Target, isomorphism, open};

struct Node(u32, &'static str);

impl GraphNode for Node {
    fn type_name(&self) -> &str {
        self.1
    }
}

struct NodeReducer;

impl Reducer for NodeReducer {
    fn reduce(&self, object: &dyn Reduced, sink: &mut dyn Sink) -> Result<(), Failure> {
        let node = object.runtime().and_then(|node| node.downcast_ref::<Node>());
        let node = node.ok_or_else(|| Failure::new(Reason::ReducerFailed, "not a node"))?;
        sink.state(&std::collections::BTreeMap::from([("number", node.0)]));
        if node.0 == 7 {
            return Err(Failure::new(Reason::Corrupt, "seven is told wrong"));
        }
        Ok(())
    }
}

fn registry() -> Registry {
    let mut registry = Registry::default();
    let types = &[TypeMatch::Exact("test.Node")];
    let registration = Registration { types, reducer: &NodeReducer, origin: "test", file: file!(), saves: "number" };
    registry.add(registration).unwrap();
    registry
}

/// A ring of nodes with chords.
pub(crate) fn bytes(count: u32, skip: u32) -> Vec<u8> {
    let mut graph = DiGraph::new();
    let nodes: Vec<_> = (0..count).map(|number| graph.add_node(Node(number, "test.Node"))).collect();
    for at in 0..count as usize {
        graph.add_edge(nodes[at], nodes[(at + 1) % nodes.len()], "next");
        graph.add_edge(nodes[at], nodes[(at * 3 + skip as usize) % nodes.len()], "chord");
    }
    let mut heap = GraphHeap::new(&graph, registry(), vec![("ring".into(), nodes[0])]);
    let mut bytes = Vec::new();
    dump(&mut heap, &mut bytes, DumpOptions::default()).unwrap();
    bytes
}

/// Asks a dump everything.
fn read(dump: &Dump) -> (usize, usize) {
    let (mut whole, mut edges) = (0, 0);
    for number in 0..dump.object_count().min(10_000) {
        let object = dump.object(ObjectId(number));
        edges += object.edges().len() + object.attributes().len() + object.elements(0, 100).len() + object.entries(0, 100).len();
        whole += usize::from(object.surrogate().is_none());
        crate::render(&object, crate::Limits::default());
        object.value();
    }
    dump.threads();
    dump.types();
    dump.roots();
    dump.omissions();
    dump.regions();
    dump.source_names();
    (whole, edges)
}

#[test]
fn a_whole_dump_has_no_faults() {
    let dump = Dump::from_bytes(bytes(100, 1)).unwrap();
    assert_eq!(read(&dump).0, 99, "all but the seventh");
    assert_eq!(dump.faults(), []);
    assert_eq!((dump.object_count(), dump.header().objects, dump.roots().len()), (100, 100, 1));
    let seven = dump.object(ObjectId(7));
    assert_eq!(seven.surrogate(), Some((Reason::Corrupt, "seven is told wrong".into())));
    assert_eq!(seven.edges()[0].target, Target::Object(22), "petgraph tells the newest edge first");
    assert_eq!(dump.object_at(seven.address()).unwrap().id(), ObjectId(7));
    assert!(dump.object_at(seven.address().offset(8)).is_none());
}

#[test]
fn a_dump_that_is_cut_anywhere_opens_up_to_the_cut() {
    let whole = bytes(100, 1);
    let first = FIRST_LINE.len() + HEADER_LENGTH;
    for length in 1..whole.len() {
        match Dump::from_bytes(whole[..length].to_vec()) {
            Ok(dump) => {
                read(&dump);
                assert!(!dump.faults().is_empty(), "cut at {length}");
                assert!(
                    length < first || dump.faults().iter().any(|fault| fault.kind == FaultKind::Truncated),
                    "cut at {length}"
                );
            }
            Err(problem) => {
                assert!(length < 13, "cut at {length}: {problem}");
                assert_eq!(*problem.kind(), ErrorKind::NotADump);
            }
        }
    }
    // Only index, trailer and end are missing: nothing of the content is.
    let index = whole.windows(8).enumerate().filter(|(at, window)| {
        *window == MAGIC && ChunkHeader::decode(&whole[*at..]).is_some_and(|header| header.kind == ChunkKind::Index)
    });
    let cut = index.map(|(at, _)| at).next().unwrap();
    let dump = Dump::from_bytes(whole[..cut].to_vec()).unwrap();
    assert_eq!(read(&dump).0, 99);
    assert!(isomorphism::compare(&dump, &Dump::from_bytes(whole).unwrap()).is_isomorphic());
}

#[test]
fn any_wrong_byte_is_a_fault_or_changes_nothing() {
    let whole = bytes(40, 1);
    let good = Dump::from_bytes(whole.clone()).unwrap();
    for at in FIRST_LINE.len()..whole.len() {
        let mut wrong = whole.clone();
        wrong[at] ^= 0x41;
        let dump = Dump::from_bytes(wrong).unwrap();
        read(&dump);
        let same = isomorphism::compare(&good, &dump).is_isomorphic();
        assert!(same || !dump.faults().is_empty(), "byte {at}");
    }
}

#[test]
fn a_later_version_opens_and_says_so() {
    let mut whole = bytes(40, 1);
    let digit = FIRST_LINE.iter().position(|byte| *byte == b'1').expect("a version");
    let plain = read(&Dump::from_bytes(whole.clone()).unwrap());
    whole[digit] = b'7';
    let dump = Dump::from_bytes(whole.clone()).unwrap();
    assert_eq!(read(&dump), plain);
    let faults = dump.faults();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!((faults[0].kind, faults[0].offset), (FaultKind::Version, 0));
    whole[digit] = b'0';
    assert_eq!(Dump::from_bytes(whole).unwrap().faults(), []);
}

#[test]
fn what_is_no_dump_says_so() {
    for (bytes, kind) in [(&b""[..], ErrorKind::Empty), (b"\x7fELF something else", ErrorKind::NotADump)] {
        assert_eq!(*Dump::from_bytes(bytes.to_vec()).unwrap_err().kind(), kind);
    }
    assert_eq!(*open("/").unwrap_err().kind(), ErrorKind::Directory);
    assert_eq!(*open("/no/such/file").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn heaps_that_differ_are_told_apart_with_the_path() {
    let (one, other) = (Dump::from_bytes(bytes(50, 1)).unwrap(), Dump::from_bytes(bytes(50, 2)).unwrap());
    let report = isomorphism::compare(&one, &one);
    assert!(report.is_isomorphic() && report.matched == 50, "{report}");
    assert_eq!(report.surrogates.values().sum::<u64>(), 1);
    let report = isomorphism::compare(&one, &other);
    assert!(!report.is_isomorphic(), "{report}");
}
