"""Tests that hang: a thread of native code dumps the process when a test has run for too long, also where the main thread is in C.

The test runs on.  What ends it from outside, pytest-timeout or a runner's patience, comes after the dump where it has more seconds.
"""
import glob
import os
import time

import pytest

from .._template import ENDING, PID, TIME
from . import asked
from ._names import shown, stem
from .pytest import PROPERTY, SECTION


def found(folder, node_id, worker, since):
    """Dumps of a test that hung, made since then: by this process or one that is gone."""
    name = _name(node_id, worker)
    paths = glob.glob(os.path.join(glob.escape(folder), glob.escape(name) + "*" + ENDING))
    return sorted(path for path in paths if _since(path) >= since)


def _since(path):
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0  # gone meanwhile


def _name(node_id, worker):
    return stem(node_id) + "-timeout" + ("-%s" % worker if worker else "")


class Watch:
    """Beside the plugin, where there is a time."""

    def __init__(self, plugin, seconds):
        self.plugin, self.seconds = plugin, seconds
        #: when the test that runs was begun
        self.since = 0
        # while a test runs, what is written to stderr is its own
        try:
            self.stderr = os.dup(2) if plugin.worker is None else None
        except OSError:
            self.stderr = None  # a program without one

    def reason(self, node_id):
        return "%s still runs after %g s" % (node_id, self.seconds)

    def arm(self, node_id):
        native = asked._native()
        # the clocks of file systems are coarser than ours
        self.since = time.time() - 1

        def keep(_):
            path = self.plugin.keep(False, self.reason(node_id), _name(node_id, self.plugin.worker), thread="", options={"thread": os.getpid()})
            if path is not None and self.stderr is not None:
                self.say("heapsake: %s; saved to %s" % (shown(self.reason(node_id)), shown(path)))

        # without the interpreter lock the name has process and time behind it
        limits = native.Limits("%s-%s-%s" % (_name(node_id, self.plugin.worker), PID, TIME))
        answer = native.answer(keep, asked.PATIENCE, self.plugin.settings["folder"], limits, True)
        native.ask_after(answer, float(self.seconds), False, self.reason(node_id))

    def say(self, line):
        try:
            os.write(self.stderr, ("\n%s\n" % line).encode("utf-8", "backslashreplace"))
        except OSError:
            pass

    def disarm(self):
        asked._native().ask_after()

    # -- hooks

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item):
        try:
            self.arm(item.nodeid)
        except Exception as problem:
            self.plugin.problems.append("%s is not watched: %s" % (item.nodeid, problem))
            yield
            return
        try:
            yield
        finally:
            self.disarm()

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_runtest_makereport(self, item, call):
        outcome = yield
        if outcome.excinfo is not None or call.duration < self.seconds and time.time() - self.since < self.seconds:
            return
        report = outcome.get_result()
        known = {path for name, path in report.sections if name == SECTION} | {path for _, path in item.user_properties}
        for path in found(self.plugin.settings["folder"], item.nodeid, self.plugin.worker, self.since):
            if path not in known:
                report.sections.append((SECTION, path))
                report.user_properties.append((PROPERTY, path))
                item.user_properties.append((PROPERTY, path))

    def pytest_enter_pdb(self):
        self.disarm()

    @pytest.hookimpl(tryfirst=True)
    def pytest_exception_interact(self):
        self.disarm()

    def pytest_unconfigure(self):
        if self.stderr is not None:
            os.close(self.stderr)
