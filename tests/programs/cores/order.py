"""A program with an order, a worker and a stack, that says it is ready and waits for a line."""
import mmap
import os
import sys
import threading


class Order:
    def __init__(self):
        self.items = [1, 2.5, "x"]
        self.names = {"größe": 42, 7: (None, True)}
        self.total = 10**30


def views(path):
    """Of a file that was replaced under its path, and of what took its place."""
    found = []
    for text in (b"old!", b"new!"):
        if os.path.exists(path):
            os.unlink(path)
        with open(path, "wb") as file:
            file.write(text * 4096)
        with open(path, "rb") as file:
            found.append(memoryview(mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ))[:8])
    return found


def work(began, go_on):
    text = "in the worker"
    began.set()
    go_on.wait()
    return text


def handle(order, depth):
    if depth:
        # Through a function of C, so that the evaluation loop is called anew.
        return next(map(handle, [order], [depth - 1]))
    os.write(1, b"ready\n")
    os.read(0, 1)
    return order


def main():
    began, go_on = threading.Event(), threading.Event()
    worker = threading.Thread(target=work, args=(began, go_on), name="worker")
    worker.start()
    # Of no file, and the core has it.
    shared = mmap.mmap(-1, 1 << 16)
    shared[:6] = b"shared"
    began.wait()
    order = Order()
    if len(sys.argv) > 1:
        order.views = views(sys.argv[1])
    handle(order, 3)
    go_on.set()
    worker.join()


main()
sys.exit(0)
