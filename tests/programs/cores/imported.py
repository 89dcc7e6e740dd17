"""Types of C that the main module has imported by their names, and much data; then it waits to be killed."""
import os
from array import array
from collections import OrderedDict, defaultdict, deque
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from io import BytesIO, StringIO
from itertools import chain, count
from threading import Lock
from types import MappingProxyType


class Order:
    def __init__(self, number):
        self.number, self.total = number, number * 1.5


def work():
    when, day, span, price = datetime(2024, 2, 29, 12, 30), date(2020, 1, 2), timedelta(3, 4), Decimal("19.99")
    queue, ordered, defaults = deque([1, 2, 3]), OrderedDict(a=1), defaultdict(list, {1: [2]})
    partly, numbers, counted, chained = partial(Order, 7), array("i", [5, 6]), count(42), chain([1], [2])
    raw, text, lock, proxy = BytesIO(b"bytes"), StringIO("text"), Lock(), MappingProxyType({"p": 1})
    orders = [Order(number) for number in range(60000)]
    os.write(1, b"ready\n")
    os.read(0, 1)
    return orders


work()
