"""Whether a module of this Python is the one that the dead program had: said when its objects stand for those of a dump."""
import importlib.util
import warnings

from ._classes import value_of


def warn(dump, name, module):
    """Warns when the source of ``module`` is not that of the module ``name`` of the dump, or when that cannot be known."""
    view = (getattr(dump, "modules", None) or {}).get(name)
    there, here = source_there(dump, view), source_here(module)
    if there is not None and here is not None:
        if there == here:
            return
        why = "its source differs from that in the dump"
    elif _version(view) is not None and _version(view) == getattr(module, "__version__", None):
        return
    else:
        why = "whether its source differs from that of the dump is not known"
    warnings.warn("objects of %s are taken from the module of this Python: %s" % (name, why), RuntimeWarning, stacklevel=2)


def _version(view):
    return value_of(view, "__version__", str)


def source_there(dump, view):
    filename = value_of(view, "__file__", str)
    text = None if filename is None else dump.source(filename)
    return None if text is None else lines(text)


def source_here(module):
    filename = getattr(module, "__file__", None)
    if not isinstance(filename, str) or not filename.endswith(".py"):
        return None
    try:
        with open(filename, "rb") as file:
            return lines(importlib.util.decode_source(file.read()))
    except (OSError, UnicodeError, SyntaxError):
        return None


def lines(text):
    """Without what only tells where a text was written."""
    return [line.rstrip() for line in text.lstrip("\ufeff").splitlines()]


__all__ = ["warn"]
