"""Functions, code objects and modules that look like the dead ones; a function of a dump refuses to be called."""
import types

from . import _classes, _executable, _repr, _stubs
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
    if rebuilder.choices.code:
        made = _executable.code(rebuilder, view)
        if made is not NotImplemented:
            return made
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
    namespace = rebuilder.frames.namespace(_Globals(names), names)
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
            if name == "__annotations__" and isinstance(value, tuple):
                # from 3.10 on they are names and values in turn until somebody asks
                value = dict(zip(value[::2], value[1::2]))
            if kinds is tuple and type(value) is not tuple:
                value = tuple([rebuilder.resolve(item) for item in found.items])
            if isinstance(value, kinds) and not (name == "__annotations__" and len(value) > 1000):
                if name == "__module__":
                    value = rebuilder.choices.name(value)
                setattr(made, name, value)
    if rebuilder.choices.code and hasattr(made, "__annotate__") and not made.__annotations__:
        # from 3.14 on annotations are what a function gives that is called when somebody asks
        found = attribute(view, "__annotate__")
        value = None if found is None or found.type_name != "function" else rebuilder.resolve(found)
        if type(value) is types.FunctionType and not any(type(each) is Refusal for each in value.__code__.co_consts):
            made.__annotate__ = value
    held = attribute(view, "__dict__")
    if held is not None and held.type_name == "dict" and not held.surrogate:
        for name, value in held.items:
            if isinstance(name.value, str):
                made.__dict__[rebuilder.resolve(name)] = rebuilder.resolve(value)
        return
    attributes = view.attributes
    for name in list(attributes):
        if not (name.startswith("__") and name.endswith("__") and name != "__wrapped__"):
            made.__dict__[name] = rebuilder.resolve(attributes[name])


def _own(module):
    """The dictionary that a module object has itself; its names in the dump are another."""
    return types.ModuleType.__dict__["__dict__"].__get__(module)


class DeadModule(types.ModuleType):
    """A module of a dump; in no ``sys.modules``, its names looked up when they are asked for."""

    def __getattr__(self, name):
        rebuilder, view = _own(self)["__heapsake_origin__"]
        if name not in _classes.UNASKED and not name.startswith("__heapsake"):
            names = self.__dict__
            if name in names:
                return names[name]
            found = attribute(view, name)
            if found is not None:
                return rebuilder.rebuild(found)
        raise AttributeError("module %s of the dump has no attribute %r" % (_name(view), name))

    def __getattribute__(self, name):
        if name in OF_THE_DUMP and name not in _own(self).get("__heapsake_given__", ()):
            rebuilder, view = _own(self)["__heapsake_origin__"]
            found = attribute(view, name)
            if found is not None:
                return shown_name(rebuilder, name, rebuilder.rebuild(found))
        return types.ModuleType.__getattribute__(self, name)

    def __setattr__(self, name, value):
        if name in OF_THE_DUMP:
            _own(self).setdefault("__heapsake_given__", set()).add(name)
            types.ModuleType.__setattr__(self, name, value)
        self.__dict__[name] = value

    def __delattr__(self, name):
        _own(self).get("__heapsake_given__", set()).discard(name)
        try:
            self.__dict__.pop(name)
        except KeyError:
            raise AttributeError(name) from None

    @property
    def __dict__(self):
        """The names of the module, one dictionary with the globals of its functions and frames."""
        rebuilder, view = _own(self)["__heapsake_origin__"]
        names = attribute(view, "__dict__")
        return _own(self) if names is None else rebuilder.rebuild(names)

    def __dir__(self):
        return sorted(set(_own(self)["__heapsake_origin__"][1].attributes) | {name for name in self.__dict__ if isinstance(name, str)})

    def __repr__(self):
        return _repr.one_line(self)

    def __heapsake_describe__(self, limits):
        rebuilder, view = _own(self)["__heapsake_origin__"]
        file = value_of(view, "__file__", str)
        return "<module %r%s>" % (rebuilder.choices.name(_name(view)), " from %r" % file if file else "")


DeadModule.__name__ = DeadModule.__qualname__ = "module"
DeadModule.__module__ = "builtins"
#: names that every module object has anyway
OF_THE_DUMP = frozenset(("__doc__", "__package__", "__loader__", "__spec__", "__name__"))


def shown_name(rebuilder, name, value):
    """A value of a module's namespace: names of modules as the user chose to see them."""
    return rebuilder.choices.name(value) if name in ("__name__", "__package__") and type(value) is str else value


def _name(view):
    return value_of(view, "__name__", str) or "?"


def module(rebuilder, view):
    made = DeadModule(_stubs.plain(rebuilder.choices.name(_name(view))))
    _own(made)["__heapsake_origin__"] = rebuilder, view
    return made


__all__ = ["code", "function", "module"]
