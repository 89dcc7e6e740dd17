"""``sys.unraisablehook``: what ends a thread of ``_thread``, and, where it is wanted, what is lost in ``__del__`` and callbacks."""
import sys

from . import keep
from ._hook import Hook

#: what the interpreter says of an exception that ends a thread
_IN_THREAD = "Exception ignored in thread started by"

_all = False


def _make(before):
    def unraisablehook(report):
        try:
            in_thread = (report.err_msg or "").startswith(_IN_THREAD)
            if report.exc_value is not None and (in_thread or _all):
                where = "a thread" if in_thread else "a place that raises nothing"
                name = getattr(report.exc_type, "__name__", "exception")
                keep(report.exc_value, exception_traceback=report.exc_traceback, reason="uncaught %s in %s" % (name, where),
                     ends=in_thread)
        except Exception:
            pass
        finally:
            before(report)

    return unraisablehook


_hook = Hook(sys, "unraisablehook", _make)


def open(setting):
    """``"threads"`` for those that end a thread, True for all."""
    global _all
    if setting not in (True, "threads"):
        raise ValueError("unraisable is %r; it may be \"threads\", True or False" % (setting,))
    _all = setting is True
    _hook.open()


def close():
    _hook.close()
