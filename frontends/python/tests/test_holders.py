"""Objects that memory of C alone holds: handlers of signals, functions of atexit, audit hooks."""
import os
import subprocess
import sys
import tempfile
import unittest

import heapsake


class Held:
    def __init__(self, name):
        self.name = name

    def method(self, *arguments):
        pass

    __call__ = method


PROGRAM = """
import atexit, os, signal, sys
import test_holders as made

signal.signal(signal.SIGUSR2, made.Held("signal").method)
signal.signal(signal.SIGHUP, lambda *arguments, held=made.Held("closure"): None)
atexit.register(made.Held("atexit").method)
atexit.register(made.Held("called at exit"))
atexit.register(print, made.Held("argument of atexit"), file=open(os.devnull, "w"))
def keeps(held):
    def handler(*arguments):
        return held
    def suspended():
        yield handler, held
    # The handler leads to what holds it: an object with a frame in which it is a variable of another function.
    handler.generator = suspended()
    next(handler.generator)
    return handler
signal.signal(signal.SIGUSR1, keeps(made.Held("suspended")))
del keeps
hooked = made.Held("audit hook")
sys.addaudithook(lambda *arguments, held=hooked: None)
del hooked
import heapsake
heapsake.dump(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
"""
NAMES = {"signal", "called at exit", "closure", "atexit", "argument of atexit", "audit hook", "suspended"}


class Holders(unittest.TestCase):
    def look(self, path):
        dump = heapsake.load(path)
        self.assertEqual([str(fault) for fault in dump.faults], [])
        found = {held["name"].value: held for held in dump.instances(["test_holders.Held"])}
        self.assertEqual(set(found), NAMES)
        for name, held in found.items():
            self.assertIsNotNone(held.path_from_root(), name)

    def test_from_inside_and_from_outside(self):
        with tempfile.TemporaryDirectory() as folder:
            inside, outside = os.path.join(folder, "inside.heapsake"), os.path.join(folder, "outside.heapsake")
            process = subprocess.Popen([sys.executable, "-c", PROGRAM, inside], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       cwd=os.path.dirname(os.path.abspath(__file__)))
            try:
                self.assertEqual(process.stdout.readline(), b"ready\n")
                self.look(inside)
                subprocess.run([sys.executable, "-m", "heapsake", "dump", str(process.pid), "-o", outside], check=True, stdout=subprocess.PIPE)
                self.look(outside)
            finally:
                process.communicate(b"\n")
            self.assertEqual(process.returncode, 0)


if __name__ == "__main__":
    unittest.main()
