"""Fixtures that fail before a test and after it, and a test that its process dies of."""
import ctypes
import os

import pytest
import shop


@pytest.fixture(scope="module")
def till():
    shop.checkout("Grace")


def test_till(till):
    pass


def test_till_again(till):
    pass


@pytest.fixture
def closing():
    yield
    shop.checkout("Grace")


def test_closing(closing):
    pass


@pytest.mark.skipif("SHOP_CRASH" not in os.environ, reason="would end the process")
def test_crash():
    order = {"customer": "Grace", "number": 4711}
    ctypes.string_at(0)
    assert order
