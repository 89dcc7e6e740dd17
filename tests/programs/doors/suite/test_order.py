"""Tests that fail, and what is no failure."""
import unittest

import pytest
import shop

LONG = "x" * 300


@pytest.mark.parametrize("name, count", [("spoon", 4), ("tea", 1), ("a/b\n;'\"", 2), ("Löffel 匙", 1)])
def test_price(name, count):
    basket = {"customer": "Grace", "lines": [(name, count)]}
    assert shop.total(basket) == 320


@pytest.mark.parametrize("name", [1, 2], ids=[LONG + "-1", LONG + "-2"])
def test_long(name):
    customer = "Grace"
    assert not name, customer


def test_ünïcode_匙():
    customer = "Grace"
    assert not customer


def test_leaving():
    customer = "Grace"
    raise SystemExit(len(customer))


@pytest.mark.xfail
def test_expected():
    shop.checkout("Grace")


@pytest.mark.xfail(strict=True)
def test_unexpected():
    pass


def test_skipped():
    pytest.skip("not today")


def test_fine():
    print("printed")


class TestOld(unittest.TestCase):
    def test_case(self):
        shop.checkout("Grace")

    @unittest.skip("not today")
    def test_left(self):
        pass
