"""What stand-ins answer: methods that only tell a state which is in the dump. All others refuse.

{qualified name of a type or of a base: {method: function(instance, view)}}; an answer that the dump does not have is refused, too.
"""
import types

from ._classes import attribute, bare, value_of
from ._error import Refused

UNKNOWN = object()


def fact(name, *kinds):
    """The value of an attribute."""
    def answer(instance, view):
        found = attribute(view, name)
        if found is None:
            return UNKNOWN
        value = found.rebuild()
        return value if not kinds or isinstance(value, kinds) else UNKNOWN

    return answer


def address(name):
    """An address as the module `socket` gives it."""
    def answer(instance, view):
        value = fact(name)(instance, view)
        return tuple(value) if isinstance(value, list) else value

    return answer


def of_layer_below(name):
    def answer(instance, view):
        below = attribute(view, "buffer") or attribute(view, "raw")
        return UNKNOWN if below is None else getattr(below.rebuild(), name)()

    return answer


def mode_has(letters):
    def answer(instance, view):
        mode = value_of(view, "mode", str)
        if mode is None:
            below = attribute(view, "buffer") or attribute(view, "raw")
            mode = value_of(below, "mode", str) or value_of(attribute(below, "raw"), "mode", str)
        return UNKNOWN if mode is None else any(letter in mode for letter in letters)

    return answer


def held(instance, view):
    """Whether a lock, or what has one, is held."""
    value = value_of(view, "locked", bool)
    if value is None:
        value = value_of(attribute(view, "_block") or attribute(view, "_lock"), "locked", bool)
    return UNKNOWN if value is None else value


def is_alive(instance, view):
    """Of a `threading.Thread`: whether it was started and has not ended."""
    started = value_of(attribute(view, "_started"), "_flag", bool)
    stopped = value_of(view, "_is_stopped", bool)
    if stopped is None:
        state = value_of(attribute(view, "_handle") or attribute(view, "_os_thread_handle"), "state", str)
        stopped = None if state is None else state == "done"
    return UNKNOWN if started is None or stopped is None else started and not stopped


def size_of(name):
    def answer(instance, view):
        found = attribute(view, name)
        return UNKNOWN if found is None else len(found.items)

    return answer


def state_is(*states):
    def answer(instance, view):
        state = value_of(view, "_state", str)
        return UNKNOWN if state is None else state in states

    return answer


FILE = {"fileno": of_layer_below("fileno"), "tell": fact("position", int), "readable": mode_has("r+"), "writable": mode_has("wax+")}
ANSWERS = {
    "_io.FileIO": dict(FILE, fileno=fact("fd", int)),
    "_io.BufferedReader": FILE, "_io.BufferedWriter": FILE, "_io.BufferedRandom": FILE, "_io.TextIOWrapper": FILE,
    "_io.BytesIO": {"tell": fact("position", int), "getvalue": fact("value", bytes)},
    "_io.StringIO": {"tell": fact("position", int), "getvalue": fact("value", str)},
    "_socket.socket": {"fileno": fact("fd", int), "getsockname": address("laddr"), "getpeername": address("raddr"), "gettimeout": fact("timeout")},
    "_thread.lock": {"locked": held}, "_thread.RLock": {"locked": held},
    "threading.Event": {"is_set": fact("_flag", bool)},
    "threading.Thread": {"is_alive": is_alive, "getName": fact("_name", str), "isDaemon": fact("_daemonic", bool)},
    "subprocess.Popen": {"poll": fact("returncode", int, type(None))},
    "select.epoll": {"fileno": fact("fd", int)},
    "mmap.mmap": {"tell": fact("pos", int), "size": fact("size", int)},
    "queue.Queue": {"qsize": size_of("queue")},
    "concurrent.futures._base.Future": {"done": state_is("FINISHED", "CANCELLED", "CANCELLED_AND_NOTIFIED"), "running": state_is("RUNNING"),
                                        "cancelled": state_is("CANCELLED", "CANCELLED_AND_NOTIFIED")},
}


def answer_of(rebuilder, instance, name):
    """A function that tells what the dump knows, in the place of a method; None where there is none, or another is before it."""
    view = rebuilder.view_of(instance)
    order = attribute(None if view is None else view.type, "__mro__")
    if order is None:
        return None
    for kind, cls in zip(view.bases or (), order.items):
        found = ANSWERS.get(bare(kind), {}).get(name)
        if found is not None:
            return types.MethodType(answering(name, found, view), instance)
        if attribute(cls, name) is not None:
            return None
    return None


def body(rebuilder, kind):
    """The part of a class's body that answers: a fact of the same name stands in the instance's dictionary."""
    def answering_property(name):
        def get(self):
            answer = answer_of(rebuilder, self, name)
            if answer is None:
                raise AttributeError(name)
            return answer

        return property(get)

    return {name: answering_property(name) for name in ANSWERS.get(kind, ())}


def answering(name, found, view):
    def answer(self):
        value = found(self, view)
        if value is UNKNOWN:
            raise Refused("%s: the dump does not tell" % name)
        return value

    answer.__name__ = answer.__qualname__ = name
    return answer


__all__ = ["ANSWERS", "answer_of", "body"]
