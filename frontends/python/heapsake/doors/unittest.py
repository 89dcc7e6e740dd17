"""unittest: each failing test leaves a dump that is named after it, with no change to the tests.

    python -m heapsake.doors.unittest [--heapsake=DIR] [--heapsake-at-most=N] ...

takes what ``python -m unittest`` takes, and says in the end which dumps there are; ``install(DIR)`` does the same for a runner that a
program starts itself (Django's, say).  Failures that are expected, and skipped tests, leave none.
"""
import atexit
import functools
import os
import shlex
import sys
import unittest

from .._interrupted import is_of_handler
from ._door import AT_MOST
from ._names import shown, stem

FOLDER = "heapsake-dumps"

_installed = None


class _Door:
    """In the place of three methods of ``TestResult``, which every result has."""

    NAMES = ("addError", "addFailure", "addSubTest")

    def __init__(self, directory, options):
        from .._keeping import Keeper

        # the number is of this run
        self.at_most = options.pop("at_most", None) or AT_MOST
        # a test that leaves by ``sys.exit`` has failed; Ctrl-C ends the run
        options.setdefault("ignore", KeyboardInterrupt)
        self.keeper = Keeper(directory, once=False, quiet=True, **options)
        self.before = {name: getattr(unittest.TestResult, name) for name in self.NAMES}
        self.listed, self.left_out, self.owner = [], 0, os.getpid()
        # what the keeper says, where there is no dump, is said in the end
        self.said, self.problems = [], []
        self.keeper.say = self.said.append
        #: where the runner was started, and what it says is read
        self.here = _here()

    def hang(self):
        """Puts it into the class."""
        def add(name):
            before = self.before[name]

            @functools.wraps(before)
            def added(*arguments, **keywords):
                # (result, test, err), or (result, test, subtest, err)
                try:
                    error = keywords["err"] if "err" in keywords else arguments[-1]
                    if error is not None:
                        test = keywords.get("subtest") or arguments[2] if name == "addSubTest" else keywords.get("test") or arguments[1]
                        self.failed(test, error[1])
                except Exception as problem:
                    if is_of_handler(problem):
                        raise
                return before(*arguments, **keywords)

            return added

        self.ours = {name: add(name) for name in self.NAMES}
        for name in self.NAMES:
            setattr(unittest.TestResult, name, self.ours[name])

    def take_away(self):
        """Puts back what was there, where ours still is."""
        for name, before in self.before.items():
            if vars(unittest.TestResult).get(name) is self.ours[name]:
                setattr(unittest.TestResult, name, before)

    def failed(self, test, exception):
        """A test, or a set-up of a class or module, failed."""
        from .._keeping import kept

        try:
            name = test.id()
        except Exception:
            name = "test"
        path = kept(exception)
        if path is None and len(self.listed) >= self.at_most:
            self.left_out += 1
            return
        del self.said[:]
        path = path or self.keeper.keep(exception, reason="%s failed" % name, name=stem(name))
        if path is None:
            self.problems.extend(self.said)
        elif (name, path) not in self.listed:
            self.listed.append((name, path))

    def say(self):
        """What there is, after everything that the runner says."""
        if os.getpid() != self.owner or not (self.listed or self.problems):
            return
        lines = ["heapsake: %d dump%s" % (len(self.listed), "" if len(self.listed) == 1 else "s")]
        if self.problems:
            more = len(self.problems) - 1
            lines[0] += "; %s%s" % (shown(" ".join(self.problems[0].split())), "; and %d more" % more if more else "")
        for name, path in self.listed:
            near = path[len(self.here) + 1:] if self.here and path.startswith(self.here + os.sep) else path
            lines.append("  %s: heapsake debug %s" % (shown(name), shown(shlex.quote(near))))
        if self.left_out:
            lines.append("  %d more without a dump, as there are %d" % (self.left_out, self.at_most))
        from .._naming import say

        say("\n".join(lines))


def _here():
    try:
        return os.getcwd()
    except OSError:
        return None  # a folder that was deleted


def install(directory=None, **options):
    """For all tests of this process; ``uninstall`` ends it."""
    global _installed
    if _installed is not None:
        uninstall()
    _installed = _Door(os.path.abspath(directory if directory is not None else FOLDER), options)
    _installed.hang()
    atexit.register(_installed.say)


def uninstall():
    """Puts back what was there, where ours still is, and says which dumps there are."""
    global _installed
    if _installed is not None:
        atexit.unregister(_installed.say)
        _installed.take_away()
        _installed.say()
        _installed = None


def main(arguments):
    """``python -m heapsake.doors.unittest``."""
    directory, at_most, rest = None, None, []
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name == "--heapsake":
            directory = value or None
        elif name == "--heapsake-at-most":
            if not value.isdigit() or not int(value):
                sys.exit("heapsake: --heapsake-at-most=N wants a number from 1 on, not %r" % value)
            at_most = int(value)
        else:
            rest.append(argument)
    install(directory, at_most=at_most)
    # as the tests find it without this door
    sys.argv = [os.path.basename(sys.executable) + " -m unittest"] + rest
    unittest.main(module=None)


__all__ = ["install", "main", "uninstall"]

if __name__ == "__main__":
    # the class that is patched has to be that of the module which others import
    from heapsake.doors import unittest as door

    door.main(sys.argv[1:])
