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
#: the settings of the last call, which count again where the next one fails
_settings = None


def install(directory=None, *, ignore=None, signals=True, signal_seconds=60.0, template=None, at_most=None, disk=None, once=None,
            callback=None, quiet=False, excepthook=True, threads=True, unraisable="threads", asyncio=True, multiprocessing=True,
            futures=True, logging=False, warnings=(), signal=None, **options):
    """Opens the doors that are asked for, and closes the others; a second call changes what they are to do only.

    Where a setting is none, or a signal is not to be had, the error says so, and all is as it was before the call.
    """
    global _settings
    keeper = Keeper(directory, template=template, at_most=at_most, disk=disk, once=once, callback=callback, ignore=ignore, quiet=quiet,
                    makes=False, **options)
    chosen = {"excepthook": excepthook, "threads": threads, "unraisable": unraisable, "asyncio": asyncio,
              "multiprocessing": multiprocessing, "futures": futures, "logging": logging, "warnings": warnings, "signal": signal}
    settings = dict(options, directory=keeper.directory, ignore=keeper.ignored, signals=signals, signal_seconds=signal_seconds,
                    template=template, at_most=at_most, disk=disk, once=once, callback=callback, quiet=quiet, **chosen)
    before = doors.keeper, _settings
    if doors.keeper is not None:
        keeper.kept = doors.keeper.kept
    doors.keeper = keeper
    try:
        _apply(keeper, chosen, settings)
    except BaseException:
        _restore(*before)
        raise
    _settings = chosen, settings


def _apply(keeper, chosen, settings):
    _watch(keeper, settings)
    wanted = {name: setting for name, setting in chosen.items() if setting is not False and setting is not None and setting != ()}
    for name, setting in wanted.items():
        _set(name, setting, settings)
    for name in [name for name in _open if name not in wanted]:
        _open.pop(name).close()


def _watch(keeper, settings):
    if settings["signals"]:
        _signals.watch(_native(), keeper.directory, float(settings["signal_seconds"]), keeper.options, keeper.limits(_native()))
    else:
        _signals.forget(_native())


def rewatch():
    """Signals are again what was installed, after somebody else has watched them."""
    if _settings is None:
        _signals.forget(_native())
    else:
        _watch(doors.keeper, _settings[1])


def _restore(keeper, before):
    """What a call that failed has changed is taken back."""
    if before is not None:
        doors.keeper = keeper
        try:
            _apply(keeper, *before)
            return
        except Exception:
            pass  # then there is nothing rather than a half
    uninstall()


def _set(name, setting, settings):
    # Those of the frameworks are loaded by whoever uses them, and so are these.
    door = importlib.import_module("heapsake.doors." + DOORS[name])
    if name == "multiprocessing":
        door.settings = settings
    # Also one that fails half-way is closed.
    _open[name] = door
    door.open(setting)


def uninstall():
    """Puts back what was there, where our hook is still the outermost; elsewhere it only stops dumping."""
    global _settings
    if doors.keeper is not None:
        _signals.forget(_native())
        while _open:
            _open.popitem()[1].close()
        doors.keeper = _settings = None


__all__ = ["IGNORED", "install", "uninstall"]
