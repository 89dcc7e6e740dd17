"""Lists, dicts, sets and tuples of a dump that are rebuilt item by item, when an item is asked for.

Each is a subclass of the built-in whose name it carries.  ``len``, indexing, iteration and ``repr`` look into the dump;
whatever would change the container, or hand it to C code as a whole, first fills it, and from then on it is ordinary.
``source`` is an object with ``pairs()``/``views()`` of the dump and ``rebuild(view)``.
"""
import builtins
import collections.abc
import itertools

from . import _repr


#: items that are read together
BLOCK = 256


class Source:
    """Where a lazy container's items come from: the rebuilder and the sequence of views, or of pairs of views."""

    __slots__ = ("rebuilder", "items", "block")

    def __init__(self, rebuilder, items):
        self.rebuilder, self.items = rebuilder, items
        # where the block starts, and its views: set and read as one, as threads may share a container
        self.block = 0, ()

    def __len__(self):
        return len(self.items)

    def item(self, index):
        start, views = self.block
        if not start <= index < start + len(views):
            # what lies before an item is decoded with it: neighbours come along
            start = index - index % BLOCK
            views = self.items[start:min(start + BLOCK, len(self.items))]
            self.block = start, views
        return self.rebuilder.rebuild(views[index - start])

    def all(self):
        for item in self.items:
            yield self.rebuilder.rebuild(item)

    def pairs(self):
        for key, value in self.items:
            yield self.rebuilder.key(key), self.rebuilder.rebuild(value)


def _named(cls, base):
    """Makes ``cls`` look like the built-in it stands for."""
    cls.__name__ = cls.__qualname__ = base.__name__
    cls.__module__ = "builtins"
    cls.__doc__ = base.__doc__
    return cls


def _filling(cls, base, names):
    """Gives ``cls`` the methods ``names`` of ``base``, each of which fills the container first."""
    for name in names:
        method = getattr(base, name, None)
        if method is None:
            continue

        def call(self, *arguments, _method=method, **options):
            self._heapsake_fill()
            return _method(self, *arguments, **options)

        call.__name__, call.__doc__ = name, getattr(method, "__doc__", None)
        setattr(cls, name, call)
    return cls


class LazyList(list):
    __slots__ = ("_heapsake_source",)
    __hash__ = object.__hash__

    def _heapsake_fill(self):
        source = getattr(self, "_heapsake_source", None)
        if source is not None:
            self._heapsake_source = None
            list.extend(self, list(source.all()))

    def __len__(self):
        source = getattr(self, "_heapsake_source", None)
        return list.__len__(self) if source is None else len(source)

    def __getitem__(self, index):
        source = getattr(self, "_heapsake_source", None)
        if source is None:
            return list.__getitem__(self, index)
        if isinstance(index, slice):
            return [source.item(i) for i in range(*index.indices(len(source)))]
        index = index.__index__()
        size = len(source)
        if not -size <= index < size:
            raise IndexError("list index out of range")
        return source.item(index % size)

    def __iter__(self):
        index = 0
        while index < len(self):
            yield self[index]
            index += 1

    def __reversed__(self):
        return (self[index] for index in range(len(self) - 1, -1, -1))

    def __contains__(self, value):
        return any(item is value or item == value for item in self)

    def __radd__(self, other):
        return list(other) + list(self)

    def copy(self):
        return list(self)

    def __repr__(self):
        return _repr.one_line(self)

    def __reduce_ex__(self, protocol):
        return list, (list(self),)


_named(LazyList, list)
_filling(LazyList, list, """__setitem__ __delitem__ __add__ __iadd__ __mul__ __rmul__ __imul__ __eq__ __ne__ __lt__ __le__ __gt__
    __ge__ append extend insert remove pop clear sort reverse index count""".split())


class LazyTuple(tuple):
    """Holds nothing itself; subclasses rebuilt for a program's tuple types keep ordinary items when small."""

    def __len__(self):
        source = self.__dict__.get("_heapsake_source")
        return tuple.__len__(self) if source is None else len(source)

    def __getitem__(self, index):
        source = self.__dict__.get("_heapsake_source")
        if source is None:
            return tuple.__getitem__(self, index)
        if isinstance(index, slice):
            return tuple(source.item(i) for i in range(*index.indices(len(source))))
        index = index.__index__()
        size = len(source)
        if not -size <= index < size:
            raise IndexError("tuple index out of range")
        return source.item(index % size)

    def __iter__(self):
        source = self.__dict__.get("_heapsake_source")
        return tuple.__iter__(self) if source is None else source.all()

    def __contains__(self, value):
        return any(item is value or item == value for item in self)

    def __hash__(self):
        return object.__hash__(self) if self.__dict__.get("_heapsake_source") is not None else tuple.__hash__(self)

    def __eq__(self, other):
        return self is other or (isinstance(other, tuple) and len(self) == len(other) and tuple(self) == tuple(other))

    def __ne__(self, other):
        return not self == other

    def __radd__(self, other):
        return tuple(other) + tuple(self)

    def __repr__(self):
        return _repr.one_line(self)

    def __reduce_ex__(self, protocol):
        return tuple, (tuple(self),)


_named(LazyTuple, tuple)


def _of_whole(cls, base, names):
    """Methods of an immutable container, done on an ordinary copy of it."""
    for name in names:
        method = getattr(base, name, None)
        if method is not None:

            def call(self, *arguments, _method=method, **options):
                return _method(base(iter(self)), *arguments, **options)

            call.__name__ = name
            setattr(cls, name, call)


_of_whole(LazyTuple, tuple, "__add__ __mul__ __rmul__ __lt__ __le__ __gt__ __ge__ index count".split())


class LazyDict(dict):
    __slots__ = ("_heapsake_source", "_heapsake_index")
    __hash__ = object.__hash__

    def _heapsake_keys(self):
        """{key: view of its value}, or None once the dict is filled.  Keys are rebuilt at the first look-up."""
        source = getattr(self, "_heapsake_source", None)
        if source is None:
            return None
        index = getattr(self, "_heapsake_index", None)
        if index is None:
            index = {}
            for key, value in source.items:
                source.rebuilder.put(index, source.rebuilder.rebuild(key), value)
            self._heapsake_index = index
        return index

    def _heapsake_fill(self):
        source, index = getattr(self, "_heapsake_source", None), self._heapsake_keys()
        if index is not None:
            self._heapsake_source = self._heapsake_index = None
            for key, value in index.items():
                dict.__setitem__(self, key, source.rebuilder.rebuild(value))

    def __heapsake_pairs__(self):
        source = getattr(self, "_heapsake_source", None)
        return dict.items(self) if source is None else source.pairs()

    def __len__(self):
        source = getattr(self, "_heapsake_source", None)
        return dict.__len__(self) if source is None else len(source)

    def __getitem__(self, key):
        index = self._heapsake_keys()
        if index is None:
            return dict.__getitem__(self, key)
        if key in index:
            return self._heapsake_source.rebuilder.rebuild(index[key])
        missing = getattr(type(self), "__missing__", None)
        if missing is not None:
            return missing(self, key)
        raise KeyError(key)

    def __contains__(self, key):
        index = self._heapsake_keys()
        return dict.__contains__(self, key) if index is None else key in index

    def get(self, key, default=None):
        return self[key] if key in self else default

    def __iter__(self):
        index = self._heapsake_keys()
        return dict.__iter__(self) if index is None else iter(list(index))

    def __reversed__(self):
        return reversed(list(self))

    def keys(self):
        return collections.abc.KeysView(self)

    def values(self):
        return collections.abc.ValuesView(self)

    def items(self):
        return collections.abc.ItemsView(self)

    def copy(self):
        return dict(self.items())

    def __repr__(self):
        return _repr.one_line(self)

    def __reduce_ex__(self, protocol):
        return dict, (dict(self.items()),)


_named(LazyDict, dict)
_filling(LazyDict, dict, """__setitem__ __delitem__ __eq__ __ne__ __or__ __ror__ __ior__ pop popitem setdefault update
    clear""".split())


class LazySet(set):
    __slots__ = ("_heapsake_source",)
    __hash__ = object.__hash__

    def _heapsake_fill(self):
        source = getattr(self, "_heapsake_source", None)
        if source is not None:
            self._heapsake_source = None
            for item in source.all():
                source.rebuilder.put_in_set(set.add, self, item)

    def __len__(self):
        source = getattr(self, "_heapsake_source", None)
        return set.__len__(self) if source is None else len(source)

    def __iter__(self):
        source = getattr(self, "_heapsake_source", None)
        return set.__iter__(self) if source is None else source.all()

    def __repr__(self):
        return _repr.one_line(self)

    def __reduce_ex__(self, protocol):
        return set, (list(self),)


_named(LazySet, set)
_SET = """__contains__ __and__ __rand__ __or__ __ror__ __sub__ __rsub__ __xor__ __rxor__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__
    copy difference intersection isdisjoint issubset issuperset symmetric_difference union""".split()
_filling(LazySet, set, _SET + """__iand__ __ior__ __isub__ __ixor__ add clear difference_update discard intersection_update pop
    remove symmetric_difference_update update""".split())


class LazyFrozenset(frozenset):
    def __len__(self):
        source = self.__dict__.get("_heapsake_source")
        return frozenset.__len__(self) if source is None else len(source)

    def __iter__(self):
        source = self.__dict__.get("_heapsake_source")
        return frozenset.__iter__(self) if source is None else source.all()

    def __hash__(self):
        return object.__hash__(self) if self.__dict__.get("_heapsake_source") is not None else frozenset.__hash__(self)

    def __repr__(self):
        return _repr.one_line(self)

    def __reduce_ex__(self, protocol):
        return frozenset, (list(self),)


_named(LazyFrozenset, frozenset)
_of_whole(LazyFrozenset, frozenset, _SET)


class LazyNamespace(LazyDict):
    """The globals of a frame or function: a mapping of names to views, with the opener's own ``__builtins__``.

    ``__loader__`` and ``__spec__`` are not in it: tools call what they find there.
    """

    __slots__ = ("_heapsake_names",)
    HIDDEN = frozenset(("__builtins__", "__loader__", "__spec__"))

    @classmethod
    def over(cls, rebuilder, names):
        namespace = dict.__new__(cls)
        namespace._heapsake_index = None
        namespace._heapsake_source = Source(rebuilder, None)
        namespace._heapsake_names = names
        dict.__setitem__(namespace, "__builtins__", builtins)
        return namespace

    def _heapsake_keys(self):
        if self._heapsake_source is None:
            return None
        if self._heapsake_index is None:
            names = self._heapsake_names
            self._heapsake_index = {name: names[name] for name in names if isinstance(name, str) and name not in self.HIDDEN}
        return self._heapsake_index

    def __missing__(self, name):
        names = self._heapsake_names
        if self._heapsake_source is not None and name not in self.HIDDEN and name in names:
            return self._heapsake_value(name, names[name])
        raise KeyError(name)

    def _heapsake_value(self, name, view):
        value = self._heapsake_source.rebuilder.rebuild(view)
        if name in ("__name__", "__package__") and type(value) is str:
            return self._heapsake_source.rebuilder.choices.name(value)
        return value

    def __heapsake_pairs__(self):
        return ((name, self[name]) for name in itertools.islice(self, 10000))

    def __len__(self):
        index = self._heapsake_keys()
        return dict.__len__(self) if index is None else len(index)

    def __getitem__(self, name):
        if dict.__contains__(self, name):
            return dict.__getitem__(self, name)
        return self.__missing__(name)

    def __contains__(self, name):
        if dict.__contains__(self, name):
            return True
        return self._heapsake_source is not None and name not in self.HIDDEN and name in self._heapsake_names

    def _heapsake_fill(self):
        source, index = self._heapsake_source, self._heapsake_keys()
        if index is not None:
            for name, view in index.items():
                if not dict.__contains__(self, name):
                    dict.__setitem__(self, name, self._heapsake_value(name, view))
            self._heapsake_source = None

    def __setitem__(self, name, value):
        dict.__setitem__(self, name, value)

    def setdefault(self, name, default=None):
        if name not in self:
            self[name] = default
        return self[name]

    def pop(self, name, *default):
        if not dict.__contains__(self, name) and name in self:
            self._heapsake_fill()
        return dict.pop(self, name, *default)

    def __iter__(self):
        index = self._heapsake_keys()
        if index is None:
            return dict.__iter__(self)
        return iter(list(index) + [name for name in dict.__iter__(self) if name not in index])


_named(LazyNamespace, dict)

__all__ = ["LazyDict", "LazyFrozenset", "LazyList", "LazyNamespace", "LazySet", "LazyTuple", "Source"]
