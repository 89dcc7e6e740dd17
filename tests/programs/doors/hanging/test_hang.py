"""Tests that take too long: in Python, in C with the interpreter lock, and without an end where ``SHOP_STUCK`` is set."""
import ctypes
import os
import subprocess
import sys
import threading

import pytest

#: that ``test_stuck`` has begun
stuck = threading.Event()


def test_fine():
    pass


def test_waits(hung):
    customer = "Grace"
    while not hung():
        assert not threading.Event().wait(0.01), customer


def test_in_c():
    customer = "Grace"
    interval = sys.getswitchinterval()
    # the lock is not given back between two calls of C code either
    sys.setswitchinterval(1000)
    code = os.path.join(os.path.dirname(__file__), "conftest.py")
    with subprocess.Popen([sys.executable, code, "test_in_c"], stdout=subprocess.PIPE) as other:
        # until the other has ended
        assert ctypes.PyDLL(None).read(other.stdout.fileno(), ctypes.create_string_buffer(1), 1) == 0
    sys.setswitchinterval(interval)
    assert customer


@pytest.mark.skipif("SHOP_STUCK" not in os.environ, reason="would never end")
def test_stuck():
    customer = "Grace"
    stuck.set()
    threading.Event().wait()
    assert customer
