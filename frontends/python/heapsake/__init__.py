"""heapsake: saves every thread, frame and reachable object of a Python process to one file, and opens it again anywhere.

``install()``, ``on_error()``, ``dump_after()`` and ``dump()`` make dumps, ``load()`` and ``debug()`` open them; opening one runs no
code from it.  PYTEST_DONT_REWRITE: a program that imports it before it starts pytest gets no warning.
"""
import sys

__all__ = ["Error", "Reduction", "Refused", "Stopped", "cancel_dump_after", "debug", "dump", "dump_after", "dump_of", "install", "load",
           "on_error", "reducer", "restorer", "set_last", "uninstall"]

_LATER = {"Error": "_error", "Refused": "_error", "Stopped": "_error", "Reduction": "_registry", "reducer": "_registry",
          "restorer": "_registry"}


def __getattr__(name):
    if name not in _LATER:
        raise AttributeError("module %r has no attribute %r" % (__name__, name))
    import importlib

    value = globals()[name] = getattr(importlib.import_module("%s.%s" % (__name__, _LATER[name])), name)
    return value


def __dir__():
    return sorted(set(globals()) | set(__all__))


# A program in trouble may be able to import nothing more, so what a dump needs is loaded now.  Only pytest, which asks every plugin
# for its options in every run, has it later, if at all.
if "_pytest.config" not in sys.modules:
    from ._error import Error, Refused, Stopped
    from ._registry import Reduction, reducer, restorer


def _native():
    try:
        from . import _heapsake, _registry
    except ImportError as problem:
        from ._error import Error

        raise Error("the native part of heapsake is not installed for this Python: %s" % problem) from problem
    return _heapsake


def install(directory=None, *, ignore=None, signals=True, signal_seconds=60.0, **settings):
    """Dumps at an uncaught exception, in any thread, into ``directory`` (default: where the program is then).

    So does a signal that ends the program (a segmentation fault, ``abort``), unless ``signals`` is false: after the dump, or
    ``signal_seconds``, it ends as it would have.  Signals that the program handles or ignores are left to it.

    Exceptions of the classes in ``ignore`` leave no dump (default: ``SystemExit`` and ``KeyboardInterrupt``; ``()`` for none).
    No hook of Python is told of a ``SystemExit`` of the main thread: ``heapsake run`` is.

    What is kept: ``once`` per distinct crash (True; ``"directory"``: as long as a dump of it lies there; False: always; by default once
    unless a thread or a process ends with it), ``at_most`` so many in the directory, ``disk`` so many bytes, under names by
    ``template``; ``callback`` is called with each path, ``quiet`` prints nothing.  ``once`` and ``callback`` do not count for dumps of a
    signal that ends the program, nor for those that are made without the interpreter lock.  Which doors are open: ``excepthook``, ``threads``,
    ``unraisable`` (``"threads"``; True for ``__del__`` too), ``asyncio`` (``"all"``: also what is caught further out),
    ``multiprocessing``, ``futures`` (``"all"``: threads too) are; ``logging`` (True or a level), ``warnings`` (categories) and
    ``signal`` (a number or name) are not.  Other options are those of ``dump``.
    """
    from . import hooks

    hooks.install(directory, ignore=ignore, signals=signals, signal_seconds=signal_seconds, **settings)


def uninstall():
    """Takes the hooks of ``install`` away, where nobody else has hooked on top of them."""
    from . import hooks

    hooks.uninstall()


def dump(path=None, exception=None, *, reason=None, redact="names", **options):
    """Dumps this process, with the stack of ``exception`` where one is given; returns the path when the file is complete.

    Without one, an exception that the caller is handling is the dump's; ``exception=False`` leaves it out.  ``sources`` names
    the source files to take along, and folders of such: ``[]`` takes none, by default those of all code are.
    An object with ``write`` in the place of the path is given the bytes of the dump; then there is no path to return.
    """
    import os

    if hasattr(path, "write") and not hasattr(path, "__fspath__"):
        from ._writing import dump_into

        return dump_into(path, lambda name: dump(name, exception, reason=reason, redact=redact, **options))
    return os.fspath(_native().dump(path, exception, reason=reason, redact=redact, **options))


def dump_of(exception):
    """The path of the dump that a door has made of this very exception in this process, or its parent before it forked; None without.

    A dump that would be gone again if the exception is caught (asyncio's) stays when it is asked for.
    """
    from ._keeping import kept

    if not issubclass(type(exception), BaseException):
        raise TypeError("dump_of wants an exception, not %r" % (exception,))
    return kept(exception)


def load(path):
    """Opens a dump.  ``Error`` if the file is none; whatever is wrong within it is in ``.faults``."""
    import os

    return _native().load(os.fspath(path))


def debug(dump, thread=None, using="pdb"):
    """A debugger on a dump, or on the dump in a file: at the exception, else at the current thread, else at ``thread``.

    ``using`` is ``pdb``, or where they are installed ``ipdb`` (also as ``ipython``) or ``pudb``.
    """
    from . import debugger

    debugger.debug(dump, thread, using=using)


def set_last(dump, thread=None, limit=1000):
    """Makes a dump the last exception of this Python (``sys.last_traceback``, from 3.12 on ``sys.last_exc``) and returns it.

    Then ``pdb.pm()``, IPython's ``%debug`` and ``traceback.print_last()`` open the dump: the stack of ``thread`` or that of the
    exception, the innermost ``limit`` frames.  Where no exception ended the thread it is a ``Stopped``.
    """
    from . import _last

    return _last.set_last(load(dump) if isinstance(dump, (str, bytes)) or hasattr(dump, "__fspath__") else dump, thread, limit)


def load_ipython_extension(shell):
    """``%load_ext heapsake``: the magic ``%heapsake``."""
    from . import _magic

    _magic.load(shell)


def on_error(directory=None, *, only=Exception, reason=None, **settings):
    """A context manager, and a decorator of functions of any kind: an exception that leaves leaves a dump, and goes on unchanged.

    ``only`` names the classes.  Without a directory and settings, which are those of ``install`` for what is kept, the dump goes where
    ``install`` puts them.
    """
    from .doors.on_error import OnError

    return OnError(directory, only=only, reason=reason, **settings)


def dump_after(seconds, repeat=False, *, directory=None, **settings):
    """Dumps when ``seconds`` have passed, again and again with ``repeat``, unless ``cancel_dump_after`` is called; one at a time.

    A thread of its own does it, also while the main thread is in C code, or waits for ever.  Directory and settings are as for
    ``on_error``.
    """
    from .doors import asked

    asked.dump_after(seconds, repeat, directory, settings)


def cancel_dump_after():
    """No dump of ``dump_after`` is made any more."""
    from .doors import asked

    asked.cancel_dump_after()
