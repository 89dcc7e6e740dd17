"""Greenlets of every kind, and gevent's where it is installed; says as JSON what greenlet itself tells of each.

greenlets.py SAID COUNT [DUMP]: writes SAID; with DUMP makes a dump itself, else says that it is ready and waits for the end
of its input.
"""
import json
import os
import sys
import threading
import weakref

import greenlet

try:
    import gevent
    import gevent.event
    import gevent.lock
    import gevent.queue
    import gevent.socket
    import gevent.util
except ImportError:
    gevent = None

KEEP, KINDS = [], []


def note(one, kind):
    """Without keeping it alive."""
    KINDS.append((weakref.ref(one), kind))


def back(what):
    return greenlet.getcurrent().parent.switch(what)


def deep(number, depth):
    here = number * 100 + depth
    if depth:
        return deep(number, depth - 1)
    return back(here)


def below_c(number):
    word = "below %d" % number
    sorted([number], key=lambda item: back(word))


def numbers(number):
    yield number
    at = number + 1
    back(at)
    yield at


def in_generator(number):
    for got in numbers(number):
        last = got


def handling(number):
    try:
        raise KeyError(number)
    except KeyError:
        back(number)


def ends(number):
    return number


class Slotted(greenlet.greenlet):
    __slots__ = ("extra",)


def raw(count, names):
    for number in range(count):
        function = [lambda number: deep(number, 3), below_c, in_generator, handling][number % 4]
        one = Slotted(function) if number % 5 == 0 else greenlet.greenlet(function)
        if number % 5 == 0:
            one.extra = "extra %d" % number
        one.switch(number)
        KEEP.append(one)
        note(one, "suspended")
    fresh = greenlet.greenlet(ends)
    done = greenlet.greenlet(ends)
    done.switch(1)
    KEEP.extend([fresh, done])
    note(fresh, "not started")
    note(done, "finished")
    names.append(threading.get_ident())


def elsewhere(begun, end, names):
    raw(8, names)
    begun.set()
    end.wait()


def sleeper(number):
    label = "sleeper %d" % number
    gevent.sleep(100000)


def of_queue(number, queue):
    try:
        raise ValueError(number)
    except ValueError:
        label = "queue %d" % number
        queue.get()


def of_event(number, event):
    label = "event %d" % number
    sorted([number], key=lambda item: event.wait())


def of_lock(number, lock):
    label = "lock %d" % number
    with lock:
        label = "never"


def of_socket(number, socket):
    label = "socket %d" % number
    socket.recv(1)


def of_gevent(count):
    before = len(KINDS)
    queue, event, lock = gevent.queue.Queue(), gevent.event.Event(), gevent.lock.BoundedSemaphore(1)
    lock.acquire()
    pair = gevent.socket.socketpair()
    KEEP.append(pair)
    for number in range(count):
        kind = number % 5
        if kind == 0:
            one = gevent.spawn(sleeper, number)
        elif kind == 1:
            one = gevent.spawn(of_queue, number, queue)
        elif kind == 2:
            one = gevent.spawn(of_event, number, event)
        elif kind == 3:
            one = gevent.spawn(of_lock, number, lock)
        elif number == 4:
            one = gevent.spawn(of_socket, number, pair[0])
        else:
            one = gevent.spawn(sleeper, number)
        note(one, "suspended")
        # The dump has to find those of which only gevent knows.
        if number % 3:
            KEEP.append(one)
    # gevent begins them in turns.
    for _ in range(10000):
        if all(one().gr_frame for one, _ in KINDS[before:]):
            break
        gevent.sleep(0)


def frames(one):
    found, frame = [], one.gr_frame
    while frame is not None:
        plain = {name: value for name, value in frame.f_locals.items() if type(value) in (int, str)}
        found.append([frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name, plain])
        frame = frame.f_back
    return found[::-1]


def say(path, threads):
    said = []
    for one, kind in KINDS:
        one = one()
        said.append({"id": id(one), "state": kind, "frames": frames(one) if one.gr_frame else [],
                     "parent": id(one.parent), "class": type(one).__name__})
    info = "".join(gevent.util.format_run_info()).count("<Greenlet ") if gevent else 0
    with open(path, "w") as file:
        json.dump({"greenlets": said, "threads": threads, "greenlet": greenlet.__version__,
                   "gevent": gevent and gevent.__version__, "run_info": info}, file)


def main():
    path, count = sys.argv[1], int(sys.argv[2])
    begun, end, names = threading.Event(), threading.Event(), []
    thread = threading.Thread(target=elsewhere, args=(begun, end, names), name="elsewhere", daemon=True)
    thread.start()
    begun.wait()
    raw(16, names)
    if gevent:
        of_gevent(count)
    say(path, names)
    if len(sys.argv) > 3:
        import heapsake
        heapsake.dump(sys.argv[3])
    else:
        print("ready", flush=True)
        if gevent:
            gevent.get_hub().threadpool.apply(sys.stdin.readline)
        else:
            sys.stdin.readline()
    end.set()
    os._exit(0)


main()
