"""``sys.excepthook``: what nobody caught in the main thread. What was there before is called after it, whatever happens.

Programs ask whether it is ``sys.__excepthook__``, and do something else where it is not.  Those that would do it to no purpose find
the default while they ask: the backport of exception groups, which prints their members, and consoles of ``code``.  PyQt asks in C,
and aborts the program where it is the default: with PyQt the default is ours too, as long as nobody else has a hook.
"""
import contextlib
import functools
import sys

from . import keep
from ._hook import Hook
from ._imports import Hooks, around_import, forget, no_longer_around, when_imported

_QT = ("PyQt5.QtCore", "PyQt6.QtCore")

_is_open = False
#: Python's own, where ``sys.__excepthook__`` is ours
_default = None


def _make(before):
    def excepthook(kind, exception, trace):
        try:
            if exception is not None:
                # A hook that asks the default for help is not the end.
                keep(exception, exception_traceback=trace, reason=lambda: "uncaught %s" % getattr(kind, "__name__", "exception"),
                     ends=_default is None or sys.excepthook is excepthook)
        finally:
            before(kind, exception, trace)

    return excepthook


_hook = Hook(sys, "excepthook", _make)


@contextlib.contextmanager
def _as_without():
    """Where there is ours alone it is put aside; afterwards it is in front of whatever is there then."""
    ours, before = _hook.ours, _hook.before
    if ours is None or sys.excepthook is not ours or before is not (_default or sys.__excepthook__):
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


def _be_the_default(_):
    global _default
    if _is_open and _default is None and sys.excepthook is _hook.ours and _hook.before is sys.__excepthook__:
        _default, sys.__excepthook__ = sys.__excepthook__, sys.excepthook


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
    for module in _QT:
        when_imported(module, _be_the_default)


def close():
    global _default, _is_open
    _is_open = False
    for module in _QT:
        forget(module, _be_the_default)
    if _default is not None:
        sys.__excepthook__, _default = _default, None
    no_longer_around("exceptiongroup")
    _consoles.close()
    _hook.close()
