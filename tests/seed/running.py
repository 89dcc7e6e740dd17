"""Programs of one test, each in a folder of its own."""
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

from opened import PATIENCE, environment


class Programs(unittest.TestCase):
    def setUp(self):
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="heapsake-seed-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(text))
        return self.path(name)

    def python(self, *arguments, **options):
        """Runs this Python to its end; gives standard output and error."""
        status, given = options.pop("status", 0), options.pop("input", "")
        done = subprocess.run([sys.executable, *arguments], cwd=self.folder, env=environment(), input=given, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, timeout=PATIENCE, **options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout, done.stderr

    def program(self, text, *arguments, **options):
        return self.python(self.write("app.py", text), *arguments, **options)
