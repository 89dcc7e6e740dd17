"""Names of dumps that are given none, and the lines that are said of dumps; nothing is imported for it that a program may lack."""
import os
import sys
import time

#: names given out, so that threads that fail at once do not get the same
_given = {}


def unused_path(directory):
    """A name that no dump has yet: program, time, process."""
    program = os.path.basename(getattr(sys.modules.get("__main__"), "__file__", None) or sys.argv[0] or "python")
    stem = os.path.splitext(program)[0] or "python"
    base = "%s-%s-%d" % (stem, time.strftime("%Y%m%d-%H%M%S"), os.getpid())
    number, folder, mine = 0, os.fspath(directory) if directory is not None else os.getcwd(), object()
    while True:
        path = os.path.join(folder, base + ("-%d" % number if number else "") + ".heapsake")
        if not os.path.exists(path) and _given.setdefault(path, mine) is mine:
            return path
        number += 1


def say(line):
    try:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
    except BaseException:
        pass  # a program without a stderr still gets its dump


__all__ = ["say", "unused_path"]
