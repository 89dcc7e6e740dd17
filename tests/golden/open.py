"""What is in the golden dumps, for ever.  Arguments: dumps.  Prints problems, and how much was checked."""
import io
import os
import re
import sys

import heapsake
from heapsake import debugger

DONE = [0]


def equal(what, got, expected):
    DONE[0] += 1
    if not (got == expected and type(got) is type(expected)):
        print("PROBLEM %s: got %.200r, expected %.200r" % (what, got, expected))


def examine(path):
    name = os.path.basename(path)[:-len(".heapsake")]
    dump = heapsake.load(path)
    equal(name + " faults", [str(fault) for fault in dump.faults], [])
    equal(name + " version", ".".join(dump.header["python"].split(".")[:2]), name)
    equal(name + " environment", set(dump.header.get("environ") or {}) - {"LD_LIBRARY_PATH"}, set())
    thread, = dump.threads
    equal(name + " stack", [frame.function for frame in thread.frames], ["<module>", "main", "wait"])
    wait = thread.frames[2]
    equal(name + " line", dump.source(wait.filename).splitlines()[wait.lineno - 1].strip(), "sys.stdin.readline()")
    equal(name + " locals", sorted(wait.locals), ["counting", "deep", "fleet", "password", "ports", "ring"])
    ring = wait.locals["ring"].rebuild()
    equal(name + " values", ring[:12], [1, "two", 3.5, b"four", (5, 6), {7}, None, True, 2 - 3j, frozenset([8]), bytearray(b"nine"), range(2, 11, 4)])
    equal(name + " cycle", ring[12] is ring, True)
    fleet = wait.locals["fleet"].rebuild()
    equal(name + " names", [ship.name for ship in fleet.values()], ["Aurore", "\xc9toile \U0001f6a2"])
    equal(name + " keys", list(fleet), ["Aurore", "\xc9toile"])
    equal(name + " slots", [crate.weight for crate in fleet["Aurore"].cargo], [12, 2 ** 70])
    equal(name + " identity", fleet["Aurore"].sister is fleet["\xc9toile"], True)
    equal(name + " class", (type(fleet["Aurore"]).__qualname__, type(fleet["Aurore"]).__module__, fleet["Aurore"].flag), ("Ship", "__main__", "FR"))
    equal(name + " parameters", (wait.locals["ports"].rebuild(), wait.locals["deep"].rebuild()), (("Brest", "Nantes"), True))
    equal(name + " generator", dict(wait.locals["counting"].rebuild().gi_frame.f_locals), {"limit": 9, "number": 0})
    equal(name + " secret", "redacted" in (wait.locals["password"].surrogate or ""), True)
    problem = thread.frames[1].locals["problem"].rebuild()
    equal(name + " exception", (type(problem).__name__, problem.args, problem.__cause__.args), ("ValueError", ("no such berth", 3), ("absent",)))
    said = io.StringIO()
    debugger.debug(dump, stdin=io.StringIO("bt\nargs\nup\np fleet['Aurore'].cargo[1].weight\nll\nq\n"), stdout=said)
    for expected in (r"program\.py\(\d+\)<module>\(\)", r"> .*program\.py\(\d+\)wait\(\)\n-> sys\.stdin\.readline\(\)", r"ports = \('Brest', 'Nantes'\)",
                     r"1180591620717411303424", r"def main\(\):", r"->\s+wait\(fleet, \"Brest\", \"Nantes\"\)"):
        equal("%s session shows %s:\n%s" % (name, expected, said.getvalue()), re.search(expected, said.getvalue()) is not None, True)


for each in sys.argv[1:]:
    examine(each)
print("checked %d" % DONE[0])
