"""What tells one crash from another: the types of its exceptions and where in the code they came from; nothing of what they say."""
import builtins
from collections import deque

#: innermost frames of each exception that count
FRAMES = 16
#: exceptions that count: the one that is asked about, its causes, members of its groups
EXCEPTIONS = 8
_GROUP = getattr(builtins, "BaseExceptionGroup", None)


def name_of(kind):
    """A class as ``module.name``, by what the class itself has: code of a metaclass is not asked."""
    own = type.__dict__["__dict__"].__get__(kind)
    module, name = own.get("__module__", "builtins"), type.__dict__["__qualname__"].__get__(kind)
    return name if module == "builtins" or not isinstance(module, str) else "%s.%s" % (module, name)


def _attribute(name):
    return BaseException.__dict__[name].__get__


_cause, _context, _suppressed, _trace = map(_attribute, ("__cause__", "__context__", "__suppress_context__", "__traceback__"))


def trace_of(exception):
    """The traceback, whatever the exception's class makes of the attribute; None of what is no exception."""
    return _trace(exception) if isinstance(exception, BaseException) else None


def set_trace(exception, trace):
    """Changes the traceback as the interpreter does, which asks no class: of a frozen one too."""
    BaseException.__dict__["__traceback__"].__set__(exception, trace)


def chain(exception):
    """The exception, what it came from as Python would show it, and the members of groups; each once, the first in front."""
    found, seen, waiting = [], set(), deque([exception])
    while waiting and len(found) < EXCEPTIONS:
        one = waiting.popleft()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        found.append(one)
        cause = _cause(one)
        waiting.append(cause if cause is not None or _suppressed(one) else _context(one))
        if _GROUP is not None and issubclass(type(one), _GROUP):
            waiting.extend(_GROUP.exceptions.__get__(one)[:EXCEPTIONS])
    return found


def _of_code(code, line):
    return "%s:%s:%s" % (code.co_filename, code.co_name, line)


def _of_trace(trace):
    innermost = deque(maxlen=FRAMES)
    while trace is not None:
        place = _of_code(trace.tb_frame.f_code, trace.tb_lineno)
        if not innermost or innermost[-1] != place:
            innermost.append(place)
        trace = trace.tb_next
    return innermost


def of_exception(exception, trace=None):
    """The fingerprint of an exception, with ``trace`` where it has no traceback of its own."""
    parts = []
    for one in chain(exception):
        parts.append(name_of(type(one)))
        parts.extend(_of_trace(_trace(one) or (trace if one is exception else None)))
    return _digest("\n".join(parts))


def of_place(kind, filename, line):
    """The fingerprint of what is no exception, and told at a place."""
    return _digest("%s\n%s:%s" % (kind, filename, line))


def _digest(text):
    """64 bits of FNV-1a, as 12 digits: the same in every process, with nothing to import."""
    value = 0xCBF29CE484222325
    for byte in text.encode("utf-8", "surrogatepass"):
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return "%012x" % (value >> 16)


__all__ = ["chain", "name_of", "of_exception", "of_place", "set_trace", "trace_of"]
