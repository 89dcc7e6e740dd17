"""``threading.excepthook``: what nobody caught in a thread of ``threading``."""
import threading

from . import keep
from ._hook import Hook


def _make(before):
    def excepthook(arguments):
        def told():
            name = getattr(arguments.thread, "name", "a thread")
            return "uncaught %s in %s" % (getattr(arguments.exc_type, "__name__", "exception"), name)

        try:
            if arguments.exc_value is not None:
                keep(arguments.exc_value, exception_traceback=arguments.exc_traceback, reason=told, ends=True)
        finally:
            before(arguments)

    return excepthook


_hook = Hook(threading, "excepthook", _make)


def open(_):
    _hook.open()


def close():
    _hook.close()
