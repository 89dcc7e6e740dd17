"""Installs heapsake and ends in the way that its arguments name: MODE FOLDER, or MODE alone for the same without heapsake."""
import _thread
import os
import sys
import threading

MODE = sys.argv[1]
FOLDER = sys.argv[2] if len(sys.argv) > 2 else None


def report(kind, exception, trace):
    print("own hook: %s" % kind.__name__, flush=True)


def fail(number):
    local = "crash %d" % number
    raise ValueError(local)


def caught(number):
    """Reported as uncaught, though the program goes on."""
    try:
        fail(number)
    except ValueError:
        sys.excepthook(*sys.exc_info())


def main():
    if MODE == "own hook":
        sys.excepthook = report
    if MODE == "own thread hook":
        threading.excepthook = lambda arguments: print("own thread hook: %s" % arguments.exc_type.__name__, flush=True)
    if FOLDER:
        import heapsake

        heapsake.install(FOLDER, once=True if MODE == "alike" else None)
    if MODE == "replaced":
        before = sys.excepthook
        sys.excepthook = lambda *arguments: (print("on top", flush=True), before(*arguments))
    if MODE in ("main", "own hook", "replaced", "folder"):
        fail(1)
    elif MODE in ("thread", "own thread hook"):
        thread = threading.Thread(target=fail, args=(1,), name="T-1")
        thread.start()
        thread.join()
        print("the main thread went on")
    elif MODE in ("twice", "alike"):
        caught(1)
        caught(2)
        fail(3)
    elif MODE == "exit":
        sys.exit(7)
    elif MODE == "exit text":
        sys.exit("no more")
    elif MODE == "thread exit":
        thread = threading.Thread(target=sys.exit)
        thread.start()
        thread.join()
    elif MODE == "interrupt":
        raise KeyboardInterrupt
    elif MODE == "no stderr":
        sys.stderr = None
        fail(1)
    elif MODE == "closed stderr":
        os.close(2)
        fail(1)
    elif MODE == "broken exception":
        class Broken(Exception):
            def __str__(self):
                raise RuntimeError("no text")

        raise Broken()
    elif MODE == "forked":
        child = os.fork()
        if child == 0:
            fail(1)
        print("child ended with %d" % os.waitpid(child, 0)[1])


main()
