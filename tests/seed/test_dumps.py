"""Making a dump at any moment, opening it by name, and looking at it in pdb: T100 to T103, T107."""
import collections.abc
import os
import sys

import heapsake
from running import Programs

TWO_CALLS = """
import io, sys
import heapsake

def inner(number):
    kept = ["inner", number]
    try:
        raise LookupError("caught", number)
    except LookupError:
        here = "in the except block"
        return save(kept)

def outer():
    label = "outer"
    return inner(7)

def save(value):
    %s

outer()
"""


class Dumps(Programs):
    def frame(self, thread, function):
        return next(frame for frame in thread.frames if frame.function == function)

    def both_frames(self, dump):
        thread = dump.threads[0]
        inner, outer = self.frame(thread, "inner"), self.frame(thread, "outer")
        self.assertEqual([frame.function for frame in thread.frames][:3], ["<module>", "outer", "inner"])
        self.assertEqual(([item.value for item in inner.locals["kept"].items], inner.locals["here"].value, inner.locals["number"].value),
                         (["inner", 7], "in the except block", 7))
        self.assertEqual(outer.locals["label"].value, "outer")
        return thread

    def test_t100_in_an_except_block_two_calls_deep(self):
        self.program(TWO_CALLS % """
    target = io.BytesIO()
    before = set(sys.modules)
    assert heapsake.dump(target, reason="asked for") is None
    assert not [name for name in set(sys.modules) - before if not name.startswith("heapsake")], set(sys.modules) - before
    with open("written.heapsake", "wb") as file:
        file.write(target.getvalue())
    class Pieces:
        count = size = 0
        def write(self, data):
            self.count += 1
            self.size += len(data)
    pieces = Pieces()
    heapsake.dump(pieces)
    assert pieces.count and pieces.size > 10000
    class Full:
        def write(self, data):
            raise OSError("full")
    try:
        heapsake.dump(Full())
    except OSError as problem:
        assert str(problem) == "full"
    else:
        raise AssertionError("the writer's failure was lost")
    """)
        dump = heapsake.load(self.path("written.heapsake"))
        thread = self.both_frames(dump)
        self.assertEqual(thread.exception.type_name, "LookupError")
        self.assertEqual([item.value for item in thread.exception["args"].items], ["caught", 7])
        header = dump.header
        self.assertIsInstance(header, collections.abc.Mapping)
        self.assertEqual((header["reason"], header["format"], header["pid"] > 0), ("asked for", 1, True))
        self.assertEqual(header["hexversion"], sys.hexversion)
        before = set(sys.modules)
        self.assertLessEqual({"__main__", "io", "sys", "heapsake"}, set(dump.modules))
        self.assertIn("outer", dump.modules["__main__"].attributes)
        self.assertEqual(set(sys.modules), before)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("heapsake-")], [])

    def test_without_a_path_nothing_of_the_library_comes_in(self):
        shown, told = self.program(TWO_CALLS % """
    before = set(sys.modules)
    path = heapsake.dump()
    print(path)
    print(sorted(name for name in set(sys.modules) - before if not name.startswith("heapsake")))
    """)
        path, modules = shown.splitlines()
        self.assertEqual((modules, told), ("[]", ""))
        self.assertEqual(os.path.dirname(path), self.folder)
        self.assertRegex(os.path.basename(path), r"\Aapp-\d{8}-\d{6}-\d+\.heapsake\Z")
        self.both_frames(heapsake.load(path))

    def test_t101_the_first_bytes_say_what_it_is(self):
        self.program(TWO_CALLS % """
    with open("written.heapsake", "wb", buffering=0) as file:
        heapsake.dump(file)
    heapsake.dump("named.heapsake")
    """)
        for name in ("written.heapsake", "named.heapsake"):
            with open(self.path(name), "rb") as file:
                first = file.readline().decode("ascii")
            self.assertRegex(first, r"\Aheapsake dump, version 1: .* Open it with: heapsake FILE\n\Z")
            self.assertEqual(heapsake.load(self.path(name)).faults, [])
            shown, _ = self.python("-m", "heapsake", name)
            self.assertIn("in inner", shown)

    def test_t102_opened_by_name(self):
        self.program(TWO_CALLS % 'heapsake.dump("here.heapsake")')
        dump = heapsake.load(self.path("here.heapsake"))
        self.both_frames(dump)
        self.assertEqual((dump.header["format"], dump.faults), (1, []))
        # a later version opens as far as it is understood, and says so
        with open(self.path("here.heapsake"), "rb") as file:
            content = file.read()
        with open(self.path("later.heapsake"), "wb") as file:
            file.write(content.replace(b"version 1:", b"version 9:", 1))
        later = heapsake.load(self.path("later.heapsake"))
        self.both_frames(later)
        self.assertEqual([fault.kind for fault in later.faults], ["version"])
        self.assertRegex(later.faults[0].consequence, "of format 9, later than 1")
        # and what is none is refused
        self.write("none.heapsake", "version 1\n")
        with self.assertRaises(heapsake.Error):
            heapsake.load(self.path("none.heapsake"))

    def test_t103_both_frames_in_pdb(self):
        path = self.write("app.py", TWO_CALLS.replace("        return save(kept)", "        raise KeyError(kept)") % "pass")
        program = [path, "-m", "heapsake", "run", "-o", "crash.heapsake"]
        self.python(*program[1:], path, status=1)
        os.unlink(path)
        script = "bt\np kept\np here\nlist\nup\np label\nlist\nup\np outer\ndown\nargs\nq\n"
        shown, _ = self.python("-m", "heapsake", "debug", "crash.heapsake", input=script)
        for line in ("['inner', 7]", "'in the except block'", "'outer'", "<function outer at"):
            self.assertIn(line, shown)
        self.assertRegex(shown, r"app\.py\(\d+\)outer\(\)")
        self.assertRegex(shown, r"app\.py\(\d+\)inner\(\)")
        self.assertRegex(shown, r"->\s+raise KeyError\(kept\)")
        self.assertRegex(shown, r"->\s+return inner\(7\)")
        self.assertIn("KeyError: ['inner', 7]", shown)

    def test_t107_at_bad_moments(self):
        shown, _ = self.program(r"""
import _imp, faulthandler, gc, os, signal, sys, threading
import heapsake

faulthandler.dump_traceback_later(100, exit=True)
sys.setswitchinterval(0.0123)
settings = lambda: (sys.getswitchinterval(), gc.isenabled(), gc.get_threshold(), sys.getrecursionlimit(), sys.gettrace(), sys.getprofile(),
                    signal.getsignal(signal.SIGCHLD), signal.pthread_sigmask(signal.SIG_BLOCK, []), threading.active_count(), _imp.lock_held())
before = settings()

# while others run
def at_once(number, barrier):
    marker = "thread %d" % number
    barrier.wait()
    heapsake.dump("thread%d.heapsake" % number)

barrier = threading.Barrier(3)
threads = [threading.Thread(target=at_once, args=(number, barrier), name="at once %d" % number) for number in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()

# while a thread holds the lock of a stream, in a write that cannot end
reading, writing = os.pipe()
os.set_blocking(writing, False)
try:
    while True: os.write(writing, b"x" * 65536)
except BlockingIOError:
    os.set_blocking(writing, True)
stream = os.fdopen(writing, "wb", buffering=8)
stuck = threading.Thread(target=lambda: stream.write(b"y" * 100000), name="stuck")
stuck.start()
while True:
    with open("/proc/self/task/%d/stat" % stuck.native_id) as file:
        sleeping = file.read().rpartition(")")[2].split()[0] == "S"
    with open("/proc/self/task/%d/syscall" % stuck.native_id) as file:
        if sleeping and file.read().split()[0] == "1":
            break
heapsake.dump("stuck.heapsake")

# in a handler of a signal
def handler(number, frame):
    where = "handler"
    heapsake.dump("signal.heapsake")

signal.signal(signal.SIGUSR1, handler)
os.kill(os.getpid(), signal.SIGUSR1)
while not os.path.exists("signal.heapsake"):
    pass

# in a child
child = os.fork()
if child == 0:
    status = 1
    try:
        where = "child"
        heapsake.dump("child.heapsake")
        status = 0
    finally:
        os._exit(status)
print(os.waitpid(child, 0)[1])

# what the stuck thread waits for comes, and everything is as it was
emptied = os.open("/dev/null", os.O_WRONLY)
drain = threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(reading, 65536), b"")])
drain.start()
stuck.join()
stream.close()
drain.join()
heapsake.dump("after.heapsake")
print(settings() == before, before[0])
print("everything is written")
""")
        self.assertEqual(shown.splitlines(), ["0", "True 0.0123", "everything is written"])
        found = {name: heapsake.load(self.path(name)) for name in os.listdir(self.folder) if name.endswith(".heapsake")}
        self.assertEqual(sorted(found), ["after.heapsake", "child.heapsake", "signal.heapsake", "stuck.heapsake"]
                         + ["thread%d.heapsake" % number for number in range(3)])
        for name, dump in found.items():
            self.assertEqual((name, [str(fault) for fault in dump.faults]), (name, []))
            self.assertGreater(len(dump.objects), 5000)
        for number in range(3):
            thread = next(each for each in found["thread%d.heapsake" % number].threads if each.is_current)
            self.assertEqual((thread.name, self.frame(thread, "at_once").locals["marker"].value), ("at once %d" % number, "thread %d" % number))
        self.assertIn("stuck", [thread.name for thread in found["stuck.heapsake"].threads])
        self.assertEqual(self.frame(found["signal.heapsake"].threads[0], "handler").locals["where"].value, "handler")
        child = found["child.heapsake"]
        self.assertEqual(child.modules["__main__"]["where"].value, "child")
        self.assertNotEqual(child.header["pid"], found["after.heapsake"].header["pid"])
        self.assertEqual([thread.name for thread in child.threads], ["MainThread"])
