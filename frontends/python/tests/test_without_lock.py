"""Dumps of a program that sits in C code with the interpreter lock: the settings count all the same, and one hang has one dump.

The program hangs until the test writes a byte to it, and never gives the lock back meanwhile, so all is decided by what is seen.
"""
import os
import signal
import subprocess
import sys
import time
import unittest

import heapsake
from programs import PATIENCE, Programs

PROGRAM = """
import ctypes, os, sys, time
import heapsake
from heapsake.doors import asked
folder, hangs = sys.argv[1], int(sys.argv[2])
library, buffer, called = ctypes.PyDLL(None), ctypes.create_string_buffer(1), []
sys.setswitchinterval(1000)
# It is not to be had, however long it is waited for.
asked.PATIENCE = 0.02
def hang(order):
    library.write(1, b"in C\\n", 5)
    %s
    while library.read(0, buffer, 1) != 1:
        pass
    heapsake.cancel_dump_after()
def threads():
    return len(os.listdir("/proc/self/task"))
%s
# The thread that waits for times and signals is there from now on.
heapsake.dump_after(3600)
kept = threads()
for number in range(hangs):
    hang("tea")
    # The one that waits for the lock has it, and is gone.
    while threads() > kept:
        time.sleep(0.001)
%s
print("end", len(called))
"""
NO_OTHER = "heapsake: no other dump of asked by SIGUSR1: the interpreter lock is held since the one before\n"


class WithoutLock(Programs):
    def begin(self, door, hangs=1, then="pass", armed="pass"):
        self.write(PROGRAM % (armed, door, then))
        os.makedirs(self.dumps_folder, exist_ok=True)
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HEAPSAKE"))}
        own["PYTHONPATH"] = os.path.dirname(os.path.dirname(heapsake.__file__))
        started = subprocess.Popen([sys.executable, self.program, self.dumps_folder, str(hangs)], cwd=self.folder, env=own, bufsize=0,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.end, started)
        return started

    def end(self, started):
        if started.poll() is None:
            started.kill()
        for stream in (started.stdin, started.stdout, started.stderr):
            stream.close()
        started.wait()

    def hangs(self, started):
        self.assertEqual(started.stdout.readline(), b"in C\n")

    def ask(self, started):
        """Asks, and gives the line that is said."""
        started.send_signal(signal.SIGUSR1)
        return started.stderr.readline().decode()

    def wait(self, is_so):
        until = time.monotonic() + PATIENCE
        while not is_so():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)

    def rest(self, started, calls=0):
        """Ends it; gives what else it says."""
        output, error = started.communicate(b"x", timeout=PATIENCE)
        self.assertEqual((started.returncode, output), (0, b"end %d\n" % calls), error)
        return error.decode()

    def test_quiet(self):
        started = self.begin("heapsake.install(folder, signal='USR1', quiet=True, callback=called.append)")
        self.hangs(started)
        started.send_signal(signal.SIGUSR1)
        self.wait(self.paths)
        self.assertEqual(self.rest(started), "")
        dump, = self.dumps()
        self.assertEqual((dump.header["reason"], self.local(dump, "hang", "order")), ("asked by SIGUSR1", "tea"))

    def test_one_hang_has_one_dump(self):
        started = self.begin("heapsake.install(folder, signal='USR1')", 2)
        self.hangs(started)
        self.assertIn("heapsake: asked by SIGUSR1 saved to ", self.ask(started))
        self.assertEqual(self.ask(started), NO_OTHER)
        self.assertEqual(len(self.dumps()), 1)
        # One thread waits for the lock, one for signals, and one is the program's.
        self.assertEqual(len(os.listdir("/proc/%d/task" % started.pid)), 3)
        started.stdin.write(b"x")
        self.hangs(started)
        self.assertIn("heapsake: asked by SIGUSR1 saved to ", self.ask(started))
        self.assertEqual(self.ask(started), NO_OTHER)
        self.assertEqual((self.rest(started), len(self.dumps())), ("", 2))

    def test_a_time_that_comes_again_and_again(self):
        armed = "heapsake.dump_after(0.01, repeat=True, directory=folder, template='{program}-{reason}-{pid}')"
        started = self.begin("pass", armed=armed)
        self.hangs(started)
        lines = [started.stderr.readline().decode() for _ in range(2)]
        self.assertIn("heapsake: after 0.01 s saved to ", lines[0])
        self.assertEqual(lines[1], NO_OTHER.replace("asked by SIGUSR1", "after 0.01 s"))
        path, = self.paths()
        self.assertEqual(os.path.basename(path), "app-after_0.01_s-%d.heapsake" % started.pid)
        self.assertNotIn("no other dump", self.rest(started))

    def test_at_most(self):
        started = self.begin("heapsake.install(folder, signal='USR1', at_most=2)", 4, then="""
os.unlink(os.path.join(folder, [name for name in os.listdir(folder) if name.endswith("heapsake")][0]))
heapsake.install(folder, at_most=2, callback=called.append)
for _ in range(2):
    asked.doors.keeper.keep(False, reason="one", ends=True)
""")
        for _ in range(2):
            self.hangs(started)
            self.assertIn(" saved to ", self.ask(started))
            started.stdin.write(b"x")
        self.hangs(started)
        full = "%s has 2 dumps, and at_most is 2\n" % self.dumps_folder
        self.assertEqual(self.ask(started), "heapsake: no dump of asked by SIGUSR1: " + full)
        started.stdin.write(b"x")
        self.hangs(started)
        # That is said once: the next line is of another hang.
        started.send_signal(signal.SIGUSR1)
        self.wait(lambda: len(os.listdir("/proc/%d/task" % started.pid)) == 3)
        self.assertEqual(self.ask(started), NO_OTHER)
        # What is made with the lock counts them.
        lines = self.rest(started, 1).splitlines(True)
        self.assertEqual((len(lines), lines[1:]), (2, ["heapsake: no dump of one: " + full]))
        self.assertEqual(len(self.dumps()), 2)

    def test_disk(self):
        ballast = "\nballast = [['%x' % (number * 0x9E3779B97F4A7C15)] for number in range(100000)]"
        started = self.begin("heapsake.install(folder, signal='USR1')" + ballast)
        self.hangs(started)
        self.assertIn(" saved to ", self.ask(started))
        self.rest(started)
        path, = self.paths()
        whole = os.path.getsize(path)
        # It is cut to what is left.
        disk = whole + whole * 3 // 4
        started = self.begin("heapsake.install(folder, signal='USR1', disk=%d)%s" % (disk, ballast))
        self.hangs(started)
        self.assertIn(" saved to ", self.ask(started))
        used = sum(os.path.getsize(path) for path in self.paths())
        self.assertLessEqual(used, disk)
        cut = [dump for dump in self.dumps() if dump.path != path][0]
        self.assertLess(len(cut.objects), len(heapsake.load(path).objects) - 10000)
        self.assertEqual(self.local(cut, "hang", "order"), "tea")
        self.rest(started)
        for more, why in ((1, "the dumps in %s have %d bytes, and disk is %d"), ((1 << 16) + 1, "it has ")):
            started = self.begin("heapsake.install(folder, signal='USR1', disk=%d)%s" % (used + more, ballast))
            self.hangs(started)
            line = self.ask(started)
            self.assertIn("heapsake: no dump of asked by SIGUSR1: ", line)
            self.assertIn(why % (self.dumps_folder, used, used + more) if more == 1 else why, line)
            self.assertEqual((self.rest(started), len(self.dumps())), ("", 2))


class Waited(Programs):
    """What waits for a dump that is being made, and whose callback does not come back, waits a bounded time."""

    def test_a_fork_with_a_lock_that_the_callback_wants(self):
        self.write("""
            import os, signal, sys, threading, time, warnings
            import heapsake
            from heapsake.doors import asked
            # Python warns of it where it counts threads: there is one this time.
            warnings.simplefilter("ignore")
            asked.FORK = 0.1
            folder, lock, called = sys.argv[1], threading.Lock(), []
            os.mkdir(folder)

            def callback(path):
                called.append(os.getpid())
                with lock:
                    called.append("has it")

            def wait(is_so):
                while not is_so():
                    time.sleep(0.001)

            def dumps():
                return len([name for name in os.listdir(folder) if name.endswith(".heapsake")])

            heapsake.install(folder, signal="USR1", callback=callback, quiet=True)
            with lock:
                os.kill(os.getpid(), signal.SIGUSR1)
                wait(lambda: called)
                child = os.fork()
                if child == 0:
                    os.kill(os.getpid(), signal.SIGUSR1)
                    wait(lambda: os.getpid() in called)
                    # and one that it forks itself
                    grandchild = os.fork()
                    if grandchild == 0:
                        os.kill(os.getpid(), signal.SIGUSR1)
                        wait(lambda: os.getpid() in called)
                        os._exit(0)
                    os._exit(os.waitpid(grandchild, 0)[1])
                print(os.waitpid(child, 0)[1], dumps())
            wait(lambda: "has it" in called)
            # The thread of the parent goes on.
            os.kill(os.getpid(), signal.SIGUSR1)
            wait(lambda: called.count("has it") == 2)
            print(dumps())
            child = os.fork()
            if child == 0:
                os.kill(os.getpid(), signal.SIGUSR1)
                wait(lambda: called.count("has it") == 3)
                os._exit(0)
            print(os.waitpid(child, 0)[1])
        """)
        ended = self.start(self.dumps_folder)
        self.assertEqual((ended.status, ended.output, ended.error), (0, "0 3\n4\n0\n", ""))
        self.assertEqual(len(self.dumps()), 5)

    def test_a_callback_that_forks(self):
        self.write("""
            import os, signal, sys, time, warnings
            import heapsake
            warnings.simplefilter("ignore")
            folder, program, ended = sys.argv[1], os.getpid(), []
            os.mkdir(folder)
            def wait(is_so):
                while not is_so():
                    time.sleep(0.001)

            def fork(depth):
                child = os.fork()
                if child == 0:
                    os.kill(os.getpid(), signal.SIGUSR1)
                    wait(lambda: os.path.exists("%s/%d.heapsake" % (folder, os.getpid())))
                    os._exit(fork(depth - 1) if depth else 0)
                return os.waitpid(child, 0)[1]

            def callback(path):
                if os.getpid() == program:
                    # What it starts blocks what the program blocks.
                    ended.append((sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))), fork(1)))

            heapsake.install(folder, signal="USR1", callback=callback, quiet=True, template="{pid}")
            # What it blocks later counts as well.
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
            for number in (1, 2):
                os.kill(os.getpid(), signal.SIGUSR1)
                wait(lambda: len(ended) == number)
            print(ended)
        """)
        ended = self.start(self.dumps_folder)
        self.assertEqual((ended.status, ended.output, ended.error), (0, "%r\n" % ([([signal.SIGUSR2.value], 0)] * 2,), ""))
        self.assertEqual(len(self.dumps()), 6)

    def test_the_end_of_a_program_whose_callback_never_ends(self):
        for callback in ("while True: time.sleep(0.0005)", "lock.acquire()"):
            self.write("""
                import sys, threading, time
                import heapsake
                from heapsake.doors import asked
                asked.END = 0.1
                lock, called = threading.Lock(), []
                lock.acquire()

                def callback(path):
                    called.append(path)
                    %s

                class Slow:
                    def __del__(self):
                        # The interpreter has ended for other threads.
                        end = time.monotonic() + 0.1
                        while time.monotonic() < end:
                            time.sleep(0.001)

                heapsake.dump_after(0, directory=sys.argv[1], callback=callback, quiet=True)
                while not called:
                    time.sleep(0.001)
                slow = Slow()
                sys.exit(7)
            """ % callback)
            ended = self.start(self.dumps_folder)
            self.assertEqual((ended.status, ended.output, ended.error), (7, "", ""), callback)


if __name__ == "__main__":
    unittest.main()
