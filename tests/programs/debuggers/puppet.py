"""Stock debugpy shows the stacks of a dump to a client of its protocol: ``puppet.py FILE``.

The program's source is nowhere on this machine, and ``aside.py`` is another file by now.
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

from client import PATIENCE, Client

LINE = re.compile(r"debugpy listens on (\S+):(\d+); attach an IDE, in VS Code: \{.*\}$")


class Puppet:
    def __init__(self, path, *options):
        self.folder = tempfile.TemporaryDirectory()
        self.program = subprocess.Popen([sys.executable, "-I", "-m", "heapsake", "debug", "--debugpy", *options, "--", path],
                                        cwd=self.folder.name, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, start_new_session=True)
        said = self.program.stdout.readline().strip()
        found = LINE.match(said)
        assert found, "it said %r, %s" % (said, self.program.stderr.read() if not said else "")
        self.place = found.group(1), int(found.group(2))

    def attach(self, *filters):
        client = Client(*self.place)
        client.ask("initialize", adapterID="debugpy", linesStartAt1=True, columnsStartAt1=True, pathFormat="path", supportsVariableType=True)
        attached = client.send("attach", justMyCode=False, connect={"host": self.place[0], "port": self.place[1]})
        client.event("initialized")
        client.ask("setExceptionBreakpoints", filters=list(filters))
        client.ask("configurationDone")
        # the answer to attach comes after this
        assert client.answer(attached)["success"], client.answer(attached)
        return client, client.event("stopped")

    def end(self):
        # debugpy's adapter is a process of its own, in the same group
        os.killpg(self.program.pid, signal.SIGKILL)
        self.program.wait()
        self.program.stdout.close()
        self.program.stderr.close()
        self.folder.cleanup()


def eventually(ask, is_right):
    """A thread that stands stops at its next pulse: what is asked of it is asked again until then."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            found = ask()
            if is_right(found):
                return found
        except AssertionError:
            found = None
        assert time.monotonic() < until, "not so in time: %r" % (found,)
        time.sleep(0.05)


def stack(client, thread):
    return client.ask("stackTrace", threadId=thread, startFrame=0, levels=400)["stackFrames"]


def scope(client, frame, name):
    scopes = client.ask("scopes", frameId=frame["id"])["scopes"]
    return client.variables(next(each["variablesReference"] for each in scopes if each["name"] == name))


def crashed(client, stopped, shown):
    """The thread that the exception ended."""
    assert stopped["reason"] == "exception" and "ValueError" in stopped["text"], stopped
    assert stopped["allThreadsStopped"], stopped
    frames = stack(client, stopped["threadId"])
    names = [each["name"] for each in frames if not each["name"].startswith("[Chained")]
    assert names[:2] == ["handle", "main"] and names[-1] == "<module>", names
    found = scope(client, frames[0], "Locals")
    assert found["order"]["value"].startswith("<__main__.Order object at 0x"), found["order"]
    assert found["prices"]["value"] == "{'apple': 3, 'pear': 4}", found["prices"]
    assert "AssertionError" not in found["shout"]["value"], found["shout"]
    order = client.variables(found["order"]["variablesReference"])
    assert order["price"]["value"] == "5", order
    items = client.variables(found["big"]["variablesReference"])
    assert 10 < len(items) < 2000, len(items)
    found = scope(client, frames[0], "Globals")
    assert "HOSTILE" in found, found
    for expression, value in (("[order.price + each for each in range(2)]", "[5, 6]"), ("prices['pear']", "4"), ("sum(big)", "4999950000")):
        answer = client.ask("evaluate", frameId=frames[0]["id"], expression=expression, context="repl")
        assert answer["result"] == value, (expression, answer)
    refused = client.answer(client.send("evaluate", frameId=frames[0]["id"], expression="order.total()", context="repl"))
    assert "comes from a dump" in str(refused), refused
    told = client.ask("exceptionInfo", threadId=stopped["threadId"])
    assert told["breakMode"] == "unhandled" and "ValueError" in told["exceptionId"], told
    assert "AttributeError" in told["details"]["stackTrace"], told
    source = frames[0]["source"]
    assert source.get("sourceReference"), source
    text = client.ask("source", sourceReference=source["sourceReference"], source=source)["content"]
    assert text == shown, (len(text), len(shown))
    yield frames


def others(client, stopped):
    """Threads and tasks beside it stopped too, where they stood."""
    threads = {each["name"]: each["id"] for each in client.ask("threads")["threads"]}
    assert "worker-1" in threads and "MainThread" in threads, threads
    assert any("not of the program" in name for name in threads), threads
    assert not any(name.startswith("Dummy") for name in threads), threads
    pending = [number for name, number in threads.items() if name.endswith("(pending task)")]
    assert len(pending) == 3, threads
    frames = stack(client, threads["worker-1"])
    worker = next(each for each in frames if each["name"] == "worker")
    assert "(of the dump)" in worker["source"]["path"], worker
    text = client.ask("source", sourceReference=worker["source"]["sourceReference"], source=worker["source"])["content"]
    assert "changed meanwhile" not in text and "stop.wait()" in text, text
    found = eventually(lambda: scope(client, worker, "Locals"), lambda found: "orders" in found)
    assert found["orders"]["value"] == "['in the thread', 1, 2]", found
    frames = stack(client, pending[0])
    assert [each["name"] for each in frames][:2] == ["leaf", "middle"], frames
    found = eventually(lambda: scope(client, frames[0], "Locals"), lambda found: "secret" in found)
    assert int(found["secret"]["value"]) % 11 == 0, found


def goes_on(client, stopped, command):
    client.ask(command, threadId=stopped["threadId"])
    again = client.event("stopped")
    assert again["reason"] == stopped["reason"], again
    assert any("a dump does not run" in event["body"]["output"] for event in client.seen if event["event"] == "output")
    names = [each["name"] for each in stack(client, again["threadId"])]
    return again, names


def check(path, shown):
    puppet = Puppet(path)
    try:
        client, stopped = puppet.attach("uncaught")
        frames = next(crashed(client, stopped, shown))
        others(client, stopped)
        again, names = goes_on(client, stopped, "continue")
        assert names == [each["name"] for each in frames], names
        again, names = goes_on(client, again, "next")
        client.ask("disconnect", terminateDebuggee=False)
        client.close()
        # another session, of an IDE that does not stop for exceptions
        client, stopped = puppet.attach()
        assert stopped["reason"] == "breakpoint", stopped
        names = [each["name"] for each in stack(client, stopped["threadId"])]
        assert names[:2] == ["handle", "main"], names
        assert any("ValueError" in event["body"]["output"] for event in client.seen if event["event"] == "output"), client.seen
        client.close()
    finally:
        puppet.end()
    puppet = Puppet(path, "--thread", "worker-1", "--listen", "127.0.0.1:0")
    try:
        client, stopped = puppet.attach("uncaught")
        assert stopped["reason"] == "breakpoint", stopped
        frames = stack(client, stopped["threadId"])
        assert "worker" in [each["name"] for each in frames], frames
        again, names = goes_on(client, stopped, "continue")
        assert names == [each["name"] for each in frames], names
        client.close()
    finally:
        puppet.end()


def main():
    path = sys.argv[1]
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "program.py"), encoding="utf-8") as file:
        shown = file.read()
    try:
        check(path, shown)
    except AssertionError as problem:
        import traceback

        print("PROBLEM the puppet on %s: %s%s" % (path, str(problem)[:3000].replace("\n", "\n    "),
                                                 traceback.format_exc()[-800:].replace("\n", "\n    ")))
    print("checked 1")


if __name__ == "__main__":
    main()
