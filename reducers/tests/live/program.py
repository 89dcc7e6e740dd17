"""Builds an object of every kind that has a reducer, writes what Python itself says of each to the file given, and waits.

Of each object: its address, the facts, attributes, elements and entries that a reducer must tell, and what the collector
says it refers to.
"""
import _asyncio
import _thread
import array
import asyncio
import collections
import contextvars
import csv
import ctypes
import datetime
import decimal
import functools
import gc
import hashlib
import io
import itertools
import json
import mmap
import multiprocessing
import operator
import os
import queue
import random
import re
import select
import socket
import sqlite3
import ssl
import struct
import sys
import tempfile
import threading
import zlib
import xml.etree.ElementTree as ElementTree

objects, told = [], []


def add(label, thing, facts=None, attributes=None, elements=None, entries=None, **more):
    objects.append((thing, attributes, elements, entries))
    told.append({
        "label": label,
        "address": id(thing),
        "facts": facts or {},
        "attributes": {name: id(value) for name, value in (attributes or {}).items()},
        "elements": None if elements is None else [id(element) for element in elements],
        "entries": None if entries is None else [[id(key), id(value)] for key, value in entries],
        **more,
    })
    return thing


def finish(path):
    for description, (thing, *_) in zip(told, objects):
        description["referents"] = [id(found) for found in gc.get_referents(thing) if found is not type(thing)]
    with open(path, "w") as file:
        json.dump(told, file)


ordered = collections.OrderedDict([("z%d" % i, i + 1000) for i in range(40)])
ordered.move_to_end("z3")
del ordered["z5"]
add("OrderedDict", ordered, entries=list(ordered.items()))
mixed = collections.OrderedDict([(1, "one"), ("two", 2.5)])
add("OrderedDict of any keys", mixed, entries=list(mixed.items()))
add("OrderedDict, empty", collections.OrderedDict(), entries=[])
add("odict_iterator", iter(ordered), attributes={"dict": ordered})
default = collections.defaultdict(list, {"k": ["v"]})
add("defaultdict", default, attributes={"default_factory": list}, entries=list(default.items()))
add("defaultdict without factory", collections.defaultdict(), facts={"default_factory": None}, entries=[])
numbers = collections.deque(range(5000, 5200), maxlen=300)
numbers.rotate(70)
add("deque", numbers, facts={"maxlen": 300}, elements=list(numbers))
add("deque, empty", collections.deque(), facts={"maxlen": None}, elements=[])
add("deque iterator", iter(numbers), facts={"remaining": 200}, attributes={"deque": numbers})
partial = functools.partial(max, 1, key=len)
add("partial", partial, attributes={"func": max, "args": partial.args, "keywords": partial.keywords})


def cached(maxsize):
    @functools.lru_cache(maxsize)
    def square(number):
        return [number]
    results = [(number, square(number)) for number in (3001, 3002, 3003)]
    square(3001)
    add("lru_cache(%r)" % maxsize, square, facts={"hits": 1, "misses": 3, "maxsize": maxsize, "currsize": 3, "typed": False},
        attributes={"__wrapped__": square.__wrapped__},
        entries=[(number, result) for number, result in results[1:] + results[:1]] if maxsize else results)
    return square


caches = cached(10), cached(None)
add("KeyWrapper", functools.cmp_to_key(operator.sub)(ordered), attributes={"obj": ordered, "cmp": operator.sub})
add("itemgetter", operator.itemgetter("a"), facts={"nitems": 1}, attributes={"item": sys.intern("a")})
add("attrgetter", operator.attrgetter("a.b"), facts={"nattrs": 1})
add("methodcaller", operator.methodcaller("go", 1, to=2), attributes={"name": sys.intern("go")})

source = [1001, 1002, 1003]
counter = add("count", itertools.count(7), facts={"count": 7})
huge = itertools.count(2 ** 70, 3)
add("count beyond words", huge, attributes={"count": huge.__reduce__()[1][0]} if sys.version_info < (3, 12) else {})
for maker in (itertools.chain, itertools.cycle):
    add(maker.__name__, maker(source))
add("repeat", itertools.repeat(source, 5), facts={"times": 5}, attributes={"object": source})
add("repeat for ever", itertools.repeat(source), facts={"times": None})
sliced = itertools.islice(source, 1, 10, 2)
next(sliced)
add("islice", sliced, facts={"next": 3, "stop": 10, "step": 2, "count": 2})
one, two = itertools.tee(iter(source))
next(one)
add("tee", one, facts={"index": 1})
add("tee data", next(found for found in gc.get_referents(one) if "dataobject" in type(found).__name__),
    elements=source[:1])
product = itertools.product("ab", [8001, 8002])
next(product), next(product)
add("product", product, facts={"indices": [0, 1], "stopped": False})
combined = itertools.combinations(source, 2)
next(combined), next(combined)
add("combinations", combined, facts={"indices": [0, 2], "r": 2})
add("combinations_with_replacement", itertools.combinations_with_replacement(source, 2), facts={"indices": [0, 0], "r": 2})
add("permutations", itertools.permutations(source, 2), facts={"indices": [0, 1, 2], "r": 2})
grouped = itertools.groupby(source, bool)
_, group = next(grouped)
add("groupby", grouped, attributes={"keyfunc": bool})
add("_grouper", group, attributes={"parent": grouped})
summed = itertools.accumulate(source, operator.add)
next(summed)
add("accumulate", summed, attributes={"total": source[0], "function": operator.add})
add("compress", itertools.compress(source, source))
add("dropwhile", itertools.dropwhile(bool, source), facts={"started": False}, attributes={"predicate": bool})
add("takewhile", itertools.takewhile(bool, source), facts={"stopped": False}, attributes={"predicate": bool})
add("filterfalse", itertools.filterfalse(bool, source), attributes={"predicate": bool})
add("starmap", itertools.starmap(max, [source]), attributes={"function": max})
add("zip_longest", itertools.zip_longest(source, source, fillvalue=ordered), facts={"numactive": 2}, attributes={"fillvalue": ordered})
if hasattr(itertools, "pairwise"):
    paired = itertools.pairwise(source)
    next(paired)
    add("pairwise", paired, attributes={"old": source[1]})
if hasattr(itertools, "batched"):
    add("batched", itertools.batched(source, 2), facts={"batch_size": 2})

loop = asyncio.new_event_loop()
future = _asyncio.Future(loop=loop)
future.add_done_callback(print)
add("Future", future, facts={"_state": "PENDING"}, attributes={"_loop": loop})
finished = _asyncio.Future(loop=loop)
finished.set_result(source)
add("Future, finished", finished, facts={"_state": "FINISHED"}, attributes={"_result": source})
failed = _asyncio.Future(loop=loop)
failed.set_exception(ValueError("x"))
add("Future, failed", failed, facts={"_state": "FINISHED", "_log_traceback": False}, attributes={"_exception": failed.exception()})
cancelled = _asyncio.Future(loop=loop)
cancelled.cancel()
add("Future, cancelled", cancelled, facts={"_state": "CANCELLED"})
add("FutureIter", iter(future), attributes={"future": future})


async def sleeper():
    await future

sleeping, named = sleeper(), sleeper()
task = _asyncio.Task(sleeping, loop=loop)
add("Task that has not begun", task, facts={"_state": "PENDING", "_must_cancel": False, "_log_destroy_pending": True},
    attributes={"_coro": sleeping, "_loop": loop})
loop.call_soon(loop.stop)
named_task = _asyncio.Task(named, loop=loop, name="a name")
loop.run_forever()
add("Task that waits", named_task, attributes={"_coro": named, "_name": named_task.get_name(), "_fut_waiter": future})

variables = [contextvars.ContextVar("v%d" % i, default=source) for i in range(50)]
tokens = [variable.set(i + 3000) for i, variable in enumerate(variables)]
context = contextvars.copy_context()
add("Context", context, facts={"entered": False}, entries=list(context.items()))
add("Context, empty", contextvars.Context(), entries=[])
add("ContextVar", variables[0], attributes={"name": variables[0].name, "default": source})
add("Token", tokens[0], facts={"used": False}, attributes={"var": variables[0]})

lock = _thread.allocate_lock()
add("lock", lock, facts={"locked": False})
held = _thread.allocate_lock()
held.acquire()
add("lock, held", held, facts={"locked": True})
again = threading.RLock()
again.acquire(), again.acquire()
add("RLock", again, facts={"count": 2, "owner": threading.get_ident()})
local = _thread._local()
local.here = "main"
ready, gate = threading.Event(), threading.Event()


def other():
    local.here = "other"
    ready.set()
    gate.wait()


thread = threading.Thread(target=other, daemon=True)
thread.start()
ready.wait()
add("_local", local, attributes={"__dict__": local.__dict__})
if hasattr(thread, "_handle"):
    add("_ThreadHandle", thread._handle, facts={"ident": thread.ident, "state": "running"})
simple = queue.SimpleQueue()
for i in range(9):
    simple.put(i + 9000)
for i in range(3):
    simple.get()
for i in range(3):
    simple.put(i + 9100)
add("SimpleQueue", simple, element_count=9)

folder = tempfile.mkdtemp()
path = os.path.join(folder, "file")
writer = open(path, "w+", encoding="utf-8")
writer.write("hällo\nwörld\n" * 3000)
writer.flush()
writer.write("pending")
add("TextIOWrapper, writing", writer, facts={"closed": False, "pending": 7, "position": 7 + os.path.getsize(path)},
    attributes={"buffer": writer.buffer})
add("FileIO", writer.buffer.raw, facts={"fd": writer.fileno(), "mode": writer.buffer.raw.mode, "closed": False})
for newline in (None, "", "\n"):
    for lines in (0, 1):
        reader = open(path, newline=newline, encoding="utf-8")
        reader.read(7)
        for _ in range(lines):
            reader.readline()
        add("TextIOWrapper, reading", reader, facts={"position": reader.tell()}, attributes={"buffer": reader.buffer})
binary = open(path, "rb")
binary.read(5)
add("BufferedReader", binary, facts={"position": 5, "closed": False}, attributes={"raw": binary.raw})
out = open(path + ".out", "wb")
out.write(b"waits")
add("BufferedWriter", out, facts={"position": 5, "unwritten": "waits"})
both = open(path + ".both", "w+b")
both.write(b"0123456789")
both.seek(4)
both.read(2)
add("BufferedRandom", both, facts={"position": 6})
closed = open(path)
closed.close()
add("TextIOWrapper, closed", closed, facts={"closed": True})
add("BufferedReader, closed", closed.buffer, facts={"closed": True})
pair = io.BufferedRWPair(binary.raw, out.raw)
add("BufferedRWPair", pair)
text = io.StringIO("a text€")
text.read(3)
add("StringIO", text, facts={"value": "a text€", "position": 3, "closed": False})
gathered = io.StringIO()
for i in range(500):
    gathered.write("piece %d " % i)
add("StringIO, gathered", gathered, facts={"value": "".join("piece %d " % i for i in range(500))})
memory = io.BytesIO(b"some bytes")
memory.seek(4)
add("BytesIO", memory, facts={"value": "some bytes", "position": 4})
add("_BytesIOBuffer", memory.getbuffer().obj, attributes={"source": memory})
scan = os.scandir(folder)
entry = next(scan)
add("ScandirIterator", scan, facts={"closed": False})
add("DirEntry", entry, facts={"inode": entry.inode(), "kind": "regular file"}, attributes={"name": entry.name, "path": entry.path})

server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
client = socket.create_connection(server.getsockname())
peer, _ = server.accept()
client.settimeout(1.5)
add("socket, listening", server, facts={
    "fd": server.fileno(), "family": int(server.family), "type": int(server.type), "proto": server.proto, "timeout": None,
    "laddr": list(server.getsockname()), "raddr": None, "status": "LISTEN"})
add("socket, connected", client, facts={
    "timeout": 1.5, "laddr": list(client.getsockname()), "raddr": list(client.getpeername()), "status": "ESTABLISHED"})
left, right = socket.socketpair()
add("socket, local", left, facts={"status": "CONNECTED", "closed": False})
gone = socket.socket()
gone.close()
add("socket, closed", gone, facts={"fd": -1, "closed": True})
poller = select.epoll()
poller.register(client, select.EPOLLIN)
add("epoll", poller, facts={"fd": poller.fileno(), "registered": [[client.fileno(), select.EPOLLIN | select.EPOLLERR | select.EPOLLHUP]]})
add("poll", select.poll())
tls = ssl.create_default_context()
add("SSLContext", tls, facts={"check_hostname": True})
incoming = ssl.MemoryBIO()
incoming.write_eof()
add("MemoryBIO", incoming, facts={"eof_written": True})
wrapped = tls.wrap_bio(incoming, ssl.MemoryBIO(), server_hostname="example.org")._sslobj
add("SSLSocket", wrapped, facts={"server_side": False}, attributes={"context": tls})
mapped = mmap.mmap(-1, 8192)
mapped.write(b"mapped")
add("mmap", mapped, facts={"size": 8192, "pos": 6, "fd": None, "closed": False})
for code in "bBhHiIlLqQfd":
    add("array " + code, array.array(code, [1, 2, 250 if code not in "b" else -3]),
        facts={"typecode": code, "items": [1, 2, 250 if code not in "b" else -3]})
add("array u", array.array("u", "a€"), facts={"items": ["a", "€"]})
add("struct", struct.Struct("<IH"), facts={"format": "<IH", "size": 6})
pattern = re.compile(r"(?P<y>\d+)-(x)?", re.I)
add("Pattern", pattern, facts={"flags": pattern.flags, "groups": 2}, attributes={"pattern": pattern.pattern})
match = pattern.match("  12-", 2)
add("Match", match, facts={"spans": [[2, 5], [2, 4], [-1, -1]], "pos": 2, "endpos": 5, "lastindex": 1},
    attributes={"re": pattern, "string": match.string})
zone = datetime.timezone(datetime.timedelta(hours=2), "two")
moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=zone)
clock = {"hour": 3, "minute": 4, "second": 5, "microsecond": 678901, "fold": 0}
add("datetime", moment, facts={"year": 2026, "month": 1, "day": 2, **clock}, attributes={"tzinfo": zone})
add("date", moment.date(), facts={"year": 2026, "month": 1, "day": 2})
add("time", moment.timetz(), facts=clock, attributes={"tzinfo": zone})
add("time without zone", moment.time(), facts={**clock, "tzinfo": None})
add("timedelta", datetime.timedelta(-3, 5, 7), facts={"days": -3, "seconds": 5, "microseconds": 7})
add("timezone", zone, attributes={"name": zone.tzname(None)})
for number in ("1.10", "-0.000001", "1E+30", "123456789012345678901234567890.5", "NaN", "-Infinity", "sNaN12", "0E-9", "1E-30"):
    add("Decimal " + number, decimal.Decimal(number), facts={"text": str(decimal.Decimal(number))})
add("decimal.Context", decimal.Context(prec=9, rounding=decimal.ROUND_DOWN), facts={"prec": 9, "rounding": "ROUND_DOWN"})
dice = random.Random(5)
add("Random", dice, facts={"index": dice.getstate()[1][-1], "state": list(dice.getstate()[1][:-1])})
for name in ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b"):
    try:
        add("hash " + name, hashlib.new(name), facts={"name": name})
    except ValueError:
        pass
database = sqlite3.connect(":memory:")
cursor = database.cursor()
cursor.execute("create table t(name text, size int)")
cursor.executemany("insert into t values(?, ?)", [("x", 1), ("y", 2), ("z", 3)])
add("Connection", database, facts={
    "total_changes": 3, "in_transaction": True, "closed": False,
    **({"isolation_level": database.isolation_level} if sys.version_info >= (3, 11) else {})})
database.row_factory = sqlite3.Row
rows = database.execute("select name, size from t")
row = rows.fetchone()
add("Cursor", rows, facts={"rowcount": rows.rowcount, "arraysize": 1}, attributes={"description": rows.description, "connection": database})
add("Row", row, elements=list(tuple(row)))
add("Statement", database("select 17"), facts={"sql": "select 17"} if sys.version_info >= (3, 11) else {})
add("c_int", ctypes.c_int(-5), facts={"value": -5, "size": 4})
add("c_double", ctypes.c_double(2.5), facts={"value": 2.5, "size": 8})
block = (ctypes.c_char * 5)(*b"block")
add("ctypes array", block, facts={"contents": "block", "size": 5, "length": 5, "owns_memory": True})
pointed = ctypes.pointer(block)
add("ctypes pointer", pointed, attributes={"_objects": pointed._objects})
add("CArgObject", ctypes.byref(block), attributes={"_obj": block})
library = ctypes.CDLL(None)
library.getpid.restype = ctypes.c_int
add("CFuncPtr", library.getpid)
tree = ElementTree.fromstring("<a k='v'>text<b/>tail<c/></a>")
add("Element", tree, attributes={"tag": tree.tag, "attrib": tree.attrib, "text": tree.text}, elements=list(tree))
add("Element without children", tree[0], attributes={"tail": tree[0].tail}, elements=[])
add("zlib", zlib.decompressobj(), facts={"eof": False})
rows_read = csv.reader(["a;b"], delimiter=";")
next(rows_read)
add("csv reader", rows_read, facts={"line_num": 1}, attributes={"dialect": rows_read.dialect})
add("csv dialect", rows_read.dialect, facts={"delimiter": ";", "quotechar": '"', "escapechar": None, "doublequote": True})
semaphore = multiprocessing.get_context("fork").Semaphore(3)._semlock
add("SemLock", semaphore, facts={"maxvalue": semaphore.maxvalue, "kind": "semaphore", "name": semaphore.name})

finish(sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
