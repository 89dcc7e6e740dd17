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


class Daemons(unittest.TestCase):
    def test_a_program_ends_as_without_us(self):
        # _bootstrap, _bootstrap_inner, run, deep: nothing of ours
        for _ in range(5):
            with tempfile.TemporaryDirectory() as folder:
                done = subprocess.run([sys.executable, "-c", PROGRAM, folder], cwd=os.path.dirname(os.path.dirname(heapsake.__file__)),
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=120)
                self.assertEqual((done.returncode, done.stdout, done.stderr, os.listdir(folder)), (0, "[4]\n", "", []))


if __name__ == "__main__":
    unittest.main()
