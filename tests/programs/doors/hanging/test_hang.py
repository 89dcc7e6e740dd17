"""Tests that take too long: in Python, in C with the interpreter lock, and without an end where ``SHOP_STUCK`` is set."""
import ctypes
import os
import threading

import pytest


def test_fine():
    pass


def test_waits():
    customer = "Grace"
    assert not threading.Event().wait(4), customer


def test_in_c():
    customer = "Grace"
    ctypes.PyDLL(None).usleep(5000000)
    assert customer


@pytest.mark.skipif("SHOP_STUCK" not in os.environ, reason="would never end")
def test_stuck():
    customer = "Grace"
    threading.Event().wait()
    assert customer
