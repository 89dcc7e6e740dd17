"""A session of `heapsake repl` on a terminal: a prompt that names the place, completion by Tab, history, interruption."""
import os
import pty
import select
import signal
import sys
import time

binary, dump = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    os.environ["TERM"] = "xterm"
    os.execv(binary, [binary, "repl", dump])
seen = b""


def until(wanted, what):
    """Waits for a text, with patience."""
    global seen
    end = time.monotonic() + 60
    while wanted not in seen:
        ready = select.select([terminal], [], [], max(0, end - time.monotonic()))[0]
        if not ready:
            sys.exit("%s: %r did not come, but %r" % (what, wanted, seen))
        try:
            got = os.read(terminal, 65536)
        except OSError:
            got = b""
        if not got:
            sys.exit("%s: it ended before %r: %r" % (what, wanted, seen))
        seen += got
    seen = seen[seen.index(wanted) + len(wanted):]


def until_it_ends():
    """Waits for the end of the session, with patience."""
    end = time.monotonic() + 60
    while True:
        if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
            os.kill(child, signal.SIGKILL)
            sys.exit("it does not end: %r" % seen)
        try:
            if not os.read(terminal, 65536):
                return
        except OSError:
            return


def say(text):
    os.write(terminal, text)


until(b"MainThread work:", "the prompt")
say(b"fir\t")
until(b"first", "a name is completed")
say(b" + 1\r")
until(b"42", "the value")
until(b"work:", "the next prompt")
say(b"many.ind\t")
until(b"index", "a method is completed")
say(b"(7)\r")
until(b"7\r\n", "its value")
until(b"work:", "the next prompt")
say(b"1 +\r")
until(b"SyntaxError", "an error")
until(b"work:", "the prompt after an error")
say(b"half a line\x03")
until(b"work:", "the prompt after an interruption")
say(b":up\r")
until(b"inner:", "another frame in the prompt")
say(b"\x1b[A\x1b[A\x1b[A\r")
until(b"index", "a line of before")
until(b"7\r\n", "its value again")
# A key that comes before the prompt is the terminal's, not the session's.
until(b"inner:", "the last prompt")
say(b"\x04")
until_it_ends()
status = os.waitpid(child, 0)[1]
print("ended with", status)
