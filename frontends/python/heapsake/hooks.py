"""What ``heapsake.install`` does: a keeper, the doors that hand it their exceptions, and the signals that end the program.

Each hook calls what was there before it, whatever happens; none ever raises.  One line on stderr names the file.  Python tells a
hook of every exception but a ``SystemExit`` of the main thread; what ends a program on purpose is ignored unless it is asked for.
"""
import importlib

from . import _native, _signals, doors
from ._keeping import IGNORED, Keeper

#: the doors, by the argument of ``install`` that opens them, each a file in ``doors``
DOORS = {
    "excepthook": "excepthook",
    "threads": "threads",
    "unraisable": "unraisable",
    "asyncio": "event_loop",
    "multiprocessing": "processes",
    "futures": "futures",
    "logging": "logs",
    "warnings": "warned",
    "signal": "asked",
}

_open = {}


def install(directory=None, *, ignore=None, signals=True, signal_seconds=60.0, template=None, at_most=None, disk=None, once=None,
            callback=None, quiet=False, excepthook=True, threads=True, unraisable="threads", asyncio=True, multiprocessing=True,
            futures=True, logging=False, warnings=(), signal=None, **options):
    """Opens the doors that are asked for, and closes the others; a second call changes what they are to do only.

    Where a setting is none, or a signal is not to be had, the error says so, and nothing is installed.
    """
    keeper = Keeper(directory, template=template, at_most=at_most, disk=disk, once=once, callback=callback, ignore=ignore, quiet=quiet,
                    makes=False, **options)
    chosen = {"excepthook": excepthook, "threads": threads, "unraisable": unraisable, "asyncio": asyncio,
              "multiprocessing": multiprocessing, "futures": futures, "logging": logging, "warnings": warnings, "signal": signal}
    settings = dict(options, directory=keeper.directory, ignore=keeper.ignored, signals=signals, signal_seconds=signal_seconds,
                    template=template, at_most=at_most, disk=disk, once=once, callback=callback, quiet=quiet, **chosen)
    native = _native()
    if doors.keeper is not None:
        keeper.kept = doors.keeper.kept
    doors.keeper = keeper
    try:
        if signals:
            _signals.watch(native, keeper.directory, float(signal_seconds), options)
        else:
            _signals.forget(native)
        for name, setting in chosen.items():
            _set(name, setting, settings)
    except BaseException:
        uninstall()
        raise


def _set(name, setting, settings):
    wanted = setting is not False and setting is not None and setting != ()
    if not wanted:
        if name in _open:
            _open.pop(name).close()
        return
    # Those of the frameworks are loaded by whoever uses them, and so are these.
    door = importlib.import_module("heapsake.doors." + DOORS[name])
    if name == "multiprocessing":
        door.settings = settings
    door.open(setting)
    _open[name] = door


def uninstall():
    """Puts back what was there, where our hook is still the outermost; elsewhere it only stops dumping."""
    if doors.keeper is not None:
        _signals.forget(_native())
        while _open:
            _open.popitem()[1].close()
        doors.keeper = None


__all__ = ["IGNORED", "install", "uninstall"]
