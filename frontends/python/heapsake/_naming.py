"""Names of dumps that are given none, and the lines that are said of dumps; nothing is imported for it that a program may lack."""
import _thread
import os
import sys
import time

from ._interrupted import is_of_handler
from ._program import program

#: names given out, so that threads that fail at once do not get the same
_given = {}
#: by thread, lines that are to become one
_collected = {}


def unused_path(directory):
    """A name that no dump has yet: program, time, process."""
    base = "%s-%s-%d" % (program(), time.strftime("%Y%m%d-%H%M%S"), os.getpid())
    number, folder, mine = 0, os.fspath(directory) if directory is not None else os.getcwd(), object()
    while True:
        path = os.path.join(folder, base + ("-%d" % number if number else "") + ".heapsake")
        if not os.path.exists(path) and _given.setdefault(path, mine) is mine:
            return path
        number += 1


def collect():
    """What this thread says from now on is not written, until ``collected`` gives it."""
    _collected[_thread.get_ident()] = []


def collected():
    return _collected.pop(_thread.get_ident(), [])


def say(line):
    kept = _collected.get(_thread.get_ident())
    if kept is not None:
        kept.append(line)
        return
    try:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
    except Exception as problem:
        if is_of_handler(problem):
            raise
        # a program without a stderr still gets its dump


__all__ = ["collect", "collected", "say", "unused_path"]
