//! Tests of a dump's graph: against the model that the dump was made of, damaged dumps, and the cache: hit, missed, damaged.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use heapsake_core::graph::{Link, Links, Node};
use heapsake_core::heap::{EdgeKind, GraphHeap, GraphNode, Name, Sink};
use heapsake_core::reduce::{Failure, Object as Reduced, Reason, Reducer, Registration, Registry, TypeMatch};
use heapsake_core::{Address, DumpOptions, dump};
use petgraph::graph::DiGraph;
use petgraph::visit::{EdgeCount, IntoEdgeReferences};
use proptest::prelude::*;

use super::{HeapGraph, cache};
use crate::{Dump, FaultKind, ObjectId, open};

/// An object: its labelled edges, and its elements or entries, all by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Thing {
    pub(super) edges: Vec<(EdgeKind, u32)>,
    pub(super) elements: Vec<u32>,
    pub(super) entries: Vec<(u32, u32)>,
}

impl GraphNode for Thing {
    fn type_name(&self) -> &'static str {
        "test.Thing"
    }
}

struct ThingReducer;

/// The address that a [`GraphHeap`] gives a node.
fn address(number: u32) -> Address {
    Address(0x1_0000 + u64::from(number) * 16)
}

impl Reducer for ThingReducer {
    fn reduce(&self, object: &dyn Reduced, sink: &mut dyn Sink) -> Result<(), Failure> {
        let thing = object.runtime().and_then(|node| node.downcast_ref::<Thing>());
        let thing = thing.ok_or_else(|| Failure::new(Reason::ReducerFailed, "not a thing"))?;
        for (at, (kind, target)) in thing.edges.iter().enumerate() {
            sink.edge(*kind, Name::Text(&format!("to{at}")), address(*target));
        }
        thing.elements.iter().for_each(|target| sink.element(address(*target)));
        thing.entries.iter().for_each(|(key, value)| sink.entry(address(*key), address(*value)));
        Ok(())
    }
}

/// The dump of these things; those of `roots` are roots.
pub(super) fn bytes(things: &[Thing], roots: &[u32]) -> Vec<u8> {
    let mut registry = Registry::default();
    let types = &[TypeMatch::Exact("test.Thing")];
    registry.add(Registration { types, reducer: &ThingReducer, origin: "test", file: file!(), saves: "everything" }).unwrap();
    let mut graph = DiGraph::<Thing, &str>::new();
    let nodes: Vec<_> = things.iter().map(|thing| graph.add_node(thing.clone())).collect();
    let roots = roots.iter().map(|root| (format!("root {root}"), nodes[*root as usize])).collect();
    let mut heap = GraphHeap::new(&graph, registry, roots);
    let mut bytes = Vec::new();
    dump(&mut heap, &mut bytes, DumpOptions::default()).unwrap();
    bytes
}

type Told = Vec<(u32, Link, u32)>;

fn model(things: &[Thing], roots: &[u32]) -> Told {
    let mut told: Told = Vec::new();
    for (from, thing) in (0..).zip(things) {
        told.extend(thing.edges.iter().map(|(kind, to)| (from, Link::from(*kind), *to)));
        told.extend(thing.elements.iter().map(|to| (from, Link::Element, *to)));
        told.extend(thing.entries.iter().flat_map(|(key, value)| [(from, Link::Key, *key), (from, Link::Item, *value)]));
    }
    told.extend(roots.iter().map(|root| (things.len() as u32, Link::Root, *root)));
    told.sort_unstable();
    told
}

fn told(graph: &HeapGraph) -> Told {
    let edges = graph.edge_references().map(|edge| (edge.source().0, edge.link(), edge.target().0));
    let mut told: Told = edges.collect();
    told.sort_unstable();
    told
}

/// Things 0 to 9: a ring of attributes, a list, a mapping, and a weak reference; all reachable from 0.
pub(super) fn ring() -> Vec<Thing> {
    let mut things = vec![Thing::default(); 10];
    for (at, thing) in things.iter_mut().enumerate() {
        thing.edges.push((EdgeKind::Attribute, (at as u32 + 1) % 10));
    }
    things[2].elements = vec![5, 6, 7, 5];
    things[3].entries = vec![(8, 9), (7, 5)];
    things[4].edges.push((EdgeKind::Weak, 5));
    things
}

fn things() -> impl Strategy<Value = Vec<Thing>> {
    (1usize..20).prop_flat_map(|count| {
        let id = move || 0..count as u32;
        let edges = prop::collection::vec((prop::sample::select(&EdgeKind::ALL[..]), id()), 0..4);
        let tail = (any::<bool>(), prop::collection::vec((id(), id()), 0..4));
        let thing = (edges, tail).prop_map(|(edges, (mapping, pairs))| {
            let elements = if mapping { Vec::new() } else { pairs.iter().map(|(one, _)| *one).collect() };
            Thing { edges, elements, entries: if mapping { pairs } else { Vec::new() } }
        });
        prop::collection::vec(thing, count)
    })
}

proptest! {
    #[test]
    fn the_graph_is_that_of_the_model(things in things()) {
        // Every thing is a root, so that all are dumped and numbers stay.
        let roots: Vec<u32> = (0..things.len() as u32).collect();
        let dump = Dump::from_bytes(bytes(&things, &roots)).unwrap();
        prop_assert_eq!(told(dump.graph()), model(&things, &roots));
        prop_assert_eq!(dump.faults(), []);
        for id in 0..things.len() as u32 {
            let expected: BTreeSet<u32> =
                model(&things, &[]).iter().filter(|(_, _, to)| *to == id).map(|(from, _, _)| *from).collect();
            let found = dump.referrers(ObjectId(id));
            prop_assert_eq!(found.len(), expected.len());
            prop_assert_eq!(found.iter().map(|holder| holder.object.0).collect::<BTreeSet<_>>(), expected);
            let path = dump.path_from_root(ObjectId(id)).unwrap();
            prop_assert_eq!((path.len(), &path[0].name), (1, &format!("given root {id}")));
        }
    }
}

#[test]
fn holders_have_the_names_of_their_edges() {
    let dump = Dump::from_bytes(bytes(&ring(), &[0])).unwrap();
    let holders = dump.referrers(ObjectId(5));
    let shown: Vec<(u32, Vec<String>)> = holders
        .iter()
        .map(|holder| {
            let object = dump.object(holder.object);
            (holder.object.0, holder.links.iter().map(|link| object.edge_name(link, ObjectId(5))).collect())
        })
        .collect();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(shown[0], (2, names(&["[0]"])));
    assert_eq!((shown[1].0, shown[1].1.len()), (3, 1));
    assert!(shown[1].1[0].starts_with("[<test.Thing"), "the key of the entry: {shown:?}");
    assert_eq!(shown[2], (4, names(&[".to0", ".to1"])));
    assert_eq!(holders.len(), 3);
    assert_eq!(dump.object(ObjectId(3)).edge_name(Link::Key, ObjectId(8)), "key 0");
    let path: Vec<(String, u32)> =
        dump.path_from_root(ObjectId(5)).unwrap().into_iter().map(|hop| (hop.name, hop.object.0)).collect();
    let expected = [("given root 0", 0), (".to0", 1), (".to0", 2), ("[0]", 5)];
    assert_eq!(path, expected.map(|(name, object)| (name.to_owned(), object)));
    assert_eq!(dump.path_from_root(ObjectId(99)), None);
    assert_eq!(dump.referrers(ObjectId(99)), []);
}

#[test]
fn weak_holders_come_last_and_hold_nothing() {
    let mut things = vec![Thing::default(); 4];
    things[0].edges = vec![(EdgeKind::Weak, 3), (EdgeKind::Attribute, 1)];
    things[1].edges = vec![(EdgeKind::Attribute, 2)];
    things[2].edges = vec![(EdgeKind::Attribute, 3)];
    let dump = Dump::from_bytes(bytes(&things, &[0])).unwrap();
    let holders: Vec<u32> = dump.referrers(ObjectId(3)).iter().map(|holder| holder.object.0).collect();
    assert_eq!(holders, [2, 0]);
    assert_eq!(dump.path_from_root(ObjectId(3)).unwrap().len(), 4, "around the weak edge");
    assert_eq!(dump.graph().path_from_root(Node(3), Links::ALL).unwrap().len(), 2);
}

#[test]
fn elements_of_large_containers_are_edges() {
    let mut things = vec![Thing::default(); 3];
    things[0].elements = (0..200_000).map(|at| 1 + at % 2).collect();
    things[0].elements[150_000] = 0;
    things[1].entries = (0..70_000).map(|at| (at % 3, 2)).collect();
    let dump = Dump::from_bytes(bytes(&things, &[0])).unwrap();
    assert_eq!(told(dump.graph()), model(&things, &[0]));
    assert_eq!(dump.object(ObjectId(0)).edge_name(Link::Element, ObjectId(0)), "[150000]");

    // An index that names every chunk again and again does not multiply the edges.
    let mut repeated = Dump::from_bytes(bytes(&things, &[0])).unwrap();
    for offsets in repeated.element_chunks.values_mut() {
        *offsets = offsets.repeat(1000);
    }
    repeated.container.chunks = repeated.container.chunks.repeat(3);
    assert_eq!(told(repeated.graph()), model(&things, &[0]));
}

#[test]
fn opening_and_reading_stacks_makes_no_graph() {
    let dump = Dump::from_bytes(bytes(&ring(), &[0])).unwrap();
    let asked = (dump.threads(), dump.types(), dump.roots(), dump.object(ObjectId(3)).attributes());
    assert_eq!((asked.2.len(), asked.3.len()), (1, 1));
    assert!(dump.graph.get().is_none());
    // Who does not want to wait for it has none, and those who do have it then.
    let mut heard = Vec::new();
    assert!(
        dump.graph_while(&mut |step, of| {
            heard.push((step, of));
            heard.len() < 2
        })
        .is_none()
    );
    assert_eq!(heard.first().map(|(step, _)| *step), Some(0));
    assert!(heard.len() == 2 && heard[1].0 < heard[1].1, "{heard:?}");
    assert!(dump.graph_if_made().is_none());
    assert!(std::ptr::eq(dump.graph(), dump.graph()), "made once");
    assert!(dump.graph_while(&mut |_, _| false).is_some(), "it is there");
}

#[test]
fn damage_anywhere_costs_edges_and_not_the_graph() {
    let whole = bytes(&ring(), &[0]);
    let expected: BTreeSet<_> = model(&ring(), &[0]).into_iter().collect();
    for at in 0..whole.len() {
        let mut wrong = whole.clone();
        wrong[at] ^= 0x41;
        let cut = whole[..at].to_vec();
        for dump in [wrong, cut].into_iter().filter_map(|bytes| Dump::from_bytes(bytes).ok()) {
            let found = told(dump.graph());
            let faulty = !dump.faults().is_empty();
            // What is left is of the model; the root's number depends on how many objects are known.
            let objects = dump.graph().objects();
            let alike =
                |edge: &(u32, Link, u32)| expected.contains(&if edge.0 == objects { (10, edge.1, edge.2) } else { *edge });
            assert!(found.iter().all(alike), "byte {at}: {found:?}");
            assert!(faulty || found.len() == model(&ring(), &[0]).len(), "byte {at}");
            dump.referrers(ObjectId(5));
            dump.path_from_root(ObjectId(5));
        }
    }
}

pub(super) fn file(folder: &Path, bytes: &[u8]) -> PathBuf {
    let path = folder.join("one.heapsake");
    fs::write(&path, bytes).unwrap();
    path
}

pub(super) fn kept(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default()
}

/// The offset of a byte in the payload of the objects chunk.
fn payload_place(whole: &[u8]) -> usize {
    let dump = Dump::from_bytes(whole.to_vec()).unwrap();
    let chunk = dump.container.of_kind(heapsake_core::format::ChunkKind::Objects).next().unwrap();
    chunk.offset as usize + heapsake_core::format::HEADER_LENGTH + 3
}

#[test]
fn a_kept_graph_is_used_and_a_damaged_one_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("deep/heapsake");
    let whole = bytes(&ring(), &[0]);
    let path = file(folder.path(), &whole);
    let expected = model(&ring(), &[0]);
    assert_eq!(told(&open(&path).unwrap().graph_kept_in(Some(&cache), &mut |_, _| true).unwrap()), expected);
    let name = kept(&cache);
    assert_eq!(name.len(), 1, "one graph, and nothing unfinished: {name:?}");

    // The graph is not made again: what it would be made of is damaged, and nobody noticed.
    let mut wrong = whole.clone();
    wrong[payload_place(&whole)] ^= 1;
    let damaged = open(file(folder.path(), &wrong)).unwrap();
    assert_eq!(told(&damaged.graph_kept_in(Some(&cache), &mut |_, _| true).unwrap()), expected);
    assert_eq!(damaged.faults(), []);
    fs::write(&path, &whole).unwrap();

    let good = fs::read(&name[0]).unwrap();
    for at in 0..=good.len() {
        let mut bad = good[..at].to_vec();
        fs::write(&name[0], &bad).unwrap();
        assert_eq!(told(&open(&path).unwrap().graph_kept_in(Some(&cache), &mut |_, _| true).unwrap()), expected, "cut at {at}");
        assert_eq!(fs::read(&name[0]).unwrap(), good, "written anew");
        bad = good.clone();
        if let Some(byte) = bad.get_mut(at) {
            *byte ^= 0x20;
        }
        fs::write(&name[0], &bad).unwrap();
        assert_eq!(told(&open(&path).unwrap().graph_kept_in(Some(&cache), &mut |_, _| true).unwrap()), expected, "byte {at}");
    }
    assert_eq!(kept(&cache), name);
}

#[test]
fn another_dump_has_another_graph() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = ring();
    other[9].edges[0].1 = 4;
    for (things, count) in [(ring(), 1), (other, 2)] {
        let dump = open(file(folder.path(), &bytes(&things, &[0]))).unwrap();
        assert_eq!(
            told(&dump.graph_kept_in(Some(&folder.path().join("cache")), &mut |_, _| true).unwrap()),
            model(&things, &[0])
        );
        assert_eq!(kept(&folder.path().join("cache")).len(), count);
    }
}

#[test]
fn the_graph_of_a_damaged_dump_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let whole = bytes(&ring(), &[0]);
    let mut wrong = whole.clone();
    wrong[payload_place(&whole)] ^= 1;
    let dump = open(file(folder.path(), &wrong)).unwrap();
    dump.object(ObjectId(0)).edges();
    assert_eq!(dump.faults().len(), 1, "known before the graph is asked for");
    let cache = folder.path().join("cache");
    assert_eq!(told(&dump.graph_kept_in(Some(&cache), &mut |_, _| true).unwrap()), [(10, Link::Root, 0)], "the objects are lost");
    assert!(dump.faults().iter().any(|fault| fault.kind == FaultKind::Checksum));
    assert_eq!(kept(&cache), [] as [PathBuf; 0]);
}

#[test]
fn a_cache_that_cannot_be_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), &bytes(&ring(), &[0]));
    let expected = model(&ring(), &[0]);
    // Below a file there can be no folder, and a folder is no graph.
    assert_eq!(told(&open(&path).unwrap().graph_kept_in(Some(&path.join("cache")), &mut |_, _| true).unwrap()), expected);
    let cache = folder.path().join("cache");
    open(&path).unwrap().graph_kept_in(Some(&cache), &mut |_, _| true).unwrap();
    let name = kept(&cache).pop().unwrap();
    fs::remove_file(&name).unwrap();
    fs::create_dir(&name).unwrap();
    assert_eq!(told(&open(&path).unwrap().graph_kept_in(Some(&cache), &mut |_, _| true).unwrap()), expected);
}

#[test]
fn the_oldest_graphs_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemTime::now();
    for (name, days) in
        [("a.graph", 3), ("b.graph", 1), ("c.graph", 2), ("unfinished-1", 2), ("unfinished-2", 0), ("notes.txt", 9)]
    {
        let file = fs::File::create(folder.path().join(name)).unwrap();
        file.set_len(10).unwrap();
        file.set_modified(now - Duration::from_secs(days * 24 * 60 * 60 + 60)).unwrap();
    }
    let names = || kept(folder.path()).iter().map(|path| path.file_name().unwrap().to_owned()).collect::<BTreeSet<_>>();
    let set = |names: &[&str]| names.iter().map(OsString::from).collect::<BTreeSet<_>>();
    cache::make_room(folder.path(), 29).unwrap();
    assert_eq!(names(), set(&["b.graph", "c.graph", "unfinished-2", "notes.txt"]));
    cache::make_room(folder.path(), 10).unwrap();
    assert_eq!(names(), set(&["b.graph", "unfinished-2", "notes.txt"]));
}

#[test]
fn a_small_file_of_many_edges_takes_bounded_memory() {
    let mut things = vec![Thing::default(), Thing::default()];
    things[0].elements = vec![1; 20_000_000];
    let bytes = bytes(&things, &[0]);
    let most = (super::MOST + super::MOST_PER_BYTE * bytes.len() as u64) as usize;
    assert!(most < 20_000_000, "the dump has {} bytes", bytes.len());
    let dump = Dump::from_bytes(bytes).unwrap();
    assert_eq!(dump.graph().edge_count(), most);
    assert!(dump.faults().iter().any(|fault| fault.kind == FaultKind::Undecodable), "{:?}", dump.faults());
}
