"""Scripted sessions of the debugger, the same on every Python."""
import io
import os
import re
import sys
import tempfile
import threading
import unittest

import fake

from heapsake import debugger, rebuild

PROGRAM = '''\
import os
RATE = 3


class Order:
    """An order."""

    def __init__(self, price):
        self.items = [price, {"k": (1, 2)}]
        self.price = price

    def total(self, factor=2):
        return self.price * factor


def total(orders, *rest, limit=None, **options):
    acc = 0
    for order in orders:
        acc += order.total()
        bad = order.missing
    return acc


def handle(request, unbound):
    del unbound
    orders = [Order(price) for price in range(3)]
    big = list(range(100000))
    text = "x" * 100000
    try:
        return total(orders, 1, limit=5, extra="e")
    except AttributeError as problem:
        raise RuntimeError("cannot handle", request) from problem


def main():
    handle({"id": 7}, 1)


main()
'''
FILE = "/nowhere/app.py"


class Loader:
    def get_source(self, name):
        raise AssertionError("code of the dump ran")


def crash():
    names = {"__name__": "app", "__file__": FILE, "__loader__": Loader(), "__spec__": Loader()}
    try:
        exec(compile(PROGRAM, FILE, "exec"), names)
    except RuntimeError as problem:
        return problem.with_traceback(problem.__traceback__.tb_next)
    raise AssertionError("it did not fail")


class Session(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        started, cls.stop = threading.Event(), threading.Event()

        def worker(marker):
            started.set()
            cls.stop.wait()

        cls.worker = threading.Thread(target=worker, args=("in the thread",), daemon=True)
        cls.worker.start()
        started.wait()
        cls.problem = crash()

    @classmethod
    def tearDownClass(cls):
        cls.stop.set()
        cls.worker.join()

    def setUp(self):
        frame, frames = sys._current_frames()[self.worker.ident], []
        while frame is not None:
            if frame.f_code.co_name == "worker":
                frames.append(frame)
            frame = frame.f_back
        self.dump = fake.FakeDump(self.problem, [("worker-1", frames)], {FILE: PROGRAM})

    def script(self, text, **options):
        out = io.StringIO()
        debugger.debug(self.dump, stdin=io.StringIO(text), stdout=out, **options)
        return re.sub(r"0x[0-9a-f]+", "0x", out.getvalue())

    def answers(self, *lines):
        """What was said to each line."""
        found = self.script("\n".join(lines) + "\n").split("(Pdb) ")
        self.assertEqual(len(found), len(lines) + 2, found)
        return [each.rstrip("\n") for each in found[1:-1]]

    def answer(self, line):
        return self.answers(line)[0]

    def test_the_beginning(self):
        first = self.script("").split("(Pdb) ")[0]
        self.assertEqual(first, """fake.heapsake: MainThread · 3 frames · RuntimeError; 2 threads
RuntimeError: ('cannot handle', {'id': 7})
> /nowhere/app.py(32)handle()
-> raise RuntimeError("cannot handle", request) from problem
""")

    def test_the_script(self):
        """29 lines of what people type."""
        lines = """where|up|down|args|p request|p len(big)|pp orders[0]|whatis orders|whatis Order|whatis orders[0].total|up
p RATE|p [RATE * k for k in range(3)]|p (lambda: RATE + 1)()|!x = 5|p x|!RATE = 4|p RATE|l 1,3|ll|source Order|display RATE
p nothing|p 1/0|d|!for o in orders: print(o.price)|p orders[0].items[1]["k"]|u|d""".replace("\n", "|").split("|")
        self.assertEqual(len(lines), 29)
        found = dict(enumerate(self.answers(*lines)))
        self.assertEqual(found[0], """  /nowhere/app.py(39)<module>()
-> main()
  /nowhere/app.py(36)main()
-> handle({"id": 7}, 1)
> /nowhere/app.py(32)handle()
-> raise RuntimeError("cannot handle", request) from problem""")
        self.assertEqual(found[1], '> /nowhere/app.py(36)main()\n-> handle({"id": 7}, 1)')
        self.assertEqual(found[3], "request = {'id': 7}\nunbound = *** undefined ***")
        self.assertEqual([found[4], found[5]], ["{'id': 7}", "100000"])
        self.assertEqual(found[6], "<app.Order object at 0x: items=[0, {'k': (1, 2)}], price=0>")
        self.assertEqual([found[7], found[8], found[9]], ["<class 'list'>", "Class app.Order", "Method total"])
        self.assertEqual([found[number] for number in range(11, 18)], ["3", "[0, 3, 6]", "4", "", "5", "", "4"])
        self.assertEqual(found[18], "  1  \timport os\n  2  \tRATE = 3\n  3  \t")
        self.assertEqual(found[19], ' 35  \tdef main():\n 36  ->\t    handle({"id": 7}, 1)')
        self.assertIn("  5  \tclass Order:", found[20])
        self.assertIn("return self.price * factor", found[20])
        self.assertEqual(found[21], "display RATE: 4")
        self.assertEqual(found[22], "*** NameError: name 'nothing' is not defined")
        self.assertEqual(found[23], "*** ZeroDivisionError: division by zero")
        self.assertEqual(found[25], "0\n1\n2")
        self.assertEqual(found[26], "(1, 2)")

    def test_values_are_cut_and_say_so(self):
        found = self.answers("p big", "p text", "args", "pp big")
        self.assertTrue(found[0].endswith("99, … 99,900 more]"), found[0])
        self.assertLess(len(found[1]), 2100)
        self.assertIn("98,000 more", found[1])
        self.assertTrue(found[3].endswith("… 99,900 more]"), found[3][-50:])

    def test_nothing_runs(self):
        for line in ("p orders[0].total()", "p Order(1)", "p os.system('true')", "p main()"):
            self.assertIn("from a dump", self.answer(line))
        for line in ("continue", "c", "next", "step", "return", "until", "jump 3", "break 3", "b", "tbreak 4", "run"):
            self.assertEqual(self.answer(line), "*** a dump does not run; q leaves")

    def test_exceptions(self):
        found = self.answers("exceptions", "exceptions 0", "where", "p acc", "args", "exceptions 9", "exceptions 1")
        self.assertEqual(found[0], """    0 AttributeError("'Order' object has no attribute 'missing'")
>   1 RuntimeError('cannot handle', {'id': 7})""")
        self.assertEqual(found[1], "> /nowhere/app.py(20)total()\n-> bad = order.missing")
        self.assertEqual(found[2].splitlines()[0], "  /nowhere/app.py(30)handle()")
        self.assertEqual(found[3], "0")
        self.assertEqual(found[4].splitlines()[1:], ["limit = 5", "rest = (1,)", "options = {'extra': 'e'}"])
        self.assertEqual(found[5], "*** No exception with that number")
        self.assertIn("(32)handle()", found[6])

    def test_threads(self):
        found = self.answers("threads", "thread 2", "args", "l", "thread MainThread", "thread nope", "exceptions", "thread")
        first, second = found[0].splitlines()
        self.assertEqual(first, ">   1 MainThread · 3 frames · RuntimeError at /nowhere/app.py(32)handle()")
        self.assertTrue(second.startswith("    2 worker-1 · 1 frame at "), second)
        self.assertEqual(found[2], "marker = 'in the thread'")
        self.assertTrue(found[3].startswith("*** the dump has no source of "), found[3])
        self.assertIn("(32)handle()", found[4])
        self.assertEqual(found[5], "*** no thread nope: there are 1 MainThread, 2 worker-1")
        self.assertEqual(found[7], "MainThread · 3 frames · RuntimeError")
        self.assertIn("worker()", self.script("", thread="worker-1"))
        self.assertIn("worker()", self.script("", thread=2))

    def test_interact(self):
        found = self.script("interact\nRATE + len(orders)\nfor o in orders:\n    o.price\n\n1/0\nnew = 1\nexit()\np new\n")
        self.assertIn("*pdb interact start*\n>>> 6\n>>> ... ... 0\n1\n2\n>>> *** ZeroDivisionError: division by zero\n", found)
        self.assertTrue(found.endswith("*exit from pdb interact command*\n(Pdb) 1\n(Pdb) \n"), found[-200:])
        self.assertTrue(self.script("interact\np = 1\n").endswith("*exit from pdb interact command*\n(Pdb) \n"))

    def test_assignments_stay_in_their_frame(self):
        found = self.answers("!request = 5", "p request", "up", "!request = 6", "down", "p request", "!orders.append(1)", "p len(orders)")
        self.assertEqual([found[1], found[5], found[7]], ["5", "5", "4"])

    def test_several_lines(self):
        found = self.script("!for o in orders[:1]:\n    print('price', o.price)\n\np 5\n")
        self.assertIn("price 0\n", found)
        self.assertTrue(found.endswith("(Pdb) 5\n(Pdb) \n"))

    def test_several_commands(self):
        self.assertIn("3\n", self.script("p RATE;; p RATE\n"))
        self.assertEqual(self.script("alias show p %1\nshow RATE\nq\np 99\n").count("99"), 0)

    def test_help_names_the_commands(self):
        found = self.script("help\nhelp threads\nhelp p\n")
        for name in ("threads", "exceptions", "interact"):
            self.assertIn(name, found)
        self.assertIn("List threads, greenlets, tasks", found)

    def test_leaving(self):
        for text in ("", "q\n", "quit\n", "exit\n", "p 1"):
            self.script(text)

    def test_completion(self):
        out = io.StringIO()
        session = debugger.Debugger(self.dump, io.StringIO(""), out)
        session.choose(session.first_place())
        self.assertIn("orders", session._complete_expression("ord", "p ord", 2, 5))
        self.assertIn("RATE", session._complete_expression("RA", "p RA", 2, 4))
        self.assertEqual(session._complete_expression("os.pat", "p os.pat", 2, 8), ["os.path", "os.pathconf", "os.pathconf_names", "os.pathsep"])
        session.rebuilder.frames.restore_sources()

    def test_no_pdbrc_of_the_working_directory(self):
        before = os.getcwd()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            self.addCleanup(os.chdir, before)
            with open(".pdbrc", "w") as file:
                file.write("p 'from the' + ' rc file'\n")
            self.assertNotIn("from the rc file", self.script(""))
            os.chdir(before)

    def test_faults_are_named(self):
        self.dump.faults = [object()]
        self.assertIn("1 fault in the file", self.script(""))

    def test_a_long_stack_is_cut_and_frames_are_built_when_shown(self):
        def recursive(depth):
            here = [depth]
            if not depth:
                raise ValueError("deep")
            recursive(depth - 1)

        try:
            recursive(600)
        except ValueError as problem:
            self.dump = fake.FakeDump(problem)
        found = self.script("where\nup 300\np here\nwhere 2\n")
        self.assertIn("  … 402 more\n", found)
        self.assertIn("(Pdb) [300]\n", found)
        frames = rebuild.rebuilder_of(self.dump).frames
        self.assertEqual(len(frames.built), 2)


if __name__ == "__main__":
    unittest.main()
