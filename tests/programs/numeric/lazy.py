"""Dumps itself with NumPy in a local, and says whether the dump made what NumPy makes lazily: ``lazy.py DUMP SAID.json``."""
import json
import sys

import heapsake
import numpy
from heapsake import _heapsake, _plugins  # noqa: F401  what a dump needs is there before anything is noted


def state():
    return sorted(sys.modules), {name: id(value) for name, value in vars(numpy).items()}


def main():
    module = numpy
    before = state()
    heapsake.dump(sys.argv[1], redact="none")
    assert state() == before, [each for each in state()[0] if each not in before[0]]
    lazy = [name for name in dir(numpy) if name not in vars(numpy)]
    assert lazy or not hasattr(numpy, "__getattr__"), "nothing of it is lazy"
    with open(sys.argv[2], "w") as file:
        json.dump({"names": before[1], "modules": before[0], "lazy": lazy, "address": id(module)}, file)


main()
