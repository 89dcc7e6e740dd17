"""What a graph of objects is, in the words of the program that holds it: one JSON value for each object.

Everything is asked of Python alone: iteration, members of types, frames, ``__reduce__``; nothing of the collector and nothing
of heapsake.  Asking can change an object: reading ``__dict__`` makes one, reading ``gi_frame`` makes a frame.  What a program
knows of an object by itself it says with ``known``, and then the object is not asked.
"""
import array
import asyncio
import collections
import collections.abc
import copy
import datetime
import decimal
import fractions
import functools
import io
import pathlib
import re
import struct
import threading
import types
import uuid
import weakref

KNOWN = {}
#: modules of programs: of their classes all attributes are known
MADE = ("__main__", "making")
#: objects whose own contents are not described: they are there by type and identity
OPAQUE = (types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType, types.MethodWrapperType,
          types.GetSetDescriptorType, types.MemberDescriptorType, asyncio.AbstractEventLoop)
ITERATORS = tuple(type(each) for each in (iter([]), iter(()), iter(""), iter("\xe9"), iter(b""), iter(bytearray()), iter(range(1)),
                                          iter(range(1 << 70)), iter({}), iter({}.values()), iter({}.items()), iter(set()),
                                          reversed([]), reversed(()), reversed({})))


#: objects of the library that are values: how they keep it is a matter of the version
SHOWN = (fractions.Fraction, pathlib.PurePath, uuid.UUID, decimal.Decimal, datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo,
         array.array, range, re.Pattern)


def known(value, **facts):
    """Notes what is known of an object, which stays alive by it."""
    KNOWN.setdefault(id(value), {"self": value}).update(facts)
    return value


def qualified(kind):
    module, name = type.__dict__["__module__"].__get__(kind), type.__dict__["__qualname__"].__get__(kind)
    return name if module == "builtins" else "%s.%s" % (module, name)


def plain(value):
    """The value of a number, a text or bytes, of a subclass too; None for others."""
    for kind in type(value).__mro__:
        if kind is bool or kind is int:
            return hex(int.__add__(value, 0))
        if kind is float:
            return struct.pack(">d", value).hex()
        if kind is complex:
            return struct.pack(">dd", value.real, value.imag).hex()
        if kind is str:
            return str.encode(value, "utf-8", "surrogatepass").hex()
        if kind is bytes:
            return bytes.hex(value)
        if kind is bytearray:
            return bytearray.hex(value)
    return None


def elements(value):
    """What a sequence or a set holds, in its order; None for others."""
    for kind in type(value).__mro__:
        if kind in (list, tuple, set, frozenset, collections.deque):
            return list(kind.__iter__(value))
    return None


def entries(value):
    """What a mapping holds, in its order; None for others."""
    for kind in type(value).__mro__:
        if kind is collections.OrderedDict:
            return [(key, dict.__getitem__(value, key)) for key in collections.OrderedDict.__iter__(value)]
        if kind is dict:
            return list(dict.items(value))
        if kind is types.MappingProxyType:
            return list(value.items())
    return None


def own_slots(value):
    """Names and contents of slots, of the class that is asked first where several have one of a name."""
    found = {}
    for kind in type(value).__mro__:
        names = kind.__dict__.get("__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if name.startswith("__") and not name.endswith("__") and kind.__name__.strip("_"):
                name = "_%s%s" % (kind.__name__.lstrip("_"), name)
            member = kind.__dict__.get(name)
            if name not in found and type(member) is types.MemberDescriptorType:
                try:
                    found[name] = member.__get__(value)
                except AttributeError:
                    continue
    return found


def has_dict(kind):
    return any("__dict__" in each.__dict__ for each in kind.__mro__)


class Row:
    """What is said of one object."""

    def __init__(self, value):
        self.value = value
        self.said = {"id": id(value), "type": qualified(type(value))}
        self.next = []

    def target(self, value, follow=True):
        if follow:
            self.next.append(value)
        return id(value)

    def attribute(self, name, value, follow=True):
        self.said.setdefault("attributes", {})[name] = self.target(value, follow)

    def fact(self, name, value):
        self.said.setdefault("facts", {})[name] = value

    def attributes(self, value, *names):
        for name in names:
            found = getattr(value, name)
            if found is not None:
                self.attribute(name, found, follow=name not in ("__globals__", "f_globals"))

    def locals(self, found):
        self.said["locals"] = {name: self.target(value) for name, value in found.items()}


def describe_instance(row, value, has_more=False):
    """Attributes in slots and in a dictionary, which is not asked for where its names are known."""
    names = {name: (held, "slot") for name, held in own_slots(value).items()}
    if has_dict(type(value)):
        listed = KNOWN.get(id(value), {}).get("names")
        if listed is None:
            dictionary = object.__getattribute__(value, "__dict__")
            row.attribute("__dict__", dictionary)
            held = {name: each for name, each in dictionary.items() if type(name) is str}
        else:
            held = {name: object.__getattribute__(value, name) for name in listed}
        for name, each in held.items():
            names.setdefault(name, (each, "dict"))
    if isinstance(value, tuple):
        for name, held in zip(getattr(type(value), "_fields", ()), tuple.__iter__(value)):
            names.setdefault(name, (held, "field"))
    for name, (held, _) in names.items():
        row.attribute(name, held)
    if not has_more:
        row.said["closed"] = True


def describe_function(row, value):
    row.attributes(value, "__name__", "__qualname__", "__code__", "__globals__", "__defaults__", "__kwdefaults__", "__closure__",
                   "__module__", "__doc__")
    for name in KNOWN.get(id(value), {}).get("names", ()):
        row.attribute(name, value.__dict__[name])


def describe_code(row, value):
    row.attributes(value, "co_name", "co_filename", "co_consts", "co_names")
    row.fact("co_firstlineno", value.co_firstlineno)
    row.fact("co_flags", value.co_flags)


def describe_suspended(row, value):
    prefix = {types.GeneratorType: "gi", types.CoroutineType: "cr", types.AsyncGeneratorType: "ag"}[type(value)]
    row.attributes(value, "__name__", "__qualname__")
    row.attribute(prefix + "_code", getattr(value, prefix + "_code"))
    awaited = getattr(value, prefix + ("_yieldfrom" if prefix == "gi" else "_await"))
    if awaited is not None:
        row.attribute(prefix + ("_yieldfrom" if prefix == "gi" else "_await"), awaited)
    told = KNOWN.get(id(value), {})
    row.said["frame"] = prefix + "_frame"
    if "locals" in told:
        if told["locals"] is None:
            row.said["ended"] = True
        else:
            row.locals(told["locals"])
            row.said["line"] = told["line"]
        return
    frame = getattr(value, prefix + "_frame")
    if frame is None:
        row.said["ended"] = True
    else:
        row.attribute(prefix + "_frame", frame)
        row.locals(dict(frame.f_locals))
        row.said["line"] = frame.f_lineno


def describe_frame(row, value):
    row.attributes(value, "f_code", "f_globals")
    row.fact("f_lineno", value.f_lineno)
    row.locals(dict(value.f_locals))


def describe_exception(row, value):
    row.attributes(value, "args", "__cause__", "__context__", "__traceback__")
    row.fact("__suppress_context__", value.__suppress_context__)
    describe_instance(row, value, has_more=True)


def describe_traceback(row, value):
    row.attributes(value, "tb_frame", "tb_next")
    row.fact("tb_lineno", value.tb_lineno)
    row.fact("tb_lasti", value.tb_lasti)


def describe_type(row, value):
    # A class is followed where the program made it.
    row.attribute("__name__", type.__dict__["__name__"].__get__(value))
    row.attribute("__bases__", value.__bases__)
    row.attribute("__mro__", value.__mro__)
    space = type.__dict__["__dict__"].__get__(value)
    # What the interpreter keeps there for itself comes and goes.
    row.said["namespace"] = [[name, row.target(held)] for name, held in space.items() if name not in ("__abstractmethods__", "_abc_impl")]


def describe_module(row, value):
    space = object.__getattribute__(value, "__dict__")
    row.attribute("__dict__", space)
    row.said["namespace"] = [[name, id(held)] for name, held in space.items()]


def describe_task(row, value):
    row.attribute("_coro", value.get_coro())
    row.fact("_name", value.get_name())
    row.attribute("_loop", value._loop, follow=False)


def describe_iterator(row, value):
    """What it still gives, which a copy says; objects that are made when they are given are told by their values."""
    rest = list(copy.copy(value))
    row.said["rest"] = [plain(each) if plain(each) is not None else id(each) for each in rest]
    if "over" in KNOWN.get(id(value), {}):
        row.said["holds"] = [id(KNOWN[id(value)]["over"])]


def describe_reference(row, value):
    referent = weakref.ref.__call__(value)
    if referent is not None:
        row.attribute("referent", referent)
    if value.__callback__ is not None:
        row.said["holds"] = [row.target(value.__callback__)]
    if type(value) is not weakref.ref:
        describe_instance(row, value, has_more=True)


def describe_moment(row, value):
    for name in ("year", "month", "day", "hour", "minute", "second", "microsecond", "fold", "days", "seconds", "microseconds"):
        found = getattr(value, name, None)
        if type(found) is int and (name in ("days", "seconds", "microseconds")) == isinstance(value, datetime.timedelta):
            row.fact(name, found)
    if isinstance(value, (datetime.datetime, datetime.time)) and value.tzinfo is not None:
        row.attribute("tzinfo", value.tzinfo)


def describe_cell(row, value):
    try:
        row.attribute("cell_contents", value.cell_contents)
    except ValueError:
        pass


def describe_attributes(*names):
    return lambda row, value: row.attributes(value, *names)


def describe_facts(**facts):
    def describe(row, value):
        for name, of in facts.items():
            row.fact(name, of(value))

    return describe


def describe_namespace(row, value):
    row.attribute("__dict__", value.__dict__)
    for name, held in value.__dict__.items():
        row.attribute(name, held)


HOW = [
    ((types.FunctionType,), describe_function),
    ((types.CodeType,), describe_code),
    ((types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType), describe_suspended),
    ((types.FrameType,), describe_frame),
    ((BaseException,), describe_exception),
    ((types.TracebackType,), describe_traceback),
    ((type,), describe_type),
    ((types.ModuleType,), describe_module),
    ((asyncio.Task,), describe_task),
    (ITERATORS, describe_iterator),
    ((weakref.ref,), describe_reference),
    ((datetime.date, datetime.time, datetime.timedelta), describe_moment),
    ((types.CellType if hasattr(types, "CellType") else type((lambda x: lambda: x)(1).__closure__[0]),), describe_cell),
    ((types.MethodType,), describe_attributes("__func__", "__self__")),
    ((functools.partial,), describe_attributes("func", "args", "keywords")),
    ((property,), describe_attributes("fget", "fset", "fdel")),
    ((classmethod, staticmethod), describe_attributes("__func__")),
    ((slice,), describe_attributes("start", "stop", "step")),
    ((range,), describe_facts(start=lambda it: it.start, stop=lambda it: it.stop, step=lambda it: it.step)),
    ((memoryview,), describe_attributes("obj")),
    ((types.SimpleNamespace,), describe_namespace),
    ((decimal.Decimal,), describe_facts(text=str)),
    ((re.Pattern,), describe_attributes("pattern")),
    ((io.StringIO,), describe_facts(value=io.StringIO.getvalue, position=io.StringIO.tell)),
    ((io.BytesIO,), describe_facts(position=io.BytesIO.tell)),
    ((array.array,), describe_facts(typecode=lambda it: it.typecode)),
    ((type(threading.Lock()),), describe_facts(locked=lambda it: it.locked())),
]


def describe(value):
    """What one object is, and what it leads to."""
    row = Row(value)
    if type(value) is object or isinstance(value, OPAQUE):
        return row
    own = plain(value)
    if own is not None:
        row.said["value"] = own
    held = elements(value)
    if held is not None:
        row.said["elements"] = [row.target(each) for each in held]
        if isinstance(value, (set, frozenset)):
            row.said["unordered"] = True
    held = entries(value)
    if held is not None:
        row.said["entries"] = [[row.target(key), row.target(each)] for key, each in held]
    if isinstance(value, collections.deque):
        row.fact("maxlen", value.maxlen)
    if isinstance(value, collections.defaultdict) and value.default_factory is not None:
        row.attribute("default_factory", value.default_factory)
    if isinstance(value, SHOWN):
        row.said["text"] = repr(value)
    if isinstance(value, collections.abc.Iterator) and not isinstance(value, types.GeneratorType):
        row.said["iterates"] = True
    for kinds, how in HOW:
        if isinstance(value, kinds):
            how(row, value)
            return row
    if type(value).__flags__ & 1 << 9 and type(type(value).__dict__.get("__module__")) is str:
        # Of a class that Python code made; what others hold is their own.
        describe_instance(row, value, has_more=qualified(type(value)).split(".")[0] not in MADE)
    return row


def is_followed(value, module):
    """Whether an object is a part of the graph, and not of what every program has."""
    if isinstance(value, type):
        return type.__dict__["__module__"].__get__(value) == module
    if isinstance(value, types.ModuleType):
        return value.__name__.startswith("made ")
    return True


def walk(roots, module="__main__"):
    """Rows for all that can be reached from these objects."""
    seen, left, kept = set(), list(roots), []
    rows = []
    while left:
        value = left.pop()
        if id(value) in seen or value is KNOWN:
            continue
        seen.add(id(value))
        kept.append(value)
        if is_followed(value, module):
            row = describe(value)
            rows.append(row.said)
            left.extend(row.next)
    return rows
