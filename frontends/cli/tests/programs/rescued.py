"""Structures that are taken out of a dump, and the comparison of the files with them.

Without arguments it holds them and waits; with a folder it reads the files there by Python's own modules."""
import array
import ast
import base64
import collections
import csv
import json
import os
import struct
import sys

Point = collections.namedtuple("Point", "x y")


class Order:
    def __init__(self, number, password):
        self.number = number
        self.lines = [{"sku": "a", "count": number}, {"sku": "b\n\"c\"", "count": 2}]
        self.password = password


class Slotted:
    __slots__ = ("one",)


def deep(count):
    value = []
    for _ in range(count):
        value = [value]
    return value


def make():
    shared = [1, 2]
    cyclic = {"name": "ring"}
    cyclic["self"] = cyclic
    slotted = Slotted()
    slotted.one = 1
    big = 3 ** 400
    return {
        "plain": {
            "none": None, "yes": True, "no": False, "int": -5, "big": big, "negative": -big, "float": 0.1, "huge": 1e308, "tiny": 5e-324,
            "text": "q\"\\\n\t\x00\x7f ü 漢 😀", "lone": "a\ud800b", "list": [1, [2, [3]], ()], "tuple": (1, "a"), "empty": {}, "shared": [shared, shared],
            "long": list(range(5000)), "deque": collections.deque([1, 2]), "sub": collections.OrderedDict(a=1),
        },
        "special": {
            "nan": float("nan"), "inf": float("-inf"), "complex": 1 + 2j, "bytes": b"\x00\xff!", "keys": {1: "a", (1, 2): None},
            "marker": {"$x": 1}, "cyclic": cyclic, "set": {7}, "function": make, "slotted": slotted,
        },
        "order": Order(7, "hunter2-very-secret"),
        "deep": deep(20000),
        "records": [{"a": 1, "b": "x,y"}, {"b": "say \"hi\"\r\nthere", "c": None}, {"a": 2.5, "c": [1, {"k": True}]}],
        "rows": [(n, str(n), n / 7) for n in range(3000)],
        "points": [Point(1, 2), Point(3, 4)],
        "orders": [Order(1, "p1"), Order(2, "q2")],
        "columns": {"n": [1, 2, 3], "t": ("a", "", "c")},
        "floats": [0.5, 1, True, -2.25] * 1000,
        "ints": [1, -2, 2 ** 62],
        "unsigned": [0, 2 ** 64 - 1],
        "flags": [True, False],
        "complexes": [1j, 2],
        "matrix": [[1, 2, 3], (4, 5, 6.5)],
        "array": array.array("h", [1, -2, 300]),
        "doubles": array.array("d", [0.25] * 1000),
        "cut": array.array("d", range(200000)),
        "blob": bytes(range(256)) * 500,
        "view": memoryview(array.array("i", range(6))),
        "ragged": [[1, 2], [3]],
        "mixed": [1, "a"],
        "token": ["AKIAIOSFODNN7EXAMPLE"],
    }


def read_npy(path):
    with open(path, "rb") as file:
        assert file.read(8) == b"\x93NUMPY\x01\x00"
        (length,) = struct.unpack("<H", file.read(2))
        assert (10 + length) % 64 == 0
        text = file.read(length)
        assert text.endswith(b"\n")
        header = ast.literal_eval(text.decode("ascii"))
        assert list(header) == ["descr", "fortran_order", "shape"] and header["fortran_order"] is False
        return header["descr"], header["shape"], file.read()


def check_npy(folder, values):
    def expect(name, descr, shape, code, items):
        found = read_npy(os.path.join(folder, name + ".npy"))
        assert found == (descr, shape, struct.pack("<%d%s" % (len(items), code), *items)), (name, found[:2])

    expect("floats", "<f8", (4000,), "d", [float(one) for one in values["floats"]])
    expect("ints", "<i8", (3,), "q", values["ints"])
    expect("unsigned", "<u8", (2,), "Q", values["unsigned"])
    expect("flags", "|b1", (2,), "?", values["flags"])
    expect("complexes", "<c16", (2,), "d", [0, 1, 2, 0])
    expect("matrix", "<f8", (2, 3), "d", [1, 2, 3, 4, 5, 6.5])
    expect("doubles", "<f8", (1000,), "d", values["doubles"])
    expect("blob", "|u1", (len(values["blob"]),), "B", values["blob"])
    expect("view", "<i4", (6,), "i", range(6))
    # The first MiB of it is saved.
    expect("cut", "<f8", (131072,), "d", values["cut"][:131072])
    expect("array", "<i8", (3,), "q", [1, -2, 300])


def check_csv(folder, values):
    def rows(name):
        with open(os.path.join(folder, name + ".csv"), newline="", encoding="utf-8") as file:
            return list(csv.reader(file))

    records = rows("records")
    assert records == [["a", "b", "c"], ["1", "x,y", ""], ["", "say \"hi\"\r\nthere", ""], ["2.5", "", records[3][2]]], records
    assert json.loads(records[3][2]) == [1, {"k": True}]
    assert [(int(n), text, float(part)) for n, text, part in rows("rows")] == values["rows"]
    assert rows("points") == [["x", "y"], ["1", "2"], ["3", "4"]]
    assert rows("columns") == [["n", "t"], ["1", "a"], ["2", ""], ["3", "c"]]
    orders = rows("orders")
    assert orders[0] == ["number", "lines", "password"] and [row[0] for row in orders[1:]] == ["1", "2"]
    assert json.loads(orders[1][1]) == values["orders"][0].lines
    assert all("redacted" in row[2] for row in orders[1:]), orders


def check_json(folder, values):
    def read(name):
        with open(os.path.join(folder, name + ".json"), encoding="utf-8") as file:
            return json.load(file)

    assert read("plain") == json.loads(json.dumps({**values["plain"], "deque": [1, 2]}))
    special = read("special")
    assert special["nan"] == {"$float": "nan"} and special["inf"] == {"$float": "-inf"}
    assert special["complex"] == {"$complex": ["1.0", "2.0"]}
    assert base64.b64decode(special["bytes"]["$bytes"]) == b"\x00\xff!"
    assert special["keys"] == {"$dict": [[1, "a"], [[1, 2], None]]}, special["keys"]
    assert special["marker"] == {"$dict": [["$x", 1]]}
    assert special["cyclic"]["name"] == "ring" and special["cyclic"]["self"]["$ref"].startswith("object:#")
    assert special["set"] == [7] and "make" in special["function"]["$object"]
    assert special["slotted"] == {"$type": "__main__.Slotted", "one": 1}
    order = read("order")
    assert order["$type"] == "__main__.Order" and order["lines"] == values["order"].lines and list(order["password"]) == ["$redacted"]
    level, value = 0, read("deep")
    while isinstance(value, list):
        level, value = level + 1, value[0]
    assert level == 500 and list(value) == ["$ref"], (level, value)
    assert list(read("token")[0]) == ["$redacted"]


if len(sys.argv) > 1:
    sys.setrecursionlimit(5000)
    expected = make()
    check_json(sys.argv[1], expected)
    check_csv(sys.argv[1], expected)
    check_npy(sys.argv[1], expected)
    print("as expected")
else:
    values = make()
    print("ready", flush=True)
    sys.stdin.readline()
    os._exit(0)
