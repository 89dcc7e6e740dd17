"""Cases of files, sockets and streams: T82, T84 to T87. Argument: a folder that it may write to."""
import io
import os
import socket
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stage
from stage import case, say

FOLDER = sys.argv[1]


def made(name, content=b"0123456789abcdef"):
    path = os.path.join(FOLDER, name)
    with open(path, "wb") as file:
        file.write(content)
    return path


def facts_of(file):
    found = os.fstat(file.fileno())
    return {"fd": file.fileno(), "device": found.st_dev, "inode": found.st_ino}


@case
def t82_resources(then):
    path = made("resource.txt", b"first line\nsecond line\n")
    opened = open(path)
    opened.readline()
    closed = open(path)
    closed.close()
    out = sys.__stdout__
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(1)
    left, right = socket.socketpair()
    right.close()
    say(path=path, fd=opened.fileno(), socket=[sock.fileno(), sock.getsockname()[1]], left=left.fileno(), family=int(sock.family), encoding=opened.encoding,
        left_family=int(left.family))
    then()


@case
def t84_types_of_files(then):
    raw, reader, writer, random, text = io.FileIO, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.TextIOWrapper
    then()


@case
def t85_raw_file(then):
    path = made("raw.bin")
    opened = io.FileIO(path)
    opened.read(7)
    opened.name = "changed"
    closed = io.FileIO(path)
    closed.close()
    say(path=path, **facts_of(opened))
    then()


@case
def t86_buffered_files(then):
    path = made("buffered.bin")
    opened, closed, raws = {}, {}, {}
    for name, kind, mode in (("reader", io.BufferedReader, "rb"), ("writer", io.BufferedWriter, "r+b"), ("random", io.BufferedRandom, "r+b")):
        raws[name] = io.FileIO(path, mode)
        opened[name] = kind(raws[name])
        raws["closed " + name] = io.FileIO(path, mode)
        closed[name] = kind(raws["closed " + name])
        closed[name].close()
    opened["reader"].read(7)
    opened["writer"].write(b"WXYZ")
    opened["random"].read(2)
    say(path=path, fds={name: each.fileno() for name, each in opened.items()})
    then()


@case
def t87_text_files(then):
    path = made("text.txt", "caf\xe9\r\nzwei\r\ndrei\r\n".encode("latin-1"))
    raw = open(path, "r+b", buffering=0)
    buffer = io.BufferedRandom(raw)
    text = io.TextIOWrapper(buffer, encoding="iso-8859-1", errors="replace", newline="\r\n", line_buffering=True)
    text.readline()
    closed_buffer = open(path, "rb")
    closed = io.TextIOWrapper(closed_buffer, encoding="iso-8859-1", errors="ignore", newline="\r\n")
    closed.close()
    temporary = tempfile.TemporaryFile(dir=FOLDER)
    temporary.write(b"unflushed")
    say(path=path, fd=text.fileno(), tell=text.tell(), encoding=text.encoding)
    then()


stage.play()
