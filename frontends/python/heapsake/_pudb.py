"""pudb on the stack of one thread of a dump: real frames, shown as it shows those of an exception, and nothing of it runs.

pudb builds a line of its list for every frame, so it gets the innermost ones.
"""
import sys

from . import _last
from ._error import Error
from .rebuild import rebuilder_of

#: frames that pudb is given
LIMIT = 500
REFUSAL = "a dump does not run"


def debug(dump, thread=None):
    """A session of pudb."""
    try:
        from pudb.debugger import Debugger
    except ImportError as problem:
        raise Error("pudb is not installed for this Python (%s): `%s -m pip install pudb` installs it" % (problem, sys.executable)) from None

    class DeadDebugger(Debugger):
        def canonic(self, filename):
            return filename

        def set_break(self, *arguments, **options):
            return REFUSAL

        def get_file_breaks(self, filename):
            return []

        def save_breakpoints(self):
            """The user's own are not touched."""

        def set_trace(self, *arguments, **options):
            """Nothing is traced."""

        set_continue = set_step = set_trace

    rebuilder = rebuilder_of(dump)
    value, traceback = _last.raised(dump, thread, LIMIT)
    session = DeadDebugger()
    try:
        session.reset()
        session.enter_post_mortem(None)
        session.interaction(None, (type(value), value, traceback))
    except SystemExit:
        pass  # how pudb leaves
    finally:
        session.__del__()
        rebuilder.frames.restore_sources()


__all__ = ["debug"]
