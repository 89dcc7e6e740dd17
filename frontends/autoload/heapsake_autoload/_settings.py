"""The environment as arguments of ``heapsake.install``, and the processes that are left alone."""
import re
import sys

#: programs that install packages, and what they start: their failures are told by themselves
_INSTALLERS = ("pip", "pip3", "ensurepip", "venv", "virtualenv", "build", "pyproject_hooks")
#: variables that pip sets for what it starts
_OF_PIP = ("PIP_BUILD_TRACKER", "PIP_REQ_TRACKER", "_PYPROJECT_HOOKS_BUILD_BACKEND", "PEP517_BUILD_BACKEND")
_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_NO, _YES = ("0", "no", "off", "false", "none"), ("1", "yes", "on", "true")


def command_line():
    """As the kernel knows it: ``sys.argv`` lacks Python's own options, and what it runs."""
    known = getattr(sys, "orig_argv", None)
    if known:
        return list(known)
    try:
        with open("/proc/self/cmdline", "rb") as file:
            return [word.decode("utf-8", "replace") for word in file.read().split(b"\0")[:-1]]
    except OSError:
        return []


def is_installer(words, environment):
    if any(name in environment for name in _OF_PIP):
        return True
    for at, word in enumerate(words[1:], 1):
        if word == "-m":
            return words[at + 1 : at + 2] and words[at + 1].split(".")[0] in _INSTALLERS
        if word == "-c":
            return False
        if not word.startswith("-"):
            name = word.rsplit("/", 1)[-1]
            return re.match(r"pip[\d.]*\Z", name) is not None or name in ("__pip-runner__.py", "_in_process.py", "get-pip.py")
    return False


def is_run(words):
    """Whether ``heapsake run`` has started this process, or one that is its worker."""
    for at, word in enumerate(words):
        numbers = words[at + 1 : at + 3]
        if word.startswith("/proc/self/fd/") and len(numbers) == 2 and all(number.isdigit() for number in numbers):
            return True
    return False


def _number(name, text):
    if not text.isdigit() or int(text) < 1:
        raise ValueError("%s is %r; it may be a number from 1 on" % (name, text))
    return int(text)


def _bytes(name, text):
    found = re.match(r"(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?\Z", text.strip().lower())
    if found is None:
        raise ValueError("%s is %r; it may be a size, as 500MB or 2GiB" % (name, text))
    return max(1, int(float(found.group(1)) * _SIZES[found.group(2) or ""]))


def _seconds(name, text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e9:
        raise ValueError("%s is %r; it may be a number of seconds" % (name, text))
    return seconds


def _switch(name, text, *others):
    """Yes, no, or one of the other words."""
    word = text.strip().lower()
    if word in others:
        return word
    if word in _NO + _YES:
        return word in _YES
    raise ValueError("%s is %r; it may be %s" % (name, text, ", ".join(others + ("yes", "no"))))


def _words(_, text):
    return [word.strip() for word in text.split(",") if word.strip()]


def _ignored(name, text):
    return () if text.strip().lower() in _NO else _words(name, text)


def _once(name, text):
    word = _switch(name, text, "process", "directory")
    return word if word == "directory" else word is not False


def _signal(name, text):
    word = text.strip()
    if word.lower() in _NO + _YES or word.isdigit() and int(word) < 2:
        raise ValueError("%s is %r; it may be the name of a signal, as USR1, or a number above 1" % (name, text))
    return word


def _level(name, text):
    word = text.strip()
    if word.lower() in _NO + _YES:
        return word.lower() in _YES
    return int(word) if word.isdigit() else word.upper()


def _callback(name, text):
    """``module:function``, imported when there is a path to call it with."""
    module, _, function = text.partition(":")
    if not module or not function:
        raise ValueError("%s is %r; it may be module:function" % (name, text))

    def callback(path):
        import importlib

        found = importlib.import_module(module)
        for part in function.split("."):
            found = getattr(found, part)
        found(path)

    return callback


#: variables, without ``HEAPSAKE_``, with the argument of ``install`` that each is, and how it is read
VARIABLES = {
    "AT_MOST": ("at_most", _number),
    "DISK": ("disk", _bytes),
    "ONCE": ("once", _once),
    "TEMPLATE": ("template", lambda _, text: text),
    "IGNORE": ("ignore", _ignored),
    "CALLBACK": ("callback", _callback),
    "QUIET": ("quiet", _switch),
    "FATAL_SIGNALS": ("signals", _switch),
    "EXCEPTHOOK": ("excepthook", _switch),
    "THREADS": ("threads", _switch),
    "UNRAISABLE": ("unraisable", lambda name, text: _switch(name, text, "threads")),
    "ASYNCIO": ("asyncio", lambda name, text: _switch(name, text, "all")),
    "MULTIPROCESSING": ("multiprocessing", _switch),
    "FUTURES": ("futures", lambda name, text: _switch(name, text, "all")),
    "LOGGING": ("logging", _level),
    "WARNINGS": ("warnings", _words),
    "SIGNAL": ("signal", _signal),
    "REDACT": ("redact", lambda _, text: text),
    "MAX_BYTES": ("max_bytes", _bytes),
    "MAX_SECONDS": ("max_seconds", _seconds),
    "MAX_OBJECTS": ("max_objects", _number),
}
#: what ``heapsake run`` does from outside
_RUN_DOES = ("signals", "excepthook", "threads", "unraisable", "asyncio", "multiprocessing", "futures")


def arguments(environment):
    found = {}
    for variable, (argument, read) in VARIABLES.items():
        text = environment.get("HEAPSAKE_" + variable, "")
        if text:
            found[argument] = read("HEAPSAKE_" + variable, text)
    return found


def after(environment):
    """Seconds, and whether again and again: ``30`` or ``30,repeat``."""
    text = environment.get("HEAPSAKE_AFTER", "")
    seconds, _, more = text.partition(",")
    if more.strip() not in ("", "repeat"):
        raise ValueError("HEAPSAKE_AFTER is %r; it may be 30, or 30,repeat" % text)
    return (_seconds("HEAPSAKE_AFTER", seconds), bool(more)) if text else None


def start(environment):
    words = command_line()
    if is_installer(words, environment):
        return
    chosen, time = arguments(environment), after(environment)
    if is_run(words):
        chosen.update({name: False for name in _RUN_DOES})
        if not time and not any(name in chosen for name in ("logging", "warnings", "signal")):
            return
    import os

    import heapsake
    from heapsake._keeping import Named

    if "ignore" in chosen:
        chosen["ignore"] = [Named(name) for name in chosen["ignore"]]
    chosen.setdefault("once", True)
    os.makedirs(environment["HEAPSAKE_DUMP"], exist_ok=True)
    heapsake.install(environment["HEAPSAKE_DUMP"], **chosen)
    if time:
        heapsake.dump_after(*time)
