"""Functions, code objects and modules that look like the dead ones; a function of a dump refuses to be called."""
import types

from . import _classes, _repr, _stubs
from ._classes import attribute, value_of
from ._error import Refused
from ._frames import Pairs


class Refusal:
    """What the body of a rebuilt function does."""

    def __init__(self, name):
        self.name = name

    def __call__(self):
        raise Refused("%s() comes from a dump: it does not run" % self.name)


def _code(rebuilder, view, name, freevars=()):
    shape = rebuilder.frames.code(view).shape(name)
    shape.varnames = shape.varnames[:shape.parameters]
    return _stubs.function_code(shape, shape.firstlineno, {}, "refuse", [Refusal(shape.qualname)], freevars=freevars)


def code(rebuilder, view):
    return _code(rebuilder, view, "<unknown>", freevars=rebuilder.frames.code(view).free)


def function(rebuilder, view):
    """A real function; its code, defaults and closure come with it, its globals when asked for."""
    found = attribute(view, "__code__")
    if found is None:
        return NotImplemented
    stub = rebuilder.resolve(found)
    if not isinstance(stub, types.CodeType):
        stub = _code(rebuilder, None, value_of(view, "__name__", str, "<unknown>"))
    rebuilder.frames.show_source(stub.co_filename)
    names = attribute(view, "__globals__")
    namespace = rebuilder.frames.namespace(_Globals(names))
    closure = _closure(rebuilder, attribute(view, "__closure__"), len(stub.co_freevars))
    name = _stubs.plain(value_of(view, "__name__", str) or stub.co_name)
    made = types.FunctionType(stub, namespace, name, None, closure)
    made.__qualname__ = _stubs.plain(value_of(view, "__qualname__", str) or name)
    for constant in stub.co_consts:
        if type(constant) is Refusal:
            constant.name = made.__qualname__
    rebuilder.fills.append((fill_function, rebuilder, made, view))
    return made


def _closure(rebuilder, view, count):
    """The cells of a function, which other functions may have too; an empty one where the dump has none."""
    held = list(view.items)[:count] if view is not None and view.items is not None else []
    found = [rebuilder.resolve(each) if each.type_name == "cell" else None for each in held]
    found += [None] * (count - len(found))
    return tuple(cell if type(cell) is types.CellType else types.CellType() for cell in found)


class _Globals:
    """Facts enough for a namespace."""

    def __init__(self, view):
        self.globals = Pairs(view)
        self.names_key = None if view is None else getattr(view, "id", None)


def fill_function(rebuilder, made, view):
    for name, kinds in (("__defaults__", tuple), ("__kwdefaults__", dict), ("__doc__", object), ("__module__", object),
                        ("__annotations__", dict)):
        found = attribute(view, name)
        if found is not None and found.type_name != "NoneType":
            value = rebuilder.resolve(found)
            if isinstance(value, kinds) and not (name == "__annotations__" and len(value) > 1000):
                setattr(made, name, value if kinds is not tuple else tuple(value))
    attributes = view.attributes
    for name in list(attributes):
        if not (name.startswith("__") and name.endswith("__") and name != "__wrapped__"):
            made.__dict__[name] = rebuilder.resolve(attributes[name])


class DeadModule(types.ModuleType):
    """A module of a dump; in no ``sys.modules``, its names looked up when they are asked for."""

    def __getattr__(self, name):
        rebuilder, view = types.ModuleType.__getattribute__(self, "__dict__")["__heapsake_origin__"]
        found = None if name in _classes.UNASKED else attribute(view, name)
        if found is None:
            raise AttributeError("module %s of the dump has no attribute %r" % (_name(view), name))
        value = self.__dict__[name] = rebuilder.rebuild(found)
        return value

    def __getattribute__(self, name):
        own = types.ModuleType.__getattribute__(self, "__dict__")
        if name in OF_THE_DUMP and name not in own["__heapsake_seen__"]:
            own["__heapsake_seen__"].add(name)
            found = attribute(own["__heapsake_origin__"][1], name)
            if found is not None:
                own[name] = own["__heapsake_origin__"][0].rebuild(found)
        return types.ModuleType.__getattribute__(self, name)

    def __dir__(self):
        view = types.ModuleType.__getattribute__(self, "__dict__")["__heapsake_origin__"][1]
        return sorted(set(view.attributes) | {name for name in self.__dict__ if not name.startswith("__heapsake")})

    def __repr__(self):
        return _repr.one_line(self)

    def __heapsake_describe__(self, limits):
        view = types.ModuleType.__getattribute__(self, "__dict__")["__heapsake_origin__"][1]
        file = value_of(view, "__file__", str)
        return "<module %r%s>" % (_name(view), " from %r" % file if file else "")


DeadModule.__name__ = DeadModule.__qualname__ = "module"
DeadModule.__module__ = "builtins"
#: names that every module object has anyway
OF_THE_DUMP = frozenset(("__doc__", "__package__", "__loader__", "__spec__", "__name__"))


def _name(view):
    return value_of(view, "__name__", str) or "?"


def module(rebuilder, view):
    made = DeadModule(_stubs.plain(_name(view)))
    made.__dict__.update(__heapsake_origin__=(rebuilder, view), __heapsake_seen__=set())
    return made


__all__ = ["code", "function", "module"]
