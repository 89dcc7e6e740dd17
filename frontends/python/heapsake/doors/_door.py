"""What the doors to frameworks have in common: where dumps go, how many are kept, and how a door says that it cannot be hung.

A door keeps one dump of each distinct crash, twenty at most unless ``at_most`` says otherwise, in its ``directory``: else in the
folder that the variable ``HEAPSAKE_DUMP`` names, else where the program is then.  Without any of these, what ``heapsake.install``
was given counts.
"""
import os

AT_MOST = 20
#: how long a process may go on dying until its dump is written
SIGNAL_SECONDS = 60.0


def keeper(directory=None, **options):
    """What decides about a dump, and makes it; the options are those of ``heapsake.install`` and ``heapsake.dump``."""
    from .._keeping import Keeper
    from . import keeper as installed

    if directory is None and not options and installed is not None:
        return installed
    if directory is None:
        directory = os.environ.get("HEAPSAKE_DUMP") or None
    options.setdefault("at_most", AT_MOST)
    return Keeper(directory, **options)


def signals(kept):
    """A signal that this process dies of leaves a dump too, unless ``heapsake.install`` has seen to that."""
    from .. import _native, _signals
    from .._naming import say
    from . import keeper as installed

    if installed is not None:
        return
    try:
        _signals.watch(_native(), kept.directory, SIGNAL_SECONDS, kept.options, kept.limits(_native()))
    except Exception as problem:
        say("heapsake: no dump of a signal that ends this process: %s" % _sentence(problem))


def unwatch():
    """Signals are again what ``heapsake.install`` made of them."""
    from ..hooks import rewatch

    rewatch()


class Wrong(Exception):
    """What the program's settings say cannot be done."""


def hung(door, hang):
    """Whether ``hang`` could hang the door; else one sentence says why not, and the program goes on without."""
    from .._naming import say

    try:
        hang()
    except (ImportError, Wrong) as problem:
        say("heapsake: no door to %s: %s" % (door, _sentence(problem)))
        return False
    except Exception as problem:
        say("heapsake: no door to %s: it is of another version than those known (%s: %s)"
            % (door, type(problem).__name__, _sentence(problem)))
        return False
    return True


def _sentence(problem):
    return " ".join(str(problem).split())


__all__ = ["AT_MOST", "SIGNAL_SECONDS", "Wrong", "hung", "keeper", "signals", "unwatch"]
