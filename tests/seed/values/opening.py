"""The dumps of `programs/values.py` by this interpreter, made once: from inside and from outside, with what the program wrote down.

The program and its modules lie in a folder that is on no path of this process; a finder fails for whoever looks for them.
"""
import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

import heapsake

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(HERE, "programs")
WAYS = ("inside", "outside")
#: modules that exist where the program runs alone
OF_THE_PROGRAM = ("values", "shopping", "changed_later", "the_same", "other_shopping")
#: whoever looked for one of them
LOOKED_FOR = []


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in OF_THE_PROGRAM:
            LOOKED_FOR.append(name)
        return None


def command():
    """`heapsake` of this environment."""
    return [sys.executable, "-m", "heapsake"]


def run(*words, **options):
    """Runs a program to its end; gives its output."""
    options.setdefault("stdin", subprocess.DEVNULL)
    ended = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=120, **options)
    return ended


def line_of(process):
    """A line of a program's output; one that says nothing is ended."""
    patience = threading.Timer(120, process.kill)
    patience.start()
    try:
        return process.stdout.readline()
    finally:
        patience.cancel()


class Program:
    """One run of it, the description of every case, and both dumps."""

    made = None

    @classmethod
    def get(cls):
        if cls.made is None:
            cls.made = cls()
        return cls.made

    def __init__(self):
        self.folder = tempfile.mkdtemp()
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        for name in os.listdir(PROGRAMS):
            if name.endswith(".py"):
                shutil.copy(os.path.join(PROGRAMS, name), self.folder)
        self.paths = paths = {way: os.path.join(self.folder, way + ".heapsake") for way in WAYS}
        described = os.path.join(self.folder, "described.json")
        environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", OF_THE_TEST="plain value", SECRET_TOKEN="hush-hush-0123456789")
        words = [sys.executable, "values.py", described, paths["inside"]]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, cwd=self.folder,
                              env=environment) as process:
            try:
                self.pid, ready = process.pid, line_of(process)
                dumped = run(*command(), "dump", str(process.pid), "-o", paths["outside"]) if ready == "ready\n" else None
                out, err = process.communicate("go on\n", timeout=120)
            except BaseException:
                process.kill()
                raise
        if ready != "ready\n" or dumped.returncode or process.returncode:
            raise AssertionError("the program or its dump failed: %s %s %s" % (ready + out, err, dumped))
        self.problems, self.errors = json.loads(out), err
        with open(described) as file:
            self.described = json.load(file)
        self.sources_gone()
        sys.meta_path.insert(0, Finder)
        try:
            self.modules = set(sys.modules)
            self.dumps = {way: heapsake.load(path) for way, path in paths.items()}
        finally:
            sys.meta_path.remove(Finder)

    def sources_gone(self):
        """Nothing of the program is left but its dumps."""
        for place, _, files in os.walk(self.folder):
            for name in files:
                if name.endswith(".py"):
                    os.unlink(os.path.join(place, name))


def of(case):
    """A test of each dump: it is given the locals of a case and the facts that the program stated; the baseline is checked first."""
    def make(method):
        @functools.wraps(method)
        def test(self):
            described = self.program.described[case]
            for way in WAYS:
                with self.subTest(way):
                    found = Locals(self.program.dumps[way], case)
                    self.baseline(found, described)
                    method(self, found, described["facts"])

        return test

    return make


class Case(unittest.TestCase):
    """Cases as their dumps tell them."""

    @classmethod
    def setUpClass(cls):
        cls.program = Program.get()

    def setUp(self):
        sys.meta_path.insert(0, Finder)
        self.addCleanup(sys.meta_path.remove, Finder)
        self.addCleanup(LOOKED_FOR.clear)
        self.addCleanup(lambda: self.assertEqual(LOOKED_FOR, [], "modules of the program were looked for"))

    def baseline(self, found, described):
        """Identity, type and edges of every local; nothing of the program ran."""
        self.assertEqual(self.program.problems, [])
        self.assertEqual([str(fault) for fault in found.dump.faults], [])
        self.assertEqual(set(found.views), set(described["locals"]))
        for name, (address, kind, type_address, referents) in described["locals"].items():
            view = found[name]
            self.assertEqual((view.address, view.surrogate), (address, None), name)
            if type_address:
                self.assertEqual(view.type.address, type_address, name)
            self.assertIn(view.type_name.rpartition(".")[2], (kind.rpartition(".")[2], {"ReferenceType": "weakref"}.get(kind.rpartition(".")[2])), name)
            lost = [each for each in referents if each not in targets_of(view) and each != type_address]
            self.assertEqual(lost, [], "%s lacks edges" % name)

    def fact(self, view, name):
        return view.attributes[name].rebuild()


def targets_of(view):
    """What an object holds, its dictionary's values too: the collector says those of both."""
    found = {target.address for _, _, target in view.edges}
    for name in ("__dict__", "gi_frame", "cr_frame", "ag_frame"):
        inner = view.attributes[name] if name in list(view.attributes) else None
        if inner is not None:
            found.add(inner.address)
            found.update(target.address for _, _, target in inner.edges)
            if inner.is_mapping:
                for key, value in inner.items:
                    found.update((key.address, value.address))
    return found


class Locals:
    """The locals of a case in a dump."""

    def __init__(self, dump, case):
        self.dump = dump
        main = next(thread for thread in dump.threads if thread.name == "MainThread")
        frame = next(frame for frame in main.frames if frame.function == "main")
        suspended = frame.locals["suspended"]
        self.generator = next(value for key, value in suspended.items if key.value == case)
        self.frame = self.generator.attributes["gi_frame"]
        self.views = {key.value: value for key, value in self.frame.attributes["f_locals"].items}

    def __getitem__(self, name):
        return self.views[name]

    def object_at(self, address):
        """An object by the address that the program had of it."""
        return next(view for view in self.dump.objects if view.address == address)


__all__ = ["Case", "Locals", "Program", "WAYS", "command", "line_of", "of", "run", "targets_of"]
