"""Where the thread of the program waits."""


def worker(stop, waits):
    orders = ["in the thread", 1, 2]
    waits.set()
    stop.wait()
    return orders
