"""The program whose dumps the debuggers open: threads, tasks, suspended generators, a chain of exceptions, hostile text.

It is run as PROGRAM of a folder that is gone when its dump is opened, beside ``aside.py``, which is another file by then.
"""
import asyncio
import sys
import threading

import aside

HOSTILE = "\x1b[31mred\x1b]0;title\x07 \u202ename"


class Order:
    """An order."""

    def __init__(self, price):
        self.price = price
        self.lines = {"first": [price, price + 1], 7: "seven"}

    def total(self, factor=2):
        return self.price * factor


class Shout:
    """One whose representation is code of the program."""

    def __repr__(self):
        raise AssertionError("code of the dump ran")


def numbers(limit):
    inner = ["of numbers", limit]
    for number in range(limit):
        yield number


def delegating():
    outer = "of delegating"
    yield from numbers(5)
    return outer


async def leaf(number):
    secret = number * 11
    await asyncio.get_running_loop().create_future()
    return secret


async def middle(number):
    label = "middle %d" % number
    await leaf(number)
    return label


async def failing():
    members = [KeyError("first member"), TypeError("second member")]
    if sys.version_info >= (3, 11):
        raise ExceptionGroup("several", members)
    raise members[0]


async def main():
    tasks = [asyncio.ensure_future(middle(number)) for number in range(3)]
    failed = asyncio.ensure_future(failing())
    suspended = delegating()
    next(suspended)
    await asyncio.wait([failed])
    prices = {"apple": 3, "pear": 4}
    order = Order(5)
    handle(order, prices, suspended, tasks=tasks)


def handle(order, prices, suspended, *rest, tasks=()):
    text, shout, big = HOSTILE, Shout(), list(range(100000))
    huge = "x" * 300000
    try:
        order.nothing
    except AttributeError as problem:
        raise ValueError("cannot handle", order.price) from problem
    return text, shout, big, huge


if __name__ == "__main__":
    stop, waits = threading.Event(), threading.Event()
    threading.Thread(target=aside.worker, args=(stop, waits), name="worker-1", daemon=True).start()
    waits.wait()
    asyncio.run(main())
