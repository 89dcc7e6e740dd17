"""Builds objects, says of each in Python's own words what it is, then waits.

Writes one JSON document to the file named by the first argument: {"hexversion", "interpreter", "exact": [...],
"all": [[id, type name, [ids of referents]], ...]}.
"""
import abc
import array
import asyncio
import collections
import ctypes
import dataclasses
import decimal
import enum
import functools
import gc
import itertools
import json
import logging
import os
import re
import struct
import sys
import threading
import time
import types
import weakref

exact = []
kept = []


def value_of(obj):
    if isinstance(obj, int):
        return "int " + ("-" if obj < 0 else "") + hex(abs(int(obj)))[2:]
    if isinstance(obj, float):
        return "float " + struct.pack(">d", obj).hex()
    if isinstance(obj, complex):
        return "complex " + struct.pack(">dd", obj.real, obj.imag).hex()
    if isinstance(obj, str):
        return "str " + str.encode(obj, "utf-8", "surrogatepass").hex()
    if isinstance(obj, (bytes, bytearray)):
        return "bytes " + bytes(obj).hex()
    if isinstance(obj, memoryview) and obj.c_contiguous:
        return "bytes " + obj.tobytes().hex()
    return None


def name_of(cls):
    return cls.__qualname__ if cls.__module__ == "builtins" else "%s.%s" % (cls.__module__, cls.__qualname__)


def expect(label, obj, attributes=(), state=None, elements=None, entries=None, sized=True):
    kept.append(obj)
    if isinstance(obj, (list, tuple)):
        elements = [id(item) for item in type(obj).__mro__[-2].__iter__(obj)]
    elif isinstance(obj, (set, frozenset)):
        elements = [id(item) for item in obj]
    elif isinstance(obj, dict):
        entries = [[id(k), id(v)] for k, v in dict.items(obj)]
    attributes = [[name, id(value)] for name, value in dict(attributes).items()]
    exact.append({"label": label, "id": id(obj), "type": name_of(type(obj)), "value": value_of(obj),
                  "size": sys.getsizeof(obj) if sized else None, "elements": elements, "entries": entries,
                  "attributes": attributes, "state": state or {}})


def attributes(obj, *names):
    return {name: getattr(obj, name) for name in names}


class Plain:
    def __init__(self, *order):
        for index, name in enumerate(order):
            setattr(self, name, [index])


class Slotted:
    __slots__ = ("first", "second", "unset", "__hidden")

    def __init__(self):
        self.first, self.second, self.__hidden = ["1"], ["2"], ["3"]


class SlottedChild(Slotted):
    pass


class SlottedGrandchild(SlottedChild):
    __slots__ = ("third",)


class Everything(Slotted):
    __slots__ = ("more", "__dict__")


def subclass(base):
    return type("Sub" + base.__name__, (base,), {})


class Many:
    def __init__(self):
        for index in range(60):
            setattr(self, "attribute%d" % index, [index])


class Meta(type):
    pass


Named = collections.namedtuple("Named", "left right")


def function(a, b=3, *, c=[4]):
    """Documented."""
    return a, b, c


function.attribute = ["on a function"]


def closure():
    captured, empty = ["captured"], None

    def inner():
        return captured, empty

    del empty
    return inner


def values():
    shared = 2 ** 70
    for label, obj in [
        ("zero", 0), ("small", 5), ("minus one", -1), ("thirty bits", 2 ** 30 - 1), ("thirty-one bits", 2 ** 30),
        ("sixty bits", -(2 ** 60 - 1)), ("more", 2 ** 60), ("big", 2 ** 200 + 1), ("negative", -(3 ** 500)),
        ("true", True), ("false", False), ("nan", float("nan")), ("infinity", float("-inf")), ("float", -0.1),
        ("complex", 1 - 2.5j), ("empty text", ""), ("ascii", "an ascii text"), ("latin", "caf\xe9"),
        ("two bytes", "\u0416 \ud800 lone"), ("four bytes", "a\udc80\U0001F600\0z"), ("bytes", b"\x00\xff raw"),
        ("no bytes", b""), ("mutable", bytearray(b"mutable")), ("long", b"x" * 100000), ("long text", "y" * 100000),
    ]:
        expect(label, obj)
    changed = bytearray(b"0123456789")
    del changed[:4]
    expect("moved start", changed)
    legacy = getattr(ctypes.pythonapi, "PyUnicode_FromUnicode", None)
    if legacy is not None:
        legacy.restype, legacy.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_ssize_t]
        text = legacy(None, 3)
        # Its characters are not initialised, and it is not ready: nothing may ask Python for its value.
        at = ctypes.c_void_p.from_address(id(text) + 40).value
        ctypes.memmove(at, "a\u0416\U0001F600".encode("utf-32-le"), 12)
        kept.append(text)
        exact.append({"label": "not ready", "id": id(text), "type": "str", "size": None, "elements": None,
                      "value": "str " + "a\u0416\U0001F600".encode().hex(), "entries": None, "attributes": [], "state": {}})
    for base, value in [(int, 2 ** 77), (float, 0.5), (complex, 3j), (str, "sub \u0416"), (str, "plain"), (bytes, b"sub"),
                        (bytearray, b"sub"), (list, [1, [2]]), (tuple, (1, [2])), (set, {1, "x"}), (frozenset, {2, "y"}),
                        (dict, {"k": ["v"], 3: 4})]:
        obj = subclass(base)(value)
        obj.extra = ["on a subclass of", base.__name__]
        expect("subclass of " + base.__name__, obj, attributes(obj, "extra"))
        bare = subclass(base)(value)
        expect("bare subclass of " + base.__name__, bare)


def containers():
    expect("list", [1, [2], None])
    expect("empty list", [])
    grown = list(range(1000))
    del grown[10:]
    expect("shrunk list", grown)
    expect("tuple", (1, (2, [3])))
    pair = Named(["l"], ["r"])
    expect("fields", pair, attributes(pair, "left", "right"))
    moment = time.gmtime(86400 * 365)
    expect("struct sequence", moment, attributes(moment, "tm_year", "tm_zone"), sized=False)
    status = os.stat(".")
    expect("struct sequence with hidden fields", status, attributes(status, "st_mode", "st_size"), sized=False)
    expect("set", {1, "two", (3,)})
    removed = set(range(100))
    for number in range(3, 100):
        removed.discard(number)
    expect("thinned set", removed)
    expect("empty set", set())
    expect("frozen", frozenset(["a", 1]))
    expect("dict", {"a": [1], "b": [2]})
    expect("mixed keys", {1: "one", (2, 3): "tuple", None: "none", "text": 5})
    expect("empty dict", {})
    expect("big dict", {"key %d" % n: n for n in range(1000)})
    expect("bigger dict", {n: n for n in range(70000)})
    deleted = {"key %d" % n: [n] for n in range(50)}
    for n in range(0, 50, 3):
        del deleted["key %d" % n]
    deleted["key 0"] = "back"
    expect("dict with holes", deleted)
    expect("key sharing", dict.fromkeys("abc"))


def instances():
    for label, order in [("in order", "abc"), ("out of order", "cab"), ("some", "b")]:
        obj = Plain(*order)
        expect("instance " + label, obj, attributes(obj, *order))
    obj = Plain(*"abc")
    del obj.b
    obj.b = ["again"]
    expect("instance with one again", obj, attributes(obj, *"acb"))
    obj = Plain(*"abc")
    del obj.a
    expect("instance without one", obj, attributes(obj, *"bc"))
    obj = Plain(*"abc")
    vars(obj)
    expect("instance with a dict", obj, attributes(obj, *"abc"), sized=False)
    expect("split dict", vars(obj), sized=False)
    obj = Plain(*"abc")
    obj.__dict__["d"] = ["d"]
    obj.__dict__[5] = "no text"
    expect("instance with a changed dict", obj, attributes(obj, *"abcd"), sized=False)
    obj = Plain(*"ab")
    obj.__dict__ = {"replaced": ["x"]}
    expect("instance with a replaced dict", obj, attributes(obj, "replaced"), sized=False)
    obj = Many()
    expect("instance with many", obj, attributes(obj, *["attribute%d" % n for n in range(60)]), sized=False)
    expect("instance without", Plain())
    expect("object", object())
    for cls in (Slotted, SlottedChild, SlottedGrandchild, Everything):
        obj = cls()
        expected = attributes(obj, "first", "second", "_Slotted__hidden")
        for name in ("third", "more"):
            if hasattr(cls, name):
                setattr(obj, name, [name])
                expected[name] = getattr(obj, name)
        if cls in (SlottedChild, SlottedGrandchild, Everything):
            obj.free = ["free"]
            expected["free"] = obj.free
        expect("slots of " + cls.__name__, obj, expected)
    kept_alive = Plain("a")
    reference = weakref.ref(kept_alive)
    kept.append(kept_alive)
    expect("weak", reference, {"referent": kept_alive}, sized=False)
    called = weakref.ref(kept_alive, function)
    expect("weak with callback", called, {"referent": kept_alive, "callback": function}, sized=False)
    gone = Plain("a")
    dead = weakref.ref(gone)
    del gone
    expect("dead", dead, {"referent": None}, sized=False)


def codelike():
    names = ["__name__", "__qualname__", "__code__", "__globals__", "__defaults__", "__kwdefaults__", "__module__", "__doc__"]
    expect("function", function, attributes(function, *names, "attribute"), sized=False)
    inner = closure()
    expect("closure", inner, {"__closure__": inner.__closure__}, sized=False)
    for cell in inner.__closure__:
        try:
            expect("cell", cell, {"cell_contents": cell.cell_contents})
        except ValueError:
            expect("empty cell", cell)
    holder = Plain("a")
    method = holder.__init__
    expect("method", method, {"__func__": Plain.__init__, "__self__": holder})
    items = [1]
    expect("builtin", len, state={"__name__": "len"}, sized=False)
    append = items.append
    expect("builtin method", append, {"__self__": items}, state={"__name__": "append"}, sized=False)
    expect("class", Plain, {"__name__": Plain.__name__, "__base__": object, "__bases__": Plain.__bases__,
                            "__mro__": Plain.__mro__, "__init__": Plain.__init__}, sized=False)
    expect("metaclass instance", Meta("Made", (Slotted,), {"setting": 5}), sized=False)
    expect("static class", int, {"__base__": object, "__mro__": int.__mro__, "bit_length": int.__dict__["bit_length"]},
           state={"__name__": "int", "__module__": "builtins"}, sized=False)
    expect("module", json, {"dumps": json.dumps, "__name__": json.__name__}, sized=False)
    made = property(function, None, None, "doc")
    expect("property", made, {"fget": function, "__doc__": made.__doc__}, sized=False)
    for wrap in (staticmethod, classmethod):
        expect(wrap.__name__, wrap(function), {"__func__": function}, sized=False)
    expect("method descriptor", str.join, {"__objclass__": str, "__name__": str.join.__name__}, sized=False)
    expect("slot wrapper", str.__add__, {"__objclass__": str}, sized=False)
    expect("bound wrapper", (5).__add__, {}, sized=False)
    expect("member", Slotted.__dict__["first"], {"__objclass__": Slotted}, sized=False)
    mapping = {"mp": ["x"]}
    proxy = types.MappingProxyType(mapping)
    expect("proxy of a mapping", proxy, {"mapping": mapping}, entries=[[id(k), id(v)] for k, v in mapping.items()])
    space = types.SimpleNamespace(deep=[1])
    expect("namespace", space, attributes(space, "deep"))
    base = super(SlottedChild, SlottedChild())
    expect("super", base, {"__thisclass__": SlottedChild, "__self_class__": SlottedChild}, sized=False)
    if sys.version_info >= (3, 9):
        alias = list[int]
        expect("alias", alias, attributes(alias, "__origin__", "__args__"), sized=False)
    if sys.version_info >= (3, 10):
        union = int | str
        expect("union", union, attributes(union, "__args__"), sized=False)
    start, stop = 10 ** 20, 10 ** 21
    expect("range", range(start, stop), {"start": start, "stop": stop}, sized=False)
    expect("slice", slice(start, stop), {"start": start, "stop": stop, "step": None}, sized=False)
    view = memoryview(b"view-bytes")
    expect("view", view, {"obj": view.obj}, {"nbytes": 10, "itemsize": 1, "format": "B", "shape": [10]}, sized=False)
    grid = memoryview(bytearray(range(12))).cast("B", [3, 4])
    expect("grid", grid, {"obj": grid.obj}, {"ndim": 2, "shape": [3, 4], "strides": [4, 1]}, sized=False)
    expect("every other", view[::2], {"obj": view.obj}, {"nbytes": 5, "strides": [2]}, sized=False)
    for label, obj in [("none", None), ("ellipsis", Ellipsis), ("not implemented", NotImplemented)]:
        expect(label, obj)


def iterators():
    source = [10, 20, 30]
    made = iter(source)
    next(made)
    expect("list iterator", made, {"list": source}, {"index": 1}, sized=False)
    text = {"a": 1, "b": 2}
    keys = iter(text)
    next(keys)
    expect("key iterator", keys, {"dict": text}, {"remaining": 1}, sized=False)
    expect("items", text.items(), {"mapping": text}, sized=False)
    steps = iter(range(3, 30, 4))
    expect("range iterator", steps, {}, {"step": 4}, sized=False)
    expect("enumerate", enumerate(source), {}, {"count": 0}, sized=False)
    called = iter(function, 5)
    expect("callable iterator", called, {"callable": function}, sized=False)
    expect("reversed tuple", reversed((source,)), {}, {"index": 0}, sized=False)
    several = map(function, source, source)
    expect("map", several, {"function": function}, sized=False)
    expect("filter", filter(function, source), {"function": function}, sized=False)
    expect("zip", zip(source, source), sized=False)
    members = {1, 2}
    expect("set iterator", iter(members), {"set": members}, {"remaining": 2}, sized=False)
    for sequence, name in [("text", "str"), ("\u0416", "str"), (b"bytes", "bytes"), ((1, 2), "tuple")]:
        expect("iterator over " + name, iter(sequence), {name: sequence}, {"index": 0}, sized=False)


def referents_of(obj):
    cls = type(obj)
    return [id(other) for other in gc.get_referents(obj) if other is not cls]


def is_table_of_interned_strings(obj):
    """The collector knows it from 3.14 on; strings leave it whenever they die."""
    return type(obj) is dict and len(obj) > 500 and all(name is other for name, other in obj.items())


def main():
    values()
    containers()
    instances()
    codelike()
    iterators()
    if hasattr(ctypes.pythonapi, "PyInterpreterState_Get"):
        ctypes.pythonapi.PyInterpreterState_Get.restype = ctypes.c_void_p
        interpreter = ctypes.pythonapi.PyInterpreterState_Get()
    else:
        interpreter = 0
    gc.collect()
    gc.disable()
    objects = gc.get_objects()
    changing = {id(objects), id(globals()), id(exact), id(kept), id(sys._getframe()), id(sys._getframe(1))}
    everything = []
    for obj in objects:
        if id(obj) not in changing and not isinstance(obj, types.FrameType) and not is_table_of_interned_strings(obj):
            everything.append([id(obj), name_of(type(obj)), referents_of(obj)])
    with open(sys.argv[1], "w") as file:
        json.dump({"hexversion": sys.hexversion, "interpreter": interpreter, "exact": exact, "all": everything}, file)
    print("ready", flush=True)
    sys.stdin.readline()
    return objects, everything


main()
