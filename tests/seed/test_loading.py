"""What opening, rebuilding and debugging a dump may and may not do: L4 to L7, L9 and L10."""
import json
import os
import struct
import subprocess
import sys

import heapsake
from opened import PATIENCE, environment
from running import Programs

#: notes what this interpreter opens, starts and imports from here on, until asked
WATCH = """
import builtins, json, os, sys, threading
import heapsake, heapsake.debugger
WATCHED = ("open", "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "socket.__new__", "socket.connect", "import",
           "exec", "compile", "ctypes.dlopen", "sqlite3.connect", "os.mkdir", "os.remove", "shutil.rmtree", "tempfile.mkstemp")
events, watching = [], [False]
def hook(event, arguments):
    if watching[0] and event in WATCHED:
        events.append([event, repr(arguments[:1])[:200]])
sys.addaudithook(hook)
def state():
    return [len(os.listdir("/proc/self/fd")), threading.active_count(), sorted(sys.modules)]
def rebuilt_everything(path):
    dump = heapsake.load(path)
    for thread in dump.threads:
        for frame in thread.frames:
            for view in frame.locals.values():
                repr(view), repr(view.rebuild()), list(view.attributes), view.type_name
    for view in dump.objects:
        repr(view), view.type_name, view.kind
    return dump
"""

HOOKED = """
import atexit, json, os, select, socket, sys, tempfile, threading
import heapsake

CALLS = []

class Hooked:
    def __new__(cls, *arguments):
        CALLS.append("__new__")
        return object.__new__(cls)
    def __init__(self):
        self.kept = [1, 2]
    def __setstate__(self, state):
        CALLS.append("__setstate__")
    def __reduce_ex__(self, protocol):
        CALLS.append("__reduce_ex__")
    def __getattr__(self, name):
        CALLS.append("__getattr__")
        raise AttributeError(name)
    def __repr__(self):
        CALLS.append("__repr__")
        return "hooked"
    def __hash__(self):
        CALLS.append("__hash__")
        return 1
    def __del__(self):
        with open("deleted", "w") as file:
            file.write("deleted")

def hold():
    hooked = Hooked()
    opened = open("opened.txt", "w")
    opened.write("not yet written")
    connection = socket.socketpair()
    poller = select.epoll()
    poller.register(connection[0].fileno())
    lock = threading.Lock()
    lock.acquire()
    event = threading.Event()
    thread = threading.Thread(target=event.wait, name="waiting", daemon=True)
    thread.start()
    temporary = tempfile.NamedTemporaryFile(dir=".")
    folder = tempfile.TemporaryDirectory(dir=".")
    before = len(CALLS)
    heapsake.dump("held.heapsake")
    assert len(CALLS) == before, CALLS[before:]
    os._exit(0)

hold()
"""


def chunks(content):
    """Kind, offset of the payload and length of each chunk."""
    at = content.index(b"\n") + 1
    while content[at:at + 8] == b"\x8ahsk\r\n\x1a\n":
        kind, _, _, _, _, stored = struct.unpack_from("<BBHIII", content, at + 8)
        yield kind, at + 40, stored
        at += 40 + stored


class Loading(Programs):
    def test_l4_a_key_of_its_own_dict(self):
        self.program("""
import heapsake
class Key:
    def __init__(self, name):
        self.name = name
        self.__dict__[self] = "itself"
        self.table = {self: [self]}
    def __hash__(self):
        return hash(self.name)
    def __eq__(self, other):
        return self.name == other.name
def hold():
    key = Key("one")
    both = {key, Key("two")}
    heapsake.dump("keyed.heapsake")
hold()
""")
        dump = heapsake.load(self.path("keyed.heapsake"))
        self.assertEqual([str(fault) for fault in dump.faults], [])
        local = next(frame for frame in dump.threads[0].frames if frame.function == "hold").locals
        key = local["key"]
        names = next(target for _, label, target in key.edges if label == "__dict__")
        self.assertIn((key, "itself"), [(one, other.value) for one, other in names.items])
        table = next(other for one, other in names.items if one.value == "table")
        self.assertEqual([(one, list(other.items)) for one, other in table.items], [(key, [key])])
        made = key.rebuild()
        self.assertEqual(made.name, "one")
        [(one, other)] = made.table.items()
        self.assertIs(one, made)
        self.assertEqual(len(other), 1)
        self.assertIs(other[0], made)
        [own] = [each for each in made.__dict__ if not isinstance(each, str)]
        self.assertIs(own, made)
        self.assertEqual(len(local["both"].rebuild()), 2)

    def test_l5_names_in_a_hostile_file_are_text(self):
        self.program("""
import heapsake
class Wicked:
    pass
def named(module, name):
    made = type(name.rpartition(".")[2] or "x", (Wicked,), {})
    made.__module__, made.__qualname__ = module, name
    return made()
@heapsake.reducer("__main__.Told")
def reduce_told(view):
    return heapsake.Reduction(callable="os.system", args=("touch ran-by-reduction",), state={"x": 1}, list_items=[1], dict_items=[("k", 2)])
class Told:
    pass
def plain():
    text = "text"
    heapsake.dump("plain.heapsake")
def hold():
    system = named("os", "system")
    evaluated = named("builtins", "eval")
    missing = named("no_such_module_anywhere", "Thing")
    path = named("../../etc", "passwd")
    formatted = named("{0.__class__.__init__.__globals__}", "%s%n{}")
    escaped = named("app", "\\x1b[2J\\x1b]0;owned\\x07")
    told = Told()
    heapsake.dump("hostile.heapsake")
plain()
hold()
""")
        before = sorted(os.listdir(self.folder))
        self.write("look.py", WATCH + """
rebuilt_everything("plain.heapsake")  # the library itself is loaded
before = state()
watching[0] = True
dump = rebuilt_everything("hostile.heapsake")
watching[0] = False
local = next(frame for frame in dump.threads[0].frames if frame.function == "hold").locals
print(json.dumps([events, before == state(), sorted(set(state()[2]) - set(before[2])), {name: view.type_name for name, view in local.items()},
                  local["told"].reduction.callable]))
""")
        shown, _ = self.python("look.py")
        events, same, modules, names, callable = json.loads(shown)
        self.assertEqual([event for event in events if event[0] not in ("import", "compile", "exec")
                          and not ("hostile.heapsake" in event[1] or event[1].endswith(".py',)") or "__pycache__" in event[1])], [])
        self.assertNotIn("no_such_module_anywhere", modules)
        self.assertEqual(names["system"], "os.system")
        self.assertEqual(names["evaluated"], "eval")
        self.assertEqual((names["missing"], names["path"]), ("no_such_module_anywhere.Thing", "../../etc.passwd"))
        self.assertEqual(names["formatted"], "{0.__class__.__init__.__globals__}.%s%n{}")
        self.assertEqual(callable, "os.system")
        script = "w\nup\n" + "".join("p %s\npp %s\n" % (name, name) for name in names) + "p told.x\nq\n"
        for arguments, given in ((["debug", "hostile.heapsake"], script), (["stack", "hostile.heapsake"], ""),
                                 (["inspect", "hostile.heapsake", "frame:-2"], ""), (["hostile.heapsake"], "")):
            shown, _ = self.python("-m", "heapsake", *arguments, input=given)
            self.assertNotIn("\x1b", shown)
            self.assertNotIn("\x07", shown)
        self.assertEqual(sorted(os.listdir(self.folder)), sorted(before + ["look.py"]))

    def test_l6_opening_does_nothing_but_open(self):
        self.program(HOOKED)
        held = sorted(os.listdir(self.folder))
        self.write("look.py", WATCH + """
rebuilt_everything("held.heapsake")  # the library itself is loaded
before = state()
watching[0] = True
dump = rebuilt_everything("held.heapsake")
watching[0] = False
after = state()
del dump
print(json.dumps([events, before == after, sorted(set(after[2]) - set(before[2]))]))
""")
        shown, _ = self.python("look.py")
        events, same, modules = json.loads(shown)
        self.assertEqual([event for event in events if event[0] not in ("compile", "exec")], [])
        self.assertEqual((same, modules), (True, []))
        self.assertEqual(sorted(os.listdir(self.folder)), sorted(held + ["look.py"]))

    def test_l7_nothing_is_taken_from_where_one_stands(self):
        self.write("shop_of_l7.py", "class Order:\n    def __init__(self):\n        self.items = [1, 2]\n")
        self.program("""
import heapsake, shop_of_l7
def hold():
    order = shop_of_l7.Order()
    heapsake.dump("order.heapsake")
hold()
""")
        os.unlink(self.path("shop_of_l7.py"))
        trap = "open(%r, 'a').write(__name__ + chr(10))\n" % self.path("ran")
        for name in ("heapsake.py", "sitecustomize.py", "usercustomize.py", "shop_of_l7.py", "json.py", "pdb.py", "_heapsake.py"):
            self.write(name, trap)
        self.write(".pdbrc", "!" + trap + "\np 'from the file'\n")
        self.write(".heapsake", "ran\n")
        command = os.path.join(os.path.dirname(sys.executable), "heapsake")
        for arguments, given, expected in ((["order.heapsake"], "", "order"), (["stack", "order.heapsake"], "", "order"),
                                           (["inspect", "order.heapsake", "object:#0"], "", "#0"),
                                           (["debug", "order.heapsake"], "w\np 1\nq\n", "hold")):
            done = subprocess.run([command, *arguments], cwd=self.folder, env=environment(), input=given, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, universal_newlines=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(expected, done.stdout)
            self.assertNotIn("from the file", done.stdout)
        self.assertFalse(os.path.exists(self.path("ran")))
        # the classes of the program are there without it
        order = next(frame for frame in heapsake.load(self.path("order.heapsake")).threads[0].frames if frame.function == "hold").locals["order"]
        self.assertIsNone(order.surrogate)
        made = order.rebuild()
        self.assertEqual((made.items, type(made).__name__, type(made).__module__), ([1, 2], "Order", "shop_of_l7"))
        self.assertNotIn("shop_of_l7", sys.modules)

    def test_l9_opening_a_large_dump_reads_what_is_shown(self):
        self.program("""
import heapsake
class Record:
    def __init__(self, number):
        self.number, self.name, self.tags = number, "record %d" % number, [number, str(number)]
records = [Record(number) for number in range(100000)]
def inner(number):
    record = records[number]
    near = {"before": records[number - 1], "after": records[number + 1]}
    heapsake.dump("large.heapsake")
inner(50000)
""")
        with open(self.path("large.heapsake"), "rb") as file:
            content = bytearray(file.read())
        objects = [(at, length) for kind, at, length in chunks(content) if kind == 5]
        self.assertGreater(len(objects), 20)
        for at, length in objects:
            content[at:at + length] = b"\x55" * length
        with open(self.path("hollow.heapsake"), "wb") as file:
            file.write(content)
        # every chunk of objects is damaged, so each that is read makes a fault
        dump = heapsake.load(self.path("hollow.heapsake"))
        thread = dump.threads[0]
        self.assertEqual(dump.header["reason"] != "", True)
        self.assertEqual([frame.function for frame in thread.frames], ["<module>", "inner"])
        self.assertEqual(dump.faults, [])
        local = thread.frames[-1].locals
        self.assertEqual(sorted(local), ["near", "number", "record"])
        self.assertEqual(dump.faults, [])
        for view in local.values():
            repr(view)
        self.assertGreaterEqual(len(dump.faults), 1)
        self.assertLessEqual(len(dump.faults), len(local) + 1, [str(fault) for fault in dump.faults])

    def test_l10_every_stack_is_reached(self):
        self.write("app.py", """
import threading, sys
here = threading.Barrier(6)
never = threading.Event()
def work(number):
    private = "of thread %d" % number
    deeper(number, private)
def deeper(number, given):
    below = [number, given]
    here.wait()
    never.wait()
def fail():
    here.wait()
    raise LookupError("the reason")
for number in range(5):
    threading.Thread(target=work, args=(number,), name="worker %d" % number, daemon=True).start()
failing = threading.Thread(target=fail, name="failing")
failing.start()
failing.join()
""")
        self.python("-m", "heapsake", "run", "-o", "threads.heapsake", "app.py", status=0)
        names = ["worker %d" % number for number in range(5)]
        dump = heapsake.load(self.path("threads.heapsake"))
        titles = {thread.name: thread for thread in dump.threads}
        self.assertLessEqual(set(names + ["failing", "MainThread"]), set(titles))
        commands = ["threads"]
        for name in names:
            frames = titles[name].frames
            ups = next(number for number, frame in enumerate(reversed(list(frames))) if frame.function == "deeper")
            commands += ["thread " + name] + ["up"] * ups + ["p below", "up", "p private"]
        commands += ["thread MainThread", "w", "thread failing", "w", "q"]
        shown, _ = self.python("-m", "heapsake", "debug", "threads.heapsake", input="\n".join(commands) + "\n")
        for number in range(5):
            self.assertIn("[%d, 'of thread %d']" % (number, number), shown)
            self.assertRegex(shown, r"(?m)^(\(\S+\) )*'of thread %d'$" % number)
        self.assertRegex(shown, r"app\.py\(\d+\)fail\(\)")
        self.assertRegex(shown, r"app\.py\(\d+\)<module>\(\)")
        self.assertIn("failing", shown)
