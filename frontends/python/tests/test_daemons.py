"""Threads that Python ends at its own exit: it unwinds them, which no native frame of ours may be in the way of."""
import os
import subprocess
import sys
import tempfile
import unittest

import heapsake

PROGRAM = """
import sys, threading, time, traceback
import heapsake

heapsake.install(sys.argv[1])
ready = threading.Barrier(9)

def run():
    ready.wait()
    while True:
        time.sleep(0.0005)

def deep():
    depths.append(len(traceback.extract_stack()))

class Slow:
    def __del__(self):
        # meanwhile they want the interpreter lock, which is not to be had any more
        sys.stdout.flush()
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            time.sleep(0.001)

depths = []
thread = threading.Thread(target=deep)
thread.start()
thread.join()
print(depths)
for _ in range(8):
    threading.Thread(target=run, daemon=True).start()
ready.wait()
slow = Slow()
"""


CLOSED = """
import os, sys
for descriptor in sys.argv[2:]:
    os.close(int(descriptor))
import heapsake
try:
    said = heapsake.dump(os.path.join(sys.argv[1], "dump.heapsake"))
except Exception as problem:
    said = "no dump: %s" % problem
with open(os.path.join(sys.argv[1], "said"), "w") as file:
    file.write(said)
"""


class Daemons(unittest.TestCase):
    def test_standard_streams_that_are_closed(self):
        for closed in ("0", "1", "2", "01", "02", "12", "012"):
            with self.subTest(closed), tempfile.TemporaryDirectory() as folder:
                subprocess.run([sys.executable, "-c", CLOSED, folder] + list(closed), cwd=os.path.dirname(os.path.dirname(heapsake.__file__)),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
                with open(os.path.join(folder, "said")) as file:
                    said = file.read()
                self.assertEqual(said, os.path.join(folder, "dump.heapsake"))
                self.assertEqual(list(heapsake.load(said).faults), [])

    def test_a_program_ends_as_without_us(self):
        # _bootstrap, _bootstrap_inner, run, deep: nothing of ours
        for _ in range(5):
            with tempfile.TemporaryDirectory() as folder:
                done = subprocess.run([sys.executable, "-c", PROGRAM, folder], cwd=os.path.dirname(os.path.dirname(heapsake.__file__)),
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=120)
                self.assertEqual((done.returncode, done.stdout, done.stderr, os.listdir(folder)), (0, "[4]\n", "", []))


if __name__ == "__main__":
    unittest.main()
