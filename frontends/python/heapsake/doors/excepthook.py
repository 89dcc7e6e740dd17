"""``sys.excepthook``: what nobody caught in the main thread. What was there before is called after it, whatever happens."""
import sys

from . import keep
from ._hook import Hook


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


def open(_):
    _hook.open()


def close():
    _hook.close()
