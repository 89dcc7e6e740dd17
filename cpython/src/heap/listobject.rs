//! `list` and `tuple`, named tuples by name as well. Mirrors `Objects/listobject.c`, `tupleobject.c`.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::Failure;

use super::CPythonHeap;
use super::head::Head;
use super::types::TypeEntry;
use crate::memory::Memory;

impl<M: Memory> CPythonHeap<M> {
    /// The items of the list at `list`, whose type is taken for granted, at most `maximum`.
    pub fn items_of_list(&self, list: Address, maximum: u64) -> Option<Vec<Address>> {
        let count = self.item_count(list).ok()?.min(maximum);
        if count == 0 {
            return Some(Vec::new());
        }
        let items = self.field(self.layouts().list.ob_item, list).ok()?;
        Some(self.words(items, count).ok()?.iter().collect())
    }
}

pub(super) fn reduce_list<M: Memory, S: Sink + ?Sized>(
    heap: &CPythonHeap<M>,
    head: Head<'_>,
    sink: &mut S,
) -> Result<(), Failure> {
    let count = heap.item_count_of_head(head)?;
    if count == 0 {
        return Ok(());
    }
    let items = heap.head_field(heap.layouts().list.ob_item, head)?;
    heap.words(items, count)?.iter().for_each(|item| sink.element(item));
    Ok(())
}

pub(super) fn reduce_tuple<M: Memory, S: Sink + ?Sized>(
    heap: &CPythonHeap<M>,
    entry: &TypeEntry,
    head: Head<'_>,
    sink: &mut S,
) -> Result<(), Failure> {
    let count = heap.item_count_of_head(head)?;
    let items = heap.words(heap.layouts().tuple.ob_item.at(head.object), count)?;
    items.iter().for_each(|item| sink.element(item));
    for (name, item) in entry.item_names.iter().zip(items.iter()) {
        sink.edge(EdgeKind::Attribute, Name::Object(*name), item);
    }
    Ok(())
}
