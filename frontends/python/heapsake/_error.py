"""The exceptions of heapsake: ``Error`` where something cannot be done, ``Refused`` where a thing of a dump is asked to act,
``Stopped`` where a stack is wanted as an exception and none was raised.

The native module defines ``Error`` where it is present, so that both halves raise the same class.
"""
try:
    from ._heapsake import Error
except ImportError:

    class Error(Exception):
        """A file that is no dump, or a dump that could not be made."""


class Refused(Error):
    """Something of a dump was asked to act; it only shows what was."""


class Stopped(Exception):
    """Carries the stack of a thread that no exception ended to tools that want an exception."""


__all__ = ["Error", "Refused", "Stopped"]
