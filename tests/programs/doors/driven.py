"""Runs the shop behind a real framework twice, without a door and with it side by side, and says what differs.

Arguments: the door, and a folder.  One JSON value names package and version, the dumps, what is different about status, output and
answers, and how many lines the door has said.
"""
import concurrent.futures
import importlib.metadata
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.path.dirname(sys.executable)
PATIENCE = 120
#: what is another in each run
PASSING = (
    (r"0x[0-9a-f]+", "0x"), (r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d([.,]\d+)?( [+-]\d{4})?", "TIME"), (r"\b\d+\.\d+ ?s(econds)?\b", "SECONDS"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "ID"), (r"\bpid[:=] ?\d+", "PID"), (r"[\[(]\d{2,}[\])]", "[PID]"), (r"'127\.0\.0\.1', \d+", "ADDRESS"),
    (r"ForkPoolWorker-\d+", "ForkPoolWorker"), (r"127\.0\.0\.1:\d+", "ADDRESS"), (r"\bin \d+(\.\d+)?s\b", "in SECONDS"),
    (r"Thread(-\d+|\b.*\(most recent call first\))", "Thread"), (r"thread 0x\w+", "thread"), (r"\b(1[5-9]|2[0-9])\d{8}\.\d+", "TIME"), (r"-{5,}", "-----"),
    (r"={5,}", "====="),
)


class Run:
    """One run: what was seen from outside."""

    def __init__(self, folder, with_door):
        self.home = os.path.join(folder, "with" if with_door else "without")
        os.makedirs(self.home, exist_ok=True)
        self.folder = os.path.join(folder, "dumps")
        self.with_door = with_door
        self.seen = []

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE")}
        kept.update(SHOP_HOME=self.home, PYTHONPATH=os.pathsep.join(filter(None, [HERE, kept.get("PYTHONPATH")])),
                    PYTHONHASHSEED="0", COLUMNS="200", **more)
        if self.with_door:
            kept["SHOP_DUMPS"] = self.folder
        return kept

    def see(self, what, text):
        """Something that must be the same, but for what is another each time."""
        text = text.replace(self.home, "HOME")
        for pattern, shown in PASSING:
            text = re.sub(pattern, shown, text)
        self.seen.append((what, text))

    def run(self, *command, stdin=None, **more):
        done = subprocess.run(command, env=self.environment(**more), cwd=self.home, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=PATIENCE, universal_newlines=True, stdin=None if stdin is not None else subprocess.DEVNULL)
        self.see("status", str(done.returncode))
        self.see("output", done.stdout)
        self.see("stderr", done.stderr)
        return done

    def script(self, name, *arguments):
        return self.run(sys.executable, os.path.join(HERE, name), *arguments)


def ours(text):
    """The text without lines of the door; how many those are."""
    lines = text.splitlines()
    kept, skip = [], False
    for line in lines:
        if line.startswith("heapsake: "):
            continue
        # a frame of middleware in a traceback: as any middleware has one
        skip = "heapsake/doors/" in line and line.lstrip().startswith("File ") or skip and line.startswith("    ")
        if not skip and "heapsake/doors/" not in line:
            kept.append(line)
    return kept, sum(line.startswith("heapsake: ") for line in lines)


def differences(before, after):
    """What is not the same of two runs; and how much the door has said."""
    found, said = [], 0
    if [what for what, _ in before.seen] != [what for what, _ in after.seen]:
        found.append("seen: %s, %s" % ([what for what, _ in before.seen], [what for what, _ in after.seen]))
    for (what, one), (_, other) in zip(before.seen, after.seen):
        (one, spoke), (other, count) = ours(one), ours(other)
        said += count
        if spoke:
            found.append("%s: the door speaks where it is not hung" % what)
        if what == "stderr of processes":
            one, other = sorted(one), sorted(other)
        if one != other:
            import difflib

            found.append("%s: %s" % (what, "\n".join(list(difflib.unified_diff(one, other, lineterm="", n=1))[:40])))
    return found, said


def main(door, folder):
    import runs
    import testing
    import web

    package, drive = {**web.DOORS, **runs.DOORS, **testing.DOORS}[door]
    os.makedirs(os.path.join(folder, "dumps"))

    def one(with_door):
        run = Run(folder, with_door)
        drive(run)
        return run

    # much of it is waiting
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        both = list(pool.map(one, (False, True)))
    found, said = differences(*both)
    dumps = sorted(os.path.join(folder, "dumps", name) for name in os.listdir(os.path.join(folder, "dumps")))
    names = [package] if isinstance(package, str) else package
    print(json.dumps({
        "package": ", ".join("%s %s" % (name, version(name)) for name in names),
        "differences": found, "said": said, "dumps": dumps, "facts": getattr(both[1], "facts", {}),
    }))


def version(name):
    return "%d.%d" % sys.version_info[:2] if name == "Python" else importlib.metadata.version(name)


if __name__ == "__main__":
    sys.path.insert(0, HERE)
    main(sys.argv[1], os.path.abspath(sys.argv[2]))
