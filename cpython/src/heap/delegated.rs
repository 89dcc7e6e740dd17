//! The hand-over to what reads code, frames, generators and exceptions.

use heapsake_core::Address;
use heapsake_core::heap::Sink;
use heapsake_core::reduce::Failure;

use super::{CPythonHeap, TypeEntry};
use crate::memory::Memory;

macro_rules! delegated {
    ($($name:ident => $($path:ident)::+;)*) => {$(
        #[inline(never)]
        pub(super) fn $name<M: Memory, S: Sink + ?Sized>(
            heap: &CPythonHeap<M>,
            entry: &TypeEntry,
            object: Address,
            sink: &mut S,
        ) -> Result<(), Failure> {
            $($path)::+(heap, entry, object, sink)
        }
    )*};
}

delegated! {
    code => nothing;
    frame => nothing;
    interpreter_frame => nothing;
    traceback => nothing;
    generator => nothing;
    exception => nothing;
}

fn nothing<M: Memory, S: Sink + ?Sized>(_: &CPythonHeap<M>, _: &TypeEntry, _: Address, _: &mut S) -> Result<(), Failure> {
    Ok(())
}
