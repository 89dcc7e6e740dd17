"""Tasks that await in chains and each other's locks, and what the program itself knows of it, one JSON line each."""
import asyncio
import json
import sys

COUNT = int(sys.argv[1])
told = []


def tell(task, kind, object=None, needs=None, frames=None):
    told.append({"task": task.get_name(), "kind": kind, "object": object, "needs": needs, "frames": frames})


async def transfer(here, there, meeting):
    async with here:
        await meeting()
        async with there:
            raise AssertionError("not reached")


def meeting_of(count):
    arrived, all_there = [], asyncio.Event()

    async def meet():
        arrived.append(1)
        if len(arrived) == count:
            all_there.set()
        await all_there.wait()

    return meet


class Rows:
    def __init__(self, gate):
        self.gate = gate

    async def rows(self, number):
        yield number
        await self.gate
        yield number


async def link(number, inner, gate):
    depth = number % 3
    if number == 0:
        async for row in Rows(gate).rows(number):
            before = row
    else:
        await descend(number, depth, inner)


async def descend(number, depth, inner):
    if depth:
        return await descend(number, depth - 1, inner)
    return await inner


def named(coroutine, name):
    task = asyncio.ensure_future(coroutine)
    task.set_name(name)
    return task


async def main():
    loop = asyncio.get_running_loop()
    gate = loop.create_future()
    tasks = []
    for number in range(COUNT):
        tasks.append(named(link(number, tasks[-1] if tasks else None, gate), "chain-%d" % number))
    locks = [asyncio.Lock() for _ in range(3)]
    meeting = meeting_of(3)
    ring = [named(transfer(locks[at], locks[(at + 1) % 3], meeting), "ring-%d" % at) for at in range(3)]
    items, event, condition = asyncio.Queue(), asyncio.Event(), asyncio.Condition()

    async def waits():
        async with condition:
            await condition.wait()

    async def finished():
        return 1

    others = [
        named(items.get(), "gets"),
        named(event.wait(), "event"),
        named(asyncio.sleep(10000), "sleeps"),
        named(waits(), "condition"),
        named(asyncio.wait_for(event.wait(), 10000), "with a limit"),
    ]
    done = named(finished(), "done")
    both = asyncio.gather(tasks[0], ring[0])

    async def gathers():
        await both

    others.append(named(gathers(), "gathers"))

    async def shields(task):
        await asyncio.shield(task)

    others += [named(shields(others[2]), "shields"), named(shields(others[2]), "shields too")]
    # Every task has run until it waits when none is ready any more.
    while not all(task.done() or task._fut_waiter is not None for task in asyncio.all_tasks() - {asyncio.current_task()}):
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    for number, task in enumerate(tasks):
        if number == 0:
            tell(task, "future", id(gate), [], ["link", "rows"])
        else:
            frames = ["link"] + ["descend"] * (number % 3 + 1)
            tell(task, "task", id(tasks[number - 1]), ["chain-%d" % (number - 1)], frames)
    for at, task in enumerate(ring):
        tell(task, "lock", id(locks[(at + 1) % 3]), ["ring-%d" % ((at + 1) % 3)])
    for task, kind, object in zip(others, ["queue", "event", "sleep", "condition"], [items, event, None, condition]):
        tell(task, kind, object and id(object))
    tell(others[5], "task", id(both), ["chain-0", "ring-0"])
    for task in others[6:]:
        tell(task, "task", id(others[2]), ["sleeps"])
    assert done.done()
    if len(sys.argv) > 2:
        import heapsake

        heapsake.dump(sys.argv[2])
    print(json.dumps({"names": sorted(task.get_name() for task in asyncio.all_tasks() | {done})}))
    for one in told:
        print(json.dumps(one))
    print("ready", flush=True)
    sys.stdin.readline()


asyncio.run(main())
