"""``%heapsake FILE`` in IPython and notebooks: opens a dump, shows it, and makes it what ``%debug`` opens."""
import argparse
import shlex
import sys

from ._error import Error

USAGE = "%heapsake [--thread NAME|NUMBER] [--debug] FILE"


class Arguments(argparse.ArgumentParser):
    def error(self, message):
        raise Error("%s\nusage: %s" % (message, USAGE))


def arguments(line):
    parser = Arguments(prog="%heapsake", add_help=False)
    parser.add_argument("--thread")
    parser.add_argument("--debug", action="store_true")
    parser.add_argument("file")
    try:
        words = shlex.split(line)
    except ValueError as problem:
        raise Error("%s\nusage: %s" % (problem, USAGE)) from None
    return parser.parse_args(words)


class Opener:
    """Stands where the shell keeps its debugger: a dump's traceback is opened by ours, any other by the shell's own."""

    botframe = None

    def __init__(self, shell, dump, thread, traceback):
        self.shell, self.dump, self.thread, self.traceback = shell, dump, thread, traceback

    def reset(self):
        """What the shell calls before each session."""

    def interaction(self, frame, traceback):
        # newer shells hand over the exception; older ones leave off the outermost entry, which is their own where code is typed
        found = traceback.__traceback__ if isinstance(traceback, BaseException) else traceback
        if found is self.traceback or found is self.traceback.tb_next:
            from . import _ipython

            _ipython.debugger(self.dump).session(self.thread)
            return
        kept = self.shell.InteractiveTB
        kept.pdb = kept.debugger_cls()
        kept.pdb.reset()
        kept.pdb.interaction(frame, traceback)


def heapsake(shell, line):
    """Opens the dump in FILE, as the variable ``dump`` and as the last exception, which %debug opens; --debug does so at once."""
    from . import _last, load

    chosen = arguments(line)
    dump = load(chosen.file)
    value = _last.set_last(dump, chosen.thread)
    shell.push({"dump": dump})
    shell.InteractiveTB.tb = sys.last_traceback
    shell.InteractiveTB.pdb = Opener(shell, dump, chosen.thread, sys.last_traceback)
    if chosen.debug:
        shell.InteractiveTB.pdb.interaction(None, value)
        return None
    return dump


def load(shell):
    """Registers the magic."""

    def magic(line):
        from IPython.core.error import UsageError

        try:
            return heapsake(shell, line)
        except (Error, OSError) as problem:
            raise UsageError(str(problem)) from None

    magic.__doc__ = "%s\n\n%s" % (USAGE, heapsake.__doc__)
    shell.register_magic_function(magic, "line", "heapsake")


__all__ = ["load"]
