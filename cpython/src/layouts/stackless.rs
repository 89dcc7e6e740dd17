//! Stackless Python's own structs, by its `Include/slp_structs.h` and `Include/slp_tstate.h`; no other CPython has them.
//!
//! They are looked up by their typedefs: CPython's later releases have structs of the same tags.

use heapsake_core::Address;

use crate::layout;
use crate::layout::{Bits, Inline};

layout! {
    /// A tasklet.
    pub struct PyTaskletObject {
        next: Address,
        prev: Address,
        frame as "f.frame": Address,
        tempval: Address,
        cstate: Address,
        exc_info: Address,
        exc_state: Inline,
        blocked as "flags.blocked": Bits,
        atomic as "flags.atomic": Bits,
        ignore_nesting as "flags.ignore_nesting": Bits,
        autoschedule as "flags.autoschedule": Bits,
        block_trap as "flags.block_trap": Bits,
        is_zombie as "flags.is_zombie": Bits,
        pending_irq as "flags.pending_irq": Bits,
        recursion_depth: i32,
        def_globals: Address,
        tsk_weakreflist: Address,
    }
    /// A channel; `head` and `tail` lie where a tasklet has `next` and `prev`.
    pub struct PyChannelObject {
        head: Address,
        tail: Address,
        balance: i32,
        closing as "flags.closing": Bits,
        preference as "flags.preference": Bits,
        schedule_all as "flags.schedule_all": Bits,
        chan_weakreflist: Address,
    }
    /// A copied piece of a C stack.
    pub struct PyCStackObject {
        next: Address,
        prev: Address,
        serial: i64,
        task: Address,
        nesting_level: i32,
        tstate: Address,
        startaddr: Address,
    }
    /// A frame of a C function.
    pub struct PyCFrameObject {
        f_back: Address,
        f_execute: Address,
        ob1: Address,
        ob2: Address,
        ob3: Address,
        i: i64,
        n: i64,
    }
    /// An exception on its way into a tasklet.
    pub struct PyBombObject { curexc_type: Address, curexc_value: Address, curexc_traceback: Address }
}
