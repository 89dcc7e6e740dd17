"""A bakery: three ovens and a till, until an order asks for a cake that nobody can bake."""
import collections
import dataclasses
import queue
import threading

RECIPES = {"bread": 3, "cake": 5, "roll": 1}
API_KEY = "sk-not-a-real-key-0123456789abcdefghij"


@dataclasses.dataclass
class Order:
    number: int
    items: list
    customer: str = "somebody"


class Oven(threading.Thread):
    def __init__(self, name, orders):
        super().__init__(name=name, daemon=True)
        self.orders, self.baked = orders, collections.Counter()

    def run(self):
        while True:
            order = self.orders.get()
            for item in order.items:
                self.baked[item] += 1


def price(order, recipes):
    total = 0
    for item in order.items:
        minutes = recipes[item]
        total += minutes * 2
    return total


def till(orders):
    takings = collections.OrderedDict()
    for number in range(1000):
        order = Order(number, ["bread", "roll"] * (number % 4), "customer %d" % number)
        if number == 743:
            order.items.append("wedding cake")
        takings[order.number] = price(order, RECIPES)
        orders.put(order)
    return takings


def main():
    orders = queue.Queue()
    ovens = [Oven("oven-%d" % number, orders) for number in range(3)]
    for oven in ovens:
        oven.start()
    till(orders)


if __name__ == "__main__":
    main()
