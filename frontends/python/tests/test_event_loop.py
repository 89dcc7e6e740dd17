"""asyncio: what leaves the loop is dumped while the other tasks are as they were, and gone again if somebody catches it."""
import importlib.util
import os
import sys
import unittest

from programs import Programs

SIBLINGS = 2000

#: how a program starts its loop; the function that raises and the siblings are the same
STARTS = {
    "run": "asyncio.run(main())",
    "run_until_complete": """
loop = asyncio.new_event_loop()
try:
    loop.run_until_complete(main())
finally:
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
""",
}
if sys.version_info >= (3, 11):
    STARTS["Runner"] = """
with asyncio.Runner() as runner:
    runner.run(main())
"""

PROGRAM = """
import asyncio
DOOR
async def sibling(number, gate):
    order = "order-%%d" %% number
    await gate.wait()
async def price(order):
    await asyncio.sleep(0)
    return {}[order]
async def main():
    gate = asyncio.Event()
    tasks = [asyncio.ensure_future(sibling(number, gate)) for number in range(%d)]
    await asyncio.sleep(0)
    await price("tea")
%s
"""


class EventLoop(Programs):
    def siblings(self, dump):
        """The orders of all siblings that wait, by number, from the frames of their tasks."""
        found = {}
        for task in dump.tasks:
            for frame in task.frames:
                if frame.function == "sibling":
                    self.assertEqual(task.state, "pending")
                    found[frame.locals["number"].value] = frame.locals["order"].value
        return found

    def check(self, dump, number=SIBLINGS):
        self.assertEqual(self.siblings(dump), {one: "order-%d" % one for one in range(number)})
        self.assertEqual(self.local(dump, "price", "order"), "tea")
        names = self.names(dump)
        self.assertEqual((names[0], names[-2:]), ("<module>", ["main", "price"]))
        self.assertIn("run_until_complete", names)

    def test_all_siblings_are_alive(self):
        for number, (name, start) in enumerate(STARTS.items(), 1):
            with self.subTest(name):
                dumps = self.both(PROGRAM % (SIBLINGS, start), "template='%s-{fingerprint}'" % name, dumps=number, lines=1)
                dump = next(dump for dump in dumps if os.path.basename(dump.path).startswith(name + "-"))
                self.assertEqual(dump.header["reason"], "uncaught KeyError")
                self.check(dump)

    def test_in_a_thread(self):
        start = """
import threading
thread = threading.Thread(target=lambda: asyncio.run(main()), name="loop")
thread.start()
thread.join()
"""
        dump, = self.both(PROGRAM % (50, start))
        self.assertEqual(len(self.siblings(dump)), 50)
        self.assertEqual(self.with_it.lines[0].split(" saved")[0], "heapsake: uncaught KeyError in loop")

    def test_what_somebody_catches_leaves_nothing(self):
        caught = """
for _ in range(5):
    try:
        asyncio.run(main())
    except KeyError as problem:
        print(repr(problem))
"""
        self.both(PROGRAM % (20, caught), dumps=0)
        self.both(PROGRAM % (20, caught), "asyncio='all'", dumps=1)

    def test_what_is_caught_and_kept_leaves_nothing(self):
        self.both(PROGRAM % (20, """
try:
    asyncio.run(main())
except KeyError as problem:
    kept = problem
"""), dumps=0)

    def test_what_was_caught_at_first(self):
        """The dump of one that nobody catches has the siblings, also when one like it was caught before."""
        dump, = self.both(PROGRAM % (20, """
try:
    asyncio.run(main())
except KeyError:
    pass
asyncio.run(main())
"""))
        self.check(dump, 20)

    def test_what_it_came_from(self):
        dumps = self.both(PROGRAM % (20, """
try:
    asyncio.run(main())
except KeyError as problem:
    raise ValueError("no price") from problem
"""), dumps=2, lines=1)
        self.assertEqual(sorted(len(self.siblings(dump)) for dump in dumps), [0, 20])

    def test_a_hook_of_the_programs_own_takes_the_place_of_ours(self):
        dump, = self.both(PROGRAM % (20, """
import sys
sys.excepthook = lambda *what: print("own", what[0].__name__)
asyncio.run(main())
"""), lines=1)
        self.check(dump, 20)

    def test_a_task_that_nobody_asked(self):
        dump, = self.both("""
            import asyncio, gc
            DOOR
            async def price(order):
                return {}[order]
            async def main():
                task = asyncio.ensure_future(price("tea"))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                del task
                gc.collect()
                print("goes on")
            asyncio.run(main())
        """)
        self.assertRegex(dump.header["reason"], r"\Auncaught KeyError in task Task-\d+\Z")
        self.assertEqual(self.local(dump, "price", "order"), "tea")

    def test_a_callback(self):
        dump, = self.both("""
            import asyncio
            DOOR
            def call(order):
                return {}[order]
            async def main():
                asyncio.get_running_loop().call_soon(call, "tea")
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            asyncio.run(main())
        """)
        self.assertEqual(dump.header["reason"], "uncaught KeyError in the event loop")

    def test_cancelled_and_interrupted(self):
        for ending in ("raise KeyboardInterrupt", "raise SystemExit(3)"):
            self.both("""
                import asyncio
                DOOR
                async def main():
                    %s
                asyncio.run(main())
            """ % ending, dumps=0)

    def test_exceptions_that_are_frozen(self):
        dump, = self.both("""
            import asyncio, dataclasses
            DOOR
            @dataclasses.dataclass(frozen=True)
            class Refused(Exception):
                order: str
            async def price(order):
                raise Refused(order)
            asyncio.run(price("tea"))
        """)
        self.assertEqual(self.local(dump, "price", "order"), "tea")

    def test_debug_mode_says_nothing_of_ours(self):
        self.both("""
            import asyncio, time
            DOOR
            loop = None
            async def main():
                global loop
                loop = asyncio.get_running_loop()
                shown = [line.split("created")[0] for line in map(repr, asyncio.all_tasks())]
                print([line.split("cb=")[1].split("()")[0] for line in shown])
                loop.call_soon(lambda: {}["tea"])
                await asyncio.sleep(0.01)
                [][0]
            try:
                asyncio.run(main(), debug=True)
            except IndexError:
                print(loop.slow_callback_duration, type(loop.slow_callback_duration))
        """, "asyncio='all', callback=lambda path: __import__('time').sleep(0.3)", dumps=2, same=False)
        self.assertNotIn("seconds", self.with_it.rest)

    def test_nothing_is_imported_for_it(self):
        self.write("""
            import sys
            before = set(sys.modules)
            import heapsake
            heapsake.install()
            print(sorted(name.split(".")[0] for name in set(sys.modules) - before if name.split(".")[0] in
                         ("asyncio", "multiprocessing", "concurrent", "logging", "uvloop")))
            import asyncio, json.decoder
            print(asyncio.__spec__.loader.__class__.__name__, asyncio.runners.__loader__.__class__.__name__)
        """)
        ended = self.start()
        self.assertEqual((ended.output, ended.error), ("[]\nSourceFileLoader SourceFileLoader\n", ""))

    def test_uvloop(self):
        if importlib.util.find_spec("uvloop") is None:
            # The environments that `cargo xtask test` makes for the doors have it, where there is one.
            if os.environ.get("CI") and os.environ.get("HEAPSAKE_TEST_AUTOLOAD") and sys.version_info < (3, 14):
                self.fail("uvloop is not installed for %s" % sys.executable)
            print("not tested here: uvloop, which is not installed for", sys.executable)
            return
        start = "import uvloop\nuvloop.run(main())" if sys.version_info >= (3, 11) else "import uvloop\nuvloop.install()\nasyncio.run(main())"
        dump, = self.both(PROGRAM % (SIBLINGS, start))
        self.assertEqual(len(self.siblings(dump)), SIBLINGS)
        self.assertEqual(self.local(dump, "price", "order"), "tea")


if __name__ == "__main__":
    unittest.main()
