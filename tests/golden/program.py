"""The program of the golden dumps: it needs nothing but `sys`, forgets the rest, and stands still three frames deep."""
import sys


class Ship:
    flag = "FR"

    def __init__(self, name, cargo):
        self.name, self.cargo = name, cargo


class Crate:
    __slots__ = ("weight",)

    def __init__(self, weight):
        self.weight = weight


def numbers(limit):
    for number in range(limit):
        yield number


def forget():
    """What Python started with makes nine tenths of so small a dump."""
    for name in list(sys.modules):
        if name not in ("sys", "builtins", "__main__"):
            sys.modules.pop(name).__dict__.clear()
    for known in (sys.path_hooks, sys.meta_path, sys.path_importer_cache):
        known.clear()


def wait(fleet, *ports, deep=True):
    ring = [1, "two", 3.5, b"four", (5, 6), {7}, None, True, 2 - 3j, frozenset([8]), bytearray(b"nine"), range(2, 11, 4)]
    ring.append(ring)
    counting = numbers(9)
    next(counting)
    password = "not in the dump"
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


def main():
    aurore = Ship("Aurore", [Crate(12), Crate(2 ** 70)])
    fleet = {"Aurore": aurore, "\xc9toile": Ship("\xc9toile \U0001f6a2", [])}
    aurore.sister = fleet["\xc9toile"]
    forget()
    try:
        try:
            {}["absent"]
        except KeyError as missing:
            raise ValueError("no such berth", 3) from missing
    except ValueError as problem:
        wait(fleet, "Brest", "Nantes")


main()
