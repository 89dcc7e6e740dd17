"""What every door hands its exceptions to: it decides whether there is to be a dump, names it, makes it, and says so.

    keeper = Keeper("/dumps", at_most=16, disk=2 << 30, template="{program}-{node}-{exception}")
    path = keeper.keep(exception, reason="failed test", node="tests/test_a.py::test_b")

``keep`` gives the path, or None where there is no new dump: of what is ignored, of a crash like one that was kept, of an exception
that has a dump, where ``at_most`` or ``disk`` is used up, or where it failed.  It never raises, prints one line at most, and may be
called from any thread, by itself, and in a forked child.  What a handler of a signal raises meanwhile (Ctrl-C) passes.

Of an exception that was kept the path of its dump is noted (``_marks``): every door after the first one leaves it be.
"""
import _thread
import os
import sys
import time

from . import _fingerprint, _marks, _provisional
from ._folder import Full, reserve, too_much
from ._interrupted import is_of_handler
from ._naming import collect, collected, say
from ._template import Template, sanitised

#: classes of exceptions that leave no dump
IGNORED = (SystemExit, KeyboardInterrupt)
#: what ``once`` may be
ONCE = (None, False, True, "process", "directory")

#: of what ends nothing, dumps of a keeper that was told no number, nor how often
AT_MOST = 20

#: the reason with which a dump is confirmed that another line tells of
_SILENTLY = object()

#: processes and threads that are in ``keep``
_busy = set()
#: paths of dumps that this process made, or is making
_made = set()
_trace = BaseException.__dict__["__traceback__"]


class Named(str):
    """A class of exceptions by its name, ``app.Cancelled``, where the class itself is not to be had yet."""


def classes(ignore):
    """What ``ignore`` names: classes, or names of such; ``TypeError`` says what it wants."""
    if ignore is None:
        return IGNORED
    found = (ignore,) if isinstance(ignore, (type, Named)) else tuple(ignore)
    for kind in found:
        if not isinstance(kind, Named) and not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise TypeError("ignore wants classes of exceptions, not %r" % (kind,))
    return found


class Keeper:
    """Keeps dumps in ``directory`` (default: where the program is then), which is made when it is missing and ``makes`` says so.

    ``template`` names the files: ``{program} {pid} {time} {host} {exception} {fingerprint} {node} {thread} {reason}``, and what
    ``fields`` adds; ``keep`` is given values for them.  ``at_most`` dumps of this template lie in the directory, whichever process
    made them, and all dumps there take at most ``disk`` bytes, and never more than is free.  ``once``: one dump of each distinct
    crash (type and code of the exceptions, not their text) by this process and its forked children; ``"directory"``: as long as one
    lies there; ``False``: each time; None: each time that one ends a thread or a process, else once, and of those no more than
    ``AT_MOST``.  ``callback`` is called with each path.  ``ignore`` as for ``heapsake.install``; ``quiet`` prints nothing.  The options
    are those of ``heapsake.dump``.
    """

    def __init__(self, directory=None, *, template=None, at_most=None, disk=None, once=True, callback=None, ignore=None, quiet=False,
                 makes=True, fields=(), **options):
        self.directory = None if directory is None else os.path.abspath(os.fspath(directory))
        self.template = Template(template, fields=fields)
        self.at_most, self.disk = _count("at_most", at_most), _count("disk", disk)
        if once not in ONCE:
            raise ValueError("once is %r; it may be True, \"directory\", False or None" % (once,))
        if callback is not None and not callable(callback):
            raise TypeError("callback wants something to call with the path, not %r" % (callback,))
        self.once, self.callback, self.quiet, self.makes = once, callback, quiet, makes
        self.ignored = classes(ignore)
        self.options = options
        #: paths, by fingerprint; something else while the dump is being made
        self.kept = {}
        self._told_full = False
        #: bytes of a dump with all cut that can be, where known
        self._least = 0

    def ignores(self, exception):
        """By its type, as an exception may say of its class what it likes."""
        kind = type(exception)
        named = [ignored for ignored in self.ignored if isinstance(ignored, str)]
        if named:
            for base in type.__dict__["__mro__"].__get__(kind):
                name = _fingerprint.name_of(base)
                short = name.rsplit(".", 1)[-1]
                if short in named or name.replace("__mp_main__.", "__main__.", 1) in named or "builtins." + name in named:
                    return True
        return issubclass(kind, tuple(ignored for ignored in self.ignored if not isinstance(ignored, str)))

    def keep(self, exception=None, *, reason=None, name=None, exception_traceback=None, fingerprint=None, provisional=False,
             options=None, ends=False, **fields):
        """Makes a dump, unless there is to be none; gives its path.

        ``exception`` is as for ``heapsake.dump``: without one it is the one that the caller handles, ``False`` leaves it out.
        ``reason`` is a text, or gives one when it is called, and is what the line says.  ``name`` is a name for the file, in the
        place of the template's; unlike that it may be anything.  ``fingerprint`` tells whether it was there before, of what is no
        exception.  ``fields`` are values for the template.  A ``provisional`` dump is gone again, and nothing is said of it, if
        the exception is caught further out rather than handed to another door.  ``ends``: a thread or a process ends with it.
        """
        # A forked child has the numbers of its parent's threads.
        thread = os.getpid(), _thread.get_ident()
        if thread in _busy:
            return None
        _busy.add(thread)
        try:
            return self._keep(exception, reason, name, exception_traceback, fingerprint, provisional, options or {}, ends, fields)
        finally:
            _busy.discard(thread)

    def dump_of(self, exception):
        """The path of the dump that this process has of this very exception, or else of a crash like it; None without."""
        path = marked(exception) or self.kept.get(_fingerprint.of_exception(exception))
        return str(path) if isinstance(path, str) else None

    def _keep(self, exception, reason, name, trace, fingerprint, provisional, options, ends, fields):
        is_exception = isinstance(exception, BaseException)
        told, path = "an uncaught exception" if is_exception else "a dump", None
        try:
            if is_exception:
                if self.ignores(exception):
                    return None
                there = marked(exception)
                if there is not None:
                    return str(there) if not provisional and _provisional.confirm(there, _words(reason, told)) else None
                if trace is not None and _trace.__get__(exception) is None:
                    _trace.__set__(exception, trace)
                fields.setdefault("exception", _fingerprint.name_of(type(exception)))
                fingerprint = fingerprint or _fingerprint.of_exception(exception, trace)
                if provisional and not (_marks.can_have(exception) and _provisional.is_wanted(fingerprint)):
                    return None
            told, mine = _words(reason, told), object()
            once = (self.once if self.once is not None else not ends) and fingerprint is not None
            if once and self.kept.setdefault(fingerprint, mine) is not mine:
                return None
            try:
                values = dict(fields, fingerprint=fingerprint or "", reason=told)
                at_most = self.at_most if self.at_most is not None or ends or self.once is not None else AT_MOST
                path, why = self._dump(exception, told, name, values, at_most, dict(self.options, **options))
            finally:
                if once:
                    if path is None or provisional:
                        self.kept.pop(fingerprint, None)
                    else:
                        self.kept[fingerprint] = path
            if path is None:
                return None
            if is_exception and provisional:
                self._await(exception, path, why, told, fingerprint)
                return path
            if is_exception:
                _marks.note(exception, path)
                why += _origins(exception)
            self._tell(told, path, why)
        except Full as problem:
            if not self._told_full:
                self._told_full = True
                self.say("no dump of %s: %s" % (told, problem))
        except Exception as problem:
            if is_of_handler(problem):
                raise
            self.say("no dump of %s: %s" % (told, sentence(problem, True)))
        return path

    def _await(self, exception, path, why, told, fingerprint):
        def confirm(reason=None):
            if reason != _SILENTLY:
                self._tell(reason or told, path, why)
            if self.once:
                self.kept[fingerprint] = path

        _marks.note(exception, _provisional.add(path, fingerprint, confirm, _made.discard))

    def _tell(self, told, path, why):
        self.say("%s saved to %s%s%s" % (told, path, why, self._called(path)))

    def say(self, line):
        if not self.quiet:
            say("heapsake: " + line)

    def limits(self, native):
        """What counts of the settings where nothing of Python runs."""
        offset = time.localtime().tm_gmtoff or 0
        return native.Limits(self.template.unfinished(), self.template.counted(), self.at_most, self.disk, bool(self.quiet), offset)

    def _called(self, path):
        """Tells the callback; gives what is to be said of that."""
        if self.callback is None:
            return ""
        try:
            self.callback(path)
        except (Exception, SystemExit) as problem:
            if is_of_handler(problem):
                raise
            return "; the callback failed: %s" % sentence(problem, True)
        return ""

    def _dump(self, exception, told, name, fields, at_most, options):
        """Gives the path, and what is to be said besides; no path where one like it lies there."""
        stem = sanitised(name, 200) if name is not None else self.template.stem(fields)
        unless = None
        if self.once == "directory" and fields["fingerprint"]:
            unless = fields["fingerprint"]
            if unless not in stem:
                stem += "-" + unless
        counts = None if name is not None else self.template.pattern().match
        limits = {"counts": counts, "at_most": at_most, "disk": self.disk, "unless": unless}
        folder = self.directory
        try:
            return self._write(folder, stem, limits, exception, told, options)
        except Exception as problem:
            other = None if isinstance(problem, Full) or is_of_handler(problem) else _elsewhere(folder)
            if other is None:
                raise
            path, why = self._write(other, stem, limits, exception, told, options)
            return path, "; %s%s" % (sentence(problem), why)

    def _write(self, folder, stem, limits, exception, told, options):
        reserved = reserve(folder if folder is not None else os.getcwd(), stem, makes=self.makes, **limits)
        if reserved is None:
            return None, ""
        path = reserved.path
        _made.add(path)
        collect()
        try:
            path = self._within(reserved.room, path, exception, told, options)
        except BaseException:
            _made.discard(path)
            raise
        finally:
            reserved.release()
            lines = collected()
        return path, "".join("; " + line.split("heapsake: ", 1)[-1] for line in lines)

    def _within(self, room, path, exception, told, options):
        """Makes the dump, and again with less in it where it has more bytes than there is room for."""
        from . import dump

        if room is None:
            return dump(path, exception, reason=told, **options)
        if room < self._least:
            raise Full("a dump has at least %d bytes, and disk leaves %d" % (self._least, room))
        wanted = options.get("max_bytes") or room
        for less in ({"max_bytes": min(room, wanted)}, {"max_bytes": min(room // 4, wanted), "sources": []}):
            path = dump(path, exception, reason=told, **dict(options, **less))
            size = os.path.getsize(path)
            if size > room:
                os.unlink(path)
            elif not too_much(path, self.disk):
                return path
            else:
                raise Full("dumps that were made at once have used up what disk leaves")
        self._least = size
        raise Full("it has %d bytes with all cut that can be, and disk leaves %d" % (size, room))


def _count(name, value):
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError("%s is %r; it may be a number from 1 on, or None" % (name, value))
    return value


def _origins(exception):
    """What is to be said of the dumps of what an exception came from, which stay with its own."""
    paths = [marked(one) for one in _fingerprint.chain(exception)[1:]]
    kept = [path for path in paths if _provisional.confirm(path, _SILENTLY)]
    return "".join("; what it came from is in %s" % path for path in kept)


def _words(reason, otherwise):
    """What it asks may be code of the program, which may raise."""
    try:
        return " ".join(str(reason() if callable(reason) else reason).split()) if reason is not None else otherwise
    except Exception:
        return otherwise


def marked(exception):
    """The path of the dump that this process made of the exception; None without."""
    path = _marks.noted(exception)
    return path if path in _made else None


def kept(exception):
    """As ``marked``, for who tells of the dump, as a text of no other class: one that would be gone with the exception stays."""
    path = marked(exception)
    _provisional.confirm(path, _SILENTLY)
    return None if path is None else str(path)


def sentence(problem, named=False):
    """What a problem says, in one line."""
    try:
        return " ".join(("%s: %s" % (type(problem).__name__, problem) if named else str(problem)).split())
    except Exception:
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


__all__ = ["IGNORED", "Keeper", "classes", "kept", "marked"]
