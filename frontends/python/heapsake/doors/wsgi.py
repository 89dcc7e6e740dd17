"""WSGI middleware: an exception that leaves the application, or the body of an answer, is dumped and goes on its way.

    application = heapsake.doors.wsgi.Middleware(application, "/dumps")
"""
from ._door import keeper


class Middleware:
    """Around any WSGI application.  Answers and exceptions pass unchanged."""

    def __init__(self, application, directory=None, **options):
        self.application, self.keeper = application, keeper(directory, **options)

    def __call__(self, environ, start_response):
        try:
            body = self.application(environ, start_response)
        except Exception as exception:
            self.failed(exception, environ)
            raise
        # what is made already cannot fail; servers look at its length, and at the class of their own wrapper of files
        wrapper = environ.get("wsgi.file_wrapper")
        if type(body) in (list, tuple, bytes) or isinstance(wrapper, type) and isinstance(body, wrapper):
            return body
        return (_Sized if hasattr(body, "__len__") else _Body)(self, environ, body)

    def failed(self, exception, environ):
        def told():
            return "%s in %s %s" % (type(exception).__name__, environ.get("REQUEST_METHOD", "?"), environ.get("PATH_INFO", "?"))

        self.keeper.keep(exception, reason=told)


class _Body:
    """A body that is made while it is sent."""

    def __init__(self, door, environ, body):
        self.door, self.environ, self.body, self.parts = door, environ, body, None

    def __iter__(self):
        return self

    def __next__(self):
        try:
            if self.parts is None:
                self.parts = iter(self.body)
            return next(self.parts)
        except StopIteration:
            raise
        except Exception as exception:
            self.door.failed(exception, self.environ)
            raise

    def close(self):
        """Of the body, where it has one."""
        close = getattr(self.body, "close", None)
        if close is None:
            return
        try:
            close()
        except Exception as exception:
            self.door.failed(exception, self.environ)
            raise


class _Sized(_Body):
    def __len__(self):
        return len(self.body)


__all__ = ["Middleware"]
