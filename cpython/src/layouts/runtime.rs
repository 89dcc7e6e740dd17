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
        finalizing_thread as "_finalizing._value|_finalizing|finalizing._value|finalizing": Address,
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
        finalizing_thread as "_finalizing._value|_finalizing": Option<Address>,
        types: Option<Inline>,
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
    /// `Include/internal/pycore_gil.h`.
    pub struct GilRuntimeState as "_gil_runtime_state" {
        interval: u64,
        last_holder as "last_holder._value|last_holder": Address,
        locked as "locked._value|locked": i32,
        switch_number: u64,
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
