"""What a user waits for, and does not want any more: cancelled evaluations, progress of what reads the whole dump; and names
that objects have in each frame that shows them.  ``asking.py`` calls these with a client that has opened the dump of ``crash.py``.
"""

#: takes its whole time, in steps of some milliseconds, and keeps nothing
ENDLESS = "any(x * x < 0 for x in [3 ** 2000000] for one in range(100000))"
#: the same, with the longer time of what asks for the graph
LONG = ENDLESS[:-1] + " if 'refs(')"


def cancelled(client, frame, expect):
    """A cancelled evaluation is answered at once, and whatever waits behind it soon: before another one's time is over."""
    send = lambda text, context: client.send("evaluate", expression=text, frameId=frame["id"], context=context)

    def cancel(number):
        client.ask("cancel", requestId=number)
        answer = client.answer(number)
        expect(answer["success"] is False and answer["message"] == "cancelled", answer)

    others = [send(LONG, "watch") for _ in range(3)]
    console, behind = send(ENDLESS, "repl"), send("1 + 1", "repl")
    cancel(console)
    expect(client.answer(behind)["body"]["result"] == "2", client.answer(behind))
    # all threads for long requests are taken: this one waits for the first of them
    watch = send("2 + 2", "watch")
    cancel(others[0])
    expect(client.answer(watch)["body"]["result"] == "4", client.answer(watch))
    early = [number for number in others[1:] if number in client.answers]
    expect(not early, "an evaluation ended before those that waited: %s" % [client.answers[number] for number in early])
    for number in others[1:]:
        cancel(number)
    expect(client.ask("cancel", progressId="reading 0") == {}, "a cancel of no progress")
    # the end does not wait for this one
    return send(ENDLESS, "repl")


def progress(client, scopes, shows, expect):
    """The search for tasks and the graph are told to a client that shows progress, from start to end."""
    told = lambda: [message["body"] for message in client.seen if str(message.get("event")).startswith("progress")]
    held = client.named(scopes["Held by"]["variablesReference"])
    asked = client.send("variables", variablesReference=held["order"]["variablesReference"])
    client.answer(asked)
    if not shows:
        expect(told() == [], told())
        return
    ended = [client.event("progressEnd")["progressId"] for _ in range(2)]
    expect(ended[0] == "tasks" and ended[1].startswith("reading "), ended)
    tasks = [one for one in told() if one["progressId"] == ended[0]]
    expect(len(tasks) == 2 and tasks[0]["title"] == "looking for tasks", tasks)
    reading = [one for one in told() if one["progressId"] == ended[1]]
    expect(reading[0]["title"] == "reading the dump" and reading[0]["cancellable"] is True, reading[0])
    expect(reading[0]["requestId"] == asked and "title" not in reading[-1], reading)
    percents = [one["percentage"] for one in reading[:-1]]
    expect(percents == sorted(set(percents)) and percents[0] == 0 and percents[-1] <= 100, percents)
    # it is read once
    client.variables(held["order"]["variablesReference"])
    expect(len(told()) == len(tasks) + len(reading), told())


def names(client, expect):
    """An object that two frames call differently has in each the name of that frame, whatever was looked at before."""
    frames = {frame["name"]: frame for frame in client.frames(1)}

    def children(frame, variable):
        local = client.named(client.scopes(frames[frame]["id"])["Locals"]["variablesReference"])
        return local[variable], client.variables(local[variable]["variablesReference"])

    for _ in range(2):
        for frame, variable in (("crash", "options"), ("start", "settings")):
            whole, parts = children(frame, variable)
            expect(whole["evaluateName"] == variable, whole)
            expect([one["evaluateName"] for one in parts] == ["%s['rates']" % variable], parts)
            deeper = client.variables(parts[0]["variablesReference"])
            expect([one["evaluateName"] for one in deeper] == ["%s['rates'][%d]" % (variable, at) for at in (0, 1)], deeper)
            for one in deeper + parts + [whole]:
                found = client.ask("evaluate", expression=one["evaluateName"], frameId=frames[frame]["id"])
                expect(found["result"] == one["value"], (found, one))


def many(client, local, expect):
    """Named children come a thousand at a time, and say how many more there are."""
    node, seen = local["wide"]["variablesReference"], []
    for more in ("… 1,500 more", "… 500 more", None):
        children = client.variables(node, filter="named")
        if more is not None:
            expect(children[-1]["name"] == more and len(children) == 1001, children[-1])
            node = children.pop()["variablesReference"]
        seen += children
    expect([one["evaluateName"] for one in seen] == ["wide.name_%d" % at for at in range(2500)], seen[-2:])
