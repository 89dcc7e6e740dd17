//! Payloads: what a value consists of, inline or in chunks of its own, whole or its head.

use super::ObjectWriter;
use crate::format::{ChunkKind, INLINE_PAYLOAD, ValueKind, payload, varint};
use crate::heap::{Sink, Value};
use crate::reduce::Failure;
use crate::walk::{Redaction, cut};

/// Bytes of one payload chunk.
const PIECE: usize = 1 << 20;
/// Bytes that two payloads of one value are searched for secrets together.
const OVERLAP: usize = 4 << 10;

impl ObjectWriter<'_, '_> {
    pub(super) fn bytes(&mut self, inline: ValueKind, long: ValueKind, bytes: &[u8]) {
        if self.redactor.withheld(self.address) || self.redactor.copies(bytes) {
            self.withheld = Some(self.redactor.placeholder(bytes));
            return;
        }
        let (bytes, cut) = cut::head(bytes, if inline == ValueKind::Big { u64::MAX } else { self.most });
        self.cut = cut;
        varint::put(&mut self.columns.lengths, bytes.len() as u64);
        if bytes.len() <= INLINE_PAYLOAD {
            self.value = inline;
            self.columns.payload.extend_from_slice(bytes);
            return;
        }
        self.value = long;
        for (number, piece) in bytes.chunks(PIECE).enumerate() {
            let raw = payload((number * PIECE) as u64, piece);
            let written = self.writer.chunk(ChunkKind::Payload, self.id, 0, &raw);
            self.keep(written);
        }
    }

    /// As [`Sink::bytes_in_pieces`].
    pub(super) fn pieces(
        &mut self,
        length: u64,
        read: &mut dyn FnMut(u64, &mut [u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.redactor.level == Redaction::AllValues || self.redactor.withheld(self.address) {
            self.withheld = Some(String::new());
            return Ok(());
        }
        if length <= PIECE as u64 {
            let mut bytes = vec![0; length as usize];
            read(0, &mut bytes)?;
            self.value(Value::Bytes(&bytes));
            return Ok(());
        }
        let kept = cut::kept(length, self.most);
        let mut checksum = crc32fast::Hasher::new();
        varint::put(&mut self.columns.lengths, kept);
        let is_inline = kept <= INLINE_PAYLOAD as u64;
        self.value = if is_inline { ValueKind::Bytes } else { ValueKind::LongBytes };
        // In front of each piece the end of the one before, so that no secret lies across.
        let mut bytes = vec![0; OVERLAP + PIECE];
        // A piece is written when the next one was searched: a secret may begin in the one and end in the other.
        let mut searched: Option<Vec<u8>> = None;
        let mut at = 0;
        while at < length {
            let end = OVERLAP + (length - at).min(PIECE as u64) as usize;
            if let Err(failure) = read(at, &mut bytes[OVERLAP..end]) {
                self.forget_value();
                return Err(failure);
            }
            if self.redactor.copies(&bytes[..end]) {
                self.withheld = Some(String::new());
                return Ok(());
            }
            self.write_piece(searched.take());
            let piece = &bytes[OVERLAP..end];
            if kept < length {
                checksum.update(piece);
            }
            if at < kept {
                let piece = &piece[..piece.len().min((kept - at) as usize)];
                if is_inline {
                    self.columns.payload.extend_from_slice(piece);
                } else {
                    searched = Some(payload(at, piece));
                }
            }
            at += (end - OVERLAP) as u64;
            bytes.copy_within(PIECE.., 0);
        }
        self.write_piece(searched);
        if kept < length {
            self.cut = Some(cut::told(kept, length, checksum.finalize()));
        }
        Ok(())
    }

    fn write_piece(&mut self, piece: Option<Vec<u8>>) {
        if let Some(piece) = piece {
            let written = self.writer.chunk(ChunkKind::Payload, self.id, 0, &piece);
            self.keep(written);
        }
    }

    /// Takes back what was told of the value.
    pub(super) fn forget_value(&mut self) {
        self.columns.lengths.truncate(self.marks.0);
        self.columns.payload.truncate(self.marks.1);
        self.value = ValueKind::Nothing;
    }
}
