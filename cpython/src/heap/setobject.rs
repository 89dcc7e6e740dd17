//! `set` and `frozenset`: a table of keys and hashes, in which a hash of -1 marks what was removed. Mirrors
//! `Objects/setobject.c`.

use heapsake_core::heap::Sink;
use heapsake_core::reduce::Failure;

use super::head::Head;
use super::{CPythonHeap, corrupt};
use crate::memory::Memory;

pub(super) fn reduce<M: Memory, S: Sink + ?Sized>(heap: &CPythonHeap<M>, head: Head<'_>, sink: &mut S) -> Result<(), Failure> {
    let layout = &heap.layouts().set;
    let entry = &heap.layouts().set_entry;
    if heap.head_field(layout.used, head)? == 0 {
        return Ok(());
    }
    let mask = heap.head_field(layout.mask, head)?;
    let count = mask.checked_add(1).filter(|count| *count > 0).ok_or_else(|| corrupt("a set without a table"))? as u64;
    let length = count.checked_mul(entry.size as u64).ok_or_else(|| corrupt("a set beyond memory"))?;
    let table = heap.piece(heap.head_field(layout.table, head)?, length)?;
    for bytes in table.chunks_exact(entry.size.max(1)) {
        if let (Some(key), Some(hash)) = (entry.key.decode(bytes), entry.hash.decode(bytes))
            && !key.is_null()
            && hash != -1
        {
            sink.element(key);
        }
    }
    Ok(())
}
