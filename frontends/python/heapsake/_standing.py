"""Where the debugger stands: the threads, tasks and suspended generators of a dump, their stacks, and chains of exceptions."""
import linecache
import pdb

from . import _repr
from ._classes import attribute, bare, value_of
from ._error import Error
from ._evaluating import cut
from ._frames import FrameFacts
from ._places import SuspendedPlace
from ._session import Stack

#: entries that ``where`` shows at each end of a long stack
SHOWN_AT_ENDS = 100
#: places of one kind that ``threads`` lists
SHOWN_PLACES = 100
#: exceptions that are listed
MOST_EXCEPTIONS = 999


class Standing:
    """Switching between stacks; a part of the debugger."""

    def choose(self, place):
        """Goes to a place; None is the traceback of the dump's own exception."""
        exception = self.dump.exception if place is None else place.exception
        chain, size = exceptions_of(exception)
        if place is None or not len(place.frames) and exception is not None:
            entries = self.traceback_of(exception)
        elif not len(place.frames):
            raise Error("thread %s has no frames in the dump" % place.name)
        else:
            entries = None
        self.thread, self.exception, self.chain, self.chain_index = place, exception, chain, size - 1
        if entries is not None:
            self.show_entries(entries)
        else:
            self.show(Stack(self.rebuilder.frames, place.frames, place.facts))

    def traceback_of(self, exception):
        entries = self.rebuilder.frames.traceback_views(attribute(exception, "__traceback__"))
        if not entries:
            raise Error("this exception has no traceback in the dump")
        return entries

    def show_entries(self, entries):
        self.show(Stack(self.rebuilder.frames, entries, lambda view: FrameFacts.of_view(
            attribute(view, "tb_frame"), value_of(view, "tb_lineno", int, 1), True)))

    def show(self, stack):
        self.forget()
        self.stack, self.curindex = stack, len(stack) - 1
        self.enter()

    def _select_frame(self, number):
        self.curindex = number
        self.enter()
        self.print_stack_entry(None)

    def switch(self, choose):
        try:
            choose()
        except Error as problem:
            self.error(str(problem))
        else:
            self.print_stack_entry(None)

    # -- the stack

    def print_stack_entry(self, frame_lineno, prompt_prefix=pdb.line_prefix, context=None):
        self.print_entry(self.curindex, prompt_prefix)

    def print_entry(self, number, prefix=pdb.line_prefix):
        facts = self.stack.facts(number)
        self.rebuilder.frames.show_source(facts.filename)
        line = linecache.getline(facts.filename, facts.lineno).strip() if isinstance(facts.lineno, int) else ""
        self.message("%s%s(%s)%s()%s" % ("> " if number == self.curindex else "  ", facts.filename, facts.lineno,
                                         facts.function or "<lambda>", prefix + line if line else ""))

    def do_where(self, arg):
        """w(here) [count]

        Print the stack, innermost frame last, with an arrow at the current one; with a count, that many from each end.
        """
        try:
            ends = int(arg) if arg else SHOWN_AT_ENDS
        except ValueError:
            self.error("Invalid frame count (%s)" % arg)
            return
        self.print_stack_trace(max(1, ends))

    do_w = do_bt = do_where

    def print_stack_trace(self, ends=SHOWN_AT_ENDS):
        size = len(self.stack)
        middle = range(ends, size - ends) if size > 2 * ends else range(0)
        before = None
        try:
            for number in range(size):
                if number in middle and number != self.curindex:
                    if number == middle.start or number == self.curindex + 1:
                        last = self.curindex if number < self.curindex < middle.stop else middle.stop
                        self.message("  … %s more" % _repr.counted(last - number))
                    continue
                inside = self.stack.facts(number).in_traceback
                if inside and before is False:
                    self.message("  --- from here on: the traceback of the exception ---")
                before = inside
                self.print_entry(number)
        except KeyboardInterrupt:
            pass

    def do_up(self, arg):
        """u(p) [count]

        Go to an older frame, one level up or as many as the count says.
        """
        self.move(arg, -1, 0, "Oldest frame")

    def do_down(self, arg):
        """d(own) [count]

        Go to a newer frame, one level down or as many as the count says.
        """
        self.move(arg, 1, len(self.stack) - 1, "Newest frame")

    do_u, do_d = do_up, do_down

    def move(self, arg, way, end, refusal):
        if self.curindex == end:
            self.error(refusal)
            return
        try:
            count = int(arg or 1)
        except ValueError:
            self.error("Invalid frame count (%s)" % arg)
            return
        number = end if count < 0 else self.curindex + way * count
        self._select_frame(min(max(number, 0), len(self.stack) - 1))

    # -- threads

    def do_threads(self, arg):
        """threads [all | WORD]

        List threads, greenlets, tasks, and the suspended generators and coroutines that no task drives; an arrow marks the
        current one.  Of each kind the first hundred, without "all"; with a word, those whose line has it.
        """
        word = "" if arg == "all" else arg
        groups = (("threads", self.places.threads), ("tasks", self.places.tasks), ("suspended without a task", self.places.suspended))
        for title, places in groups:
            self.list_places("" if title == "threads" else title, places, word, arg == "all")
        if self.places.unseen:
            self.message("  … %s more suspended objects were not looked at" % _repr.counted(self.places.unseen))

    def list_places(self, title, places, word, all_of_them):
        shown = 0
        for number, each in enumerate(places):
            if shown >= SHOWN_PLACES and not all_of_them:
                self.message("  … %s more; `threads all` lists them" % _repr.counted(len(places) - number))
                return
            line = "%s %3d %s%s" % (">" if each is self.thread else " ", each.number, self.place_title(each), self.where_it_is(each))
            if word in line:
                if title and not shown:
                    self.message("  --- %s ---" % title)
                self.message(line)
                shown += 1

    def where_it_is(self, place):
        if not len(place.frames):
            return ""
        facts = place.facts(place.frames[len(place.frames) - 1])
        where = " at %s(%s)%s()" % (facts.filename, facts.lineno, facts.function)
        waits = place.waits
        return "%s, waits for %s" % (where, waits) if waits else where

    def place_title(self, place):
        title = "%s · %s frame%s" % (place.name, _repr.counted(len(place.frames)), "" if len(place.frames) == 1 else "s")
        title += " · " + place.state if place.state else ""
        return title if place.exception is None else title + " · " + place.exception.type_name

    def do_thread(self, arg):
        """thread NUMBER | NAME | expression

        Switch to another thread, task or suspended generator: by its number in the list, its name or identifier, or by an
        expression whose value is one, or is a coroutine, a frame, a traceback or an exception.  Without argument, show the
        current one.
        """
        if not arg:
            self.message("no thread: an exception's traceback" if self.thread is None else self.place_title(self.thread))
            return
        self.switch(lambda: self.go_to(arg))

    def go_to(self, arg):
        try:
            place = self.places.find(arg)
        except Error:
            view = self.view_of(arg, quiet=True)
            if view is None:
                raise
            self.go_to_view(view)
        else:
            self.choose(place)

    def go_to_view(self, view):
        """Goes to where an object stands."""
        for each in self.places.all():
            subject = getattr(each, "subject", None)
            # a task's own view, a thread's object, a suspended object
            for known in (getattr(subject, "view", None), getattr(subject, "object", None), getattr(subject, "coroutine", None), getattr(each, "view", None)):
                if known is not None and known == view:
                    self.choose(each)
                    return
        kind = bare(view.type_name)
        if kind in ("generator", "coroutine", "async_generator"):
            self.choose(SuspendedPlace(view, 0))
        elif kind == "frame":
            self.thread, self.exception, self.chain, self.chain_index = None, None, [], 0
            self.show(Stack(self.rebuilder.frames, [view], FrameFacts.of_view))
        elif kind == "traceback" or attribute(view, "__traceback__") is not None:
            entries = self.traceback_of(view) if kind != "traceback" else self.rebuilder.frames.traceback_views(view)
            self.thread, self.exception = None, None if kind == "traceback" else view
            self.chain, size = exceptions_of(self.exception)
            self.chain_index = size - 1
            self.show_entries(entries)
        else:
            raise Error("a %s is no place to stand" % kind)

    def complete_thread(self, text, line, begidx, endidx):
        names = [each.name for each in self.places.threads + self.places.tasks]
        return [name for name in names if name.startswith(text)] or self._complete_expression(text, line, begidx, endidx)

    # -- exceptions

    def do_exceptions(self, arg):
        """exceptions [number]

        List the chain of exceptions, the root cause first, then the members of groups; or go to the traceback of one.
        """
        if not self.chain:
            self.message("This thread has no exception.")
        elif not arg:
            for number, (depth, view) in enumerate(self.chain):
                traced = attribute(attribute(view, "__traceback__"), "tb_frame") is not None
                self.message("%s %s %s%s" % (">" if number == self.chain_index else " ", "%3d" % number if traced else "  -",
                                             "  " * depth + "| " if depth else "", cut(_repr.one_line(self.rebuilder.rebuild(view)), 80)))
        elif not arg.isdigit() or int(arg) >= len(self.chain):
            self.error("No exception with that number")
        else:
            self.switch(lambda: self.go_to_exception(int(arg)))

    def go_to_exception(self, number):
        entries = self.traceback_of(self.chain[number][1])
        self.chain_index = number
        self.show_entries(entries)

    def exception_line(self, view):
        value = self.rebuilder.rebuild(view)
        try:
            text = str(value)
        except Exception:
            text = _repr.one_line(value)
        return "%s: %s" % (view.type_name, text) if text else view.type_name


def exceptions_of(view):
    """[(depth, view)] of an exception with its causes or contexts, the root first, then of members of groups; and how many are
    no members."""
    chain = exception_chain(view)
    found, seen = [(0, each) for each in chain], {each.id for each in chain}
    stack = [(1, member) for each in reversed(chain) for member in reversed(members_of(each))]
    while stack and len(found) < MOST_EXCEPTIONS:
        depth, member = stack.pop()
        if member.id not in seen:
            seen.add(member.id)
            found.append((depth, member))
            stack.extend((depth + 1, each) for each in reversed(members_of(member)))
    return found, len(chain)


def members_of(view):
    """The exceptions in a group."""
    members = attribute(view, "exceptions") if any(bare(base) == "BaseExceptionGroup" for base in view.bases or ()) else None
    if members is None or members.surrogate or members.is_mapping:
        return []
    return [each for each in members.items[:MOST_EXCEPTIONS] if each is not None]


def exception_chain(view):
    """The views of an exception and its causes or contexts, the root first."""
    found, seen = [], set()
    while view is not None and view.type_name != "NoneType" and view.id not in seen and len(found) < MOST_EXCEPTIONS:
        seen.add(view.id)
        found.append(view)
        cause = attribute(view, "__cause__")
        if cause is None or cause.type_name == "NoneType":
            hidden = value_of(view, "__suppress_context__", (bool, int), False)
            cause = None if hidden else attribute(view, "__context__")
        view = cause
    return found[::-1]


__all__ = ["Standing", "exception_chain", "exceptions_of"]
