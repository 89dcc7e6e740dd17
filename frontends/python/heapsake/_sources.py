"""Source text of functions, classes and modules of a dump."""
import inspect
import io
import os
import re
import stat
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
    return split(text)


def split(text):
    """The lines of a source file: those that Python counts, which no form feed ends."""
    return io.StringIO(text, newline=None).readlines()


#: bytes of a file of this machine that is compared with the dump's
MOST_COMPARED = 1 << 24


def differs_here(filename, dump):
    """Whether this machine has a file of this name with another text; no, where it has none or the dump has no text."""
    try:
        text = dump.source(filename)
        if text is None:
            return False
        found = os.stat(filename)
        # a name of a dump may be that of a device or a pipe
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_COMPARED:
            return False
        with open(filename, "rb") as file:
            here = file.read(MOST_COMPARED)
    except (OSError, ValueError):
        return False
    if any(here == text.encode(encoding, "surrogatepass") for encoding in ("utf-8", "utf-8-sig")):
        return False
    return split(io.TextIOWrapper(io.BytesIO(here), encoding_of(here), "replace").read()) != split(text.lstrip("\ufeff"))


def encoding_of(content):
    """The encoding that a source file declares."""
    import tokenize

    try:
        return tokenize.detect_encoding(io.BytesIO(content).readline)[0]
    except SyntaxError:
        return "utf-8"


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
    methods = method_lines(view)
    pattern = re.compile(r"\s*class\s+%s\b" % re.escape(cls.__name__))
    for filename in filenames(view, rebuilder):
        try:
            lines = text_of(rebuilder, filename)
        except Error:
            continue
        if first is not None and 1 <= first <= len(lines):
            return block(lines, first)
        found = [number for number, line in enumerate(lines, 1) if pattern.match(line)]
        for number in found:
            # of several classes of one name, that which has the methods
            body = block(lines, number)
            if len(found) == 1 or any(number <= line < number + len(body[0]) for line in methods):
                return body
        if found:
            return block(lines, found[0])
    raise Error("the dump has no source of %s" % cls.__qualname__)


def method_lines(view):
    """The first lines of the functions of a class."""
    attributes = view.attributes
    codes = [attribute(attributes[name], "__code__") for name in list(attributes)]
    return [line for line in (value_of(code, "co_firstlineno", int) for code in codes if code is not None) if line]


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


__all__ = ["differs_here", "lines_of", "split"]
