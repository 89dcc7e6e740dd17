"""What asks reducers about the objects of a dump, in a process that was split off for it and is watched from outside.

Every question is announced before it is asked, so that the watcher knows what hung or crashed.  What this process does to
the program's objects stays in it: it has a copy of the memory, no descriptors, and ends without any clean-up.
"""
import gc
import sys

from . import _entry_points, _registry
from ._registry import REDUCERS, Reduction

#: frames that a reducer may nest
RECURSION = 1000


def work(channel, path, packages, done, refused):
    """Asks every reducer about every object of its types, but for those that are ``done``; nothing that is ``refused``."""
    # no finalizer of the program's garbage may run here: it would act on the world for a program that still has the object
    gc.disable()
    gc.freeze()
    sys.setrecursionlimit(RECURSION)
    if packages is not None:
        load_packages(channel, packages, refused)
    if not REDUCERS:
        return
    from . import load

    dump = load(path)
    reducers = list(REDUCERS.values())
    for reducer in reducers:
        channel.answers(reducer.name)
    done, plan = frozenset(done), []
    found = channel.candidates(dump, [(each.name, each.base, each.address) for each in reducers])
    for reducer, (numbers, more) in zip(reducers, found):
        plan.extend(planned(channel, dump, reducer, numbers, more, done, refused))
    for reducer, view, live in plan:
        ask(channel, reducer, view, live)


def load_packages(channel, packages, refused):
    for entry_point in _entry_points.entry_points(packages):
        name = str(entry_point)
        if name in refused:
            continue
        channel.loading(name)
        try:
            _entry_points.load(entry_point, packages)
        except BaseException as problem:
            channel.note("the reducers of %s were not loaded: %s" % (name, sentence(problem)))


def planned(channel, dump, reducer, numbers, more, done, refused):
    """(reducer, view, live object) for each object of a reducer; says what is left out."""
    if more:
        channel.note("%d more objects of %s were not given to their reducer %s: it is asked about the first %d"
                     % (more, reducer.name, reducer.origin, len(numbers)))
    numbers = [number for number in numbers if number not in done]
    if not numbers:
        return []
    what = "%d objects of %s were not given to their reducer %s: " % (len(numbers), reducer.name, reducer.origin)
    if reducer.origin in refused:
        channel.note(what + "it has failed to answer too often")
        return []
    if reducer.live and not channel.has_live:
        channel.note(what + "it wants the live object, which only a dump from inside has")
        return []
    channel.planned(reducer.origin, reducer.name, len(numbers))
    views = [dump.objects[number] for number in numbers]
    # live objects are taken before any reducer runs, as one may let go of what another one wants
    return [(reducer, view, channel.live_object(view) if reducer.live else None) for view in views]


def ask(channel, reducer, view, live):
    channel.asking(view.id, reducer.origin, reducer.seconds)
    if reducer.live and live is None:
        channel.failed(view, reducer.origin, True, "the live object is not where the dump says")
        return
    try:
        given = reducer.function(live if reducer.live else view)
        if isinstance(given, dict):
            given = Reduction(state=given)
        if not isinstance(given, Reduction):
            what = "None" if given is None else "a %s" % type(given).__qualname__
            channel.failed(view, reducer.origin, reducer.live, "returned %s; it is to return a heapsake.Reduction or a dict" % what)
            return
        channel.reduced(view, reducer.origin, reducer.live, given)
    except BaseException as problem:
        channel.failed(view, reducer.origin, reducer.live, sentence(problem))


def sentence(problem):
    """An exception in one line."""
    name = type(problem).__qualname__
    try:
        text = " ".join(str(problem).split())
    except BaseException:
        text = "?"
    return "%s: %s" % (name, text) if text else name


def outside(path):
    """Runs the reducers of installed packages over a dump that was made from outside; what was done, as a dict."""
    from . import _native

    packages = _entry_points.folder()
    if packages is None:
        return {"reduced": 0, "failed": 0, "answers": [], "notes": ["heapsake is not installed in a folder of packages"]}
    return _native().annotate_dump(path, packages, 30.0)


def listed():
    """The reducers of installed packages, each as a dict; those that cannot be loaded with the problem."""
    packages, found, seen = _entry_points.folder(), [], set(REDUCERS)
    for entry_point in _entry_points.entry_points(packages) if packages is not None else ():
        try:
            _entry_points.load(entry_point, packages)
        except BaseException as problem:
            found.append({"origin": str(entry_point), "problem": sentence(problem)})
        for reducer in [REDUCERS[name] for name in REDUCERS if name not in seen]:
            seen.add(reducer.name)
            words = (getattr(reducer.function, "__doc__", None) or "").strip().split("\n")[0]
            found.append({"type": reducer.name, "origin": "%s, %s" % (reducer.origin, entry_point.distribution), "subclasses": reducer.base,
                          "live": reducer.live, "saves": words})
    return found


__all__ = ["listed", "outside", "work"]
