//! The allocator of free-threaded builds, whose heaps take the place of the collector's lists, by
//! `Include/internal/mimalloc/mimalloc/types.h`.

use heapsake_core::Address;

use crate::layout;
use crate::layout::{Bits, Inline};

layout! {
    /// A heap: pages by the size of their blocks. The queues end where the next field begins.
    pub struct MiHeap as "mi_heap_s" { pages: Inline, thread_delayed_free: Address, tag: u8 }
    /// Pages of blocks of one size.
    pub struct MiPageQueue as "mi_page_queue_s" { first: Address, block_size: u64 }
    /// A page, which is described in its segment, where it is one of the slices.
    pub struct MiPage as "mi_page_s" {
        slice_count: u32,
        tag: Option<Bits>,
        capacity: u16,
        free: Address,
        used: u32,
        block_size as "xblock_size": u32,
        local_free: Address,
        thread_free as "xthread_free": u64,
        next: Address,
    }
    /// 32 MiB, or more for one large block: its description, then slices of 64 KiB.
    pub struct MiSegment as "mi_segment_s" { abandoned_next: Address, slice_entries: u64, slices: Inline }
}
