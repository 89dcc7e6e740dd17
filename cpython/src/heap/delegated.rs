//! The hand-over to what reads code, frames, generators and exceptions.

use heapsake_core::Address;
use heapsake_core::heap::Sink;
use heapsake_core::reduce::Failure;

use super::{CPythonHeap, TypeEntry};
use crate::memory::Memory;

macro_rules! delegated {
    ($($name:ident => $path:path;)*) => {$(
        #[inline(never)]
        pub(super) fn $name<M: Memory, S: Sink + ?Sized>(
            heap: &CPythonHeap<M>,
            entry: &TypeEntry,
            object: Address,
            sink: &mut S,
        ) -> Result<(), Failure> {
            $path(heap, entry, object, sink)
        }
    )*};
}

delegated! {
    code => crate::codeobject::reduce;
    frame => crate::frame::reduce;
    interpreter_frame => crate::frame::reduce_interpreter_frame;
    traceback => crate::traceback::reduce;
    generator => crate::genobject::reduce;
    exception => crate::exceptions::reduce;
}
