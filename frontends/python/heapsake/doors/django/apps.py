"""The application that Django loads; imported by nobody else."""
from django.apps import AppConfig


class Door(AppConfig):
    """Listens for requests that fail."""

    name = "heapsake.doors.django"
    label = "heapsake"
    verbose_name = "heapsake"

    def ready(self):
        from .. import _door

        _door.hung("Django", self.hang)

    def hang(self):
        """Connects the signal, whose sender is the class of the handler, and which tells of no exception."""
        import sys

        from django.conf import settings
        from django.core.signals import got_request_exception

        from .. import _door

        given = getattr(settings, "HEAPSAKE", {})
        try:
            keep = _door.keeper(**dict(given)).keep
        except Exception as problem:
            raise _door.Wrong("the setting HEAPSAKE is %r: %s" % (given, problem)) from problem

        def failed(sender, request=None, **_):
            exception = sys.exc_info()[1]
            if exception is not None:
                keep(exception, reason=lambda: "%s in %s %s" % (
                    type(exception).__name__, getattr(request, "method", "?"), getattr(request, "path", "?")))

        got_request_exception.connect(failed, weak=False, dispatch_uid="heapsake")
