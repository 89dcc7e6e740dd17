"""A client of the Debug Adapter Protocol for tests: messages out, answers by their numbers, events in their order.

Every message of the adapter is checked against the protocol's JSON schema where the caller gives it. Waiting is bounded.
"""
import json
import os
import queue
import socket
import subprocess
import threading

#: seconds after which an answer or an event is missed
PATIENCE = 120


class Gone(Exception):
    """The adapter ended, or does not answer."""


class Failed(Exception):
    """A request failed; the message is the adapter's."""

    def __init__(self, response):
        super().__init__(response.get("message", ""))
        self.response = response


class Client:
    """One connection."""

    def __init__(self, reader, writer, process=None, schema=None):
        self.reader, self.writer, self.process, self.schema = reader, writer, process, schema
        self.number, self.lock = 0, threading.Lock()
        self.arrived, self.answers, self.events, self.seen = threading.Condition(), {}, [], []
        self.ended, self.last = False, 0
        self.problems = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    @classmethod
    def start(cls, command, schema=None):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return cls(process.stdout, process.stdin, process, schema)

    @classmethod
    def connect(cls, host, port, schema=None):
        stream = socket.create_connection((host, port), PATIENCE).makefile("rwb")
        return cls(stream, stream, None, schema)

    def _message(self):
        length = None
        while True:
            line = self.reader.readline()
            if not line:
                return None
            if not line.strip():
                break
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                length = int(value)
        return json.loads(self.reader.read(length).decode("utf-8"))

    def _read(self):
        try:
            while True:
                message = self._message()
                if message is None:
                    break
                if message["seq"] != self.last + 1:
                    self.problems.put("message %s follows %s" % (message["seq"], self.last))
                self.last = message["seq"]
                if self.schema is not None:
                    for problem in self.schema(message):
                        self.problems.put(problem)
                with self.arrived:
                    self.seen.append(message)
                    if message["type"] == "response":
                        self.answers.setdefault(message["request_seq"], []).append(message)
                    else:
                        self.events.append(message)
                    self.arrived.notify_all()
        except (OSError, ValueError) as problem:
            self.problems.put("reading: %r" % problem)
        finally:
            with self.arrived:
                self.ended = True
                self.arrived.notify_all()

    def write(self, data):
        self.writer.write(data)
        self.writer.flush()

    def send(self, command, **arguments):
        """Sends a request; gives its number."""
        with self.lock:
            self.number += 1
            message = {"seq": self.number, "type": "request", "command": command}
            if arguments:
                message["arguments"] = arguments
            data = json.dumps(message).encode("utf-8")
            self.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
            return self.number

    def _until(self, found, what):
        with self.arrived:
            self.arrived.wait_for(lambda: found() or self.ended, PATIENCE)
            if not found():
                raise Gone("%s: %s" % (what, "the adapter ended" if self.ended else "nothing came"))

    def answer(self, number):
        """The response to a request, whatever it says."""
        self._until(lambda: number in self.answers, "request %s" % number)
        return self.answers[number][0]

    def ask(self, command, **arguments):
        """The body of the response; ``Failed`` where it is an error."""
        response = self.answer(self.send(command, **arguments))
        if response["command"] != command:
            self.problems.put("%s was answered by %s" % (command, response["command"]))
        if not response["success"]:
            raise Failed(response)
        return response.get("body", {})

    def event(self, name):
        """The body of the next event of this name; those before it are left for others."""
        find = lambda: next((at for at, event in enumerate(self.events) if event["event"] == name), None)
        self._until(lambda: find() is not None, "event %s" % name)
        return self.events.pop(find()).get("body", {})

    def open(self, dump, **client):
        """Initializes, launches and configures; gives the body of ``stopped``."""
        self.capabilities = self.ask("initialize", adapterID="heapsake", **client)
        self.ask("launch", type="heapsake", request="launch", dump=os.fspath(dump))
        self.event("initialized")
        self.ask("setBreakpoints", source={"path": "app.py"}, breakpoints=[{"line": 3}])
        self.ask("setExceptionBreakpoints", filters=[])
        self.ask("configurationDone")
        return self.event("stopped")

    def frames(self, thread, **page):
        return self.ask("stackTrace", threadId=thread, **page)["stackFrames"]

    def scopes(self, frame):
        return {scope["name"]: scope for scope in self.ask("scopes", frameId=frame)["scopes"]}

    def variables(self, reference, **page):
        return self.ask("variables", variablesReference=reference, **page)["variables"]

    def named(self, reference, **page):
        return {variable["name"]: variable for variable in self.variables(reference, **page)}

    def close(self):
        """Disconnects; gives what was wrong with messages."""
        self.ask("disconnect")
        self.event("terminated")
        self._until(lambda: self.ended, "the end")
        if self.process is not None:
            self.process.stdin.close()
            status = self.process.wait(PATIENCE)
            if status:
                self.problems.put("the adapter ended with %s" % status)
        problems = []
        while not self.problems.empty():
            problems.append(self.problems.get())
        return problems
