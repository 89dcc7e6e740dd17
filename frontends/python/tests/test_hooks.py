"""The hooks chain, name the file, and never raise."""
import io
import os
import subprocess
import sys
import tempfile
import threading
import types
import unittest
from unittest import mock

import heapsake
from heapsake import _writing, doors, hooks


def _filled(name):
    with open(name, "wb") as file:
        file.write(b"all of it")


class Hooks(unittest.TestCase):
    def setUp(self):
        self.seen, self.dumped = [], []
        for module, name in ((sys, "excepthook"), (threading, "excepthook"), (sys, "stderr")):
            saved = getattr(module, name)
            self.addCleanup(setattr, module, name, saved)
        sys.excepthook = lambda *arguments: self.seen.append(arguments[0])
        threading.excepthook = lambda arguments: self.seen.append(arguments.exc_type)
        sys.stderr = io.StringIO()
        self.addCleanup(hooks.uninstall)

    def dump(self, path, exception, reason, **options):
        self.dumped.append((path, exception, reason, options))
        return path

    def fail(self):
        try:
            raise KeyError("price")
        except KeyError:
            sys.excepthook(*sys.exc_info())

    def test_an_uncaught_exception_is_dumped_and_passed_on(self):
        folder = tempfile.gettempdir()
        with mock.patch.object(heapsake, "dump", self.dump):
            heapsake.install(folder, redact="none")
            self.fail()
        (path, exception, reason, options), = self.dumped
        self.assertEqual((os.path.dirname(path), type(exception), reason, options), (folder, KeyError, "uncaught KeyError", {"redact": "none"}))
        self.assertEqual(self.seen, [KeyError])
        self.assertEqual(sys.stderr.getvalue(), "heapsake: uncaught KeyError saved to %s\n" % path)

    def test_threads(self):
        with mock.patch.object(heapsake, "dump", self.dump):
            heapsake.install()
            thread = threading.Thread(target=lambda: 1 / 0, name="worker-7")
            thread.start()
            thread.join()
        self.assertEqual([(type(exception), reason) for _, exception, reason, _ in self.dumped],
                         [(ZeroDivisionError, "uncaught ZeroDivisionError in worker-7")])
        self.assertEqual(self.seen, [ZeroDivisionError])

    def test_a_dump_that_fails_is_said_and_the_old_hook_runs(self):
        def broken(*arguments, **options):
            raise OSError(28, "No space left on device")

        with mock.patch.object(heapsake, "dump", broken):
            heapsake.install()
            self.fail()
        self.assertEqual(self.seen, [KeyError])
        self.assertIn("no dump of uncaught KeyError: OSError: [Errno 28] No space left", sys.stderr.getvalue())
        sys.stderr = None
        with mock.patch.object(heapsake, "dump", broken):
            self.fail()
        self.assertEqual(self.seen, [KeyError] * 2)

    def test_code_of_the_program_cannot_make_a_hook_raise(self):
        class Meta(type):
            @property
            def __name__(self):
                raise ValueError("no name")

            def __subclasscheck__(self, other):
                raise ValueError("no subclasses")

        class Unspeakable(Exception, metaclass=Meta):
            pass

        class Nameless(threading.Thread):
            @property
            def name(self):
                raise ValueError("no name")

        thread = types.SimpleNamespace(exc_type=KeyError, exc_value=KeyError(), exc_traceback=None, thread=Nameless.__new__(Nameless))
        with mock.patch.object(heapsake, "dump", self.dump):
            heapsake.install()
            sys.excepthook(Unspeakable, Unspeakable(), None)
            threading.excepthook(thread)
            self.assertEqual([reason for _, _, reason, _ in self.dumped], ["an uncaught exception"] * 2)
            self.assertEqual(self.seen, [Unspeakable, KeyError])
            heapsake.install(ignore=Unspeakable)
            self.fail()
        self.assertEqual((len(self.dumped), self.seen), (2, [Unspeakable, KeyError, KeyError]))
        self.assertIn("no dump of an uncaught exception: ValueError: no subclasses", sys.stderr.getvalue())

    def test_a_working_directory_that_is_gone(self):
        before, gone = os.getcwd(), tempfile.mkdtemp()
        self.addCleanup(os.chdir, before)
        os.chdir(gone)
        os.rmdir(gone)
        with mock.patch.object(heapsake, "dump", self.dump):
            heapsake.install()
            self.fail()
        (path, _, _, _), = self.dumped
        self.assertIn(os.path.dirname(path), (os.environ.get("TMPDIR"), "/tmp", "/var/tmp"))
        self.assertIn("saved to %s; [Errno 2]" % path, sys.stderr.getvalue())
        written = io.BytesIO()
        _writing.dump_into(written, lambda name: _filled(name))
        self.assertEqual(written.getvalue(), b"all of it")

    def test_a_path_that_can_write_is_a_path(self):
        class Local:
            def __fspath__(self):
                return "there.heapsake"

            def write(self, data):
                raise AssertionError("it is a path")

        native = mock.Mock()
        native.dump.side_effect = lambda path, *arguments, **options: path
        with mock.patch.object(heapsake, "_native", lambda: native):
            self.assertEqual(heapsake.dump(Local()), "there.heapsake")

    def test_installed_once_and_taken_away(self):
        before, folder = sys.excepthook, tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        elsewhere = os.path.join(folder.name, "elsewhere")
        os.mkdir(elsewhere)
        heapsake.install()
        heapsake.install(elsewhere)
        with mock.patch.object(heapsake, "dump", self.dump):
            self.fail()
        self.assertEqual(len(self.dumped), 1)
        self.assertEqual(os.path.basename(os.path.dirname(self.dumped[0][0])), "elsewhere")
        heapsake.uninstall()
        self.assertIs(sys.excepthook, before)

    def test_settings_that_are_wrong_leave_those_before(self):
        import logging

        heapsake.install(redact="none", at_most=7, logging=True, signal="USR1")
        keeper, hook, called = doors.keeper, sys.excepthook, logging.Logger.callHandlers
        for settings in (dict(asyncio="some"), dict(signal="USR9"), dict(redact="some"), dict(signal_seconds="soon"), dict(unraisable=7),
                         dict(excepthook=False, warnings=[int])):
            with self.assertRaises((ValueError, TypeError, heapsake.Error), msg=settings):
                heapsake.install(tempfile.gettempdir(), **settings)
            self.assertIs(doors.keeper, keeper, settings)
            self.assertIs(sys.excepthook, hook, settings)
            self.assertIs(logging.Logger.callHandlers, called, settings)
        with mock.patch.object(heapsake, "dump", self.dump):
            self.fail()
            heapsake.install(signal=None)
        self.assertEqual(self.dumped[0][3], {"redact": "none"})
        self.assertIsNot(logging.Logger.callHandlers, called)

    def test_leaving_is_no_crash(self):
        with mock.patch.object(heapsake, "dump", self.dump):
            heapsake.install()
            sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
        self.assertEqual((self.dumped, self.seen), ([], [KeyboardInterrupt]))


class Command(unittest.TestCase):
    def run_it(self, *arguments):
        folder = os.path.dirname(os.path.dirname(heapsake.__file__))
        return subprocess.run([sys.executable, "-m", "heapsake", *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True)

    def test_usage(self):
        self.assertEqual(self.run_it("debug").returncode, 2)
        self.assertEqual(self.run_it("debug", "--nothing", "x").returncode, 2)
        done = self.run_it("debug", "--help")
        self.assertEqual((done.returncode, "threads" in done.stdout), (0, True))

    def test_not_a_dump(self):
        done = self.run_it("debug", os.path.join(os.sep, "nonexistent.heapsake"))
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stderr.startswith("heapsake: "), done.stderr)
        self.assertNotIn("Traceback", done.stderr)


class Registry(unittest.TestCase):
    def test_reducers(self):
        from heapsake import _registry

        self.addCleanup(_registry.REDUCERS.pop, "app.Handle", None)

        @heapsake.reducer("app.Handle")
        def reduce_handle(view):
            return heapsake.Reduction(state={"path": view["path"].value})

        self.assertIs(_registry.REDUCERS["app.Handle"].function, reduce_handle)
        with self.assertRaises(ValueError):
            heapsake.reducer("app.Handle")(lambda view: None)
        with self.assertRaises(TypeError):
            heapsake.reducer(reduce_handle)


if __name__ == "__main__":
    unittest.main()
