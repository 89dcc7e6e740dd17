"""Opens dumps of `rich.py` in this Python, with nothing but the package, and says what is not as it was.

Arguments: pairs of how a dump was made and its file.  Prints one line for each problem, and at the end how much was checked.
"""
import io
import math
import os
import re
import runpy
import sys
import traceback

import heapsake

#: where the main thread is: dead of its exception, or handling it
WHERE = {
    "run": ["<module>", "main", "handle", "innermost"],
    "inside": ["<module>", "main", "handle", "innermost"],
    "outside": ["<module>", "main"],
}


class Checks:
    def __init__(self, title):
        self.title, self.done, self.problems = title, 0, []

    def equal(self, what, got, expected):
        self.done += 1
        if not (got == expected and type(got) is type(expected)):
            self.problems.append("%s: %s: got %.300r, expected %.300r" % (self.title, what, got, expected))

    def true(self, what, condition, shown=""):
        self.done += 1
        if not condition:
            self.problems.append("%s: %s %.600s" % (self.title, what, shown))


def open_dump(how, path):
    checks = Checks("%s of %s" % (how, os.path.basename(path)))
    try:
        dump = heapsake.load(path)
        version = tuple(dump.header["python_version"][:2]) if "python_version" in dump.header else version_of(dump)
        checks.equal("faults", [str(fault) for fault in dump.faults], [])
        stacks(checks, dump, how)
        state = frame_named(thread_named(dump, "MainThread"), "main").locals["state"]
        values(checks, state, version)
        rebuilt(checks, state.rebuild(), version)
        chain(checks, dump, version)
        tasks(checks, dump)
        session(checks, how, path)
    except Exception:
        checks.problems.append("%s: %s" % (checks.title, traceback.format_exc()))
    return checks


def version_of(dump):
    found = re.search(r"(\d+)\.(\d+)", str(dump.header["python"]))
    return int(found.group(1)), int(found.group(2))


def thread_named(dump, name):
    return next(thread for thread in dump.threads if thread.name == name)


def frame_named(thread, function):
    return next(frame for frame in thread.frames if frame.function == function)


def text_of(view):
    return str.__str__(view.value)


def stacks(checks, dump, how):
    names = [thread.name for thread in dump.threads]
    checks.equal("threads", sorted(names), ["MainThread", "loop", "worker-0", "worker-1"])
    checks.equal("the first thread", names[0], "MainThread")
    main = dump.threads[0]
    functions = [frame.function for frame in main.frames]
    checks.equal("the stack", functions, WHERE[how])
    for index in range(2):
        frame = frame_named(thread_named(dump, "worker-%d" % index), "worker")
        checks.equal("a worker's marker", frame.locals["marker"].value, "worker number %d" % index)
        checks.equal("a worker's index", frame.locals["index"].value, index)
        checks.equal("a worker's queue", [item.value for item in frame.locals["queue"].items], [index, "worker number %d" % index])
    if how == "outside":
        line = main.frames[-1].lineno
        checks.equal("the line", dump.source(main.frames[-1].filename).splitlines()[line - 1].strip(), "sys.stdin.readline()")
        return
    inner = frame_named(main, "innermost")
    checks.equal("the line", dump.source(inner.filename).splitlines()[inner.lineno - 1].strip(),
                 'raise LedgerError("order cannot be booked", order)')
    checks.equal("locals", sorted(inner.locals), ["attempt", "extras", "name", "options", "order"])
    checks.equal("a keyword default", inner.locals["name"].value, "spoon")
    checks.equal("*extras", [item.value for item in inner.locals["extras"].items], [1, 2])
    checks.equal("**options", {key.value: value.value for key, value in inner.locals["options"].items}, {"flag": True})
    checks.true("globals", "Order" in inner.globals and inner.globals["__name__"].value == "__main__")


def entry(view, key):
    return next(value for name, value in view.items if name.value == key)


def values(checks, state, version):
    """The views alone: nothing is rebuilt."""
    plain = {"none": None, "true": True, "int": -12345678901234567890123, "float": 1.5, "complex": 2 - 3j, "text": "plain", "latin": "caf\xe9",
             "wide": "\u20ac uro", "emoji": "\U0001f600!", "surrogate": "a\ud800b", "bytes": b"\x00\xff raw", "huge": 7 ** 5000}
    found = {key.value: value for key, value in state.items}
    for name, expected in plain.items():
        checks.equal("view of " + name, found[name].value, expected)
    checks.true("view of nan", math.isnan(found["nan"].value))
    checks.equal("view of the list", found["list"].items[0].value, 0)
    checks.equal("view of the big list", (len(found["big list"].items), found["big list"].items[99999].value), (100000, 99999))
    checks.equal("view of the big dict", (len(found["big dict"].items), found["big dict"].items[-1][1].value), (20000, "19999"))
    checks.equal("the order of a dict", [key.value for key, _ in found["ordered"].items], ["z", "a"])
    checks.true("a cycle", found["ring"].items[1] == found["ring"])
    checks.true("itself", found["itself"] == state)
    for name, kind in {"order": "__main__.Order", "point": "__main__.Point", "settings": "__main__.Settings", "colour": "__main__.Colour",
                       "plugin": "__main__.Special", "count": "__main__.Count", "deque": "collections.deque", "generator": "generator",
                       "weak": "weakref", "partial": "functools.partial"}.items():
        got = found[name].type_name
        checks.true("type of %s is %s" % (name, got), got == kind or got.rpartition(".")[2] in (kind, "ReferenceType"))
    order = found["order"]
    checks.equal("attributes in their order", [name for name in order.attributes if name != "__dict__"], ["number", "lines", "colour", "notes"])
    checks.equal("slots", [line.attributes["price"].value for line in order.attributes["lines"].items], [3, 9])
    checks.true("the same object", order.attributes["colour"] != found["colour"] and found["colour"].attributes["_value_"].value == 1)
    for name in ("api_key", "password"):
        checks.true("%s is withheld" % name, "redacted" in (found[name].surrogate or ""), found[name].surrogate)


def rebuilt(checks, state, version):
    """Objects of this Python."""
    for name, expected in {
        "none": None, "true": True, "int": -12345678901234567890123, "huge": 7 ** 5000, "float": 1.5, "complex": 2 - 3j, "text": "plain",
        "latin": "caf\xe9", "wide": "\u20ac uro", "emoji": "\U0001f600!", "surrogate": "a\ud800b", "bytes": b"\x00\xff raw",
        "bytearray": bytearray(b"changeable"), "tuple": (1, "two", 3.0), "list": [0, [1, [2]]], "set": {1, 2, 3}, "frozenset": frozenset("ab"),
        "range": range(2, 20, 3), "slice": slice(1, None, 2), "ellipsis": ..., "not": NotImplemented,
    }.items():
        checks.equal("rebuilt " + name, state[name], expected)
    checks.equal("a memoryview", bytes(state["memory"]), b"seen through")
    checks.equal("an ordered dict", list(state["ordered"].items()), [("z", 1), ("a", 2)])
    checks.equal("a default dict", (dict(state["default"]), state["default"].default_factory is list), ({"k": [1]}, True))
    checks.equal("a deque", (list(state["deque"]), state["deque"].maxlen), ([1, 2, 3], 10))
    checks.equal("a counter", dict(state["tally"]), {"a": 5, "b": 2, "r": 2, "c": 1, "d": 1})
    checks.equal("a big list", (len(state["big list"]), state["big list"][70000], sum(state["big list"])), (100000, 70000, 4999950000))
    checks.equal("a big dict", (len(state["big dict"]), state["big dict"][12345]), (20000, "12345"))
    checks.equal("a big text", state["big text"], "x" * 300000)
    checks.true("a cycle", state["ring"][1] is state["ring"] and state["itself"] is state)
    deep, depth = state["deep"], 0
    while deep is not None:
        deep, depth = deep[0], depth + 1
    checks.equal("a deep chain", depth, 3000)
    point, order = state["point"], state["order"]
    checks.equal("a named tuple", (point.x, point.y, tuple(point), type(point).__name__), (3, -4, (3, -4), "Point"))
    checks.equal("an enum", (state["colour"].name, state["colour"].value, type(state["colour"]).__qualname__), ("RED", 1, "Colour"))
    checks.equal("a flag", int(state["mode"]), 3)
    checks.equal("a dataclass", (order.number, order.notes, type(order).__module__), (17, {"gift": True}, "__main__"))
    checks.equal("slots", [(line.name, line.price) for line in order.lines], [("tea", 3), ("cup", 9)])
    checks.true("an unset slot", not hasattr(order.lines[0], "unset"))
    checks.true("slots and dict", order.lines[1].extra[0] is order.lines[1].name)
    checks.equal("a dict subclass", (dict(state["settings"]), state["settings"].origin), ({"host": "localhost", "port": 8080}, "defaults"))
    checks.equal("a list subclass", (list(state["names"]), type(state["names"]).__name__), (["n1", "n2"], "Names"))
    checks.equal("subclasses of values", (str(state["path"]), tuple(state["pair"]), int(state["count"])), ("/srv/data", (1, 2), 42))
    special = type(state["plugin"])
    checks.equal("a metaclass", (special.__name__, special.__mro__[1].__name__, special.level), ("Special", "Plugin", 4))
    plains = state["plains"]
    checks.equal("shared keys", [plain.square for plain in plains], [number * number for number in range(50)])
    checks.equal("a late attribute", (plains[7].late, hasattr(plains[8], "late")), ("added later", False))
    checks.equal("a deleted attribute", (state["odd"].number, hasattr(state["odd"], "square")), (8, False))
    advance = state["advance"]
    checks.equal("a closure", (advance.__name__, advance.__qualname__, advance.__defaults__, advance.__kwdefaults__),
                 ("advance", "counter.<locals>.advance", (5,), {"sign": 1}))
    checks.equal("cells", [cell.cell_contents for cell in advance.__closure__], [105])
    checks.true("the same cell", state["cell"] is advance.__closure__[0])
    partial = state["partial"]
    checks.equal("a partial", (partial.func, partial.keywords), (int, {"base": 2}))
    checks.true("a bound method", state["method"].__self__ is plains[3] and state["method"].__func__.__name__ == "__init__")
    checks.equal("generator locals", sorted(state["generator"].gi_frame.f_locals.items()), [("limit", 5), ("number", 1), ("seen", [0, 1])])
    inner = state["delegating"].gi_yieldfrom
    checks.equal("a delegating generator", (inner.gi_frame.f_locals["limit"], state["delegating"].gi_frame.f_locals["label"]), (7, "outer"))
    checks.equal("a namespace", vars(state["namespace"]), {"a": 1, "b": "two"})
    checks.true("a weak reference", state["weak"]() is state["lonely"])
    for name in ("api_key", "password"):
        checks.true("%s shows nothing" % name, "sk_live" not in repr(state[name]) and "horse" not in repr(state[name]), repr(state[name]))
    if version >= (3, 11):
        checks.equal("notes", list(state["noted"].__notes__), ["first note", "second note"])
        group = state["group"]
        checks.equal("a group", (type(group).__name__, [type(each).__name__ for each in group.exceptions]), ("ExceptionGroup", ["KeyError", "ExceptionGroup"]))
        checks.equal("a group within", [type(each).__name__ for each in group.exceptions[1].exceptions], ["TypeError"])


def chain(checks, dump, version):
    exception = dump.exception
    checks.equal("the exception", exception.type_name.rpartition(".")[2], "LedgerError")
    rebuilt = exception.rebuild()
    checks.equal("its arguments", rebuilt.args, ("order cannot be booked", 17))
    state = frame_named(dump.threads[0], "main").locals["state"].rebuild()
    checks.true("its attribute", rebuilt.order is state["order"])
    entry, names = rebuilt.__traceback__, []
    while entry is not None:
        names.append(entry.tb_frame.f_code.co_name)
        innermost, entry = entry.tb_frame, entry.tb_next
    checks.equal("its traceback", names[-3:], ["main", "handle", "innermost"])
    checks.true("its traceback's locals", innermost.f_locals["order"] is state["order"])
    checks.equal("its context", (type(rebuilt.__context__).__name__, rebuilt.__context__.args, rebuilt.__cause__), ("LookupError", ("no price of spoon",), None))
    cause = rebuilt.__context__.__cause__
    checks.equal("the root cause", (type(cause).__name__, cause.args), ("KeyError", ("spoon",)))
    text = "".join(traceback.format_exception(type(rebuilt), rebuilt, rebuilt.__traceback__))
    for expected in ("KeyError: 'spoon'", "The above exception was the direct cause", "LookupError: no price of spoon",
                     "During handling of the above exception", "in handle", "raise LedgerError(\"order cannot be booked\", order)"):
        checks.true("traceback has %s" % expected, expected in text, text)
    checks.true("the traceback has no frame of ours", "/proc/" not in text and "heapsake" not in text.replace("/heapsake-", ""), text)


def tasks(checks, dump):
    loop = thread_named(dump, "loop")
    held = frame_named(loop, "loop_thread").locals["tasks"].rebuild()
    checks.equal("tasks", [(task._name, task._state) for task in held], [("task-alpha", "PENDING"), ("task-beta", "PENDING")])
    coroutine = held[0]._coro
    checks.equal("a task's coroutine", (coroutine.__name__, coroutine.cr_frame.f_locals["held"]), ("branch", {"name": "alpha"}))
    checks.equal("what it awaits", coroutine.cr_await.cr_frame.f_locals["depth"], "leaf of alpha")


def session(checks, how, path):
    """What somebody types at ``python -m heapsake debug``, and what the answer must hold."""
    talk = [
        ("bt", [r"rich\.py\(\d+\)<module>\(\)", r"main\(\)", r"handle\(\)", r"> .*rich\.py\(\d+\)innermost\(\)\n-> raise LedgerError"]),
        ("args", [r"order = <(__main__\.)?Order", r"name = 'spoon'", r"extras = \(1, 2\)", r"options = \{'flag': True\}"]),
        ("p attempt", [r"\{'name': 'spoon', 'tries': \[1, 2, 3\]\}"]),
        ("pp order", [r"number=17", r"lines="]),
        ("whatis order", [r"Order"]),
        ("p order.lines[1].extra", [r"\['cup', 9\]"]),
        ("p [line.price * len(extras) for line in order.lines]", [r"\[6, 18\]"]),
        ("l", [r"->\s+raise LedgerError|\d+ ->\s+raise LedgerError"]),
        ("ll", [r"def innermost\(order, \*extras", r"raise LedgerError"]),
        ("source Order", [r"class Order:", r"def price_of"]),
        ("source order", [r"class Order:"]),
        ("up", [r"> .*rich\.py\(\d+\)handle\(\)\n-> return innermost"]),
        ("p squares, step", [r"\(\[0, 1, 4, 9, 16\], 'handling'\)"]),
        ("p len(state), state['point'], state['ring']", [r"x=3, y=-4", r"\['ring', \[\.\.\.\]\]"]),
        ("p state['api_key']", [r"redacted"]),
        ("!extra = step.upper()", [r"^$"]),
        ("p extra", [r"'HANDLING'"]),
        ("interact", [r"interact"]),
        ("sorted(squares)[-2:] + [step]", [r"\[9, 16, 'handling'\]"]),
        ("exit()", [r"exit from pdb interact"]),
        ("down", [r"innermost\(\)"]),
        ("down", [r"Newest frame"]),
        ("threads", [r">\s+1 MainThread", r"worker-0", r"worker-1", r"loop"]),
        ("exceptions", [r"KeyError", r"LookupError", r"LedgerError"]),
        ("exceptions 0", [r"price_of|dictcomp|innermost"]),
        ("p name", [r"'spoon'"]),
        ("thread worker-1", [r"threading\.py"]),
        ("up", [r"worker|threading"]),
        ("continue", [r"does not run"]),
        ("p nothing_of_this_name", [r"NameError"]),
        ("q", [r"^$"]),
    ]
    frames = 4
    if how == "outside":
        # it stands where the exception is handled; from there one goes to the traceback
        frames = 2
        talk[0:1] = [("bt", [r"> .*main\(\)\n-> sys\.stdin\.readline\(\)"]), ("p len(threads), how", [r"\(3, 'wait'\)"]),
                     ("exceptions 2", [r"innermost\(\)"]), ("bt", [r"main\(\)", r"handle\(\)", r"> .*innermost\(\)\n-> raise LedgerError"])]
    saved = sys.stdin, sys.stdout, sys.argv
    sys.stdin = io.StringIO("".join(line + "\n" for line, _ in talk))
    sys.stdout = said = io.StringIO()
    sys.argv = ["heapsake", "debug", path]
    status = None
    try:
        runpy.run_module("heapsake", run_name="__main__", alter_sys=True)
    except SystemExit as left:
        status = left.code
    finally:
        sys.stdin, sys.stdout, sys.argv = saved
    checks.equal("the session's status", status, 0)
    answers = re.split(r"\(Pdb\) |^>>> |(?<=\n)>>> ", said.getvalue())
    header, answers = answers[0], answers[1:]
    checks.true("the header", re.search(r"MainThread · %d frames.*LedgerError.*; 4 threads\n.*LedgerError: .*17" % frames, header), header)
    checks.equal("answers", len(answers), len(talk))
    for (line, expected), answer in zip(talk, answers):
        for pattern in expected:
            checks.true("%s answers without %s:" % (line, pattern), re.search(pattern, answer), answer)
        checks.true("%s fails:" % line, "Traceback" not in answer, answer)


def main():
    arguments = sys.argv[1:]
    total = 0
    for how, path in zip(arguments[::2], arguments[1::2]):
        checks = open_dump(how, path)
        total += checks.done
        for problem in checks.problems:
            print("PROBLEM " + problem.replace("\n", "\n    "))
    print("checked %d" % total)


if __name__ == "__main__":
    main()
