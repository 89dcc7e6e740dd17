"""A program that holds objects of C types, says what each refers to, and waits to be dumped: ``target.py OUT NAME...``.

Each name is a function of ``packages.py``, or ``zoo``: what it makes stays alive.  The description is one JSON value a
line: address, address of the type, its module and name, the addresses that `gc.get_referents` gives.  Of a type with many
objects every n-th is described.
"""
import ctypes
import gc
import json
import os
import sys

#: objects of one type that are described
MOST = 200
#: references of an object that is described
MOST_REFERENTS = 20_000
#: where `PyTypeObject.tp_dealloc` lies
TP_DEALLOC = 48


class Plain:
    """A class whose instances are freed as those of every class written in Python are."""


def freed_by(kind):
    return ctypes.c_void_p.from_address(id(kind) + TP_DEALLOC).value


def reached():
    """Every object that the collector knows or that one refers to, but for what runs: frames go on while this is written."""
    frame = type(sys._getframe())
    seen, left = {}, []
    left.extend(gc.get_objects())
    own = {id(seen), id(left), id(globals())}
    while left:
        value = left.pop()
        if id(value) in seen or id(value) in own or type(value) is frame:
            continue
        seen[id(value)] = value
        left.extend(gc.get_referents(value))
    return seen


def description():
    gc.collect()
    gc.disable()
    of_python = freed_by(Plain)
    kinds = {}
    for value in reached().values():
        if freed_by(type(value)) != of_python:
            kinds.setdefault(type(value), []).append(value)
    lines = []
    for kind, values in kinds.items():
        module = kind.__module__ if isinstance(kind.__module__, str) else "?"
        for value in values[:: max(1, -(-len(values) // MOST))]:
            referents = [id(each) for each in gc.get_referents(value)]
            if len(referents) <= MOST_REFERENTS:
                lines.append([id(value), id(kind), module, kind.__qualname__, referents])
    return "".join(json.dumps(line) + "\n" for line in lines).encode("ascii")


def main():
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import packages
    import zoo

    kept = [zoo.build() if name == "zoo" else getattr(packages, name)() for name in sys.argv[2:]]
    target = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    described = description()
    written = 0
    while written < len(described):
        written += os.write(target, described[written:])
    os.write(1, b"ready\n")
    os.read(0, 1)
    os._exit(0 if kept else 1)


main()
