"""Arrays, dtypes and single elements of NumPy, and tensors of torch, rebuilt.

Without NumPy or torch they are stand-ins that index, iterate and show themselves, reading elements from the dump when they are
asked for.  Where these have been imported already, arrays are real ones; nothing is imported because of a dump, unless
``to_numpy()`` or ``to_torch()`` asks for it.
"""
import itertools
import sys

from . import _repr
from ._classes import attribute, bare, split, value_of

#: elements of one dimension that a representation shows
SHOWN = 8
#: elements that are read together
BLOCK = 1024
#: plain kinds of element: what stands for one
PLAIN = {"b": bool, "i": int, "u": int, "f": float, "c": complex}


def named(cls, view):
    """A subclass of ``cls`` that carries the name of the dead type."""
    name = bare(view.type_name)
    module, qualified = split(name, view.type)
    return type(qualified.rpartition(".")[2] or "ndarray", (cls,), {"__module__": module, "__qualname__": qualified, "__slots__": ()})


def integers(view, name):
    found = attribute(view, name)
    return tuple(item.value for item in found.items) if found is not None else ()


class Elements:
    """The elements of an array in C order, read in blocks."""

    __slots__ = ("rebuilder", "view", "items", "start", "block")

    def __init__(self, rebuilder, view):
        self.rebuilder, self.view, self.items = rebuilder, view, view.items
        self.start, self.block = 0, ()

    def __len__(self):
        return len(self.items)

    def get(self, number):
        if number >= len(self.items):
            raise LookupError("the elements are not in the dump")
        if not self.start <= number < self.start + len(self.block):
            self.start = number - number % BLOCK
            self.block = self.items[self.start:min(self.start + BLOCK, len(self.items))]
        item = self.block[number - self.start]
        if item.surrogate and not item.type_name:
            raise LookupError("element %d is not in the dump: of a large array the first elements alone are" % number)
        return self.rebuilder.rebuild(item)


def c_strides(shape):
    strides, step = [], 1
    for count in reversed(shape):
        strides.append(step)
        step *= count
    return tuple(reversed(strides))


class Array:
    """An array of a dump, or a part of one; its elements are numbered in C order of the whole."""

    __slots__ = ("_elements", "_steps", "_start", "shape")

    def __init__(self, elements, shape, steps, start):
        self._elements, self.shape, self._steps, self._start = elements, shape, steps, start

    ndim = property(lambda self: len(self.shape))

    @property
    def dtype(self):
        found = attribute(self._elements.view, "dtype")
        return value_of(self._elements.view, "dtype_shown", str) if found is None else self._elements.rebuilder.rebuild(found)

    @property
    def size(self):
        size = 1
        for count in self.shape:
            size *= count
        return size

    @property
    def T(self):
        return type(self)(self._elements, self.shape[::-1], self._steps[::-1], self._start)

    @property
    def flat(self):
        return iter(self._numbers(True))

    def _numbers(self, elements=False):
        places = itertools.product(*[range(count) for count in self.shape])
        for place in places:
            number = self._start + sum(at * step for at, step in zip(place, self._steps))
            yield self._elements.get(number) if elements else number

    def __len__(self):
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __bool__(self):
        return self.size > 0 and (self.size > 1 or bool(self.item()))

    def __getitem__(self, index):
        index = index if type(index) is tuple else (index,)
        if len(index) == 1 and isinstance(index[0], str):
            return [element[index[0]] for element in self.flat]
        if Ellipsis in index:
            at = index.index(Ellipsis)
            index = index[:at] + (slice(None),) * (len(self.shape) - len(index) + 1) + index[at + 1:]
        if len(index) > len(self.shape):
            raise IndexError("too many indices: the array has %d dimensions" % len(self.shape))
        shape, steps, start = [], [], self._start
        for number, (count, step) in enumerate(zip(self.shape, self._steps)):
            wanted = index[number] if number < len(index) else slice(None)
            if isinstance(wanted, slice):
                first, last, by = wanted.indices(count)
                start += first * step
                shape.append(len(range(first, last, by)))
                steps.append(step * by)
            else:
                at = wanted.__index__()
                if not -count <= at < count:
                    raise IndexError("index %d is out of bounds for axis %d with size %d" % (at, number, count))
                start += at % count * step
        if not shape and index:
            return self._elements.get(start)
        return type(self)(self._elements, tuple(shape), tuple(steps), start)

    def __iter__(self):
        return (self[number] for number in range(len(self)))

    def __contains__(self, value):
        return any(element is value or element == value for element in self.flat)

    def item(self, *index):
        if not index and self.size == 1:
            return next(self.flat)
        return self[index] if len(index) > 1 else list(itertools.islice(self.flat, index[0], index[0] + 1))[0]

    def tolist(self):
        if not self.shape:
            return plain(self._elements.get(self._start))
        return [item.tolist() if isinstance(item, Array) else plain(item) for item in self]

    def to_numpy(self):
        """A real array of NumPy, which is imported for it."""
        import numpy

        found = real(numpy, self._elements.rebuilder, self._elements.view)
        if found is None:
            raise LookupError("not all elements are in the dump, or they are structures")
        whole = found.reshape(-1)
        if self._steps == c_strides(self.shape) and self.size == whole.size:
            return found
        return whole[list(self._numbers())].reshape(self.shape)

    def __array__(self, dtype=None, copy=None):
        found = self.to_numpy()
        return found if dtype is None else found.astype(dtype)

    def __getattr__(self, name):
        found = None if name.startswith("__") else attribute(self._elements.view, name)
        if found is None:
            raise AttributeError("the array of the dump has no attribute %r" % name)
        return self._elements.rebuilder.rebuild(found)

    def __repr__(self):
        return _repr.one_line(self)

    def __heapsake_describe__(self, limits):
        name = type(self).__name__
        dtype = value_of(self._elements.view, "dtype_shown", str, "?")
        return "%s(%s, dtype=%s) shape %r" % ("array" if name == "ndarray" else name, self._shown(), dtype, self.shape)

    def _shown(self):
        if not self.shape:
            return _element(self._elements, self._start)
        parts = []
        for number in range(min(self.shape[0], SHOWN)):
            start = self._start + number * self._steps[0]
            parts.append(type(self)(self._elements, self.shape[1:], self._steps[1:], start)._shown())
        return "[%s%s]" % (", ".join(parts), ", …" if self.shape[0] > SHOWN else "")


class Tensor(Array):
    """A tensor of a dump."""

    __slots__ = ()

    def to_torch(self):
        """A real tensor of torch, which is imported for it."""
        import torch

        found = real_tensor(torch, self._elements.view)
        if found is None:
            raise LookupError("not all elements are in the dump")
        with torch.no_grad():
            whole = found.reshape(-1)
            return whole[list(self._numbers())].reshape(self.shape) if self.size != whole.numel() else found.reshape(self.shape)


def _element(elements, number):
    try:
        return _repr.one_line(plain(elements.get(number)), items=SHOWN, depth=2, text=60)
    except LookupError:
        return "?"


def plain(element):
    """A structure as the tuple of its values, as NumPy gives it."""
    return tuple(plain(value) for value in element.values()) if type(element) is dict and element else element


def real(numpy, rebuilder, view):
    """A real array; None where elements are missing, or are structures."""
    code, shape = value_of(view, "item", str), integers(view, "shape")
    if code is None:
        return None
    if code == "|O":
        found = numpy.empty(shape, dtype=object)
        if len(view.items) != found.size:
            return None
        flat = found.reshape(-1)
        for number, item in enumerate(view.items):
            flat[number] = rebuilder.rebuild(item)
        return found
    if code == "|T16":
        return texts(numpy, rebuilder, view, shape)
    content = view.array_bytes()
    if content is None:
        return None
    return numpy.frombuffer(bytearray(content), dtype=numpy.dtype(code)).reshape(shape)


def texts(numpy, rebuilder, view, shape):
    """Texts of any length: of their own dtype where NumPy has it, else as objects; None where some are not in the dump."""
    kind = getattr(getattr(numpy, "dtypes", None), "StringDType", None)
    dtype = object
    if kind is not None:
        told = view.attributes["dtype"]
        missing, options = attribute(told, "na_object"), {"coerce": value_of(told, "coerce", bool, True)}
        if missing is not None:
            options["na_object"] = rebuilder.rebuild(missing)
        dtype = kind(**options)
    found = numpy.empty(shape, dtype=dtype)
    if len(view.items) != found.size:
        return None
    flat = found.reshape(-1)
    for number, item in enumerate(view.items):
        if item.surrogate and not item.type_name:
            return None
        flat[number] = rebuilder.rebuild(item)
    return found


def tensor(rebuilder, view):
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "frombuffer") and bare(view.type_name) in TENSORS:
        found = real_tensor(torch, view)
        if found is not None:
            return found
    if attribute(view, "shape") is None:
        return NotImplemented
    shape = integers(view, "shape")
    return named(Tensor, view)(Elements(rebuilder, view), shape, c_strides(shape), 0)


#: classes of tensors that can be made anew
TENSORS = ("torch.Tensor", "torch.nn.parameter.Parameter")


def real_tensor(torch, view):
    """A real tensor on the CPU; None where elements are missing."""
    content = view.array_bytes()
    dtype = getattr(torch, value_of(view, "dtype_shown", str, "").rpartition(".")[2], None)
    if content is None or not isinstance(dtype, torch.dtype):
        return None
    # What has no place in NumPy is told as singles.
    kept = torch.float32 if dtype is torch.bfloat16 else dtype
    shape = integers(view, "shape")
    found = torch.frombuffer(bytearray(content), dtype=kept) if content else torch.empty(0, dtype=kept)
    found = found.reshape(shape).to(dtype)
    required = value_of(view, "requires_grad", bool, False)
    if bare(view.type_name) == TENSORS[1]:
        return torch.nn.Parameter(found, requires_grad=required)
    return found.requires_grad_(required)


def array(rebuilder, view):
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "frombuffer") and view.type_name in ("numpy.ndarray", "numpy.memmap"):
        found = real(numpy, rebuilder, view)
        if found is not None:
            return found
    if attribute(view, "shape") is None:
        return NotImplemented
    shape = integers(view, "shape")
    return named(Array, view)(Elements(rebuilder, view), shape, c_strides(shape), 0)


class DataType:
    """What the elements of an array are."""

    __slots__ = ("_rebuilder", "_view")

    def __init__(self, rebuilder, view):
        self._rebuilder, self._view = rebuilder, view

    def __getattr__(self, name):
        found = None if name.startswith("__") else attribute(self._view, name)
        if found is None:
            raise AttributeError("the dtype of the dump has no attribute %r" % name)
        return self._rebuilder.rebuild(found)

    def __str__(self):
        return value_of(self._view, "shown", str, "?")

    def __repr__(self):
        shown = str(self)
        return "dtype(%s)" % (shown if shown[:1] in "[(" else repr(shown))

    def __heapsake_describe__(self, limits):
        return repr(self)

    def __eq__(self, other):
        return str(self) == str(other)

    def __hash__(self):
        return hash(str(self))


def dtype(rebuilder, view):
    if value_of(view, "shown", str) is None:
        return NotImplemented
    return named(DataType, view)(rebuilder, view)


def scalar(rebuilder, view):
    """A number as a number with the dead type's name, a date as text with it; a structure as its values by name."""
    code = value_of(view, "item", str, "")
    if attribute(view, "item") is None or len(view.items) != 1:
        return NotImplemented
    value = view.items[0].rebuild()
    kind = PLAIN.get(code[1:2], type(value))
    if kind in (bool, dict) or not isinstance(value, (int, float, complex, str, bytes)):
        return value
    cls = named(kind, view)
    shown = "%s(%r)" % (cls.__name__, kind(value))
    cls.__repr__ = cls.__heapsake_describe__ = lambda self, limits=None: shown
    return cls(value)


__all__ = ["Array", "DataType", "Elements", "Tensor", "array", "c_strides", "dtype", "integers", "named", "plain", "real", "real_tensor",
           "scalar", "tensor", "texts"]
