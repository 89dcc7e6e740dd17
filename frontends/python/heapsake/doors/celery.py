"""Celery: a task that fails leaves a dump, made in the process that ran it; so does one whose process dies of a signal.

    heapsake.doors.celery.install("/dumps")

in the module of the application.  The result of the task, retries and logs stay as they are.
"""
from ._door import hung, keeper

#: what the worker raises, in another process, about a task whose own process is gone or will be
_OF_THE_WORKER = ("WorkerLostError", "TimeLimitExceeded", "Terminated")


def install(directory=None, **options):
    """For all tasks of this process and of those that it forks; whether that worked, else a sentence says why not."""
    if directory is not None or options:
        # processes of a pool are many, and know nothing of each other
        options.setdefault("once", "directory")
    kept = keeper(directory, **options)

    def failed(sender=None, task_id=None, exception=None, **_):
        if isinstance(exception, BaseException) and type(exception).__name__ not in _OF_THE_WORKER:
            kept.keep(exception, reason=lambda: "%s in task %s %s" % (type(exception).__name__, getattr(sender, "name", "?"), task_id))

    def forked(**_):
        from ._door import signals

        signals(kept)

    def hang():
        from celery import signals

        signals.task_failure.connect(failed, weak=False, dispatch_uid="heapsake")
        signals.worker_process_init.connect(forked, weak=False, dispatch_uid="heapsake")

    return hung("Celery", hang)


__all__ = ["install"]
