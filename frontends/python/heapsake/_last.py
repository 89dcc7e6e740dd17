"""A dump as the last exception of this Python: what ``pdb.pm()``, ``%debug`` and ``traceback.print_last()`` open.

The traceback is of real frames, which are all built: of a long stack the innermost ones.
"""
import sys

from ._error import Error, Stopped
from ._places import Places
from ._standing import exception_chain
from .rebuild import rebuilder_of

#: frames that are built where no other number is given
LIMIT = 1000


def raised(dump, thread=None, limit=LIMIT):
    """(exception, traceback) of a thread, the innermost ``limit`` frames of it; of one without an exception, a ``Stopped``."""
    places, rebuilder = Places(dump), rebuilder_of(dump)
    place = places.first() if thread is None else places.find(thread)
    view = dump.exception if place is None else place.exception
    traceback = None
    if place is not None and len(place.frames):
        entries = place.frames
        traceback = rebuilder.frames.chain([place.facts(each) for each in entries[max(0, len(entries) - limit):]])[0]
    elif view is not None:
        traceback = rebuilder.frames.traceback(exception_chain(view)[-1])
    if traceback is None:
        raise Error("the dump has no thread with frames" if place is None else "thread %s has no frames in the dump" % place.name)
    if view is None:
        return Stopped("%s was not ended by an exception: this is where it stood" % place.name), traceback
    return rebuilder.rebuild(view), traceback


def set_last(dump, thread=None, limit=LIMIT):
    """Makes a dump the last exception of this Python and gives the exception."""
    value, traceback = raised(dump, thread, limit)
    # the frames that would have caught it are part of the stack, and of what is shown
    value.__traceback__ = traceback
    sys.last_type, sys.last_value, sys.last_traceback = type(value), value, traceback
    if sys.version_info >= (3, 12):
        sys.last_exc = value
    return value


__all__ = ["raised", "set_last"]
