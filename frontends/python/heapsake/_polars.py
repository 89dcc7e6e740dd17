"""Frames and series of polars, rebuilt: stand-ins that read values from the dump, or, where polars has been imported already,
real ones.  Nothing is imported because of a dump, unless ``to_polars()`` asks for it.
"""
import re
import sys

from ._arrays import integers, named
from ._classes import attribute
from ._tables import Series as Column
from ._tables import Table

#: what polars writes of a type with parameters
PARAMETERS = re.compile(r"time_unit='(ns|us|ms)'(?:, time_zone='([^']*)')?")


class Names(list):
    """Names of columns."""

    def get_loc(self, name):
        return self.index(name) if name in self else None

    def has_numbers(self):
        return False


class Series(Column):
    """A column of a dump."""

    __slots__ = ("_dtype",)

    dtype = property(lambda self: self._dtype)
    to_list = Column.tolist

    def to_polars(self):
        """A real series; imports polars."""
        import polars

        return real(polars, self)


class DataFrame(Table):
    """A frame of a dump."""

    __slots__ = ("_dtypes",)

    def _column(self, position, name):
        def read(start, count):
            return self._view.column(position, start, count)

        made = Series(self._rebuilder, self._view, read, self.shape[0], None, name)
        made._dtype = self._dtypes[position]
        return made

    dtypes = property(lambda self: list(self._dtypes))
    schema = property(lambda self: dict(zip(self.columns, self._dtypes)))
    height = property(lambda self: self.shape[0])
    width = property(lambda self: self.shape[1])

    def to_pandas(self):
        """A real frame of pandas, which is imported for it."""
        import pandas

        return pandas.DataFrame(self.to_dict(), columns=list(self.columns))

    def to_polars(self):
        """A real frame; imports polars."""
        import polars

        return polars.DataFrame([real(polars, self._column(position, name)) for position, name in enumerate(self.columns)])


def real(polars, column):
    """A real series of the same type: moments are text in the dump's cells, spans and times of the day a number and a unit."""
    kind, values = column.dtype.partition("(")[0], list(column)
    unit, zone = (PARAMETERS.search(column.dtype) or re.match("()()", "")).groups()
    if kind in ("Date", "Datetime"):
        made = polars.Series(column.name, values, dtype=polars.String)
        if kind == "Date":
            return made.str.to_date("%Y-%m-%d")
        made = made.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit=unit)
        return made.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else made
    if kind in ("Duration", "Time"):
        numbers = [None if value is None else int(value.split()[0]) for value in values]
        return polars.Series(column.name, numbers, dtype=polars.Int64).cast(polars.Duration(unit) if kind == "Duration" else polars.Time)
    dtype = getattr(polars, kind, None)
    if dtype is None:
        raise LookupError("the type %s has no values in the dump" % column.dtype)
    return polars.Series(column.name, values, dtype=dtype)


def table(rebuilder, view):
    inner = attribute(view, "_df") or attribute(view, "_s") or view
    columns, shape = attribute(inner, "columns"), integers(inner, "shape")
    if columns is None or not shape:
        return NotImplemented
    facts = [{key.value: value.value for key, value in column.items} for column in columns.items]
    names, dtypes = Names(fact.get("name") or "?" for fact in facts), [fact.get("dtype") or "?" for fact in facts]
    if len(shape) == 1:
        items = view.items
        made = named(Series, view)(rebuilder, view, lambda start, count: items[start:start + count], shape[0], None, names[0])
        made._dtype = dtypes[0]
    else:
        made = named(DataFrame, view)(rebuilder, view, shape, names, None)
        made._dtypes = dtypes
    polars = sys.modules.get("polars")
    if polars is not None and hasattr(polars, "DataFrame"):
        try:
            return made.to_polars()
        except Exception:
            return made  # a value that is missing is shown as such
    return made


__all__ = ["DataFrame", "Names", "Series", "real", "table"]
