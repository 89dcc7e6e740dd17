"""warnings of the categories that were chosen, with the stack that warned; one dump of each place."""
import warnings

from . import keep
from .._fingerprint import name_of, of_place
from .._interrupted import is_of_handler
from ._hook import Hook

_categories = ()


def _is_wanted(category):
    for kind in type.__dict__["__mro__"].__get__(category):
        name = name_of(kind)
        if kind in _categories or name in _categories or name.rsplit(".", 1)[-1] in _categories:
            return True
    return False


def _make(before):
    def _showwarnmsg(message):
        try:
            if _is_wanted(message.category):
                place = message.filename, message.lineno
                reason = "%s at %s:%s" % ((message.category.__name__,) + place)
                keep(False, reason=reason, fingerprint=of_place(name_of(message.category), *place))
        except Exception as problem:
            if is_of_handler(problem):
                raise
        return before(message)

    return _showwarnmsg


_hook = Hook(warnings, "_showwarnmsg", _make)


def categories(chosen):
    found = (chosen,) if isinstance(chosen, (type, str)) else tuple(chosen)
    for kind in found:
        if not isinstance(kind, str) and not (isinstance(kind, type) and issubclass(kind, Warning)):
            raise TypeError("warnings wants classes of warnings, not %r" % (kind,))
    return found


def open(setting):
    global _categories
    _categories = categories(setting)
    _hook.open()


def close():
    _hook.close()
