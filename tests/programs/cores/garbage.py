"""A program with garbage that the collector has not freed, which tells afterwards what it was: the file is its argument."""
import gc
import json
import os
import sys


class Node:
    def __init__(self, name):
        self.name = name
        self.partner = None


def ring(count, name):
    nodes = [Node("%s %d" % (name, number)) for number in range(count)]
    for one, other in zip(nodes, nodes[1:] + nodes[:1]):
        one.partner = other
    # A list of the ring that nothing holds but the ring, and a dict that holds the list.
    nodes[0].all = {"nodes": nodes, "weights": {number: [number] for number in range(count)}}
    return nodes[0]


gc.collect()
gc.disable()
ring(50, "dropped")
ring(2000, "large")
KEPT = ring(10, "kept")
for _ in range(3):
    itself = []
    itself.append(itself)
    del itself
os.write(1, b"ready\n")
os.read(0, 1)
gc.set_debug(gc.DEBUG_SAVEALL)
gc.collect()
rings = [id(one) for one in gc.garbage if type(one) in (Node, dict, list)]
names = [id(one.name) for one in gc.garbage if type(one) is Node]
with open(sys.argv[1], "w") as file:
    json.dump({"collected": rings, "names": names, "kept": id(KEPT)}, file)
