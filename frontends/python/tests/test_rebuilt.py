"""Objects of real dumps: attributes beside a payload, slots, flags, exception groups, what a suspended generator waits for."""
import collections
import enum
import os
import sys
import tempfile
import unittest

import heapsake


class Flags(enum.Flag):
    ONE = 1
    TWO = 2


class Numbers(enum.IntFlag):
    ONE = 1
    TWO = 2


class Base:
    __slots__ = ("value", "__dict__")


class Derived(Base):
    pass


def shadowed(kind):
    made = kind()
    made.value = "slot"
    made.__dict__["value"] = "dictionary"
    made.__dict__["other"] = 3
    return made


def delegating(items):
    yield from items


def advanced(items):
    made = delegating(items)
    next(made)
    return made


class Rebuilt(unittest.TestCase):
    def rebuilt(self, held):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "one.heapsake")
            heapsake.dump(path)
            return heapsake.load(path).threads[0].frames[-2].locals["held"].rebuild()

    def again(self, value):
        held = value
        made = self.rebuilt(held)
        return made

    def test_attributes_of_ordered_containers(self):
        for value in (collections.OrderedDict(a=1, b=2), collections.Counter("aab")):
            value.note, value.deep = "kept", [1, [2]]
            made = self.again(value)
            self.assertIs(type(made), type(value))
            self.assertEqual(made, value)
            self.assertEqual(vars(made), vars(value))
        self.assertEqual(vars(self.again(collections.OrderedDict(a=1))), {})

    def test_a_slot_goes_before_the_dictionary(self):
        for kind in (Base, Derived):
            value = shadowed(kind)
            self.assertEqual(value.value, "slot")
            made = self.again(value)
            self.assertEqual((made.value, made.other), ("slot", 3))
            self.assertEqual(vars(made), vars(value))
            self.assertIn("value='slot'", repr(made))
            made.value = 5
            self.assertEqual((made.value, vars(made)["value"]), (5, "dictionary"))
            del made.value
            with self.assertRaises(AttributeError):
                del made.value

    def test_flags_without_a_name(self):
        for value, text in ((Flags(0), "<Flags: 0>"), (Numbers(0), "<Numbers: 0>"), (Flags.ONE, "<Flags.ONE: 1>"), (Numbers.TWO, "<Numbers.TWO: 2>")):
            made = self.again(value)
            self.assertEqual(repr(made), text)
            self.assertEqual(made._value_, value.value)

    def test_what_a_generator_draws_from(self):
        for items in ([1, 2, 3], (4, 5), range(3), {6: 1, 7: 2}, map(str, [1, 2, 3])):
            generator = advanced(items)
            made = self.again(generator)
            if type(items) is list:
                # from 3.15 on it is the list itself
                self.assertIn("list_iterator object" if sys.version_info < (3, 15) else "[1, 2, 3]", repr(made.gi_yieldfrom))
            with self.assertRaisesRegex(heapsake.Refused, "does not run on"):
                next(made)
            made = self.again(generator)
            self.assertEqual(list(made.gi_yieldfrom), list(generator.gi_yieldfrom))
            made.close()
        inner = advanced([1, 2, 3])
        outer = advanced(inner)
        made = self.again([inner, outer])
        self.assertEqual(list(made[1].gi_yieldfrom.gi_yieldfrom), list(inner.gi_yieldfrom))

    def test_a_released_view_shows_nothing(self):
        with memoryview(bytearray(b"gone")) as shown:
            total = sum(shown)
        made = self.again([shown, total])
        self.assertEqual(made[1], total)
        with self.assertRaisesRegex(ValueError, "released"):
            made[0].tobytes()

    def test_slots_of_tuples(self):
        try:
            class Pair(tuple):
                __slots__ = ("first", "second")
        except TypeError:
            self.assertLess(sys.version_info, (3, 15))
            return
        for items in ((), (1,), (1, 2, 3)):
            pair = Pair(items)
            pair.first = ["of", len(items)]
            made = self.again(pair)
            self.assertEqual((tuple(made), made.first), (items, ["of", len(items)]))
            self.assertFalse(hasattr(made, "second"))

    def test_classes_far_below_what_they_are(self):
        deep = dict
        for number in range(300):
            deep = type("Deep%d" % number, (deep,), {})
        held = deep(held="here")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "one.heapsake")
            heapsake.dump(path)
            view = heapsake.load(path).threads[0].frames[-1].locals["held"]
            self.assertEqual((view.kind, view["held"].value, view.bases[-2:]), ("dict", held["held"], ["dict", "object"]))

    def test_a_function_of_many_variables(self):
        names = ["name%d" % number for number in range(70000)]
        text = "def many(call, last):\n    if not last: %s\n    return call()" % "; ".join("%s = 1" % name for name in names)
        space = {}
        exec(text, space)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "one.heapsake")
            space["many"](lambda: heapsake.dump(path), "kept")
            [frame] = [frame for frame in heapsake.load(path).threads[0].frames if frame.function == "many"]
            self.assertEqual(frame.locals["last"].value, "kept")

    def exception_groups(self):
        group = ExceptionGroup("some failed", [ValueError(1), ExceptionGroup("more", [KeyError(2)])])
        made = self.again(group)
        self.assertEqual(str(made), "some failed (2 sub-exceptions)")
        self.assertEqual(str(made.exceptions[1]), "more (1 sub-exception)")
        self.assertIsInstance(made, Exception)
        self.assertEqual(type(made).__name__, "ExceptionGroup")
        made = self.again(BaseExceptionGroup("all", [KeyboardInterrupt()]))
        self.assertEqual(str(made), "all (1 sub-exception)")
        self.assertNotIsInstance(made, Exception)

    if sys.version_info >= (3, 11):
        test_exception_groups = exception_groups


if __name__ == "__main__":
    unittest.main()
