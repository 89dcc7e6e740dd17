"""Tasks of trio and anyio, and what the program itself knows of what each waits for.

structured.py SAID COUNT BACKEND [DUMP]: BACKEND is trio (trio's own primitives), or anyio's on trio or asyncio. Writes SAID as
JSON; with DUMP makes a dump itself, else says that it is ready and waits for the end of its input.
"""
import functools
import json
import socket
import sys
import threading

import anyio
import trio

SAID, COUNT, BACKEND = sys.argv[1], int(sys.argv[2]), sys.argv[3]
TOLD, KEEP = [], []
THREAD = threading.Event()


def tell(task, kind, object=None, function=None, variable=None, needs=()):
    """What is known of a task: its name, what it waits for and on which object, a function of its stack and a variable there."""
    TOLD.append({"task": task, "kind": kind, "object": None if object is None else id(object), "function": function, "variable": variable,
                 "needs": list(needs)})


class Place:
    """Where tasks begin, each with a name of ours."""

    def __init__(self, nursery, begin):
        self.nursery, self.begin = nursery, begin

    def __call__(self, name, function, *arguments):
        self.begin(functools.partial(function, *arguments), name=name)


async def chained(number, mine, before):
    label = "chain %d" % number
    await deeper(number, number % 3, before)
    mine.set()


async def deeper(number, depth, before):
    here = number * 10 + depth
    if depth:
        await deeper(number, depth - 1, before)
    else:
        await before.wait()


async def ring(number, here, there, met, all_met):
    async with here:
        met.append(number)
        if len(met) == 3:
            all_met.set()
        await all_met.wait()
        async with there:
            raise AssertionError("not reached")


async def receives(stream):
    stage = "receives"
    await stream.receive()


async def sends(stream):
    stage = "sends"
    await stream.send("more than there is room for")


async def notified(condition):
    async with condition:
        await condition.wait()


async def enters(gate):
    stage = "enters"
    async with gate:
        raise AssertionError("not reached")


async def reads(end):
    stage = "reads"
    await end.recv(1)


async def readable(end):
    stage = "readable"
    await (trio.lowlevel.wait_readable if BACKEND == "trio" else getattr(anyio, "wait_readable", anyio.wait_socket_readable))(end)


async def elsewhere():
    stage = "elsewhere"
    await (trio if BACKEND == "trio" else anyio).to_thread.run_sync(THREAD.wait)


async def iterates(stream):
    async for item in stream:
        raise AssertionError(item)


def common(place, kinds, never):
    """What trio and anyio name alike."""
    events = [kinds.Event() for _ in range(COUNT)]
    for number in range(COUNT):
        place("chain-%d" % number, chained, number, events[number], events[number - 1] if number else never)
        tell("chain-%d" % number, "event", events[number - 1] if number else never, "deeper", ["number", str(number)])
    locks, met, all_met = [kinds.Lock() for _ in range(3)], [], kinds.Event()
    for at in range(3):
        place("ring-%d" % at, ring, at, locks[at], locks[(at + 1) % 3], met, all_met)
        tell("ring-%d" % at, "lock", locks[(at + 1) % 3], "ring", ["number", str(at)], ["ring-%d" % ((at + 1) % 3)])
    condition, semaphore, limiter = kinds.Condition(), kinds.Semaphore(0), kinds.CapacityLimiter(1)
    limiter.acquire_on_behalf_of_nowait("another")
    place("notified", notified, condition)
    tell("notified", "condition", condition, "notified")
    place("semaphore", enters, semaphore)
    tell("semaphore", "semaphore", semaphore, "enters", ["stage", "'enters'"])
    place("limiter", enters, limiter)
    tell("limiter", "semaphore", limiter, "enters", ["stage", "'enters'"])
    place("sleeps", kinds.sleep, 10000)
    tell("sleeps", "sleep", None, "sleep", ["seconds" if BACKEND == "trio" else "delay", "10000"])
    place("for ever", kinds.sleep_forever)
    tell("for ever", "sleep", None, "sleep_forever")
    place("thread", elsewhere)
    tell("thread", "thread", None, "elsewhere", ["stage", "'elsewhere'"])
    KEEP.extend([condition, semaphore, limiter])


def streams(place, empty, full):
    place("receives", receives, empty)
    tell("receives", "queue", empty, "receives", ["stage", "'receives'"])
    place("iterates", iterates, empty)
    tell("iterates", "queue", empty, "iterates")
    place("sends", sends, full)
    tell("sends", "queue", full, "sends", ["stage", "'sends'"])
    KEEP.extend([empty, full])


def finish():
    with open(SAID, "w") as file:
        json.dump(TOLD, file)
    if len(sys.argv) > 4:
        import heapsake

        heapsake.dump(sys.argv[4])
    else:
        print("ready", flush=True)
        sys.stdin.readline()
    THREAD.set()


async def of_trio():
    async with trio.open_nursery() as nursery:
        place = Place(nursery, nursery.start_soon)
        common(place, trio, trio.Event())
        streams(place, trio.open_memory_channel(0)[1], trio.open_memory_channel(0)[0])
        left, right = trio.socket.socketpair()
        plain = socket.socketpair()
        KEEP.extend([left, right, plain])
        place("reads", reads, left)
        tell("reads", "socket", left, "reads", ["stage", "'reads'"])
        place("readable", readable, plain[0])
        tell("readable", "socket", plain[0], "readable", ["stage", "'readable'"])

        async def parent():
            async with trio.open_nursery() as inner:
                inner.start_soon(trio.sleep_forever, name="child")

        place("parent", parent)
        tell("parent", "task", None, "parent", None, ["child"])
        await trio.testing.wait_all_tasks_blocked(0.05)
        finish()
        nursery.cancel_scope.cancel()


async def of_anyio():
    async with anyio.create_task_group() as group:
        place = Place(group, group.start_soon)
        common(place, anyio, anyio.Event())
        streams(place, anyio.create_memory_object_stream(0)[1], anyio.create_memory_object_stream(0)[0])
        plain = socket.socketpair()
        KEEP.append(plain)
        place("readable", readable, plain[0])
        # Later releases of anyio know only the descriptor.
        tell("readable", "socket", None, "readable", ["stage", "'readable'"])

        async def parent():
            async with anyio.create_task_group() as inner:
                inner.start_soon(anyio.sleep_forever, name="child")

        place("parent", parent)
        tell("parent", "task", None, "parent", None, ["child"])
        await anyio.wait_all_tasks_blocked()
        finish()
        group.cancel_scope.cancel()


if BACKEND == "trio":
    import trio.testing

    trio.run(of_trio)
else:
    anyio.run(of_anyio, backend=BACKEND[len("anyio-"):])
