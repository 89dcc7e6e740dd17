"""Frames and series of polars; says what polars knows of them, then dumps itself.

``columns.py SAID.json DUMP``: the dump's innermost frame holds ``frames``, ``one`` and ``wholes``.
"""
import datetime
import json
import sys

import polars as pl

import heapsake


def samples():
    day, moment = datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1, 1, 2, 3, 456)
    texts = ["x", "", "a text that is longer than twelve bytes", "y" * 20, None, "twelve bytes", "w\u20ac"]
    moments = pl.Series([moment + datetime.timedelta(days=number) for number in range(7)])
    mixed = pl.DataFrame({
        "wholes": [1, 2, 3, None, 5, 6, 7], "a name that is longer than twenty-four bytes": [1.5, 2.5, float("inf"), 4.5, -0.5, 6.5, 7.5],
        "texts": texts, "flags": [True, False, None, True, True, False, True],
        "days": [None if number == 2 else day + datetime.timedelta(days=number) for number in range(7)],
        "moments": moments.cast(pl.Datetime("us")), "thousandths": moments.cast(pl.Datetime("ms")),
        "zoned": moments.dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin"),
        "spans": [datetime.timedelta(seconds=number) for number in range(7)], "times": [datetime.time(1, 2, number) for number in range(7)],
        "kinds": pl.Series(["u", "v", "u", "v", None, "u", "v"]).cast(pl.Categorical), "lists": [[1, 2]] * 7, "nothing": [None] * 7,
        "structures": [{"a": 1}] * 7, "bytes": [b"ab"] * 7,
    })
    for kind in ("Int8", "Int16", "Int32", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Int128"):
        if hasattr(pl, kind):
            mixed = mixed.with_columns(pl.Series("of " + kind, [1, 2, 3, 4, None, 6, 120]).cast(getattr(pl, kind)))
    twice = pl.concat([mixed, mixed], rechunk=False)
    return {
        "mixed": mixed, "twice": twice, "part": twice.slice(3, 7), "filtered": mixed.filter(pl.col("wholes") > 2),
        "constant": pl.DataFrame({"a": [1, 2]}).with_columns(pl.lit(7).alias("seven")),
        "empty": pl.DataFrame({"a": pl.Series([], dtype=pl.Int32)}), "none": pl.DataFrame(),
        "many": pl.DataFrame({"number": range(20000), "text": ["text number %d of many" % number for number in range(20000)]}),
    }


#: types of which there are no values
WITHOUT = ("Categorical", "List", "Null", "Struct", "Binary")


def cell(value):
    if isinstance(value, datetime.datetime):
        return value.isoformat()[:19]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return value.total_seconds() if isinstance(value, datetime.timedelta) else value


def said(frame):
    columns = []
    for series in frame.get_columns():
        kind, values = str(series.dtype), None
        if not kind.startswith(WITHOUT) and not (series.name == "seven"):
            # Not every Python has zones of its own.
            listed = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if "Europe" in kind else series
            values = [cell(value) for value in listed.to_list()]
        columns.append({"name": series.name, "dtype": kind, "nulls": series.null_count(), "values": values})
    return {"shape": list(frame.shape), "columns": columns}


def main(answers, dump):
    frames = samples()
    one, wholes = frames["mixed"]["texts"], frames["many"]["number"]
    told = {"polars": pl.__version__, "frames": {name: said(frame) for name, frame in frames.items()}}
    with open(answers, "w") as file:
        json.dump(told, file)
    ready = "all is said"
    heapsake.dump(dump, redact="none")
    print(ready, len(one), len(wholes))


if __name__ == "__main__":
    main(*sys.argv[1:])
