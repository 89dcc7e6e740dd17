"""The doors to frameworks where no framework is needed: middleware, names, unittest, and what is said where a framework is missing."""
import asyncio
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import threading
import types
import unittest
import wsgiref.util
import wsgiref.validate
from unittest import mock

import heapsake
from heapsake import _keeping, _naming, _signals
from heapsake.doors import _door, _names, asgi, celery, flask, gunicorn, ipython, sentry, unittest as unittest_door, wsgi
from programs import PATIENCE


class Kept(unittest.TestCase):
    """Nothing is dumped: what would be is in ``kept``."""

    def setUp(self):
        self.kept = []

        def keep(keeper, exception=None, reason=None, **fields):
            self.kept.append((type(exception).__name__, reason() if callable(reason) else reason))
            return "there.heapsake"

        patch = mock.patch.object(_keeping.Keeper, "keep", keep)
        patch.start()
        self.addCleanup(patch.stop)


class Wsgi(Kept):
    def ask(self, application, *, validated=True, **more):
        environ = dict({"PATH_INFO": "/order", "SCRIPT_NAME": "", "QUERY_STRING": ""}, **more)
        wsgiref.util.setup_testing_defaults(environ)
        door = wsgi.Middleware(application)
        body = (wsgiref.validate.validator(door) if validated else door)(environ, lambda status, headers, exc_info=None: lambda data: None)
        try:
            return b"".join(body)
        finally:
            if hasattr(body, "close"):
                body.close()

    def test_answers_pass_as_they_are(self):
        def start(start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])

        def listed(environ, start_response):
            start(start_response)
            return [b"one", b"two"]

        def made(environ, start_response):
            start(start_response)
            yield b"one"
            yield b"two"

        for application in (listed, made):
            self.assertEqual(self.ask(application), b"onetwo")
        same = [b"one"]
        environ = {}
        self.assertIs(wsgi.Middleware(lambda *_: same)(environ, None), same)
        environ["wsgi.file_wrapper"] = wsgiref.util.FileWrapper
        wrapper = wsgiref.util.FileWrapper(io.BytesIO(b"file"))
        self.assertIs(wsgi.Middleware(lambda *_: wrapper)(environ, None), wrapper)
        self.assertEqual(self.kept, [])

    def test_failures_are_kept_and_go_on(self):
        closed = []

        class Body:
            def __iter__(self):
                yield b"one"
                raise KeyError("spoon")

            def __len__(self):
                return 1

            def close(self):
                closed.append(True)
                raise OSError("close")

        def before(environ, start_response):
            raise ValueError("before")

        with self.assertRaisesRegex(ValueError, "before"):
            self.ask(before, validated=False)
        body = wsgi.Middleware(lambda *_: Body())({"PATH_INFO": "/order", "REQUEST_METHOD": "GET"}, None)
        self.assertEqual((len(body), next(body)), (1, b"one"))
        with self.assertRaisesRegex(KeyError, "spoon"):
            next(body)
        with self.assertRaisesRegex(OSError, "close"):
            body.close()
        self.assertEqual(closed, [True])
        self.assertEqual(self.kept, [("ValueError", "ValueError in GET /order"), ("KeyError", "KeyError in GET /order"),
                                     ("OSError", "OSError in GET /order")])

    def test_leaving_is_no_failure(self):
        def leave(environ, start_response):
            raise SystemExit(3)

        with self.assertRaises(SystemExit):
            self.ask(leave, validated=False)
        self.assertFalse(hasattr(wsgi.Middleware(lambda *_: iter([b"x"]))({}, None), "__len__"))
        self.assertEqual(self.kept, [])


class Asgi(Kept):
    def test_failures_are_kept_and_go_on(self):
        async def fail(scope, receive, send):
            await send({"type": "http.response.start"})
            raise KeyError("spoon")

        async def wait(scope, receive, send):
            await asyncio.sleep(3600)

        async def ask(application):
            sent = []

            async def send(message):
                sent.append(message)

            task = asyncio.ensure_future(asgi.Middleware(application)({"type": "http", "method": "GET", "path": "/order"}, None, send))
            await asyncio.sleep(0)
            task.cancel() if application is wait else None
            try:
                await task
            except (KeyError, asyncio.CancelledError) as problem:
                return type(problem).__name__, sent
            return None, sent

        self.assertEqual(asyncio.run(ask(fail)), ("KeyError", [{"type": "http.response.start"}]))
        self.assertEqual(asyncio.run(ask(wait)), ("CancelledError", []))
        self.assertEqual(self.kept, [("KeyError", "KeyError in GET /order")])

    def test_a_failure_that_has_no_name_goes_on(self):
        class Nameless(type):
            @property
            def __name__(cls):
                raise OSError("no name")

        class Hostile(Exception, metaclass=Nameless):
            pass

        async def fail(scope, receive, send):
            raise Hostile("spoon")

        def keep(keeper, exception=None, reason=None, **fields):
            self.kept.append(_keeping._words(reason, "an exception"))

        with mock.patch.object(_keeping.Keeper, "keep", keep), self.assertRaises(Hostile) as raised:
            asyncio.run(asgi.Middleware(fail)({"type": "http", "method": "GET", "path": "/order"}, None, None))
        self.assertIsNone(raised.exception.__context__)
        self.assertEqual(self.kept, ["an exception"])

    def test_an_application_without_a_lifespan_is_no_failure(self):
        async def unknown(scope, receive, send):
            raise AssertionError(scope["type"])

        async def broken(scope, receive, send):
            self.assertEqual(await receive(), "startup")
            raise KeyError("spoon")

        async def receive():
            return "startup"

        for application, kind in ((unknown, AssertionError), (broken, KeyError)):
            with self.assertRaises(kind):
                asyncio.run(asgi.Middleware(application)({"type": "lifespan"}, receive, None))
        self.assertEqual(self.kept, [("KeyError", "KeyError in lifespan ")])


class Names(unittest.TestCase):
    def test_of_tests(self):
        for node_id, expected in [
            ("tests/test_shop.py::test_add[spoon-4]", "tests-test_shop.py-test_add-spoon-4"),
            ("tests/test_shop.py::TestCart::test_x", "tests-test_shop.py-TestCart-test_x"),
            ("../../etc/passwd", "etc-passwd"), ("/", "test"), ("", "test"), (".hidden", "hidden"), ("a\0b\nc\x1b[31m", "a-b-c-31m"),
            ("test_ünïcode_匙", "test_ünïcode_匙"), ("\ud800x", "x"), ("a:b*c?d\"e<f>g|h", "a-b-c-d-e-f-g-h"),
        ]:
            self.assertEqual(_names.stem(node_id), expected)

    def test_long_ones_stay_apart_and_are_whole_characters(self):
        for letter in ("x", "匙", "𐍈"):
            stems = [_names.stem("test.py::test[" + letter * 300 + end + "]") for end in ("1", "2")]
            self.assertNotEqual(*stems)
            for stem in stems:
                self.assertLessEqual(len(stem.encode()), _names.LONGEST)
                self.assertTrue(stem.startswith("test.py-test-" + letter))

    def test_what_a_terminal_shows(self):
        self.assertEqual(_names.shown("a\x1b[31m\n\u202eb\ud800匙"), "a\\x1b[31m\\n\\u202eb\\ud800匙")


class Missing(unittest.TestCase):
    """One sentence, and the program goes on."""

    def said(self, hang):
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertIs(hang(), False)
        lines = said.getvalue().splitlines()
        self.assertEqual(len(lines), 1, lines)
        return lines[0]

    def test_frameworks_that_are_not_there(self):
        for name, module, hang in (("Flask", "flask", flask.install), ("Celery", "celery", celery.install), ("IPython", "IPython", ipython.install)):
            with mock.patch.dict(sys.modules, {module: None}):
                self.assertRegex(self.said(hang), "^heapsake: no door to %s: .*%s" % (name, module))

    def test_frameworks_of_another_version(self):
        with mock.patch.dict(sys.modules, {"flask": types.SimpleNamespace(got_request_exception=None), "celery": types.ModuleType("celery"),
                                           "celery.signals": types.ModuleType("celery.signals")}):
            self.assertIn("no door to Flask: it is of another version than those known (AttributeError", self.said(flask.install))
            self.assertIn("no door to Celery", self.said(celery.install))

    def test_settings_of_django_that_are_wrong(self):
        apps = types.SimpleNamespace(AppConfig=object)
        signals = types.SimpleNamespace(got_request_exception=mock.Mock())
        for given, expected in (({"at_most": "many"}, "at_most is 'many'"), ("/dumps", "")):
            conf = types.SimpleNamespace(settings=types.SimpleNamespace(HEAPSAKE=given))
            with mock.patch.dict(sys.modules, {"django": types.ModuleType("django"), "django.apps": apps, "django.conf": conf,
                                               "django.core": types.ModuleType("django.core"), "django.core.signals": signals}):
                from heapsake.doors.django.apps import Door

                line = self.said(lambda: Door().ready() or False)
                self.assertTrue(line.startswith("heapsake: no door to Django: the setting HEAPSAKE is %r: %s" % (given, expected)), line)
        signals.got_request_exception.connect.assert_not_called()

    def test_shells_that_are_none(self):
        with mock.patch.dict(sys.modules, {"IPython": types.SimpleNamespace(get_ipython=lambda: None)}):
            self.assertIn("this program is not run by IPython", self.said(ipython.install))


class Others(Kept):
    def test_gunicorn(self):
        notified = threading.Event()
        worker = types.SimpleNamespace(notify=notified.set, cfg=types.SimpleNamespace(timeout=30))
        _, abort = gunicorn.hooks()
        abort(worker)
        abort(types.SimpleNamespace())
        self.assertTrue(notified.wait(30))
        self.assertEqual(self.kept, [("bool", "gunicorn worker silent for 30 s"), ("bool", "gunicorn worker silent for ? s")])
        with mock.patch.object(threading.Thread, "start", side_effect=RuntimeError("can't start new thread")):
            abort(worker)
        self.assertEqual(len(self.kept), 3)

    def test_sentry_takes_events_of_any_shape(self):
        send = sentry.before_send("there", then=lambda event, hint: event or None)
        exc_info = (KeyError, KeyError("spoon"), None)
        self.assertEqual(send({}, {"exc_info": exc_info})["tags"], {"heapsake": "there.heapsake"})
        self.assertEqual(send({"tags": [("a", "b")]}, {"exc_info": exc_info})["tags"], [("a", "b"), ("heapsake", "there.heapsake")])
        self.assertEqual(send({"tags": 5}, {"exc_info": exc_info})["tags"], 5)
        self.assertEqual(send({"message": "x"}, {}), {"message": "x"})
        self.assertIsNone(send({}, {}))

    def test_what_a_signal_handler_raises_meanwhile_passes(self):
        def handler(number, frame):
            raise TimeoutError("too late")

        def keep(*_, **__):
            handler(14, sys._getframe())

        class Slow(io.StringIO):
            def write(self, _):
                keep()

        class Interrupted(io.StringIO):
            def write(self, _):
                raise KeyboardInterrupt

        with mock.patch.object(_keeping.Keeper, "keep", keep), self.assertRaises(TimeoutError):
            sentry.before_send("there")({}, {"exc_info": (KeyError, KeyError("spoon"), None)})
        for stream, problem in ((Slow(), TimeoutError), (Interrupted(), KeyboardInterrupt)):
            with contextlib.redirect_stderr(stream), self.assertRaises(problem):
                _naming.say("a line")
        with contextlib.redirect_stderr(None):
            _naming.say("a line")

    def keep(self, _, reason, ends):
        self.kept.append(reason())

    def test_results_of_unittest_by_keywords(self):
        door = unittest_door._Door(None, {})
        before = dict(vars(unittest.TestResult))
        door.hang()
        self.addCleanup(setattr, unittest.TestResult, "addError", before["addError"])
        result, error = unittest.TestResult(), (KeyError, KeyError("spoon"), None)
        result.addFailure(test=self, err=error)
        result.addError(self, err=error)
        result.addSubTest(self, subtest=self, err=error)
        result.addSubTest(self, self, None)
        self.assertEqual([kind for kind, _ in self.kept], ["KeyError"] * 3)
        door.failed = None
        result.addFailure(self, error)
        self.assertEqual((len(result.failures), len(result.errors)), (2, 2))
        # what another has put in front of ours stays
        ours = unittest.TestResult.addError
        unittest.TestResult.addError = other = lambda *arguments: ours(*arguments)
        door.take_away()
        self.assertIs(unittest.TestResult.addError, other)
        self.assertIs(unittest.TestResult.addFailure, before["addFailure"])

    def test_an_end_before_the_programs_says_what_there_is_once(self):
        text = """import sys, unittest
from heapsake.doors import unittest as door
class Fails(unittest.TestCase):
    def test(self):
        {}["spoon"]
for _ in range(2):
    door.install(sys.argv[1])
    unittest.defaultTestLoader.loadTestsFromTestCase(Fails).run(unittest.TestResult())
    door.uninstall()
    print("gone", file=sys.stderr)
"""
        with tempfile.TemporaryDirectory() as folder:
            environment = dict(os.environ, PYTHONPATH=os.path.dirname(os.path.dirname(heapsake.__file__)))
            done = subprocess.run([sys.executable, "-c", text, folder], env=environment, stderr=subprocess.PIPE, universal_newlines=True, timeout=PATIENCE)
            self.assertEqual(len(os.listdir(folder)), 2)
        said = [line.split(" debug ")[0] for line in done.stderr.splitlines()]
        self.assertEqual(said, ["heapsake: 1 dump", "  __main__.Fails.test: heapsake", "gone"] * 2)

    def test_leaving_fails_a_test(self):
        """``heapsake.doors.unittest`` has a dump of it, and Ctrl-C ends the run with none; as ``ignore`` says where it is given."""
        text = """import sys, unittest
from heapsake.doors import unittest as door
class Leaves(unittest.TestCase):
    def test_exit(self):
        order = "tea"
        sys.exit(3)
    def test_last(self):
        raise KeyboardInterrupt
door.install(sys.argv[1], **eval(sys.argv[2]))
result = unittest.TestResult()
try:
    unittest.defaultTestLoader.loadTestsFromTestCase(Leaves).run(result)
except KeyboardInterrupt:
    print(len(result.errors))
"""
        environment = dict(os.environ, PYTHONPATH=os.path.dirname(os.path.dirname(heapsake.__file__)))
        for options, expected in (("{}", ["__main__.Leaves.test_exit.heapsake"]), ("{'ignore': SystemExit}", [])):
            with tempfile.TemporaryDirectory() as folder:
                done = subprocess.run([sys.executable, "-c", text, folder, options], env=environment, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, universal_newlines=True, timeout=PATIENCE)
                self.assertEqual((done.returncode, done.stdout), (0, "1\n"), done.stderr)
                self.assertEqual(os.listdir(folder), expected, done.stderr)
                for name in expected:
                    frame = heapsake.load(os.path.join(folder, name)).threads[0].frames[-1]
                    self.assertEqual(frame.locals["order"].value, "tea")

    def test_signals_are_again_what_was_installed(self):
        for settings, expected in ((dict(signals=False), [("forget",)]), (dict(signal_seconds=5), [("watch", 5.0)])):
            called = []
            with mock.patch.object(_signals, "forget", lambda _: called.append(("forget",))), \
                    mock.patch.object(_signals, "watch", lambda *arguments: called.append(("watch", arguments[2]))):
                heapsake.install(**settings)
                del called[:]
                _door.unwatch()
                self.assertEqual(called, expected)
                heapsake.uninstall()
                del called[:]
                _door.unwatch()
                self.assertEqual(called, [("forget",)])

    def test_where_dumps_go(self):
        with mock.patch.dict(os.environ, {"HEAPSAKE_DUMP": "/there"}):
            self.assertEqual(_door.keeper().directory, "/there")
            self.assertEqual(_door.keeper("/here").directory, "/here")
        with mock.patch("heapsake.doors.keeper", self):
            gunicorn.hooks()[1](types.SimpleNamespace())
            self.assertEqual(self.kept, ["gunicorn worker silent for ? s"])
        with mock.patch("heapsake.doors.keeper", "installed"):
            self.assertEqual(_door.keeper(), "installed")
            self.assertEqual(_door.keeper("/here").directory, "/here")


class Runner(unittest.TestCase):
    def run_it(self, *arguments):
        return subprocess.run([sys.executable, "-m", "heapsake.doors.unittest", *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)

    def setUp(self):
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        self.folder = kept.name
        with open(os.path.join(self.folder, "few.py"), "w") as file:
            file.write("import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.fail('a')\n    def test_b(self): 1 / 0\n"
                       "    def test_c(self): pass\n")

    def test_as_many_as_wanted(self):
        done = self.run_it("--heapsake=kept", "--heapsake-at-most=1", "few")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("FAILED (failures=1, errors=1)\nheapsake: 1 dump\n  few.T.test_a: heapsake debug kept/few.T.test_a.heapsake\n"
                      "  1 more without a dump, as there are 1\n", done.stderr)
        self.assertEqual(os.listdir(os.path.join(self.folder, "kept")), ["few.T.test_a.heapsake"])

    def test_a_dump_that_asyncio_made_stays(self):
        with open(os.path.join(self.folder, "loop.py"), "w") as file:
            file.write("import asyncio, heapsake, unittest\nheapsake.install('kept')\nasync def fail(): 1 / 0\n"
                       "class T(unittest.TestCase):\n    def test_a(self): asyncio.run(fail())\n")
        os.mkdir(os.path.join(self.folder, "kept"))
        done = self.run_it("--heapsake=others", "loop")
        name, = os.listdir(os.path.join(self.folder, "kept"))
        self.assertIn("heapsake: 1 dump\n  loop.T.test_a: heapsake debug kept/%s\n" % name, done.stderr)
        self.assertNotIn("saved to", done.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "others")))

    def test_nothing_fails_and_nothing_is_said(self):
        done = self.run_it("few.T.test_c")
        self.assertEqual((done.returncode, "heapsake" in done.stderr, os.path.exists(os.path.join(self.folder, "heapsake-dumps"))), (0, False, False))

    def test_what_is_in_the_way_of_dumps_is_one_line(self):
        with open(os.path.join(self.folder, "full.py"), "w") as file:
            file.write("import heapsake\ndef full(*_, **__): raise OSError('no space left')\nheapsake.dump = full\nfrom few import T\n")
        done = self.run_it("full")
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stderr.endswith("FAILED (failures=1, errors=1)\nheapsake: 0 dumps; no dump of few.T.test_a failed: OSError: no space left; "
                                             "and 1 more\n"), done.stderr)

    def test_what_tests_know_of_how_they_are_run(self):
        """The arguments are the runner's own; where they go meanwhile does not matter."""
        with open(os.path.join(self.folder, "moving.py"), "w") as file:
            file.write("import os, sys, tempfile, unittest\nprint(sys.argv)\nclass T(unittest.TestCase):\n"
                       "    def test_a(self):\n        with tempfile.TemporaryDirectory() as there:\n            os.chdir(there)\n"
                       "        self.fail('a')\n")
        plain = subprocess.run([sys.executable, "-m", "unittest", "-b", "moving"], cwd=self.folder, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
        done = self.run_it("-b", "--heapsake=kept", "moving")
        self.assertEqual((done.returncode, done.stdout), (plain.returncode, plain.stdout))
        self.assertIn("unittest", plain.stdout)
        self.assertEqual(done.stderr.split("heapsake: ")[1], "1 dump\n  moving.T.test_a: heapsake debug kept/moving.T.test_a.heapsake\n")

    def test_a_number_that_is_none(self):
        done = self.run_it("--heapsake-at-most=0")
        self.assertEqual((done.returncode, done.stderr), (1, "heapsake: --heapsake-at-most=N wants a number from 1 on, not '0'\n"))


if __name__ == "__main__":
    unittest.main()
