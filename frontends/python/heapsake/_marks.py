"""Which dump an exception has: a note that is gone when the exception is, and that the program has nothing of.

It lies beside the exception where its class allows weak references: what pickles, copies or shows the attributes finds its own.
Python's own classes allow none, and have the note as an attribute, which is how they pickle any; asking for it makes no attributes.
A class that allows none and pickles in a way of its own has no note, and so no dump that would end with its exceptions.
"""
import functools
import weakref

#: the attribute, where there has to be one
ATTRIBUTE = "_heapsake_dump"

#: how a class has itself pickled and copied
_WAYS = ("__copy__", "__deepcopy__", "__getnewargs__", "__getnewargs_ex__", "__getstate__", "__reduce__", "__reduce_ex__", "__setstate__")
#: the flag of classes that a class statement may have made
_ON_HEAP = 1 << 9

# By what the interpreter has: code of the exception's class is not asked.
_attributes = BaseException.__dict__["__dict__"].__get__
_reduce = BaseException.__dict__["__reduce__"]
_bases, _flags, _names, _weakly = (type.__dict__[name].__get__ for name in ("__mro__", "__flags__", "__dict__", "__weakrefoffset__"))

#: the notes that lie beside, by the number of their exception
_beside = {}


class _Note(weakref.ref):
    __slots__ = ("path",)


def can_have(exception):
    """Whether a note of the exception can be kept."""
    kind = type(exception)
    return bool(_weakly(kind)) or not any(_flags(base) & _ON_HEAP and not _names(base).keys().isdisjoint(_WAYS) for base in _bases(kind))


def note(exception, path):
    """The text itself is kept, for who watches it."""
    if _weakly(type(exception)):
        number = id(exception)
        # It goes before another can have the number, and with no code of Python, in which Ctrl-C would be lost.
        one = _Note(exception, functools.partial(_beside.pop, number))
        one.path = path
        _beside[number] = one
    elif can_have(exception):
        _attributes(exception)[ATTRIBUTE] = path


def noted(exception):
    """The text; None without."""
    if _weakly(type(exception)):
        one = _beside.get(id(exception))
        return one.path if one is not None and one() is exception else None
    path = _existing(exception).get(ATTRIBUTE)
    return path if isinstance(path, str) else None


def take_away(exception):
    """Of an exception that goes to another process, where an attribute would go along."""
    if not _weakly(type(exception)):
        _existing(exception).pop(ATTRIBUTE, None)


def _existing(exception):
    """Its attributes: to ask for ``__dict__`` would make them where there are none, and then they are pickled."""
    parts = _reduce(exception)
    return parts[2] if len(parts) > 2 else {}


__all__ = ["can_have", "note", "noted", "take_away"]
