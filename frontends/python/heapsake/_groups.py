"""Exception groups of a dump, in any Python: made without what they hold, which comes with their attributes."""


def _message(self):
    """As Python says it; one of which a part is not in the dump says its arguments."""
    try:
        message, count = self.message, len(self.exceptions)
    except Exception:
        return BaseException.__str__(self)
    return "%s (%d sub-exception%s)" % (message, count, "" if count == 1 else "s")


class BaseExceptionGroup(BaseException):
    __str__ = _message


class ExceptionGroup(BaseExceptionGroup, Exception):
    pass


for _kind in (BaseExceptionGroup, ExceptionGroup):
    _kind.__module__ = "builtins"

__all__ = ["BaseExceptionGroup", "ExceptionGroup"]
