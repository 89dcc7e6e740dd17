"""gunicorn: a worker that is stopped for its silence leaves a dump first; so does one that dies of a signal.

In ``gunicorn.conf.py``:

    from heapsake.doors.gunicorn import post_fork, worker_abort

or ``post_fork, worker_abort = heapsake.doors.gunicorn.hooks("/dumps", at_most=5)``.  Exceptions of requests are the application's:
``heapsake.doors.wsgi`` has a door to those.
"""
import threading
import time

from .._interrupted import is_of_handler
from ._door import SIGNAL_SECONDS, keeper, signals


def hooks(directory=None, **options):
    """The two settings of gunicorn."""
    if directory is not None or options:
        options.setdefault("once", False)
    kept = keeper(directory, **options)

    def post_fork(server, worker):
        signals(kept)

    def worker_abort(worker):
        done = threading.Event()
        try:
            threading.Thread(target=_alive, args=(worker, done), name="heapsake", daemon=True).start()
        except Exception as problem:
            if is_of_handler(problem):
                raise
            # no thread is to be had: then there is a second
        try:
            kept.keep(False, ends=True, reason=lambda: _told(worker))
        finally:
            done.set()

    return post_fork, worker_abort


def _told(worker):
    return "gunicorn worker silent for %s s" % getattr(getattr(worker, "cfg", None), "timeout", "?")


def post_fork(server, worker):
    """As of ``hooks()``."""
    _default()[0](server, worker)


def worker_abort(worker):
    """As of ``hooks()``."""
    _default()[1](worker)


def _alive(worker, done):
    """gunicorn kills a worker a second after it has told it to stop, unless that gives signs of life: it does while it is dumped."""
    until = time.monotonic() + SIGNAL_SECONDS
    try:
        worker.notify()
        while time.monotonic() < until and not done.wait(0.2):
            worker.notify()
    except Exception:
        pass  # another version: then there is a second


_made = []


def _default():
    if not _made:
        _made.append(hooks())
    return _made[0]


__all__ = ["hooks", "post_fork", "worker_abort"]
