"""The acceptance cases of values, each in the locals of a generator that is suspended: one process for all of them.

Arguments: where to write the description, and the dump from inside.  The description is written first, by this Python's own
means: of each local its address, type and what the collector says that it refers to, and facts that the case states.  Then
the process dumps itself, waits for being dumped from outside, and goes on with what it was doing.
"""
import asyncio
import collections
import concurrent.futures
import ctypes
import gc
import io
import itertools
import json
import mmap
import os
import select
import selectors
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
import weakref

import shopping
from shopping import COUNTS, Shop, Watched

FOLDER = os.path.dirname(os.path.abspath(__file__))
CASES = {}
#: what must still be so after the dumps: functions that say what is wrong, or nothing
AFTERWARDS = []
STOP = threading.Event()


def case(function):
    CASES[function.__name__] = function
    return function


def afterwards(function):
    AFTERWARDS.append(function)
    return function


class Order:
    """A class of `__main__`."""

    kind = "order"

    def __init__(self, number):
        self.number = number

    def double(self):
        return self.number * 2


class Special(Order):
    __slots__ = ("extra",)


# -- modules and classes

@case
def v1_v2_v3():
    shopping.setting = 999
    shopping.added = added = ["added at run time"]
    del shopping.removed
    Shop.late = late = ("late",)
    Shop.total = shopping.patched
    module, shop = shopping, Shop([2, 3])
    yield {"late": id(late), "added": id(added), "patched": id(shopping.patched)}


@case
def v4():
    suspended = shopping.crash(4)
    next(suspended)
    function, module, names = shopping.crash, shopping, vars(shopping)
    frame = suspended.gi_frame
    yield {"globals": id(function.__globals__), "names": sorted(names)}


@case
def v5():
    order, special = Order(5), Special(6)
    special.extra = "in a slot"
    kinds = Order, Special
    yield {"order": id(Order), "special": id(Special), "attributes": sorted(vars(Order))}


@case
def v6():
    shop = Shop([2, 3])
    yield {"kind": id(Shop)}


# -- iterators and compiled formats

def mid_course():
    """Iterators in the middle of their way, with what is still to come of each; made twice, to have the rest of one."""
    def stepped(iterator, steps=1):
        for _ in range(steps):
            next(iterator)
        return iterator

    pairs = {"a": 1, "b": 2, "c": 3, "d": 4}
    many = {number * 10 for number in range(6)}
    tees = itertools.tee(iter([1, 2, 3, 4, 5]), 2)
    groups = itertools.groupby([1, 1, 2, 2, 2, 3])
    next(groups)
    made = {
        "list": stepped(iter([1, 2, 3, 4]), 2), "tuple": stepped(iter((1, 2, 3, 4)), 2), "dict": stepped(iter(pairs), 2),
        "values": stepped(iter(pairs.values()), 2), "items": stepped(iter(pairs.items()), 2), "set": stepped(iter(many), 2),
        "range": stepped(iter(range(10, 100, 7)), 2), "long range": stepped(iter(range(1 << 70, (1 << 70) + 50, 7)), 2),
        "reversed": stepped(reversed([1, 2, 3, 4]), 2), "text": stepped(iter("abcdef"), 2), "wide": stepped(iter("\u20acbcdef"), 2),
        "bytes": stepped(iter(b"abcdef"), 2), "ended": stepped(iter([1]), 1), "deque": stepped(iter(collections.deque([1, 2, 3, 4])), 2),
        "reversed deque": stepped(reversed(collections.deque([1, 2, 3, 4])), 2),
        "chain": stepped(itertools.chain([1], [2], [3, 4])), "flat": stepped(itertools.chain.from_iterable([[1, 2], [3], [4]])),
        "cycle": stepped(itertools.cycle([1, 2, 3]), 2), "second round": stepped(itertools.cycle([1, 2, 3]), 5),
        "tee": stepped(tees[0], 3), "other tee": stepped(tees[1]),
        "map": stepped(map(int, ["1", "2", "3"])), "zip": stepped(zip([1, 2, 3], "abc", range(5))), "filter": stepped(filter(None, [0, 1, 0, 2, 3])),
        "islice": stepped(itertools.islice([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 1, 9, 2)), "accumulate": stepped(itertools.accumulate([1, 2, 3, 4]), 2),
        "count": stepped(itertools.count(5, 2), 2), "large count": stepped(itertools.count(1 << 80), 2), "repeat": stepped(itertools.repeat("x", 5)),
        "enumerate": stepped(enumerate("abcd", 10)), "large enumerate": stepped(enumerate("abcd", 1 << 70)),
        "zip_longest": stepped(itertools.zip_longest([1, 2, 3], "a", fillvalue="-")), "starmap": stepped(itertools.starmap(int, [("10", 3), ("11", 2), ("77", 8)])),
        "takewhile": stepped(itertools.takewhile(bool, [1, 2, 0, 3])), "dropwhile": stepped(itertools.dropwhile(bool, [1, 0, 2, 0])),
        "filterfalse": stepped(itertools.filterfalse(bool, [0, 1, 0, 0])), "compress": stepped(itertools.compress("abcdef", [1, 0, 1, 1, 0, 1])),
        "product": stepped(itertools.product([1, 2], "ab"), 2), "permutations": stepped(itertools.permutations([1, 2, 3], 2), 2),
        "combinations": stepped(itertools.combinations([1, 2, 3, 4], 2), 2),
        "with replacement": stepped(itertools.combinations_with_replacement([1, 2, 3], 2), 2),
        "groupby": groups, "own map": stepped(map(lambda number: number + 1, [1, 2, 3])),
    }
    return made


def rest_of(name, iterator):
    """What is still to come, in words that JSON has."""
    rest = itertools.islice(iterator, 12)
    if name == "groupby":
        return [[key, list(group)] for key, group in rest]
    return [list(item) if isinstance(item, tuple) else item for item in rest]


@case
def c2_v7():
    iterators = mid_course()
    rest = {name: rest_of(name, iterator) for name, iterator in mid_course().items() if "tee" not in name}
    rest["tee"], rest["other tee"] = [4, 5], [2, 3, 4, 5]

    @afterwards
    def unstepped():
        found = {name: rest_of(name, iterator) for name, iterator in iterators.items() if "tee" not in name}
        found["tee"], found["other tee"] = list(iterators["tee"]), list(iterators["other tee"])
        return [(name, found[name], rest[name]) for name in rest if found[name] != rest[name]]

    yield {"rest": rest}


@case
def c1():
    def numbers(limit):
        local_in_generator = ["held"]
        for number in range(limit):
            yield number
        yield local_in_generator

    async def waits(future):
        local_in_coroutine = 7
        return await future

    async def ticks():
        for number in range(3):
            local_in_async = number
            yield local_in_async

    def outer(inner):
        label = "outer"
        yield from inner

    generator, expression, inner = numbers(4), (number * number for number in range(4)), numbers(3)
    delegating = outer(inner)
    next(generator), next(generator), next(expression), next(expression), next(delegating)
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    coroutine = waits(future)
    coroutine.send(None)
    async_generator = ticks()
    step = async_generator.asend(None)
    try:
        step.send(None)
    except StopIteration:
        pass
    made = {"generator": generator, "expression": expression, "delegating": delegating, "coroutine": coroutine, "async": async_generator}
    lines = [generator.gi_frame.f_lineno, expression.gi_frame.f_lineno, delegating.gi_frame.f_lineno, coroutine.cr_frame.f_lineno,
             async_generator.ag_frame.f_lineno]

    @afterwards
    def goes_on():
        found = [next(generator), next(expression), next(delegating)]
        loop.close()
        coroutine.close()
        return [] if found == [2, 4, 1] else [found]

    yield {"lines": dict(zip(made, lines)), "inner": id(inner), "future": id(future)}


@case
def c3():
    import re

    match = re.search(r"(\w+) (?P<second>\w+)( never)?", "hello wide world", re.I)
    ellipsis, singleton = ..., NotImplemented
    mapping = {"k": [1], "l": [2]}
    keys, values, items = mapping.keys(), mapping.values(), mapping.items()
    held = shopping.crash(3)
    next(held)
    frame = held.gi_frame
    try:
        [][1]
    except IndexError as problem:
        traceback = problem.__traceback__
    yield {"spans": [list(match.span(number)) for number in range(4)], "mapping": id(mapping), "ellipsis": id(...), "not": id(NotImplemented),
           "keys": [id(key) for key in mapping], "values": [id(value) for value in mapping.values()], "frame line": frame.f_lineno,
           "frame code": id(frame.f_code), "frame globals": id(frame.f_globals), "traceback": [traceback.tb_lineno, traceback.tb_lasti, id(traceback.tb_frame)]}


@case
def v8():
    plain, native = struct.Struct("<i"), struct.Struct("@2hq3s")
    yield {"plain": ["<i", 4], "native": ["@2hq3s", native.size]}


@case
def v9():
    path = os.path.join(FOLDER, "a database.sqlite")
    connection = sqlite3.connect(path)
    connection.execute("create table orders (number integer, name text)")
    connection.executemany("insert into orders values (?, ?)", [(number, "order %d" % number) for number in range(10)])
    connection.commit()
    cursor = connection.execute("select number, name from orders where number > ? order by number", (3,))
    rows = [cursor.fetchone(), cursor.fetchone()]
    memory = sqlite3.connect(":memory:", isolation_level=None)
    closed = sqlite3.connect(path)
    closed.close()

    @afterwards
    def next_row():
        found = cursor.fetchone()
        return [] if found == (6, "order 6") else [found]

    yield {"path": path, "level": connection.isolation_level, "changes": connection.total_changes}


# -- files, sockets, polls

@case
def v10():
    def name(title):
        return os.path.join(FOLDER, title + ".txt")

    for title in ("raw", "buffered", "text", "updated", "gone"):
        with open(name(title), "w") as file:
            file.write("0123456789\r\nabcdefghij\r\n" * 3)
    raw, buffered = open(name("raw"), "rb", 0), open(name("buffered"), "rb")
    text, updated = open(name("text"), encoding="iso-8859-1", errors="replace", newline="\r\n"), open(name("updated"), "r+b")
    written, appended = open(name("written"), "w", encoding="utf-16", newline="\r\n"), open(name("appended"), "ab")
    gone = open(name("gone"), "rb")
    for file in (raw, buffered, text, updated, gone):
        file.read(7)
    written.write("unflushed \u20ac")
    appended.write(b"seven b")
    os.unlink(name("gone"))
    temporary = tempfile.NamedTemporaryFile(prefix="of the program", dir=FOLDER)
    temporary.write(b"seven b")
    nameless = tempfile.TemporaryFile(dir=FOLDER)
    spooled = tempfile.SpooledTemporaryFile()
    spooled.write(b"seven b")
    closed = open(name("text"))
    closed.close()
    output = sys.stdout
    open_files = {"raw": raw, "buffered": buffered, "text": text, "updated": updated, "written": written, "appended": appended, "gone": gone,
                  "nameless": nameless}
    facts = {title: [file.fileno(), os.fstat(file.fileno()).st_dev, os.fstat(file.fileno()).st_ino] for title, file in open_files.items()}

    @afterwards
    def positions():
        found = [file.tell() for file in (raw, buffered, text, updated, gone, appended)]
        temporary.close()
        return [] if found == [7] * 6 else [found]

    yield {"descriptors": facts, "temporary": temporary.name, "folder": FOLDER}


@case
def v11():
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(5)
    connected = socket.create_connection(listening.getsockname())
    accepted, _ = listening.accept()
    connected.settimeout(2.5)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(os.path.join(FOLDER, "named.socket"))
    unix.listen(1)
    left, right = socket.socketpair()
    closed = socket.socket()
    closed.close()
    made = {"listening": listening, "connected": connected, "accepted": accepted, "udp": udp}
    addresses = {name: [list(one.getsockname()), list(one.getpeername()) if name in ("connected", "accepted") else None, one.fileno()] for name, one in made.items()}
    addresses["unix"] = [unix.getsockname(), None, unix.fileno()]

    @afterwards
    def still_talk():
        connected.sendall(b"x")
        left.sendall(b"y")
        return [] if (accepted.recv(1), right.recv(1)) == (b"x", b"y") else ["the sockets"]

    yield {"addresses": addresses, "constants": [int(socket.AF_INET), int(socket.SOCK_STREAM), int(socket.SOCK_DGRAM), int(socket.AF_UNIX)]}


@case
def v12():
    ends = [os.pipe() for _ in range(3)]
    masks = [(ends[0][0], select.EPOLLIN), (ends[1][0], select.EPOLLIN | select.EPOLLET), (ends[2][1], select.EPOLLOUT)]
    epoll, poll, selector = select.epoll(), select.poll(), selectors.DefaultSelector()
    for descriptor, mask in masks:
        epoll.register(descriptor, mask)
        poll.register(descriptor, mask & 7)
    selector.register(ends[0][0], selectors.EVENT_READ, data="what is read")

    @afterwards
    def close():
        found = sorted(epoll.poll(0))
        return [] if found == [(ends[2][1], select.EPOLLOUT)] else [found]

    yield {"masks": [[descriptor, mask & 0xFFFFFFFF] for descriptor, mask in masks], "fd": epoll.fileno(), "selected": ends[0][0]}


# -- references and memory

class Target:
    def __init__(self, name):
        self.name = name

    def method(self):
        return self.name

    def __call__(self):
        return self.name


@case
def v13():
    def gone(reference):
        return reference

    alive, called, key, only = Target("alive"), Target("called"), Target("key"), Target("weakly held only")
    with_callback, proxy, callable_proxy = weakref.ref(alive, gone), weakref.proxy(alive), weakref.proxy(called)
    method, finalizer = weakref.WeakMethod(alive.method), weakref.finalize(alive, len, "never")
    finalizer.atexit = False
    values, keys, weak_set = weakref.WeakValueDictionary(a=alive, c=called), weakref.WeakKeyDictionary({key: "value"}), weakref.WeakSet([alive, key])
    # held by code in C that nobody can see: one reference more than there are holders
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(only))
    weakly = weakref.ref(only)
    dead_target = Target("dead")
    dead = weakref.ref(dead_target)
    ids = {"alive": id(alive), "called": id(called), "key": id(key), "only": id(only), "gone": id(gone)}
    del dead_target, only
    yield ids


LOCALS = {}


@case
def v14():
    def set_it(number, ready):
        local.value = ["of thread", number]
        LOCALS[number] = [threading.get_ident(), id(local.value)]
        ready.set()
        STOP.wait()

    local = threading.local()
    local.value = ["of thread", 0]
    LOCALS[0] = [threading.get_ident(), id(local.value)]
    threads = []
    for number in (1, 2):
        ready = threading.Event()
        threads.append(threading.Thread(target=set_it, args=(number, ready), name="setter-%d" % number))
        threads[-1].start()
        ready.wait()
    yield {"locals": LOCALS}


@case
def v15():
    path = os.path.join(FOLDER, "mapped.bin")
    with open(path, "wb") as file:
        file.write(bytes(range(256)) * 64)
    anonymous = mmap.mmap(-1, 8192)
    anonymous[:5] = b"hello"
    anonymous.seek(3)
    with open(path, "r+b") as file:
        mapped = mmap.mmap(file.fileno(), 4096, offset=mmap.ALLOCATIONGRANULARITY)
    base = bytearray(range(48))
    strided = memoryview(base)[4:40:3]
    shaped = memoryview(base).cast("B", [6, 8])
    over_bytes = memoryview(b"seen through")
    of_map = memoryview(anonymous)[:10]

    @afterwards
    def intact():
        found = [bytes(anonymous[:5]), anonymous.tell(), strided.tolist()]
        return [] if found == [b"hello", 3, list(range(4, 40, 3))] else [found]

    yield {"path": path, "offset": mmap.ALLOCATIONGRANULARITY, "base": id(base), "anonymous": id(anonymous), "strided": [strided.ndim, list(strided.shape), list(strided.strides), strided.format],
           "shaped": [shaped.ndim, list(shaped.shape), list(shaped.strides), shaped.format], "content": list(strided.tolist())}


# -- hostile ones

class Hostile:
    def __init__(self):
        object.__setattr__(self, "inside", "attribute")

    def __getattribute__(self, name):
        COUNTS["__getattribute__"] = COUNTS.get("__getattribute__", 0) + 1
        raise SystemExit(name)


class Liar:
    def __init__(self):
        self.inside = "attribute"

    @property
    def __class__(self):
        COUNTS["__class__"] = COUNTS.get("__class__", 0) + 1
        return dict


class Shadowed:
    __dict__ = 7

    def __init__(self):
        self.inside = "attribute"


class Unprintable:
    def __init__(self):
        self.inside = "attribute"

    def __repr__(self):
        COUNTS["__repr__"] = COUNTS.get("__repr__", 0) + 1
        raise ValueError("no")


@case
def v16():
    hostile, liar, shadowed = Hostile(), Liar(), Shadowed()
    yield {"kinds": [id(Hostile), id(Liar), id(Shadowed)]}


@case
def v17():
    logged = {"in": "the log"}
    yield {"address": id(logged)}


@case
def v18():
    problem = None
    yield {"argv": sys.argv, "flags": {name: int(getattr(sys.flags, name)) for name in ("optimize", "isolated", "utf8_mode", "hash_randomization")},
           "executable": sys.executable, "path": sys.path, "gc": gc.isenabled(), "threshold": list(gc.get_threshold()), "host": os.uname().nodename, "platform": sys.platform,
           "native": threading.get_native_id(), "ident": threading.get_ident(), "hexversion": sys.hexversion, "time": time.time(), "build": sys.version}


# -- exceptions

class Refusing(Exception):
    def __init__(self, code, text):
        COUNTS["constructor"] = COUNTS.get("constructor", 0) + 1
        super().__init__(text)
        self.code = code


@case
def v19():
    try:
        try:
            raise KeyError("first")
        except KeyError as first:
            raise Refusing(7, "second") from first
    except Refusing as caught:
        refusing = caught
    try:
        try:
            raise OSError(2, "not there", "a file")
        except OSError:
            raise ValueError("in context")
    except ValueError as caught:
        contextual = caught
    if sys.version_info >= (3, 11):
        refusing.add_note("a note")
        group = ExceptionGroup("several", [refusing, TypeError("t")])
    COUNTS.pop("constructor")
    yield {"cause": id(refusing.__cause__), "context": id(contextual.__context__), "line": refusing.__traceback__.tb_lineno}


@case
def v20():
    unprintable = Unprintable()
    yield {}


# -- sources

@case
def v21():
    def of_file(folder, text, name="the_same.py"):
        path = os.path.join(FOLDER, folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        os.utime(path, (1e9, 1e9))
        names = {}
        exec(compile(text, path, "exec"), names)
        suspended = names["work"]()
        next(suspended)
        return path, suspended

    first_path, first = of_file("first", "def work():\n    here = 'first'\n    yield here\n")
    second_path, second = of_file("second", "# another file of the same name\ndef work():\n    here = 'second'\n    yield here\n")
    missing_path, missing = of_file("missing", "def work():\n    here = 'missing'\n    yield here\n")
    os.unlink(missing_path)
    changed_path, changed = os.path.join(FOLDER, "changed_later.py"), None
    with open(changed_path, "w") as file:
        file.write("def work():\n    here = 'as imported'\n    yield here\n")
    os.utime(changed_path, (1e9, 1e9))
    import changed_later

    changed = changed_later.work()
    next(changed)
    with open(changed_path, "w") as file:
        file.write("# a line more\n# and another\ndef work():\n    here = 'as it is on disk'\n    yield here\n")
    # not within the second in which the process was started
    os.utime(changed_path, (time.time() + 10,) * 2)
    yield {"paths": [first_path, second_path, missing_path, changed_path]}


# -- processes and threads

@case
def v22():
    def report(number):
        STOP.wait()
        return number * 2

    def ended():
        pass

    running = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    finished = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    finished.wait()
    alive = threading.Thread(target=report, args=(4,), name="alive", daemon=True)
    alive.start()
    over = threading.Thread(target=ended, name="over")
    over.start()
    over.join()
    waiting = threading.Thread(target=report, name="not started")
    executor = concurrent.futures.ThreadPoolExecutor(1, "pool")
    futures = [executor.submit(report, number) for number in range(3)]
    folder = tempfile.TemporaryDirectory(dir=FOLDER)

    @afterwards
    def collect():
        running.stdin.close()
        found = [future.result() for future in futures] + [running.wait()]
        running.stdout.close()
        executor.shutdown()
        alive.join()
        folder.cleanup()
        return [] if found == [0, 2, 4, 0] or found == [0, 2, 4, 1] else [found]

    deadline = time.monotonic() + 60
    while not futures[0].running() and time.monotonic() < deadline:
        pass
    yield {"running": [running.pid, running.stdin.fileno(), running.stdout.fileno()], "finished": finished.pid, "alive": [alive.ident, alive.native_id],
           "folder": folder.name, "report": id(report), "work": [id(future) for future in futures]}


# -- objects that would rather not be saved

class Sleeping(Watched):
    def __getstate__(self):
        COUNTS["slept"] = COUNTS.get("slept", 0) + 1
        STOP.wait()


class Raising(Watched):
    def __reduce_ex__(self, protocol):
        COUNTS["raised"] = COUNTS.get("raised", 0) + 1
        raise self.kind

    def __getattr__(self, name):
        COUNTS["raised"] = COUNTS.get("raised", 0) + 1
        raise SystemExit(name)


class Changing(Watched):
    def __getstate__(self):
        vars(self)["calls"] += 1
        return {}


class Unpicklable(Watched):
    def __reduce_ex__(self, protocol):
        raise TypeError("not this one")

    @property
    def counting(self):
        vars(self)["calls"] += 1
        return 1


@case
def c13_c14_c15_c16():
    sleeping, exiting, interrupting = Sleeping(held=[1, 2]), Raising(kind=SystemExit), Raising(kind=KeyboardInterrupt)
    changing, unpicklable = Changing(calls=0), Unpicklable(calls=0)
    yield {}


def described(value):
    """Address, type and what the collector says that it refers to; nothing of the object's own is asked."""
    kind = type(value)
    qualified = kind.__qualname__ if kind.__module__ == "builtins" else "%s.%s" % (kind.__module__, kind.__qualname__)
    referents = [id(each) for each in gc.get_referents(value)] if gc.is_tracked(value) else []
    return [id(value), qualified, id(kind), referents]


def main():
    watched = {}
    suspended, description = {}, {}
    for name, function in CASES.items():
        generator = function()
        facts = next(generator)
        watched[name] = Watched(case=name)
        suspended[name] = generator
        description[name] = {"facts": facts, "locals": {}}
    for name, generator in suspended.items():
        for key, value in list(generator.gi_frame.f_locals.items()):
            description[name]["locals"][key] = described(value)
    with open(sys.argv[1], "w") as file:
        json.dump(description, file)
    COUNTS.clear()
    import heapsake

    before = set(sys.modules)
    heapsake.dump(sys.argv[2])
    extra = sorted(name for name in set(sys.modules) - before if not name.startswith(("heapsake", "_heapsake")))
    print("ready", flush=True)
    sys.stdin.readline()
    problems = [["called", name, count] for name, count in COUNTS.items()] + [["imported", name] for name in extra]
    STOP.set()
    for check in AFTERWARDS:
        problems.extend([check.__name__, repr(problem)] for problem in check())
    print(json.dumps(problems), flush=True)


if __name__ == "__main__":
    main()
