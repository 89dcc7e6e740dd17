"""One row of the fire list: ROW FOLDER FOLDER-OF-FAULT.

Says ``ready`` and waits for a line where a dump from outside is to be made; of each dump from inside it says ``dump PATH`` or
``said MESSAGE``; and at the end ``unharmed``, when it has found itself as it was.
"""
import ctypes
import gc
import os
import signal
import sys
import threading
import time

ROW, FOLDER = sys.argv[1], sys.argv[2]
sys.path.insert(0, sys.argv[3])

import heapsake

WORD = ctypes.sizeof(ctypes.c_void_p)
count = 0


def say(*words):
    print(*words, flush=True)


def outside():
    say("ready")
    sys.stdin.readline()


def dump(**options):
    """A dump from inside, whatever comes of it."""
    global count
    count += 1
    path = os.path.join(FOLDER, "inside-%d.heapsake" % count)
    try:
        heapsake.dump(path, **options)
    except (heapsake.Error, OSError) as problem:
        say("said", " ".join(str(problem).split()))
        return False
    say("dump", path)
    return True


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("waited in vain")
        time.sleep(0.001)


class Poked:
    """Words of memory that are wrong for as long as it lasts."""

    def __init__(self, *pokes):
        self.pokes = pokes

    def __enter__(self):
        self.before = [ctypes.c_size_t.from_address(address).value for address, _ in self.pokes]
        for address, value in self.pokes:
            ctypes.c_size_t.from_address(address).value = value

    def __exit__(self, *_):
        for (address, _), value in zip(self.pokes, self.before):
            ctypes.c_size_t.from_address(address).value = value


def word(address):
    return ctypes.c_size_t.from_address(address).value


# The first words of an object are its reference count, its type and its size; those of a list go on with where its items lie
# and how many have room, those of a dict with a tag, where its keys lie and where its values do.


def both(*pokes):
    """Nothing is collected while memory is wrong."""
    gc.disable()
    try:
        with Poked(*pokes):
            dump()
            outside()
    finally:
        gc.enable()


def dangling_pointer():
    held = [object(), object(), "whole"]
    items = word(id(held) + 3 * WORD)
    both((items, 0xDEAD0000), (items + WORD, 0xFFFF_FFFF_FFFF_FFF8))
    return held[2] == "whole"


def freed_object():
    held = [None, "whole"]
    freed = bytearray(100)
    address = id(freed)
    del freed
    items = word(id(held) + 3 * WORD)
    both((items, address))
    return held == [None, "whole"]


def cyclic_pointers():
    """A tuple that holds itself, and a type that is its own base."""
    held = ("a", "b")
    kind = type("Kind", (), {})
    instance = kind()
    both((id(held) + 3 * WORD, id(held)), (id(kind) + 32 * WORD, id(kind)))
    return held == ("a", "b") and isinstance(instance, object)


def absurd_refcount():
    held = bytearray(b"whole")
    both((id(held), 1 << 62))
    return held == b"whole"


def absurd_size():
    held, other, text = ["whole"], ("whole",), bytearray(b"whole")
    both((id(held) + 2 * WORD, 1 << 60), (id(other) + 2 * WORD, 1 << 61), (id(text) + 2 * WORD, (1 << 63) - 1))
    return held == ["whole"] and other == ("whole",) and text == b"whole"


def negative_size():
    held, other = ["whole"], ("whole",)
    both((id(held) + 2 * WORD, (1 << 64) - 1), (id(other) + 2 * WORD, 1 << 63))
    return held == ["whole"] and other == ("whole",)


def type_pointer_into_nowhere():
    held = [bytearray(b"a"), bytearray(b"b"), bytearray(b"c")]
    both((id(held[0]) + WORD, 0), (id(held[1]) + WORD, 0x10), (id(held[2]) + WORD, id(held)))
    return held == [b"a", b"b", b"c"]


def half_inserted_dict():
    """More entries than keys, as between two steps of an insertion; and keys that lie nowhere."""
    held, other = {"a": 1, "b": 2}, {"a": 1}
    both((id(held) + 2 * WORD, 50), (id(other) + 4 * WORD, 0x10))
    return held == {"a": 1, "b": 2} and other == {"a": 1}


def list_being_resized():
    """The old length with no items, and one that is beyond what is allocated."""
    held, other = list(range(10)), list(range(10))
    both((id(held) + 3 * WORD, 0), (id(other) + 2 * WORD, 1000), (id(other) + 4 * WORD, 10))
    return held == list(range(10)) and other == list(range(10))


def collection_in_progress():
    """A finaliser that the collector calls."""
    made = []

    class Cycle:
        def __init__(self):
            self.cycle = self

        def __del__(self):
            made.append(dump())
            outside()

    Cycle()
    gc.collect()
    return len(made) == 1


def mutating_threads():
    stop = threading.Event()
    shared = {"list": [], "dict": {}, "set": set()}

    def mutate(seed):
        number = seed
        while not stop.is_set():
            number = number * 1103515245 + 12345 & 0xFFFFFF
            shared["list"].append([number])
            shared["dict"][number] = str(number)
            shared["set"].add(number)
            if number % 97 == 0:
                shared["list"], shared["dict"], shared["set"] = [], {}, set()
            del shared["list"][: number % 3]

    threads = [threading.Thread(target=mutate, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    made = [dump() for _ in range(3)]
    outside()
    stop.set()
    for thread in threads:
        thread.join()
    return all(made)


def two_dumps_at_once():
    made = []
    threads = [threading.Thread(target=lambda: made.append(dump())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outside()
    return made == [True, True]


def interpreter_shutdown():
    """An object that dies with the modules; what is left of the interpreter is enough, or is said not to be."""

    class Last:
        def __init__(self):
            # The names of the module may be gone by then.
            self.dump, self.path, self.write = heapsake.dump, os.path.join(FOLDER, "inside-last.heapsake"), os.write

        def __del__(self):
            try:
                self.dump(self.path)
                self.write(1, b"dump %s\n" % self.path.encode())
            except BaseException as problem:
                self.write(1, b"said %s %s\n" % (type(problem).__name__.encode(), str(problem).replace("\n", " ").encode()))
            self.write(1, b"unharmed\n")

    global last
    last = Last()
    return None


def signal_handler():
    made = []
    signal.signal(signal.SIGUSR1, lambda number, frame: (made.append(dump()), outside()))
    os.kill(os.getpid(), signal.SIGUSR1)
    until(lambda: made)
    return made == [True]


def finaliser():
    made = []

    class Last:
        def __del__(self):
            made.append(dump())
            outside()

    Last()
    return made == [True]


def at_exit():
    import atexit

    def last():
        dump()
        outside()
        say("unharmed")

    atexit.register(last)
    return None


def thread_in_c_without_the_lock():
    read, write = os.pipe()
    thread = threading.Thread(target=ctypes.CDLL(None).read, args=(read, ctypes.create_string_buffer(1), 1), name="in C")
    thread.start()
    made = dump()
    outside()
    os.write(write, b"x")
    thread.join()
    return made


def thousand_threads():
    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait, name="T-%d" % number) for number in range(1000)]
    for thread in threads:
        thread.start()
    made = dump()
    outside()
    stop.set()
    for thread in threads:
        thread.join()
    return made


def after_fork():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    global count
    child = os.fork()
    if child == 0:
        os._exit(0 if dump() else 1)
    count += 1
    status = os.waitpid(child, 0)[1]
    made = dump(reason="the parent")
    stop.set()
    thread.join()
    return status == 0 and made


def daemon_without_stdio():
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        for descriptor in (0, 1, 2):
            os.close(descriptor)
        try:
            heapsake.dump(os.path.join(FOLDER, "daemon.heapsake"))
            os.write(write, b"made")
        except BaseException as problem:
            os.write(write, str(problem).encode())
        os._exit(0)
    os.wait()
    os.close(write)
    answer = os.read(read, 1000)
    if answer != b"made":
        say("said", answer)
        return False
    say("dump", os.path.join(FOLDER, "daemon.heapsake"))
    return True


def descriptors_exhausted():
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    held = []
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    dump()
    outside()
    for descriptor in held:
        os.close(descriptor)
    return dump()


def large():
    """Some tens of megabytes that do not compress."""
    import random

    source = random.Random(7)
    return [source.getrandbits(8 << 15).to_bytes(1 << 15, "little") for _ in range(600)]


def disk_full():
    """A file that may not grow, as on a full disk or with a quota."""
    import resource

    held = large()
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, hard))
    made = dump()
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    return not made and len(held) == 600 and dump()


def full_device():
    with open("/dev/full", "wb", buffering=0) as device:
        try:
            heapsake.dump(device)
        except (heapsake.Error, OSError) as problem:
            say("said", problem)
    return dump()


def read_only_directory():
    """A folder of the kernel's takes no file, whoever asks."""
    try:
        heapsake.dump("/proc/self/here.heapsake")
    except (heapsake.Error, OSError) as problem:
        say("said", " ".join(str(problem).split()))
    return dump()


def memory_limit():
    import resource

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (16 << 20), hard))
    dump()
    outside()
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    return dump()


def memory_error():
    import resource

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (200 << 20, hard))
    held = []
    try:
        while True:
            held.append(bytearray(1 << 18))
    except MemoryError:
        dump()
        outside()
    del held
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    return dump()


def children():
    found = []
    for task in os.listdir("/proc/self/task"):
        try:
            with open("/proc/self/task/%s/children" % task) as file:
                found += [int(word) for word in file.read().split()]
        except OSError:
            pass
    return found


def partial():
    path = os.path.join(FOLDER, "inside-%d.heapsake.partial" % count)
    return path if os.path.exists(path) and os.path.getsize(path) > 100000 else None


def child_killed():
    global count
    held = large()
    count += 1
    path = os.path.join(FOLDER, "inside-%d.heapsake" % count)
    made = []

    def work():
        try:
            made.append(heapsake.dump(path))
        except heapsake.Error as problem:
            say("said", " ".join(str(problem).split()))
            made.append(None)

    # A child that was quicker is gone with a whole dump.
    for _ in range(100):
        del made[:]
        thread = threading.Thread(target=work)
        thread.start()
        until(lambda: partial() or made)
        for child in children():
            os.kill(child, signal.SIGKILL)
        thread.join()
        if made == [None]:
            break
        os.remove(path)
    return made == [None] and len(held) == 600 and dump()


def interrupted():
    """A key that interrupts the program while it dumps."""
    global count
    held = large()
    done = []
    count += 1
    # A shell that starts programs in the background has them ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt():
        until(lambda: partial() or done)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        heapsake.dump(os.path.join(FOLDER, "inside-%d.heapsake" % count))
        done.append(1)
        time.sleep(60)
    except KeyboardInterrupt:
        # It came when the dump was complete.
        say("dump", os.path.join(FOLDER, "inside-%d.heapsake" % count))
    thread.join()
    return len(held) == 600 and dump()


def interrupted_outside():
    held = large()
    outside()
    return len(held) == 600


whole = globals()[ROW]()
if whole is not None:
    say("unharmed" if whole else "harmed")
