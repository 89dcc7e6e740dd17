"""A program that has changed what says its version, and one that hangs while it ends, when the values of `sys` are gone."""
import os
import sys


class Last:
    def __init__(self):
        self.order = ["still", "here"]

    def __del__(self, read=os.read, write=os.write):
        write(1, b"ready\n")
        read(0, 1)


def wait():
    order = ["still", "here"]
    os.write(1, b"ready\n")
    os.read(0, 1)
    return order


if sys.argv[1] == "ending":
    sys.last = Last()
else:
    if sys.argv[1] == "changed":
        sys.hexversion = 0x02070000
    else:
        del sys.hexversion
    wait()
