//! The runtime, its interpreters, threads and collectors, by `Include/internal/pycore_runtime.h`, `pycore_interp.h` and `Include/cpython/pystate.h`.

use heapsake_core::Address;

use crate::layout;
use crate::layout::{Bits, Inline};

layout! {
    /// `_PyRuntime`, `Include/internal/pycore_runtime.h`.
    pub struct PyRuntimeState as "pyruntimestate" {
        interpreters_head as "interpreters.head": Address,
        interpreters_main as "interpreters.main": Address,
        main_thread: u64,
        main_tstate: Option<Address>,
        tstate_current as "gilstate.tstate_current._value": Option<Address>,
        gil_last_holder as "ceval.gil.last_holder._value": Option<Address>,
        gc: Option<Inline>,
        auto_tss_key as "autoTSSkey|gilstate.autoTSSkey": Inline,
        finalizing_thread as "_finalizing|_finalizing._value|finalizing|finalizing._value": Address,
        main_interpreter as "_main_interpreter": Option<Inline>,
        next_interpreter_id as "interpreters.next_id": i64,
        thread_handles as "threads.handles": Option<Inline>,
        debug_offsets: Option<Inline>,
    }
    /// `Include/internal/pycore_interp.h`.
    pub struct PyInterpreterState as "_is" {
        next: Address,
        id: i64,
        threads_head as "threads.head|tstate_head": Address,
        threads_main as "threads.main|threads_main": Option<Address>,
        runtime: Option<Address>,
        modules as "imports.modules|modules": Address,
        modules_by_index as "imports.modules_by_index|modules_by_index": Address,
        importlib as "imports.importlib|importlib": Address,
        sysdict: Address,
        builtins: Address,
        dict: Address,
        codec_search_path as "codecs.search_path|codec_search_path": Address,
        codec_search_cache as "codecs.search_cache|codec_search_cache": Address,
        codec_error_registry as "codecs.error_registry|codec_error_registry": Address,
        gc: Option<Inline>,
        gil as "ceval.gil|gil": Option<Address>,
        own_gil as "_gil": Option<Inline>,
        finalizing: i32,
        finalizing_thread as "_finalizing|_finalizing._value": Option<Address>,
        types: Option<Inline>,
        static_type_states as "types.builtins.initialized|types.builtins": Option<Inline>,
        static_extension_states as "types.for_extensions.initialized": Option<Inline>,
        asyncio_tasks_head: Option<Inline>,
        before_forkers: Address,
        after_forkers_parent: Address,
        after_forkers_child: Address,
        co_extra_user_count: i64,
    }
    /// `Include/cpython/pystate.h`.
    pub struct PyThreadState as "_ts" {
        prev: Address,
        next: Address,
        interp: Address,
        frame: Option<Address>,
        cframe: Option<Address>,
        root_cframe: Option<Inline>,
        current_frame: Option<Address>,
        base_frame: Option<Address>,
        curexc_type: Option<Address>,
        curexc_value: Option<Address>,
        curexc_traceback: Option<Address>,
        current_exception: Option<Address>,
        exc_state: Inline,
        exc_info: Address,
        dict: Address,
        async_exc: Address,
        thread_id: u64,
        native_thread_id: Option<u64>,
        context: Address,
        recursion_depth: Option<i32>,
        tracing: i32,
        c_profileobj: Address,
        c_traceobj: Address,
        async_gen_firstiter: Address,
        async_gen_finalizer: Address,
        datastack_chunk: Option<Address>,
        id: u64,
        gilstate_counter: i32,
        holds_gil as "_status.holds_gil|holds_gil": Option<Bits>,
        finalizing as "_status.finalizing": Option<Bits>,
        cleared as "_status.cleared": Option<Bits>,
        active as "_status.active": Option<Bits>,
        bound as "_status.bound": Option<Bits>,
        state: Option<i32>,
        whence as "_whence": Option<i32>,
    }
    /// `Include/internal/pycore_tstate.h`: a thread state and what is private to it; 3.13 and later.
    pub struct PyThreadStateImpl as "_PyThreadStateImpl" {
        asyncio_running_loop: Address,
        asyncio_running_task: Option<Address>,
        asyncio_tasks_head: Option<Inline>,
    }
    /// `Include/cpython/pystate.h`: an exception that is being handled.
    pub struct PyErrStackItem as "_err_stackitem|_PyErr_StackItem" {
        exc_type: Option<Address>,
        exc_value: Address,
        exc_traceback: Option<Address>,
        previous_item: Address,
    }
    /// `Include/internal/pycore_typeobject.h`: what static types keep per interpreter, from 3.12 on; their `tp_subclasses` is an index into `types.builtins`, plus one.
    pub struct StaticTypeState as "managed_static_type_state|static_builtin_state" {
        type_ as "type": Address,
        tp_dict: Address,
        tp_subclasses: Address,
        tp_weaklist: Address,
    }
    /// `Include/internal/pycore_gil.h`.
    pub struct GilRuntimeState as "_gil_runtime_state" {
        interval: u64,
        last_holder as "last_holder|last_holder._value": Address,
        locked as "locked|locked._value": i32,
        switch_number: u64,
    }
    /// `Include/internal/pycore_runtime.h`: what CPython itself says of its layout, from 3.13 on, against which the table is checked.
    pub struct PyDebugOffsets as "_Py_DebugOffsets" {
        cookie: Inline,
        version: u64,
        free_threaded: u64,
        runtime_size as "runtime_state.size": u64,
        interpreters_head as "runtime_state.interpreters_head": u64,
        interpreter_size as "interpreter_state.size": u64,
        interpreter_id as "interpreter_state.id": u64,
        interpreter_next as "interpreter_state.next": u64,
        threads_head as "interpreter_state.threads_head": u64,
        interpreter_gc as "interpreter_state.gc": u64,
        modules as "interpreter_state.imports_modules": u64,
        sysdict as "interpreter_state.sysdict": u64,
        builtins as "interpreter_state.builtins": u64,
        thread_size as "thread_state.size": u64,
        thread_prev as "thread_state.prev": u64,
        thread_next as "thread_state.next": u64,
        thread_interp as "thread_state.interp": u64,
        current_frame as "thread_state.current_frame": u64,
        thread_id as "thread_state.thread_id": u64,
        native_thread_id as "thread_state.native_thread_id": u64,
        datastack_chunk as "thread_state.datastack_chunk": u64,
        frame_size as "interpreter_frame.size": u64,
        frame_previous as "interpreter_frame.previous": u64,
        frame_executable as "interpreter_frame.executable": u64,
        frame_instr_ptr as "interpreter_frame.instr_ptr": u64,
        frame_localsplus as "interpreter_frame.localsplus": u64,
        frame_owner as "interpreter_frame.owner": u64,
        code_size as "code_object.size": u64,
        co_filename as "code_object.filename": u64,
        co_name as "code_object.name": u64,
        co_qualname as "code_object.qualname": u64,
        co_linetable as "code_object.linetable": u64,
        co_firstlineno as "code_object.firstlineno": u64,
        co_argcount as "code_object.argcount": u64,
        co_localsplusnames as "code_object.localsplusnames": u64,
        co_localspluskinds as "code_object.localspluskinds": u64,
        co_code_adaptive as "code_object.co_code_adaptive": u64,
        ob_type as "pyobject.ob_type": u64,
        type_size as "type_object.size": u64,
        tp_name as "type_object.tp_name": u64,
        tp_repr as "type_object.tp_repr": u64,
        tp_flags as "type_object.tp_flags": u64,
        tuple_ob_item as "tuple_object.ob_item": u64,
        tuple_ob_size as "tuple_object.ob_size": u64,
        list_ob_item as "list_object.ob_item": u64,
        dict_ma_keys as "dict_object.ma_keys": u64,
        dict_ma_values as "dict_object.ma_values": u64,
        ob_fval as "float_object.ob_fval": u64,
        lv_tag as "long_object.lv_tag": u64,
        long_ob_digit as "long_object.ob_digit": u64,
        ob_sval as "bytes_object.ob_sval": u64,
        unicode_state as "unicode_object.state": u64,
        unicode_length as "unicode_object.length": u64,
        ascii_size as "unicode_object.asciiobject_size": u64,
        gc_collecting as "gc.collecting": u64,
    }
    /// `Include/internal/pycore_gc.h`.
    pub struct GcRuntimeState as "_gc_runtime_state" {
        enabled: i32,
        debug: i32,
        generations: Option<Inline>,
        generation0: Option<Address>,
        permanent_generation: Inline,
        collecting: i32,
        garbage: Address,
        callbacks: Address,
    }
    /// `Include/internal/pycore_gc.h`: one of `generations`.
    pub struct GcGeneration as "gc_generation" { head: Inline, threshold: i32, count: i32 }
    /// `Include/internal/pycore_gc.h`: in front of every collectable object, except in free-threaded builds.
    pub struct PyGCHead as "PyGC_Head" { next as "_gc_next": u64, prev as "_gc_prev": u64 }
}
