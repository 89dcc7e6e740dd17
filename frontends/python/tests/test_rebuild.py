"""What views become: values, identity, cycles, classes without code, what is lazy, what refuses."""
import array
import asyncio
import collections
import datetime
import decimal
import enum
import fractions
import functools
import inspect
import os
import pathlib
import sys
import tempfile
import threading
import types
import unittest
import uuid

import fake

import heapsake
from heapsake import _repr, rebuild

CALLS = []


class Plain:
    shared = "of the class"

    def __init__(self):
        self.number = 1
        self.me = self
        self.box = [self]

    def method(self):
        CALLS.append("method")

    @property
    def lazy(self):
        CALLS.append("property")
        return 1

    @classmethod
    def of_class(cls):
        CALLS.append("classmethod")


class Slotted:
    __slots__ = ("one", "two")


class ListSub(list):
    pass


class DictSub(dict):
    pass


class StrSub(str):
    pass


class IntSub(int):
    pass


class TupleSub(tuple):
    pass


class SetSub(set):
    pass


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 3


class Meta(type):
    def __getattr__(cls, name):
        CALLS.append("metaclass")
        raise AttributeError(name)


class WithMeta(metaclass=Meta):
    setting = "kept"


class Hostile:
    def __init__(self):
        self.payload = "there"

    def __eq__(self, other):
        CALLS.append("__eq__")
        raise ValueError

    def __hash__(self):
        return 1

    def __repr__(self):
        CALLS.append("__repr__")
        raise ValueError

    def __getattr__(self, name):
        CALLS.append("__getattr__")
        raise ValueError

    __bool__ = __len__ = __iter__ = __repr__


class AppError(ValueError):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


Pair = collections.namedtuple("Pair", "left right")


def function(a, b=3, *rest, c="kw", **options):
    CALLS.append("function")
    return a


def closure():
    held = {"inner": 1}

    def inner(z):
        return held, z

    return inner


class RebuildCase(unittest.TestCase):
    def setUp(self):
        del CALLS[:]
        self.dump = fake.FakeDump()

    def tearDown(self):
        self.assertEqual(CALLS, [], "code of the program ran")

    def again(self, value):
        return rebuild.rebuild(self.dump.view(value))


class Buffers(unittest.TestCase):
    def test_memoryviews_show_what_they_showed(self):
        data = bytearray(b"abc\xff\x00f")
        shown = [memoryview(data), memoryview(bytes(data)), memoryview(data)[::-1], memoryview(data).cast("c"), memoryview(data).cast("b"),
                 memoryview(data).cast("?")[::-1]]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "views.heapsake")
            heapsake.dump(path)
            views = heapsake.load(path).threads[0].frames[-1].locals["shown"]
            for one, again in zip(shown, views.rebuild()):
                self.assertEqual((again.tolist(), again.strides, again.format, again.readonly), (one.tolist(), one.strides, one.format, one.readonly))


class Values(RebuildCase):
    def test_functions_share_their_cells(self):
        count = 0

        def add():
            nonlocal count
            count += 1

        def get():
            return count

        first, second, cell = self.again((add, get, add.__closure__[0]))
        self.assertIs(first.__closure__[0], second.__closure__[0])
        self.assertIs(first.__closure__[0], cell)

    def test_asking_for_the_cause_does_not_hide_the_context(self):
        try:
            try:
                raise KeyError("first")
            except KeyError:
                raise ValueError("second")
        except ValueError as problem:
            made = self.again(problem)
        self.assertIsNone(made.__cause__)
        self.assertFalse(made.__suppress_context__)
        self.assertEqual(made.__context__.args, ("first",))

    def test_none_is_a_key(self):
        self.assertEqual(_repr.one_line({None: [1]}), "{None: [1]}")
        self.assertEqual(_repr.one_line(self.again({None: [None]})), "{None: [None]}")

    def test_exact_builtins_are_real(self):
        for value in (None, True, 0, -5, 2 ** 300, 1.5, float("inf"), 1 + 2j, "a\udc80\U0001F600\0z", b"\x00\xff", bytearray(b"mutable"), [1, [2]],
                      (1, (2, [3])), {"a": {1: 2}}, {1, 2}, frozenset([(1, 2)]), range(3, 30, 4), slice(1, 9, 2), Ellipsis, NotImplemented,
                      [], (), {}, set(), frozenset(), "", {1: "one", (2, 3): "tuple", None: "none"}):
            found = self.again(value)
            self.assertIs(type(found), type(value))
            self.assertEqual(found, value)
            if isinstance(value, (list, dict, set, bytearray)):
                self.assertIsNot(found, value)

    def test_library_values_are_real(self):
        zone = datetime.timezone(datetime.timedelta(hours=2))
        for value in (datetime.datetime(2026, 1, 2, 3, 4, 5, 6, zone), datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc), datetime.date(2026, 1, 2),
                      datetime.time(1, 2), datetime.timedelta(2, 5), decimal.Decimal("1.10"), decimal.Decimal("-Infinity"), fractions.Fraction(3, 7),
                      uuid.UUID(int=5), pathlib.PurePosixPath("/a/b.txt"), pathlib.PureWindowsPath("c:\\x"), collections.deque([1, "two"], maxlen=5),
                      collections.OrderedDict([("z", 1), ("a", 2)]), collections.Counter("mississippi"), types.SimpleNamespace(deep=[1, 2]),
                      array.array("d", [1.5, 2.5]), types.MappingProxyType({"a": 1})):
            found = self.again(value)
            self.assertIs(type(found), type(value))
            self.assertEqual(dict(found) if isinstance(value, types.MappingProxyType) else found,
                             dict(value) if isinstance(value, types.MappingProxyType) else value)
        self.assertEqual(str(self.again(pathlib.PosixPath("/x/y"))), "/x/y")
        self.assertIsInstance(self.again(pathlib.PosixPath("/x/y")), pathlib.PurePosixPath)
        self.assertEqual(self.again(collections.deque([1], 3)).maxlen, 3)
        grouped = self.again(collections.defaultdict(list, {"k": [1]}))
        self.assertEqual((grouped["k"], grouped.default_factory), ([1], list))

    def test_subclasses_keep_payload_attributes_and_name(self):
        for value in (ListSub([1, 2]), DictSub(a=1), StrSub("text"), IntSub(7), TupleSub([1, 2]), SetSub([1])):
            value.extra = "kept"
            found = self.again(value)
            kind = type(found)
            self.assertIsNot(kind, type(value))
            self.assertEqual((kind.__name__, kind.__qualname__, kind.__module__), (type(value).__name__, type(value).__qualname__, __name__))
            self.assertEqual(found.extra, "kept")
            self.assertIsInstance(found, type(value).__mro__[1])
            self.assertEqual(list(found) if not isinstance(value, int) else found, list(value) if not isinstance(value, int) else value)
            self.assertEqual(found, value)

    def test_identity_and_cycles(self):
        shared = [1]
        for value in ([shared, shared], {"a": shared, "b": shared}, (shared, shared)):
            found = list(self.again(value).values() if isinstance(value, dict) else self.again(value))
            self.assertIs(found[0], found[1])
        loop = []
        loop.append(loop)
        found = self.again(loop)
        self.assertIs(found[0], found)
        table = {}
        table["me"] = table
        found = self.again(table)
        self.assertIs(found["me"], found)
        pair = ([],)
        pair[0].append(pair)
        found = self.again(pair)
        self.assertIs(found[0][0], found)
        self.assertIs(self.again(pair), found)
        one = Plain()
        found = self.again(one)
        self.assertIs(found.me, found)
        self.assertIs(found.box[0], found)

    def test_a_tuple_within_itself(self):
        dump = self.dump
        view = dump.view((1, 2))
        view.subject = itself = [None, 5]

        class Cyclic:
            items = None

        items = fake.FakeItems(dump, itself, False)
        view.__class__ = type("TupleView", (fake.FakeView,), {"type_name": "tuple", "bases": ["tuple", "object"], "items": items, "value": None})
        itself[0] = "placeholder"
        type(view).items = [view, dump.view(5)]
        found = rebuild.rebuild(view)
        self.assertIsInstance(found, tuple)
        self.assertIs(found[0], found)
        self.assertEqual((found[1], len(found)), (5, 2))
        self.assertIn("5", repr(found))
        self.assertTrue(Cyclic)

    def test_deep_and_large(self):
        deep, nested = [], ()
        for _ in range(100000):
            deep, nested = [deep], (nested,)
        found, steps = self.again(deep), 0
        while found:
            found, steps = found[0], steps + 1
        self.assertEqual(steps, 100000)
        self.assertLess(len(repr(self.again(deep)[0] if type(self.again(deep)) is not list else rebuild._containers._repr.one_line(self.again(deep)))), 200)
        found, steps = self.again(nested), 0
        while len(found):
            found, steps = found[0], steps + 1
        self.assertEqual(steps, 100000)
        before = self.dump.items_read
        large = self.again([[number] for number in range(200000)])
        self.assertEqual(len(large), 200000)
        self.assertIn("199,900 more", repr(large))
        self.assertEqual(large[150000], [150000])
        self.assertIs(large[150000], large[150000])
        self.assertEqual(large[-1], [199999])
        self.assertLess(self.dump.items_read - before, 1000)

    def test_numbers_of_any_length(self):
        for number in (1 << 524279, -(1 << 524287), 1 << 524288, -(10 ** 200000)):
            found = self.again(number)
            self.assertIs(type(found), int)
            self.assertEqual(found, number)

    def test_large_containers_behave(self):
        numbers = list(range(3000))
        found = self.again(numbers)
        self.assertIsInstance(found, list)
        self.assertEqual(found[10:12], [10, 11])
        self.assertEqual(sum(found), sum(numbers))
        self.assertEqual([1] + found, [1] + numbers)
        self.assertEqual(found, numbers)
        found.append(5)
        self.assertEqual(len(found), 3001)
        self.assertEqual(sorted(found)[:3], [0, 1, 2])
        table = {("k", number): [number] for number in range(3000)}
        found = self.again(table)
        self.assertEqual(found["k", 7], [7])
        self.assertNotIn("x", found)
        self.assertEqual(found.get("x", 4), 4)
        self.assertEqual(len(found), 3000)
        self.assertEqual(list(found.items())[5], (("k", 5), [5]))
        self.assertEqual(dict(found), table)
        self.assertEqual({**found}, table)
        found["new"] = 1
        self.assertEqual(len(found), 3001)
        for kind in (set, frozenset):
            many = kind(range(3000))
            found = self.again(many)
            self.assertIsInstance(found, kind)
            self.assertEqual(len(found), 3000)
            self.assertIn(5, found)
            self.assertEqual(found, many)
            self.assertEqual(found & {1, 2, -1}, {1, 2})
        long = tuple(range(3000))
        found = self.again(long)
        self.assertIsInstance(found, tuple)
        self.assertEqual((found[5], found[-1], found[:2], found + (1,)), (5, 2999, (0, 1), long + (1,)))
        self.assertEqual(tuple(found), long)

    def test_keys_that_clash_or_cannot_be_hashed(self):
        table = {Hostile(): 1, "a": 2}
        found = self.again(table)
        self.assertEqual(len(found), 2)
        self.assertEqual(next(iter(found)).payload, "there")
        self.assertEqual(len(self.again({ListKey([1]): "one", (1, ListKey([2])): "two"})), 2)
        clash = {IntKey(1): "a", IntKey(True): "b", 1: "c"}
        self.assertEqual(len(clash), 3)
        found = self.again(clash)
        self.assertEqual(sorted(found.values()), ["a", "b", "c"])

    def test_surrogates_say_why(self):
        value = Plain()
        self.dump.reasons[id(value)] = "cut by the budget"
        found = self.again(value)
        self.assertIn("cut by the budget", repr(found))
        self.assertIn("test_rebuild.Plain", repr(found))


class IntKey(int):
    __hash__ = object.__hash__

    def __eq__(self, other):
        return self is other


class ListKey(list):
    __hash__ = object.__hash__


class Instances(RebuildCase):
    def test_attributes(self):
        found = self.again(Plain())
        self.assertEqual(sorted(vars(found)), ["box", "me", "number"])
        self.assertIs(type(found), self.again(Plain))
        slotted = Slotted()
        slotted.one = 5
        self.assertEqual(self.again(slotted).one, 5)
        with self.assertRaisesRegex(AttributeError, "not set"):
            self.again(slotted).two
        found.number = 9
        self.assertEqual(found.number, 9)
        del found.number
        self.assertFalse(hasattr(found, "number"))

    def test_what_a_class_gives(self):
        found = self.again(Plain())
        self.assertEqual(found.shared, "of the class")
        with self.assertRaisesRegex(heapsake.Refused, "does not run"):
            found.method()
        with self.assertRaisesRegex(heapsake.Refused, "does not run"):
            found.of_class()
        with self.assertRaisesRegex(AttributeError, "property"):
            found.lazy
        with self.assertRaisesRegex(AttributeError, "no attribute 'nothing'"):
            found.nothing
        with self.assertRaisesRegex(heapsake.Refused, "makes no objects"):
            self.again(Plain)()
        self.assertEqual(self.again(WithMeta).setting, "kept")
        self.assertIs(self.again(int), int)
        self.assertIs(self.again(KeyError), KeyError)

    def test_inheritance(self):
        class Base:
            pass

        class Left(Base):
            pass

        class Both(Left, ListSub):
            pass

        found = self.again(Both([1]))
        self.assertEqual([kind.__name__ for kind in type(found).__mro__[:3]], ["Both", "Left", "Base"])
        self.assertIsInstance(found, self.again(Base))
        self.assertIsInstance(found, self.again(ListSub))
        self.assertIsInstance(found, list)
        self.assertEqual(list(found), [1])

    def test_named_tuples_and_enumerations(self):
        found = self.again(Pair("L", ["R"]))
        self.assertEqual((found.left, found.right, found[0], repr(found)), ("L", ["R"], "L", "Pair(left='L', right=['R'])"))
        found = self.again(Colour.RED)
        self.assertEqual((found.name, found.value, repr(found)), ("RED", 1, "<Colour.RED: 1>"))
        found = self.again(Level.LOW)
        self.assertEqual((found.name, found + 1, repr(found)), ("LOW", 4, "<Level.LOW: 3>"))

    def test_hostile_objects_are_harmless(self):
        found = self.again(Hostile())
        self.assertEqual(found.payload, "there")
        self.assertIn("payload='there'", repr(found))
        self.assertTrue(found)
        self.assertEqual({found: 1}[found], 1)
        inspect.getmembers(found, lambda value: False)

    def test_representations_are_bounded(self):
        value = Plain()
        value.text = "x" * 100000
        value.more = [[value] * 500] * 500
        for number in range(100):
            setattr(value, "field%d" % number, list(range(1000)))
        self.assertLess(len(repr(self.again(value))), 30000)
        self.assertIn("more", repr(self.again(value)))


class Callables(RebuildCase):
    def test_functions(self):
        found = self.again(function)
        self.assertIsInstance(found, types.FunctionType)
        self.assertEqual((found.__name__, found.__qualname__, found.__module__), ("function", "function", __name__))
        self.assertEqual(str(inspect.signature(found)), "(a, b=3, *rest, c='kw', **options)")
        self.assertEqual(found.__code__.co_firstlineno, function.__code__.co_firstlineno)
        self.assertEqual(found.__code__.co_filename, function.__code__.co_filename)
        with self.assertRaisesRegex(heapsake.Refused, r"function\(\) comes from a dump"):
            found(1)
        inner = self.again(closure())
        self.assertEqual(inner.__closure__[0].cell_contents, {"inner": 1})
        self.assertEqual(inner.__code__.co_freevars, ("held",))
        self.assertEqual(self.again(lambda q, w=12: q).__defaults__, (12,))

    def test_methods_and_partials(self):
        one = Plain()
        found = self.again(one.method)
        self.assertIsInstance(found, types.MethodType)
        self.assertIs(found.__self__, self.again(one))
        found = self.again(functools.partial(function, 1, c="part"))
        self.assertEqual((found.args, found.keywords), ((1,), {"c": "part"}))
        with self.assertRaises(heapsake.Refused):
            found()
        with self.assertRaises(heapsake.Refused):
            self.again(len)([])
        with self.assertRaises(heapsake.Refused):
            self.again(os.system)("true")
        self.assertEqual(self.again(Plain.__dict__["lazy"]).fget.__name__, "lazy")

    def test_modules(self):
        found = self.again(sys.modules["fake"])
        self.assertIsInstance(found, types.ModuleType)
        self.assertEqual((found.__name__, found.__file__), ("fake", fake.__file__))
        self.assertIsNot(found, fake)
        self.assertIs(sys.modules["fake"], fake)
        self.assertIn("module 'fake'", repr(found))
        with self.assertRaises(AttributeError):
            found.nothing
        with self.assertRaises(heapsake.Refused):
            found.qualified(int)

    def test_names_of_a_module_can_be_set(self):
        module = types.ModuleType("shop", "what is sold")
        module.price = 1
        made = self.again(module)
        made.price, made.__name__, made.__doc__ = 2, "other", "what is bought"
        self.assertEqual((made.price, made.__name__, made.__doc__), (2, "other", "what is bought"))
        self.assertEqual((made.__dict__["price"], made.__dict__["__name__"]), (2, "other"))
        self.assertEqual(rebuild.view_of(made).attributes["__name__"].value, "shop")
        del made.__name__
        self.assertEqual(made.__name__, "shop")

    def test_locks_are_shown_only(self):
        for value in (threading.Lock(), threading.RLock(), iter([1]), object()):
            self.assertIn(type(value).__qualname__, repr(self.again(value)))
        with self.assertRaises((AttributeError, heapsake.Refused)):
            self.again(threading.Lock()).acquire()


class Exceptions(RebuildCase):
    def caught(self):
        try:
            try:
                {}["missing"]
            except KeyError as problem:
                raise AppError(7, "wrapped") from problem
        except AppError as problem:
            return problem

    def test_exceptions(self):
        original = self.caught()
        found = self.again(original)
        self.assertIsInstance(found, ValueError)
        self.assertEqual((type(found).__name__, found.args, found.code, str(found)), ("AppError", ("wrapped",), 7, "wrapped"))
        self.assertIsInstance(found.__cause__, KeyError)
        self.assertEqual(found.__cause__.args, ("missing",))
        self.assertTrue(found.__suppress_context__)
        self.assertIs(found.__context__, found.__cause__)
        trace = found.__traceback__
        self.assertIsInstance(trace, types.TracebackType)
        self.assertEqual((trace.tb_lineno, trace.tb_frame.f_code.co_name), (original.__traceback__.tb_lineno, "caught"))
        with self.assertRaises(ValueError) as caught:
            raise found
        self.assertIs(caught.exception, found)

    def test_system_errors(self):
        try:
            open("/nonexistent/file")
        except OSError as problem:
            found = self.again(problem)
        self.assertIsInstance(found, FileNotFoundError)
        self.assertEqual((found.errno, found.filename), (2, "/nonexistent/file"))
        try:
            b"\xff".decode("utf-8")
        except UnicodeError as problem:
            found = self.again(problem)
        self.assertIsInstance(found, UnicodeDecodeError)
        self.assertIn("UnicodeDecodeError(", repr(found))
        str(found)


def counting(n):
    kept = "kept-%d" % n
    for i in range(n):
        yield i, kept


def delegating():
    outer = "outer"
    yield from counting(3)
    return outer


async def waiting(event):
    marker = "task"
    await event.wait()
    return marker


async def giving():
    local = "agen"
    yield local


class Suspended(RebuildCase):
    def test_generators(self):
        generator = counting(4)
        next(generator), next(generator)
        found = self.again(generator)
        self.assertIsInstance(found, types.GeneratorType)
        self.assertEqual(inspect.getgeneratorstate(found), "GEN_SUSPENDED")
        self.assertEqual(inspect.getgeneratorlocals(found), {"n": 4, "kept": "kept-4", "i": 1})
        self.assertEqual(found.gi_frame.f_lineno, generator.gi_frame.f_lineno)
        self.assertEqual(found.__qualname__, "counting")
        with self.assertRaises(heapsake.Refused):
            next(found)
        found = self.again(counting(9))
        self.assertEqual((inspect.getgeneratorstate(found), inspect.getgeneratorlocals(found)), ("GEN_CREATED", {"n": 9}))
        finished = counting(0)
        list(finished)
        self.assertIsNone(self.again(finished).gi_frame)

    def test_delegation(self):
        generator = delegating()
        next(generator)
        found = self.again(generator)
        self.assertEqual(inspect.getgeneratorlocals(found), {"outer": "outer"})
        self.assertEqual(inspect.getgeneratorlocals(found.gi_yieldfrom)["kept"], "kept-3")
        self.assertIs(self.again(generator.gi_yieldfrom), found.gi_yieldfrom)
        generator = delegating()
        next(generator)
        inner = self.again(generator.gi_yieldfrom)
        self.assertEqual(inspect.getgeneratorlocals(self.again(generator)), {"outer": "outer"})
        self.assertEqual(inspect.getgeneratorstate(inner), "GEN_SUSPENDED")

    def test_coroutines(self):
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)

        async def start():
            event = asyncio.Event()
            coroutine = waiting(event)
            coroutine.send(None)
            generator = giving()
            await generator.__anext__()
            return coroutine, generator

        coroutine, generator = loop.run_until_complete(start())
        found = self.again(coroutine)
        self.assertIsInstance(found, types.CoroutineType)
        self.assertEqual(inspect.getcoroutinestate(found), "CORO_SUSPENDED")
        self.assertEqual(inspect.getcoroutinelocals(found)["marker"], "task")
        self.assertEqual(found.cr_frame.f_lineno, coroutine.cr_frame.f_lineno)
        self.assertIsInstance(found.cr_await, types.CoroutineType)
        self.assertEqual(found.cr_await.__qualname__, "Event.wait")
        found = self.again(generator)
        self.assertIsInstance(found, types.AsyncGeneratorType)
        self.assertEqual(found.ag_frame.f_locals["local"], "agen")
        self.assertFalse(found.ag_running)
        coroutine.close()


if __name__ == "__main__":
    unittest.main()
