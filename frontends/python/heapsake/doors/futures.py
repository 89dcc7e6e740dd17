"""concurrent.futures: what a work item raises, dumped in the process that ran it before its parent has a copy.

Threads of an executor share the objects with whoever asks for the result, so their exceptions are dumped where they end; ``"all"``
dumps them where they come from as well, for programs that never ask.
"""
import sys

from . import keep
from ._imports import Hooks
from .processes import wrapping


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


_processes = Hooks(("concurrent.futures.process", "", "_ExceptionWithTraceback", wrapping))
_threads = Hooks(("concurrent.futures.thread", "_base.Future", "set_exception", _make_set))


def open(setting):
    """True for processes, ``"all"`` for threads too."""
    if setting not in (True, "all"):
        raise ValueError("futures is %r; it may be True, \"all\" or False" % (setting,))
    _processes.open()
    if setting == "all":
        _threads.open()
    else:
        _threads.close()


def close():
    _processes.close()
    _threads.close()
