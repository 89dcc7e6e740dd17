//! Frames, generators and tracebacks: frame objects up to 3.10, interpreter frames from 3.11 on.

use heapsake_core::Address;

use crate::layout;
use crate::layout::{Bits, Inline};

layout! {
    /// `Include/internal/pycore_frame.h`, `Include/cpython/frameobject.h`.
    pub struct PyFrameObject as "_frame" {
        f_back: Address,
        f_code: Option<Address>,
        f_builtins: Option<Address>,
        f_globals: Option<Address>,
        f_locals: Option<Address>,
        f_valuestack: Option<Address>,
        f_stacktop: Option<Address>,
        f_trace: Address,
        f_trace_lines: i8,
        f_trace_opcodes: i8,
        f_gen: Option<Address>,
        f_lasti: Option<i32>,
        f_lineno: i32,
        f_localsplus: Option<Inline>,
        f_stackdepth: Option<i32>,
        f_state: Option<i8>,
        f_frame: Option<Address>,
        f_fast_as_locals: Option<i8>,
        f_frame_data as "_f_frame_data": Option<Inline>,
        f_extra_locals: Option<Address>,
        f_locals_cache: Option<Address>,
        f_blockstack: Option<Inline>,
        f_iblock: Option<i32>,
        f_executing: Option<i8>,
        f_overwritten_fast_locals: Option<Address>,
    }
    /// `Include/internal/pycore_frame.h`: 3.11 and later.
    pub struct PyInterpreterFrame as "_PyInterpreterFrame" {
        f_func: Option<Address>,
        f_code: Option<Address>,
        f_executable as "f_executable|f_executable.bits": Option<Address>,
        f_funcobj as "f_funcobj|f_funcobj.bits": Option<Address>,
        f_globals: Address,
        f_builtins: Address,
        f_locals: Address,
        frame_obj: Address,
        previous: Address,
        prev_instr: Option<Address>,
        instr_ptr: Option<Address>,
        stacktop: Option<i32>,
        stackpointer: Option<Address>,
        return_offset: Option<u16>,
        is_entry: Option<u8>,
        owner: i8,
        localsplus: Inline,
    }
    /// `Include/cpython/pystate.h`: 3.11 and 3.12.
    pub struct PyCFrame as "_PyCFrame" { use_tracing: Option<u8>, current_frame: Address, previous: Address }
    /// `Include/internal/pycore_frame.h`: 3.13 and later.
    pub struct PyFrameLocalsProxyObject { frame: Address }
    /// `Include/cpython/genobject.h`.
    pub struct PyGenObject {
        gi_frame: Option<Address>,
        gi_running: Option<i8>,
        gi_code: Option<Address>,
        gi_weakreflist: Address,
        gi_name: Address,
        gi_qualname: Address,
        gi_exc_state: Inline,
        gi_hooks_inited: Option<i8>,
        gi_closed: Option<i8>,
        gi_running_async: Option<i8>,
        gi_frame_state: Option<i8>,
        gi_iframe: Option<Inline>,
        gi_finalizer as "gi_origin_or_finalizer": Option<Address>,
    }
    /// `Include/cpython/genobject.h`.
    pub struct PyCoroObject {
        cr_frame: Option<Address>,
        cr_running: Option<i8>,
        cr_code: Option<Address>,
        cr_weakreflist: Address,
        cr_name: Address,
        cr_qualname: Address,
        cr_exc_state: Inline,
        cr_hooks_inited: Option<i8>,
        cr_closed: Option<i8>,
        cr_running_async: Option<i8>,
        cr_frame_state: Option<i8>,
        cr_iframe: Option<Inline>,
        cr_origin as "cr_origin|cr_origin_or_finalizer": Address,
    }
    /// `Include/cpython/genobject.h`.
    pub struct PyAsyncGenObject {
        ag_frame: Option<Address>,
        ag_running: Option<i8>,
        ag_code: Option<Address>,
        ag_weakreflist: Address,
        ag_name: Address,
        ag_qualname: Address,
        ag_exc_state: Inline,
        ag_hooks_inited: Bits,
        ag_closed: Bits,
        ag_running_async: Option<Bits>,
        ag_frame_state: Option<i8>,
        ag_iframe: Option<Inline>,
        ag_finalizer as "ag_finalizer|ag_origin_or_finalizer": Address,
    }
    /// `Objects/genobject.c`.
    pub struct PyAsyncGenASend { ags_gen: Address, ags_sendval: Address, ags_state: u32 }
    /// `Objects/genobject.c`.
    pub struct PyAsyncGenAThrow {
        agt_gen: Address,
        agt_args: Option<Address>,
        agt_typ: Option<Address>,
        agt_val: Option<Address>,
        agt_tb: Option<Address>,
        agt_state: u32,
    }
    /// `Objects/genobject.c`.
    pub struct PyAsyncGenWrappedValue as "_PyAsyncGenWrappedValue" { agw_val: Address }
    /// `Objects/genobject.c`.
    pub struct PyCoroWrapper { cw_coroutine: Address }
    /// `Objects/iterobject.c`: what `anext` with a default returns.
    pub struct AnextAwaitableObject as "anextawaitableobject" { wrapped: Address, default_value: Address }
    /// `Include/cpython/traceback.h`.
    pub struct PyTracebackObject as "_traceback" {
        tb_next: Address,
        tb_frame: Address,
        tb_lasti: i32,
        tb_lineno: i32,
    }
}
