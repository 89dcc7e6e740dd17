"""The stage of a program of cases: every case is a frame on one stack that holds its objects in its locals.

When all are there, the program writes down what it holds, dumps itself, waits to be dumped from outside, and at the end writes
down what the two dumps have changed: calls of hooks, modules, what is in them.
Argument: a folder. Written there: said.json, inside.heapsake, after.json.
"""
import encodings.ascii  # noqa: F401
import gc
import json
import os
import sys
import types
import warnings  # noqa: F401
import weakref  # noqa: F401

import heapsake
from heapsake import _heapsake, _plugins  # noqa: F401  what a dump needs is there before anything is noted

CASES = []
#: calls of hooks, by name; must stay empty
COUNTS = {}
#: what a case says of itself: {case: {name: value}}
SAID = {}
#: cases whose locals nobody asks for before the dump
UNASKED = set()
HERE = os.path.dirname(os.path.abspath(__file__))
FRAME = types.FrameType


def case(function):
    CASES.append(function)
    return function


def unasked(function):
    UNASKED.add(function.__name__)
    return case(function)


def called(name):
    COUNTS[name] = COUNTS.get(name, 0) + 1


def say(**facts):
    """Facts of the case that calls it."""
    SAID.setdefault(sys._getframe(1).f_code.co_name, {}).update(facts)


class Counted:
    """What inherits from it counts every hook that a dump might run."""

    def __reduce_ex__(self, protocol):
        called("__reduce_ex__")
        raise RuntimeError("reduced")

    def __reduce__(self):
        called("__reduce__")
        raise RuntimeError("reduced")

    def __getstate__(self):
        called("__getstate__")
        raise RuntimeError("asked for its state")

    def __repr__(self):
        called("__repr__")
        raise RuntimeError("shown")

    def __getattr__(self, name):
        called("__getattr__")
        raise AttributeError(name)

    def __del__(self):
        called("__del__")

    @property
    def asked(self):
        called("property")
        return 1


def name_of(kind):
    """Module and qualified name of a class, whatever its metaclass does."""
    module = type.__dict__["__module__"].__get__(kind)
    return [module if isinstance(module, str) else None, type.__dict__["__qualname__"].__get__(kind)]


def content(value):
    """What is in it, as text or addresses; None where that is not for Python to say."""
    kind = type(value)
    if kind in (bool, int, type(None), type(...), type(NotImplemented)):
        return ["value", hex(value) if kind is int else repr(value)]
    if kind is float:
        return ["value", value.hex()]
    if kind is str:
        return ["value", value.encode("utf-8", "surrogatepass").hex()]
    if kind in (bytes, bytearray):
        return ["value", bytes(value).hex()]
    if kind in (list, tuple, set, frozenset):
        return ["items", [id(item) for item in value]]
    if kind is dict:
        return ["pairs", [[id(key), id(item)] for key, item in value.items()]]
    return None


def is_ours(kind):
    module = type.__dict__["__module__"].__get__(kind)
    if not isinstance(module, str) or module == "stage":
        return False
    known = sys.modules.get(module)
    file = types.ModuleType.__getattribute__(known, "__dict__").get("__file__") if isinstance(known, types.ModuleType) else None
    return known is None or file is None and module != "builtins" or isinstance(file, str) and os.path.dirname(os.path.abspath(file)) == HERE


def is_end(value, names):
    """Whether what it holds is not the case's own: a running frame, the insides of a module or of the library's classes."""
    if type(value) is FRAME or issubclass(type(value), types.ModuleType) or id(value) in names:
        return True
    return issubclass(type(value), type) and not is_ours(value)


def describe(roots):
    """Address, type, references and content of each object that belongs to the cases."""
    names = {id(sys.modules)}
    for module in list(sys.modules.values()):
        if isinstance(module, types.ModuleType):
            names.add(id(types.ModuleType.__getattribute__(module, "__dict__")))
    seen, left = {}, list(roots)
    names.update((id(seen), id(left), id(names), id(SAID), id(COUNTS)))
    while left:
        value = left.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        if not is_end(value, names):
            left.extend(gc.get_referents(value))
    told = []
    for address, value in seen.items():
        kind = type(value)
        whole = not is_end(value, names)
        told.append([address, id(kind)] + name_of(kind) + [[id(each) for each in gc.get_referents(value)] if whole and gc.is_tracked(value) else [],
                                                           content(value) if whole else None])
    return told


def case_frames():
    """The frames of the cases, the first one first."""
    codes, frame, found = {function.__code__ for function in CASES}, sys._getframe(), []
    while frame is not None:
        if frame.f_code in codes:
            found.append(frame)
        frame = frame.f_back
    return found[::-1]


def modules_now():
    """{name of a module: {name in it: address}}."""
    found = {}
    for name, module in list(sys.modules.items()):
        if isinstance(module, types.ModuleType):
            namespace = types.ModuleType.__getattribute__(module, "__dict__")
            found[name] = {key: id(value) for key, value in list(namespace.items()) if isinstance(key, str)}
    return found


def changes(before, after):
    found = []
    for name in sorted(set(before) | set(after)):
        if name not in before or name not in after:
            found.append("%s %s" % ("new:" if name in after else "gone:", name))
        elif before[name] != after[name]:
            keys = [key for key in set(before[name]) | set(after[name]) if before[name].get(key) != after[name].get(key)]
            found.append("changed: %s.%s" % (name, ", ".join(sorted(keys))))
    return found


def write(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="ascii") as file:
        json.dump(value, file)


def finish(folder):
    told, roots = {}, []
    for frame in case_frames():
        name = frame.f_code.co_name
        if name in UNASKED:
            told[name] = None
            continue
        values = {key: value for key, value in dict(frame.f_locals).items() if key != "then"}
        told[name] = {key: id(value) for key, value in values.items()}
        roots.extend(values.values())
    values = None
    gc.collect()
    gc.disable()
    write(folder, "said.json", {"cases": told, "said": SAID, "objects": describe(roots), "modules": sorted(sys.modules),
                                "addresses": {name: id(module) for name, module in list(sys.modules.items())}})
    del roots, frame
    before = modules_now()
    heapsake.dump(os.path.join(folder, "inside.heapsake"), redact="none")
    first = changes(before, modules_now())
    os.write(1, b"ready\n")
    os.read(0, 1)
    write(folder, "after.json", {"counts": COUNTS, "inside": first, "outside": changes(before, modules_now())})
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)  # what the cases hold need not live through its own end


def play(at=0):
    """Calls the cases, each from within the one before it."""
    if at == len(CASES):
        finish(sys.argv[1])
    CASES[at](lambda: play(at + 1))
