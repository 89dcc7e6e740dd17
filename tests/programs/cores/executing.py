"""A thread that is not the first executes another program as soon as one of the others is traced: it waits for all of them to end."""
import os
import sys
import threading

OTHERS = 200
identifiers = []
forever = threading.Event()


def idle():
    identifiers.append(threading.get_native_id())
    forever.wait()


def execute_when_traced():
    status = os.open("/proc/self/task/%d/status" % identifiers[0], os.O_RDONLY)
    os.write(1, b"ready\n")
    while b"TracerPid:\t0" in os.pread(status, 4096, 0):
        pass
    os.execv(sys.executable, [sys.executable, "-c", "import sys; sys.stdin.read()"])


threads = [threading.Thread(target=idle, daemon=True) for _ in range(OTHERS)]
for thread in threads:
    thread.start()
while len(identifiers) < OTHERS:
    pass
threading.Thread(target=execute_when_traced).start()
