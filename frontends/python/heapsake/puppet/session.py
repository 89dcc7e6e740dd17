"""The life of a puppet: debugpy listens, an IDE attaches, all threads stand and one of them stops; whatever goes on is caught.

A thread that an exception ended raises it again each time it is let go; one that none ended comes to a breakpoint.
"""
import functools
import os
import signal
import sys
import threading
import time

from .. import _repr
from .._error import Error
from .._places import Places
from ..rebuild import rebuilder_of
from .stacks import PULSE, Stack

#: threads and tasks that are shown
MOST_THREADS = 100
#: seconds that threads may take to stand
PATIENCE = 60
REFUSAL = "heapsake: a dump does not run: it stopped again\n"
SNIPPET = '{"type": "debugpy", "request": "attach", "name": "dump", "connect": {"host": "%s", "port": %d}, "justMyCode": false}'


def address(text):
    """(host, port) of what ``--listen`` was given: ``[HOST:]PORT``."""
    host, _, port = (text or "0").rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise Error("--listen wants [HOST:]PORT, such as 5678 or 127.0.0.1:0, not %s" % text)
    return host.strip("[]") or "127.0.0.1", int(port)


def load_debugpy():
    # what debugpy reads of its environment when it is loaded: how it traces from 3.12 on, and no word on frozen modules
    os.environ["PYDEVD_USE_SYS_MONITORING"] = "0"
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    try:
        import debugpy
    except ImportError as problem:
        raise Error("debugpy is not installed for this Python (%s): `%s -m pip install debugpy` installs it" % (problem, sys.executable)) from None
    return debugpy


class Puppet:
    """One dump under debugpy."""

    def __init__(self, dump, thread=None):
        self.dump, self.rebuilder, self.places = dump, rebuilder_of(dump), Places(dump)
        self.place = self.places.first() if thread is None else self.places.find(thread)
        if self.place is None or not len(self.place.frames):
            raise Error("the dump has no thread with frames" if self.place is None else "thread %s has no frames in the dump" % self.place.name)
        sys.setrecursionlimit(max(sys.getrecursionlimit(), 20000))
        self.debugpy = load_debugpy()
        self.stops, self.over, self.raising, self.stack = 0, threading.Event(), False, None

    def listen(self, host, port):
        """Where an IDE may attach."""
        self.debugpy.configure(subProcess=False)
        try:
            return self.debugpy.listen((host, port))
        except (OSError, RuntimeError) as problem:
            raise Error("debugpy cannot listen on %s:%d: %s" % (host, port, problem)) from None

    # -- the threads

    def others(self):
        found = [each for each in self.places.threads + self.places.tasks if each is not self.place and len(each.frames)]
        return found[:MOST_THREADS - 1], max(0, len(found) - MOST_THREADS + 1)

    def stand(self):
        """Starts all threads but the one that stops, and waits until they stand: they stop where they are."""
        shown, left = self.others()
        standing = set()
        for place in shown:
            name = place.name if place.kind == "thread" else "%s (%s)" % (place.name, place.state)
            # many threads that wake often would leave no time to the debugger
            Stack(self.rebuilder, place, name).stand(standing, PULSE * (1 + len(shown) // 10))
        until = time.monotonic() + PATIENCE
        while len(standing) < len(shown) and time.monotonic() < until:
            time.sleep(PULSE)
        if left:
            self.tell("heapsake: %d further threads and tasks are not shown; --thread NAME chooses one\n" % left)

    def stop(self):
        """Starts the thread that stops."""
        self.stops += 1
        exception = self.exception()
        if exception is not None:
            # each time it was raised left its frames in it
            BaseException.__traceback__.__set__(exception, None)
            self.raising = True
            self.over.clear()
            self.stack.start("raise", [functools.partial(_same, exception)])
        else:
            if self.place.exception is None:
                self.tell("heapsake: no exception ended %s: the stop is a breakpoint of heapsake's\n" % self.place.name)
            else:
                value = self.rebuilder.rebuild(self.place.exception)
                self.tell("heapsake: %s ended with %s; the stop is a breakpoint of heapsake's\n" % (self.place.name, _repr.one_line(value)))
            self.stack.start("stand", [self.before_stop, self.debugpy.breakpoint])

    def exception(self):
        """What the thread raises: nothing, where debugpy would not stop for it."""
        view = self.place.exception
        if view is None or not break_on_uncaught():
            return None
        found = self.rebuilder.rebuild(view)
        # the interpreter's own ways to end a thread end it silently
        return None if not isinstance(found, BaseException) or isinstance(found, (SystemExit, GeneratorExit)) else found

    def before_stop(self):
        if not self.debugpy.is_client_connected():
            self.debugpy.wait_for_client()
        elif self.stops > 1:
            self.tell(REFUSAL)
            time.sleep(PULSE)
        self.stops += 1

    def ended(self, told):
        """What Python calls when the thread is let go: its exception comes out at the top."""
        if not self.raising:
            sys.__unraisablehook__(told)
        # a thread that threading did not start is listed for ever
        getattr(threading, "_active", {}).pop(threading.get_ident(), None)
        self.over.set()

    def tell(self, text):
        """A line for the console of the IDE."""
        debugger = getattr(sys.modules.get("pydevd"), "get_global_debugger", lambda: None)()
        try:
            debugger.writer.add_command(debugger.cmd_factory.make_console_message(text))
        except Exception:
            sys.stderr.write(text)

    # -- the session

    def serve(self):
        """Until the process is interrupted."""
        sys.unraisablehook = self.ended
        # not before debugpy listens: how files are named follows what it has loaded
        self.stack = Stack(self.rebuilder, self.place)
        threading.current_thread().name = "(heapsake: not of the program)"
        self.debugpy.wait_for_client()
        self.stand()
        while True:
            self.raising = False
            self.stop()
            self.wait()
            if not self.debugpy.is_client_connected():
                self.stops = 0
                self.debugpy.wait_for_client()
            else:
                self.tell(REFUSAL)

    def wait(self):
        """Until the thread that raises was let go; one that comes to breakpoints never is."""
        while not self.over.wait(PULSE) or not self.raising:
            pass


def _same(value):
    return value


def break_on_uncaught():
    """Whether the IDE asked to stop for uncaught exceptions."""
    debugger = getattr(sys.modules.get("pydevd"), "get_global_debugger", lambda: None)()
    return bool(getattr(debugger, "break_on_uncaught_exceptions", None))


def run(dump, thread=None, listen=None, out=None):
    """``heapsake debug --debugpy``."""
    host, port = address(listen)
    puppet = Puppet(dump, thread)
    host, port = puppet.listen(host, port)[:2]
    print("debugpy listens on %s:%d; attach an IDE, in VS Code: %s" % (host, port, SNIPPET % (host, port)), file=out or sys.stdout, flush=True)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    puppet.serve()


__all__ = ["Puppet", "run"]
