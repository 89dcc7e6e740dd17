"""ASGI middleware, of Starlette, FastAPI, Quart, Django's and any other: an exception that leaves the application is dumped.

    app = heapsake.doors.asgi.Middleware(app, "/dumps")
    app.add_middleware(heapsake.doors.asgi.Middleware, directory="/dumps")

The dump has all other tasks of the event loop too.  The loop stands still while it is written.
"""
from ._door import keeper


class Middleware:
    """Around any ASGI application.  Messages and exceptions pass unchanged; a task that is cancelled is no failure."""

    def __init__(self, app, directory=None, **options):
        self.app, self.keeper = app, keeper(directory, **options)

    async def __call__(self, scope, receive, send):
        asked = scope.get("type") != "lifespan"

        async def first():
            nonlocal asked
            asked = True
            return await receive()

        try:
            await self.app(scope, receive if asked else first, send)
        except Exception as exception:
            # An application that knows no lifespan raises at once, which servers take for an answer.
            if asked:
                self.failed(exception, scope)
            raise

    def failed(self, exception, scope):
        def told():
            where = scope.get("method", scope.get("type", "?")), scope.get("path", "")
            return "%s in %s %s" % ((type(exception).__name__,) + where)

        self.keeper.keep(exception, reason=told)


__all__ = ["Middleware"]
