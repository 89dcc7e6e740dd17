//! Faults: what the loader met in a file that is not as it was written.

use std::fmt;

/// Something that the loader met in a file: where, what, and what it means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// Offset in the file.
    pub offset: u64,
    /// What it is.
    pub kind: FaultKind,
    /// What is missing or uncertain because of it, in words.
    pub consequence: String,
}

/// What kind of fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The end of the file is missing.
    Truncated,
    /// Bytes between chunks that belong to none.
    Gap,
    /// A payload whose checksum is wrong.
    Checksum,
    /// A payload that cannot be decoded.
    Undecodable,
    /// A chunk of a kind that this version does not know.
    UnknownChunk,
    /// The index does not say where the chunks are.
    Index,
    /// A record that is missing.
    Missing,
    /// A format that is later than this version's.
    Version,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            FaultKind::Truncated => "truncated",
            FaultKind::Gap => "gap",
            FaultKind::Checksum => "wrong checksum",
            FaultKind::Undecodable => "undecodable",
            FaultKind::UnknownChunk => "unknown chunk",
            FaultKind::Index => "bad index",
            FaultKind::Missing => "missing",
            FaultKind::Version => "later version",
        };
        write!(f, "{kind} at byte {}: {}", self.offset, self.consequence)
    }
}
