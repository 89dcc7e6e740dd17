"""Compares a dump with what its program said of itself, object by object, in any Python.

Arguments: the dump, the description.  Prints problems, the share of references found for each type, and how much was compared.
"""
import collections
import json
import sys

import heapsake

#: types whose objects hold references in memory of C code that no table describes: the state of an extension module
#: (its callbacks, its caches), and what a capsule's maker has its traversal visit
OPAQUE = frozenset(["module", "PyCapsule"])


def value_of(view, kind):
    value = view.value
    if kind == "int":
        return hex(value)
    if kind == "float":
        return value.hex()
    if kind == "complex":
        return value.real.hex() + " " + value.imag.hex()
    if kind == "str":
        return str.encode(value, "utf-8", "surrogatepass").hex()
    if kind in ("bytes", "bytearray"):
        return bytes(view.payload).hex()
    return {"NoneType": "None", "ellipsis": "Ellipsis", "NotImplementedType": "NotImplemented"}.get(kind) or repr(value)


def targets_of(view):
    found = set()
    for kind, name, target in view.edges:
        found.add(target.address)
        if name == "__dict__":
            # where values lie in an instance and in its dictionary, the collector says them of both
            found.update(value.address for _, value in target.items)
        if name in ("gi_frame", "cr_frame", "ag_frame"):
            # from 3.11 on a generator visits what its frame holds, which is an object of its own in the dump
            found.update(held.address for _, _, held in target.edges)
    if view.type is not None:
        found.add(view.type.address)
    return found


def main():
    dump = heapsake.load(sys.argv[1])
    views = {view.address: view for view in dump.objects}
    problems, compared = collections.Counter(), 0
    shares = collections.defaultdict(lambda: [0, 0, None])

    def problem(kind, text):
        problems[kind] += 1
        if problems[kind] <= 3:
            print("PROBLEM %s: %s" % (kind, text.replace("\n", " ")))

    if dump.faults:
        problem("faults", str(dump.faults[:3]))
    with open(sys.argv[2]) as file:
        for line in file:
            address, type_address, module, name, referents, tracked, content = json.loads(line)
            view = views.get(address)
            qualified = name if module == "builtins" else "%s.%s" % (module, name)
            if view is None:
                problem("lost", "the %s at %#x is not in the dump" % (qualified, address))
                continue
            compared += 1
            if view.surrogate:
                problem("surrogate", "%s at %#x: %s" % (qualified, address, view.surrogate))
                continue
            if view.type is None or view.type.address != type_address:
                problem("type", "%s at %#x is read as %s" % (qualified, address, view.type_name))
                continue
            if content is not None:
                how, expected = content
                if how == "value":
                    got = value_of(view, name)
                elif how == "items":
                    got = [item.address for item in view.items]
                else:
                    got = [[key.address, value.address] for key, value in view.items]
                if got != expected:
                    problem("content", "%s at %#x holds %.200s, read as %.200s" % (qualified, address, expected, got))
            if tracked:
                found = targets_of(view)
                lost = [each for each in referents if each not in found]
                share = shares[qualified]
                share[0] += len(referents) - len(lost)
                share[1] += len(referents)
                if lost and share[2] is None:
                    there = views.get(lost[0])
                    share[2] = "%#x lacks %#x, %s" % (address, lost[0], there.type_name if there is not None else "which is not in the dump")
                if lost and module in ("builtins", "collections", "functools", "_thread", "itertools") and name not in OPAQUE:
                    problem("edges of %s" % qualified, share[2])
    for name, (found, of, lost) in sorted(shares.items(), key=lambda pair: pair[1][0] - pair[1][1]):
        if found < of:
            print("SHARE %s %d of %d: %s" % (name, found, of, lost))
    for kind, count in problems.items():
        if count > 3:
            print("PROBLEM %s: %d more" % (kind, count - 3))
    found, of = (sum(share[at] for share in shares.values()) for at in (0, 1))
    print("compared %d %d %d" % (compared, found, of))


if __name__ == "__main__":
    main()
