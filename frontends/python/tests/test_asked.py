"""A signal, and a time that is over: also of a main thread that waits for ever, or sits in C code with the interpreter lock."""
import os
import signal
import subprocess
import sys
import time
import unittest

import heapsake
from programs import PATIENCE, Programs

#: what a program does that is to be asked; it says when it is at it, and ends when there are ``dumps`` dumps
WAITS = {
    "python": """
def at(order):
    print("at it", flush=True)
    arm()
    while not done():
        pass
""",
    "lock": """
import threading
def release(lock):
    while not done():
        time.sleep(0.01)
    lock.release()
def at(order):
    lock = threading.Lock()
    lock.acquire()
    threading.Thread(target=release, args=(lock,), daemon=True).start()
    print("at it", flush=True)
    arm()
    lock.acquire()
""",
    # With the interpreter lock, which it never gives back, in C code until another process has written what is read.
    "c": """
import ctypes
def at(order):
    read, write = os.pipe()
    if os.fork() == 0:
        while not done():
            time.sleep(0.01)
        os.write(write, b"x")
        os._exit(0)
    library, buffer = ctypes.PyDLL(None), ctypes.create_string_buffer(1)
    sys.setswitchinterval(1000)
    library.write(1, b"at it\\n", 6)
    arm()
    while library.read(read, buffer, 1) != 1:
        pass
""",
}
#: those of which a dump is made without the interpreter lock, so that no callback is called
WITHOUT = ("c",)

PROGRAM = """
import os, sys, time, signal
folder, dumps, calls = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
called = []
def done():
    return len([name for name in os.listdir(folder) if name.endswith(".heapsake")]) >= dumps
def arm():
    %s
%s
def inner():
    at("tea")
import heapsake
from heapsake.doors import asked
# With the lock or without: not by how fast it goes.
asked.PATIENCE = %r
%s
inner()
while len(called) < calls:
    time.sleep(0.001)
print("end", len(called))
"""


class Asked(Programs):
    def run_it(self, how, door="pass", signalled=0, dumps=1, armed="pass"):
        self.write(PROGRAM % (armed, WAITS[how], 0.02 if how in WITHOUT else float(PATIENCE), door))
        os.makedirs(self.dumps_folder, exist_ok=True)
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HEAPSAKE"))}
        own["PYTHONPATH"] = os.path.dirname(os.path.dirname(heapsake.__file__))
        calls = 0 if how in WITHOUT else dumps
        started = subprocess.Popen([sys.executable, self.program, self.dumps_folder, str(dumps), str(calls)], stdin=subprocess.DEVNULL,
                                   env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
        with started:
            self.assertEqual(started.stdout.readline(), "at it\n", started.stderr.read() if started.poll() is not None else "")
            for number in range(1, signalled + 1):
                started.send_signal(signal.SIGUSR1)
                self.wait(lambda: len(self.paths()) >= number)
            output, error = started.communicate(timeout=PATIENCE)
        lines = error.splitlines()
        self.assertEqual((started.returncode, output, len(lines)), (0, "end %d\n" % calls, dumps), error)
        self.assertTrue(all(line.startswith("heapsake: ") for line in lines), error)
        return self.dumps()

    def wait(self, is_so):
        until = time.monotonic() + PATIENCE
        while not is_so():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)

    def check(self, dump, reason):
        self.assertEqual(dump.header["reason"], reason)
        self.assertTrue(dump.threads[0].is_current)
        frames = {frame.function: frame for frame in dump.threads[0].frames}
        self.assertEqual(list(frames)[:3], ["<module>", "inner", "at"])
        self.assertEqual(frames["at"].locals["order"].value, "tea")
        # The threads that made it are none of the program's.
        self.assertTrue(all(thread.frames for thread in dump.threads), dump.threads)

    def test_a_signal(self):
        for how in WAITS:
            with self.subTest(how):
                for path in self.paths():
                    os.unlink(path)
                dump, = self.run_it(how, "heapsake.install(folder, signal='USR1', callback=called.append)", 1)
                self.check(dump, "asked by SIGUSR1")

    def test_a_signal_again(self):
        door = "heapsake.install(folder, signal=signal.SIGUSR1, template='{program}-{reason}', callback=called.append)"
        dumps = self.run_it("python", door, 3, 3)
        for dump in dumps:
            self.check(dump, "asked by SIGUSR1")
            self.assertTrue(os.path.basename(dump.path).startswith("app-asked_by_SIGUSR1"))

    def test_a_time(self):
        for how in WAITS:
            with self.subTest(how):
                for path in self.paths():
                    os.unlink(path)
                # Not before it is at it, however long that takes.
                dump, = self.run_it(how, armed="heapsake.dump_after(0.01, directory=folder, callback=called.append)")
                self.check(dump, "after 0.01 s")

    def test_a_time_again_and_again(self):
        self.write("""
            import heapsake, os, sys, time
            folder = sys.argv[1]
            def dumps():
                return len([name for name in os.listdir(folder) if name.endswith(".heapsake")])
            def wait(number):
                while dumps() < number:
                    time.sleep(0.005)
            os.mkdir(folder)
            heapsake.dump_after(600)
            heapsake.dump_after(0.05, repeat=True, directory=folder, quiet=True)
            wait(3)
            heapsake.cancel_dump_after()
            heapsake.dump_after(0.01, directory=folder, quiet=True, template="last")
            while not os.path.exists(folder + "/last.heapsake"):
                time.sleep(0.005)
            print("end")
        """)
        ended = self.start(self.dumps_folder)
        self.assertEqual((ended.status, ended.output, ended.error), (0, "end\n", ""))
        self.assertGreaterEqual(len(self.dumps()), 4)

    def test_a_handler_that_is_there_is_left(self):
        self.write("""
            import heapsake, os, signal, sys
            signal.signal(signal.SIGUSR1, lambda *_: print("own"))
            try:
                heapsake.install(sys.argv[1], signal="SIGUSR1")
            except heapsake.Error as problem:
                print(problem)
            except Exception as problem:
                print(type(problem).__module__, problem)
            signal.raise_signal(signal.SIGUSR1)
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)
            try:
                heapsake.install(sys.argv[1], signal="usr2")
            except Exception as problem:
                print(str(problem).splitlines()[0])
        """)
        ended = self.start(self.dumps_folder)
        self.assertEqual((ended.status, ended.error), (0, ""))
        self.assertIn("signal 10 has a handler in this program, and that is left as it is", ended.output)
        self.assertIn("\nown\n", ended.output)
        self.assertIn("signal 12 is ignored in this program", ended.output)

    def test_the_signal_is_given_back(self):
        self.write("""
            import heapsake, os, signal, subprocess, sys
            heapsake.install(sys.argv[1], signal="USR1")
            # A program that is executed has the default action.
            print(subprocess.call([sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGUSR1)"]))
            heapsake.uninstall()
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGUSR1)
        """)
        ended = self.start(self.dumps_folder)
        self.assertEqual((ended.status, ended.output, ended.error), (-signal.SIGUSR1, "%d\n" % -signal.SIGUSR1, ""))

    def test_forked_children_are_asked_by_themselves(self):
        self.write("""
            import heapsake, os, signal, sys, time, warnings
            warnings.simplefilter("always")
            folder = sys.argv[1]
            os.mkdir(folder)
            def dumps():
                return len([name for name in os.listdir(folder) if name.endswith(".heapsake")])
            def asked(number):
                os.kill(os.getpid(), signal.SIGUSR1)
                while dumps() < number:
                    time.sleep(0.005)
            heapsake.install(folder, signal="USR1", quiet=True, template="{pid}")
            for number in range(3):
                child = os.fork()
                if child == 0:
                    asked(2 * number + 1)
                    os._exit(0 if os.path.exists("%s/%d.heapsake" % (folder, os.getpid())) else 1)
                print(os.waitpid(child, 0)[1])
                asked(2 * number + 2)
        """)
        ended = self.start(self.dumps_folder)
        # Python warns of a fork while there are other threads: there are none of ours then.
        self.assertEqual((ended.status, ended.output, ended.error), (0, "0\n" * 3, ""))
        self.assertEqual(len(self.dumps()), 6)

    def test_the_end_of_the_program(self):
        """The threads never keep it from ending, nor are they in its way."""
        for door in ("heapsake.install(folder, signal='USR1')", "heapsake.dump_after(3600)", "heapsake.dump_after(0)"):
            self.write("import heapsake, sys\nfolder = sys.argv[1]\n%s\nsys.exit(7)\n" % door)
            ended = self.start(self.dumps_folder)
            self.assertEqual((ended.status, ended.output, ended.rest), (7, "", ""), door)
        for path in os.listdir(self.folder):
            self.assertFalse(path.endswith(".partial"))

    def test_times_that_are_none(self):
        for seconds in (-1, float("nan"), float("inf"), 1e300):
            with self.assertRaises(Exception) as caught:
                heapsake.dump_after(seconds)
            self.assertIn("no time that can be waited for", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
