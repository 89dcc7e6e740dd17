"""Four threads that change what they hold without a pause, one that sleeps, one that waits for a pipe; all check themselves."""
import os
import sys
import threading
import time

COUNTS = [0, 0, 0, 0]
STOP = threading.Event()
WRONG = []
WIDTH = 200


class Account:
    def __init__(self, number):
        self.number = number
        self.double = number * 2


def work(number):
    marker = ("worker", number)
    pairs, rows, accounts = {}, [], [Account(index) for index in range(WIDTH)]
    step = 0
    while not STOP.is_set():
        step += 1
        key = "key-%d-%d" % (number, step)
        pairs[key] = [step, step * 2]
        rows.append((step, key))
        accounts[step % WIDTH] = Account(step)
        if len(rows) > WIDTH:
            old, gone = rows.pop(0)
            pair = pairs.pop(gone)
            if pair != [old, old * 2]:
                WRONG.append((number, old, pair))
        if len(pairs) != len(rows) or any(account.double != account.number * 2 for account in accounts[:3]):
            WRONG.append((number, step, len(pairs), len(rows)))
        COUNTS[number] += 1
    if sorted(pairs) != sorted(key for _, key in rows) or marker != ("worker", number):
        WRONG.append((number, "at the end"))


def sleep(slept):
    while not STOP.is_set():
        begin = time.monotonic()
        time.sleep(0.5)
        slept.append(time.monotonic() - begin)


def wait(end, read):
    read.append(os.read(end, 10))


def main():
    (end, other), slept, read = os.pipe(), [], []
    threads = [threading.Thread(target=work, args=(number,), name="worker-%d" % number) for number in range(4)]
    threads.append(threading.Thread(target=sleep, args=(slept,), name="sleeper"))
    threads.append(threading.Thread(target=wait, args=(end, read), name="waiter"))
    for thread in threads:
        thread.start()
    while not all(count > WIDTH for count in COUNTS):
        time.sleep(0.001)
    print("ready", flush=True)
    for line in sys.stdin:
        if line == "count\n":
            print(*COUNTS, flush=True)
    STOP.set()
    os.write(other, b"the end")
    for thread in threads:
        thread.join()
    if WRONG or read != [b"the end"] or not slept or min(slept) < 0.5:
        sys.exit("wrong: %r, read %r, slept %r" % (WRONG[:3], read, slept))
    print("unharmed", flush=True)


main()
