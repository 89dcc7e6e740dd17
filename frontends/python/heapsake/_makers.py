"""How each exact built-in or library type is rebuilt: {qualified type name: function(rebuilder, view)}.

A maker gives the object, ``Needs`` for one that is immutable, or NotImplemented: then the object becomes an instance of
a class of that name.  Only what is made here is real; nothing is looked up by a name from the file.
"""
import array
import builtins
import collections
import datetime
import decimal
import fractions
import functools
import operator
import pathlib
import struct
import types
import uuid
import weakref

from . import _arrays, _containers, _functions, _iterators, _polars, _streams, _suspended, _tables
from ._classes import HEAP_TYPE, REAL, attribute, value_of
from .rebuild import Needs, contents

MAKERS = {}
#: makers of types that have one of these as a base, by its qualified name
BASES = {"numpy.dtype": _arrays.dtype, "numpy.ndarray": _arrays.array, "numpy.generic": _arrays.scalar,
         "pandas.core.generic.NDFrame": _tables.table, "pandas.core.indexes.base.Index": _tables.labels, "pandas.Index": _tables.labels,
         "torch._C.TensorBase": _arrays.tensor, "torch._C._TensorBase": _arrays.tensor,
         "polars.dataframe.frame.DataFrame": _polars.table, "polars.series.series.Series": _polars.table,
         "PyDataFrame": _polars.table, "PySeries": _polars.table}
#: items up to which the ordered containers are real: they have no lazy twin
MOST = 10000


def makes(*names):
    def register(function):
        for name in names:
            MAKERS[name] = function
        return function

    return register


# -- singletons and containers

MAKERS["ellipsis"] = lambda rebuilder, view: Ellipsis
# from a maker the constant itself would mean that it has none
MAKERS["NotImplementedType"] = lambda rebuilder, view: Needs([], lambda values: NotImplemented)


@makes("bytearray")
def byte_array(rebuilder, view):
    return bytearray(contents(view))


@makes("memoryview")
def a_memoryview(rebuilder, view):
    """A real view where it shows all bytes of what it looks at, onwards or backwards; a released one."""
    if value_of(view, "released", bool, False):
        released = memoryview(b"")
        released.release()
        return released
    held = attribute(view, "obj")
    whole = held is not None and held.type_name in ("bytes", "bytearray") and not held.surrogate \
        and value_of(view, "nbytes", int) == len(contents(held))
    if not whole or value_of(view, "ndim", int) != 1 or value_of(view, "itemsize", int) != 1:
        return NotImplemented
    readonly, code = value_of(view, "readonly", bool), value_of(view, "format", str, "B")
    strides = attribute(view, "strides")
    backwards = strides is not None and [stride.value for stride in strides.items] == [-1]

    def made(values):
        shown = memoryview(values[0])
        shown = shown.toreadonly() if readonly else shown
        shown = shown if code == "B" else shown.cast(code)
        return shown[::-1] if backwards else shown

    return Needs([held], made)


@makes("list")
def a_list(rebuilder, view):
    items = view.items
    if not rebuilder.few(items):
        value = _containers.LazyList()
        value._heapsake_source = _containers.Source(rebuilder, items)
        return value
    value = []
    rebuilder.fills.append((fill_list, rebuilder, value, items))
    return value


def fill_list(rebuilder, value, items):
    value.extend([rebuilder.resolve(item) for item in items])


@makes("tuple")
def a_tuple(rebuilder, view):
    return rebuilder.immutable(view, tuple, tuple, view.items)


@makes("frozenset")
def a_frozenset(rebuilder, view):
    return rebuilder.immutable(view, frozenset, frozenset, view.items)


@makes("set")
def a_set(rebuilder, view):
    items = view.items
    if not rebuilder.few(items):
        value = _containers.LazySet()
        value._heapsake_source = _containers.Source(rebuilder, items)
        return value
    value = set()
    rebuilder.fills.append((fill_set, rebuilder, value, items))
    return value


def fill_set(rebuilder, value, items):
    for item in items:
        rebuilder.put_in_set(set.add, value, rebuilder.resolve(item))


def lazy_dict(rebuilder, items):
    value = _containers.LazyDict()
    value._heapsake_source = _containers.Source(rebuilder, items)
    return value


def is_namespace(items):
    """Whether a dictionary is that of a module, or the globals of functions: by the names that every such has first."""
    names = []
    for key, _ in items[:8] if len(items) else ():
        name = key.value
        if not isinstance(name, str):
            return False
        names.append(name)
    return "__builtins__" in names or ("__name__" in names and ("__loader__" in names or "__spec__" in names))


@makes("dict")
def a_dict(rebuilder, view):
    items = view.items
    if view.id is not None and view.id >= 0 and is_namespace(items):
        return rebuilder.frames.namespace_of(view)
    if not rebuilder.few(items):
        return lazy_dict(rebuilder, items)
    value = {}
    rebuilder.fills.append((fill_dict, rebuilder, value, items))
    return value


def fill_dict(rebuilder, value, items):
    for key, item in items:
        rebuilder.put(value, rebuilder.resolve(key), rebuilder.resolve(item))


@makes("collections.OrderedDict", "collections.Counter")
def ordered_dict(rebuilder, view):
    items = view.items
    if len(items) > MOST:
        return NotImplemented
    counter = view.type_name.endswith("Counter")
    value = dict.__new__(collections.Counter) if counter else collections.OrderedDict()
    rebuilder.fills.append((fill_ordered, rebuilder, value, items, dict if counter else collections.OrderedDict))
    rebuilder.fills.append((fill_namespace, rebuilder, value, view))
    return value


def fill_ordered(rebuilder, value, items, kind):
    for key, item in items:
        key = rebuilder.hashable(rebuilder.resolve(key))
        kind.__setitem__(value, key, rebuilder.resolve(item))


@makes("collections.defaultdict")
def default_dict(rebuilder, view):
    items = view.items
    if not rebuilder.few(items):
        return NotImplemented
    value = collections.defaultdict()
    rebuilder.fills.append((fill_dict, rebuilder, value, items))
    rebuilder.fills.append((fill_factory, rebuilder, value, attribute(view, "default_factory")))
    return value


def fill_factory(rebuilder, value, view):
    factory = None if view is None else rebuilder.resolve(view)
    value.default_factory = factory if callable(factory) else None


@makes("collections.deque")
def a_deque(rebuilder, view):
    items = view.items
    if len(items) > MOST:
        return NotImplemented
    value = collections.deque(maxlen=value_of(view, "maxlen", int))
    rebuilder.fills.append((fill_list, rebuilder, value, items))
    return value


@makes("types.SimpleNamespace")
def simple_namespace(rebuilder, view):
    value = types.SimpleNamespace()
    rebuilder.fills.append((fill_namespace, rebuilder, value, view))
    return value


def fill_namespace(rebuilder, value, view):
    attributes = view.attributes
    for name in list(attributes):
        if name not in ("__dict__", "__class__"):
            value.__dict__[name] = rebuilder.resolve(attributes[name])


@makes("mappingproxy")
def mapping_proxy(rebuilder, view):
    return types.MappingProxyType(lazy_dict(rebuilder, view.items))


@makes("frozendict")
def a_frozendict(rebuilder, view):
    """A real one where this Python has them, else a view of a dict, which does not change either."""
    real, items = getattr(builtins, "frozendict", None), view.items

    def lazily():
        return types.MappingProxyType(lazy_dict(rebuilder, items))

    def combine(values):
        return real(zip(map(rebuilder.hashable, values[::2]), values[1::2]))

    whole = real is not None and rebuilder.few(items)
    return Needs([part for pair in items for part in pair], combine, lazily) if whole else lazily()


@makes("dict_keys", "dict_values", "dict_items")
def a_dict_view(rebuilder, view):
    kind = view.type_name[5:]
    return Needs([attribute(view, "mapping")], lambda values: getattr(values[0], kind)())


@makes("weakref.WeakValueDictionary", "weakref.WeakKeyDictionary", "weakref.WeakSet", "_weakrefset.WeakSet")
def weak_container(rebuilder, view):
    """A real one: what it holds weakly is held by the rebuilt dump."""
    name, data = view.type_name.rpartition(".")[2], attribute(view, "data")
    if data is None or data.surrogate or len(data.items) > MOST:
        return NotImplemented

    def referent(reference):
        return next((target for kind, label, target in reference.edges if kind == "weak" and label == "referent"), None)

    pairs = [(item, item) for item in data.items] if name == "WeakSet" else list(data.items)
    pairs = [(referent(key) if name != "WeakValueDictionary" else key, referent(value) if name != "WeakKeyDictionary" else value) for key, value in pairs]
    pairs = [(key, value) for key, value in pairs if not any(each is None or each.type_name == "NoneType" for each in (key, value))
             or name == "WeakKeyDictionary" and key is not None and key.type_name != "NoneType"]

    def combine(values):
        values = iter(values)
        pairs = [(rebuilder.hashable(key), value) for key, value in zip(values, values)]
        made = getattr(weakref, name)()
        for key, value in pairs:
            if name == "WeakSet":
                made.add(value)
            else:
                made[key] = value
        return made

    return Needs([each for pair in pairs for each in pair], combine)


@makes("cell")
def a_cell(rebuilder, view):
    cell = types.CellType()
    held = attribute(view, "cell_contents")
    if held is not None:
        rebuilder.fills.append((fill_cell, rebuilder, cell, held))
    return cell


def fill_cell(rebuilder, cell, view):
    cell.cell_contents = rebuilder.resolve(view)


# -- values

@makes("range")
def a_range(rebuilder, view):
    return range(*[value_of(view, name, int) for name in ("start", "stop", "step")])


@makes("slice")
def a_slice(rebuilder, view):
    return Needs([attribute(view, name) for name in ("start", "stop", "step")], lambda values: slice(*values))


def numbers(view, *names):
    found = [value_of(view, name, int) for name in names]
    if None in found:
        raise ValueError("a field of %s is not in the dump" % view.type_name)
    return found


@makes("Struct", "_struct.Struct")
def a_struct(rebuilder, view):
    text = value_of(view, "format", (bytes, str))
    return NotImplemented if text is None else struct.Struct(text)


@makes("datetime.timedelta")
def a_timedelta(rebuilder, view):
    return datetime.timedelta(*numbers(view, "days", "seconds", "microseconds"))


@makes("datetime.date")
def a_date(rebuilder, view):
    return datetime.date(*numbers(view, "year", "month", "day"))


def zoned(view, build):
    """A value with a time zone, made when that is a real one; its fields else."""
    zone = attribute(view, "tzinfo")
    if zone is None or zone.type_name == "NoneType":
        return build(None)

    def combine(values):
        if values[0] is not None and not isinstance(values[0], datetime.tzinfo):
            raise ValueError("a time zone of the program's own")
        return build(values[0])

    return Needs([zone], combine) if zone.type_name == "datetime.timezone" else NotImplemented


@makes("datetime.datetime")
def a_datetime(rebuilder, view):
    fields = numbers(view, "year", "month", "day", "hour", "minute", "second", "microsecond")
    return zoned(view, lambda zone: datetime.datetime(*fields, tzinfo=zone, fold=value_of(view, "fold", int, 0)))


@makes("datetime.time")
def a_time(rebuilder, view):
    fields = numbers(view, "hour", "minute", "second", "microsecond")
    return zoned(view, lambda zone: datetime.time(*fields, tzinfo=zone, fold=value_of(view, "fold", int, 0)))


@makes("datetime.timezone")
def a_timezone(rebuilder, view):
    offset = attribute(view, "offset") or attribute(view, "utcoffset")
    if offset is None:
        return NotImplemented
    name = value_of(view, "name", str)

    def combine(values):
        if not values[0] and name is None:
            return datetime.timezone.utc
        return datetime.timezone(values[0]) if name is None else datetime.timezone(values[0], name)

    return Needs([offset], combine)


@makes("decimal.Decimal", "_pydecimal.Decimal")
def a_decimal(rebuilder, view):
    if isinstance(view.value, str):
        return decimal.Decimal(view.value)
    for name in ("text", "string", "str", "value"):
        text = value_of(view, name, str)
        if text is not None:
            return decimal.Decimal(text)
    sign = value_of(view, "sign", int, value_of(view, "_sign", int, 0))
    exponent = value_of(view, "exponent", (int, str), value_of(view, "exp", (int, str), value_of(view, "_exp", (int, str))))
    digits = value_of(view, "digits", (str, int), value_of(view, "_int", str))
    if digits is None:
        listed = attribute(view, "digits")
        digits = None if listed is None else "".join(str(item.value) for item in listed.items)
    if digits is None or exponent is None:
        return NotImplemented
    return decimal.Decimal((int(bool(sign)), tuple(int(digit) for digit in str(digits)), exponent))


@makes("fractions.Fraction")
def a_fraction(rebuilder, view):
    numerator = value_of(view, "_numerator", int, value_of(view, "numerator", int))
    denominator = value_of(view, "_denominator", int, value_of(view, "denominator", int))
    return NotImplemented if numerator is None or not denominator else fractions.Fraction(numerator, denominator)


@makes("uuid.UUID")
def a_uuid(rebuilder, view):
    number = value_of(view, "int", int)
    return NotImplemented if number is None else uuid.UUID(int=number)


def path_text(view):
    """The text of a path, from what the versions keep of it."""
    for name in ("_str", "_raw_path"):
        text = value_of(view, name, str)
        if text is not None:
            return text
    raw = attribute(view, "_raw_paths")
    if raw is not None:
        return "/".join(item.value for item in raw.items)
    parts = attribute(view, "_parts")
    if parts is None:
        return None
    texts = [item.value for item in parts.items]
    head = (value_of(view, "_drv", str) or "") + (value_of(view, "_root", str) or "")
    return head + "/".join(texts[1:] if head else texts)


def path_maker(name, pure):
    cls = pure if pure.__name__ == name else type(name, (pure,), {"__module__": "pathlib", "__slots__": ()})

    def a_path(rebuilder, view):
        text = path_text(view)
        return NotImplemented if text is None else cls(text)

    MAKERS["pathlib.%s" % name] = MAKERS["pathlib._local.%s" % name] = a_path


for _name in ("PurePosixPath", "PosixPath"):
    path_maker(_name, pathlib.PurePosixPath)
for _name in ("PureWindowsPath", "WindowsPath"):
    path_maker(_name, pathlib.PureWindowsPath)


@makes("array.array")
def an_array(rebuilder, view):
    code = value_of(view, "typecode", str)
    if code is None:
        return NotImplemented
    content = attribute(view, "bytes")
    if content is not None and isinstance(content.value, bytes) and not len(view.items):
        made = array.array(code)
        made.frombytes(content.value[:len(content.value) // made.itemsize * made.itemsize])
        return made
    return NotImplemented if len(view.items) > 100000 else array.array(code, [item.value for item in view.items])


# -- callables

def callable_of(values):
    if not callable(values[0]):
        raise TypeError("what it calls cannot be rebuilt as callable")
    return values[0]


def items_of(value):
    """What is given as separate arguments: of an iterator it could be endless, or run a function."""
    if not isinstance(value, (tuple, list)):
        raise TypeError("its arguments are no tuple")
    return value


@makes("method")
def a_method(rebuilder, view):
    needed = [attribute(view, "__func__"), attribute(view, "__self__")]
    return Needs(needed, lambda values: types.MethodType(callable_of(values), values[1]))


@makes("_io.BytesIO", "_io.StringIO")
def a_buffer(rebuilder, view):
    made = _streams.buffer_of(rebuilder, view, view.type_name)
    return made if made is NotImplemented else with_names(rebuilder, view, made)


@makes("range_iterator", "longrange_iterator")
def a_range_iterator(rebuilder, view):
    return _streams.range_iterator(rebuilder, view)


@makes("functools.partial")
def a_partial(rebuilder, view):
    called, arguments, options = [attribute(view, name) for name in ("func", "args", "keywords")]
    if called is None or arguments is None:
        return NotImplemented
    named = [(key.value, value) for key, value in options.items if isinstance(key.value, str)] if options is not None else []
    if arguments.surrogate or arguments.type_name != "tuple":
        raise TypeError("its arguments are no tuple")
    # The arguments themselves are needed: a tuple of them might look them up one inside the other.
    items = list(arguments.items)

    def combine(values):
        keywords = dict(zip((name for name, _ in named), values[1 + len(items):]))
        made = functools.partial(callable_of(values), *values[1:1 + len(items)], **keywords)
        rebuilder.keep(arguments, made.args)
        return with_names(rebuilder, view, made)

    return Needs([called] + items + [value for _, value in named], combine)


@makes("property")
def a_property(rebuilder, view):
    found = {name: attribute(view, name) for name in ("fget", "fset", "fdel", "__doc__")}
    found = {name: each for name, each in found.items() if each is not None}
    return Needs(list(found.values()), lambda values: property(**{name.replace("__", ""): each for name, each in zip(found, values)}))


@makes("staticmethod", "classmethod")
def wrapped_function(rebuilder, view):
    kind = staticmethod if view.type_name == "staticmethod" else classmethod
    return Needs([attribute(view, "__func__")], lambda values: with_names(rebuilder, view, kind(values[0])))


@makes("operator.itemgetter")
def an_item_getter(rebuilder, view):
    item, several = attribute(view, "item"), value_of(view, "nitems", int, 1) > 1
    return Needs([item], lambda values: operator.itemgetter(*(items_of(values[0]) if several else values)))


@makes("operator.attrgetter")
def an_attribute_getter(rebuilder, view):
    def name_of(parts):
        return ".".join(parts) if isinstance(parts, tuple) else parts

    return Needs([attribute(view, "attr")], lambda values: operator.attrgetter(*[name_of(each) for each in items_of(values[0])]))


@makes("operator.methodcaller")
def a_method_caller(rebuilder, view):
    name, arguments, options, first = value_of(view, "name", str), attribute(view, "args"), attribute(view, "kwds"), 0
    if arguments is None:
        # from 3.13 on the name is the first of them
        arguments, first = attribute(view, "xargs"), 1
    if name is None or arguments is None:
        return NotImplemented
    named = [(key.value, value) for key, value in options.items if isinstance(key.value, str)] if options is not None else []

    def combine(values):
        return operator.methodcaller(name, *items_of(values[0])[first:], **dict(zip((name for name, _ in named), values[1:])))

    return Needs([arguments] + [value for _, value in named], combine)


def with_names(rebuilder, view, value):
    """Fills the dictionary of a real object that has one."""
    names = attribute(view, "__dict__")
    if names is not None and len(names.items) and getattr(value, "__dict__", None) is not None:
        rebuilder.fills.append((fill_names, rebuilder, value, names))
    return value


def fill_names(rebuilder, value, names):
    for key, item in names.items:
        value.__dict__[key.value] = rebuilder.resolve(item)


@makes("builtin_function_or_method", "method_descriptor", "wrapper_descriptor", "classmethod_descriptor", "getset_descriptor", "member_descriptor")
def of_a_built_in_type(rebuilder, view):
    """This interpreter's own function or descriptor of a built-in type; those of modules and of objects are stand-ins."""
    owner, name = attribute(view, "__objclass__") or attribute(view, "__self__"), value_of(view, "__name__", str)
    if owner is None or owner.kind != "type" or name is None:
        return NotImplemented
    known = REAL.get(rebuilder.classes.type_name(owner))
    if known is None or value_of(owner, "__flags__", int, HEAP_TYPE) & HEAP_TYPE:
        return NotImplemented
    bound = view.type_name == "builtin_function_or_method"
    found = getattr(known, name, None) if bound else vars(known).get(name)
    return found if type(found).__name__ == view.type_name else NotImplemented


@makes("weakref", "weakref.ReferenceType", "weakref.ref", "weakref.KeyedRef", "weakref.WeakMethod")
def a_weak_reference(rebuilder, view):
    value = object.__new__(rebuilder.classes.of_instance(view, "weak"))
    rebuilder.pending[id(value)] = view
    return value


MAKERS.update(_iterators.ITERATORS)
MAKERS["function"] = _functions.function
MAKERS["code"] = _functions.code
MAKERS["module"] = _functions.module
MAKERS["type"] = lambda rebuilder, view: rebuilder.classes.of_type(view)
MAKERS["frame"] = lambda rebuilder, view: rebuilder.frames.of_view(view)


@makes("traceback")
def a_traceback(rebuilder, view):
    return rebuilder.frames.traceback(view)


@makes("generator", "coroutine", "async_generator")
def suspended(rebuilder, view):
    return _suspended.suspended(rebuilder, view) if _suspended.is_suspended(view) else NotImplemented


def maker_of(view, name):
    """The maker of a type, by its name or by a base's."""
    found = MAKERS.get(name)
    if found is None and "." in name:
        found = next((BASES[base] for base in view.bases or () if base in BASES), None)
    return found


__all__ = ["BASES", "MAKERS", "maker_of"]
