"""What CPython keeps and does not bring up to date: copies of variables, the number of a thread after a fork; and names that are no text."""
import os
import subprocess
import sys
import tempfile
import unittest

import heapsake


def failing(key):
    total = 1
    held = "early"
    locals()
    total = 99
    late = "here"
    del held
    raise KeyError(key, late, total)


def suspended():
    number = 1
    locals()
    number = 2
    yield number


def plain(mapping):
    return {key.value: value.value for key, value in mapping.items}


class Variables(unittest.TestCase):
    def test_a_copy_that_locals_made_is_not_what_a_frame_has(self):
        generator = suspended()
        next(generator)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "one.heapsake")
            try:
                try:
                    failing(5)
                except KeyError as problem:
                    raise RuntimeError("second") from problem
            except RuntimeError as problem:
                heapsake.dump(path, problem)
            dump = heapsake.load(path)
            traceback = dump.exception["__cause__"]["__traceback__"]["tb_next"]
            self.assertEqual(plain(traceback["tb_frame"]["f_locals"]), {"key": 5, "total": 99, "late": "here"})
            frame = dump.threads[0].frames[-1].locals["generator"]["gi_frame"]
            self.assertEqual(plain(frame["f_locals"]), {"number": 2})
        generator.close()


PROGRAM = """
import os, sys
def work():
    print(os.getpid(), flush=True)
    sys.stdin.readline()
if len(sys.argv) > 1:
    import ctypes
    # Of C alone, as a host does: CPython is not told.
    if ctypes.PyDLL(None).fork():
        os.wait()
        os._exit(0)
work()
os._exit(0)
"""


class Processes(unittest.TestCase):
    def dumped(self, path, *arguments):
        """A dump of the process that says its number."""
        with open(path, "w") as file:
            file.write(PROGRAM)
        process = subprocess.Popen([sys.executable, path, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            pid = int(process.stdout.readline())
            to = os.path.join(os.path.dirname(os.fsdecode(path)), "outside.heapsake")
            subprocess.run([sys.executable, "-m", "heapsake", "dump", str(pid), "-o", to], check=True, stdout=subprocess.PIPE)
            return pid, heapsake.load(to)
        finally:
            process.communicate(b"\n")

    def test_a_fork_that_nobody_told_cpython_of(self):
        with tempfile.TemporaryDirectory() as folder:
            pid, dump = self.dumped(os.path.join(folder, "program.py"), "fork")
            self.assertEqual([thread.native_id for thread in dump.threads], [pid])

    def test_a_folder_whose_name_is_no_text(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = os.path.join(os.fsencode(folder), b"d\xed\xa0\xff")
            os.mkdir(folder)
            _, dump = self.dumped(os.path.join(folder, b"program.py"))
            frame = dump.threads[0].frames[-1]
            self.assertTrue(frame.filename.endswith("/d\ufffd\ufffd\ufffd/program.py"), ascii(frame.filename))
            self.assertIn("sys.stdin.readline()", dump.source(frame.filename) or dump.source_problem(frame.filename))


if __name__ == "__main__":
    unittest.main()
