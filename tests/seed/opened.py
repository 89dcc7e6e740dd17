"""What the checks share: a program of cases is run and dumped twice, from inside and from outside; both dumps are opened where the
program's modules cannot be imported, and compared with what the program said of itself.
"""
import json
import os
import pkgutil
import runpy
import shutil
import subprocess
import sys
import tempfile
import unittest

import heapsake

#: seconds after which a program has hung
PATIENCE = 120
PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")
#: what a description means is said in one place: the comparison of the oracle, which has to be a script of its own
_ORACLE = runpy.run_path(os.path.join(os.path.dirname(PROGRAMS), os.pardir, "programs", "compare.py"), run_name="oracle")
value_of, targets_of, OPAQUE = _ORACLE["value_of"], _ORACLE["targets_of"], _ORACLE["OPAQUE"]


def preload():
    """What heapsake and the tests import on their way is there before imports are watched."""
    import difflib  # noqa: F401
    import pprint  # noqa: F401
    import unittest.util  # noqa: F401

    for found in pkgutil.iter_modules(heapsake.__path__):
        if found.name != "__main__":
            __import__("heapsake." + found.name)


class Detector:
    """Notes every module that is looked up."""

    def __init__(self):
        self.names = []

    def find_spec(self, name, path=None, target=None):
        self.names.append(name)
        return None


class Case:
    """One case in one dump: its locals, and what the program said."""

    def __init__(self, theme, how, name):
        self.how, self.name, self.dump = how, name, theme.dumps[how]
        self.frame = next(frame for thread in self.dump.threads for frame in thread.frames if frame.function == name)
        self.locals = {key: view for key, view in self.frame.locals.items() if key != "then"}
        self.said, self.addresses = theme.told["said"].get(name, {}), theme.told["cases"][name]

    def __getitem__(self, name):
        return self.locals[name]

    def again(self, name):
        """The local, rebuilt."""
        return self.locals[name].rebuild()


class Theme(unittest.TestCase):
    """The cases of one program. Subclasses name it."""

    program = None

    @classmethod
    def setUpClass(cls):
        preload()
        cls.folder = os.path.realpath(tempfile.mkdtemp(prefix="heapsake-seed-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        run(cls.program, cls.folder)
        cls.told, cls.after = read(cls.folder, "said.json"), read(cls.folder, "after.json")
        cls.detector = Detector()
        sys.meta_path.insert(0, cls.detector)
        cls.addClassCleanup(sys.meta_path.remove, cls.detector)
        cls.modules_before = set(sys.modules)
        cls.dumps = {how: heapsake.load(os.path.join(cls.folder, how + ".heapsake")) for how in ("inside", "outside")}
        cls.views = {how: {view.address: view for view in dump.objects} for how, dump in cls.dumps.items()}

    def tearDown(self):
        if self.detector.names:
            names, self.detector.names[:] = list(self.detector.names), []
            self.fail("modules were looked up: %s" % ", ".join(names))
        self.assertEqual(sorted(set(sys.modules) - self.modules_before), [], "modules were entered")

    def each(self, name):
        """The case in each dump."""
        for how in self.dumps:
            self.at = "%s, from %s" % (name, how)
            yield Case(self, how, name)

    def _formatMessage(self, message, standard):
        """Failures say in which dump: a generator cannot hold a ``subTest`` open."""
        found = super()._formatMessage(message, standard)
        return "%.3000s\n(%s)" % (found, getattr(self, "at", ""))

    # -- what every case expects besides

    def test_baseline_nothing_of_the_program_ran(self):
        self.assertEqual(self.after["counts"], {})
        for how in ("inside", "outside"):
            self.assertEqual(self.after[how], [], how)

    def test_baseline_no_faults(self):
        for how, dump in self.dumps.items():
            self.assertEqual([str(fault) for fault in dump.faults], [], how)

    def test_baseline_locals(self):
        """Every local of every case by its address; more are there only where the program did not ask."""
        for name, told in self.told["cases"].items():
            for case in self.each(name):
                if told is not None:
                    self.assertEqual({key: view.address for key, view in case.locals.items()}, told)

    def test_baseline_objects(self):
        """Every object that belongs to a case: type, content, and the references that the collector gives."""
        for how, views in self.views.items():
            problems = []
            for told in self.told["objects"]:
                problems.extend(compare(views, *told))
            self.assertEqual(problems[:20], [], "%d problems of the dump from %s" % (len(problems), how))
        self.assertGreater(len(self.told["objects"]), 100)


def read(folder, name):
    with open(os.path.join(folder, name), encoding="ascii") as file:
        return json.load(file)


def environment():
    return {name: value for name, value in os.environ.items() if not name.startswith(("HEAPSAKE_", "PYTHON"))}


def run(program, folder):
    """Runs a program to the end of its cases, dumps it from outside, and lets it end."""
    process = subprocess.Popen([sys.executable, "-I", os.path.join(PROGRAMS, program), folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=environment(), cwd=folder, universal_newlines=True)
    try:
        line = process.stdout.readline()
        if line != "ready\n":
            raise AssertionError("%s says %r\n%s" % (program, line, process.communicate(timeout=PATIENCE)[1]))
        dumped = subprocess.run([sys.executable, "-I", "-m", "heapsake", "dump", str(process.pid), "-o", os.path.join(folder, "outside.heapsake"),
                                 "--redact", "none"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(), cwd=folder,
                                universal_newlines=True, timeout=PATIENCE)
        if dumped.returncode:
            raise AssertionError(dumped.stdout)
        process.communicate("\n", timeout=PATIENCE)
        if process.returncode:
            raise AssertionError("%s ended with %s" % (program, process.returncode))
    finally:
        process.kill()
        process.communicate()


def compare(views, address, type_address, module, name, referents, content):
    """The differences between an object and what was said of it."""
    qualified = name if module == "builtins" else "%s.%s" % (module, name)
    view = views.get(address)
    if view is None:
        return ["%s at %#x is not in the dump" % (qualified, address)]
    if view.surrogate:
        return ["%s at %#x is a surrogate: %s" % (qualified, address, view.surrogate)]
    problems = []
    if view.type is None or view.type.address != type_address or module is not None and view.type_name != qualified:
        problems.append("%s at %#x is read as %s" % (qualified, address, view.type_name))
    if content is not None:
        how, expected = content
        if how == "value":
            got = value_of(view, name)
        elif how == "items":
            got = [item.address for item in view.items]
        else:
            got = [[key.address, value.address] for key, value in view.items]
        if got != expected:
            problems.append("%s at %#x holds %.200s, read as %.200s" % (qualified, address, expected, got))
    lost = [each for each in set(referents) - targets_of(view) if name not in OPAQUE]
    if lost:
        shown = ", ".join("%s at %#x" % (views[each].type_name if each in views else "nothing", each) for each in lost)
        problems.append("%s at %#x lacks %s" % (qualified, address, shown))
    return problems


def edge(view, name):
    """The target of the edge of this name; None where there is none."""
    return next((target for _, label, target in view.edges if label == name), None)


def edge_kind(view, name):
    return next((kind for kind, label, _ in view.edges if label == name), None)
