"""A signal, and a time that is over: a dump of a program that need not come back to Python for it.

A thread of native code waits for both, and asks for the interpreter lock; where that is not to be had within a second, as of a main
thread that sits in C code with it, the dump is made without, and there is no other until somebody has given the lock back.  All
settings count then, but ``callback``.  A signal that the program handles or ignores is left to it, with an error.
"""
import atexit
import functools
import os

from .. import doors
from .._folder import prepare
from .._keeping import Keeper

#: seconds that the interpreter lock is waited for
PATIENCE = 1.0
#: seconds that a fork, and the end of the program, wait for a dump that is being made
FORK, END = 2.0, 60.0
#: what of the options of ``dump`` counts without the interpreter lock
_OPTIONS = ("redact", "sources", "max_bytes", "max_seconds", "max_objects")

#: signals that nobody asks with: what the program's own faults, its children and the kernel send
_OTHERS = ("SEGV", "BUS", "FPE", "ILL", "ABRT", "TRAP", "SYS", "CHLD", "KILL", "STOP")

_ready = False
#: the keeper that was used last, and what answers for it
_last = None, None
#: the keeper of a program that has installed nothing
_own = None


def _native():
    from .. import _native as native

    global _ready
    if not _ready:
        _ready = True
        end, go_on, renew = native().end_asking, native().resume_asking, native().renew_asking
        os.register_at_fork(before=functools.partial(end, FORK), after_in_parent=go_on, after_in_child=renew)
        atexit.register(lambda: end(END))
    return native()


def _answer(keeper):
    global _last
    if _last[0] is keeper:
        return _last[1]

    def keep(reason):
        # The thread that calls this is none of the program's: the dump is about the main one, known by the process's number.
        # What is asked for is as much as what a process ends with: only the numbers that were given count.
        keeper.keep(False, reason=reason, thread="", ends=True, options={"thread": os.getpid()})

    if keeper.makes:
        prepare(keeper.directory)
    options = keeper.options
    known = {name: options[name] for name in _OPTIONS if options.get(name) is not None}
    limits, reducers = keeper.limits(_native()), bool(options.get("reducers", True))
    answer = _native().answer(keep, PATIENCE, keeper.directory, limits, reducers, **known)
    _last = keeper, answer
    return answer


def number_of(signal):
    """A signal by its number or name; ``ValueError`` where there is none, or where it is no signal to ask with."""
    import signal as module

    if isinstance(signal, bool):
        raise ValueError("signal is %r; it may be a name or a number, \"USR1\" for one" % signal)
    if isinstance(signal, str):
        name = signal.upper()
        found = getattr(module.Signals, name if name.startswith("SIG") else "SIG" + name, None)
        if found is None:
            found = int(signal) if signal.isdigit() else None
        if found is None:
            raise ValueError("there is no signal %s" % signal)
        signal = found
    number = int(signal)
    if number in [getattr(module, "SIG" + name, None) for name in _OTHERS]:
        raise ValueError("%s is sent by others than who asks for a dump; \"USR1\" is a signal to ask with" % _name_of(number))
    return number


def _name_of(number):
    import signal as module

    try:
        return module.Signals(number).name
    except ValueError:
        return "signal %d" % number


def open(setting):
    number = number_of(setting)
    _native().ask_by(_answer(doors.keeper), number, "asked by %s" % _name_of(number))


def close():
    _native().ask_by()


def dump_after(seconds, repeat, directory, settings):
    own = directory is not None or settings
    keeper = Keeper(directory, **settings) if own else doors.keeper or _default()
    _native().ask_after(_answer(keeper), float(seconds), bool(repeat), "after %g s" % seconds)


def cancel_dump_after():
    _native().ask_after()


def _default():
    global _own
    _own = _own or Keeper()
    return _own
