"""``heapsake dap`` asked as an editor asks, over standard input and output: python editor.py HEAPSAKE COUNT DUMP ROUNDS

Dumps ``wide.py`` from outside and opens the dump so many times, each in a process of its own; reports the seconds of each step
by the clock, one of each time, and the most memory that the adapter took.
"""
import json
import os
import random
import subprocess
import sys
import tempfile
import time

#: children of a page, as VS Code asks for them
PAGE = 100
#: pages of each container that are asked for after the first
PAGES = 20


class Editor:
    """One session."""

    def __init__(self, heapsake, kept):
        environment = dict(os.environ, XDG_CACHE_HOME=kept)
        command = [heapsake, "dap"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self.number = 0

    def message(self):
        length = None
        while True:
            line = self.process.stdout.readline()
            if not line:
                sys.exit("the adapter ended")
            if line == b"\r\n":
                return json.loads(self.process.stdout.read(length).decode("utf-8"))
            length = int(line.partition(b":")[2])

    def ask(self, command, **arguments):
        """The body of the answer; events before it are passed over."""
        self.number += 1
        request = {"seq": self.number, "type": "request", "command": command, "arguments": arguments}
        data = json.dumps(request).encode("utf-8")
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self.process.stdin.flush()
        while True:
            message = self.message()
            if message["type"] == "response" and message["request_seq"] == self.number:
                if not message["success"]:
                    sys.exit("%s failed: %s" % (command, message["message"]))
                return message.get("body", {})

    def variables(self, reference, **page):
        return self.ask("variables", variablesReference=reference, **page)["variables"]

    def open(self, dump):
        """The variables of each scope of the frame that holds all."""
        self.ask("initialize", adapterID="heapsake", supportsVariablePaging=True, supportsVariableType=True)
        self.ask("launch", dump=dump)
        self.ask("configurationDone")
        thread = self.ask("threads")["threads"][0]["id"]
        frames = self.ask("stackTrace", threadId=thread, startFrame=0, levels=20)["stackFrames"]
        return next(frame for frame in frames if frame["name"] == "hold")["id"]

    def scope(self, frame, name):
        scope = next(one for one in self.ask("scopes", frameId=frame)["scopes"] if one["name"] == name)
        return {one["name"]: one for one in self.variables(scope["variablesReference"])}

    def peak(self):
        with open("/proc/%d/status" % self.process.pid) as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))

    def end(self):
        self.ask("disconnect")
        self.process.stdin.close()
        self.process.stdout.read()
        if self.process.wait():
            sys.exit("the adapter ended with %s" % self.process.returncode)


def dumped(heapsake, count, dump):
    """What dumping the program told."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wide.py")
    with subprocess.Popen([sys.executable, program, count], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as held:
        held.stdout.readline()
        told = subprocess.run([heapsake, "dump", str(held.pid), "-o", dump, "--json"], stdout=subprocess.PIPE, check=True)
        held.stdin.close()
    return json.loads(told.stdout.decode("utf-8"))


class Clock:
    """What steps took: the seconds since the one before."""

    def __init__(self, times):
        self.times, self.started = times, time.perf_counter()

    def took(self, step):
        self.times.setdefault(step, []).append(time.perf_counter() - self.started)
        self.started = time.perf_counter()


def session(heapsake, count, dump, kept, times, chance):
    """Opens the dump and looks at it; adds what each step took."""

    def page(of):
        start = chance.randrange(count - PAGE)
        found = editor.variables(of["variablesReference"], filter="indexed", start=start, count=PAGE)
        if len(found) != PAGE or not all("dict" in one["type"] for one in found):
            sys.exit("%d children of %s: %s" % (len(found), of, found[:2]))
        return found

    def evaluate(text):
        return editor.ask("evaluate", expression=text, frameId=frame, context="watch")["result"]

    clock = Clock(times)
    editor = Editor(heapsake, kept)
    frame = editor.open(dump)
    clock.took("first stack")
    local = editor.scope(frame, "Locals")
    clock.took("locals")
    for name in ("in_order", "by_name", "shuffled"):
        page(local[name])
        clock.took(name + ", first page")
        for _ in range(PAGES):
            found = page(local[name])
            clock.took(name + ", another page")
            editor.variables(found[0]["variablesReference"])
            clock.took("one of its children")
    if evaluate("len(by_name) + shuffled[%d]['number'] * 0" % (count // 2)) != str(count):
        sys.exit("a wrong answer")
    clock.took("an item of shuffled")
    evaluate("sum(one['price'] for one in in_order[:10000])")
    clock.took("a sum over 10,000 dicts")
    times.setdefault("memory", []).append(editor.peak())
    held = editor.scope(frame, "Held by")["shuffled"]["variablesReference"]
    clock = Clock(times)
    editor.variables(held)
    clock.took("held by, first")
    editor.variables(held)
    clock.took("held by, again")
    editor.end()
    editor = Editor(heapsake, kept)
    held = editor.scope(editor.open(dump), "Held by")["shuffled"]["variablesReference"]
    clock = Clock(times)
    editor.variables(held)
    clock.took("held by, kept")
    editor.end()


def main():
    heapsake, count, dump, rounds = sys.argv[1:]
    told = dumped(heapsake, count, dump)
    times, chance = {}, random.Random(7)
    for _ in range(int(rounds)):
        with tempfile.TemporaryDirectory() as kept:
            session(heapsake, int(count), dump, kept, times, chance)
    print(json.dumps({"objects": told["objects"], "bytes": told["file_bytes"], "times": times}))


if __name__ == "__main__":
    main()
