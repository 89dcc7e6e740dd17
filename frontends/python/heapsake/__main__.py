"""The command ``heapsake``: the native command line, but for ``debug``, which is a debugger in this Python."""
import os
import signal
import sys
import threading

USAGE = """usage: heapsake debug [--thread NAME|NUMBER] [--with pdb|ipdb|ipython|pudb] FILE
       heapsake debug --debugpy [--listen [HOST:]PORT] [--thread NAME|NUMBER] FILE

Opens the dump in pdb, or in the debugger named, at the exception or at the given thread; with --debugpy, shows it to an IDE.
Further commands at the prompt: threads, thread N|NAME, exceptions [N], refs EXPRESSION, path EXPRESSION, source EXPRESSION."""

#: options with a value
VALUED = {"--thread": "thread", "--with": "using", "--listen": "listen"}


def debug(arguments):
    """``heapsake debug``; the status to exit with."""
    chosen, files, rest = {"using": "pdb", "debugpy": False}, [], list(arguments)
    while rest:
        argument = rest.pop(0)
        name, equals, value = argument.partition("=")
        if argument in ("-h", "--help"):
            print(USAGE)
            return 0
        if name in VALUED and (equals or rest):
            chosen[VALUED[name]] = value if equals else rest.pop(0)
        elif argument == "--debugpy":
            chosen["debugpy"] = True
        elif argument == "--":
            files, rest = files + rest, []
        elif argument.startswith("-") and argument != "-":
            return _usage("%s wants a value" % name if name in VALUED else "unknown option %s" % argument)
        else:
            files.append(argument)
    if len(files) != 1:
        return _usage("debug wants one file, got %d" % len(files))
    if chosen.get("listen") is not None and not chosen["debugpy"]:
        return _usage("--listen goes with --debugpy")
    from . import Error, load

    try:
        if chosen["debugpy"]:
            from .puppet import session

            session.run(load(files[0]), chosen.get("thread"), chosen.get("listen"))
        else:
            from . import debug as open_in_debugger

            open_in_debugger(files[0], chosen.get("thread"), chosen["using"])
    except (Error, OSError) as problem:
        print("heapsake: %s" % problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _usage(problem):
    print("heapsake: %s\n%s" % (problem, USAGE), file=sys.stderr)
    return 2


#: seconds after which a listing of installed reducers is given up: loading them hangs
LISTING = 30


def reducers(arguments):
    """What the native command asks of this Python: ``_reduce FILE`` and ``_reducers``; answers with JSON."""
    import json

    from . import _reduce

    # what a package prints while it is loaded is no answer
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    if arguments[0] == "_reduce":
        found = _reduce.outside(arguments[1])
    else:
        signal.alarm(LISTING)
        found = _reduce.listed()
    with answer:
        json.dump(found, answer)
    return 0


def command(arguments=None):
    """The console script."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] == ["debug"]:
        return debug(arguments[1:])
    if arguments[:1] == ["_reducers"] or arguments[:1] == ["_reduce"] and len(arguments) == 2:
        return reducers(arguments)
    from . import Error, _native

    # ``heapsake run`` runs the program in the Python that the command is installed for; the program does not see this.
    if "HEAPSAKE_PYTHON" not in os.environ:
        os.environ["HEAPSAKE_PYTHON"] = sys.executable
        os.environ["HEAPSAKE_PACKAGES"] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    # The native command line handles the key on the terminal; one that is ignored stays so.
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return _native().main(["heapsake"] + arguments)
    except Error as problem:
        print("heapsake: %s" % problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(command())
