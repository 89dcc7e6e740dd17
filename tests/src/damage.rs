//! What may happen to a file, and looking at all that is left of it.

use std::ops::Range;

use heapsake_core::format::{ChunkHeader, FIRST_LINE, HEADER_LENGTH, MAGIC};
use heapsake_loader::{Dump, ErrorKind};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::prop_oneof;

/// Something that happens to a file.
#[derive(Clone, Debug)]
pub enum Damage {
    /// It ends here.
    Cut(u32),
    /// A bit is another.
    Flip(u32, u8),
    /// A chunk is gone.
    Drop(u32),
    /// A chunk is there twice.
    Twice(u32),
    /// Two chunks have changed places.
    Swap(u32, u32),
    /// Bytes are zero.
    Zero(u32, u16),
    /// Bytes are others.
    Noise(u32, Vec<u8>),
    /// The file follows once more.
    Again,
    /// Something stands in front.
    Before(Vec<u8>),
}

/// Any damage.
pub fn any_damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<u32>().prop_map(Damage::Cut),
        (any::<u32>(), 0u8..8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        any::<u32>().prop_map(Damage::Drop),
        any::<u32>().prop_map(Damage::Twice),
        (any::<u32>(), any::<u32>()).prop_map(|(one, other)| Damage::Swap(one, other)),
        (any::<u32>(), any::<u16>()).prop_map(|(at, length)| Damage::Zero(at, length)),
        (any::<u32>(), vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Damage::Noise(at, bytes)),
        proptest::strategy::Just(Damage::Again),
        vec(any::<u8>(), 1..40).prop_map(Damage::Before),
    ]
}

/// Where the chunks of a good dump are, found by their own headers.
pub fn chunks(bytes: &[u8]) -> Vec<(Range<usize>, ChunkHeader)> {
    let (mut at, mut found) = (FIRST_LINE.len(), Vec::new());
    while bytes[at..].starts_with(&MAGIC) {
        let header = ChunkHeader::decode(&bytes[at..]).expect("a good dump");
        let end = at + HEADER_LENGTH + header.stored_length as usize;
        found.push((at..end, header));
        at = end;
    }
    found
}

impl Damage {
    /// Does it to `bytes`, which were `whole`.
    pub fn apply(&self, bytes: &mut Vec<u8>, whole: &[u8]) {
        // Places are those of the good dump; what was damaged before may have moved them, which is one more damage.
        let chunks = chunks(whole);
        let chunk = |number: u32| {
            let range = chunks[number as usize % chunks.len()].0.clone();
            range.start.min(bytes.len())..range.end.min(bytes.len())
        };
        let place = |at: u32| at as usize % bytes.len().max(1);
        match self {
            Damage::Cut(at) => bytes.truncate(place(*at)),
            Damage::Flip(at, bit) => {
                let at = place(*at);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            Damage::Drop(number) => drop(bytes.drain(chunk(*number))),
            Damage::Twice(number) => {
                let range = chunk(*number);
                let copy = bytes[range.clone()].to_vec();
                bytes.splice(range.end..range.end, copy);
            }
            Damage::Swap(one, other) => {
                let (one, other) = (chunk(*one), chunk(*other));
                let (first, second) = if one.start <= other.start { (one, other) } else { (other, one) };
                if first.end <= second.start {
                    let (left, right) = (bytes[first.clone()].to_vec(), bytes[second.clone()].to_vec());
                    bytes.splice(second, left);
                    bytes.splice(first, right);
                }
            }
            Damage::Zero(at, length) => {
                let at = place(*at);
                let end = bytes.len().min(at + usize::from(*length));
                bytes[at..end].fill(0);
            }
            Damage::Noise(at, noise) => {
                let at = place(*at);
                for (byte, noise) in bytes[at..].iter_mut().zip(noise) {
                    *byte = *noise;
                }
            }
            Damage::Again => bytes.extend_from_slice(whole),
            Damage::Before(noise) => drop(bytes.splice(0..0, noise.iter().copied())),
        }
    }
}

/// Opens what is left, or says that it is no dump, for which its beginning must be gone.
pub fn opened(bytes: &[u8]) -> Option<Dump> {
    match Dump::from_bytes(bytes.to_vec()) {
        Ok(dump) => Some(dump),
        Err(problem) => {
            let is_no_dump = matches!(problem.kind(), ErrorKind::NotADump | ErrorKind::Empty);
            assert!(is_no_dump && !bytes.starts_with(FIRST_LINE), "{problem}");
            None
        }
    }
}

/// Looks at everything, as front ends do.
pub fn look(dump: &Dump) {
    for object in dump.objects() {
        object.value();
        object.edges();
        object.elements(0, 1 << 20);
        object.entries(0, 1 << 20);
        object.state();
        heapsake_loader::render(&object, heapsake_loader::Limits::default());
    }
    dump.threads();
    dump.roots();
    dump.types();
    dump.omissions();
    dump.regions();
    dump.source_names();
}
