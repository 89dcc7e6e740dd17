//! The file: `.heapsake`, version 1.
//!
//! # Overview
//!
//! A dump is a line of text, then chunks, then 16 bytes.
//!
//! The *first line* says what this is and how to open it ([`FIRST_LINE`]). Each *chunk* is a header of 40 bytes
//! ([`ChunkHeader`]) and a payload, which is compressed by itself, checked by a CRC-32 and decodable without any other
//! chunk. The *last 16 bytes* are [`END_MARK`] and the offset of the trailer's header, little endian. All numbers are
//! little endian.
//!
//! | chunk | payload | `first`, `count` of its header |
//! |-------|---------|-------------------------------|
//! | 1 header | CBOR, [`records::Header`] | |
//! | 2 stacks | CBOR, [`records::Thread`]: one thread or greenlet, or further frames of one | thread, 1 |
//! | 3 types | CBOR, [`records::Types`] | type, types |
//! | 4 roots | CBOR, [`records::Roots`] | root, roots |
//! | 5 objects | columns, see below | object, objects |
//! | 6 elements | a segment of one large container | object, elements |
//! | 7 payload | offset in the value as a varint, then bytes: a piece of one large value | object, 0 |
//! | 8 sources | CBOR, [`records::Sources`] | source, sources |
//! | 9 omissions | CBOR, [`records::Omissions`] | |
//! | 10 annotations | CBOR, [`records::Annotations`]: results of reducers that ran after the capture | reduction, reductions |
//! | 11 index | CBOR, [`records::Index`] | chunk, chunks |
//! | 12 trailer | CBOR, [`records::Trailer`] | |
//! | 13 memory | CBOR, [`records::Memory`] | region, regions |
//!
//! They come in this order: header, stacks, types, roots, sources of the frames, objects (each after the elements and
//! payload chunks of its objects), other sources, memory, omissions, index, trailer. The head of a cut file is its most useful part. A
//! reader that finds no trailer, or an index that does not fit, scans for [`MAGIC`]: header and payload have checksums of
//! their own, and every header says which objects are inside. A chunk of a kind that the reader does not know is skipped
//! with a fault, and so are fields of a record that it does not know.
//!
//! # Updates
//!
//! What becomes known after the capture is appended to a complete dump, and nothing before it changes: further chunks, then
//! index chunks that name *all* chunks of the file that hold content, the old ones and the new ones, then a trailer, then 16
//! bytes as above. The last 16 bytes of the file thus lead to the newest trailer. Sequence numbers go on. Where an update
//! breaks off, the last 16 bytes are no end: a reader that scans takes the last trailer that it meets, so the dump before the
//! update is whole, and of the update it has the chunks that are. Annotations are the only chunks that are appended so far.
//! A *reduction* in them says of the object with its number what a reducer made of it, in pickle's words; within its values
//! an object of the dump is its number with the CBOR tag [`records::REFERENCE_TAG`]. Of several reductions of one object the
//! last counts, but a failure never hides what another reducer gave.
//!
//! # Objects
//!
//! Objects are numbered in the order of their addresses, from 0; a chunk has the objects `first .. first + count`. Its
//! payload is, with every number a LEB128 *varint* and signed ones zigzag-coded:
//!
//! 1. the number of shapes, and the *shapes*: number of the type; a byte of flags (1 the size varies, 2 there is state, 4 it
//!    is a surrogate, bits 4 and 5 the tail: 0 none, 1 elements, 2 entries); a byte for the kind of value
//!    ([`ValueKind`]); the size, unless it varies; for a surrogate the reason ([`Reason`](crate::reduce::Reason)) as a
//!    byte and the detail as length and text; the number of edges and for each its kind
//!    ([`EdgeKind`](crate::heap::EdgeKind)) as a byte, and the name as length and text, or, when the byte has bit 7 set, as a
//!    number;
//! 2. the address that the first object's is relative to;
//! 3. the lengths of ten *columns*, and the columns:
//!
//! | column | per object |
//! |--------|------------|
//! | shapes | shape number |
//! | addresses | difference to the address before, divided by 8 |
//! | sizes | size in bytes, when the shape says that it varies |
//! | numbers | small integers: signed difference to the last one of this shape |
//! | lengths | length of the value in bytes: large integers (with a sign byte), text, bytes |
//! | payload | the value's bytes: doubles, magnitudes, text (WTF-8), bytes |
//! | targets | for each edge of the shape the target, signed difference to the same edge's last target (other than nothing or stray) in an object of this shape |
//! | tails | length of the tail, and the targets of its last *length modulo 65536* positions |
//! | strays | the address of each target that has no object |
//! | states | length and CBOR of the reducer's state, when the shape says there is |
//!
//! A *target* is 0 for nothing, 1 for an address that has no object (see strays), else the object's number plus 2. In a
//! tail, the target at position `p` is predicted by position `p` of the last container of that type when `p < 8`, else by
//! the target one (entries: two) before in the same tail; positions count from the start of the part that is stored here.
//!
//! Values longer than 64 KiB lie in payload chunks, and elements beyond the last multiple of 65536 in elements chunks:
//! position of the first, 1 or 2 (elements or entries), count, targets, strays; predicted from nothing.
//!
//! # An example
//!
//! The dump of a heap of one object, the integer 7 (all chunks small enough to be stored as they are), its objects chunk:
//!
//! ```
//! use heapsake_core::format::{ChunkHeader, ChunkKind, Codec, Decoded, HEADER_LENGTH, Objects};
//!
//! let bytes = [
//!     // magic; kind 5, stored as it is, no flags
//!     0x8a, 0x68, 0x73, 0x6b, 0x0d, 0x0a, 0x1a, 0x0a, 5, 0, 0, 0,
//!     // sequence number, length decompressed, length stored, first object, count
//!     4, 0, 0, 0, 21, 0, 0, 0, 21, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
//!     // checksums of payload and header
//!     0x68, 0x5a, 0x6f, 0x7e, 0xde, 0x6a, 0x9e, 0x48,
//!     // one shape: type 0, no flags, a small integer, 28 bytes, no edges
//!     1, 0, 0, 1, 28, 0,
//!     // relative to address 4096
//!     0x80, 0x20,
//!     // lengths of the columns: shapes 1, addresses 1, numbers 1, the others empty
//!     1, 1, 0, 1, 0, 0, 0, 0, 0, 0,
//!     // shape 0; address + 0; 7, zigzag-coded
//!     0, 0, 14,
//! ];
//! let header = ChunkHeader::decode(&bytes).unwrap();
//! assert_eq!((header.kind, header.codec, header.count), (ChunkKind::Objects, Codec::None, 1));
//! let objects = Objects::decode(header.first, header.count, &bytes[HEADER_LENGTH..]).unwrap();
//! let seven = objects.get(0).unwrap();
//! assert_eq!((seven.address().0, seven.size(), seven.value()), (4096, 28, Decoded::Small(7)));
//! ```

mod chunk;
mod columns;
mod compress;
mod objects;
pub mod records;
mod shape;
mod update;
pub mod varint;
mod writer;

pub use chunk::{ChunkHeader, ChunkKind, Codec, HEADER_LENGTH, MAGIC, MAXIMUM_RAW_LENGTH, OBJECTS_RAW_LENGTH};
pub(crate) use columns::{Columns, TailPredictor, encode_segment};
pub use columns::{INLINE_PAYLOAD, SEGMENT};
pub use compress::{Compressor, Undecodable, decompress};
pub use objects::{Decoded, DecodedObject, Objects, Target, decode_segment};
pub use shape::{Coded, LabelName, Shape, TailKind, ValueKind};
pub use update::append;
pub use writer::Writer;
pub(crate) use writer::{cbor, payload};

/// Version of the format that this crate writes.
pub const VERSION: u32 = 1;
/// The first line of a dump. Readers ask for `heapsake dump` at its start only.
pub const FIRST_LINE: &[u8] = b"heapsake dump, version 1: a program's threads, frames and objects. Open it with: heapsake FILE\n";
/// What [`FIRST_LINE`] of every version starts with.
pub const FIRST_WORDS: &[u8] = b"heapsake dump";
/// What the last 16 bytes of a complete dump start with; the offset of the trailer's header follows.
pub const END_MARK: &[u8; 8] = b"hsk-end\n";
