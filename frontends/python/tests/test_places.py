"""Where one may stand in a dump of this process, who holds what, and what other tools are given of it."""
import asyncio
import io
import os
import pdb
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import heapsake
from heapsake import _completion, _html, _output, debugger


class Held:
    """Held by a list and by a generator."""


def numbers(held):
    mine = held
    for number in range(3):
        yield number, mine


async def never(held):
    label = "<b>never</b>"
    await asyncio.sleep(3600)
    return held, label


async def alone(held):
    own = [held]
    await Paused()
    return own


class Paused:
    def __await__(self):
        yield None


async def dumped(path):
    held = Held()
    prices = {"apple": 3, "key": held, 5: "five", 'quo"te': 1}
    task = asyncio.ensure_future(never(held))
    await asyncio.sleep(0)
    suspended, lonely = numbers(held), alone(held)
    next(suspended)
    lonely.send(None)
    heapsake.dump(path, exception=False)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    lonely.close()
    return prices


class Places(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        environment = mock.patch.dict(os.environ, {"XDG_CACHE_HOME": cls.folder.name})
        environment.start()
        cls.environment = environment
        cls.path = os.path.join(cls.folder.name, "one.heapsake")
        loop = asyncio.new_event_loop()
        loop.run_until_complete(dumped(cls.path))
        loop.close()
        cls.dump = heapsake.load(cls.path)

    @classmethod
    def tearDownClass(cls):
        cls.environment.stop()
        cls.folder.cleanup()

    def answers(self, *lines, **options):
        out = io.StringIO()
        debugger.debug(self.dump, stdin=io.StringIO("\n".join(lines) + "\n"), stdout=out, **options)
        found = out.getvalue().split("(Pdb) ")
        self.assertEqual(len(found), len(lines) + 2, out.getvalue())
        return [each.rstrip("\n") for each in found[1:-1]]

    def test_threads_tasks_and_what_is_suspended_are_listed(self):
        listed = self.answers("threads")[0]
        tasks, _, suspended = listed.partition("--- suspended without a task ---")
        self.assertIn("MainThread", tasks)
        self.assertRegex(tasks.partition("--- tasks ---")[2], r"2 frames · pending task|1 frame · pending task")
        self.assertRegex(suspended, r"numbers · 1 frame · suspended generator at 0x")
        self.assertRegex(suspended, r"alone · \d frames? · suspended coroutine at 0x")
        # what a task drives is listed with the task alone
        self.assertNotIn("never ·", suspended)

    def test_one_goes_there_by_number_name_or_address(self):
        session = debugger.Debugger(self.dump, io.StringIO(), io.StringIO())
        number = next(each.number for each in session.places.suspended if each.name == "numbers")
        address = next(hex(each.view.address) for each in session.places.suspended if each.name == "numbers")
        for wanted in (str(number), "numbers", address):
            self.assertEqual(self.answers("thread %s" % wanted, "p number")[1], "0", wanted)

    def frame_of_dumped(self, *lines):
        """What is said to lines typed in the frame that made the dump."""
        session = debugger.Debugger(self.dump, io.StringIO(), io.StringIO())
        session.choose(session.first_place())
        ups = len(session.stack) - 1 - max(n for n in range(len(session.stack)) if session.stack.facts(n).function == "dumped")
        return self.answers(*(["up %d" % ups] if ups else ["p 0"]) + list(lines))[1:]

    def test_an_expression_leads_to_where_its_value_stands(self):
        found = self.frame_of_dumped("thread suspended", "p mine", "thread MainThread")
        self.assertIn("numbers()", found[0])
        self.assertIn("Held object at", found[1])
        found = self.frame_of_dumped("thread task", "up", "p label", "thread lonely", "thread prices", "thread 1 +")
        self.assertEqual(found[2], "'<b>never</b>'")
        self.assertIn("*** NameError", self.frame_of_dumped("thread task", "p nothing")[1])
        self.assertIn("no thread prices", found[4])
        self.assertIn("no thread 1 +", found[5])

    def test_who_holds_it_and_how_a_root_leads_to_it(self):
        found = self.frame_of_dumped("refs held", "p len(_refs)", "path held", "refs prices", "refs 1 + 1", "refs nothing", "refs",
                                     'refs prices["key"]', "!held = 3", "refs held")
        self.assertRegex(found[0], r"(?s)Held object at 0x.*held by \d+ objects")
        self.assertIn("['key'] of dict at 0x", found[0])
        self.assertRegex(found[0], "local (mine|held) of ")
        self.assertGreater(int(found[1]), 3)
        self.assertIn("a root leads to it in", found[2])
        self.assertIn("no object of the dump", found[4])
        self.assertIn("NameError", found[5])
        self.assertIn("an expression is expected", found[6])
        self.assertEqual(found[7].splitlines()[0], found[0].splitlines()[0])
        # what was assigned here is no object of the dump
        self.assertIn("no object of the dump", found[9])

    def test_keys_and_attributes_are_completed(self):
        names = {"prices": {"apple": 3, 5: "five", 'quo"te': 1}, "held": Held()}
        offer = lambda before: _completion.completions(before, lambda: names, lambda text: eval(text, dict(names)))
        self.assertEqual(offer('p prices["ap'), (2, ['apple"]']))
        self.assertEqual(offer("p prices['"), (0, ["apple']", "quo\"te']"]))
        self.assertEqual(offer("p prices["), (0, ["'apple']", "5]", "'quo\"te']"]))
        self.assertEqual(offer("p 1 + pri"), (3, ["prices"]))
        self.assertIn("keys", offer("p prices.ke")[1])
        self.assertEqual(offer("p prices.keys().nothing"), (0, []))
        self.assertEqual(offer("p absent.x"), (1, []))

    def test_it_becomes_the_last_exception(self):
        saved = {name: getattr(sys, name) for name in ("last_type", "last_value", "last_traceback", "last_exc") if hasattr(sys, name)}
        try:
            value = heapsake.set_last(self.dump)
            self.assertIsInstance(value, heapsake.Stopped)
            out, seen = io.StringIO("w\nq\n"), io.StringIO()
            with mock.patch.object(sys, "stdin", out), mock.patch.object(sys, "stdout", seen):
                pdb.pm()
            self.assertIn("dumped", seen.getvalue())
            heapsake.set_last(self.path, "numbers", limit=1)
            self.assertEqual(sys.last_traceback.tb_frame.f_code.co_name, "numbers")
            self.assertRaises(heapsake.Error, heapsake.set_last, self.dump, "nobody")
        finally:
            for name in ("last_type", "last_value", "last_traceback", "last_exc"):
                if name in saved:
                    setattr(sys, name, saved[name])
                elif hasattr(sys, name):
                    delattr(sys, name)

    def test_a_page_for_notebooks_is_escaped(self):
        page = self.dump._repr_html_()
        self.assertIn("<h4>Threads</h4>", page)
        self.assertIn("<h4>Tasks</h4>", page)
        self.assertIn("sleep()", page)
        self.assertNotIn("<script", _html.text("<script>"))
        self.assertEqual(_html.text("\x1b[31m<b>"), "\\x1b[31m&lt;b&gt;")

    def test_an_unknown_debugger_is_named(self):
        self.assertRaisesRegex(heapsake.Error, "no debugger gdb: there are pdb, ipdb, ipython, pudb", heapsake.debug, self.dump, None, "gdb")


class Output(unittest.TestCase):
    def test_what_a_terminal_acts_on_is_escaped(self):
        self.assertEqual(_output.harmless("a\x1b]0;t\x07\tb\n\u202ec\udc80\r"), "a\\x1b]0;t\\x07\tb\n\\u202ec\\udc80")
        self.assertEqual(_output.harmless("\x1b[0;31mred\x1b[2J\x9b", True), "\x1b[0;31mred\\x1b[2J\\x9b")

    def test_a_terminal_without_letters_is_served(self):
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding="ascii")
        _output.Harmless(stream).write("· …\n")
        stream.flush()
        self.assertEqual(raw.getvalue(), b"\\xb7 \\u2026\n")


class Apart(unittest.TestCase):
    def test_places_in_a_process_of_their_own(self):
        """Other tests dump this process, and stand-ins of tasks would be taken for its tasks."""
        ended = subprocess.run([sys.executable, os.path.abspath(__file__)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
        self.assertEqual(ended.returncode, 0, ended.stdout.decode("utf-8", "replace"))


def load_tests(loader, tests, pattern):
    cases = (Places, Output) if __name__ == "__main__" else (Apart,)
    return unittest.TestSuite(loader.loadTestsFromTestCase(each) for each in cases)


if __name__ == "__main__":
    unittest.main()
