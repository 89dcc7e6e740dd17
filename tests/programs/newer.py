"""What CPython 3.14 and 3.15 brought or keep otherwise than before: made, and found again in a dump.

Arguments: ``wait`` says that it is ready and waits to be dumped, ``open FILE`` prints a line for each problem, and how much
was checked.
"""
import array
import asyncio
import gc
import io
import operator
import struct
import sys
import threading

HAS_TEMPLATES = sys.version_info >= (3, 14)
HAS_FROZEN = sys.version_info >= (3, 15)


def inner():
    yield "from inside"


def outer():
    yield from inner()


def looping():
    # Positions of loops are numbers on the stack from 3.15 on.
    for first in [10, 20, 30]:
        for second in ("a", "b"):
            yield first, second


async def sleeper(future):
    await future


async def alone(future):
    deep = "in the list alone"
    await sleeper(future)
    return deep


async def waiting(task):
    return await task


async def shielding(task):
    return await asyncio.shield(task)


async def watching(*tasks):
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def taking(*tasks):
    for each in asyncio.as_completed(tasks):
        await each


def everything():
    name = "world"
    made = {"version": list(sys.version_info[:2]), "union": int | str, "lock": threading.Lock(), "again": threading.RLock()}
    made["lock"].acquire()
    made["again"].acquire()
    made["again"].acquire()
    made["text"] = io.StringIO()
    made["text"].write("written ")
    made["text"].write("apart")
    made["delegating"], made["looping"] = outer(), looping()
    next(made["delegating"])
    for _ in range(3):
        next(made["looping"])
    made["numbers"] = array.array("d", [1.5, -2.5])
    made["compiled"], made["block"] = struct.Struct("<ih"), bytearray(b"abcdef")
    del made["block"][:2]
    made["caller"] = operator.methodcaller("replace", "a", "b")
    made["caller"]("banana")
    if HAS_TEMPLATES:
        made["template"] = eval("t'hello {name!r:>10}'", {"name": name})
    if HAS_FROZEN:
        made["frozen"] = eval("frozendict(a=1, b=[2])")
        made["sentinel"] = eval("sentinel('MISSING')")
        made["complex"] = array.array("Zd", [1 + 2j])
    return made


async def main(made):
    loop = asyncio.get_running_loop()
    # Nothing but the list of tasks, which holds none of them, leads to what waits for this: a cycle.
    gc.disable()
    task = loop.create_task(alone(asyncio.Future()), name="listed")
    held = loop.create_task(sleeper(loop.create_future()), name="held")
    waiters = [loop.create_task(waiting(held), name="waiter %d" % index) for index in range(2)]
    waiters.append(loop.create_task(shielding(held), name="shielding"))
    waiters.append(loop.create_task(watching(held, waiters[0]), name="watching"))
    waiters.append(loop.create_task(taking(held, waiters[1]), name="taking"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    assert held and waiters


def found(path):
    import heapsake

    dump = heapsake.load(path)
    problems, checked = [], 0

    def equal(what, got, expected):
        nonlocal checked
        checked += 1
        if got != expected or type(got) is not type(expected):
            problems.append("%s: %r, not %r" % (what, got, expected))

    def value(view, name):
        return view.attributes[name].value

    made = {key.value: item for key, item in dump.modules["__main__"].attributes["MADE"].items}
    version = tuple(item.value for item in made["version"].items)
    equal("faults", [str(fault) for fault in dump.faults], [])
    equal("surrogates", [view.type_name for view in made.values() if view.surrogate], [])
    equal("union", [each.attributes["__name__"].value for each in made["union"].attributes["__args__"].items], ["int", "str"])
    equal("a lock", value(made["lock"], "locked"), True)
    equal("a lock that is held twice", (value(made["again"], "locked"), value(made["again"], "count")), (True, 2))
    equal("a text", (value(made["text"], "value"), value(made["text"], "position")), ("written apart", 13))
    delegate = made["delegating"].attributes["gi_yieldfrom"]
    equal("what is delegated to", value(delegate, "__name__"), "inner")
    equal("its state", (value(delegate, "state"), value(made["looping"], "state")), ("suspended", "suspended"))
    frame = made["looping"].attributes["gi_frame"].attributes["f_locals"].rebuild()
    equal("locals", (frame["first"], frame["second"]), (20, "a"))
    equal("numbers", (value(made["numbers"], "typecode"), list(made["numbers"].rebuild())), ("d", [1.5, -2.5]))
    equal("a format", value(made["compiled"], "format"), "<ih")
    equal("a block", bytes(made["block"].rebuild()), b"cdef")
    arguments = [target.type_name for _, label, target in made["caller"].edges if label in ("args", "vectorcall_args", "xargs")]
    equal("arguments", set(arguments), {"tuple"})
    if version >= (3, 14):
        strings = [each.value for each in made["template"].attributes["strings"].items]
        part = made["template"].attributes["interpolations"].items[0]
        names = ("value", "expression", "conversion", "format_spec")
        equal("a template", (strings, [value(part, each) for each in names]), (["hello ", ""], ["world", "name", "r", ">10"]))
        tasks = {task.name: [frame.function for frame in task.frames] for task in dump.tasks}
        equal("a task that nothing holds", tasks.get("listed"), ["alone", "sleeper"])
    if version >= (3, 15):
        frozen = made["frozen"].rebuild()
        equal("a frozendict", (made["frozen"].type_name, dict(frozen)), ("frozendict", {"a": 1, "b": [2]}))
        equal("whether it is real", isinstance(frozen, dict) or hasattr(frozen, "__setitem__"), False)
        equal("a sentinel", value(made["sentinel"], "__name__"), "MISSING")
        equal("a code of two letters", value(made["complex"], "typecode"), "Zd")
    for problem in problems:
        print("PROBLEM", problem)
    print("checked", checked)


if __name__ == "__main__":
    if sys.argv[1] == "open":
        found(sys.argv[2])
    else:
        MADE = everything()
        asyncio.run(main(MADE))
