"""concurrent.futures: what a work item raises, dumped in the process that ran it before its parent has a copy.

Threads of an executor share the objects with whoever asks for the result, so their exceptions are dumped where they end; ``"all"``
dumps them where they come from as well, for programs that never ask.
"""
import sys

from . import keep
from ._hook import Hook
from ._imports import forget, when_imported
from .processes import wrapping

_hooks = []
_open = False
_all = False


def _make_set(before):
    """A thread of an executor tells the future what its item raised."""
    code = None

    def set_exception(self, exception):
        nonlocal code
        try:
            code = code or sys.modules["concurrent.futures.thread"]._WorkItem.run.__code__
            if sys._getframe(1).f_code is code and exception is not None:
                keep(exception, reason=lambda: "%s in a thread of an executor" % type(exception).__name__)
        except Exception:
            pass
        return before(self, exception)

    return set_exception


def _patch_process(module):
    _patch(module, "_ExceptionWithTraceback", wrapping)


def _patch_thread(module):
    if _all:
        _patch(sys.modules["concurrent.futures._base"].Future, "set_exception", _make_set)


def _patch(owner, name, make):
    if _open:
        hook = Hook(owner, name, make)
        hook.open()
        _hooks.append(hook)


_PATCHES = (("concurrent.futures.process", _patch_process), ("concurrent.futures.thread", _patch_thread))


def open(setting):
    """True for processes, ``"all"`` for threads too."""
    global _open, _all
    if setting not in (True, "all"):
        raise ValueError("futures is %r; it may be True, \"all\" or False" % (setting,))
    if _open and _all == (setting == "all"):
        return
    close()
    _open, _all = True, setting == "all"
    for name, patch in _PATCHES:
        when_imported(name, patch)


def close():
    global _open
    _open = False
    for name, patch in _PATCHES:
        forget(name, patch)
    while _hooks:
        _hooks.pop().close()
