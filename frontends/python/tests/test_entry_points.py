"""Reducers of installed packages: over dumps from inside, from outside and of ``heapsake run``; only of installed ones."""
import json
import os
import sys
import tempfile
import unittest

import reducing
from reducing import Environments, Running, environment

import heapsake

HANDLE = """
class Handle:
    def __init__(self, number):
        self.number, self.path = number, "/var/%d" % number

handles = [Handle(number) for number in range(6)]
"""
WAITS = HANDLE + """
print("ready", flush=True)
input()
"""
REDUCER = """
    import heapsake

    @heapsake.reducer("__main__.Handle")
    def reduce_handle(view):
        '''Where it is.'''
        if view["number"].value == 2: raise ValueError("two")
        if view["number"].value == 3: return 1 / 0
        if view["number"].value == 4:
            import os
            os._exit(5)
        print("noise")
        return heapsake.Reduction(state={"where": view["path"].value}, summary="at %s" % view["path"].value)
"""


class Installed(Environments):
    def heapsake(self, *arguments, **options):
        return self.python("-m", "heapsake", *arguments, executable=self.executable, **options)

    def outside(self, text, **options):
        """A dump of a running program, made by the environment's command."""
        with Running(self, text) as process:
            out, _ = self.heapsake("dump", str(process.pid), "-o", self.path("here.heapsake"), "--json", **options)
        return json.loads(out), heapsake.load(self.path("here.heapsake"))

    def test_from_outside(self):
        self.install("bring", REDUCER)
        told, dump = self.outside(WAITS)
        self.assertEqual((told["reduced"], told["reducers_failed"], told["reducers_not_run"]), (3, 3, []))
        self.assertEqual([repr(fault) for fault in dump.faults], [])
        handles = dump.modules["__main__"]["handles"].items
        self.assertEqual([handle.summary for handle in handles], ["at /var/0", "at /var/1", None, None, None, "at /var/5"])
        self.assertEqual([handle.reducer_failure for handle in handles[2:5]],
                         ["bring.reduce_handle: ValueError: two", "bring.reduce_handle: ZeroDivisionError: division by zero",
                          "bring.reduce_handle: ended its process with status 5"])
        shown, _ = self.heapsake("here.heapsake")
        self.assertIn("1 objects: reducer bring.reduce_handle failed: ValueError: two", shown)

    def test_heapsake_run(self):
        self.install("bring", REDUCER)
        self.write("app.py", HANDLE + "raise KeyError('price')\n")
        _, told = self.heapsake("run", "-o", "run.heapsake", "app.py", status=1)
        self.assertIn("reducers in Python gave 3 objects their state; they failed for 3", told)
        dump = heapsake.load(self.path("run.heapsake"))
        self.assertEqual(dump.modules["__main__"]["handles"][5]["where"].value, "/var/5")
        self.assertIsNotNone(dump.exception)

    def test_heapsake_run_reduces_every_dump_that_stays(self):
        self.install("bring", REDUCER)
        self.write("app.py", HANDLE + """
import asyncio, threading
def fail(): raise KeyError("thread")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
async def caught(): raise KeyError("caught")
try: asyncio.run(caught())
except KeyError: pass
async def main(): raise KeyError("left")
asyncio.run(main())
""")
        _, told = self.heapsake("run", "-o", "run.heapsake", "app.py", status=1)
        self.assertEqual(sorted(name for name in os.listdir(self.folder) if ".heapsake" in name), ["run-1.heapsake", "run.heapsake"])
        lines = [line for line in told.splitlines() if line.startswith("heapsake:") and "reducers in Python gave 3 objects" in line]
        self.assertEqual(len(lines), 2, told)
        for name, word in (("run.heapsake", "thread"), ("run-1.heapsake", "left")):
            dump = heapsake.load(self.path(name))
            self.assertEqual(dump.exception.attributes["args"].rebuild(), (word,))
            self.assertEqual(dump.modules["__main__"]["handles"][5]["where"].value, "/var/5")

    def test_from_inside_without_being_imported_by_the_program(self):
        self.install("bring", REDUCER)
        self.program(HANDLE + """
import sys
import heapsake
heapsake.dump("here.heapsake")
assert "bring" not in sys.modules
""", executable=self.executable)
        dump = heapsake.load(self.path("here.heapsake"))
        self.assertEqual([handle.summary is not None for handle in dump.modules["__main__"]["handles"].items],
                         [True, True, False, False, False, True])

    def test_live_ones_are_not_run_from_outside_and_said_so(self):
        self.install("bring", """
            import heapsake

            @heapsake.reducer("__main__.Handle", live=True)
            def reduce_handle(handle):
                return {"where": handle.path}
        """)
        told, dump = self.outside(WAITS)
        note = "6 objects of __main__.Handle were not given to their reducer bring.reduce_handle: " \
               "it wants the live object, which only a dump from inside has"
        self.assertEqual((told["reduced"], told["reducers_not_run"], dump.notes), (0, [note], [note]))
        self.program(HANDLE + "import heapsake; heapsake.dump('here.heapsake')", executable=self.executable)
        dump = heapsake.load(self.path("here.heapsake"))
        self.assertEqual(dump.modules["__main__"]["handles"][1].reduction.state, {"where": "/var/1"})

    def test_those_of_the_program_are_not_run_from_outside_and_said_so(self):
        text = """
import heapsake
%s
class Unused: pass

@heapsake.reducer(Handle)
def reduce_handle(view): return {}
@heapsake.reducer(Unused)
def reduce_unused(view): return {}
print("ready", flush=True)
input()
""" % HANDLE
        told, dump = self.outside(text)
        note = "6 objects of __main__.Handle were not given to their reducer __main__.reduce_handle: " \
               "it is registered in the program, and only dumps from inside run it"
        self.assertEqual((told["reducers_not_run"], dump.notes), ([note], [note]))
        # where an installed one answers for the type, nothing was left out
        self.install("bring", REDUCER)
        told, dump = self.outside(text)
        self.assertEqual((told["reduced"], told["reducers_not_run"]), (3, []))

    def test_one_that_cannot_be_loaded_costs_itself(self):
        self.install("bring", REDUCER)
        self.install("broken", "raise RuntimeError('half done')")
        self.install("absent", "", value="nowhere_to_be_found")
        self.install("leaves", "import os; os._exit(7)")
        self.install("asks", "reducers = []\ndef register():\n    import heapsake\n    heapsake.reducer('x.Y')(lambda view: {})\n",
                     value="asks:register")
        self.install("again", REDUCER.replace("def reduce_handle", "def another"))
        told, dump = self.outside(WAITS)
        self.assertEqual(sorted(told["reducers_not_run"]), [
            "the reducers of bring (bring 1.0) were not loaded: ValueError: __main__.Handle has a reducer already: again.another",
            "the reducers of broken (broken 1.0) were not loaded: RuntimeError: half done",
            "the reducers of leaves (leaves 1.0) were not loaded: loading them ended its process with status 7",
            "the reducers of nowhere_to_be_found (absent 1.0) were not loaded: ImportError: nowhere_to_be_found is not in %s" % self.packages,
        ])
        self.assertEqual(told["reduced"], 3)
        self.assertEqual(sorted(dump.notes)[:4], sorted(sorted(told["reducers_not_run"]) + dump.notes[4:])[:4])

    def test_the_working_directory_and_pythonpath_bring_nothing(self):
        evil = "open(%r, 'w').close()\n" % self.path("ran")
        elsewhere = tempfile.mkdtemp(dir=self.folder)
        self.install("evil", evil, folder=self.folder)
        self.install("evil", evil, folder=elsewhere)
        # names that heapsake itself and a package import
        self.write("configparser.py", evil)
        self.write("bring.py", evil)
        self.write("heapsake/__init__.py", evil)
        variables = dict(environment(), PYTHONPATH=os.pathsep.join([self.folder, elsewhere]))
        self.install("bring", REDUCER)
        command = os.path.join(self.base, "bin", "heapsake-command")
        with open(command, "w") as file:
            file.write("import sys; sys.path[:] = [each for each in sys.path if %r not in each]\n" % self.folder)
            file.write("from heapsake.__main__ import command; sys.exit(command())\n")
        with Running(self, WAITS) as process:
            self.python(command, "dump", str(process.pid), "-o", self.path("here.heapsake"), executable=self.executable, env=variables)
        dump = heapsake.load(self.path("here.heapsake"))
        self.assertEqual(dump.modules["__main__"]["handles"][1].summary, "at /var/1")
        os.rename(self.path("heapsake"), self.path("not_heapsake"))
        # from inside the program's own path finds its own module; the package's is loaded from where it is installed
        self.program(HANDLE + "import heapsake; heapsake.dump('inside.heapsake')", executable=self.executable,
                     env=dict(environment(), PYTHONPATH=elsewhere))
        dump = heapsake.load(self.path("inside.heapsake"))
        self.assertEqual(dump.modules["__main__"]["handles"][1].summary, "at /var/1")
        self.assertFalse(os.path.exists(self.path("ran")))

    def test_listed(self):
        self.install("bring", REDUCER)
        self.install("broken", "print('noise'); raise RuntimeError('half done')")
        listed = json.loads(self.heapsake("reducers", "--json")[0])["python"]
        self.assertEqual(listed, [
            {"type": "__main__.Handle", "origin": "bring.reduce_handle, bring 1.0", "subclasses": False, "live": False, "saves": "Where it is."},
            {"origin": "broken (broken 1.0)", "problem": "RuntimeError: half done"},
        ])
        shown = self.heapsake("reducers")[0]
        self.assertRegex(shown, r"__main__\.Handle +bring\.reduce_handle, bring 1\.0  Where it is\.")
        self.assertIn("broken (broken 1.0) is refused: RuntimeError: half done", shown)

    def test_the_page(self):
        """The examples of docs/writing-a-reducer.md, in its section on Python."""
        page = os.path.join(os.path.dirname(os.path.abspath(reducing.__file__)), *"../../../docs/writing-a-reducer.md".split("/"))
        with open(page, encoding="utf-8") as file:
            lines = file.read().partition("\n## Python\n")[2].partition("\n## ")[0].split("\n")
        files, outputs, name, text = {}, {}, None, None
        for line in lines:
            if line.startswith(("<!-- example: ", "<!-- output: ")):
                target = files if line.startswith("<!-- example") else outputs
                name = line.split()[2]
            elif line.startswith("```"):
                if text is not None and name is not None:
                    target[name], name, text = "".join(text), None, None
                else:
                    text = [] if text is None and name is not None else None
            elif text is not None:
                text.append(line + "\n")
        self.assertEqual(sorted(outputs), ["live.py", "rebuild.py", "show.py"])
        for name, text in files.items():
            if name.endswith(".py"):
                self.write(name, text)
                if name != "handles_heapsake.py":
                    self.assertEqual(self.python(self.path(name))[0], outputs.get(name, ""), name)
        self.assertIn('[project.entry-points."heapsake.reducers"]\nhandles = "handles_heapsake"\n', files["pyproject.toml"])
        self.install("handles_heapsake", files["handles_heapsake.py"])
        os.unlink(self.path("handles_heapsake.py"))
        told, dump = self.outside(files["app.py"].replace("heapsake.dump(\"here.heapsake\")", "print('ready', flush=True)\ninput()"))
        self.assertEqual((told["reduced"], told["reducers_not_run"]), (2, []))
        self.assertEqual(dump.modules["__main__"]["handles"][0]["file"].value, "A.TXT")


if __name__ == "__main__":
    unittest.main()
