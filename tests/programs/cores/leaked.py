"""A program that has lost objects: nothing refers to them, and each has a reference too many, as what an extension forgot.

Its argument is a file in which it tells of each that is lost the address, the type and the representation, and the addresses of
others that are freed just before it is looked at.
"""
import ctypes
import gc
import json
import os
import sys

NUMBERS = range(300)
MAKERS = (
    lambda number: "lost text %d" % number,
    lambda number: "verloren \u00fc\u4e2d %d" % number,
    lambda number: b"lost bytes %d" % number,
    lambda number: 10 ** 12 + number,
    lambda number: number + 0.5,
    lambda number: complex(number, 1),
    # The collector finds that these refer to nothing that it collects, and forgets them.
    lambda number: (number + 1000, "in a tuple %d" % number),
    lambda number: frozenset(["in a set %d" % number]),
    lambda number: slice(number + 2000, None),
    lambda number: range(number, number + 9),
)
FREED = (lambda number: "freed text %d" % number, lambda number: b"freed bytes %d" % number, lambda number: (number, 0.25 + number))


def described(one):
    # Complex numbers and ranges are shown in a form of heapsake's own.
    return [id(one), type(one).__name__, None if type(one) in (complex, range) else repr(one)]


lost = []
for make in MAKERS:
    for number in NUMBERS:
        one = make(number)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(one))
        lost.append(described(one))
del one
gc.collect()
gc.disable()
freed = [make(number) for make in FREED for number in NUMBERS]
with open(sys.argv[1], "w") as file:
    json.dump({"lost": lost, "freed": [id(one) for one in freed]}, file)
del freed
os.write(1, b"ready\n")
os.read(0, 1)
