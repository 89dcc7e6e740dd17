"""Rebuilds the graphs of a dump in this Python, and asks the interpreter whether they are what their program said.

Arguments: the dump, the description, a file for a dump of the rebuilt graphs.  Both are walked together, along what was said;
prints problems, the surrogates by type, how much was compared, and the address of the rebuilt root.
"""
import collections
import collections.abc
import gc
import itertools
import json
import os
import sys
import types
import weakref

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import heapsake
from describing import plain, qualified
from heapsake import rebuild

#: values whose identity is not theirs: an interpreter shares them or makes them anew
ATOMS = frozenset("int float complex str bytes bool NoneType ellipsis NotImplementedType".split())
#: what differs between versions, or is shared by the interpreter where it is empty
SHARED = frozenset(["tuple", "frozenset"])
#: names under which the attributes that a description has are found in a real object
PYTHON = {"referent": lambda value: value()}
#: what a rebuilt module does not show: tools call what they find there
HIDDEN = frozenset(plain(name) for name in ("__builtins__", "__loader__", "__spec__"))


#: values of the library, which each version keeps and calls in its own way: their text is compared
LIBRARY = frozenset(prefix + name for prefix in ("pathlib.", "pathlib._local.") for name in ("PurePosixPath", "PosixPath", "PureWindowsPath"))
LIBRARY |= {"uuid.UUID", "fractions.Fraction"}
#: containers of weak references, which they make by themselves
ANEW = ("_weakrefset.WeakSet", "weakref.WeakValueDictionary", "weakref.WeakKeyDictionary")


VIEWS = {"dict_keys": collections.abc.KeysView, "dict_values": collections.abc.ValuesView, "dict_items": collections.abc.ItemsView}


class Comparison:
    def __init__(self, dump, said):
        self.dump = dump
        self.rows = {row["id"]: row for row in said["rows"]}
        self.forward, self.backward, self.paths = {}, {}, {}
        self.left, self.kept = collections.deque(), []
        self.problems, self.surrogates = collections.Counter(), collections.Counter()
        self.compared = 0

    def problem(self, kind, text):
        self.problems[kind] += 1
        if self.problems[kind] <= 3:
            text = text.replace("\n", " ")
            print("PROBLEM %s: %s" % (kind, text if len(text) < 700 else text[:200] + " … " + text[-400:]))

    def pair(self, address, value, path):
        """Notes that an object is the one at an address, which it must be wherever either is met."""
        row = self.rows.get(address)
        if row is None:
            return  # it was not described
        if type(value) is rebuild.Key:
            value = value.value
        if row["type"] in ATOMS:
            if plain(value) != row.get("value"):
                self.problem("value", "%s: %r is not the %s of %s" % (path, value, row["type"], row.get("value")))
            return
        if row["type"] in SHARED and not row["elements"]:
            return
        known = self.forward.get(address)
        if row["type"] == "frame" and self.backward.get(id(value), address) == address:
            # One for each line in which it stands in tracebacks.
            if id(value) not in self.backward:
                self.backward[id(value)] = address
                self.kept.append(value)
                self.left.append((row, value, path))
        elif known is None and id(value) in self.backward:
            self.problem("identity", "%s: a %s is also %s" % (path, row["type"], self.rows[self.backward[id(value)]]["type"]))
        elif known is None:
            self.forward[address], self.backward[id(value)], self.paths[address] = value, address, path
            self.left.append((row, value, path))
        elif known is not value:
            self.problem("identity", "%s: the %s is another than the one at %s" % (path, row["type"], self.paths[address]))

    def run(self):
        while self.left:
            row, value, path = self.left.popleft()
            try:
                self.visit(row, value, path)
            except Exception as problem:
                self.problem("error", "%s: a %s: %r" % (path, row["type"], problem))

    def visit(self, row, value, path):
        # None of a type of this Python, a text of one that was made for the dump.
        flavour = type.__getattribute__(type(value), "__dict__").get("__heapsake_flavour__")
        if flavour is not None and flavour.startswith("surrogate"):
            self.surrogates[row["type"]] += 1
            return
        self.compared += 1
        if row["type"] == "type" or isinstance(value, type):
            self.type(row, value, path)
            return
        if qualified(type(value)) != shown(row["type"]) and not self.is_called_otherwise(row, value, flavour) and not ("iterates" in row and hasattr(type(value), "__next__")):
            self.problem("type", "%s: a %s is rebuilt as %s" % (path, row["type"], qualified(type(value))))
            return
        if "value" in row and plain(value) != row["value"]:
            self.problem("value", "%s: a %s is %s, not %s" % (path, row["type"], plain(value), row["value"]))
        if "elements" in row:
            self.elements(row, list(value), path)
        if "entries" in row:
            items = list(value.items()) if not isinstance(value, dict) else [(key, value[key]) for key in value]
            entries = row["entries"]
            if path.endswith("/__dict__"):
                # From 3.10 on a static method of a module asks it for annotations, which are then there.
                said = {self.rows.get(pair[0], {}).get("value") for pair in entries}
                items = [pair for pair in items if plain(pair[0]) not in HIDDEN and (pair[0] != "__annotations__" or plain(pair[0]) in said)]
                entries = [pair for pair in entries if self.rows.get(pair[0], {}).get("value") not in HIDDEN]
            if len(items) != len(entries):
                self.problem("entries", "%s: a %s has %d entries, not %d" % (path, row["type"], len(items), len(entries)))
            for number, ((key, held), (said_key, said_held)) in enumerate(zip(items, entries)):
                self.pair(said_key, key, "%s/key %d" % (path, number))
                self.pair(said_held, held, "%s/entry %d" % (path, number))
        if "text" in row and flavour is None and " at 0x" not in row["text"] and repr(value) != row["text"]:
            self.problem("text", "%s: a %s is %r, not %s" % (path, row["type"], value, row["text"]))
        if row["type"] in ANEW or row["type"] in LIBRARY:
            return
        for name, address in row.get("attributes", {}).items():
            self.attribute(row, value, name, address, path)
        fill(value)
        if row.get("closed"):
            names = {name for name in vars(value) if not name.startswith("_heapsake")} if hasattr(value, "__dict__") else set()
            more = names - set(row.get("attributes", ())) - set(row.get("facts", ()))
            if more:
                self.problem("attributes", "%s: a %s has %s besides" % (path, row["type"], sorted(more)))
        if row.get("ended"):
            if getattr(value, row["frame"]) is not None:
                self.problem("frames", "%s: a %s that ended has a frame" % (path, row["type"]))
        elif "locals" in row:
            frame = getattr(value, row["frame"]) if "frame" in row else value
            found = dict(frame.f_locals)
            if set(found) != set(row["locals"]):
                self.problem("variables", "%s: a %s has %s, not %s" % (path, row["type"], sorted(found), sorted(row["locals"])))
            for name in set(found) & set(row["locals"]):
                self.pair(row["locals"][name], found[name], "%s/local %s" % (path, name))
            if "line" in row and frame.f_lineno != row["line"]:
                self.problem("lines", "%s: a %s is in line %s, not %s" % (path, row["type"], frame.f_lineno, row["line"]))

    def is_called_otherwise(self, row, value, flavour):
        """Whether a real object is of a type that another version calls by another module."""
        last = lambda name: name.rpartition(".")[2]
        if row["type"] in VIEWS and isinstance(value, VIEWS[row["type"]]):
            return True  # of a dictionary that is filled when it is asked
        return flavour is None and last(qualified(type(value))) == last(row["type"])

    def draw(self):
        """Takes what iterators still have, which ends them."""
        for address, value in list(self.forward.items()):
            row = self.rows[address]
            if "rest" not in row or not hasattr(type(value), "__next__"):
                continue
            found = list(itertools.islice(value, len(row["rest"]) + 1))
            if len(found) != len(row["rest"]):
                self.problem("iterators", "a %s gives %d more, not %d" % (row["type"], len(found), len(row["rest"])))
            for number, (item, said) in enumerate(zip(found, row["rest"])):
                if type(said) is int:
                    self.pair(said, item, "%s at %#x/next %d" % (row["type"], address, number))
                elif plain(item) != said:
                    self.problem("iterators", "a %s gives %r, not %s" % (row["type"], item, said))
        self.run()

    def type(self, row, value, path):
        if not isinstance(value, type):
            self.problem("type", "%s: a class is rebuilt as a %s" % (path, qualified(type(value))))
            return
        name = plain(value.__name__)
        said = self.rows.get(row.get("attributes", {}).get("__name__"), {}).get("value")
        if said is not None and name != said:
            self.problem("type", "%s: a class is called %s, not %s" % (path, name, said))

    def code(self, row, value, path):
        """What runs is a stub on the dead lines: each frame has one of its own, which says the same."""
        for name in ("co_name", "co_filename"):
            if plain(getattr(value, name)) != self.rows[row["attributes"][name]]["value"]:
                self.problem("code", "%s: %s is %r" % (path, name, getattr(value, name)))
        if value.co_firstlineno != row["facts"]["co_firstlineno"]:
            self.problem("code", "%s: begins in line %d, not %d" % (path, value.co_firstlineno, row["facts"]["co_firstlineno"]))

    def elements(self, row, items, path):
        said = row["elements"]
        if len(items) != len(said):
            self.problem("elements", "%s: a %s has %d elements, not %d" % (path, row["type"], len(items), len(said)))
            return
        if row.get("unordered"):
            # In the order in which the program has them: values by what they are, others by where they came from.
            keyed = {}
            for item in items:
                item = item.value if type(item) is rebuild.Key else item
                view = rebuild.view_of(item)
                keyed[(type(item).__name__, plain(item)) if plain(item) is not None and type(item).__name__ in ATOMS else getattr(view, "address", None)] = item
            ordered = []
            for address in said:
                there = self.rows.get(address)
                if there is None:
                    continue  # it was not described
                key = (there["type"], there.get("value")) if there["type"] in ATOMS and "value" in there else address
                if key not in keyed and there["type"] not in SHARED and there["type"] not in ATOMS:
                    self.problem("elements", "%s: a %s lacks the %s" % (path, row["type"], there["type"]))
                if key in keyed:
                    ordered.append((address, keyed[key]))
        else:
            ordered = zip(said, items)
        for number, (address, item) in enumerate(ordered):
            self.pair(address, item, "%s/[%d]" % (path, number))

    def attribute(self, row, value, name, address, path):
        if name == "__dict__":
            if row["type"] == "module":
                self.pair(address, value.__dict__, path + "/__dict__")
            return
        if name in ("cr_await", "gi_yieldfrom", "ag_await") and self.rows[address]["type"] not in ("generator", "coroutine"):
            return  # the innermost waits for what lets nothing go on
        if name in ("__code__", "f_code", "gi_code", "cr_code", "ag_code"):
            self.code(self.rows[address], getattr(value, name), "%s/%s" % (path, name))
            return
        try:
            held = PYTHON[name](value) if name in PYTHON else getattr(value, name)
        except AttributeError:
            self.problem("attributes", "%s: a %s has no %s" % (path, row["type"], name))
            return
        self.pair(address, held, "%s/%s" % (path, name))


def shown(name):
    """The name of a class as it is shown: what could not be printed is escaped."""
    return name if name.isprintable() else name.encode("ascii", "backslashreplace").decode()


def fill(value):
    """Has what a container holds put into it, as before any change of it."""
    for kind, change in ((dict, "update"), (list, "extend"), (set, "update")):
        if isinstance(value, kind):
            getattr(value, change)(())


def main():
    heapsake.dump(sys.argv[3], redact="none")
    with open(sys.argv[2]) as file:
        said = json.load(file)
    dump = heapsake.load(sys.argv[1])
    root = dump.at(said["root"]).rebuild()
    comparison = Comparison(dump, said)
    comparison.pair(said["root"], root, "GRAPHS")
    comparison.run()
    sys.stdout.flush()
    gc.collect()
    heapsake.dump(sys.argv[3], redact="none")
    comparison.draw()
    for kind, count in comparison.problems.items():
        if count > 3:
            print("PROBLEM %s: %d more" % (kind, count - 3))
    for kind, count in sorted(comparison.surrogates.items()):
        print("SURROGATES %d %s" % (count, kind))
    print("compared %d" % comparison.compared)
    print("root %d" % id(root))
    sys.stdout.flush()
    os._exit(0)


main()
