"""The program of the golden dumps: small, imports nothing but `sys`, stands still in two frames, dies of nothing."""
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


def wait(fleet, *ports, deep=True):
    ring = [1, "two", 3.5, b"four", (5, 6), {7}, None, True]
    ring.append(ring)
    counting = numbers(9)
    next(counting)
    password = "not in the dump"
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


def main():
    fleet = {"Aurore": Ship("Aurore", [Crate(12), Crate(2 ** 70)]), "Étoile": Ship("Étoile \U0001f6a2", [])}
    wait(fleet, "Brest", "Nantes")


main()
