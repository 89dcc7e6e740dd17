//! Chunks: the self-describing pieces that a dump is made of, each checked and decodable alone.

use std::fmt;

/// What every chunk starts with: a byte no text has, letters, and line ends that a text transfer would mend.
pub const MAGIC: [u8; 8] = *b"\x8ahsk\r\n\x1a\n";
/// Bytes of a chunk's header.
pub const HEADER_LENGTH: usize = 40;
/// The most bytes a chunk may have when decompressed. Checked before anything is allocated.
pub const MAXIMUM_RAW_LENGTH: usize = 4 << 20;
/// The writer starts a new chunk of objects beyond this many bytes.
pub const OBJECTS_RAW_LENGTH: usize = 256 << 10;

/// What a chunk holds. The number is the one in the file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ChunkKind {
    /// The header record, one a dump, first.
    Header,
    /// Threads with their frames and variables.
    Stacks,
    /// The table of types, from type number `first` on.
    Types,
    /// Roots.
    Roots,
    /// Objects, from object number `first` on.
    Objects,
    /// Elements of one large container, object number `first`.
    Elements,
    /// Bytes of one large payload, object number `first`.
    Payload,
    /// Source files.
    Sources,
    /// What was left out, counted by reason.
    Omissions,
    /// Results of reducers that ran after the capture.
    Annotations,
    /// Where every chunk lies.
    Index,
    /// The last chunk: counts, and where the index lies.
    Trailer,
    /// The target's memory, part by part, from region `first` on.
    Memory,
    /// A kind that this version does not know.
    Unknown(u8),
}

impl ChunkKind {
    const KNOWN: [ChunkKind; 13] = [
        ChunkKind::Header,
        ChunkKind::Stacks,
        ChunkKind::Types,
        ChunkKind::Roots,
        ChunkKind::Objects,
        ChunkKind::Elements,
        ChunkKind::Payload,
        ChunkKind::Sources,
        ChunkKind::Omissions,
        ChunkKind::Annotations,
        ChunkKind::Index,
        ChunkKind::Trailer,
        ChunkKind::Memory,
    ];

    /// The number in the file, from 1.
    pub fn number(self) -> u8 {
        match self {
            ChunkKind::Unknown(number) => number,
            known => Self::KNOWN.iter().position(|kind| *kind == known).map_or(0, |at| at as u8 + 1),
        }
    }

    /// The kind with this number.
    pub fn from_number(number: u8) -> ChunkKind {
        let at = usize::from(number).wrapping_sub(1);
        Self::KNOWN.get(at).copied().unwrap_or(ChunkKind::Unknown(number))
    }
}

impl fmt::Display for ChunkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChunkKind::Unknown(number) => write!(f, "kind {number}"),
            known => f.write_str(&format!("{known:?}").to_lowercase()),
        }
    }
}

/// How a chunk's payload is stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Codec {
    /// As it is.
    None,
    /// zlib, which any Python can inflate.
    Zlib,
    /// A zstd frame.
    Zstd,
    /// A codec that this version does not know.
    Unknown(u8),
}

impl Codec {
    /// The number in the file.
    pub fn number(self) -> u8 {
        match self {
            Codec::None => 0,
            Codec::Zlib => 1,
            Codec::Zstd => 2,
            Codec::Unknown(number) => number,
        }
    }

    /// The codec with this number.
    pub fn from_number(number: u8) -> Codec {
        match number {
            0 => Codec::None,
            1 => Codec::Zlib,
            2 => Codec::Zstd,
            other => Codec::Unknown(other),
        }
    }
}

/// A chunk's header, [`HEADER_LENGTH`] bytes, little endian:
///
/// | offset | bytes | field |
/// |-------:|------:|-------|
/// | 0 | 8 | [`MAGIC`] |
/// | 8 | 1 | kind |
/// | 9 | 1 | codec |
/// | 10 | 2 | flags, 0 |
/// | 12 | 4 | sequence number, from 0 |
/// | 16 | 4 | length of the payload when decompressed |
/// | 20 | 4 | length of the payload as stored |
/// | 24 | 4 | `first`: number of the first object, type or thread inside |
/// | 28 | 4 | `count`: how many are inside |
/// | 32 | 4 | CRC-32 of the stored payload |
/// | 36 | 4 | CRC-32 of the 36 bytes before |
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkHeader {
    /// What the chunk holds.
    pub kind: ChunkKind,
    /// How the payload is stored.
    pub codec: Codec,
    /// Reserved.
    pub flags: u16,
    /// Position among the chunks of the dump.
    pub sequence: u32,
    /// Bytes of the payload when decompressed.
    pub raw_length: u32,
    /// Bytes of the payload as stored.
    pub stored_length: u32,
    /// Number of the first thing inside.
    pub first: u32,
    /// How many things are inside.
    pub count: u32,
    /// CRC-32 of the stored payload.
    pub payload_checksum: u32,
}

impl ChunkHeader {
    /// The header's bytes.
    pub fn encode(&self) -> [u8; HEADER_LENGTH] {
        let mut bytes = [0; HEADER_LENGTH];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8] = self.kind.number();
        bytes[9] = self.codec.number();
        bytes[10..12].copy_from_slice(&self.flags.to_le_bytes());
        let words = [self.sequence, self.raw_length, self.stored_length, self.first, self.count, self.payload_checksum];
        for (place, word) in bytes[12..36].chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        let checksum = crc32fast::hash(&bytes[..36]);
        bytes[36..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The header at the start of `bytes`; none when magic or checksum are wrong, or the bytes are too few.
    pub fn decode(bytes: &[u8]) -> Option<ChunkHeader> {
        let bytes: &[u8; HEADER_LENGTH] = bytes.get(..HEADER_LENGTH)?.try_into().ok()?;
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if bytes[..8] != MAGIC || crc32fast::hash(&bytes[..36]) != word(36) {
            return None;
        }
        Some(ChunkHeader {
            kind: ChunkKind::from_number(bytes[8]),
            codec: Codec::from_number(bytes[9]),
            flags: u16::from_le_bytes([bytes[10], bytes[11]]),
            sequence: word(12),
            raw_length: word(16),
            stored_length: word(20),
            first: word(24),
            count: word(28),
            payload_checksum: word(32),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_and_one_flipped_bit_is_seen() {
        let header = ChunkHeader {
            kind: ChunkKind::Objects,
            codec: Codec::Zstd,
            flags: 0,
            sequence: 7,
            raw_length: 1000,
            stored_length: 500,
            first: 1 << 20,
            count: 99,
            payload_checksum: 0xdead_beef,
        };
        let bytes = header.encode();
        assert_eq!(ChunkHeader::decode(&bytes), Some(header));
        for bit in 0..HEADER_LENGTH * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(ChunkHeader::decode(&flipped), None, "bit {bit}");
        }
        assert_eq!(ChunkHeader::decode(&bytes[..39]), None);
    }

    #[test]
    fn kinds_and_codecs_have_stable_numbers() {
        for number in 0..=255 {
            assert_eq!(ChunkKind::from_number(number).number(), number);
            assert_eq!(Codec::from_number(number).number(), number);
        }
        assert_eq!((ChunkKind::Header.number(), ChunkKind::Objects.number(), ChunkKind::Trailer.number()), (1, 5, 12));
    }
}
