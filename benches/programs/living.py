"""A program that lives on while it is looked at: a mix of small objects, and a thread that notes when it was held up.

    python living.py COUNT      makes them, says "ready", and answers lines until its input ends

Of its COUNT things a quarter each are lists of two, dicts of one, plain instances with two attributes, and strings.
``begin`` forgets what was noted; ``end`` is answered with JSON: ``gap``, the longest time in seconds that the thread, which
beats every 2 ms, did not run; ``late``, the sum of those over 20 ms; ``called``, how often code of the program was run by
somebody else.
"""
import json
import sys
import threading
import time

BEAT = 0.002
LATE = 0.020
noted = {"gap": 0.0, "late": 0.0, "called": 0}


class Thing:
    def __init__(self, number):
        self.number = number
        self.text = "thing"


class Witness:
    """Tells when somebody runs its code."""

    def _called(self):
        noted["called"] += 1

    def __str__(self):
        self._called()
        return "witness"

    __repr__ = __str__

    def __dir__(self):
        self._called()
        return []

    def __sizeof__(self):
        self._called()
        return 64


def note(gap):
    if gap > noted["gap"]:
        noted["gap"] = gap
    if gap > LATE:
        noted["late"] += gap


def beat():
    before = time.monotonic()
    while True:
        time.sleep(BEAT)
        now = time.monotonic()
        # Called from C: a tool that waits for the next entry into the interpreter would wait for ever otherwise.
        list(map(note, [now - before - BEAT]))
        before = now


def main():
    count = int(sys.argv[1])
    makers = (lambda n: [n, n + 1], lambda n: {n: n + 1}, Thing, lambda n: "text %d" % n)
    things = [makers[number % 4](number) for number in range(count)]
    witness = Witness()
    threading.Thread(target=beat, daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        if line == "begin\n":
            noted.update(gap=0.0, late=0.0, called=0)
        told = dict(noted)
        print(json.dumps(told), flush=True)
    return things, witness


if __name__ == "__main__":
    main()
