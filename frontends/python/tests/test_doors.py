"""Doors of the standard library, on real programs: the dump is there, and the program ends and prints as without."""
import os
import sys
import textwrap
import unittest

import heapsake
from programs import Programs


class Uncaught(Programs):
    def test_the_main_thread(self):
        dump, = self.both("""
            DOOR
            print("begun")
            def price(order):
                return {}[order]
            price("tea")
        """)
        self.assertEqual((self.with_it.status, dump.header["reason"]), (1, "uncaught KeyError"))
        self.assertEqual(self.local(dump, "price", "order"), "tea")

    def test_leaving_is_no_crash(self):
        for ending in ("raise SystemExit(3)", "raise KeyboardInterrupt", "import sys; sys.exit('bye')"):
            self.both("DOOR\n%s\n" % ending, dumps=0)

    def test_a_thread(self):
        dump, = self.both("""
            import threading
            DOOR
            def work(order):
                return 1 // order
            thread = threading.Thread(target=work, args=(0,), name="worker-7")
            thread.start()
            thread.join()
        """)
        self.assertEqual((self.with_it.status, dump.header["reason"]), (0, "uncaught ZeroDivisionError in worker-7"))
        self.assertEqual(self.local(dump, "work", "order"), 0)

    def test_a_raw_thread(self):
        dump, = self.both("""
            import _thread
            DOOR
            ended = _thread.allocate_lock()
            ended.acquire()
            class Ended:
                def __del__(self):
                    ended.release()
            def work(order, last):
                return 1 // order
            def run(order):
                _thread.start_new_thread(work, (order, Ended()))
            run(0)
            ended.acquire()
        """, lines=1)
        self.assertEqual(dump.header["reason"], "uncaught ZeroDivisionError in a thread")
        self.assertEqual(self.local(dump, "work", "order"), 0)

    def test_what_is_lost_in_a_finalizer_is_dumped_where_it_is_wanted(self):
        program = """
            DOOR
            class Order:
                def __del__(self):
                    cup = "tea"
                    raise ValueError(cup)
            Order()
            print("goes on")
        """
        self.both(program, dumps=0)
        dump, = self.both(program, "unraisable=True")
        self.assertEqual(self.local(dump, "__del__", "cup"), "tea")

    def test_hooks_of_the_program_are_called(self):
        self.both("""
            import sys, threading
            sys.excepthook = lambda *what: print("own hook", what[0].__name__)
            threading.excepthook = lambda what: print("own thread hook", what.exc_type.__name__)
            DOOR
            thread = threading.Thread(target=lambda: [].pop())
            thread.start()
            thread.join()
            {}["tea"]
        """, dumps=2)

    def test_who_asks_for_the_default_hook_as_it_is_imported(self):
        """As the backport of exception groups does, which has to be there by that name."""
        with open(os.path.join(self.folder, "exceptiongroup.py"), "w") as file:
            file.write("import sys\n"
                       "def hook(kind, exception, trace):\n"
                       "    print(kind.__name__, 'with its members', file=sys.stderr)\n"
                       "if sys.excepthook is sys.__excepthook__:\n"
                       "    sys.excepthook = hook\n"
                       "if 'broken' in sys.argv:\n"
                       "    raise ValueError('broken')\n")
        for place in ("DOOR\nimport exceptiongroup", "import exceptiongroup\nDOOR"):
            self.both(place + "\n{}['tea']\n")
            self.assertEqual(self.with_it.rest, "KeyError with its members\n")
            os.unlink(self.paths()[0])
        # One that the program has set is found, before ours and after it.
        for place in ("sys.excepthook = lambda *_: print('own')\nDOOR", "DOOR\nsys.excepthook = lambda *_: print('own')"):
            self.both("import sys\n%s\nimport exceptiongroup\n{}['tea']\n" % place, dumps=int(place.endswith("DOOR")))
            self.assertEqual(self.with_it.output, "own\n")
            for path in self.paths():
                os.unlink(path)
        self.both("import sys\nDOOR\nsys.argv.append('broken')\ntry:\n    import exceptiongroup\nexcept ValueError:\n    pass\n"
                  "sys.argv.pop()\nimport exceptiongroup\n{}['tea']\n")

    def test_what_aborts_where_nobody_has_a_hook(self):
        """As PyQt does in C, when a slot raises."""
        os.mkdir(os.path.join(self.folder, "PyQt6"))
        with open(os.path.join(self.folder, "PyQt6", "QtCore.py"), "w") as file:
            file.write("import sys\n"
                       "def call(slot):\n"
                       "    try:\n"
                       "        slot()\n"
                       "    except Exception:\n"
                       "        is_default = sys.excepthook is sys.__excepthook__\n"
                       "        sys.excepthook(*sys.exc_info())\n"
                       "        sys.exit(134 if is_default else 0)\n")
        own = "sys.excepthook = lambda *found: print('own', sys.__excepthook__(*found))\n"
        slot = "QtCore.call(lambda: {}['tea'])\n"
        for before, after, dumps in (("DOOR\n", "", 1), ("", "DOOR\n", 1), ("DOOR\n" + own, "", 0), ("DOOR\n", own, 1), (own, "DOOR\n", 1)):
            self.both("import sys\n%sfrom PyQt6 import QtCore\n%s%s" % (before, after, slot), dumps=dumps)
            self.assertEqual(self.with_it.status, 0 if own in before + after else 134)
            for path in self.paths():
                os.unlink(path)
        self.both("import sys\nDOOR\nfrom PyQt6 import QtCore\nif 'heapsake' in sys.modules: sys.modules['heapsake'].uninstall()\n"
                  "print(sys.excepthook is sys.__excepthook__)\n" + slot, dumps=0)

    def test_a_console_of_the_program(self):
        """What is mistyped there is no crash, and is shown as without."""
        dump, = self.both("""
            DOOR
            import code
            lines = ["1 // 0", "x = = 1", "print('still here')"]
            def read(console, prompt=""):
                if not lines:
                    raise EOFError
                return lines.pop(0)
            code.InteractiveConsole.raw_input = read
            code.InteractiveConsole().interact(banner="", exitmsg="")
            {}["tea"]
        """)
        self.assertEqual(dump.header["reason"], "uncaught KeyError")
        self.assertIn("ZeroDivisionError", self.with_it.rest)

    def test_the_same_crash_once(self):
        self.both("""
            import threading
            DOOR
            def work(order):
                raise KeyError(order)
            for order in range(5):
                thread = threading.Thread(target=work, args=(order,), name="worker")
                thread.start()
                thread.join()
        """, "once=True")
        self.both("""
            import threading
            DOOR
            def work(order):
                raise KeyError(order)
            for order in range(3):
                thread = threading.Thread(target=work, args=(order,), name="worker")
                thread.start()
                thread.join()
        """, dumps=4, lines=3)

    def test_settings_that_are_wrong(self):
        before = sys.excepthook
        for settings, kind in ((dict(asyncio="some"), ValueError), (dict(futures=7), ValueError), (dict(template="{nothing}"), ValueError),
                               (dict(at_most=0), ValueError), (dict(once="daily"), ValueError), (dict(warnings=[int]), TypeError),
                               (dict(callback=7), TypeError), (dict(signal="USR9"), ValueError), (dict(signal=True), ValueError),
                               (dict(signal="SEGV"), ValueError),
                               (dict(signal=9), ValueError), (dict(signal="CHLD"), ValueError), (dict(logging="LOUD"), ValueError)):
            with self.assertRaises(kind, msg=settings):
                heapsake.install(self.dumps_folder, **settings)
            # Nothing is half installed.
            self.assertIs(sys.excepthook, before)


WORKERS = """
import multiprocessing, concurrent.futures, sys
def work(order):
    cup = order * 2
    return {}[cup]
def main():
    context = multiprocessing.get_context(%r)
%s
if __name__ == "__main__":
    DOOR
    main()
"""


class Processes(Programs):
    def workers(self, text, method, settings="", **expected):
        return self.both(WORKERS % (method, textwrap.indent(textwrap.dedent(text), "    ")), settings, **expected)

    def test_a_process(self):
        for number, method in enumerate(("fork", "spawn", "forkserver"), 1):
            with self.subTest(method):
                dumps = self.workers("""
                process = context.Process(target=work, args=("tea",), name="worker")
                process.start()
                process.join()
                print(process.exitcode)
                """, method, dumps=number, lines=1)
                self.assertEqual({dump.header["reason"] for dump in dumps}, {"uncaught KeyError in process worker"})
                self.assertEqual([self.local(dump, "work", "cup") for dump in dumps], ["teatea"] * number)

    def test_a_pool(self):
        for number, method in enumerate(("fork", "spawn"), 1):
            with self.subTest(method):
                dumps = self.workers("""
                with context.Pool(1) as pool:
                    try:
                        pool.apply(work, ("tea",))
                    except KeyError as problem:
                        print(repr(problem), problem.__cause__)
                """, method, dumps=number, lines=1)
                self.assertEqual({self.local(dump, "work", "cup") for dump in dumps}, {"teatea"})

    def test_an_executor(self):
        for number, method in enumerate(("fork", "spawn"), 1):
            with self.subTest(method):
                dumps = self.workers("""
                with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor:
                    try:
                        executor.submit(work, "tea").result()
                    except KeyError as problem:
                        print(repr(problem), problem.__cause__)
                """, method, dumps=number, lines=1)
                self.assertEqual({self.local(dump, "work", "cup") for dump in dumps}, {"teatea"})

    def test_threads_of_an_executor(self):
        program = """
            import concurrent.futures
            DOOR
            def work(order):
                return {}[order]
            with concurrent.futures.ThreadPoolExecutor(1) as executor:
                print(repr(executor.submit(work, "tea").exception()))
        """
        self.both(program, dumps=0)
        dump, = self.both(program, "futures='all'")
        self.assertEqual(self.local(dump, "work", "order"), "tea")

    def test_settings_go_along(self):
        self.both("""
            import multiprocessing
            class Cancelled(Exception):
                pass
            def work(kind):
                raise kind()
            def told(path):
                print("callback")
            class Callback:
                def __call__(self, path):
                    print("not to be found by name")
            if __name__ == "__main__":
                DOOR
                for kind in (Cancelled, KeyError):
                    process = multiprocessing.get_context("spawn").Process(target=work, args=(kind,), name="worker")
                    process.start()
                    process.join()
        """, "ignore=[Cancelled], template='own-{exception}-{pid}', quiet=True, callback=Callback()", lines=0)
        path, = self.paths()
        self.assertRegex(os.path.basename(path), r"\Aown-KeyError-\d+\.heapsake\Z")


class Logging(Programs):
    text = """
        import logging
        DOOR
        def work(order):
            return {}[order]
        try:
            work("tea")
        except KeyError:
            logging.getLogger("shop").warning("before anything is configured")
            logging.getLogger("shop").info("quiet", exc_info=True)
            logging.basicConfig(format="%(levelname)s %(name)s %(funcName)s %(lineno)d %(message)s")
            logging.getLogger("shop").exception("no price")
    """

    def test_what_is_logged(self):
        self.both(self.text, dumps=0)
        dump, = self.both(self.text, "logging=True")
        self.assertEqual(dump.header["reason"], "KeyError logged by shop")
        self.assertEqual(self.local(dump, "work", "order"), "tea")

    def test_from_a_level_on(self):
        self.both(self.text, "logging='CRITICAL'", dumps=0)

    def test_a_handler_of_the_programs_own(self):
        self.write("""
            import logging.config, sys
            logging.config.dictConfig({"version": 1, "root": {"handlers": ["dumps"]}, "handlers": {"dumps": {
                "class": "heapsake.doors.logs.DumpHandler", "level": "ERROR", "directory": sys.argv[1], "at_most": 2, "quiet": True}}})
            for order in range(3):
                try:
                    1 // 0
                except ZeroDivisionError:
                    logging.exception("again")
        """)
        ended = self.start(self.dumps_folder)
        self.assertEqual((ended.status, ended.error), (0, ""))
        self.assertEqual(len(self.dumps()), 1)


class Warned(Programs):
    text = """
        import warnings
        DOOR
        def work(order):
            warnings.warn("too much", %s)
            warnings.warn("something else", DeprecationWarning)
        for order in ("tea", "coffee"):
            work(order)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            work("water")
        print(len(caught))
    """

    def test_categories_that_were_chosen(self):
        self.both(self.text % "RuntimeWarning", dumps=0)
        dump, = self.both(self.text % "RuntimeWarning", "warnings=[RuntimeWarning]")
        self.assertRegex(dump.header["reason"], r"\ARuntimeWarning at .*app.py:4\Z")
        self.assertEqual(self.local(dump, "work", "order"), "tea")
        self.assertIsNone(dump.exception)


class OnError(Programs):
    def test_a_block(self):
        self.write("""
            import heapsake, sys
            on_error = heapsake.on_error(sys.argv[1])
            def work(order):
                with on_error:
                    return {}[order]
            for _ in range(2):
                try:
                    work("tea")
                except KeyError as problem:
                    print(repr(problem), problem.__traceback__.tb_next.tb_next)
            with on_error:
                print("fine")
            work("coffee")
        """)
        ended = self.start(self.dumps_folder)
        self.assertEqual((ended.status, ended.output), (1, "KeyError('tea') None\n" * 2 + "fine\n"))
        self.assertNotIn("on_error.py", ended.error)
        dump, = self.dumps()
        self.assertEqual(self.names(dump), ["<module>", "work"])

    def test_what_it_decorates(self):
        guard = heapsake.on_error(self.folder)

        class Shop:
            @guard
            @staticmethod
            def one(*arguments):
                return arguments

            @guard
            @classmethod
            def other(cls, *arguments):
                return (cls,) + arguments

        for shop in (Shop, Shop()):
            self.assertEqual((shop.one(1), shop.other(2)), ((1,), (Shop, 2)))
        for wrong in (Shop, 7, property(lambda _: None)):
            with self.assertRaisesRegex(TypeError, "on_error decorates functions, not "):
                guard(wrong)

    def test_functions_of_every_kind(self):
        self.write("""
            import asyncio, heapsake, inspect, sys
            on_error = heapsake.on_error(sys.argv[1], reason="asked for", quiet=True)
            @on_error
            def plain(order):
                return {}[order]
            @on_error
            async def coroutine(order):
                await asyncio.sleep(0)
                return {}[order]
            @on_error
            def generator(order):
                got = yield order
                return (yield {}[got])
            @on_error
            async def stream(order):
                got = yield order
                yield {}[got]
            print(inspect.isfunction(plain), inspect.iscoroutinefunction(coroutine), inspect.isgeneratorfunction(generator),
                  inspect.isasyncgenfunction(stream), plain.__name__)
            async def consume():
                running = stream("tea")
                print(await running.__anext__())
                await running.asend("cup")
            def drive():
                running = generator("tea")
                print(next(running))
                running.send("cup")
            for call in (lambda: plain("tea"), lambda: asyncio.run(coroutine("tea")), drive, lambda: asyncio.run(consume())):
                try:
                    call()
                except KeyError as problem:
                    trace, names = problem.__traceback__, []
                    while trace:
                        names.append(trace.tb_frame.f_code.co_name)
                        trace = trace.tb_next
                    print(names.count("wrapper"), names[-1])
            generator("tea").close()
            @on_error
            async def patient(order):
                try:
                    yield order
                except KeyError as problem:
                    yield repr(problem)
            async def throw():
                running = patient("tea")
                await running.__anext__()
                print(await running.athrow(KeyError("cup")))
            asyncio.run(throw())
        """)
        ended = self.start(self.dumps_folder)
        more = 0 if sys.version_info >= (3, 11) else 1
        expected = ["True True True True plain", "%d plain" % more, "%d coroutine" % more, "tea", "%d generator" % more, "tea",
                    "%d stream" % more, "KeyError('cup')"]
        self.assertEqual((ended.status, ended.error, ended.output.splitlines()), (0, "", expected))
        found = sorted(self.names(dump)[-1] for dump in self.dumps())
        self.assertEqual(found, ["coroutine", "generator", "plain", "stream"])

    def test_exceptions_that_are_frozen(self):
        self.write("""
            import dataclasses, heapsake, sys
            @dataclasses.dataclass(frozen=True)
            class Refused(Exception):
                order: str
            @heapsake.on_error(sys.argv[1], quiet=True)
            def work(order):
                raise Refused(order)
            try:
                work("tea")
            except Refused as problem:
                print(repr(problem), problem.__traceback__ is not None)
        """)
        ended = self.start(self.dumps_folder)
        self.assertEqual((ended.status, ended.output, ended.error), (0, "Refused(order='tea') True\n", ""))
        dump, = self.dumps()
        self.assertEqual(self.local(dump, "work", "order"), "tea")


if __name__ == "__main__":
    unittest.main()
