//! One object of a dump.

use std::collections::BTreeMap;
use std::sync::Arc;

use heapsake_core::Address;
use heapsake_core::format::records::Reduction;
use heapsake_core::format::varint::Reader;
use heapsake_core::format::{Decoded, DecodedObject, LabelName, Objects, SEGMENT, TailKind, Target, decode_segment};
use heapsake_core::heap::{EdgeKind, TypeDescription, TypeKind};
use heapsake_core::reduce::Reason;

use crate::dump::Dump;
use crate::fault::FaultKind;

/// The number of an object in its dump.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ObjectId(pub u32);

/// The most bytes of one value that are put together; what is beyond is cut, with a fault.
const LONGEST_VALUE: u64 = 1 << 32;

/// A plain value.
#[derive(Clone, PartialEq, Debug)]
pub enum PlainValue {
    /// None: the object is no plain value, or its value is not in the dump.
    Nothing,
    /// An integer of 64 bits.
    Int(i64),
    /// A larger one.
    BigInt {
        /// Whether it is below zero.
        negative: bool,
        /// Its magnitude, little endian.
        magnitude: Vec<u8>,
    },
    /// A double.
    Float(f64),
    /// Real and imaginary part.
    Complex(f64, f64),
    /// Text as WTF-8: UTF-8 with lone surrogates.
    Text(Vec<u8>),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A labelled edge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edge {
    /// What it means.
    pub kind: EdgeKind,
    /// Its name.
    pub name: LabelName,
    /// Where it leads.
    pub target: Target,
}

/// An object. Cheap to make; it keeps its chunk decoded while it lives.
#[derive(Clone, Debug)]
pub struct Object<'d> {
    dump: &'d Dump,
    id: ObjectId,
    chunk: Option<Arc<Objects>>,
}

impl<'d> Object<'d> {
    pub(crate) fn new(dump: &'d Dump, id: ObjectId, chunk: Option<Arc<Objects>>) -> Object<'d> {
        Object { dump, id, chunk }
    }

    /// The dump.
    pub fn dump(&self) -> &'d Dump {
        self.dump
    }

    /// Its number.
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// As it was decoded; none when it is lost.
    pub fn decoded(&self) -> Option<DecodedObject<'_>> {
        self.chunk.as_ref()?.get(self.id.0)
    }

    /// Its address in the target; null when it is lost.
    pub fn address(&self) -> Address {
        self.decoded().map_or(Address::NULL, |object| object.address())
    }

    /// Its size in bytes, out-of-line buffers included.
    pub fn size(&self) -> u64 {
        self.decoded().map_or(0, |object| object.size())
    }

    /// Its type; none when it is lost, or the types are.
    pub fn type_description(&self) -> Option<&'d TypeDescription> {
        self.dump.types().get(self.decoded()?.shape().type_id as usize)
    }

    /// The qualified name of its type; empty when it is lost.
    pub fn type_name(&self) -> &'d str {
        self.type_description().map_or("", |description| description.name.as_str())
    }

    /// What its values look like.
    pub fn kind(&self) -> TypeKind {
        self.type_description().map_or(TypeKind::Object, |description| description.kind)
    }

    /// Why it is not complete, and what exactly.
    pub fn surrogate(&self) -> Option<(Reason, String)> {
        match self.decoded() {
            Some(object) => object.shape().surrogate.clone(),
            None => Some((Reason::Lost, String::new())),
        }
    }

    /// Its value.
    pub fn value(&self) -> PlainValue {
        let Some(object) = self.decoded() else { return PlainValue::Nothing };
        match object.value() {
            Decoded::Nothing => PlainValue::Nothing,
            Decoded::Small(number) => PlainValue::Int(number),
            // Earlier writers stored some in this form that 64 bits hold.
            Decoded::Big(negative, magnitude) => match small(negative, magnitude) {
                Some(number) => PlainValue::Int(number),
                None => PlainValue::BigInt { negative, magnitude: magnitude.to_vec() },
            },
            Decoded::Float(number) => PlainValue::Float(number),
            Decoded::Complex(real, imaginary) => PlainValue::Complex(real, imaginary),
            Decoded::Text(text) => PlainValue::Text(text.to_vec()),
            Decoded::Bytes(bytes) => PlainValue::Bytes(bytes.to_vec()),
            Decoded::LongText(length) => PlainValue::Text(self.payload(0, length)),
            Decoded::LongBytes(length) if self.kind() == TypeKind::Int => self.long_integer(length),
            Decoded::LongBytes(length) => PlainValue::Bytes(self.payload(0, length)),
        }
    }

    /// A number of more digits than its chunk had room for: its sign and magnitude lie in chunks of their own. A part of it would
    /// be another number.
    fn long_integer(&self, length: u64) -> PlainValue {
        let bytes = self.payload(0, length);
        match bytes.split_first() {
            Some((sign, magnitude)) if bytes.len() as u64 == length => {
                PlainValue::BigInt { negative: *sign != 0, magnitude: magnitude.to_vec() }
            }
            _ => PlainValue::Nothing,
        }
    }

    /// The text of a text object, without copying where it lies in one piece; none for others.
    pub fn with_text<T>(&self, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
        match self.decoded()?.value() {
            Decoded::Text(text) => Some(read(text)),
            Decoded::LongText(length) => Some(read(&self.payload(0, length))),
            _ => None,
        }
    }

    /// The text of a text object; lone surrogates become replacement characters.
    pub fn text(&self) -> Option<String> {
        self.with_text(|text| String::from_utf8_lossy(text).into_owned())
    }

    /// Length of the value in bytes, for texts and bytes.
    pub fn value_length(&self) -> Option<u64> {
        match self.decoded()?.value() {
            Decoded::Text(bytes) | Decoded::Bytes(bytes) => Some(bytes.len() as u64),
            Decoded::LongText(length) | Decoded::LongBytes(length) => Some(length),
            _ => None,
        }
    }

    /// The first `length` bytes of a text or of bytes.
    pub fn value_head(&self, length: u64) -> Vec<u8> {
        match self.decoded().map(|object| object.value().clone()) {
            Some(Decoded::Text(bytes) | Decoded::Bytes(bytes)) => bytes[..bytes.len().min(length as usize)].to_vec(),
            Some(Decoded::LongText(whole) | Decoded::LongBytes(whole)) => self.payload(0, whole.min(length)),
            _ => Vec::new(),
        }
    }

    /// At most `length` bytes of a value from `from` on; fewer where it ends or its chunks are lost.
    pub fn value_part(&self, from: u64, length: u64) -> Vec<u8> {
        let Some(object) = self.decoded() else { return Vec::new() };
        match object.value() {
            Decoded::Text(bytes) | Decoded::Bytes(bytes) => {
                let end = from.saturating_add(length).min(bytes.len() as u64);
                bytes.get(from as usize..end as usize).unwrap_or_default().to_vec()
            }
            Decoded::LongText(whole) | Decoded::LongBytes(whole) if from < whole => {
                self.payload_part(from, length.min(whole - from))
            }
            _ => Vec::new(),
        }
    }

    /// Bytes of a value that lies in payload chunks, from those chunks alone, up to the first that is lost.
    fn payload_part(&self, from: u64, length: u64) -> Vec<u8> {
        let chunks = self.dump.payload_chunks.get(&self.id.0).map_or(&[][..], Vec::as_slice);
        let holds = format!("the value of object {}", self.id.0);
        let mut bytes = Vec::new();
        // Pieces are of one size and in order, so the first of them says where the wanted one is; damage moves it forward.
        let piece = |number: usize| -> Option<(u64, Vec<u8>)> {
            let (_, raw) = self.dump.container.payload(*chunks.get(number)?, &holds)?;
            let mut reader = Reader::new(&raw);
            let start = reader.number()?;
            Some((start, reader.bytes(reader.left()).unwrap_or_default().to_vec()))
        };
        const PIECE: u64 = 1 << 20;
        let mut number = ((from / PIECE) as usize).min(chunks.len().saturating_sub(1));
        while number > 0 && piece(number).is_none_or(|(start, _)| start > from) {
            number -= 1;
        }
        while (bytes.len() as u64) < length && number < chunks.len() {
            let wanted = from + bytes.len() as u64;
            number += 1;
            let Some((start, held)) = piece(number - 1) else { continue };
            let Some(skip) = wanted.checked_sub(start) else { break };
            let left = (length - bytes.len() as u64) as usize;
            bytes.extend(held.get(skip as usize..).unwrap_or_default().iter().take(left));
        }
        bytes
    }

    /// Bytes of a value that lies in payload chunks; bytes of lost chunks are zero.
    fn payload(&self, from: u64, length: u64) -> Vec<u8> {
        let chunks = self.dump.payload_chunks.get(&self.id.0).map_or(&[][..], Vec::as_slice);
        let holds = format!("the value of object {}", self.id.0);
        let mut bytes = Vec::new();
        for offset in chunks {
            let Some((_, raw)) = self.dump.container.payload(*offset, &holds) else { continue };
            let mut reader = Reader::new(&raw);
            let Some(start) = reader.number() else { continue };
            let piece = reader.bytes(reader.left()).unwrap_or_default();
            if start < from || start - from >= length.min(LONGEST_VALUE) {
                continue;
            }
            let at = (start - from) as usize;
            let end = (at + piece.len()).min(length as usize);
            // Bounded by the pieces that are there: a gap before this one is no longer than the file.
            if at as u64 > self.dump.container.len().saturating_mul(1 << 10) {
                continue;
            }
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[at..end].copy_from_slice(&piece[..end - at]);
        }
        if (bytes.len() as u64) < length {
            let missing = length - bytes.len() as u64;
            self.dump.container.fault(0, FaultKind::Missing, format!("{holds}: {missing} bytes are lost"));
        }
        bytes
    }

    /// The labelled edges, in order.
    pub fn edges(&self) -> Vec<Edge> {
        let Some(object) = self.decoded() else { return Vec::new() };
        object.edges().map(|(kind, name, target)| Edge { kind, name: name.clone(), target }).collect()
    }

    /// Whether it has elements, entries, or neither.
    pub fn tail_kind(&self) -> TailKind {
        self.decoded().map_or(TailKind::Nothing, |object| object.shape().tail)
    }

    /// Number of elements or entries.
    pub fn len(&self) -> u64 {
        let Some(object) = self.decoded() else { return 0 };
        match object.shape().tail {
            TailKind::Nothing => 0,
            TailKind::Elements => object.tail_total(),
            TailKind::Entries => object.tail_total() / 2,
        }
    }

    /// Whether it has no elements and no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Targets of the tail from position `from` on, at most `count`: keys and values in turn when it is entries. Lost ones
    /// are [`Target::Nothing`].
    fn tail(&self, from: u64, count: u64) -> Vec<Target> {
        let Some(object) = self.decoded() else { return Vec::new() };
        let total = object.tail_total();
        let inline_from = total - object.inline_tail().len() as u64;
        let end = from.saturating_add(count).min(total);
        let mut targets = Vec::new();
        if from >= end {
            return targets;
        }
        if from < inline_from {
            let segments = self.dump.element_chunks.get(&self.id.0).map_or(&[][..], Vec::as_slice);
            let holds = format!("elements of object {}", self.id.0);
            let wanted = end.min(inline_from);
            let segment = |offset: u64| {
                let (_, raw) = self.dump.container.payload(offset, &holds)?;
                decode_segment(&raw)
            };
            // Where a segment is not at its place, as in a damaged file: all of them by their positions.
            let mut elsewhere: Option<BTreeMap<u64, u64>> = None;
            let mut at = from;
            while at < wanted {
                let number = at / SEGMENT as u64;
                let start = number * SEGMENT as u64;
                let guessed = segments.get(number as usize).and_then(|offset| segment(*offset));
                let decoded = guessed.filter(|(position, _)| *position == start).or_else(|| {
                    let elsewhere = elsewhere.get_or_insert_with(|| {
                        segments.iter().filter_map(|offset| Some((segment(*offset)?.0, *offset))).collect()
                    });
                    segment(*elsewhere.get(&start)?)
                });
                if decoded.is_none() {
                    let what = format!("{holds}: some of them are lost");
                    self.dump.container.fault(0, FaultKind::Missing, what);
                    // A damaged file is not believed when it speaks of more of them than it has room for.
                    if wanted - at > self.dump.container.len().saturating_mul(64).min(1 << 26) {
                        break;
                    }
                }
                let upto = (start + SEGMENT as u64).min(wanted);
                if let Some((position, part)) = decoded {
                    let range = (at - position) as usize..((upto - position) as usize).min(part.len());
                    targets.extend(part.get(range).unwrap_or_default());
                }
                // What a damaged segment lacks is nothing, so that later positions stay right.
                targets.resize((upto - from) as usize, Target::Nothing);
                at = upto;
            }
        }
        if end > inline_from {
            let skip = from.saturating_sub(inline_from) as usize;
            let take = (end - from.max(inline_from)) as usize;
            targets.extend(object.inline_tail().skip(skip).take(take));
        }
        targets
    }

    /// Elements from `from` on, at most `count`.
    pub fn elements(&self, from: u64, count: u64) -> Vec<Target> {
        if self.tail_kind() == TailKind::Elements { self.tail(from, count) } else { Vec::new() }
    }

    /// Entries from `from` on, at most `count`: keys and values.
    pub fn entries(&self, from: u64, count: u64) -> Vec<(Target, Target)> {
        if self.tail_kind() != TailKind::Entries {
            return Vec::new();
        }
        let flat = self.tail(from.saturating_mul(2), count.saturating_mul(2));
        flat.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
    }

    /// Facts that are no objects, by name.
    pub fn state(&self) -> Vec<(String, ciborium::Value)> {
        let Some(object) = self.decoded() else { return Vec::new() };
        let Some(bytes) = object.state() else { return Vec::new() };
        match ciborium::from_reader::<ciborium::Value, _>(bytes) {
            Ok(ciborium::Value::Map(entries)) => {
                entries.into_iter().filter_map(|(name, value)| Some((name.into_text().ok()?, value))).collect()
            }
            Ok(other) => vec![("state".to_owned(), other)],
            Err(problem) => {
                self.dump.container.fault(0, FaultKind::Undecodable, format!("facts of object {}: {problem}", self.id.0));
                Vec::new()
            }
        }
    }

    /// What a reducer that ran after the capture made of it; none when there was none, or when it failed.
    pub fn reduction(&self) -> Option<&'d Reduction> {
        self.annotated().filter(|reduction| reduction.failure.is_none())
    }

    /// The reducer that failed for it, and why.
    pub fn reducer_failure(&self) -> Option<(&'d str, &'d str)> {
        let reduction = self.annotated()?;
        Some((reduction.origin.as_str(), reduction.failure.as_deref()?))
    }

    fn annotated(&self) -> Option<&'d Reduction> {
        self.dump.annotated().of(self.id)
    }

    /// The object that a target leads to.
    pub fn follow(&self, target: Target) -> Option<Object<'d>> {
        match target {
            Target::Object(id) => Some(self.dump.object(ObjectId(id))),
            Target::Nothing | Target::Stray(_) => None,
        }
    }
}

/// A number by sign and magnitude, where 64 bits hold it.
fn small(negative: bool, magnitude: &[u8]) -> Option<i64> {
    if magnitude.len() > 8 {
        return None;
    }
    let number = magnitude.iter().rev().fold(0i128, |number, byte| number << 8 | i128::from(*byte));
    i64::try_from(if negative { -number } else { number }).ok()
}
