"""An option of the suite's own: known only where pytest takes the folder after ``--heapsake`` for what it is, a test."""


def pytest_addoption(parser):
    parser.addoption("--own", action="store_true")
