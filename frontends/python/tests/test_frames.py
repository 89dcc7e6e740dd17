"""Rebuilt frames and tracebacks: what ``inspect`` and ``traceback`` see of them."""
import inspect
import linecache
import sys
import traceback
import types
import unittest

import fake

from heapsake import rebuild
from heapsake._frames import FrameFacts, Frames

SOURCE = '''\
RATE = 3

class Body:
    inside = "class"
    raised = RATE / 0

'''
FUNCTIONS = '''\
def everything(a, b, /, c=3, *rest, d, e=5, **options):
    extra = [1]
    held = {"cell": 1}
    del c
    return (lambda: held)() and 1 / 0


def unbound(gone, kept):
    del gone
    raise ValueError(kept)


def recursive(depth):
    here = depth
    if not depth:
        raise KeyError("price")
    return recursive(depth - 1)
'''


def run(text, name="/nowhere/program.py", call=None, **names):
    """The exception of a program, its traceback without this function's entry, and its names."""
    space = dict(names, __name__="program", __file__=name)
    try:
        exec(compile(text, name, "exec"), space)
        if call:
            call(space)
    except Exception as problem:
        trace = problem.__traceback__
        while trace.tb_frame.f_code.co_filename != name:
            trace = trace.tb_next
        return problem.with_traceback(trace)
    raise AssertionError("it did not fail")


def entries(trace):
    while trace is not None:
        yield trace
        trace = trace.tb_next


class FrameCase(unittest.TestCase):
    def rebuilt(self, problem, sources=None):
        dump = fake.FakeDump(problem, sources=sources)
        found = rebuild.rebuild(dump.exception)
        self.addCleanup(rebuild.rebuilder_of(dump).frames.restore_sources)
        return found

    def test_a_function_frame_is_as_it_was(self):
        problem = run(FUNCTIONS, call=lambda names: names["everything"](1, 2, 3, 4, d=6, z=7))
        frame = self.rebuilt(problem).__traceback__.tb_frame
        true = problem.__traceback__.tb_frame
        self.assertIsInstance(frame, types.FrameType)
        self.assertEqual((frame.f_code.co_name, frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_firstlineno),
                         ("everything", "/nowhere/program.py", 5, 1))
        self.assertEqual(dict(frame.f_locals), {"a": 1, "b": 2, "rest": (4,), "d": 6, "e": 5, "options": {"z": 7}, "extra": [1], "held": {"cell": 1}})
        found, expected = inspect.getargs(frame.f_code), inspect.getargs(true.f_code)
        self.assertEqual(found, expected)
        self.assertEqual(frame.f_code.co_posonlyargcount, 2)
        self.assertIsNone(frame.f_back)
        hash(frame.f_code)
        if sys.version_info >= (3, 11):
            self.assertEqual(frame.f_code.co_qualname, "everything")

    def test_unbound_parameters_stay_unbound(self):
        frame = self.rebuilt(run(FUNCTIONS, call=lambda names: names["unbound"](1, 2))).__traceback__.tb_frame
        self.assertEqual(frame.f_code.co_varnames[:2], ("gone", "kept"))
        self.assertEqual(dict(frame.f_locals), {"kept": 2})

    def test_module_and_class_bodies(self):
        problem = run(SOURCE)
        found = list(entries(self.rebuilt(problem, {"/nowhere/program.py": SOURCE}).__traceback__))
        self.assertEqual([(entry.tb_frame.f_code.co_name, entry.tb_lineno, entry.tb_frame.f_lineno) for entry in found],
                         [("<module>", 3, 3), ("Body", 5, 5)])
        module, body = [entry.tb_frame for entry in found]
        self.assertIs(module.f_locals, module.f_globals)
        self.assertEqual(module.f_globals["RATE"], 3)
        self.assertEqual(body.f_locals["inside"], "class")
        self.assertIs(body.f_globals, module.f_globals)
        self.assertEqual([frame.f_back for frame in (module, body)], [None, None])

    def test_traceback_text_is_the_same_but_for_carets(self):
        problem = run(FUNCTIONS, call=lambda names: names["recursive"](3))
        linecache.cache["/nowhere/program.py"] = (len(FUNCTIONS), None, FUNCTIONS.splitlines(True), "/nowhere/program.py")
        self.addCleanup(linecache.cache.pop, "/nowhere/program.py", None)
        expected = traceback.format_exception(type(problem), problem, problem.__traceback__)
        del linecache.cache["/nowhere/program.py"]
        found = self.rebuilt(problem, {"/nowhere/program.py": FUNCTIONS})
        text = traceback.format_exception(type(found), found, found.__traceback__)
        strip = lambda lines: [line for line in "".join(lines).splitlines() if set(line.strip()) - set("^~")]
        self.assertEqual(strip(text), strip(expected))
        self.assertEqual([frame.function for frame in inspect.getinnerframes(found.__traceback__)], ["recursive"] * 4)
        lines, first = inspect.getsourcelines(found.__traceback__.tb_frame)
        self.assertEqual((lines[0], first), ("def recursive(depth):\n", 13))
        again = traceback.TracebackException(type(found), found, found.__traceback__, capture_locals=True)
        self.assertIn("here = 3", "".join(again.format()))

    def test_no_file_of_this_machine_shows(self):
        problem = run("1 / 0\n", name=__file__)
        found = self.rebuilt(problem)
        self.assertNotIn("import inspect", "".join(traceback.format_exception(type(found), found, found.__traceback__)))
        self.assertEqual(linecache.getline(__file__, 1), "")

    def test_no_loader_is_called(self):
        class Loader:
            def get_source(self, name):
                raise AssertionError("called")

        problem = run("1 / 0\n", __loader__=Loader(), __spec__=Loader())
        frame = self.rebuilt(problem).__traceback__.tb_frame
        self.assertNotIn("__loader__", frame.f_globals)
        self.assertNotIn("__spec__", list(frame.f_globals))
        linecache.getlines("/nowhere/program.py", frame.f_globals)

    def test_any_name_and_line(self):
        rebuilder = rebuild.Rebuilder()
        dump = fake.FakeDump()
        one = dump.view("value")
        facts = []
        for name in (".0", "a b", "class", "None", "__debug__", "\udc80", "", "nul\0", "__class__"):
            facts.append(FrameFacts("<" + name + ">", "<stdin>", 99999, {name: one, "v0": one, "f0": one}, {}))
        facts.append(FrameFacts("many", "/x\0y", -5, {"n%d" % number: one for number in range(700)}, {}))
        facts.append(FrameFacts("far", "x.py", 2 ** 40, {}, {}))
        for found, frame in zip(facts, Frames(rebuilder).build(facts)):
            self.assertEqual(dict(frame.f_locals), {name: "value" for name in found.locals})
            self.assertEqual(frame.f_code.co_name, found.function)
            self.assertIsNone(frame.f_back)
        self.assertEqual(frame.f_code.co_filename, "x.py")

    def test_a_line_before_the_def(self):
        code = fake.FakeDump().view(run.__code__)
        frame = Frames(rebuild.Rebuilder()).build([FrameFacts("run", "x.py", 3, {}, {}, code)])[0]
        self.assertEqual((frame.f_lineno, frame.f_code.co_firstlineno), (3, run.__code__.co_firstlineno))

    def test_depth_has_no_limit(self):
        dump, rebuilder = fake.FakeDump(), rebuild.Rebuilder()
        one = dump.view(5)
        many = [FrameFacts("deep", "deep.py", number + 1, {"here": one}, {}) for number in range(20000)]
        trace, found = Frames(rebuilder).chain(many)
        self.assertEqual(len(list(entries(trace))), 20000)
        self.assertEqual((found[0].tb_lineno, found[-1].tb_lineno), (1, 20000))


if __name__ == "__main__":
    unittest.main()
