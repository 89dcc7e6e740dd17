//! Numbers: `int` and `bool` with either form of their size, `float`, `complex`. Mirrors `Objects/longobject.c`,
//! `floatobject.c`, `complexobject.c`.

use heapsake_core::Address;
use heapsake_core::heap::{Integer, Sink, Value};
use heapsake_core::reduce::Failure;

use super::head::Head;
use super::types::TypeEntry;
use super::{CPythonHeap, corrupt};
use crate::memory::Memory;

impl<M: Memory> CPythonHeap<M> {
    /// The number of digits of the integer at `object`, and whether it is negative.
    #[inline]
    pub(super) fn digits(&self, head: Head<'_>) -> Result<(u64, bool), Failure> {
        Ok(match self.layouts().long.lv_tag {
            Some(tag) => {
                let tag = self.head_field(tag, head)?;
                // 0 positive, 1 zero, 2 negative; the third bit is reserved.
                (tag >> 3, tag & 3 == 2)
            }
            None => {
                let size = self.head_field(self.layouts().var_object.ob_size, head)?;
                (size.unsigned_abs(), size < 0)
            }
        })
    }

    /// The integer at `object`, whose type is taken for granted, if it fits.
    pub fn small_integer(&self, object: Address, digit_size: u64) -> Option<i64> {
        let (count, negative) = self.digits(self.head(object)).ok()?;
        let bits = if digit_size == 2 { 15 } else { 30 };
        if count > 60 / bits {
            return None;
        }
        let bytes = self.piece(self.layouts().long.ob_digit.at(object), count * digit_size).ok()?;
        let number = bytes.rchunks_exact(digit_size.max(1) as usize).fold(0i64, |number, digit| {
            let digit = digit.iter().rev().fold(0i64, |digit, byte| digit << 8 | i64::from(*byte));
            number << bits | digit & ((1 << bits) - 1)
        });
        Some(if negative { -number } else { number })
    }

    /// The integer at `object`; `None` when none lies there, or none that fits.
    pub fn integer(&self, object: Address) -> Option<i64> {
        let entry = self.type_of(object)?;
        if entry.payload != super::Payload::Int {
            return None;
        }
        self.small_integer(object, entry.item_size)
    }
}

#[inline]
pub(super) fn reduce<M: Memory, S: Sink + ?Sized>(
    heap: &CPythonHeap<M>,
    entry: &TypeEntry,
    head: Head<'_>,
    sink: &mut S,
) -> Result<(), Failure> {
    reduce_digits(heap, entry, head, heap.digits(head)?, sink)
}

/// Tells all of an instance that has nothing but its number.
#[inline]
pub(super) fn reduce_leaf<M: Memory, S: Sink>(
    heap: &CPythonHeap<M>,
    entry: &TypeEntry,
    head: Head<'_>,
    sink: &mut S,
) -> Result<(), Failure> {
    if sink.is_marking() || entry.payload == super::Payload::Float {
        sink.begin(entry.id, entry.fixed_size);
        return if sink.is_marking() { Ok(()) } else { reduce_float(heap, head, sink) };
    }
    let digits = heap.digits(head);
    let more = digits.as_ref().map_or(0, |(count, _)| heap.size_of_digits(entry, *count));
    sink.begin(entry.id, entry.fixed_size.saturating_add(more));
    reduce_digits(heap, entry, head, digits?, sink)
}

#[inline]
fn reduce_digits<M: Memory, S: Sink + ?Sized>(
    heap: &CPythonHeap<M>,
    entry: &TypeEntry,
    head: Head<'_>,
    (count, negative): (u64, bool),
    sink: &mut S,
) -> Result<(), Failure> {
    let (bits, width) = match entry.item_size {
        2 => (15u8, 2u8),
        4 => (30, 4),
        _ => return Err(corrupt("an integer of unknown digits")),
    };
    let digits_at = heap.layouts().long.ob_digit;
    if width == 4 && count <= 2 {
        let number = match count {
            0 => 0,
            // The second half may lie beyond the object, and beyond the region.
            1 => i64::from(heap.head_half(digits_at.offset(), head)? & 0x3fff_ffff),
            _ => {
                let digits = heap.head_word(digits_at.offset(), head)?;
                (digits & 0x3fff_ffff | (digits >> 32 & 0x3fff_ffff) << 30) as i64
            }
        };
        sink.value(Value::Integer(Integer::Small(if negative { -number } else { number })));
        return Ok(());
    }
    let length = count.checked_mul(u64::from(width)).ok_or_else(|| corrupt("an integer beyond memory"))?;
    let digits = heap.piece(digits_at.at(head.object), length)?;
    sink.value(Value::Integer(Integer::Digits { negative, bits, width, digits: &digits }));
    Ok(())
}

pub(super) fn reduce_float<M: Memory, S: Sink + ?Sized>(
    heap: &CPythonHeap<M>,
    head: Head<'_>,
    sink: &mut S,
) -> Result<(), Failure> {
    sink.value(Value::Float(heap.head_field(heap.layouts().float.ob_fval, head)?));
    Ok(())
}

pub(super) fn reduce_complex<M: Memory, S: Sink + ?Sized>(
    heap: &CPythonHeap<M>,
    object: Address,
    sink: &mut S,
) -> Result<(), Failure> {
    let layout = &heap.layouts().complex;
    sink.value(Value::Complex(heap.field(layout.real, object)?, heap.field(layout.imag, object)?));
    Ok(())
}
