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
        from . import _settings

        _settings.start(os.environ)
    except Exception as problem:
        _say(problem)


def _say(problem):
    import sys

    try:
        sys.stderr.write("heapsake-autoload: nothing is installed: %s\n" % " ".join(str(problem).split()))
    except Exception:
        pass  # a program without a stderr
