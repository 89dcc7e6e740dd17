//! `bytes` and `bytearray`. Mirrors `Objects/bytesobject.c`, `bytearrayobject.c`.

use heapsake_core::Address;
use heapsake_core::heap::{Sink, Value};
use heapsake_core::reduce::Failure;

use super::head::Head;
use super::{CPythonHeap, corrupt};
use crate::memory::Memory;

impl<M: Memory> CPythonHeap<M> {
    /// `ob_size` of an object that has items.
    #[inline]
    pub(crate) fn item_count(&self, object: Address) -> Result<u64, Failure> {
        self.item_count_of_head(self.head(object))
    }

    #[inline]
    pub(crate) fn item_count_of_head(&self, head: Head<'_>) -> Result<u64, Failure> {
        let count = self.head_field(self.layouts().var_object.ob_size, head)?;
        u64::try_from(count).map_err(|_| corrupt("a negative number of items"))
    }

    /// The content of the `bytes` at `object`, whose type is taken for granted.
    pub fn bytes_of(&self, object: Address) -> Result<std::borrow::Cow<'_, [u8]>, Failure> {
        self.piece(self.layouts().bytes.ob_sval.at(object), self.item_count(object)?)
    }
}

pub(super) fn reduce<M: Memory, S: Sink + ?Sized>(heap: &CPythonHeap<M>, object: Address, sink: &mut S) -> Result<(), Failure> {
    sink.value(Value::Bytes(&heap.bytes_of(object)?));
    Ok(())
}

pub(super) fn reduce_bytearray<M: Memory, S: Sink + ?Sized>(
    heap: &CPythonHeap<M>,
    object: Address,
    sink: &mut S,
) -> Result<(), Failure> {
    let count = heap.item_count(object)?;
    let layout = &heap.layouts().bytearray;
    let start = heap.field(layout.ob_start, object)?;
    // From 3.15 on the block is a `bytes` object, which is the array's alone and is told with it.
    sink.value(Value::Bytes(&heap.piece(start, count)?));
    Ok(())
}
