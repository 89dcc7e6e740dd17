"""The ways in: what calls a ``Keeper`` (``heapsake._keeping``) with an exception, each in a file of its own, imported when it is used.

Those of the standard library are opened by ``heapsake.install``, which gives them its keeper; without one they do nothing.
"""

#: the keeper that ``install`` made; None while nothing is installed
keeper = None


def keep(exception=None, **arguments):
    """``Keeper.keep`` of what is installed; for doors that have no keeper of their own."""
    return keeper.keep(exception, **arguments) if keeper is not None else None


__all__ = ["keep"]
