"""asyncio: an exception that leaves ``run``, ``Runner.run`` or ``run_until_complete``, while the other tasks are as they were.

Runners cancel all tasks before the exception goes on, and from the outside nothing is left of them.  So the dump is made when the
loop is told that its main task is over; with a loop that is not of the standard library (uvloop), when the runner is about to cancel.
Whether somebody catches the exception further out is not known yet: then the dump is gone again, unless all are wanted.

What no task was asked for, and what callbacks raise, is dumped when the loop is told.
"""
import functools
import sys
import types

from . import keep
from .._fingerprint import set_trace, trace_of
from .._interrupted import is_of_handler
from ._imports import Hooks

_all = False


def _save(exception, trace):
    name = getattr(type(exception), "__name__", "exception")
    own = trace_of(exception)
    try:
        # The frames that wait for the loop belong to its stack, and will, once it has passed them.
        set_trace(exception, trace)
        reason = "%s that left the event loop" % name if _all else "uncaught %s" % name
        keep(exception, reason=reason, provisional=not _all, ends=not _all)
    finally:
        set_trace(exception, own)


class _Once(float):
    """A time that no callback is too slow for, once: what the debug mode of a loop says of slow ones is not about ours."""

    def __le__(self, _):
        self.loop.slow_callback_duration = self.before
        return False


def _excuse(loop):
    """The callback that runs now takes as long as a dump does."""
    bases = sys.modules.get("asyncio.base_events")
    if bases is None or not isinstance(loop, bases.BaseEventLoop) or not loop.is_running() or not loop.get_debug():
        return
    before = loop.slow_callback_duration
    if not isinstance(before, _Once):
        once = _Once(before)
        once.loop, once.before = loop, before
        loop.slow_callback_duration = once


def _from(frame, trace):
    """The traceback as it will be: with the frames from here outwards in front."""
    while frame is not None:
        trace = types.TracebackType(trace, frame, frame.f_lasti, frame.f_lineno or 0)
        frame = frame.f_back
    return trace


def _caller(name, code_of):
    """The nearest frame outwards that runs a function of asyncio."""
    frame = sys._getframe(1)
    while frame is not None and not (frame.f_code.co_name == name and frame.f_code.co_filename == code_of):
        frame = frame.f_back
    return frame


def _was_told(trace):
    """Whether the exception is that of the main task of a loop of the standard library, not one that broke the loop itself."""
    loops = getattr(sys.modules.get("asyncio.base_events"), "__file__", None)
    while trace is not None:
        code, trace = trace.tb_frame.f_code, trace.tb_next
        if code.co_name == "run_until_complete" and code.co_filename == loops:
            return trace is None or trace.tb_frame.f_code.co_name != "run_forever"
    return False


def _make_done(before):
    # The debug mode of a loop shows its callbacks.
    @functools.wraps(before)
    def _run_until_complete_cb(future):
        try:
            if not future.cancelled() and future.exception() is not None:
                exception = future.exception()
                frame = _caller("run_until_complete", before.__code__.co_filename)
                if frame is not None:
                    _excuse(future.get_loop())
                    _save(exception, _from(frame, trace_of(exception)))
        except Exception as problem:
            if is_of_handler(problem):
                before(future)
                raise
        return before(future)

    return _run_until_complete_cb


def _make_cancel(before):
    def _cancel_all_tasks(loop):
        try:
            exception, frame = sys.exc_info()[1], sys._getframe(1)
            # Whoever handles an exception may run a loop as well.
            for _ in range(4):
                trace = trace_of(exception)
                if frame is not None and trace is not None and trace.tb_frame is frame:
                    if not _was_told(trace):
                        _save(exception, trace)
                    break
                frame = frame and frame.f_back
        except Exception as problem:
            if is_of_handler(problem):
                before(loop)
                raise
        return before(loop)

    return _cancel_all_tasks


def _make_handler(before):
    def call_exception_handler(self, context):
        def told():
            task = context.get("task") or context.get("future")
            where = " in task %s" % task.get_name() if hasattr(task, "get_name") else " in the event loop"
            return "uncaught %s%s" % (type(context["exception"]).__name__, where)

        try:
            exception = context.get("exception")
            if isinstance(exception, BaseException):
                _excuse(self)
                keep(exception, reason=told)
        except Exception as problem:
            if is_of_handler(problem):
                before(self, context)
                raise
        return before(self, context)

    return call_exception_handler


_hooks = Hooks(
    ("asyncio.base_events", "", "_run_until_complete_cb", _make_done),
    ("asyncio.base_events", "BaseEventLoop", "call_exception_handler", _make_handler),
    ("asyncio.runners", "", "_cancel_all_tasks", _make_cancel),
    ("uvloop", "", "_cancel_all_tasks", _make_cancel),
    ("uvloop", "Loop", "call_exception_handler", _make_handler),
)


def open(setting):
    """True for what nobody catches, ``"all"`` for all that leave."""
    global _all
    if setting not in (True, "all"):
        raise ValueError("asyncio is %r; it may be True, \"all\" or False" % (setting,))
    _all = setting == "all"
    _hooks.open()


def close():
    _hooks.close()
