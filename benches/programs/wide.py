"""A program with wide containers, whose parts lie all over its heap: python wide.py COUNT

Makes a list of so many dicts, the same list in random order and a dict of them by name, six objects each, and says ``ready``;
holds them until its input ends.
"""
import random
import sys


def things(count):
    """So many dicts of different numbers, prices and names."""
    return [{"number": 1000 + at, "price": at / 4, "name": "thing %d" % at} for at in range(count)]


def hold(count):
    in_order = things(count)
    shuffled = list(in_order)
    random.Random(count).shuffle(shuffled)
    by_name = {"by name %d" % at: thing for at, thing in enumerate(in_order)}
    print("ready", flush=True)
    sys.stdin.read()
    return in_order, shuffled, by_name


if __name__ == "__main__":
    hold(int(sys.argv[1]))
