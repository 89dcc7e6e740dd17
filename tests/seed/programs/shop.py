"""A module of the program; it imports a second one."""
import stock

RATE = 3
TILL = ["till"]


class Counter:
    """Counts."""

    limit = 5

    def __init__(self, start=0):
        self.value = start

    def step(self, by=1):
        self.value += by
        return self.value


def price(number: int, factor=RATE, *, unit="piece") -> int:
    """What some cost."""
    return stock.count(number) * factor


price.checked = ["by hand"]


def refusing(number):
    return REFUSES, number


class Refusing:
    def __reduce_ex__(self, protocol):
        import stage
        stage.called("Refusing.__reduce_ex__")
        raise TypeError("refuses")

    def __init__(self):
        self.kept = ["inside"]


REFUSES = Refusing()
