"""Threads of this process that stand where those of a dump stood.

The frames of a stack call each other through C callables, in a thread that has no frame of ours.  A stack that is longer
than what any Python can nest has its innermost frames, and before them one that says how many are left off.
"""
import _thread
import collections
import functools
import os
import re
import sys
import threading
import time

from .. import _repr, _sources
from .._frames import FrameFacts

#: frames of one stack
MOST_FRAMES = 300
#: seconds between two looks at the world of a thread that stands
PULSE = 0.05


class Stack:
    """The frames of one place of the dump, ready to be stood in again and again."""

    def __init__(self, rebuilder, place, name=None, entries=None):
        self.rebuilder, self.name = rebuilder, name or place.name
        found = place.frames if entries is None else entries
        first = max(0, len(found) - MOST_FRAMES)
        self.facts = [place.facts(each) for each in found[first:]]
        for facts in self.facts:
            rebuilder.frames.rename(facts.filename, shown_name(facts.filename, rebuilder.dump))
        if first:
            name = "<%s outer frames are left off>" % _repr.counted(first)
            self.facts.insert(0, FrameFacts(name, "<heapsake>", 1, {}, {}))

    def start(self, ending, constants):
        """Stands in the frames, in a thread of its own; the innermost one comes to the ending."""
        frames = self.rebuilder.frames
        inner = frames.runner(self.facts[-1], ending, constants)
        for facts in reversed(self.facts[:-1]):
            inner = frames.runner(facts, "refuse", [inner])
        steps = [functools.partial(name_thread, self.name), inner]
        _thread.start_new_thread(functools.partial(collections.deque, map(functools.partial.__call__, steps), 0), ())

    def stand(self, standing, pulse=PULSE):
        """Stands for good; from then on it is among ``standing``."""
        self.start("stand", [functools.partial(standing.add, self), functools.partial(time.sleep, pulse)])


def name_thread(name):
    threading.current_thread().name = name


def shown_name(filename, dump):
    """The name of a source file for an IDE.

    An IDE opens a file of this machine that has the name: not so where that is another text.  pydevd passes over files by
    their names alone, and makes every name an absolute one before it looks for the text.
    """
    absolute = filename if os.path.isabs(filename) or filename[:1] == "<" else os.path.abspath(filename.replace("\\", "/"))
    base = re.split(r"[/\\]", filename)[-1]
    if filename.startswith(("<frozen ", "<builtin", "<attrs", "<__array")) or base in passed_over() or _sources.differs_here(filename, dump):
        root, ending = os.path.splitext(absolute.lstrip("<").rstrip(">"))
        return "%s (of the dump)%s" % (root, ending)
    return absolute


def passed_over():
    """The names of files in which pydevd does not stop."""
    known = sys.modules.get("_pydevd_bundle.pydevd_dont_trace_files")
    return getattr(known, "DONT_TRACE", None) or ()


__all__ = ["MOST_FRAMES", "Stack"]
