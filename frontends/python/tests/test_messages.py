"""What is said of an exception is what `str` says of it, where Python's own classes say it."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import heapsake


def decoding(codec, data):
    return lambda: data.decode(codec)


def encoding(codec, text):
    return lambda: text.encode(codec)


def raising(problem):
    def fail():
        raise problem

    return fail


def written(count):
    problem = BlockingIOError(11, "would block")
    problem.characters_written = count
    return raising(problem)


def grouped(count):
    def fail():
        raise ExceptionGroup("some failed", [ValueError(number) for number in range(count)])

    return fail


FAILURES = [
    decoding("utf-8", b"\xff"),
    decoding("utf-8", b"abc\xe4\xb8"),
    decoding("ascii", b"a" * 70000 + b"\x80"),
    encoding("ascii", "caf\xe9"),
    encoding("ascii", "\udce9\u4e2d"),
    encoding("latin-1", "\udcff\U0001f600x"),
    encoding("utf-8", "two \udc80\udc81"),
    encoding("ascii", "\u4e2d"),
    lambda: os.rename("/nonexistent/a", "/nonexistent/b"),
    lambda: open("/nonexistent/a"),
    lambda: compile("a = (", "some/file.py", "exec"),
    lambda: {}["key"],
    lambda: int("x"),
    lambda: "text".missing,
    lambda: exec("from os import nothing_like_it"),
    raising(OSError("disk says no")),
    raising(OSError()),
    raising(TimeoutError("timed out")),
    raising(ConnectionResetError(104, "Connection reset by peer")),
    raising(ImportError("no such name", name="some.module")),
    raising(StopIteration(7)),
    raising(SyntaxError("odd")),
    written(3),
]
if sys.version_info >= (3, 11):
    FAILURES += [grouped(1), grouped(2)]


class Messages(unittest.TestCase):
    def test_messages_are_those_of_str(self):
        with tempfile.TemporaryDirectory() as folder:
            for number, fail in enumerate(FAILURES):
                path = os.path.join(folder, "%d.heapsake" % number)
                try:
                    fail()
                except Exception as problem:
                    heapsake.dump(path, problem)
                    raised, expected = problem, str(problem)
                else:
                    self.fail("%d does not fail" % number)
                said = subprocess.run([sys.executable, "-m", "heapsake", "--json", path], stdout=subprocess.PIPE, check=True).stdout
                message = json.loads(said.decode())["exceptions"][0]["message"]
                with self.subTest(expected[-80:]):
                    rebuilt = heapsake.load(path).exception.rebuild()
                    self.assertEqual((type(rebuilt).__name__, str(rebuilt)), (type(raised).__name__, expected))
                    for name in ("errno", "strerror", "filename", "filename2", "characters_written", "name", "value", "start", "lineno",
                                 "end_lineno", "end_offset", "obj", "name_from"):
                        self.assertEqual(getattr(rebuilt, name, "none"), getattr(raised, name, "none"), name)
                    # Long ones are cut, and an unpaired surrogate is none of JSON's.
                    self.assertEqual(message.encode("utf-8", "replace"), expected.encode("utf-8", "replace"))


if __name__ == "__main__":
    unittest.main()
