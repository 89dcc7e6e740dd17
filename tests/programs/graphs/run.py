"""Runs a generated program, describes its graphs, dumps itself, and waits to be dumped once more.

Arguments: the program, a file for the description, a file for a dump from inside, which is not made where there is no package.
"""
import asyncio
import gc
import json
import os
import sys
import threading
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
warnings.simplefilter("ignore")
import describing
import making

try:
    import heapsake
except ImportError:
    heapsake = None

PROGRAM, OUT, INSIDE = sys.argv[1:]
GRAPHS = []


def dump_from_inside():
    if heapsake is not None:
        heapsake.dump(INSIDE, redact="none")


def main():
    with open(PROGRAM, encoding="utf-8", errors="surrogatepass") as file:
        source = file.read()
    # What a dump imports and makes on its way is there before anything is said.
    dump_from_inside()
    space = {"__name__": "__main__", "making": making, "GRAPHS": GRAPHS}

    def make():
        asyncio.set_event_loop(making.LOOP)
        exec(compile(source + "\nWHOLE = True\n", PROGRAM, "exec"), space)

    # In a thread that ends, so that no object knows of frames that go on.
    made = threading.Thread(target=make)
    made.start()
    made.join()
    if "WHOLE" not in space:
        raise SystemExit("the program failed")
    gc.collect()
    gc.disable()
    rows = describing.walk([GRAPHS])
    threads = [{"ident": ident, "function": function, "locals": {name: id(value) for name, value in held.items()}}
               for ident, function, held in making.HELD]
    said = json.dumps({"root": id(GRAPHS), "threads": threads, "rows": rows}).encode("ascii")
    with open(OUT, "wb") as file:
        file.write(said)
    dump_from_inside()
    os.write(1, b"ready\n")
    os.read(0, 1)
    # Threads and tasks are left as they are.
    os._exit(0)


main()
