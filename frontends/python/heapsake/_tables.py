"""Frames, series and labels of pandas, rebuilt: stand-ins that read columns and rows from the dump, or, where pandas has been
imported already, real ones.  Nothing is imported because of a dump, unless ``to_pandas()`` asks for it.
"""
import sys

from . import _repr
from ._arrays import integers, named
from ._classes import attribute, bare

#: rows that a representation shows
SHOWN = 5
#: rows that are read together
BLOCK = 512


class Column:
    """Values with labels; a position is a position, a label a label."""

    __slots__ = ("_rebuilder", "_view", "_read", "_length", "_labels", "name", "_start", "_block")

    def __init__(self, rebuilder, view, read, length, labels, name):
        self._rebuilder, self._view, self._read, self._length = rebuilder, view, read, length
        self._labels, self.name, self._start, self._block = labels, name, 0, ()

    shape = property(lambda self: (self._length,))
    size = property(lambda self: self._length)
    index = property(lambda self: self._labels)
    values = property(lambda self: self.tolist())

    def _at(self, position):
        if not self._start <= position < self._start + len(self._block):
            self._start = position - position % BLOCK
            self._block = self._read(self._start, BLOCK)
        item = self._block[position - self._start]
        if item.surrogate and not item.type_name:
            raise LookupError("the value is not in the dump")
        return self._rebuilder.rebuild(item)

    def __len__(self):
        return self._length

    def __iter__(self):
        return (self._at(position) for position in range(self._length))

    def __getitem__(self, key):
        if isinstance(key, slice):
            return [self._at(position) for position in range(*key.indices(self._length))]
        if self._labels is not None:
            position = self._labels.get_loc(key)
            if position is not None:
                return self._at(position)
            if not isinstance(key, int) or self._labels.has_numbers():
                raise KeyError(key)
        position = key.__index__()
        if not -self._length <= position < self._length:
            raise IndexError("position %d of %d" % (position, self._length))
        return self._at(position % self._length)

    def tolist(self):
        return list(self)

    def items(self):
        return zip(self._labels if self._labels is not None else range(self._length), self)

    def __getattr__(self, name):
        found = None if name.startswith("__") else attribute(self._view, name)
        if found is None:
            raise AttributeError("%s of the dump has no attribute %r" % (type(self).__name__, name))
        return self._rebuilder.rebuild(found)

    def __repr__(self):
        return _repr.one_line(self)

    def __heapsake_describe__(self, limits):
        return _repr.Description("%s([" % type(self).__name__, [(None, item) for item in shown(self)],
                                 "], name=%r) shape (%d,)" % (self.name, self._length), max(0, self._length - SHOWN))

    def to_pandas(self):
        """A real series; imports pandas."""
        import pandas

        labels = list(self._labels) if self._labels is not None else None
        return pandas.Series(list(self), index=labels, name=self.name)


def shown(column):
    for position in range(min(len(column), SHOWN)):
        try:
            yield column._at(position)
        except LookupError:
            yield Ellipsis


class Labels(Column):
    """Labels of columns or rows."""

    __slots__ = ("_positions",)

    def __getitem__(self, key):
        if isinstance(key, slice):
            return [self._at(position) for position in range(*key.indices(self._length))]
        position = key.__index__()
        if not -self._length <= position < self._length:
            raise IndexError("position %d of %d" % (position, self._length))
        return self._at(position % self._length)

    def _found(self):
        try:
            return self._positions
        except AttributeError:
            found = {}
            for position, label in enumerate(self):
                label = tuple(label) if isinstance(label, list) else label
                found.setdefault(self._rebuilder.hashable(label), position)
            self._positions = found
            return found

    def get_loc(self, label):
        try:
            return self._found().get(label)
        except TypeError:
            return None

    def has_numbers(self):
        return any(isinstance(label, int) for label in self._found())

    def __contains__(self, label):
        return self.get_loc(label) is not None


class Table:
    """A frame: columns by label, then rows."""

    __slots__ = ("_rebuilder", "_view", "shape", "columns", "index")

    def __init__(self, rebuilder, view, shape, columns, index):
        self._rebuilder, self._view, self.shape, self.columns, self.index = rebuilder, view, shape, columns, index

    ndim = property(lambda self: 2)
    size = property(lambda self: self.shape[0] * self.shape[1])

    def _column(self, position, name):
        view = self._view

        def read(start, count):
            return view.column(position, start, count)

        return _COLUMN(self._rebuilder, view, read, self.shape[0], self.index, name)

    def __getitem__(self, label):
        if isinstance(label, list):
            return {each: self[each] for each in label}
        position = self.columns.get_loc(label)
        if position is None:
            raise KeyError(label)
        return self._column(position, label)

    def __iter__(self):
        return iter(self.columns)

    def __len__(self):
        return self.shape[0]

    def __contains__(self, label):
        return label in self.columns

    def keys(self):
        return self.columns

    def items(self):
        for position, label in enumerate(self.columns):
            yield label, self._column(position, label)

    def head(self, rows=SHOWN):
        return {label: column[:rows] for label, column in self.items()}

    def row(self, position):
        """{label: value} of the row at a position."""
        return {label: column._at(position) for label, column in self.items()}

    def to_dict(self):
        return {label: list(column) for label, column in self.items()}

    def to_pandas(self):
        """A real frame; imports pandas.  Dates are text where their dtype is not plain."""
        import pandas

        return pandas.DataFrame(self.to_dict(), columns=list(self.columns), index=list(self.index))

    def __getattr__(self, name):
        if not name.startswith("_"):
            position = self.columns.get_loc(name)
            if position is not None:
                return self._column(position, name)
        found = None if name.startswith("__") else attribute(self._view, name)
        if found is None:
            raise AttributeError("%s of the dump has no attribute %r" % (type(self).__name__, name))
        return self._rebuilder.rebuild(found)

    def __repr__(self):
        return _repr.one_line(self)

    def __heapsake_describe__(self, limits):
        parts = []
        for position, label in enumerate(self.columns[:limits.items]):
            parts.append((_repr.NONE if label is None else label, list(shown(self._column(position, label)))))
        return _repr.Description("%s({" % type(self).__name__, parts, "}) shape %r" % (self.shape,),
                                 max(0, self.shape[1] - limits.items))


class Series(Column):
    __slots__ = ()


_COLUMN = Series


def labels_of(rebuilder, view):
    items = view.items
    return named(Labels, view)(rebuilder, view, lambda start, count: items[start:start + count], len(items), None, None)


def labels(rebuilder, view):
    return labels_of(rebuilder, view) if len(view.items) else NotImplemented


def table(rebuilder, view):
    shape, index = integers(view, "shape"), attribute(view, "index")
    if not shape or index is None:
        return NotImplemented
    rows = labels_of(rebuilder, index)
    if len(shape) == 1:
        items = view.items
        name = attribute(view, "_name")
        made = named(Series, view)(rebuilder, view, lambda start, count: items[start:start + count], shape[0], rows,
                                   None if name is None else rebuilder.rebuild(name))
    else:
        made = named(Table, view)(rebuilder, view, shape, labels_of(rebuilder, attribute(view, "columns")), rows)
    pandas = sys.modules.get("pandas")
    if pandas is not None and hasattr(pandas, "DataFrame") and bare(view.type_name).rpartition(".")[2] in ("DataFrame", "Series"):
        try:
            return made.to_pandas()
        except Exception:
            return made  # a value that is missing is shown as such
    return made


__all__ = ["Column", "Labels", "Series", "Table", "labels", "table"]
