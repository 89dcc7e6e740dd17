//! `asyncio`, `contextvars`, `threading`, `queue` and `multiprocessing`: `Modules/_asynciomodule.c`, `Python/context.c`, `Python/hamt.c`, `Modules/_threadmodule.c`, `Modules/_queuemodule.c`.

use heapsake_core::Address;

use crate::layout;
use crate::layout::{Bits, Inline};

layout! {
    /// `Modules/_asynciomodule.c`.
    pub struct TaskObj from "_asyncio" {
        task_loop: Address,
        task_callback0: Address,
        task_context0: Address,
        task_callbacks: Address,
        task_exception: Address,
        task_result: Address,
        task_source_tb: Address,
        task_state: u32,
        task_log_tb: Bits,
        task_blocking: Bits,
        dict: Option<Address>,
        task_weakreflist: Option<Address>,
        task_fut_waiter: Address,
        task_coro: Address,
        task_name: Option<Address>,
        task_context: Address,
        task_must_cancel: Bits,
        task_log_destroy_pending: Bits,
        task_cancel_msg: Option<Address>,
        task_cancelled_exc_state: Option<Inline>,
        task_exception_tb: Option<Address>,
        task_cancelled_exc: Option<Address>,
        task_num_cancels_requested: Option<i32>,
        task_awaited_by: Option<Address>,
        task_awaited_by_is_set: Option<Bits>,
        task_is_task: Option<Bits>,
        task_node: Option<Inline>,
    }
    /// `Modules/_asynciomodule.c`.
    pub struct FutureObj from "_asyncio" {
        fut_loop: Address,
        fut_callback0: Address,
        fut_context0: Address,
        fut_callbacks: Address,
        fut_exception: Address,
        fut_result: Address,
        fut_source_tb: Address,
        fut_state: u32,
        fut_log_tb: Bits,
        fut_blocking: Bits,
        dict: Option<Address>,
        fut_weakreflist: Option<Address>,
        fut_cancel_msg: Option<Address>,
        fut_cancelled_exc_state: Option<Inline>,
        fut_exception_tb: Option<Address>,
        fut_cancelled_exc: Option<Address>,
        fut_awaited_by: Option<Address>,
        fut_awaited_by_is_set: Option<Bits>,
    }
    /// `Modules/_asynciomodule.c`.
    pub struct FutureIterObject as "futureiterobject" from "_asyncio" { future: Address }
    /// `Modules/_asynciomodule.c`.
    pub struct TaskStepMethWrapper from "_asyncio" { sw_task: Address, sw_arg: Address }
    /// `Include/internal/pycore_context.h`.
    pub struct PyContextObject as "_pycontextobject" {
        ctx_prev: Address,
        ctx_vars: Address,
        ctx_weakreflist: Address,
        ctx_entered: i32,
    }
    /// `Include/internal/pycore_context.h`.
    pub struct PyContextVarObject as "_pycontextvarobject" {
        var_name: Address,
        var_default: Address,
        var_cached: Option<Address>,
        var_cached_tsid: Option<u64>,
        var_cached_tsver: Option<u64>,
        var_hash: i64,
    }
    /// `Include/internal/pycore_context.h`.
    pub struct PyContextTokenObject as "_pycontexttokenobject" {
        tok_ctx: Address,
        tok_var: Address,
        tok_oldval: Address,
        tok_used: i32,
    }
    /// `Include/internal/pycore_hamt.h`.
    pub struct PyHamtObject { h_root: Address, h_weakreflist: Address, h_count: i64 }
    /// `Include/internal/pycore_hamt.h`.
    pub struct PyHamtNodeBitmap as "PyHamtNode_Bitmap" { b_bitmap: u32, b_array: Inline }
    /// `Python/hamt.c`.
    pub struct PyHamtNodeArray as "PyHamtNode_Array" { a_array: Inline, a_count: i64 }
    /// `Python/hamt.c`.
    pub struct PyHamtNodeCollision as "PyHamtNode_Collision" { c_hash: i32, c_array: Inline }
    /// `Modules/_threadmodule.c`: `threading.Lock`.
    pub struct LockObject as "lockobject" {
        lock_lock: Option<Address>,
        in_weakreflist: Option<Address>,
        locked: Option<i8>,
        mutex as "lock|lock._bits": Option<Bits>,
    }
    /// `Modules/_threadmodule.c`: `threading.RLock`.
    pub struct RLockObject as "rlockobject" {
        rlock_lock: Option<Address>,
        rlock_owner: Option<u64>,
        rlock_count: Option<u64>,
        in_weakreflist: Option<Address>,
        mutex as "lock.mutex._bits": Option<Bits>,
        mutex_thread as "lock.thread": Option<u64>,
        mutex_level as "lock.level": Option<u64>,
    }
    /// `Modules/_threadmodule.c`: `threading.local`.
    pub struct LocalObject as "localobject" {
        key: Option<Address>,
        args: Address,
        kw: Address,
        weakreflist: Address,
        dummies: Option<Address>,
        wr_callback: Option<Address>,
        localdicts: Option<Address>,
        thread_watchdogs: Option<Address>,
    }
    /// `Modules/_threadmodule.c`.
    pub struct LocalDummyObject as "localdummyobject" { localdict: Option<Address>, weakreflist: Address }
    /// `Modules/_threadmodule.c`: 3.13 and later.
    pub struct ThreadHandle {
        node: Inline,
        ident: u64,
        os_handle: u64,
        has_os_handle: i32,
        state: i32,
        refcount: i64,
    }
    /// `Modules/_threadmodule.c`: 3.13 and later.
    pub struct PyThreadHandleObject { handle: Address }
    /// `Modules/_queuemodule.c`.
    pub struct SimpleQueueObject as "simplequeueobject" from "_queue" {
        lock: Option<Address>,
        locked: Option<i32>,
        lst: Option<Address>,
        lst_pos: Option<i64>,
        weakreflist: Address,
        has_threads_waiting: Option<u8>,
        buf_items as "buf.items": Option<Address>,
        buf_items_capacity as "buf.items_cap": Option<i64>,
        buf_get_index as "buf.get_idx": Option<i64>,
        buf_put_index as "buf.put_idx": Option<i64>,
        buf_item_count as "buf.num_items": Option<i64>,
    }
    /// `Modules/_multiprocessing/semaphore.c`.
    pub struct SemLockObject from "_multiprocessing" {
        handle: Address,
        last_tid: u64,
        count: i32,
        maxvalue: i32,
        kind: i32,
        name: Address,
    }
}
