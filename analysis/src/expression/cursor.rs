//! Going through what has elements: in batches, forwards or backwards, and lazily, so that what is not asked for is not read.

use std::sync::Arc;

use heapsake_loader::array::Cell;
use heapsake_loader::{Dump, ObjectId, Target};

use super::comprehension::Suspended;
use super::error::{Evaluated, refused, value_error};
use super::evaluate::Evaluator;
use super::forms::array_part;
use super::values::{Entries, Flow, Nested, Part, Span, Value, View};

/// The most elements that are read together: as many as a segment of a dump has, which is decoded as a whole.
const BATCH: u64 = 1 << 14;

/// Where entries are.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    Made(Arc<Entries>),
    /// In an object of the dump, and how many.
    Held(ObjectId, u64),
}

impl Store {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Store::Made(entries) => entries.len() as u64,
            Store::Held(_, length) => *length,
        }
    }
}

/// Elements by position.
#[derive(Clone, Debug)]
pub(crate) enum Items {
    Made(Arc<Nested>),
    /// Elements of an object of the dump, and how many.
    Held(ObjectId, u64),
    Text(Arc<[u32]>),
    Bytes(Arc<[u8]>),
    Range(Span),
    /// Keys, values or entries of a mapping.
    Mapping(Store, View),
    /// Parts of an array, values of a column, and how many.
    Part(Arc<Part>, u64),
}

/// What a target leads to.
pub(crate) fn of_target(target: Target) -> Value {
    match target {
        Target::Object(id) => Value::Object(ObjectId(id)),
        Target::Nothing => Value::Stray(0),
        Target::Stray(address) => Value::Stray(address.0),
    }
}

impl Items {
    pub(crate) fn made(values: Vec<Value>) -> Items {
        Items::Made(Arc::new(Nested::from(values)))
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Items::Made(items) => items.len() as u64,
            Items::Held(_, length) | Items::Part(_, length) => *length,
            Items::Text(codes) => codes.len() as u64,
            Items::Bytes(bytes) => bytes.len() as u64,
            Items::Range(span) => span.len().min(u64::MAX.into()) as u64,
            Items::Mapping(store, _) => store.len(),
        }
    }

    /// Some of them from a position on, fewer at the end.
    pub(crate) fn some(&self, dump: &Dump, from: u64, count: u64) -> Vec<Value> {
        let to = from.saturating_add(count).min(self.len());
        let range = from.min(to) as usize..to as usize;
        match self {
            Items::Made(items) => items[range].to_vec(),
            Items::Held(id, _) => {
                let mut values: Vec<Value> =
                    dump.object(*id).elements(from, to.saturating_sub(from)).into_iter().map(of_target).collect();
                values.resize(range.len().min(1 << 24), Value::Stray(0));
                values
            }
            Items::Text(codes) => codes[range].iter().map(|code| Value::codes(&[*code])).collect(),
            Items::Bytes(bytes) => bytes[range].iter().map(|byte| Value::Int(i64::from(*byte))).collect(),
            Items::Range(span) => (from..to).map(|at| Value::wide(span.at(u128::from(at)))).collect(),
            Items::Mapping(store, view) => {
                let pairs = match store {
                    Store::Made(entries) => entries.pairs()[range].to_vec(),
                    Store::Held(id, _) => held_pairs(dump, *id, from, to.saturating_sub(from)),
                };
                pairs
                    .into_iter()
                    .map(|(key, value)| match view {
                        View::Keys => key,
                        View::Values => value,
                        View::Items => Value::tuple(vec![key, value]),
                    })
                    .collect()
            }
            Items::Part(part, _) => parts(dump, part, from, to),
        }
    }

    pub(crate) fn at(&self, dump: &Dump, position: u64) -> Option<Value> {
        match self {
            Items::Made(items) => items.get(position as usize).cloned(),
            Items::Range(span) if u128::from(position) < span.len() => Some(Value::wide(span.at(position.into()))),
            _ => self.some(dump, position, 1).pop(),
        }
    }
}

pub(crate) fn held_pairs(dump: &Dump, id: ObjectId, from: u64, count: u64) -> Vec<(Value, Value)> {
    let object = dump.object(id);
    if object.tail_kind() == heapsake_loader::TailKind::Elements {
        return object.elements(from, count).into_iter().map(|key| (of_target(key), Value::None)).collect();
    }
    object.entries(from, count).into_iter().map(|(key, value)| (of_target(key), of_target(value))).collect()
}

/// Elements or parts of a part of an array, or values of a column.
fn parts(dump: &Dump, part: &Arc<Part>, from: u64, to: u64) -> Vec<Value> {
    match &**part {
        Part::Array(id, path) => {
            let object = dump.object(*id);
            let Some(array) = array_part(&object, path) else { return Vec::new() };
            if array.shape().len() == 1 {
                return array.cells(from, to.saturating_sub(from)).into_iter().map(of_cell).collect();
            }
            let inner = |at: u64| {
                let mut path = path.clone();
                path.push(at as i64);
                Value::Part(Arc::new(Part::Array(*id, path)))
            };
            (from..to).map(inner).collect()
        }
        Part::Column(id, position) => {
            let object = dump.object(*id);
            let Some(table) = heapsake_loader::table::Table::of(&object) else { return Vec::new() };
            table.column(*position).some(from, to.saturating_sub(from)).into_iter().map(of_cell).collect()
        }
    }
}

/// What an element of an array is.
pub(crate) fn of_cell(cell: Cell) -> Value {
    match cell {
        Cell::Target(target) => of_target(target),
        Cell::Plain(value) => super::forms::of_fact(&value),
        Cell::Missing => Value::Stray(0),
    }
}

/// A place in what is gone through.
#[derive(Debug)]
pub(crate) enum Cursor {
    Items {
        items: Items,
        /// Positions left: from, to.
        from: u64,
        to: u64,
        backwards: bool,
        /// Read already, the next one last.
        batch: Vec<Value>,
        size: u64,
    },
    Enumerate(Box<Cursor>, i128),
    Zip(Vec<Cursor>, bool),
    Filter(Value, Box<Cursor>),
    Map(Value, Vec<Cursor>),
    Comprehension(Box<Suspended>),
    Shared(Arc<Flow>),
    /// At its end.
    Ended,
}

impl Cursor {
    pub(crate) fn new(items: Items) -> Cursor {
        let to = items.len();
        Cursor::Items { items, from: 0, to, backwards: false, batch: Vec::new(), size: 4 }
    }

    pub(crate) fn backwards(items: Items) -> Cursor {
        let to = items.len();
        Cursor::Items { items, from: 0, to, backwards: true, batch: Vec::new(), size: 4 }
    }
}

impl Evaluator<'_> {
    /// The next element.
    pub(crate) fn next(&mut self, cursor: &mut Cursor) -> Evaluated<Option<Value>> {
        self.step()?;
        match cursor {
            Cursor::Items { items, from, to, backwards, batch, size } => {
                if let Some(value) = batch.pop() {
                    return Ok(Some(value));
                }
                if from >= to {
                    return Ok(None);
                }
                let count = (*size).min(*to - *from);
                *size = (*size * 4).min(BATCH);
                if *backwards {
                    *to -= count;
                    *batch = items.some(self.dump, *to, count);
                } else {
                    *batch = items.some(self.dump, *from, count);
                    batch.reverse();
                    *from += count;
                }
                Ok(batch.pop())
            }
            Cursor::Ended => Ok(None),
            Cursor::Shared(flow) => {
                let flow = flow.clone();
                let Ok(mut inner) = flow.cursor.try_lock() else { return value_error("generator already executing") };
                self.deeper(|evaluator| evaluator.next(&mut inner))
            }
            Cursor::Enumerate(inner, number) => {
                let Some(value) = self.deeper(|evaluator| evaluator.next(inner))? else { return Ok(None) };
                let pair = Value::tuple(vec![Value::wide(*number), value]);
                *number += 1;
                Ok(Some(pair))
            }
            Cursor::Zip(inners, strict) => {
                let mut found = Vec::with_capacity(inners.len());
                let count = inners.len();
                for at in 0..count {
                    match self.deeper(|evaluator| evaluator.next(&mut inners[at]))? {
                        Some(value) => found.push(value),
                        None if *strict && at > 0 => {
                            let plural = if at == 1 { " ".to_owned() } else { format!("s 1-{at} ") };
                            let plural = if at == 1 { format!("{plural}1") } else { plural.trim_end().to_owned() };
                            return value_error(format!("zip() argument {} is shorter than argument{plural}", at + 1));
                        }
                        None if *strict => {
                            for (other, inner) in inners.iter_mut().enumerate().skip(1) {
                                if self.deeper(|evaluator| evaluator.next(inner))?.is_some() {
                                    let plural = if other == 1 { " 1".to_owned() } else { format!("s 1-{other}") };
                                    return value_error(format!("zip() argument {} is longer than argument{plural}", other + 1));
                                }
                            }
                            return Ok(None);
                        }
                        None => return Ok(None),
                    }
                }
                Ok(if found.is_empty() { None } else { Some(Value::tuple(found)) })
            }
            Cursor::Filter(function, inner) => loop {
                let Some(value) = self.deeper(|evaluator| evaluator.next(inner))? else { return Ok(None) };
                let kept = match &function {
                    Value::None => self.truth(&value)?,
                    function => {
                        let answer = self.call(function, vec![value.clone()], Vec::new())?;
                        self.truth(&answer)?
                    }
                };
                if kept {
                    return Ok(Some(value));
                }
            },
            Cursor::Map(function, inners) => {
                let mut arguments = Vec::with_capacity(inners.len());
                for inner in inners {
                    match self.deeper(|evaluator| evaluator.next(inner))? {
                        Some(value) => arguments.push(value),
                        None => return Ok(None),
                    }
                }
                self.call(function, arguments, Vec::new()).map(Some)
            }
            Cursor::Comprehension(suspended) => {
                let found = self.deeper(|evaluator| evaluator.resume(suspended));
                if !matches!(found, Ok(Some(_))) {
                    *cursor = Cursor::Ended;
                }
                found
            }
        }
    }

    /// All that is left.
    pub(crate) fn drain(&mut self, mut cursor: Cursor) -> Evaluated<Vec<Value>> {
        let mut values = Vec::new();
        while let Some(value) = self.next(&mut cursor)? {
            self.made(1)?;
            values.push(value);
        }
        Ok(values)
    }

    /// All of these.
    pub(crate) fn all(&mut self, items: &Items) -> Evaluated<Vec<Value>> {
        if let Items::Made(made) = items {
            return Ok(made.to_vec());
        }
        self.drain(Cursor::new(items.clone()))
    }

    /// A count that fits into what may be made.
    pub(crate) fn countable(&mut self, count: u64, what: &str) -> Evaluated<usize> {
        if count > self.limits.elements {
            return Err(refused(format!("{count} {what} are more than the {} that may be made", self.limits.elements)));
        }
        Ok(count as usize)
    }
}
