"""Threads that all run at once, in a build without an interpreter lock, dumped from inside by one of them; then the dumps are read.

Argument: a folder for the dumps.  Each thread counts, adds to a list and takes from a dictionary of its own and of all, and
between two lines of it these say the same.  Prints problems, and how many threads of how many dumps were checked.
"""
import os
import sys
import threading

import heapsake

DUMPS = 12
THREADS = 4
SHARED = {}


class Worker:
    def __init__(self, number):
        self.number = number
        self.rounds = 0
        self.stop = False

    def work(self):
        items, pairs, total = [], {}, 0
        while not self.stop:
            items.append(total)
            total += 1
            pairs[total] = (total, [total, self.number])
            SHARED[self.number, total % 100] = items
            if total % 1000 == 0:
                items, pairs, total = [], {}, 0
            self.rounds += 1


def make(folder):
    workers = [Worker(number) for number in range(THREADS)]
    threads = [threading.Thread(target=worker.work, name="worker %d" % worker.number) for worker in workers]
    for thread in threads:
        thread.start()
    paths = []
    try:
        for number in range(DUMPS):
            # All have begun, and after each dump all go on: the next one is of another moment.
            before = [worker.rounds for worker in workers]
            while any(worker.rounds == rounds for worker, rounds in zip(workers, before)):
                assert all(thread.is_alive() for thread in threads), "a worker has ended"
            paths.append(os.path.join(folder, "%d.heapsake" % number))
            heapsake.dump(paths[-1], redact="none")
    finally:
        for worker in workers:
            worker.stop = True
        for thread in threads:
            thread.join()
    return paths


def check(path):
    """How many threads were seen, and a sentence for each problem."""
    dump = heapsake.load(path)
    problems = ["fault: %s" % fault for fault in dump.faults]
    problems += ["note: %s" % note for note in dump.notes]
    seen = 0
    for thread in dump.threads:
        if not (thread.name or "").startswith("worker"):
            continue
        frames = [frame for frame in thread.frames if frame.function == "work"]
        if len(frames) != 1:
            problems.append("%s has %d frames of work" % (thread.name, len(frames)))
            continue
        values = frames[0].locals
        if "total" not in values:
            continue
        items, pairs, total = (values[name] for name in ("items", "pairs", "total"))
        total = total.value
        numbers = [item.value for item in items.items]
        # Between two lines of one round the list may be one ahead, and the dictionary one behind.
        if numbers != list(range(len(numbers))) or len(numbers) - total not in (0, 1):
            problems.append("%s: %d items, total %d" % (thread.name, len(numbers), total))
        keys = [(key.value, [part for part in value.items]) for key, value in pairs.items]
        if [key for key, _ in keys] != list(range(1, len(keys) + 1)) or total - len(keys) not in (0, 1):
            problems.append("%s: %d pairs, total %d" % (thread.name, len(keys), total))
        for key, parts in keys:
            if parts[0].value != key or [part.value for part in parts[1].items] != [key, int(thread.name.split()[1])]:
                problems.append("%s: pair %r is %r" % (thread.name, key, parts))
                break
        seen += 1
    return seen, problems


def main():
    assert not sys._is_gil_enabled(), "it runs with a lock"
    checked, paths = 0, make(sys.argv[1])
    for path in paths:
        seen, problems = check(path)
        checked += seen
        for problem in problems[:5]:
            print("PROBLEM %s: %s" % (os.path.basename(path), problem))
    print("checked %d threads of %d dumps" % (checked, len(paths)))


main()
