"""Rebuilds the frames of a dump where polars is imported: real ones, equal to those that were dumped.

``columns_again.py DUMP``; prints ``PROBLEM …`` lines.
"""
import sys
import types

import polars as pl

import heapsake

#: whose values are not in the dump
WITHOUT = ["kinds", "lists", "nothing", "structures", "bytes"]


def main(path):
    program = types.ModuleType("columns")
    with open(__file__.replace("columns_again", "columns")) as file:
        exec(compile(file.read(), "columns.py", "exec"), program.__dict__)
    dump = heapsake.load(path)
    found = next(frame for thread in dump.threads for frame in thread.frames if frame.function == "main").locals
    frames = {key.value: value for key, value in found["frames"].items}
    for name, expected in program.samples().items():
        made = frames[name].rebuild()
        if name == "constant":
            continue
        if any(column in expected.columns for column in WITHOUT):
            if isinstance(made, pl.DataFrame):
                print("PROBLEM %s is real, and some of it is not in the dump" % name)
            expected = expected.drop(WITHOUT)
            made = pl.DataFrame([made[column].to_polars() for column in expected.columns])
        if not isinstance(made, pl.DataFrame) or made.schema != expected.schema or not made.equals(expected):
            print("PROBLEM %s is %r, not %r" % (name, made, expected))


main(*sys.argv[1:])
