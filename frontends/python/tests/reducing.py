"""What the tests of reducers share: programs that run in a folder of their own, and an environment with packages."""
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest
import venv

import heapsake

#: seconds after which a program of a test has hung
PATIENCE = 120


def environment():
    """The environment of a program: without what a surrounding command has set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEAPSAKE_", "PYTHON"))}
    return kept


class Programs(unittest.TestCase):
    def setUp(self):
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="heapsake-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(textwrap.dedent(text))
        return path

    def python(self, *arguments, **options):
        """Runs this Python, or another, to its end; gives standard output and error."""
        executable = options.pop("executable", sys.executable)
        status = options.pop("status", 0)
        done = subprocess.run([executable, *arguments], cwd=self.folder, env=options.pop("env", environment()), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=PATIENCE, **options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout, done.stderr

    def program(self, text, *arguments, **options):
        """Runs a program of this text."""
        return self.python(self.write("app.py", text), *arguments, **options)

    def dumped(self, text, *arguments, **options):
        """Runs a program that dumps to here.heapsake, and opens that."""
        self.program(text, *arguments, **options)
        return heapsake.load(self.path("here.heapsake"))

    def check(self, dump):
        """A dump without faults."""
        list(dump.notes)
        self.assertEqual([repr(fault) for fault in dump.faults], [])
        return dump


class Environments(Programs):
    """With a virtual environment that has heapsake, as it is installed here, and no more."""

    @classmethod
    def setUpClass(cls):
        package = os.path.dirname(heapsake.__file__)
        if os.path.basename(os.path.dirname(package)) not in ("site-packages", "dist-packages"):
            raise unittest.SkipTest("heapsake is not installed: %s" % package)
        cls.base = os.path.realpath(tempfile.mkdtemp(prefix="heapsake-environment-"))
        venv.create(cls.base, with_pip=False, symlinks=True)
        cls.executable = os.path.join(cls.base, "bin", "python")
        found = subprocess.run([cls.executable, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
                               stdout=subprocess.PIPE, universal_newlines=True, check=True)
        cls.packages = found.stdout.strip()
        shutil.copytree(package, os.path.join(cls.packages, "heapsake"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.base, ignore_errors=True)

    def install(self, module, text, value=None, folder=None, distribution=None):
        """Puts a package with an entry point into a folder, as pip would."""
        folder = folder or self.packages
        info = os.path.join(folder, "%s-1.0.dist-info" % (distribution or module))
        os.makedirs(info, exist_ok=True)
        files = {os.path.join(folder, module + ".py"): textwrap.dedent(text),
                 os.path.join(info, "entry_points.txt"): "[heapsake.reducers]\n%s = %s\n" % (module, value or module),
                 os.path.join(info, "METADATA"): "Metadata-Version: 2.1\nName: %s\nVersion: 1.0\n" % module}
        for path, content in files.items():
            with open(path, "w") as file:
                file.write(content)
        self.addCleanup(shutil.rmtree, info)
        self.addCleanup(os.unlink, os.path.join(folder, module + ".py"))


class Running:
    """A program that runs until it is let go."""

    def __init__(self, test, text):
        path = test.write("running.py", text)
        self.process = subprocess.Popen([sys.executable, path], cwd=test.folder, env=environment(), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, universal_newlines=True)

    def __enter__(self):
        assert self.process.stdout.readline() == "ready\n"
        return self.process

    def __exit__(self, *exception):
        self.process.communicate("\n", timeout=PATIENCE)


def others():
    """Other Pythons with heapsake: the environments beside this one."""
    beside = os.path.dirname(sys.prefix)
    found = [os.path.join(beside, name, "bin", "python") for name in sorted(os.listdir(beside)) if name[:1].isdigit()]
    return [path for path in found if os.path.exists(path) and not path.startswith(sys.prefix + os.sep)]
