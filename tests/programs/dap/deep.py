"""A stack of fifty thousand frames, in a thread with room for it."""
import sys
import threading


def down(depth):
    if depth == 0:
        raise RuntimeError("at the bottom")
    down(depth - 1)


sys.setrecursionlimit(60000)
threading.stack_size(768 << 20)
thread = threading.Thread(target=down, args=(49998,), name="deep")
thread.start()
thread.join()
