"""Compares the module NumPy in a dump with what the program said of it, where NumPy is not installed: ``lazy_compare.py DUMP SAID.json``."""
import json
import sys

import heapsake


def main():
    dump = heapsake.load(sys.argv[1])
    with open(sys.argv[2]) as file:
        said = json.load(file)
    module = next(frame for thread in dump.threads for frame in thread.frames if frame.function == "main").locals["module"]
    names = {key.value: value for key, value in dict(each[1:] for each in module.edges)["__dict__"].items}
    found = {name: view.address for name, view in names.items()}
    for what, got, expected in (("the module", module.address, said["address"]), ("its names", found, said["names"]),
                                ("the modules", sorted(dump.modules), said["modules"]), ("faults", dump.faults, []),
                                ("surrogates", [name for name, view in names.items() if view.surrogate], []),
                                ("what is lazy", [name for name in said["lazy"] if name in names], [])):
        if got != expected:
            print("PROBLEM %s: %.300r, not %.300r" % (what, got, expected))
    made = module.rebuild()
    if made.__name__ != "numpy" or "numpy" in sys.modules or made.__version__ != names["__version__"].value:
        print("PROBLEM rebuilt as %r" % made)
    print("compared %d" % len(names))


main()
