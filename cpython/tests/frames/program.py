"""Threads, frames, generators and exceptions in many states, and what this program itself says of them.

Writes what it knows to the file of its first argument and prints "ready"; for every line "frames" on standard input it
writes what sys._current_frames() says, and prints "done".
"""
import _thread
import asyncio
import inspect
import json
import linecache
import sys
import threading
import time

FILE = __file__
LINES = {}
for number, text in enumerate(open(FILE, encoding="utf-8"), 1):
    if "# at: " in text:
        LINES[text.split("# at: ")[1].strip()] = number

SAID = {"threads": {}, "generators": {}, "exceptions": {}, "codes": [], "argv": sys.argv, "path": sys.path}
READY = []
RELEASE = threading.Event()
KEEP = []
__version__ = "7.8.9"


def say(thread, function, marker, variables, unbound=()):
    """One more frame of a thread, inside of those said before."""
    SAID["threads"].setdefault(thread, []).append(
        [function, LINES[marker], {name: id(value) for name, value in variables.items()}, sorted(unbound)]
    )


def wait(thread):
    READY.append(thread)
    RELEASE.wait()


def sleeping(a, b, *rest, key=None, **more):
    local = [a]
    if a is None:
        never = 1
    say("sleeper", "sleeping", "sleeping", locals(), ["never"])
    READY.append("sleeper")
    time.sleep(1000)  # at: sleeping
    return local, never


def recurse(depth):
    if depth:
        recurse(depth - 1)  # at: recurse
    else:
        wait("deep")  # at: bottom


def closures(parameter, other):
    shared = ["shared"]
    unset = 0
    del unset
    if other == "never":
        late = 1

    def inner(own):
        say("closures", "inner", "inner", locals(), ["late"])
        wait("closures")  # at: inner
        return parameter, shared, late

    visible = dict(locals())
    for name in ("late",):
        visible.pop(name, None)
    say("closures", "closures", "closures", visible, ["late", "unset", "visible", "name"][:2])
    del visible, name
    inner(["own"])  # at: closures
    return unset


def class_body():
    def hold(namespace):
        say("class body", "Body", "class body", {key: value for key, value in namespace.items()})
        wait("class body")

    outside = {}
    say("class body", "class_body", "class statement", {"hold": hold, "outside": outside})
    class Body:  # at: class statement
        outside["x"] = x = ["in the class"]
        y = x
        hold(locals())  # at: class body


def comprehension():
    element = ["element"]
    say("comprehension", "comprehension", "comprehension", {"element": element})
    return [wait("comprehension") or item for item in [element]]  # at: comprehension


def produce(value):
    inside = [value]
    say("running generator", "produce", "produce", locals())
    wait("running generator")  # at: produce
    yield inside


def consume():
    source = produce("value")
    SAID["generators"]["running"] = {"id": id(source), "state": "running", "name": "produce"}
    say("running generator", "consume", "consume", {"source": source})
    for _ in source:  # at: consume
        pass


def handling():
    try:
        raise_deep(["argument"])
    except RuntimeError as error:
        KEEP.append(error)
        say_exception("handled", error)
        say("handling", "handling", "handling", {"error": error})
        wait("handling")  # at: handling


def raise_deep(argument):
    scratch = {"argument": argument}
    try:
        raise KeyError("missing-key")
    except KeyError as cause:
        raise RuntimeError("outer", 42) from cause  # at: raised
    finally:
        scratch["done"] = True


def raw(argument):
    say("raw", "raw", "raw", locals())
    wait("raw")  # at: raw


def say_exception(label, error):
    entries = []
    traceback = error.__traceback__
    while traceback is not None:
        entry = [traceback.tb_frame.f_code.co_name, traceback.tb_lineno, traceback.tb_lasti, id(traceback.tb_frame)]
        entries.append(entry)
        traceback = traceback.tb_next
    names = ["args", "__cause__", "__context__", "__traceback__", "errno", "strerror", "filename", "filename2", "msg"]
    names += ["lineno", "offset", "text", "end_lineno", "end_offset", "name", "path", "encoding", "object", "reason", "code"]
    names += ["value", "message", "exceptions", "obj"]
    kept = {name: getattr(error, name) for name in names if hasattr(error, name)}
    KEEP.append(list(kept.values()))
    SAID["exceptions"][label] = {
        "id": id(error),
        "traceback": entries,
        "thread": threading.get_ident(),
        "attributes": {name: 0 if value is None else id(value) for name, value in kept.items()},
        "suppress": error.__suppress_context__,
    }


def say_exceptions():
    def failing(call, *arguments):
        try:
            call(*arguments)
        except BaseException as error:
            return error

    zoo = {
        "os": failing(open, "/does/not/exist"),
        "rename": failing(__import__("os").rename, "/does/not/exist", "/neither"),
        "decode": failing(b"\xff\xfe".decode, "ascii"),
        "syntax": failing(compile, "a b c\n", "where.py", "exec"),
        "import": failing(__import__, "no_such_module"),
        "exit": failing(sys.exit, ["code"]),
        "stop": failing(next, iter_return()),
        "attribute": failing(getattr, KEEP, "nothing"),
        "name": failing(eval, "no_such_name"),
        "zero": failing(eval, "1 / 0"),
    }
    if sys.version_info >= (3, 11):
        group = eval("ExceptionGroup('group', [ValueError(1), TypeError(2)])")
        group.add_note("a note")
        zoo["group"] = group
    for label, error in zoo.items():
        KEEP.append(error)
        say_exception(label, error)


def iter_return():
    return ["returned"]
    yield


def suspended(n):
    kept = ["kept", n]
    for i in range(n):
        yield i, kept  # at: suspended


def delegate(inner):
    outer = ["outer"]
    yield from inner  # at: delegate
    return outer


async def awaiting(future):
    marker = ["marker"]
    await future  # at: awaiting
    return marker


async def agenerate(future):
    item = ["item"]
    yield item  # at: ayield
    await future  # at: aawait


class Pending:
    def __await__(self):
        yield self


def step(awaitable):
    try:
        awaitable.send(None)
    except StopIteration:
        pass


def say_generator(label, generator, state, marker=None, awaited=None, variables=None):
    KEEP.append((generator, awaited))
    SAID["generators"][label] = {
        "id": id(generator),
        "state": state,
        "name": generator.__name__,
        "line": LINES[marker] if marker else None,
        "awaited": id(awaited) if awaited is not None else 0,
        "locals": None if variables is None else {name: id(value) for name, value in variables.items()},
    }


def make_generators():
    argument = 4
    say_generator("created", suspended(argument), "created", None, None, {"n": argument})
    running = suspended(argument)
    kept = next(running)[1]
    say_generator("suspended", running, "suspended", "suspended", None, None)
    finished = suspended(0)
    list(finished)
    say_generator("closed", finished, "closed")
    inner = suspended(2)
    middle = delegate(inner)
    outer = delegate(middle)
    next(outer)
    say_generator("inner", inner, "suspended", "suspended")
    say_generator("middle", middle, "suspended", "delegate", inner)
    say_generator("outer", outer, "suspended", "delegate", middle)
    listed = [1, 2]
    over_list = delegate(listed)
    next(over_list)
    say_generator("over a list", over_list, "suspended", "delegate")
    pending = Pending()
    coroutine = awaiting(pending)
    coroutine.send(None)
    say_generator("coroutine", coroutine, "suspended", "awaiting")
    chained = awaiting(coroutine_wrapper(pending))
    chained.send(None)
    say_generator("chained", chained, "suspended", "awaiting", chained.cr_await)
    fresh = awaiting(pending)
    say_generator("fresh coroutine", fresh, "created", None, None, {"future": pending})
    atomic = agenerate(pending)
    say_generator("fresh async generator", atomic, "created", None, None, {"future": pending})
    yielded = agenerate(pending)
    asend = yielded.__anext__()
    step(asend)
    KEEP.append(asend)
    say_generator("async generator", yielded, "suspended", "ayield")
    waiting = agenerate(pending)
    step(waiting.__anext__())
    asend = waiting.__anext__()
    asend.send(None)
    KEEP.append((asend, kept))
    say_generator("awaiting async generator", waiting, "suspended", "aawait")


async def coroutine_wrapper(pending):
    await pending


def say_codes():
    import argparse
    import typing

    functions = [
        function
        for module in (argparse, typing, inspect, asyncio.base_events, sys.modules[__name__])
        for owner in [module] + [one for one in vars(module).values() if isinstance(one, type)]
        for function in vars(owner).values()
        if inspect.isfunction(function)
    ]
    for code in {function.__code__ for function in functions}:
        if sys.version_info >= (3, 11):
            encoding, table = "locations", code.co_linetable
            positions = [list(position) for position in code.co_positions()]
        elif sys.version_info >= (3, 10):
            encoding, table = "ranges", code.co_linetable
            lines = {}
            for start, end, line in code.co_lines():
                lines.update({offset: line for offset in range(start, end, 2)})
            positions = [[lines.get(offset), None, None, None] for offset in range(0, len(code.co_code), 2)]
        else:
            import dis

            encoding, table = "lnotab", code.co_lnotab
            starts = dict(dis.findlinestarts(code))
            line, positions = None, []
            for offset in range(0, len(code.co_code), 2):
                line = starts.get(offset, line)
                positions.append([line, None, None, None])
        SAID["codes"].append([encoding, list(table), code.co_firstlineno, positions])


async def napper(number):
    marker = ["task", number]
    KEEP.append(marker)
    await asyncio.sleep(1000)  # at: napper
    return marker


def loop():
    async def main():
        tasks = [asyncio.ensure_future(napper(number)) for number in range(2)]
        KEEP.append(tasks)
        await asyncio.sleep(0)
        READY.append("loop")
        await asyncio.gather(*tasks)

    asyncio.run(main())


def frames_now():
    found = {}
    for ident, frame in sys._current_frames().items():
        chain = []
        while frame is not None:
            KEEP.append(frame)
            # A function's locals; those of modules and classes are the mapping itself.
            variables = {name: id(value) for name, value in dict(frame.f_locals).items()}
            code = frame.f_code
            is_function = bool(code.co_flags & 1)
            chain.append([code.co_name, code.co_filename, frame.f_lineno, frame.f_lasti, id(frame), is_function, variables])
            frame = frame.f_back
        found[ident] = chain[::-1]
    generators = {}
    for label, said in SAID["generators"].items():
        generator = next((one[0] for one in KEEP if isinstance(one, tuple) and id(one[0]) == said["id"]), None)
        if generator is None:
            continue
        prefix = {"g": "gi", "c": "cr", "a": "ag"}[type(generator).__name__[0]]
        frame = getattr(generator, prefix + "_frame")
        KEEP.append(frame)
        generators[label] = None if frame is None else {
            "frame": id(frame),
            "line": frame.f_lineno,
            "lasti": frame.f_lasti,
            "locals": {name: id(value) for name, value in frame.f_locals.items()},
        }
    return {"frames": found, "generators": generators}


def main(output, command):
    local = {"in": "main"}
    say("MainThread", "main", "main", {"output": output, "command": command, "local": local})
    with open(output, "w") as file:
        json.dump(SAID, file)
    del file
    print("ready", flush=True)
    serve(output)  # at: main


def serve(output):
    while True:
        line = sys.stdin.readline()  # at: serve
        if not line:
            return
        with open(output, "w") as file:
            json.dump(frames_now(), file)
        print("done", flush=True)


if __name__ == "__main__":
    threading.stack_size(512 << 20)
    sys.setrecursionlimit(20000)
    linecache.cache["<remembered>"] = (5, None, ["x = 1\n", "y = 2\n"], "<remembered>")
    exec(compile("def remembered():\n    pass\n", "<remembered>", "exec"))
    expected = ["sleeper", "deep", "closures", "class body", "comprehension", "running generator", "handling", "raw", "loop"]
    for name, target, arguments in [
        ("sleeper", sleeping, (["a"], ["b"], ["rest"])),
        ("deep", recurse, (5000,)),
        ("closures", closures, (["parameter"], ["other"])),
        ("class body", class_body, ()),
        ("comprehension", comprehension, ()),
        ("running generator", consume, ()),
        ("handling", handling, ()),
        ("loop", loop, ()),
    ]:
        thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
        thread.start()
        # One after the other, so that threads say their frames whole.
        while name not in READY:
            time.sleep(0.001)
    _thread.start_new_thread(raw, (["raw"],))
    while "raw" not in READY:
        time.sleep(0.001)
    for one in ("closures", "class body", "running generator", "comprehension"):
        SAID["threads"][one].sort(key=lambda said: said[0] in ("inner", "Body", "produce"))
    make_generators()
    say_exceptions()
    say_codes()
    SAID["native_id"] = threading.get_native_id()
    SAID["ident"] = threading.get_ident()
    main(sys.argv[1], "x")
