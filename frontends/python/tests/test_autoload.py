"""heapsake-autoload, by Python's own start-up files: ``.pth`` up to 3.14, ``.start`` from 3.15 on.

In an environment that has the package installed (``HEAPSAKE_TEST_AUTOLOAD=installed``), else in one that is made of its files.
"""
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import unittest

import heapsake
from programs import PATIENCE, Programs

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "autoload")
CRASH = """
def price(order):
    return {}[order]
print("begun")
price("tea")
"""
_made = None


def setUpModule():
    global _made
    if os.environ.get("HEAPSAKE_TEST_AUTOLOAD") == "installed":
        return
    _made = tempfile.TemporaryDirectory()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", _made.name], check=True, timeout=PATIENCE)
    packages = sysconfig.get_path("purelib", "posix_prefix" if "posix_prefix" in sysconfig.get_scheme_names() else None,
                                  {"base": _made.name, "platbase": _made.name})
    for name in ("heapsake-autoload.pth", "heapsake-autoload.start"):
        shutil.copy(os.path.join(SOURCES, name), packages)
    shutil.copytree(os.path.join(SOURCES, "heapsake_autoload"), os.path.join(packages, "heapsake_autoload"))
    os.symlink(os.path.dirname(os.path.abspath(heapsake.__file__)), os.path.join(packages, "heapsake"))


def tearDownModule():
    if _made is not None:
        _made.cleanup()


class Autoload(Programs):
    def python(self):
        return sys.executable if _made is None else os.path.join(_made.name, "bin", "python")

    def run_it(self, *words, dump=True, **variables):
        environment = {"HEAPSAKE_" + name: value for name, value in variables.items()}
        environment["PYTHONPATH"] = ""
        if dump:
            environment["HEAPSAKE_DUMP"] = self.dumps_folder
        return self.start(environment=environment, command=[self.python()] + list(words or [self.program]))

    def same(self, *words, lines=1, dumps=None, **variables):
        """Runs it without and with the variable; all but our line is equal."""
        without = self.run_it(*words, dump=False, **variables)
        ended = self.run_it(*words, **variables)
        self.assertEqual((without.lines, len(ended.lines)), ([], lines), ended.error)
        self.assertEqual((ended.status, ended.output, ended.rest), (without.status, without.output, without.rest))
        found = self.dumps()
        self.assertEqual(len(found), lines if dumps is None else dumps)
        return found

    def test_a_program_that_is_not_changed(self):
        self.write(CRASH)
        dump, = self.same()
        self.assertEqual(dump.header["reason"], "uncaught KeyError")
        self.assertEqual(self.local(dump, "price", "order"), "tea")
        self.assertEqual(self.names(dump), ["<module>", "price"])
        self.assertTrue(os.path.basename(dump.path).startswith("app-"), dump.path)

    def test_other_ways_to_start_a_program(self):
        self.write(CRASH)
        for number, words in enumerate((["-c", CRASH], ["-m", "app"], ["-X", "dev", self.program], ["-Werror", "-u", self.program]), 1):
            with self.subTest(words):
                self.same(*words, lines=1, dumps=number)

    def test_a_program_has_one_name_before_it_runs_and_in_its_workers(self):
        package = os.path.join(self.folder, "shop.d", "till")
        os.makedirs(package)
        with open(os.path.join(self.folder, "selling.py"), "w") as file:
            file.write("import ctypes\ndef sell(what):\n    ctypes.string_at(0) if what == 'signal' else {}[what]\n")
        text = """
            import multiprocessing, selling, sys
            if __name__ == "__main__":
                if sys.argv[1] == "worker":
                    process = multiprocessing.get_context("spawn").Process(target=selling.sell, args=(sys.argv[2],), name="worker")
                    process.start()
                    process.join()
                else:
                    selling.sell(sys.argv[2])
        """
        for path in (self.program, os.path.join(package, "__main__.py")):
            with open(path, "w") as file:
                file.write(textwrap.dedent(text).lstrip())
        started = [["-Wi", "-X", "dev", "-mtill"], ["-m", "till.__main__"], [package], ["-um", "app"], [self.program]]
        for number, words in enumerate(started):
            for where in ("itself", "worker"):
                for what in ("signal", "exception"):
                    folder = os.path.join(self.folder, "%d-%s-%s" % (number, where, what))
                    path = os.pathsep.join([self.folder, os.path.dirname(package)])
                    ended = self.start(where, what, command=[self.python()] + words, environment={"PYTHONPATH": path, "HEAPSAKE_DUMP": folder})
                    name, = os.listdir(folder)
                    self.assertEqual(name.split("-")[0], "till" if "till" in words[-1] else "app", ended.error)

    def test_nothing_is_loaded_without_the_variable(self):
        script = "import sys; print([name for name in sys.modules if 'heapsake' in name])"
        ended = self.run_it("-c", script, dump=False)
        # A `.start` file names a function, whose module is loaded to be asked.
        expected = "['heapsake_autoload']\n" if sys.version_info >= (3, 15) else "[]\n"
        self.assertEqual((ended.output, ended.error), (expected, ""))
        ended = self.run_it("-S", "-c", script)
        self.assertEqual((ended.output, ended.error), ("[]\n", ""))

    def take_away(self, name):
        """What is installed under the name is not there until the test ends."""
        packages = os.path.join(_made.name, "lib", "python%d.%d" % sys.version_info[:2], "site-packages") if _made else sysconfig.get_path("purelib")
        path = os.path.join(packages, name)
        os.rename(path, path + ".away")
        self.addCleanup(os.rename, path + ".away", path)

    def test_the_file_that_is_read(self):
        """Up to 3.14 the `.pth` file, and then the `.start` file: it works where the other is not there."""
        self.write(CRASH)
        self.take_away("heapsake-autoload." + ("pth" if sys.version_info >= (3, 15) else "start"))
        self.same()

    def test_variables(self):
        self.write("""
            import logging, warnings
            class Cancelled(Exception):
                pass
            def told(path):
                pass
            warnings.warn("too much", RuntimeWarning)
            try:
                {}["tea"]
            except KeyError:
                logging.exception("logged")
            raise Cancelled
        """)
        dumps = self.same(lines=0, dumps=2, QUIET="1", LOGGING="error", WARNINGS="RuntimeWarning,app.Loud", IGNORE="Cancelled,app.Other",
                          TEMPLATE="own-{reason}", DISK="100MB", ONCE="directory", FATAL_SIGNALS="no", REDACT="none")
        self.assertEqual(sorted(os.path.basename(dump.path).split("-")[1][:13] for dump in dumps), ["KeyError_logg", "RuntimeWarnin"])
        self.same(lines=0, dumps=2, QUIET="1", LOGGING="error", WARNINGS="RuntimeWarning", IGNORE="Cancelled", TEMPLATE="own-{reason}",
                  ONCE="directory")

    def test_at_most(self):
        self.write(CRASH)
        for number in range(1, 4):
            ended = self.run_it(AT_MOST="2", ONCE="no")
            self.assertEqual((len(self.paths()), ended.status, len(ended.lines)), (min(number, 2), 1, 1))
        self.assertIn("has 2 dumps, and at_most is 2", ended.lines[0])

    def test_a_callback_by_name(self):
        self.write("import uploads\n" + CRASH)
        with open(os.path.join(self.folder, "uploads.py"), "w") as file:
            file.write("class Box:\n    @staticmethod\n    def put(path):\n        print('put', path.endswith('.heapsake'))\n")
        ended = self.run_it(CALLBACK="uploads:Box.put")
        self.assertEqual((ended.output, len(ended.lines)), ("begun\nput True\n", 1))

    def test_a_variable_that_is_wrong_is_told_and_the_program_runs(self):
        self.write("print('runs')\n")
        cases = dict(AT_MOST="many", DISK="2 parsecs", ONCE="daily", SIGNAL="USR9", AFTER="soon", TEMPLATE="{nothing}", LOGGING="LOUD",
                     CALLBACK="nowhere", ASYNCIO="some", MAX_SECONDS="-1", REDACT="everything")
        for name, value in cases.items():
            ended = self.run_it(**{name: value})
            self.assertEqual((ended.status, ended.output), (0, "runs\n"), name)
            line, = ended.error.splitlines()
            self.assertRegex(line, r"\Aheapsake-autoload: nothing is installed: .*(%s|%s)" % (name, value.strip("{}")))

    def test_heapsake_that_is_not_there(self):
        self.take_away("heapsake")
        self.write("print('runs')\n")
        ended = self.run_it()
        self.assertEqual((ended.status, ended.output), (0, "runs\n"))
        self.assertEqual(len(ended.error.splitlines()), 1, ended.error)

    def test_other_interpreters_of_a_process(self):
        """Nothing is installed in them, and nothing said, whether they could load heapsake or not."""
        text = """
            try:
                import _interpreters as interpreters
            except ImportError:
                import _xxsubinterpreters as interpreters
            run = getattr(interpreters, "exec", None) or interpreters.run_string
            kinds = [()]
            if hasattr(interpreters, "new_config"):
                kinds = [("isolated",), ("legacy",)]
            for kind in kinds:
                number = interpreters.create(*kind)
                run(number, "import sys; print('heapsake' in sys.modules, sys.excepthook is sys.__excepthook__)")
                interpreters.destroy(number)
            def price(order):
                return {}[order]
            price("tea")
        """
        self.write(text)
        dump, = self.same()
        self.assertEqual(self.names(dump), ["<module>", "price"])

    def test_a_signal_and_a_time(self):
        self.write("""
            import os, signal, sys, time
            def wait(number):
                while not os.path.isdir(sys.argv[1]) or len([n for n in os.listdir(sys.argv[1]) if n.endswith("heapsake")]) < number:
                    time.sleep(0.01)
            wait(1)
            os.kill(os.getpid(), signal.SIGUSR2)
            wait(2)
            print("end")
        """)
        ended = self.run_it(self.program, self.dumps_folder, SIGNAL="usr2", AFTER="0.2")
        self.assertEqual((ended.status, ended.output, ended.rest), (0, "end\n", ""))
        self.assertEqual(sorted(dump.header["reason"] for dump in self.dumps()), ["after 0.2 s", "asked by SIGUSR2"])

    def test_death_by_a_signal(self):
        self.write("import ctypes\nprint('begun', flush=True)\nctypes.string_at(0)\n")
        dump, = self.same()
        self.assertIn("SIGSEGV", dump.header["reason"])

    def test_children(self):
        """Executed, forked, spawned: each is a process of its own, and each crash has one dump."""
        self.write("""
            import multiprocessing, os, subprocess, sys
            def work(order):
                return {}[order]
            if __name__ == "__main__":
                print(subprocess.call([sys.executable, "-c", "1 / 0"]))
                for method in ("fork", "spawn", "forkserver"):
                    process = multiprocessing.get_context(method).Process(target=work, args=("tea",), name="worker")
                    process.start()
                    process.join()
                    print(process.exitcode)
        """)
        dumps = self.same(lines=4, dumps=4)
        reasons = sorted(dump.header["reason"] for dump in dumps)
        self.assertEqual(reasons, ["uncaught KeyError in process worker"] * 3 + ["uncaught ZeroDivisionError"])

    def test_installers_are_left_alone(self):
        folder = os.path.join(self.folder, "bin")
        os.mkdir(folder)
        for name in ("pip", "pip3.12", "_in_process.py"):
            path = os.path.join(folder, name)
            with open(path, "w") as file:
                file.write("import sys\nprint('heapsake' in sys.modules)\n1 / 0\n")
            ended = self.run_it(path)
            self.assertEqual((ended.output, ended.lines), ("False\n", []), name)
        with open(os.path.join(folder, "venv.py"), "w") as file:
            file.write("1 / 0\n")
        self.write("print('heapsake' in __import__('sys').modules)\n")
        ended = self.start(environment={"PYTHONPATH": "", "PIP_BUILD_TRACKER": "x", "HEAPSAKE_DUMP": self.dumps_folder},
                           command=[self.python(), self.program])
        self.assertEqual(ended.output, "False\n")
        self.assertEqual(self.paths(), [])

    def test_with_heapsake_run_there_is_one_dump(self):
        command = os.path.join(os.path.dirname(sys.executable), "heapsake")
        if not os.path.exists(command):
            if os.environ.get("CI"):
                self.fail("there is no command heapsake beside %s" % sys.executable)
            print("not tested: with heapsake run, as the command is not beside", sys.executable)
            return
        self.write("""
            import multiprocessing, os, signal, threading, time
            def work(order):
                return {}[order]
            thread = threading.Thread(target=work, args=("tea",), name="thread")
            thread.start()
            thread.join()
            [].pop()
        """)
        environment = {"PYTHONPATH": "", "HEAPSAKE_DUMP": self.dumps_folder}
        ended = self.start(environment=environment, command=[command, "run", "--python", self.python(), "-o", self.folder, self.program])
        self.assertEqual(ended.status, 1, ended.error)
        self.assertEqual(self.paths(), [], ended.error)
        self.assertEqual(len([name for name in os.listdir(self.folder) if name.endswith(".heapsake")]), 2, ended.error)

    def test_the_programs_own_settings_count(self):
        own = os.path.join(self.folder, "own")
        os.mkdir(own)
        self.write("import heapsake\nheapsake.install(%r)\n%s" % (own, CRASH))
        ended = self.run_it()
        self.assertEqual((len(self.paths()), len(os.listdir(own)), len(ended.lines)), (0, 1, 1), ended.error)


class Variables(unittest.TestCase):
    def settings(self):
        sys.path.insert(0, SOURCES)
        self.addCleanup(sys.path.remove, SOURCES)
        from heapsake_autoload import _settings

        return _settings

    def test_sizes(self):
        settings = self.settings()
        for text, expected in (("1", 1), ("10kB", 10**4), ("2GiB", 2**31), ("1.5 MB", 1500000), ("3t", 3 * 10**12)):
            self.assertEqual(settings._bytes("DISK", text), expected)

    def test_signals(self):
        settings = self.settings()
        for text in ("USR1", "sigusr2", "10", " 34 "):
            self.assertEqual(settings.arguments({"HEAPSAKE_SIGNAL": text}), {"signal": text.strip()})
        for text in ("1", "0", "yes", "no"):
            with self.assertRaisesRegex(ValueError, "a number above 1"):
                settings.arguments({"HEAPSAKE_SIGNAL": text})

    def test_who_is_started(self):
        settings = self.settings()
        for words, expected in ((["python", "-m", "pip", "install"], True), (["python", "-I", "-m", "venv", "x"], True),
                                (["python", "-m", "pipeline"], False), (["python", "/usr/bin/pip3"], True), (["python", "app.py", "pip"], False),
                                (["python", "-c", "import pip"], False), (["python"], False), (["python", "-W", "error", "app.py"], False)):
            self.assertEqual(bool(settings.is_installer(words, {})), expected, words)
        self.assertTrue(settings.is_run(["python", "/proc/self/fd/199", "198", "199", "app.py"]))
        self.assertFalse(settings.is_run(["python", "/proc/self/fd/3"]))
        self.assertFalse(settings.is_run(["python", "app.py", "198", "199"]))

    def test_the_documentation_has_them_all(self):
        settings = self.settings()
        with open(os.path.join(SOURCES, "..", "..", "docs", "doors.md")) as file:
            text = file.read()
        for name in list(settings.VARIABLES) + ["DUMP", "AFTER"]:
            self.assertIn("`HEAPSAKE_%s`" % name, text)


if __name__ == "__main__":
    unittest.main()
