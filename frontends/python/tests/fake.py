"""A dump that is no file: the native module's views, over living objects of this process.

It shares no code with the package under test.  Views keep their objects alive; an object has one view.
"""
import collections
import collections.abc
import functools
import sys
import threading
import types

PLAIN = (bool, int, float, complex, str, bytes)
HIDDEN = {"__dict__", "__weakref__", "__doc__"}


def qualified(kind):
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return "%s.%s" % (kind.__module__, kind.__qualname__)


class FakeAttributes(collections.abc.Mapping):
    def __init__(self, view):
        self.view = view
        self.found = None

    def raw(self):
        if self.found is None:
            self.found = attributes_of(self.view.subject)
        return self.found

    def __getitem__(self, name):
        return self.view.dump.view(self.raw()[name])

    def __iter__(self):
        return iter(self.raw())

    def __len__(self):
        return len(self.raw())


class FakeItems(collections.abc.Sequence):
    def __init__(self, dump, items, pairs):
        self.dump, self.all, self.pairs = dump, items, pairs

    def __len__(self):
        return len(self.all)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self.all)))]
        item = self.all[index]
        self.dump.items_read += 1
        if self.pairs:
            return self.dump.view(item[0]), self.dump.view(item[1])
        return self.dump.view(item)


class FakeView:
    def __init__(self, dump, number, subject):
        self.dump, self.id, self.subject = dump, number, subject
        self.address = 0x7F0000000000 + 16 * number
        self.size = sys.getsizeof(subject, 16) if isinstance(subject, PLAIN) else 64
        self.surrogate = dump.reasons.get(id(subject))
        self.edges = [("attribute", "x", self)]

    def __eq__(self, other):
        return isinstance(other, FakeView) and (other.dump, other.id) == (self.dump, self.id)

    def __hash__(self):
        return hash((id(self.dump), self.id))

    @property
    def type_name(self):
        return qualified(type(self.subject))

    @property
    def type(self):
        return self.dump.view(type(self.subject))

    @property
    def bases(self):
        return [qualified(kind) for kind in type(self.subject).__mro__]

    @property
    def kind(self):
        return "type" if isinstance(self.subject, type) else "object"

    @property
    def value(self):
        if self.surrogate:
            return None
        for kind in PLAIN:
            if isinstance(self.subject, kind):
                return kind.__getitem__(self.subject, slice(None)) if kind in (str, bytes) else kind(self.subject) if kind is not bool else self.subject
        return None

    @property
    def is_mapping(self):
        return isinstance(self.subject, (dict, types.MappingProxyType))

    @property
    def items(self):
        subject = self.subject
        if self.surrogate:
            return FakeItems(self.dump, [], False)
        if isinstance(subject, dict):
            return FakeItems(self.dump, list(dict.items(subject)), True)
        if isinstance(subject, types.MappingProxyType):
            return FakeItems(self.dump, list(subject.items()), True)
        for kind in (list, tuple, set, frozenset, collections.deque):
            if isinstance(subject, kind):
                return FakeItems(self.dump, subject if kind in (list, tuple) and type(subject) is kind else list(kind.__iter__(subject)), False)
        if isinstance(subject, bytearray):
            return FakeItems(self.dump, list(subject), False)
        if type(subject).__name__ == "array":
            return FakeItems(self.dump, list(subject), False)
        return FakeItems(self.dump, [], False)

    @property
    def attributes(self):
        return FakeAttributes(self)

    def rebuild(self):
        from heapsake import rebuild

        return rebuild.rebuild(self)


READ = {
    "frame": "f_back f_code f_globals f_lineno f_lasti f_locals",
    "traceback": "tb_frame tb_lineno tb_next tb_lasti",
    "code": """co_name co_filename co_firstlineno co_varnames co_argcount co_posonlyargcount co_kwonlyargcount co_flags co_qualname
        co_freevars co_cellvars""",
    "function": """__name__ __qualname__ __module__ __code__ __defaults__ __kwdefaults__ __closure__ __globals__ __annotations__
        __doc__""",
    "method": "__func__ __self__", "builtin_function_or_method": "__name__ __qualname__ __self__",
    "generator": "gi_frame gi_code gi_running gi_yieldfrom gi_suspended __name__ __qualname__",
    "coroutine": "cr_frame cr_code cr_running cr_await cr_suspended __name__ __qualname__",
    "async_generator": "ag_frame ag_code ag_running ag_await ag_suspended __name__ __qualname__",
    "range": "start stop step", "slice": "start stop step", "property": "fget fset fdel", "staticmethod": "__func__",
    "classmethod": "__func__", "partial": "func args keywords", "datetime": "year month day hour minute second microsecond tzinfo fold",
    "date": "year month day", "time": "hour minute second microsecond tzinfo fold", "timedelta": "days seconds microseconds",
    "deque": "maxlen", "defaultdict": "default_factory", "array": "typecode", "Fraction": "_numerator _denominator", "UUID": "int",
}


def attributes_of(subject):
    """{name: object}, read so that no code of a class runs; laid out as the native views lay it out."""
    kind = type(subject)
    found = {}
    names = READ.get(kind.__name__, "").split()
    for name in names:
        try:
            value = getattr(subject, name)
        except (AttributeError, ValueError):
            continue
        found[name] = dict(value) if name == "f_locals" and value is not subject.f_globals else value
    if kind.__name__ == "cell":
        try:
            return {"cell_contents": subject.cell_contents}
        except ValueError:
            return {}
    if kind.__name__ == "timezone":
        return {"offset": subject.utcoffset(None)}
    if kind.__name__ == "Decimal":
        return {"text": str(subject)}
    if kind.__name__.endswith("Path"):
        return {"_str": str(subject)}
    if kind.__name__ in ("weakref", "ReferenceType"):
        return {"referent": subject()}
    if isinstance(subject, type):
        found.update(vars(subject))
        found.update(__name__=subject.__name__, __qualname__=subject.__qualname__, __bases__=subject.__bases__, __mro__=subject.__mro__,
                     __module__=subject.__module__)
        return found
    if kind is types.CodeType and hasattr(subject, "co_qualname"):
        # what 3.11 and later keep of these is one tuple and the kinds
        free = found.pop("co_freevars")
        names = found.pop("co_varnames")
        rest = [name for name in found.pop("co_cellvars") if name not in names]
        found["co_localsplusnames"] = (*names, *rest, *free)
        found["co_localspluskinds"] = b"\x20" * len(names) + b"\x40" * len(rest) + b"\x80" * len(free)
    if isinstance(subject, BaseException):
        found.update(args=subject.args, __traceback__=BaseException.__traceback__.__get__(subject), __cause__=subject.__cause__,
                     __context__=subject.__context__, __suppress_context__=subject.__suppress_context__)
        for name in "errno strerror filename code encoding object start end reason".split():
            if hasattr(kind, name):
                found[name] = getattr(subject, name)
    for base in kind.__mro__:
        for name, slot in vars(base).items():
            if isinstance(slot, types.MemberDescriptorType) and base is not object and not isinstance(subject, (BaseException,) + TYPES):
                try:
                    found[name] = slot.__get__(subject)
                except AttributeError:
                    pass
    try:
        own = object.__getattribute__(subject, "__dict__")
    except (AttributeError, RecursionError):
        own = None
    if isinstance(own, dict):
        found.update(own)
    return found


TYPES = (types.FunctionType, types.CodeType, types.FrameType, types.GeneratorType, types.CoroutineType, types.MethodType,
         types.AsyncGeneratorType, types.BuiltinFunctionType, types.TracebackType, types.ModuleType, property, functools.partial, range,
         slice, staticmethod, classmethod)


class FakeFrame:
    def __init__(self, dump, frame, lineno, in_traceback):
        self.view = dump.view(frame)
        self.code = dump.view(frame.f_code)
        self.function, self.filename, self.lineno = frame.f_code.co_name, frame.f_code.co_filename, lineno
        self.qualified_name = getattr(frame.f_code, "co_qualname", frame.f_code.co_name)
        self.in_traceback = in_traceback
        self.locals = {name: dump.view(value) for name, value in frame.f_locals.items()}
        self.globals = FakeAttributesOf(dump, frame.f_globals)


class FakeAttributesOf(collections.abc.Mapping):
    def __init__(self, dump, names):
        self.dump, self.names = dump, names

    def __getitem__(self, name):
        return self.dump.view(self.names[name])

    def __iter__(self):
        return iter(self.names)

    def __len__(self):
        return len(self.names)


class FakeThread:
    def __init__(self, name, ident, frames, exception=None, is_current=False):
        self.name, self.ident, self.native_id, self.frames = name, ident, ident + 1, frames
        self.exception, self.is_current = exception, is_current


class FakeDump:
    """The dump of an exception, of further threads' frames, and of sources by file name."""

    def __init__(self, exception=None, threads=(), sources=None, reasons=None):
        self.path, self.header, self.faults, self.modules = "fake.heapsake", {"python": "3"}, [], {}
        self.objects, self.numbers, self.keep = [], {}, []
        self.reasons = {id(subject): reason for subject, reason in (reasons or [])}
        self.keep.append(reasons)
        self.texts = sources or {}
        self.items_read = 0
        self.exception = None if exception is None else self.view(exception)
        self.threads = []
        if exception is not None:
            frames, trace = [], exception.__traceback__
            while trace is not None:
                frames.append(FakeFrame(self, trace.tb_frame, trace.tb_lineno, True))
                trace = trace.tb_next
            self.threads.append(FakeThread("MainThread", threading.main_thread().ident, frames, self.exception, True))
        for name, frames in threads:
            self.threads.append(FakeThread(name, 1000 + len(self.threads), [FakeFrame(self, frame, frame.f_lineno, False) for frame in frames]))

    def view(self, subject):
        number = self.numbers.get(id(subject))
        if number is None:
            number = self.numbers[id(subject)] = len(self.objects)
            self.objects.append(FakeView(self, number, subject))
        return self.objects[number]

    def source(self, filename):
        return self.texts.get(filename)

    @property
    def source_names(self):
        return list(self.texts)


