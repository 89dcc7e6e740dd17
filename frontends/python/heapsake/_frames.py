"""Real frames and tracebacks for the frames of a dump.

Each frame is built alone, by a stub that binds the dead values and hands over its own frame; the order of a stack lives
in the traceback chain only, so its depth has no limit.  The stubs are run by C callables in a bare thread, so that no
frame of the opener is behind them: every ``f_back`` is None.
"""
import _thread
import collections
import collections.abc
import functools
import itertools
import linecache
import sys
import types
# a debugger that is loaded later replaces it, and would trace these threads
from _thread import start_new_thread

from . import _sources, _stubs
from ._classes import attribute, value_of
from ._containers import LazyNamespace
from ._stubs import NEWLOCALS, OPTIMIZED, Shape

#: objects rebuilt at once for one local
LOCAL_BUDGET = 500


class FrameFacts:
    """What is known of one dead frame: strings and numbers, and mappings of name to view."""

    def __init__(self, function, filename, lineno, variables, names, code=None, qualname=None, view=None, names_key=None,
                 in_traceback=False):
        self.function, self.filename, self.lineno, self.qualname = function, filename, lineno, qualname
        self.locals, self.globals, self.code, self.view = variables, names, code, view
        #: views of one module's globals have one key, so that they become one dict
        self.names_key = names_key
        self.in_traceback = in_traceback
        #: the traceback entry that it was met by
        self.entry = None

    @classmethod
    def of_thread(cls, frame):
        view = getattr(frame, "view", None)
        return cls(frame.function, frame.filename, frame.lineno, frame.locals, frame.globals, frame.code,
                   getattr(frame, "qualified_name", None), view, _key(None if view is None else attribute(view, "f_globals")),
                   bool(getattr(frame, "in_traceback", False)))

    @classmethod
    def of_view(cls, view, lineno=None, in_traceback=False):
        """From the view of a frame object; a traceback's line goes before the frame's own."""
        code = attribute(view, "f_code")
        names = attribute(view, "f_globals")
        if lineno is None:
            lineno = value_of(view, "f_lineno", int, 1)
        text = {name: value_of(code, name, str) for name in ("co_name", "co_filename", "co_qualname")} if code is not None else {}
        return cls(text.get("co_name") or "<unknown>", text.get("co_filename") or "<unknown>", lineno,
                   Pairs(attribute(view, "f_locals")), Pairs(names), code, text.get("co_qualname"), view, _key(names), in_traceback)

    def is_apart(self):
        """Whether it is run by ``exec`` with two mappings: its names are those of the second one."""
        held, names = (None if self.view is None else attribute(self.view, name) for name in ("f_locals", "f_globals"))
        return held is not None and names is not None and held.id is not None and held.id >= 0 and held.id != names.id


def _key(view):
    return None if view is None else getattr(view, "id", None)


class Pairs(collections.abc.Mapping):
    """{name: view} of a view that is like a dict of names; read when first asked."""

    def __init__(self, view):
        self.view, self.found = view, None

    def names(self):
        if self.found is None:
            self.found = {}
            try:
                for key, value in self.view.items if self.view is not None and self.view.is_mapping else ():
                    if isinstance(key.value, str):
                        self.found[str.__str__(key.value)] = value
            except Exception:
                pass  # a damaged dump: what was read so far
        return self.found

    def __getitem__(self, name):
        return self.names()[name]

    def __iter__(self):
        return iter(self.names())

    def __len__(self):
        return len(self.names())

    def __contains__(self, name):
        return name in self.names()


#: kinds of variables in ``co_localspluskinds``: CO_FAST_LOCAL and CO_FAST_FREE
FAST_LOCAL, FAST_FREE = 0x20, 0x80


def texts(code, name):
    """The strings of a tuple of names; none where the dump is damaged: every local is still shown, as no parameter."""
    listed = attribute(code, name)
    try:
        names = [item.value for item in listed.items] if listed is not None and not listed.surrogate else []
    except Exception:
        return []
    return [_stubs.plain(each) for each in names if isinstance(each, str)]


class Place:
    """Where a local goes that leads to its own frame again: cells and mappings that are given the value when it is there."""

    __slots__ = ("cell", "mappings")

    def __init__(self):
        self.cell, self.mappings = types.CellType(None), []

    def fill(self, value):
        self.cell.cell_contents = value
        for names, name in self.mappings:
            names[name] = value


class CodeFacts:
    """What a stub takes from the view of a code object."""

    def __init__(self, code):
        self.names, self.free = texts(code, "co_varnames"), texts(code, "co_freevars")
        if not self.names:
            # from 3.11 on a code object keeps its variables in one tuple, with a byte for the kind of each
            together, kinds = texts(code, "co_localsplusnames"), value_of(code, "co_localspluskinds", bytes, b"")
            if len(together) == len(kinds):
                self.names = [name for name, kind in zip(together, kinds) if kind & FAST_LOCAL]
                self.free = self.free or [name for name, kind in zip(together, kinds) if kind & FAST_FREE]
        self.counts = {name: value_of(code, "co_" + name, int, 0) for name in ("argcount", "posonlyargcount", "kwonlyargcount")}
        self.flags = value_of(code, "co_flags", int)
        self.firstlineno = value_of(code, "co_firstlineno", int)
        self.text = {name: value_of(code, name, str) for name in ("co_name", "co_filename", "co_qualname")}

    def shape(self, function="<unknown>", filename="<unknown>", qualname=None, extra=()):
        """The shape of a stub with further variables; names from elsewhere serve where the code has none."""
        flags = OPTIMIZED | NEWLOCALS if self.flags is None else self.flags
        counts = dict(self.counts, flags=flags) if self.names else {"flags": flags & ~(_stubs.VARARGS | _stubs.VARKEYWORDS)}
        known = set(self.names)
        names = self.names + [name for name in extra if name not in known]
        return Shape(self.text["co_name"] or function, self.text["co_qualname"] or qualname, self.text["co_filename"] or filename,
                     1 if self.firstlineno is None else self.firstlineno, names, **counts)


class Frames:
    """Builds the frames of one dump, each once."""

    def __init__(self, rebuilder):
        self.rebuilder, self.dump = rebuilder, rebuilder.dump
        self.namespaces, self.built, self.replaced, self.codes = {}, {}, {}, {}
        #: {key of a frame: {name of a local that is being rebuilt: its place}}
        self.opened = {}
        #: {name of a source file: the name that frames show}, and the other way round
        self.renamed, self.named = {}, {}
        #: {key: traceback entry} of entries that a local of their own frame holds, and the views of those without the next one
        self.entries, self.unlinked = {}, []
        header = getattr(rebuilder.dump, "header", None) or {}
        #: how the names of files begin whose frames are the dumper's, not the program's
        self.hidden = tuple(each for each in header.get("hidden") or () if isinstance(each, str) and each)

    def code(self, view):
        """The facts of a code object, or of none, read once."""
        key = None if view is None else self.rebuilder.key_of(view)
        if key not in self.codes:
            self.codes[key] = CodeFacts(view)
        return self.codes[key]

    def namespace(self, facts, view=None):
        """The dictionary of some globals: one object, whether a frame, a function, a module or the program itself holds it."""
        key = facts.names_key
        if key is None:
            return LazyNamespace.over(self.rebuilder, facts.globals)
        if key not in self.namespaces:
            if view is None and facts.view is not None:
                view = attribute(facts.view, "f_globals")
            known = None if view is None else self.rebuilder.memo.get(self.rebuilder.key_of(view))
            if not isinstance(known, LazyNamespace):
                known = LazyNamespace.over(self.rebuilder, facts.globals)
                if view is not None and view.id is not None and view.id >= 0:
                    known = self.rebuilder.keep(view, known)
            # a dictionary that was rebuilt as an ordinary one serves as it is
            self.namespaces[key] = known
        return self.namespaces[key]

    def namespace_of(self, view):
        """The same, for the view of a module's dictionary."""
        known = self.namespaces.get(view.id)
        if known is None:
            known = self.namespaces[view.id] = LazyNamespace.over(self.rebuilder, Pairs(view))
        return known

    def values(self, variables, frame=None, owner=None):
        """The rebuilt locals; a value that cannot be rebuilt never stops a frame.

        A frame that holds itself, or a traceback that begins with it, gets them when it is there.  A local that leads to
        its own frame through something else is a ``Place`` for the frame that is built on the way.
        """
        owner = frame if owner is None else owner
        rebuild, known = self.rebuilder.rebuild, {}
        opened = {} if owner is None else self.opened.setdefault(self.rebuilder.key_of(owner), {})
        for name, view in variables.items():
            name = _stubs.plain(name)
            if name in opened:
                value = opened[name]
            elif frame is not None and view == frame:
                value = _stubs.Late(functools.partial(sys._getframe, 0))
            elif frame is not None and view.type_name == "traceback" and attribute(view, "tb_frame") == frame:
                value = _stubs.Late(functools.partial(self.entry_of_caller, view))
            else:
                place = opened[name] = Place()
                try:
                    value = rebuild(view, LOCAL_BUDGET)
                finally:
                    del opened[name]
                place.fill(value)
            known[name] = value
        return known

    def entry_of_caller(self, view):
        """The traceback entry for a view, of the frame that asks for it."""
        key = self.rebuilder.key_of(view)
        if key not in self.entries:
            self.entries[key] = types.TracebackType(None, sys._getframe(1), max(value_of(view, "tb_lasti", int, 0), 0),
                                                    _stubs.within(value_of(view, "tb_lineno", int, 1), 1, _stubs.LAST_LINE))
            self.unlinked.append(view)
        return self.rebuilder.keep(view, self.entries[key])

    def show_source(self, filename):
        """Puts the dump's text of a file into ``linecache``; where it has none, no file of this machine shows in its place."""
        if not isinstance(filename, str):
            return
        filename = self.renamed.get(filename, filename)
        if filename in self.replaced:
            return
        self.replaced[filename] = linecache.cache.get(filename)
        text = None
        if self.dump is not None:
            try:
                text = self.dump.source(self.named.get(filename, filename))
            except Exception:
                text = None
        lines = [] if text is None else _sources.split(text)
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        linecache.cache[filename] = (len(text or ""), None, lines, filename)

    def rename(self, filename, shown):
        """Frames and ``linecache`` have the file by another name from now on."""
        if filename != shown:
            self.renamed[filename], self.named[shown] = shown, filename

    def restore_sources(self):
        """Gives ``linecache`` back what it had of this machine's files."""
        for filename, entry in self.replaced.items():
            if entry is None:
                linecache.cache.pop(filename, None)
            else:
                linecache.cache[filename] = entry
        self.replaced = {}

    def builder(self, facts, taken):
        """A C callable that runs the stub of a frame, whose frame is then appended to ``taken``."""
        return self.runner(facts, "frame", [taken.append, functools.partial(sys._getframe, 0)])

    def runner(self, facts, ending, constants):
        """A C callable that runs the stub of a frame to an ending, which calls ``constants``."""
        self.show_source(facts.filename)
        known = self.code(facts.code)
        flags = known.flags
        module = facts.function == "<module>" and (flags is None or not flags & NEWLOCALS)
        if module or (flags is not None and not flags & (OPTIMIZED | NEWLOCALS)):
            shape = self.shape(known, facts)
            code = _stubs.body_code(shape, facts.lineno, constants, ending)
            names = self.namespace(facts)
            if module and not facts.is_apart():
                return functools.partial(exec, code, names)
            own, places = apart(self.values(facts.locals, owner=facts.view))
            for name, place in places.items():
                place.mappings.append((own, name))
            return functools.partial(exec, code, names, own)
        values, places = apart(self.values(facts.locals, facts.view))
        shape = self.shape(known, facts, values)
        # names that are parameters keep their place; a code object without names still shows every local
        numbered = {shape.varnames.index(name): value for name, value in values.items() if name in shape.varnames}
        shape.varnames, numbered = _without_unbound(shape, numbered)
        code = _stubs.function_code(shape, facts.lineno, numbered, ending, constants, freevars=tuple(places))
        function = types.FunctionType(code, self.namespace(facts), shape.name, None, cells(places))
        positional, keywords = _stubs.arguments_of(shape)
        return functools.partial(function, *positional, **keywords)

    def shape(self, known, facts, extra=()):
        shape = known.shape(facts.function, facts.filename, facts.qualname, extra)
        shape.filename = self.renamed.get(shape.filename, shape.filename)
        return shape

    def build(self, many):
        """The frames of these facts, in their order."""
        taken = []
        builders = [self.builder(facts, taken) for facts in many]
        _run_bare(builders)
        for builder in builders[len(taken):]:
            builder()  # the thread could not be had: frames of ours stand behind these
        return taken

    def link(self):
        """Gives traceback entries that were made with their frames the rest of their chain."""
        while self.unlinked:
            self.traceback(self.unlinked.pop())

    def frame(self, facts, key=None):
        """One frame, built at the first time and kept under ``key``."""
        if key is None and facts.view is not None:
            key = self.rebuilder.key_of(facts.view), facts.lineno
        if key is None or key not in self.built:
            frame = self.build([facts])[0]
            if key is None:
                return frame
            self.built.setdefault(key, frame)
            self.link()
        self.show_source(facts.filename)
        return self.built[key]

    def chain(self, many):
        """A traceback over these frames, outermost first, and the list of its entries."""
        keys = [(self.rebuilder.key_of(facts.view), facts.lineno) if facts.view is not None else None for facts in many]
        missing = [(key, facts) for key, facts in zip(keys, many) if key is None or key not in self.built]
        for facts in many:
            self.show_source(facts.filename)
        fresh = {id(facts): frame for (_, facts), frame in zip(missing, self.build([facts for _, facts in missing]))}
        frames = []
        for key, facts in zip(keys, many):
            frame = fresh.get(id(facts))
            # A local may hold a traceback with others of these frames, which are then there before their turn.
            frames.append(frame if key is None else self.built.setdefault(key, frame))
        entry, entries = None, []
        for frame, facts in zip(reversed(frames), reversed(many)):
            known = self.entries.get(facts.entry)
            if known is not None and known.tb_frame is frame and (known.tb_next is None or known.tb_next is entry):
                known.tb_next = entry
                entry = known
            else:
                entry = types.TracebackType(entry, frame, max(frame.f_lasti, 0), _stubs.within(facts.lineno, 1, _stubs.LAST_LINE))
            entries.append(entry)
        self.link()
        return entry, entries[::-1]

    def traceback(self, view):
        """The real traceback of a view of one."""
        views = self.traceback_views(view)
        many = []
        for each in views:
            if attribute(each, "tb_frame") is not None:
                many.append(FrameFacts.of_view(attribute(each, "tb_frame"), value_of(each, "tb_lineno", int, 1), True))
                many[-1].entry = self.rebuilder.key_of(each)
        return self.chain(many)[0] if many else None

    def traceback_views(self, view):
        """The views of a traceback chain but for entries of the dumper's own files; all, where no other is left."""
        views = list(traceback_views(view))
        shown = [each for each in views if not self.is_hidden(attribute(each, "tb_frame"))] if self.hidden else views
        return shown or views

    def is_hidden(self, frame):
        filename = value_of(attribute(frame, "f_code"), "co_filename", str)
        return filename is not None and filename.startswith(self.hidden)

    def of_view(self, view):
        return self.frame(FrameFacts.of_view(view))


def apart(values):
    """Locals that are there, and the places of the others by name."""
    places = {name: value for name, value in values.items() if type(value) is Place}
    return {name: value for name, value in values.items() if name not in places}, places


def cells(places):
    """The closure of a stub that has variables for these."""
    return tuple(place.cell for place in places.values())


def _without_unbound(shape, numbered):
    """Leaves out variables without a value that are no parameters: nothing would show them."""
    keep = [number for number in range(len(shape.varnames)) if number < shape.parameters or number in numbered]
    return tuple(shape.varnames[number] for number in keep), {place: numbered[number] for place, number in enumerate(keep) if number in numbered}


def traceback_views(view):
    """The views of a traceback chain, outermost first; ends where it repeats."""
    seen = set()
    while view is not None and attribute(view, "tb_frame") is not None and view.id not in seen:
        seen.add(view.id)
        yield view
        view = attribute(view, "tb_next")


def _run_bare(builders):
    """Runs C callables one after the other in a thread that has no Python frame."""
    done = _thread.allocate_lock()
    done.acquire()
    work = map(functools.partial.__call__, itertools.chain(builders, [functools.partial(done.release)]))
    try:
        start_new_thread(functools.partial(collections.deque, work, 0), ())
    except RuntimeError:
        return  # no further thread is allowed here; the caller runs what is left
    # a builder that fails ends the thread without the release; nothing in a stub waits, so this does not either
    done.acquire(timeout=60 + len(builders) / 100)


__all__ = ["FrameFacts", "Frames", "Pairs", "apart", "cells", "traceback_views"]
