"""Compares the arrays and frames of a dump with what the program said of them: ``compare.py DUMP SAID.json``.

Runs where neither NumPy nor pandas is installed; prints ``PROBLEM …`` lines, and how much was compared.
"""
import json
import sys

import heapsake

problems = 0
compared = 0


def check(what, found, expected):
    global problems, compared
    compared += 1
    if not same(found, expected):
        problems += 1
        print("PROBLEM %s is %.300r, not %.300r" % (what, found, expected))


def same(found, expected):
    if isinstance(expected, float) or isinstance(found, float):
        return found == expected or (found != found and (expected is None or expected != expected))
    if isinstance(found, complex):
        return [found.real, found.imag] == expected
    if isinstance(found, bytes):
        # JSON has no bytes: the program said a list of numbers.
        return found == bytes(expected).rstrip(b"\0") or found == bytes(expected)
    if isinstance(found, (list, tuple)) and isinstance(expected, list):
        return len(found) == len(expected) and all(same(one, other) for one, other in zip(found, expected))
    return found == expected and isinstance(found, bool) == isinstance(expected, bool)


def attempt(what, action):
    try:
        return action()
    except Exception as error:
        global problems
        problems += 1
        print("PROBLEM %s: %s: %s" % (what, type(error).__name__, error))
        return None


def entries(view):
    return {key.value: value for key, value in view.items}


def array(name, view, said):
    facts = view.attributes

    def fact(which):
        return facts[which].value

    check(name + ".surrogate", view.surrogate, None)
    check(name + ".shape", [item.value for item in facts["shape"].items], said["shape"])
    check(name + ".strides", [item.value for item in facts["strides"].items], said["strides"])
    for which, key in [("itemsize", "itemsize"), ("nbytes", "nbytes"), ("c_contiguous", "c"), ("f_contiguous", "f"),
                       ("writeable", "writeable"), ("owndata", "owndata")]:
        check("%s.%s" % (name, which), fact(which), said[key])
    if name != "records":
        check(name + ".dtype.name", facts["dtype"].attributes["name"].value, said["name"])
    if name not in ("padded", "records"):
        check(name + ".dtype", str(facts["dtype"].rebuild()), said["dtype"])
    base = facts["base"].address if "base" in facts else None
    check(name + ".base", base, said["base"])
    made = view.rebuild()
    check(name + "'s type", type(made).__name__, said["type"])
    check(name + " rebuilt", made.tolist(), said["values"])
    flat = said["values"]
    for _ in range(len(said["shape"]) - 1):
        flat = [item for part in flat for item in part]
    flat = flat if said["shape"] else [flat]
    check(name + " has", len(view.items), len(flat))
    for at in {0, len(flat) // 2, len(flat) - 1} if flat else ():
        value = view.items[at].rebuild()
        value = tuple(plain(each) for each in value.values()) if isinstance(value, dict) else value
        check("%s.items[%d]" % (name, at), value, flat[at])


def plain(value):
    return tuple(plain(each) for each in value.values()) if isinstance(value, dict) else value


def moment(value):
    return value[:19] if isinstance(value, str) and value[4:5] == "-" and "T" in value else None if value == "NaT" else value


def frame(name, view, said):
    made = view.rebuild()
    check(name + ".columns", list(made.columns), said["columns"])
    check(name + ".index", list(made.index), said["index"])
    check(name + ".shape", list(made.shape), [len(said["index"]), len(said["columns"])])
    for label, cells in zip(said["columns"], said["cells"]):
        found = attempt("%s[%r]" % (name, label), lambda: [moment(value) for value in made[label]])
        check("%s[%r]" % (name, label), [None if value != value else value for value in found or ()], cells)
    if said["cells"] and said["cells"][0] and all(isinstance(label, str) for label in said["columns"]):
        label, row = said["columns"][-1], said["index"][-1]
        row = tuple(row) if isinstance(row, list) else row
        check("%s[%r][%r]" % (name, label, row), made[label][row], said["cells"][-1][-1])
    check("the look of " + name, "shape (%d, %d)" % tuple(made.shape) in repr(made), True)


def main(path, answers):
    for name in ("numpy", "pandas"):
        try:
            __import__(name)
        except ImportError:
            continue
        print("PROBLEM %s is installed here" % name)
    with open(answers) as file:
        said = json.load(file)
    dump = heapsake.load(path)
    found = next(frame for thread in dump.threads for frame in thread.frames if frame.function == "main").locals
    arrays = entries(found["arrays"])
    for name, expected in said["arrays"].items():
        attempt(name, lambda: array(name, arrays[name], expected))
    scalars = entries(found["scalars"])
    for name, expected in said["scalars"].items():
        view = scalars[name]
        value = view.value if view.value is not None else view.rebuild()
        check(name, value.decode() if isinstance(value, bytes) else value, expected)
    tables = entries(found["tables"])
    for name, expected in said["frames"].items():
        attempt(name, lambda: frame(name, tables[name], expected))
    series = entries(found["series"])
    for name, expected in said["series"].items():
        check(name, attempt(name, lambda: list(series[name].rebuild())), expected)
    random = entries(found["random"])
    for name in ("state", "inc"):
        check(name, random["pcg"].attributes[name].value, said["random"][name])
    check("key", [item.value for item in random["twister"].attributes["key"].items], said["random"]["key"])
    check("pos", random["twister"].attributes["pos"].value, said["random"]["pos"])
    philox, sfc = random["philox"].attributes, random["sfc"].attributes
    for name, expected in [*said["random"]["philox"].items(), ("buffer", said["random"]["buffer"])]:
        check(name, [item.value for item in philox[name].items], expected)
    check("buffer_pos", philox["buffer_pos"].value, said["random"]["buffer_pos"])
    check("state", [item.value for item in sfc["state"].items], said["random"]["sfc"])
    check("uinteger", sfc["uinteger"].value, said["random"]["uinteger"])
    print("compared %d" % compared)


main(*sys.argv[1:])
