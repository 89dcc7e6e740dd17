"""A program that says in its own words what it holds, and is then dumped.

Arguments: a file for the description, and a file for a dump from inside, or nothing: then it waits to be dumped from outside.
The description is one JSON value a line: address, address of the type, name of the type, addresses that `gc.get_referents`
gives, and what is in it: a value as text, or addresses of items in their order.
"""
import gc
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
try:
    import asyncio
except ImportError:
    # An interpreter that is part of another program has no modules in C beside it: no loop runs then.
    sys.modules["asyncio"] = type(sys)("asyncio")
import rich

OUT = sys.argv[1]
INSIDE = sys.argv[2] if len(sys.argv) > 2 else None
if INSIDE:
    import heapsake

    # What a dump imports and makes on its way is there before anything is said.
    heapsake.dump(INSIDE, redact="none")
STATE = rich.shared_state()


def content(value):
    """What is in it, as text or addresses; None where that is not for Python to say."""
    kind = type(value)
    if kind in (bool, int, type(None), type(...), type(NotImplemented)):
        return ["value", hex(value) if kind is int else repr(value)]
    if kind is float:
        return ["value", value.hex()]
    if kind is complex:
        return ["value", value.real.hex() + " " + value.imag.hex()]
    if kind is str:
        return ["value", value.encode("utf-8", "surrogatepass").hex()]
    if kind in (bytes, bytearray):
        return ["value", bytes(value).hex()]
    if kind in (list, tuple, set, frozenset) or kind.__name__ == "deque":
        return ["items", [id(item) for item in value]]
    if kind is dict:
        return ["pairs", [[id(key), id(item)] for key, item in value.items()]]
    return None


def describe(roots):
    """One line for each object that can be reached, but for what runs: frames go on while this is written."""
    frame = type(sys._getframe())
    seen, left = {}, list(roots)
    skipped = {id(seen), id(left), id(globals())}
    while left:
        value = left.pop()
        if id(value) in seen or id(value) in skipped or type(value) is frame:
            continue
        seen[id(value)] = value
        left.extend(gc.get_referents(value))
    lines = []
    for address, value in seen.items():
        kind = type(value)
        lines.append([address, id(kind), kind.__module__, kind.__qualname__, [id(each) for each in gc.get_referents(value)],
                      gc.is_tracked(value), content(value)])
    return "".join(json.dumps(line) + "\n" for line in lines).encode("ascii")


def main():
    gc.collect()
    gc.disable()
    described = describe([STATE])
    target = os.open(OUT, os.O_WRONLY | os.O_CREAT, 0o600)
    written = 0
    while written < len(described):
        written += os.write(target, described[written:])
    if INSIDE:
        heapsake.dump(INSIDE, redact="none")
    else:
        os.write(1, b"ready\n")
        os.read(0, 1)


main()
