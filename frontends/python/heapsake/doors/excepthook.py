"""``sys.excepthook``: what nobody caught in the main thread. What was there before is called after it, whatever happens.

Programs ask whether it is ``sys.__excepthook__``, and do something else where it is not.  Those that would do it to no purpose find
the default while they ask: the backport of exception groups, which prints their members, and consoles of ``code``.
"""
import contextlib
import functools
import sys

from . import keep
from ._hook import Hook
from ._imports import Hooks, around_import, no_longer_around

_is_open = False


def _make(before):
    def excepthook(kind, exception, trace):
        try:
            if exception is not None:
                keep(exception, exception_traceback=trace, reason=lambda: "uncaught %s" % getattr(kind, "__name__", "exception"),
                     ends=True)
        finally:
            before(kind, exception, trace)

    return excepthook


_hook = Hook(sys, "excepthook", _make)


@contextlib.contextmanager
def _as_without():
    """Where there is ours alone it is put aside; afterwards it is in front of whatever is there then."""
    ours, before = _hook.ours, _hook.before
    if ours is None or sys.excepthook is not ours or before is not sys.__excepthook__:
        yield
        return
    sys.excepthook = before
    try:
        yield
    finally:
        if _is_open and sys.excepthook is before:
            sys.excepthook = ours
        elif _is_open:
            _hook.open()


def _make_shown(before):
    @functools.wraps(before)
    def shown(*arguments, **keywords):
        with _as_without():
            return before(*arguments, **keywords)

    return shown


_consoles = Hooks(("code", "InteractiveInterpreter", "showtraceback", _make_shown),
                  ("code", "InteractiveInterpreter", "showsyntaxerror", _make_shown))


def open(_):
    global _is_open
    _is_open = True
    _hook.open()
    _consoles.open()
    if "exceptiongroup" not in sys.modules:
        around_import("exceptiongroup", _as_without)


def close():
    global _is_open
    _is_open = False
    no_longer_around("exceptiongroup")
    _consoles.close()
    _hook.close()
