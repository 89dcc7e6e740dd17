"""Source text of functions, classes and modules of a dump."""
import inspect
import re
import types

from ._classes import DeadType, attribute, value_of
from ._error import Error


def lines_of(value, rebuilder):
    """(lines, number of the first) of the source of a rebuilt object, from the dump; ``Error`` where it has none."""
    if isinstance(value, (types.MethodType, staticmethod, classmethod)):
        value = value.__func__
    if isinstance(value, property):
        value = value.fget
    if isinstance(value, types.FunctionType):
        value = value.__code__
    for name in ("gi_code", "cr_code", "ag_code", "f_code"):
        value = getattr(value, name, value) if isinstance(value, SUSPENDED) else value
    if isinstance(value, types.CodeType):
        return block(text_of(rebuilder, value.co_filename), value.co_firstlineno)
    view = rebuilder.view_of(value)
    if isinstance(value, types.ModuleType) and view is not None:
        return text_of(rebuilder, value_of(view, "__file__", str)), 1
    cls = value if isinstance(value, type) else type(value)
    if isinstance(cls, DeadType):
        return class_lines(cls, rebuilder)
    raise Error("the dump has no source of %s" % getattr(cls, "__qualname__", "this"))


SUSPENDED = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType, types.FrameType)


def text_of(rebuilder, filename):
    text = None
    if filename and rebuilder.dump is not None:
        try:
            text = rebuilder.dump.source(filename)
        except Exception:
            text = None
    if not text:
        raise Error("the dump has no source of %s" % (filename or "this"))
    return text.splitlines(True)


def block(lines, first):
    if not 1 <= first <= len(lines):
        raise Error("the dump's source has %d lines, and this begins at line %d" % (len(lines), first))
    return inspect.getblock(lines[first - 1:]), first


def class_lines(cls, rebuilder):
    """The class statement, found in the file of one of the class's functions."""
    view = cls.__dict__["__heapsake_origin__"][1]
    if view is None:
        raise Error("the dump has no source of %s" % cls.__qualname__)
    first = value_of(view, "__firstlineno__", int)
    pattern = re.compile(r"\s*class\s+%s\b" % re.escape(cls.__name__))
    for filename in filenames(view, rebuilder):
        try:
            lines = text_of(rebuilder, filename)
        except Error:
            continue
        if first is not None and 1 <= first <= len(lines):
            return block(lines, first)
        for number, line in enumerate(lines, 1):
            if pattern.match(line):
                return block(lines, number)
    raise Error("the dump has no source of %s" % cls.__qualname__)


def filenames(view, rebuilder):
    """Files that may define a class: those of its functions, then that of its module."""
    attributes = view.attributes
    for name in list(attributes):
        code = attribute(attributes[name], "__code__") or attribute(attribute(attributes[name], "fget"), "__code__")
        if code is not None:
            yield value_of(code, "co_filename", str)
    module = value_of(view, "__module__", str)
    modules = getattr(rebuilder.dump, "modules", None) or {}
    if module in modules:
        yield value_of(modules[module], "__file__", str)


__all__ = ["lines_of"]
