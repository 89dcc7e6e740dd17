"""Compares the frames of a dump with what polars said of them: ``columns_compare.py DUMP SAID.json``.

Runs where polars is not installed; prints ``PROBLEM …`` lines, and how much was compared.
"""
import json
import sys

import heapsake

compared = 0


def check(what, found, expected):
    global compared
    compared += 1
    if found != expected:
        print("PROBLEM %s is %.300r, not %.300r" % (what, found, expected))


def cell(value, kind):
    if isinstance(value, str) and kind.startswith("Datetime"):
        return value[:19]
    if isinstance(value, str) and kind.startswith(("Duration", "Time")):
        number, unit = value.split()
        seconds = int(number) / {"nanoseconds": 10**9, "microseconds": 10**6, "milliseconds": 1000}[unit]
        return seconds if kind.startswith("Duration") else "%02d:%02d:%02d" % (seconds // 3600, seconds // 60 % 60, seconds % 60)
    return value


def column(name, made, fact, said):
    check(name + ".name", fact.get("name"), said["name"])
    # Names of one value for all rows are all that is known of it, and of lists and the like how many there are.
    if said["name"] != "seven" and not said["dtype"].startswith(("List", "Struct", "Binary")):
        check(name + ".nulls", fact.get("nulls"), said["nulls"])
    if said["values"] is None:
        check(name + " says why", "reason" in fact, True)
        try:
            made[0]
        except LookupError:
            return
        print("PROBLEM %s has values" % name)
        return
    check(name + ".dtype", fact["dtype"], said["dtype"])
    check(name, [cell(value, said["dtype"]) for value in made], said["values"])


def main(path, answers):
    try:
        import polars
    except ImportError:
        polars = None
    if polars is not None:
        print("PROBLEM polars is installed here")
    with open(answers) as file:
        said = json.load(file)
    dump = heapsake.load(path)
    found = next(frame for thread in dump.threads for frame in thread.frames if frame.function == "main").locals
    frames = {key.value: value for key, value in found["frames"].items}
    for name, told in said["frames"].items():
        view = frames[name]
        inner = view.attributes["_df"]
        check(name + ".surrogate", inner.surrogate, None)
        facts = [{key.value: value.value for key, value in entry.items} for entry in inner.attributes["columns"].items]
        made = view.rebuild()
        check(name + ".shape", list(made.shape), told["shape"])
        check(name + ".columns", list(made.columns), [each["name"] for each in told["columns"]])
        for fact, each in zip(facts, told["columns"]):
            column("%s[%r]" % (name, each["name"]), made[each["name"]], fact, each)
    one = found["one"].rebuild()
    check("one", list(one), next(each for each in said["frames"]["mixed"]["columns"] if each["name"] == "texts")["values"])
    check("the type of one", type(one).__name__, "Series")
    print("compared %d" % compared)


main(*sys.argv[1:])
