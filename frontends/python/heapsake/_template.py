"""Names of dumps by a template, ``{program}-{time}-{pid}`` for one: what a field gives never leaves the folder."""
import os
import re
import sys
import time

from ._program import program

DEFAULT = "{program}-{time}-{pid}"
ENDING = ".heapsake"
#: fields that every dump has; what a door knows besides (``node`` of pytest) is empty elsewhere
FIELDS = ("program", "pid", "time", "host", "exception", "fingerprint", "node", "thread", "reason")
#: the longest value of a field, and of a name, in bytes: what file systems take, less a number and ``.partial``
_LONGEST_FIELD, _LONGEST = 120, 200
_FIELD = re.compile(r"\{(\w+)\}")
#: of these a process has one value only
_FIXED = ("program", "host")
#: what stands for a value that is not known yet
ANYTHING, TIME, PID, REASON = "\0", "\1", "\2", "\3"


def sanitised(value, longest=_LONGEST_FIELD):
    """The text as a part of a file's name. A long one keeps its end, which tells more of paths and tests than the beginning."""
    text = _harmless(str(value))
    text = text.encode("utf-8", "replace")[-longest:].decode("utf-8", "ignore")
    return text.lstrip(".")


def _harmless(text):
    return "".join(letter if letter.isalnum() or letter in "._+=@,-" else "_" for letter in text)


def host():
    return os.uname().nodename


class Template:
    """A name with fields in braces. ``ValueError`` says what it may be."""

    def __init__(self, text=None, *, fields=()):
        text = DEFAULT if text is None else text
        if text.endswith(ENDING):
            text = text[: -len(ENDING)]
        known = FIELDS + tuple(fields)
        unknown = [name for name in _FIELD.findall(text) if name not in known]
        if unknown:
            raise ValueError("a template has no field {%s}; there are %s" % (unknown[0], ", ".join("{%s}" % name for name in known)))
        left = _FIELD.sub("", text)
        if "/" in left or "\0" in left or "{" in left or "}" in left or not text.strip("."):
            raise ValueError("a template is the name of a file, with fields in braces, not %r; the folder is ``directory``" % text)
        # As the names have it, by which dumps are counted.
        parts = _FIELD.split(text)
        self.text = "".join("{%s}" % part if index % 2 else _harmless(part) for index, part in enumerate(parts))

    def has(self, field):
        return field in _FIELD.findall(self.text)

    def stem(self, values):
        """The name, without ending. ``values`` gives what is not the same for every dump."""
        fixed = {
            "program": program, "host": host, "pid": os.getpid, "time": lambda: time.strftime("%Y%m%d-%H%M%S"), "thread": _thread_name
        }

        def value(name):
            given = values.get(name)
            return sanitised(given if given is not None else fixed[name]() if name in fixed else "")

        return sanitised(self._filled(value), _LONGEST) or "python"

    def unfinished(self):
        """The name for what makes dumps without Python, of no exception: with ``TIME``, ``PID`` and ``REASON`` in it."""
        return self._filled(lambda name: {"time": TIME, "pid": PID, "reason": REASON}.get(name) or _of_process(name))

    def counted(self):
        """What is the same in all names that count, with ``TIME``, ``PID`` and ``ANYTHING`` for the rest."""
        return self._filled(lambda name: _of_process(name) or {"time": TIME, "pid": PID}.get(name, ANYTHING))

    def _filled(self, value):
        """What was left empty leaves no doubled hyphens."""
        return re.sub(r"-{2,}", "-", _FIELD.sub(lambda match: value(match.group(1)), self.text)).strip("-")

    def pattern(self):
        """What matches the files that it names in this process and others of the same program.

        Without Python ``pattern.rs`` of the native part does it.
        """
        names = re.escape(self.counted()).replace(r"\-", "-")
        # A field that was empty has no hyphen in front of it, or behind it where nothing is in front.
        names = re.sub("^(\0-)+", "(.*?-)?", names).replace("-\0", "(-.*?)?").replace("\0", ".*?")
        names = names.replace("\1", r"\d{8}-\d{6}").replace("\2", r"\d+")
        return re.compile(names + r"(-[0-9a-f]+)?(-\d+)?" + re.escape(ENDING) + r"(\.\d+)?(\.partial)?\Z", re.DOTALL)


def _of_process(name):
    return sanitised(program() if name == "program" else host()) if name in _FIXED else ""


def _thread_name():
    threading = sys.modules.get("threading")
    try:
        return threading.current_thread().name if threading else "MainThread"
    except Exception:
        return ""


__all__ = ["DEFAULT", "ENDING", "PID", "TIME", "Template", "sanitised"]
