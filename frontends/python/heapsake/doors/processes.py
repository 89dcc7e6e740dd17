"""multiprocessing: what ends a worker, and what a worker of a pool hands on, dumped in the worker before its parent has a copy.

A forked worker has the hooks of its parent.  One that is spawned, or comes from a fork server, is given the settings with what it is
told of its parent, and installs the same; where it cannot import heapsake, it runs without.
"""
import os
import sys

from . import keep
from .. import _marks
from .._fingerprint import trace_of
from .._program import of_parent, program
from ._imports import Hooks

#: in the words of Python, run by a worker that is told of its parent; the folder of heapsake may not be on its path
_BEGIN = """try:
    import sys
    sys.path.append(%r)
    try:
        from heapsake.doors import processes
    finally:
        sys.path.remove(%r)
    processes.begin(%r)
except Exception:
    pass"""

#: what `install` was called with, for workers
settings = {}


def _make_name(before):
    """A worker that ends asks for its own name, to say so."""
    def get(self):
        try:
            frame, exception = sys._getframe(1), sys.exc_info()[1]
            trace = trace_of(exception)
            if frame.f_code is type(self)._bootstrap.__code__ and trace is not None and trace.tb_frame is frame:
                name = before.fget(self)
                keep(exception, reason=lambda: "uncaught %s in process %s" % (type(exception).__name__, name), ends=True)
        except Exception:
            pass
        return before.fget(self)

    return property(get, before.fset, before.fdel, before.__doc__)


def wrapping(before):
    """The class in which a worker wraps an exception for its parent."""

    class Wrapped(before):
        def __init__(self, exc, tb):
            keep(exc, exception_traceback=tb, reason=lambda: "%s in a worker of a pool" % type(exc).__name__)
            _marks.take_away(exc)
            before.__init__(self, exc, tb)

    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(Wrapped, name, getattr(before, name))
    return Wrapped


class _Carrier:
    """What a worker makes of it is that it has begun as its parent."""

    def __init__(self, code):
        self.code = code

    def __reduce__(self):
        return exec, (self.code,)


def _make_data(before):
    def get_preparation_data(name):
        data = before(name)
        try:
            import pickle

            told = dict(_portable(settings), program=program())
            folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
            data["heapsake"] = _Carrier(_BEGIN % (folder, folder, pickle.dumps(told)))
        except Exception:
            pass
        return data

    return get_preparation_data


def _portable(arguments):
    """The settings as another process can have them: classes by name, a callback by where it is."""
    from .._fingerprint import name_of
    from .._keeping import Named

    found = dict(arguments)
    if found.get("ignore") is not None:
        found["ignore"] = [kind if isinstance(kind, str) else Named(name_of(kind)) for kind in found["ignore"]]
    found["warnings"] = [kind if isinstance(kind, str) else name_of(kind) for kind in found.get("warnings") or ()]
    callback = found.pop("callback", None)
    module, name = (getattr(callback, attribute, None) for attribute in ("__module__", "__qualname__"))
    if isinstance(module, str) and isinstance(name, str) and getattr(sys.modules.get(module), name, None) is callback:
        found["callback"] = module, name
    return found


class _Callback:
    """A function of the parent's, looked for when it is called: by then the worker has what its parent had imported."""

    def __init__(self, module, name):
        self.module, self.name = module, name

    def __call__(self, path):
        module = "__mp_main__" if self.module == "__main__" and "__mp_main__" in sys.modules else self.module
        if module in sys.modules:
            getattr(sys.modules[module], self.name)(path)


def begin(data):
    """Installs in a worker what its parent has installed."""
    import pickle

    from .. import install

    arguments = pickle.loads(data)
    name = arguments.pop("program", None)
    if name is not None:
        of_parent(name)
    if arguments.get("callback") is not None:
        arguments["callback"] = _Callback(*arguments["callback"])
    install(**arguments)


_hooks = Hooks(
    ("multiprocessing.process", "BaseProcess", "name", _make_name),
    ("multiprocessing.pool", "", "ExceptionWithTraceback", wrapping),
    ("multiprocessing.spawn", "", "get_preparation_data", _make_data),
)


def open(_):
    _hooks.open()


def close():
    _hooks.close()
