//! The columns of an objects chunk, and the predictor of containers' elements.

use super::varint::{self, Reader, unzigzag, zigzag};

/// Payloads longer than this lie in payload chunks of their own.
pub const INLINE_PAYLOAD: usize = 64 << 10;
/// A container's elements beyond the last multiple of this lie in its object chunk, the others in elements chunks.
pub const SEGMENT: usize = 64 << 10;
/// How many leading elements of a container are predicted from the container before.
const HEADS: usize = 8;
/// Number of columns after the shape table.
pub(crate) const COLUMNS: usize = 10;

/// A coded target as it is kept: a number that no object can have leads nowhere.
#[inline]
pub(crate) fn narrow(coded: u64) -> u32 {
    u32::try_from(coded).unwrap_or(0)
}

/// Predicts the elements of containers of one type.
#[derive(Clone, Debug, Default)]
pub(crate) struct TailPredictor {
    heads: [u64; HEADS],
    recent: [u64; 2],
}

impl TailPredictor {
    #[inline]
    fn predicted(&self, position: usize, stride: usize) -> u64 {
        match self.heads.get(position) {
            Some(head) => *head,
            None => self.recent[(position + stride) & 1],
        }
    }

    #[inline]
    fn learn(&mut self, position: usize, coded: u64) {
        if coded < 2 {
            return;
        }
        if let Some(head) = self.heads.get_mut(position) {
            *head = coded;
        }
        self.recent[position & 1] = coded;
    }

    /// Appends a tail whose first element has position 0. `stride` is 1 for elements and 2 for entries.
    pub(crate) fn encode(&mut self, tail: &[u64], stride: usize, into: &mut Vec<u8>) {
        for (position, coded) in tail.iter().enumerate() {
            let predicted = self.predicted(position, stride);
            varint::put(into, zigzag(coded.wrapping_sub(predicted) as i64));
            self.learn(position, *coded);
        }
    }

    #[inline]
    pub(crate) fn decode(&mut self, count: usize, stride: usize, from: &mut Reader<'_>, into: &mut Vec<u32>) -> Option<()> {
        for position in 0..count {
            let coded = self.predicted(position, stride).wrapping_add(unzigzag(from.number()?) as u64);
            self.learn(position, coded);
            into.push(narrow(coded));
        }
        Some(())
    }
}

/// The columns of a chunk that is being written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    pub(crate) shapes: Vec<u8>,
    pub(crate) addresses: Vec<u8>,
    pub(crate) sizes: Vec<u8>,
    pub(crate) numbers: Vec<u8>,
    pub(crate) lengths: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) targets: Vec<u8>,
    pub(crate) tails: Vec<u8>,
    pub(crate) strays: Vec<u8>,
    pub(crate) states: Vec<u8>,
}

impl Columns {
    pub(crate) fn all(&self) -> [&Vec<u8>; COLUMNS] {
        [
            &self.shapes,
            &self.addresses,
            &self.sizes,
            &self.numbers,
            &self.lengths,
            &self.payload,
            &self.targets,
            &self.tails,
            &self.strays,
            &self.states,
        ]
    }

    pub(crate) fn clear(&mut self) {
        for column in [
            &mut self.shapes,
            &mut self.addresses,
            &mut self.sizes,
            &mut self.numbers,
            &mut self.lengths,
            &mut self.payload,
            &mut self.targets,
            &mut self.tails,
            &mut self.strays,
            &mut self.states,
        ] {
            column.clear();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.all().iter().map(|column| column.len()).sum()
    }
}

/// Encodes one segment of a large tail: the payload of an elements chunk. `position` is that of its first element.
pub(crate) fn encode_segment(position: u64, stride: usize, tail: &[u64], strays: &[u64]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(tail.len() * 2);
    varint::put(&mut payload, position);
    payload.push(stride as u8);
    varint::put(&mut payload, tail.len() as u64);
    TailPredictor::default().encode(tail, stride, &mut payload);
    for stray in strays {
        varint::put(&mut payload, *stray);
    }
    payload
}
