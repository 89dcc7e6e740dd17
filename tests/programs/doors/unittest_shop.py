"""Tests of the shop: each way to fail, and what is none."""
import unittest

import shop


class Order(unittest.TestCase):
    def test_fine(self):
        self.assertEqual(shop.total({"lines": [("tea", 1)]}), 320)

    def test_order(self):
        shop.checkout("Grace")

    def test_wrong(self):
        customer = "Grace"
        self.assertEqual(customer, "Ada")

    def test_parts(self):
        customer = "Grace"
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1, customer)

    def test_leaving(self):
        customer = "Grace"
        raise SystemExit(len(customer))

    @unittest.expectedFailure
    def test_expected(self):
        shop.checkout("Grace")

    def test_skipped(self):
        self.skipTest("not today")


class Closed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shop.checkout("Grace")

    def test_never(self):
        pass
