"""A program that writes numbers to memory of its own and to memory that it shares, one after the other, in one of several threads."""
import ctypes
import mmap
import os
import sys
import threading

own, shared = bytearray(8), mmap.mmap(-1, 20 << 20)
# A file of memory, of which one page is there.
file = os.memfd_create("sparse")
os.ftruncate(file, 8 << 20)
sparse = mmap.mmap(file, 8 << 20)
sparse[1 << 20] = 1
# The stack of a thread, which is read by the page, is not to lie beside it.
between = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
# Lists that hold each other many times, where the interpreter keeps its command line.
lists = "text"
for _ in range(6):
    lists = [lists] * 40
sys.orig_argv = lists


def count(first, second):
    number = 0
    while True:
        number += 1
        first.value = number
        second.value = number


numbers = [ctypes.c_uint64.from_buffer(memory) for memory in (own, shared)]
threading.Thread(target=count, args=numbers, daemon=True).start()
for _ in range(6):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
os.write(1, b"ready\n")
os.read(0, 1)
os._exit(0)
