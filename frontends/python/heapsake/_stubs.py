"""Code objects with the look of a dead one (names, arguments, lines) and a body of ours.

``inspect``, pdb and ``traceback`` see the dead function; the byte code only binds the given values and takes the frame,
yields, awaits, or refuses.  Templates are compiled with made-up names, once for each shape; the dead names, which may be
any text, are put in by ``CodeType.replace``.
"""
import ast
import functools
import sys
import threading
import types
import warnings

VARARGS, VARKEYWORDS, OPTIMIZED, NEWLOCALS = 4, 8, 1, 2
GENERATOR, COROUTINE, ITERABLE_COROUTINE, ASYNC_GENERATOR = 0x20, 0x80, 0x100, 0x200
#: lines are kept within what a code object of any version takes
LAST_LINE = 2 ** 24
MARK = "heapsake box %d"


class Shape:
    """What a stub shows of a code object; values out of range are brought into it."""

    def __init__(self, name="<unknown>", qualname=None, filename="<unknown>", firstlineno=1, varnames=(), argcount=0,
                 posonlyargcount=0, kwonlyargcount=0, flags=OPTIMIZED | NEWLOCALS, freevars=()):
        self.name, self.qualname, self.filename = plain(name), plain(qualname or name), plain(filename)
        self.firstlineno = within(firstlineno, 1, LAST_LINE)
        self.varnames = tuple(plain(each) for each in varnames)
        self.freevars = tuple(plain(each) for each in freevars)
        self.flags = flags if isinstance(flags, int) else 0
        room = len(self.varnames) - bool(self.flags & VARARGS) - bool(self.flags & VARKEYWORDS)
        if room < 0:
            self.flags &= ~(VARARGS | VARKEYWORDS)
            room = len(self.varnames)
        self.argcount = within(argcount, 0, room)
        self.posonlyargcount = within(posonlyargcount, 0, self.argcount)
        self.kwonlyargcount = within(kwonlyargcount, 0, room - self.argcount)

    @property
    def parameters(self):
        return self.argcount + self.kwonlyargcount + bool(self.flags & VARARGS) + bool(self.flags & VARKEYWORDS)


def plain(text):
    return str.__str__(text) if isinstance(text, str) else repr(text)


def within(number, least, most):
    return min(max(number, least), most) if isinstance(number, int) else least


class Box:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


class Late:
    """A value that is had when the stub runs: what ``call`` gives."""

    __slots__ = ("call",)

    def __init__(self, call):
        self.call = call


def boxed(value):
    """A constant for a code object, hashable by identity, that gives ``value`` when called."""
    if type(value) is Late:
        return value.call
    return functools.partial(getattr, Box(value), "value")


_LOCK = threading.Lock()
_COLUMNS = {"col_offset": -1, "end_col_offset": -1} if sys.version_info >= (3, 11) else {"col_offset": 0}


def _placed(tree, line):
    for node in ast.walk(tree):
        if isinstance(node, (ast.stmt, ast.expr, ast.arg, ast.keyword)):
            node.lineno = node.end_lineno = line
            for column, value in _COLUMNS.items():
                setattr(node, column, value)
    return tree


def _box(number):
    return ast.Call(func=ast.Constant(value=MARK % number, kind=None), args=[], keywords=[])


#: how the last statement of a stub is made, from the box whose call does the work
ENDINGS = {
    "frame": lambda box: [ast.Expr(ast.Call(func=ast.Constant(value=MARK % 0, kind=None), args=[_box(1)], keywords=[]))],
    "refuse": lambda box: [ast.Expr(_box(0))],
    "raise": lambda box: [ast.Raise(exc=_box(0), cause=None)],
    "stand": lambda box: [ast.While(test=ast.Constant(value=True, kind=None), body=[ast.Expr(_box(0)), ast.Expr(_box(1))], orelse=[])],
    "yield": lambda box: [ast.Expr(ast.Yield(value=_box(0))), ast.Expr(_box(1))],
    "yield from": lambda box: [ast.Expr(ast.YieldFrom(value=_box(0))), ast.Expr(_box(1))],
    "await": lambda box: [ast.Expr(ast.Await(value=_box(0))), ast.Expr(_box(1))],
    "yield await": lambda box: [ast.Expr(ast.Yield(value=ast.Await(value=_box(0)))), ast.Expr(_box(1))],
}
#: boxes that an ending uses
USED = {"frame": 2, "refuse": 1, "raise": 1, "stand": 2, "yield": 2, "yield from": 2, "await": 2, "yield await": 2}


def _compiled(tree):
    module = ast.Module(body=tree, type_ignores=[])
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(module, "<heapsake>", "exec", dont_inherit=True, optimize=0)


def _inner(code):
    return next(constant for constant in code.co_consts if isinstance(constant, types.CodeType))


@functools.lru_cache(maxsize=4096)
def _function(argcount, posonly, kwonly, star, double, bound, freevars, ending, asynchronous, offset):
    """Template of a function: ``bound`` is a tuple of whether each variable has a value; ``offset`` from def to body."""
    names = ["v%d" % number for number in range(len(bound))]
    first = argcount + kwonly
    argument = lambda name: ast.arg(arg=name, annotation=None, type_comment=None)
    parameters = ast.arguments(
        posonlyargs=[argument(name) for name in names[:posonly]], args=[argument(name) for name in names[posonly:argcount]],
        vararg=argument(names[first]) if star else None, kwonlyargs=[argument(name) for name in names[argcount:first]],
        kw_defaults=[None] * kwonly, kwarg=argument(names[first + star]) if double else None, defaults=[])
    used, body = USED[ending], []
    for number, name in enumerate(names):
        if bound[number]:
            body.append(ast.Assign(targets=[ast.Name(id=name, ctx=ast.Store())], value=_box(used), type_comment=None))
            used += 1
    for number, name in enumerate(names):
        if not bound[number]:
            if number >= first + star + double:
                body.append(ast.Assign(targets=[ast.Name(id=name, ctx=ast.Store())], value=ast.Constant(value=None, kind=None), type_comment=None))
            body.append(ast.Delete(targets=[ast.Name(id=name, ctx=ast.Del())]))
    free = ["f%d" % number for number in range(freevars)]
    body += ENDINGS[ending](None)
    if free:
        body.append(ast.Expr(ast.Tuple(elts=[ast.Name(id=name, ctx=ast.Load()) for name in free], ctx=ast.Load())))
    start, line = max(1, 1 - offset), max(1, 1 + offset)
    kind = ast.AsyncFunctionDef if asynchronous else ast.FunctionDef
    extra = {"type_params": []} if sys.version_info >= (3, 12) else {}
    definition = kind(name="stub", args=parameters, body=body, decorator_list=[], returns=None, type_comment=None, **extra)
    _placed(definition, line)
    definition.lineno = start
    if definition.end_lineno < start:
        definition.end_lineno = start
    if not free:
        return _inner(_compiled([definition]))
    outer = ast.FunctionDef(
        name="outer", args=ast.arguments(posonlyargs=[], args=[], vararg=None, kwonlyargs=[], kw_defaults=[], kwarg=None, defaults=[]),
        body=[ast.Assign(targets=[ast.Name(id=name, ctx=ast.Store())], value=ast.Constant(value=None, kind=None), type_comment=None) for name in free]
        + [definition], decorator_list=[], returns=None, type_comment=None, **extra)
    for statement in outer.body[:-1]:
        _placed(statement, start)
    outer.lineno = outer.end_lineno = start
    for column, value in _COLUMNS.items():
        setattr(outer, column, value)
    return _inner(_inner(_compiled([outer])))


def _with(code, shape, constants, **changes):
    """The template with the dead names, and its boxes filled."""
    filled = {MARK % number: constant for number, constant in enumerate(constants)}
    changes["co_consts"] = tuple(filled.get(each, each) if isinstance(each, str) else each for each in code.co_consts)
    if sys.version_info >= (3, 11):
        changes["co_qualname"] = shape.qualname
    return code.replace(co_name=shape.name, co_filename=shape.filename, **changes)


def function_code(shape, line, values, ending, constants, asynchronous=False, freevars=(), flags=None):
    """Code of a function stub.

    ``values`` is {number of variable: value} for those that are bound, ``constants`` are the objects that the ending
    calls.  The stub is to be called with None for each parameter, which it then replaces.
    """
    bound = tuple(number in values for number in range(len(shape.varnames)))
    star, double = bool(shape.flags & VARARGS), bool(shape.flags & VARKEYWORDS)
    line = within(line, 1, LAST_LINE)
    template = _function(shape.argcount, shape.posonlyargcount, shape.kwonlyargcount, star, double, bound, len(freevars), ending,
                         asynchronous, line - shape.firstlineno)
    boxes = list(constants) + [boxed(values[number]) for number in range(len(bound)) if bound[number]]
    changes = {"co_firstlineno": shape.firstlineno}
    names = {"v%d" % number: name for number, name in enumerate(shape.varnames)}
    changes["co_varnames"] = tuple(names.get(name, name) for name in template.co_varnames)
    if freevars:
        changes["co_freevars"] = tuple(freevars)
    if flags is not None:
        changes["co_flags"] = flags(template.co_flags)
    return _with(template, shape, boxes, **changes)


def arguments_of(shape):
    """(positional, keywords) that a stub is called with."""
    return (None,) * shape.argcount, dict.fromkeys(shape.varnames[shape.argcount:shape.argcount + shape.kwonlyargcount])


@functools.lru_cache(maxsize=1024)
def _module(ending):
    return _compiled([_placed(statement, 1) for statement in ENDINGS[ending](None)])


def body_code(shape, line, constants, ending="frame"):
    """Code of a module's or class's body, of one statement."""
    line = within(line, 1, LAST_LINE)
    template = _module(ending)
    return _with(template, shape, constants, co_firstlineno=line)


__all__ = ["ASYNC_GENERATOR", "COROUTINE", "GENERATOR", "ITERABLE_COROUTINE", "Late", "NEWLOCALS", "OPTIMIZED", "Shape", "VARARGS",
           "VARKEYWORDS", "arguments_of", "body_code", "boxed", "function_code", "plain", "within"]
