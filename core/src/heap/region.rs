//! The target's memory, part by part: what each is for, and how much of it objects explain.

use serde::{Deserialize, Serialize};

/// What a region is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RegionKind {
    /// The runtime's own allocator gives blocks out of it (CPython: `obmalloc`'s arenas, mimalloc's segments).
    Arenas,
    /// The C library's allocator gives blocks out of it.
    Heap,
    /// A thread's stack.
    Stack,
    /// A program or a library: its code, constants and variables.
    Library,
    /// Another file that is mapped.
    File,
    /// Memory that other processes may share.
    Shared,
    /// Memory without a file, of whatever asked the kernel for it.
    Anonymous,
    /// The kernel's.
    Kernel,
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

impl RegionKind {
    /// Every known kind, in the order in which they are shown.
    pub const ALL: [RegionKind; 8] = [
        RegionKind::Arenas,
        RegionKind::Heap,
        RegionKind::Anonymous,
        RegionKind::Stack,
        RegionKind::Library,
        RegionKind::File,
        RegionKind::Shared,
        RegionKind::Kernel,
    ];

    /// The word that front ends show, and that is in the file.
    pub fn word(self) -> &'static str {
        match self {
            RegionKind::Arenas => "arenas",
            RegionKind::Heap => "heap",
            RegionKind::Stack => "stack",
            RegionKind::Library => "library",
            RegionKind::File => "file",
            RegionKind::Shared => "shared",
            RegionKind::Anonymous => "anonymous",
            RegionKind::Kernel => "kernel",
            RegionKind::Unknown => "unknown",
        }
    }
}

/// A mapping of the target's address space, or the part of one that is for one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// First address inside.
    #[serde(rename = "a")]
    pub start: u64,
    /// First address beyond.
    #[serde(rename = "e")]
    pub end: u64,
    /// What it is for.
    #[serde(rename = "k")]
    pub kind: RegionKind,
    /// What may be done there, as the kernel writes it: `rw-p`.
    #[serde(rename = "p")]
    pub permissions: String,
    /// The file that is mapped, or what the kernel or the runtime calls it; empty where nothing does.
    #[serde(rename = "n", default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Bytes of it that are in memory, where known.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub resident: Option<u64>,
    /// Bytes of blocks that the runtime's allocator has given out and not got back, where known.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub in_use: Option<u64>,
    /// Objects that lie here; the engine counts them.
    #[serde(rename = "o", default, skip_serializing_if = "is_zero")]
    pub objects: u64,
    /// Bytes that objects take here: themselves, and blocks that objects anywhere own; the engine counts them.
    #[serde(rename = "b", default, skip_serializing_if = "is_zero")]
    pub object_bytes: u64,
}

impl Region {
    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether nothing is inside.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
