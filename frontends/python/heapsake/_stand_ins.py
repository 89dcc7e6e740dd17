"""Harmless questions that a stand-in of a live resource answers from its state: whether a lock is held, where a file is.

Everything else that such an object could do it refuses.
"""
from ._error import Refused

_FILE = {"tell": "position", "fileno": "fd"}
_SOCKET = {"fileno": "fd", "getsockname": "laddr", "getpeername": "raddr", "gettimeout": "timeout"}
#: {qualified name of a type: {method without arguments: name of the fact that is its answer}}
ANSWERS = {
    "_thread.lock": {"locked": "locked"}, "_thread.RLock": {"locked": "locked"},
    "_io.FileIO": _FILE, "_io.BufferedReader": {"tell": "position"}, "_io.BufferedWriter": {"tell": "position"},
    "_io.BufferedRandom": {"tell": "position"}, "_io.TextIOWrapper": {"tell": "position"},
    "_socket.socket": _SOCKET, "socket.socket": _SOCKET,
}


def answers(name, names_of):
    """The body of a class that answers; ``names_of`` gives the attributes of an instance."""

    def answering(method, fact):
        def answer_of(self):
            known = names_of(self)

            def answer():
                if fact not in known:
                    raise Refused("%s() of this %s: the answer is not in the dump" % (method, type(self).__qualname__))
                return known[fact]

            return answer

        return property(answer_of)

    return {method: answering(method, fact) for method, fact in ANSWERS.get(name, {}).items()}


__all__ = ["ANSWERS", "answers"]
