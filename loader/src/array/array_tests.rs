//! Tests of arrays of which the dump has the first elements.

use heapsake_core::heap::{GraphHeap, GraphNode, Sink, Value as Told};
use heapsake_core::reduce::{Failure, Object as Reduced, Reason, Reducer, Registration, Registry, TypeMatch};
use heapsake_core::{DumpOptions, dump};
use petgraph::graph::DiGraph;

use super::*;
use crate::{Dump, ObjectId};

/// Elements of two bytes that count up, as many as there are.
#[derive(serde::Serialize)]
struct Numbers {
    item: &'static str,
    shape: Vec<u64>,
    strides: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<u64>,
    #[serde(skip)]
    there: u16,
}

impl GraphNode for Numbers {
    fn type_name(&self) -> &'static str {
        "test.Numbers"
    }
}

struct NumbersReducer;

impl Reducer for NumbersReducer {
    fn reduce(&self, object: &dyn Reduced, sink: &mut dyn Sink) -> Result<(), Failure> {
        let numbers = object.runtime().and_then(|node| node.downcast_ref::<Numbers>());
        let numbers = numbers.ok_or_else(|| Failure::new(Reason::ReducerFailed, "no numbers"))?;
        sink.state(numbers);
        let bytes: Vec<u8> = (0..numbers.there).flat_map(u16::to_le_bytes).collect();
        sink.value(Told::Bytes(&bytes));
        Ok(())
    }
}

/// What is read of such an array.
fn of_array<T>(shape: &[u64], strides: &[i64], saved: Option<u64>, there: u16, read: impl FnOnce(&Array<'_>) -> T) -> T {
    let mut registry = Registry::default();
    let types = &[TypeMatch::Exact("test.Numbers")];
    let registration = Registration { types, reducer: &NumbersReducer, origin: "test", file: file!(), saves: "numbers" };
    registry.add(registration).unwrap();
    let mut graph = DiGraph::<Numbers, &str>::new();
    let node = graph.add_node(Numbers { item: "<u2", shape: shape.into(), strides: strides.into(), saved, there });
    let mut heap = GraphHeap::new(&graph, registry, vec![("root".into(), node)]);
    let mut bytes = Vec::new();
    dump(&mut heap, &mut bytes, DumpOptions::default()).unwrap();
    let dump = Dump::from_bytes(bytes).unwrap();
    read(&Array::of(&dump.object(ObjectId(0))).expect("an array"))
}

/// The shape of what there is, and its elements; none of one that is whole.
fn head(shape: &[u64], strides: &[i64], saved: Option<u64>, there: u16) -> Option<(Vec<u64>, Vec<u64>)> {
    let number = |cell: Cell| match cell {
        Cell::Plain(Value::Integer(number)) => u64::try_from(i128::from(number)).expect("a number"),
        other => panic!("{other:?}"),
    };
    of_array(shape, strides, saved, there, |array| {
        let head = array.head()?;
        Some((head.shape().to_vec(), head.cells(0, u64::MAX).into_iter().map(number).collect()))
    })
}

#[test]
fn bytes_are_those_of_the_elements_in_c_order() {
    let part = |shape: &[u64], strides: &[i64], there: u16, from: u64, count: u64| {
        of_array(shape, strides, None, there, |array| array.bytes_part(from, count))
    };
    assert_eq!(part(&[10], &[2], 10, 4, 5), [2, 0, 3, 0, 4]);
    assert_eq!(part(&[10], &[2], 10, 17, 100), [0, 9, 0]);
    assert_eq!(part(&[10], &[2], 3, 4, 10), [2, 0], "up to what is missing");
    assert_eq!(part(&[2, 2], &[2, 4], 4, 0, 8), [0, 0, 2, 0, 1, 0, 3, 0], "of another order in the order of C");
    assert_eq!(part(&[10], &[2], 10, 20, 5), [0u8; 0]);
    assert_eq!(part(&[10], &[2], 10, u64::MAX, u64::MAX), [0u8; 0]);
}

#[test]
fn what_there_is_of_an_array_is_whole_parts_or_less_than_one() {
    let first = |count: u64| (0..count).collect::<Vec<u64>>();
    assert_eq!(head(&[10], &[2], None, 10), None, "it is whole");
    assert_eq!(head(&[10], &[2], None, 0), None, "nothing is there");
    assert_eq!(head(&[10], &[2], None, 7), Some((vec![7], first(7))));
    assert_eq!(head(&[5, 4], &[8, 2], None, 11), Some((vec![2, 4], first(8))));
    assert_eq!(head(&[5, 4], &[8, 2], Some(9), 11), Some((vec![2, 4], first(8))), "as it was saved");
    assert_eq!(head(&[5, 4], &[8, 2], None, 3), Some((vec![3], first(3))));
    assert_eq!(head(&[4, 5], &[2, 8], None, 11), None, "in another order the first bytes are no first elements");
    assert_eq!(head(&[0, 4], &[8, 2], None, 3), None);
    assert_eq!(head(&[], &[], None, 0), None);
}
