"""Real programs that are run twice, without a door and with it: what they print and how they end is the same but for our line."""
import glob
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import unittest

import heapsake

#: a bound for what takes a second on an idle machine
PATIENCE = 120


class Ended:
    def __init__(self, status, output, error):
        self.status, self.output, self.error = status, output, error
        lines = error.splitlines(True)
        self.lines = [line.rstrip("\n") for line in lines if line.startswith("heapsake: ")]
        #: without our line, and what differs from run to run
        self.rest = re.sub(r"0x[0-9a-f]+", "0x", "".join(line for line in lines if not line.startswith("heapsake: ")))


class Programs(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.dumps_folder = os.path.join(self.folder, "dumps")
        self.program = os.path.join(self.folder, "app.py")

    def write(self, text):
        with open(self.program, "w") as file:
            file.write(textwrap.dedent(text).lstrip())

    def start(self, *arguments, environment=None, command=None):
        # As a user has it: what the tests were told of output is not the programs'.
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HEAPSAKE"))}
        own["PYTHONPATH"] = os.path.dirname(os.path.dirname(heapsake.__file__))
        own.update(environment or {})
        words = (command or [sys.executable, self.program]) + list(arguments)
        done = subprocess.run(words, cwd=self.folder, env=own, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              universal_newlines=True, timeout=PATIENCE)
        return Ended(done.returncode, done.stdout, done.stderr)

    def both(self, text, settings="", *, dumps=1, lines=None, same=True):
        """Runs the program, in which ``DOOR`` is a line of its own, without and with ``install``; gives the dumps."""
        text = textwrap.dedent(text).lstrip()
        assert "DOOR" in text
        self.write(text.replace("DOOR", "pass", 1))
        os.makedirs(self.dumps_folder, exist_ok=True)
        without = self.start()
        self.write(text.replace("DOOR", "import heapsake; heapsake.install(%r%s)" % (self.dumps_folder, settings and ", " + settings), 1))
        with_it = self.start()
        self.assertEqual(without.lines, [])
        self.assertEqual((with_it.status, with_it.output), (without.status, without.output), with_it.error)
        if same:
            self.assertEqual(with_it.rest, without.rest)
        found = self.dumps()
        self.assertEqual(len(found), dumps, with_it.error)
        self.assertEqual(len(with_it.lines), dumps if lines is None else lines, with_it.lines)
        self.without, self.with_it = without, with_it
        return found

    def paths(self):
        return sorted(glob.glob(os.path.join(self.dumps_folder, "*.heapsake")))

    def dumps(self):
        """The dumps, each whole and without faults; nothing else lies beside them."""
        paths = self.paths()
        there = sorted(os.listdir(self.dumps_folder)) if os.path.isdir(self.dumps_folder) else []
        self.assertEqual(there, [os.path.basename(path) for path in paths])
        found = [heapsake.load(path) for path in paths]
        for dump in found:
            self.assertEqual(list(dump.faults), [])
        return found

    def names(self, dump):
        return [frame.function for frame in dump.threads[0].frames]

    def local(self, dump, function, name):
        """The value of a variable in the frame of a function, of the first thread."""
        frames = [frame for frame in dump.threads[0].frames if frame.function == function]
        self.assertEqual(len(frames), 1, self.names(dump))
        return frames[0].locals[name].value
