"""A program with a mix of small objects, as a service that holds its orders in memory has: some 3 objects a record.

    python records.py COUNT     makes them, says "ready", and holds them until its input ends
"""
import dataclasses
import sys


class Failure(Exception):
    pass


class Customer:
    def __init__(self, number):
        self.number = number
        self.name = "customer %d" % number
        self.orders = [number, number + 1]


class Position:
    __slots__ = ("article", "amount", "price")

    def __init__(self, number):
        self.article = "article-%d" % number
        self.amount = number % 17
        self.price = number * 0.25


@dataclasses.dataclass
class Order:
    number: int
    total: float
    currency: str


def record(number):
    """The record of this number, of one of eight kinds."""
    kind = number % 8
    if kind == 0:
        return Customer(number)
    if kind == 1:
        return Position(number)
    if kind == 2:
        return Order(number, number / 7, "currency %d" % number)
    if kind == 3:
        return {"number": number, "title": "title %d" % number}
    if kind == 4:
        return [number, "line %d" % number, number * 1.5]
    if kind == 5:
        return (number, b"packet %d" % number, {number, number + 1}, None)
    if kind == 6:
        return "a note of some length on record %d" % number
    return number + (1 << 20)


def batches(count):
    """So many records, in lists of a thousand."""
    return [[record(number) for number in range(start, min(start + 1000, count))] for start in range(0, count, 1000)]


def innermost(position):
    reason = "at %d" % position
    raise Failure(reason)


def middle(position):
    doubled = position * 2
    return innermost(doubled)


def work(count):
    """Holds the records and fails two frames deeper."""
    orders = batches(count)
    return middle(len(orders))


def crash(count, caught):
    """Calls ``caught(exception)`` where ``work`` failed, as an exception hook would be called."""
    try:
        work(count)
    except Failure as exception:
        caught(exception)


def main():
    held = batches(int(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.read()
    return held


if __name__ == "__main__":
    main()
