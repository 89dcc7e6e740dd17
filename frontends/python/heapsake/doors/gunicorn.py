"""gunicorn: a worker that is stopped for its silence leaves a dump first; so does one that dies of a signal.

In ``gunicorn.conf.py``:

    from heapsake.doors.gunicorn import post_fork, worker_abort

or ``post_fork, worker_abort = heapsake.doors.gunicorn.hooks("/dumps", at_most=5)``.  Exceptions of requests are the application's:
``heapsake.doors.wsgi`` has a door to those.
"""
from ._door import keeper, signals


def hooks(directory=None, **options):
    """The two settings of gunicorn."""
    options.setdefault("once", False)
    kept = keeper(directory, **options)

    def post_fork(server, worker):
        signals(kept)

    def worker_abort(worker):
        try:
            # gunicorn kills a second later, unless the worker gives a sign of life
            worker.notify()
        except Exception:
            pass  # another version: then there is a second
        kept.keep(False, reason=lambda: "gunicorn worker silent for %s s" % getattr(getattr(worker, "cfg", None), "timeout", "?"))

    return post_fork, worker_abort


def post_fork(server, worker):
    """As of ``hooks()``."""
    _default()[0](server, worker)


def worker_abort(worker):
    """As of ``hooks()``."""
    _default()[1](worker)


_made = []


def _default():
    if not _made:
        _made.append(hooks())
    return _made[0]


__all__ = ["hooks", "post_fork", "worker_abort"]
