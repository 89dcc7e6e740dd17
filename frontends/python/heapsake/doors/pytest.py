"""pytest: each failing test leaves a dump that is named after it; also collection, set-up and teardown, and tests that hang.

Outcomes and exit status stay as they are.  A dump is made while the report is, so that the report takes its path along: to the
terminal, to junit's XML, from a worker of xdist to the controller.
"""
import bdb
import contextlib
import os
import shlex
import tempfile
import time

import pytest

from .._fingerprint import set_trace, trace_of
from .._interrupted import is_of_handler
from .._keeping import Keeper, kept, sentence
from .._template import PID, TIME
from ._door import SIGNAL_SECONDS
from ._names import shown, stem
from ._pytest_options import AT_MOST, FOLDER

#: the section of a report, and the property in junit's XML
SECTION = "heapsake dump"
PROPERTY = "heapsake"


def register(config):
    """Puts the plugin to work; what is in the way of it is told in the summary, and nothing else happens."""
    try:
        from .. import _native

        _native()
        settings = _from_controller(config) or _settings(config)
    except Exception as problem:
        config.pluginmanager.register(Idle("%s" % problem), "heapsake-idle")
        return
    plugin = Plugin(config, settings)
    config.pluginmanager.register(plugin, "heapsake-dumps")
    if settings["timeout"]:
        from ._pytest_timeout import Watch

        config.pluginmanager.register(Watch(plugin, settings["timeout"]), "heapsake-timeout")
    if config.pluginmanager.hasplugin("xdist") and not hasattr(config, "workerinput"):
        from ._pytest_xdist import Controller

        config.pluginmanager.register(Controller(plugin), "heapsake-xdist")


def _from_controller(config):
    return getattr(config, "workerinput", {}).get("heapsake")


def _settings(config):
    option = config.option
    if option.heapsake:
        folder = os.path.join(str(config.invocation_params.dir), option.heapsake)
    else:
        folder = os.path.join(str(config.rootpath), config.getini("heapsake") or FOLDER)
    at_most, timeout = option.heapsake_at_most, option.heapsake_timeout
    if at_most is None:
        at_most = _number(config, "heapsake_at_most", int) or AT_MOST
    if timeout is None:
        timeout = _number(config, "heapsake_timeout", float)
    folder = os.path.abspath(folder)
    made = not os.path.isdir(folder)
    os.makedirs(folder, exist_ok=True)
    slots = tempfile.mkdtemp(prefix="heapsake-")
    return {"folder": folder, "at_most": at_most, "timeout": timeout, "slots": slots, "run": os.path.basename(slots)[9:],
            "since": time.time() - 1, "made": made}


def _number(config, name, kind):
    text = str(config.getini(name) or "").strip()
    if not text:
        return None
    try:
        number = kind(text)
        if not 0 < number < 1e9:
            raise ValueError
    except ValueError:
        raise ValueError("%s = %s is no number above 0" % (name, text)) from None
    return number


class Idle:
    """In the place of the plugin where it cannot work."""

    def __init__(self, why):
        self.why = " ".join(why.split())

    def pytest_terminal_summary(self, terminalreporter):
        terminalreporter.write_line("heapsake: no dumps of failing tests: %s" % shown(self.why))


class Plugin:
    """Makes the dumps, and lists them."""

    def __init__(self, config, settings):
        self.config, self.settings = config, settings
        workerinput = getattr(config, "workerinput", None)
        self.worker = workerinput["workerid"] if workerinput is not None else None
        #: what the summary lists: a node id and a path, in order
        self.listed = []
        self.problems = []
        # a test that leaves by ``sys.exit`` has failed; Ctrl-C ends the run
        self.keeper = Keeper(settings["folder"], once=False, quiet=True, ignore=KeyboardInterrupt)
        # what the keeper says, where there is no dump, goes to the summary
        self.said = []
        self.keeper.say = self.said.append
        self.watched = self._watch()

    def _watch(self):
        """A signal that this process dies of leaves a dump too, under a name that tells of the worker."""
        from .. import _native, _signals

        try:
            who = "-%s" % self.worker if self.worker else ""
            # the number of this run does not count: no other tells what ended a worker
            limits = _native().Limits("crash-%s%s-%s-%s" % (self.settings["run"], who, PID, TIME))
            _signals.watch(_native(), self.settings["folder"], SIGNAL_SECONDS, {}, limits)
        except Exception as problem:
            self.problems.append("a process that a signal ends: %s" % problem)
            return False
        return True

    # -- dumps

    def dump(self, exception, node_id, reason, behind=""):
        """The path of a dump of the exception, or None: then there is none to be had."""
        # pytest raises the exception of a fixture again for each test that wants it, and tests may have doors of their own
        path = kept(exception)
        if path is not None:
            return path
        return self.keep(exception, reason, self.name(node_id, behind))

    def keep(self, exception, reason, name, **more):
        """A dump, if the run may make another."""
        if not self._slot():
            self._claim("left-out", os.O_APPEND | os.O_WRONLY, b".")
            return None
        del self.said[:]
        path = self.keeper.keep(exception, reason=reason, name=name, **more)
        if path is None:
            self.problems.extend(self.said)
        return path

    def name(self, node_id, behind=""):
        return stem(node_id) + behind + ("-%s" % self.worker if self.worker else "")

    def _slot(self):
        """One of the dumps that the run may make, which its workers share."""
        return any(self._claim("dump-%d" % number) for number in range(self.settings["at_most"]))

    def _claim(self, name, flags=os.O_EXCL, text=b""):
        """Whether the file was to be had; where there is no such folder, as on another machine, everything is."""
        try:
            handle = os.open(os.path.join(self.settings["slots"], name), os.O_CREAT | flags)
        except FileExistsError:
            return False
        except OSError:
            return True
        try:
            os.write(handle, text) if text else None
        finally:
            os.close(handle)
        return True

    def left_out(self):
        """How many dumps there are none of, as there are enough."""
        try:
            return os.stat(os.path.join(self.settings["slots"], "left-out")).st_size
        except OSError:
            return 0

    @contextlib.contextmanager
    def harmless(self, what):
        """What goes wrong about a dump is told in the summary, and never to pytest: that would be an internal error."""
        try:
            yield
        except Exception as problem:
            if is_of_handler(problem):
                raise
            self.problems.append("no dump of %s: %s" % (what, sentence(problem, True)))

    # -- hooks: another plugin's error, which would be raised where we ask for the result, is pytest's to tell

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item, call):
        outcome = yield
        if outcome.excinfo is None:
            with self.harmless(item.nodeid):
                self.made_report(item, call, outcome.get_result())

    def made_report(self, item, call, report):
        if not (report.failed and _counts(call, report)):
            return
        # pytest-timeout stops its timer when it is told of the failure; it would end what runs longer with a dump
        stop = getattr(item.ihook, "pytest_timeout_cancel_timer", None)
        if stop is not None:
            stop(item=item)
        behind = "" if call.when == "call" else "-%s" % call.when
        phase = "%s of " % _PHASES[call.when] if call.when in _PHASES else ""
        path = self.dump(_exception(call), item.nodeid, "%s%s failed" % (phase, item.nodeid), behind)
        if path is not None:
            self.tell(report, item, path)

    def tell(self, report, item, path):
        report.sections.append((SECTION, path))
        report.user_properties.append((PROPERTY, path))
        if report.when != "teardown":
            # junit takes them from the report of the teardown, which is made of these
            item.user_properties.append((PROPERTY, path))

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_make_collect_report(self, collector):
        outcome = yield
        if outcome.excinfo is None:
            with self.harmless(collector.nodeid):
                self.made_collect_report(collector, outcome.get_result())

    def made_collect_report(self, collector, report):
        call = getattr(report, "call", None)
        if not (report.failed and call is not None and _counts(call, report)):
            return
        exception = _exception(call)
        if isinstance(exception, collector.CollectError) and exception.__cause__ is not None:
            exception = exception.__cause__
        # each worker collects everything
        if self.worker and not self._claim("collect-" + stem(collector.nodeid)):
            return
        path = self.dump(exception, collector.nodeid, "collection of %s failed" % collector.nodeid, "-collect")
        if path is not None:
            report.sections.append((SECTION, path))
            if self.worker:
                # the controller knows of the report that came first, which may be that of another worker
                self.listed.append((collector.nodeid, path))

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excinfo):
        with self.harmless("an internal error of pytest"):
            path = self.dump(excinfo.value, "internal-error", "internal error of pytest")
            if path is not None:
                self.listed.append(("internal error", path))

    def pytest_runtest_logreport(self, report):
        self._list(report)

    def pytest_collectreport(self, report):
        self._list(report)

    def _list(self, report):
        if self.worker is None:
            for name, path in report.sections:
                if name == SECTION:
                    self.list(report.nodeid, path)

    def list(self, node_id, path):
        if (node_id, path) not in self.listed:
            self.listed.append((node_id, path))

    def pytest_sessionfinish(self, session):
        if self.worker is not None:
            self.config.workeroutput["heapsake"] = {"problems": self.problems, "listed": self.listed}

    def pytest_terminal_summary(self, terminalreporter):
        left_out = self.left_out()
        if not (self.listed or left_out or self.problems):
            return
        count, folder = len({path for _, path in self.listed}), self.near(self.settings["folder"])
        terminalreporter.write_sep("=", "%d dump%s in %s" % (count, "" if count == 1 else "s", shown(folder)))
        for node_id, path in self.listed:
            terminalreporter.write_line("%s" % shown(node_id))
            terminalreporter.write_line("    heapsake debug %s" % shown(shlex.quote(self.near(path))))
        if left_out:
            terminalreporter.write_line("%d more without a dump, as there are %d: --heapsake-at-most N keeps more"
                                        % (left_out, self.settings["at_most"]))
        for problem in self.problems:
            terminalreporter.write_line(shown(" ".join(problem.split())))

    def near(self, path):
        """As short as it can be typed here."""
        here = str(self.config.invocation_params.dir)
        return os.path.relpath(path, here) if path.startswith(here + os.sep) else path

    def pytest_unconfigure(self):
        if self.watched:
            from . import _door

            with self.harmless("signals"):
                _door.unwatch()
        if self.worker is None:
            import shutil

            shutil.rmtree(self.settings["slots"], ignore_errors=True)
            try:
                # one that was there is somebody's
                if self.settings["made"]:
                    os.rmdir(self.settings["folder"])
            except OSError:
                pass  # there are dumps


_PHASES = {"setup": "set-up", "teardown": "teardown"}


def _counts(call, report):
    """As pytest asks before it calls ``pytest_exception_interact``."""
    from _pytest.outcomes import Skipped

    return call.excinfo is not None and not hasattr(report, "wasxfail") and not isinstance(call.excinfo.value, (Skipped, bdb.BdbQuit))


def _exception(call):
    exception = call.excinfo.value
    if trace_of(exception) is None:
        set_trace(exception, call.excinfo.tb)
    return exception
