"""C4 to C26: how dumps are made, each in a process of its own; what is checked beside it is that the program is unharmed."""
import glob
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
import zlib

import heapsake

from opening import command, line_of, run

PATIENCE = 120


class Running(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        # where the program is told by the kernel
        self.folder = os.path.realpath(place.name)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def script(self, text, name="program.py"):
        with open(self.path(name), "w") as file:
            file.write(textwrap.dedent(text))
        return self.path(name)

    def program(self, text, *arguments, status=0, options=(), **more):
        """Runs a script to its end."""
        ended = run(sys.executable, *options, self.script(text), *arguments, cwd=self.folder, **more)
        self.assertEqual(ended.returncode, status, ended.stdout + ended.stderr)
        return ended

    def start(self, text, *arguments):
        """Starts a script that says when it is ready; gives the process."""
        process = subprocess.Popen([sys.executable, self.script(text), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   universal_newlines=True, cwd=self.folder)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for stream in (process.stdin, process.stdout, process.stderr):
            self.addCleanup(stream.close)
        line = line_of(process)
        self.assertEqual(line, "ready\n", line if line else process.stderr.read())
        return process

    def outside(self, process, name="outside.heapsake", *options, status=0):
        ended = run(*command(), "dump", str(process.pid), "-o", self.path(name), *options, cwd=self.folder)
        self.assertEqual(ended.returncode, status, ended.stdout + ended.stderr)
        return heapsake.load(self.path(name)) if status == 0 else ended

    def finish(self, process):
        out, err = process.communicate("go on\n", timeout=PATIENCE)
        self.assertEqual(process.returncode, 0, err)
        return out

    def dumps(self):
        return sorted(glob.glob(self.path("*.heapsake")))

    def ours(self, text):
        return [line for line in text.splitlines() if line.startswith("heapsake:")]

    def debug(self, path, *lines):
        """A session of pdb on a dump."""
        ended = run(*command(), "debug", path, stdin=None, input="\n".join(lines) + "\n", cwd="/")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return ended.stdout


def frame_of(dump, function):
    return next(frame for thread in dump.threads for frame in thread.frames if frame.function == function)


def functions(thread):
    return [frame.function for frame in thread.frames]


HOOKED = "import heapsake; heapsake.install(%s)\n"


class Hooks(Running):
    def test_c4_a_script_of_three_lines(self):
        text = "import heapsake; heapsake.install()\ndef fail(): local = [41]; raise ValueError('three lines')\nfail()\n"
        ended = self.program(text, status=1)
        self.assertEqual(ended.stderr.count("Traceback"), 1)
        self.assertTrue(ended.stderr.endswith("ValueError: three lines\n"), ended.stderr)
        (path,), (told,) = self.dumps(), self.ours(ended.stderr)
        self.assertIn(path, told)
        dump = heapsake.load(path)
        self.assertEqual(functions(dump.threads[0]), ["<module>", "fail"])
        self.assertEqual((dump.threads[0].frames[-1].locals["local"].items[0].value, dump.threads[0].frames[-1].lineno), (41, 2))
        self.assertIn("ValueError", self.debug(path, "p local", "q"))
        # the same script, run by us
        ended = run(*command(), "run", "-o", self.path("ran.heapsake"), self.script("def fail(): local = [41]; raise ValueError('three')\nfail()\n"), cwd=self.folder)
        self.assertEqual((ended.returncode, ended.stderr.count("Traceback"), len(self.ours(ended.stderr))), (1, 1, 1), ended.stderr)
        self.assertEqual(functions(heapsake.load(self.path("ran.heapsake")).threads[0]), ["<module>", "fail"])

    def test_c5_an_exception_at_module_level(self):
        self.program("import heapsake; heapsake.install()\nsetting, other = {'of': 'the program'}, 5\nraise RuntimeError('here')\n", status=1)
        path, = self.dumps()
        frame = heapsake.load(path).threads[0].frames[-1]
        self.assertEqual((frame.function, frame.lineno), ("<module>", 3))
        self.assertEqual(frame.locals["setting"], frame.globals["setting"])
        self.assertEqual(frame.view.attributes["f_locals"], frame.view.attributes["f_globals"])
        rebuilt = frame.view.rebuild()
        self.assertEqual((rebuilt.f_locals["other"], rebuilt.f_globals["other"]), (5, 5))
        told = self.debug(path, "p setting", "p other + 1", "p __name__", "q")
        self.assertIn("{'of': 'the program'}", told)
        self.assertIn("6", told)
        self.assertIn("'__main__'", told)

    def test_c6_a_thread_that_nothing_guards(self):
        text = """
            import heapsake, threading
            heapsake.install()
            def fail(): local = "in the thread"; raise ValueError(local)
            thread = threading.Thread(target=fail, name="guarded by nobody")
            thread.start(); thread.join()
            print("went on")
        """
        ended = self.program(text)
        self.assertEqual(ended.stdout, "went on\n")
        path, = self.dumps()
        dump = heapsake.load(path)
        self.assertEqual((dump.threads[0].name, functions(dump.threads[0])[-2:]), ("guarded by nobody", ["run", "fail"]))
        self.assertEqual((dump.exception.type_name, dump.threads[0].exception), ("ValueError", dump.exception))
        self.assertIn("MainThread", [thread.name for thread in dump.threads])

    def test_c7_hooks_that_were_there_before(self):
        text = """
            import sys, threading
            seen = []
            sys.excepthook = lambda *three: seen.append(three)
            threading.excepthook = lambda arguments: seen.append(tuple(arguments[:3]))
            import heapsake
            heapsake.install()
            def fail():
                try:
                    raise ValueError("said once")
                except ValueError as problem:
                    raised.append((type(problem), problem, problem.__traceback__))
                    raise
            raised = []
            thread = threading.Thread(target=fail); thread.start(); thread.join()
            try:
                fail()
            except ValueError:
                sys.excepthook(*sys.exc_info())
            assert len(seen) == 2, seen
            for told, (kind, value, trace) in zip(seen, raised):
                assert told[0] is kind and told[1] is value and told[2] is value.__traceback__, told
        """
        ended = self.program(text)
        self.assertEqual((len(self.dumps()), "Traceback" in ended.stderr), (2, False))


#: how a program ends by each exception, whatever dumps of it
ENDINGS = """
    import sys, threading
    def end(how):
        local = how
        if how == "KeyboardInterrupt": raise KeyboardInterrupt
        if how == "SystemExit": sys.exit(7)
        if how == "GeneratorExit": raise GeneratorExit
        if how == "Own": raise Own("of the program")
    class Own(Exception): pass
    how, where, ignored = sys.argv[1:4]
    if where != "run":
        import heapsake
        kinds = {"SystemExit": SystemExit, "KeyboardInterrupt": KeyboardInterrupt, "Own": Own}
        names = [] if ignored == "none" else ignored.split(",")
        heapsake.install(**({} if ignored == "default" else {"ignore": [kinds[name] for name in names]}))
    if where == "thread":
        thread = threading.Thread(target=end, args=(how,)); thread.start(); thread.join()
    else:
        end(how)
"""


class Chosen(Running):
    def test_c8_what_ends_a_program_on_purpose(self):
        plain = "SystemExit,KeyboardInterrupt"
        for how, ignored, dumped in [
            ("KeyboardInterrupt", "default", False), ("SystemExit", "default", False), ("GeneratorExit", "default", True), ("Own", "default", True),
            ("KeyboardInterrupt", "none", True), ("SystemExit", "none", True), ("KeyboardInterrupt", "SystemExit", True), ("Own", plain + ",Own", False),
            ("SystemExit", "Own", True),
        ]:
            for where in ("main", "thread", "run"):
                if where == "main" and how == "SystemExit":
                    dumped_here = False  # no hook of Python is told of it: documented
                else:
                    dumped_here = dumped
                with self.subTest(how=how, ignored=ignored, where=where):
                    self.one_ending(how, ignored, where, dumped_here)

    def one_ending(self, how, ignored, where, dumped):
        for path in self.dumps():
            os.unlink(path)
        script = self.script(ENDINGS)
        plain = run(sys.executable, "-c", "import sys; sys.exit(0)") if where == "thread" else None
        words = [script, how, where, ignored]
        if where == "run":
            chosen = [] if ignored == "default" else ["--ignore", ignored]
            ended = run(*command(), "run", *chosen, *words, cwd=self.folder)
        else:
            ended = run(sys.executable, *words, cwd=self.folder)
        expected = {"KeyboardInterrupt": -signal.SIGINT, "SystemExit": 7}.get(how, 1) if plain is None else 0
        self.assertEqual(ended.returncode, expected, ended.stderr)
        self.assertEqual(len(self.dumps()), int(dumped), ended.stderr)
        if dumped:
            frame = frame_of(heapsake.load(self.dumps()[0]), "end")
            self.assertEqual(frame.locals["local"].value, how)

    def test_c8_what_is_no_exception_is_refused(self):
        self.assertRaises(TypeError, heapsake.install, ignore=["SystemExit"])
        self.assertRaises(TypeError, heapsake.install, ignore=[int])
        ended = run(*command(), "run", "--ignore", "x y", "-c", "pass")
        self.assertEqual((ended.returncode, "the name of a class" in ended.stderr), (2, True), ended.stderr)


MOVING = """
    import sys, threading
    records = [{"number": number} for number in range(1500)]
    first, low = [], [0]
    between = [{"number": number} for number in range(3000)]
    second, high = [], [0]
    growing, stop, places = {}, threading.Event(), {}
    def count():
        number = 0
        while not stop.is_set():
            number += 1
            low[0] = number
            high[0] = number
            places["number"] = number
    def append():
        number = 12345
        while not stop.is_set():
            first.append(number)
            second.append(number)
            for _ in range(40): pass
    def insert():
        number = 0
        while not stop.is_set():
            growing["key %d" % number] = [number]
            if number >= 400: del growing["key %d" % (number - 400)]
            number += 1
    threads = [threading.Thread(target=each) for each in (count, append, insert)]
    for thread in threads: thread.start()
    while not (low[0] and first and len(growing) > 300): pass
    if len(sys.argv) > 1:
        import heapsake
        for turn in range(10):
            before = low[0]
            heapsake.dump("inside-%d.heapsake" % turn)
            print(before, low[0])
    else:
        print("ready", flush=True)
        sys.stdin.readline()
    stop.set()
    for thread in threads: thread.join()
"""


class Moving(Running):
    """Three threads that never rest, dumped ten times from inside and ten from outside."""

    taken = None

    def setUp(self):
        super().setUp()
        if Moving.taken is None:
            Moving.taken = [self.facts_of(dump, before, after) for dump, before, after in self.dumps_made()]
        self.assertEqual(len(Moving.taken), 20)

    def dumps_made(self):
        """Each dump, with the counter before and after it."""
        ended = self.program(MOVING, "inside")
        for turn, line in enumerate(ended.stdout.splitlines()):
            before, after = map(int, line.split())
            yield heapsake.load(self.path("inside-%d.heapsake" % turn)), before, after
        process, before = self.start(MOVING), 0
        for turn in range(10):
            dump = self.outside(process, "outside-%d.heapsake" % turn)
            yield dump, before + 1, 1 << 62
            before = dump.threads[0].frames[-1].globals["low"].items[0].value
        self.finish(process)

    def facts_of(self, dump, before, after):
        self.assertEqual([str(fault) for fault in dump.faults], [])
        names = dump.threads[0].frames[-1].globals
        number = frame_of(dump, "count").locals["number"].value
        places = [number, names["low"].items[0].value, names["high"].items[0].value, names["places"]["number"].value]
        lists = [(len(names[name].items), {item.value for item in names[name].items[-3:]}) for name in ("first", "second")]
        growing = names["growing"]
        entries = [(key.value, value.items[0].value) for key, value in growing.items]
        return before, places, after, lists, len(names["between"].items), entries, len(growing.items)

    def test_c9_a_thread_that_counts(self):
        for before, places, after, *_ in self.taken:
            # the counter is one number everywhere: of one moment, within the dump's
            number, low, high, place = places
            self.assertTrue(number >= low >= high >= place >= number - 1, places)
            self.assertTrue(before - 1 <= low <= after, (before, low, after))

    def test_c10_a_thread_that_appends_to_two_lists_in_turn(self):
        for _, _, _, ((first, ends), (second, other_ends)), between, _, _ in self.taken:
            self.assertIn(first - second, (0, 1))
            self.assertEqual((ends | other_ends, between), ({12345}, 3000))

    def test_c11_a_thread_that_inserts_into_a_dict(self):
        for *_, entries, used in self.taken:
            self.assertEqual(len(entries), used)
            self.assertEqual([key for key, _ in entries], ["key %d" % number for _, number in entries])
            self.assertEqual([number for _, number in entries], list(range(entries[0][1], entries[0][1] + len(entries))))
            self.assertTrue(300 < used <= 401, used)


class AtOnce(Running):
    def test_c12_threads_that_raise_at_the_same_time(self):
        text = """
            import heapsake, sys, threading
            heapsake.install() if sys.argv[2] == "install" else None
            count = int(sys.argv[1])
            barrier = threading.Barrier(count)
            def fail(number):
                local = number
                barrier.wait()
                raise ValueError(local)
            threads = [threading.Thread(target=fail, args=(number,), name="failing-%d" % number) for number in range(count)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            print("went on")
        """
        script = self.script(text)
        for how in ("install", "run"):
            for count in (2, 4, 16):
                with self.subTest(how=how, count=count):
                    for path in self.dumps():
                        os.unlink(path)
                    words = [sys.executable] if how == "install" else [*command(), "run"]
                    ended = run(*words, script, str(count), how, cwd=self.folder)
                    self.assertEqual((ended.returncode, ended.stdout), (0, "went on\n"), ended.stderr)
                    # what threads say at once may stand in one line
                    self.assertEqual((ended.stderr.count("Traceback"), ended.stderr.count("heapsake: ")), (count, count), ended.stderr)
                    dumps = [heapsake.load(path) for path in self.dumps()]
                    self.assertEqual([fault for dump in dumps for fault in dump.faults], [])
                    found = sorted(frame_of_thread(dump.threads[0]) for dump in dumps)
                    self.assertEqual(found, [(number, "failing-%d" % number) for number in range(count)])
                    self.assertEqual(glob.glob(self.path("*.partial")), [])

    def test_c12_threads_that_ask_for_a_dump_at_the_same_time(self):
        text = """
            import heapsake, threading
            barrier, paths = threading.Barrier(16), []
            def ask(number):
                barrier.wait()
                paths.append(heapsake.dump())
            threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            assert len(set(paths)) == 16, paths
        """
        self.program(text)
        dumps = [heapsake.load(path) for path in self.dumps()]
        self.assertEqual(([fault for dump in dumps for fault in dump.faults], len(dumps)), ([], 16))


def frame_of_thread(thread):
    return thread.frames[-1].locals["local"].value, thread.name


DEEP = """
    import resource, sys, threading
    class Node: __slots__ = ("next",)
    depth = int(sys.argv[1])
    listed, mapped, linked = [], {}, None
    for _ in range(depth):
        listed, mapped = [listed], {"in": mapped}
        node = Node(); node.next = linked; linked = node
    del node
    import heapsake
    # neither the dumper nor the loader may need a stack that grows; the program itself may
    before = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (512 << 10, before[1]))
    heapsake.dump("deep.heapsake")
    resource.setrlimit(resource.RLIMIT_STACK, before)
    # taken apart step by step: what frees them recurses
    while listed: listed = listed[0]
    while mapped: mapped = mapped["in"]
    while linked is not None: linked = linked.next
"""

OPEN_DEEP = """
    import heapsake, resource, sys
    resource.setrlimit(resource.RLIMIT_STACK, (512 << 10, resource.getrlimit(resource.RLIMIT_STACK)[1]))
    depth = int(sys.argv[1])
    dump = heapsake.load("deep.heapsake")
    names = dump.threads[0].frames[-1].globals
    listed, mapped, linked, steps = names["listed"], names["mapped"], names["linked"], [0, 0, 0]
    whole = min(depth, 20000)
    for _ in range(whole): listed = listed.items[0]; steps[0] += 1
    for _ in range(whole): mapped = mapped["in"]; steps[1] += 1
    for _ in range(whole): linked = linked.attributes["next"]; steps[2] += 1
    assert steps == [whole] * 3 and not dump.faults, (steps, dump.faults)
    if depth == whole:
        assert (len(listed.items), len(mapped.items), linked.value) == (0, 0, None)
    # the innermost ones, by the way that leads to them
    assert len(listed.path_from_root() or ()) > whole, "a path from a root"
    names["listed"].rebuild(), names["mapped"].rebuild(), names["linked"].rebuild()
    print(len(dump.objects))
"""


class Large(Running):
    def test_c17_depth(self):
        counted = {}
        for depth in (1000, 10000, 1000000):
            with self.subTest(depth=depth):
                self.program(DEEP, str(depth))
                ended = run(sys.executable, self.script(OPEN_DEEP, "opener.py"), str(depth), cwd=self.folder)
                self.assertEqual(ended.returncode, 0, ended.stderr)
                counted[depth] = int(ended.stdout)
        # complete: three objects a level; what the interpreter itself has differs by some from run to run
        self.assertAlmostEqual(counted[10000] - counted[1000], 3 * 9000, delta=200)
        self.assertAlmostEqual(counted[1000000] - counted[10000], 3 * 990000, delta=500)

    def test_c18_a_mix_of_records(self):
        # speed and pause are measured by the benches; what the file takes is the same on any machine
        text = """
            import sys, heapsake
            class Record:
                def __init__(self, number):
                    self.number, self.name, self.score = number, "record %d" % number, number / 7
                    self.tags, self.parent = ["tag %d" % (number % 50), (number, None)], None
            records = [Record(number) for number in range(100000)]
            for number, record in enumerate(records):
                record.parent = records[number // 2]
            heapsake.dump("inside.heapsake")
            with open("/proc/self/status") as file:
                print(next(int(line.split()[1]) << 10 for line in file if line.startswith("VmRSS")))
        """
        resident = int(self.program(text).stdout)
        path = self.path("inside.heapsake")
        self.assertLess(os.path.getsize(path), resident / 10)
        dump = heapsake.load(path)
        records = dump.threads[0].frames[-1].globals["records"]
        records = records.items
        self.assertEqual(len(records), 100000)
        for number in (0, 1, 77777, 99999):
            record = records[number]
            self.assertEqual(record.attributes["name"].value, "record %d" % number)
            self.assertEqual(record.attributes["parent"].address, records[number // 2].address)

    def test_c25_no_room_for_large_buffers(self):
        text = """
            import os, resource, sys
            held = [("record %d" % number, [number, {"of": str(number)}]) for number in range(150000)]
            large = bytes(range(256)) * (1 << 16)
            import heapsake
            def limit():
                with open("/proc/self/status") as file:
                    size = next(int(line.split()[1]) << 10 for line in file if line.startswith("VmSize"))
                resource.setrlimit(resource.RLIMIT_AS, (int(size * 1.1), resource.RLIM_INFINITY))
            if len(sys.argv) > 1:
                limit()
                heapsake.dump("inside.heapsake")
                # that nobody can lift any more
                resource.setrlimit(resource.RLIMIT_AS, resource.getrlimit(resource.RLIMIT_AS)[:1] * 2)
                try:
                    heapsake.dump("for good.heapsake")
                except heapsake.Error as problem:
                    assert "heapsake dump" in str(problem), problem
                    assert not os.path.exists("for good.heapsake")
                else:
                    assert os.path.exists("for good.heapsake")
                print(len(held))
            else:
                print("ready", flush=True)
                sys.stdin.readline()
        """
        ended = self.program(text, "inside")
        self.assertEqual(ended.stdout, "150000\n")
        process = self.start(text)
        with open("/proc/%d/status" % process.pid) as file:
            size = next(int(line.split()[1]) for line in file if line.startswith("VmSize"))
        limited = ["sh", "-c", 'ulimit -v %d; exec "$@"' % int(size * 1.1), "sh"]
        # More than once: where the C library found room for a second heap, one time in 32, there was none for the walk.
        for _ in range(8):
            ended = run(*limited, *command(), "dump", str(process.pid), "-o", self.path("outside.heapsake"))
            self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        self.finish(process)
        # refused, or whole
        good = ["for good.heapsake"] if os.path.exists(self.path("for good.heapsake")) else []
        for name in ["inside.heapsake", "outside.heapsake"] + good:
            dump = heapsake.load(self.path(name))
            names = dump.threads[0].frames[-1].globals
            self.assertEqual(([str(fault) for fault in dump.faults], len(names["held"].items)), ([], 150000))
            self.assertEqual(names["held"].items[149999].rebuild(), ("record 149999", [149999, {"of": "149999"}]))
            self.assertEqual(names["large"].size, 33 + (1 << 24))

    def test_c26_bytes_of_64_mib(self):
        text = """
            import hashlib, heapsake
            def hold(heap, small):
                heapsake.dump("whole.heapsake")
                heapsake.dump("budget.heapsake", max_bytes=1 << 20)
            piece = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(32))
            hold(piece * (1 << 16), [1, 2, 3])
        """
        self.program(text)
        import hashlib

        piece = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(32))
        view = frame_of(heapsake.load(self.path("whole.heapsake")), "hold").locals["heap"]
        self.assertEqual((view.surrogate, len(view.value), view.size), (None, 64 << 20, (64 << 20) + 33))
        self.assertEqual(view.value, piece * (1 << 16))
        dump = heapsake.load(self.path("budget.heapsake"))
        frame = frame_of(dump, "hold")
        self.assertEqual([item.value for item in frame.locals["small"].items], [1, 2, 3])
        view = frame.locals["heap"]
        self.assertEqual((view.type_name, view.size), ("bytes", (64 << 20) + 33))
        self.assertIn("%#010x" % zlib.crc32(piece * (1 << 16)), view.surrogate)
        self.assertIn("of %d bytes" % (64 << 20), view.surrogate)
        self.assertEqual(view.value, (piece * (1 << 16))[:len(view.value)])
        self.assertGreater(len(view.value), 60000)
        self.assertLess(os.path.getsize(self.path("budget.heapsake")), 4 << 20)


class Roots(Running):
    def test_c19_the_stack_ends_at_the_caller(self):
        text = """
            import heapsake, sys
            def inner(argument):
                local = [argument]
                return heapsake.dump(sys.argv[1])
            def outer():
                return inner("of outer")
            outer()
        """
        self.program(text, self.path("x.heapsake"))
        dump = heapsake.load(self.path("x.heapsake"))
        frames = dump.threads[0].frames
        self.assertEqual([frame.function for frame in frames], ["<module>", "outer", "inner"])
        self.assertEqual((frames[-1].lineno, frames[-1].locals["local"].items[0].value), (5, "of outer"))
        self.assertEqual(len(dump.threads), 1)
        ours = os.path.dirname(heapsake.__file__)
        for view in dump.objects:
            if view.type_name == "frame":
                code = view.attributes["f_code"]
                self.assertFalse(code.attributes["co_filename"].value.startswith(ours), "a frame of heapsake is in the dump")

    def test_c20_the_exception_that_is_being_handled(self):
        text = """
            import heapsake, threading
            def called(name): return heapsake.dump(name)
            def handle():
                try:
                    {}["missing"]
                except KeyError:
                    heapsake.dump("in except.heapsake")
                    called("in a function.heapsake")
                    heapsake.dump("left out.heapsake", exception=False)
                    other = threading.Thread(target=called, args=("other thread.heapsake",))
                    other.start(); other.join()
                called("after.heapsake")
            def generator():
                try:
                    [][1]
                except IndexError:
                    yield called("in a generator.heapsake")
            handle()
            next(generator())
        """
        self.program(text)
        for name, kind in [("in except", "KeyError"), ("in a function", "KeyError"), ("in a generator", "IndexError"), ("left out", None), ("after", None),
                           ("other thread", None)]:
            with self.subTest(name):
                dump = heapsake.load(self.path(name + ".heapsake"))
                if kind is None:
                    self.assertIsNone(dump.exception)
                    continue
                self.assertEqual(dump.exception.type_name, kind)
                self.assertEqual(dump.threads[0].exception, dump.exception)
                trace = dump.exception.attributes["__traceback__"]
                function = "generator" if "generator" in name else "handle"
                self.assertEqual(trace.attributes["tb_frame"].attributes["f_code"].attributes["co_name"].value, function)
                # where the thread is now is its stack
                self.assertEqual(functions(dump.threads[0])[-1], {"in except": "handle"}.get(name, "called"))

    def test_c21_a_healthy_program_and_a_chosen_thread(self):
        text = """
            import heapsake, sys, threading
            stop = threading.Event()
            def work(number, started):
                local = "of worker %d" % number
                started.set()
                stop.wait()
            for number in range(3):
                started = threading.Event()
                threading.Thread(target=work, args=(number, started), name="worker-%d" % number).start()
                started.wait()
            try:
                1 / 0
            except ZeroDivisionError:
                heapsake.dump("healthy.heapsake", exception=False)
            print("ready", flush=True)
            sys.stdin.readline()
            stop.set()
        """
        process = self.start(text)
        self.outside(process)
        self.finish(process)
        for name in ("healthy.heapsake", "outside.heapsake"):
            dump = heapsake.load(self.path(name))
            self.assertIsNone(dump.exception)
            self.assertEqual([thread.name for thread in dump.threads], ["MainThread", "worker-0", "worker-1", "worker-2"])
            told = self.debug(self.path(name), "threads", "thread 2", "where", "up", "q")
            self.assertNotIn("Traceback", told)
            ended = run(*command(), "debug", "--thread", "worker-1", self.path(name), stdin=None, input="p threading\nup\nup\np local\nq\n", cwd="/")
            self.assertIn("of worker 1", ended.stdout, ended.stderr)


class Files(Running):
    def test_c22_a_file_that_nobody_else_reads(self):
        text = """
            import heapsake, os, sys
            os.umask(0o022)
            heapsake.dump("inside.heapsake")
            heapsake.install()
            print("ready", flush=True)
            sys.stdin.readline()
        """
        process = self.start(text)
        before = os.umask(0o022)
        try:
            self.outside(process)
            ran = run(*command(), "run", "-o", self.path("run.heapsake"), "-c", "1 / 0")
        finally:
            os.umask(before)
        self.finish(process)
        self.assertEqual(ran.returncode, 1)
        for name in ("inside.heapsake", "outside.heapsake", "run.heapsake"):
            self.assertEqual(oct(stat.S_IMODE(os.stat(self.path(name)).st_mode)), oct(0o600), name)

    BIG = """
        import heapsake, os, sys
        held = [(number, str(number), {"of": number}) for number in range(1000000)]
        print("ready", flush=True)
        sys.stdin.readline()
        if len(sys.argv) > 1: heapsake.dump(sys.argv[1])
    """

    def test_c22_killed_while_writing(self):
        path = self.path("killed.heapsake")

        def outside():
            process = self.start(self.BIG)
            arguments = [*command(), "dump", str(process.pid), "-o", path]
            return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), process

        def inside():
            # the program is killed, and the child that writes for it
            process = self.start(self.BIG, path)
            process.stdin.write("go on\n")
            process.stdin.flush()
            return process, process

        for begin in (outside, inside):
            # on a busy machine the whole may be written before anybody looks
            for _ in range(10):
                writer, program = begin()
                caught = self.killed(writer, path)
                for process in (writer, program):
                    process.kill()
                    process.wait()
                if caught:
                    break
                os.unlink(path)
            self.assertTrue(caught, "it was never caught while it wrote")

    def killed(self, process, path):
        """Kills a process that writes, and its children; whether it came in time."""
        partial, deadline = path + ".partial", time.monotonic() + PATIENCE
        size = 0
        while size <= 200000:
            self.assertLess(time.monotonic(), deadline)
            try:
                size = os.path.getsize(partial)
            except FileNotFoundError:
                if os.path.exists(path):
                    return False
        with open("/proc/%d/task/%d/children" % (process.pid, process.pid)) as file:
            children = [int(pid) for pid in file.read().split()]
        # first who would notice that a child is gone, and end by itself
        for pid in [process.pid] + children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                self.assertIn(pid, children)
        process.wait()
        if os.path.exists(path):
            return False
        self.assertEqual(process.returncode, -signal.SIGKILL)
        left = heapsake.load(partial)
        self.assertTrue(left.faults)
        self.assertEqual(functions(left.threads[0])[-1], "<module>")
        os.unlink(partial)
        return True

    def test_c22_a_disk_that_is_full(self):
        text = """
            import heapsake, resource, signal, sys
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))
            try:
                heapsake.dump("full.heapsake")
            except heapsake.Error as problem:
                print(problem)
            heapsake.install()
            def fail(): raise ValueError("the program's own")
            fail()
        """
        ended = self.program(text, status=1)
        self.assertIn("too large", ended.stdout)
        self.assertTrue(ended.stderr.endswith("ValueError: the program's own\n"), ended.stderr)
        self.assertIn("no dump of uncaught ValueError", self.ours(ended.stderr)[0])
        self.assertEqual(self.dumps(), [])

    def test_c23_a_folder_that_takes_no_file(self):
        text = """
            import heapsake, sys
            heapsake.install(sys.argv[1])
            def fail(): raise ValueError("the program's own")
            fail()
        """
        elsewhere = self.path("elsewhere")
        os.mkdir(elsewhere)
        for wrong in (self.path("not there"), self.path("program.py"), "/proc/1"):
            ended = self.program(text, wrong, status=1, env=dict(os.environ, TMPDIR=elsewhere))
            told, = self.ours(ended.stderr)
            path, = glob.glob(os.path.join(elsewhere, "*.heapsake"))
            self.assertIn(path, told)
            self.assertIn("cannot create", told)
            self.assertIn(wrong, told)
            self.assertEqual(functions(heapsake.load(path).threads[0])[-1], "fail")
            os.unlink(path)
        # what was asked for by name is an error, and the program's to handle
        with self.assertRaisesRegex(heapsake.Error, "cannot create"):
            heapsake.dump(self.path("not there", "x.heapsake"))

    def test_c24_sources_that_are_named(self):
        for name in ("lib.py", "mylib.py", "lib.py.py"):
            self.script("def work():\n    # %s\n    yield 1\n" % name, name)
        os.mkdir(self.path("package"))
        self.script("def work():\n    # in a folder\n    yield 1\n", "package/lib.py")
        text = """
            import heapsake, sys, os
            sys.path.insert(0, os.getcwd())
            import lib, mylib, importlib.util, package.lib
            spec = importlib.util.spec_from_file_location("third", os.path.abspath("lib.py.py"))
            third = importlib.util.module_from_spec(spec); spec.loader.exec_module(third)
            held = [each.work() for each in (lib, mylib, third, package.lib)]
            for each in held: next(each)
            heapsake.dump("all.heapsake")
            heapsake.dump("one.heapsake", sources=[os.path.abspath("lib.py")])
            heapsake.dump("relative.heapsake", sources=["lib.py"])
            heapsake.dump("folder.heapsake", sources=["package"])
            heapsake.dump("none.heapsake", sources=[])
            print("ready", flush=True)
            sys.stdin.readline()
        """
        process = self.start(text)
        self.outside(process, "outside.heapsake", "--sources", self.path("lib.py"))
        self.outside(process, "nothing.heapsake", "--sources", "none")
        self.finish(process)

        def taken(name):
            dump = heapsake.load(self.path(name + ".heapsake"))
            return sorted(os.path.relpath(each, self.folder) for each in dump.source_names if dump.source(each) is not None and each.startswith(self.folder))

        self.assertEqual(taken("all"), ["lib.py", "lib.py.py", "mylib.py", "package/lib.py", "program.py"])
        for name in ("one", "relative", "outside"):
            self.assertEqual(taken(name), ["lib.py"], name)
        self.assertEqual(taken("folder"), ["package/lib.py"])
        for name in ("none", "nothing"):
            dump = heapsake.load(self.path(name + ".heapsake"))
            self.assertEqual([each for each in dump.source_names if dump.source(each) is not None], [])
        self.assertRaises(TypeError, heapsake.dump, self.path("x.heapsake"), sources="lib.py")


if __name__ == "__main__":
    unittest.main()
