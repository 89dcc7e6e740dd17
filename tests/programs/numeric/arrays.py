"""Arrays of every sort and frames of pandas; says what NumPy and pandas know of them, then dumps itself.

``arrays.py SAID.json DUMP``: the dump's innermost frame holds ``arrays``, ``scalars``, ``frames``, ``series``, ``random``.
"""
import json
import os
import sys
import tempfile

import numpy as np
import pandas as pd

import heapsake


def samples():
    grid = np.arange(24, dtype="int32").reshape(4, 6)
    made = {
        "grid": grid, "view": grid[1:, ::2], "reversed": grid[::-1, ::-1], "transposed": grid.T, "column": grid[:, 3],
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "none": np.empty((0, 3)), "point": np.array(5),
        "broadcast": np.broadcast_to(np.arange(3, dtype="i2"), (4, 3)), "inserted": grid[:, None, :2],
        "swapped": np.arange(5, dtype=">i4"), "swapped floats": np.linspace(0, 1, 5).astype(">f8"),
        "half": np.array([1.5, -0.25, np.inf], dtype="f2"), "long": np.array([1.5, -2.25], dtype="longdouble"),
        "nan": np.array([1.0, np.nan, -np.inf]), "complex": np.array([1 + 2j, -3.5j]), "complex64": np.array([1 + 2j], dtype="c8"),
        "bool": np.array([True, False]), "bytes": np.array([b"ab", b"c"]), "text": np.array(["ab", "\u20ac", ""]),
        "swapped text": np.array(["ab"]).astype(">U2"), "raw": np.array([b"abcd"], dtype="V4"),
        "large": np.arange(300_000, dtype="i8").reshape(3, 100_000), "sparse": np.arange(1_000_000, dtype="u1")[::100_000],
        "unaligned": np.frombuffer(b"\0" + np.arange(4, dtype="<i4").tobytes(), dtype="<i4", offset=1),
        "objects": np.array([["a", None], [1, 2.5]], dtype=object), "objects view": np.array([1, "x", 3], dtype=object)[::2],
        "matrix": np.matrix([[1, 2], [3, 4]]), "of a bytearray": np.frombuffer(bytearray(range(8)), dtype="u2"),
        "padded": np.zeros(2, dtype=np.dtype([("a", "u1"), ("b", "f8")], align=True)),
        "nested": np.array([((1, 2.5), b"x")], dtype=[("p", [("i", ">i2"), ("f", "f4")]), ("s", "S2")]),
        "within": np.array([([1, 2], 3)], dtype=[("v", "i4", (2,)), ("n", "i8")]),
        "records": np.rec.array([(1, "x")], dtype=[("a", "i4"), ("b", "U3")]),
    }
    for code in "bBhHiIlLqQ":
        made["of " + code] = np.array([0, 1, 127], dtype=code)
    if hasattr(np, "dtypes") and hasattr(np.dtypes, "StringDType"):
        made.update(texts(np.dtypes.StringDType))
    for unit in ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "25s"):
        made["dates in " + unit] = np.array([0, 12345, -9876, "NaT"], dtype="M8[%s]" % unit)
    # A mapped file, which the dump does not need any more.
    path = os.path.join(tempfile.mkdtemp(), "mapped")
    mapped = np.memmap(path, dtype="i4", mode="w+", shape=(3, 2))
    mapped[:] = [[1, 2], [3, 4], [5, 6]]
    made["mapped"] = mapped
    return made


def texts(kind):
    """Texts of any length: in their elements, in the arena, outside of it; with every sort of missing one."""
    several = ["a", "", "fifteen letters", "sixteen letters!", "x" * 300, "\u20ac" * 9, "y" * 5000]
    made = {
        "texts": np.array(several, dtype=kind()), "texts or none": np.array(["a", None, "", "z" * 40], dtype=kind(na_object=None)),
        "texts or nan": np.array(["q", float("nan"), "w" * 20], dtype=kind(na_object=float("nan"))),
        "texts or a word": np.array(["q", "__missing__", ""], dtype=kind(na_object="__missing__", coerce=False)),
        "no texts yet": np.zeros((2, 3), dtype=kind()),
        "texts in rows": np.array([["row %d, column %d of the grid" % (row, at) for at in range(4)] for row in range(3)], dtype=kind()),
        "many texts": np.array(["text number %d of many" % number for number in range(5000)], dtype=kind()),
    }
    changed = made["changed texts"] = made["texts"].copy()
    changed[0], changed[3], changed[4] = "longer than it was before", "y" * 20, "short"
    made["some texts"] = made["texts in rows"][1:, ::2]
    made["turned texts"] = made["texts in rows"].T[::-1]
    return made


def said(array):
    listed = array.astype(str) if array.dtype.kind in "M" else array.astype("f8") if array.dtype.kind == "f" else array
    if array.dtype.kind == "O":
        listed = array.tolist()
    return {
        "shape": array.shape, "strides": array.strides, "dtype": str(array.dtype), "name": array.dtype.name,
        "itemsize": array.itemsize, "nbytes": array.nbytes, "c": bool(array.flags.c_contiguous), "f": bool(array.flags.f_contiguous),
        "writeable": bool(array.flags.writeable), "owndata": bool(array.flags.owndata),
        "base": id(array.base) if array.base is not None else None, "type": type(array).__name__,
        "values": listed if isinstance(listed, list) else listed.tolist(),
    }


def plain(value):
    """What JSON does not know: complex numbers, bytes, elements of NumPy."""
    if isinstance(value, complex):
        return [value.real, value.imag]
    return value.tolist() if hasattr(value, "tolist") else list(value)


def frames():
    days = pd.date_range("2024-01-01", periods=5)
    return {
        "mixed": pd.DataFrame({
            "ints": range(5), "texts": list("abcde"), "floats": [1.0, float("nan"), 3.0, 4.0, 5.0], "bools": [True, False] * 2 + [True],
            "more ints": range(5, 10), "objects": [1, "x", None, 2.5, (1, 2)], "days": days,
            "kinds": pd.Categorical(["u", "v", "u", None, "v"]), "masked": pd.array([1, None, 3, 4, 5], dtype="Int64"),
        }),
        "labelled": pd.DataFrame([[1, 2], [3, 4]], index=["x", "y"], columns=["p", "q"]),
        "numbered": pd.DataFrame(np.arange(6).reshape(3, 2)),
        "several": pd.DataFrame({"v": [1.5, 2.5]}, index=pd.MultiIndex.from_tuples([(1, "a"), (2, "b")])),
        "part": pd.DataFrame({"a": range(10), "b": range(10)}).iloc[2:8:2],
        "empty": pd.DataFrame({"a": []}),
    }


def cell(value):
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, pd.Timestamp):
        return str(value.to_datetime64().astype("M8[s]"))
    if isinstance(value, np.generic):
        return value.item()
    return list(value) if isinstance(value, tuple) else value


def main(answers, dump):
    arrays = samples()
    scalars = {
        "float32": np.float32(2.5), "float64": np.float64(-1.25), "int8": np.int8(-3), "uint64": np.uint64(2**64 - 1),
        "bool": np.bool_(True), "str": np.str_("abc"), "bytes": np.bytes_(b"xy"), "float16": np.float16(0.5),
    }
    date, structure = np.datetime64("2021-05-05T10:11:12"), arrays["nested"][0]
    tables = frames()
    series = {"named": tables["mixed"]["ints"], "by label": pd.Series([1, 2], index=["x", "y"], name="n")}
    random = {"pcg": np.random.default_rng(7).bit_generator, "twister": np.random.RandomState(7)._bit_generator,
              "philox": np.random.Philox(7), "sfc": np.random.SFC64(7)}
    for name in ("philox", "sfc"):
        np.random.Generator(random[name]).integers(9, size=3, dtype=np.uint32)
    told = {
        "arrays": {name: said(array) for name, array in arrays.items()},
        "scalars": {name: value.item() if not isinstance(value, bytes) else value.decode() for name, value in scalars.items()},
        "frames": {name: {"columns": [cell(label) for label in frame.columns], "index": [cell(label) for label in frame.index],
                          "cells": [[cell(value) for value in frame.iloc[:, at]] for at in range(frame.shape[1])]}
                   for name, frame in tables.items()},
        "series": {name: [cell(value) for value in one] for name, one in series.items()},
        "random": {"state": str(random["pcg"].state["state"]["state"]), "inc": str(random["pcg"].state["state"]["inc"]),
                   "key": random["twister"].state["state"]["key"].tolist(), "pos": int(random["twister"].state["state"]["pos"]),
                   "philox": {name: part.tolist() for name, part in random["philox"].state["state"].items()},
                   "buffer": random["philox"].state["buffer"].tolist(), "buffer_pos": int(random["philox"].state["buffer_pos"]),
                   "sfc": random["sfc"].state["state"]["state"].tolist(), "uinteger": int(random["sfc"].state["uinteger"])},
    }
    with open(answers, "w") as file:
        json.dump(told, file, default=plain)
    ready = "all is said"
    heapsake.dump(dump, redact="none")
    print(ready, date, len(structure))


if __name__ == "__main__":
    main(*sys.argv[1:])
