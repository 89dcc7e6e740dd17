"""Objects that are held in every way, and who holds them as this Python's collector tells it, one JSON line each."""
import collections
import gc
import json
import sys
import types
import weakref


class Plain:
    def __init__(self, name):
        self.name = name
        self.links = []


class Slotted:
    __slots__ = ("held", "__weakref__")


class Sub(dict):
    pass


def make():
    target, ring, slotted, sub = Plain("target"), Plain("ring"), Slotted(), Sub()
    ring.links.append(target)
    target.links.append(ring)
    slotted.held = sub[target] = sub["twice"] = target

    def closure():
        return target

    async def coroutine(held):
        return held

    def generator(held):
        yield held

    suspended = generator(target)
    next(suspended)
    waiting = coroutine(target)
    waiting.close()
    return {
        "target": target,
        "boxes": [target, 1, target],
        "pair": (target, "pair"),
        "ring": ring,
        "slotted": slotted,
        "sub": sub,
        "closure": closure,
        "weak": weakref.ref(target),
        "method": types.MethodType(make, target),
        "suspended": suspended,
        "deque": collections.deque([target]),
        "set": {target},
        "iterator": iter([target]),
        "default": collections.defaultdict(list, {"a": target}),
        "ordered": collections.OrderedDict([("a", target)]),
    }


kept = make()


# Asked so that nothing but a frame holds them for the question.
QUESTIONS = {
    "target": lambda: kept["target"],
    "kept": lambda: kept,
    "ring": lambda: kept["ring"],
    "links": lambda: kept["ring"].links,
    "pair": lambda: kept["pair"],
    "Plain": lambda: Plain,
    "Slotted": lambda: Slotted,
    "make": lambda: make,
    "types": lambda: types,
}


def report():
    for name, question in QUESTIONS.items():
        found = [(id(other), type(other).__name__) for other in gc.get_referrers(question())]
        print(json.dumps({"name": name, "address": id(question()), "referrers": found}))
    print("ready", flush=True)


gc.collect()
report()
sys.stdin.readline()
