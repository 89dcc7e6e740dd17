"""Signals that a program dies of: our handler put in place, and stacks for it in the threads that ``threading`` starts.

A thread whose own stack has run out has nothing else to run the handler on.  Threads that run already, and those that C code
or ``_thread`` alone start, have no such stack: what else they die of is saved all the same.
"""
import functools
import operator

#: what of the options of ``dump`` counts for a process that dies
_OPTIONS = ("redact", "sources", "max_bytes", "max_seconds", "max_objects")
#: how ``threading`` starts a thread, by version
_STARTS = ("_start_new_thread", "_start_joinable_thread")

_started = {}


def _with_stack(begin, native):
    def start(function, *arguments, **keywords):
        # Of built-in functions alone, as a frame of ours would be seen in stacks, and a native one be in the way of a thread's end.
        given = functools.partial(function, *(arguments[0] if arguments else ()), **(arguments[1] if len(arguments) > 1 else {}))
        steps = map(operator.methodcaller("__call__"), (native.begin_stack, given, native.end_stack))
        return begin(functools.partial(any, steps), *([()] if arguments else []), **keywords)

    return start


def watch(native, directory, seconds, options, limits):
    """The signals that have a handler of the program's own, which is left alone.  ``limits`` is ``Keeper.limits``."""
    import threading

    # What it does at such a signal it does after us; any other handler may mend the matter.
    import faulthandler
    import _signal

    known = {name: options[name] for name in _OPTIONS if options.get(name) is not None}
    own = [number for number in range(1, 32) if callable(_signal.getsignal(number))]
    reducers = bool(options.get("reducers", True))
    left = native.watch_signals(directory, limits, seconds, own, faulthandler.is_enabled(), reducers, **known)
    for name in _STARTS:
        begin = getattr(threading, name, None)
        if begin is not None and _started.get(name, (None, None))[1] is not begin:
            _started[name] = begin, _with_stack(begin, native)
            setattr(threading, name, _started[name][1])
    return left


def forget(native):
    import threading

    native.forget_signals()
    for name, (begin, ours) in list(_started.items()):
        if getattr(threading, name, None) is ours:
            setattr(threading, name, begin)
            del _started[name]


__all__ = ["forget", "watch"]
