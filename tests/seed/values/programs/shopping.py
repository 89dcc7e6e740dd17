"""A module of the program: it is not importable where the dumps are opened, or another version of it is."""
import functools

setting = 12345
removed = "of the source"
unchanged = ["of the source"]


class Shop:
    """Changed at run time by the program."""

    rate = 1

    def __init__(self, items):
        self.items = items

    def total(self):
        return sum(self.items) * self.rate

    @property
    def lazy(self):
        COUNTS["property"] = COUNTS.get("property", 0) + 1
        return self.items


def crash(number):
    """Its globals are the module's."""
    held = {"number": number}
    yield held


def patched(self):
    """What `total` is after the program's start."""
    return -1


#: calls of the program's code that nobody but itself may make
COUNTS = {}


def counted(name, result=None):
    def hook(self, *arguments):
        COUNTS[name] = COUNTS.get(name, 0) + 1
        if result is None:
            raise AttributeError(name)
        return result

    return hook


class Watched:
    """Counts whoever runs a line of it."""

    def __init__(self, **values):
        vars(self).update(values)

    __reduce__ = counted("__reduce__", (object, ()))
    __getstate__ = counted("__getstate__", {})
    __repr__ = counted("__repr__", "watched")
    __getattr__ = counted("__getattr__")
    __del__ = counted("__del__", 0)
    __len__ = counted("__len__", 1)
    __bool__ = counted("__bool__", True)
    __iter__ = counted("__iter__", ())
    __dir__ = counted("__dir__", ())
    __eq__ = counted("__eq__", False)
    __hash__ = counted("__hash__", 1)
    __reduce_ex__ = counted("__reduce_ex__", (object, ()))

    @property
    def attribute(self):
        COUNTS["property"] = COUNTS.get("property", 0) + 1
        return 1


double = functools.partial(int.__mul__, 2)
