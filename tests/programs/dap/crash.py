"""A crash beside a thread, tasks and a generator, with values of all kinds in the frame that raises."""
import array
import asyncio
import threading

__version__ = "1.2"


class Order:
    def __init__(self, number):
        self.items, self.name, self.price = [1, 2, 3], "order %d" % number, None


class Wide:
    def __init__(self, many):
        for number in range(many):
            setattr(self, "name_%d" % number, number)


class Tagged(list):
    """A list with an attribute."""


def counting(many):
    step = 1

    def steps():
        for number in range(0, many, step):
            yield number

    return steps()


def waiter(event):
    patience = "endless"
    event.wait()
    return patience


async def fetch(future):
    url = "http://example.org/prices"
    await future
    return url


async def start():
    future = asyncio.get_event_loop().create_future()
    task = asyncio.ensure_future(fetch(future))
    await asyncio.sleep(0)
    settings = {"rates": [1, 2]}
    crash(task, settings)


def crash(task, options):
    big = list(range(100000))
    table = {"key %d" % number: number for number in range(100000)}
    loop = []
    loop.append(loop)
    order = Order(7)
    tagged = Tagged(range(200))
    tagged.colour = "red"
    wide = Wide(2500)
    data = b"\x00\x01hello" * 100
    numbers = array.array("i", range(1000))
    generator = counting(3)
    next(generator)
    small = {"apple": 1, 2: "two", (1, 2): [3], None: 4}
    chosen = {"a", "b"}
    hostile = "a\x1b[2J\u202eb\nc"
    password = "-".join(["hunter2", "and", "more"])
    long = "x" * 100000

    def inner():
        return order.missing + len(table)

    try:
        {}["price"]
    except KeyError:
        try:
            inner()
        except AttributeError as other:
            raise ValueError("no price") from other
    return big, table, loop, tagged, data, numbers, small, chosen, hostile, password, long, task, options, wide


exec(compile("def unseen(call):\n    call()\n", "nowhere/unseen.py", "exec"))
globals()["a\x1b]0;name\x07"] = 1
threading.Thread(target=waiter, args=(threading.Event(),), daemon=True, name="waiter").start()
threading.Thread(target=threading.Event().wait, daemon=True, name="idle").start()
unseen(lambda: asyncio.run(start()))
