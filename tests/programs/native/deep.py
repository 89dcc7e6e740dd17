"""C functions that call Python that calls C functions: sorting, mapping, a generator within a generator, threads that wait and
one that is busy.  Says that it is ready, and waits.
"""
import sys
import threading


class Item:
    def __init__(self, number):
        self.number = number

    def __lt__(self, other):
        return descend(self.number)


def descend(number):
    if number:
        return descend(number - 1)
    print("ready", flush=True)
    sys.stdin.readline()
    return True


def outer():
    yield from inner()


def inner():
    yield sorted([Item(3), Item(4)])


def wait():
    threading.Event().wait()


def spin():
    while True:
        pass


for target in (wait, spin):
    threading.Thread(target=target, name=target.__name__, daemon=True).start()
list(map(lambda number: next(outer()), [1]))
