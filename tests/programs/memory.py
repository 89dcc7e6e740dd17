"""A program that has memory of every kind, says where, and waits for a line.

Its arguments: a file in which it says what it has and where, one for what its allocator says of blocks at the same moment, and one
for its dump from inside, where it can make one.
"""
import array
import collections
import ctypes
import json
import mmap
import os
import sys
import threading

WORD = ctypes.sizeof(ctypes.c_void_p)


class Point:
    def __init__(self, number):
        self.number = number
        self.text = "point %d" % number


def thread():
    # What the C library knows the thread by lies at the end of its stack.
    places.append((threading.get_ident(), "stack"))
    standing.set()
    ended.wait()


points = [Point(number) for number in range(50000)]
numbers = [number + 0.5 for number in range(200000)]
names = {"name %d" % number: number for number in range(50000)}
table = list(range(1000000))
buffer = bytearray(30 << 20)
shared = mmap.mmap(-1, 20 << 20)
shared.write(b"s" * (20 << 20))
in_buffer = (ctypes.c_char * len(buffer)).from_buffer(buffer)
in_shared = ctypes.c_char.from_buffer(shared)
# After the number of items comes the pointer to them; their number is the word before.
head = (ctypes.c_void_p * 8).from_address(id(table))
items = head[list(head).index(len(table)) + 1]
# Without an interpreter lock all blocks are given out by one allocator.
large = "anonymous" if getattr(sys, "_is_gil_enabled", lambda: True)() else "arenas"
places = [
    [id(points[0]), "arenas"],
    [id(numbers[100]), "arenas"],
    [items, large],
    [ctypes.addressof(in_buffer), large],
    [ctypes.addressof(in_shared), "shared"],
    [id(int), "library"],
]
blocks = [[items, WORD * len(table)], [ctypes.addressof(in_buffer), len(buffer)]]
sized = [
    buffer, table, names, set(range(777)), frozenset(range(3)), collections.deque(range(1000)), collections.deque(),
    array.array("d", range(999)), array.array("h"), collections.OrderedDict((number, None) for number in range(99)),
    "text", "text \u4e2d", b"bytes", 1 << 100, (1, 2, 3), [], {}, bytearray(), 1.5, None,
]
standing, ended = threading.Event(), threading.Event()
threading.Thread(target=thread, daemon=True).start()
standing.wait()
try:
    import heapsake
except ImportError:
    pass
else:
    heapsake.dump(sys.argv[3])
with open("/proc/self/smaps") as maps:
    resident = sum(int(line.split()[1]) * 1024 for line in maps if line.startswith("Rss:"))
with open(sys.argv[1], "w") as file:
    json.dump({"places": places, "blocks": blocks, "resident": resident,
               "sizes": [[id(one), sys.getsizeof(one), type(one).__name__] for one in sized]}, file)
with open(sys.argv[2], "w") as file:
    os.dup2(file.fileno(), 2)
    sys._debugmallocstats()
os.write(1, b"ready\n")
os.read(0, 1)
