"""Debuggers on the stacks of a dump, which show, and never run: pdb, and by other names what is built on it.

Frames are real and built when they are looked at.  What is typed is evaluated in one namespace of the frame's locals over
its globals, kept for the session; the dump never changes.  Source text comes from the dump, never from a file that happens
to have the same path here; the working directory's ``.pdbrc`` is not read.
"""
import os
import pdb
import sys

from ._error import Error
from ._evaluating import Evaluating, cut
from ._holding import Holding
from ._listing import Listing
from ._output import Harmless
from ._places import Places
from ._session import Namespace
from ._standing import Standing, exception_chain
from .rebuild import rebuilder_of

#: the debuggers that ``debug`` has
KINDS = ("pdb", "ipdb", "ipython", "pudb")


class Commands(Standing, Evaluating, Listing, Holding):
    """What makes any subclass of ``pdb.Pdb`` a debugger of the stacks of one dump."""

    #: the names of the current frame; pdb's own of 3.14 reads the frame instead, and cannot be set
    curframe_locals = None
    #: whether the terminal is given colours that are written
    colours = False

    def open(self, dump):
        """To be called when the debugger is made."""
        self.dump, self.rebuilder = dump, rebuilder_of(dump)
        self.places = Places(dump)
        self.thread, self.exception, self.chain, self.chain_index = None, None, [], 0
        self.namespaces, self.convenience, self.compared = {}, {}, set()
        self.stdout = Harmless(self.stdout, self.colours)

    # -- the session

    def session(self, thread=None):
        self.reset()
        try:
            self.choose(self.first_place() if thread is None else self.places.find(thread))
            self.message(self.header())
            self.print_stack_entry(None)
            self.cmdqueue = user_commands()
            self._cmdloop()
        finally:
            self.forget()
            self.rebuilder.frames.restore_sources()

    def header(self):
        name = os.path.basename(str(getattr(self.dump, "path", "") or "dump"))
        parts = ["%s: %s" % (name, self.place_title(self.thread) if self.thread is not None else "an exception")]
        if len(self.places.threads) > 1:
            parts.append("%d threads" % len(self.places.threads))
        faults = len(getattr(self.dump, "faults", None) or ())
        if faults:
            parts.append("%d fault%s in the file" % (faults, "" if faults == 1 else "s"))
        line = "; ".join(parts)
        if self.exception is not None:
            line += "\n" + cut(self.exception_line(self.exception), 300)
        return line

    def first_place(self):
        place = self.places.first()
        if place is None and self.dump.exception is None:
            raise Error("the dump has no thread with frames")
        return place

    def enter(self):
        """Makes the frame at ``curindex`` the current one."""
        frame = self.stack[self.curindex][0]
        self.curframe, self.lineno = frame, None
        if frame not in self.namespaces:
            facts = self.stack.facts(self.curindex)
            module = frame.f_locals is frame.f_globals
            self.namespaces[frame] = Namespace({} if module else dict(frame.f_locals), self.rebuilder.frames.namespace(facts), self.convenience)
        self.curframe_locals = self.namespaces[frame]
        self.convenience["_frame"] = frame
        self.convenience["_exception"] = None
        if self.chain:
            self.convenience["_exception"] = self.rebuilder.rebuild(self.chain[self.chain_index][1])

    def forget(self):
        self.curframe = None  # nothing of ours is in its globals
        super().forget()

    def set_convenience_variable(self, frame, name, value):
        self.convenience[name] = value

    def _validate_file_mtime(self):
        """Files of this machine do not matter."""

    # -- what pdb asks of its base

    def canonic(self, filename):
        return filename

    def get_file_breaks(self, filename):
        return []

    def read_line(self, prompt):
        if self.use_rawinput:
            return input(prompt)
        self.stdout.write(prompt)
        self.stdout.flush()
        line = self.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip("\r\n")

    def say_exception(self):
        kind, problem = sys.exc_info()[:2]
        try:
            text = str(problem)
        except Exception:
            text = "?"
        self.error(cut("%s: %s" % (kind.__qualname__, text) if text else kind.__qualname__, 2000))

    # -- what a dump does not do

    def do_continue(self, arg):
        """A dump does not run."""
        self.error("a dump does not run; q leaves")

    def do_quit(self, arg):
        """q(uit) | exit

        Leave the dump.
        """
        self.quitting = True
        return True

    do_q = do_exit = do_quit

    def do_EOF(self, arg):
        """EOF

        Leave the dump at the end of input.
        """
        self.message("")
        return self.do_quit(arg)


for _name in """do_c do_cont do_step do_s do_next do_n do_return do_r do_until do_unt do_jump do_j do_run do_restart do_debug
        do_break do_b do_tbreak do_commands do_clear do_cl do_condition do_enable do_disable do_ignore""".split():
    setattr(Commands, _name, Commands.do_continue)


class Debugger(Commands, pdb.Pdb):
    """pdb for one dump."""

    def __init__(self, dump, stdin=None, stdout=None):
        super().__init__(stdin=stdin, stdout=stdout, nosigint=True, readrc=False)
        self.open(dump)
        self.prompt = "(Pdb) "


def user_commands():
    """The lines of the user's own ``.pdbrc``, in the home directory; never that of the working directory."""
    home = os.path.expanduser("~")
    try:
        with open(os.path.join(home, ".pdbrc"), encoding="utf-8") as file:
            return [line.rstrip("\n") for line in file if line.strip() and not line.strip().startswith("#")]
    except (OSError, UnicodeError):
        return []


def debug(dump, thread=None, stdin=None, stdout=None, using="pdb"):
    """A session of a debugger on a dump, or on the dump in a file; ``using`` is one of ``KINDS``."""
    if using not in KINDS:
        raise Error("no debugger %s: there are %s" % (using, ", ".join(KINDS)))
    if isinstance(dump, (str, bytes, os.PathLike)):
        from . import load

        dump = load(dump)
    if using == "pudb":
        from . import _pudb

        _pudb.debug(dump, thread)
    elif using == "pdb":
        Debugger(dump, stdin, stdout).session(thread)
    else:
        from . import _ipython

        _ipython.debugger(dump, stdin, stdout, using).session(thread)


__all__ = ["Commands", "Debugger", "KINDS", "debug", "exception_chain"]
