"""logging: exceptions that a program logs (``record.exc_info``).

``install(logging=…)`` looks at the records of all loggers, and adds no handler to any: what ``basicConfig`` does, and what is printed
where nothing is configured, depends on those.  ``DumpHandler`` is a handler for a program's own configuration::

    "handlers": {"dumps": {"class": "heapsake.doors.logs.DumpHandler", "level": "ERROR", "directory": "/dumps", "at_most": 16}}
"""
import logging

from . import keep
from .._keeping import Keeper
from .._interrupted import is_of_handler
from ._hook import Hook

_level = logging.ERROR


def _exception(record):
    found = record.exc_info
    return found[1] if isinstance(found, tuple) and len(found) == 3 and isinstance(found[1], BaseException) else None


def _reason(record, exception):
    return lambda: "%s logged by %s" % (type(exception).__name__, record.name)


def _make(before):
    def callHandlers(self, record):
        try:
            exception = _exception(record) if record.levelno >= _level else None
            if exception is not None:
                keep(exception, reason=_reason(record, exception))
        except Exception as problem:
            if is_of_handler(problem):
                raise
        return before(self, record)

    return callHandlers


_hook = Hook(logging.Logger, "callHandlers", _make)


class DumpHandler(logging.Handler):
    """Keeps a dump of each exception that it is given; the keywords are those of ``heapsake._keeping.Keeper``."""

    def __init__(self, directory=None, level=logging.ERROR, **arguments):
        super().__init__(level)
        self.keeper = Keeper(directory, **arguments)

    def emit(self, record):
        exception = _exception(record)
        if exception is not None:
            self.keeper.keep(exception, reason=_reason(record, exception))


def open(setting):
    """True for records from ERROR on, or a level."""
    global _level
    if setting is True:
        level = logging.ERROR
    else:
        level = logging.getLevelName(setting) if isinstance(setting, str) else setting
    if not isinstance(level, int):
        raise ValueError("logging is %r; it may be True, a level, or False" % (setting,))
    _level = level
    _hook.open()


def close():
    _hook.close()
