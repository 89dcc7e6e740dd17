"""An option of the suite's own: known only where pytest takes the folder after ``--heapsake`` for what it is, a test."""


def pytest_addoption(parser):
    parser.addoption("--own", action="store_true")
    parser.addoption("--broken", action="store_true")


def pytest_collection_finish(session):
    """The door itself has a fault."""
    if session.config.getoption("--broken"):
        session.config.pluginmanager.get_plugin("heapsake-dumps").dump = lambda *_: 1 // 0
