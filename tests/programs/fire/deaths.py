"""Dies in the way that its arguments name: MODE FOLDER-OF-FAULT [FOLDER-FOR-DUMPS], where the last installs heapsake."""
import functools
import os
import signal
import sys
import threading

MODE = sys.argv[1]
sys.path.insert(0, sys.argv[2])
DUMPS = sys.argv[3] if len(sys.argv) > 3 else None

import fault


def die(how):
    total = 42
    marker = ["marker", total]
    how()
    return marker


def told(how):
    """Says who dies, by the kernel's number."""
    print("native", threading.get_native_id(), flush=True)
    die(how)


def in_thread(how):
    thread = threading.Thread(target=told, args=(how,), name="worker")
    thread.start()
    thread.join()
    print("the main thread went on", flush=True)


def down():
    fault.call(down)


def leak():
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (200 << 20, resource.getrlimit(resource.RLIMIT_AS)[1]))
    held = []
    while True:
        held.append(bytearray(1 << 20))


def main():
    if MODE == "own handler":
        fault.own_handler()
    if MODE == "faulthandler before":
        import faulthandler

        faulthandler.enable()
    if DUMPS:
        import heapsake

        heapsake.install(DUMPS)
    if MODE in ("null", "own handler", "faulthandler before"):
        told(fault.null)
    elif MODE == "faulthandler after":
        import faulthandler

        faulthandler.enable()
        told(fault.null)
    elif MODE == "null in worker":
        in_thread(fault.null)
    elif MODE == "null with lock":
        in_thread(fault.null_with_lock)
    elif MODE == "native thread":
        die(fault.null_in_native_thread)
    elif MODE in ("bus", "divide", "illegal", "aborts"):
        in_thread(getattr(fault, MODE))
    elif MODE == "overflow":
        told(fault.overflow)
    elif MODE == "overflow in worker":
        in_thread(fault.overflow)
    elif MODE == "recursion":
        sys.setrecursionlimit(10 ** 9)
        down()
    elif MODE == "sent":
        told(functools.partial(os.kill, os.getpid(), signal.SIGSEGV))
    elif MODE == "forked":
        if os.fork() == 0:
            told(fault.null)
        print("child ended with", os.wait()[1], flush=True)
    elif MODE == "recovers":
        print("came back", fault.recover(), flush=True)
    elif MODE == "ignored":
        signal.signal(signal.SIGABRT, signal.SIG_IGN)
        os.kill(os.getpid(), signal.SIGABRT)
        print("ignored", flush=True)
    elif MODE == "handled":
        signal.signal(signal.SIGABRT, lambda number, frame: print("handled", number, flush=True))
        os.kill(os.getpid(), signal.SIGABRT)
        print("went on", flush=True)
    elif MODE == "leak":
        leak()
    elif MODE == "executes":
        os.execv("/bin/sh", ["sh", "-c", "kill -ABRT $$"])
    elif MODE == "subprocess":
        import subprocess

        print(subprocess.run(["sh", "-c", "kill -ABRT $$"]).returncode, flush=True)


main()
