"""The hooks that dump at an uncaught exception, and at a signal that ends the program.

Each calls what was there before it, whatever happens; none ever raises.  One line on stderr names the file.  Python tells a
hook of every exception but a ``SystemExit`` of the main thread; what ends a program on purpose is ignored unless it is asked for.
"""
import os
import sys
import threading

from . import _native, _signals
from ._naming import say, unused_path

#: classes of exceptions that leave no dump
IGNORED = (SystemExit, KeyboardInterrupt)

_state = None
_guard = threading.local()


class _State:
    """What was installed, and what was there before."""

    def __init__(self, directory, ignored, options):
        self.directory, self.ignored, self.options = directory, ignored, options
        self.hook = lambda kind, exception, trace: self.uncaught(kind, exception, trace)
        self.thread_hook = lambda arguments: self.uncaught_in_thread(arguments)
        self.before, self.thread_before = sys.excepthook, threading.excepthook

    def uncaught(self, kind, exception, trace):
        try:
            _save(self, exception, trace, lambda: "uncaught %s" % getattr(kind, "__name__", "exception"))
        finally:
            self.before(kind, exception, trace)

    def uncaught_in_thread(self, arguments):
        def told():
            name = getattr(arguments.thread, "name", "a thread")
            return "uncaught %s in %s" % (getattr(arguments.exc_type, "__name__", "exception"), name)

        try:
            _save(self, arguments.exc_value, arguments.exc_traceback, told)
        finally:
            self.thread_before(arguments)


def _save(state, exception, trace, told):
    """Dumps, and says so or why not; only what is ignored passes unseen.

    What ``told`` asks for the reason, and the classes to ignore, may be code of the program, which may raise.
    """
    if getattr(_guard, "busy", False) or _state is not state or exception is None:
        return
    _guard.busy, reason = True, "an uncaught exception"
    try:
        # by its type, as an exception may say of its class what it likes
        if issubclass(type(exception), state.ignored):
            return
        from . import dump

        try:
            reason = str(told())
        except Exception:
            pass
        if exception.__traceback__ is None and trace is not None:
            exception.__traceback__ = trace
        try:
            path, why = dump(unused_path(state.directory), exception, reason=reason, **state.options), ""
        except Exception as problem:
            other = _elsewhere(state.directory)
            if other is None:
                raise
            path, why = dump(unused_path(other), exception, reason=reason, **state.options), "; %s" % _sentence(problem)
        say("heapsake: %s saved to %s%s" % (reason, path, why))
    except BaseException as problem:
        say("heapsake: no dump of %s: %s" % (reason, _sentence(problem, True)))
    finally:
        _guard.busy = False


def _sentence(problem, named=False):
    try:
        return " ".join(("%s: %s" % (type(problem).__name__, problem) if named else str(problem)).split())
    except BaseException:
        return "?"


def _elsewhere(directory):
    """The folder for temporary files, where the one that was meant takes no file."""
    try:
        folder = directory if directory is not None else os.getcwd()
        if os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK):
            return None
    except OSError:
        pass  # a working directory that was deleted
    candidates = (os.environ.get("TMPDIR"), "/tmp", "/var/tmp")
    return next((other for other in candidates if other and os.path.isdir(other) and os.access(other, os.W_OK | os.X_OK)), None)


def install(directory=None, *, ignore=None, signals=True, signal_seconds=60.0, **options):
    """Hooks ``sys.excepthook``, ``threading.excepthook`` and fatal signals; a second call changes what they are to do only."""
    global _state
    if directory is not None:
        directory = os.path.abspath(os.fspath(directory))
    ignored = _classes(ignore)
    native = _native()
    if signals:
        _signals.watch(native, directory, float(signal_seconds), options)
    else:
        _signals.forget(native)
    if _state is not None and sys.excepthook is _state.hook and threading.excepthook is _state.thread_hook:
        _state.directory, _state.ignored, _state.options = directory, ignored, options
        return
    _state = _State(directory, ignored, options)
    sys.excepthook, threading.excepthook = _state.hook, _state.thread_hook


def _classes(ignore):
    if ignore is None:
        return IGNORED
    found = (ignore,) if isinstance(ignore, type) else tuple(ignore)
    for kind in found:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise TypeError("ignore wants classes of exceptions, not %r" % (kind,))
    return found


def uninstall():
    """Puts back what was there, where our hook is still the outermost; elsewhere it only stops dumping."""
    global _state
    if _state is not None:
        _signals.forget(_native())
        if sys.excepthook is _state.hook:
            sys.excepthook = _state.before
        if threading.excepthook is _state.thread_hook:
            threading.excepthook = _state.thread_before
        _state = None


__all__ = ["install", "uninstall"]
