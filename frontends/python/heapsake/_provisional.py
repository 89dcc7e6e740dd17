"""Dumps of exceptions that somebody may catch further out: gone again when that has happened, which is when the exception dies.

What is noted of the exception is a text of a class of ours, so the end of the one is that of the other.  A dump whose exception
reaches a hook is confirmed there.  At the end of the program those are left that its own hook was told of (``sys.last_value``).
"""
import atexit
import os
import sys
import weakref

#: after so many of one fingerprint that were caught no more are made of it
ENOUGH = 3

#: so many that are not confirmed, or were caught, a process makes
MOST = 10

#: dumps that nobody has confirmed, by path
_waiting = {}
#: how many were caught, by fingerprint
_caught = {}


class Mark(str):
    """A path, that can be watched; elsewhere a text."""

    def __reduce__(self):
        return str, (str(self),)


class _Waiting:
    def __init__(self, confirm, fingerprint, forget):
        self.confirm, self.fingerprint, self.forget, self.process = confirm, fingerprint, forget, os.getpid()
        self.watch = None


def is_wanted(fingerprint):
    return _caught.get(fingerprint, 0) < ENOUGH and len(_waiting) + sum(_caught.values()) < MOST


def add(path, fingerprint, confirm, forget):
    """Notes a dump; gives the text that is to be noted of the exception. ``confirm`` is called when it stays, ``forget`` when it goes."""
    if not _waiting:
        atexit.unregister(_end)
        atexit.register(_end)
    text, waiting = Mark(path), _Waiting(confirm, fingerprint, forget)
    path = str(path)
    waiting.watch = weakref.ref(text, lambda _: _drop(path))
    _waiting[path] = waiting
    return text


def confirm(path, *arguments):
    """Whether there was something to confirm."""
    waiting = _waiting.pop(str(path), None) if path is not None else None
    if waiting is None:
        return False
    waiting.confirm(*arguments)
    return True


def _drop(path):
    waiting = _waiting.pop(path, None)
    if waiting is None or waiting.process != os.getpid():
        return  # a forked child has the exception as well; the dump is its parent's
    _caught[waiting.fingerprint] = _caught.get(waiting.fingerprint, 0) + 1
    waiting.forget(path)
    try:
        os.unlink(path)
    except OSError:
        pass


def _end():
    from ._keeping import marked

    for name in ("last_exc", "last_value"):
        last = getattr(sys, name, None)
        if isinstance(last, BaseException):
            confirm(marked(last))
    for path in list(_waiting):
        _drop(path)


__all__ = ["add", "confirm", "is_wanted"]
