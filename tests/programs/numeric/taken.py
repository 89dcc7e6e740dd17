"""Reads again what was taken out of a dump: ``taken.py FOLDER PROGRAM SAID.json``; prints ``PROBLEM …`` lines."""
import csv
import json
import os
import sys


def check(what, found, expected):
    if found != expected:
        print("PROBLEM %s is %.300r, not %.300r" % (what, found, expected))


def numeric(path, said):
    import numpy as np

    arrays = json.load(open(path(0, "json")))
    for name in ("grid", "view", "turned texts", "texts or none", "of i", "bool", "inserted", "none", "point"):
        check(name, arrays[name], said["arrays"][name]["values"])
    for number, name in [(1, "view"), (2, "swapped floats"), (3, "dates in 25s"), (4, "turned texts")]:
        made, told = np.load(path(number, "npy"), allow_pickle=False), said["arrays"][name]
        if name == "dates in 25s":
            made = made.astype(str)
        check(name, made.tolist(), told["values"])
        check(name + ".shape", list(made.shape), told["shape"])
    check("grid", [[int(cell) for cell in row] for row in csv.reader(open(path(5, "csv")))], said["arrays"]["grid"]["values"])
    check("texts", list(csv.reader(open(path(6, "csv")))), [["value"], ["a"], [], [], ["z" * 40]])
    mixed = list(csv.reader(open(path(7, "csv"))))
    told = said["frames"]["mixed"]
    check("the labels of mixed", mixed[0][1:], told["columns"])
    check("the texts of mixed", [row[2] for row in mixed[1:]], told["cells"][1])
    check("the index of mixed", [int(row[0]) for row in mixed[1:]], told["index"])
    labelled, told = json.load(open(path(8, "json"))), said["frames"]["labelled"]
    check("labelled", labelled, {"columns": told["columns"], "index": told["index"], "data": [list(row) for row in zip(*told["cells"])]})
    check("by label", list(csv.reader(open(path(9, "csv")))), [["", "value"], ["x", "1"], ["y", "2"]])


def columns(path, said):
    import numpy as np

    told = said["frames"]["mixed"]
    rows = list(csv.reader(open(path(0, "csv"), encoding="utf-8")))
    check("columns", rows[0], [column["name"] for column in told["columns"]])
    values = {column["name"]: column["values"] for column in told["columns"]}
    texts = [row[rows[0].index("texts")] for row in rows[1:]]
    check("texts", texts, [text or "" for text in values["texts"]])
    check("wholes", [row[0] for row in rows[1:]], ["" if value is None else str(value) for value in values["wholes"]])
    part = json.load(open(path(1, "json")))
    check("rows", [row[0] for row in part["data"]], said["frames"]["part"]["columns"][0]["values"])
    check("one", json.load(open(path(2, "json"))), {"data": values["texts"]})
    check("wholes", np.load(path(3, "npy")).tolist(), list(range(20000)))


def main(folder, name, answers):
    def path(number, ending):
        return os.path.join(folder, "%s-%d.%s" % (name, number, ending))

    with open(answers) as file:
        (numeric if name == "numeric2" else columns)(path, json.load(file))


main(*sys.argv[1:])
