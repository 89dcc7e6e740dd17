"""Threads that wait in every way and for each other, and what the program itself knows of it, one JSON line each."""
import _thread
import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

told = []
ready = []


def tell(thread, kind, object=None, held_by=None, needs=None):
    told.append({"thread": thread, "kind": kind, "object": object, "held_by": held_by, "needs": needs})


def start(name, target, *arguments):
    thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
    thread.start()
    return thread


def meet(barrier):
    barrier.wait()


class Account:
    def __init__(self, kind):
        self.lock = kind()


def transfer(here, there, barrier):
    with here.lock:
        barrier.wait()
        with there.lock:
            raise AssertionError("not reached")


def plain_pair():
    one, two, barrier = Account(threading.Lock), Account(threading.Lock), threading.Barrier(3)
    start("plain-1", transfer, one, two, barrier)
    start("plain-2", transfer, two, one, barrier)
    barrier.wait()
    tell("plain-1", "lock", id(two.lock), "plain-2", ["plain-2"])
    tell("plain-2", "lock", id(one.lock), "plain-1", ["plain-1"])
    return one, two


def ring():
    locks, barrier = [threading.RLock() for _ in range(3)], threading.Barrier(4)

    def take(index):
        locks[index].acquire()
        barrier.wait()
        locks[(index + 1) % 3].acquire()

    for index in range(3):
        start("ring-%d" % index, take, index)
    barrier.wait()
    for index in range(3):
        following = "ring-%d" % ((index + 1) % 3)
        tell("ring-%d" % index, "lock", id(locks[(index + 1) % 3]), following, [following])
    return locks


def conditions():
    one, two, barrier = threading.Condition(), threading.Condition(threading.Lock()), threading.Barrier(3)

    def first():
        with one:
            barrier.wait()
            with two:
                pass

    def second():
        two.acquire()
        try:
            barrier.wait()
            one.acquire()
        finally:
            two.release()

    start("condition-1", first)
    start("condition-2", second)
    barrier.wait()
    tell("condition-1", "lock", id(two._lock), "condition-2", ["condition-2"])
    tell("condition-2", "lock", id(one._lock), "condition-1", ["condition-1"])
    return one, two


def joining():
    lock, barrier = threading.Lock(), threading.Barrier(3)

    def worker():
        barrier.wait()
        lock.acquire()

    child = start("joined", worker)

    def parent():
        with lock:
            barrier.wait()
            child.join()

    start("joiner", parent)
    barrier.wait()
    tell("joiner", "thread", id(child), None, ["joined"])
    tell("joined", "lock", id(lock), "joiner", ["joiner"])
    return lock


def itself():
    lock = threading.Lock()

    def twice():
        with lock, lock:
            pass

    start("itself", twice)
    tell("itself", "lock", id(lock), "itself", ["itself"])
    return lock


def others():
    items, simple, event, done = queue.Queue(), queue.SimpleQueue(), threading.Event(), Future()
    full = queue.Queue(1)
    full.put(1)
    semaphore, condition = threading.Semaphore(0), threading.Condition(threading.Lock())
    left, right = socket.socketpair()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    unknown = _thread.allocate_lock()
    # Taken where no source says so.
    take = unknown.acquire
    take()
    for name, kind, object, function in [
        ("gets", "queue", items, items.get),
        ("puts", "queue", full, lambda: full.put(2)),
        ("gets simple", "queue", simple, lambda: simple.get()),
        ("event", "event", event, event.wait),
        ("future", "future", done, done.result),
        ("semaphore", "semaphore", semaphore, semaphore.acquire),
        ("recv", "socket", left, lambda: left.recv(1)),
        ("accept", "socket", listener, listener.accept),
        ("process", "process", child, child.wait),
        ("sleep", "sleep", None, lambda: time.sleep(10000)),
        ("unknown", "lock", unknown, lambda: unknown.acquire()),
    ]:
        start(name, function)
        tell(name, kind, object and id(object))

    def waits():
        # Whoever waits for a notification has let the lock go.
        with condition:
            condition.wait()

    def holds():
        while not condition._waiters:
            pass
        with condition:
            tell("lets go", "condition", id(condition))
            tell("wants it", "lock", id(condition._lock), "holds it", ["holds it"])
            start("wants it", lambda: condition.acquire())
            event.wait()

    start("lets go", waits)
    start("holds it", holds)
    for number in range(8):
        start("worker-%d" % number, work, items)
        tell("worker-%d" % number, "queue", id(items))
    executor = ThreadPoolExecutor(1, thread_name_prefix="pool")
    started = threading.Event()
    work_item = executor.submit(lambda: (started.set(), event.wait()))
    started.wait()
    start("waits for the pool", work_item.result)
    tell("waits for the pool", "future", id(work_item), None, ["pool_0"])
    return items, simple, event, done, semaphore, condition, left, right, listener, child, unknown, executor


def work(items):
    while True:
        items.get()


def stands_still(thread):
    """Whether the kernel says that a thread sleeps."""
    if thread.native_id is None:
        # It is about to begin.
        return False
    with open("/proc/self/task/%d/stat" % thread.native_id) as file:
        return file.read().rsplit(")", 1)[1].split()[0] == "S"


kept = [plain_pair(), ring(), conditions(), joining(), itself(), others()]
while len([one for one in told if one["thread"] == "wants it"]) < 1:
    time.sleep(0.001)
waiting = [thread for thread in threading.enumerate() if thread is not threading.current_thread()]
quiet = 0
while quiet < 50:
    quiet = quiet + 1 if all(stands_still(thread) for thread in waiting) else 0
    time.sleep(0.002)
if len(sys.argv) > 1:
    import heapsake

    heapsake.dump(sys.argv[1])
for one in told:
    print(json.dumps(one))
print("ready", flush=True)
sys.stdin.readline()
kept[-1][9].kill()
os._exit(0)
