//! The writing pass: objects in address order into the columns of object chunks.

mod payload;

use std::io;

use rustc_hash::FxHashMap;

use super::brief::Brief;
use super::marks::Numbers;
use super::occupied::Occupied;
use super::redaction::{Redaction, Redactor};
use super::written::Written;
use crate::address::Address;
use crate::format::varint::{self, zigzag};
use crate::format::{
    ChunkKind, Coded, Columns, LabelName, OBJECTS_RAW_LENGTH, SEGMENT, Shape, TailKind, TailPredictor, ValueKind, Writer, cbor,
    encode_segment,
};
use crate::heap::{EdgeKind, Heap, Name, Sink, Text, TypeId, Value};
use crate::reduce::{Failure, Reason};

/// Objects of one chunk at most, so that numbers within a chunk stay small.
const OBJECTS_PER_CHUNK: u32 = 64 << 10;
/// Larger objects have their size in a column, so that equal shapes share an entry.
const FIXED_SIZE: u64 = 256;
/// Interned label texts have this bit set; the others are addresses or, with [`INDEX`], numbers.
const TEXT: u64 = 1 << 63;
const INDEX: u64 = 1 << 62;
const NO_SHAPE: u32 = u32::MAX;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Label {
    kind: EdgeKind,
    key: u64,
}

#[derive(Debug)]
struct OpenShape {
    shape: Shape,
    labels: Vec<Label>,
    predicted: Vec<u64>,
    last_number: i64,
    /// The shape of the same type that was opened before.
    before: u32,
}

/// What the open chunk knows of a type.
#[derive(Debug)]
struct OfType {
    /// The shape that was opened last.
    newest: u32,
    /// The last shape without labels, state and surrogate: its value, tail and size, and its number.
    plain: Option<((ValueKind, TailKind, Option<u64>), u32)>,
    predictor: TailPredictor,
}

impl Default for OfType {
    fn default() -> Self {
        OfType { newest: NO_SHAPE, plain: None, predictor: TailPredictor::default() }
    }
}

/// Writes objects.
pub(crate) struct ObjectWriter<'a, 'w> {
    /// Bytes beyond which a value alone is too large.
    most: u64,
    numbers: &'a Numbers,
    redactor: &'a Redactor,
    writer: &'a mut Writer<'w>,
    columns: Columns,
    raw: Vec<u8>,
    shapes: Vec<OpenShape>,
    /// By type; what is of an earlier chunk does not count.
    of_type: Vec<OfType>,
    texts: FxHashMap<Box<str>, u32>,
    text_of: Vec<Box<str>>,
    first: u32,
    count: u32,
    first_address: u64,
    last_address: u64,
    shape_bytes: usize,
    pub(crate) written: Written,
    pub(crate) occupied: Occupied,
    /// One past the highest type number told.
    pub(crate) types_met: u32,
    error: Option<io::Error>,
    // The object that is being told.
    id: u32,
    address: Address,
    type_id: u32,
    size: u64,
    /// How much of the size lies apart.
    apart: u64,
    value: ValueKind,
    number: i64,
    marks: (usize, usize),
    labels: Vec<Label>,
    targets: Vec<u64>,
    target_strays: Vec<u64>,
    tail: Vec<u64>,
    tail_strays: Vec<u64>,
    tail_spilled: u64,
    tail_kind: TailKind,
    state: Option<Vec<u8>>,
    withheld: Option<String>,
    /// What is said of a value of which only the head is there.
    cut: Option<String>,
}

impl<'a, 'w> ObjectWriter<'a, 'w> {
    pub(crate) fn new(
        numbers: &'a Numbers,
        redactor: &'a Redactor,
        writer: &'a mut Writer<'w>,
        occupied: Occupied,
        most: u64,
    ) -> ObjectWriter<'a, 'w> {
        ObjectWriter {
            most,
            numbers,
            redactor,
            writer,
            columns: Columns::default(),
            raw: Vec::new(),
            shapes: Vec::new(),
            of_type: Vec::new(),
            texts: FxHashMap::default(),
            text_of: Vec::new(),
            first: 0,
            count: 0,
            first_address: 0,
            last_address: 0,
            shape_bytes: 0,
            written: Written::default(),
            occupied,
            types_met: 0,
            error: None,
            id: 0,
            address: Address::NULL,
            type_id: 0,
            size: 0,
            apart: 0,
            value: ValueKind::Nothing,
            number: 0,
            marks: (0, 0),
            labels: Vec::new(),
            targets: Vec::new(),
            target_strays: Vec::new(),
            tail: Vec::new(),
            tail_strays: Vec::new(),
            tail_spilled: 0,
            tail_kind: TailKind::Nothing,
            state: None,
            withheld: None,
            cut: None,
        }
    }

    /// Writes the next object, which has the next number; `visited` is whether the marking pass came to it.
    pub(crate) fn object<H: Heap>(&mut self, heap: &mut H, address: Address, visited: bool) -> io::Result<()> {
        self.address = address;
        self.type_id = 0;
        self.size = 0;
        self.apart = 0;
        self.value = ValueKind::Nothing;
        self.marks = (self.columns.lengths.len(), self.columns.payload.len());
        self.labels.clear();
        self.targets.clear();
        self.target_strays.clear();
        self.tail.clear();
        self.tail_strays.clear();
        self.tail_spilled = 0;
        self.tail_kind = TailKind::Nothing;
        self.state = None;
        self.withheld = None;
        self.cut = None;
        let mut failure = if visited { heap.reduce(address, self).err() } else { Some(self.beyond_budget(heap, address)) };
        if !visited {
            // Nothing was told but type and size.
        } else if let Some(placeholder) = self.withheld.take() {
            self.forget_value();
            failure.get_or_insert(Failure::new(Reason::Redacted, placeholder));
        } else if let Some(told) = self.cut.take() {
            failure = Some(match failure {
                None => Failure::new(Reason::Budget, told),
                Some(failure) => Failure::new(failure.reason, format!("{}; of its value {told}", failure.detail)),
            });
        }
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.finish(heap, failure);
        self.id += 1;
        // Adding up ten columns for each of millions of objects would show.
        let full =
            self.count.is_multiple_of(32) || self.tail.len() > 1000 || self.value == ValueKind::Text || self.state.is_some();
        if full && (self.columns.len() + self.shape_bytes >= OBJECTS_RAW_LENGTH || self.count >= OBJECTS_PER_CHUNK) {
            self.flush()?;
        }
        Ok(())
    }

    /// An object that the marking pass did not come to: its type and size, and nothing that it holds.
    #[cold]
    fn beyond_budget<H: Heap>(&mut self, heap: &mut H, address: Address) -> Failure {
        let mut brief = Brief::default();
        let _ = heap.reduce(address, &mut brief);
        (self.type_id, self.size) = (brief.type_id, brief.size);
        self.types_met = self.types_met.max(self.type_id + 1);
        Failure::new(Reason::Budget, "")
    }

    #[inline]
    fn coded(&mut self, target: Address, tail: bool) -> u64 {
        if target.is_null() {
            return Coded::NOTHING.0;
        }
        self.written.edges += 1;
        if let Some(id) = self.numbers.id(target) {
            return Coded::object(id).0;
        }
        self.written.strays += 1;
        if tail { &mut self.tail_strays } else { &mut self.target_strays }.push(target.0);
        Coded::STRAY.0
    }

    #[inline]
    fn push_tail(&mut self, target: Address) {
        let coded = self.coded(target, true);
        self.tail.push(coded);
    }

    fn spill(&mut self) {
        let stride = if self.tail_kind == TailKind::Entries { 2 } else { 1 };
        let segment = encode_segment(self.tail_spilled, stride, &self.tail, &self.tail_strays);
        let written = self.writer.chunk(ChunkKind::Elements, self.id, self.tail.len() as u32, &segment);
        self.keep(written);
        self.tail_spilled += self.tail.len() as u64;
        self.tail.clear();
        self.tail_strays.clear();
    }

    fn keep(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.error.get_or_insert(error);
        }
    }

    /// What the open chunk knows of the object's type. Numbers of types are dense.
    #[inline]
    fn of_type(&mut self) -> &mut OfType {
        let at = self.type_id as usize;
        if at >= self.of_type.len() {
            self.of_type.resize_with(at + 1, OfType::default);
        }
        &mut self.of_type[at]
    }

    fn text_key(&mut self, text: &str) -> u64 {
        if let Some(known) = self.texts.get(text) {
            return TEXT | u64::from(*known);
        }
        let number = self.text_of.len() as u32;
        self.texts.insert(text.into(), number);
        self.text_of.push(text.into());
        TEXT | u64::from(number)
    }

    fn fits(&self, open: &OpenShape, size: Option<u64>, surrogate: Option<&Failure>) -> bool {
        let shape = &open.shape;
        shape.value == self.value
            && shape.size == size
            && shape.tail == self.tail_kind
            && shape.state == self.state.is_some()
            && open.labels == self.labels
            && match (&shape.surrogate, surrogate) {
                (None, None) => true,
                (Some((reason, detail)), Some(failure)) => *reason == failure.reason && *detail == failure.detail,
                _ => false,
            }
    }

    /// The shape of the object that was told. Objects that refer to nothing by name are known by three numbers.
    #[inline]
    fn shape<H: Heap>(&mut self, heap: &H, size: Option<u64>, surrogate: Option<&Failure>) -> usize {
        if !self.labels.is_empty() || self.state.is_some() || surrogate.is_some() {
            return self.find_shape(heap, size, surrogate);
        }
        let plain = (self.value, self.tail_kind, size);
        match self.of_type().plain {
            Some((known, index)) if known == plain => index as usize,
            _ => {
                let index = self.find_shape(heap, size, None);
                self.of_type().plain = Some((plain, index as u32));
                index
            }
        }
    }

    fn find_shape<H: Heap>(&mut self, heap: &H, size: Option<u64>, surrogate: Option<&Failure>) -> usize {
        let newest = self.of_type().newest;
        let mut at = newest;
        while let Some(open) = self.shapes.get(at as usize) {
            if self.fits(open, size, surrogate) {
                return at as usize;
            }
            at = open.before;
        }
        let mut edges = Vec::with_capacity(self.labels.len());
        for label in &self.labels {
            let name = if label.key & TEXT != 0 {
                LabelName::Text(self.text_of.get((label.key & !TEXT) as usize).map_or_else(String::new, ToString::to_string))
            } else if label.key & INDEX != 0 {
                LabelName::Index((label.key & !INDEX) as u32)
            } else {
                let mut name = String::new();
                heap.text(Address(label.key), &mut |text| text.clone_into(&mut name));
                LabelName::Text(name)
            };
            self.shape_bytes += 3 + if let LabelName::Text(text) = &name { text.len() } else { 4 };
            edges.push((label.kind, name));
        }
        let shape = Shape {
            type_id: self.type_id,
            size,
            value: self.value,
            tail: self.tail_kind,
            state: self.state.is_some(),
            surrogate: surrogate.map(|failure| (failure.reason, failure.detail.to_string())),
            edges,
        };
        self.shape_bytes += 12 + shape.surrogate.as_ref().map_or(0, |(_, detail)| detail.len() + 2);
        self.shapes.push(OpenShape {
            shape,
            labels: self.labels.clone(),
            predicted: vec![0; self.labels.len()],
            last_number: 0,
            before: newest,
        });
        let index = self.shapes.len() - 1;
        self.of_type().newest = index as u32;
        index
    }

    fn finish<H: Heap>(&mut self, heap: &H, failure: Option<Failure>) {
        let plain = matches!(self.value, ValueKind::Nothing | ValueKind::Small | ValueKind::Float | ValueKind::Complex);
        let fixed = plain && self.tail_kind == TailKind::Nothing && self.state.is_none() && self.size < FIXED_SIZE;
        let size = fixed.then_some(self.size);
        let index = self.shape(heap, size, failure.as_ref());
        if self.count == 0 {
            self.first = self.id;
            self.first_address = self.address.0;
            self.last_address = self.address.0;
        }
        let columns = &mut self.columns;
        varint::put(&mut columns.shapes, index as u64);
        varint::put(&mut columns.addresses, (self.address.0 - self.last_address) >> 3);
        self.last_address = self.address.0;
        if !fixed {
            varint::put(&mut columns.sizes, self.size);
        }
        let open = &mut self.shapes[index];
        if self.value == ValueKind::Small {
            varint::put(&mut columns.numbers, zigzag(self.number.wrapping_sub(open.last_number)));
            open.last_number = self.number;
        }
        for (coded, predicted) in self.targets.iter().zip(&mut open.predicted) {
            varint::put(&mut columns.targets, zigzag(coded.wrapping_sub(*predicted) as i64));
            if *coded >= 2 {
                *predicted = *coded;
            }
        }
        if self.tail_kind != TailKind::Nothing {
            let stride = if self.tail_kind == TailKind::Entries { 2 } else { 1 };
            varint::put(&mut columns.tails, self.tail_spilled + self.tail.len() as u64);
            let of_type = &mut self.of_type[self.type_id as usize];
            of_type.predictor.encode(&self.tail, stride, &mut columns.tails);
        }
        if !self.target_strays.is_empty() || !self.tail_strays.is_empty() {
            for stray in self.target_strays.iter().chain(&self.tail_strays) {
                varint::put(&mut columns.strays, *stray);
            }
        }
        if let Some(state) = &self.state {
            varint::put(&mut columns.states, state.len() as u64);
            columns.states.extend_from_slice(state);
        }
        self.count += 1;
        self.written.objects += 1;
        self.written.bytes = self.written.bytes.saturating_add(self.size);
        self.occupied.object(self.address, self.size.saturating_sub(self.apart));
        if let Some(failure) = failure {
            *self.written.surrogates.entry(failure.reason).or_default() += 1;
            self.written.redacted += u64::from(failure.reason == Reason::Redacted);
        }
    }

    /// Writes the open chunk.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let raw = &mut self.raw;
        raw.clear();
        varint::put(raw, self.shapes.len() as u64);
        for open in &self.shapes {
            open.shape.encode(raw);
        }
        varint::put(raw, self.first_address);
        for column in self.columns.all() {
            varint::put(raw, column.len() as u64);
        }
        for column in self.columns.all() {
            raw.extend_from_slice(column);
        }
        self.writer.chunk(ChunkKind::Objects, self.first, self.count, &self.raw)?;
        self.columns.clear();
        self.shapes.clear();
        self.of_type.clear();
        self.shape_bytes = 0;
        self.count = 0;
        Ok(())
    }
}

impl Sink for ObjectWriter<'_, '_> {
    #[inline]
    fn begin(&mut self, type_id: TypeId, size: u64) {
        self.type_id = type_id.0;
        self.size = size;
        self.types_met = self.types_met.max(type_id.0 + 1);
    }

    #[inline]
    fn block(&mut self, at: Address, length: u64) {
        // An object never explains more than its size.
        let length = length.min(self.size.saturating_sub(self.apart));
        self.apart += self.occupied.block(at, length);
    }

    #[inline]
    fn value(&mut self, value: Value<'_>) {
        if self.redactor.level == Redaction::AllValues {
            self.withheld = Some(String::new());
            return;
        }
        match value {
            // A number has one form, whatever its digits were.
            Value::Integer(integer) => match integer.small().filter(|_| !self.redactor.withheld(self.address)) {
                Some(number) => {
                    self.value = ValueKind::Small;
                    self.number = number;
                }
                None => {
                    let (negative, magnitude) = integer.magnitude();
                    let mut bytes = vec![u8::from(negative)];
                    bytes.extend(magnitude);
                    self.bytes(ValueKind::Big, ValueKind::LongBytes, &bytes);
                }
            },
            Value::Float(number) => {
                self.value = ValueKind::Float;
                self.columns.payload.extend(number.to_le_bytes());
            }
            Value::Complex(real, imaginary) => {
                self.value = ValueKind::Complex;
                self.columns.payload.extend(real.to_le_bytes());
                self.columns.payload.extend(imaginary.to_le_bytes());
            }
            Value::Text(Text::Ascii(bytes)) => self.bytes(ValueKind::Text, ValueKind::LongText, bytes),
            Value::Text(Text::Utf8(text)) => self.bytes(ValueKind::Text, ValueKind::LongText, text.as_bytes()),
            Value::Text(text) => {
                let mut bytes = Vec::new();
                text.write_wtf8(&mut bytes);
                self.bytes(ValueKind::Text, ValueKind::LongText, &bytes);
            }
            Value::Bytes(bytes) => self.bytes(ValueKind::Bytes, ValueKind::LongBytes, bytes),
        }
    }

    fn bytes_in_pieces(
        &mut self,
        length: u64,
        read: &mut dyn FnMut(u64, &mut [u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.pieces(length, read)
    }

    #[inline]
    fn edge(&mut self, kind: EdgeKind, name: Name<'_>, target: Address) {
        let key = match name {
            Name::Object(address) => address.0 & !(TEXT | INDEX),
            Name::Text(text) => self.text_key(text),
            Name::Index(index) => INDEX | u64::from(index),
        };
        self.labels.push(Label { kind, key });
        let coded = self.coded(target, false);
        self.targets.push(coded);
    }

    #[inline]
    fn element(&mut self, target: Address) {
        self.tail_kind = TailKind::Elements;
        self.push_tail(target);
        if self.tail.len() == SEGMENT {
            self.spill();
        }
    }

    #[inline]
    fn entry(&mut self, key: Address, value: Address) {
        self.tail_kind = TailKind::Entries;
        self.push_tail(key);
        self.push_tail(value);
        if self.tail.len() == SEGMENT {
            self.spill();
        }
    }

    fn state(&mut self, state: &dyn erased_serde::Serialize) {
        if self.redactor.level != Redaction::AllValues && self.state.is_none() {
            let mut bytes = Vec::new();
            let encoded = ciborium::into_writer(state, &mut bytes).is_ok();
            if encoded && bytes.len() <= OBJECTS_RAW_LENGTH * 8 && !self.redactor.suspects(&bytes) {
                self.state = Some(bytes);
                return;
            }
        }
        let mut value = match ciborium::Value::serialized(state) {
            Ok(value) => value,
            Err(error) => ciborium::Value::Map(vec![("error".into(), error.to_string().into())]),
        };
        if self.redactor.level == Redaction::AllValues {
            return;
        }
        self.redactor.scrub(&mut value);
        if let Some(before) = self.state.take()
            && let Ok(ciborium::Value::Map(mut entries)) = ciborium::from_reader::<ciborium::Value, _>(&before[..])
        {
            match value {
                ciborium::Value::Map(more) => entries.extend(more),
                other => entries.push(("state".into(), other)),
            }
            value = ciborium::Value::Map(entries);
        }
        let bytes = cbor(&value);
        // A state that would not fit a chunk is a reducer's mistake; it costs the state and not the dump.
        if bytes.len() <= OBJECTS_RAW_LENGTH * 8 {
            self.state = Some(bytes);
        } else {
            let note = format!("state of {} bytes left out", bytes.len());
            self.state = Some(cbor(&ciborium::Value::Map(vec![("error".into(), note.into())])));
        }
    }
}
