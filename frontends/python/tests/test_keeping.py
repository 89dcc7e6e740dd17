"""What is kept: one of each distinct crash, so many, so much, under names that never leave the folder; whatever happens."""
import fcntl
import functools
import gc
import io
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

import heapsake
from heapsake import _folder, _keeping, _native, _provisional, _template
from heapsake._keeping import Keeper, Named
from programs import PATIENCE


def price(order):
    return {}[order]


def other(order):
    return {}[order]


def failed(function=price, order="tea"):
    try:
        function(order)
    except KeyError as problem:
        return problem


class Keeping(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.join(folder.name, "dumps")
        saved, sys.stderr = sys.stderr, io.StringIO()
        self.addCleanup(setattr, sys, "stderr", saved)

    def keeper(self, **arguments):
        return Keeper(self.folder, **arguments)

    def there(self):
        return sorted(os.listdir(self.folder)) if os.path.isdir(self.folder) else []

    def said(self):
        return sys.stderr.getvalue().splitlines()

    def test_a_dump_of_each_distinct_crash(self):
        keeper = self.keeper()
        first = keeper.keep(failed(), reason="one")
        self.assertEqual(self.said(), ["heapsake: one saved to %s" % first])
        self.assertEqual(heapsake.load(first).header["reason"], "one")
        again = failed(order="coffee")
        self.assertIsNone(keeper.keep(again, reason="one"))
        self.assertEqual(keeper.dump_of(again), first)
        second = keeper.keep(failed(other), reason="two")
        self.assertEqual(len({first, second} | {os.path.join(self.folder, name) for name in self.there()}), 2)
        self.assertEqual(len(self.said()), 2)

    def test_every_time(self):
        keeper = self.keeper(once=False, quiet=True)
        self.assertEqual(len({keeper.keep(failed()) for _ in range(3)}), 3)
        self.assertEqual(self.said(), [])

    def test_an_exception_has_one_dump_whoever_is_told_of_it(self):
        problem = failed()
        path = self.keeper(once=False).keep(problem)
        self.assertIsNone(self.keeper(once=False).keep(problem))
        self.assertEqual(heapsake.dump_of(problem), path)

    def test_classes_that_refuse_everything(self):
        class Frozen(Exception):
            __slots__ = ()

            def __setattr__(self, name, value):
                raise AttributeError(name)

            def __getattribute__(self, name):
                raise RuntimeError(name)

            __eq__ = __hash__ = __str__ = __repr__ = lambda *_: 1 // 0

        keeper = self.keeper(once=False)
        problem = Frozen()
        path = keeper.keep(problem)
        self.assertTrue(os.path.exists(path), self.said())
        self.assertIsNone(keeper.keep(problem))

    def test_once_for_a_folder(self):
        program = "import sys; sys.path[:0] = %r; import test_keeping as t\n" \
                  "print(t.Keeper(%r, once='directory').keep(t.failed()))" % ([os.path.dirname(__file__)], self.folder)
        environment = dict(os.environ, PYTHONPATH=os.path.dirname(os.path.dirname(heapsake.__file__)))

        def run():
            return subprocess.run([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, universal_newlines=True,
                                  timeout=PATIENCE, stderr=subprocess.DEVNULL).stdout.strip()

        first = run()
        self.assertTrue(os.path.exists(first))
        self.assertEqual(run(), "None")
        os.unlink(first)
        self.assertTrue(os.path.exists(run()))

    def test_at_most_so_many_of_all_processes(self):
        program = "import sys; sys.path[:0] = %r; import test_keeping as t\n" \
                  "[t.Keeper(%r, once=False, at_most=5).keep(t.failed()) for _ in range(3)]" % ([os.path.dirname(__file__)], self.folder)
        environment = dict(os.environ, PYTHONPATH=os.path.dirname(os.path.dirname(heapsake.__file__)))
        running = [subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE, universal_newlines=True)
                   for _ in range(4)]
        said = "".join(one.communicate(timeout=PATIENCE)[1] for one in running)
        self.assertEqual((len(self.there()), said.count(" saved to ")), (5, 5), said)
        self.assertIn("has 5 dumps, and at_most is 5", said)

    def test_what_is_used_up_is_told_once(self):
        keeper = self.keeper(at_most=1, once=False)
        keeper.keep(failed())
        for _ in range(3):
            self.assertIsNone(keeper.keep(failed()))
        self.assertEqual(len(self.said()), 2)
        # Dumps of another program do not count.
        self.assertIsNotNone(self.keeper(at_most=1, template="other-{pid}", quiet=True).keep(failed()))

    def test_a_budget_of_bytes(self):
        """What does not fit is cut, and then there is none; the budget holds in any case."""
        # More than a dump has in any case.
        ballast = [["%x" % (number * 0x9E3779B97F4A7C15)] for number in range(400000)]
        first = self.keeper(once=False, quiet=True).keep(failed())
        whole = os.path.getsize(first)
        budget = whole + whole // 2
        second = self.keeper(disk=budget, once=False).keep(failed())
        used = sum(os.path.getsize(os.path.join(self.folder, name)) for name in self.there())
        self.assertLessEqual(used, budget)
        dump = heapsake.load(second)
        self.assertLess(len(dump.objects), len(heapsake.load(first).objects) - len(ballast) // 4)
        self.assertEqual(self.local_of(dump, "price"), "tea")
        for more in (_folder.SMALLEST + 1, 1):
            keeper = self.keeper(disk=used + more, once=False)
            self.assertEqual([keeper.keep(failed()) for _ in range(2)], [None, None])
            self.assertRegex(self.said()[-1], r"no dump of .*: .*disk (is|leaves) \d+")
        self.assertEqual((len(self.there()), len(self.said())), (2, 3))

    def test_a_budget_that_another_uses_up_meanwhile(self):
        first = self.keeper(once=False, quiet=True).keep(failed())
        size, dump = os.path.getsize(first), heapsake.dump

        def late(path, *arguments, **options):
            path = dump(path, *arguments, **options)
            with open(os.path.join(self.folder, "other.heapsake"), "wb") as file:
                file.truncate(size * 2)
            return path

        keeper = self.keeper(disk=size * 3 + 100, once=False)
        with mock.patch.object(heapsake, "dump", late):
            self.assertIsNone(keeper.keep(failed(), reason="one"))
        self.assertEqual(self.said(), ["heapsake: no dump of one: dumps that were made at once have used up what disk leaves"])
        self.assertEqual(self.there(), sorted([os.path.basename(first), "other.heapsake"]))
        os.unlink(os.path.join(self.folder, "other.heapsake"))
        self.assertIsNotNone(keeper.keep(failed()))

    def test_what_was_begun_by_a_process_that_is_gone(self):
        keeper = self.keeper(at_most=1, once="directory", quiet=True, template="one-{fingerprint}")
        problem = failed()
        os.makedirs(self.folder)
        begun = os.path.join(self.folder, "one-%s.heapsake.partial" % _keeping._fingerprint.of_exception(problem))
        with open(begun, "wb") as file:
            self.assertIsNone(keeper.keep(problem))
            os.utime(begun, (1, 1))
            fcntl.flock(file, fcntl.LOCK_EX)
            self.assertIsNone(keeper.keep(problem))
        self.assertIsNotNone(keeper.keep(problem))

    def test_what_ends_nothing_has_a_number_without_one(self):
        keeper = self.keeper(once=None)
        with mock.patch.object(_keeping, "AT_MOST", 1):
            self.assertEqual([bool(keeper.keep(False)) for _ in range(2)], [True, False])
            self.assertIsNotNone(keeper.keep(failed(), ends=True))
            self.assertIsNotNone(self.keeper(once=None, at_most=3).keep(False))
            self.assertIsNotNone(self.keeper(once=False).keep(False))

    def test_so_many_that_may_be_caught(self):
        keeper, problems = self.keeper(quiet=True, once=False), []
        with mock.patch.object(_provisional, "MOST", 2), mock.patch.object(_provisional, "_caught", {}):
            for function in (price, other, lambda order: {}[order]):
                problems.append(failed(function))
                keeper.keep(problems[-1], provisional=True)
            self.assertEqual(len(self.there()), 2)
            problems.clear()
            gc.collect()
            self.assertEqual(self.there(), [])

    def test_dumps_of_programs_with_names_alike_do_not_count(self):
        for text in (None, "{program}", "{program}-{node}", "{program}-{exception}-{fingerprint}", "{node}-{program}-{pid}", "x-{program}", "a crash: {program} {pid}"):
            template = _keeping.Template(text)
            names = {}
            for program in ("shop", "shop2", "my-shop", "my--shop", "workshop"):
                with mock.patch.object(_template, "program", lambda: program):
                    names[program] = [template.stem({"exception": kind, "node": node}) for kind in ("", "KeyError") for node in ("", "a-b")]
            for program in ("shop", "my--shop"):
                with mock.patch.object(_template, "program", lambda: program):
                    matches = template.pattern().match
                    native = _native().Limits(template.unfinished(), template.counted()).counts
                for other, stems in names.items():
                    for stem in stems:
                        for end in (".heapsake", "-7.heapsake", "-0123abcdef01.heapsake", ".heapsake.partial"):
                            if other == program:
                                self.assertTrue(matches(stem + end), (text, stem + end))
                            elif other in ("shop2", "workshop"):
                                self.assertFalse(matches(stem + end), (text, stem + end))
                            self.assertEqual(native(stem + end), bool(matches(stem + end)), (text, stem + end))

    def test_names_count_without_python_as_with_it(self):
        letters, chosen = ["-", "0", "a", "x", ".", "shop", "12", "20261129-081500", "\n", "\N{SNOWMAN}"], random.Random(6)
        parts = ["{%s}" % field for field in _template.FIELDS] + ["-", "x", "1", "."]
        ends = ["", ".heapsake", ".heapsake.partial", ".heapsake.2.partial", ".heapsake.2", ".partial", "-3.heapsake", "-af-1.heapsake"]
        seen = set()
        with mock.patch.object(_template, "program", lambda: "shop"):
            for _ in range(300):
                text = "".join(chosen.choice(parts) for _ in range(chosen.randrange(1, 6)))
                if not text.strip("."):
                    continue
                template = _keeping.Template(text)
                matches, native = template.pattern().match, _native().Limits(template.unfinished(), template.counted())
                values = {"exception": chosen.choice(["", "KeyError"]), "node": chosen.choice(["", "a-b"]), "reason": "why", "thread": ""}
                names = ["".join(chosen.choice(letters) for _ in range(chosen.randrange(6))) for _ in range(30)]
                for name in names + [template.stem(values), native.stem(os.getpid(), "why")] * 4:
                    name += chosen.choice(ends)
                    self.assertEqual(native.counts(name), bool(matches(name)), (text, name))
                    seen.add((native.counts(name), name.endswith("heapsake")))
        self.assertEqual(len(seen), 4)

    def test_names_without_python_are_those_of_the_template(self):
        values = {"exception": "", "thread": "", "reason": "asked by ../USR1 \N{SNOWMAN}" + 20 * "tête"}
        for text in (None, "{program}", "{reason}-{node}-{pid}", "-{exception}--{reason}", "..{reason}", "{exception}", "{host}-{program}-x", "my {reason}: {pid}", 80 * "ä{reason}"):
            template = _keeping.Template(text)
            offset = time.localtime().tm_gmtoff
            native = _native().Limits(template.unfinished(), template.counted(), offset=offset)
            # The second may be another by then.
            before, name, after = template.stem(values), native.stem(os.getpid(), values["reason"]), template.stem(values)
            self.assertIn(name, (before, after), text)
        self.assertEqual(_native().Limits("a--\2-").stem(7, "why"), "a--7-")

    def test_paths_of_dumps_that_stay_are_plain_texts(self):
        keeper = self.keeper(quiet=True, once=False)
        for stays in (_keeping.kept, keeper.keep):
            problem = failed()
            keeper.keep(problem, provisional=True)
            path = stays(problem)
            self.assertEqual((type(path), type(keeper.dump_of(problem)), path), (str, str, keeper.dump_of(problem)))
            del problem
            gc.collect()
            self.assertTrue(os.path.exists(path))
        self.assertIsNone(_keeping.kept(failed()))

    def local_of(self, dump, function):
        return next(frame.locals["order"].value for frame in dump.threads[0].frames if frame.function == function)

    def test_a_full_disk(self):
        full = os.statvfs_result((4096, 4096, 100, 1, 1, 0, 0, 0, 0, 255))
        with mock.patch.object(os, "statvfs", lambda _: full):
            self.assertIsNone(self.keeper(disk=1 << 30).keep(failed(), reason="one"))
        self.assertEqual(self.said(), ["heapsake: no dump of one: the disk of %s is full" % self.folder])

    def test_names(self):
        cases = {
            "{program}-{exception}": r"[\w.@-]+-KeyError\.heapsake",
            "{node}": r"tests_test_a\.py__test_b_x_y_\.heapsake",
            "{program}-{node}-{thread}-{host}": r"[\w.@-]+-tests_test_a\.py__test_b_x_y_-MainThread-[\w.-]+\.heapsake",
            "{fingerprint}.heapsake": r"[0-9a-f]{12}\.heapsake",
            "crash": r"crash\.heapsake",
        }
        for template, expected in cases.items():
            path = self.keeper(template=template).keep(failed(), node="../tests/test_a.py::test_b[x/y]".lstrip("./"))
            self.assertRegex(os.path.basename(path), r"\A%s\Z" % expected)
            self.assertEqual(os.path.dirname(path), self.folder)
        for template in ("../{pid}", "a/b", "{nothing}", "{pid", "", "{}", "..", "a\0b"):
            with self.assertRaises(ValueError, msg=template):
                self.keeper(template=template)
        for name in ("../../etc/passwd", "x" * 1000, "\N{SNOWMAN}\n\t\x1b[31m", "..", "tête-à-tête" * 60):
            path = self.keeper(once=False).keep(failed(), name=name)
            self.assertEqual(os.path.dirname(path), self.folder)
            self.assertLess(len(os.fsencode(os.path.basename(path))), 256)
            self.assertTrue(os.path.exists(path))

    def test_callbacks(self):
        paths = []
        keeper = self.keeper(callback=paths.append)
        self.assertEqual([keeper.keep(failed())], paths)
        broken = self.keeper(callback=lambda path: 1 // 0, once=False)
        path = broken.keep(failed())
        self.assertIn("%s; the callback failed: ZeroDivisionError" % path, self.said()[-1])
        self.assertEqual(len(self.said()), 2)
        leaving = self.keeper(callback=sys.exit, once=False)
        self.assertIn("; the callback failed: SystemExit: %s" % leaving.keep(failed()), self.said()[-1])

    def test_again_from_within(self):
        keeper = self.keeper(once=False, callback=lambda path: inner.append(keeper.keep(failed(other))))
        inner = []
        keeper.keep(failed())
        self.assertEqual((inner, len(self.there())), ([None], 1))

    def test_threads_at_once(self):
        keeper, barrier, paths = self.keeper(), threading.Barrier(8), []

        def work():
            problem = failed()
            barrier.wait()
            paths.append(keeper.keep(problem))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len([path for path in paths if path]), 1)
        self.assertEqual(len(self.there()), 1)

    def test_a_forked_child_of_a_program_that_dumps(self):
        keeper, children = self.keeper(once=False, quiet=True), []

        def fork(path):
            child = os.fork()
            if child == 0:
                os._exit(0 if isinstance(Keeper(self.folder, quiet=True).keep(failed(other)), str) else 1)
            children.append(child)

        keeper.callback = fork
        keeper.keep(failed())
        self.assertEqual([os.waitpid(child, 0)[1] for child in children], [0])
        self.assertEqual(len(self.there()), 2)

    def test_a_dump_that_fails_leaves_nothing_and_may_be_tried_again(self):
        keeper = self.keeper()
        with mock.patch.object(heapsake, "dump", side_effect=OSError("no such luck")):
            self.assertIsNone(keeper.keep(failed(), reason="one"))
        self.assertEqual((self.there(), self.said()), ([], ["heapsake: no dump of one: OSError: no such luck"]))
        self.assertIsNotNone(keeper.keep(failed(), reason="one"))

    def test_only_what_is_ours_is_given_back(self):
        def reserve():
            return _folder.reserve(self.folder, "one", counts=None, at_most=None, disk=None, unless=None)

        ours = reserve()
        partial = ours.path + ".partial"
        ours.release()
        self.assertEqual(self.there(), [])
        ours.release()
        # Ours is gone, and another has the name: by a file of the same size, and of the same number where the system gives it again.
        ours = reserve()
        os.unlink(partial)
        other = reserve()
        self.assertEqual(other.path, ours.path)
        ours.release()
        self.assertTrue(os.path.exists(partial))
        # A dump has taken it over, and has not written to it yet.
        with open(partial, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            other.release()
            self.assertTrue(os.path.exists(partial))
        os.unlink(partial)
        # What there is of a dump stays.
        ours = reserve()
        with open(partial, "wb") as file:
            file.write(b"x")
        ours.release()
        self.assertEqual(self.there(), [os.path.basename(partial)])
        os.unlink(partial)
        self.assertEqual([os.path.basename(reserve().path) for _ in range(2)], ["one.heapsake", "one-1.heapsake"])

    def test_a_lock_that_nobody_gives_back_is_not_waited_for_for_ever(self):
        os.makedirs(self.folder)
        with _folder.Held(self.folder), mock.patch.object(_folder, "PATIENCE", 0.05):
            self.assertIsNotNone(self.keeper().keep(failed()))

    def test_what_a_signal_handler_raises_passes(self):
        with mock.patch.object(heapsake, "dump", side_effect=KeyboardInterrupt):
            with self.assertRaises(KeyboardInterrupt):
                self.keeper().keep(failed())
        self.assertEqual(self.there(), [])
        self.assertIsNotNone(self.keeper().keep(failed()))

    def test_what_a_signal_handler_raises_passes_whatever_it_is(self):
        def handler(number, frame):
            raise TimeoutError("over")

        def asked(*_, **__):
            os.kill(os.getpid(), signal.SIGUSR2)
            for _ in range(1000):
                pass
            return "a text"

        def never(number, *_):
            raise SystemExit(3)

        before = signal.signal(signal.SIGUSR2, handler)
        self.addCleanup(signal.signal, signal.SIGUSR2, before)
        with mock.patch.object(heapsake, "dump", asked), self.assertRaisesRegex(TimeoutError, "over"):
            self.keeper().keep(failed())
        self.assertEqual(self.there(), [])
        with self.assertRaises(TimeoutError):
            self.keeper(callback=asked).keep(failed())
        for kind in (lambda *arguments: handler(*arguments), functools.partial(handler)):
            signal.signal(signal.SIGUSR2, kind)
            with mock.patch.object(heapsake, "dump", asked), self.assertRaises(TimeoutError):
                self.keeper().keep(failed())
        signal.signal(signal.SIGUSR2, never)
        with self.assertRaises(SystemExit):
            self.keeper(callback=asked).keep(failed())

    def test_names_of_classes_to_ignore(self):
        for ignored in (Named("KeyError"), Named("builtins.KeyError"), [Named("LookupError")], [KeyError], KeyError):
            self.assertIsNone(self.keeper(ignore=ignored).keep(failed()))
        self.assertIsNotNone(self.keeper(ignore=Named("app.Cancelled")).keep(failed()))
        self.assertEqual(_keeping.classes(None), (SystemExit, KeyboardInterrupt))


if __name__ == "__main__":
    unittest.main()
