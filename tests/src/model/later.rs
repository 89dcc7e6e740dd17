//! Dumps as a later version would write them: fields that nobody knows in every record, chunks of kinds that nobody knows.

use ciborium::Value;
use heapsake_core::format::records::Trailer;
use heapsake_core::format::{ChunkHeader, ChunkKind, Compressor, FIRST_LINE, HEADER_LENGTH, MAGIC, Writer, decompress};

/// Kinds that this version does not know.
const KINDS: [u8; 3] = [14, 77, 255];

/// A dump with a later version's additions, and how many chunks are new in it.
///
/// # Panics
/// When `whole` is no complete dump.
pub fn written_later(whole: &[u8]) -> (Vec<u8>, usize) {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, Compressor::zlib()).expect("memory takes every byte");
    let (mut at, mut added, mut trailer) = (FIRST_LINE.len(), 0, None);
    while whole[at..].starts_with(&MAGIC) {
        let header = ChunkHeader::decode(&whole[at..]).expect("a good dump");
        let payload = at + HEADER_LENGTH;
        at = payload + header.stored_length as usize;
        let raw = decompress(header.codec, &whole[payload..at], header.raw_length).expect("a good dump");
        let raw = match header.kind {
            ChunkKind::Index => continue,
            ChunkKind::Trailer => {
                trailer = Some(ciborium::from_reader::<Trailer, _>(&raw[..]).expect("a record"));
                continue;
            }
            ChunkKind::Objects | ChunkKind::Elements | ChunkKind::Payload => raw,
            _ => with_later_fields(&raw),
        };
        writer.chunk(header.kind, header.first, header.count, &raw).expect("memory takes every byte");
        let kind = ChunkKind::from_number(KINDS[added % KINDS.len()]);
        writer.chunk(kind, 0, 1, b"what only a later version reads").expect("memory takes every byte");
        added += 1;
    }
    writer.finish(trailer.expect("a trailer")).expect("memory takes every byte");
    (bytes, added)
}

/// A record with more fields, in it and in the records of its lists.
fn with_later_fields(raw: &[u8]) -> Vec<u8> {
    let mut record: Value = ciborium::from_reader(raw).expect("a record");
    let mut pending = vec![&mut record];
    while let Some(value) = pending.pop() {
        match value {
            Value::Map(fields) => {
                let later = Value::Map(vec![(Value::Text("of".to_owned()), Value::Array(vec![Value::Null, Value::Float(1.5)]))]);
                fields.push((Value::Text("later".to_owned()), later));
                let known = fields.len() - 1;
                // What a program or a reducer wrote has no fields.
                let of_format = fields[..known].iter_mut().filter(|(name, _)| name.as_text() != Some("facts"));
                pending.extend(of_format.map(|(_, value)| value));
            }
            Value::Array(items) => pending.extend(items),
            _ => {}
        }
    }
    let mut written = Vec::new();
    ciborium::into_writer(&record, &mut written).expect("memory takes every byte");
    written
}
