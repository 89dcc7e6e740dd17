"""Heaps that are hostile to expressions: deep, wide, and made to call code."""
import array
import collections
import ctypes
import datetime
import decimal
import sys

deep = []
for _ in range(100_000):
    deep = [deep]
other = []
for _ in range(100_000):
    other = [other]
del _
million = dict.fromkeys(range(1_000_000), 1)
many = list(range(300_000))
ring = []
ring.extend([ring, ring])
text = "\x1b[2J\u202egnp.exe\n" * 10
calls = []


class Calls:
    """Each of its methods notes that it was called."""

    def __getattr__(self, name):
        calls.append(name)
        raise AttributeError(name)

    def __len__(self):
        calls.append("len")
        return 1

    def __eq__(self, other):
        calls.append("eq")
        return True

    __hash__ = object.__hash__

    def __repr__(self):
        calls.append("repr")
        return "repr"

    def __getitem__(self, at):
        calls.append("getitem")
        return at

    def __iter__(self):
        calls.append("iter")
        return iter(())

    def __bool__(self):
        calls.append("bool")
        return True

    def __add__(self, other):
        calls.append("add")
        return self

    def __lt__(self, other):
        calls.append("lt")
        return True

    def __call__(self):
        calls.append("call")

    def __contains__(self, item):
        calls.append("contains")
        return True

    def __format__(self, specification):
        calls.append("format")
        return ""

    def __neg__(self):
        calls.append("neg")
        return self

    def __abs__(self):
        calls.append("abs")
        return self

    def __int__(self):
        calls.append("int")
        return 1

    @property
    def dear(self):
        calls.append("property")
        return 1

    def total(self):
        calls.append("method")


class Order(list):
    def __len__(self):
        return 5


class Missing(dict):
    def __missing__(self, key):
        return key


class Lazy:
    def __get__(self, owner, kind):
        return 1

    def __set__(self, owner, value):
        pass


class Has:
    lazy = Lazy()


class Claims:
    @property
    def __class__(self):
        calls.append("class")
        return int


class Meta(type):
    def __getattr__(cls, name):
        calls.append("meta")
        return name

    @property
    def dear(cls):
        calls.append("meta property")
        return 1


class Made(metaclass=Meta):
    pass


class Structure(ctypes.Structure):
    _fields_ = [("wide", ctypes.c_int)]


x = Calls()
structure = Structure(7)
claims = Claims()
dec, span, memory, numbers = decimal.Decimal("1.50"), datetime.timedelta(1, 5), memoryview(b"abc"), array.array("i", [5, 6, 7])
ordered, defaults, queue = collections.OrderedDict(a=1), collections.defaultdict(list, a=[1]), collections.deque([1])
order = Order([1, 2, 3])
missing = Missing(a=1)
has = Has()


def work(first, unbound_later):
    kept = first + 1
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    late = kept
    return late


def outer():
    inside = "cell"
    _ = "own"

    def inner():
        return inside, work(41, None)
    inner()


outer()
