"""Structures that keep themselves alive, some dropped already; cuts what it is told to, and says what its collector finds."""
import gc
import json
import sys
import weakref

gc.collect()
gc.disable()


class Tree:
    def __init__(self, parent=None, depth=2):
        self.parent = parent
        self.children = [Tree(self, depth - 1) for _ in range(3)] if depth else []


class Link:
    def __init__(self):
        self.next = self.prev = None


class Turn:
    def __init__(self):
        self.next = None


class Slotted:
    __slots__ = ("owner", "part", "__weakref__")


class Button:
    def __init__(self):
        self.callback = self.pressed

    def pressed(self):
        return self


class Cache:
    def __init__(self):
        self.entries = {"all": [self]}


class Job:
    def fail(self):
        me = self
        try:
            raise KeyError(me.__class__.__name__)
        except KeyError as error:
            self.error = error
        return me


def trees():
    top = Tree()
    return [top, *top.children, *(leaf for each in top.children for leaf in each.children)]


def ring():
    links = [Turn() for _ in range(5)]
    for one, other in zip(links, links[1:] + links[:1]):
        one.next = other
    return links


def chain():
    links = [Link() for _ in range(6)]
    for one, other in zip(links, links[1:]):
        one.next, other.prev = other, one
    return links


def slotted():
    one, other = Slotted(), Slotted()
    one.part, other.owner = other, one
    one.owner = other.part = None
    return [one, other]


def button():
    return [Button()]


def cache():
    return [Cache()]


def job():
    one = Job()
    one.fail()
    return [one]


MAKERS = [trees, ring, chain, slotted, button, cache, job]
#: only the first object of each is held
kept = {make.__name__: make()[0] for make in MAKERS}
#: what was dropped, known weakly alone
watched = [weakref.ref(one) for make in (trees, slotted, cache) for one in make()]

print(json.dumps({
    "kept": {name: id(one) for name, one in kept.items()},
    "watched": [id(each()) for each in watched],
}), flush=True)
print("ready", flush=True)


def alive_after(make, cuts):
    """How many objects of a structure are alive when its attributes were cleared and it was dropped, nothing collected."""
    objects = make()
    known = [weakref.ref(one) for one in objects]
    for one in objects:
        for target in [one] + [value for value in getattr(one, "__dict__", {}).values() if isinstance(value, BaseException)]:
            for name in cuts:
                if hasattr(target, name) and not name.startswith("__init"):
                    setattr(target, name, None)
    del objects, one, target
    return sum(each() is not None for each in known)


for line in sys.stdin:
    name, *cuts = line.split()
    if name == "collect":
        ids = [id(each()) for each in watched]
        del watched[:]
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        print(json.dumps({"watched": ids, "garbage": [id(one) for one in gc.garbage]}), flush=True)
        break
    make = next(make for make in MAKERS if make.__name__ == name)
    print(json.dumps([alive_after(make, cuts), alive_after(make, [])]), flush=True)
