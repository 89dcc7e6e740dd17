"""Tasklets of every kind in several threads; says as JSON what Stackless itself tells of each, then waits for the end of its
input. Runs on Stackless Python 3.7.

tasklets.py SAID main | run | nested: the main tasklet itself waits; or it is in stackless.run(), and another one waits; or
that one is in a second stackless.run() with a time slice.
"""
import gc
import json
import sys
import threading

import stackless

# A channel that nothing but those blocked on it refers to would be collected.
gc.disable()

KEEP, KINDS, FOREIGN = [], {}, {}
DEPTH = 2


def note(one, kind, handled=None):
    KINDS[id(one)] = (kind, handled)
    return one


def spin(number):
    while True:
        stackless.schedule()
    return number


def soft(number, depth):
    label = "soft %d" % number
    if depth:
        return soft(number, depth - 1)
    spin(number)


def below_sorted(number):
    word = "below %d" % number
    sorted([number], key=lambda item: spin(item))


def below_map(number):
    for got in map(spin, [number]):
        last = got


def numbers(number):
    yield number
    at = number + 1
    spin(at)
    yield at


def in_generator(number):
    for got in numbers(number):
        last = got


def handling(number):
    try:
        raise KeyError(number)
    except KeyError:
        spin(number)


def handling_numbers(number):
    try:
        raise IndexError(number)
    except IndexError:
        yield spin(number)


def handling_in_generator(number):
    try:
        raise KeyError(number)
    except KeyError:
        for got in handling_numbers(number + 1):
            last = got


def receives(channel, number):
    got = channel.receive()


def receives_hard(channel, number):
    sorted([number], key=lambda item: channel.receive())


def sends(channel, value):
    channel.send(value)


def receives_nowhere(number):
    stackless.channel().receive()


def ends(number):
    return number


class Labelled(stackless.tasklet):
    def __new__(cls, function, label):
        one = super().__new__(cls, function)
        one.label = label
        return one

    def __init__(self, function, label):
        super().__init__(function)


def begin(function, *arguments, kind, handled=None, keep=False):
    one = note(stackless.tasklet(function)(*arguments), kind, handled)
    if keep:
        KEEP.append(one)
    return one


def scene(number):
    """Tasklets of this thread."""
    begin(soft, number, DEPTH, kind="scheduled")
    begin(below_sorted, number, kind="scheduled hard")
    begin(below_map, number + 1, kind="scheduled hard")
    begin(in_generator, number, kind="scheduled")
    begin(handling, number, kind="scheduled", handled=["KeyError", number])
    begin(handling_in_generator, number, kind="scheduled", handled=["IndexError", number + 1])
    trapped = begin(soft, number + 2, 0, kind="scheduled")
    trapped.block_trap = True
    trapped.set_ignore_nesting(1)
    named = Labelled(soft, "label %d" % number)
    named(number + 3, 1)
    named.name = "the one of %d" % number
    note(named, "scheduled")
    receiving, sending = stackless.channel(), stackless.channel()
    sending.preference = 1
    KEEP.append([receiving, sending])
    for at in range(4):
        begin(receives, receiving, at, kind="blocked receiving")
    begin(receives_hard, receiving, 4, kind="blocked receiving hard")
    for at in range(3):
        begin(sends, sending, "value %d" % at, kind="blocked sending")
    begin(receives_nowhere, number, kind="blocked receiving")
    paused = begin(soft, number + 4, 1, kind="paused", keep=True)
    paused_hard = begin(below_sorted, number + 5, kind="paused hard", keep=True)
    ended = begin(ends, number, kind="ended", keep=True)
    for _ in range(3):
        stackless.schedule()
    paused.remove()
    paused_hard.remove()
    thrown = begin(soft, number + 6, 0, kind="scheduled", keep=True)
    stackless.schedule()
    thrown.throw(ValueError, "thrown %d" % number, pending=True)
    begin(soft, number + 7, 1, kind="not yet run", keep=True)
    new = begin(soft, number + 8, 1, kind="not yet run", keep=True)
    new.remove()
    atomic = begin(soft, number + 9, 0, kind="not yet run", keep=True)
    atomic.set_atomic(1)
    KEEP.append(note(stackless.tasklet(soft), "bound"))
    KEEP.append(note(stackless.tasklet(), "ended"))
    closing, eager = stackless.channel(), stackless.channel()
    closing.close()
    eager.preference = 0
    eager.schedule_all = 1
    KEEP.append([closing, eager])


def plain(value):
    return value if isinstance(value, (int, str, float, type(None))) else None


def frames(innermost):
    found = []
    while innermost is not None:
        names = {name: value for name, value in innermost.f_locals.items() if plain(value) is not None}
        found.append([innermost.f_code.co_filename, innermost.f_lineno, innermost.f_code.co_name, names])
        innermost = innermost.f_back
    return found[::-1]


def reference(value):
    return None if value is None else id(value)


def around(first):
    found, one = [], first
    while one is not None and (not found or one is not first):
        found.append(id(one))
        one = one.next
    return found


def say(path, teller):
    tasklets, channels, rings = [], [], {}
    for one in gc.get_objects():
        if isinstance(one, stackless.tasklet):
            kind, handled = KINDS.get(id(one), (None, None))
            tasklets.append({
                "id": id(one), "class": type(one).__name__, "kind": kind, "handled": handled, "teller": one is teller,
                "frames": frames(one.frame), "channel": reference(one._channel), "next": reference(one.next),
                "prev": reference(one.prev), "tempval": reference(one.tempval), "cstate": id(one.cstate),
                "bomb": isinstance(one.tempval, stackless.bomb), "label": getattr(one, "label", None),
                "name": getattr(one, "name", None), "words": {name: getattr(one, name) for name in (
                    "alive", "paused", "blocked", "scheduled", "restorable", "atomic", "ignore_nesting", "block_trap",
                    "is_main", "is_current", "nesting_level", "thread_id", "recursion_depth")}})
            if one.is_current:
                rings[one.thread_id] = {"ring": around(one), "count": stackless.get_thread_info(one.thread_id)[2]}
        elif isinstance(one, stackless.channel):
            channels.append({"id": id(one), "queue": around(one.queue) if one.queue is not None else [], "words": {
                name: getattr(one, name) for name in ("balance", "closing", "closed", "preference", "schedule_all")}})
    with open(path, "w") as file:
        json.dump({"tasklets": tasklets, "channels": channels, "rings": rings, "generator": id(SUSPENDED),
                   "mode": sys.argv[2], "version": sys.version}, file)


def elsewhere(number, begun, end):
    scene(number)
    begun.set()
    end.wait()


def without(begun, end):
    begun.set()
    end.wait()


def waits():
    """The one that runs when the dump is made."""
    say(sys.argv[1], stackless.current)
    print("ready", flush=True)
    sys.stdin.readline()
    # Nothing of it is to be run down.
    import os
    os._exit(0)


def waits_handling():
    try:
        raise LookupError("the one that runs")
    except LookupError:
        waits()


def front(one):
    """The others stay as they are."""
    while stackless.current.next is not one:
        other = stackless.current.next
        other.remove()
        other.insert()


def nested():
    front(begin(waits_handling, kind="current", handled=["LookupError", "the one that runs"]))
    stackless.run(1000000)


def outer():
    yield 1
    yield 2


SUSPENDED = outer()
next(SUSPENDED)


def main():
    end = threading.Event()
    for target, arguments in ((elsewhere, (100,)), (elsewhere, (200,)), (without, ())):
        begun = threading.Event()
        threading.Thread(target=target, args=arguments + (begun, end), daemon=True).start()
        begun.wait()
    scene(0)
    if sys.argv[2] == "main":
        waits()
    function = {"run": waits_handling, "nested": nested}[sys.argv[2]]
    front(begin(function, kind="in run" if sys.argv[2] == "nested" else "current",
                handled=["LookupError", "the one that runs"] if sys.argv[2] == "run" else None))
    stackless.run()


main()
