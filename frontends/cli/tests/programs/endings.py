"""Ends, or goes on, in the way that its first argument names; what it prints is the same whoever runs it."""
import atexit, os, signal, sys, threading, time, traceback


class Thing:
    def __init__(self, number):
        self.number = number


def fail(number):
    thing = [number, "things"]
    return number / 0


def wait_for(condition):
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.002)


def own_hook(kind, value, trace):
    print("own hook", kind.__name__, value, file=sys.stderr)
    traceback.print_exception(kind, value, trace)


def own_thread_hook(arguments):
    print("own thread hook", arguments.exc_type.__name__, arguments.thread.name, file=sys.stderr)
    traceback.print_exception(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
    traceback.print_stack()


def plain():
    fail(7)


def hook():
    sys.excepthook = own_hook
    fail(7)


def hook_fails():
    sys.excepthook = lambda *arguments: {}["hook"]
    fail(7)


def chained():
    try:
        fail(7)
    except ZeroDivisionError as problem:
        raise KeyError("chained") from problem


def finally_runs():
    try:
        fail(7)
    finally:
        print("finally")


def deep():
    def down():
        return down()

    down()


def exit_number():
    sys.exit(3)


def exit_text():
    sys.exit("a text")


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(20)


def interrupt_handled():
    try:
        interrupt()
    except KeyboardInterrupt:
        print("handled")


def in_thread():
    thread = threading.Thread(target=fail, args=(7,), name="worker")
    thread.start()
    thread.join()
    print("goes on")


def in_thread_hook():
    threading.excepthook = own_thread_hook
    in_thread()


def in_thread_exit():
    thread = threading.Thread(target=sys.exit, args=(5,))
    thread.start()
    thread.join()


def in_thread_while_handling():
    try:
        fail(1)
    except ZeroDivisionError:
        thread = threading.Thread(target=print, args=("well",))
        thread.start()
        thread.join()


def raw():
    import _thread

    over = []

    def body():
        over_too = "raw"
        try:
            fail(7)
        finally:
            over.append(over_too)

    begun = _thread._count()
    _thread.start_new_thread(body, ())
    wait_for(lambda: over and _thread._count() == begun)
    print("goes on")


def own_unraisable(report):
    print("own report", report.exc_type.__name__, report.exc_value, file=sys.stderr)
    traceback.print_exception(report.exc_type, report.exc_value, report.exc_traceback)


def raw_hook():
    sys.unraisablehook = own_unraisable
    raw()


def raw_exit():
    import _thread

    begun = _thread._count()
    _thread.start_new_thread(sys.exit, ())
    wait_for(lambda: _thread._count() == begun)
    print("goes on")


def raw_and_audit():
    seen = []
    sys.addaudithook(lambda event, arguments: seen.append(event) if event == "sys.unraisablehook" else None)
    raw_hook()
    unraisable()
    print(seen)


def unraisable():
    class Failing:
        def __del__(self):
            {}["unraisable"]

        def __repr__(self):
            return "<failing>"

    sys.unraisablehook = own_unraisable
    Failing()


def in_asyncio():
    import asyncio

    async def sibling():
        try:
            await asyncio.sleep(100)
        finally:
            print("sibling ends")

    async def work():
        siblings = [asyncio.ensure_future(sibling())]
        await asyncio.sleep(0)
        fail(len(siblings))

    asyncio.run(work())


def in_asyncio_caught():
    for _ in range(5):
        try:
            in_asyncio()
        except ZeroDivisionError:
            print("caught")


def in_asyncio_while_handling():
    import asyncio

    async def work():
        print("well")

    try:
        fail(1)
    except ZeroDivisionError:
        asyncio.run(work())


def os_exit():
    print("unflushed", flush=True)
    os._exit(4)


def dies_of_sigsegv():
    os.kill(os.getpid(), signal.SIGSEGV)


def dies_of_sigkill():
    os.kill(os.getpid(), signal.SIGKILL)


def dies_of_sigterm():
    os.kill(os.getpid(), signal.SIGTERM)


def at_exit():
    atexit.register(fail, 7)


def standard_input():
    print([line for line in sys.stdin])


def standard_output_closed():
    os.close(1)
    print("nowhere", flush=True)


def many_files():
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))
    held = []
    while True:
        held.append(open("/dev/null"))


def traced():
    def trace(frame, event, argument):
        # As tracers do, of files only.
        if not frame.f_code.co_filename.startswith("<"):
            print(event, frame.f_code.co_name, os.path.basename(frame.f_code.co_filename))
        return trace

    sys.settrace(trace)
    fail(7)


def faults():
    import faulthandler

    faulthandler.enable()
    print(faulthandler.is_enabled())
    fail(7)


def handlers():
    def handle(number, frame):
        print("handled", number)

    signal.signal(signal.SIGUSR1, handle)
    os.kill(os.getpid(), signal.SIGUSR1)
    signal.signal(signal.SIGALRM, lambda *arguments: fail(7))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    time.sleep(20)


def dispositions():
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGUSR1):
        print(number, signal.getsignal(number))
    print(signal.pthread_sigmask(signal.SIG_BLOCK, []))


def forked():
    sys.stdout.flush()
    if os.fork() == 0:
        fail(7)
    _, status = os.wait()
    print(status)


def worker(method):
    import multiprocessing

    process = multiprocessing.get_context(method).Process(target=fail, args=(7,))
    process.start()
    process.join()
    print(process.exitcode)


def worker_while_handling():
    import multiprocessing

    try:
        fail(1)
    except ZeroDivisionError:
        process = multiprocessing.get_context("fork").Process(target=print, args=("well",))
        process.start()
        process.join()


def pool():
    import multiprocessing

    with multiprocessing.get_context("spawn").Pool(1) as workers:
        print(workers.map(abs, [-1, 2]))
        workers.map(fail, [7])


def subprogram():
    import subprocess

    subprocess.run([sys.executable, "-c", "1/0"])


def pickled():
    import pickle

    copy = pickle.loads(pickle.dumps(Thing(3)))
    print(type(copy), copy.number, Thing.__module__)


def identity():
    import __main__

    print(sys.argv, getattr(sys, "orig_argv", [])[1:], sys.path[0], sys.path[-1], sys.flags, sys.warnoptions, sys._xoptions)
    print(__name__, __file__, __package__, __spec__, type(__loader__), list(vars(__main__))[:9], __main__ is sys.modules["__main__"])
    print(sys._getframe().f_back.f_code.co_filename, sys.stdin.name, sys.stdout.line_buffering, sys.executable)
    print(sys.excepthook, sys.unraisablehook, threading.excepthook is threading.__excepthook__ if sys.version_info > (3, 10) else 0)
    print(sorted(number for number in map(int, os.listdir("/proc/self/fd")) if number < 190))
    fail(7)


if __name__ == "__main__":
    mode = sys.argv[1]
    if mode in ("fork", "spawn", "forkserver"):
        worker(mode)
    else:
        globals()[mode]()
