"""heapsake: saves every thread, frame and reachable object of a Python process to one file, and opens it again anywhere.

``install()`` and ``dump()`` make dumps, ``load()`` and ``debug()`` open them; opening one runs no code from it.
"""
from ._error import Error, Refused, Stopped
from ._registry import Reduction, reducer, restorer

__all__ = ["Error", "Reduction", "Refused", "Stopped", "debug", "dump", "install", "load", "reducer", "restorer", "set_last",
           "uninstall"]


def _native():
    try:
        from . import _heapsake
    except ImportError as problem:
        raise Error("the native part of heapsake is not installed for this Python: %s" % problem) from problem
    return _heapsake


def install(directory=None, *, ignore=None, signals=True, signal_seconds=60.0, **options):
    """Dumps at an uncaught exception, in any thread, into ``directory`` (default: where the program is then).

    So does a signal that ends the program (a segmentation fault, ``abort``), unless ``signals`` is false: after the dump, or
    ``signal_seconds``, it ends as it would have.  Signals that the program handles or ignores are left to it.

    Exceptions of the classes in ``ignore`` leave no dump (default: ``SystemExit`` and ``KeyboardInterrupt``; ``()`` for none).
    No hook of Python is told of a ``SystemExit`` of the main thread: ``heapsake run`` is.  The options are those of ``dump``.
    """
    from . import hooks

    hooks.install(directory, ignore=ignore, signals=signals, signal_seconds=signal_seconds, **options)


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
