"""The shop behind web servers: clients ask, and what they get must be the same."""
import http.client
import os
import signal
import socket
import subprocess
import sys

import driven


def ask(port, path):
    """An answer, as text; also one that breaks off."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=driven.PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        try:
            body = answer.read()
        except http.client.IncompleteRead as problem:
            body = problem.partial + b" ..."
        headers = sorted((name, value) for name, value in answer.getheaders() if name.lower() != "date")
        return "%d %s %s" % (answer.status, headers, body)
    except (http.client.HTTPException, ConnectionError) as problem:
        return type(problem).__name__
    finally:
        connection.close()


class Server:
    """A server behind a socket that is made here, so that no port is taken twice."""

    def __init__(self, run, command):
        self.run = run
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(16)
        os.set_inheritable(self.listener.fileno(), True)
        self.port = self.listener.getsockname()[1]
        self.log = open(os.path.join(run.home, "log"), "w+")
        self.process = subprocess.Popen(command(self.listener.fileno()), cwd=run.home, env=run.environment(), stdout=self.log, stderr=self.log,
                                        pass_fds=[self.listener.fileno()])

    def __enter__(self):
        return self

    def said(self):
        with open(self.log.name) as file:
            return file.read()

    def ask(self, path):
        self.run.see(path, ask(self.port, path))

    def __exit__(self, *failure):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(driven.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.listener.close()
        self.log.close()
        self.run.see("status", str(status))
        self.run.see("stderr", self.said().replace(":%d" % self.port, ":PORT"))


def gunicorn(fd):
    return [os.path.join(driven.BIN, "gunicorn"), "--bind", "fd://%d" % fd, "--config", os.path.join(driven.HERE, "gunicorn.conf.py"),
            "--worker-tmp-dir", "/dev/shm", "--no-control-socket", "wsgi_shop:application"]


def wsgi(run):
    with Server(run, gunicorn) as server:
        for path in ("/", "/fail", "/stream", "/file", "/"):
            server.ask(path)


def silent(run):
    with Server(run, gunicorn) as server:
        server.ask("/hang")
        server.ask("/")


def uvicorn(name):
    def drive(run):
        command = lambda fd: [sys.executable, "-m", "uvicorn", "--fd", str(fd), "--no-access-log", name]
        with Server(run, command) as server:
            for path in ("/", "/fail", "/stream", "/missing", "/"):
                server.ask(path)

    return drive


DOORS = {
    "wsgi": ("gunicorn", wsgi),
    "gunicorn": ("gunicorn", silent),
    "asgi": (("starlette", "uvicorn"), uvicorn("asgi_shop:starlette")),
    "fastapi": (("fastapi", "uvicorn"), uvicorn("asgi_shop:api")),
}
