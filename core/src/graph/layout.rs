//! The bytes of a graph: a header, then six arrays without padding. Nothing read from them is believed before it is checked.
//!
//! | offset | bytes | header |
//! |-------:|------:|--------|
//! | 0 | 8 | `hskgraph` |
//! | 8 | 4 | version |
//! | 12 | 4 | nodes, the root among them |
//! | 16 | 4 | edges |
//! | 20 | 4 | CRC-32 of the arrays |
//! | 24 | 16 | key: what the graph was made of |
//! | 40 | 4 | CRC-32 of the 40 bytes before |
//!
//! The arrays: starts of the rows of targets (nodes + 1), targets (edges), starts of the rows of sources (nodes + 1),
//! sources (edges), all of `u32`, little endian; links of the targets (edges), links of the sources (edges), bytes.

use std::ops::Range;

use super::Rows;
use super::link::Link;
use super::pace::Pace;

/// What a graph was made of: another key, another graph.
pub type Key = [u8; 16];

const MAGIC: &[u8; 8] = b"hskgraph";
const VERSION: u32 = 1;
/// Bytes of the header.
pub(crate) const HEADER: usize = 44;

/// Where the arrays of a graph lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Number of nodes.
    pub(crate) nodes: u32,
    /// Number of edges.
    pub(crate) edges: u32,
}

/// The arrays of one direction.
#[derive(Clone, Debug)]
pub(crate) struct Sections {
    pub(crate) offsets: Range<usize>,
    pub(crate) ends: Range<usize>,
    pub(crate) links: Range<usize>,
}

impl Layout {
    /// Length of all bytes; none when the address space is too small for them.
    pub(crate) fn length(self) -> Option<usize> {
        let (nodes, edges) = (u64::from(self.nodes), u64::from(self.edges));
        usize::try_from(HEADER as u64 + 8 * (nodes + 1) + 10 * edges).ok()
    }

    /// Where the arrays of targets lie, and those of sources.
    pub(crate) fn sections(self) -> (Sections, Sections) {
        let (starts, edges) = (4 * (self.nodes as usize + 1), self.edges as usize);
        let ends = 4 * edges;
        let second = HEADER + starts + ends;
        let links = second + starts + ends;
        let half = |at: usize, links: usize| Sections {
            offsets: at..at + starts,
            ends: at + starts..at + starts + ends,
            links: links..links + edges,
        };
        (half(HEADER, links), half(second, links + edges))
    }

    #[inline]
    pub(crate) fn forward(self, bytes: &[u8]) -> Rows<'_> {
        rows(bytes, &self.sections().0)
    }

    #[inline]
    pub(crate) fn reverse(self, bytes: &[u8]) -> Rows<'_> {
        rows(bytes, &self.sections().1)
    }

    /// Writes the header of the graph in `bytes`, whose arrays are complete.
    pub(crate) fn seal(self, bytes: &mut [u8], key: Key, pace: &mut Pace<'_>) -> Option<()> {
        let checksum = checksum(&bytes[HEADER..], pace)?;
        bytes[..8].copy_from_slice(MAGIC);
        for (place, word) in bytes[8..24].chunks_exact_mut(4).zip([VERSION, self.nodes, self.edges, checksum]) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes[24..40].copy_from_slice(&key);
        let checksum = crc32fast::hash(&bytes[..40]);
        bytes[40..HEADER].copy_from_slice(&checksum.to_le_bytes());
        Some(())
    }

    /// The layout of the graph in `bytes`; none unless it is one of this version and key, whole, unchanged, and none of its
    /// numbers leads outside.
    pub(crate) fn check(bytes: &[u8], key: Key, pace: &mut Pace<'_>) -> Option<Layout> {
        let header = bytes.get(..HEADER)?;
        let word = |at: usize| header.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
        if header[..8] != *MAGIC || header[24..40] != key || word(8)? != VERSION || word(40)? != crc32fast::hash(&header[..40]) {
            return None;
        }
        let layout = Layout { nodes: word(12)?, edges: word(16)? };
        if layout.nodes == 0 || layout.length()? != bytes.len() || word(20)? != checksum(&bytes[HEADER..], pace)? {
            return None;
        }
        let mut sound = |rows: Rows<'_>| {
            let (mut last, mut ascends, mut inside, mut known) = (0, true, true, true);
            pace.each(rows.offsets, |word| {
                let start = u32::from_le_bytes(*word);
                ascends &= last <= start;
                last = start;
            })?;
            pace.each(rows.ends, |word| inside &= u32::from_le_bytes(*word) < layout.nodes)?;
            pace.each(rows.links, |link| known &= usize::from(*link) < Link::ALL.len())?;
            (rows.offsets.first() == Some(&[0; 4]) && last == layout.edges && ascends && inside && known).then_some(())
        };
        sound(layout.forward(bytes))?;
        sound(layout.reverse(bytes))?;
        Some(layout)
    }
}

fn checksum(bytes: &[u8], pace: &mut Pace<'_>) -> Option<u32> {
    let mut hasher = crc32fast::Hasher::new();
    pace.pieces(bytes, |piece| hasher.update(piece))?;
    Some(hasher.finalize())
}

#[inline]
fn rows<'a>(bytes: &'a [u8], sections: &Sections) -> Rows<'a> {
    let part = |range: &Range<usize>| bytes.get(range.clone()).unwrap_or_default();
    Rows {
        offsets: part(&sections.offsets).as_chunks().0,
        ends: part(&sections.ends).as_chunks().0,
        links: part(&sections.links),
    }
}
