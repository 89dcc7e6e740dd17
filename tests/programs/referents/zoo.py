"""The standard library's C types: one object of each that a post-mortem meets."""
import abc
import array
import ast
import asyncio
import bz2
import collections
import contextlib
import contextvars
import csv
import ctypes
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import hmac
import io
import itertools
import json
import logging
import lzma
import mmap
import operator
import os
import pathlib
import pickle
import queue
import random
import re
import select
import selectors
import socket
import sqlite3
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import types
import unicodedata
import uuid
import weakref
import xml.etree.ElementTree as ElementTree
import zlib
from concurrent import futures
from xml.parsers import expat

REQUEST = contextvars.ContextVar("REQUEST", default="none")
Pair = collections.namedtuple("Pair", "left right")


class WithDict:
    def __init__(self, number):
        self.number, self.name, self.tags = number, "name-%d" % number, [number]


class WithSlots:
    __slots__ = ("number", "name")

    def __init__(self, number):
        self.number, self.name = number, "slot-%d" % number


class Lazy:
    @property
    def connection(self):
        return "connected"


class Colour(enum.Enum):
    RED = 1
    GREEN = "green"


class Permission(enum.Flag):
    R = 4
    W = 2


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self):
        ...


class Square(Shape):
    def area(self):
        return 9


class Meta(type):
    pass


class WithMeta(metaclass=Meta):
    setting = "of a metaclass"


@dataclasses.dataclass
class Point:
    x: int
    label: str


class Text(str):
    pass


class Number(int):
    pass


class Names(list):
    pass


def plain(a, b=3, *, c="kw"):
    return a, b, c


def closure():
    first, second = 41, {"inner": "cell"}

    def inner(z):
        return first + z, second

    return inner


def counting(limit):
    kept = "kept-%d" % limit
    for number in range(limit):
        yield number, kept


def delegating():
    outer = "outer"
    yield from counting(3)
    return outer


async def waiting(future):
    local = "of the coroutine"
    await future
    return local


async def ticking():
    local = "of the generator"
    for number in range(3):
        yield number, local


async def napping(marker, event):
    await event.wait()
    return marker


@types.coroutine
def awaitable():
    yield "an awaitable"


def failure():
    try:
        try:
            local = "of a frame"
            return {}[local]
        except KeyError as error:
            raise RuntimeError("wrapped", 42) from error
    except RuntimeError as error:
        return error


def plain_data():
    yield from (None, 2 ** 200 + 1, float("nan"), 1 + 2j, "a\udc80\U0001F600\0z", b"\x00\xff", bytearray(b"mutable"), ...)
    yield from ((1, (2, [3, {"four": 4}])), {1, 2, "three"}, frozenset([("a", 1), 5]), {1: "one", (2, 3): "t", None: "n"})
    yield from (range(3, 30, 4), range(2 ** 70), slice(1, 9, [2]), NotImplemented, Text("sub"), Number(77), Names([1, 2]))
    yield from (memoryview(b"view-bytes")[2:6], memoryview(bytearray(9)), types.MappingProxyType({"a": "b"}))


def library_values():
    yield from (Pair("L", ["R"]), Colour.GREEN, Permission.R | Permission.W, functools.partial(plain, 1, c="part"))
    pattern = re.compile(r"(?P<y>\d{4})-x", re.I)
    yield from (pattern, re.match(r"(\d+)-(\w+)", "12-ab"), pattern.finditer("1234-x"), pattern.scanner("1234-x"))
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=1), "X"))
    yield from (moment, moment.date(), moment.timetz(), datetime.timedelta(days=2), decimal.Decimal("1.10"))
    yield from (decimal.getcontext(), decimal.Context(prec=5), decimal.localcontext(), fractions.Fraction(3, 7), uuid.UUID(int=5))
    ordered = collections.OrderedDict([("z", [1]), ("a", [2])])
    filled = collections.defaultdict(list, k=["v"])
    ring = collections.deque([1, "two", [3]], maxlen=5)
    yield from (pathlib.PurePosixPath("/a/b.txt"), ordered, ordered.items(), iter(ordered), ordered.keys(), reversed(ordered))
    yield from (ring, iter(ring), reversed(ring), filled, collections.Counter("mississippi"))
    yield from (collections.ChainMap({"a": 1}, {"b": 2}), types.SimpleNamespace(deep=[1, 2]), array.array("d", [1.5]))
    yield from (iter(array.array("i", [1])), struct.Struct("<IH"), struct.iter_unpack("<I", bytes(8)), random.Random(7))
    yield from (hashlib.sha256(b"x"), hashlib.md5(b"x"), hashlib.blake2b(b"x"), hashlib.sha3_256(b"x"), hashlib.shake_128(b"x"))
    yield from (hmac.new(b"k", b"m", "sha256"), unicodedata.ucd_3_2_0, os.times(), sys.version_info, sys.flags, time.localtime())
    yield from (zlib.compressobj(), zlib.decompressobj(), bz2.BZ2Compressor(), bz2.BZ2Decompressor(), lzma.LZMACompressor())
    yield from (lzma.LZMADecompressor(), csv.reader(["a,b"]), csv.writer(io.StringIO()), csv.get_dialect("excel"))
    yield from (json.JSONDecoder(), json.JSONEncoder(), json.encoder.c_make_encoder, json.decoder.scanstring)
    yield from (operator.itemgetter("a", 1), operator.attrgetter("a.b", "c"), operator.methodcaller("m", [1], k=[2]))
    yield functools.lru_cache(maxsize=4)(plain)
    cached = functools.lru_cache(maxsize=None)(plain)
    cached([1][0], "b")
    bounded = functools.lru_cache(maxsize=3)(plain)
    bounded(1, c="x"), bounded(2.5, "y")
    yield from (cached, bounded, functools.cmp_to_key(lambda a, b: 0), functools.cmp_to_key(len)("x"), functools.singledispatch(plain))
    pickler = pickle.Pickler(io.BytesIO())
    pickler.dump(["a", [1]])
    unpickler = pickle.Unpickler(io.BytesIO(pickle.dumps(["a"])))
    unpickler.load()
    yield from (pickler, pickler.memo, unpickler, unpickler.memo, ast.parse("a = [1, b]"), compile("a + 1", "<made>", "eval"))
    tree = ElementTree.fromstring("<a x='1'><b>text<c/></b>tail</a>")
    yield from (tree, tree.iter(), tree.itertext(), ElementTree.XMLParser(), ElementTree.TreeBuilder())
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda name, attributes: None
    yield parser
    if sys.version_info >= (3, 9):
        import graphlib
        import zoneinfo

        yield from (list[int], dict[str, "Text"], graphlib.TopologicalSorter({"a": ["b"]}))
        with contextlib.suppress(zoneinfo.ZoneInfoNotFoundError):
            yield zoneinfo.ZoneInfo("Europe/Berlin")
    if sys.version_info >= (3, 10):
        yield from (int | str, aiter(ticking()), anext(ticking(), "default"))


class Pixel(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int), ("name", ctypes.c_char_p), ("any", ctypes.py_object)]


def foreign():
    pixel = Pixel(3, b"text", ["object"])
    array_of = (ctypes.c_int * 4)(1, 2, 3, 4)
    called = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda value: value)
    yield from (pixel, ctypes.pointer(pixel), array_of, ctypes.byref(array_of), called, ctypes.c_char_p(b"bytes"))
    yield from (ctypes.py_object([1]), ctypes.CDLL(None), ctypes.CDLL(None).strlen, ctypes.c_double(1.5), Pixel.x)
    yield from (ctypes.cast(array_of, ctypes.POINTER(ctypes.c_int)), ctypes.create_string_buffer(b"x"), ctypes.c_wchar_p("w"))


def iterators():
    def begun(iterator):
        next(iterator)
        return iterator

    yield from map(begun, (iter([10, 20]), iter((1, 2)), iter({1, 2}), iter({1: 2}), iter("ab"), iter(b"ab"), iter(bytearray(b"ab"))))
    yield from map(begun, (iter({1: 2}.items()), iter({1: 2}.values()), reversed([1, 2]), reversed((1, 2)), iter(range(3))))
    yield from map(begun, (iter(range(2 ** 70)), enumerate(["e", "f"]), zip([1, 2], "ab"), map(str, [1, 2]), filter(None, [1])))
    yield from map(begun, (iter(lambda: [1], None), iter(memoryview(b"ab")), itertools.count(5), itertools.count(2 ** 70, [0] and 3)))
    yield from map(begun, (itertools.cycle([[1], 2]), itertools.repeat([1], 3), itertools.chain([1], [2]), itertools.islice([1, 2], 2)))
    yield from map(begun, (itertools.accumulate([1, 2]), itertools.combinations([[1], 2, 3], 2), itertools.permutations([1, 2])))
    yield from map(begun, (itertools.product([1], [2]), itertools.combinations_with_replacement([1, 2], 2), itertools.starmap(max, [(1, 2)])))
    yield from map(begun, (itertools.takewhile(bool, [1]), itertools.dropwhile(bool, [1, 0]), itertools.filterfalse(bool, [0])))
    yield from map(begun, (itertools.compress([1], [1]), itertools.zip_longest([1], [2, 3], fillvalue=[0])))
    first, second = itertools.tee([1, [2], 3])
    group = itertools.groupby([1, 1, 2])
    yield from (begun(first), second, group, begun(group)[1] if False else next(group)[1])
    if sys.version_info >= (3, 10):
        yield begun(itertools.pairwise([1, 2, 3]))
    if sys.version_info >= (3, 12):
        yield begun(itertools.batched([1, 2, 3], 2))
    yield from ({1: 2}.keys(), {1: 2}.values(), {1: 2}.items())


def code():
    holder = WithDict(5)
    yield from (plain, lambda q, w=12: q + w, closure(), len, holder.__init__, [1, 2].append, WithDict, WithMeta, Square, Point(1, "p"))
    yield from (WithMeta(), sys.modules[__name__], types.ModuleType("made"), plain.__code__, Lazy.__dict__["connection"])
    yield from (staticmethod(plain), classmethod(plain), closure().__closure__[0], failure(), super(Square, Square()), [].__add__)
    yield from (str.join, dict.__dict__["fromkeys"], type.__dict__["__mro__"], WithSlots.number, WithSlots(6), types.DynamicClassAttribute(plain))
    running, unbegun, over, inner = counting(4), counting(9), counting(0), delegating()
    next(running), next(running), list(over), next(inner)
    yield from (running, unbegun, over, inner, awaitable(), sys._getframe().f_back, failure().__traceback__)


def tasks():
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    coroutine, generator = waiting(future), ticking()
    coroutine.send(None)
    kept = [loop, future, coroutine, generator, coroutine.__await__() if False else waiting(future).__await__()]

    async def start():
        event = asyncio.Event()
        await generator.__anext__()
        kept.extend([generator.asend(None), generator.athrow(ValueError)])
        made = [asyncio.ensure_future(napping("task-%d" % number, event)) for number in range(3)]
        made[0].add_done_callback(print)
        made[1].add_done_callback(print, context=contextvars.copy_context())
        made[1].add_done_callback(repr)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        kept.extend([event, made, asyncio.Lock(), asyncio.Queue(), iter(future)])
        failed = asyncio.get_event_loop().create_future()
        failed.set_exception(ValueError("of a future"))
        done = asyncio.get_event_loop().create_future()
        done.set_result(["result"])
        kept.extend([failed, done])

    loop.run_until_complete(start())
    return kept


def resources():
    folder = tempfile.mkdtemp(prefix="referents-")
    path = os.path.join(folder, "open.txt")
    text = open(path, "w+", encoding="utf-8")
    text.write("hello\n")
    text.flush()
    closed = open(path)
    closed.close()
    pair = socket.socketpair()
    mapped = mmap.mmap(-1, 4096)
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    cursor = connection.cursor()
    cursor.execute("create table t(name text)")
    cursor.executemany("insert into t values(?)", [("x",), ("y",)])
    cursor.execute("select name from t")
    connection.create_function("f", 1, lambda value: value)
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    wrapped = context.wrap_bio(incoming, outgoing, server_hostname="example.org")
    with contextlib.suppress(ssl.SSLWantReadError):
        wrapped.do_handshake()
    selector = selectors.DefaultSelector()
    selector.register(pair[0], selectors.EVENT_READ, ["data"])
    polled = select.poll()
    polled.register(pair[1])
    both = io.BufferedRWPair(io.BytesIO(b"a"), io.BytesIO())
    raw = open(path, "rb", buffering=0)
    buffered = open(path, "rb")
    buffered.read(2)
    view = io.BytesIO(b"bytes-io")
    entries = os.scandir(folder)
    entry = next(entries)
    return [text, closed, raw, buffered, open(path, "r+b"), open(path, "ab"), both, io.StringIO("text"), view, view.getbuffer(),
            io.TextIOWrapper(io.BytesIO(b"a\nb"), newline=None), io.IncrementalNewlineDecoder(None, True), socket.socket(), pair,
            mapped, connection, cursor, cursor.fetchone(), child, context, wrapped, incoming, selector, polled, entries, entry,
            select.epoll()]


def in_lock(lock, started):
    started.set()
    with lock:
        pass


def in_condition(condition, started):
    with condition:
        started.set()
        condition.wait()


def in_queue(waited, started):
    started.set()
    waited.get()


def threads():
    held, reentrant, condition, waited = threading.Lock(), threading.RLock(), threading.Condition(), queue.Queue()
    held.acquire(), reentrant.acquire(), reentrant.acquire()
    simple, local = queue.SimpleQueue(), threading.local()
    simple.put(["queued"])
    local.value = ["of the main thread"]
    event = threading.Event()
    event.set()
    running = []
    for target, what in ((in_lock, held), (in_condition, condition), (in_queue, waited)):
        started = threading.Event()
        running.append(threading.Thread(target=target, args=(what, started), daemon=True))
        running[-1].start()
        started.wait()
    executor = futures.ThreadPoolExecutor(1)
    done = executor.submit(lambda: "result")
    done.result()
    return [held, threading.Lock(), reentrant, condition, waited, simple, local, event, running, executor, done,
            threading.Semaphore(3), threading.Barrier(2)]


def references():
    target, gone = WithDict(11), WithDict(12)
    dead = weakref.ref(gone)
    del gone
    REQUEST.set(["request"])
    for number in range(40):
        contextvars.ContextVar("made-%d" % number).set([number])
    context = contextvars.copy_context()
    stack = contextlib.ExitStack()
    stack.callback(plain, 1)
    ring = []
    ring.append(ring)
    return [target, weakref.ref(target), weakref.ref(target, print), weakref.proxy(target), weakref.proxy(plain), dead,
            weakref.WeakValueDictionary({"t": target}), weakref.WeakSet([target]), weakref.WeakKeyDictionary({target: 1}),
            weakref.WeakMethod(target.__init__), REQUEST, context, REQUEST.set("other"), context.items(), iter(context),
            logging.getLogger("zoo"), stack, ring]


def build():
    kept = [tasks(), resources(), threads(), references()]
    for part in (plain_data, library_values, foreign, iterators, code):
        kept.append(list(part()))
    return kept
