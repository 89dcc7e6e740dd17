"""What a file may say that no program ever was: rebuilding it ends, in little memory, and runs nothing."""
import itertools
import sys
import types
import unittest
import warnings

import fake

from heapsake import _choices, rebuild

CALLS = []


def called(*arguments):
    CALLS.append(arguments)
    return 0


class Told(fake.FakeView):
    """A view that says what it is given: views, or objects of which views are made."""

    def __init__(self, dump, type_name, attributes, items=(), reduction=None):
        super().__init__(dump, len(dump.objects), object())
        dump.objects.append(self)
        self.named, self.elements, self.reduction, self.edges = type_name, items, reduction, []
        self.told = {name: each if isinstance(each, fake.FakeView) or each is None else dump.view(each) for name, each in attributes.items()}

    @property
    def type_name(self):
        return self.named

    @property
    def attributes(self):
        return self.told

    @property
    def items(self):
        return [each if isinstance(each, fake.FakeView) else self.dump.view(each) for each in self.elements]


class Reduction:
    state, list_items, dict_items = None, (), ()

    def __init__(self, callable, *args):
        self.callable, self.args = callable, args


class HostileCase(unittest.TestCase):
    def setUp(self):
        del CALLS[:]
        self.dump = fake.FakeDump()

    def told(self, type_name, items=(), **attributes):
        return Told(self.dump, type_name, attributes, items)

    def reduced(self, callable, *args):
        return Told(self.dump, "app.Thing", {"x": 1}, (), Reduction(callable, *args))

    def again(self, view):
        return rebuild.rebuild(view)

    def refused(self, view):
        made = self.again(view)
        self.assertIn("surrogate", repr(made))
        self.assertEqual(CALLS, [])

    def endless(self):
        return self.told("itertools.repeat", object=7)

    def mapped(self):
        rebuilt = rebuild.rebuilder_of(self.dump)
        function = self.dump.view(object())
        rebuilt.keep(function, called)  # as one of a restorer
        return self.told("map", function=function, iterators=self.told("tuple", [self.endless()]))


class Iterators(HostileCase):
    def test_an_endless_argument_is_refused(self):
        self.assertEqual(next(self.again(self.endless())), 7)
        for make in (self.endless, self.mapped):
            self.assertTrue(hasattr(type(self.again(make())), "__next__"))
            for name in ("list", "tuple", "set", "frozenset", "dict", "bytes", "bytearray", "collections.deque", "collections.Counter"):
                self.refused(self.reduced(name, make()))
            self.refused(self.reduced("dict", [make()]))
            self.refused(self.reduced("dict", self.told("tuple", [make()])))
            self.refused(self.told("functools.partial", func=len, args=make(), keywords={}))
            self.refused(self.told("operator.itemgetter", item=make(), nitems=2))
            self.refused(self.told("operator.attrgetter", attr=make(), nattrs=2))
            self.refused(self.told("operator.methodcaller", name="x", args=make(), kwds={}))
            self.refused(self.told("itertools.product", pools=self.told("tuple", [make()]), r=1))
            self.refused(self.told("itertools.permutations", pool=make(), r=1))
        self.refused(self.reduced("list", range(1 << 40)))
        self.refused(self.reduced("bytes", self.told("int")))
        self.refused(self.reduced("bytes", self.dump.view(1 << 40)))
        self.assertEqual(self.again(self.reduced("list", (1, 2))), [1, 2])
        self.assertEqual(self.again(self.reduced("dict", [("k", 1)])), {"k": 1})

    def test_sizes_of_the_file_are_not_believed(self):
        made = self.again(self.told("list_reverseiterator", list=[1, 2, 3], index=1 << 50))
        self.assertEqual(list(made), [])
        self.assertEqual(list(self.again(self.told("list_reverseiterator", list=[1, 2, 3], index=1))), [2, 1])
        for name in ("permutations", "combinations", "combinations_with_replacement"):
            self.assertNotIsInstance(self.again(self.told("itertools." + name, pool=("a", "b"), r=1 << 50)), getattr(itertools, name))
            self.assertEqual(next(self.again(self.told("itertools." + name, pool=("a", "b"), r=2)))[0], "a")

    def test_blocks_of_a_tee_in_a_circle(self):
        block = self.told("itertools._tee_dataobject", [1, 2], iterator=self.endless())
        block.told["next"] = block
        made = self.again(self.told("itertools._tee", data=block, index=1))
        self.assertEqual(list(itertools.islice(made, 3)), [2, 7, 7])
        empty = self.told("itertools._tee_dataobject", iterator=self.endless())
        empty.told["next"] = empty
        self.assertEqual(next(self.again(self.told("itertools._tee", data=empty, index=0))), 7)

    def test_a_group_goes_on_without_a_call(self):
        rebuilder = rebuild.rebuilder_of(self.dump)
        function = self.dump.view(object())
        rebuilder.keep(function, called)
        for more in ({"currvalue": "gone on"}, {}):
            source = self.told("tuple_iterator", tuple=("a", "b"), index=0)
            made = self.again(self.told("itertools.groupby", keyfunc=function, currkey="first", iterator=source, **more))
            self.assertIsInstance(made, itertools.groupby)
            self.assertEqual(CALLS, [])
            key, group = next(made)
            self.assertEqual((key, list(group), CALLS), (0, ["a", "b"], [("a",), ("b",)]))
            del CALLS[:]

    def test_groups_that_were_begun_or_are_over(self):
        for state, expected in (({}, [("a", 2), ("b", 1)]), ({"tgtkey": "a", "currkey": "a", "currvalue": "a"}, [("b", 1)]),
                                ({"tgtkey": "a"}, [("b", 1)]), ({"tgtkey": "c", "currkey": "a", "currvalue": "a"}, [("a", 3), ("b", 1)])):
            source = self.told("tuple_iterator", tuple=("a", "a", "b"), index=0)
            made = self.again(self.told("itertools.groupby", iterator=source, **state))
            self.assertEqual([(key, len(list(group))) for key, group in made], expected)

    def test_a_part_that_is_missing_costs_the_object(self):
        self.refused(self.told("itertools.repeat", times=3))
        self.refused(self.told("slice", start=1))
        holder = self.again(self.told("list", [self.told("staticmethod", x=1), 5]))
        self.assertEqual(holder[1], 5)


class Bound(HostileCase):
    def setUp(self):
        super().setUp()
        self.here = types.ModuleType("app_of_here")
        sys.modules["app_of_here"] = self.here
        self.addCleanup(sys.modules.pop, "app_of_here")

    def bound(self, view):
        return rebuild.rebuild(view, modules={"app": self.here})

    def instance(self, name, **attributes):
        cls = self.told("type", __module__="app", __name__=name, __qualname__=name)

        class Instance(Told):
            type = cls
            bases = ["app." + name]

        return Instance(self.dump, "app." + name, attributes)

    def test_members_of_an_enumeration(self):
        import enum

        class Color(enum.Enum):
            RED = 1

        self.here.Color = Color
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.assertIs(self.bound(self.instance("Color", _name_="RED", _value_=1)), Color.RED)
            self.assertIn("no member PINK", repr(self.bound(self.instance("Color", _name_="PINK", _value_=9))))

    def test_a_function_is_no_instance(self):
        self.here.Thing = called
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = self.bound(self.instance("Thing", x=1))
        self.assertIsNot(made, called)
        self.assertIn("no class here", repr(made))

    def test_warnings_that_are_errors(self):
        class Thing:
            pass

        self.here.Thing = Thing
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            made = self.bound(self.instance("Thing", x=1))
        self.assertEqual((type(made), made.x), (Thing, 1))

    def test_no_main_of_a_package_is_imported(self):
        before = set(sys.modules)
        for name in ("json.__main__", "json.__main__.x", "unittest.__main__", "json.a/b", "json..tool"):
            found = _choices.Choices(modules={"json": "json", "unittest": "unittest"}).module(name)
            self.assertIsNone(found[0])
            self.assertIn("is not imported because a dump names it", found[1])
        self.assertEqual(set(sys.modules) - before, set())
        import json.decoder

        self.assertEqual(_choices.Choices(modules={"json": "json"}).module("json.decoder"), (json.decoder, None))


if __name__ == "__main__":
    unittest.main()
