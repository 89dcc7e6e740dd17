"""When a test of this suite has hung for long enough: with a door when its dump is there, whose time is the plugin's; else at once.

pytest-timeout ends ``test_stuck`` as it would when its time is over, at that moment.
"""
import glob
import os
import threading
import time

import pytest


def has_hung(name):
    """Whether the test need not hang any longer."""
    folder = os.environ.get("SHOP_DUMPS")
    return folder is None or bool(glob.glob(os.path.join(glob.escape(folder), "*%s-timeout*.heapsake" % name)))


def until_hung(name):
    while not has_hung(name):
        time.sleep(0.01)


@pytest.fixture
def hung(request):
    return lambda: has_hung(request.node.name)


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item, settings):
    if item.name != "test_stuck":
        return None
    import pytest_timeout

    def end():
        item.module.stuck.wait()
        until_hung(item.name)
        pytest_timeout.timeout_timer(item, settings)

    threading.Thread(target=end, daemon=True).start()
    return True


if __name__ == "__main__":
    import sys

    until_hung(sys.argv[1])
