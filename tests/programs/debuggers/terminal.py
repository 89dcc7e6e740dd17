"""Debuggers on a terminal of their own, keys typed: ``terminal.py pdb|ipdb|ipython|pudb FILE``; pexpect types, pyte is the screen."""
import os
import re
import sys
import tempfile
import time

import pexpect
import pyte

PATIENCE = int(os.environ.get("HEAPSAKE_TEST_PATIENCE", "90"))


class Terminal:
    def __init__(self, arguments):
        self.home = tempfile.TemporaryDirectory()
        settings = os.path.join(self.home.name, "pudb")
        os.mkdir(settings)
        with open(os.path.join(settings, "pudb.cfg"), "w") as file:
            file.write("[pudb]\nseen_welcome = e999\nprompt_on_quit = False\n")
        environment = dict(os.environ, TERM="xterm", HOME=self.home.name, XDG_CONFIG_HOME=self.home.name, PROMPT_TOOLKIT_NO_CPR="1")
        environment.pop("IPYTHONDIR", None)
        self.program = pexpect.spawn(sys.executable, arguments, env=environment, encoding="utf-8", timeout=PATIENCE, dimensions=(40, 150))
        self.said, self.screen = "", pyte.Screen(150, 40)
        self.stream = pyte.Stream(self.screen)

    def type(self, keys, wanted):
        """Types keys and waits for what the program then writes."""
        self.program.send(keys)
        self.until(wanted)

    def until(self, wanted):
        self.program.expect(wanted)

    def shows(self, wanted):
        """Waits until the screen shows a text."""
        until = time.monotonic() + PATIENCE
        while not any(wanted in line for line in self.screen.display):
            if time.monotonic() > until:
                raise AssertionError("no %r on the screen:\n    %s" % (wanted, "\n    ".join(line.rstrip() for line in self.screen.display)))
            try:
                self.stream.feed(self.program.read_nonblocking(4096, 0.5))
            except pexpect.TIMEOUT:
                pass

    def ends(self):
        self.program.expect(pexpect.EOF)
        self.program.close()
        if self.program.exitstatus != 0:
            raise AssertionError("it ended with %s, %s" % (self.program.exitstatus, self.program.signalstatus))


def debug(name, path):
    return ["-I", "-m", "heapsake", "debug", "--with", name, "--", path]


def pdb(path):
    shown = Terminal(debug("pdb", path))
    shown.until(r"\(Pdb\) ")
    # what is typed is completed: a name, an attribute, a key
    shown.type("p orde\t.pri\t\r", r"5\r\n.*?\(Pdb\) ")
    # readline closes the quotation but not the bracket, the prompt of 3.15 gets both from us
    shown.type('p prices["app\t%s\r' % ("" if sys.version_info >= (3, 15) else "]"), r"3\r\n.*?\(Pdb\) ")
    shown.type("refs pric\t\r", "held by")
    shown.type("q\r", pexpect.EOF)


def ipdb(path):
    shown = Terminal(debug("ipdb", path))
    shown.until("raise")
    shown.until("ipdb>")
    shown.type("p big[:2]\r", r"\[0, 1\]")
    # a name of which there is one is completed at once
    shown.type("p pric\t", "es")
    shown.type("\r", r"\{'apple': 3, 'pear': 4\}")
    shown.type("thread worker-1\r", "worker-1|wait")
    shown.type("threads\r", "suspended without a task")
    shown.type("q\r", pexpect.EOF)
    shown.ends()


def ipython(path):
    shown = Terminal(["-I", "-m", "IPython", "--no-banner", "--no-confirm-exit", "--colors=NoColor"])
    shown.until(r"In \[")
    shown.type("%load_ext heapsake\r", r"In \[.*?2")
    shown.type("%%heapsake %s\r" % path, "Dump .*?objects>")
    shown.until(r"In \[")
    shown.type("%debug\r", "MainThread .*?frames")
    shown.until("ipdb>")
    shown.type("p order.price + 1\r", r"6\r")
    shown.type("threads\r", "suspended without a task")
    shown.type("q\r", r"In \[.*?4")
    # an exception of the session itself is opened as ever
    shown.type("1 / 0\r", "division by zero")
    shown.until(r"In \[.*?5")
    shown.type("%debug\r", "ipython-input|<module>|Cell")
    shown.until("ipdb>")
    shown.type("p 6 * 7\r", r"42\r")
    shown.type("q\r", r"In \[.*?6")
    shown.type("dump.threads[0].frames[-1].function\r", "handle")
    shown.type("%heapsake /nothing/there\r", "UsageError.*?there")
    shown.type("%heapsake\r", "UsageError.*?usage: %heapsake")
    shown.type("%%heapsake --debug --thread worker-1 %s\r" % path, "worker-1 .*?frames")
    shown.until("ipdb>")
    shown.type("up 2\r", "stop.wait")
    shown.type("q\r", r"In \[")
    shown.type("import heapsake, pdb; x = heapsake.set_last(dump); pdb.pm()\r", r"\(Pdb\)")
    shown.type("p order.price + 2\r", r"7\r")
    shown.type("q\r", r"In \[")
    shown.type("exit\r", pexpect.EOF)
    shown.ends()


def pudb(path):
    shown = Terminal(debug("pudb", path))
    shown.shows("Program Terminated for Uncaught Exception")
    shown.program.send("\r")
    shown.shows("POST-MORTEM MODE")
    for text in (">> handle", "main ", "big: list (100000)", "raise ValueError", "AttributeError as problem"):
        shown.shows(text)
    if any("\x1b" in line or "\x07" in line for line in shown.screen.display):
        raise AssertionError("what a terminal acts on is on the screen")
    shown.program.send("c")
    shown.shows("Can't modify state")
    shown.program.send("\r")
    shown.program.send("q")
    shown.ends()


def main():
    name, path = sys.argv[1:]
    try:
        globals()[name](path)
    except (AssertionError, pexpect.ExceptionPexpect) as problem:
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", str(problem))
        print("PROBLEM %s on %s: %s" % (name, path, text[-3000:].replace("\n", "\n    ")))
    print("checked 1")


if __name__ == "__main__":
    main()
