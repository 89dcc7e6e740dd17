"""``heapsake.on_error``: a block, or a function, whose exceptions leave a dump; each goes on as it was.

A block adds nothing to the traceback.  A function that is decorated has one more frame there up to Python 3.10, as all decorators have.
"""
import functools
import inspect

from .._fingerprint import set_trace, trace_of
from .._keeping import Keeper


class OnError:
    """The context manager and decorator. One object may be used by many threads and tasks, and again."""

    def __init__(self, directory=None, *, only=Exception, reason=None, **arguments):
        self.only, self.reason = only if isinstance(only, tuple) else (only,), reason
        for kind in self.only:
            if not (isinstance(kind, type) and issubclass(kind, BaseException)):
                raise TypeError("only wants classes of exceptions, not %r" % (kind,))
        own = directory is not None or arguments
        self.keeper = Keeper(directory, **arguments) if own else None

    def _keep(self, exception, where):
        # That a generator is closed is no error.
        if not issubclass(type(exception), self.only) or type(exception) is GeneratorExit:
            return

        def told():
            return self.reason if self.reason is not None else "%s%s" % (type(exception).__name__, where)

        self._chosen().keep(exception, reason=told)

    def _chosen(self):
        """Without settings of its own: what ``install`` was given, or else a keeper for the working directory."""
        from . import keeper

        if self.keeper is None and keeper is None:
            self.keeper = Keeper()
        return self.keeper or keeper

    def __enter__(self):
        return self

    def __exit__(self, kind, exception, trace):
        if exception is not None:
            self._keep(exception, "")
        return False

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, exception, trace):
        return self.__exit__(kind, exception, trace)

    def __call__(self, function):
        """The function, with the exceptions that leave it dumped: also one that is a coroutine or a generator, of either kind."""
        if isinstance(function, (staticmethod, classmethod)):
            return type(function)(_wrapped(self, function.__func__))
        if isinstance(function, type) or not callable(function):
            raise TypeError("on_error decorates functions, not %r" % (function,))
        return _wrapped(self, function)

    def failed(self, exception, name):
        """Of a function that is decorated: dumps, and takes our own frame out of the traceback."""
        self._keep(exception, " in %s" % name)
        own = trace_of(exception)
        if own is not None and own.tb_next is not None:
            set_trace(exception, own.tb_next)


def _wrapped(guard, function):
    name = getattr(function, "__qualname__", "a function")
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def wrapper(*arguments, **keywords):
            inner, given = function(*arguments, **keywords), None
            try:
                value = await inner.__anext__()
                while True:
                    try:
                        given = yield value
                    except GeneratorExit:
                        await inner.aclose()
                        raise
                    except BaseException as thrown:
                        value = await inner.athrow(thrown)
                    else:
                        value = await inner.asend(given)
            except StopAsyncIteration:
                return
            except BaseException as exception:
                guard.failed(exception, name)
                raise

    elif inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def wrapper(*arguments, **keywords):
            try:
                return (yield from function(*arguments, **keywords))
            except BaseException as exception:
                guard.failed(exception, name)
                raise

    elif inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*arguments, **keywords):
            try:
                return await function(*arguments, **keywords)
            except BaseException as exception:
                guard.failed(exception, name)
                raise

    else:

        @functools.wraps(function)
        def wrapper(*arguments, **keywords):
            try:
                return function(*arguments, **keywords)
            except BaseException as exception:
                guard.failed(exception, name)
                raise

    return wrapper


__all__ = ["OnError"]
