"""Custom reducers and restorers written in Python, by the qualified name of the type they answer for.

A name is registered once; a second registration replaces the first only when it is the same function anew.
"""
import dataclasses
import importlib
import typing


@dataclasses.dataclass
class Reduction:
    """What a reducer makes of an object, in pickle's vocabulary, and the further objects that belong to it by name.

    Values are plain ones, lists and dicts of them, and views of the dump.  ``origin`` is filled in when it is read back.
    """

    state: typing.Any = None
    callable: typing.Optional[str] = None
    args: typing.Iterable[typing.Any] = ()
    list_items: typing.Iterable[typing.Any] = ()
    dict_items: typing.Iterable[typing.Tuple[typing.Any, typing.Any]] = ()
    edges: typing.Mapping[str, typing.Any] = dataclasses.field(default_factory=dict)
    summary: typing.Optional[str] = None
    origin: typing.Optional[str] = dataclasses.field(default=None, compare=False)


class Registered:
    """A reducer or restorer; ``address`` is that of the class where one was given, as the dump of this process has it."""

    __slots__ = ("name", "function", "origin", "base", "live", "seconds", "address")

    def __init__(self, name, function, base, live, seconds, address):
        self.name, self.function, self.base, self.live, self.seconds, self.address = name, function, base, live, seconds, address
        self.origin = "%s.%s" % (getattr(function, "__module__", "?"), getattr(function, "__qualname__", type(function).__qualname__))


REDUCERS: typing.Dict[str, Registered] = {}
RESTORERS: typing.Dict[str, Registered] = {}


def qualified(kind):
    """The name under which a dump knows a class."""
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" or not isinstance(module, str) else "%s.%s" % (module, kind.__qualname__)


def _registration(table, word, subject, base=False, live=False, seconds=None):
    address = 0
    if isinstance(subject, type):
        subject, address = qualified(subject), id(subject)
    if not isinstance(subject, str) or not subject:
        raise TypeError("%s wants a class, or the qualified name of one, as %s(\"package.module.Type\")" % (word, word))
    name = subject[9:] if subject.startswith("builtins.") else subject

    def register(function):
        if not callable(function):
            raise TypeError("a %s is a function, not a %s" % (word, type(function).__name__))
        made = Registered(name, function, base, live, seconds, address)
        known = table.get(name)
        if known is not None and known.origin != made.origin:
            raise ValueError("%s has a %s already: %s" % (name, word, known.origin))
        table[name] = made
        # imported now, so that the process that runs reducers has nothing to import
        importlib.import_module(__package__ + "._reduce")
        return function

    return register


def reducer(subject, *, base=False, live=False, seconds=None):
    """Registers the decorated ``function(view)`` for a class, or for the qualified name of one.

    It gives a ``Reduction``, or a dict: the state.  ``base=True`` answers for subclasses too, where nothing nearer does;
    with ``live=True`` the function gets the object itself, in a copy of the process, and runs for dumps from inside only.
    One that takes longer than ``seconds`` for an object (default: a sixth of the time of all) is stopped.
    """
    if seconds is not None:
        seconds = float(seconds)
        if not seconds > 0:
            raise ValueError("seconds is %r; it is to be more than 0" % seconds)
    return _registration(REDUCERS, "reducer", subject, bool(base), bool(live), seconds)


def restorer(subject, *, base=False):
    """Registers the decorated ``function(view) -> object``, which runs only when rebuilding is asked for."""
    return _registration(RESTORERS, "restorer", subject, bool(base))


def restorer_of(name, bases):
    """The restorer for a type by its name and the names of its bases, or None."""
    found = RESTORERS.get(name)
    if found is not None:
        return found
    return next((RESTORERS[each] for each in bases if each in RESTORERS and RESTORERS[each].base), None)


__all__ = ["REDUCERS", "RESTORERS", "Reduction", "qualified", "reducer", "restorer", "restorer_of"]
