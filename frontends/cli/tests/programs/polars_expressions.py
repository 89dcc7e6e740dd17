"""The oracle of expressions over frames and series of polars, as `numeric_expressions.py` is of NumPy's and pandas': what this
interpreter's own `eval` says, then a wait to be dumped.  polars_expressions.py FOLDER ANSWERS: the folder of `columns.py`.
"""
import datetime
import random
import sys

import answers
import polars as pl

sys.path.insert(0, sys.argv[1])
import columns as samples  # noqa: E402

frames = samples.samples()
one, wholes = frames["mixed"]["texts"], frames["many"]["number"]

#: types whose values are compared; those of others have other words, or are not told
PLAIN = ("Int", "UInt", "Float", "Boolean", "String", "Utf8", "Date")


def plain(value):
    """A date is its text."""
    if isinstance(value, (list, tuple)):
        return type(value)(plain(one) for one in value)
    return value.isoformat() if isinstance(value, datetime.date) else value


def of_column(chance, of, length):
    yield from ("len(%s)" % of, "[x for x in %s[%d:%d]]" % (of, chance.randrange(4), chance.randrange(9)))
    if length < 100:
        yield from ("[x for x in %s]" % of, "list(%s)" % of, "[at for at, x in enumerate(%s) if x is None]" % of)
        yield "[x for x in %s[::2]]" % of
    for at in {0, length // 2, length - 1, -1, -length, chance.randrange(length)} if length else ():
        yield "%s[%d]" % (of, at)
    yield from ("%s[%d]" % (of, length), "%s[%d]" % (of, -length - 1))


def expressions():
    chance = random.Random(5)
    for name, frame in frames.items():
        of = "frames[%r]" % name
        yield from ("len(%s)" % of, "%s.shape" % of, "[len(column) for column in %s]" % of, "type(%s).__name__" % of)
        for position, series in enumerate(frame.get_columns()):
            kind = str(series.dtype)
            if not kind.startswith(PLAIN) or kind.startswith("Datetime") or series.name == "seven":
                continue
            yield from of_column(chance, "%s[%r]" % (of, series.name), len(series))
            for row in {0, len(series) - 1, -1} if len(series) else ():
                yield from ("%s[%d, %d]" % (of, row, position), "%s[%d, -%d]" % (of, row, frame.shape[1] - position))
    yield from of_column(chance, "one", len(one))
    yield from of_column(chance, "wholes", len(wholes))
    yield from ("sum(wholes)", "max(wholes)", "[x * 2 for x in wholes if x < 3]", "sorted(x for x in one if x)")


def main():
    answers.write(sys.argv[2], expressions(), globals(), plain)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    main()
