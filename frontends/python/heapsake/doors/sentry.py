"""Sentry: an event takes along the name of its dump, as the tag ``heapsake``; the file itself stays where it is.

    sentry_sdk.init(..., before_send=heapsake.doors.sentry.before_send("/dumps"))
"""
import os

from .._interrupted import is_of_handler
from ._door import keeper


def before_send(directory=None, then=None, **options):
    """What ``sentry_sdk.init`` takes; ``then`` is a ``before_send`` of the program's own, which is called after it."""
    kept = keeper(directory, **options)

    def send(event, hint):
        try:
            exception = (hint.get("exc_info") or (None, None))[1]
            if exception is not None:
                path = kept.keep(exception, reason=lambda: "%s sent to Sentry" % type(exception).__name__) or kept.dump_of(exception)
                if path is not None:
                    _tag(event, path)
        except Exception as problem:
            if is_of_handler(problem):
                raise
            # an event of another version goes out as it is
        return event if then is None else then(event, hint)

    return send


def _tag(event, path):
    name = os.path.basename(path)
    # a tag of Sentry has 200 characters
    tags = event.setdefault("tags", {})
    if isinstance(tags, dict):
        tags.setdefault("heapsake", name[:200])
    else:
        tags.append(("heapsake", name[:200]))
    event.setdefault("contexts", {})["heapsake"] = {"file": name, "path": path, "host": os.uname().nodename}


__all__ = ["before_send"]
