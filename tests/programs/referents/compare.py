"""Compares the edges of a dump with the references that its program named: ``compare.py DUMP SAID``.

Prints one JSON object for each type.  A reference counts as often as the collector gives it; weak edges and the one to the
type count for nothing.  What is told of an object and is no reference of it is counted apart, guesses by themselves.
"""
import collections
import json
import sys

import heapsake

#: frames that the collector looks through, but which are objects of their own in a dump
FRAMES = ("gi_frame", "cr_frame", "ag_frame")
#: types that keep objects in links, whose type the collector visits once a link
LINKED = ("_lru_cache_wrapper",)


def edges_of(view):
    """Targets that are told, targets that are guessed, and those that are told of what the collector looks through."""
    told, guessed, beyond = collections.Counter(), collections.Counter(), collections.Counter()
    for kind, name, target in view.edges:
        if kind == "weak":
            continue
        (guessed if kind == "conservative" else told)[target.address] += 1
        if name == "__dict__":
            # Where values lie in an instance and in its dictionary, the collector says them of both.
            beyond.update(value.address for _, value in target.items)
        if name in FRAMES:
            beyond.update(held.address for _, _, held in target.edges)
    return told, guessed, beyond


class Share:
    """What was counted of one type."""

    def __init__(self, module, name):
        self.module, self.name = module, name
        self.objects = self.absent = self.edges = self.found = self.further = self.wrong = 0
        self.origin, self.bases, self.lost = "", [], collections.Counter()

    def add(self, view, referents, types):
        self.objects += 1
        if view is None:
            self.absent += 1
            return None
        if self.name in LINKED:
            referents = collections.Counter({target: 1 if target in types else count for target, count in referents.items()})
        self.edges += sum(referents.values())
        self.origin, self.bases = view.origin, view.bases
        told, guessed, beyond = edges_of(view)
        lost = referents - (told + guessed + beyond)
        self.found += sum(referents.values()) - sum(lost.values())
        unexplained = told - referents
        self.further += sum(unexplained.values())
        self.wrong += sum((guessed - (referents - told)).values())
        return lost


def main():
    dump = heapsake.load(sys.argv[1])
    views = {view.address: view for view in dump.objects}
    types = {view.address for view in views.values() if view.kind == "type"}
    shares = {}
    with open(sys.argv[2]) as file:
        for line in file:
            address, kind, module, name, referents = json.loads(line)
            referents = collections.Counter(referents)
            if referents[kind]:
                referents[kind] -= 1
                referents = +referents
            share = shares.setdefault(kind, Share(module, name))
            lost = share.add(views.get(address), referents, types)
            for target, count in (lost or {}).items():
                there = views.get(target)
                share.lost[there.type_name if there is not None else "(not in the dump)"] += count
    for share in shares.values():
        share.lost = dict(share.lost.most_common(4))
        print(json.dumps(vars(share)))


main()
