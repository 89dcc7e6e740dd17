"""A program of everything: threads, tasks, generators, every storage form of instances, a chain of exceptions.

It ends in one of three ways, by its argument: ``inside FILE`` dumps itself, ``wait`` says that it is ready and waits to be
dumped from outside, ``crash`` dies of its exception.  What `open_rich.py` expects of a dump is written there, not here.
"""
import asyncio
import collections
import dataclasses
import enum
import functools
import sys
import threading
import types
import weakref


class Colour(enum.Enum):
    RED = 1
    GREEN = "g"


class Mode(enum.IntFlag):
    READ = 1
    WRITE = 2


Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Order:
    """What the program works on."""

    number: int
    lines: list
    colour: Colour = Colour.GREEN
    notes: dict = dataclasses.field(default_factory=dict)

    @property
    def total(self):
        return sum(line.price for line in self.lines)

    def price_of(self, name):
        return {line.name: line.price for line in self.lines}[name]


class Line:
    """Attributes in slots alone."""

    __slots__ = ("name", "price", "unset")

    def __init__(self, name, price):
        self.name, self.price = name, price


class Mixed(Line):
    """Slots, and a dictionary of its own."""

    def __init__(self, name, price):
        super().__init__(name, price)
        self.extra = [name, price]


class Settings(dict):
    def __init__(self, *arguments, **names):
        super().__init__(*arguments, **names)
        self.origin = "defaults"


class Names(list):
    pass


class Path(str):
    pass


class Pair(tuple):
    pass


class Count(int):
    pass


class Meta(type):
    registry = {}

    def __new__(mcs, name, bases, body):
        made = super().__new__(mcs, name, bases, body)
        mcs.registry[name] = made
        return made


class Plugin(metaclass=Meta):
    level = 3


class Special(Plugin):
    level = 4


class Plain:
    """A dictionary with shared keys."""

    def __init__(self, number):
        self.number = number
        self.square = number * number


class LedgerError(Exception):
    def __init__(self, message, order):
        super().__init__(message, order.number)
        self.order = order


def counter(start, *, step=1):
    """Two cells; a default and a keyword default."""
    count = start

    def advance(by=step, *, sign=1):
        nonlocal count
        count += by * sign
        return count

    return advance


def numbers(limit):
    seen = []
    for number in range(limit):
        seen.append(number)
        yield number * 10


def delegating():
    label = "outer"
    yield from numbers(7)
    return label


async def ticking(gate):
    rung = 0
    while True:
        rung += 1
        await gate.wait()
        yield rung


async def leaf(name, gate):
    depth = "leaf of " + name
    await gate.wait()
    return depth


async def branch(name, gate):
    held = {"name": name}
    await leaf(name, gate)
    return held


async def service(ready, tasks, release):
    gate = asyncio.Event()
    for name in ("alpha", "beta"):
        task = asyncio.ensure_future(branch(name, gate))
        task.set_name("task-" + name)
        tasks.append(task)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    ticker = ticking(gate)
    pending = asyncio.ensure_future(ticker.__anext__())
    await asyncio.sleep(0)
    release.append(functools.partial(asyncio.get_running_loop().call_soon_threadsafe, gate.set))
    ready.set()
    await asyncio.gather(*tasks)
    await pending


def loop_thread(ready, tasks, release):
    asyncio.run(service(ready, tasks, release))


def worker(index, ready, stop):
    marker = "worker number %d" % index
    queue = collections.deque([index, marker], maxlen=5)
    ready.set()
    stop.wait()
    return queue


def shared_state():
    """The values that are the same in every version."""
    ring = ["ring"]
    ring.append(ring)
    deep = None
    for depth in range(3000):
        deep = [deep]
    generator = numbers(5)
    next(generator)
    next(generator)
    outer = delegating()
    next(outer)
    advance = counter(100, step=5)
    advance()
    plains = [Plain(number) for number in range(50)]
    plains[7].late = "added later"
    odd = Plain(8)
    del odd.square
    lonely = Plain(99)
    state = {
        "none": None, "true": True, "int": -12345678901234567890123, "huge": 7 ** 5000, "float": 1.5, "nan": float("nan"), "complex": 2 - 3j,
        "text": "plain", "latin": "caf\xe9", "wide": "\u20ac uro", "emoji": "\U0001f600!", "surrogate": "a\ud800b",
        "bytes": b"\x00\xff raw", "bytearray": bytearray(b"changeable"), "memory": memoryview(b"seen through"),
        "tuple": (1, "two", 3.0), "list": [0, [1, [2]]], "set": {3, 1, 2}, "frozenset": frozenset("ab"),
        "range": range(2, 20, 3), "slice": slice(1, None, 2), "ellipsis": ..., "not": NotImplemented,
        "ordered": collections.OrderedDict([("z", 1), ("a", 2)]), "default": collections.defaultdict(list, k=[1]),
        "deque": collections.deque([1, 2, 3], maxlen=10), "tally": collections.Counter("abracadabra"),
        "big list": list(range(100000)), "big dict": {number: str(number) for number in range(20000)}, "big text": "x" * 300000,
        "ring": ring, "deep": deep, "colour": Colour.RED, "mode": Mode.READ | Mode.WRITE, "point": Point(3, -4),
        "order": Order(17, [Line("tea", 3), Mixed("cup", 9)], notes={"gift": True}),
        "settings": Settings({"host": "localhost"}, port=8080), "names": Names(["n1", "n2"]), "path": Path("/srv/data"),
        "pair": Pair((1, 2)), "count": Count(42), "plugin": Special(), "plains": plains, "odd": odd,
        "advance": advance, "partial": functools.partial(int, base=2), "method": plains[3].__init__,
        "builtin": len, "generator": generator, "delegating": outer, "namespace": types.SimpleNamespace(a=1, b="two"),
        "weak": weakref.ref(lonely), "lonely": lonely, "cell": advance.__closure__[0], "iterator": iter([1, 2, 3]),
        "api_key": "sk_live_0123456789abcdef", "password": "correct horse",
    }
    state["itself"] = state
    if sys.version_info >= (3, 11):
        problem = ValueError("noted")
        problem.add_note("first note")
        problem.add_note("second note")
        names = {}
        exec("group = ExceptionGroup('several', [KeyError('k'), ExceptionGroup('inner', [TypeError('t')])])", names)
        state.update(noted=problem, group=names["group"])
    return state


def innermost(order, *extras, name="spoon", **options):
    """Where it fails: a KeyError that becomes the cause of a LedgerError."""
    attempt = {"name": name, "tries": [1, 2, 3]}
    try:
        try:
            return order.price_of(name)
        except KeyError as missing:
            raise LookupError("no price of %s" % name) from missing
    except LookupError:
        raise LedgerError("order cannot be booked", order)


def handle(state):
    step = "handling"
    squares = [number * number for number in range(5)]
    return innermost(state["order"], 1, 2, flag=True)


def main():
    ready, stop, tasks, release = [threading.Event() for _ in range(3)], threading.Event(), [], []
    threads = [threading.Thread(target=worker, args=(index, ready[index], stop), name="worker-%d" % index, daemon=True) for index in range(2)]
    threads.append(threading.Thread(target=loop_thread, args=(ready[2], tasks, release), name="loop", daemon=True))
    for thread, each in zip(threads, ready):
        thread.start()
        each.wait()
    state = shared_state()
    how = sys.argv[1]
    if how == "crash":
        handle(state)
    try:
        handle(state)
    except LedgerError as problem:
        if how == "inside":
            import heapsake

            heapsake.dump(sys.argv[2], problem)
        else:
            print("ready", flush=True)
            sys.stdin.readline()
    stop.set()
    release[0]()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
