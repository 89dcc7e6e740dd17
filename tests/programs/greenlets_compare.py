"""greenlets_compare.py SAID DUMP: what a dump has of greenlets, beside what greenlet itself said of them."""
import json
import sys

import heapsake


def problem(text):
    print("PROBLEM " + text)


def fact(view, name):
    found = view.attributes[name]
    return getattr(found, "value", found)


def main():
    with open(sys.argv[1]) as file:
        said = json.load(file)
    dump = heapsake.load(sys.argv[2])
    shown = {thread.ident: thread for thread in dump.threads if thread.kind == "greenlet"}
    idents = {thread.ident: thread.name for thread in dump.threads if thread.kind == "thread"}
    expected = {one["id"]: one for one in said["greenlets"] if one["frames"]}
    if len(expected) < 24:
        problem("the program has said too little: %d" % len(expected))
    for ident, thread in shown.items():
        if ident not in expected and not thread.name.startswith(("main greenlet of ", "Hub")):
            problem("%s at %x: not said" % (thread.name, ident))
        if thread.carrier not in idents:
            problem("%s: of no thread, %r" % (thread.name, thread.carrier))
    names = [thread.name for thread in dump.threads]
    if len(set(names)) != len(names):
        problem("names are not unique")
    for one in said["greenlets"]:
        thread = shown.get(one["id"])
        where = "%s at %x" % (one["class"], one["id"])
        if (thread is not None) != bool(one["frames"]):
            problem("%s: %s, shown as a thread: %s" % (where, one["state"], thread is not None))
        if thread is None:
            continue
        frames = [[frame.filename, frame.lineno, frame.function] for frame in thread.frames]
        if frames != [frame[:3] for frame in one["frames"]]:
            problem("%s: %r\n    %r" % (where, frames, [frame[:3] for frame in one["frames"]]))
            continue
        for frame, (_, _, function, plain) in zip(thread.frames, one["frames"]):
            found = {name: view.value for name, view in frame.locals.items() if name in plain}
            if found != plain:
                problem("%s: %s has %r, said %r" % (where, function, found, plain))
        view = thread.object
        if view is None or view.attributes["parent"].address != one["parent"]:
            problem("%s: another parent" % where)
        elif fact(view, "state") != one["state"] or fact(view, "layout") != "table":
            problem("%s: state %r by %r" % (where, fact(view, "state"), fact(view, "layout")))
    handled = [thread for thread in shown.values() if thread.exception is not None]
    expected = sum(any(frame[2] in ("handling", "of_queue") for frame in one["frames"]) for one in said["greenlets"])
    # gevent's own account of what runs, which knows of gevent's greenlets alone.
    of_gevent = sum(one["class"] == "Greenlet" for one in said["greenlets"])
    if said["run_info"] < of_gevent or said["gevent"] and not of_gevent:
        problem("gevent tells of %d greenlets, said %d" % (said["run_info"], of_gevent))
    # 3.0.0 to 3.0.2 show Python 3.12 the innermost frame alone.
    blind = sys.argv[3:] == ["blind"]
    if len(handled) != expected and not blind:
        problem("%d handle an exception, said %d" % (len(handled), expected))
    print("%d greenlets, greenlet %s, gevent %s" % (len(shown), said["greenlet"], said["gevent"]))


main()
