//! The records of the descriptive chunks, each a CBOR map (RFC 8949) by serde. Unknown fields are skipped, missing ones
//! take their default, so that later versions can add.

use serde::{Deserialize, Serialize};

use crate::heap::{FrameKind, Region, RootKind, Source, TypeDescription, VariableKind};

/// A reference to an object: its number, or only its address when it has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reference {
    /// Object number; none for nothing and for what was not saved.
    #[serde(rename = "i", skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// Address; 0 for nothing.
    #[serde(rename = "a")]
    pub address: u64,
}

/// [`ChunkKind::Header`](super::ChunkKind::Header).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Header {
    /// Version of the format.
    pub format: u32,
    /// Version of heapsake that wrote it.
    pub writer: String,
    /// When the capture began, in nanoseconds since 1970.
    pub created: u64,
    /// Why: `exception`, `on demand`, and so on.
    pub reason: String,
    /// How long the program stood still, in nanoseconds, where known.
    pub pause: Option<u64>,
    /// Number of objects that were reached.
    pub objects: u64,
    /// Number of types.
    pub types: u64,
    /// Number of threads.
    pub threads: u64,
    /// The exception that is the reason.
    pub exception: Option<Reference>,
    /// Level of redaction: `none`, `names`, `all-values`.
    pub redaction: String,
    /// Facts of the runtime by name (CPython: `python`, `platform`, `argv`, `cwd`, `pid`, `layout` …).
    pub facts: Vec<(String, ciborium::Value)>,
}

/// [`ChunkKind::Stacks`](super::ChunkKind::Stacks): one thread, or further frames of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Thread {
    /// Position among the threads.
    pub thread: u32,
    /// Its name.
    pub name: Option<String>,
    /// The runtime's identity of it.
    pub ident: u64,
    /// The kernel's identity of it.
    pub native_id: Option<u64>,
    /// Whether it asked for the dump or holds the interpreter lock.
    pub current: bool,
    /// The exception that it dies of or handles.
    pub exception: Option<Reference>,
    /// The thread object.
    pub object: Reference,
    /// What it is, when it is no thread of the operating system: a word, such as `greenlet` or `tasklet`; a reader shows a
    /// word that it does not know as it is. Empty, or missing, for one that is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The `ident` of the thread that a greenlet or tasklet runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<u64>,
    /// What else is known of it, by name: `signal`, of the thread that the process died in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<(String, ciborium::Value)>,
    /// Number of its frames, in all parts.
    pub depth: u32,
    /// Position of the first frame of this part; 0 is the outermost.
    pub first_frame: u32,
    /// Frames, outermost first.
    pub frames: Vec<Frame>,
}

/// A frame in a [`Thread`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Frame {
    /// The frame as an object.
    pub object: Reference,
    /// How it is known.
    pub kind: FrameKind,
    /// Name of the function.
    pub function: String,
    /// Qualified name of the function.
    pub qualified_name: String,
    /// File of the code.
    pub filename: String,
    /// The line that is being executed; 0 where there is none.
    pub line: u32,
    /// First line of the code.
    pub first_line: u32,
    /// The code object.
    pub code: Reference,
    /// The mapping of the global names.
    pub globals: Reference,
    /// The mapping of the local names, for module and class frames.
    pub locals: Reference,
    /// Variables.
    pub variables: Vec<Variable>,
}

/// A variable of a [`Frame`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    #[serde(rename = "n")]
    pub name: String,
    /// Where it lives.
    #[serde(rename = "k")]
    pub kind: VariableKind,
    /// What it is bound to.
    #[serde(rename = "o", default)]
    pub object: Reference,
    /// A bounded copy of the value, so that the head of a cut dump shows more than names.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
}

/// A bounded copy of a value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preview {
    /// Qualified name of the type.
    #[serde(rename = "t")]
    pub type_name: String,
    /// The value of a number, a text or bytes as text, cut.
    #[serde(rename = "v", skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Number of elements or entries.
    #[serde(rename = "l", skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// The first children: name of the edge, or text of the key, and what is there.
    #[serde(rename = "c", skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<(String, Preview)>,
}

/// [`ChunkKind::Types`](super::ChunkKind::Types).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Types {
    /// The types from number `first` of the chunk's header on.
    pub types: Vec<TypeDescription>,
}

/// [`ChunkKind::Roots`](super::ChunkKind::Roots).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Roots {
    /// Kind, name and object of each.
    pub roots: Vec<(RootKind, String, Reference)>,
}

/// [`ChunkKind::Sources`](super::ChunkKind::Sources).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sources {
    /// Files.
    pub sources: Vec<Source>,
}

/// [`ChunkKind::Memory`](super::ChunkKind::Memory): the target's memory, in the order of its addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Mappings, or parts of them.
    pub regions: Vec<Region>,
}

/// [`ChunkKind::Omissions`](super::ChunkKind::Omissions): what was left out, cut or not readable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Omissions {
    /// Number of surrogates by reason.
    pub surrogates: Vec<(crate::reduce::Reason, u64)>,
    /// Pointers that led out of the mapped memory.
    pub strays: u64,
    /// Values withheld, and in how many names.
    pub redacted_values: u64,
    /// Names under which values were withheld.
    pub redacted_names: Vec<String>,
    /// What else was cut, in words.
    pub notes: Vec<String>,
}

/// The CBOR tag of a reference within a reduction: the item is an object's number. ("hsk" in ASCII.)
pub const REFERENCE_TAG: u64 = 0x68_736b;

/// [`ChunkKind::Annotations`](super::ChunkKind::Annotations): what reducers that ran after the capture made of objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Annotations {
    /// One for each object that a reducer was asked about. Of several for one object the last counts.
    pub reductions: Vec<Reduction>,
    /// What was not run, and why, in words.
    pub notes: Vec<String>,
}

/// What a reducer made of one object, in pickle's words. A value may hold references, each a number tagged
/// [`REFERENCE_TAG`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reduction {
    /// Number of the object.
    #[serde(rename = "i")]
    pub object: u32,
    /// Where the reducer comes from: the qualified name of its function.
    pub origin: String,
    /// Whether it was given the live object.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub live: bool,
    /// Name of what makes such an object, when called with `args`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callable: Option<String>,
    /// Arguments of `callable`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<ciborium::Value>,
    /// State; a map of names where it is an object's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<ciborium::Value>,
    /// Elements.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub list_items: Vec<ciborium::Value>,
    /// Entries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dict_items: Vec<(ciborium::Value, ciborium::Value)>,
    /// Further objects that belong to it, by label: their numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<(String, u32)>,
    /// The object in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Why the reducer gave nothing: it raised, hung, crashed, or returned what is no reduction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// [`ChunkKind::Index`](super::ChunkKind::Index): one entry a chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexEntry {
    /// Number of the kind.
    #[serde(rename = "k")]
    pub kind: u8,
    /// Where the chunk's header starts in the file.
    #[serde(rename = "o")]
    pub offset: u64,
    /// `first` of the header.
    #[serde(rename = "f")]
    pub first: u32,
    /// `count` of the header.
    #[serde(rename = "c")]
    pub count: u32,
}

/// [`ChunkKind::Index`](super::ChunkKind::Index).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Index {
    /// All chunks before this one, in the order of the file.
    pub chunks: Vec<IndexEntry>,
}

/// [`ChunkKind::Trailer`](super::ChunkKind::Trailer), stored as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trailer {
    /// Where the first index chunk's header starts.
    pub index_offset: u64,
    /// Number of chunks, this one left out.
    pub chunks: u64,
    /// Objects written.
    pub objects: u64,
    /// Edges written.
    pub edges: u64,
    /// Sum of the objects' sizes in bytes.
    pub heap_bytes: u64,
    /// CPU time of the capture in nanoseconds.
    pub cpu: u64,
}
