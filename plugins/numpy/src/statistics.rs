//! What is said of the numbers of an array that is too large to be saved: the least, the greatest, and how many are none.
//!
//! At most a fixed number of bytes is looked at; of an array with more, the first.

use ciborium::Value as Fact;
use heapsake_core::Address;

use crate::contract::{Seen, integer};
use crate::descriptor::Descriptor;
use crate::extent::Extent;

/// Bytes that are looked at.
const LOOKED_AT: u64 = 1 << 30;
/// Runs of elements that are looked at.
const MOST_RUNS: u64 = 1 << 22;
/// Bytes that are read at once; a multiple of every width.
const PIECE: usize = 1 << 18;

#[derive(Default)]
struct Found {
    least: Option<f64>,
    greatest: Option<f64>,
    whole: Option<(i128, i128)>,
    none: u64,
    looked_at: u64,
}

impl Found {
    fn float(&mut self, number: f64) {
        if number.is_nan() {
            self.none += 1;
        } else {
            self.least = Some(self.least.map_or(number, |least| least.min(number)));
            self.greatest = Some(self.greatest.map_or(number, |greatest| greatest.max(number)));
        }
    }

    fn integer(&mut self, number: i128) {
        let (least, greatest) = self.whole.unwrap_or((number, number));
        self.whole = Some((least.min(number), greatest.max(number)));
    }
}

/// The statistics of the numbers of an array; none of what are no numbers.
pub(crate) fn of(seen: &Seen<'_>, descriptor: &Descriptor, extent: &Extent, data: Address) -> Option<Fact> {
    let width = usize::try_from(descriptor.size).ok()?;
    if !matches!((descriptor.kind, width), (b'i' | b'u', 1 | 2 | 4 | 8) | (b'f', 4 | 8)) || descriptor.order == b'>' {
        return None;
    }
    let mut found = Found::default();
    let mut bytes = vec![0; PIECE];
    let mut runs = 0;
    extent.runs(LOOKED_AT / width as u64, |at, run| {
        runs += 1;
        let mut done = 0;
        let end = run * width as u64;
        while done < end {
            let piece = &mut bytes[..(end - done).min(PIECE as u64) as usize];
            if seen.object.read_at(data.offset(at + done as i64), piece).is_err() {
                return false;
            }
            look(descriptor.kind, width, piece, &mut found);
            done += piece.len() as u64;
        }
        found.looked_at += run;
        runs < MOST_RUNS
    });
    let mut told = Vec::new();
    if let Some((least, greatest)) = found.whole {
        told.extend([("min".into(), integer(least)), ("max".into(), integer(greatest))]);
    }
    if let (Some(least), Some(greatest)) = (found.least, found.greatest) {
        told.extend([("min".into(), least.into()), ("max".into(), greatest.into())]);
    }
    if descriptor.kind == b'f' {
        told.push(("nan".into(), found.none.into()));
    }
    told.push(("of".into(), found.looked_at.into()));
    Some(Fact::Map(told))
}

fn look(kind: u8, width: usize, bytes: &[u8], found: &mut Found) {
    for item in bytes.chunks_exact(width) {
        let word = item.iter().rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
        let spare = 64 - 8 * width as u32;
        match (kind, width) {
            (b'f', 4) => found.float(f32::from_bits(word as u32).into()),
            (b'f', _) => found.float(f64::from_bits(word)),
            (b'i', _) => found.integer(((word << spare) as i64 >> spare).into()),
            _ => found.integer(word.into()),
        }
    }
}
