"""An option of the suite's own: known only where pytest takes the folder after ``--heapsake`` for what it is, a test."""

import glob

import pytest


def pytest_addoption(parser):
    parser.addoption("--own", action="store_true")
    parser.addoption("--broken", action="store_true")
    parser.addoption("--faulty", choices=["test", "collection"])


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_timeout_cancel_timer(item):
    """pytest-timeout's timer is stopped: the first time before there is a dump."""
    if not hasattr(item.config, "stopped"):
        item.config.stopped = glob.glob(str(item.config.rootpath / "*" / "*.heapsake"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item):
    """Another plugin has a fault."""
    if item.config.getoption("--faulty") == "test":
        raise OverflowError("of another plugin")


@pytest.hookimpl(tryfirst=True)
def pytest_make_collect_report(collector):
    if collector.config.getoption("--faulty") == "collection":
        raise OverflowError("of another plugin")


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.write_line("timer stopped with %d dumps" % len(config.stopped))


def pytest_collection_finish(session):
    """The door itself has a fault."""
    if session.config.getoption("--broken"):
        session.config.pluginmanager.get_plugin("heapsake-dumps").dump = lambda *_: 1 // 0
