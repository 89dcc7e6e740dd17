"""A client of the Debug Adapter Protocol, as small as an IDE's is for one session: requests, answers, events."""
import json
import os
import queue
import socket
import threading

#: seconds that an answer or an event may take
PATIENCE = int(os.environ.get("HEAPSAKE_TEST_PATIENCE", "120"))


class Client:
    def __init__(self, host, port):
        self.connection = socket.create_connection((host, port), PATIENCE)
        self.connection.settimeout(None)
        self.stream, self.number = self.connection.makefile("rb"), 0
        self.answers, self.events, self.seen = {}, queue.Queue(), []
        self.arrived = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            length = 0
            try:
                line = self.stream.readline()
                while line.strip():
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                    line = self.stream.readline()
                body = self.stream.read(length)
            except OSError:
                body = b""
            if not body:
                self.events.put(None)
                with self.arrived:
                    self.answers[None] = {"success": False, "message": "the connection ended"}
                    self.arrived.notify_all()
                return
            message = json.loads(body.decode())
            if message["type"] == "event":
                self.seen.append(message)
                self.events.put(message)
            elif message["type"] == "response":
                with self.arrived:
                    self.answers[message["request_seq"]] = message
                    self.arrived.notify_all()

    def send(self, command, **arguments):
        self.number += 1
        body = json.dumps({"seq": self.number, "type": "request", "command": command, "arguments": arguments}).encode()
        self.connection.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return self.number

    def answer(self, number):
        with self.arrived:
            if not self.arrived.wait_for(lambda: number in self.answers or None in self.answers, PATIENCE):
                raise AssertionError("no answer to request %d" % number)
            return self.answers.get(number) or self.answers[None]

    def ask(self, command, **arguments):
        """The body of the answer to a request, which must succeed."""
        answer = self.answer(self.send(command, **arguments))
        assert answer["success"], (command, arguments, answer)
        return answer.get("body") or {}

    def event(self, name):
        """The body of the next event of this name."""
        while True:
            try:
                message = self.events.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError("no event %s" % name) from None
            assert message is not None, "the connection ended before %s" % name
            if message["event"] == name:
                return message.get("body") or {}

    def variables(self, reference):
        return {each["name"]: each for each in self.ask("variables", variablesReference=reference)["variables"]}

    def close(self):
        self.connection.close()
