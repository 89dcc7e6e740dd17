//! `set` and `frozenset`: a table of keys and hashes, in which a hash of -1 marks what was removed. Mirrors
//! `Objects/setobject.c`.

use heapsake_core::Address;
use heapsake_core::heap::Sink;
use heapsake_core::reduce::{Failure, Reason};

use super::head::Head;
use super::{CPythonHeap, corrupt, miscounted};
use crate::memory::Memory;

pub(super) fn reduce<M: Memory, S: Sink + ?Sized>(heap: &CPythonHeap<M>, head: Head<'_>, sink: &mut S) -> Result<(), Failure> {
    elements(heap, head, |key| sink.element(key))
}

#[inline]
fn elements<M: Memory>(heap: &CPythonHeap<M>, head: Head<'_>, mut told: impl FnMut(Address)) -> Result<(), Failure> {
    let layout = &heap.layouts().set;
    let entry = &heap.layouts().set_entry;
    let used = heap.head_field(layout.used, head)?;
    if used == 0 {
        return Ok(());
    }
    let mask = heap.head_field(layout.mask, head)?;
    let count = mask.checked_add(1).filter(|count| *count > 0).ok_or_else(|| corrupt("a set without a table"))? as u64;
    let length = count.checked_mul(entry.size as u64).ok_or_else(|| corrupt("a set beyond memory"))?;
    let table = heap.piece(heap.head_field(layout.table, head)?, length)?;
    let mut count = 0;
    for bytes in table.chunks_exact(entry.size.max(1)) {
        if let (Some(key), Some(hash)) = (entry.key.decode(bytes), entry.hash.decode(bytes))
            && !key.is_null()
            && hash != -1
        {
            count += 1;
            told(key);
        }
    }
    if count == used { Ok(()) } else { Err(miscounted(count, used, "elements")) }
}

/// Whether the set at `set`, whose type is taken for granted, does not have as many elements as it counts; not told of one
/// whose table has room for more than `most`.
pub(super) fn is_miscounted<M: Memory>(heap: &CPythonHeap<M>, set: Address, most: u64) -> bool {
    let mask = heap.layouts().set.mask.read(&heap.memory, set);
    mask.is_some_and(|mask| mask.unsigned_abs() < most)
        && elements(heap, heap.head(set), |_| ()).is_err_and(|failure| failure.reason == Reason::Corrupt)
}
