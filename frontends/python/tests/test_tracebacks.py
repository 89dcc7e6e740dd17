"""Each entry of a rebuilt traceback has its own frame with its own variables, whatever these variables hold."""
import collections
import contextlib
import functools
import os
import sys
import tempfile
import unittest

import heapsake


class Manager:
    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.roll_back(trace)

    def roll_back(self, trace):
        inner = 5
        raise KeyError(inner)


def with_manager(number):
    with Manager() as manager: raise ValueError(number)


def calling():
    outer = "outer"
    with_manager(3)


def with_stack():
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: 1 / 0)
        stack.callback(lambda: [][1])
        raise ValueError("first")


def keeping_all(order):
    try:
        1 / 0
    except ZeroDivisionError:
        info = sys.exc_info()
        total = 5
        raise KeyError("late")


class Holder:
    def held(self):
        return self.trace


def held_by_method(trace):
    holder = Holder()
    holder.trace = trace
    return (holder.held, (trace,))


def suspended(value):
    got = yield value
    yield got


def held_by_generator(trace):
    generator = suspended((trace, [trace]))
    next(generator)
    return generator


Pair = collections.namedtuple("Pair", "left right")
#: what a variable may hold, from the traceback that begins with its own frame
HOLDERS = {
    "tuple": lambda trace: (1, trace), "tuple in tuple": lambda trace: ((1, (trace,)),), "named tuple": lambda trace: Pair(1, trace),
    "frame": lambda trace: (trace.tb_frame,), "list": lambda trace: [trace], "dict": lambda trace: {1: (trace, 2)},
    "slice": lambda trace: slice(trace), "frozenset": lambda trace: frozenset([trace]), "partial": lambda trace: functools.partial(print, trace),
    "partial with name": lambda trace: functools.partial(print, end=trace), "method": held_by_method, "generator": held_by_generator,
    "lambda": lambda trace: (lambda kept=trace: kept,), "exception": lambda trace: ValueError((trace, trace.tb_frame)),
    "iterator": lambda trace: zip([trace], [(trace,)]), "deque": lambda trace: collections.deque([(trace,)]),
    "static": lambda trace: staticmethod(functools.partial(print, (trace,))),
}


def holding(kind, held=None, again=None):
    before = "before"
    try:
        1 / 0
    except ZeroDivisionError as problem:
        held = HOLDERS[kind](problem.__traceback__)
        again = HOLDERS[kind](problem.__traceback__)
        after = "after"
        raise KeyError(kind)


def nested(depth):
    try:
        1 / 0
    except ZeroDivisionError:
        info = sys.exc_info()
        if not depth:
            raise
        nested(depth - 1)


BODY = """
class Inner:
    first = 1
    try:
        1 / 0
    except ZeroDivisionError as problem:
        held = slice(problem.__traceback__)
        last = 2
        raise KeyError("body")
"""


class Tracebacks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "one.heapsake")

    def rebuilt(self, call, *arguments):
        """(exception, its dump rebuilt) without the entry of this function."""
        try:
            call(*arguments)
        except Exception as problem:
            heapsake.dump(self.path, problem.with_traceback(problem.__traceback__.tb_next))
            self.dumped = heapsake.load(self.path)
            return problem, self.dumped.exception.rebuild()
        raise AssertionError("it did not fail")

    def entries(self, problem):
        found, entry = [], problem.__traceback__
        while entry is not None:
            found.append(entry)
            entry = entry.tb_next
        return found

    def told(self, problem):
        """Of each entry: its function, its line, that of its frame, and the names of its variables."""
        return [(entry.tb_frame.f_code.co_name, entry.tb_frame.f_code.co_firstlineno, entry.tb_lineno, sorted(entry.tb_frame.f_locals))
                for entry in self.entries(problem)]

    def check(self, raised, made):
        while raised is not None:
            self.assertEqual((type(made).__name__, str(made)), (type(raised).__name__, str(raised)))
            self.assertEqual(self.told(made), self.told(raised))
            for entry in self.entries(made):
                self.assertEqual(entry.tb_frame.f_lineno, entry.tb_lineno)
            self.assertEqual(made.__cause__ is None, raised.__cause__ is None)
            raised, made = raised.__context__, made.__context__
        self.assertIsNone(made)

    def test_a_manager_whose_exit_raises(self):
        raised, made = self.rebuilt(calling)
        self.check(raised, made)
        self.assertEqual([name for name, *_ in self.told(made)], ["calling", "with_manager", "__exit__", "roll_back"])
        self.assertEqual(self.entries(made)[-1].tb_frame.f_locals["inner"], 5)

    def test_a_stack_of_callbacks_that_raise(self):
        raised, made = self.rebuilt(with_stack)
        while raised is not None:
            self.assertEqual((type(made).__name__, str(made)), (type(raised).__name__, str(raised)))
            self.assertEqual([each[:3] for each in self.told(made)], [each[:3] for each in self.told(raised)])
            raised, made = raised.__context__, made.__context__

    def test_what_exc_info_gave(self):
        raised, made = self.rebuilt(keeping_all, 7)
        frame = made.__traceback__.tb_frame
        self.assertEqual(sorted(frame.f_locals), ["info", "order", "total"])
        kind, value, trace = frame.f_locals["info"]
        self.assertIs(kind, ZeroDivisionError)
        self.assertIs(value, made.__context__)
        self.assertIs(trace, made.__context__.__traceback__)
        self.assertEqual(trace.tb_frame.f_locals["total"], 5)
        self.assertIs(trace.tb_frame.f_locals["info"], frame.f_locals["info"])
        self.check(raised, made)

    def test_whatever_leads_back(self):
        for kind in HOLDERS:
            with self.subTest(kind):
                raised, made = self.rebuilt(holding, kind)
                self.check(raised, made)
                names = made.__traceback__.tb_frame.f_locals
                self.assertEqual((names["before"], names["after"]), ("before", "after"))
                for name in ("held", "again"):
                    self.assertNotIn("cannot be rebuilt", repr(names[name]))
                    self.assertNotIn("surrogate of", repr(names[name]))
                    self.assertEqual(type(names[name]).__name__, type(HOLDERS[kind](self.trace())).__name__)
                # the frame that the held traceback begins with has the same
                inner = made.__context__.__traceback__.tb_frame
                self.assertIs(inner.f_locals["held"], names["held"])
                self.assertIs(inner.f_locals["again"], names["again"])

    def trace(self):
        try:
            1 / 0
        except ZeroDivisionError as problem:
            return problem.__traceback__

    def test_the_traceback_in_a_slice_is_the_one(self):
        made = self.rebuilt(holding, "slice")[1]
        held = made.__traceback__.tb_frame.f_locals["held"]
        self.assertIs(type(held), slice)
        self.assertIs(held.stop, made.__context__.__traceback__)
        self.assertIs(held.stop.tb_frame.f_locals["held"], held)
        made = self.rebuilt(holding, "partial")[1]
        held = made.__traceback__.tb_frame.f_locals["held"]
        self.assertIs(type(held), functools.partial)
        self.assertIs(held.args[0], made.__context__.__traceback__)

    def test_the_body_of_a_class(self):
        raised, made = self.rebuilt(exec, compile(BODY, "body.py", "exec"), {"__name__": "body"})
        inner = self.entries(made)[-1].tb_frame
        self.assertEqual((inner.f_code.co_name, inner.f_locals["first"], inner.f_locals["last"]), ("Inner", 1, 2))
        self.assertIs(inner.f_locals["held"].stop, made.__context__.__traceback__)
        self.assertIs(made.__context__.__traceback__.tb_frame.f_locals["held"], inner.f_locals["held"])

    def test_many_frames_that_hold_their_own(self):
        raised, made = self.rebuilt(nested, 120)
        found = self.entries(made)
        self.assertEqual([entry.tb_frame.f_locals["depth"] for entry in found], list(range(120, -1, -1)))
        for entry in found:
            kind, value, trace = entry.tb_frame.f_locals["info"]
            self.assertIs(kind, ZeroDivisionError)
            self.assertEqual(trace.tb_frame.f_locals["depth"], entry.tb_frame.f_locals["depth"])

    def test_a_generator_that_holds_itself(self):
        box = []

        def generator():
            itself = slice(box[0])
            yield itself

        box.append(generator())
        next(box[0])
        heapsake.dump(self.path)
        made = heapsake.load(self.path).threads[0].frames[-1].locals["box"].rebuild()[0]
        self.assertIs(made.gi_frame.f_locals["itself"].stop, made)

    def test_code_run_with_two_mappings(self):
        text = "total = rate * 2\nbad = total / 0\n"
        first, second = {"rate": 1, "only": "global"}, {"rate": 7, "name": "plug"}
        made = self.rebuilt(exec, compile(text, "plugin.py", "exec"), first, second)[1]
        frame = self.entries(made)[-1].tb_frame
        self.assertEqual(dict(frame.f_locals), {"rate": 7, "name": "plug", "total": 14})
        self.assertEqual((frame.f_globals["rate"], frame.f_globals["only"]), (1, "global"))
        self.assertNotIn("name", frame.f_globals)
        # with one mapping, the two are one
        made = self.rebuilt(exec, compile(text, "plugin.py", "exec"), first)[1]
        frame = self.entries(made)[-1].tb_frame
        self.assertIs(frame.f_locals, frame.f_globals)
        self.assertEqual(frame.f_locals["total"], 2)


if __name__ == "__main__":
    unittest.main()
