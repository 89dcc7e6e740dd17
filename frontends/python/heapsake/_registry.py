"""Custom reducers and restorers written in Python, by the qualified name of the type they answer for.

A name is registered once; a second registration replaces the first only when it is the same function anew.
"""
import dataclasses
import typing


@dataclasses.dataclass
class Reduction:
    """What a reducer makes of an object, in pickle's vocabulary, and the further objects that belong to it by name."""

    callable: typing.Optional[str] = None
    args: typing.Tuple[typing.Any, ...] = ()
    state: typing.Any = None
    list_items: typing.Sequence[typing.Any] = ()
    dict_items: typing.Sequence[typing.Tuple[typing.Any, typing.Any]] = ()
    edges: typing.Mapping[str, typing.Any] = dataclasses.field(default_factory=dict)


REDUCERS: typing.Dict[str, typing.Callable[..., typing.Any]] = {}
RESTORERS: typing.Dict[str, typing.Callable[..., typing.Any]] = {}


def _registration(table, word, name):
    if not isinstance(name, str) or not name:
        raise TypeError("%s wants the qualified name of a type, as %s(\"package.module.Type\")" % (word, word))

    def register(function):
        known = table.get(name)
        if known is not None and (known.__module__, known.__qualname__) != (function.__module__, function.__qualname__):
            raise ValueError("%s has a %s already: %s.%s" % (name, word, known.__module__, known.__qualname__))
        table[name] = function
        return function

    return register


def reducer(name):
    """Registers the decorated ``function(view) -> Reduction`` for the type of this qualified name."""
    return _registration(REDUCERS, "reducer", name)


def restorer(name):
    """Registers the decorated ``function(reduction) -> object``, which runs only when rebuilding is asked for."""
    return _registration(RESTORERS, "restorer", name)


__all__ = ["REDUCERS", "RESTORERS", "Reduction", "reducer", "restorer"]
