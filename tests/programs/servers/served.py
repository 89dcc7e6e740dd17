"""Starts a real server, keeps it at work, has it dumped from outside in the midst of that, and sees that it answers afterwards.

Arguments: gunicorn, uvicorn, jupyter or celery; the command `heapsake`; a folder for dumps; how many requests to wait for
before each dump and after the last. One JSON value says how long requests took and what was dumped.
"""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

KIND, HEAPSAKE, FOLDER, COUNT = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.path.dirname(sys.executable)
PATIENCE = 120
DUMPS = 3


def until(what, condition):
    """Waits for a condition, for a bounded time."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise SystemExit("waited %d s for %s" % (PATIENCE, what))
        time.sleep(0.005)


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
        return [int(word) for word in file.read().split()]


def dump(pid):
    """Dumps a process; gives what the command said, and when it began and ended."""
    began = time.monotonic()
    command = [HEAPSAKE, "dump", str(pid), "--json", "-o", FOLDER]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
    if done.returncode:
        raise SystemExit("heapsake dump: " + done.stderr.decode())
    return json.loads(done.stdout.decode()), began, time.monotonic()


class Load:
    """Clients that ask one request after the other, each on a connection of its own that is kept."""

    def __init__(self, ask, clients):
        self.taken = []
        self.problems = []
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(ask, number)) for number in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self, ask, number):
        try:
            for count, _ in enumerate(iter(self.stopped.is_set, True)):
                began = time.monotonic()
                ask(number, count)
                self.taken.append((began, time.monotonic()))
        except Exception as problem:
            self.problems.append(repr(problem))
            self.stopped.set()

    def more(self, count):
        wanted = len(self.taken) + count
        until("%d requests" % count, lambda: len(self.taken) >= wanted or self.problems)

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(PATIENCE)


def quantiles(times):
    times = sorted(end - begin for begin, end in times)
    if not times:
        return {"requests": 0}
    at = lambda share: round(1e3 * times[min(len(times) - 1, int(share * len(times)))], 3)
    return {"requests": len(times), "median": at(0.5), "p99": at(0.99), "longest": at(1)}


def measure(load, pid):
    """Dumps a process that is at work; says how long requests took before, and those that a dump overlapped."""
    load.more(COUNT)
    quiet_until = time.monotonic()
    made, spans = [], []
    for _ in range(DUMPS):
        one, began, ended = dump(pid)
        made.append(one)
        spans.append((began, ended))
        load.more(COUNT // DUMPS)
    load.stop()
    overlaps = lambda begin, end: any(begin < ended and began < end for began, ended in spans)
    return {
        "problems": load.problems,
        "before": quantiles([one for one in load.taken if one[1] < quiet_until]),
        "during": quantiles([one for one in load.taken if overlaps(*one)]),
        "dumps": made,
    }


def ended(process):
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def web(command, worker):
    """A web server behind a socket that is made here, so that no port is taken twice."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    os.set_inheritable(listener.fileno(), True)
    port = listener.getsockname()[1]
    process = subprocess.Popen(command(listener.fileno()), cwd=HERE, pass_fds=[listener.fileno()])
    try:
        connections = {}

        def ask(number, count):
            if number not in connections:
                connections[number] = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            connection = connections[number]
            connection.request("GET", "/order/%d/%d" % (number, count))
            # An answer in two packets is else held up for 40 ms, as the second waits for the first to be confirmed.
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200 or len(body) != 64:
                raise ValueError((answer.status, body))
            if answer.headers.get("Connection") == "close":
                connection.close()

        load = Load(ask, 4)
        load.more(COUNT // 10)
        return measure(load, worker(process.pid))
    finally:
        ended(process)


def gunicorn():
    command = lambda fd: [
        sys.executable, os.path.join(BIN, "gunicorn"), "--workers", "1", "--threads", "4", "--bind", "fd://%d" % fd,
        "--log-level", "warning", "app:wsgi",
    ]
    return web(command, lambda pid: until("a worker", lambda: children(pid))[0])


def uvicorn():
    command = lambda fd: [sys.executable, "-m", "uvicorn", "--fd", str(fd), "--log-level", "warning", "app:asgi"]
    return web(command, lambda pid: pid)


def jupyter():
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel()
    try:
        lock = threading.Lock()

        def run(code):
            with lock:
                said = client.execute_interactive(code, timeout=PATIENCE, output_hook=lambda message: None)
            if said["content"]["status"] != "ok":
                raise ValueError(said["content"])

        run("frame = {'city': ['Bern', 'Graz'], 'people': [134591, 291072]}; total = 0")
        load = Load(lambda number, count: run("total += sum(frame['people'])"), 1)
        pid = manager.provisioner.process.pid
        return measure(load, pid)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def celery():
    home = tempfile.mkdtemp()
    for name in ("queue", "results", "control"):
        os.mkdir(os.path.join(home, name))
    os.environ["SERVERS_HOME"] = home
    sys.path.insert(0, HERE)
    import tasks

    pipe = os.path.join(home, "pipe")
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--pool", "solo", "--loglevel", "ERROR",
               "--without-mingle", "--without-gossip", "--without-heartbeat"]
    environment = dict(os.environ, C_FORCE_ROOT="1")
    process = subprocess.Popen(command, cwd=HERE, env=environment, stdout=subprocess.DEVNULL)
    try:
        answer = tasks.add.delay(2, 3)
        assert answer.get(timeout=PATIENCE, disable_sync_subtasks=False) == 5
        answer = tasks.read_order.delay({"name": "order 4711: "}, pipe)
        stands = "/proc/%d/syscall" % process.pid
        # Opening: openat, 257 on x86-64, of a file that is a pipe, waits where the kernel calls it so.
        until("the worker to wait in C", lambda: open("/proc/%d/wchan" % process.pid).read() == "wait_for_partner"
              or open(stands).read().split()[0] == "257")
        made = [dump(process.pid)[0] for _ in range(DUMPS)]
        with open(pipe, "w") as file:
            file.write("tea")
        problems = [] if answer.get(timeout=PATIENCE) == "order 4711: tea" else ["another answer"]
        assert tasks.add.delay(4, 5).get(timeout=PATIENCE) == 9
        return {"problems": problems, "dumps": made}
    finally:
        ended(process)
        shutil.rmtree(home)


print(json.dumps(globals()[KIND]()))
