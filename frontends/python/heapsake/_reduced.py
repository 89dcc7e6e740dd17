"""Objects made from what a reducer said in pickle's words: only by callables of this closed list, which act on nothing."""
import array
import collections
import datetime
import decimal
import fractions
import ipaddress
import pathlib
import types
import uuid

from .rebuild import Needs

#: a name that is not here makes a stand-in, whatever this Python has under it
CALLABLES = {
    "bool": bool, "int": int, "float": float, "complex": complex, "str": str, "bytes": bytes, "bytearray": bytearray, "list": list,
    "tuple": tuple, "set": set, "frozenset": frozenset, "dict": dict, "slice": slice, "range": range,
}
for _kind in (array.array, collections.Counter, collections.OrderedDict, collections.deque, datetime.date, datetime.datetime, datetime.time,
              datetime.timedelta, decimal.Decimal, fractions.Fraction, ipaddress.ip_address, ipaddress.ip_network,
              pathlib.PurePosixPath, pathlib.PureWindowsPath, types.SimpleNamespace, uuid.UUID):
    CALLABLES["%s.%s" % (_kind.__module__, _kind.__qualname__)] = _kind
CALLABLES["collections.defaultdict"] = collections.OrderedDict
CALLABLES["pathlib.PurePosixPath"], CALLABLES["pathlib.PureWindowsPath"] = pathlib.PurePosixPath, pathlib.PureWindowsPath
#: sizes that a number as an argument could ask for
SIZED = (bytes, bytearray, range)
#: go through each item of their argument
PAIRED = (dict, collections.OrderedDict, types.SimpleNamespace)
LONGEST = 1 << 20


def make(rebuilder, reduction):
    """The object, ``Needs``, or NotImplemented where the callable is not on the list."""
    name = reduction.callable[9:] if reduction.callable.startswith("builtins.") else reduction.callable
    function = CALLABLES.get(name)
    if function is None:
        return NotImplemented
    arguments = list(reduction.args)
    views = views_in(arguments)
    if function in SIZED and any(isinstance(each, int) and abs(each) > LONGEST for each in arguments):
        return NotImplemented

    def combine(values):
        given = with_values(arguments, iter(values))
        if not all(is_short(each) for each in values) or not all(is_short(each) for each in given):
            raise TypeError("an argument may have no end, or run a function")
        if function in SIZED and any(isinstance(each, int) and abs(each) > LONGEST for each in given):
            raise TypeError("it would be too large")
        if function in PAIRED and not all(isinstance(pair, (tuple, list, str)) for each in given if not isinstance(each, dict) for pair in each):
            raise TypeError("a pair may have no end, or run a function")
        made = function(*given)
        rebuilder.fills.append((fill, rebuilder, made, reduction))
        return made

    return Needs(views, combine)


def is_short(value):
    """Whether going through it ends soon and calls nothing: rebuilt iterators are real ones."""
    return not hasattr(type(value), "__next__") and (type(value) is not range or len(value) <= LONGEST)


def is_view(value):
    return hasattr(value, "rebuild") and hasattr(value, "type_name")


def views_in(values):
    """The views in lists, tuples and dicts of plain values, in their order; a reduction is at most 64 levels deep."""
    found = []
    for value in values:
        if is_view(value):
            found.append(value)
        elif type(value) in (list, tuple):
            found.extend(views_in(value))
        elif type(value) is dict:
            found.extend(views_in(value.values()))
    return found


def with_values(values, given):
    """The same values, with what was made in the place of each view."""
    made = []
    for value in values:
        if is_view(value):
            made.append(next(given))
        elif type(value) in (list, tuple):
            made.append(type(value)(with_values(value, given)))
        elif type(value) is dict:
            made.append(dict(zip(value, with_values(value.values(), given))))
        else:
            made.append(value)
    return made


def fill(rebuilder, made, reduction):
    """Elements, entries and attributes, as pickle would put them."""
    def value_of(each):
        return rebuilder.resolve(each) if is_view(each) else each

    for item in reduction.list_items:
        made.append(value_of(item))
    for key, item in reduction.dict_items:
        made[rebuilder.hashable(value_of(key))] = value_of(item)
    if isinstance(made, types.SimpleNamespace) and isinstance(reduction.state, dict):
        for name, each in reduction.state.items():
            if isinstance(name, str):
                made.__dict__[name] = value_of(each)


__all__ = ["CALLABLES", "make"]
