"""Tools that look at a process from outside, on the same one: python inspectors.py COUNT ROUNDS HEAPSAKE FOLDER [PYHEAP]

One JSON line for each run of a tool: ``tool``, ``wall`` and ``cpu`` in seconds, ``peak`` (the most memory of its own that the
tool and its children had together, in bytes; pages of files do not count), ``bytes`` and ``held`` (the size of its file, and
what that takes on the disk), what ``living.py`` noted meanwhile, and ``failed`` where there is nothing to measure.  PYHEAP is
the folder of a checkout; without it, and where a tool is missing, that is said.
"""
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 1800


def children(pid):
    found = []
    try:
        for thread in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, thread)) as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        pass
    return found + [one for child in found for one in children(child)]


def status(pid, *keys):
    """The sum of some sizes of a process in bytes, from /proc."""
    try:
        with open("/proc/%d/status" % pid) as file:
            return sum(int(line.split()[1]) * 1024 for line in file if line.startswith(keys))
    except (OSError, ProcessLookupError):
        return 0


def read(file):
    file.seek(0)
    return file.read().decode("utf-8", "replace").strip()


def run(command, folder):
    """The cost of a command, and what it wrote; ``failed`` says why there is none."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=folder,
                                   start_new_session=True)
        peak = 0
        while True:
            ended, result, use = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            peak = max(peak, sum(status(pid, "RssAnon:", "RssShmem:") for pid in [process.pid] + children(process.pid)))
            if time.perf_counter() - started > PATIENCE:
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.002)
        wall = time.perf_counter() - started
        process.returncode = 0
        text, problems = (read(file) for file in (out, err))
    cost = {"wall": wall, "cpu": use.ru_utime + use.ru_stime, "peak": peak}
    if result:
        cost["failed"] = ((problems or text).splitlines() or ["it ended with status %d" % result])[-1]
    return cost, text


class Held:
    """The program, held for as long as tools look at it."""

    def __init__(self, count):
        command = [sys.executable, os.path.join(HERE, "living.py"), count]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self.process.stdout.readline()
        self.resident = status(self.pid, "VmRSS:")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], 60)[0]:
            sys.exit("the program does not answer after it was looked at")
        return json.loads(self.process.stdout.readline())


def measured(held, name, command, path, folder):
    """Runs a tool and reports it; ``path`` is the file that it is to leave, if any."""
    held.ask("begin")
    cost, text = run(command, folder)
    cost.update(held.ask("end"), tool=name, resident=held.resident)
    if path and "failed" not in cost:
        if os.path.exists(path):
            use = os.stat(path)
            cost.update(bytes=use.st_size, held=use.st_blocks * 512)
        else:
            cost["failed"] = "it left no file: " + (text.splitlines() or [""])[-1]
    if name.startswith("heapsake") and "failed" not in cost:
        told = json.loads(text)
        cost.update(pause=told.get("pause"), objects=told["objects"])
    print(json.dumps(cost), flush=True)


def main():
    count, rounds, heapsake, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    pyheap = sys.argv[5] if len(sys.argv) > 5 else None
    held = Held(count)
    pid, file = str(held.pid), lambda name: os.path.join(folder, name)
    core = file("core." + pid)
    beside = os.path.dirname(sys.executable)
    tools = [
        ("heapsake dump PID", [heapsake, "dump", pid, "-o", file("live.heapsake"), "--json"], file("live.heapsake")),
        ("gcore", ["gcore", "-o", file("core"), pid], core),
        ("heapsake core", [heapsake, "core", core, "-o", file("core.heapsake"), "--json"], file("core.heapsake")),
        ("pystack remote --locals", [os.path.join(beside, "pystack"), "remote", "--locals", pid], None),
        ("pystack core --locals", [os.path.join(beside, "pystack"), "core", "--locals", core], None),
        ("py-spy dump --locals", [os.path.join(beside, "py-spy"), "dump", "--locals", "--pid", pid], None),
    ]
    try:
        for _ in range(rounds):
            for name, command, path in tools:
                if path and os.path.exists(path):
                    os.remove(path)
                if shutil.which(command[0]):
                    measured(held, name, command, path, folder)
                else:
                    print(json.dumps({"tool": name, "failed": "%s is not installed" % command[0]}), flush=True)
        # It runs code in the program, and goes last.
        if pyheap:
            script = os.path.join(pyheap, "pyheap", "src", "pyheap_dump.py")
            measured(held, "PyHeap", [sys.executable, script, "--pid", pid, "--file", file("pyheap")], file("pyheap"), folder)
    finally:
        held.process.kill()
        held.process.wait()
        for path in [path for _, _, path in tools if path] + [file("pyheap")]:
            if os.path.exists(path):
                os.remove(path)


if __name__ == "__main__":
    main()
