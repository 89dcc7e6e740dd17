"""Tests that take too long: in Python, in C with the interpreter lock, and without an end where ``SHOP_STUCK`` is set.

Where there is no door, nobody waits for a dump, and the first two take no time.
"""
import ctypes
import glob
import os
import threading

import pytest

DUMPS = os.environ.get("SHOP_DUMPS")


def test_fine():
    pass


def test_waits():
    customer = "Grace"
    while DUMPS and not glob.glob(os.path.join(DUMPS, "*test_waits-timeout*.heapsake")):
        threading.Event().wait(0.05)
    assert customer


def test_in_c():
    customer = "Grace"
    # the watch gives the interpreter lock a second, and then goes without
    ctypes.PyDLL(None).usleep(4500000 if DUMPS else 0)
    assert customer


@pytest.mark.skipif("SHOP_STUCK" not in os.environ, reason="would never end")
def test_stuck():
    customer = "Grace"
    threading.Event().wait()
    assert customer
