"""What the generated programs are written with: objects that are made in one step and filled in another.

``n`` is always the list of the graph's objects.  Nothing here chooses at random, and what is made does not depend on addresses.
"""
import array
import asyncio
import collections
import contextvars
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import itertools
import operator
import pathlib
import queue
import re
import struct
import sys
import threading
import types
import uuid
import weakref

from describing import known

#: threads that hold locals: (identity of the thread, name of the function, its variables)
HELD = []
LOOP = asyncio.new_event_loop()
RELEASE = threading.Event()
CELL = type((lambda x: lambda: x)(1).__closure__[0])


def fits(value, number):
    """A value that can be a key, or one in its place."""
    try:
        hash(value)
    except Exception:
        return number
    return value


def spread(items):
    """Key and value in turn as pairs."""
    return zip(items[::2], items[1::2])


# -- containers

def fill_list(value, items, removed):
    list.extend(value, items)
    for _ in range(min(removed, list.__len__(value))):
        list.pop(value, 0)


def fill_deque(value, items, removed):
    value.extend(items)
    for _ in range(min(removed, len(value))):
        value.popleft()
    value.rotate(removed)


def fill_set(value, items, removed):
    for number, item in enumerate(items):
        set.add(value, fits(item, number))
    for item in list(set.__iter__(value))[:removed]:
        set.discard(value, item)


def fill_dict(value, keys, items, removed, moved):
    for number, (key, item) in enumerate(zip(keys, items)):
        dict.__setitem__(value, key, item) if not isinstance(value, collections.OrderedDict) else collections.OrderedDict.__setitem__(value, fits(key, number), item)
    names = list(value)
    for name in names[:removed]:
        del value[name]
    if isinstance(value, collections.OrderedDict):
        for name in names[removed:removed + moved]:
            value.move_to_end(name)


# -- instances

def instance(kind, payload):
    """An object of a class, with its value or its items, and without its own ``__init__``."""
    for base in kind.__mro__:
        if base in (set, frozenset):
            payload = [fits(each, 0) for each in payload]
        if base in (list, set, bytearray, collections.deque):
            value = base.__new__(kind)
            base.__init__(value, payload)
            return value
        if base is dict:
            value = kind.__new__(kind)
            value.update(payload)
            return value
        if base in (int, float, complex, str, bytes, tuple, frozenset):
            return base.__new__(kind, payload)
        if issubclass(base, BaseException):
            return kind(*payload)
    return object.__new__(kind)


def has_dict(kind):
    return any("__dict__" in each.__dict__ for each in kind.__mro__)


def with_more(base, names, more):
    """Names of slots with one of the interpreter's own, where the class has none from its base and room for it."""
    has = has_dict(base) if more == "__dict__" else bool(base.__weakrefoffset__)
    return list(names) if has or base.__itemsize__ else list(names) + [more]


def attributes(value, pairs, removed, is_looked_at):
    """Sets attributes, where the class has room for them, and says which are there."""
    names = []
    for name, held in pairs:
        try:
            object.__setattr__(value, name, held)
        except AttributeError:
            continue
        if name not in names:
            names.append(name)
    for name in names[:removed]:
        object.__delattr__(value, name)
    if has_dict(type(value)) and not is_looked_at:
        is_slot = lambda name: any(type(each.__dict__.get(name)) is types.MemberDescriptorType for each in type(value).__mro__)
        known(value, names=[name for name in names[removed:] if not is_slot(name)])


# -- functions

def function(held, defaults, named, index):
    """One of several, with cells, defaults and attributes."""
    one, two = held

    def plain(a, b=None):
        return a, b

    def closed(a, *rest, key=None, **more):
        nonlocal two
        two = a
        return one, two, closed

    def empty():
        return later

    if index > 9:
        later = one
    made = (plain, closed, empty, lambda x=1: (x, one), functools.wraps(plain)(lambda *a: two))[index % 5]
    if defaults:
        made.__defaults__ = tuple(defaults)
    if named:
        made.__kwdefaults__ = {"key": named[0]}
    return made


def function_attributes(value, pairs):
    for name, held in pairs:
        setattr(value, name, held)
    known(value, names=[name for name in ("__wrapped__",) if name in value.__dict__] + [name for name, _ in pairs])


# -- what is suspended

class Pause:
    def __await__(self):
        yield self


PAUSE = Pause()


def called(*arguments):
    """Does nothing."""


def steps(a, b):
    c = b
    yield 0
    d = a, = [c]
    d = None
    for e in (1, 2, 3):
        yield e
    try:
        raise KeyError(3)
    except KeyError:
        f = 3
        yield 4
    with PAUSING:
        yield 5
    called(a, b, (yield 6), c)
    yield from itertools.repeat(b, 2)
    del c
    yield 7


class Pausing:
    def __enter__(self):
        return None

    def __exit__(self, *what):
        return None


PAUSING = Pausing()


def cells(a, b):
    def inner():
        nonlocal b
        b = a
        return b

    yield 0
    if a is None:
        inner()
    yield inner and 1
    g = inner
    del g
    yield 2


def delegating(a, b):
    c = a
    yield from [(yield 0), 1][:1] if a is b else (1, 2)
    yield c


async def awaiting(a, b):
    c = a
    await PAUSE
    async with Around():
        d = b
        await PAUSE
    for e in (1, 2):
        await PAUSE
    return c, d


class Around:
    async def __aenter__(self):
        return None

    async def __aexit__(self, *what):
        return None


async def deep(a, b):
    c = b
    await awaiting(a, c)


async def giving(a, b):
    c = a
    yield 0
    d = b
    yield 1
    for e in (1, 2):
        yield e


class Carrier:
    def send(self, a, b):
        c = self
        yield a
        yield b, c

    async def later(self, a, b):
        await PAUSE
        c = a
        await PAUSE
        return b, c


CARRIER = Carrier()
SUSPENDED = {"generator": (steps, cells, delegating, CARRIER.send), "coroutine": (awaiting, deep, CARRIER.later), "async generator": (giving,)}


def advance(value, count):
    for _ in range(count):
        try:
            if isinstance(value, types.GeneratorType):
                next(value)
            elif isinstance(value, types.CoroutineType):
                value.send(None)
            else:
                value.asend(None).send(None)
        except (StopIteration, StopAsyncIteration):
            return


def frame_of(value):
    return next(getattr(value, name) for name in ("gi_frame", "cr_frame", "ag_frame") if hasattr(value, name))


def suspended(kind, style, held, count, is_looked_at):
    """A generator or the like at some position; where it is not to be asked, a twin of it is."""
    made = SUSPENDED[kind][style % len(SUSPENDED[kind])]
    value = made(*held)
    advance(value, count)
    if not is_looked_at and made is not cells:
        twin = made(*held)
        advance(twin, count)
        frame = frame_of(twin)
        known(value, locals=None if frame is None else dict(frame.f_locals), line=None if frame is None else frame.f_lineno)
        if isinstance(twin, types.AsyncGeneratorType):
            # It would be closed by the loop.
            known(value, twin=twin)
        else:
            twin.close()
    return value


def held_by_a_thread(name, held):
    """A thread that has these as variables, and waits."""
    ready = threading.Semaphore(0)

    def holding(a, b):
        c = a
        HELD.append((threading.get_ident(), "holding", {"a": a, "b": b, "c": c}))
        ready.release()
        RELEASE.wait()

    thread = threading.Thread(target=holding, args=tuple(held), name=name, daemon=True)
    thread.start()
    ready.acquire()
    return thread


async def waiting(a, b, depth, future):
    c = b
    if depth:
        await waiting(a, c, depth - 1, future)
    else:
        await future


def task(name, held, depth):
    """A task that waits for a future that nobody sets."""
    made = LOOP.create_task(waiting(held[0], held[1], depth, LOOP.create_future()))
    if hasattr(made, "set_name"):
        made.set_name(name)
    LOOP.call_soon(LOOP.stop)
    LOOP.run_forever()
    return made


# -- exceptions

def as_cause(value):
    return value if isinstance(value, BaseException) else None


def raised(kind, arguments, cause, depth):
    """An exception that was raised some frames deep, and caught."""

    def down(left, held):
        mine = held
        if left:
            down(left - 1, mine)
        try:
            raise LookupError(mine)
        except LookupError:
            if cause is not None:
                raise kind(*arguments) from cause
            raise kind(*arguments)

    try:
        down(depth, arguments)
    except BaseException as caught:
        return caught


# -- iterators

def iterator(kind, source, count):
    """An iterator that has given some items; over what is there, or over something of its own."""
    made = {
        "list": lambda: source if type(source) is list else [1, "b", source],
        "tuple": lambda: source if type(source) is tuple else (source, 2, source),
        "dict": lambda: {1: source, "b": 2, None: source},
        "set": lambda: {1, 2, "c"},
        "str": lambda: source if type(source) is str else "abc\xe9",
        "bytes": lambda: b"abc",
        "range": lambda: range(3, 1000, 7),
    }
    over = {"list": "list", "reversed": "list", "tuple": "tuple", "keys": "dict", "values": "dict", "items": "dict", "set": "set",
            "str": "str", "bytes": "bytes", "range": "range"}.get(kind)
    if over is not None:
        container = made[over]()
        begin = {"reversed": reversed, "values": lambda it: iter(it.values()), "items": lambda it: iter(it.items())}.get(kind, iter)
        value = begin(container)
    else:
        container = None
        value = {
            "zip": lambda: zip([1, 2, 3], [source, source, source]), "map": lambda: map(operator.neg, [1, 2, 3]),
            "enumerate": lambda: enumerate([source, 2, 3], 5), "filter": lambda: filter(None, [1, 0, source, 2]),
            "chain": lambda: itertools.chain([1], (source, 2)), "count": lambda: itertools.count(7, 3),
            "cycle": lambda: itertools.cycle([source, 1, 2]), "islice": lambda: itertools.islice([1, 2, source, 3, 4], 1, 4),
            "repeat": lambda: itertools.repeat(source, 4), "product": lambda: itertools.product([source, 1], (2, 3)),
            "callable": lambda: iter(functools.partial(int, 1), 2), "deque": lambda: iter(collections.deque([source, 1, 2])),
            "permutations": lambda: itertools.permutations([source, 1, 2], 2), "zip_longest": lambda: itertools.zip_longest([1, 2], [source]),
            "takewhile": lambda: itertools.takewhile(bool, [1, 1, 0]), "groupby": lambda: itertools.groupby([1, 1, 2, 3]),
        }[kind]()
    ended = False
    for _ in range(count):
        try:
            next(value)
        except StopIteration:
            ended = True
            break
    if container is not None and not ended and kind != "range":
        known(value, over=container)
    return value


# -- ready objects of the library

class Colour(enum.Enum):
    RED = 1
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 1 << 70


class Permission(enum.Flag):
    READ = 4
    WRITE = 2


Pair = collections.namedtuple("Pair", "left right")


@dataclasses.dataclass
class Record:
    left: object
    right: object = None


@dataclasses.dataclass(frozen=True)
class Frozen:
    left: object
    right: object = None


class Meta(type):
    pass


class WithMeta(metaclass=Meta):
    setting = "of the class"


class Lying:
    """Its class says that it is another's."""

    @property
    def __class__(self):
        return list


class Refusing:
    """What asks of it, fails; but for what it is hashed and compared by."""

    def __repr__(self):
        raise ValueError("no repr")

    def __getattr__(self, name):
        raise ValueError("no %s" % name)

    def __bool__(self):
        raise ValueError("no truth")

    def __len__(self):
        raise ValueError("no length")


READY = [
    lambda: Colour.RED, lambda: Level.HIGH, lambda: Permission.READ | Permission.WRITE, lambda: WithMeta(),
    lambda: datetime.datetime(2026, 11, 28, 1, 2, 3, 4, datetime.timezone.utc), lambda: datetime.timedelta(-1, 5, 7),
    lambda: datetime.date(1, 1, 1), lambda: datetime.time(23, 59, fold=1), lambda: decimal.Decimal("-1.50E+7"), lambda: decimal.Decimal("sNaN"),
    lambda: fractions.Fraction(-3, 7), lambda: uuid.UUID(int=5), lambda: pathlib.PurePosixPath("/a/../b"), lambda: re.compile("(a)|b", re.I),
    lambda: io.StringIO("ab\ncd"), lambda: io.BytesIO(b"abc"), lambda: array.array("d", [1.5, float("inf")]), lambda: array.array("H"),
    lambda: threading.Lock(), lambda: threading.RLock(), lambda: queue.Queue(3), lambda: contextvars.ContextVar("v", default=3),
    lambda: struct.Struct("<hq"), lambda: operator.itemgetter(1, 2), lambda: operator.attrgetter("a.b"), lambda: object(), lambda: NotImplemented,
    lambda: collections.UserDict(a=1), lambda: types.SimpleNamespace(), lambda: len, lambda: [].append, lambda: str.upper, lambda: "".join,
    lambda: int, lambda: collections.OrderedDict, lambda: sys, lambda: LOOP.create_future(), lambda: Meta, lambda: Lying(), lambda: Refusing(),
    lambda: weakref.WeakValueDictionary(), lambda: weakref.WeakSet(), lambda: abs, lambda: asyncio.Event(), lambda: functools.lru_cache()(abs),
    lambda: iter(()), lambda: {}.keys(), lambda: {1: 2}.items(), lambda: frozenset(), lambda: (), lambda: bytes(300), lambda: "\udc80\0",
    lambda: float("nan"), lambda: -0.0, lambda: 1 << 1000, lambda: -(1 << 30), lambda: 5j, lambda: ..., lambda: range(1 << 70),
    lambda: datetime.timezone(datetime.timedelta(hours=1), "one"), lambda: types.MappingProxyType({}), lambda: memoryview(b"abc")[::-1],
]


def ready(index):
    return READY[index % len(READY)]()


# -- what holds others

def holder(kind, held):
    one, two = held
    if kind == "slice":
        return slice(one, two, None)
    if kind == "pair":
        return Pair(one, two)
    if kind == "record":
        return known(Record(one, two), names=["left", "right"])
    if kind == "frozen":
        return Frozen(one, two)
    if kind == "property":
        return property(one, two)
    if kind == "static":
        return staticmethod(one)
    if kind == "class method":
        return classmethod(one)
    if kind == "partial":
        return functools.partial(print, one, key=two)
    if kind == "method":
        return types.MethodType(print, Ellipsis if one is None else one)
    if kind == "proxy":
        return types.MappingProxyType({"one": one, "two": two})
    if kind == "chain map":
        return collections.ChainMap({"one": one}, {"two": two})
    if kind == "view":
        return memoryview(one) if isinstance(one, (bytes, bytearray)) else memoryview(b"held")
    if kind == "variable":
        return contextvars.ContextVar("held", default=one)
    if kind == "values":
        return {"one": one, "two": two}.values()
    return types.SimpleNamespace(one=one, two=two)


def cell():
    return CELL()


def module(name):
    return types.ModuleType("made " + name)


#: what weak references lead to that nobody else holds
ALIVE = []


def weak(kind, target):
    if target is None or not type(target).__weakrefoffset__:
        target = Pausing()
        ALIVE.append(target)
    if kind == 0:
        return weakref.ref(target)
    if kind == 1:
        return weakref.ref(target, called)
    if kind == 2:
        return weakref.WeakValueDictionary({1: target})
    if kind == 3:
        return weakref.ref(Pausing())
    return weakref.WeakSet([target]) if type(target) is Pausing else weakref.ref(target)


# -- chains and wide ones

class Link:
    __slots__ = ("next",)


def chain(kind, depth, end):
    """Objects that hold one another, so deep that nothing may recurse."""
    value = end
    for number in range(depth):
        if kind == "list":
            value = [value]
        elif kind == "tuple":
            value = (value, number)
        elif kind == "dict":
            value = {"next": value}
        elif kind == "cell":
            value = CELL(value)
        elif kind == "partial":
            value = functools.partial(print, value)
            if number > 300:
                break
        elif kind == "exception":
            outer = ValueError(number)
            outer.__cause__ = value if isinstance(value, BaseException) else None
            outer.args = (number, value) if outer.__cause__ is None else (number,)
            value = known(outer, names=[])
        else:
            link = Link()
            link.next = value
            value = link
    return value


def wide(kind, count, held):
    if kind == "list":
        return [held if number % 7 else number for number in range(count)]
    if kind == "tuple":
        return tuple(float(number) for number in range(count))
    if kind == "set":
        return set(range(0, count * 3, 3))
    if kind == "texts":
        return {"name %d" % number: held for number in range(count)}
    return {number: [number] for number in range(count)}
