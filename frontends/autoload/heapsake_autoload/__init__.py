"""What Python calls when it starts; without ``HEAPSAKE_DUMP`` in the environment it does nothing and imports nothing."""

_begun = False


def start():
    """Installs what the environment says; never raises. Of a virtual environment Python may read the files twice."""
    import os

    global _begun
    if _begun or not os.environ.get("HEAPSAKE_DUMP"):
        return
    _begun = True
    try:
        if _is_main_interpreter():
            from . import _settings

            _settings.start(os.environ)
    except Exception as problem:
        _say(problem)


def _is_main_interpreter():
    """Python reads its start-up files for each interpreter of a process; what the main one installs is for the process."""
    import _thread

    asked = getattr(_thread, "_is_main_interpreter", None)
    if asked is not None:
        return asked()
    # up to 3.11
    try:
        import _xxsubinterpreters as interpreters
    except ImportError:
        return True  # a Python that is built without
    return interpreters.get_current() == interpreters.get_main()


def _say(problem):
    import sys

    try:
        sys.stderr.write("heapsake-autoload: nothing is installed: %s\n" % " ".join(str(problem).split()))
    except Exception:
        pass  # a program without a stderr
