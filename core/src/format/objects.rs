//! The decoder of objects chunks.
//!
//! Objects of one *shape* (type, labels of the edges, what else there is) share one entry of the chunk's shape table, so
//! an object is little more than a shape number and the numbers of its targets. Targets are predicted from the object of
//! the same shape before, and only the difference is stored. Everything is relative to the chunk: it decodes alone.

use std::collections::BTreeMap;

use crate::address::Address;
use crate::heap::EdgeKind;

use super::columns::{COLUMNS, SEGMENT, TailPredictor, narrow};
use super::shape::{LabelName, Shape, TailKind, ValueKind};
use super::varint::{Reader, unzigzag};

/// Where an edge leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// Nowhere: a null pointer, an unbound variable.
    Nothing,
    /// To the object with this number.
    Object(u32),
    /// To an address that has no object in the dump.
    Stray(Address),
}

/// The value of a decoded object.
#[derive(Clone, PartialEq, Debug)]
pub enum Decoded<'a> {
    /// None.
    Nothing,
    /// An integer of 64 bits.
    Small(i64),
    /// A larger integer: whether it is negative, and the magnitude, little endian.
    Big(bool, &'a [u8]),
    /// A double.
    Float(f64),
    /// Two doubles.
    Complex(f64, f64),
    /// Text as WTF-8.
    Text(&'a [u8]),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Text of so many bytes in payload chunks.
    LongText(u64),
    /// So many bytes in payload chunks.
    LongBytes(u64),
}

/// A decoded objects chunk. Some 50 bytes an object: whoever looks at objects all over a heap keeps many chunks.
#[derive(Clone, Debug)]
pub struct Objects {
    /// Number of the first object.
    pub first: u32,
    /// The shape table.
    pub shapes: Vec<Shape>,
    /// Payloads, then states.
    bytes: Vec<u8>,
    records: Vec<Record>,
    /// As they are coded, each [`narrow`].
    targets: Vec<u32>,
    numbers: Vec<u64>,
    strays: Vec<u64>,
    /// Positions of the objects that have strays, ascending, and where theirs start.
    with_strays: Vec<(u32, u32)>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    address: u64,
    shape: u32,
    /// Where its targets start: those of the edges, then the part of the tail that lies in this chunk.
    targets: u32,
    /// Where its further numbers start. The shape says which there are: size, length of the tail, value, state.
    numbers: u32,
}

/// Where bytes of a chunk lie, as one number.
fn place(start: usize, length: usize) -> u64 {
    (length as u64) << 32 | start as u64
}

/// The bytes at a place.
fn bytes_at(bytes: &[u8], place: u64) -> &[u8] {
    let start = place as u32 as usize;
    bytes.get(start..start + (place >> 32) as usize).unwrap_or_default()
}

/// Where the numbers of a shape stand among those of an object: length of the tail, value, state.
fn places(shape: &Shape) -> [usize; 3] {
    let tail = usize::from(shape.size.is_none());
    let value = tail + usize::from(shape.tail != TailKind::Nothing);
    [tail, value, value + usize::from(shape.value != ValueKind::Nothing)]
}

/// One object of a decoded chunk.
#[derive(Clone, Copy, Debug)]
pub struct DecodedObject<'a> {
    chunk: &'a Objects,
    record: &'a Record,
    /// Its number.
    pub id: u32,
}

impl Objects {
    /// The shapes alone of the decompressed payload of an objects chunk, so that a chunk without a wanted type is passed over.
    pub fn decode_shapes(raw: &[u8]) -> Option<Vec<Shape>> {
        Self::shapes(&mut Reader::new(raw))
    }

    fn shapes(reader: &mut Reader<'_>) -> Option<Vec<Shape>> {
        let count = reader.count(4)?;
        let mut shapes = Vec::with_capacity(count);
        for _ in 0..count {
            shapes.push(Shape::decode(reader)?);
        }
        Some(shapes)
    }

    /// Decodes the decompressed payload of an objects chunk; none when it contradicts itself.
    ///
    /// The payload: number of shapes, the shapes, first address, the lengths of the ten columns, the columns.
    pub fn decode(first: u32, count: u32, raw: &[u8]) -> Option<Objects> {
        let mut reader = Reader::new(raw);
        let shapes = Self::shapes(&mut reader)?;
        let mut address = reader.number()?;
        let mut lengths = [0; COLUMNS];
        for length in &mut lengths {
            *length = usize::try_from(reader.number()?).ok()?;
        }
        let mut parts = [&[][..]; COLUMNS];
        for (part, length) in parts.iter_mut().zip(lengths) {
            *part = reader.bytes(length)?;
        }
        let [.., payloads, _, _, _, state_blocks] = parts;
        let bytes = [payloads, state_blocks].concat();
        let mut columns = parts.map(Reader::new);
        let [shape_of, addresses, sizes, numbers, payload_lengths, payload, target_column, tail_column, stray_column, states] =
            &mut columns;
        if count as usize > shape_of.left() || count as usize > addresses.left() {
            return None;
        }
        let mut slots = Vec::with_capacity(shapes.len());
        let mut width = 0;
        for shape in &shapes {
            slots.push(width);
            width += shape.edges.len();
        }
        let mut predicted = vec![0u64; width];
        let mut last_numbers = vec![0i64; shapes.len()];
        let mut tail_predictors = TailPredictors::new(shapes.len());
        let mut targets: Vec<u32> = Vec::with_capacity(target_column.left() + tail_column.left());
        let mut further: Vec<u64> = Vec::with_capacity(count as usize);
        let (mut strays, mut with_strays) = (Vec::new(), Vec::new());
        let mut records = Vec::with_capacity(count as usize);
        let (mut payload_at, mut state_at) = (0, payloads.len());
        for position in 0..count {
            let shape_index = usize::try_from(shape_of.number()?).ok()?;
            let shape = shapes.get(shape_index)?;
            address = address.wrapping_add(addresses.number()?.wrapping_mul(8));
            let before = targets.len();
            records.push(Record { address, shape: shape_index as u32, targets: before as u32, numbers: further.len() as u32 });
            if shape.size.is_none() {
                further.push(sizes.number()?);
            }
            if shape.tail != TailKind::Nothing {
                further.push(tail_column.number()?);
            }
            let tail_total = further.last().copied();
            let inline = match shape.value {
                ValueKind::Nothing => 0,
                ValueKind::Small => {
                    let number = last_numbers[shape_index].wrapping_add(unzigzag(numbers.number()?));
                    last_numbers[shape_index] = number;
                    further.push(number as u64);
                    0
                }
                ValueKind::LongText | ValueKind::LongBytes => {
                    further.push(payload_lengths.number()?);
                    0
                }
                ValueKind::Float => 8,
                ValueKind::Complex => 16,
                ValueKind::Big | ValueKind::Text | ValueKind::Bytes => payload_lengths.count(0)?,
            };
            if !matches!(shape.value, ValueKind::Nothing | ValueKind::Small | ValueKind::LongText | ValueKind::LongBytes) {
                payload.bytes(inline)?;
                further.push(place(payload_at, inline));
                payload_at += inline;
            }
            let slot = slots[shape_index];
            for known in predicted.get_mut(slot..slot + shape.edges.len())? {
                let coded = known.wrapping_add(unzigzag(target_column.number()?) as u64);
                if coded >= 2 {
                    *known = coded;
                }
                targets.push(narrow(coded));
            }
            if let (Some(total), true) = (tail_total, shape.tail != TailKind::Nothing) {
                let inline_count = (total % SEGMENT as u64) as usize;
                if inline_count > tail_column.left() {
                    return None;
                }
                let stride = if shape.tail == TailKind::Entries { 2 } else { 1 };
                tail_predictors.of(shape_index, shape.type_id).decode(inline_count, stride, tail_column, &mut targets)?;
            }
            let lost = targets[before..].iter().filter(|coded| **coded == STRAY).count();
            if lost > 0 {
                with_strays.push((position, strays.len() as u32));
                for _ in 0..lost {
                    strays.push(stray_column.number()?);
                }
            }
            if shape.state {
                let left = states.left();
                let block = states.block()?;
                state_at += left - states.left() - block.len();
                further.push(place(state_at, block.len()));
                state_at += block.len();
            }
        }
        targets.shrink_to_fit();
        further.shrink_to_fit();
        Some(Objects { first, shapes, bytes, records, targets, numbers: further, strays, with_strays })
    }

    /// The memory that it takes.
    pub fn footprint(&self) -> usize {
        self.bytes.len()
            + size_of_val(&self.records[..])
            + size_of_val(&self.targets[..])
            + size_of_val(&self.numbers[..])
            + size_of_val(&self.strays[..])
            + size_of_val(&self.with_strays[..])
            + self.shapes.iter().map(Shape::footprint).sum::<usize>()
    }

    fn strays_of(&self, position: usize) -> std::slice::Iter<'_, u64> {
        let found = self.with_strays.binary_search_by_key(&position, |(at, _)| *at as usize);
        let start = found.map_or(self.strays.len(), |at| self.with_strays[at].1 as usize);
        self.strays[start..].iter()
    }

    /// Number of objects.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The object with number `id`, if it is in this chunk.
    pub fn get(&self, id: u32) -> Option<DecodedObject<'_>> {
        let record = self.records.get(id.checked_sub(self.first)? as usize)?;
        Some(DecodedObject { chunk: self, record, id })
    }

    /// All objects, ascending.
    pub fn iter(&self) -> impl Iterator<Item = DecodedObject<'_>> {
        (self.first..).zip(&self.records).map(|(id, record)| DecodedObject { chunk: self, record, id })
    }

    /// The number of the object at `address`, if it is in this chunk: addresses ascend.
    pub fn at_address(&self, address: Address) -> Option<u32> {
        let at = self.records.binary_search_by_key(&address.0, |record| record.address).ok()?;
        Some(self.first + at as u32)
    }
}

/// A target that is an address without an object, as it is coded.
const STRAY: u32 = 1;

fn target_of(coded: u32, strays: &mut std::slice::Iter<'_, u64>) -> Target {
    match coded {
        0 => Target::Nothing,
        STRAY => Target::Stray(Address(strays.next().copied().unwrap_or(0))),
        id => Target::Object(id - 2),
    }
}

/// The predictors of tails by type, made as they are needed.
struct TailPredictors {
    /// By shape.
    known: Vec<Option<usize>>,
    of_type: BTreeMap<u32, usize>,
    all: Vec<TailPredictor>,
}

impl TailPredictors {
    fn new(shapes: usize) -> TailPredictors {
        TailPredictors { known: vec![None; shapes], of_type: BTreeMap::new(), all: Vec::new() }
    }

    fn of(&mut self, shape: usize, type_id: u32) -> &mut TailPredictor {
        let at = *self.known[shape].get_or_insert_with(|| {
            *self.of_type.entry(type_id).or_insert_with(|| {
                self.all.push(TailPredictor::default());
                self.all.len() - 1
            })
        });
        &mut self.all[at]
    }
}

impl<'a> DecodedObject<'a> {
    /// Its shape.
    pub fn shape(&self) -> &'a Shape {
        &self.chunk.shapes[self.record.shape as usize]
    }

    /// Its address in the target.
    pub fn address(&self) -> Address {
        Address(self.record.address)
    }

    fn number(&self, at: usize) -> u64 {
        self.chunk.numbers.get(self.record.numbers as usize + at).copied().unwrap_or(0)
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.shape().size.unwrap_or_else(|| self.number(0))
    }

    /// Its value.
    pub fn value(&self) -> Decoded<'a> {
        let shape = self.shape();
        if shape.value == ValueKind::Nothing {
            return Decoded::Nothing;
        }
        let [_, at, _] = places(shape);
        let number = self.number(at);
        let bytes = || bytes_at(&self.chunk.bytes, number);
        let double = |bytes: &[u8], at: usize| {
            let eight = bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok());
            f64::from_le_bytes(eight.unwrap_or_default())
        };
        match shape.value {
            ValueKind::Nothing => Decoded::Nothing,
            ValueKind::Small => Decoded::Small(number as i64),
            ValueKind::Big => match bytes().split_first() {
                Some((sign, magnitude)) => Decoded::Big(*sign != 0, magnitude),
                None => Decoded::Small(0),
            },
            ValueKind::Float => Decoded::Float(double(bytes(), 0)),
            ValueKind::Complex => Decoded::Complex(double(bytes(), 0), double(bytes(), 8)),
            ValueKind::Text => Decoded::Text(bytes()),
            ValueKind::Bytes => Decoded::Bytes(bytes()),
            ValueKind::LongText => Decoded::LongText(number),
            ValueKind::LongBytes => Decoded::LongBytes(number),
        }
    }

    /// The targets of the edges, and those of the tail that lie in this chunk.
    fn coded(&self) -> (&'a [u32], &'a [u32]) {
        let targets = &self.chunk.targets[self.record.targets as usize..];
        let (edges, rest) = targets.split_at(self.shape().edges.len());
        (edges, &rest[..(self.tail_total() % SEGMENT as u64) as usize])
    }

    fn strays(&self) -> std::slice::Iter<'a, u64> {
        self.chunk.strays_of((self.id - self.chunk.first) as usize)
    }

    /// The labelled edges, in order.
    pub fn edges(&self) -> impl Iterator<Item = (EdgeKind, &'a LabelName, Target)> + use<'a> {
        let mut strays = self.strays();
        let (edges, _) = self.coded();
        self.shape().edges.iter().zip(edges).map(move |((kind, name), coded)| (*kind, name, target_of(*coded, &mut strays)))
    }

    /// The part of the tail that lies in this chunk: its last `tail_total % SEGMENT` positions. Keys and values in turn
    /// when the tail is entries.
    pub fn inline_tail(&self) -> impl ExactSizeIterator<Item = Target> + use<'a> {
        let mut strays = self.strays();
        let (edges, tail) = self.coded();
        edges.iter().filter(|coded| **coded == STRAY).for_each(|_| {
            strays.next();
        });
        tail.iter().map(move |coded| target_of(*coded, &mut strays))
    }

    /// Length of the whole tail: elements, or twice the entries.
    pub fn tail_total(&self) -> u64 {
        let shape = self.shape();
        if shape.tail == TailKind::Nothing { 0 } else { self.number(places(shape)[0]) }
    }

    /// Reducer state, a CBOR item.
    pub fn state(&self) -> Option<&'a [u8]> {
        let shape = self.shape();
        shape.state.then(|| bytes_at(&self.chunk.bytes, self.number(places(shape)[2])))
    }
}

/// Decodes the payload of an elements chunk: the position of the first element, and the targets.
pub fn decode_segment(raw: &[u8]) -> Option<(u64, Vec<Target>)> {
    let mut reader = Reader::new(raw);
    let position = reader.number()?;
    let stride = usize::from(reader.byte()?);
    let count = reader.count(1)?;
    let mut coded = Vec::with_capacity(count);
    TailPredictor::default().decode(count, stride, &mut reader, &mut coded)?;
    let mut strays = Vec::new();
    for _ in coded.iter().filter(|coded| **coded == STRAY) {
        strays.push(reader.number()?);
    }
    let mut strays = strays.iter();
    Some((position, coded.iter().map(|coded| target_of(*coded, &mut strays)).collect()))
}
