//! `memoryview`: shape, format, what it shows, and the bytes where they lie in one piece. Mirrors
//! `Objects/memoryobject.c`, `Include/pybuffer.h`.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink, Value};
use heapsake_core::reduce::Failure;

use super::{CPythonHeap, State, unreadable};
use crate::memory::Memory;

/// `_Py_MEMORYVIEW_RELEASED`.
const RELEASED: i32 = 1;
/// `PyBUF_MAX_NDIM`.
const MAXIMUM_DIMENSIONS: i32 = 64;

pub(super) fn reduce<M: Memory, S: Sink + ?Sized>(heap: &CPythonHeap<M>, object: Address, sink: &mut S) -> Result<(), Failure> {
    let layouts = heap.layouts();
    let layout = &layouts.buffer;
    sink.edge(EdgeKind::Internal, Name::Text("mbuf"), heap.field(layouts.memoryview.mbuf, object)?);
    // What it showed may be gone since.
    if heap.field(layouts.memoryview.flags, object)? & RELEASED != 0 {
        State::new().with("released", true).tell(sink);
        return Ok(());
    }
    let view = layouts.memoryview.view.at(object);
    let bytes = heap.piece(view, layout.size as u64)?;
    let owner = layout.obj.decode(&bytes).ok_or_else(unreadable)?;
    let length = layout.len.decode(&bytes).ok_or_else(unreadable)?;
    let item_size = layout.itemsize.decode(&bytes).ok_or_else(unreadable)?;
    let dimensions = layout.ndim.decode(&bytes).ok_or_else(unreadable)?;
    let readonly = layout.readonly.decode(&bytes).ok_or_else(unreadable)? != 0;
    let format = layout.format.decode(&bytes).and_then(|format| heap.c_text(format));
    let numbers = |field: crate::layout::Field<Address>| -> Option<Vec<i64>> {
        let at = field.decode(&bytes)?;
        if at.is_null() || !(0..=MAXIMUM_DIMENSIONS).contains(&dimensions) {
            return None;
        }
        Some(heap.words(at, dimensions as u64).ok()?.iter().map(|word| word.0 as i64).collect())
    };
    let shape = numbers(layout.shape);
    let strides = numbers(layout.strides);
    sink.edge(EdgeKind::Attribute, Name::Text("obj"), owner);
    State::new()
        .with("nbytes", length)
        .with("itemsize", item_size)
        .with("readonly", readonly)
        .with("ndim", dimensions)
        .with_some("format", format)
        .with_some("shape", shape.clone())
        .with_some("strides", strides.clone())
        .tell(sink);
    let is_contiguous = match (&shape, &strides) {
        (Some(shape), Some(strides)) => is_contiguous(shape, strides, item_size),
        _ => true,
    };
    if let (true, Ok(length)) = (is_contiguous, u64::try_from(length)) {
        let start = layout.buf.decode(&bytes).ok_or_else(unreadable)?;
        sink.value(Value::Bytes(&heap.piece(start, length)?));
    }
    Ok(())
}

/// Whether the items lie one after the other, in C order.
fn is_contiguous(shape: &[i64], strides: &[i64], item_size: i64) -> bool {
    let mut expected = item_size;
    shape.iter().zip(strides).rev().all(|(count, stride)| {
        let fits = *count == 1 || *stride == expected;
        expected = expected.saturating_mul(*count);
        fits
    })
}
