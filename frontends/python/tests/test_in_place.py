"""Where the kernel refuses a new process, the dump is made in place, and the program goes on."""
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

import heapsake

# What the program does before its dump: the kernel then makes threads, but no process.
SECCOMP = """
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
def instruction(code, true, false, value):
    return struct.pack("HBBI", code, true, false, value)
LOAD, EQUAL, ALL_SET, RETURN = 0x20, 0x15, 0x45, 0x06
program = b"".join([
    instruction(LOAD, 0, 0, 0),               # the number of the system call
    instruction(EQUAL, 0, 3, 56),             # clone
    instruction(LOAD, 0, 0, 16),              # its flags
    instruction(ALL_SET, 1, 0, 0x100),        # CLONE_VM: a thread, or vfork
    instruction(RETURN, 0, 0, 0x00050000 | ERRNO),
    instruction(RETURN, 0, 0, 0x7fff0000),
])
held = ctypes.create_string_buffer(program, len(program))
filter = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(held))
assert libc.prctl(38, 1, 0, 0, 0) == 0, "no new privileges"
assert libc.prctl(22, 2, filter, 0, 0) == 0, "seccomp: errno %d" % ctypes.get_errno()
"""

LIMIT = """
import resource
os.setgid(65534)
os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
"""

PROGRAM = """
import json, os, pathlib, sys, threading
import heapsake, heapsake._heapsake
class Order:
    def __init__(self, number):
        self.number, self.items = number, [{"price": number * 2.5}, (number, None)]
counts, touched, stop = [0, 0], [], threading.Event()
class Watched:
    def __repr__(self): touched.append("repr")
    def __getattr__(self, name): touched.append(name); raise AttributeError(name)
def work(index):
    while not stop.is_set():
        counts[index] += 1
        {str(i): [i] for i in range(50)}
threads = [threading.Thread(target=work, args=(index,), name="worker-%d" % index, daemon=True) for index in range(2)]
for thread in threads: thread.start()
{refuse}
try:
    os._exit(9) if os.fork() == 0 else sys.exit("a process was made")
except OSError:
    pass
def handle(orders, watched):
    return heapsake.dump(sys.argv[1])
orders = [Order(number) for number in range(20000)]
path = handle(orders, Watched())
before = list(counts)
while not all(now > then for now, then in zip(counts, before)): pass
stop.set()
for thread in threads: thread.join()
print(json.dumps({{"path": path, "touched": touched, "ids": [id(order) for order in orders[:50]]}}))
"""


@unittest.skipUnless(os.uname().machine == "x86_64", "the filter knows the numbers of x86-64")
class InPlace(unittest.TestCase):
    def run_refused(self, refuse, folder):
        path = os.path.join(folder, "here.heapsake")
        code = PROGRAM.replace("{{", "{").replace("}}", "}").replace("{refuse}", textwrap.dedent(refuse))
        ended = subprocess.run([sys.executable, "-W", "ignore", "-c", code, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        self.assertEqual((ended.returncode, ended.stderr.decode()), (0, ""))
        told = json.loads(ended.stdout.decode())
        self.assertEqual((told["path"], told["touched"]), (path, []))
        self.assertEqual(os.listdir(folder), ["here.heapsake"])
        return heapsake.load(path), told

    def check(self, refuse, word):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o777)
            dump, told = self.run_refused(refuse, folder)
            self.assertEqual(dump.faults, [])
            self.assertIn("in place", dump.header["in_place"])
            self.assertIn(word, dump.header["in_place"])
            self.assertEqual(sorted(thread.name for thread in dump.threads), ["MainThread", "worker-0", "worker-1"])
            frames = dump.threads[0].frames
            self.assertEqual([frame.function for frame in frames], ["<module>", "handle"])
            orders = frames[-1].locals["orders"]
            self.assertEqual(len(orders.items), 20000)
            self.assertEqual([order.address for order in orders.items[:50]], told["ids"])
            order = orders.items[137]
            self.assertEqual((order.type_name, order.attributes["number"].value), ("__main__.Order", 137))
            self.assertEqual(order.attributes["items"].rebuild(), [{"price": 342.5}, (137, None)])

    def test_where_a_filter_refuses_processes(self):
        self.check(SECCOMP.replace("ERRNO", "11"), "error 11")

    def test_reducers_in_python_are_left_out_and_the_dump_says_so(self):
        reducer = "\nheapsake.reducer('__main__.Order')(lambda view: touched.append('reducer'))\n"
        with tempfile.TemporaryDirectory() as folder:
            dump, _ = self.run_refused(SECCOMP.replace("ERRNO", "11") + reducer, folder)
            self.assertEqual((dump.faults, len(dump.notes)), ([], 1))
            self.assertRegex(dump.notes[0], "^Python reducers were not run: no process could be split off: .*error 11")

    def test_where_a_container_forbids_processes(self):
        self.check(SECCOMP.replace("ERRNO", "1"), "error 1")

    @unittest.skipUnless(hasattr(os, "getuid") and os.getuid() == 0, "another user's limit is set by root alone")
    def test_where_the_user_has_as_many_as_are_allowed(self):
        self.check(LIMIT, "error 11")


if __name__ == "__main__":
    unittest.main()
