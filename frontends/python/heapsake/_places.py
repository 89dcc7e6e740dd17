"""Where one may stand in a dump: its threads, greenlets and tasklets, its tasks, and what is suspended without a task.

They are numbered in this order.  Tasks and suspended objects are looked for when they are first asked for: opening a dump
reads none of them.
"""
from ._classes import attribute, bare, value_of
from ._error import Error
from ._frames import FrameFacts
from ._suspended import AWAITED, PREFIX, is_suspended
from ._suspended import chain as awaiting

#: suspended objects that are looked at; more are counted
MOST_SUSPENDED = 10000
#: words of what is waited for
MOST_WORDS = 160


class Place:
    """A thread of the dump, or what is like one: a name, frames from the outermost on, perhaps an exception."""

    kind = "thread"

    def __init__(self, subject, number):
        self.subject, self.number = subject, number
        self.name = subject.name
        self._frames = None

    @property
    def frames(self):
        if self._frames is None:
            self._frames = self.read_frames()
        return self._frames

    def read_frames(self):
        return self.subject.frames

    def facts(self, entry):
        return FrameFacts.of_thread(entry)

    @property
    def state(self):
        kind = getattr(self.subject, "kind", "thread")
        return "" if kind == "thread" else kind

    @property
    def exception(self):
        return self.subject.exception

    @property
    def is_current(self):
        return self.subject.is_current

    @property
    def handles(self):
        """Whether it is a thread that an exception ended, or that handles one."""
        return self.exception is not None and not self.state

    @property
    def waits(self):
        wait = getattr(self.subject, "waits_for", None)
        words = "" if wait is None else str(wait.words)
        return words if len(words) <= MOST_WORDS else words[:MOST_WORDS - 1] + "…"

    def answers_to(self, text):
        return text in (self.name, str(self.subject.ident), str(self.subject.native_id))


class TaskPlace(Place):
    """A task of asyncio or trio."""

    kind = "task"
    is_current = False

    @property
    def state(self):
        return "%s task" % self.subject.state

    @property
    def exception(self):
        """What it failed with."""
        found = attribute(self.subject.view, "_exception")
        return None if found is None or found.surrogate or bare(found.type_name) == "NoneType" else found

    def answers_to(self, text):
        return text == self.name


class SuspendedPlace(Place):
    """A generator or coroutine that no task drives, with those that it waits for."""

    exception, is_current, waits = None, False, ""

    def __init__(self, view, number):
        self.kind = bare(view.type_name).replace("_", " ")
        self.view, self.number, self._frames = view, number, None
        self.name = value_of(view, "__qualname__", str) or value_of(view, "__name__", str) or self.kind

    @property
    def state(self):
        return "suspended %s at %#x" % (self.kind, self.view.address)

    def read_frames(self):
        chain, _ = awaiting(self.view, lambda view: view.id, is_suspended)
        return [attribute(each, PREFIX[bare(each.type_name)] + "_frame") for each in chain]

    def facts(self, entry):
        return FrameFacts.of_view(entry)

    def answers_to(self, text):
        return text in (self.name, hex(self.view.address))


class Places:
    """All places of one dump."""

    def __init__(self, dump):
        self.dump = dump
        self.threads = [Place(each, number) for number, each in enumerate(dump.threads, 1)]
        self._tasks, self._suspended = None, None
        #: suspended objects that were not looked at
        self.unseen = 0

    @property
    def tasks(self):
        if self._tasks is None:
            found = getattr(self.dump, "tasks", None) or ()
            self._tasks = [TaskPlace(each, number) for number, each in enumerate(found, len(self.threads) + 1)]
        return self._tasks

    @property
    def suspended(self):
        if self._suspended is None:
            first = len(self.threads) + len(self.tasks) + 1
            self._suspended = [SuspendedPlace(view, number) for number, view in enumerate(self.unowned(), first)]
        return self._suspended

    def unowned(self):
        """The outermost of each chain of suspended objects, but for those of tasks."""
        instances = getattr(self.dump, "instances", None)
        views = [] if instances is None else instances(list(PREFIX))
        self.unseen = max(0, len(views) - MOST_SUSPENDED)
        found, inner = {}, set()
        for view in views[:MOST_SUSPENDED]:
            if not view.surrogate and is_suspended(view):
                found[view.id] = view
                awaited = attribute(view, AWAITED[bare(view.type_name)])
                if awaited is not None:
                    inner.add(awaited.id)
        for task in self.tasks:
            coroutine = task.subject.coroutine
            if coroutine is not None:
                inner.add(coroutine.id)
        return [view for number, view in found.items() if number not in inner]

    def all(self):
        yield from self.threads
        yield from self.tasks
        yield from self.suspended

    def first(self):
        """Where the exception is, else the thread that made the dump, else the first with frames; None where there is none."""
        for wanted in (lambda each: each.handles, lambda each: each.is_current, lambda each: True):
            for each in self.threads:
                if wanted(each) and len(each.frames):
                    return each
        return None

    def find(self, wanted):
        """The place of a number, a name or an identifier."""
        text = str(wanted)
        if text.isdigit() and int(text) > 0:
            left = int(text)
            for group in ("threads", "tasks", "suspended"):
                places = getattr(self, group)
                if left <= len(places):
                    return places[left - 1]
                left -= len(places)
        for group in ("threads", "tasks", "suspended"):
            for each in getattr(self, group):
                if each.answers_to(text):
                    return each
        listed = ["%d %s" % (each.number, each.name) for each in self.threads + self.tasks]
        shown = ", ".join(listed[:20]) + (", and %d more" % (len(listed) - 20) if len(listed) > 20 else "")
        raise Error("no thread %s: there are %s" % (text, shown or "none"))


__all__ = ["Place", "Places", "SuspendedPlace", "TaskPlace"]
