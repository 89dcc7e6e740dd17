"""Reducers in Python over dumps from inside: what they say is there, what they do wrong costs one object, and the program
never notices."""
import re
import unittest

from reducing import Programs, others

import heapsake

HANDLES = """
import array, ctypes, decimal, gc, mmap, os, signal, sys, tempfile, threading, time
import heapsake

class Handle:
    def __init__(self, number):
        self.number, self.path = number, "/var/%d" % number
        self.friend = None

handles = [Handle(number) for number in range(12)]
for handle in handles:
    handle.friend = handles[handle.number - 1]
"""


class FromInside(Programs):
    def test_what_a_reducer_says_is_there(self):
        """T91, T94, T98: other types are untouched, a reduction may hold the object itself, all five parts are kept."""
        dump = self.check(self.dumped(HANDLES + """
class Special(Handle): pass
class Nearer(Special): pass
class Other: pass
handles += [Special(12), Nearer(13)]
other = Other()

@heapsake.reducer("__main__.Handle", base=True)
def reduce_handle(view):
    return heapsake.Reduction(
        state={"text": "päth\\ud800", "big": 2 ** 100, "negative": -2 ** 100, "least": -2 ** 63, "raw": b"x\\0", "none": None, "flag": True,
               "float": 0.5, "nested": {"list": [1, (2, {3})], 7: view["friend"]}, "items": view.dump.modules["__main__"]["handles"].items,
               "captured": view["path"], "names": sorted(view.attributes)},
        callable="app.open_handle", args=(view["number"].value, view["friend"]), list_items=iter([1, view]),
        dict_items=[("key", view)], edges={"own friend": view["friend"], "self": view}, summary="handle %d" % view["number"].value)

@heapsake.reducer(Nearer)
def reduce_nearer(view):
    return {"nearer": True, "number": "not the captured one"}

heapsake.dump("here.heapsake")
"""))
        self.assertEqual(dump.notes, [])
        handles = dump.modules["__main__"]["handles"]
        first, last = handles[1], handles[0]
        self.assertEqual(first.summary, "handle 1")
        self.assertEqual(repr(first), "<View of <__main__.Handle: handle 1>>")
        self.assertEqual((first["big"].value, first["negative"].value, first["least"].value), (2 ** 100, -2 ** 100, -2 ** 63))
        self.assertEqual((first["text"].value, first["raw"].value, first["none"].value), ("päth\\ud800", b"x\0", None))
        self.assertEqual((first["flag"].value, first["float"].value, first["captured"].value), (True, 0.5, "/var/1"))
        self.assertEqual(first["own friend"], last)
        self.assertEqual(first["self"], first)
        self.assertEqual(first["nested"][7], last)
        self.assertEqual([each.id for each in first["items"].items], [each.id for each in handles.items])
        reduction = first.reduction
        self.assertEqual((reduction.callable, reduction.args, reduction.list_items), ("app.open_handle", (1, last), [1, first]))
        self.assertEqual((reduction.dict_items, reduction.edges), ([("key", first)], {"own friend": last, "self": first}))
        self.assertEqual((reduction.origin, reduction.state["nested"]), ("__main__.reduce_handle", {"list": [1, [2, [3]]], 7: last}))
        self.assertLessEqual({"number", "path", "friend"}, {each.value for each in first["names"].items})
        # a subclass goes to the nearest base; what was captured wins over the state's names
        self.assertEqual(handles[12].summary, "handle 12")
        self.assertEqual((handles[13].reduction.state, handles[13]["number"].value), ({"nearer": True, "number": "not the captured one"}, 13))
        self.assertIsNone(dump.modules["__main__"]["other"].reduction)
        rebuilt = first.rebuild()
        self.assertIs(rebuilt.friend, last.rebuild())
        self.assertIs(getattr(rebuilt, "own friend"), last.rebuild())
        self.assertIs(rebuilt.nested[7], last.rebuild())
        self.assertEqual((rebuilt.big, rebuilt.flag, repr(rebuilt)), (2 ** 100, True, "<__main__.Handle object at %#x: handle 1>" % first.address))
        shown, _ = self.python("-m", "heapsake", "inspect", "here.heapsake", "module:__main__/handles[1]")
        for line in ("reduced by __main__.reduce_handle", "made by app.open_handle(1, {\"object\":%d})" % last.id, "raw = \"x\\\\x00\"",
                     "own friend = <__main__.Handle: handle 0>"):
            self.assertIn(line, shown)
        shown, _ = self.python("-m", "heapsake", "inspect", "here.heapsake", "module:__main__/handles[1].nested.list[1][0]")
        self.assertEqual(shown, "2\n")
        shown, _ = self.python("-m", "heapsake", "check", "here.heapsake")
        self.assertIn("no faults", shown)

    def test_what_goes_wrong_costs_one_object(self):
        """T92, T93, T95, T96: each failure costs its object, which stays one node with the edges that it had."""
        wrong = {
            1: ("raise ValueError('two\\nlines')", r"ValueError: two lines"),
            2: ("while True: pass", r"gave no answer for 2 s"),
            3: ("os._exit(3)", r"ended its process with status 3"),
            4: ("ctypes.string_at(0)", r"ended its process with signal 11"),
            5: ("recurse()", r"RecursionError"),
            6: ("return {'x': 'a' * (2 << 20)}", r"it has more than 1048576 bytes"),
            7: ("return None", r"returned None; it is to return a heapsake.Reduction or a dict"),
            8: ("return view", r"returned a View"),
            9: ("sys.exit('leaving')", r"SystemExit: leaving"),
            10: ("return endless()", r"is more than 64 levels deep"),
            11: ("return {'price': decimal.Decimal(1)}", r"state\[\"price\"\] is of type Decimal, which a dump does not take"),
            12: ("return heapsake.Reduction(state={}, edges={'x': 1})", r"edges\[\"x\"\] is a int, not a view"),
            13: ("return heapsake.Reduction(list_items=forever())", r"it has more than 1048576 bytes"),
            14: ("return heapsake.Reduction(summary=7)", r"summary is a int, not a str"),
            15: ("close_everything()", r"OSError|ended its process|gave no answer"),
            16: ("write_everywhere()", r"wrote into the descriptors|gave no answer"),
            17: ("raise Unspeakable()", r"Unspeakable: \?"),
            18: ("heapsake.dump('again.heapsake')", r"a reducer was asked for a dump"),
            19: ("return {'x': heapsake.load(view.dump.path).objects[0]}", r"state\[\"x\"\] is a view of another dump"),
            20: ("os.kill(os.getpid(), signal.SIGKILL)", r"ended its process with signal 9"),
            21: ("os.abort()", r"ended its process with signal 6"),
            22: ("threading.Lock().acquire(); lock.acquire(); lock.acquire()", r"gave no answer for 2 s"),
        }
        body = "".join("    if number == %d:\n        %s\n" % (number, statement) for number, (statement, _) in wrong.items())
        dump = self.check(self.dumped(HANDLES + """
handles += [Handle(number) for number in range(12, 30)]
for handle in handles[12:]: handle.friend = handles[handle.number - 1]
lock = threading.Lock()

class Unspeakable(Exception):
    def __str__(self): raise KeyError

def recurse(): recurse()
def forever():
    while True: yield 1
def endless():
    found = {}
    found["x"] = [found]
    return found
def close_everything():
    os.closerange(3, 100)
def write_everywhere():
    for descriptor in range(3, 100):
        try: os.write(descriptor, b"\\xff" * 64)
        except OSError: pass
    time.sleep(100)

@heapsake.reducer(Handle, seconds=2)
def reduce_handle(view):
    number = view["number"].value
""" + body + """
    return {"fine": number}

heapsake.dump("here.heapsake", reducer_seconds=100)
"""))
        for handle in dump.modules["__main__"]["handles"].items:
            number = handle["number"].value
            if number in wrong:
                self.assertIsNone(handle.reduction, number)
                self.assertRegex(handle.reducer_failure, "^__main__.reduce_handle: .*(%s)" % wrong[number][1])
                self.assertEqual((handle["path"].value, handle.surrogate), ("/var/%d" % number, None))
                self.assertEqual(handle["friend"], dump.modules["__main__"]["handles"][number - 1])
            else:
                self.assertIsNotNone(handle.reduction, (number, handle.reducer_failure, dump.notes))
                self.assertEqual((handle.reduction.state, handle.reducer_failure), ({"fine": number}, None))
        shown, _ = self.python("-m", "heapsake", "here.heapsake")
        self.assertIn("1 objects: reducer __main__.reduce_handle failed: ended its process with signal 11", shown)
        self.assertFalse(self.exists("again.heapsake"))

    def exists(self, name):
        import os

        return os.path.exists(self.path(name))

    def test_a_reducer_that_only_hangs_is_given_up_and_said_so(self):
        dump = self.check(self.dumped(HANDLES + """
class Fine: pass
fine = [Fine() for _ in range(5)]

@heapsake.reducer(Handle, seconds=1)
def reduce_handle(view):
    while True: pass

@heapsake.reducer(Fine)
def reduce_fine(view):
    return {"fine": True}

started = time.monotonic()
heapsake.dump("here.heapsake", reducer_seconds=60)
assert time.monotonic() - started < 60
"""))
        main = dump.modules["__main__"]
        failed = [handle for handle in main["handles"].items if handle.reducer_failure]
        self.assertEqual(len(failed), 3)
        self.assertIn("9 objects of __main__.Handle were not given to their reducer __main__.reduce_handle: it has failed to answer too often",
                      dump.notes)
        self.assertTrue(all(fine.reduction.state == {"fine": True} for fine in main["fine"].items))

    def test_when_the_time_is_over_the_rest_is_counted(self):
        dump = self.check(self.dumped(HANDLES + """
@heapsake.reducer(Handle)
def reduce_handle(view):
    time.sleep(0.2)
    return {}

heapsake.dump("here.heapsake", reducer_seconds=1.5)
"""))
        answered = sum(bool(handle.reduction or handle.reducer_failure) for handle in dump.modules["__main__"]["handles"].items)
        note, = [note for note in dump.notes if "the time for reducers, 1.5 s, was over" in note]
        self.assertEqual(int(re.match(r"\d+", note).group()) + answered, 12, note)
        self.assertLess(answered, 9)

    def test_live_objects(self):
        dump = self.check(self.dumped(HANDLES + """
class Slotted:
    __slots__ = ("hidden",)

class Cycle: pass

slotted = [Slotted() for _ in range(3)]
for number, each in enumerate(slotted): each.hidden = [number]
cycle = Cycle()
cycle.me = cycle
before = [sys.getrefcount(each) for each in slotted]

@heapsake.reducer(Slotted, live=True)
def reduce_slotted(each):
    each.hidden.append("changed")
    slotted.clear()
    return {"length": len(each.hidden), "type": type(each).__name__, "same process": os.getpid() == parent}

@heapsake.reducer("array.array", live=True)
def reduce_array(values):
    return {"sum": sum(values)}

parent = os.getpid()
values = array.array("d", [1, 2, 4])
heapsake.dump("here.heapsake")
assert before == [sys.getrefcount(each) for each in slotted], before
assert [each.hidden for each in slotted] == [[0], [1], [2]]
"""))
        self.assertEqual(dump.notes, [])
        main = dump.modules["__main__"]
        for each in main["slotted"].items:
            self.assertEqual(each.reduction.state, {"length": 2, "type": "Slotted", "same process": False})
        self.assertEqual(main["values"]["sum"].value, 7.0)

    def test_the_program_never_notices(self):
        out, error = self.program(HANDLES + """
import subprocess
noticed, parent = [], os.getpid()
# like the first process of a container: orphans become its children
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0
os.register_at_fork(before=lambda: noticed.append("before"), after_in_parent=lambda: noticed.append("parent"),
                    after_in_child=lambda: open("hook", "w"))
signal.signal(signal.SIGCHLD, lambda *_: noticed.append("SIGCHLD"))
gc.disable()
gc.callbacks.append(lambda *_: noticed.append("gc"))
class Witness:
    def __init__(self, path): self.path = path
    def __del__(self): open(self.path, "w").close()
class Cycle: pass
garbage = Cycle()
garbage.me, garbage.witness = garbage, Witness("finalized in a child")
del garbage
def keep():
    local = Witness("finalized with a thread")
    started.set()
    finish.wait()
    os.unlink(local.path) if os.path.exists(local.path) else None
    local.path = os.devnull
started, finish = threading.Event(), threading.Event()
thread = threading.Thread(target=keep, daemon=True)
thread.start()
started.wait()
file = open("held", "w+")
file.write("before;")
file.flush()
shared = mmap.mmap(-1, 4096)
shared[:4] = b"kept"
descriptors = {number: os.readlink("/proc/self/fd/%s" % number) for number in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/%s" % number)}
threads = sorted(os.listdir("/proc/self/task"))

@heapsake.reducer(Handle, live=True)
def reduce_handle(handle):
    print("noise on standard output")
    sys.stderr.write("noise on standard error")
    for descriptor in descriptors:
        try: os.write(int(descriptor), b"noise")
        except OSError: pass
    file.write("noise")
    file.flush()
    gc.collect()
    gc.enable()
    for _ in range(5000): Cycle()
    handle.path = "changed"
    if handle.number == 3: shared[:4] = b"lost"
    if handle.number == 5: subprocess.Popen(["sleep", "1000.%d" % parent])
    if handle.number == 6: subprocess.Popen(["sleep", "1000.%d" % parent], start_new_session=True)
    return {"seen": bytes(shared[:4])}

sys.stdout.write("program;")
heapsake.dump("here.heapsake", reducer_seconds=20)
sys.stdout.write("goes on")
assert noticed == [], noticed
try:
    os.waitpid(-1, os.WNOHANG)
    raise AssertionError("a child is left")
except ChildProcessError: pass
with open("/proc/self/task/%d/children" % parent) as children: assert children.read() == ""
assert ("1000.%d" % parent).encode() not in subprocess.check_output(["ps", "-eo", "args"])
noticed.remove("SIGCHLD")
after = {number: os.readlink("/proc/self/fd/%s" % number) for number in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/%s" % number)}
assert after == descriptors, (descriptors, after)
assert threads == sorted(os.listdir("/proc/self/task"))
assert shared[:4] == b"kept" and handles[0].path == "/var/0"
file.seek(0)
assert file.read() == "before;"
assert not any(os.path.exists(name) for name in ("hook", "finalized in a child", "finalized with a thread"))
assert signal.getsignal(signal.SIGCHLD) and threading.active_count() == 2
finish.set()
thread.join()
sys.stdout.flush()
os._exit(0)
""")
        self.assertEqual((out, error), ("program;goes on", ""))
        dump = heapsake.load(self.path("here.heapsake"))
        failed = [handle for handle in dump.modules["__main__"]["handles"].items if handle.reduction is None]
        self.assertEqual([handle["number"].value for handle in failed], [3])
        self.assertIn("ended its process with signal", failed[0].reducer_failure)

    def test_threads_that_compete_for_the_interpreter(self):
        self.program(HANDLES + """
stop = False
def spin():
    while not stop:
        sum(range(1000)); bytearray(300000)
spinning = [threading.Thread(target=spin) for _ in range(4)]

@heapsake.reducer(Handle)
def reduce_handle(view):
    return {"renewed": sys._getframe(1).f_locals["channel"].lock_renewed}

for thread in spinning: thread.start()
try:
    for attempt in range(5):
        heapsake.dump("here.heapsake")
        dump = heapsake.load("here.heapsake")
        assert [handle["renewed"].value for handle in dump.modules["__main__"]["handles"].items] == [True] * 12, (attempt, dump.notes)
finally:
    stop = True
    for thread in spinning: thread.join()
""")

    def test_dumps_from_another_thread(self):
        self.program(HANDLES + """
@heapsake.reducer(Handle)
def reduce_handle(view):
    return {"thread": threading.current_thread() is threading.main_thread()}

told = []
def dump():
    heapsake.dump("here.heapsake")
    dump = heapsake.load("here.heapsake")
    told.append((dump.notes, [handle["thread"].value for handle in dump.modules["__main__"]["handles"].items]))

for attempt in range(8):
    thread = threading.Thread(target=dump)
    thread.start()
    thread.join()
assert told == [([], [False] * 12)] * 8, told
""")

    def test_secrets(self):
        dump = self.dumped(HANDLES + """
password = "correct-horse-battery"
key = "AKIA" + "IOSFODNN7EXAMPLE"

@heapsake.reducer(Handle, live=True)
def reduce_handle(handle):
    if handle.number == 1: raise ValueError("no " + password)
    return heapsake.Reduction(state={"api_key": "short", "harmless": key, "copy": "see %s here" % password, "place": "town"},
                              summary="with %s" % key, args=(key,))

heapsake.dump("here.heapsake")
heapsake.dump("all.heapsake", redact="all-values")
""")
        first, second = dump.modules["__main__"]["handles"].items[:2]
        shown = repr(first.reduction) + repr(second.reducer_failure)
        for secret in ("short", "AKIA", "correct-horse"):
            self.assertNotIn(secret, shown)
        self.assertIn("town", shown)
        with open(self.path("here.heapsake"), "rb") as file:
            self.assertNotIn(b"correct-horse", file.read())
        dump = heapsake.load(self.path("all.heapsake"))
        first = next(each for each in dump.objects if each.type_name == "__main__.Handle" and not each.reducer_failure)
        self.assertEqual((first.reduction.state, first.summary, first.reduction.args), (None, None, ()))

    def test_who_has_no_reducer_pays_nothing(self):
        self.program("""
import sys
import heapsake

heapsake.dump("here.heapsake")
for name in ("heapsake._reduce", "heapsake._entry_points", "importlib.metadata", "configparser"):
    assert name not in sys.modules, name
""")
        with open(self.path("here.heapsake"), "rb") as file:
            self.assertEqual(file.read().count(b"hsk-end\n"), 1, "nothing was appended")

    def test_reducers_can_be_left_out(self):
        dump = self.dumped(HANDLES + """
@heapsake.reducer(Handle)
def reduce_handle(view): return {}
heapsake.dump("here.heapsake", reducers=False)
for seconds in (-1, float("nan"), 1e300):
    try: heapsake.dump("never.heapsake", reducer_seconds=seconds)
    except heapsake.Error as problem: assert "reducer_seconds" in str(problem)
    else: raise AssertionError(seconds)
""")
        self.assertIsNone(dump.modules["__main__"]["handles"][0].reduction)

    def test_hooks_run_reducers(self):
        out, error = self.program(HANDLES + """
@heapsake.reducer(Handle)
def reduce_handle(view): return {"number": 1, "reduced": True}
heapsake.install(os.getcwd(), reducer_seconds=20)
raise KeyError("price")
""", status=1)
        path = re.search(r"saved to (.*)", error).group(1)
        dump = heapsake.load(path)
        self.assertTrue(dump.modules["__main__"]["handles"][0]["reduced"].value)

    def test_other_versions_open_it(self):
        dump = self.dumped(HANDLES + """
@heapsake.reducer(Handle)
def reduce_handle(view):
    return heapsake.Reduction(state={"where": view["path"].value}, summary="at %s" % view["path"].value)
heapsake.dump("here.heapsake")
""")
        self.assertEqual(dump.notes, [])
        script = self.write("open.py", """
            import heapsake
            handle = heapsake.load("here.heapsake").modules["__main__"]["handles"][2]
            print(handle["where"].value, handle.rebuild().where, handle.rebuild())
        """)
        found = others()
        if not found:
            self.skipTest("no other Python with heapsake lies beside this one")
        for executable in found:
            out, _ = self.python(script, executable=executable)
            self.assertRegex(out, r"^/var/2 /var/2 <__main__\.Handle object at 0x[0-9a-f]+: at /var/2>$")


class Restorers(Programs):
    def restorer(self, *arguments, **options):
        from heapsake import _registry

        self.addCleanup(_registry.RESTORERS.clear)
        return heapsake.restorer(*arguments, **options)

    def test_round_trip(self):
        dump = self.dumped(HANDLES + """
class Special(Handle): pass
handles.append(Special(12))

@heapsake.reducer(Handle, base=True)
def reduce_handle(view):
    return {"where": view["path"].value}
heapsake.dump("here.heapsake")
""")
        asked = []

        class Here:
            def __init__(self, where):
                self.where = where

        @self.restorer("__main__.Handle", base=True)
        def restore_handle(view):
            asked.append(view.id)
            if view["number"].value == 1:
                raise OSError("gone")
            if view["number"].value == 2:
                return view.rebuild()
            return Here(view.reduction.state["where"])

        handles = dump.modules["__main__"]["handles"]
        repr(handles[0]), dict(handles[0].attributes), handles[0].reduction
        self.assertEqual(asked, [])
        rebuilt = [handle.rebuild() for handle in handles.items]
        self.assertIsInstance(rebuilt[0], Here)
        self.assertEqual((rebuilt[0].where, rebuilt[12].where), ("/var/0", "/var/12"))
        self.assertIs(handles[0].rebuild(), rebuilt[0])
        self.assertIn("its restorer", repr(rebuilt[1]))
        self.assertIn("OSError", repr(rebuilt[1]))
        self.assertEqual(rebuilt[1].path, "/var/1")
        # one that rebuilds what it is asked for gets what there is without it
        self.assertEqual((type(rebuilt[2]).__name__, rebuilt[2].path), ("Handle", "/var/2"))
        self.assertEqual(len(asked), 13)

    def test_callables_of_the_closed_list_only(self):
        dump = self.dumped(HANDLES + """
@heapsake.reducer(Handle)
def reduce_handle(view):
    number = view["number"].value
    return heapsake.Reduction(**[
        dict(callable="collections.deque", args=([],), list_items=[1, view["friend"]]),
        dict(callable="decimal.Decimal", args=("1.50",)),
        dict(callable="os.system", args=("touch owned",)),
        dict(callable="builtins.eval", args=("open('owned', 'w')",)),
        dict(callable="types.SimpleNamespace", state={"x": 1, "friend": view["friend"]}),
        dict(callable="collections.OrderedDict", dict_items=[("k", view["friend"]), ("l", 2)]),
        dict(callable="bytes", args=(1 << 40,)),
        dict(callable="datetime.datetime", args=(2026, 13, 1)),
        dict(callable="set", args=([1, 2],)),
        dict(), dict(), dict()][number])
heapsake.dump("here.heapsake")
""")
        import collections
        import decimal
        import os

        self.assertEqual(dump.notes, [])
        views = dump.modules["__main__"]["handles"].items
        made = [view.rebuild() for view in views]
        self.assertEqual((type(made[0]), made[0][0]), (collections.deque, 1))
        self.assertIs(made[0][1], views[11].rebuild())
        self.assertEqual(made[1], decimal.Decimal("1.50"))
        self.assertEqual(str(made[1]), "1.50")
        for number in (2, 3, 6, 7, 9):
            self.assertEqual(type(made[number]).__name__, "Handle", number)
        self.assertFalse(os.path.exists(self.path("owned")))
        self.assertIs(made[4].friend, made[3])
        self.assertEqual((list(made[5]), made[5]["l"], made[8]), (["k", "l"], 2, {1, 2}))
        self.assertIs(made[5]["k"], made[4])


class Registering(unittest.TestCase):
    def setUp(self):
        from heapsake import _registry

        self.registry = _registry
        self.addCleanup(_registry.REDUCERS.clear)

    def test_names(self):
        class Local:
            pass

        heapsake.reducer(Local)(lambda view: {})
        heapsake.reducer("builtins.dict")(lambda view: {})
        name = "%s.Registering.test_names.<locals>.Local" % __name__
        self.assertEqual(sorted(self.registry.REDUCERS), sorted(["dict", name]))
        self.assertEqual(self.registry.REDUCERS[name].address, id(Local))

    def test_refusals(self):
        for wrong in (7, "", None, lambda view: None):
            with self.assertRaises(TypeError):
                heapsake.reducer(wrong)
        with self.assertRaises(TypeError):
            heapsake.reducer("app.Handle")(7)
        for seconds in (0, -1, float("nan")):
            with self.assertRaises(ValueError):
                heapsake.reducer("app.Handle", seconds=seconds)

        def one(view):
            return {}

        def two(view):
            return {}

        heapsake.reducer("app.Handle")(one)
        heapsake.reducer("app.Handle")(one)
        with self.assertRaises(ValueError) as caught:
            heapsake.reducer("app.Handle")(two)
        self.assertIn("has a reducer already", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
