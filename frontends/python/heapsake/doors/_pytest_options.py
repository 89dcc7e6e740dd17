"""What pytest loads of heapsake in every run: the options.  The plugin itself is imported when one of them switches it on.

PYTEST_DONT_REWRITE: there is nothing to rewrite here.
"""
import argparse

import pytest

#: the folder, where ``--heapsake`` names none
FOLDER = "heapsake-dumps"
AT_MOST = 20


def pytest_addoption(parser):
    group = parser.getgroup("heapsake", "dumps of failing tests")
    group.addoption("--heapsake", nargs="?", const="", default=None, metavar="DIR",
                    help="Dump each failing test into DIR (--heapsake=DIR; default: %s)" % FOLDER)
    group.addoption("--heapsake-at-most", type=_count, default=None, metavar="N",
                    help="Keep at most N dumps of a run (default: %d)" % AT_MOST)
    group.addoption("--heapsake-timeout", type=_seconds, default=None, metavar="SECONDS",
                    help="Dump a test that has run so long, and let it run on")
    parser.addini("heapsake", "Folder for dumps of failing tests, from the root directory; switches them on", default="")
    parser.addini("heapsake_at_most", "At most so many dumps of a run", default="")
    parser.addini("heapsake_timeout", "Dump a test that has run for so many seconds", default="")


def _count(text):
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("wants a number from 1 on, not %r" % text)
    return int(text)


def _seconds(text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError("wants a number of seconds above 0, not %r" % text)
    return seconds


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config, parser, args):
    """``--heapsake tests/`` names no folder: what follows after a space is a test, as it is for an option without a value."""
    end = args.index("--") if "--" in args else len(args)
    bare = [at for at, word in enumerate(args[:end]) if word == "--heapsake"]
    for at in bare:
        args[at] = "--heapsake="
    if bare:
        known = parser.parse_known_args(args)
        early_config.known_args_namespace.file_or_dir = known.file_or_dir
        early_config.known_args_namespace.heapsake = known.heapsake


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    option = config.option
    if option.heapsake is None and option.heapsake_timeout is None and not config.getini("heapsake") \
            and not hasattr(config, "workerinput"):
        return
    if hasattr(config, "workerinput") and "heapsake" not in config.workerinput:
        return
    from . import pytest as door

    door.register(config)
