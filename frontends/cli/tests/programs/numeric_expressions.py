"""The oracle of expressions over arrays of NumPy and tables of pandas: what this interpreter's own `eval` says of their
elements, then a wait to be dumped.  numeric_expressions.py FOLDER ANSWERS: the folder of `arrays.py`, which makes them.

An element is compared as the number, text or date that it is: the type that NumPy gives it is not.
"""
import random
import sys
import warnings

import answers
import numpy as np
import pandas as pd

sys.path.insert(0, sys.argv[1])
import arrays as samples  # noqa: E402

arrays, tables = samples.samples(), samples.frames()
series = {"named": tables["mixed"]["ints"], "by label": pd.Series([1, 2], index=["x", "y"], name="n")}

#: arrays whose elements have parts, or are bytes without a type, which are read field by field; and those of a class that
#: makes something else of its parts
OTHERS = {name for name, array in arrays.items() if array.dtype.kind == "V" or isinstance(array, np.matrix)}


def plain(value):
    """What an element is without NumPy and pandas, and a list of elements."""
    if isinstance(value, (list, tuple)):
        return type(value)(plain(one) for one in value)
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        value = value.to_datetime64()
    if isinstance(value, np.datetime64):
        return str(value)
    if isinstance(value, np.longdouble):
        return float(value)
    if isinstance(value, np.generic):
        return plain(value.item())
    return value


def elements(of, shape):
    """An expression of all elements, as lists."""
    if not shape:
        return of
    name = "x%d" % len(shape)
    return "[%s for %s in %s]" % (elements(name, shape[1:]), name, of)


def of_array(chance, name, array):
    of = "arrays[%r]" % name
    yield from ("%s.shape" % of, "%s.ndim" % of, "%s.size" % of, "len(%s)" % of, "type(%s).__name__" % of)
    if array.size <= 2000 and array.ndim:
        yield elements(of, array.shape)
    for _ in range(12):
        index = [chance.randrange(-length, length) if length else 0 for length in array.shape]
        yield "%s[%s]" % (of, ", ".join(map(str, index)) + ("," if len(index) == 1 else "")) if index else of + ".ndim"
        yield of + "".join("[%d]" % at for at in index) if index else of + ".size"
        if not index:
            continue
        # One beyond the end, and too many.
        at = chance.randrange(len(index))
        beyond = list(index)
        beyond[at] = chance.choice([array.shape[at], -array.shape[at] - 1, 10 ** 9])
        yield "%s[%s]" % (of, ", ".join(map(str, beyond)) + ("," if len(index) == 1 else ""))
        yield "%s[%s]" % (of, ", ".join(map(str, index + [0])))
        # Parts in each dimension.
        part = ":".join(chance.choice(["", str(chance.randrange(-4, 5))]) for _ in range(2))
        part += chance.choice(["", ":2", ":-1", ":3"])
        cut = [str(one) for one in index]
        cut[at] = part
        left = 1 + (len(index) - 1 - at)
        if array.size <= 2000:
            yield elements("%s[%s]" % (of, part), array.shape)
            if all(array.shape):
                # What follows a part keeps its index.
                shape = array.shape[:left] if at == 0 else array.shape[-left:]
                yield elements("%s[%s]" % (of, ", ".join(cut[:at + 1])), shape)
                yield elements("%s[%s]" % (of, ", ".join(cut)), (0,))
    # Sums of unsigned numbers of 64 bits are floats in NumPy 1.
    usual = array.dtype.kind in "iufb" and array.dtype.itemsize in (4, 8) and array.dtype != np.uint64
    if usual and array.ndim and array.size and array.size < 2000:
        row = of + "[0]" * (array.ndim - 1)
        cell = row + "[-1]"
        for text in ("sum(%s)", "min(%s)", "max(%s)", "sorted(%s)", "len(%s)", "any(x > 2 for x in %s)", "all(%s)", "list(%s)",
                     "[x * 2 for x in %s if x > 1]", "list(reversed([x for x in %s]))", "[at for at, x in enumerate(%s)]",
                     "dict(zip('abc', %s))['a']"):
            yield text % row
        for text in ("%s == 5", "%s < 3", "%s + 1", "%s * 2.5", "float(%s)", "bool(%s)", "int(%s) if %s == %s else None",
                     "%s in [1, 2, 3]", "-%s", "abs(%s)"):
            if array.dtype.kind in "if" or text[0] != "-":
                yield text.replace("%s", cell)
        yield "2 in %s" % row


def of_table(chance, name, table):
    of = "tables[%r]" % name
    yield from ("len(%s)" % of, "[x for x in %s]" % of, "type(%s).__name__" % of, "%s.shape" % of)
    yield from ("%s['nothing']" % of, "%r in [x for x in %s]" % ("ints", of))
    for label in table.columns:
        label = plain(label)
        column = "%s[%r]" % (of, label)
        if isinstance(table[label].dtype, pd.CategoricalDtype):
            # A missing one is a number that is none there, and None here.
            yield "[x for x in %s if isinstance(x, str)]" % column
            continue
        yield from ("len(%s)" % column, "[x for x in %s]" % column, "list(%s)" % column, "len([x for x in %s])" % column)
        if isinstance(label, str) and label.isidentifier():
            yield "[x for x in %s.%s]" % (of, label)
        if table.index.nlevels > 1:
            continue
        for at in [*table.index, "nothing"] + [99] * (table.index.dtype.kind == "i"):
            yield "%s[%r]" % (column, plain(at))
        if table[label].dtype.kind == "i" and not table[label].isna().any():
            yield from ("sum(%s)" % column, "max(%s)" % column, "[x * 2 for x in %s]" % column)
            yield "[x for x in %s[1:%d]]" % (column, chance.randrange(1, 5))


def expressions():
    chance = random.Random(11)
    for name, array in arrays.items():
        if name not in OTHERS:
            yield from of_array(chance, name, array)
    for name, table in tables.items():
        yield from of_table(chance, name, table)
    for name, one in series.items():
        of = "series[%r]" % name
        yield from ("len(%s)" % of, "list(%s)" % of, "sum(%s)" % of)
        for at in [*one.index, "nothing"]:
            yield "%s[%r]" % (of, plain(at))


def main():
    warnings.simplefilter("ignore")
    answers.write(sys.argv[2], expressions(), globals(), plain)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    main()
