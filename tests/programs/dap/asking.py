"""Asks ``heapsake dap`` everything about a dump, as an editor that pages and as one that does not; prints each PROBLEM.

asking.py HEAPSAKE KIND DUMP: kind is ``crash``, ``deep``, ``damaged``, ``errors``, ``group``, ``waiting``.
The last line counts the messages.
"""
import base64
import os
import socket
import subprocess
import sys
import traceback

import waiting
from client import Client, Failed, Gone
from schema import checker

PAGING = {"supportsVariablePaging": True, "supportsMemoryReferences": True, "supportsVariableType": True,
          "linesStartAt1": True, "columnsStartAt1": True}
PLAIN = {"linesStartAt1": True, "columnsStartAt1": True}
#: what no editor and no terminal may be given
ACTED_ON = [chr(code) for code in [*range(32), 127, 0x202e, 0x200b]]
STEPS = ["continue", "next", "stepIn", "stepOut", "stepBack", "reverseContinue", "pause", "goto", "restartFrame", "restart",
         "terminateThreads"]


def expect(good, what):
    if not good:
        frame = sys._getframe(1)
        print("PROBLEM %s:%d: %s" % (frame.f_code.co_name, frame.f_lineno, str(what)[:600].replace("\n", " ")))


def refused(client, words, command, **arguments):
    try:
        body = client.ask(command, **arguments)
        expect(False, "%s was answered: %s" % (command, body))
    except Failed as failed:
        expect(words in str(failed), "%s: %s" % (command, failed))


def by_name(variables):
    return {variable["name"]: variable for variable in variables}


def clean(variables):
    for one in variables:
        for text in (one["name"], one["value"], one.get("type", "")):
            expect(not any(letter in text for letter in ACTED_ON), "a name or value is acted on: %r" % text)
        expect(len(one["value"]) <= 201, "a value of %d characters" % len(one["value"]))
        expect("readOnly" in one["presentationHint"]["attributes"], "%s could be written" % one["name"])


# -- a crash


def crash(client, pages):
    stopped = client.open(sys.argv[3], **(PAGING if pages else PLAIN))
    expect(stopped["reason"] == "exception" and stopped["text"] == "ValueError", stopped)
    expect(stopped["threadId"] == 1 and stopped["allThreadsStopped"] is True, stopped)
    expect("no price" in stopped["description"], stopped)
    stacks(client)
    frame = client.frames(1, startFrame=0, levels=1)[0]
    scopes = client.scopes(frame["id"])
    local = client.variables(scopes["Locals"]["variablesReference"])
    clean(local)
    expect(len(local) == scopes["Locals"]["namedVariables"], "%d locals" % len(local))
    local = by_name(local)
    values(client, local, pages)
    (paged if pages else unpaged)(client, local)
    other_scopes(client, scopes, frame)
    exception(client)
    sources(client)
    memory(client, local, pages)
    expressions(client, frame, local)
    surroundings(client)
    dead(client)
    hostile_numbers(client)


def every_thread(client):
    """Threads, tasks and generators: those may be found after the first answer, which an event tells."""
    threads = client.ask("threads")["threads"]
    if not any(" · generator" in thread["name"] for thread in threads):
        expect(client.event("thread")["reason"] == "started", "a thread that did not start")
        again = client.event("stopped")
        expect(again["preserveFocusHint"] is True and again["allThreadsStopped"] is True, again)
        threads = client.ask("threads")["threads"]
    return threads


def stacks(client):
    threads = every_thread(client)
    expect([thread["id"] for thread in threads] == list(range(1, len(threads) + 1)), threads)
    names = [thread["name"] for thread in threads]
    expect(names[0].startswith("MainThread · ") and names[0].endswith(" · ValueError"), names)
    for part in ("waiter · ", " · task, pending", "counting.<locals>.steps · 1 frame · generator"):
        expect(sum(part in name for name in names) >= 1, "%r in %s" % (part, names))
    for thread in threads:
        whole = client.ask("stackTrace", threadId=thread["id"])
        frames, total = whole["stackFrames"], whole["totalFrames"]
        expect(len(frames) == total > 0, "%s: %d of %d" % (thread, len(frames), total))
        pages = [frame for start in range(0, total, 2) for frame in client.frames(thread["id"], startFrame=start, levels=2)]
        expect(pages == frames, "pages of %s" % thread)
        expect(client.frames(thread["id"], startFrame=total, levels=20) == [], "frames beyond the end")
        expect(len(client.frames(thread["id"], startFrame=0, levels=0)) == total, "0 levels are all")
        for frame in frames:
            scopes = client.ask("scopes", frameId=frame["id"])["scopes"]
            label = frame.get("presentationHint") == "label"
            expect(label or scopes[0]["name"] == "Locals", scopes)
            for scope in scopes:
                if not scope["expensive"]:
                    clean(client.variables(scope["variablesReference"]))
    main = client.frames(1)
    expect([frame["name"] for frame in main][:1] == ["crash"], main[:1])
    expect(any(frame.get("presentationHint") == "subtle" and frame["source"]["presentationHint"] == "deemphasize"
               for frame in main), "no frame of a library stands back")
    expect(any(frame.get("presentationHint") == "label" and "its callers" in frame["name"] for frame in main), "no seam")
    idle = client.frames(next(thread["id"] for thread in threads if thread["name"].startswith("idle · ")))
    expect(idle and all(frame.get("presentationHint") == "normal" for frame in idle), "all of a thread stands back")
    named = client.frames(1, format={"module": True, "line": True}, levels=1)[0]["name"]
    expect(named == "crash!crash:%d" % main[0]["line"], named)
    task = next(thread for thread in threads if "task" in thread["name"])
    inner = client.frames(task["id"])[0]
    local = client.named(client.scopes(inner["id"])["Locals"]["variablesReference"])
    expect(inner["name"] == "fetch" and local["url"]["value"] == "'http://example.org/prices'", local)
    generator = next(thread for thread in threads if "counting" in thread["name"])
    scopes = client.scopes(client.frames(generator["id"])[0]["id"])
    local, closure = [client.named(scopes[name]["variablesReference"]) for name in ("Locals", "Closure")]
    expect(local["number"]["value"] == "0" and set(closure) == {"many", "step"}, (local, closure))
    expect(closure["many"]["value"] == "3", closure)


def values(client, local, pages):
    expect(local["order"]["type"] == "__main__.Order" and local["order"]["variablesReference"] > 0, local["order"])
    order = client.named(local["order"]["variablesReference"])
    expect(order["items"]["evaluateName"] == "order.items" and order["price"]["value"] == "None", order)
    items = client.variables(order["items"]["variablesReference"])
    expect([item["value"] for item in items] == ["1", "2", "3"], items)
    expect(items[1]["evaluateName"] == "order.items[1]", items)
    hexadecimal = client.variables(order["items"]["variablesReference"], format={"hex": True})
    expect([item["value"] for item in hexadecimal] == ["0x1", "0x2", "0x3"], hexadecimal)
    itself = client.variables(local["loop"]["variablesReference"])
    expect(itself[0]["variablesReference"] == local["loop"]["variablesReference"], itself)
    small = client.named(local["small"]["variablesReference"])
    expect(small["'apple'"]["value"] == "1" and small["2"]["value"] == "'two'" and small["None"]["value"] == "4", small)
    expect(small["'apple'"]["evaluateName"] == "small['apple']", small)
    pair = client.named(small["(1, 2)"]["variablesReference"])
    expect(pair["key"]["type"] == "tuple" and pair["value"]["type"] == "list", pair)
    expect(len(client.variables(local["chosen"]["variablesReference"])) == 2, "a set of 2")
    expect("redacted" in local["password"]["value"], local["password"])
    expect("str of 100,000" in local["long"]["value"] and local["long"]["variablesReference"] == 0, local["long"])
    expect("list of 100,000" in local["big"]["value"], local["big"])
    tagged = by_name(client.variables(local["tagged"]["variablesReference"]))
    expect(tagged["colour"]["value"] == "'red'" and list(tagged).index("colour") < list(tagged).index("[0]"), list(tagged)[:5])
    numbers = client.variables(local["numbers"]["variablesReference"])
    expect([one["value"] for one in numbers if one["name"] == "[999]"] == ["999"], "an array: %s" % numbers[-2:])


def paged(client, local):
    for name in ("big", "table"):
        reference, total = local[name]["variablesReference"], 100000
        expect(local[name]["indexedVariables"] == total and "namedVariables" not in local[name], local[name])
        for start in (0, 50000, total - 100):
            page = client.variables(reference, filter="indexed", start=start, count=100)
            expect([one["value"] for one in page] == [str(start + at) for at in range(100)], page[:2])
        expect(client.variables(reference, filter="indexed", start=total, count=100) == [], "beyond the end")
        expect(len(client.variables(reference, filter="indexed", start=total - 5, count=100)) == 5, "the last five")
        expect(client.variables(reference, filter="named") == [], "named ones of a %s" % name)
    entry = client.variables(local["table"]["variablesReference"], filter="indexed", start=70000, count=1)[0]
    expect((entry["name"], entry["evaluateName"]) == ("[70000] 'key 70000'", "table['key 70000']"), entry)
    reference = local["tagged"]["variablesReference"]
    named = client.variables(reference, filter="named")
    expect(len(named) == local["tagged"]["namedVariables"] > 0, local["tagged"])


def unpaged(client, local):
    for name in ("big", "table"):
        children = client.variables(local[name]["variablesReference"])
        expect(len(children) == 1001 and children[-1]["name"] == "… 99,000 more", children[-1])
        ranges = client.variables(children[-1]["variablesReference"])
        expect(len(ranges) == 99 and ranges[-1]["name"] == "[99000…99999]", ranges[-1:])
        last = client.variables(ranges[-1]["variablesReference"])
        expect(len(last) == 1000 and last[-1]["value"] == "99999", last[-1:])
        expect(last[-1]["evaluateName"] == ("big[99999]" if name == "big" else "table['key 99999']"), last[-1])


def other_scopes(client, scopes, frame):
    expect(scopes["Globals"]["expensive"] and scopes["Held by"]["expensive"], scopes)
    names = client.variables(scopes["Globals"]["variablesReference"])
    clean(names)
    expect("Order" in by_name(names), names[:5])
    expect(by_name(names)["__name__"]["presentationHint"].get("visibility") == "internal", by_name(names)["__name__"])
    expect([one["name"] for one in names if "name\\u{7}" in one["name"]], "the hostile name is not there, escaped")
    chain = [one["type"] for one in client.variables(scopes["Exception"]["variablesReference"])]
    expect(chain == ["ValueError", "AttributeError", "KeyError"], chain)
    inner = client.ask("evaluate", expression="0", frameId=frame["id"])
    expect(inner["result"] == "0", inner)
    # while the graph is made, short requests are answered
    held = client.named(scopes["Held by"]["variablesReference"])
    expect(held["order"]["presentationHint"].get("lazy") is True, held["order"])
    slow = client.send("variables", variablesReference=held["order"]["variablesReference"])
    client.ask("threads")
    found = client.answer(slow)["body"]["variables"]
    expect(len(found) == 1 and "object" in found[0]["value"], found)
    holders = client.variables(found[0]["variablesReference"])
    expect(any(one["name"] == "root" and one["value"].endswith("/order") for one in holders), holders)
    holder = next(one for one in holders if one["variablesReference"])
    parts = client.named(holder["variablesReference"])
    expect(set(parts) == {"object", "held by"} and parts["held by"]["presentationHint"]["lazy"], parts)


def exception(client):
    information = client.ask("exceptionInfo", threadId=1)
    expect(information["exceptionId"] == "ValueError" and information["breakMode"] == "unhandled", information)
    details, seen = information["details"], []
    while details:
        seen.append(details["typeName"])
        details = (details.get("innerException") or [None])[0]
    expect(seen == ["ValueError", "AttributeError", "KeyError"], seen)
    expect('crash.py", line' in information["details"]["stackTrace"], information)
    expect("<heapsake run>" not in str(information), information)
    refused(client, "no exception", "exceptionInfo", threadId=2)


def sources(client):
    frames = client.frames(1)
    own = next(frame for frame in frames if frame["name"] == "crash")["source"]
    expect(own["origin"] == "from the dump" and own["name"] == "crash.py" and os.path.isabs(own["path"]), own)
    text = client.ask("source", source=own, sourceReference=own["sourceReference"])
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "crash.py")
    with open(here, encoding="utf-8", newline="") as file:
        expect(text["content"] == file.read() and text["mimeType"] == "text/x-python", text["content"][:80])
    unseen = next(frame for frame in frames if frame["name"] == "unseen")["source"]
    refused(client, "the dump has no text of nowhere/unseen.py", "source", sourceReference=unseen["sourceReference"])
    refused(client, "no source has the number 99999", "source", sourceReference=99999)
    loaded = client.ask("loadedSources")["sources"]
    expect(any(source["name"] == "crash.py" for source in loaded), loaded[:3])


def memory(client, local, pages):
    data = local["data"]
    expect(("memoryReference" in data) is pages, data)
    reference = data.get("memoryReference")
    if reference is None:
        return
    read = client.ask("readMemory", memoryReference=reference, count=20)
    expect(base64.b64decode(read["data"]) == b"\x00\x01hello\x00\x01hello\x00\x01hell" and "unreadableBytes" not in read, read)
    read = client.ask("readMemory", memoryReference=reference, offset=690, count=50)
    expect(len(base64.b64decode(read["data"])) == 10 and read["unreadableBytes"] == 40, read)
    for offset, count in ((1 << 40, 5), (-3, 2), (0, 0)):
        read = client.ask("readMemory", memoryReference=reference, offset=offset, count=count)
        expect(not read.get("data") and read.get("unreadableBytes", 0) == count, read)
    refused(client, "no memory is called", "readMemory", memoryReference="object:999999999", count=1)
    refused(client, "no memory is called", "readMemory", memoryReference="0x1234", count=1)


def expressions(client, frame, local):
    ask = lambda text, **more: client.ask("evaluate", expression=text, frameId=frame["id"], **more)
    for context in ("watch", "repl", "hover", "clipboard", "variables"):
        found = ask("order.items", context=context)
        expect(found["result"] == "[1, 2, 3]" and len(client.variables(found["variablesReference"])) == 3, found)
    expect(ask("len(big) + small[2].count('t')")["result"] == "100001", "arithmetic")
    made = ask("[item * 2 for item in order.items]")
    expect(made["result"] == "[2, 4, 6]" and len(client.variables(made["variablesReference"])) == 3, made)
    again = [ask("[item * at for item in order.items for at in [3]]") for _ in range(3)]
    expect(len({one["variablesReference"] for one in again}) == 1, again)
    expect(ask("[1, 2][0]")["variablesReference"] == 0, "what has no parts")
    nested = client.variables(ask("[[1, [2]], 3]")["variablesReference"])
    deeper = client.variables(client.variables(nested[0]["variablesReference"])[1]["variablesReference"])
    expect([one["value"] for one in deeper] == ["2"] and nested[1]["variablesReference"] == 0, nested)
    expect(ask("refs(order)")["variablesReference"] > 0, "refs")
    expect(ask("path(order)")["variablesReference"] > 0, "path")
    expect(len(ask("long", context="clipboard")["result"]) > 100000, "the clipboard gets all")
    typed = ("a = 20", "b = a + 1", "b * 2")
    console = [client.send("evaluate", expression=text, frameId=frame["id"], context="repl") for text in typed]
    expect([client.answer(number)["body"]["result"] for number in console] == ["", "", "42"], "names in the console")
    expect(ask("_ + a", context="watch")["result"] == "62", "names of the console in a watch")
    for name in ("big", "small", "order"):
        expect(ask(local[name]["evaluateName"])["result"][:20] == local[name]["value"][:20], name)
    for wrong in ("nothing_here", "1 +", "order.missing", "big[100000]", "__import__('os')", "order()"):
        try:
            expect(False, ask(wrong))
        except Failed as failed:
            expect(str(failed) and "\n" not in str(failed), failed)
    endless = client.send("evaluate", expression="[0 for one in range(10 ** 12)]", frameId=frame["id"])
    client.ask("cancel", requestId=endless)
    expect(client.answer(endless).get("message") == "cancelled", client.answer(endless))
    targets = client.ask("completions", text="order.it", column=9, frameId=frame["id"])["targets"]
    expect([one["label"] for one in targets] == ["items"] and (targets[0]["start"], targets[0]["length"]) == (7, 2), targets)
    labels = [one["label"] for one in client.ask("completions", text="ord", column=4, frameId=frame["id"])["targets"]]
    expect("order" in labels and "ord" in labels, labels)


def surroundings(client):
    modules = client.ask("modules")
    expect(modules["totalModules"] == len(modules["modules"]) > 20, modules["totalModules"])
    some = client.ask("modules", startModule=3, moduleCount=2)["modules"]
    expect(some == modules["modules"][3:5], some)
    main = next(module for module in modules["modules"] if module["name"] == "__main__")
    expect(main["isUserCode"] and main["path"].endswith("crash.py") and main["version"] == "1.2", main)


def dead(client):
    many = client.ask("setFunctionBreakpoints", breakpoints=[{"name": "f"}] * 10005)["breakpoints"]
    expect(len(many) == 10000, "%d breakpoints" % len(many))
    for command in STEPS:
        refused(client, "a dump does not run", command, threadId=1)
    for command in ("setVariable", "setExpression", "writeMemory"):
        refused(client, "a dump does not change", command, name="x", value="1", variablesReference=1)
    refused(client, "not supported: disassemble", "disassemble", memoryReference="0")
    points = client.ask("setBreakpoints", source={"path": "x.py"}, breakpoints=[{"line": 1}, {"line": 2}])["breakpoints"]
    expect([(one["verified"], one["message"]) for one in points] == [(False, "a dump does not run")] * 2, points)
    expect(len(client.ask("setFunctionBreakpoints", breakpoints=[{"name": "f"}])["breakpoints"]) == 1, "function breakpoints")
    expect(len(client.ask("setExceptionBreakpoints", filters=["a", "b"])["breakpoints"]) == 2, "exception breakpoints")
    refused(client, "open already", "launch", dump=sys.argv[3])


def hostile_numbers(client):
    for number in (0, -1, 7 << 28, 1 << 62, -(1 << 62)):
        refused(client, "has the number", "variables", variablesReference=number)
        refused(client, "has the number", "scopes", frameId=number)
        refused(client, "has the number", "stackTrace", threadId=number)
    client.answer(client.send("completions", text="a", column=-(1 << 63), line=-(1 << 63)))
    refused(client, "the arguments of variables", "variables", variablesReference="one")
    refused(client, "the arguments of scopes", "scopes")
    expect(client.ask("cancel", requestId=123456) == {}, "a cancel of nothing")


# -- what a user waits for, in the dump of a crash


def wait(client, pages):
    client.open(sys.argv[3], **(dict(PAGING, supportsProgressReporting=True) if pages else PLAIN))
    frame = client.frames(1, startFrame=0, levels=1)[0]
    scopes = client.scopes(frame["id"])
    waiting.progress(client, scopes, pages, expect)
    waiting.names(client, expect)
    waiting.many(client, client.named(scopes["Locals"]["variablesReference"]), expect)
    left = waiting.cancelled(client, frame, expect)
    for problem in client.close():
        expect(False, problem)
    expect(client.answer(left)["message"] == "cancelled", client.answer(left))


# -- fifty thousand frames


def deep(client, pages):
    stopped = client.open(sys.argv[3], **(PAGING if pages else PLAIN))
    expect(stopped["text"] == "RuntimeError", stopped)
    threads = client.ask("threads")["threads"]
    expect(threads[0]["name"].startswith("deep · 50,00"), threads)
    page = client.ask("stackTrace", threadId=1, startFrame=0, levels=20)
    total = page["totalFrames"]
    expect(total >= 49999 and len(page["stackFrames"]) == 20, total)
    if not pages:
        every = client.ask("stackTrace", threadId=1)["stackFrames"]
        expect(len(every) == total and len({frame["id"] for frame in every}) == total, len(every))
    last = client.frames(1, startFrame=total - 3, levels=3)
    expect(last[-1]["name"].endswith("_bootstrap"), last)
    middle = client.frames(1, startFrame=25000, levels=1)[0]
    local = client.named(client.scopes(middle["id"])["Locals"]["variablesReference"])
    expect(local["depth"]["value"].isdigit(), local)
    depth = client.ask("evaluate", expression="depth", frameId=middle["id"])["result"]
    expect(depth == local["depth"]["value"], depth)


# -- groups of exceptions


def group(client, pages):
    client.open(sys.argv[3], **(PAGING if pages else PLAIN))
    information = client.ask("exceptionInfo", threadId=1)
    if information["exceptionId"] == "NameError":
        return  # no groups before Python 3.11
    found, left = [], [information["details"]]
    while left:
        one = left.pop()
        found.append(one["message"])
        left.extend(one.get("innerException", []))
    expect(len(found) == 100 and len(str(information)) < 1 << 20, "%d exceptions" % len(found))
    for message in ("leaf", "level 0 (", "caused by: 'price'"):
        expect(sum(one.startswith(message) for one in found) == 1, "%s: %s" % (message, found[:9]))
    expect("<heapsake run>" not in str(information), information["details"]["stackTrace"])


# -- a damaged dump: whatever is asked is answered


def damaged(client, pages):
    stopped = client.open(sys.argv[3], **(PAGING if pages else PLAIN))
    expect(stopped["reason"] in ("exception", "pause"), stopped)
    threads = client.ask("threads")["threads"]
    expect(threads, "no thread, not even one that says so")
    for thread in threads:
        for frame in client.frames(thread["id"], startFrame=0, levels=30):
            for scope in client.ask("scopes", frameId=frame["id"])["scopes"]:
                variables = client.variables(scope["variablesReference"])
                clean(variables)
                for variable in variables[:40]:
                    if variable["variablesReference"]:
                        clean(client.variables(variable["variablesReference"], start=0, count=50))
            source = frame.get("source")
            if source:
                client.answer(client.send("source", sourceReference=source["sourceReference"]))
            client.answer(client.send("evaluate", expression="order", frameId=frame["id"]))
    for command in ("modules", "loadedSources"):
        client.ask(command)
    client.answer(client.send("exceptionInfo", threadId=1))
    told = [message["body"]["output"] for message in client.seen if message.get("event") == "output"]
    expect(any(line.startswith("damaged: ") for line in told), "nothing is said of the damage")


# -- what cannot be opened, and what is no message


def errors(client, pages):
    client.ask("initialize", adapterID="heapsake")
    dump = os.path.abspath(sys.argv[3])
    refused(client, "no dump is open", "threads")
    for path, words in ((dump + ".missing", "no such file"), (os.path.abspath(__file__), "not a heapsake dump"),
                        (os.path.dirname(dump), "is a folder"), ("", "no dump is named")):
        refused(client, words, "launch", dump=path)
    refused(client, "no dump is named", "attach", dump=["a"])
    refused(client, "no dump is named", "attach")
    client.ask("attach", dump=dump)
    client.event("initialized")
    client.ask("configurationDone")
    client.event("stopped")


def garbage(heapsake, check):
    def said(data):
        ended = subprocess.run([heapsake, "dap"], input=data, stdout=subprocess.PIPE, timeout=120)
        expect(ended.returncode == 0, "%r: it ended with %s" % (data[:40], ended.returncode))
        return ended.stdout.decode("utf-8")

    for data, words in ((b"hello\n", "no header"), (b"Content-Length: x\r\n\r\n", "no number"), (b"\r\n", "no Content-Length"),
                        (b"Content-Length: 3\r\n\r\n{]}", "no JSON"), (b"Content-Length: 2\r\n\r\n[]", "a JSON object"),
                        (b"Content-Length: 99999999999\r\n\r\n", "longer than"),
                        (b"Content-Length: 4\r\n\r\n\xff\xfe\xfd\xfc", "no JSON")):
        answer = said(data)
        expect(words in answer and '"success":false' in answer, "%r: %s" % (data, answer))
    expect(said(b"") == "" and said(b"Content-Length: 10\r\n\r\n{}") == "", "what ends is answered")
    listening = subprocess.Popen([heapsake, "dap", "--listen", "0"], stdout=subprocess.PIPE)
    try:
        words = listening.stdout.readline().decode().split()
        host, port = words[-1].rsplit(":", 1)
        expect(words[:2] == ["listening", "on"] and host == "127.0.0.1" and int(port) > 0, words)
        with socket.create_connection((host, int(port))) as broken:
            broken.sendall(b"nonsense\r\n\r\n")
        clients = [Client.connect(host, int(port), check) for _ in range(2)]
        for client in clients:
            client.open(sys.argv[3])
            expect(client.frames(1, levels=1), "no frame over a port")
        for client in clients:
            for problem in client.close():
                expect(False, problem)
    finally:
        listening.kill()
        listening.wait()


KINDS = {"crash": crash, "deep": deep, "damaged": damaged, "errors": errors, "group": group, "waiting": wait}


def main():
    heapsake, kind = sys.argv[1:3]
    try:
        check = checker()
    except ImportError as missing:
        if os.environ.get("CI"):
            raise
        print("not checked against the protocol's schema: %s" % missing)
        check = None
    count = 0
    for pages in (True, False):
        client = Client.start([heapsake, "dap"], check)
        try:
            KINDS[kind](client, pages)
            for problem in client.close() if kind != "waiting" else ():
                expect(False, problem)
        except (Failed, Gone, LookupError, TypeError, ValueError, StopIteration):
            print("PROBLEM " + traceback.format_exc().replace("\n", "\n    "))
            client.process.kill()
        count += len(client.seen)
    if kind == "errors":
        garbage(heapsake, check)
    print("%d messages" % count)


if __name__ == "__main__":
    main()
