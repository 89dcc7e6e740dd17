"""Real generators, coroutines and async generators that stand where those of a dump stood.

A stub of the same kind is advanced once, to a ``yield`` or ``await`` on the dead line.  A chain of awaits is built from
its innermost end, and advanced as a whole from its outermost; asked to go on, a stub refuses.
"""
import collections.abc
import sys
import types

from . import _stubs
from ._classes import attribute, bare, value_of
from ._error import Refused
from ._frames import FrameFacts, apart, cells
from ._stubs import ITERABLE_COROUTINE

PREFIX = {"generator": "gi", "coroutine": "cr", "async_generator": "ag"}
AWAITED = {"generator": "gi_yieldfrom", "coroutine": "cr_await", "async_generator": "ag_await"}


class Awaited:
    """What the innermost of a chain waits for: pauses its stub once; for anybody else it is as what the dead one waited for."""

    def __init__(self, rebuilder, view):
        self._heapsake_view, self._heapsake_stub, self._heapsake_paused = (rebuilder, view), None, False

    def _heapsake_held(self):
        rebuilder, view = self._heapsake_view
        return None if _none(view) else rebuilder.rebuild(view)

    def __await__(self):
        return self

    def __iter__(self):
        # from 3.15 on a generator waits for a list itself
        held = None if sys._getframe(1).f_code is self._heapsake_stub else self._heapsake_held()
        return iter(held) if isinstance(held, collections.abc.Iterable) else self

    def __next__(self):
        if sys._getframe(1).f_code is self._heapsake_stub:
            if self._heapsake_paused:
                raise StopIteration  # the stub goes on to its refusal
            self._heapsake_paused = True
            return None
        held = self._heapsake_held()
        if not isinstance(held, collections.abc.Iterator):
            raise Refused("what this waits for comes from a dump: it does not run on")
        return next(held)

    def __getattr__(self, name):
        # a stub that is closed asks for the methods of a generator
        if name.startswith(("_heapsake", "__")) or name in ("close", "send", "throw"):
            raise AttributeError(name)
        return getattr(self._heapsake_held(), name)

    def __dir__(self):
        return dir(self._heapsake_held())

    def __repr__(self):
        return repr(self._heapsake_held())


class Refusal:
    """Called where a stub would go on."""

    def __init__(self, kind, name):
        self.kind, self.name = kind, name

    def __call__(self, *arguments):
        raise Refused("%s %s comes from a dump: it does not run on" % (self.kind, self.name))


def is_suspended(view):
    """Whether there is a frame to stand in; finished and running ones have none."""
    kind = bare(view.type_name)
    frame = attribute(view, PREFIX[kind] + "_frame")
    running = value_of(view, PREFIX[kind] + "_running", (bool, int), False)
    if kind == "async_generator" and attribute(view, "ag_await") is not None and not _none(attribute(view, "ag_await")):
        running = False
    return not _none(frame) and not frame.surrogate and not running


def _none(view):
    return view is None or bare(view.type_name) == "NoneType"


def chain(view, key_of, is_wanted):
    """A suspended object and those that it waits for, outermost first, and what the last of them waits for."""
    found, seen = [view], {key_of(view)}
    while True:
        inner = attribute(found[-1], AWAITED[bare(found[-1].type_name)])
        if _none(inner) or bare(inner.type_name) not in ("generator", "coroutine") or inner.surrogate:
            return found, inner
        key = key_of(inner)
        if key in seen or not is_wanted(inner):
            return found, inner
        seen.add(key)
        found.append(inner)


def suspended(rebuilder, view):
    """The rebuilt generator, coroutine or async generator of a view that ``is_suspended``."""
    views, inner = chain(view, rebuilder.key_of, lambda each: not rebuilder.known(each) and is_suspended(each))
    awaited, made, started = Awaited(rebuilder, inner), [], _started(view)
    waits = not _none(inner)
    for each in reversed(views):
        kind = bare(each.type_name)
        stub = _stub(rebuilder, each, kind, awaited, waits, each is not view, started)
        # an inner one is known before the locals of the outer one, which may hold it
        made.append(rebuilder.keep(each, stub) if each is not view else stub)
        awaited, waits = made[-1], True
    outermost = made[-1]
    if started:
        _advance(outermost, bare(view.type_name))
    return outermost


def _started(view):
    """Whether it ever ran: one that did not stands before its first instruction."""
    prefix = PREFIX[bare(view.type_name)]
    paused = value_of(view, prefix + "_suspended", bool)
    if paused is not None:
        return paused
    if not _none(attribute(view, AWAITED[bare(view.type_name)])):
        return True
    frame = attribute(view, prefix + "_frame")
    lasti = value_of(frame, "f_lasti", int)
    if lasti is not None and lasti < 0:
        return False
    code = attribute(frame, "f_code")
    first = None if code is None else value_of(code, "co_firstlineno", int)
    return first is None or value_of(frame, "f_lineno", int) != first


def _stub(rebuilder, view, kind, awaited, waits, inner, started):
    facts = FrameFacts.of_view(attribute(view, PREFIX[kind] + "_frame"))
    rebuilder.frames.show_source(facts.filename)
    code = attribute(view, PREFIX[kind] + "_code")
    facts.code = facts.code if facts.code is not None else code
    values, places = apart(rebuilder.frames.values(facts.locals, owner=view))
    shape = rebuilder.frames.code(facts.code).shape(facts.function, facts.filename, facts.qualname, values)
    numbered = {shape.varnames.index(name): value for name, value in values.items() if name in shape.varnames}
    refusal = Refusal(kind, shape.name)
    ending, changes = "yield", None
    if kind == "generator":
        ending = "yield from" if waits else "yield"
        if inner or shape.flags & ITERABLE_COROUTINE or isinstance(awaited, types.CoroutineType):
            changes = _awaitable
    elif kind == "coroutine":
        ending = "await"
    elif waits:
        ending = "yield await"
    if ending == "yield":
        constants = [_stubs.boxed(None), refusal]
    else:
        constants = [_stubs.boxed(awaited), refusal]
    stub = _stubs.function_code(shape, facts.lineno, numbered, ending, constants, kind != "generator", tuple(places), changes)
    if type(awaited) is Awaited:
        awaited._heapsake_stub = stub
    function = types.FunctionType(stub, rebuilder.frames.namespace(facts), shape.name, None, cells(places))
    qualname = value_of(view, "__qualname__", str) or facts.qualname or shape.name
    function.__qualname__ = _stubs.plain(qualname)
    positional, keywords = _stubs.arguments_of(shape) if started else _given(shape, numbered)
    return function(*positional, **keywords)


def _awaitable(flags):
    return flags | ITERABLE_COROUTINE


def _given(shape, numbered):
    """The arguments that one which never ran was called with: they are its locals."""
    count, last = shape.argcount, shape.argcount + shape.kwonlyargcount
    positional = [numbered.get(number) for number in range(count)]
    keywords = {shape.varnames[number]: numbered.get(number) for number in range(count, last)}
    if shape.flags & _stubs.VARARGS:
        rest = numbered.get(last)
        positional += list(rest) if isinstance(rest, tuple) else []
        last += 1
    if shape.flags & _stubs.VARKEYWORDS and isinstance(numbered.get(last), dict):
        keywords.update((name, value) for name, value in numbered[last].items() if isinstance(name, str))
    return positional, keywords


def _advance(stub, kind):
    try:
        if kind == "generator":
            next(stub)
        elif kind == "coroutine":
            stub.send(None)
        else:
            stub.asend(None).send(None)
    except StopIteration:
        pass  # how an async generator hands over what it yields


__all__ = ["AWAITED", "PREFIX", "chain", "is_suspended", "suspended"]
