"""Flask: an exception that a request ends with is dumped; the answer stays as it is.

    heapsake.doors.flask.install(app, "/dumps")
"""
from ._door import hung, keeper


def install(app=None, directory=None, **options):
    """For the application, or without one for all of this process; whether that worked, else a sentence says why not."""
    keep = keeper(directory, **options).keep

    def failed(sender, exception=None, **_):
        keep(exception, reason=lambda: _told(exception))

    def hang():
        from flask import got_request_exception

        if app is None:
            got_request_exception.connect(failed, weak=False)
        else:
            got_request_exception.connect(failed, app, weak=False)

    return hung("Flask", hang)


def _told(exception):
    from flask import has_request_context, request

    kind = type(exception).__name__
    return "%s in %s %s" % (kind, request.method, request.path) if has_request_context() else "%s in Flask" % kind


__all__ = ["install"]
