//! The decoder of objects chunks.
//!
//! Objects of one *shape* (type, labels of the edges, what else there is) share one entry of the chunk's shape table, so
//! an object is little more than a shape number and the numbers of its targets. Targets are predicted from the object of
//! the same shape before, and only the difference is stored. Everything is relative to the chunk: it decodes alone.

use crate::address::Address;
use crate::heap::EdgeKind;

use super::columns::{COLUMNS, SEGMENT, TailPredictor};
use super::shape::{Coded, LabelName, Shape, TailKind, ValueKind};
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

/// A decoded objects chunk.
#[derive(Clone, Debug)]
pub struct Objects {
    /// Number of the first object.
    pub first: u32,
    /// The shape table.
    pub shapes: Vec<Shape>,
    raw: Vec<u8>,
    records: Vec<Record>,
    targets: Vec<u64>,
    tails: Vec<u64>,
    strays: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    shape: u32,
    targets: u32,
    tail: u32,
    strays: u32,
    address: u64,
    size: u64,
    tail_total: u64,
    /// A number, or the length of a payload.
    value: i64,
    /// Where the payload starts in the raw bytes.
    payload: u32,
    state: u32,
    state_length: u32,
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
    pub fn decode(first: u32, count: u32, raw: Vec<u8>) -> Option<Objects> {
        let total = raw.len();
        let mut reader = Reader::new(&raw);
        let shapes = Self::shapes(&mut reader)?;
        let mut address = reader.number()?;
        let mut lengths = [0; COLUMNS];
        for length in &mut lengths {
            *length = usize::try_from(reader.number()?).ok()?;
        }
        let mut columns = [(); COLUMNS].map(|()| Reader::new(&[]));
        let mut starts = [0; COLUMNS];
        for ((column, start), length) in columns.iter_mut().zip(&mut starts).zip(lengths) {
            *start = total - reader.left();
            *column = Reader::new(reader.bytes(length)?);
        }
        let [shape_of, addresses, sizes, numbers, payload_lengths, payload, target_column, tail_column, stray_column, states] =
            &mut columns;
        if count as usize > shape_of.left() || count as usize > addresses.left() {
            return None;
        }
        let widest = shapes.iter().map(|shape| shape.edges.len()).collect::<Vec<_>>();
        let mut predicted: Vec<u64> = vec![0; widest.iter().sum()];
        let mut slots = Vec::with_capacity(shapes.len());
        let mut at = 0;
        for width in &widest {
            slots.push(at);
            at += width;
        }
        let mut last_numbers = vec![0i64; shapes.len()];
        let mut tail_predictors = std::collections::BTreeMap::<u32, TailPredictor>::new();
        let (mut targets, mut tails, mut strays) = (Vec::new(), Vec::new(), Vec::new());
        let mut records = Vec::with_capacity(count as usize);
        let (mut payload_at, mut state_at) = (starts[5], starts[9]);
        for _ in 0..count {
            let shape_index = usize::try_from(shape_of.number()?).ok()?;
            let shape = shapes.get(shape_index)?;
            address = address.wrapping_add(addresses.number()?.wrapping_mul(8));
            let size = match shape.size {
                Some(size) => size,
                None => sizes.number()?,
            };
            let mut record = Record {
                shape: shape_index as u32,
                targets: targets.len() as u32,
                tail: tails.len() as u32,
                strays: strays.len() as u32,
                address,
                size,
                tail_total: 0,
                value: 0,
                payload: payload_at as u32,
                state: state_at as u32,
                state_length: 0,
            };
            let mut inline = 0;
            match shape.value {
                ValueKind::Nothing => {}
                ValueKind::Small => {
                    let number = last_numbers[shape_index].wrapping_add(unzigzag(numbers.number()?));
                    last_numbers[shape_index] = number;
                    record.value = number;
                }
                ValueKind::Float => inline = 8,
                ValueKind::Complex => inline = 16,
                ValueKind::Big | ValueKind::Text | ValueKind::Bytes => {
                    inline = payload_lengths.count(0)?;
                    record.value = inline as i64;
                }
                ValueKind::LongText | ValueKind::LongBytes => record.value = payload_lengths.number()? as i64,
            }
            payload.bytes(inline)?;
            payload_at += inline;
            let before = targets.len();
            for slot in 0..shape.edges.len() {
                let place = predicted.get_mut(slots[shape_index] + slot)?;
                let coded = place.wrapping_add(unzigzag(target_column.number()?) as u64);
                if coded >= 2 {
                    *place = coded;
                }
                targets.push(coded);
            }
            let tail_before = tails.len();
            if shape.tail != TailKind::Nothing {
                record.tail_total = tail_column.number()?;
                let inline_count = (record.tail_total % SEGMENT as u64) as usize;
                if inline_count > tail_column.left() {
                    return None;
                }
                let stride = if shape.tail == TailKind::Entries { 2 } else { 1 };
                let predictor = tail_predictors.entry(shape.type_id).or_default();
                predictor.decode(inline_count, stride, tail_column, &mut tails)?;
            }
            for coded in targets[before..].iter().chain(&tails[tail_before..]) {
                if *coded == Coded::STRAY.0 {
                    strays.push(stray_column.number()?);
                }
            }
            if shape.state {
                let left = states.left();
                let block = states.block()?;
                state_at += left - states.left() - block.len();
                record.state = state_at as u32;
                record.state_length = block.len() as u32;
                state_at += block.len();
            }
            records.push(record);
        }
        Some(Objects { first, shapes, raw, records, targets, tails, strays })
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

fn target_of(coded: u64, strays: &mut std::slice::Iter<'_, u64>) -> Target {
    match coded {
        0 => Target::Nothing,
        1 => Target::Stray(Address(strays.next().copied().unwrap_or(0))),
        id => u32::try_from(id - 2).map_or(Target::Nothing, Target::Object),
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

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.record.size
    }

    /// Its value.
    pub fn value(&self) -> Decoded<'a> {
        let start = self.record.payload as usize;
        let bytes = |length: usize| self.chunk.raw.get(start..start + length).unwrap_or_default();
        let double = |at: usize| {
            let eight = bytes(16.min(at + 8)).get(at..at + 8).and_then(|eight| eight.try_into().ok());
            f64::from_le_bytes(eight.unwrap_or_default())
        };
        let length = self.record.value as usize;
        match self.shape().value {
            ValueKind::Nothing => Decoded::Nothing,
            ValueKind::Small => Decoded::Small(self.record.value),
            ValueKind::Big => match bytes(length).split_first() {
                Some((sign, magnitude)) => Decoded::Big(*sign != 0, magnitude),
                None => Decoded::Small(0),
            },
            ValueKind::Float => Decoded::Float(double(0)),
            ValueKind::Complex => Decoded::Complex(double(0), double(8)),
            ValueKind::Text => Decoded::Text(bytes(length)),
            ValueKind::Bytes => Decoded::Bytes(bytes(length)),
            ValueKind::LongText => Decoded::LongText(self.record.value as u64),
            ValueKind::LongBytes => Decoded::LongBytes(self.record.value as u64),
        }
    }

    fn coded(&self) -> (&'a [u64], &'a [u64]) {
        let start = self.record.targets as usize;
        let edges = &self.chunk.targets[start..start + self.shape().edges.len()];
        let start = self.record.tail as usize;
        let count = (self.record.tail_total % SEGMENT as u64) as usize;
        let tail = if self.shape().tail == TailKind::Nothing { &[][..] } else { &self.chunk.tails[start..start + count] };
        (edges, tail)
    }

    /// The labelled edges, in order.
    pub fn edges(&self) -> impl Iterator<Item = (EdgeKind, &'a LabelName, Target)> + use<'a> {
        let mut strays = self.chunk.strays[self.record.strays as usize..].iter();
        let (edges, _) = self.coded();
        self.shape().edges.iter().zip(edges).map(move |((kind, name), coded)| (*kind, name, target_of(*coded, &mut strays)))
    }

    /// The part of the tail that lies in this chunk: its last `tail_total % SEGMENT` positions. Keys and values in turn
    /// when the tail is entries.
    pub fn inline_tail(&self) -> impl ExactSizeIterator<Item = Target> + use<'a> {
        let mut strays = self.chunk.strays[self.record.strays as usize..].iter();
        let (edges, tail) = self.coded();
        edges.iter().filter(|coded| **coded == 1).for_each(|_| {
            strays.next();
        });
        tail.iter().map(move |coded| target_of(*coded, &mut strays))
    }

    /// Length of the whole tail: elements, or twice the entries.
    pub fn tail_total(&self) -> u64 {
        self.record.tail_total
    }

    /// Reducer state, a CBOR item.
    pub fn state(&self) -> Option<&'a [u8]> {
        let start = self.record.state as usize;
        let state = self.chunk.raw.get(start..start + self.record.state_length as usize)?;
        self.shape().state.then_some(state)
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
    for _ in coded.iter().filter(|coded| **coded == 1) {
        strays.push(reader.number()?);
    }
    let mut strays = strays.iter();
    Some((position, coded.iter().map(|coded| target_of(*coded, &mut strays)).collect()))
}
