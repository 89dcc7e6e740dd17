"""What an exception has of its dump: nothing that the program sees, pickles or copies, and nothing once it is dead."""
import copy
import gc
import os
import pickle
import subprocess
import sys
import unittest
from unittest import mock

import heapsake
import test_keeping
from heapsake import _marks, _provisional
from programs import PATIENCE, Programs


class Made(Exception):
    """Pickled by what it has as attributes."""

    def __init__(self, *, code):
        super().__init__(code)
        self.code = code

    def __reduce__(self):
        return _made, (dict(self.__dict__),)


def _made(attributes):
    return Made(**attributes)


class Strict(Exception):
    def __setstate__(self, state):
        raise TypeError("there is no state")


class Narrow(Exception):
    __slots__ = ()


class NarrowAndStrict(Narrow):
    __slots__ = ()

    __setstate__ = Strict.__setstate__


class NarrowAndPickled(NarrowAndStrict):
    __slots__ = ()

    def __reduce__(self):
        return type(self), self.args


def raised(exception):
    try:
        raise exception
    except type(exception):
        return exception


class Marks(unittest.TestCase):
    setUp, keeper, there = (getattr(test_keeping.Keeping, name) for name in ("setUp", "keeper", "there"))

    def test_what_pickles_and_copies_finds_its_own(self):
        keeper = self.keeper(once=False, quiet=True)
        for problem in (Made(code=5), Strict("a")):
            raised(problem)
            before = pickle.dumps(problem, 2), dict(vars(copy.copy(problem)))
            path = keeper.keep(problem)
            self.assertEqual(heapsake.dump_of(problem), path)
            self.assertEqual(pickle.dumps(problem, 2), before[0])
            self.assertEqual(pickle.loads(before[0]).args, problem.args)
            self.assertEqual((vars(copy.copy(problem)), vars(problem)), (before[1], before[1]))

    def test_to_ask_changes_nothing(self):
        for kind in (ValueError, OSError, Strict, Narrow, NarrowAndStrict, NarrowAndPickled):
            problem = raised(kind("a"))
            self.assertIsNone(heapsake.dump_of(problem))
            self.assertEqual(len(BaseException.__reduce__(problem)), 2, kind)

    def test_classes_without_weak_references(self):
        keeper = self.keeper(once=False, quiet=True)
        for kind in (ValueError, OSError, ImportError, Narrow):
            problem = raised(kind("a"))
            path = keeper.keep(problem)
            self.assertEqual((heapsake.dump_of(problem), keeper.keep(problem)), (path, None))
            again = pickle.loads(pickle.dumps(problem))
            self.assertEqual((type(again), again.args), (kind, ("a",)))
            _marks.take_away(problem)
            self.assertIsNone(heapsake.dump_of(problem))
            self.assertEqual(vars(problem), {})

    def test_classes_that_can_have_none(self):
        keeper = self.keeper(once=False, quiet=True)
        for kind in (NarrowAndStrict, NarrowAndPickled):
            problem = raised(kind("a"))
            self.assertIsNone(keeper.keep(problem, provisional=True))
            self.assertEqual(self.there(), [])
            self.assertIsNotNone(keeper.keep(problem))
            self.assertEqual(len(BaseException.__reduce__(problem)), 2)
            os.unlink(os.path.join(self.folder, self.there()[0]))

    def test_what_ends_with_its_exception(self):
        keeper = self.keeper(once=False, quiet=True)
        with mock.patch.multiple(_provisional, _caught={}, ENOUGH=100, MOST=100):
            for kind in (Strict, ValueError, Narrow):
                for asks in (False, True):
                    problem = raised(kind("a"))
                    path = keeper.keep(problem, provisional=True)
                    self.assertTrue(os.path.exists(path))
                    if asks:
                        self.assertEqual((heapsake.dump_of(problem), type(heapsake.dump_of(problem))), (path, str))
                    del problem
                    gc.collect()
                    self.assertEqual(os.path.exists(path), asks, kind)
                    # In a cycle it is the collector that ends it.
                    problem = raised(kind([]))
                    problem.args[0].append(problem)
                    path = keeper.keep(problem, provisional=True)
                    if asks:
                        heapsake.dump_of(problem)
                    del problem
                    self.assertTrue(os.path.exists(path))
                    gc.collect()
                    self.assertEqual(os.path.exists(path), asks, kind)

    def test_a_number_that_is_anothers_now(self):
        seen, again = set(), 0
        for _ in range(1000):
            problem = Strict()
            again += id(problem) in seen
            self.assertIsNone(_marks.noted(problem))
            _marks.note(problem, "a path")
            _marks.note(problem, "another")
            self.assertEqual(_marks.noted(problem), "another")
            seen.add(id(problem))
            self.assertIn(id(problem), _marks._beside)
            del problem
            self.assertFalse(seen & set(_marks._beside))
        self.assertGreater(again, 0)

    def test_a_forked_child_has_the_dumps_of_its_parent(self):
        keeper, problems = self.keeper(once=False, quiet=True), [raised(Strict("a")), raised(ValueError("a"))]
        paths = [keeper.keep(problem, provisional=provisional) for problem, provisional in zip(problems, (False, True))]
        child = os.fork()
        if child == 0:
            same = [heapsake.dump_of(problem) for problem in problems] == paths
            problems.clear()
            gc.collect()
            os._exit(0 if same else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertTrue(all(map(os.path.exists, paths)))

    def test_what_is_no_exception(self):
        for wrong in (None, "a", ValueError):
            with self.assertRaisesRegex(TypeError, "dump_of wants an exception, not "):
                heapsake.dump_of(wrong)


class Workers(Programs):
    """A worker's exception as its parent has it."""

    KINDS = """
        class Made(Exception):
            def __init__(self, *, code):
                super().__init__(code)
                self.code = code
            def __reduce__(self):
                return functools.partial(Made, **self.__dict__), ()
        class Strict(Exception):
            def __setstate__(self, state):
                raise TypeError("there is no state: %r" % state)
        def made(number):
            raise Made(code=number)
        def strict(number):
            raise Strict(number)
        def of_python(number):
            raise ValueError(number)
        def caught(number):
            async def main():
                raise Strict(number)
            asyncio.run(main())
    """

    def test_a_pool(self):
        self.both("""
            import asyncio, functools, multiprocessing
            DOOR
            %s
            if __name__ == "__main__":
                with multiprocessing.get_context("fork").Pool(1) as pool:
                    for work in (made, strict, of_python, caught):
                        try:
                            pool.apply_async(work, (5,)).get(60)
                        except Exception as problem:
                            print(type(problem).__name__, problem.args, vars(problem))
        """ % self.KINDS.replace("\n", "\n    ").strip(), dumps=4)
        self.assertEqual(len(self.with_it.output.splitlines()), 4)

    def test_an_executor(self):
        self.both("""
            import asyncio, functools
            from concurrent.futures import ProcessPoolExecutor
            DOOR
            %s
            if __name__ == "__main__":
                with ProcessPoolExecutor(1) as pool:
                    for work in (made, strict, of_python, caught):
                        try:
                            pool.submit(work, 5).result(60)
                        except Exception as problem:
                            print(type(problem).__name__, problem.args, vars(problem))
        """ % self.KINDS.replace("\n", "\n    ").strip(), dumps=4)
        self.assertEqual(len(self.with_it.output.splitlines()), 4)

    def test_one_that_somebody_catches_and_pickles(self):
        self.both("""
            import asyncio, copy, functools, pickle
            DOOR
            %s
            for work in (caught, caught):
                try:
                    work(5)
                except Strict as problem:
                    print(pickle.loads(pickle.dumps(problem)).args, copy.copy(problem).args)
        """ % self.KINDS.replace("\n", "\n    ").strip().replace("raise TypeError", "print"), dumps=0, lines=0)


class Ends(unittest.TestCase):
    def test_exceptions_that_outlive_everything(self):
        """Their ends come when the modules are gone; nothing is said of them."""
        program = "import sys; sys.path[:0] = %r; import test_marks as t\n" \
                  "from heapsake import _marks\n" \
                  "kept = [t.raised(kind('a')) for kind in (t.Strict, ValueError) for _ in range(3)]\n" \
                  "kept.append(kept)\n" \
                  "sys.kept = [t.raised(t.Strict('b'))]\n" \
                  "for one in kept[:-1] + sys.kept: _marks.note(one, 'a path')" % ([os.path.dirname(os.path.abspath(__file__))],)
        environment = dict(os.environ, PYTHONPATH=os.path.dirname(os.path.dirname(heapsake.__file__)))
        done = subprocess.run([sys.executable, "-X", "dev", "-c", program], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stdout), (0, ""))


if __name__ == "__main__":
    unittest.main()
