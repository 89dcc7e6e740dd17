"""Reducers that installed packages bring: entry points of the group ``heapsake.reducers``.

They are read from the folder of installed packages that heapsake itself lies in, and from nowhere else: no metadata of
the working directory or of PYTHONPATH counts, and a module is loaded from that folder, whatever else has its name.
An entry point names a module, whose decorators register what it has, or ``module:function``, which is called.
"""
import importlib
import importlib.machinery
import importlib.util
import os
import sys

GROUP = "heapsake.reducers"


class EntryPoint:
    """An entry point."""

    def __init__(self, name, value, distribution):
        self.name, self.value, self.distribution = name, value.strip(), distribution

    def __str__(self):
        return "%s (%s)" % (self.value, self.distribution)


def folder():
    """The folder of installed packages that heapsake lies in, or None when it lies elsewhere."""
    found = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return found if os.path.basename(found) in ("site-packages", "dist-packages") else None


def entry_points(packages):
    """The entry points in a folder of installed packages, by distribution and name."""
    found = []
    for entry in sorted(os.listdir(packages)):
        stem, ending = os.path.splitext(entry)
        if ending not in (".dist-info", ".egg-info"):
            continue
        try:
            with open(os.path.join(packages, entry, "entry_points.txt"), encoding="utf-8") as file:
                lines = file.read().splitlines()
        except (OSError, UnicodeDecodeError):
            continue  # the metadata of some other package is not ours to complain about
        found.extend(EntryPoint(name, value, stem.replace("-", " ", 1)) for name, value in section(lines))
    return found


def section(lines):
    """(name, value) of each entry of the group.

    By hand: within a program, an import would find the program's own module of that name first.
    """
    inside = False
    for line in lines:
        line = line.strip()
        if line.startswith("["):
            inside = line == "[%s]" % GROUP
        elif inside and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


def load(entry_point, packages):
    """Loads what an entry point names, from the folder."""
    module, _, function = entry_point.value.partition("[")[0].partition(":")
    module, function = module.strip(), function.strip()
    top = module.partition(".")[0]
    spec = importlib.machinery.PathFinder.find_spec(top, [packages])
    if spec is None or spec.origin is None and not spec.submodule_search_locations:
        raise ImportError("%s is not in %s" % (top, packages))
    known = sys.modules.get(top)
    if known is None:
        known = importlib.util.module_from_spec(spec)
        sys.modules[top] = known
        try:
            spec.loader.exec_module(known)
        except BaseException:
            sys.modules.pop(top, None)
            raise
    elif getattr(known, "__file__", None) != spec.origin:
        raise ImportError("the program has another module %s, from %s" % (top, getattr(known, "__file__", None)))
    target = importlib.import_module(module)
    if function:
        for part in function.split("."):
            target = getattr(target, part)
        target()


__all__ = ["GROUP", "EntryPoint", "entry_points", "folder", "load"]
